//! Application: builds the overlay of resolved steps over the snapshot, and finds the subjects they affect directly.
//!
//! Computed from the steps and an index. Access granted by `ttl` ends at the plan's expiry plus the ttl, which is the
//! latest possible end.

use std::collections::BTreeSet;

use crate::access::change::pending_denies::denies;
use crate::access::change::resolve::{ResolvedChange, Taken};
use crate::access::change::terms::{becomes, latest_end};
use crate::access::effective::role::leave_out;
use crate::access::effective::state::AccessState;
use crate::access::graph::index::Index;
use crate::access::graph::overlay::Overlay;
use crate::access::matching::coverage::ancestry;
use crate::input::entitlement::{Effect, Mode, Permission};
use crate::input::id::{AssignmentId, IdentityId, ResourceId, RoleId, Subject, TrustId};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::plan::model::{Action, AssignmentChange, GroupDefinition, GroupMembers, Lifetime, RoleDefinition, Target};
use crate::snapshot::model::{Assignment, Group, Identity, MembersKnown, Resource, Role, Status, Trust};

/// The overlay of some steps, in any order.
pub(crate) fn overlay<'p>(
    index: &Index<'_>,
    expires: Time,
    steps: impl IntoIterator<Item = &'p ResolvedChange<'p>>,
) -> Overlay {
    let mut delta = Overlay::default();
    // WHY: creations go first, so that additions to a new role find it. Apart from that, no two steps of a resolved
    // plan touch the same object, so their order is irrelevant. Sorting makes the choice among equal paths
    // deterministic.
    let mut steps: Vec<&ResolvedChange<'_>> = steps.into_iter().collect();
    steps.sort_by(|a, b| a.change.id.value.cmp(&b.change.id.value));
    let makes = |s: &&ResolvedChange<'_>| matches!(s.change.action, Action::CreateRole(_));
    for step in steps.iter().filter(|s| makes(s)).chain(steps.iter().filter(|s| !makes(s))) {
        apply(index, expires, step, &mut delta);
    }
    delta
}

/// Records the assignments and includes whose denies no longer count because a pending step removes them. Returns
/// whether that is the complete effect of the step.
/// WHY: a pending removal may or may not be applied. Neither is the access that it removes gone, nor do the denies that
/// it removes remain certain.
fn undeny(index: &Index<'_>, step: &ResolvedChange<'_>, delta: &mut Overlay) -> bool {
    let id = || AssignmentId::new(step.change.id.value.as_str());
    let takes = matches!(
        step.change.action,
        Action::Revoke(_) | Action::RemoveInclude(..) | Action::DeleteRole(_) | Action::SetRole(_)
    );
    match (&step.change.action, &step.taken) {
        (Action::Revoke(_), Some(Taken::Assigned(at))) => {
            delta.undenied.extend(index.assignment(*at).map(|a| a.id.clone()));
        }
        (Action::Revoke(_), Some(Taken::Listed(group, who))) => {
            delta.undenied_listed.insert((group.clone(), who.clone()));
        }
        (Action::Grant(_), _) => {
            delta.undenied.insert(id());
        }
        (Action::CreateRole(d), _) => {
            let includes = d.includes.iter().map(|i| (d.role.value.clone(), i.value.clone()));
            delta.undenied_includes.extend(includes);
            if index.names_role(d.role.value.as_str()) {
                delta.open_roles.insert(d.role.value.clone());
            }
        }
        (Action::SetRole(d), _) => loosen(index, delta, d),
        (Action::DeleteRole(role), _) => {
            delta.unbinding.insert(role.value.clone());
        }
        (Action::CreateResource(resource, ..), _) if step.loose => {
            delta.loose.insert(resource.value.clone());
        }
        (Action::AddInclude(role, include) | Action::RemoveInclude(role, include), _) => {
            // The role must be flattened again.
            alter(index, delta, &role.value, |_| {});
            delta.undenied_includes.insert((role.value.clone(), include.value.clone()));
        }
        _ => {}
    }
    takes
}

/// Removes from a role the denies that a pending definition lacks, except those that depend on a part the definition
/// lacks as well: either both go or neither.
fn loosen(index: &Index<'_>, delta: &mut Overlay, d: &RoleDefinition) {
    let Some(known) = index.role(d.role.value.as_str()) else { return };
    let goes = |p: &&Permission| !d.permissions.iter().any(|kept| kept.value == **p);
    let (gone, denied): (Vec<&Permission>, Vec<&Permission>) =
        known.permissions.iter().filter(goes).partition(|p| p.effect == Effect::Allow);
    let denied: Vec<&Permission> = denied.into_iter().filter(|p| denies(p)).collect();
    alter(index, delta, &d.role.value, |role| {
        role.permissions.retain(|p| !denied.contains(&p));
        for allow in role.permissions.iter_mut().filter(|p| gone.contains(&&**p)) {
            leave_out(allow, &denied);
        }
    });
}

