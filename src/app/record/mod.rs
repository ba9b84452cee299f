//! The log as the use cases read and write it: entries, history, journals, heads and keys.

pub mod entries;
pub mod exported_plan;
pub mod freezes;
pub(crate) mod head_files;
pub mod history;
pub mod journals;
pub mod key_ends;
pub mod log_reader;
pub mod log_source;
pub mod opened;
pub mod receptions;
pub mod recorder;
pub mod seen_heads;
pub mod signed_session;
pub mod signing_keys;
pub mod trusted_heads;
