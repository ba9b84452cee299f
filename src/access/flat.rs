//! A role with all that it includes, flattened.
//!
//! In: a state and a role. Out: its allows, each with the includes that lead to it, and its denies. What it has been asked
//! is remembered, so that a question about a role costs once for all its holders.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::{Rc, Weak};

use crate::access::apply::leave_out;
use crate::access::bits::Bits;
use crate::access::edges::Lends;
use crate::access::facts::Step;
use crate::access::pattern::Dialect;
use crate::access::personal::has_variable;
use crate::access::touch::closure;
use crate::access::view::{RoleState, View};
use crate::access::way::{Trail, walk};
use crate::input::entitlement::{Effect, Permission};
use crate::input::id::RoleId;
use crate::input::text::Text;

/// An allow of a flattened role.
#[derive(Clone, Debug)]
pub(super) struct Allow {
    pub(super) permission: Permission,
    /// The includes that lead to it.
    pub(super) chain: Vec<RoleId>,
    /// It stands for a role of which nothing is known.
    pub(super) unknown: bool,
}

impl Allow {
    /// The way to it, from the way to the role.
    pub(super) fn trail(&self, role: &Trail) -> Trail {
        self.chain.iter().fold(role.clone(), |trail, id| walk(&trail, Step::Includes(id.clone())))
    }
}

type Asked = RefCell<BTreeMap<(Text, Text), Rc<[usize]>>>;

/// A role with all that it includes.
#[derive(Debug, Default)]
pub(super) struct Flat {
    /// Distinct allows, nearest first.
    pub(super) allows: Vec<Allow>,
    /// Distinct unconditional denies.
    pub(super) denies: BTreeSet<Permission>,
    /// The role and every role that it includes.
    pub(super) roles: BTreeSet<RoleId>,
    /// Whether what it gives depends on the holder.
    pub(super) variables: bool,
    set: BTreeSet<Permission>,
    covering: Asked,
    overlapping: Asked,
    actions: OnceCell<Actions>,
    leaves_out: OnceCell<bool>,
    /// Which of all that trusts of the snapshot require it overlaps, by their places.
    pub(super) meets: OnceCell<Vec<usize>>,
    /// Which trust rules it makes hold.
    pub(super) lends: OnceCell<Lends>,
    /// What another role covers, by that role's address. INVARIANT: a weak count keeps the address from being taken by
    /// another while it stands here.
    covered: RefCell<BTreeMap<usize, Known>>,
}

type Known = (Weak<Flat>, Rc<Covered>);

/// Which allows of a role another covers, wherever both hold, nothing being denied.
#[derive(Debug)]
pub(super) struct Covered {
    /// By some allow of the other.
    pub(super) by_any: Bits,
    /// By some allow of the other that it does not cover in turn.
    pub(super) strictly: Bits,
}

/// The allows of a role by their actions.
#[derive(Debug, Default)]
struct Actions {
    /// Actions that are patterns of one text only, in the spelling that the dialect compares.
    plain: HashMap<Box<str>, Vec<usize>>,
    /// All others.
    wild: Vec<usize>,
}

impl Flat {
    /// Distinct allows, with denies and the roles they come from.
    pub(super) fn of(allows: Vec<Allow>, denies: BTreeSet<Permission>, roles: BTreeSet<RoleId>) -> Self {
        let mut flat = Self { denies, roles, ..Self::default() };
        for allow in allows {
            if flat.set.insert(allow.permission.clone()) {
                flat.allows.push(allow);
            }
        }
        flat
    }

    fn ask(asked: &Asked, action: &Text, resource: &Text, answer: impl Fn() -> Rc<[usize]>) -> Rc<[usize]> {
        let key = (action.clone(), resource.clone());
        if let Some(known) = asked.borrow().get(&key) {
            return Rc::clone(known);
        }
        let found = answer();
        asked.borrow_mut().insert(key, Rc::clone(&found));
        found
    }

    /// The allows whose patterns cover an action and a resource.
    pub(super) fn covering(&self, dialect: Dialect, action: &Text, resource: &Text) -> Vec<&Allow> {
        let found = Self::ask(&self.covering, action, resource, || {
            self.places(dialect, action, |a| {
                dialect.action_covers(a.permission.action.raw(), action.raw())
                    && dialect.resource_covers(a.permission.resource.raw(), resource.raw())
            })
        });
        found.iter().filter_map(|at| self.allows.get(*at)).collect()
    }

    /// The allows that overlap an action and a resource. A role of which nothing is known overlaps nothing: what it
    /// gives is shown as unknown, and must not hide what a change really gains by it.
    pub(super) fn overlapping(&self, dialect: Dialect, action: &Text, resource: &Text) -> Vec<&Allow> {
        let found = self.overlapping_places(dialect, action, resource);
        found.iter().filter_map(|at| self.allows.get(*at)).collect()
    }