/// A group that a plan creates, without members of its own.
fn new_group(d: &GroupDefinition) -> Group {
    let members = d.members.as_ref().map_or(GroupMembers::Known, |it| it.value);
    Group {
        id: d.group.value.clone(),
        members: Vec::new(),
        nested: Vec::new(),
        implicit: d.implicit.iter().map(|pattern| pattern.value.raw().to_owned()).collect(),
        members_known: match members {
            GroupMembers::Known => MembersKnown::Known,
            GroupMembers::Partial => MembersKnown::Partial,
            // WHY: everybody has identities that no snapshot lists.
            GroupMembers::Unknown | GroupMembers::Everybody => MembersKnown::Unknown,
        },
        owner: d.owner.as_ref().map(|owner| owner.value.clone()),
        public: members == GroupMembers::Everybody,
    }
}

fn apply(index: &Index<'_>, expires: Time, step: &ResolvedChange<'_>, delta: &mut Overlay) {
    let change = step.change;
    if step.other && undeny(index, step, delta) {
        return;
    }
    match &change.action {
        Action::Grant(a) => {
            let (mode, until) = becomes(a, None, expires);
            delta.add(assignment(AssignmentId::new(change.id.value.as_str()), a, mode, until));
        }
        Action::Revoke(_) => {
            take(step, delta);
        }
        Action::Adjust(a) => {
            let was = match &step.taken {
                Some(Taken::Assigned(at)) => index.assignment(*at),
                Some(Taken::Listed(..)) | None => None,
            };
            let id = was.map_or_else(|| AssignmentId::new(change.id.value.as_str()), |was| was.id.clone());
            let before = was.map_or((Mode::Standing, None), |was| (was.mode, was.until));
            let (mode, until) = becomes(a, Some(before), expires);
            if take(step, delta) {
                delta.add(assignment(id, a, mode, until));
            }
        }
        Action::CreateRole(d) | Action::SetRole(d) => {
            let known = index.role(d.role.value.as_str());
            delta.roles.insert(d.role.value.clone(), Some(defined(index, d, known)));
        }
        Action::DeleteRole(role) => {
            delta.roles.insert(role.value.clone(), None);
        }
        Action::AddPermission(role, permission) => {
            alter(index, delta, &role.value, |r| r.permissions.push(permission.value.clone()));
        }
        Action::RemovePermission(role, permission) => {
            alter(index, delta, &role.value, |r| r.permissions.retain(|p| *p != permission.value));
        }
        Action::AddInclude(role, include) => {
            alter(index, delta, &role.value, |r| r.includes.push(include.value.clone()));
        }
        Action::RemoveInclude(role, include) => {
            alter(index, delta, &role.value, |r| r.includes.retain(|i| *i != include.value));
        }
        Action::CreateGroup(d) => {
            delta.groups.insert(d.group.value.clone(), Some(new_group(d)));
        }
        Action::DeleteGroup(group) => {
            delta.groups.insert(group.value.clone(), None);
        }
        Action::CreateIdentity(identity, kind, owner) => {
            let made = Identity {
                id: identity.value.clone(),
                kind: kind.value,
                owner: owner.as_ref().map(|o| o.value.clone()),
                status: Status::Active,
                last_used: None,
                labels: std::collections::BTreeMap::new(),
                environment: None,
                limits: Vec::new(),
            };
            delta.identities.insert(identity.value.clone(), Some(made));
        }
        Action::DisableIdentity(id) => {
            if let Some(known) = index.identity(id.value.as_str()) {
                let disabled = Identity { status: Status::Disabled, ..known.clone() };
                delta.identities.insert(id.value.clone(), Some(disabled));
            }
        }
        Action::DeleteIdentity(id) => {
            delta.identities.insert(id.value.clone(), None);
        }
        Action::CreateResource(resource, parent, owner, sensitivity) => {
            let made = Resource {
                parent: parent.as_ref().map(|p| p.value.clone()),
                sensitivity: sensitivity.as_ref().map(|s| s.value),
                owner: owner.as_ref().map(|o| o.value.clone()),
                ..Resource::new(resource.value.clone())
            };
            delta.resources.insert(resource.value.clone(), Some(made));
        }
        Action::DeleteResource(resource) => {
            delta.resources.insert(resource.value.clone(), None);
        }
        Action::RemoveTrust(trust) => {
            delta.trusts_gone.insert(trust.value.clone());
        }
        Action::AddTrust(_) | Action::IssueCredential(_) | Action::RotateCredential(..) => {
            if let Some((made, until)) = trust(index, expires, step) {
                delta.trust(made, until);
            }
        }
        // Owners, alerts and the expiry of a credential with an unknown holder do not alter effective access.
        Action::SetOwner(..) | Action::RevokeCredential(_) | Action::SuppressFinding(_) => {}
    }
}

