//! The graph of access: coverage, effects, emergent access, escalations, separation of duties, classification. Pure.

mod acting;
pub mod analyse;
mod apply;
mod around;
pub mod between;
mod bits;
mod claims;
pub mod classification;
mod compare;
mod completion;
pub mod coverage;
pub mod data;
mod delta;
pub mod effective;
mod effects;
mod emergent;
pub mod escalation;
pub mod facts;
mod flat;
mod given;
pub mod holdings;
pub mod index;
mod judge;
mod limit;
mod named;
mod names;
mod overbroad;
pub mod pattern;
mod personal;
pub mod question;
mod reach;
mod resolve;
mod rules;
pub mod sod;
mod step;
#[cfg(test)]
mod tests;
mod touch;
mod view;
mod way;

pub use analyse::{Question, TaskScope, analyse};
pub use data::Data;
pub use index::Index;
pub use overbroad::{MayHold, overbroad};
