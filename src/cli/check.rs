//! `review check`: what policy says of plans, for pull requests. It asks nobody and writes no record.
//!
//! In: plans. Out: outcomes, effects and findings in any format; 0 if nothing is denied.

use std::collections::BTreeSet;

use clap::Args;

use super::chosen::Chosen;
use super::judging::{Judging, once};
use super::proposal::Proposal;
use super::site::Site;
use super::writing::Writing;
use super::{Where, history, output, present, progress};
use crate::access::Index;
use crate::decision::exit::ExitCode;
use crate::report::effects::Limits;
use crate::report::model::{Body, Outcome, PlanReport, Report, Reported};
use crate::report::sentence::{Sentence, counted};

/// Says what policy makes of plans: nobody is asked.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    writing: Writing,
}

impl Check {
    /// Judges every plan and prints the result.
    ///
    /// # Errors
    /// If a file cannot be read or stdout is closed.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        self.writing.finish("check", self.judge())
    }

    /// Where the result goes.
    #[must_use]
    pub fn writing(&self) -> &Writing {
        &self.writing
    }

    fn judge(&self) -> anyhow::Result<(Report, ExitCode)> {
        // WHY leaked: the process ends with this command; freeing a million assignments one by one is a tenth of its time.
        let site: &Site = match Site::load(&self.place)? {
            Ok(site) => Box::leak(site.into()),
            Err(faults) => {
                return Ok((present::faults("check", &faults, ExitCode::Failure), ExitCode::Failure));
            }
        };
        let index = Index::new(&site.snapshot);
        let now = output::now();
        let mut codes = Vec::new();
        let mut findings = present::reported(&site.findings, &site.sources);
        let mut reports = Vec::new();
        let mut ids = BTreeSet::new();
        let read = self.chosen.read()?;
        // What other plans were approved for may be half of a chain that this one completes.
        let past = history::recalled(site, &self.place, now)?;
        let mut judging = Judging::new(site, &index, &past, now);
        findings.extend(read.findings.iter().cloned());
        let watch = progress::watch(progress::PLANS, None);
        for file in &read.files {
            let mut judged = judging.as_of_now(file);
            if judged.as_ref().is_ok_and(|proposal| proposal.origin.untimely) {
                // WHY: a short-lived credential holds if it did when the plan first came, which the log may know.
                judged = judging.proposal(file.clone());
            }
            match judged {
                Ok(proposal) => {
                    once(&mut ids, &proposal, &mut codes, &mut findings);
                    judging.counts(&proposal);
                    codes.extend(holding(&proposal));
                    findings.extend(present::findings(&proposal));
                    reports.push(present::plan(&proposal, Limits::SHORT));
                }
                Err(faults) => {
                    codes.push(ExitCode::Denied);
                    findings.extend(present::reported(&faults.findings, &faults.sources));
                }
            }
        }
        drop(watch);
        findings.extend(read.overlaps(now));
        let code = ExitCode::first(codes);
        let mut report = report("check", reports, findings, code);
        if let Some(nothing) = read.nothing() {
            report.verdict = Sentence::of(nothing);
        }
        Ok((report, code))
    }
}

/// Every exit code that holds for a proposal that nobody was asked about.
#[must_use]
pub fn holding(proposal: &Proposal<'_>) -> Vec<ExitCode> {
    let denied = !proposal.plan_judged.passes()
        || proposal.judged.iter().any(|judged| judged.outcome == crate::policy::Outcome::Denied);
    let stale = proposal.is_expired() || proposal.snapshot_is_stale();
    [(denied, ExitCode::Denied), (stale, ExitCode::Stale)].iter().filter(|(holds, _)| *holds).map(|(_, c)| *c).collect()
}

/// The report of plans that nobody was asked about.
#[must_use]
pub fn report(command: &'static str, plans: Vec<PlanReport>, findings: Vec<Reported>, code: ExitCode) -> Report {
    let of = |outcome| plans.iter().flat_map(|p| &p.changes).filter(|c| c.outcome == outcome).count() as u64;
    let plan_denied =
        plans.iter().any(|p| p.policies.iter().any(|r| r.verdict != crate::report::model::PolicyVerdict::Warns));
    let (denied, needs, auto) = (of(Outcome::Denied), of(Outcome::Needs), of(Outcome::Auto));
    let mut parts = Vec::new();
    if denied > 0 {
        parts.push(format!("policy denies {}", counted(denied, "change", "changes")));
    } else if plan_denied {
        parts.push("policy denies the plan as a whole".to_owned());
    }
    if needs > 0 {
        parts.push(format!(
            "{} a person",
            if needs == 1 { "1 change needs".to_owned() } else { format!("{needs} changes need") }
        ));
    }
    if auto > 0 {
        parts.push(format!("{} automatic", if auto == 1 { "1 is".to_owned() } else { format!("{auto} are") }));
    }
    if code == ExitCode::Stale {
        parts.push("something is out of date".to_owned());
    }
    if plans.is_empty() {
        parts.push("no valid plan".to_owned());
    }
    if parts.is_empty() {
        parts.push("the plan changes nothing".to_owned());
    }
    let mut verdict = Sentence::new();
    for (n, part) in parts.into_iter().enumerate() {
        verdict = if n == 0 { verdict.own(part) } else { verdict.own(format!("; {part}")) };
    }
    Report { command, exit_code: code.code(), verdict, findings, body: Body::Plans(plans), next: Vec::new() }
}
