//! Policy context: the identities, groups, roles and resources around a policy query, flattened.
//!
//! Collects a closed set of views from a state and the names in a query: every object that a view names is in the set
//! as well. Ancestors come only through unscoped assignments in force. Owners are those before the plan. Lists only
//! objects reachable from the query.

use std::collections::BTreeSet;

use crate::access::effective::state::{AccessState, RoleState};
use crate::access::matching::coverage::ancestry;
use crate::access::model::facts::{ChangeTargets, GroupView, IdentityView, PolicyContext, ResourceView, RoleView};
use crate::access::risk::classification::Classifier;
use crate::input::entitlement::{IdentityKind, Mode, Sensitivity};
use crate::input::id::{GroupId, IdentityId, ResourceId, RoleId, Subject};
use crate::input::time::Time;
use crate::snapshot::model::Status;

/// Collects views until every named object is present.
pub(crate) struct Around<'a, 'v, 's, 'b> {
    view: &'a AccessState<'v, 's>,
    classifier: &'a Classifier<'b>,
    /// Memberships must be in force at this time as well as at `taken_at`.
    also_at: Option<Time>,
    out: PolicyContext,
    queue: Vec<Item>,
}

enum Item {
    Identity(IdentityId),
    Group(GroupId),
    Role(RoleId),
    Resource(ResourceId),
}

impl<'a, 'v, 's, 'b> Around<'a, 'v, 's, 'b> {
    pub(crate) fn new(view: &'a AccessState<'v, 's>, classifier: &'a Classifier<'b>, also_at: Option<Time>) -> Self {
        Self { view, classifier, also_at, out: PolicyContext::default(), queue: Vec::new() }
    }

    /// Adds an identity.
    pub(crate) fn identity(&mut self, id: &IdentityId) {
        self.queue.push(Item::Identity(id.clone()));
    }

    /// Adds every object that a change names.
    pub(crate) fn named(&mut self, named: &ChangeTargets) {
        self.queue.extend([&named.identity, &named.trusted].into_iter().flatten().cloned().map(Item::Identity));
        self.queue.extend([&named.group, &named.member_of].into_iter().flatten().cloned().map(Item::Group));
        self.queue.extend([&named.role, &named.include].into_iter().flatten().cloned().map(Item::Role));
        self.queue.extend(named.scope.iter().cloned().map(Item::Resource));
    }

    /// The closed set of all added objects.
    pub(crate) fn close(mut self) -> PolicyContext {
        while let Some(item) = self.queue.pop() {
            match item {
                Item::Identity(id) => {
                    if !self.out.identities.contains_key(&id) {
                        let view = self.identity_view(&id);
                        self.out.identities.insert(id, view);
                    }
                }
                Item::Group(id) => {
                    if !self.out.groups.contains_key(&id) {
                        let view = self.group_view(&id);
                        self.out.groups.insert(id, view);
                    }
                }
                Item::Role(id) => {
                    if !self.out.roles.contains_key(&id) {
                        let view = self.role_view(&id);
                        self.out.roles.insert(id, view);
                    }
                }
                Item::Resource(id) => {
                    if !self.out.resources.contains_key(&id) {
                        let view = self.resource_view(&id);
                        self.out.resources.insert(id, view);
                    }
                }
            }
        }
        self.out
    }

    fn owned_by(&mut self, owner: Option<&IdentityId>) -> Option<IdentityId> {
        self.queue.extend(owner.cloned().map(Item::Identity));
        owner.cloned()
    }

    /// The view of an identity. An identity that only an assignment names is shown as an active workload without an
    /// owner, for which no policy is more lenient.
    fn identity_view(&mut self, id: &IdentityId) -> IdentityView {
        let subject = Subject::Identity(id.clone());
        let before = self.view.index.identity(id.as_str());
        let owner = self.owned_by(before.and_then(|i| i.owner.as_ref()));
        let (groups, roles) = self.belongs(&subject);
        let known = self.view.identity(id.as_str()).or(before);
        IdentityView {
            kind: known.map_or(IdentityKind::Workload, |i| i.kind),
            status: known.map_or(Status::Active, |i| i.status),
            owner,
            privileged: self.privileged(&subject),
            last_used: known.and_then(|i| i.last_used),
            groups,
            roles,
        }
    }

