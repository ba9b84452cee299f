//! The graph of access: coverage, effects, emergent access, escalations, separation of duties, classification. Pure.

pub mod analyse;
pub(crate) mod chains;
pub(crate) mod change;
mod contents;
pub(crate) mod effective;
pub(crate) mod effects;
pub(crate) mod escalation;
pub(crate) mod graph;
pub(crate) mod matching;
pub(crate) mod model;
pub(crate) mod queries;
pub(crate) mod risk;
#[cfg(test)]
pub(crate) mod tests;

pub use crate::access::analyse::analyse;
pub use crate::access::change::pending::PendingChange;
pub use crate::access::contents::names_made;
pub use crate::access::effects::budget::Budget;
pub use crate::access::effects::request::{AnalysisRequest, TaskScope};
pub use crate::access::graph::index::Index;
pub use crate::access::queries::excess::{MayHold, overbroad};
pub use crate::access::risk::rule_files::Data;
