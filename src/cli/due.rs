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

/// List access past its end, access without a decision, approvals never exported, exports never confirmed, and neglected identities.
#[derive(Debug, Args)]
pub struct DueArgs {
    /// The snapshot [default: the one in the trust folder].
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// Report as of this time [default: now].
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Time>,
    /// Also write a plan that revokes access past its end. Like any plan, it must be signed and reviewed.
    #[arg(long, value_name = "OUT")]
    plan: Option<PathBuf>,
    /// The proposer of that plan [default: the only agent in agents.yaml].
    #[arg(long, value_name = "ID", requires = "plan")]
    proposer: Option<String>,
    /// The sponsor of that plan [default: the sponsor of everything that it revokes, if that is one person].
    #[arg(long, value_name = "ID", requires = "plan")]
    on_behalf_of: Option<String>,
    /// The task of that plan [default: the task of everything that it revokes, if that is one task].
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
