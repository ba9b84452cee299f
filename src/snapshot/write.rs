//! A snapshot as a file: JSON that diffs well, and the schema of the format.
//!
//! In: the model. Out: bytes that read back as the same model, the same bytes for the same model. Never reorders.

use super::model::Snapshot;

/// Writes a snapshot as indented JSON with a final LF.
///
/// # Errors
/// None in practice: every model has a JSON form; the writer's own error is passed on all the same.
pub fn write(snapshot: &Snapshot) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = serde_json::to_vec_pretty(snapshot)?;
    out.push(b'\n');
    Ok(out)
}

/// The JSON Schema (2020-12) of the native snapshot format.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Snapshot)
}
