//! The outside: standard streams, files, progress and templates.

pub mod files;
pub mod format;
pub mod progress;
pub mod streams;
pub mod template;
