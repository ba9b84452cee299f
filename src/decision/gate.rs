//! The gate: whether every change of a plan was decided by enough allowed people.
//!
//! In: the changes of one plan as they are now, the record of a verified log, the time, what policy and the graph say,
//! and a way to analyse a part of the plan anew. Out: the state of each change, what passes, and the exit code. It never
//! lets a change pass that only the rest of the plan makes harmless.

use std::collections::{BTreeMap, BTreeSet};

use crate::decision::approval::{Standing, Weighed};
use crate::decision::case::{CaseId, CaseOutcome, Denial, EvaluatedChange, Signer, StepName};
use crate::decision::exit::ExitCode;
use crate::decision::judge::Judge;
use crate::decision::matching::{Candidate, Matching};
use crate::decision::recheck::Reanalysis;
use crate::decision::recorded::record::{Record, RecordedDecision, ReviewerVerdict};
use crate::decision::recorded::rejections;
use crate::decision::since::{Since, since};
use crate::decision::{approval, matching};
use crate::input::digest::{Digest, of};
use crate::input::id::{PersonId, PolicyId};
use crate::input::text::Text;
use crate::input::time::{Span, Time};

/// A step that nobody has filled, and who could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The step.
    pub step: StepName,
    /// People whom policy permits it now and whom nothing bars, as far as the judge knows.
    pub could: BTreeSet<PersonId>,
}

/// A reject that blocks a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedBy {
    /// Its decision line.
    pub line: Digest<of::Line>,
    /// Who.
    pub signer: Signer,
    /// When it was sealed.
    pub at: Time,
    /// Why.
    pub reason: Option<Text>,
    /// Who helps to lift it so far.
    pub lifted_by: BTreeSet<Signer>,
}

/// Why an approval of this very change no longer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Whose approval.
    pub signer: Signer,
    /// When it was sealed.
    pub at: Time,
    /// How it stands.
    pub standing: Standing,
}

/// What a passing change rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approved {
    /// Who fills which step.
    pub by: BTreeMap<StepName, Signer>,
    /// Policies that overrides set aside.
    pub set_aside: BTreeSet<PolicyId>,
    /// The decision lines it rests on: what `export` uses up.
    pub decisions: BTreeSet<Digest<of::Line>>,
    /// Until when all of it holds.
    pub until: Option<Time>,
}

/// The state of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateState {
    /// Policy lets it pass without a person.
    Auto,
    /// Every step is filled.
    Approved(Approved),
    /// Policy denies it, and nobody has set all of that aside.
    Denied(Denial),
    /// A person rejected it; see [`ChangeVerdict::rejects`].
    Rejected,
    /// It was approved, but is another change now.
    Void {
        /// Who had approved.
        signer: Signer,
        /// When that was sealed.
        at: Time,
        /// What changed.
        since: Vec<Since>,
        /// The steps to be filled again.
        missing: Vec<Missing>,
    },
    /// It was approved, but that ended or was used up.
    Expired(Vec<Missing>),
    /// Steps are missing.
    Undecided(Vec<Missing>),
    /// It is approved, but waits for changes that its approval rests on.
    Waits(BTreeSet<CaseId>),
}

impl GateState {
    /// Whether the change may be carried out.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::Auto | Self::Approved(_))
    }

    /// What it contributes to the exit code.
    #[must_use]
    pub fn exit(&self) -> ExitCode {
        match self {
            Self::Auto | Self::Approved(_) => ExitCode::Passes,
            Self::Denied(_) => ExitCode::Denied,
            Self::Rejected => ExitCode::Rejected,
            Self::Void { .. } | Self::Expired(_) => ExitCode::Stale,
            Self::Undecided(_) | Self::Waits(_) => ExitCode::Undecided,
        }
    }
}

