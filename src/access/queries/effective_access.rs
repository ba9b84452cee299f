//! Effective access of one subject, expanded.
//!
//! Lists every access that the subject can reach, with its path, not reduced. For queries about one subject; the
//! analysis of a plan expands only differences.

use crate::access::effective::held_access::{AccessDiff, HeldAccess};
use crate::access::effective::state::AccessState;
use crate::access::graph::index::Index;
use crate::access::graph::provenance::path;
use crate::access::model::facts::{Access, AccessPath};
use crate::input::id::Subject;

/// An access that a subject can reach.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReachableAccess {
    /// The access.
    pub access: Access,
    /// Whether something must be activated first.
    pub eligible: bool,
    /// One path to it.
    pub path: AccessPath,
}

/// Everything that a subject can reach in a snapshot, sorted, each access once per mode.
#[must_use]
pub fn effective(index: &Index<'_>, subject: &Subject) -> Vec<ReachableAccess> {
    let mut found = all_of(AccessState::plain(index).everything(subject));
    found.sort_by(|a, b| {
        let key = |r: &ReachableAccess| (r.access.clone(), r.eligible, r.path.len());
        key(a).cmp(&key(b)).then_with(|| a.path.cmp(&b.path))
    });
    found.dedup_by(|b, a| a.access == b.access && a.eligible == b.eligible);
    found
}

/// Accesses with their paths, in force and by activation.
pub(crate) fn all_of(all: AccessDiff) -> Vec<ReachableAccess> {
    let lists = [(all.now, false), (all.eligible, true)];
    let reached = |(list, eligible): (Vec<HeldAccess>, bool)| {
        list.into_iter().map(move |held| ReachableAccess { access: held.access, eligible, path: path(&held.trail) })
    };
    lists.into_iter().flat_map(reached).collect()
}
