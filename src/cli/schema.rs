//! `review schema`: prints the JSON Schema derived from the code.

use clap::{Args, ValueEnum};

use crate::app::io::streams;
use crate::decision::exit::ExitCode;
use crate::{plan, snapshot};

/// Print the JSON Schema of a file format.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The file format.
    of: Of,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    /// The change plan.
    Plan,
    /// The snapshot.
    Snapshot,
    /// The result of a command with `--format json`.
    Report,
    /// The bundle of `review export`.
    Bundle,
    /// The result of `review log report --format json`.
    LogReport,
    /// A line of `review log events --format json`.
    LogEvent,
    /// A line of `review gate --events FILE`.
    GateEvent,
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
            Of::GateEvent => serde_json::to_value(crate::report::render::events::gate_schema())?,
            Of::LogEvent => serde_json::to_value(crate::report::render::events::schema())?,
        };
        streams::data(&format!("{}\n", serde_json::to_string_pretty(&schema)?))?;
        Ok(ExitCode::Passes)
    }
}
