//! `review schema`: prints the JSON Schema derived from the code.

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
    /// What `review log report --format json` writes.
    LogReport,
    /// A line of `review log events --format json`.
    LogEvent,
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
            Of::LogReport => serde_json::to_value(crate::report::render::audit::schema())?,
            Of::LogEvent => serde_json::to_value(crate::report::render::events::schema())?,
        };
        streams::data(&format!("{}\n", serde_json::to_string_pretty(&schema)?))?;
        Ok(ExitCode::Passes)
    }
}
