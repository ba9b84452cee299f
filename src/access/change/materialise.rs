//! The snapshot that applying changes would leave.
//!
//! Takes a plan, or some of its changes, and an index of the snapshot before. Returns a snapshot of its own, in which the
//! overlay of the changes is written out. Access granted by `ttl` ends at the latest time that it can. Costs a copy of the
//! snapshot, so it serves commands that compare two exports and not the analysis of plans.

use std::collections::BTreeSet;

use crate::access::change::apply::overlay;
use crate::access::change::resolve::resolve;
use crate::access::graph::index::Index;
use crate::access::graph::overlay::Overlay;
use crate::input::finding::Finding;
use crate::input::id::ChangeId;
use crate::plan::model::Plan;
use crate::snapshot::model::Snapshot;

/// Applies a plan, or a subset of its changes, to a snapshot.
///
/// # Errors
/// Every unknown name, conflict and ambiguity, each at its place.
pub fn applied(index: &Index<'_>, plan: &Plan, only: Option<&BTreeSet<ChangeId>>) -> Result<Snapshot, Vec<Finding>> {
    let steps = resolve(plan, index, only)?;
    Ok(written_out(index.snapshot(), overlay(index, plan.expires.value, &steps)))
}

fn written_out(before: &Snapshot, delta: Overlay) -> Snapshot {
    let mut after = before.clone();
    let kept = before.assignments.iter().enumerate().filter(|(at, _)| !delta.gone.contains(at));
    after.assignments = kept.map(|(_, assignment)| assignment.clone()).chain(delta.added.iter().cloned()).collect();
    for group in &mut after.groups {
        let left = |name: &crate::input::text::Text| delta.left.contains(&(group.id.clone(), name.clone()));
        let (members, nested) = (&mut group.members, &mut group.nested);
        members.retain(|member| !left(&member.text()));
        nested.retain(|member| !left(&member.text()));
    }
    after.trusts.retain(|trust| !delta.trusts_gone.contains(&trust.id));
    after.trusts.extend(delta.trusts().iter().map(|(trust, _)| trust.clone()));
    replace(&mut after.identities, delta.identities, |it| &it.id);
    replace(&mut after.groups, delta.groups, |it| &it.id);
    replace(&mut after.roles, delta.roles, |it| &it.id);
    replace(&mut after.resources, delta.resources, |it| &it.id);
    after
}

/// Puts in what the overlay has: a new or altered thing, or nothing in the place of a deleted one.
fn replace<T, I: Ord>(all: &mut Vec<T>, over: std::collections::BTreeMap<I, Option<T>>, id: impl Fn(&T) -> &I) {
    all.retain(|known| !over.contains_key(id(known)));
    all.extend(over.into_values().flatten());
}
