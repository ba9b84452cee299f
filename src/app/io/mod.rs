//! Input and output: standard streams, files, git, progress and templates.

pub mod command_error;
pub mod files;
pub mod format;
pub mod git;
pub mod progress;
pub mod staged;
pub mod streams;
pub mod template;