    fn group_view(&mut self, id: &GroupId) -> GroupView {
        let before = self.view.index.group(id.as_str());
        let owner = self.owned_by(before.and_then(|g| g.owner.as_ref()));
        let (groups, roles) = self.belongs(&Subject::Group(id.clone()));
        let members_known = match (self.view.group(id.as_str()), before) {
            (None, Some(before)) => before.members_known,
            (Some(_) | None, _) => self.view.members_known(id),
        };
        GroupView { owner, members_known, groups, roles }
    }

    fn role_view(&mut self, id: &RoleId) -> RoleView {
        let before = self.view.index.role(id.as_str());
        let owner = self.owned_by(before.and_then(|r| r.owner.as_ref()));
        let flat = self.view.flat(id);
        let verdict = self.classifier.given_role(self.view, id, None);
        let includes: BTreeSet<RoleId> = flat.roles.iter().filter(|r| *r != id).cloned().collect();
        self.queue.extend(includes.iter().cloned().map(Item::Role));
        let kinds = match self.view.role(id.as_str()) {
            RoleState::Known(role) => role.kinds.iter().copied().collect(),
            RoleState::Deleted => before.map(|r| r.kinds.iter().copied().collect()).unwrap_or_default(),
            RoleState::Unknown => BTreeSet::new(),
        };
        RoleView { owner, sensitivity: verdict.sensitivity, privileged: verdict.privileged.is_some(), kinds, includes }
    }

    fn resource_view(&mut self, id: &ResourceId) -> ResourceView {
        let before = self.view.index.resource(id.as_str());
        let owner = self.owned_by(before.and_then(|r| r.owner.as_ref()));
        let ancestors: BTreeSet<ResourceId> = ancestry(self.view, id).into_iter().filter(|a| a != id).collect();
        self.queue.extend(ancestors.iter().cloned().map(Item::Resource));
        let sensitivity = self.view.resource(id.as_str()).and_then(|r| r.sensitivity).unwrap_or(Sensitivity::Unknown);
        ResourceView { sensitivity, owner, ancestors }
    }

    fn in_force(&self, until: Option<Time>) -> bool {
        self.view.in_force(until) && self.also_at.is_none_or(|at| until.is_none_or(|end| end > at))
    }

    /// The groups and roles of a subject, through unscoped assignments in force, standing or active.
    fn belongs(&mut self, subject: &Subject) -> (BTreeSet<GroupId>, BTreeSet<RoleId>) {
        let (mut groups, mut roles) = (BTreeSet::new(), BTreeSet::new());
        if self.view.deleted(subject) || self.view.disabled(subject) {
            return (groups, roles);
        }
        let holds = |mode: Mode| match mode {
            Mode::Standing | Mode::Active => true,
            Mode::Eligible => false,
        };
        let mut queue = vec![subject.clone()];
        while let Some(at) = queue.pop() {
            for m in self.view.memberships(&at) {
                if m.scope.is_none() && holds(m.mode) && self.in_force(m.until) && groups.insert(m.group.clone()) {
                    queue.push(Subject::Group(m.group));
                }
            }
            for a in self.view.held_by(at.as_str()) {
                if let Some(role) = &a.role
                    && a.scope.is_none()
                    && holds(a.mode)
                    && self.in_force(a.until)
                {
                    roles.extend(self.view.flat(role).roles.iter().cloned());
                }
            }
        }
        self.queue.extend(groups.iter().cloned().map(Item::Group));
        self.queue.extend(roles.iter().cloned().map(Item::Role));
        (groups, roles)
    }

    /// Whether any access that a subject can reach, including by activation, comes from a privileged role. Denies are
    /// ignored, which over-approximates.
    fn privileged(&self, subject: &Subject) -> bool {
        let row = self.view.row(subject);
        let own_first = row.get_key_value(subject).map(|(actor, _)| actor);
        let others = row.keys().filter(|actor| *actor != subject);
        own_first.into_iter().chain(others).any(|actor| {
            let own = self.view.own(actor);
            own.holdings.iter().any(|h| self.classifier.role(self.view, &h.role, h.scope.as_ref()).privileged.is_some())
        })
    }
}

/// Every object that several changes name, and some identities, in one state.
pub(crate) fn around<'n>(
    view: &AccessState<'_, '_>,
    classifier: &Classifier<'_>,
    also_at: Option<Time>,
    named: impl IntoIterator<Item = &'n ChangeTargets>,
    identities: impl IntoIterator<Item = IdentityId>,
) -> PolicyContext {
    let mut around = Around::new(view, classifier, also_at);
    named.into_iter().for_each(|n| around.named(n));
    identities.into_iter().for_each(|id| around.identity(&id));
    around.close()
}
