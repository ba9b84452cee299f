//! The unclassified entitlements of a snapshot, by number of assignments: where additional rules help most.
//!
//! Counts the assignments by sensitivity and groups unclassified entitlements, the most frequent first. A resource is
//! named up to its last `:` or `/`, so that a thousand projects are one group. One pass over the assignments; each role
//! is inspected once.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::effective::state::AccessState;
use crate::access::graph::index::Index;
use crate::access::queries::inventory::Levels;
use crate::access::risk::classification::Classifier;
use crate::access::risk::rule_files::Data;
use crate::input::entitlement::Sensitivity;
use crate::input::id::{GroupId, RoleId, Subject};
use crate::input::text::Text;

/// What a new rule would have to match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unclassified {
    /// An action on resources of a pattern.
    Access {
        /// The action.
        action: Text,
        /// A pattern that matches the resources found.
        resource: Text,
    },
    /// Membership of a group without permissions in the snapshot.
    Group(Text),
    /// A role without permissions in the snapshot.
    Role(Text),
}

/// The unclassified entitlements of a snapshot.
#[derive(Clone, Debug, Default)]
pub struct Gaps {
    /// The number of assignments in force, by sensitivity.
    pub levels: Levels,
    /// The total number of assignments.
    pub assignments: u64,
    /// The unclassified entitlements with their numbers of assignments, the most frequent first.
    pub found: Vec<(Unclassified, u64)>,
}

/// Finds the unclassified entitlements.
#[must_use]
pub fn unclassified(index: &Index<'_>, data: &Data) -> Gaps {
    let view = AccessState::plain(index);
    let classifier = Classifier::new(&data.classification);
    let mut gaps = Gaps::default();
    let mut counts: BTreeMap<Unclassified, u64> = BTreeMap::new();
    let mut known: BTreeMap<RoleId, BTreeSet<Unclassified>> = BTreeMap::new();
    let mut memberships: BTreeMap<GroupId, (Sensitivity, bool)> = BTreeMap::new();
    for assignment in index.snapshot().assignments.iter().filter(|a| view.in_force(a.until)) {
        gaps.assignments += 1;
        if let Some(role) = &assignment.role {
            gaps.levels.add(classifier.held_role(&view, role, assignment.scope.as_ref()).sensitivity);
            let lacks = known.entry(role.clone()).or_insert_with(|| of_role(&view, &classifier, role));
            for lack in lacks.iter() {
                *counts.entry(lack.clone()).or_default() += 1;
            }
        }
        if let Some(group) = &assignment.member_of {
            let (level, empty) = *memberships.entry(group.clone()).or_insert_with(|| {
                let reached = classifier.reachable(&view, &Subject::Group(group.clone()));
                (classifier.given_membership(&view, group).sensitivity, reached.is_none())
            });
            gaps.levels.add(level);
            if level == Sensitivity::Unknown && empty {
                *counts.entry(Unclassified::Group(group.text())).or_default() += 1;
            }
        }
    }
    gaps.found = counts.into_iter().collect();
    gaps.found.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
    gaps
}

fn of_role(view: &AccessState<'_, '_>, classifier: &Classifier<'_>, role: &RoleId) -> BTreeSet<Unclassified> {
    let flat = view.flat(role);
    let mut found: BTreeSet<Unclassified> = flat
        .allows
        .iter()
        .filter(|allow| classifier.allow(view, role, allow, None).sensitivity == Sensitivity::Unknown)
        .map(|allow| Unclassified::Access {
            action: allow.permission.action.clone(),
            resource: family(&allow.permission.resource),
        })
        .collect();
    if flat.allows.is_empty() && classifier.held_role(view, role, None).unclassified > 0 {
        found.insert(Unclassified::Role(role.text()));
    }
    found
}

/// A resource up to its last separator, followed by a wildcard.
fn family(resource: &Text) -> Text {
    match resource.raw().rfind([':', '/']) {
        Some(at) => Text::from(format!("{}*", resource.raw().get(..=at).unwrap_or_default())),
        None => "*".into(),
    }
}
