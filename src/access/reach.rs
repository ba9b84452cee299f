//! Reach: what a subject holds itself, before it acts as anyone.
//!
//! In: a state and a subject. Out: its holdings through groups, roles and includes, and its denies: the least fixpoint.
//! Cycles are legal. An assignment that has ended at `taken_at` gives nothing; a disabled identity gives nothing, neither
//! to itself nor to whoever could act as it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use crate::access::compare::left_out;
use crate::access::coverage::{Surely, Tree, scope_covers, scopes_overlap};
use crate::access::facts::{Exception, Step};
use crate::access::flat::{Allow, Flat};
use crate::access::view::{Membership, View};
use crate::access::way::{End, Leg, Way};
use crate::input::entitlement::Permission;
use crate::input::id::{AssignmentId, ResourceId, RoleId, Subject};
use crate::input::text::Text;
use crate::input::time::Time;

/// A place below which something holds, and whether that is sure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Below {
    pub(super) scope: Option<ResourceId>,
    /// False where two scopes of an unknown tree met: access is then assumed, a deny is not.
    pub(super) sure: bool,
    /// The memberships on the way that may be there or not: see [`Holding::denies`].
    pub(super) rests_on: Rests,
}

/// Assignments and memberships that other plans make or take, and that may be there or not.
type Rests = BTreeSet<AssignmentId>;

impl Below {
    const EVERYWHERE: Self = Self { scope: None, sure: true, rests_on: Rests::new() };

    /// Where both hold; nothing if nowhere.
    fn within(&self, tree: &dyn Tree, scope: Option<&ResourceId>) -> Option<Self> {
        let narrow = |scope: Option<&ResourceId>| Some(Self { scope: scope.cloned(), ..self.clone() });
        if scope_covers(tree, self.scope.as_ref(), scope) {
            return narrow(scope);
        }
        if scope_covers(tree, scope, self.scope.as_ref()) {
            return narrow(self.scope.as_ref());
        }
        let unknown = [self.scope.as_ref(), scope].into_iter().flatten().any(|s| !tree.knows(s));
        unknown.then(|| Self { scope: scope.cloned(), sure: false, ..self.clone() })
    }
}

/// A role held somewhere.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    pub(super) role: RoleId,
    pub(super) scope: Option<ResourceId>,
    pub(super) way: Way,
    pub(super) flat: Rc<Flat>,
    /// What is denied to it: what its holder is denied in any case, and what is denied by all that it rests on as well. A
    /// deny that comes with something that may never be done counts for what comes only with that, and for nothing else.
    pub(super) denies: Rc<[Exception]>,
}

/// A role held somewhere, while it is found: the way, and what denies by which it rests on.
#[derive(Default)]
struct Found {
    way: Way,
    rests_on: Option<Rests>,
    denying: BTreeMap<Rests, Way>,
}

/// What a subject holds itself, before trusts.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    /// The subject and the groups it belongs to, with the places where it does.
    pub(super) groups: BTreeMap<(Subject, Below), Way>,
    /// Distinct by role and scope, sorted.
    pub(super) holdings: Vec<Holding>,
    /// Unconditional denies in force, sorted.
    pub(super) denies: Rc<[Exception]>,
}

impl Own {
    /// Whether it belongs to the same groups in the same way as another.
    pub(super) fn belongs_as(&self, other: &Self) -> bool {
        self.groups.len() == other.groups.len()
            && self.groups.iter().zip(&other.groups).all(|((a, way), (b, known))| a == b && way.is(known))
    }

    /// The holdings that another does not have, or not as long.
    pub(super) fn beyond<'o>(&'o self, other: &'o Self) -> impl Iterator<Item = &'o Holding> {
        self.holdings.iter().filter(|held| {
            let known = other.holding(&held.role, held.scope.as_ref());
            let same = |known: &Holding| {
                Rc::ptr_eq(&held.flat, &known.flat)
                    && held.way.ends() == known.way.ends()
                    && held.denies == known.denies
            };
            !known.is_some_and(same)
        })
    }

    /// The holding of a role at a scope.
    pub(super) fn holding(&self, role: &RoleId, scope: Option<&ResourceId>) -> Option<&Holding> {
        let at = self.holdings.binary_search_by(|h| (&h.role, h.scope.as_ref()).cmp(&(role, scope))).ok()?;
        self.holdings.get(at)
    }
}

