//! `review diff`: what a plan does to effective access, without policies.
//!
//! Reports gains and losses per change and for the whole plan, with the paths to them.

use std::path::PathBuf;

use clap::Args;

use crate::access::Index;
use crate::app::evaluation::evaluator::Evaluator;
use crate::app::io::streams;
use crate::app::plans::plan_file::PlanFile;
use crate::app::record::log_source;
use crate::app::site::load::Site;
use crate::cli::output_args::Writing;
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::report::build;
use crate::report::limits::Limits;
use crate::report::model::{Body, Report, Reported};
use crate::report::sentence::{Sentence, counted};

/// Show what a plan does to effective access.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The plan.
    plan: PathBuf,
    /// Show all access, without a limit.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    place: LocationArgs,
    #[command(flatten)]
    writing: Writing,
}

impl DiffArgs {
    /// Analyses the plan and prints its effects.
    ///
    /// # Errors
    /// If a file cannot be read or stdout is closed.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        self.writing.finish("diff", self.analyse())
    }

    /// The outputs of the result.
    #[must_use]
    pub fn writing(&self) -> &Writing {
        &self.writing
    }

    fn analyse(&self) -> anyhow::Result<(Report, ExitCode)> {
        let site = match Site::load(&self.place.location())? {
            Ok(site) => site,
            Err(faults) => {
                return Ok((
                    crate::app::site::fault_report::faults("diff", &faults, ExitCode::Failure),
                    ExitCode::Failure,
                ));
            }
        };
        let index = Index::new(&site.snapshot);
        let file = PlanFile::read(&self.plan)?;
        let now = streams::now();
        // Pending changes of other plans may be half of a chain that this plan completes.
        let past = log_source::recalled(&site, &self.place.location(), now)?;
        let proposal = match Evaluator::new(&site, &index, &past, now).as_of_now(&file) {
            Ok(proposal) => proposal,
            Err(faults) => {
                return Ok((
                    crate::app::site::fault_report::faults("diff", &faults, ExitCode::Denied),
                    ExitCode::Denied,
                ));
            }
        };
        let limits = if self.all { Limits::ALL } else { Limits::SHORT };
        let mut plan = build::plan(&proposal.plan, &proposal.analysis, &file.name, limits);
        for (change, digested) in plan.changes.iter_mut().zip(&proposal.digested) {
            change.digest = Some(digested.digest);
        }
        let sums = &plan.totals;
        let verdict = Sentence::of(format!(
            "the plan gains {}, loses {}, makes {} eligible",
            counted(sums.gained, "access", "accesses"),
            counted(sums.lost, "access", "accesses"),
            sums.gained_eligible,
        ));
        let text = |name: &str| (name == file.name).then(|| std::str::from_utf8(&file.bytes).ok()).flatten();
        let mut findings: Vec<Reported> = proposal.findings.iter().map(|f| Reported::new(f.clone(), text)).collect();
        findings.extend(crate::app::present::plan_report::gives(&proposal, &plan));
        let report = Report {
            command: "diff",
            exit_code: ExitCode::Passes.code(),
            verdict,
            findings,
            body: Body::Plans(vec![plan]),
            next: Vec::new(),
        };
        Ok((report, ExitCode::Passes))
    }
}
