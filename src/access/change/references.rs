//! References: what each change names, creates, removes and deletes, before names are resolved.
//!
//! Extracts from a typed change the names it uses with their places, the object it creates, the object it deletes, and
//! the objects it concerns, so that conflicts and dependencies can be found without matching on the action again.

use crate::access::graph::index::NameKind;
use crate::input::entitlement::Permission;
use crate::input::id::{Entitlement, ResourceId, RoleId};
use crate::input::place::Place;
use crate::input::text::Text;
use crate::plan::model::{Action, AssignmentChange, Change, Owned, RoleDefinition, Target};

/// A name with its kind.
pub(crate) type Name = (NameKind, Text);

/// A name that a change uses.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) name: Name,
    pub(crate) place: Place,
    /// Used only to remove something: allowed even if another change deletes the object.
    pub(crate) reduces: bool,
}

/// An object that only one change of a plan may concern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Object {
    /// A whole object.
    Whole(Name),
    /// The owner of an object.
    Owner(Name),
    /// A permission of a role.
    Permission(RoleId, Permission),
    /// An include of a role.
    Include(RoleId, RoleId),
    /// A new assignment of an entitlement to a subject at a scope.
    Granted(Text, Entitlement, Option<ResourceId>),
}

impl Object {
    /// The object that this is a part of.
    pub(crate) fn whole(&self) -> Option<Name> {
        match self {
            Self::Whole(name) | Self::Owner(name) => Some(name.clone()),
            Self::Permission(role, _) | Self::Include(role, _) => Some((NameKind::Role, role.text())),
            Self::Granted(..) => None,
        }
    }
}

/// The references of a change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outline {
    pub(crate) uses: Vec<Use>,
    pub(crate) makes: Option<Name>,
    pub(crate) deletes: Option<Name>,
    pub(crate) objects: Vec<Object>,
}

impl Outline {
    fn uses(&mut self, kind: NameKind, text: Text, place: &Place) {
        self.uses.push(Use { name: (kind, text), place: place.clone(), reduces: false });
    }

    fn makes(&mut self, kind: NameKind, text: Text) {
        self.objects.push(Object::Whole((kind, text.clone())));
        self.makes = Some((kind, text));
    }

    fn deletes(&mut self, kind: NameKind, text: Text, place: &Place) {
        self.uses.push(Use { name: (kind, text.clone()), place: place.clone(), reduces: true });
        self.objects.push(Object::Whole((kind, text.clone())));
        self.deletes = Some((kind, text));
    }

    fn whole(&mut self, kind: NameKind, text: Text, place: &Place, reduces: bool) {
        self.uses.push(Use { name: (kind, text.clone()), place: place.clone(), reduces });
        self.objects.push(Object::Whole((kind, text)));
    }

    fn assignment(&mut self, a: &AssignmentChange, reduces: bool) {
        let from = self.uses.len();
        self.uses(NameKind::Subject, a.to.value.clone(), &a.to.place);
        match &a.target {
            Target::Role(role) => self.uses(NameKind::Role, role.value.text(), &role.place),
            Target::MemberOf(group) => self.uses(NameKind::Group, group.value.text(), &group.place),
        }
        if let Some(scope) = &a.scope {
            self.uses(NameKind::Resource, scope.value.text(), &scope.place);
        }
        self.uses.iter_mut().skip(from).for_each(|u| u.reduces = reduces);
    }

    fn definition(&mut self, d: &RoleDefinition) {
        for include in &d.includes {
            self.uses(NameKind::Role, include.value.text(), &include.place);
        }
        if let Some(owner) = &d.owner {
            self.uses(NameKind::Identity, owner.value.text(), &owner.place);
        }
    }
}

/// The entitlement of an assignment.
pub(crate) fn entitlement(target: &Target) -> Entitlement {
    match target {
        Target::Role(role) => Entitlement::Role(role.value.clone()),
        Target::MemberOf(group) => Entitlement::Membership(group.value.clone()),
    }
}

/// The identity of an assignment that has no id yet: subject, entitlement, scope.
pub(crate) fn granted(a: &AssignmentChange) -> Object {
    Object::Granted(a.to.value.clone(), entitlement(&a.target), a.scope.as_ref().map(|s| s.value.clone()))
}

/// The object whose owner is set.
pub(crate) fn owned(owned: &Owned) -> (Name, &Place) {
    match owned {
        Owned::Identity(id) => ((NameKind::Identity, id.value.text()), &id.place),
        Owned::Group(id) => ((NameKind::Group, id.value.text()), &id.place),
        Owned::Role(id) => ((NameKind::Role, id.value.text()), &id.place),
        Owned::Resource(id) => ((NameKind::Resource, id.value.text()), &id.place),
    }
}

