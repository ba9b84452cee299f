//! The change plan that leads from one snapshot to another.

use crate::app::plans::drafted::{About, DraftedPlan, PlanHeader, PlanSource, draft};
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::time::Time;
use crate::snapshot::model::Snapshot;

/// Drafts the plan. `digest` is that of the later snapshot's file.
///
/// # Errors
/// If the snapshots are of different systems, or a plan cannot say any of the difference.
pub fn from_difference(
    before: &Snapshot,
    after: &Snapshot,
    digest: Digest<of::File>,
    header: &PlanHeader,
    now: Time,
) -> Result<DraftedPlan, Vec<Finding>> {
    if let Some(fault) = other_system(before, after) {
        return Err(vec![fault]);
    }
    let made = PlanSource {
        tool: "snapshot",
        source: digest,
        file: None,
        complete: true,
        not_read: Vec::new(),
        before,
        after,
        intent: format!("Change the access of {} to that of {}.", before.taken_at, after.taken_at),
    };
    draft(made, header, now, |_| About {
        reason: format!("The snapshot of {} has it so.", after.taken_at),
        origin: None,
        unknown: Vec::new(),
    })
}

fn other_system(before: &Snapshot, after: &Snapshot) -> Option<Finding> {
    let (old, new) = (before.targets(), after.targets());
    let is_other = before.source != after.source || (!old.is_empty() && !new.is_empty() && old != new);
    let message = "the two snapshots are of different systems";
    let finding = Finding::new(Code::OtherTarget, message).weighing(Severity::Error);
    is_other.then(|| finding.help("compare two snapshots of one system, such as two exports of one cluster"))
}

#[cfg(test)]
#[path = "snapshot_plan_tests.rs"]
mod tests;
