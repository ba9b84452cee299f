//! Comparison: what a subject has in one state and not in another.
//!
//! In: two states and a subject. Out: the accesses of the second that no access of the first covers, reduced to maximal
//! ones, each with its way. What is the same in both is skipped without being written out. Asked the other way round,
//! it tells what is lost.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::access::coverage::{
    covers, ends_within, exception_overlaps, exception_takes_all, exceptions_allow, scope_covers,
};
use crate::access::facts::{Access, Exception};
use crate::access::flat::{Allow, Flat};
use crate::access::reach::{Holding, Own};
use crate::access::view::View;
use crate::access::way::{Leg, Trail, Way, path};
use crate::input::entitlement::{Except, Permission};
use crate::input::id::{ResourceId, RoleId, Subject};

/// An access with the way to it and the role that gives it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) access: Access,
    pub(super) trail: Trail,
    pub(super) role: RoleId,
    /// It stands for a role of which nothing is known.
    pub(super) unknown: bool,
}

/// What one subject has more.
#[derive(Clone, Debug, Default)]
pub(super) struct More {
    /// In force.
    pub(super) now: Vec<Held>,
    /// Only by activation.
    pub(super) eligible: Vec<Held>,
}

impl View<'_, '_> {
    /// An allow as an access, with the denies that overlap it; nothing if one deny takes it whole.
    fn access(&self, own: &Own, holding: &Holding, allow: &Allow, leg: &Leg) -> Option<Access> {
        let mut access = Access {
            action: allow.permission.action.clone(),
            resource: allow.permission.resource.clone(),
            scope: holding.scope.clone(),
            condition: allow.permission.condition.clone(),
            until: leg.end.until(),
            exceptions: Vec::new(),
        };
        let left_out = left_out(&allow.permission);
        for taken in own.denies.iter().chain(&left_out) {
            if exception_takes_all(self.dialect, self, taken, &access) {
                return None;
            }
            if exception_overlaps(self.dialect, self, taken, &access) {
                access.exceptions.push(taken.clone());
            }
        }
        if !left_out.is_empty() {
            access.exceptions.sort();
            access.exceptions.dedup();
        }
        Some(access)
    }

    /// Whether a subject has an access that covers another, in force or, if that is enough, by activation.
    pub(super) fn has(&self, tree: &View<'_, '_>, subject: &Subject, wanted: &Access, now: bool) -> bool {
        let row = self.row(subject);
        let own_first = row.get_key_value(subject);
        let others = row.iter().filter(|(actor, _)| *actor != subject);
        own_first.into_iter().chain(others).any(|(actor, way)| self.gives(tree, actor, way, wanted, now))
    }

    fn gives(&self, tree: &View<'_, '_>, actor: &Subject, way: &Way, wanted: &Access, now: bool) -> bool {
        let leg = |way: &Way| if now { way.now.as_ref().map(|l| l.end) } else { way.ever.as_ref().map(|l| l.end) };
        let Some(cap) = leg(way) else { return false };
        if !ends_within(wanted.until, cap.until()) {
            return false;
        }
        let own = self.own(actor);
        let dialect = self.dialect;
        // WHY: whether exceptions stand in the way does not depend on which allow covers: all of them that overlap
        // the access overlap the allow that covers it.
        let mut free = None;
        own.holdings.iter().any(|holding| {
            leg(&holding.way).is_some_and(|end| ends_within(wanted.until, end.min(cap).until()))
                && scope_covers(tree, holding.scope.as_ref(), wanted.scope.as_ref())
                && holding.flat.covering(dialect, &wanted.action, &wanted.resource).iter().any(|allow| {
                    let condition = &allow.permission.condition;
                    (condition.is_none() || *condition == wanted.condition)
                        && exceptions_allow(dialect, tree, &left_out(&allow.permission), wanted)
                })
                && *free.get_or_insert_with(|| exceptions_allow(dialect, tree, &own.denies, wanted))
        })
    }

