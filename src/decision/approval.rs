//! Whether a recorded approval or override still holds for a change as it is now.
//!
//! In: the record, a change as it is now, the time, and how long approvals count. Out: how each recorded decision stands,
//! and why. An approval holds for one digest, for a while, once, and never for its own person's gain.

use std::collections::BTreeSet;

use crate::decision::bars::Bar;
use crate::decision::case::{EvaluatedChange, StepName};
use crate::decision::judge::Judge;
use crate::decision::matching::Candidate;
use crate::decision::recorded::record::{Record, RecordedDecision, ReviewerVerdict};
use crate::input::digest::{Digest, of};
use crate::input::id::PolicyId;
use crate::input::time::{Span, Time};

/// How a recorded decision stands towards a change as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counts until this time.
    Holds(Time),
    /// The same person said otherwise later.
    Superseded,
    /// The change's digest is another now.
    Moved,
    /// The change now takes part in these pieces, which the person was not shown.
    Emerged(BTreeSet<Digest<of::Piece>>),
    /// Its time lies in the future.
    Future,
    /// It counted until this time.
    Expired(Time),
    /// An export used it up.
    Spent,
    /// The key that signed it expired at this time.
    KeyEnded(Time),
    /// Its person may not decide this change.
    Barred(BTreeSet<Bar>),
    /// Policy no longer permits its person what it says.
    NotPermitted,
}

/// How a decision stands, apart from what policy permits its person.
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
    // A thief of an expired key can still claim a time before the expiry.
    if let Some(ended) = decision.key_ended(now).filter(|_| !record.counts_ended_keys) {
        return Standing::KeyEnded(ended);
    }
    let bars = judge.bars(&decision.signer.person, &present.case);
    if bars.is_empty() { Standing::Holds(until) } else { Standing::Barred(bars) }
}

/// An approval that counts, with what it can fill.
#[derive(Clone, Debug)]
pub struct Counting<'a> {
    /// The approval.
    pub approval: &'a RecordedDecision,
    /// Its signer and the needed steps that it lists and that policy still permits.
    pub candidate: Candidate,
    /// Until when it counts.
    pub until: Time,
}

/// The approvals of a change's digest: those that count, and the others with the reason why not.
#[derive(Clone, Debug, Default)]
pub struct Weighed<'a> {
    /// Those that count.
    pub counting: Vec<Counting<'a>>,
    /// Those that do not.
    pub ignored: Vec<(&'a RecordedDecision, Standing)>,
}

/// Weighs every recorded approval of a change's digest.
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

/// Whether an override holds: like an approval, and policy still permits its person `Override`.
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

/// The overrides that set policies aside for a change.
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
