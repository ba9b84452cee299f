//! Contents: every permission, include and kind that a change states or grants, classified, whether or not anyone gains
//! access.
//!
//! Computes [`Contents`] from a resolved step and the states before and after it. For a definition, compares the
//! permissions of the role and of all roles it includes before and after. For a grant, lists the permissions of the
//! role, or of every role that the group holds. Linear in the permissions listed; the list of a granted role is built
//! once per state. Permissions beyond [`MOST`] are only counted.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use crate::access::change::resolve::ResolvedChange;
use crate::access::effective::role::{ResolvedRole, unknown_permission};
use crate::access::effective::state::{AccessState, RoleState};
use crate::access::model::facts::{Access, Contents, Exception, ExceptionKind, Fate, RoleLabels, Stated};
use crate::access::risk::classification::Classifier;
use crate::access::risk::rating::Rating;
use crate::input::entitlement::{Effect, Permission};
use crate::input::id::{GroupId, ResourceId, RoleId, Subject};
use crate::plan::model::{Action, Change, Plan, Target};

/// The maximum number of permissions listed for one change.
const MOST: usize = 100_000;

/// Keyed by role and by the address of its flattened form. The form is kept alive so that the address is not reused.
type Known = BTreeMap<(RoleId, usize), (Rc<ResolvedRole>, Arc<[Stated]>, u64)>;

/// Cache of the contents of granted roles.
#[derive(Debug, Default)]
pub(crate) struct KnownContents {
    roles: RefCell<Known>,
}

/// The permissions of a role and of all roles it includes, each with the role that states it.
fn permissions(view: &AccessState<'_, '_>, role: &RoleId) -> BTreeMap<Permission, RoleId> {
    let mut found = BTreeMap::new();
    for id in &view.flat(role).roles {
        match view.role(id.as_str()) {
            RoleState::Known(known) => {
                found.extend(known.permissions.iter().map(|p| (p.clone(), id.clone())));
            }
            RoleState::Unknown => {
                found.insert(unknown_permission(id), id.clone());
            }
            RoleState::Deleted => {}
        }
    }
    found
}

impl KnownContents {
    /// Computes the contents of a change. `lessens` says whether it ends an assignment or shortens it.
    pub(crate) fn of(
        &self,
        classifier: &Classifier<'_>,
        after: &AccessState<'_, '_>,
        step: &ResolvedChange<'_>,
        lessens: bool,
    ) -> Contents {
        let mut contents = self.of_action(classifier, after, step);
        if lessens {
            let ended = ended_denies(classifier, after.below.unwrap_or(after), &step.change.action);
            let allows = contents.permissions.iter().filter(|stated| stated.effect == Effect::Allow).cloned();
            contents.permissions = allows.chain(ended).collect();
        }
        contents
    }

    fn of_action(
        &self,
        classifier: &Classifier<'_>,
        after: &AccessState<'_, '_>,
        step: &ResolvedChange<'_>,
    ) -> Contents {
        let before = after.below.unwrap_or(after);
        let one = |role: &RoleId, permission: &Permission, fate| Contents {
            permissions: [stated(classifier, after, role, permission, None, fate)].into(),
            ..Contents::default()
        };
        match &step.change.action {
            Action::Grant(a) | Action::Adjust(a) => match &a.target {
                Target::Role(role) => self.of_role(classifier, after, &role.value),
                Target::MemberOf(group) => of_group(classifier, after, &group.value),
            },
            Action::CreateRole(d) | Action::SetRole(d) => redefined(classifier, before, after, &d.role.value),
            Action::AddInclude(role, _) | Action::RemoveInclude(role, _) => {
                // Permissions on both sides are unchanged and therefore left out.
                let mut contents = redefined(classifier, before, after, &role.value);
                contents.permissions = contents.permissions.iter().filter(|s| s.fate != Fate::Kept).cloned().collect();
                contents.includes.retain(|(_, fate)| *fate != Fate::Kept);
                contents.labels = None;
                contents
            }
            Action::DeleteRole(role) => redefined(classifier, before, after, &role.value),
            Action::AddPermission(role, permission) => one(&role.value, &permission.value, Fate::Added),
            Action::RemovePermission(role, permission) => one(&role.value, &permission.value, Fate::Removed),
            Action::Revoke(_)
            | Action::CreateGroup(..)
            | Action::DeleteGroup(_)
            | Action::CreateIdentity(..)
            | Action::DisableIdentity(_)
            | Action::DeleteIdentity(_)
            | Action::SetOwner(..)
            | Action::CreateResource(..)
            | Action::DeleteResource(_)
            | Action::AddTrust(_)
            | Action::RemoveTrust(_)
            | Action::IssueCredential(_)
            | Action::RotateCredential(..)
            | Action::RevokeCredential(_)
            | Action::SuppressFinding(_) => Contents::default(),
        }
    }

