//! The gate: whether every change of a plan was approved by the required people.
//!
//! Computes the state of each change, the passing changes and the exit code from the current changes of one plan, the
//! record of a verified log, the time, the answers of policy and graph, and a function that analyses part of the plan
//! again. A change passes only if it is also acceptable when just the approved part of the plan is applied.

use std::collections::{BTreeMap, BTreeSet};

use crate::decision::approval::{Standing, Weighed};
use crate::decision::case::{CaseId, CaseOutcome, Denial, EvaluatedChange, Signer, StepName};
use crate::decision::exit::ExitCode;
use crate::decision::judge::Judge;
use crate::decision::matching::{Candidate, Matching};
use crate::decision::recheck::Reanalysis;
use crate::decision::recorded::exports::LastExport;
use crate::decision::recorded::freezes::FrozenBy;
use crate::decision::recorded::record::{Record, RecordedDecision, ReviewerVerdict};
use crate::decision::recorded::rejections;
use crate::decision::since::{Since, since};
use crate::decision::{approval, matching};
use crate::input::digest::{Digest, of};
use crate::input::id::{PersonId, PolicyId};
use crate::input::text::Text;
use crate::input::time::{Span, Time};

/// A step that is not filled, with the people who could fill it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The step.
    pub step: StepName,
    /// People whom policy permits to fill it now and whom nothing excludes, as far as the judge knows.
    pub could: BTreeSet<PersonId>,
}

/// A rejection that blocks a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedBy {
    /// Its decision line.
    pub line: Digest<of::Line>,
    /// The person who rejected.
    pub signer: Signer,
    /// When it was sealed.
    pub at: Time,
    /// The reason.
    pub reason: Option<Text>,
    /// The people who lift it so far.
    pub lifted_by: BTreeSet<Signer>,
}

/// An approval of exactly this change that no longer counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The approver.
    pub signer: Signer,
    /// When it was sealed.
    pub at: Time,
    /// Why it does not count.
    pub standing: Standing,
}

/// The decisions on which a passing change is based.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approved {
    /// The signer of each filled step.
    pub by: BTreeMap<StepName, Signer>,
    /// Policies that were overridden.
    pub set_aside: BTreeSet<PolicyId>,
    /// The decision lines it is based on, which an `export` uses.
    pub decisions: BTreeSet<Digest<of::Line>>,
    /// When the earliest of them expires.
    pub until: Option<Time>,
}

/// The state of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateState {
    /// Policy allows it without a person.
    Auto,
    /// Every step is filled.
    Approved(Approved),
    /// Policy denies it, and not all of the denial is overridden.
    Denied(Denial),
    /// A person rejected it; see [`ChangeVerdict::rejects`].
    Rejected,
    /// It was approved, but has changed since.
    Void {
        /// The approver.
        signer: Signer,
        /// When that was sealed.
        at: Time,
        /// The differences.
        since: Vec<Since>,
        /// The steps that must be filled again.
        missing: Vec<Missing>,
    },
    /// It was approved, but the approval expired or was used.
    Expired(Vec<Missing>),
    /// Steps are missing.
    Undecided(Vec<Missing>),
    /// It was exported, which used its approvals up, and nobody approved it again; see [`ChangeVerdict::exported`].
    Exported(Vec<Missing>),
    /// It is approved, but depends on changes that do not pass yet.
    Waits(BTreeSet<CaseId>),
    /// It would pass, but a freeze stops it; see [`ChangeVerdict::frozen`].
    Frozen,
}

impl GateState {
    /// Whether the change may be applied.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::Auto | Self::Approved(_))
    }

    /// Its contribution to the exit code.
    #[must_use]
    pub fn exit(&self) -> ExitCode {
        match self {
            Self::Auto | Self::Approved(_) => ExitCode::Passes,
            Self::Denied(_) => ExitCode::Denied,
            Self::Rejected | Self::Frozen => ExitCode::Rejected,
            Self::Void { .. } | Self::Expired(_) | Self::Exported(_) => ExitCode::Stale,
            Self::Undecided(_) | Self::Waits(_) => ExitCode::Undecided,
        }
    }
}

/// The verdict of the gate on a change.
#[derive(Clone, Debug)]
pub struct ChangeVerdict {
    /// The change.
    pub case: CaseId,
    /// Its digest now.
    pub digest: Digest<of::Change>,
    /// Its state.
    pub state: GateState,
    /// The rejections that block it, even if its state is more severe.
    pub rejects: Vec<RejectedBy>,
    /// The freezes that stop it, even if its state is more severe.
    pub frozen: Vec<FrozenBy>,
    /// Its last export, whatever its state is now.
    pub exported: Option<LastExport>,
    /// Approvals of this digest that do not count, with the reasons.
    pub ignored: Vec<Ignored>,
    /// The signer of each filled step, even if other steps are missing.
    filled: BTreeMap<StepName, Signer>,
}