fn assignment(id: AssignmentId, a: &AssignmentChange, mode: Mode, until: Option<Time>) -> Assignment {
    let (role, member_of) = match &a.target {
        Target::Role(role) => (Some(role.value.clone()), None),
        Target::MemberOf(group) => (None, Some(group.value.clone())),
    };
    Assignment {
        id,
        who: a.to.value.clone(),
        role,
        member_of,
        scope: a.scope.as_ref().map(|s| s.value.clone()),
        mode,
        until,
        granted_at: None,
        last_used: None,
        task: None,
    }
}

pub(crate) fn take(step: &ResolvedChange<'_>, delta: &mut Overlay) -> bool {
    match &step.taken {
        Some(Taken::Assigned(at)) => delta.gone.insert(*at),
        Some(Taken::Listed(group, who)) => delta.left.insert((group.clone(), who.clone())),
        None => false,
    }
}

/// A role as a plan defines it. Permissions on a resource itself are kept if the role had them before.
fn defined(index: &Index<'_>, d: &RoleDefinition, known: Option<&Role>) -> Role {
    Role {
        id: d.role.value.clone(),
        includes: d.includes.iter().map(|i| i.value.clone()).collect(),
        permissions: d.permissions.iter().map(|p| p.value.clone()).collect(),
        owner: d.owner.as_ref().map(|o| o.value.clone()),
        sensitivity: d.sensitivity.as_ref().map(|s| s.value),
        kinds: d.kinds.iter().map(|k| k.value).collect(),
        by_resource: d.by_resource.as_ref().map_or_else(|| known.is_some_and(|role| role.by_resource), |it| it.value),
        delegated: known.is_some_and(|role| role.delegated),
        system: known.map_or_else(|| index.systems().of_new(d.role.value.as_str()), |role| role.system.clone()),
    }
}

fn alter(index: &Index<'_>, delta: &mut Overlay, role: &RoleId, how: impl FnOnce(&mut Role)) {
    let slot = delta.roles.entry(role.clone()).or_insert_with(|| index.role(role.as_str()).cloned());
    if let Some(role) = slot {
        how(role);
    }
}

/// The trust that a step creates: the one it names, or the trust of the recipient of a credential.
pub(crate) fn trust(index: &Index<'_>, expires: Time, step: &ResolvedChange<'_>) -> Option<(Trust, Option<Time>)> {
    let delivered = |id: &str, from: &Text, to: &IdentityId, until| {
        let same = from.raw() == to.as_str();
        (!same).then(|| {
            let made = Trust {
                id: TrustId::new(id),
                from: from.clone(),
                to: to.text(),
                via: "credential".into(),
                requires: None,
                condition: None,
                system: index.systems().of_new(to.as_str()),
            };
            (made, until)
        })
    };
    let end = |l: &Option<crate::input::place::Placed<Lifetime>>| l.as_ref().map(|l| latest_end(l.value, expires));
    if let Action::AddTrust(d) = &step.change.action {
        let made = Trust {
            id: d.trust.value.clone(),
            from: d.from.value.clone(),
            to: d.to.value.clone(),
            via: d.via.value.clone(),
            requires: d.requires.as_ref().map(|r| r.value.clone()),
            condition: d.condition.as_ref().map(|it| it.value.clone()),
            system: index.systems().of_new(d.to.value.raw()),
        };
        return Some((made, None));
    }
    if let Action::IssueCredential(c) = &step.change.action {
        return delivered(c.credential.value.as_str(), &c.deliver_to.value, &c.identity.value, end(&c.lifetime));
    }
    if let Action::RotateCredential(credential, Some(to), lifetime) = &step.change.action {
        let known = index.snapshot().credentials.iter().find(|c| c.id == credential.value)?;
        return delivered(known.id.as_str(), &to.value, &known.identity, end(lifetime));
    }
    None
}

