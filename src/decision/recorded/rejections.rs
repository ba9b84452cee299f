//! Rejects: what they bind, and who lifts them.
//!
//! In: the record and a change as it is now. Out: the rejects that block it. A reject outlives rewording: within a plan id
//! it binds what the change was about, and every change that would give any access that it refused.

use std::collections::BTreeSet;

use crate::decision::case::{EvaluatedChange, Signer};
use crate::decision::digest::{ChangeDocument, Held};
use crate::decision::judge::Judge;
use crate::decision::matching::Candidate;
use crate::decision::recorded::record::{Record, RecordedDecision, ReviewerVerdict};
use crate::decision::{approval, matching};
use crate::input::digest::{Digest, of};
use crate::input::time::{Span, Time};

/// A reject that blocks a change, and who helps to lift it so far.
#[derive(Clone, Debug)]
pub struct Blocking<'a> {
    /// The reject.
    pub reject: &'a RecordedDecision,
    /// People permitted `Override` who lift it; two are needed.
    pub lifted_by: BTreeSet<Signer>,
}

/// Whether a reject binds a change: same plan id, and the same object or any refused access given again.
#[must_use]
pub fn binds(reject: &RecordedDecision, change: &ChangeDocument, judge: &dyn Judge) -> bool {
    let refused = &reject.document;
    refused.plan == change.plan
        && (reject.said == ReviewerVerdict::Reject)
        && (refused.object() == change.object()
            || change.gains().any(|wide| {
                refused
                    .gains()
                    .any(|narrow| wide.subject == narrow.subject && judge.covers(&wide.access, &narrow.access))
            }))
}

/// Whether a later yes of the same person is one to all that a reject refused. A yes to less leaves the rest refused.
#[must_use]
pub fn is_taken_back(reject: &RecordedDecision, yes: &RecordedDecision, judge: &dyn Judge) -> bool {
    binds(reject, &yes.document, judge)
        && (reject.digest == yes.digest || gives_all(&yes.document, &reject.document, judge))
}

/// Whether one change gives all that another gives, now what the other gives now; where that gives nothing, whether both
/// are about the same object.
fn gives_all(wide: &ChangeDocument, narrow: &ChangeDocument, judge: &dyn Judge) -> bool {
    let gives = |w: &Held, n: &Held| w.subject == n.subject && judge.covers(&w.access, &n.access);
    let now = narrow.effect.gained.iter().all(|n| wide.effect.gained.iter().any(|w| gives(w, n)));
    let later = narrow.effect.gained_eligible.iter().all(|n| wide.gains().any(|w| gives(w, n)));
    now && later && (narrow.gains().next().is_some() || wide.object() == narrow.object())
}

/// Whether the person who rejected has since said yes to this change, or to one of the same object that gives as much:
/// then their reject stands against others, and not against it.
fn is_accepted(
    reject: &RecordedDecision,
    change: &ChangeDocument,
    digest: Digest<of::Change>,
    record: &Record,
    now: Time,
    judge: &dyn Judge,
) -> bool {
    let accepts = |yes: &RecordedDecision| {
        yes.digest == digest || yes.document.object() == change.object() && gives_all(&yes.document, change, judge)
    };
    record.decisions.iter().any(|yes| {
        yes.signer.person == reject.signer.person
            && yes.said != ReviewerVerdict::Reject
            && !yes.is_from_future(now)
            && yes.document.plan == change.plan
            && accepts(yes)
            && record.knew(yes, reject)
            && judge.takes_back(yes)
    })
}

/// Whether a reject blocks a change, as far as nobody lifted it: it binds it and counts, and its person has not said yes
/// to just this since.
#[must_use]
pub fn blocks(
    reject: &RecordedDecision,
    change: &ChangeDocument,
    digest: Digest<of::Change>,
    record: &Record,
    now: Time,
    judge: &dyn Judge,
) -> bool {
    binds(reject, change, judge)
        && counts(reject, record, now, judge)
        && !is_accepted(reject, change, digest, record, now, judge)
}

/// Whether a reject counts: its person was permitted a step when it was sealed, and has not taken it back.
///
/// WHY not a reject's time: one from the future still says that a person objects, and blocking is the safe side.
#[must_use]
pub fn counts(reject: &RecordedDecision, record: &Record, now: Time, judge: &dyn Judge) -> bool {
    reject.said == ReviewerVerdict::Reject && !reject.steps.is_empty() && !record.is_superseded(reject, now, judge)
}

/// The rejects that block a change, in the order of their lines' hashes.
#[must_use]
pub fn blocking<'a>(
    present: &EvaluatedChange,
    record: &'a Record,
    now: Time,
    approval_ttl: Span,
    judge: &dyn Judge,
) -> Vec<Blocking<'a>> {
    let mut found: Vec<Blocking<'a>> = record
        .decisions
        .iter()
        .filter(|d| blocks(d, &present.document, present.digest, record, now, judge))
        .map(|reject| Blocking { reject, lifted_by: lifters(reject, present, record, now, approval_ttl, judge) })
        .filter(|b| !is_lifted(&b.lifted_by))
        .collect();
    found.sort_by_key(|b| b.reject.line);
    found
}

/// Two people with two keys, by the same rule that fills steps.
fn is_lifted(lifters: &BTreeSet<Signer>) -> bool {
    let hands = [0_u8, 1];
    let each = BTreeSet::from(hands);
    let candidates: Vec<Candidate<u8>> =
        lifters.iter().map(|signer| Candidate { signer: signer.clone(), steps: each.clone() }).collect();
    matching::fill(&hands, &candidates).missing.is_empty()
}

fn lifters(
    reject: &RecordedDecision,
    present: &EvaluatedChange,
    record: &Record,
    now: Time,
    approval_ttl: Span,
    judge: &dyn Judge,
) -> BTreeSet<Signer> {
    let names = |d: &RecordedDecision| match &d.said {
        ReviewerVerdict::Override { lifts, .. } => lifts.contains(&reject.line),
        ReviewerVerdict::Approve { .. } | ReviewerVerdict::Reject => false,
    };
    record
        .decisions
        .iter()
        .filter(|d| names(d) && record.knew(d, reject))
        .filter(|d| approval::override_holds(d, present, record, now, approval_ttl, judge))
        .map(|d| d.signer.clone())
        .collect()
}

#[cfg(test)]
#[path = "rejections_tests.rs"]
mod tests;
