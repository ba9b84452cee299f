//! `review check`: evaluates plans by policy, for pull requests. Never prompts and records nothing.
//!
//! Reports outcomes, effects and findings in any format; exits 0 if nothing is denied.

use std::collections::BTreeSet;

use clap::Args;

use crate::access::Index;
use crate::app::evaluation::eligibility::Eligibility;
use crate::app::evaluation::evaluator::{Evaluator, once};
use crate::app::io::{progress, streams};
use crate::app::plans::selection::SelectedPlans;
use crate::app::present::check_report::{holding, report};
use crate::app::present::{eligible_people, plan_report};
use crate::app::record::log_source;
use crate::app::site::load::Site;
use crate::cli::output_args::Writing;
use crate::cli::plan::check::TerraformCheckArgs;
use crate::cli::shared_args::{LocationArgs, SelectionArgs};
use crate::decision::exit::ExitCode;
use crate::report::limits::Limits;
use crate::report::model::Report;
use crate::report::sentence::Sentence;

/// Evaluate plans against the policies, without asking anyone.
#[derive(Debug, Args)]
#[command(mut_arg("plans", |arg| arg.required_unless_present_any(["changed_since", "terraform"])))]
pub struct CheckArgs {
    #[command(flatten)]
    chosen: SelectionArgs,
    #[command(flatten)]
    terraform: TerraformCheckArgs,
    /// List all access, without a limit.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    place: LocationArgs,
    #[command(flatten)]
    writing: Writing,
}

impl CheckArgs {
    /// Evaluates every plan and prints the result.
    ///
    /// # Errors
    /// If a file cannot be read or stdout is closed.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        self.writing.finish("check", self.judge())
    }

    /// The outputs of the result.
    #[must_use]
    pub fn writing(&self) -> &Writing {
        &self.writing
    }

    fn judge(&self) -> anyhow::Result<(Report, ExitCode)> {
        // WHY leaked: the process ends with this command, and freeing a million assignments individually takes a tenth
        // of its time.
        let site: &Site = match Site::load(&self.place.location())? {
            Ok(site) => Box::leak(site.into()),
            Err(faults) => {
                return Ok((
                    crate::app::site::fault_report::faults("check", &faults, ExitCode::Failure),
                    ExitCode::Failure,
                ));
            }
        };
        let index = Index::new(&site.snapshot);
        let now = streams::now();
        let mut codes = Vec::new();
        let mut findings = crate::app::site::fault_report::reported(&site.findings, &site.sources);
        let mut reports = Vec::new();
        let mut ids = BTreeSet::new();
        let mut read = match self.terraform.json {
            Some(_) if self.chosen.is_empty() => SelectedPlans::default(),
            Some(_) | None => self.chosen.selection().read()?,
        };
        match self.terraform.draft(site, now)? {
            Ok(drafted) => read.files.extend(drafted),
            Err(faults) => {
                let code = ExitCode::Denied;
                return Ok((crate::app::site::fault_report::faults("check", &faults, code), code));
            }
        }
        // Pending changes of other plans may be half of a chain that this plan completes.
        let past = log_source::recalled(site, &self.place.location(), now)?;
        let mut judging = Evaluator::new(site, &index, &past, now);
        findings.extend(read.findings.iter().cloned());
        let watch = progress::watch(progress::PLANS, None);
        let mut may_ask = eligible_people::MOST_ASKED;
        for file in &read.files {
            let mut judged = judging.as_of_now(file);
            if judged.as_ref().is_ok_and(|proposal| proposal.origin.untimely) {
                // WHY: a short-lived credential is valid if it was valid when the plan was first received, which the
                // log may record.
                judged = judging.proposal(file.clone());
            }
            match judged {
                Ok(proposal) => {
                    once(&mut ids, &proposal, &mut codes, &mut findings);
                    judging.counts(&proposal);
                    codes.extend(holding(&proposal));
                    findings.extend(plan_report::findings(&proposal));
                    let limits = if self.all { Limits::ALL } else { Limits::SHORT };
                    let mut report = plan_report::plan(&proposal, limits);
                    findings.extend(plan_report::gives(&proposal, &report));
                    let eligibility = Eligibility::new(std::slice::from_ref(&proposal), &index, past.keys.clone());
                    let nobody = eligible_people::note(&proposal, &eligibility, &mut report, &mut may_ask);
                    findings.extend(nobody.into_iter().map(|finding| plan_report::of_plan(&proposal, finding)));
                    reports.push(report);
                }
                Err(faults) => {
                    codes.push(ExitCode::Denied);
                    findings.extend(crate::app::site::fault_report::reported(&faults.findings, &faults.sources));
                }
            }
        }
        drop(watch);
        findings.extend(read.overlaps(now));
        let code = ExitCode::first(codes);
        let mut report = report("check", reports, findings, code);
        if self.terraform.json.is_some() && read.files.is_empty() {
            report.verdict = Sentence::of("passes: the Terraform plan does not change access");
        } else if let Some(nothing) = read.nothing() {
            report.verdict = Sentence::of(nothing);
        }
        Ok((report, code))
    }
}