    /// The places of those allows.
    pub(super) fn overlapping_places(&self, dialect: Dialect, action: &Text, resource: &Text) -> Rc<[usize]> {
        Self::ask(&self.overlapping, action, resource, || {
            self.places(dialect, action, |a| {
                !a.unknown
                    && dialect.actions_overlap(a.permission.action.raw(), action.raw())
                    && dialect.resources_overlap(a.permission.resource.raw(), resource.raw())
            })
        })
    }

    fn places(&self, dialect: Dialect, action: &Text, holds: impl Fn(&Allow) -> bool) -> Rc<[usize]> {
        let candidates = self.with_action(dialect, action.raw());
        let held = |at: &usize| self.allows.get(*at).is_some_and(&holds);
        candidates.filter(held).collect::<BTreeSet<usize>>().into_iter().collect()
    }

    /// The places of the allows whose actions may share something with an action, in no order.
    fn with_action(&self, dialect: Dialect, action: &str) -> impl Iterator<Item = usize> + use<'_> {
        let actions = self.actions.get_or_init(|| {
            let mut actions = Actions::default();
            for (at, allow) in self.allows.iter().enumerate() {
                match dialect.plain_action(allow.permission.action.raw()) {
                    Some(plain) => actions.plain.entry(plain.into()).or_default().push(at),
                    None => actions.wild.push(at),
                }
            }
            actions
        });
        // WHY: two plain actions share something only if they are the same; a pattern may share something with any.
        let (same, all) = match dialect.plain_action(action) {
            Some(plain) => (actions.plain.get(&*plain).map_or(&[][..], Vec::as_slice), 0),
            None => (&[][..], self.allows.len()),
        };
        let wild = if all == 0 { actions.wild.as_slice() } else { &[] };
        same.iter().chain(wild).copied().chain(0..all)
    }

    /// What another role covers of this one.
    pub(super) fn covered_by(&self, dialect: Dialect, other: &Rc<Self>) -> Rc<Covered> {
        let address = Rc::as_ptr(other).addr();
        if let Some((_, known)) = self.covered.borrow().get(&address) {
            return Rc::clone(known);
        }
        let found = Rc::new(self.compare(dialect, other));
        self.covered.borrow_mut().insert(address, (Rc::downgrade(other), Rc::clone(&found)));
        found
    }

    fn compare(&self, dialect: Dialect, other: &Self) -> Covered {
        let length = self.allows.len();
        let mut covered = Covered { by_any: Bits::none(length), strictly: Bits::none(length) };
        for (at, mine) in self.allows.iter().enumerate() {
            let mine = &mine.permission;
            for theirs in other.with_action(dialect, mine.action.raw()).filter_map(|at| other.allows.get(at)) {
                if permission_covers(dialect, &theirs.permission, mine) {
                    covered.by_any.insert(at);
                    if !permission_covers(dialect, mine, &theirs.permission) {
                        covered.strictly.insert(at);
                        break;
                    }
                }
            }
        }
        covered
    }

    /// Whether some allow leaves something out, so that what covers it depends on where it holds.
    pub(super) fn leaves_out(&self) -> bool {
        *self.leaves_out.get_or_init(|| self.allows.iter().any(|allow| !allow.permission.except.is_empty()))
    }

    /// The allows that another lacks.
    pub(super) fn beyond(&self, other: &Self) -> Vec<usize> {
        let new = self.allows.iter().enumerate().filter(|(_, a)| !other.set.contains(&a.permission));
        new.map(|(at, _)| at).collect()
    }
}

/// Whether an allow covers another wherever both hold for as long, nothing being denied. One that leaves something out is
/// taken to cover nothing.
fn permission_covers(dialect: Dialect, x: &Permission, y: &Permission) -> bool {
    x.except.is_empty()
        && (x.condition.is_none() || x.condition == y.condition)
        && dialect.action_covers(x.action.raw(), y.action.raw())
        && dialect.resource_covers(x.resource.raw(), y.resource.raw())
}

/// What stands for the permissions of a role of which nothing is known: anything, under a condition of its own, so that
/// it covers nothing but itself.
pub(super) fn unknown_permission(role: &RoleId) -> Permission {
    Permission {
        condition: Some(format!("what role `{}` gives is unknown", role.as_str()).into()),
        ..Permission::allow("*", "*")
    }
}

impl View<'_, '_> {
    /// Whether the role or group that a change assigns holds a deny, conditional ones included, here or in the snapshot.
    pub(super) fn holds_deny(&self, named: &crate::access::facts::Named) -> bool {
        let denies = |role: &RoleId| {
            let of = |role: &crate::snapshot::model::Role| role.permissions.iter().any(|p| p.effect == Effect::Deny);
            self.flat(role).roles.iter().any(|id| match self.role(id.as_str()) {
                RoleState::Known(role) => of(role),
                RoleState::Deleted | RoleState::Unknown => self.index.role(id.as_str()).is_some_and(of),
            })
        };
        let group = named.member_of.as_ref().map(|id| self.own(&crate::input::id::Subject::Group(id.clone())));
        named.role.as_ref().is_some_and(denies)
            || group.is_some_and(|own| own.holdings.iter().any(|holding| denies(&holding.role)))
    }

