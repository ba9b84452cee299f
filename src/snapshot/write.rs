//! Writes a snapshot as indented JSON that diffs well, and its JSON Schema. The output keeps the order of the model, and
//! equal models give equal bytes.

use std::io::{self, Write};

use super::model::Snapshot;

/// Writes a snapshot as indented JSON with a final LF.
///
/// # Errors
/// Only if the JSON writer fails; every model has a JSON form.
pub fn write(snapshot: &Snapshot) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = serde_json::to_vec_pretty(snapshot)?;
    out.push(b'\n');
    Ok(out)
}

/// Writes a snapshot in the native format to a file or stream, without a copy of it in memory.
///
/// # Errors
/// If it cannot be written.
pub fn write_to(snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, snapshot)?;
    out.write_all(b"\n")
}

/// The JSON Schema (2020-12) of the native snapshot format.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Snapshot)
}
