//! Direct holdings: what a subject holds itself, before it acts as any other identity.
//!
//! Computes the holdings of a subject through groups, roles and includes, and its denies, as a least fixpoint. Cycles
//! are allowed. An assignment that has expired at `taken_at` gives nothing. A disabled identity has nothing, and acting
//! as it gives nothing.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::access::effective::holdings::{Assumptions, DirectHoldings, Holding, ScopeSubtree, WantedAccess};
use crate::access::effective::role::{Allow, left_out};
use crate::access::effective::state::{AccessState, Membership};
use crate::access::graph::provenance::{ExpiringPath, Expiry, Validity, under};
use crate::access::matching::coverage::{Surely, ancestry, ends_within, scope_covers, scopes_overlap};
use crate::access::matching::systems::Mark;
use crate::access::model::facts::{Exception, PathStep};
use crate::input::entitlement::Permission;
use crate::input::id::{AssignmentId, ResourceId, RoleId, Subject};
use crate::input::text::Text;
use crate::input::time::Time;

/// A role at a scope while it is collected: the path, and the assumptions that its denies depend on.
#[derive(Default)]
struct FoundHoldings {
    way: Validity,
    rests_on: Option<Assumptions>,
    denying: BTreeMap<Assumptions, Validity>,
}

impl AccessState<'_, '_> {
    /// Whether an assignment with this expiry is in force at `taken_at`.
    pub(crate) fn in_force(&self, until: Option<Time>) -> bool {
        until.is_none_or(|end| end > self.as_of())
    }

    /// Whether a scope is a Kubernetes namespace or is inside one.
    pub(crate) fn is_in_namespace(&self, scope: Option<&ResourceId>) -> bool {
        let is_one = |scope: &ResourceId| self.systems.is_namespace(scope);
        scope.is_some_and(|scope| is_one(scope) || ancestry(self, scope).iter().any(is_one))
    }

    /// The direct holdings of a subject.
    pub(crate) fn own(&self, subject: &Subject) -> Rc<DirectHoldings> {
        if let (Some(below), Some(touched)) = (self.below, &self.touched)
            && !touched.may_differ(subject)
        {
            return below.own(subject);
        }
        if let Some(known) = self.memo.borrow().own.get(subject) {
            return Rc::clone(known);
        }
        let own = Rc::new(self.hold(subject));
        let mut memo = self.memo.borrow_mut();
        // Each of them counts as two entries of a closure.
        memo.make_room(own.groups.len().saturating_add(own.holdings.len()).saturating_mul(2));
        memo.own.insert(subject.clone(), Rc::clone(&own));
        own
    }

    /// The id of a membership that is only assumed, because a pending change adds or removes it.
    fn open_membership(&self, membership: &Membership, of: &Subject) -> Option<AssignmentId> {
        match &membership.assignment {
            Some(id) => self.delta.undenied.contains(id).then(|| id.clone()),
            None if self.delta.undenied_listed.is_empty() => None,
            None => {
                let listed = (membership.group.clone(), of.as_str().into());
                let name = || AssignmentId::new(format!("{} in {}", of.as_str(), membership.group.as_str()));
                self.delta.undenied_listed.contains(&listed).then(name)
            }
        }
    }

