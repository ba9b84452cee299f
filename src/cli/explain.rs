//! `review explain`: everything about one change: its effect with paths, the policy outcome, and what would have to be
//! different for it to pass. Never prompts and records nothing.
//!
//! Shows the whole card of a change, and the effect of dropping other changes. Each stated difference was verified: the
//! plan is evaluated again without the named changes. Always exits 0.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use crate::access::Index;
use crate::app::evaluation::eligibility::Eligibility;
use crate::app::evaluation::evaluator;
use crate::app::evaluation::evaluator::Evaluator;
use crate::app::io::streams;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::plans::plan_file::PlanFile;
use crate::app::present::{gate_report, plan_report};
use crate::app::record::log_source;
use crate::app::site::load::Site;
use crate::cli::output_args::Writing;
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::input::finding::{Code, Finding};
use crate::input::id::ChangeId;
use crate::input::nearest::nearest;
use crate::input::text::Text;
use crate::policy::Outcome;
use crate::report::limits::Limits;
use crate::report::model::{Body, Report, Reported};
use crate::report::sentence::Sentence;

/// Explain one change: its effect, paths and policies, and what would have to be different for it to pass.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The plan.
    plan: PathBuf,
    /// The id of the change.
    change: String,
    #[command(flatten)]
    place: LocationArgs,
    #[command(flatten)]
    writing: Writing,
}

impl ExplainArgs {
    /// Explains the change.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        self.writing.finish("explain", self.explain())
    }

    /// The outputs of the result.
    #[must_use]
    pub fn writing(&self) -> &Writing {
        &self.writing
    }

    fn explain(&self) -> anyhow::Result<(Report, ExitCode)> {
        let site = match Site::load(&self.place.location())? {
            Ok(site) => site,
            Err(faults) => {
                return Ok((
                    crate::app::site::fault_report::faults("explain", &faults, ExitCode::Failure),
                    ExitCode::Failure,
                ));
            }
        };
        let index = Index::new(&site.snapshot);
        let now = streams::now();
        let past = log_source::recalled(&site, &self.place.location(), now)?;
        let judging = Evaluator::new(&site, &index, &past, now);
        let proposal = match judging.proposal(PlanFile::read(&self.plan)?) {
            Ok(proposal) => proposal,
            Err(faults) => {
                return Ok((
                    crate::app::site::fault_report::faults("explain", &faults, ExitCode::Denied),
                    ExitCode::Denied,
                ));
            }
        };
        let Some(at) = proposal.position(&ChangeId::new(self.change.as_str())) else {
            return Ok((self.unknown(&proposal), ExitCode::Failure));
        };
        let next = different(&proposal, &index, at);
        let mut findings = plan_report::findings(&proposal);
        let mut plan = plan_report::plan(&proposal, Limits::ALL);
        findings.extend(plan_report::gives(&proposal, &plan));
        let bench = Eligibility::new(std::slice::from_ref(&proposal), &index, past.keys.clone());
        if let (Some(change), Some(judged)) = (plan.changes.get_mut(at), proposal.judged.get(at)) {
            plan_report::explain(change, &site.pack, judged);
            gate_report::past(change, &proposal, at, &bench, &past, &evaluator::terms(&proposal));
        }
        let rejected = plan.changes.get(at).map(|change| change.rejections.clone()).unwrap_or_default();
        let id = plan.changes.get(at).map(|change| change.id.clone());
        plan.changes.retain(|change| Some(&change.id) == id.as_ref());
        // Findings about other changes are left out.
        let others: Vec<String> = proposal
            .plan
            .changes
            .iter()
            .map(|c| c.id.value.as_str())
            .filter(|c| Some(*c) != id.as_ref().map(ChangeId::as_str))
            .map(|c| format!("change `{c}`"))
            .collect();
        findings.retain(|f| !others.iter().any(|other| f.finding.message.raw().starts_with(other.as_str())));
        let report = Report {
            command: "explain",
            exit_code: ExitCode::Passes.code(),
            verdict: outcome(&proposal, at).map_or_else(Sentence::new, |says| {
                let says = Sentence::new().name(&Text::from(self.change.as_str())).own(" ").then(says);
                rejected.iter().fold(says, |says, it| says.own("; rejected ").then(it.sentence()))
            }),
            findings,
            body: Body::Plans(vec![plan]),
            next,
        };
        Ok((report, ExitCode::Passes))
    }

    fn unknown(&self, proposal: &EvaluatedPlan<'_>) -> Report {
        let known = || proposal.plan.changes.iter().map(|c| c.id.value.as_str());
        let name = Text::from(self.change.as_str());
        let help = match nearest(name.raw(), known()) {
            Some(near) => format!("the nearest known name is `{near}`"),
            None => format!("the changes are {}", known().collect::<Vec<_>>().join(", ")),
        };
        let finding = Finding::new(Code::BadValue, format!("the plan has no change `{}`", name.raw()))
            .at(&proposal.plan.place)
            .help(help);
        Report {
            command: "explain",
            exit_code: ExitCode::Failure.code(),
            verdict: Sentence::of("nothing was explained"),
            findings: vec![Reported::new(finding, |_| None)],
            body: Body::Findings,
            next: Vec::new(),
        }
    }
}