/// Extracts the references of a change.
pub(crate) fn outline(change: &Change) -> Outline {
    let mut out = Outline::default();
    match &change.action {
        Action::Grant(a) => {
            out.assignment(a, false);
            out.objects.push(granted(a));
        }
        Action::Revoke(a) => out.assignment(a, true),
        Action::Adjust(a) => out.assignment(a, false),
        Action::CreateRole(d) => {
            out.makes(NameKind::Role, d.role.value.text());
            out.definition(d);
        }
        Action::SetRole(d) => {
            out.whole(NameKind::Role, d.role.value.text(), &d.role.place, false);
            out.definition(d);
        }
        Action::DeleteRole(role) => out.deletes(NameKind::Role, role.value.text(), &role.place),
        Action::AddPermission(role, permission) | Action::RemovePermission(role, permission) => {
            out.uses(NameKind::Role, role.value.text(), &role.place);
            out.objects.push(Object::Permission(role.value.clone(), permission.value.clone()));
        }
        Action::AddInclude(role, include) => {
            out.uses(NameKind::Role, role.value.text(), &role.place);
            out.uses(NameKind::Role, include.value.text(), &include.place);
            out.objects.push(Object::Include(role.value.clone(), include.value.clone()));
        }
        Action::RemoveInclude(role, include) => {
            out.uses(NameKind::Role, role.value.text(), &role.place);
            out.uses.push(Use {
                name: (NameKind::Role, include.value.text()),
                place: include.place.clone(),
                reduces: true,
            });
            out.objects.push(Object::Include(role.value.clone(), include.value.clone()));
        }
        Action::CreateGroup(d) => {
            out.makes(NameKind::Group, d.group.value.text());
            if let Some(owner) = &d.owner {
                out.uses(NameKind::Identity, owner.value.text(), &owner.place);
            }
        }
        Action::DeleteGroup(group) => out.deletes(NameKind::Group, group.value.text(), &group.place),
        Action::CreateIdentity(identity, _, owner) => {
            out.makes(NameKind::Identity, identity.value.text());
            if let Some(owner) = owner {
                out.uses(NameKind::Identity, owner.value.text(), &owner.place);
            }
        }
        // A disabled identity gives no access, so granting it anything is as pointless as granting to a deleted one.
        Action::DisableIdentity(id) | Action::DeleteIdentity(id) => {
            out.deletes(NameKind::Identity, id.value.text(), &id.place);
        }
        Action::SetOwner(what, owner) => {
            let (name, place) = owned(what);
            out.uses(name.0, name.1.clone(), place);
            out.uses(NameKind::Identity, owner.value.text(), &owner.place);
            out.objects.push(Object::Owner(name));
        }
        Action::CreateResource(resource, parent, owner, _) => {
            out.makes(NameKind::Resource, resource.value.text());
            if let Some(parent) = parent {
                out.uses(NameKind::Resource, parent.value.text(), &parent.place);
            }
            if let Some(owner) = owner {
                out.uses(NameKind::Identity, owner.value.text(), &owner.place);
            }
        }
        Action::DeleteResource(resource) => out.deletes(NameKind::Resource, resource.value.text(), &resource.place),
        Action::AddTrust(d) => {
            out.makes(NameKind::Trust, d.trust.value.text());
            if !d.from.value.raw().contains('*') {
                out.uses(NameKind::Subject, d.from.value.clone(), &d.from.place);
            }
            out.uses(NameKind::Subject, d.to.value.clone(), &d.to.place);
            if let Some(requires) = &d.requires
                && let Some(scope) = &requires.value.scope
            {
                out.uses(NameKind::Resource, scope.text(), &requires.place);
            }
        }
        Action::RemoveTrust(trust) => out.whole(NameKind::Trust, trust.value.text(), &trust.place, true),
        Action::IssueCredential(c) => {
            out.makes(NameKind::Credential, c.credential.value.text());
            out.uses(NameKind::Identity, c.identity.value.text(), &c.identity.place);
            out.uses(NameKind::Subject, c.deliver_to.value.clone(), &c.deliver_to.place);
        }
        Action::RotateCredential(credential, deliver_to, _) => {
            out.whole(NameKind::Credential, credential.value.text(), &credential.place, false);
            if let Some(to) = deliver_to {
                out.uses(NameKind::Subject, to.value.clone(), &to.place);
            }
        }
        Action::RevokeCredential(credential) => {
            out.whole(NameKind::Credential, credential.value.text(), &credential.place, true);
        }
        Action::SuppressFinding(alert) => out.whole(NameKind::Alert, alert.value.text(), &alert.place, true),
    }
    out
}
