//! Exports of real systems become snapshots: one folder per system.

pub mod aws;
pub mod azure;
pub mod baton;
pub mod csv;
mod documents;
mod draft;
mod encoding;
pub mod entra;
pub mod gcp;
pub mod github;
mod importer;
pub mod kubernetes;
mod notes;
pub mod okta;
pub mod postgresql;
mod probe;
mod redaction;
mod registry;
pub mod scim;
#[cfg(test)]
mod tests;

pub use encoding::MAX_TEXT;
pub use importer::{Import, Importer, Recognition};
pub use probe::Probe;
pub use redaction::redacted;
pub use registry::{ExportFile, IMPORTERS, ImportOptions, import, importer_of, nearest_system};
