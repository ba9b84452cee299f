//! `review due`: what has ended and is still there, and what was decided and not carried through.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::app::execution::due::{DueRequest, due};
use crate::app::io::files::shown;
use crate::app::io::staged::Staged;
use crate::cli::output_args::Writing;
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::input::time::Time;

/// List access that should have ended, approvals that no export used, and exports that nobody confirmed.
#[derive(Debug, Args)]
pub struct DueArgs {
    /// The snapshot [default: that of the trust folder].
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// Answer as of this time [default: now]. It changes no record.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Time>,
    /// Write a plan that revokes what should have ended. Like any plan, it must be signed and reviewed.
    #[arg(long, value_name = "OUT")]
    plan: Option<PathBuf>,
    /// Who proposes that plan [default: the only agent of agents.yaml].
    #[arg(long, value_name = "ID", requires = "plan")]
    proposer: Option<String>,
    /// For whom that plan is proposed [default: for whom everything that it revokes was given, if that is one person].
    #[arg(long, value_name = "ID", requires = "plan")]
    on_behalf_of: Option<String>,
    /// The task of that plan [default: that of everything that it revokes, if that is one].
    #[arg(long, value_name = "ID", requires = "plan")]
    task: Option<String>,
    #[command(flatten)]
    place: LocationArgs,
    #[command(flatten)]
    writing: Writing,
}

fn time(word: &str) -> Result<Time, String> {
    Time::parse(word).ok_or_else(|| "write a time such as `2030-11-30T00:00:00Z`".to_owned())
}

impl DueArgs {
    /// Prints what is due.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        self.writing.finish("due", self.due())
    }

    fn due(&self) -> anyhow::Result<(crate::report::model::Report, ExitCode)> {
        let found = due(&DueRequest {
            place: self.place.location(),
            snapshot: self.snapshot.clone(),
            at: self.at,
            proposer: self.proposer.clone(),
            on_behalf_of: self.on_behalf_of.clone(),
            task: self.task.clone(),
            plan: self.plan.is_some(),
        })?;
        if let (Some(path), Some(text)) = (&self.plan, &found.plan) {
            let written = Staged::write(path, text).and_then(Staged::publish);
            written.with_context(|| format!("`{}` cannot be written", shown(path)))?;
        }
        Ok((found.report, found.code))
    }

    /// Where the result goes.
    #[must_use]
    pub fn writing(&self) -> &Writing {
        &self.writing
    }
}