/// What the gate says of a change.
#[derive(Clone, Debug)]
pub struct ChangeVerdict {
    /// Which change.
    pub case: CaseId,
    /// Its digest now.
    pub digest: Digest<of::Change>,
    /// Its state.
    pub state: GateState,
    /// The rejects that block it, also where something graver is its state.
    pub rejects: Vec<RejectedBy>,
    /// Approvals of this digest that do not count, and why.
    pub ignored: Vec<Ignored>,
    /// Who fills which step, also where others are missing.
    filled: BTreeMap<StepName, Signer>,
}

impl ChangeVerdict {
    /// Who fills which step, also where others are missing.
    #[must_use]
    pub fn filled(&self) -> &BTreeMap<StepName, Signer> {
        if let GateState::Approved(approved) = &self.state { &approved.by } else { &self.filled }
    }
}

/// What holds for a whole plan at the gate.
#[derive(Clone, Debug)]
pub struct GateTerms {
    /// The time.
    pub now: Time,
    /// For how long an approval counts from its seal (`approval_ttl`).
    pub approval_ttl: Span,
    /// The policies by which `SubmitPlan` denies the whole plan; empty set: a missing permit; `None`: it does not.
    pub plan_denied: Option<BTreeSet<PolicyId>>,
    /// Whether the snapshot is older than `max_snapshot_age`.
    pub snapshot_stale: bool,
}

/// What the gate says of a plan.
#[derive(Clone, Debug)]
pub struct GateVerdict {
    /// Per change, in the order of the plan.
    pub changes: Vec<ChangeVerdict>,
    /// The changes that may be carried out. Empty once the plan has expired.
    pub passing: BTreeSet<CaseId>,
    /// Whether the plan has expired.
    pub plan_expired: bool,
    /// The code to exit with.
    pub exit: ExitCode,
}

/// Judges every change of one plan, and the set of those that pass.
///
/// # Errors
/// If the given part of the plan cannot be analysed: whatever `reanalyse` says.
pub fn gate<E>(
    changes: &[EvaluatedChange],
    record: &Record,
    terms: &GateTerms,
    judge: &dyn Judge,
    reanalyse: &mut dyn FnMut(&BTreeSet<CaseId>) -> Result<Reanalysis, E>,
) -> Result<GateVerdict, E> {
    let mut verdicts: Vec<ChangeVerdict> =
        changes.iter().map(|present| judge_change(present, record, terms, judge)).collect();
    settle(changes, &mut verdicts, record, terms, judge, reanalyse)?;
    let plan_expired = changes.iter().any(|c| c.document.expires <= terms.now);
    let mut holding: Vec<ExitCode> = verdicts.iter().map(|v| v.state.exit()).collect();
    if verdicts.iter().any(|v| !v.rejects.is_empty()) {
        holding.push(ExitCode::Rejected);
    }
    if terms.plan_denied.is_some() {
        holding.push(ExitCode::Denied);
    }
    if plan_expired || terms.snapshot_stale {
        holding.push(ExitCode::Stale);
    }
    let passing = passing(&verdicts);
    // WHY: a part of the plan was analysed as a plan of its own; the whole was not, and policy denies it.
    let whole_denied = terms.plan_denied.is_some() && passing.len() == changes.len();
    let passing = if plan_expired || whole_denied { BTreeSet::new() } else { passing };
    Ok(GateVerdict { changes: verdicts, passing, plan_expired, exit: ExitCode::first(holding) })
}

