//! `review rollback`: the inverse of what was exported, as a plan.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::app::execution::rollback::{RollbackOutcome, RollbackRequest, rollback};
use crate::app::io::files::shown;
use crate::app::io::format::render;
use crate::app::io::staged::Staged;
use crate::app::io::streams;
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::report::render::format::Format;

/// Write a plan that undoes an export. Like any plan, it must be signed and reviewed.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The plan that was exported, or the session that exported it.
    #[arg(value_name = "PLAN|SESSION")]
    of: String,
    /// The proposer of the inverse plan [default: the proposer of the plan].
    #[arg(long, value_name = "ID")]
    proposer: Option<String>,
    /// Write the plan to this file [default: stdout].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    place: LocationArgs,
}

impl RollbackArgs {
    /// Writes the inverse plan.
    ///
    /// # Errors
    /// If nothing was exported, or a file cannot be read or written.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let request =
            RollbackRequest { of: self.of.clone(), place: self.place.location(), proposer: self.proposer.clone() };
        match rollback(&request)? {
            RollbackOutcome::Refused(report, code) => {
                streams::note(render(&report, Format::Text).trim_end());
                Ok(code)
            }
            RollbackOutcome::Plan { text, notes } => {
                match &self.output {
                    Some(path) => Staged::write(path, &text)
                        .and_then(Staged::publish)
                        .with_context(|| format!("`{}` cannot be written", shown(path)))?,
                    None => streams::data(&text)?,
                }
                for note in notes {
                    streams::note(&format!("warning[not-restored]: {note}"));
                }
                Ok(ExitCode::Passes)
            }
        }
    }
}