/// The outcome of a change.
fn outcome(proposal: &EvaluatedPlan<'_>, at: usize) -> Option<Sentence> {
    let judged = proposal.judged.get(at)?;
    let plan_denied = !proposal.plan_judged.passes();
    Some(match &judged.outcome {
        Outcome::Denied if judged.overridable => {
            Sentence::of("is denied; a person who may override can approve it anyway")
        }
        Outcome::Denied => Sentence::of("is denied, and this cannot be overridden"),
        Outcome::Needs(_) | Outcome::Auto if plan_denied => Sentence::of("is denied with the whole plan"),
        Outcome::Needs(steps) => {
            let steps: Vec<Text> = steps.iter().map(|s| Text::from(s.as_str())).collect();
            Sentence::of("needs ").names(&steps)
        }
        Outcome::Auto => Sentence::of("automatic"),
    })
}

/// What would have to be different; each difference is verified.
fn different<'s>(proposal: &EvaluatedPlan<'s>, index: &Index<'s>, at: usize) -> Vec<Sentence> {
    let (Some(facts), Some(judged)) = (proposal.analysis.changes.get(at), proposal.judged.get(at)) else {
        return Vec::new();
    };
    let mut said = Vec::new();
    let hits = judged.denials.iter().chain(&proposal.plan_judged.denials);
    for hit in hits {
        said.push(Sentence::of("policy ").id(&hit.policy).own(" asks: ").prose(&hit.advice));
    }
    let all: BTreeSet<ChangeId> = proposal.plan.changes.iter().map(|c| c.id.value.clone()).collect();
    let mut tried: BTreeSet<BTreeSet<ChangeId>> = BTreeSet::from([all.clone()]);
    let mut attempt = |without: &BTreeSet<ChangeId>, what: Sentence, said: &mut Vec<Sentence>| {
        let rest: BTreeSet<ChangeId> = all.difference(without).cloned().collect();
        if !rest.contains(&facts.id) || !tried.insert(rest.clone()) {
            return;
        }
        let Ok(again) = proposal.only(index, &rest, &proposal.approved) else { return };
        let Some(says) = again.position(&facts.id).and_then(|at| outcome(&again, at)) else { return };
        said.push(what.own(", ").id(&facts.id).own(" ").then(says));
    };
    for piece in facts.emergent.iter().filter_map(|at| proposal.analysis.emergent.get(*at)) {
        let names: Vec<Text> = piece.drop.iter().map(ChangeId::text).collect();
        if piece.drop.contains(&facts.id) {
            said.push(Sentence::of("rejecting this change alone prevents the combined access above"));
        } else if !piece.drop.is_empty() {
            attempt(&piece.drop, Sentence::of("without ").names(&names), &mut said);
        }
    }
    let companions: BTreeSet<ChangeId> =
        all.iter().filter(|id| **id != facts.id && !facts.depends_on.contains(*id)).cloned().collect();
    if !companions.is_empty() {
        attempt(&companions, Sentence::of("alone, with the changes it depends on"), &mut said);
    }
    let mut seen = BTreeSet::new();
    said.retain(|sentence| seen.insert(sentence.terminal()));
    said
}
