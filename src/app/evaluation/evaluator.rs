//! Evaluates plans by policy and by the recorded decisions.
//!
//! Computes, from a site, its history, a time and plan files, the plans with the gate's verdict on each, and findings
//! about files that are not plans. Every command that reports the state of plans uses this module, so that their
//! results agree.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{Index, PendingChange};
use crate::app::evaluation::eligibility::Eligibility;
use crate::app::io::progress;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::plans::plan_file::PlanFile;
use crate::app::plans::reanalysis::reanalyse;
use crate::app::plans::sibling_plans;
use crate::app::record::exported_plan::ExportedPlan;
use crate::app::record::freezes;
use crate::app::record::history::Past;
use crate::app::record::signing_keys::Keys;
use crate::app::site::load::{Faults, Site};
use crate::decision::exit::ExitCode;
use crate::decision::gate::{GateTerms, GateVerdict};
use crate::decision::{gate, translate};
use crate::input::finding::{Code, Finding};
use crate::input::id::PlanId;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::report::model::Reported;

/// The basis on which plans are evaluated.
pub struct Evaluator<'a, 's> {
    site: &'s Site,
    index: &'a Index<'s>,
    past: &'a Past,
    now: Time,
    /// Pending changes of other plans, and the automatic changes of the plans evaluated so far: each may be half of a
    /// chain that a later plan completes.
    approved: Vec<PendingChange>,
}

/// Plans with the gate's verdict on each.
pub struct EvaluatedPlans<'s> {
    /// The plans, in the given order, each with its verdict.
    pub plans: Vec<(EvaluatedPlan<'s>, GateVerdict)>,
    /// The keys of the log, and those that proved any of these plans.
    pub keys: Keys,
    /// Exit codes for files that are not plans, and for duplicate ids.
    pub codes: Vec<ExitCode>,
    /// The findings about them.
    pub findings: Vec<Reported>,
    /// Plans that no longer fit the snapshot because all of their changes were exported, with the names of their files.
    pub carried_out: Vec<(String, ExportedPlan)>,
}

impl<'a, 's> Evaluator<'a, 's> {
    /// An evaluator for this site, as of one point in time.
    #[must_use]
    pub fn new(site: &'s Site, index: &'a Index<'s>, past: &'a Past, now: Time) -> Self {
        Self { site, index, past, now, approved: past.approved(now, index) }
    }

    /// Evaluates a plan by policy, with its proof as of now.
    ///
    /// # Errors
    /// The faults that make it invalid.
    pub fn as_of_now(&self, file: &PlanFile) -> Result<EvaluatedPlan<'s>, Faults> {
        EvaluatedPlan::judge(self.site, self.index, file, self.now, &self.approved, |plan, analysis, digested| {
            self.past.of(self.index, plan, analysis, digested, self.now)
        })
    }

    /// Evaluates a plan by policy, with its proof as of when the log received it, if it did.
    ///
    /// # Errors
    /// The faults that make it invalid.
    pub fn proposal(&self, file: PlanFile) -> Result<EvaluatedPlan<'s>, Faults> {
        self.as_of_now(&self.past.remembered(file, self.site, self.now))
    }

    /// Makes the automatic changes of a plan count for the plans after it.
    pub fn counts(&mut self, proposal: &EvaluatedPlan<'s>) {
        sibling_plans::add_automatic(proposal, &mut self.approved);
    }

    /// Evaluates plans by policy and by the recorded decisions.
    ///
    /// # Errors
    /// If a part that is analysed again cannot be judged.
    pub fn by_record(&mut self, files: impl IntoIterator<Item = PlanFile>) -> anyhow::Result<EvaluatedPlans<'s>> {
        let _watch = progress::watch(progress::PLANS, None);
        let (mut proposals, mut codes, mut findings) = (Vec::new(), Vec::new(), Vec::new());
        let mut carried_out = Vec::new();
        for file in files {
            match self.proposal(file.clone()) {
                Ok(proposal) => {
                    self.counts(&proposal);
                    proposals.push(proposal);
                }
                Err(faults) => {
                    let done = ExportedPlan::read(&self.past.record, &file);
                    let (code, faults) = match &done {
                        Some(done) => (ExitCode::Stale, done.faults(&file)),
                        None => (ExitCode::Denied, faults),
                    };
                    codes.push(code);
                    findings.extend(crate::app::site::fault_report::reported(&faults.findings, &faults.sources));
                    carried_out.extend(done.map(|done| (file.name.clone(), done)));
                }
            }
        }
        // WHY of all plans: a key that proves one of them can approve none of them.
        let keys = self.past.keys.clone().proving(&proposals);
        let mut ids = BTreeSet::new();
        let mut plans = Vec::with_capacity(proposals.len());
        for proposal in proposals {
            once(&mut ids, &proposal, &mut codes, &mut findings);
            let bench = Eligibility::new(std::slice::from_ref(&proposal), self.index, keys.clone());
            let verdict = verdict(&proposal, self.past, &bench)?;
            drop(bench);
            plans.push((proposal, verdict));
        }
        Ok(EvaluatedPlans { plans, keys, codes, findings, carried_out })
    }
}

/// The gate's verdict on a plan, by the recorded decisions.
///
/// # Errors
/// If a part that is analysed again cannot be judged.
pub fn verdict<'s>(
    proposal: &EvaluatedPlan<'s>,
    past: &Past,
    bench: &Eligibility<'_, 's>,
) -> anyhow::Result<GateVerdict> {
    gate::gate(&proposal.presents, &past.record, &terms(proposal), bench, &mut |set| {
        Ok(reanalyse(bench.index(), std::slice::from_ref(proposal), set))
    })
}

/// The conditions that apply to a whole plan.
#[must_use]
pub fn terms(proposal: &EvaluatedPlan<'_>) -> GateTerms {
    GateTerms {
        now: proposal.now,
        approval_ttl: proposal.site.settings.approval_ttl,
        plan_denied: translate::plan_denied(&proposal.plan_judged),
        snapshot_stale: proposal.snapshot_is_stale(),
        proofs: proofs(proposal),
    }
}

/// The credentials of a plan's proposer: those that `agents.yaml` lists, and the key that proved the plan.
fn proofs(proposal: &EvaluatedPlan<'_>) -> BTreeSet<Text> {
    let prover = proposal.site.provers.get(&proposal.plan.proposer.value);
    let mut all = prover.map(freezes::proofs).unwrap_or_default();
    let key = proposal.origin.proven.as_ref().and_then(|proven| proven.key.as_ref());
    all.extend(key.map(|key| Text::from(format!("key {key}"))));
    all
}

/// Refuses a second plan with the same id. Decisions are bound to a plan's id, so one id must not refer to two files.
pub fn once(
    ids: &mut BTreeSet<PlanId>,
    proposal: &EvaluatedPlan<'_>,
    codes: &mut Vec<ExitCode>,
    findings: &mut Vec<Reported>,
) {
    let id = &proposal.plan.id;
    if !ids.insert(id.value.clone()) {
        codes.push(ExitCode::Denied);
        let twice = Finding::new(Code::DuplicateId, format!("two plans have the id `{}`", id.value.as_str()))
            .at(&id.place)
            .help("give each plan a different id");
        findings.extend(crate::app::site::fault_report::reported(&[twice], &BTreeMap::new()));
    }
}
