//! Recorded decisions: read from the log, matched with the changes of today, the rejections among them, exports and freezes.

pub mod exports;
pub mod freezes;
pub mod recall;
pub mod record;
pub mod rejections;
pub(crate) mod supersession;
