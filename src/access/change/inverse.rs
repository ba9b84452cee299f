//! The inverse of changes: what undoes each, from the state before.
//!
//! Takes a plan, or some of its changes, and an index of the snapshot before. Returns for each change the actions that
//! restore what was, and in words what no action restores. An action restores effective access; when something was granted
//! or last used is lost, and is not access.

use std::collections::BTreeSet;

use crate::access::change::references::{Name, Outline, Use, outline};
use crate::access::change::resolve::{ResolvedChange, Taken, resolve};
use crate::access::graph::index::{Index, NameKind};
use crate::input::entitlement::{Mode, Permission};
use crate::input::finding::Finding;
use crate::input::id::{ChangeId, CredentialId, GroupId, RoleId, TrustId};
use crate::input::place::{Place, Placed};
use crate::plan::model::{
    Action, AssignmentChange, Change, GroupDefinition, Lifetime, Owned, Plan, RoleDefinition, Target, TrustDefinition,
};
use crate::snapshot::model::{Assignment, Group, MembersKnown, Role};

/// How to undo one change.
#[derive(Clone, Debug)]
pub struct Undo {
    /// The change.
    pub change: ChangeId,
    /// The actions that undo it, in order.
    pub actions: Vec<Action>,
    /// What they do not restore, in words.
    pub lost: Vec<String>,
}

/// The inverses of the changes of a plan, or of a subset of them, the last change first.
///
/// # Errors
/// Every unknown name, conflict and ambiguity of the plan, each at its place.
pub fn inverse(index: &Index<'_>, plan: &Plan, only: Option<&BTreeSet<ChangeId>>) -> Result<Vec<Undo>, Vec<Finding>> {
    let steps = resolve(plan, index, only)?;
    let undo = |step: &ResolvedChange<'_>| {
        let mut undo = Undo { change: step.change.id.value.clone(), actions: Vec::new(), lost: Vec::new() };
        Inverter { index, undo: &mut undo }.step(step);
        undo
    };
    let mut undone: Vec<Undo> = steps.iter().rev().map(undo).collect();
    let outlines = |undone: &[Undo]| -> Vec<Outline> {
        undone.iter().flat_map(|one| &one.actions).map(|action| outline(&as_change(action))).collect()
    };
    // What the plan made is deleted again, so only a reduction may name it.
    let made: BTreeSet<Name> = steps.iter().filter_map(|step| outline(step.change).makes).collect();
    let remade: BTreeSet<Name> = outlines(&undone).into_iter().filter_map(|it| it.makes).collect();
    for one in &mut undone {
        let Undo { actions, lost, .. } = one;
        actions.retain(|action| {
            let uses = outline(&as_change(action)).uses.into_iter();
            let is_missing = |it: &Use| !(has(index, &remade, &it.name) || (it.reduces && has(index, &made, &it.name)));
            let Some(missing) = uses.filter(is_missing).map(|it| it.name.1).next() else { return true };
            // The system may hold what the export does not: a plan that names it would not resolve.
            lost.push(format!("`{}` needs `{}`, which is not in the snapshot", action.word(), missing.terminal()));
            false
        });
    }
    Ok(undone)
}

fn has(index: &Index<'_>, made: &BTreeSet<Name>, (kind, name): &Name) -> bool {
    let is_made = |kind| made.contains(&(kind, name.clone()));
    let is_subject = *kind == NameKind::Subject && (is_made(NameKind::Identity) || is_made(NameKind::Group));
    index.knows(*kind, name.raw()) || is_made(*kind) || is_subject
}

fn as_change(action: &Action) -> Change {
    Change {
        id: placed("undo".into()),
        action_place: Place::file("rollback"),
        action: action.clone(),
        reason: placed("undo".into()),
        claims: Vec::new(),
        origin: None,
        unknown: Vec::new(),
    }
}

struct Inverter<'i, 's> {
    index: &'i Index<'s>,
    undo: &'i mut Undo,
}

fn placed<T>(value: T) -> Placed<T> {
    Placed::new(value, Place::file("rollback"))
}

impl Inverter<'_, '_> {
    fn add(&mut self, action: Action) {
        self.undo.actions.push(action);
    }

    fn lost(&mut self, what: impl Into<String>) {
        self.undo.lost.push(what.into());
    }