    fn of_role(&self, classifier: &Classifier<'_>, view: &AccessState<'_, '_>, role: &RoleId) -> Contents {
        let flat = view.flat(role);
        let key = (role.clone(), Rc::as_ptr(&flat).addr());
        let includes = flat.roles.iter().filter(|id| *id != role).map(|id| (id.clone(), Fate::Added)).collect();
        let labels = labels(view, role).map(|it| (None, Some(it)));
        let known = self.roles.borrow().get(&key).map(|(_, known, more)| (Arc::clone(known), *more));
        let (permissions, not_listed) = known.unwrap_or_else(|| {
            let all = permissions(view, role);
            let listed = all.iter().take(MOST);
            let made: Arc<[Stated]> =
                listed.map(|(p, by)| stated(classifier, view, by, p, None, Fate::Added)).collect();
            let more = all.len().saturating_sub(MOST) as u64;
            self.roles.borrow_mut().insert(key, (Rc::clone(&flat), Arc::clone(&made), more));
            (made, more)
        });
        Contents { permissions, includes, labels, not_listed }
    }
}

/// The contents of the roles that a group holds, directly and through the groups it belongs to.
fn of_group(classifier: &Classifier<'_>, view: &AccessState<'_, '_>, group: &GroupId) -> Contents {
    let own = view.own(&Subject::Group(group.clone()));
    let (mut listed, mut not_listed) = (Vec::new(), 0_u64);
    let mut seen: BTreeSet<(&RoleId, Option<&ResourceId>)> = BTreeSet::new();
    for holding in &own.holdings {
        if !seen.insert((&holding.role, holding.scope.as_ref())) {
            continue;
        }
        for (permission, by) in &permissions(view, &holding.role) {
            if listed.len() < MOST {
                listed.push(stated(classifier, view, by, permission, holding.scope.as_ref(), Fate::Added));
            } else {
                not_listed = not_listed.saturating_add(1);
            }
        }
    }
    Contents { permissions: listed.into(), not_listed, ..Contents::default() }
}

/// The denies that end, or end earlier, with an assignment of a role or a membership.
fn ended_denies(classifier: &Classifier<'_>, before: &AccessState<'_, '_>, action: &Action) -> Vec<Stated> {
    let denies = |role: &RoleId, scope: Option<&ResourceId>| {
        let all = permissions(before, role).into_iter().filter(|(permission, _)| permission.effect == Effect::Deny);
        all.map(|(deny, by)| stated(classifier, before, &by, &deny, scope, Fate::Removed)).collect()
    };
    let of_group = |group: &GroupId| {
        let own = before.own(&Subject::Group(group.clone()));
        let held: BTreeSet<_> = own.holdings.iter().map(|it| (&it.role, it.scope.as_ref())).collect();
        held.into_iter().flat_map(|(role, scope)| -> Vec<Stated> { denies(role, scope) }).take(MOST).collect()
    };
    if let Action::Revoke(a) | Action::Adjust(a) = action {
        match &a.target {
            Target::Role(role) => denies(&role.value, a.scope.as_ref().map(|scope| &scope.value)),
            Target::MemberOf(group) => of_group(&group.value),
        }
    } else if let Action::DeleteGroup(group) = action {
        of_group(&group.value)
    } else {
        Vec::new()
    }
}

