//! Whether the approved changes are acceptable on their own.
//!
//! The approved changes are analysed again as a plan of their own, because a grant whose companion revoke was rejected
//! may now break a rule. This module compares that analysis with what was approved and returns the faults.

use std::collections::{BTreeMap, BTreeSet};

use crate::decision::case::{CaseId, CaseOutcome, EvaluatedChange};
use crate::input::digest::{Digest, of};
use crate::input::id::{PlanId, PolicyId};

/// The approved set, analysed and evaluated as a plan of its own.
#[derive(Clone, Debug, Default)]
pub struct Reanalysis {
    /// For each plan whose approved part `SubmitPlan` denies: the policies, or an empty set for a missing permit.
    pub denied_plans: BTreeMap<PlanId, BTreeSet<PolicyId>>,
    /// Every change of the set, as evaluated within the set.
    pub changes: BTreeMap<CaseId, EvaluatedChange>,
}

/// Why an approved set is not acceptable on its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecheckFault {
    /// Policy denies the approved part of the plan.
    PlanDenied(PlanId, BTreeSet<PolicyId>),
    /// Policy denies the change within the set.
    Denied(CaseId, BTreeSet<PolicyId>),
    /// The change has a different effect within the set.
    Moved(CaseId),
    /// The changes of the set together give access that the person was not shown.
    Emerges(CaseId, BTreeSet<Digest<of::Piece>>),
    /// The change depends on one that was rejected or is denied.
    Dependency(CaseId, CaseId),
    /// The analysis has no result for the change.
    NotAnalysed(CaseId),
}

/// The basis on which a change was approved.
#[derive(Clone, Copy, Debug)]
pub struct Basis<'a> {
    /// The change as it was shown.
    pub shown: &'a EvaluatedChange,
    /// The policies overridden for it.
    pub set_aside: &'a BTreeSet<PolicyId>,
}

/// The faults of an approved set, sorted; empty if it is acceptable.
#[must_use]
pub fn faults(approved: &[Basis<'_>], again: &Reanalysis) -> BTreeSet<RecheckFault> {
    let mut found: BTreeSet<RecheckFault> = again
        .denied_plans
        .iter()
        .filter(|(plan, _)| approved.iter().any(|b| b.shown.case.plan == **plan))
        .map(|(plan, policies)| RecheckFault::PlanDenied(plan.clone(), policies.clone()))
        .collect();
    for basis in approved {
        let case = &basis.shown.case;
        let Some(now) = again.changes.get(case) else {
            found.insert(RecheckFault::NotAnalysed(case.clone()));
            continue;
        };
        if now.digest != basis.shown.digest {
            found.insert(RecheckFault::Moved(case.clone()));
        }
        let unseen: BTreeSet<_> = now.emergent.difference(&basis.shown.emergent).copied().collect();
        if !unseen.is_empty() {
            found.insert(RecheckFault::Emerges(case.clone(), unseen));
        }
        if let CaseOutcome::Denied(denial) = &now.outcome
            && !denial.is_set_aside_by(basis.set_aside)
        {
            let policies = denial.mandatory.union(&denial.overridable).cloned().collect();
            found.insert(RecheckFault::Denied(case.clone(), policies));
        }
    }
    found
}