    fn hold(&self, subject: &Subject) -> DirectHoldings {
        let mut own = DirectHoldings::default();
        if self.deleted(subject) || self.disabled(subject) {
            return own;
        }
        let start = (subject.clone(), ScopeSubtree::EVERYWHERE);
        own.groups.insert(start.clone(), Validity::start());
        let mut queue = VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            let Some(way) = own.groups.get(&at).cloned() else { continue };
            for membership in self.memberships(&at.0) {
                if !self.in_force(membership.until) {
                    continue;
                }
                let Some(mut below) = at.1.within(&Surely(self), membership.scope.as_ref()) else { continue };
                below.rests_on.extend(self.open_membership(&membership, &at.0));
                let step = PathStep::Member(membership.group.clone(), membership.assignment);
                let onward = way.step(&step, membership.mode, Expiry::of(membership.until));
                let next = (Subject::Group(membership.group), below);
                if own.groups.entry(next.clone()).or_default().join(&onward) {
                    queue.push_back(next);
                }
            }
        }
        let mut held: BTreeMap<(RoleId, Option<ResourceId>), FoundHoldings> = BTreeMap::new();
        for ((holder, below), way) in &own.groups {
            for a in self.held_by(holder.as_str()) {
                let (Some(role), true) = (&a.role, self.in_force(a.until)) else { continue };
                let Some(place) = below.within(&Surely(self), a.scope.as_ref()) else { continue };
                let step = PathStep::Holds(role.clone(), a.id.clone(), a.mode);
                let onward = way.step(&step, a.mode, Expiry::of(a.until));
                let mut rests_on = place.rests_on;
                if self.delta.undenied.contains(&a.id) {
                    rests_on.insert(a.id.clone());
                }
                let found = held.entry((role.clone(), place.scope)).or_default();
                found.way.join(&onward);
                // A role reachable by several paths depends only on the assumptions common to all of them.
                found.rests_on = Some(found.rests_on.take().map_or_else(|| rests_on.clone(), |all| &all & &rests_on));
                if place.sure {
                    found.denying.entry(rests_on).or_default().join(&onward);
                }
            }
        }
        let limits = self.limits(subject);
        let mut denies: Vec<Exception> = Vec::new();
        let mut open: Vec<(Assumptions, Exception)> = Vec::new();
        let mut rests: Vec<Assumptions> = Vec::new();
        for ((role, scope), found) in held {
            let flat = self.personal(subject, &role);
            for (rests_on, way) in &found.denying {
                let Some(leg) = &way.now else { continue };
                let here = flat.denies.iter().map(|deny| Exception {
                    scope: scope.clone(),
                    until: leg.end.until(),
                    ..exception(deny)
                });
                if rests_on.is_empty() {
                    denies.extend(here);
                } else {
                    open.extend(here.map(|deny| (rests_on.clone(), deny)));
                }
            }
            let flat = if limits.is_empty() { flat } else { self.limited(subject, &role, &limits) };
            let flat = if self.is_in_namespace(scope.as_ref()) { flat.in_namespace(self.systems) } else { flat };
            rests.push(found.rests_on.unwrap_or_default());
            own.holdings.push(Holding { role, scope, way: found.way, flat, denies: Rc::default() });
        }
        // The denies of a boundary apply to every identity it bounds.
        for role in limits.iter().flat_map(|limit| &limit.roles) {
            denies.extend(self.personal(subject, role).denies.iter().map(exception));
        }
        own.denies = distinct(denies);
        for (holding, rests_on) in own.holdings.iter_mut().zip(rests) {
            let with = open.iter().filter(|(on, _)| on.is_subset(&rests_on)).map(|(_, deny)| deny);
            let mut with: Vec<Exception> = with.cloned().collect();
            holding.denies = if with.is_empty() {
                Rc::clone(&own.denies)
            } else {
                with.extend(own.denies.iter().cloned());
                distinct(with)
            };
        }
        own
    }

    /// How a subject itself, before trusts, has an access.
    pub(crate) fn holds(&self, own: &DirectHoldings, wanted: &WantedAccess<'_>) -> Validity {
        let mut best = Validity::default();
        for holding in &own.holdings {
            if wanted.scope.is_some() && !scopes_overlap(self, holding.scope.as_ref(), wanted.scope) {
                continue;
            }
            for allow in holding.flat.overlapping(self.systems, wanted.requested()) {
                best.join(&self.unless_denied(holding, allow, wanted));
            }
        }
        best
    }

    /// The path to an allow that overlaps an access, unless a single deny covers the overlap.
    pub(crate) fn unless_denied(&self, holding: &Holding, allow: &Allow, wanted: &WantedAccess<'_>) -> Validity {
        let place = holding.scope.as_ref();
        let through = |leg: &ExpiringPath| {
            if self.is_denied(&holding.denies, place, allow, leg.end, wanted) {
                return None;
            }
            let held = allow.leg(leg);
            Some(match self.denied_if(&holding.denies, place, allow, leg.end, wanted) {
                Some(condition) => ExpiringPath { end: held.end.if_met(), trail: under(&held.trail, &condition) },
                None => held,
            })
        };
        Validity { now: holding.way.now.as_ref().and_then(through), ever: holding.way.ever.as_ref().and_then(through) }
    }

    /// Whether one of `denies`, or an exception of the allow, covers the whole overlap of the allow, held at a scope
    /// until an expiry, with an access.
    pub(crate) fn is_denied(
        &self,
        denies: &[Exception],
        held: Option<&ResourceId>,
        allow: &Allow,
        end: Expiry,
        wanted: &WantedAccess<'_>,
    ) -> bool {
        denies
            .iter()
            .filter(|deny| deny.condition.is_none())
            .chain(&left_out(allow))
            .any(|deny| ends_within(end.until(), deny.until) && self.denies_overlap(deny, allow, held, wanted))
    }

    /// The condition under which one of `denies` would cover the whole overlap of an allow and an access.
    pub(crate) fn denied_if(
        &self,
        denies: &[Exception],
        held: Option<&ResourceId>,
        allow: &Allow,
        end: Expiry,
        wanted: &WantedAccess<'_>,
    ) -> Option<Text> {
        let takes =
            |deny: &&Exception| ends_within(end.until(), deny.until) && self.denies_overlap(deny, allow, held, wanted);
        let found = denies.iter().filter(|deny| deny.condition.is_some()).find(takes)?;
        found.condition.as_ref().map(|condition| format!("unless {}", condition.raw()).into())
    }

    /// Whether a deny at a scope reaches the overlap of an allow, held at another scope, and an access.
    fn denies_at(
        &self,
        deny: Option<&ResourceId>,
        held: Option<&ResourceId>,
        wanted: Option<&ResourceId>,
        shared: Option<&ResourceId>,
    ) -> bool {
        let sure = Surely(self);
        // An overlap that exists only because of the position of a resource in the tree is denied there as well.
        let overlap = wanted.is_none() || scopes_overlap(&sure, held, wanted);
        if overlap { scope_covers(&sure, deny, shared) } else { scope_covers(self, deny, shared) }
    }

    /// Whether one deny covers the whole overlap of an allow and an access.
    fn denies_overlap(
        &self,
        deny: &Exception,
        allow: &Allow,
        held: Option<&ResourceId>,
        wanted: &WantedAccess<'_>,
    ) -> bool {
        let dialect = self.systems.dialect_for(wanted.system, allow.system.as_ref(), false);
        let (system, allow) = (&allow.system, &allow.permission);
        // The narrower of two overlapping scopes is their intersection.
        let shared = match wanted.scope {
            Some(scope) if scope_covers(self, held, Some(scope)) => Some(scope),
            Some(_) | None => held,
        };
        let action = |p: &Text| dialect.action_covers(deny.action.raw(), p.raw());
        let resource = |p: &Text| dialect.deny_covers_resource(deny.resource.raw(), p.raw());
        // WHY: the intersection of two patterns is inside either. If the deny covers neither, access is assumed.
        deny.system == *system
            && self.denies_at(deny.scope.as_ref(), held, wanted.scope, shared)
            && (action(&allow.action) || action(wanted.action))
            && (resource(&allow.resource) || resource(wanted.resource))
            // WHY: an exception of the deny may be exactly the access in question.
            && !deny.except.iter().any(|e| {
                let overlap = |action: &Text, resource: &Text| {
                    dialect.actions_overlap(action.raw(), e.action.raw())
                        && dialect.resources_overlap(resource.raw(), e.resource.raw())
                };
                overlap(&allow.action, &allow.resource) && overlap(wanted.action, wanted.resource)
            })
    }
}

/// A deny of a role, as an exception that applies everywhere.
pub(crate) fn exception((system, deny): &(Mark, Permission)) -> Exception {
    let taken = Exception::denied(deny.action.clone(), deny.resource.clone(), deny.except.clone());
    Exception { system: system.clone(), condition: deny.condition.clone(), ..taken }
}

/// Distinct denies, sorted. Of equal denies the latest expiry counts, as for allows.
fn distinct(mut denies: Vec<Exception>) -> Rc<[Exception]> {
    let latest = |d: &Exception| std::cmp::Reverse(Expiry::of(d.until));
    let what = |d: &Exception| {
        let (scope, condition, system) = (d.scope.clone(), d.condition.clone(), d.system.clone());
        (d.action.clone(), d.resource.clone(), scope, condition, d.except.clone(), system)
    };
    denies.sort_by_cached_key(|d| (what(d), latest(d)));
    denies.dedup_by(|b, a| what(a) == what(b));
    denies.into()
}
