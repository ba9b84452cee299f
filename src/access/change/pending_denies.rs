//! Lifted denies: finds which denies of the snapshot a pending removal would lift.
//!
//! Takes an index and a change of another plan that removes assignments, includes, roles, groups or resources. Returns
//! smaller changes that remove exactly the link through which a deny applies, so that the deny no longer counts and
//! everything else stays. A link that the snapshot no longer shows lifts nothing.

use std::collections::BTreeSet;

use crate::access::change::references::entitlement;
use crate::access::change::terms::becomes;
use crate::access::graph::closure::closure;
use crate::access::graph::index::Index;
use crate::input::entitlement::{Effect, Mode, Permission};
use crate::input::id::{Entitlement, GroupId, ResourceId, RoleId, Subject};
use crate::input::place::{Place, Placed};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::plan::model::{Action, AssignmentChange, RoleDefinition, Target};
use crate::snapshot::model::Assignment;

/// Whether a permission is an unconditional deny.
pub(crate) fn denies(permission: &Permission) -> bool {
    permission.effect == Effect::Deny && permission.condition.is_none()
}

/// Whether a role, or one that it includes, has a deny.
fn role_denies(index: &Index<'_>, role: &RoleId) -> bool {
    let known = |id: &RoleId| index.role(id.as_str());
    let all = closure(&BTreeSet::from([role.clone()]), |id| {
        known(id).into_iter().flat_map(|role| &role.includes).cloned().collect()
    });
    all.iter().filter_map(known).any(|role| role.permissions.iter().any(denies))
}

/// Whether a change adds a deny, or assigns or includes a role that has one.
pub(crate) fn adds_deny(index: &Index<'_>, action: &Action) -> bool {
    if let Action::AddPermission(_, permission) = action {
        permission.value.effect == Effect::Deny
    } else if let Action::AddInclude(_, include) = action {
        role_denies(index, &include.value)
    } else if let Action::Grant(a) = action {
        match &a.target {
            Target::Role(role) => role_denies(index, &role.value),
            Target::MemberOf(group) => group_denies(index, &group.value),
        }
    } else {
        false
    }
}

/// Whether a group, or one that it belongs to, holds a role with a deny.
fn group_denies(index: &Index<'_>, group: &GroupId) -> bool {
    let all = closure(&BTreeSet::from([group.clone()]), |id| {
        let listed = index.listing(&Subject::Group(id.clone())).iter().map(|group| group.id.clone());
        listed.chain(index.held_by(id.as_str()).filter_map(|(_, a)| a.member_of.clone())).collect()
    });
    let mut roles = all.iter().flat_map(|id| index.held_by(id.as_str())).filter_map(|(_, a)| a.role.as_ref());
    roles.any(|role| role_denies(index, role))
}

fn assignment_denies(index: &Index<'_>, a: &Assignment) -> bool {
    a.role.as_ref().is_some_and(|role| role_denies(index, role))
        || a.member_of.as_ref().is_some_and(|group| group_denies(index, group))
}

/// The change that removes one assignment of the snapshot.
fn taking(a: &Assignment, place: &Place) -> Option<Action> {
    let target = match (&a.role, &a.member_of) {
        (Some(role), _) => Target::Role(Placed::new(role.clone(), place.clone())),
        (None, Some(group)) => Target::MemberOf(Placed::new(group.clone(), place.clone())),
        (None, None) => return None,
    };
    Some(Action::Revoke(AssignmentChange {
        to: Placed::new(a.who.clone(), place.clone()),
        target,
        scope: a.scope.clone().map(|scope| Placed::new(scope, place.clone())),
        mode: None,
        lifetime: None,
        assignment: Some(Placed::new(a.id.clone(), place.clone())),
    }))
}

/// The assignments of the snapshot that a change may refer to.
fn meant<'s>(index: &Index<'s>, wanted: &AssignmentChange) -> Vec<&'s Assignment> {
    let entitled = entitlement(&wanted.target);
    let is_meant = |a: &&Assignment| {
        let same = match &entitled {
            Entitlement::Role(role) => a.role.as_ref() == Some(role),
            Entitlement::Membership(group) => a.member_of.as_ref() == Some(group),
        };
        same && a.scope.as_ref() == wanted.scope.as_ref().map(|s| &s.value)
            && wanted.assignment.as_ref().is_none_or(|named| named.value == a.id)
    };
    index.held_by(wanted.to.value.raw()).map(|(_, a)| a).filter(is_meant).collect()
}

/// The change that removes a membership listed in the group.
fn leaving(group: &GroupId, who: &Text, place: &Place) -> Action {
    Action::Revoke(AssignmentChange {
        to: Placed::new(who.clone(), place.clone()),
        target: Target::MemberOf(Placed::new(group.clone(), place.clone())),
        scope: None,
        mode: None,
        lifetime: None,
        assignment: None,
    })
}

