//! `review schema`: the JSON Schema that the code derives.

use clap::{Args, ValueEnum};

use crate::app::io::streams;
use crate::decision::exit::ExitCode;
use crate::{plan, snapshot};

/// Prints the JSON Schema of a file format.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Which file.
    of: Of,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    /// The change plan.
    Plan,
    /// The snapshot.
    Snapshot,
    /// What every command writes with `--format json`.
    Report,
    /// What `review export` writes.
    Bundle,
}

impl SchemaArgs {
    /// Prints it.
    ///
    /// # Errors
    /// If stdout is closed.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let schema = match self.of {
            Of::Plan => serde_json::to_value(plan::schema())?,
            Of::Snapshot => serde_json::to_value(snapshot::schema())?,
            Of::Bundle => serde_json::to_value(crate::report::bundle::schema())?,
            Of::Report => serde_json::to_value(crate::report::render::json::schema())?,
        };
        streams::data(&format!("{}\n", serde_json::to_string_pretty(&schema)?))?;
        Ok(ExitCode::Passes)
    }
}