    /// Every access of a subject, in force and by activation, not reduced: the long way, for questions about one subject.
    pub(super) fn everything(&self, subject: &Subject) -> More {
        let mut all = More::default();
        for (actor, way) in self.row(subject).iter() {
            let own = self.own(actor);
            for holding in &own.holdings {
                let onward = way.then(&holding.way);
                for allow in &holding.flat.allows {
                    self.emit(&own, holding, allow, &onward, &mut all);
                }
            }
        }
        all
    }

    fn emit(&self, own: &Own, holding: &Holding, allow: &Allow, way: &Way, into: &mut More) {
        for (leg, list) in [(way.now.as_ref(), &mut into.now), (way.eligible(), &mut into.eligible)] {
            let Some(leg) = leg else { continue };
            if let Some(access) = self.access(own, holding, allow, leg) {
                list.push(Held {
                    access,
                    trail: allow.trail(&leg.trail),
                    role: allow.chain.last().unwrap_or(&holding.role).clone(),
                    unknown: allow.unknown,
                });
            }
        }
    }
}

/// Which allows a flattened role has beyond another, by the addresses of the two.
type Beyond = BTreeMap<(usize, usize), Rc<Vec<usize>>>;

/// Two states, of which the second may have more.
pub(super) struct Comparison<'c, 'v, 's> {
    before: &'c View<'v, 's>,
    after: &'c View<'v, 's>,
    /// The state whose tree of resources holds all that either holds.
    tree: &'c View<'v, 's>,
    /// By the flattened roles' addresses: limits make different ones of one role. The states keep them alive.
    beyond: RefCell<Beyond>,
}

impl<'c, 'v, 's> Comparison<'c, 'v, 's> {
    pub(super) fn new(before: &'c View<'v, 's>, after: &'c View<'v, 's>, tree: &'c View<'v, 's>) -> Self {
        Self { before, after, tree, beyond: RefCell::default() }
    }

    /// What a subject has after and not before.
    pub(super) fn more(&self, subject: &Subject) -> More {
        let (before, after) = (self.before.row(subject), self.after.row(subject));
        let mut found = More::default();
        if Rc::ptr_eq(&before, &after) {
            // Nobody new to act as: only those whose own holdings may differ can give more.
            let touched = [self.before, self.after].into_iter().filter_map(|v| v.touched.as_ref());
            let touched: Vec<_> = touched.map(|t| &t.own).collect();
            if after.len() <= touched.iter().map(|own| own.len()).sum() {
                for (actor, way) in after.iter().filter(|(a, _)| touched.iter().any(|own| own.contains(*a))) {
                    self.actor(actor, Some(way), way, &mut found);
                }
            } else {
                // Sorted before use: the set has no order of its own.
                let actors: BTreeSet<&Subject> = touched.into_iter().flatten().collect();
                for actor in actors {
                    if let Some(way) = after.get(actor) {
                        self.actor(actor, Some(way), way, &mut found);
                    }
                }
            }
        } else {
            for (actor, way) in after.iter() {
                self.actor(actor, before.get(actor), way, &mut found);
            }
        }
        distinct(&mut found.now);
        distinct(&mut found.eligible);
        found.now.retain(|held| !self.before.has(self.tree, subject, &held.access, true));
        // What is in force anyway needs no activation.
        found.eligible.retain(|held| {
            !self.before.has(self.tree, subject, &held.access, false)
                && !self.after.has(self.tree, subject, &held.access, true)
        });
        More { now: self.maximal(found.now), eligible: self.maximal(found.eligible) }
    }

