//! Whether a recorded approval or override still counts for a change as it is now.
//!
//! Computes the standing of each recorded decision from the record, the current change, the time and the lifetime of
//! approvals. An approval counts for one digest, for a limited time, once, and never for a change from which its own
//! person gains.

use std::collections::BTreeSet;

use crate::decision::bars::Bar;
use crate::decision::case::{EvaluatedChange, StepName};
use crate::decision::judge::Judge;
use crate::decision::matching::Candidate;
use crate::decision::recorded::record::{Record, RecordedDecision, ReviewerVerdict};
use crate::input::digest::{Digest, of};
use crate::input::id::PolicyId;
use crate::input::time::{Span, Time};

/// The standing of a recorded decision for the current change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counts until this time.
    Holds(Time),
    /// A later decision of the same person replaces it.
    Superseded,
    /// The change's digest is different now.
    Moved,
    /// The change is now part of these pieces, which the person was not shown.
    Emerged(BTreeSet<Digest<of::Piece>>),
    /// Its time is in the future.
    Future,
    /// It expired at this time.
    Expired(Time),
    /// An export used it.
    Spent,
    /// The key that signed it expired at this time.
    KeyEnded(Time),
    /// Its person is excluded from deciding this change.
    Barred(BTreeSet<Bar>),
    /// Policy no longer permits its person this decision.
    NotPermitted,
}

/// The standing of a decision, before policy is consulted about its person.
#[must_use]
pub fn standing(
    decision: &RecordedDecision,
    present: &EvaluatedChange,
    record: &Record,
    now: Time,
    approval_ttl: Span,
    judge: &dyn Judge,
) -> Standing {
    if decision.digest != present.digest {
        return Standing::Moved;
    }
    if record.is_superseded(decision, now, judge) {
        return Standing::Superseded;
    }
    let unseen: BTreeSet<_> = present.emergent.difference(&decision.emergent).copied().collect();
    if !unseen.is_empty() {
        return Standing::Emerged(unseen);
    }
    if decision.is_from_future(now) {
        return Standing::Future;
    }
    if record.is_spent(decision) {
        return Standing::Spent;
    }
    let until = decision.sealed_at.plus(approval_ttl);
    if now >= until {
        return Standing::Expired(until);
    }
    // WHY: someone who stole an expired key can still claim a time before the expiry.
    if let Some(ended) = decision.key_ended(now).filter(|_| !record.counts_ended_keys) {
        return Standing::KeyEnded(ended);
    }
    let bars = judge.bars(&decision.signer.person, &present.case);
    if bars.is_empty() { Standing::Holds(until) } else { Standing::Barred(bars) }
}

/// An approval that counts, with the steps it can fill.
#[derive(Clone, Debug)]
pub struct Counting<'a> {
    /// The approval.
    pub approval: &'a RecordedDecision,
    /// Its signer, and the needed steps that it lists and that policy still permits.
    pub candidate: Candidate,
    /// When it expires.
    pub until: Time,
}

/// The approvals of a change's digest: those that count, and the others with the reason why they do not.
#[derive(Clone, Debug, Default)]
pub struct Weighed<'a> {
    /// Approvals that count.
    pub counting: Vec<Counting<'a>>,
    /// Approvals that do not count.
    pub ignored: Vec<(&'a RecordedDecision, Standing)>,
}

/// Checks every recorded approval of a change's digest.
#[must_use]
pub fn weigh<'a>(
    present: &EvaluatedChange,
    needed: &[StepName],
    record: &'a Record,
    now: Time,
    approval_ttl: Span,
    judge: &dyn Judge,
) -> Weighed<'a> {
    let mut weighed = Weighed::default();
    for approval in &record.decisions {
        if !matches!(approval.said, ReviewerVerdict::Approve { .. }) || approval.digest != present.digest {
            continue;
        }
        let until = match standing(approval, present, record, now, approval_ttl, judge) {
            Standing::Holds(until) => until,
            other @ (Standing::Superseded
            | Standing::Moved
            | Standing::Emerged(_)
            | Standing::Future
            | Standing::Expired(_)
            | Standing::Spent
            | Standing::KeyEnded(_)
            | Standing::Barred(_)
            | Standing::NotPermitted) => {
                weighed.ignored.push((approval, other));
                continue;
            }
        };
        let steps: BTreeSet<StepName> = needed
            .iter()
            .filter(|step| approval.steps.contains(*step))
            .filter(|step| judge.permits(&approval.signer, &approval.key, &present.case, step))
            .cloned()
            .collect();
        if steps.is_empty() {
            weighed.ignored.push((approval, Standing::NotPermitted));
        } else {
            let candidate = Candidate { signer: approval.signer.clone(), steps };
            weighed.counting.push(Counting { approval, candidate, until });
        }
    }
    weighed
}

/// The standing of an override: checked like an approval, and policy must still permit its person `Override`.
#[must_use]
pub fn override_holds(
    decision: &RecordedDecision,
    present: &EvaluatedChange,
    record: &Record,
    now: Time,
    approval_ttl: Span,
    judge: &dyn Judge,
) -> bool {
    matches!(decision.said, ReviewerVerdict::Override { .. })
        && matches!(standing(decision, present, record, now, approval_ttl, judge), Standing::Holds(_))
        && judge.permits_override(&decision.signer, &decision.key, &present.case)
}

/// The policies that valid overrides of a change override.
#[must_use]
pub fn overrides<'a>(
    present: &EvaluatedChange,
    record: &'a Record,
    now: Time,
    approval_ttl: Span,
    judge: &dyn Judge,
) -> Vec<(&'a RecordedDecision, &'a BTreeSet<PolicyId>)> {
    record
        .decisions
        .iter()
        .filter_map(|decision| match &decision.said {
            ReviewerVerdict::Override { policies, .. } if !policies.is_empty() => Some((decision, policies)),
            ReviewerVerdict::Override { .. } | ReviewerVerdict::Approve { .. } | ReviewerVerdict::Reject => None,
        })
        .filter(|(decision, _)| override_holds(decision, present, record, now, approval_ttl, judge))
        .collect()
}

#[cfg(test)]
#[path = "approval_tests.rs"]
mod tests;
