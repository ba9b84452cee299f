//! The state of exported changes: exported, the last result, or ended, with the line of the log that says so.

use crate::app::execution::export::ends_at;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::record::exported_plan::ExportedPlan;
use crate::decision::gate::GateVerdict;
use crate::decision::recorded::exports::LastExport;
use crate::decision::recorded::record::LinePlace;
use crate::input::id::{ChangeId, PlanId};
use crate::input::time::Time;
use crate::plan::model::{Change, Plan};

/// The state of an exported change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedState {
    /// The plan.
    pub plan: PlanId,
    /// The change.
    pub change: ChangeId,
    /// `exported`, the word of the last result, or `ended`.
    pub state: &'static str,
    /// The export, or its last result.
    pub place: LinePlace,
    /// When that was recorded.
    pub at: Time,
    /// The latest end of what the change gives.
    pub ends: Option<Time>,
}

/// The exported changes of a plan. An approval that was given again after the export is not counted here.
#[must_use]
pub fn exported(proposal: &EvaluatedPlan<'_>, verdict: &GateVerdict, now: Time) -> Vec<ExportedState> {
    let plan = &proposal.plan;
    let mut found = Vec::new();
    for (change, held) in plan.changes.iter().zip(&verdict.changes) {
        let last = held.exported.as_ref().filter(|_| held.is_used_up());
        found.extend(last.map(|last| one(plan, change, last, now)));
    }
    found
}

/// The changes of a plan that no longer fits the snapshot, because all of them were exported.
#[must_use]
pub fn carried_out(it: &ExportedPlan, now: Time) -> Vec<ExportedState> {
    it.plan.changes.iter().zip(&it.exports).map(|(change, last)| one(&it.plan, change, last, now)).collect()
}

fn one(plan: &Plan, change: &Change, last: &LastExport, now: Time) -> ExportedState {
    let ends = ends_at(&change.action, plan.expires.value);
    let (word, place, at) = match &last.result {
        Some(result) => (result.outcome.word(), &result.place, result.at),
        None => ("exported", &last.place, last.at),
    };
    let state = if ends.is_some_and(|end| end <= now) { ENDED } else { word };
    let (plan, change) = (plan.id.value.clone(), change.id.value.clone());
    ExportedState { plan, change, state, place: place.clone(), at, ends }
}

const ENDED: &str = "ended";

/// The state of a plan whose changes are all exported: that of the changes if it is the same, else `exported`.
#[must_use]
pub fn of_plan(all: &[ExportedState]) -> &'static str {
    let Some(first) = all.first() else { return "exported" };
    let done = |it: &ExportedState| it.state == ENDED || it.state == "applied";
    if all.iter().all(|it| it.state == first.state) {
        first.state
    } else if all.iter().all(done) {
        "applied"
    } else {
        "exported"
    }
}
