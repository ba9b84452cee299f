//! A role after its includes are flattened: its allows, its denies, and indexes to match them.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::{Rc, Weak};

use fixedbitset::FixedBitSet;

use crate::access::graph::provenance::{ExpiringPath, HopChain, under, walk};
use crate::access::graph::trust_rules::Rules;
use crate::access::matching::systems::{Mark, Systems};
use crate::access::model::facts::{Exception, ExceptionKind, PathStep};
use crate::input::entitlement::{Except, Permission};
use crate::input::id::RoleId;
use crate::input::system::System;
use crate::input::text::Text;

/// An action, a resource and their system; `None`: any system.
pub(crate) type Requested<'r> = (&'r Text, &'r Text, Option<&'r System>);

/// An allow of a flattened role.
#[derive(Clone, Debug)]
pub(crate) struct Allow {
    pub(crate) permission: Permission,
    /// The includes that lead to it.
    pub(crate) chain: Vec<RoleId>,
    /// It represents a role whose permissions are unknown.
    pub(crate) unknown: bool,
    /// The system of its permission.
    pub(crate) system: Mark,
}

impl Allow {
    /// The path and expiry of the allow, from those of the role, with the condition of the allow if it has one.
    pub(crate) fn leg(&self, role: &ExpiringPath) -> ExpiringPath {
        let trail = self.trail(&role.trail);
        match &self.permission.condition {
            Some(condition) => ExpiringPath { end: role.end.if_met(), trail: under(&trail, condition) },
            None => ExpiringPath { end: role.end, trail },
        }
    }

    /// The path to the allow, from the path to the role.
    pub(crate) fn trail(&self, role: &HopChain) -> HopChain {
        self.chain.iter().fold(role.clone(), |trail, id| walk(&trail, PathStep::Includes(id.clone())))
    }
}

pub(crate) type LookupCache = RefCell<BTreeMap<(Text, Text, Option<System>), Rc<[usize]>>>;

/// A role with all roles it includes.
#[derive(Debug, Default)]
pub(crate) struct ResolvedRole {
    /// Distinct allows, nearest first.
    pub(crate) allows: Vec<Allow>,
    /// Distinct denies, conditional ones included.
    pub(crate) denies: BTreeSet<(Mark, Permission)>,
    /// The role and every role that it includes.
    pub(crate) roles: BTreeSet<RoleId>,
    /// Whether its permissions depend on the holder.
    pub(crate) variables: bool,
    /// Whether it is already restricted to a namespace, and the same role restricted to a namespace.
    pub(crate) in_namespace: bool,
    pub(crate) there: OnceCell<Rc<ResolvedRole>>,
    pub(crate) set: BTreeSet<(Mark, Permission)>,
    pub(crate) covering: LookupCache,
    pub(crate) overlapping: LookupCache,
    pub(crate) actions: OnceCell<ActionIndex>,
    pub(crate) leaves_out: OnceCell<bool>,
    /// Indices of those requirements of the snapshot's trusts that it overlaps.
    pub(crate) meets: OnceCell<Vec<usize>>,
    /// The trust rules that it satisfies.
    pub(crate) lends: OnceCell<SatisfiedRules>,
    /// The coverage by other roles, keyed by address. INVARIANT: a weak reference keeps the address from being reused
    /// while the entry exists.
    pub(crate) covered: RefCell<BTreeMap<usize, CoverageCache>>,
}

impl ResolvedRole {
    /// From distinct allows, denies, and the roles they come from.
    pub(crate) fn of(allows: Vec<Allow>, denies: BTreeSet<(Mark, Permission)>, roles: BTreeSet<RoleId>) -> Self {
        let mut flat = Self { denies, roles, ..Self::default() };
        for allow in allows {
            if flat.set.insert((allow.system.clone(), allow.permission.clone())) {
                flat.allows.push(allow);
            }
        }
        flat
    }

    /// The role as held in a Kubernetes namespace: without permissions that have no effect there.
    pub(crate) fn in_namespace(self: &Rc<Self>, systems: Systems<'_>) -> Rc<Self> {
        let of_cluster = |allow: &Allow| systems.dialect(allow.system.as_ref()).has_namespaces() && !allow.unknown;
        if self.in_namespace || !self.allows.iter().any(of_cluster) {
            return Rc::clone(self);
        }
        let there = self.there.get_or_init(|| {
            let gives = |allow: &&Allow| {
                let dialect = systems.dialect_in(allow.system.as_ref(), true);
                !of_cluster(allow)
                    || dialect.overlaps((allow.permission.action.raw(), allow.permission.resource.raw()), ("*", "*"))
            };
            let allows = self.allows.iter().filter(gives).cloned().collect();
            let made = Self::of(allows, self.denies.clone(), self.roles.clone());
            Rc::new(Self { in_namespace: true, variables: self.variables, ..made })
        });
        Rc::clone(there)
    }

