//! Rejections: which changes they block, and who can lift them.
//!
//! Finds the rejections in the record that block a current change. A rejection survives rewording: within a plan id it
//! applies to the same object, and to every change that would give any of the rejected access.

use std::collections::BTreeSet;

use crate::decision::case::{EvaluatedChange, Signer};
use crate::decision::digest::{ChangeDocument, Held};
use crate::decision::judge::Judge;
use crate::decision::matching::Candidate;
use crate::decision::recorded::record::{Record, RecordedDecision, ReviewerVerdict};
use crate::decision::{approval, matching};
use crate::input::digest::{Digest, of};
use crate::input::time::{Span, Time};

/// A rejection that blocks a change, with the people who lift it so far.
#[derive(Clone, Debug)]
pub struct Blocking<'a> {
    /// The rejection.
    pub reject: &'a RecordedDecision,
    /// People permitted `Override` who lift it; two are needed.
    pub lifted_by: BTreeSet<Signer>,
}

/// Whether a rejection applies to a change: same plan id, and the same object, or any of the access whose gain or loss was
/// rejected.
#[must_use]
pub fn binds(reject: &RecordedDecision, change: &ChangeDocument, judge: &dyn Judge) -> bool {
    let refused = &reject.document;
    refused.plan == change.plan
        && (reject.said == ReviewerVerdict::Reject)
        && (refused.object() == change.object()
            || change.gains().any(|wide| refused.gains().any(|narrow| covers(wide, narrow, judge)))
            || change.losses().any(|wide| refused.losses().any(|narrow| covers(wide, narrow, judge))))
}

fn covers(wide: &Held, narrow: &Held, judge: &dyn Judge) -> bool {
    wide.subject == narrow.subject && judge.covers(&wide.access, &narrow.access)
}

/// Whether a later approval by the same person covers everything that was rejected. Approving less leaves the rest
/// rejected.
#[must_use]
pub fn is_taken_back(reject: &RecordedDecision, yes: &RecordedDecision, judge: &dyn Judge) -> bool {
    binds(reject, &yes.document, judge)
        && (reject.digest == yes.digest || gives_all(&yes.document, &reject.document, judge))
}

/// Whether one change gives all access that another gives, including what the other gives immediately. If the other
/// gives none, whether both have the same object.
fn gives_all(wide: &ChangeDocument, narrow: &ChangeDocument, judge: &dyn Judge) -> bool {
    let gives = |w: &Held, n: &Held| covers(w, n, judge);
    let now = narrow.effect.gained.iter().all(|n| wide.effect.gained.iter().any(|w| gives(w, n)));
    let later = narrow.effect.gained_eligible.iter().all(|n| wide.gains().any(|w| gives(w, n)));
    now && later && (narrow.gains().next().is_some() || wide.object() == narrow.object())
}

/// Whether the person who rejected has since approved this change, or one with the same object that gives at least as
/// much. The rejection then still applies to other changes.
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

/// Whether a rejection blocks a change, unless it is lifted: it applies, it counts, and its person has not approved
/// exactly this since.
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

/// Whether a rejection counts: its person was permitted a step when it was sealed, and has not withdrawn it.
///
/// WHY the time is not checked: a rejection from the future still shows that a person objects, and blocking is the safe
/// side.
#[must_use]
pub fn counts(reject: &RecordedDecision, record: &Record, now: Time, judge: &dyn Judge) -> bool {
    reject.said == ReviewerVerdict::Reject && !reject.steps.is_empty() && !record.is_superseded(reject, now, judge)
}

/// The rejections that block a change, ordered by the hashes of their lines.
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
