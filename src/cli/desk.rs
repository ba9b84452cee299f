//! The desk at which a person sits: journal, analysis of the approved set, seal and signature.
//!
//! In: a session's events and its end. Out: a journal that is on the disk before the next question, and at the end one
//! signed session in the log. It decides nothing and answers no question.

use std::collections::BTreeSet;

use super::proposal::Proposal;
use crate::access::Index;
use crate::decision::case::CaseId;
use crate::decision::soundness::Reanalysis;
use crate::decision::translate;
use crate::input::id::ChangeId;

/// Analyses and judges only these changes, each plan's part as a plan of its own. What cannot be analysed without the
/// others is missing from the answer, which keeps it from passing.
#[must_use]
pub fn reanalyse(index: &Index<'_>, proposals: &[Proposal<'_>], approved: &BTreeSet<CaseId>) -> Reanalysis {
    let mut again = Reanalysis::default();
    for proposal in proposals {
        let plan = &proposal.plan.id.value;
        let changes: BTreeSet<ChangeId> =
            approved.iter().filter(|case| case.plan == *plan).map(|case| case.change.clone()).collect();
        if changes.is_empty() {
            continue;
        }
        let Ok(part) = proposal.only(index, &changes) else { continue };
        if let Some(policies) = translate::plan_denied(&part.plan_judged) {
            again.denied_plans.insert(plan.clone(), policies);
        }
        again.changes.extend(part.presents.into_iter().map(|present| (present.case.clone(), present)));
    }
    again
}