    pub(crate) fn ask(
        asked: &LookupCache,
        (action, resource, system): Requested<'_>,
        answer: impl Fn() -> Rc<[usize]>,
    ) -> Rc<[usize]> {
        let key = (action.clone(), resource.clone(), system.cloned());
        if let Some(known) = asked.borrow().get(&key) {
            return Rc::clone(known);
        }
        let found = answer();
        asked.borrow_mut().insert(key, Rc::clone(&found));
        found
    }

    /// The allows whose patterns cover an action and a resource of a system.
    pub(crate) fn covering(&self, systems: Systems<'_>, wanted: Requested<'_>) -> Vec<&Allow> {
        let (action, resource, system) = wanted;
        let found = Self::ask(&self.covering, wanted, || {
            self.places(systems, wanted, |a| {
                let dialect = systems.dialect_for(system, a.system.as_ref(), self.in_namespace);
                dialect.action_covers(a.permission.action.raw(), action.raw())
                    && dialect.resource_covers(a.permission.resource.raw(), resource.raw())
            })
        });
        found.iter().filter_map(|at| self.allows.get(*at)).collect()
    }

    /// The allows that overlap an action and a resource of a system. A role with unknown permissions overlaps nothing:
    /// its access is shown as unknown and must not hide what a change really adds.
    pub(crate) fn overlapping(&self, systems: Systems<'_>, wanted: Requested<'_>) -> Vec<&Allow> {
        let found = self.overlapping_places(systems, wanted);
        found.iter().filter_map(|at| self.allows.get(*at)).collect()
    }

    /// The indices of those allows.
    pub(crate) fn overlapping_places(&self, systems: Systems<'_>, wanted: Requested<'_>) -> Rc<[usize]> {
        let (action, resource, system) = wanted;
        Self::ask(&self.overlapping, wanted, || {
            self.places(systems, wanted, |a| {
                let dialect = systems.dialect_for(system, a.system.as_ref(), self.in_namespace);
                let p = &a.permission;
                !a.unknown && dialect.overlaps((p.action.raw(), p.resource.raw()), (action.raw(), resource.raw()))
            })
        })
    }

    pub(crate) fn places(
        &self,
        systems: Systems<'_>,
        wanted: Requested<'_>,
        holds: impl Fn(&Allow) -> bool,
    ) -> Rc<[usize]> {
        let (action, _, system) = wanted;
        let held = |at: &usize| {
            let allow = self.allows.get(*at);
            allow.is_some_and(|allow| systems.concerns(system, allow.system.as_ref()) && holds(allow))
        };
        self.with_action(systems, action.raw()).filter(held).collect::<BTreeSet<usize>>().into_iter().collect()
    }

