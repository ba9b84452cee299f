//! Access that a change removes by one path and its holders keep by another.
//!
//! For each affected subject, collects what the removed assignment, membership, trust or part of a role gave it, and
//! searches for that in what the subject holds after the change, then in what it can reach. Compares whole roles; the
//! cost is the number of removed roles times the number of remaining roles in the same scopes, for at most [`MOST`]
//! subjects.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use fixedbitset::FixedBitSet;

use crate::access::change::resolve::{ResolvedChange, Taken};
use crate::access::effective::grant::{Grant, Grants, Provenance, When};
use crate::access::effective::state::AccessState;
use crate::access::graph::closure::closure;
use crate::access::graph::provenance::{Validity, path};
use crate::access::model::path::{AccessPath, Kept};
use crate::input::entitlement::Effect;
use crate::input::id::{GroupId, ResourceId, RoleId, Subject};
use crate::plan::model::Action;

/// The maximum number of subjects compared, starting with those that the change names.
const MOST: usize = 1_000;

/// A role at a scope.
type Held = (RoleId, Option<ResourceId>);

/// The removed parts of a subject's access: allows of roles at scopes.
type Parts = Vec<(Grant, FixedBitSet)>;

/// The access that each subject keeps although a change removes it by one path.
pub(crate) fn kept(step: &ResolvedChange<'_>, before: &AccessState<'_, '_>, after: &AccessState<'_, '_>) -> Vec<Kept> {
    if let Action::RemoveTrust(id) = &step.change.action {
        let trusts = before.index.snapshot().trusts.iter().filter(|trust| trust.id == id.value);
        let of = |to: &str| before.subjects(to).into_iter().flat_map(|to| before.given(&to).every()).collect::<Parts>();
        let each = trusts.flat_map(|trust| {
            let parts = of(trust.to.raw());
            before.trusting(trust).into_iter().take(MOST).flat_map(move |who| keeps(after, &who, &parts))
        });
        return each.collect();
    }
    let Some((named, held)) = taken(step, before) else { return Vec::new() };
    let members = |subject: &Subject| match subject {
        Subject::Group(group) => before.members(group),
        Subject::Identity(_) => BTreeSet::new(),
    };
    let others = closure(&named, members).into_iter().filter(|who| !named.contains(who)).collect::<Vec<_>>();
    let all = named.iter().chain(&others).take(MOST);
    all.flat_map(|who| keeps(after, who, &parts(before, after, who, &held))).collect()
}

/// The subjects that lose something by a change, and the roles that the removed assignments give.
fn taken(step: &ResolvedChange<'_>, before: &AccessState<'_, '_>) -> Option<(BTreeSet<Subject>, BTreeSet<Held>)> {
    let of_group = |group: &GroupId| {
        let own = before.own(&Subject::Group(group.clone()));
        own.holdings.iter().map(|held| (held.role.clone(), held.scope.clone())).collect::<BTreeSet<Held>>()
    };
    if let Action::Revoke(a) | Action::Adjust(a) = &step.change.action {
        let held = match step.taken.as_ref()? {
            Taken::Listed(group, _) => of_group(group),
            Taken::Assigned(at) => {
                let was = before.index.assignment(*at)?;
                let role = was.role.clone().map(|role| (role, was.scope.clone()));
                role.into_iter().chain(was.member_of.iter().flat_map(of_group)).collect()
            }
        };
        return Some((before.subjects(a.to.value.raw()).into_iter().collect(), held));
    }
    if let Action::DeleteGroup(group) = &step.change.action {
        return Some((before.members(&group.value), of_group(&group.value)));
    }
    let role = if let Action::DeleteRole(role) | Action::RemoveInclude(role, _) = &step.change.action {
        role
    } else if let Action::SetRole(definition) = &step.change.action {
        &definition.role
    } else if let Action::RemovePermission(role, permission) = &step.change.action {
        Some(role).filter(|_| permission.value.effect == Effect::Allow)?
    } else {
        return None;
    };
    Some((before.holders_of(&role.value), BTreeSet::new()))
}

/// The parts removed from one subject: roles that the removed assignments gave, roles that it holds for less time, and
/// permissions that its roles no longer give.
fn parts(before: &AccessState<'_, '_>, after: &AccessState<'_, '_>, who: &Subject, taken: &BTreeSet<Held>) -> Parts {
    let (was, is) = (before.own(who), after.own(who));
    let mut found = Parts::new();
    for held in &was.holdings {
        let all = held.flat.every_allow();
        let left = match is.holding(&held.role, held.scope.as_ref()) {
            _ if taken.contains(&(held.role.clone(), held.scope.clone())) => all,
            Some(now) if now.way.reaches(&held.way) && Rc::ptr_eq(&now.flat, &held.flat) => continue,
            Some(now) if now.way.reaches(&held.way) => {
                let mut gone = held.flat.no_allow();
                held.flat.beyond(&now.flat).into_iter().for_each(|at| gone.insert(at));
                gone
            }
            Some(_) | None => all,
        };
        if !left.is_clear() {
            found.push((Grant::new(who, &Validity::start(), held), left));
        }
    }
    found
}

/// The parts that a subject still has, by its direct holdings, then by what it can reach.
fn keeps(after: &AccessState<'_, '_>, who: &Subject, parts: &Parts) -> Vec<Kept> {
    if parts.is_empty() || !after.usable(who) {
        return Vec::new();
    }
    let mut by: BTreeMap<AccessPath, u64> = BTreeMap::new();
    let mut all = 0_u64;
    let held = Grants::by(who, &after.own(who));
    for (gift, bits) in parts {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let when = if gift.now.is_some() { When::Now } else { When::Ever };
        all = all.saturating_add(count(bits.count_ones(..)));
        let mut note = |source: &Provenance, n: usize| *by.entry(path(&source.trail())).or_default() += count(n);
        let left = held.uncovered((after.systems, after), gift, bits.clone(), when, &mut note);
        if !left.is_clear() {
            after.given(who).uncovered((after.systems, after), gift, left, when, &mut note);
        }
    }
    by.into_iter().map(|(path, accesses)| Kept { subject: who.clone(), path, accesses, of: all }).collect()
}

impl Grants {
    /// All grants, with every allow.
    fn every(&self) -> Parts {
        let all = self.of_roles(&|_| true).into_iter();
        all.map(|gift| (gift.clone(), gift.flat.every_allow())).collect()
    }
}