/// The subjects whose own holdings or trusts a step may alter.
pub(crate) fn seeds(
    step: &ResolvedChange<'_>,
    plain: &AccessState<'_, '_>,
    view: &AccessState<'_, '_>,
) -> BTreeSet<Subject> {
    let both = |name: &str| {
        let mut found: BTreeSet<Subject> = plain.subjects(name).into_iter().collect();
        found.extend(view.subjects(name));
        found
    };
    match &step.change.action {
        Action::Grant(a) | Action::Revoke(a) | Action::Adjust(a) => both(a.to.value.raw()),
        Action::CreateRole(d) | Action::SetRole(d) => {
            &plain.holders_of(&d.role.value) | &view.holders_of(&d.role.value)
        }
        Action::DeleteRole(role)
        | Action::AddPermission(role, _)
        | Action::RemovePermission(role, _)
        | Action::AddInclude(role, _)
        | Action::RemoveInclude(role, _) => &plain.holders_of(&role.value) | &view.holders_of(&role.value),
        Action::CreateGroup(d) => BTreeSet::from([Subject::Group(d.group.value.clone())]),
        Action::DeleteGroup(group) => BTreeSet::from([Subject::Group(group.value.clone())]),
        Action::CreateIdentity(id, ..) | Action::DisableIdentity(id) | Action::DeleteIdentity(id) => {
            BTreeSet::from([Subject::Identity(id.value.clone())])
        }
        Action::CreateResource(resource, parent, ..) => {
            newly_placed(&resource.value, parent.as_ref().map(|p| &p.value), plain, view)
        }
        Action::DeleteResource(resource) => &plain.holders_at(&resource.value) | &view.holders_at(&resource.value),
        Action::RemoveTrust(trust) => {
            let known = plain.index.snapshot().trusts.iter().filter(|t| t.id == trust.value);
            known.flat_map(|t| &plain.trusting(t) | &view.trusting(t)).collect()
        }
        Action::AddTrust(d) => made_by(d.trust.value.as_str(), plain, view),
        Action::IssueCredential(c) => made_by(c.credential.value.as_str(), plain, view),
        Action::RotateCredential(c, ..) => made_by(c.value.as_str(), plain, view),
        Action::SetOwner(..) | Action::RevokeCredential(_) | Action::SuppressFinding(_) => BTreeSet::new(),
    }
}

/// The subjects that the trusts with this id, as a state has them, allow to act.
fn made_by(id: &str, plain: &AccessState<'_, '_>, view: &AccessState<'_, '_>) -> BTreeSet<Subject> {
    view.delta.trusts_named(id).flat_map(|t| &plain.trusting(t) | &view.trusting(t)).collect()
}

/// The holders of access at a new resource that others already referred to, or above it. Only for them the position of
/// the resource in the tree makes a difference.
fn newly_placed(
    resource: &ResourceId,
    parent: Option<&ResourceId>,
    plain: &AccessState<'_, '_>,
    view: &AccessState<'_, '_>,
) -> BTreeSet<Subject> {
    let index = plain.index;
    let added = || view.delta.added.iter();
    let is_it = |scope: Option<&ResourceId>| scope == Some(resource);
    let asked = || {
        let made = view.delta.trusts().iter().filter_map(|(trust, _)| trust.requires.as_ref());
        index.required().iter().chain(made).any(|requires| is_it(requires.scope.as_ref()))
    };
    let ruled = || {
        index.rules().classes.iter().any(|class| {
            class.by_scope.contains_key(&Some(resource.clone()))
                || view.made().any(|made| is_it(class.scope_of(&made).flatten().as_ref()))
        })
    };
    let named = plain.places.contains(resource)
        || index.at_scope(resource.as_str()).next().is_some()
        || added().any(|a| is_it(a.scope.as_ref()))
        || asked()
        || ruled();
    if !named {
        return BTreeSet::new();
    }
    let mut places = ancestry(view, resource);
    // If two plans place it under different parents, the state has only one of them.
    places.extend(parent.into_iter().flat_map(|parent| ancestry(view, parent)));
    let held = places.iter().flat_map(|place| index.at_scope(place.as_str())).map(|(_, a)| a);
    let here = added().filter(|a| a.scope.as_ref().is_some_and(|scope| places.contains(scope)));
    held.chain(here).flat_map(|a| view.subjects(a.who.raw())).collect()
}