    /// The indices of the allows whose actions may overlap an action, in unspecified order.
    pub(crate) fn with_action(&self, systems: Systems<'_>, action: &str) -> impl Iterator<Item = usize> + use<'_> {
        // Different systems may spell a literal action differently.
        let dialect = systems.is_single().then(|| systems.dialect(None));
        let actions = self.actions.get_or_init(|| {
            let mut actions = ActionIndex::default();
            for (at, allow) in self.allows.iter().enumerate() {
                match dialect.and_then(|d| d.plain_action(allow.permission.action.raw())) {
                    Some(plain) => actions.plain.entry(plain.into()).or_default().push(at),
                    None => actions.wild.push(at),
                }
            }
            actions
        });
        // WHY: two literal actions overlap only if they are equal; a pattern may overlap any action.
        let (same, all) = match dialect.and_then(|d| d.plain_action(action)) {
            Some(plain) => (actions.plain.get(&*plain).map_or(&[][..], Vec::as_slice), 0),
            None => (&[][..], self.allows.len()),
        };
        let wild = if all == 0 { actions.wild.as_slice() } else { &[] };
        same.iter().chain(wild).copied().chain(0..all)
    }

    /// The allows of this role that another role covers.
    pub(crate) fn covered_by(&self, systems: Systems<'_>, other: &Rc<Self>) -> Rc<Covered> {
        let address = Rc::as_ptr(other).addr();
        if let Some((_, known)) = self.covered.borrow().get(&address) {
            return Rc::clone(known);
        }
        let found = Rc::new(self.compare(systems, other));
        self.covered.borrow_mut().insert(address, (Rc::downgrade(other), Rc::clone(&found)));
        found
    }

    pub(crate) fn compare(&self, systems: Systems<'_>, other: &Self) -> Covered {
        let mut covered = Covered { by_any: self.no_allow(), strictly: self.no_allow() };
        for (at, mine) in self.allows.iter().enumerate() {
            let action = mine.permission.action.raw();
            for theirs in other.with_action(systems, action).filter_map(|at| other.allows.get(at)) {
                if allow_covers(systems, theirs, mine) {
                    covered.by_any.insert(at);
                    if !allow_covers(systems, mine, theirs) {
                        covered.strictly.insert(at);
                        break;
                    }
                }
            }
        }
        covered
    }

    /// The set of indices of all allows.
    pub(crate) fn every_allow(&self) -> FixedBitSet {
        let mut all = self.no_allow();
        all.insert_range(..);
        all
    }

    /// The empty set of indices of allows.
    pub(crate) fn no_allow(&self) -> FixedBitSet {
        FixedBitSet::with_capacity(self.allows.len())
    }

    /// Whether an allow has exceptions, so that coverage depends on the scope.
    pub(crate) fn leaves_out(&self) -> bool {
        *self.leaves_out.get_or_init(|| self.allows.iter().any(|allow| !allow.permission.except.is_empty()))
    }

    /// The indices of the allows that another lacks.
    pub(crate) fn beyond(&self, other: &Self) -> Vec<usize> {
        let new = self
            .allows
            .iter()
            .enumerate()
            .filter(|(_, a)| !other.set.contains(&(a.system.clone(), a.permission.clone())));
        new.map(|(at, _)| at).collect()
    }
}

pub(crate) type CoverageCache = (Weak<ResolvedRole>, Rc<Covered>);

/// The allows of a role that another covers, at any scope that both are held at, ignoring denies.
#[derive(Debug)]
pub(crate) struct Covered {
    /// Covered by some allow of the other.
    pub(crate) by_any: FixedBitSet,
    /// Covered by some allow of the other that it does not cover in turn.
    pub(crate) strictly: FixedBitSet,
}

/// The allows of a role by their actions.
#[derive(Debug, Default)]
pub(crate) struct ActionIndex {
    /// Actions that are literals, in the spelling that the dialect compares.
    pub(crate) plain: HashMap<Box<str>, Vec<usize>>,
    /// All other actions.
    pub(crate) wild: Vec<usize>,
}

/// The permission of a role whose permissions are unknown: anything, under a condition of its own, so that it covers
/// nothing but itself.
pub(crate) fn unknown_permission(role: &RoleId) -> Permission {
    Permission {
        condition: Some(format!("what role `{}` gives is unknown", role.as_str()).into()),
        ..Permission::allow("*", "*")
    }
}

/// Trust rules that a flattened role satisfies, ignoring denies.
#[derive(Debug, Default)]
pub(crate) struct SatisfiedRules {
    /// Satisfied for every target of a class alike: the class, a rule, and the allow that satisfies it.
    pub(crate) alike: Vec<(usize, usize, usize)>,
    /// Rules that may be satisfied for some targets and are not in the list above.
    pub(crate) each: Vec<usize>,
    /// All rules that the role may satisfy.
    pub(crate) all: Vec<usize>,
}

impl SatisfiedRules {
    /// The classes of those rules.
    pub(crate) fn classes(&self, rules: &Rules) -> BTreeSet<usize> {
        self.all.iter().filter_map(|place| rules.rules.get(*place)).map(|rule| rule.class).collect()
    }
}

/// Adds the patterns of some denies to the exceptions of an allow. Denies that have exceptions themselves are ignored.
pub(crate) fn leave_out<'p>(allow: &mut Permission, denied: impl IntoIterator<Item = &'p &'p Permission>) {
    let whole = denied.into_iter().filter(|deny| deny.except.is_empty());
    let except = whole.map(|deny| Except { action: deny.action.clone(), resource: deny.resource.clone() });
    let all: BTreeSet<Except> = std::mem::take(&mut allow.except).into_iter().chain(except).collect();
    allow.except = all.into_iter().collect();
}

/// The exceptions of an allow, as exceptions of its access.
pub(crate) fn left_out(allow: &Allow) -> Vec<Exception> {
    let exception = |e: &Except| Exception {
        kind: ExceptionKind::LeftOut,
        system: allow.system.clone(),
        ..Exception::denied(e.action.clone(), e.resource.clone(), Vec::new())
    };
    allow.permission.except.iter().map(exception).collect()
}

/// Whether an allow covers another at any scope that both are held at for as long, ignoring denies. An allow with
/// exceptions covers nothing.
fn allow_covers(systems: Systems<'_>, x: &Allow, y: &Allow) -> bool {
    let (dialect, system) = (systems.dialect(x.system.as_ref()), &x.system);
    let (x, other, y) = (&x.permission, &y.system, &y.permission);
    x.except.is_empty()
        && system == other
        && (x.condition.is_none() || x.condition == y.condition)
        && dialect.action_covers(x.action.raw(), y.action.raw())
        && dialect.resource_covers(x.resource.raw(), y.resource.raw())
}
