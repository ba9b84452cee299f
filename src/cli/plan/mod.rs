//! `review plan import` and `review plan from-diff`: change plans from what other tools write.

pub mod check;
pub mod from_diff;
pub mod import;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::app::io::files::shown;
use crate::app::io::format::render;
use crate::app::io::staged::Staged;
use crate::app::io::streams;
use crate::app::plans::drafted::{DraftedPlan, PlanHeader};
use crate::app::site::load::{Faults, Sources};
use crate::decision::exit::ExitCode;
use crate::input::finding::Finding;
use crate::input::time::Time;
use crate::report::render::format::Format;
use crate::report::sentence::counted;

/// Who proposes the plan, and why.
#[derive(Clone, Debug, Default, Args)]
pub struct HeaderArgs {
    /// The proposer of the plan [default: the only agent in agents.yaml].
    #[arg(long, value_name = "ID")]
    pub proposer: Option<String>,
    /// The person for whom it is proposed.
    #[arg(long, value_name = "ID")]
    pub on_behalf_of: Option<String>,
    /// The task that it serves.
    #[arg(long, value_name = "ID")]
    pub task: Option<String>,
    /// Its purpose, in one sentence.
    #[arg(long, value_name = "TEXT")]
    pub intent: Option<String>,
    /// When it expires [default: in 7 days].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub expires: Option<Time>,
    /// Its id [default: made from the digest of the input].
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
}

fn time(word: &str) -> Result<Time, String> {
    Time::parse(word).ok_or_else(|| "write a time such as `2030-11-30T00:00:00Z`".to_owned())
}

impl HeaderArgs {
    /// The header as the use cases take it.
    #[must_use]
    pub fn header(&self) -> PlanHeader {
        PlanHeader {
            id: self.id.clone(),
            proposer: self.proposer.clone(),
            on_behalf_of: self.on_behalf_of.clone(),
            task: self.task.clone(),
            intent: self.intent.clone(),
            expires: self.expires,
        }
    }
}

/// Writes a drafted plan, or says why there is none.
fn finish(
    command: &'static str,
    made: Result<DraftedPlan, Vec<Finding>>,
    output: Option<&PathBuf>,
) -> anyhow::Result<ExitCode> {
    let made = match made {
        Ok(made) => made,
        Err(findings) => {
            note(command, findings, ExitCode::Denied);
            return Ok(ExitCode::Denied);
        }
    };
    let Some(text) = &made.text else {
        streams::note("nothing changes access, so no plan was written");
        return Ok(ExitCode::Passes);
    };
    match output {
        Some(path) => write(path, text)?,
        None => streams::data(text)?,
    }
    if !made.findings.is_empty() {
        note(command, made.findings, ExitCode::Passes);
    }
    let place = output.map(|path| format!(" to `{}`", shown(path))).unwrap_or_default();
    let count = counted(made.changes as u64, "change", "changes");
    streams::note(&format!("wrote a plan with {count}{place}; sign it with `review plan sign`"));
    Ok(ExitCode::Passes)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let written = Staged::write(path, text).and_then(Staged::publish);
    written.with_context(|| format!("`{}` cannot be written", shown(path)))
}

/// Prints findings without the text of the files, which may contain secrets.
fn note(command: &'static str, findings: Vec<Finding>, code: ExitCode) {
    let faults = Faults { findings, sources: Sources::new() };
    let report = crate::app::site::fault_report::faults(command, &faults, code);
    streams::note(render(&report, Format::Text).trim_end());
}
