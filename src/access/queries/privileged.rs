//! Whether an assignment or a membership of a snapshot is privileged by the classification.

use crate::access::effective::state::AccessState;
use crate::access::graph::index::Index;
use crate::access::risk::classification::Classifier;
use crate::access::risk::rating::Rating;
use crate::access::risk::rule_files::Data;
use crate::input::entitlement::Sensitivity;
use crate::input::id::{GroupId, ResourceId, RoleId};

/// What an assignment or a membership gives.
#[derive(Clone, Copy, Debug)]
pub enum RatedHolding<'h> {
    /// A role in a scope; without one, everywhere.
    Role(&'h RoleId, Option<&'h ResourceId>),
    /// The membership of a group.
    Membership(&'h GroupId),
}

/// Whether each of what is held is privileged, in the order given. What nothing classifies counts as privileged. Roles and
/// groups are rated once each.
#[must_use]
pub fn privileged<'h>(index: &Index<'_>, data: &Data, all: impl Iterator<Item = RatedHolding<'h>>) -> Vec<bool> {
    let view = AccessState::plain(index);
    let classifier = Classifier::new(&data.classification);
    let mut groups: std::collections::BTreeMap<&GroupId, bool> = std::collections::BTreeMap::new();
    all.map(|held| match held {
        RatedHolding::Role(role, scope) => weighs(&classifier.held_role(&view, role, scope)),
        RatedHolding::Membership(group) => {
            *groups.entry(group).or_insert_with(|| weighs(&classifier.given_membership(&view, group)))
        }
    })
    .collect()
}

fn weighs(rating: &Rating) -> bool {
    rating.privileged.is_some() || rating.sensitivity == Sensitivity::Unknown
}