/// Judges one change by itself.
#[must_use]
pub fn judge_change(present: &EvaluatedChange, record: &Record, terms: &GateTerms, judge: &dyn Judge) -> ChangeVerdict {
    let (now, ttl) = (terms.now, terms.approval_ttl);
    let rejects: Vec<RejectedBy> = rejections::blocking(present, record, now, ttl, judge)
        .into_iter()
        .map(|b| RejectedBy {
            line: b.reject.line,
            signer: b.reject.signer.clone(),
            at: b.reject.sealed_at,
            reason: b.reject.reason.clone(),
            lifted_by: b.lifted_by,
        })
        .collect();
    let overrides = approval::overrides(present, record, now, ttl, judge);
    let set_aside: BTreeSet<PolicyId> = overrides.iter().flat_map(|(_, p)| p.iter().cloned()).collect();
    let needed = present.outcome.steps(&set_aside).unwrap_or_default();
    let weighed = approval::weigh(present, needed, record, now, ttl, judge);
    let ignored = weighed
        .ignored
        .iter()
        .map(|(d, standing)| Ignored { signer: d.signer.clone(), at: d.sealed_at, standing: standing.clone() })
        .collect();
    let candidates: Vec<Candidate> = weighed.counting.iter().map(|c| c.candidate.clone()).collect();
    let matched = matching::fill(needed, &candidates);
    let filled = matched.filled.clone();
    let state = match &present.outcome {
        CaseOutcome::Denied(denial) if !denial.is_set_aside_by(&set_aside) => {
            GateState::Denied(remaining(denial, &set_aside))
        }
        CaseOutcome::Denied(_) | CaseOutcome::Needs(_) | CaseOutcome::Auto if !rejects.is_empty() => {
            GateState::Rejected
        }
        CaseOutcome::Auto => GateState::Auto,
        CaseOutcome::Denied(_) | CaseOutcome::Needs(_) => {
            let rests: Vec<&RecordedDecision> = overrides
                .iter()
                .filter(|_| matches!(present.outcome, CaseOutcome::Denied(_)))
                .map(|(decision, _)| *decision)
                .collect();
            decided(present, matched, &weighed, &rests, record, terms, judge)
        }
    };
    ChangeVerdict { case: present.case.clone(), digest: present.digest, state, rejects, ignored, filled }
}

fn remaining(denial: &Denial, set_aside: &BTreeSet<PolicyId>) -> Denial {
    Denial { overridable: denial.overridable.difference(set_aside).cloned().collect(), ..denial.clone() }
}

/// The state of a change that nothing denies and nobody rejects.
fn decided(
    present: &EvaluatedChange,
    matched: Matching,
    weighed: &Weighed<'_>,
    overrides: &[&RecordedDecision],
    record: &Record,
    terms: &GateTerms,
    judge: &dyn Judge,
) -> GateState {
    // WHY: no steps at all is not "every step filled": policy promises at least one.
    if matched.missing.is_empty() && !matched.filled.is_empty() {
        let mut approved = Approved { by: matched.filled, ..Approved::default() };
        let used = weighed.counting.iter().filter(|c| {
            approved.by.iter().any(|(step, s)| *s == c.candidate.signer && c.candidate.steps.contains(step))
        });
        let mut ends: Vec<Time> = Vec::new();
        for counting in used {
            approved.decisions.insert(counting.approval.line);
            ends.push(counting.until);
        }
        for decision in overrides {
            approved.decisions.insert(decision.line);
            ends.push(decision.sealed_at.plus(terms.approval_ttl));
            if let ReviewerVerdict::Override { policies, .. } = &decision.said {
                approved.set_aside.extend(policies.iter().cloned());
            }
        }
        approved.until = ends.into_iter().min();
        return GateState::Approved(approved);
    }
    let missing: Vec<Missing> = matched
        .missing
        .into_iter()
        .map(|step| Missing { could: judge.could_take(&present.case, &step), step })
        .collect();
    if let Some((signer, at, since)) = voided(present, weighed, record, terms, judge) {
        return GateState::Void { signer, at, since, missing };
    }
    let ended =
        |standing: &Standing| matches!(standing, Standing::Expired(_) | Standing::Spent | Standing::KeyEnded(_));
    if weighed.ignored.iter().any(|(_, standing)| ended(standing)) {
        return GateState::Expired(missing);
    }
    GateState::Undecided(missing)
}

