//! Rejects: what they bind, and who lifts them.
//!
//! In: the record and a change as it is now. Out: the rejects that block it. A reject outlives rewording: within a plan id
//! it binds what the change was about, and every change that would give any access that it refused.

use std::collections::BTreeSet;

use super::approval;
use super::case::{Judge, Present, Signer, StepName};
use super::digest::Document;
use super::matching::{self, Candidate};
use super::record::{Record, Recorded, Said};
use crate::input::time::{Span, Time};

/// A reject that blocks a change, and who helps to lift it so far.
#[derive(Clone, Debug)]
pub struct Blocking<'a> {
    /// The reject.
    pub reject: &'a Recorded,
    /// People permitted `Override` who lift it; two are needed.
    pub lifted_by: BTreeSet<Signer>,
}

/// Whether a reject binds a change: same plan id, and the same object or any refused access given again.
#[must_use]
pub fn binds(reject: &Recorded, change: &Document, judge: &dyn Judge) -> bool {
    let refused = &reject.document;
    refused.plan == change.plan
        && (reject.said == Said::Reject)
        && (refused.object() == change.object()
            || change.gains().any(|wide| {
                refused
                    .gains()
                    .any(|narrow| wide.subject == narrow.subject && judge.covers(&wide.access, &narrow.access))
            }))
}

/// Whether a reject counts: its person was permitted a step when it was sealed, and has not taken it back.
///
/// WHY not a reject's time: one from the future still says that a person objects, and blocking is the safe side.
#[must_use]
pub fn counts(reject: &Recorded, record: &Record, now: Time, judge: &dyn Judge) -> bool {
    reject.said == Said::Reject && !reject.steps.is_empty() && !record.is_superseded(reject, now, judge)
}

/// The rejects that block a change, in the order of their lines' hashes.
#[must_use]
pub fn blocking<'a>(
    present: &Present,
    record: &'a Record,
    now: Time,
    approval_ttl: Span,
    judge: &dyn Judge,
) -> Vec<Blocking<'a>> {
    let mut found: Vec<Blocking<'a>> = record
        .decisions
        .iter()
        .filter(|d| d.said == Said::Reject && binds(d, &present.document, judge) && counts(d, record, now, judge))
        .map(|reject| Blocking { reject, lifted_by: lifters(reject, present, record, now, approval_ttl, judge) })
        .filter(|b| !is_lifted(&b.lifted_by))
        .collect();
    found.sort_by_key(|b| b.reject.line);
    found
}

/// Two people with two keys, by the same rule that fills steps.
fn is_lifted(lifters: &BTreeSet<Signer>) -> bool {
    let hands = [StepName::from("one"), StepName::from("another")];
    let each = BTreeSet::from(hands.clone());
    let candidates: Vec<Candidate> =
        lifters.iter().map(|signer| Candidate { signer: signer.clone(), steps: each.clone() }).collect();
    matching::fill(&hands, &candidates).missing.is_empty()
}

fn lifters(
    reject: &Recorded,
    present: &Present,
    record: &Record,
    now: Time,
    approval_ttl: Span,
    judge: &dyn Judge,
) -> BTreeSet<Signer> {
    let names = |d: &Recorded| match &d.said {
        Said::Override { lifts, .. } => lifts.contains(&reject.line),
        Said::Approve { .. } | Said::Reject => false,
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
#[path = "reject_tests.rs"]
mod tests;