    /// Collects what acting as `actor` may give more.
    fn actor(&self, actor: &Subject, was: Option<&Way>, way: &Way, into: &mut More) {
        let (own_before, own_after) = (self.before.own(actor), self.after.own(actor));
        let same_cap = was.is_some_and(|was| was.reaches(way));
        if same_cap && Rc::ptr_eq(&own_before, &own_after) {
            return;
        }
        let same_denies = own_before.denies == own_after.denies;
        for holding in &own_after.holdings {
            let known = own_before.holding(&holding.role, holding.scope.as_ref());
            let longer = |known: &&Holding| same_denies && same_cap && known.way.reaches(&holding.way);
            let onward = way.then(&holding.way);
            if let Some(known) = known.filter(longer) {
                if !Rc::ptr_eq(&known.flat, &holding.flat) {
                    let new = self.new_allows(&known.flat, &holding.flat);
                    for allow in new.iter().filter_map(|at| holding.flat.allows.get(*at)) {
                        self.after.emit(&own_after, holding, allow, &onward, into);
                    }
                }
            } else {
                for allow in &holding.flat.allows {
                    self.after.emit(&own_after, holding, allow, &onward, into);
                }
            }
        }
    }

    fn new_allows(&self, before: &Rc<Flat>, after: &Rc<Flat>) -> Rc<Vec<usize>> {
        let key = (Rc::as_ptr(before).addr(), Rc::as_ptr(after).addr());
        let mut known = self.beyond.borrow_mut();
        Rc::clone(known.entry(key).or_insert_with(|| Rc::new(after.beyond(before))))
    }

    /// Those that no other covers; of those that cover each other the first in canonical bytes.
    fn maximal(&self, mut found: Vec<Held>) -> Vec<Held> {
        let tree = self.tree;
        if found.len() < 2 {
            return found;
        }
        let bytes: Vec<Vec<u8>> = found.iter().map(|held| canonical(&held.access)).collect();
        // By scope: only an access at the same place or above it can cover.
        let mut by_scope: BTreeMap<Option<&ResourceId>, Vec<usize>> = BTreeMap::new();
        for (at, held) in found.iter().enumerate() {
            by_scope.entry(held.access.scope.as_ref()).or_default().push(at);
        }
        let dialect = self.after.dialect;
        let mut kept = vec![true; found.len()];
        for (scope, places) in &by_scope {
            let above: Vec<usize> = match scope {
                None => Vec::new(),
                Some(scope) => crate::access::coverage::ancestry(tree, scope)
                    .iter()
                    .map(Some)
                    .chain([None])
                    .filter_map(|s| by_scope.get(&s))
                    .flatten()
                    .copied()
                    .collect(),
            };
            let candidates = if scope.is_none() { places } else { &above };
            for at in places {
                let Some(mine) = found.get(*at) else { continue };
                let beaten = candidates.iter().any(|other| {
                    if other == at {
                        return false;
                    }
                    let Some(theirs) = found.get(*other) else { return false };
                    covers(dialect, tree, &theirs.access, &mine.access)
                        && (bytes.get(*other) < bytes.get(*at) || !covers(dialect, tree, &mine.access, &theirs.access))
                });
                if beaten && let Some(slot) = kept.get_mut(*at) {
                    *slot = false;
                }
            }
        }
        let mut keep = kept.into_iter();
        found.retain(|_| keep.next().unwrap_or(true));
        found
    }
}

/// What a permission leaves out, as exceptions of its access.
pub(super) fn left_out(permission: &Permission) -> Vec<Exception> {
    let exception = |e: &Except| Exception {
        action: e.action.clone(),
        resource: e.resource.clone(),
        scope: None,
        until: None,
        except: Vec::new(),
    };
    permission.except.iter().map(exception).collect()
}

/// Sorts accesses; of several ways to one access the shortest stays, then the first.
fn distinct(found: &mut Vec<Held>) {
    found.sort_by(|a, b| {
        a.access.cmp(&b.access).then_with(|| {
            let (a, b) = (path(&a.trail), path(&b.trail));
            a.len().cmp(&b.len()).then_with(|| a.cmp(&b))
        })
    });
    found.dedup_by(|b, a| a.access == b.access);
}

/// The canonical bytes of an access, which order those that cover each other.
pub(super) fn canonical(access: &Access) -> Vec<u8> {
    crate::input::canonical::to_bytes(access).unwrap_or_default()
}