    fn step(&mut self, step: &ResolvedChange<'_>) {
        match &step.change.action {
            Action::Grant(a) => self.ungrant(a),
            Action::Revoke(a) => self.regrant(a, step.taken.as_ref()),
            Action::Adjust(a) => self.readjust(a, step.taken.as_ref()),
            Action::CreateRole(d) => self.add(Action::DeleteRole(d.role.clone())),
            Action::DeleteRole(role) => self.recreate_role(&role.value),
            Action::SetRole(d) => self.reset_role(&d.role.value),
            Action::AddPermission(role, permission) => {
                if self.index.role(role.value.as_str()).is_some_and(|r| r.permissions.contains(&permission.value)) {
                    self.lost("the role had this permission before, so nothing is removed from it");
                } else {
                    self.add(Action::RemovePermission(role.clone(), permission.clone()));
                }
            }
            Action::RemovePermission(role, permission) => {
                self.add(Action::AddPermission(role.clone(), permission.clone()));
            }
            Action::AddInclude(role, include) => {
                if self.index.role(role.value.as_str()).is_some_and(|r| r.includes.contains(&include.value)) {
                    self.lost("the role included this one before, so nothing is removed from it");
                } else {
                    self.add(Action::RemoveInclude(role.clone(), include.clone()));
                }
            }
            Action::RemoveInclude(role, include) => self.add(Action::AddInclude(role.clone(), include.clone())),
            Action::CreateGroup(d) => self.add(Action::DeleteGroup(d.group.clone())),
            Action::DeleteGroup(group) => self.recreate_group(&group.value),
            Action::CreateIdentity(identity, ..) => self.add(Action::DeleteIdentity(identity.clone())),
            Action::DisableIdentity(_) => self.lost("no action of a plan enables an identity"),
            Action::DeleteIdentity(_) => {
                self.lost(
                    "a deleted identity loses its credentials and history; a new one with the same name is a different identity",
                );
            }
            Action::SetOwner(thing, _) => self.reset_owner(thing),
            Action::CreateResource(resource, ..) => self.add(Action::DeleteResource(resource.clone())),
            Action::DeleteResource(resource) => match self.index.resource(resource.value.as_str()) {
                Some(known) => self.add(Action::CreateResource(
                    resource.clone(),
                    known.parent.clone().map(placed),
                    known.owner.clone().map(placed),
                    known.sensitivity.map(placed),
                )),
                None => self.lost("the resource is not in the snapshot"),
            },
            Action::AddTrust(d) => self.add(Action::RemoveTrust(d.trust.clone())),
            Action::RemoveTrust(trust) => self.retrust(&trust.value),
            Action::IssueCredential(c) => {
                self.add(Action::RevokeCredential(c.credential.clone()));
                self.lost("uses of the credential, and copies of data it gave access to");
            }
            Action::RotateCredential(credential, ..) => self.credential(&credential.value, "was replaced"),
            Action::RevokeCredential(credential) => self.credential(&credential.value, "was revoked"),
            Action::SuppressFinding(_) => self.lost("no action of a plan restores a suppressed alert"),
        }
    }

    fn credential(&mut self, id: &CredentialId, how: &str) {
        self.lost(format!("the credential `{}` {how}, and its secret cannot be restored", id.text().terminal()));
    }

    fn ungrant(&mut self, a: &AssignmentChange) {
        let same = |it: &&Assignment| {
            let target = match &a.target {
                Target::Role(role) => it.role.as_ref() == Some(&role.value),
                Target::MemberOf(group) => it.member_of.as_ref() == Some(&group.value),
            };
            target && it.who == a.to.value && it.scope.as_ref() == a.scope.as_ref().map(|scope| &scope.value)
        };
        if self.index.snapshot().assignments.iter().any(|it| same(&it)) {
            self.lost("an equal assignment existed before, and a plan cannot distinguish the two");
            return;
        }
        self.add(Action::Revoke(AssignmentChange { mode: None, lifetime: None, assignment: None, ..a.clone() }));
    }

    /// The terms of an assignment as a plan writes them; none where it cannot.
    fn terms(mode: Mode, until: Option<crate::input::time::Time>) -> (Placed<Mode>, Option<Placed<Lifetime>>) {
        let end = until.map(|time| placed(Lifetime::Until(time)));
        match (mode, until) {
            (Mode::Eligible, _) => (placed(Mode::Eligible), end),
            (Mode::Standing | Mode::Active, None) => (placed(Mode::Standing), None),
            (Mode::Standing | Mode::Active, Some(_)) => (placed(Mode::Active), end),
        }
    }

    fn regrant(&mut self, a: &AssignmentChange, taken: Option<&Taken>) {
        let (mode, until) = match taken {
            Some(Taken::Assigned(at)) => match self.index.assignment(*at) {
                Some(was) => (was.mode, was.until),
                None => return self.lost("the assignment is not in the snapshot"),
            },
            Some(Taken::Listed(..)) => (Mode::Standing, None),
            None => return self.lost("the snapshot does not show what was revoked"),
        };
        let (mode, lifetime) = Self::terms(mode, until);
        self.add(Action::Grant(AssignmentChange { mode: Some(mode), lifetime, assignment: None, ..a.clone() }));
    }

