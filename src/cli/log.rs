//! `review log`: shows, proves and merges the log.
//!
//! Prints the sessions and decisions as a table, or the heads. The log is verified before anything is shown.

pub mod change_history;
pub mod events;
pub(crate) mod load;
pub mod merge;
pub mod prove;
pub mod report;
pub(crate) mod show;

use crate::cli::log::load::NO_LOG_YET;
use crate::cli::log::load::load;
use crate::cli::log::show::LogShowArgs;
use crate::cli::shared_args::LocationArgs;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::app::io::format::render;
use crate::app::io::streams;
use crate::app::record::log_reader;
use crate::decision::exit::ExitCode;
use crate::report::render::format::Format;

/// Show, prove, merge and report on the log.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Show who decided what.
    Show(LogShowArgs),
    /// Print the hash of each latest seal, for an auditor to keep.
    Head(LogHeadArgs),
    /// Write a proof of one line, for someone who must not see the rest of the log.
    Prove(prove::ProveArgs),
    /// Merge diverged copies of a log; each session is kept once.
    Merge(crate::cli::log::merge::MergeArgs),
    /// Report who approved what, under which policy, with which result.
    Report(crate::cli::log::report::LogReportArgs),
    /// Write decisions, exports, results and freezes as events for a SIEM.
    Events(crate::cli::log::events::LogEventsArgs),
}

impl LogCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// If the log or the trust folder cannot be read.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Show(page) => page.run(),
            Self::Head(page) => page.run(),
            Self::Prove(page) => page.run(),
            Self::Merge(page) => page.run(),
            Self::Report(page) => page.run(),
            Self::Events(page) => page.run(),
        }
    }
}

/// Prints the hash of every seal that no session follows.
#[derive(Debug, Args)]
pub struct LogHeadArgs {
    /// The log [default: the one of the trust folder].
    path: Option<PathBuf>,
    #[command(flatten)]
    place: LocationArgs,
}

impl LogHeadArgs {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let (path, verified) = match load(self.path.as_ref(), &self.place.location())? {
            Ok(loaded) => loaded,
            Err(report) => {
                streams::data(&render(&report, Format::Text))?;
                return Ok(ExitCode::Failure);
            }
        };
        if !log_reader::is_sound(&path, &verified)? {
            streams::note("error: the log does not verify, so it has no valid head\n  = help: see `review verify LOG`");
            return Ok(ExitCode::BadLog);
        }
        if log_reader::files(&path)?.is_empty() {
            streams::note(NO_LOG_YET);
        }
        let lines: Vec<String> = verified.heads.iter().map(|head| format!("{head}\n")).collect();
        streams::data(&lines.concat())?;
        Ok(ExitCode::Passes)
    }
}
