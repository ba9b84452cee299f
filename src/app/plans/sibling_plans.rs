//! Cross-plan effects within one run: changes of one plan that pass count as pending when the other plans are analysed.
//!
//! Collects the approved and automatic changes of evaluated plans. Changes that the log already contains are not
//! counted twice.

use std::collections::BTreeSet;

use crate::access::PendingChange;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::decision::case::{CaseId, CaseOutcome};

/// Adds the automatic changes of a plan.
pub fn add_automatic(proposal: &EvaluatedPlan<'_>, into: &mut Vec<PendingChange>) {
    if !proposal.plan_judged.passes() {
        return;
    }
    let automatic = proposal.presents.iter().filter(|present| present.outcome == CaseOutcome::Auto);
    add(proposal, &automatic.map(|present| present.case.clone()).collect(), into);
}

/// The pending changes for one of several plans, if these changes are approved: those it was evaluated with, and those
/// of the other plans.
#[must_use]
pub fn held(
    proposal: &EvaluatedPlan<'_>,
    all: &[EvaluatedPlan<'_>],
    approved: &BTreeSet<CaseId>,
) -> Vec<PendingChange> {
    let mut held = proposal.approved.clone();
    for other in all.iter().filter(|other| other.plan.id.value != proposal.plan.id.value) {
        add(other, approved, &mut held);
    }
    held
}

fn add(proposal: &EvaluatedPlan<'_>, which: &BTreeSet<CaseId>, into: &mut Vec<PendingChange>) {
    let plan = &proposal.plan;
    for change in &plan.changes {
        let case = CaseId { plan: plan.id.value.clone(), change: change.id.value.clone() };
        let known = |one: &PendingChange| one.plan == plan.id.value && one.change.action == change.action;
        if which.contains(&case) && !into.iter().any(known) {
            into.push(PendingChange {
                plan: plan.id.value.clone(),
                proposer: plan.proposer.value.clone(),
                at: proposal.now,
                expires: plan.expires.value,
                change: change.clone(),
            });
        }
    }
}