    fn readjust(&mut self, a: &AssignmentChange, taken: Option<&Taken>) {
        let (mode, until) = match taken {
            Some(Taken::Assigned(at)) => match self.index.assignment(*at) {
                Some(was) => (was.mode, was.until),
                None => return self.lost("the assignment is not in the snapshot"),
            },
            Some(Taken::Listed(..)) => (Mode::Standing, None),
            None => return self.lost("the snapshot does not show what was adjusted"),
        };
        if mode == Mode::Eligible && until.is_none() {
            // An adjustment without an end keeps the one that is there.
            self.lost(
                "the assignment was eligible without an expiry, which `adjust` cannot express; revoke and grant it",
            );
            return;
        }
        let (mode, lifetime) = Self::terms(mode, until);
        self.add(Action::Adjust(AssignmentChange { mode: Some(mode), lifetime, assignment: None, ..a.clone() }));
    }

    /// A role's definition as it was; none, with a word, where a plan cannot write it.
    fn definition(&mut self, id: &RoleId) -> Option<RoleDefinition> {
        let Some(Role { includes, permissions, owner, sensitivity, kinds, by_resource, delegated, .. }) =
            self.index.role(id.as_str())
        else {
            self.lost("the role is not in the snapshot");
            return None;
        };
        if *delegated {
            self.lost("the role depends on another account, which a plan cannot write");
            return None;
        }
        let permissions: Vec<Placed<Permission>> = permissions.iter().cloned().map(placed).collect();
        Some(RoleDefinition {
            role: placed(id.clone()),
            includes: includes.iter().cloned().map(placed).collect(),
            permissions,
            owner: owner.clone().map(placed),
            sensitivity: sensitivity.map(placed),
            kinds: kinds.iter().copied().map(placed).collect(),
            by_resource: by_resource.then(|| placed(true)),
        })
    }

    fn reset_role(&mut self, id: &RoleId) {
        if let Some(definition) = self.definition(id) {
            self.add(Action::SetRole(definition));
        }
    }

    fn recreate_role(&mut self, id: &RoleId) {
        let Some(definition) = self.definition(id) else { return };
        self.add(Action::CreateRole(definition));
        let limited = self.index.limited_by(id.as_str()).len();
        if limited > 0 {
            self.lost(format!("the boundaries of {limited} identities, which end with the role"));
        }
        let snapshot = self.index.snapshot();
        let held = snapshot.assignments.iter().filter(|it| it.role.as_ref() == Some(id)).count();
        let included = snapshot.roles.iter().filter(|it| it.includes.contains(id)).count();
        if held + included > 0 {
            self.lost(format!(
                "{held} assignments and {included} includes of the role, where the system removed them with it"
            ));
        }
    }

    fn recreate_group(&mut self, id: &GroupId) {
        let Some(Group { members, nested, implicit, members_known, owner, public, .. }) = self.index.group(id.as_str())
        else {
            return self.lost("the group is not in the snapshot");
        };
        if !implicit.is_empty() || *members_known != MembersKnown::Known || *public {
            return self.lost("the members of the group are given by a rule, or not all are known");
        }
        self.add(Action::CreateGroup(GroupDefinition::new(placed(id.clone()), owner.clone().map(placed))));
        let listed =
            members.iter().map(crate::input::id::Id::text).chain(nested.iter().map(crate::input::id::Id::text));
        for who in listed {
            self.add(Action::Grant(AssignmentChange {
                to: placed(who),
                target: Target::MemberOf(placed(id.clone())),
                scope: None,
                mode: Some(placed(Mode::Standing)),
                lifetime: None,
                assignment: None,
            }));
        }
        let held = self.index.snapshot().assignments.iter();
        let held = held.filter(|it| it.member_of.as_ref() == Some(id) || it.who.raw() == id.as_str()).count();
        if held > 0 {
            self.lost(format!("{held} assignments of the group, where the system removed them with it"));
        }
    }

    fn reset_owner(&mut self, thing: &Owned) {
        let owner = match thing {
            Owned::Identity(id) => self.index.identity(id.value.as_str()).and_then(|it| it.owner.clone()),
            Owned::Group(id) => self.index.group(id.value.as_str()).and_then(|it| it.owner.clone()),
            Owned::Role(id) => self.index.role(id.value.as_str()).and_then(|it| it.owner.clone()),
            Owned::Resource(id) => self.index.resource(id.value.as_str()).and_then(|it| it.owner.clone()),
        };
        match owner {
            Some(owner) => self.add(Action::SetOwner(thing.clone(), placed(owner))),
            None => self.lost("there was no owner, and no action of a plan removes one"),
        }
    }

    fn retrust(&mut self, id: &TrustId) {
        let mut known = self.index.snapshot().trusts.iter().filter(|it| it.id == *id);
        let (Some(was), None) = (known.next(), known.next()) else {
            return self.lost("the trust is a rule of the system, or several have its name");
        };
        if was.system.is_some() {
            return self.lost("the trust names a system, which a plan cannot write");
        }
        self.add(Action::AddTrust(TrustDefinition {
            trust: placed(id.clone()),
            from: placed(was.from.clone()),
            to: placed(was.to.clone()),
            via: placed(was.via.clone()),
            requires: was.requires.clone().map(placed),
            condition: was.condition.clone().map(placed),
        }));
    }
}