/// What must be held for a trust, a rule or a path.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'w> {
    pub(super) action: &'w Text,
    pub(super) resource: &'w Text,
    /// None: in any scope.
    pub(super) scope: Option<&'w ResourceId>,
}

impl View<'_, '_> {
    /// Whether something that ends then is in force at `taken_at`.
    pub(super) fn in_force(&self, until: Option<Time>) -> bool {
        until.is_none_or(|end| end > self.as_of())
    }

    /// What a subject holds itself.
    pub(super) fn own(&self, subject: &Subject) -> Rc<Own> {
        if let (Some(below), Some(touched)) = (self.below, &self.touched)
            && !touched.holds_other(subject)
        {
            return below.own(subject);
        }
        if let Some(known) = self.worked.borrow().own.get(subject) {
            return Rc::clone(known);
        }
        let own = Rc::new(self.hold(subject));
        let mut worked = self.worked.borrow_mut();
        // Each is as much as two entries of a row.
        worked.make_room(own.groups.len().saturating_add(own.holdings.len()).saturating_mul(2));
        worked.own.insert(subject.clone(), Rc::clone(&own));
        own
    }

    /// A membership as one that may be there or not, if it is.
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

    fn hold(&self, subject: &Subject) -> Own {
        let mut own = Own::default();
        if self.deleted(subject) || self.disabled(subject) {
            return own;
        }
        let start = (subject.clone(), Below::EVERYWHERE);
        own.groups.insert(start.clone(), Way::start());
        let mut queue = VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            let Some(way) = own.groups.get(&at).cloned() else { continue };
            for membership in self.memberships(&at.0) {
                if !self.in_force(membership.until) {
                    continue;
                }
                let Some(mut below) = at.1.within(&Surely(self), membership.scope.as_ref()) else { continue };
                below.rests_on.extend(self.open_membership(&membership, &at.0));
                let step = Step::Member(membership.group.clone(), membership.assignment);
                let onward = way.step(&step, membership.mode, End::of(membership.until));
                let next = (Subject::Group(membership.group), below);
                if own.groups.entry(next.clone()).or_default().join(&onward) {
                    queue.push_back(next);
                }
            }
        }
        let mut held: BTreeMap<(RoleId, Option<ResourceId>), Found> = BTreeMap::new();
        for ((holder, below), way) in &own.groups {
            for a in self.held_by(holder.as_str()) {
                let (Some(role), true) = (&a.role, self.in_force(a.until)) else { continue };
                let Some(place) = below.within(&Surely(self), a.scope.as_ref()) else { continue };
                let step = Step::Holds(role.clone(), a.id.clone(), a.mode);
                let onward = way.step(&step, a.mode, End::of(a.until));
                let mut rests_on = place.rests_on;
                if self.delta.undenied.contains(&a.id) {
                    rests_on.insert(a.id.clone());
                }
                let found = held.entry((role.clone(), place.scope)).or_default();
                found.way.join(&onward);
                // What comes in several ways rests on what all of them rest on.
                found.rests_on = Some(found.rests_on.take().map_or_else(|| rests_on.clone(), |all| &all & &rests_on));
                if place.sure {
                    found.denying.entry(rests_on).or_default().join(&onward);
                }
            }
        }
        let limits = self.limits(subject);
        let mut denies: Vec<Exception> = Vec::new();
        let mut open: Vec<(Rests, Exception)> = Vec::new();
        let mut rests: Vec<Rests> = Vec::new();
        for ((role, scope), found) in held {
            let flat = self.personal(subject, &role);
            for (rests_on, way) in &found.denying {
                let Some(leg) = &way.now else { continue };
                let here = flat.denies.iter().map(|p| Exception {
                    action: p.action.clone(),
                    resource: p.resource.clone(),
                    scope: scope.clone(),
                    until: leg.end.until(),
                    except: p.except.clone(),
                });
                if rests_on.is_empty() {
                    denies.extend(here);
                } else {
                    open.extend(here.map(|deny| (rests_on.clone(), deny)));
                }
            }
            let flat = if limits.is_empty() { flat } else { self.limited(subject, &role, &limits) };
            rests.push(found.rests_on.unwrap_or_default());
            own.holdings.push(Holding { role, scope, way: found.way, flat, denies: Rc::default() });
        }
        // What a limit denies is denied to whoever it bounds.
        for role in limits.iter().flat_map(|limit| &limit.roles) {
            denies.extend(self.personal(subject, role).denies.iter().map(|p| Exception {
                action: p.action.clone(),
                resource: p.resource.clone(),
                scope: None,
                until: None,
                except: p.except.clone(),
            }));
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

    /// How a subject itself, before trusts, holds something wanted.
    pub(super) fn holds(&self, own: &Own, wanted: &Wanted<'_>) -> Way {
        let mut best = Way::default();
        for holding in &own.holdings {
            if wanted.scope.is_some() && !scopes_overlap(self, holding.scope.as_ref(), wanted.scope) {
                continue;
            }
            for allow in holding.flat.overlapping(self.dialect, wanted.action, wanted.resource) {
                best.join(&self.unless_denied(holding, allow, wanted));
            }
        }
        best
    }

    /// The way to an allow that overlaps something wanted, less what one deny takes.
    pub(super) fn unless_denied(&self, holding: &Holding, allow: &Allow, wanted: &Wanted<'_>) -> Way {
        let through = |leg: &Leg| {
            let denied = self.is_denied(&holding.denies, holding.scope.as_ref(), allow, leg.end, wanted);
            (!denied).then(|| Leg { end: leg.end, trail: allow.trail(&leg.trail) })
        };
        Way { now: holding.way.now.as_ref().and_then(through), ever: holding.way.ever.as_ref().and_then(through) }
    }

    /// Whether one of `denies`, or what an allow leaves out, takes all that the allow, held at a place until an end, shares
    /// with something wanted.
    pub(super) fn is_denied(
        &self,
        denies: &[Exception],
        held: Option<&ResourceId>,
        allow: &Allow,
        end: End,
        wanted: &Wanted<'_>,
    ) -> bool {
        denies
            .iter()
            .chain(&left_out(&allow.permission))
            .any(|deny| End::of(deny.until) >= end && self.denies_overlap(deny, &allow.permission, held, wanted))
    }

    /// Whether a deny held at a place reaches what an allow, held at another, and something wanted share.
    fn denies_at(
        &self,
        deny: Option<&ResourceId>,
        held: Option<&ResourceId>,
        wanted: Option<&ResourceId>,
        shared: Option<&ResourceId>,
    ) -> bool {
        let sure = Surely(self);
        // What the two share only because of where a resource lies is denied there as well.
        let overlap = wanted.is_none() || scopes_overlap(&sure, held, wanted);
        if overlap { scope_covers(&sure, deny, shared) } else { scope_covers(self, deny, shared) }
    }

    /// Whether one deny covers all that an allow and something wanted share.
    fn denies_overlap(
        &self,
        deny: &Exception,
        allow: &Permission,
        held: Option<&ResourceId>,
        wanted: &Wanted<'_>,
    ) -> bool {
        let dialect = self.dialect;
        // The narrower of two overlapping scopes is all that they share.
        let shared = match wanted.scope {
            Some(scope) if scope_covers(self, held, Some(scope)) => Some(scope),
            Some(_) | None => held,
        };
        let action = |p: &Text| dialect.action_covers(deny.action.raw(), p.raw());
        let resource = |p: &Text| dialect.resource_covers(deny.resource.raw(), p.raw());
        // WHY: what two patterns share lies within either; if the deny covers neither, more access is assumed.
        self.denies_at(deny.scope.as_ref(), held, wanted.scope, shared)
            && (action(&allow.action) || action(wanted.action))
            && (resource(&allow.resource) || resource(wanted.resource))
            // WHY: what is left out of a deny may be just what is wanted.
            && !deny.except.iter().any(|e| {
                let overlap = |action: &Text, resource: &Text| {
                    dialect.actions_overlap(e.action.raw(), action.raw())
                        && dialect.resources_overlap(e.resource.raw(), resource.raw())
                };
                overlap(&allow.action, &allow.resource) && overlap(wanted.action, wanted.resource)
            })
    }
}

/// Distinct denies, sorted. Of one deny held several times the latest end counts, as of an allow.
fn distinct(mut denies: Vec<Exception>) -> Rc<[Exception]> {
    let latest = |d: &Exception| std::cmp::Reverse(End::of(d.until));
    let what = |d: &Exception| (d.action.clone(), d.resource.clone(), d.scope.clone(), d.except.clone());
    denies.sort_by_cached_key(|d| (what(d), latest(d)));
    denies.dedup_by(|b, a| what(a) == what(b));
    denies.into()
}