/// The latest approval of what this change was before, and what changed since.
fn voided(
    present: &EvaluatedChange,
    weighed: &Weighed<'_>,
    record: &Record,
    terms: &GateTerms,
    judge: &dyn Judge,
) -> Option<(Signer, Time, Vec<Since>)> {
    let object = present.document.object();
    let moved = record
        .decisions
        .iter()
        .filter(|d| {
            matches!(d.said, ReviewerVerdict::Approve { .. })
                && d.digest != present.digest
                && d.document.plan == present.document.plan
                && d.document.object() == object
                && !d.is_from_future(terms.now)
                && !record.is_superseded(d, terms.now, judge)
        })
        .map(|d| (d, since(&d.document, &present.document)));
    let emerged = weighed.ignored.iter().filter_map(|(d, standing)| match standing {
        Standing::Emerged(pieces) => Some((*d, pieces.iter().map(|p| Since::Emerges(*p)).collect())),
        Standing::Holds(_)
        | Standing::Superseded
        | Standing::Moved
        | Standing::Future
        | Standing::Expired(_)
        | Standing::Spent
        | Standing::KeyEnded(_)
        | Standing::Barred(_)
        | Standing::NotPermitted => None,
    });
    emerged
        .chain(moved)
        .max_by_key(|(d, _)| (d.sealed_at, d.line))
        .map(|(d, since)| (d.signer.clone(), d.sealed_at, since))
}

fn passing(verdicts: &[ChangeVerdict]) -> BTreeSet<CaseId> {
    verdicts.iter().filter(|v| v.state.passes()).map(|v| v.case.clone()).collect()
}

/// Takes back what passes only in company that does not pass, until the rest can stand on its own.
fn settle<E>(
    changes: &[EvaluatedChange],
    verdicts: &mut [ChangeVerdict],
    record: &Record,
    terms: &GateTerms,
    judge: &dyn Judge,
    reanalyse: &mut dyn FnMut(&BTreeSet<CaseId>) -> Result<Reanalysis, E>,
) -> Result<(), E> {
    loop {
        wait_for_dependencies(changes, verdicts);
        let set = passing(verdicts);
        // WHY: the whole plan was just analysed; nothing new can be learnt of it.
        if set.is_empty() || set.len() == changes.len() {
            return Ok(());
        }
        let again = reanalyse(&set)?;
        let mut falling: BTreeSet<CaseId> = set
            .iter()
            .filter(|case| {
                let stands = again.changes.get(*case).is_some_and(|present| {
                    present.case == **case && judge_change(present, record, terms, judge).state.passes()
                });
                !stands
            })
            .cloned()
            .collect();
        if !again.denied_plans.is_empty() {
            let gains = changes.iter().filter(|c| set.contains(&c.case) && c.gains());
            falling.extend(gains.map(|c| c.case.clone()));
            if falling.is_empty() {
                falling.clone_from(&set);
            }
        }
        if falling.is_empty() {
            return Ok(());
        }
        let awaited: BTreeSet<CaseId> =
            changes.iter().filter(|c| !set.contains(&c.case) && !c.gains()).map(|c| c.case.clone()).collect();
        for verdict in verdicts.iter_mut().filter(|v| falling.contains(&v.case)) {
            verdict.state = GateState::Waits(awaited.clone());
        }
    }
}

fn wait_for_dependencies(changes: &[EvaluatedChange], verdicts: &mut [ChangeVerdict]) {
    loop {
        let set = passing(verdicts);
        let mut fell = false;
        for (change, verdict) in changes.iter().zip(verdicts.iter_mut()) {
            if !verdict.state.passes() {
                continue;
            }
            let absent: BTreeSet<CaseId> = change
                .depends_on
                .iter()
                .map(|id| CaseId { plan: change.case.plan.clone(), change: id.clone() })
                .filter(|case| !set.contains(case))
                .collect();
            if !absent.is_empty() {
                verdict.state = GateState::Waits(absent);
                fell = true;
            }
        }
        if !fell {
            return;
        }
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