/// The links of a role to denies that are not kept: its own denies, as a definition without them, and the includes that
/// lead to others.
pub(crate) fn of_role(
    index: &Index<'_>,
    role: &Placed<RoleId>,
    permissions: &[Placed<Permission>],
    includes: &[Placed<RoleId>],
) -> Vec<Action> {
    let Some(known) = index.role(role.value.as_str()) else { return Vec::new() };
    let goes = |p: &&Permission| denies(p) && !permissions.iter().any(|kept| kept.value == **p);
    let own = known.permissions.iter().find(goes).map(|_| {
        Action::SetRole(RoleDefinition {
            role: role.clone(),
            includes: Vec::new(),
            permissions: permissions.to_vec(),
            owner: None,
            sensitivity: None,
            kinds: Vec::new(),
            by_resource: None,
        })
    });
    let further = known.includes.iter().filter(|i| !includes.iter().any(|kept| kept.value == **i));
    let further = further.filter(|i| role_denies(index, i));
    let further = further.map(|i| Action::RemoveInclude(role.clone(), Placed::new(i.clone(), role.place.clone())));
    own.into_iter().chain(further).collect()
}

/// The links to denies that a change removes.
pub(crate) fn lifted(index: &Index<'_>, action: &Action, expires: Time) -> Vec<Action> {
    let taken = |all: &mut dyn Iterator<Item = &Assignment>, place: &Place| -> Vec<Action> {
        all.filter(|a| assignment_denies(index, a)).filter_map(|a| taking(a, place)).collect()
    };
    match action {
        Action::Revoke(a) => {
            let mut found = taken(&mut meant(index, a).into_iter(), &a.to.place);
            if let (Target::MemberOf(group), None, None) = (&a.target, &a.scope, &a.assignment)
                && let Some(listed) = index.group(group.value.as_str())
                && (listed.members.iter().any(|m| m.as_str() == a.to.value.raw())
                    || listed.nested.iter().any(|m| m.as_str() == a.to.value.raw()))
                && meant(index, a).is_empty()
                && group_denies(index, &group.value)
            {
                found.push(leaving(&group.value, &a.to.value, &a.to.place));
            }
            found
        }
        Action::Adjust(a) => {
            let is_less = |was: &&Assignment| {
                let (mode, until) = becomes(a, Some((was.mode, was.until)), expires);
                (mode == Mode::Eligible && was.mode != Mode::Eligible)
                    || until.is_some_and(|end| was.until.is_none_or(|was| end < was))
            };
            taken(&mut meant(index, a).into_iter().filter(is_less), &a.to.place)
        }
        Action::DeleteRole(role) => of_role(index, role, &[], &[]),
        Action::SetRole(d) => of_role(index, &d.role, &d.permissions, &d.includes),
        Action::RemoveInclude(role, include) => {
            let known = index.role(role.value.as_str());
            let is_there = known.is_some_and(|known| known.includes.contains(&include.value));
            let lifts = is_there && role_denies(index, &include.value);
            if lifts { vec![action.clone()] } else { Vec::new() }
        }
        Action::DeleteGroup(group) => {
            let mut found = taken(&mut index.held_by(group.value.as_str()).map(|(_, a)| a), &group.place);
            let around = index.listing(&Subject::Group(group.value.clone())).iter();
            let around = around.filter(|outer| group_denies(index, &outer.id));
            found.extend(around.map(|outer| leaving(&outer.id, &group.value.text(), &group.place)));
            found
        }
        Action::DeleteResource(resource) => {
            let below: BTreeSet<ResourceId> = closure(&BTreeSet::from([resource.value.clone()]), |id| {
                index.children(id.as_str()).iter().map(|child| child.id.clone()).collect()
            });
            taken(&mut below.iter().flat_map(|id| index.at_scope(id.as_str())).map(|(_, a)| a), &resource.place)
        }
        Action::Grant(_)
        | Action::CreateRole(_)
        | Action::AddPermission(..)
        | Action::RemovePermission(..)
        | Action::AddInclude(..)
        | Action::CreateGroup(..)
        | Action::CreateIdentity(..)
        | Action::DisableIdentity(_)
        | Action::DeleteIdentity(_)
        | Action::SetOwner(..)
        | Action::CreateResource(..)
        | Action::AddTrust(_)
        | Action::RemoveTrust(_)
        | Action::IssueCredential(_)
        | Action::RotateCredential(..)
        | Action::RevokeCredential(_)
        | Action::SuppressFinding(_) => Vec::new(),
    }
}
