//! Expanded accesses: the accesses that the holdings of a subject give it, each with its path and the role that gives
//! it.

use crate::access::effective::grant::{Grants, When};
use crate::access::effective::holdings::Holding;
use crate::access::effective::reachable::Reachable;
use crate::access::effective::role::{Allow, left_out};
use crate::access::effective::state::AccessState;
use crate::access::graph::provenance::{ExpiringPath, HopChain, Validity, both, condition, steps};
use crate::access::matching::coverage::{exception_overlaps, exception_takes_all};
use crate::access::model::facts::{Access, Exception};
use crate::input::id::{ResourceId, RoleId, Subject};
use crate::input::text::Text;

/// An access with its path and the role that gives it.
#[derive(Clone, Debug)]
pub(crate) struct HeldAccess {
    pub(crate) access: Access,
    pub(crate) trail: HopChain,
    pub(crate) role: RoleId,
    /// It represents a role whose permissions are unknown.
    pub(crate) unknown: bool,
    /// Set if it differs only in what is held: the path by which the subject reaches it in the other state.
    pub(crate) elsewhere: Option<HopChain>,
}

/// The additional access of one subject.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccessDiff {
    /// In force.
    pub(crate) now: Vec<HeldAccess>,
    /// Only by activation.
    pub(crate) eligible: Vec<HeldAccess>,
    /// Truncated: there is more access than the limit, and not all of it is listed.
    pub(crate) cut: bool,
    /// The number of entries inspected: identities that the subject can act as, and the grants they give it.
    pub(crate) looked: u64,
}

impl AccessDiff {
    /// Whether it is empty and not truncated.
    pub(crate) fn is_empty(&self) -> bool {
        self.now.is_empty() && self.eligible.is_empty() && !self.cut
    }
}

impl AccessState<'_, '_> {
    /// An allow as an access, with the denies that overlap it; `None` if one deny covers it entirely.
    pub(crate) fn access(
        &self,
        denies: &[Exception],
        scope: Option<&ResourceId>,
        allow: &Allow,
        source: &ExpiringPath,
    ) -> Option<Access> {
        let mut access = Access {
            scope: scope.cloned(),
            condition: Self::condition_of(source, allow),
            until: source.end.until(),
            system: allow.system.clone(),
            ..Access::plain(allow.permission.action.clone(), allow.permission.resource.clone())
        };
        let left_out = left_out(allow);
        for taken in denies.iter().chain(&left_out) {
            if exception_takes_all(self.systems, self, taken, &access) {
                return None;
            }
            if exception_overlaps(self.systems, self, taken, &access) {
                access.exceptions.push(taken.clone());
            }
        }
        if !left_out.is_empty() {
            access.exceptions.sort();
            // A kind that a deny also covers is shown as denied.
            access.exceptions.dedup_by(|b, a| Exception { kind: a.kind, ..b.clone() } == *a);
        }
        Some(access)
    }

    /// The condition on an allow: the conditions of the path, and its own.
    fn condition_of(source: &ExpiringPath, allow: &Allow) -> Option<Text> {
        let there = if source.end.is_sure() { None } else { condition(&source.trail) };
        both(there.as_ref(), allow.permission.condition.as_ref())
    }

    pub(super) fn held(
        &self,
        denies: &[Exception],
        scope: Option<&ResourceId>,
        role: &RoleId,
        allow: &Allow,
        leg: &ExpiringPath,
    ) -> Option<HeldAccess> {
        Some(HeldAccess {
            access: self.access(denies, scope, allow, leg)?,
            trail: allow.trail(&leg.trail),
            role: allow.chain.last().unwrap_or(role).clone(),
            unknown: allow.unknown,
            elsewhere: None,
        })
    }

    /// Whether a subject has an access that covers another, in force or, depending on `when`, by activation.
    pub(crate) fn has(&self, tree: &AccessState<'_, '_>, subject: &Subject, wanted: &Access, when: When) -> bool {
        self.given(subject).covers(self.systems, tree, wanted, when)
    }

    /// The same for its direct holdings.
    pub(crate) fn holds_access(
        &self,
        tree: &AccessState<'_, '_>,
        subject: &Subject,
        wanted: &Access,
        when: When,
    ) -> bool {
        Grants::by(subject, &self.own(subject)).covers(self.systems, tree, wanted, when)
    }

    /// Every access of a subject, in force and by activation, not reduced. Expensive; for queries about one subject.
    pub(crate) fn everything(&self, subject: &Subject) -> AccessDiff {
        let mut all = AccessDiff::default();
        for (actor, way) in self.row(subject).iter() {
            for holding in &self.own(actor).holdings {
                self.written(&way.then(&holding.way), holding, holding.flat.allows.iter(), &mut all);
            }
        }
        all
    }

    /// The accesses through a closure that overlap an action and a resource, in the order of its actors, not reduced.
    pub(crate) fn about(&self, row: &Reachable, action: &Text, resource: &Text) -> AccessDiff {
        let mut all = AccessDiff::default();
        for (actor, way) in row {
            for holding in &self.own(actor).holdings {
                let places = holding.flat.overlapping_places(self.systems, (action, resource, None));
                if !places.is_empty() {
                    let allows = places.iter().filter_map(|at| holding.flat.allows.get(*at));
                    self.written(&way.then(&holding.way), holding, allows, &mut all);
                }
            }
        }
        all
    }

    /// The accesses that a holding gives by a path to it.
    pub(crate) fn by_holding(&self, holding: &Holding, path: &Validity) -> AccessDiff {
        let mut all = AccessDiff::default();
        self.written(path, holding, holding.flat.allows.iter(), &mut all);
        all
    }

    /// Expands some allows of a holding, by a path to it.
    fn written<'a>(
        &self,
        path: &Validity,
        holding: &Holding,
        allows: impl Iterator<Item = &'a Allow>,
        into: &mut AccessDiff,
    ) {
        for allow in allows {
            for (leg, list) in [(path.now.as_ref(), &mut into.now), (path.eligible(), &mut into.eligible)] {
                let held = |leg| self.held(&holding.denies, holding.scope.as_ref(), &holding.role, allow, leg);
                list.extend(leg.and_then(held));
            }
        }
    }
}

/// Sorts accesses. Of several paths to one access, keeps the shortest, then the first.
pub(crate) fn distinct(found: &mut Vec<HeldAccess>) {
    found.sort_by(|a, b| {
        a.access.cmp(&b.access).then_with(|| {
            let (a, b) = (steps(&a.trail), steps(&b.trail));
            a.len().cmp(&b.len()).then_with(|| a.cmp(&b))
        })
    });
    found.dedup_by(|b, a| a.access == b.access);
}