    /// A role, flattened. What the changes do not touch is taken from the state below.
    pub(super) fn flat(&self, role: &RoleId) -> Rc<Flat> {
        if let Some(below) = self.below
            && !self.alters(role)
        {
            return below.flat(role);
        }
        if let Some(known) = self.worked.borrow().flats.get(role) {
            return Rc::clone(known);
        }
        let flat = Rc::new(self.flatten(role));
        self.worked.borrow_mut().flats.insert(role.clone(), Rc::clone(&flat));
        flat
    }

    /// Whether the changes alter a role or one that it includes.
    pub(super) fn alters(&self, role: &RoleId) -> bool {
        if self.delta.roles.is_empty() {
            return false;
        }
        let mut seen = BTreeSet::from([role.clone()]);
        let mut queue = vec![role.clone()];
        while let Some(next) = queue.pop() {
            if self.delta.roles.contains_key(&next) {
                return true;
            }
            if let RoleState::Known(known) = self.role(next.as_str()) {
                queue.extend(known.includes.iter().filter(|i| seen.insert((*i).clone())).cloned());
            }
        }
        false
    }

    fn flatten(&self, role: &RoleId) -> Flat {
        let mut flat = Flat::default();
        let mut queue = VecDeque::from([(role.clone(), Vec::new())]);
        flat.roles.insert(role.clone());
        while let Some((id, chain)) = queue.pop_front() {
            let state = self.role(id.as_str());
            if matches!(state, RoleState::Unknown) || self.delta.open_roles.contains(&id) {
                let permission = unknown_permission(&id);
                flat.set.insert(permission.clone());
                flat.allows.push(Allow { permission, chain: chain.clone(), unknown: true });
            }
            let known = match state {
                RoleState::Known(known) => known,
                RoleState::Deleted => {
                    flat.roles.remove(&id);
                    continue;
                }
                RoleState::Unknown => continue,
            };
            for permission in &known.permissions {
                match permission.effect {
                    Effect::Allow if flat.set.insert(permission.clone()) => {
                        flat.allows.push(Allow {
                            permission: permission.clone(),
                            chain: chain.clone(),
                            unknown: false,
                        });
                    }
                    Effect::Deny if permission.condition.is_none() => {
                        flat.denies.insert(permission.clone());
                    }
                    Effect::Allow | Effect::Deny => {}
                }
            }
            flat.variables |= self.dialect.variables && known.permissions.iter().any(has_variable);
            for include in &known.includes {
                if flat.roles.insert(include.clone()) {
                    let mut longer = chain.clone();
                    longer.push(include.clone());
                    queue.push_back((include.clone(), longer));
                }
            }
        }
        if !self.delta.undenied_includes.is_empty() {
            self.open_includes(role, &mut flat);
        }
        flat
    }

    /// Takes the denies that come by includes that may be there or not from what comes only with these, and from nothing
    /// else.
    fn open_includes(&self, role: &RoleId, flat: &mut Flat) {
        let open = &self.delta.undenied_includes;
        let by = |counts: &dyn Fn(&(RoleId, RoleId)) -> bool| {
            closure(&BTreeSet::from([role.clone()]), |id| {
                let RoleState::Known(known) = self.role(id.as_str()) else { return BTreeSet::new() };
                let counts = |i: &&RoleId| counts(&(id.clone(), (*i).clone()));
                known.includes.iter().filter(counts).cloned().collect()
            })
        };
        let has = |deny: &Permission, of: &BTreeSet<RoleId>| {
            let has =
                |id: &RoleId| matches!(self.role(id.as_str()), RoleState::Known(r) if r.permissions.contains(deny));
            of.iter().any(has)
        };
        let sure = by(&|include| !open.contains(include));
        let (kept, loose): (BTreeSet<Permission>, BTreeSet<Permission>) =
            std::mem::take(&mut flat.denies).into_iter().partition(|deny| has(deny, &sure));
        flat.denies = kept;
        if loose.is_empty() {
            return;
        }
        for allow in &mut flat.allows {
            let from = allow.chain.last().unwrap_or(role);
            let others = |include: &&(RoleId, RoleId)| !by(&|other| other != *include).contains(from);
            let needed: BTreeSet<_> = open.iter().filter(others).collect();
            if needed.is_empty() {
                continue;
            }
            let with = by(&|include| !open.contains(include) || needed.contains(include));
            let taken: Vec<&Permission> = loose.iter().filter(|deny| has(deny, &with)).collect();
            leave_out(&mut allow.permission, &taken);
        }
        flat.set = flat.allows.iter().map(|allow| allow.permission.clone()).collect();
    }
}