/// Compares a role before and after.
fn redefined(
    classifier: &Classifier<'_>,
    before: &AccessState<'_, '_>,
    after: &AccessState<'_, '_>,
    role: &RoleId,
) -> Contents {
    let known = |view: &AccessState<'_, '_>| matches!(view.role(role.as_str()), RoleState::Known(_));
    let of = |view: &AccessState<'_, '_>| if known(view) { permissions(view, role) } else { BTreeMap::new() };
    let roles = |view: &AccessState<'_, '_>| if known(view) { view.flat(role).roles.clone() } else { BTreeSet::new() };
    let (old, new) = (of(before), of(after));
    let fate = |is_old: bool, is_new: bool| match (is_old, is_new) {
        (true, true) => Fate::Kept,
        (false, _) => Fate::Added,
        (true, false) => Fate::Removed,
    };
    let all: BTreeMap<&Permission, &RoleId> = old.iter().chain(&new).collect();
    let listed = all.iter().take(MOST).map(|(permission, by)| {
        let fate = fate(old.contains_key(*permission), new.contains_key(*permission));
        match fate {
            Fate::Removed => stated(classifier, before, by, permission, None, fate),
            Fate::Added | Fate::Kept => stated(classifier, after, by, permission, None, fate),
        }
    });
    let permissions = listed.collect();
    let (old_roles, new_roles) = (roles(before), roles(after));
    let includes = old_roles.union(&new_roles).filter(|id| *id != role);
    Contents {
        permissions,
        includes: includes.map(|id| (id.clone(), fate(old_roles.contains(id), new_roles.contains(id)))).collect(),
        labels: Some((labels(before, role), labels(after, role))),
        not_listed: all.len().saturating_sub(MOST) as u64,
    }
}

fn labels(view: &AccessState<'_, '_>, role: &RoleId) -> Option<RoleLabels> {
    match view.role(role.as_str()) {
        RoleState::Known(role) => Some(RoleLabels {
            kinds: role.kinds.iter().copied().collect(),
            owner: role.owner.clone(),
            sensitivity: role.sensitivity,
        }),
        RoleState::Deleted | RoleState::Unknown => None,
    }
}

/// A permission with its classification. A removed deny is classified by the access that it blocked.
fn stated(
    classifier: &Classifier<'_>,
    view: &AccessState<'_, '_>,
    role: &RoleId,
    permission: &Permission,
    scope: Option<&ResourceId>,
    fate: Fate,
) -> Stated {
    let is_unknown = *permission == unknown_permission(role);
    let gives = match permission.effect {
        Effect::Allow => true,
        Effect::Deny => fate == Fate::Removed,
    };
    let verdict = if is_unknown {
        crate::access::risk::rating::unknown(permission.condition.clone())
    } else if gives {
        let allowed = Permission { effect: Effect::Allow, ..permission.clone() };
        classifier.stated(view, role, &allowed)
    } else {
        Rating::default()
    };
    let system = view.system_of(role);
    let exception = |e: &crate::input::entitlement::Except| Exception {
        kind: ExceptionKind::LeftOut,
        system: system.clone(),
        ..Exception::denied(e.action.clone(), e.resource.clone(), Vec::new())
    };
    Stated {
        role: role.clone(),
        access: Access {
            scope: scope.cloned(),
            condition: permission.condition.clone(),
            exceptions: permission.except.iter().map(exception).collect(),
            system: system.clone(),
            ..Access::plain(permission.action.clone(), permission.resource.clone())
        },
        effect: permission.effect,
        fate,
        sensitivity: verdict.sensitivity,
        privileged: verdict.privileged,
    }
}

/// The names that a plan uses for the objects it creates.
#[must_use]
pub fn names_made(plan: &Plan) -> BTreeSet<crate::input::text::Text> {
    let made = |change: &Change| crate::access::change::references::outline(change).makes.map(|(_, name)| name);
    plan.changes.iter().filter_map(made).collect()
}
