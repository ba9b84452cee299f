//! What nothing classifies in a snapshot, by how many assignments give it: where rules help most.
//!
//! In: an index and rules. Out: how many assignments there are of each sensitivity, and groups of unclassified entitlements,
//! the most frequent first. A resource is named up to its last `:` or `/`, so that a thousand projects are one group. One
//! pass over the assignments; each role is looked at once.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::effective::state::AccessState;
use crate::access::graph::index::Index;
use crate::access::queries::inventory::Levels;
use crate::access::risk::classification::Classifier;
use crate::access::risk::rule_files::Data;
use crate::input::entitlement::Sensitivity;
use crate::input::id::{GroupId, RoleId, Subject};
use crate::input::text::Text;

/// What a rule would have to name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unclassified {
    /// An action on resources of a pattern.
    Access {
        /// The action.
        action: Text,
        /// The pattern that takes in the resources seen.
        resource: Text,
    },
    /// Membership of a group that gives nothing here.
    Group(Text),
    /// A role that gives nothing here.
    Role(Text),
}

/// What nothing classifies.
#[derive(Clone, Debug, Default)]
pub struct Gaps {
    /// How many assignments in force there are of each sensitivity.
    pub levels: Levels,
    /// How many assignments there are in all.
    pub assignments: u64,
    /// What is unclassified, and how many assignments give it; the most first.
    pub found: Vec<(Unclassified, u64)>,
}

/// Finds what nothing classifies.
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
            gaps.levels.add(classifier.given_role(&view, role, assignment.scope.as_ref()).sensitivity);
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
    if flat.allows.is_empty() && classifier.given_role(view, role, None).unclassified > 0 {
        found.insert(Unclassified::Role(role.text()));
    }
    found
}

/// A resource up to its last divider, and anything after it.
fn family(resource: &Text) -> Text {
    match resource.raw().rfind([':', '/']) {
        Some(at) => Text::from(format!("{}*", resource.raw().get(..=at).unwrap_or_default())),
        None => "*".into(),
    }
}
