//! The use cases: load a site, evaluate plans, run a review session, record. The command line (`cli`) parses arguments
//! and calls these.

pub(crate) mod audit;
pub(crate) mod evaluation;
pub(crate) mod execution;
pub(crate) mod io;
pub mod plans;
pub(crate) mod present;
pub(crate) mod record;
pub(crate) mod session;
pub mod site;
