//! The approved part of several plans, analysed again as plans of their own.

use std::collections::BTreeSet;

use crate::access::Index;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::plans::sibling_plans;
use crate::decision::case::CaseId;
use crate::decision::recheck::Reanalysis;
use crate::decision::translate;
use crate::input::id::ChangeId;

/// Analyses and judges only these changes, each plan's part as a plan of its own. Changes that cannot be analysed
/// without the others are missing from the result and so do not pass.
#[must_use]
pub fn reanalyse<'s>(index: &Index<'s>, proposals: &[EvaluatedPlan<'s>], approved: &BTreeSet<CaseId>) -> Reanalysis {
    let mut again = Reanalysis::default();
    for proposal in proposals {
        let plan = &proposal.plan.id.value;
        let changes: BTreeSet<ChangeId> =
            approved.iter().filter(|case| case.plan == *plan).map(|case| case.change.clone()).collect();
        if changes.is_empty() {
            continue;
        }
        let held = sibling_plans::held(proposal, proposals, approved);
        let Ok(part) = proposal.only(index, &changes, &held) else { continue };
        if let Some(policies) = translate::plan_denied(&part.plan_judged) {
            again.denied_plans.insert(plan.clone(), policies);
        }
        again.changes.extend(part.presents.into_iter().map(|present| (present.case.clone(), present)));
    }
    again
}
