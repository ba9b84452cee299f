//! Removed access: the accesses that a plan removes, whatever roles gave them, with the subjects that lose each and the
//! subjects that keep it.
//!
//! An access is an action on a resource, in any scope and by any path. From the lost accesses of the plan and of each of
//! its changes, computes which subjects had each access in the snapshot and have it for less time, only by activation, or
//! not at all once the removals are applied. Holders are searched among those assigned a role that overlaps the access,
//! and those who can act as them. Cost: for each access, linear in the accesses of its losers and of as many other
//! holders.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::effective::held_access::HeldAccess;
use crate::access::effective::state::AccessState;
use crate::access::matching::coverage::{covers, exception_takes_all, patterns_cover};
use crate::access::model::facts::{Access, AccessDelta};
use crate::input::id::RoleId;
use crate::input::id::Subject;
use crate::input::system::System;
use crate::input::text::Text;

/// The maximum number of accesses whose holders are searched: privileged ones, then those that most subjects lose.
const MOST_COMPARED: usize = 512;

/// An action on a resource, in force or only by activation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RemovedAccess {
    pub(crate) action: Text,
    pub(crate) resource: Text,
    system: Option<System>,
    eligible: bool,
}

/// The accesses that changes remove, with whether they are privileged and who loses one that is written like this.
#[derive(Default)]
pub(crate) struct RemovedAccesses(BTreeMap<RemovedAccess, (bool, BTreeSet<Subject>)>);

impl RemovedAccesses {
    /// Adds a lost access.
    pub(crate) fn add(&mut self, piece: &AccessDelta, eligible: bool) {
        let access = &piece.access;
        let key = RemovedAccess {
            action: access.action.clone(),
            resource: access.resource.clone(),
            system: access.system.clone(),
            eligible,
        };
        let known = self.0.entry(key).or_default();
        known.0 |= piece.privileged.is_some();
        known.1.insert(piece.subject.clone());
    }

    /// The accesses worth comparing, the most severe first, each with whether it is privileged.
    pub(crate) fn most_severe(&self) -> Vec<(&RemovedAccess, bool)> {
        let losers: BTreeSet<&Subject> = self.0.values().flat_map(|(_, losers)| losers).collect();
        let counts = |privileged: bool| privileged || losers.len() > 1;
        let mut all: Vec<_> = self.0.iter().filter(|(_, known)| counts(known.0)).collect();
        all.sort_by_key(|(_, (privileged, losers))| (!privileged, std::cmp::Reverse(losers.len())));
        all.into_iter().take(MOST_COMPARED).map(|(key, (privileged, _))| (key, *privileged)).collect()
    }
}

impl RemovedAccess {
    /// Whether a subject loses it from `before` to `after`, in some scope or for some time.
    pub(crate) fn is_lost_by(
        &self,
        subject: &Subject,
        before: &AccessState<'_, '_>,
        after: &AccessState<'_, '_>,
    ) -> bool {
        let had = self.held_by(subject, before);
        if had.is_empty() {
            return false;
        }
        let left = self.held_by(subject, after);
        // A subject that keeps it in one scope, as long as before, keeps it.
        !had.iter().any(|was| left.iter().any(|is| covers(before.systems, before, &is.access, &self.within(was))))
    }

    /// Whether a subject has it in any scope.
    pub(crate) fn is_held_by(&self, subject: &Subject, view: &AccessState<'_, '_>) -> bool {
        !self.held_by(subject, view).is_empty()
    }

    /// The accesses of a subject that cover it.
    fn held_by(&self, subject: &Subject, view: &AccessState<'_, '_>) -> Vec<HeldAccess> {
        let found = view.about(&view.row(subject), &self.action, &self.resource);
        let all = found.now.into_iter().chain(found.eligible.into_iter().filter(|_| self.eligible));
        let is_whole = |held: &HeldAccess| {
            let this = self.within(held);
            let takes_all = |e: &_| exception_takes_all(view.systems, view, e, &this);
            patterns_cover(view.systems, view, &held.access, &this) && !this.exceptions.iter().any(takes_all)
        };
        all.filter(is_whole).collect()
    }

    /// This access as far as another that is held gives it.
    fn within(&self, held: &HeldAccess) -> Access {
        Access { action: self.action.clone(), resource: self.resource.clone(), ..held.access.clone() }
    }

    /// Whether a role gives it, wherever it is assigned.
    pub(crate) fn is_given_by(&self, role: &RoleId, view: &AccessState<'_, '_>) -> bool {
        let wanted = (&self.action, &self.resource, self.system.as_ref());
        !view.flat(role).covering(view.systems, wanted).is_empty()
    }

    /// The subjects that may have it, in some order: those assigned a role that overlaps it, the members of groups among
    /// them, and those who can act as them.
    pub(crate) fn possible_holders(&self, view: &AccessState<'_, '_>) -> BTreeSet<Subject> {
        let overlaps = |role: &&crate::snapshot::model::Role| {
            let wanted = (&self.action, &self.resource, self.system.as_ref());
            !view.flat(&role.id).overlapping_places(view.systems, wanted).is_empty()
        };
        let roles = view.index.snapshot().roles.iter().filter(overlaps);
        let assigned: BTreeSet<Subject> = roles
            .flat_map(|role| view.of_role(&role.id))
            .filter(|assignment| view.in_force(assignment.until))
            .flat_map(|assignment| view.subjects(assignment.who.raw()))
            .collect();
        view.predecessors(&assigned)
    }
}
