//! Recorded decisions: read from the log, matched with the changes of today, and the rejections among them.

pub mod recall;
pub mod record;
pub mod rejections;
pub(crate) mod supersession;