impl ChangeVerdict {
    /// Whether it was exported and not approved again since, so that nobody is asked about it. Once its plan expired, policy
    /// denies it as well.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.exported.is_some() && matches!(self.state, GateState::Exported(_) | GateState::Auto | GateState::Denied(_))
    }

    /// The signer of each filled step, even if other steps are missing.
    #[must_use]
    pub fn filled(&self) -> &BTreeMap<StepName, Signer> {
        if let GateState::Approved(approved) = &self.state { &approved.by } else { &self.filled }
    }
}

/// The conditions that apply to a whole plan at the gate.
#[derive(Clone, Debug)]
pub struct GateTerms {
    /// The time.
    pub now: Time,
    /// How long an approval counts after it is sealed (`approval_ttl`).
    pub approval_ttl: Span,
    /// The policies by which `SubmitPlan` denies the whole plan; an empty set is a missing permit; `None`: not denied.
    pub plan_denied: Option<BTreeSet<PolicyId>>,
    /// Whether the snapshot is older than `max_snapshot_age`.
    pub snapshot_stale: bool,
    /// The credentials of the plan's proposer, by which a freeze recognises it under another name.
    pub proofs: BTreeSet<Text>,
}

/// The verdict of the gate on a plan.
#[derive(Clone, Debug)]
pub struct GateVerdict {
    /// The changes, in the order of the plan.
    pub changes: Vec<ChangeVerdict>,
    /// The changes that may be applied. Empty once the plan has expired.
    pub passing: BTreeSet<CaseId>,
    /// Whether the plan has expired.
    pub plan_expired: bool,
    /// The exit code.
    pub exit: ExitCode,
}

/// Judges every change of one plan, and the set of passing changes.
///
/// # Errors
/// If part of the plan cannot be analysed: the error of `reanalyse`.
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
    if verdicts.iter().any(|v| !v.rejects.is_empty() || !v.frozen.is_empty()) {
        holding.push(ExitCode::Rejected);
    }
    if terms.plan_denied.is_some() {
        holding.push(ExitCode::Denied);
    }
    if plan_expired || terms.snapshot_stale {
        holding.push(ExitCode::Stale);
    }
    let passing = passing(&verdicts);
    // WHY: a part of the plan is analysed as a plan of its own. The whole plan was not, and policy denies it.
    let whole_denied = terms.plan_denied.is_some() && passing.len() == changes.len();
    let passing = if plan_expired || whole_denied { BTreeSet::new() } else { passing };
    Ok(GateVerdict { changes: verdicts, passing, plan_expired, exit: ExitCode::first(holding) })
}

/// Judges one change on its own.
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
    let exported = record.last_export(present);
    let state = if exported.is_some() && filled.is_empty() { used_up(state) } else { state };
    let frozen = record.frozen(present, &terms.proofs, now);
    let state = if state.passes() && !frozen.is_empty() { GateState::Frozen } else { state };
    ChangeVerdict {
        case: present.case.clone(),
        digest: present.digest,
        state,
        rejects,
        frozen,
        exported,
        ignored,
        filled,
    }
}

/// The state of a change that was exported and that nobody approved again.
fn used_up(state: GateState) -> GateState {
    match state {
        GateState::Void { missing, .. } | GateState::Expired(missing) | GateState::Undecided(missing) => {
            GateState::Exported(missing)
        }
        GateState::Auto
        | GateState::Approved(_)
        | GateState::Denied(_)
        | GateState::Rejected
        | GateState::Exported(_)
        | GateState::Waits(_)
        | GateState::Frozen => state,
    }
}

fn remaining(denial: &Denial, set_aside: &BTreeSet<PolicyId>) -> Denial {
    Denial { overridable: denial.overridable.difference(set_aside).cloned().collect(), ..denial.clone() }
}

/// The state of a change that is neither denied nor rejected.
fn decided(
    present: &EvaluatedChange,
    matched: Matching,
    weighed: &Weighed<'_>,
    overrides: &[&RecordedDecision],
    record: &Record,
    terms: &GateTerms,
    judge: &dyn Judge,
) -> GateState {
    // WHY: an empty list of steps does not mean that every step is filled; policy guarantees at least one.
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

/// The latest approval of an earlier version of this change, with the differences.
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

/// Removes changes that pass only together with changes that do not, until the remaining set passes on its own.
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
        // WHY: the whole plan was just analysed, so a new analysis gives the same result.
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
