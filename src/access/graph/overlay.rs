//! The overlay of changes over a snapshot.
//!
//! As small as the resolved steps it is built from. [`crate::access::effective::state::AccessState`] reads through it,
//! and the snapshot is never copied. What a step means is decided in `change::apply`.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::graph::index::Index;
use crate::input::entitlement::{Effect, Permission};
use crate::input::id::{AssignmentId, GroupId, IdentityId, ResourceId, RoleId, TrustId};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::snapshot::model::{Assignment, Group, Identity, Resource, Role, Trust};

/// An overlay. A key without a value is a deleted object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overlay {
    /// Indices of assignments of the snapshot that are removed.
    pub(crate) gone: BTreeSet<usize>,
    /// Assignments that replace others or are new.
    pub(crate) added: Vec<Assignment>,
    by_who: BTreeMap<Text, Vec<usize>>,
    by_role: BTreeMap<RoleId, Vec<usize>>,
    by_group: BTreeMap<GroupId, Vec<usize>>,
    /// Identities created, disabled or deleted.
    pub(crate) identities: BTreeMap<IdentityId, Option<Identity>>,
    /// Groups created or deleted.
    pub(crate) groups: BTreeMap<GroupId, Option<Group>>,
    /// Roles created, altered or deleted.
    pub(crate) roles: BTreeMap<RoleId, Option<Role>>,
    /// Resources created or deleted.
    pub(crate) resources: BTreeMap<ResourceId, Option<Resource>>,
    /// Listed members and nested groups removed from a group.
    pub(crate) left: BTreeSet<(GroupId, Text)>,
    /// Assignments, and listed members of groups, whose denies do not count.
    pub(crate) undenied: BTreeSet<AssignmentId>,
    pub(crate) undenied_listed: BTreeSet<(GroupId, Text)>,
    /// Includes of roles whose denies do not count.
    pub(crate) undenied_includes: BTreeSet<(RoleId, RoleId)>,
    /// Roles that the snapshot refers to without a definition and that another plan creates: they have the new
    /// permissions and remain unknown as well.
    pub(crate) open_roles: BTreeSet<RoleId>,
    /// Roles that another plan deletes: an identity bounded only by these may become unbounded.
    pub(crate) unbinding: BTreeSet<RoleId>,
    /// Resources that another plan creates. For denies they are detached from the tree.
    pub(crate) loose: BTreeSet<ResourceId>,
    /// Trusts removed.
    pub(crate) trusts_gone: BTreeSet<TrustId>,
    trusts: Vec<Made>,
    trusts_by_from: BTreeMap<Text, Vec<usize>>,
    trusts_by_pattern: Vec<usize>,
    trusts_by_to: BTreeMap<Text, Vec<usize>>,
    trusts_by_id: BTreeMap<TrustId, Vec<usize>>,
}

/// A created trust, with its expiry.
pub(crate) type Made = (Trust, Option<Time>);

impl Overlay {
    /// Adds an assignment.
    pub(crate) fn add(&mut self, assignment: Assignment) {
        let at = self.added.len();
        self.by_who.entry(assignment.who.clone()).or_default().push(at);
        if let Some(role) = &assignment.role {
            self.by_role.entry(role.clone()).or_default().push(at);
        }
        if let Some(group) = &assignment.member_of {
            self.by_group.entry(group.clone()).or_default().push(at);
        }
        self.added.push(assignment);
    }

    fn pick<'s>(&'s self, places: Option<&'s Vec<usize>>) -> impl Iterator<Item = &'s Assignment> + use<'s> {
        places.into_iter().flatten().filter_map(|at| self.added.get(*at))
    }

    /// The added assignments of a subject, by name.
    pub(crate) fn held_by(&self, who: &str) -> impl Iterator<Item = &Assignment> {
        self.pick(if self.added.is_empty() { None } else { self.by_who.get(&Text::from(who)) })
    }

    /// The added assignments of a role.
    pub(crate) fn of_role(&self, role: &RoleId) -> impl Iterator<Item = &Assignment> {
        self.pick(self.by_role.get(role))
    }

    /// The added assignments of membership of a group.
    pub(crate) fn of_group(&self, group: &GroupId) -> impl Iterator<Item = &Assignment> {
        self.pick(self.by_group.get(group))
    }

    /// Adds a trust.
    pub(crate) fn trust(&mut self, trust: Trust, until: Option<Time>) {
        let at = self.trusts.len();
        if trust.from.raw().contains('*') {
            self.trusts_by_pattern.push(at);
        } else {
            self.trusts_by_from.entry(trust.from.clone()).or_default().push(at);
        }
        self.trusts_by_to.entry(trust.to.clone()).or_default().push(at);
        self.trusts_by_id.entry(trust.id.clone()).or_default().push(at);
        self.trusts.push((trust, until));
    }

    /// The created trusts, including those of delivered credentials.
    pub(crate) fn trusts(&self) -> &[Made] {
        &self.trusts
    }

    /// The created trusts that may start at a name, in order of creation. Includes every trust with a pattern.
    pub(crate) fn trusts_from(&self, name: &str) -> impl Iterator<Item = &Made> + use<'_> {
        let named = if self.trusts.is_empty() { None } else { self.trusts_by_from.get(&Text::from(name)) };
        let mut places: Vec<usize> = named.into_iter().flatten().chain(&self.trusts_by_pattern).copied().collect();
        places.sort_unstable();
        places.into_iter().filter_map(|at| self.trusts.get(at))
    }

    /// The created trusts with an id.
    pub(crate) fn trusts_named(&self, id: &str) -> impl Iterator<Item = &Trust> + use<'_> {
        let named = self.trusts_by_id.get(&TrustId::new(id));
        named.into_iter().flatten().filter_map(|at| self.trusts.get(*at)).map(|(trust, _)| trust)
    }

    /// The created trusts whose target is a name.
    pub(crate) fn trusts_to(&self, name: &str) -> impl Iterator<Item = &Trust> + use<'_> {
        let named = if self.trusts.is_empty() { None } else { self.trusts_by_to.get(&Text::from(name)) };
        named.into_iter().flatten().filter_map(|at| self.trusts.get(*at)).map(|(trust, _)| trust)
    }

    /// Whether identities or groups are created, disabled or deleted.
    pub(crate) fn alters_subjects(&self) -> bool {
        !self.identities.is_empty() || !self.groups.is_empty()
    }

    /// Whether identities and groups are only created: none that the snapshot contains is disabled or deleted.
    pub(crate) fn only_makes_subjects(&self, index: &Index<'_>) -> bool {
        self.identities.iter().all(|(id, over)| over.is_some() && index.identity(id.as_str()).is_none())
            && self.groups.iter().all(|(id, over)| over.is_some() && index.group(id.as_str()).is_none())
    }

    /// Whether only assignments, listed members and trusts are removed.
    pub(crate) fn only_takes(&self) -> bool {
        self.added.is_empty()
            && self.identities.is_empty()
            && self.groups.is_empty()
            && self.roles.is_empty()
            && self.resources.is_empty()
            && self.trusts.is_empty()
            && self.unbinding.is_empty()
    }

    /// Whether only assignments and trusts are created.
    pub(crate) fn only_gives(&self) -> bool {
        self.gone.is_empty()
            && self.identities.is_empty()
            && self.groups.is_empty()
            && self.roles.is_empty()
            && self.resources.is_empty()
            && self.left.is_empty()
            && self.trusts_gone.is_empty()
    }

    /// Whether this creates anything that another overlay does not: assignments, trusts, objects that the snapshot
    /// lacks, or roles that give more.
    pub(crate) fn makes_more_than(&self, other: &Self, index: &Index<'_>) -> bool {
        let wider_role = |(id, over): (&RoleId, &Option<Role>)| {
            let was = other.roles.get(id).map_or_else(|| index.role(id.as_str()), Option::as_ref);
            over.as_ref().is_some_and(|new| was.is_none_or(|was| gives_other(was, new)))
        };
        let new_place = |(id, over): (&ResourceId, &Option<Resource>)| {
            over.is_some() && index.resource(id.as_str()).is_none() && !other.resources.contains_key(id)
        };
        let new_identity = |(id, over): (&IdentityId, &Option<Identity>)| {
            over.is_some() && index.identity(id.as_str()).is_none() && !other.identities.contains_key(id)
        };
        let new_group = |(id, over): (&GroupId, &Option<Group>)| {
            over.is_some() && index.group(id.as_str()).is_none() && !other.groups.contains_key(id)
        };
        self.added.len() > other.added.len()
            || self.trusts.len() > other.trusts.len()
            || self.roles.iter().any(wider_role)
            || self.resources.iter().any(new_place)
            || self.identities.iter().any(new_identity)
            || self.groups.iter().any(new_group)
    }

    /// Whether a resource is deleted.
    pub(crate) fn deletes_resources(&self) -> bool {
        self.resources.values().any(Option::is_none)
    }
}

/// Whether a role may give access that an earlier form of it does not: a new allow or include, or a removed deny.
fn gives_other(was: &Role, new: &Role) -> bool {
    let allows = |p: &&Permission| p.effect == Effect::Allow;
    new.permissions.iter().filter(allows).any(|p| !was.permissions.contains(p))
        || new.includes.iter().any(|id| !was.includes.contains(id))
        || was.permissions.iter().any(|p| p.effect == Effect::Deny && !new.permissions.contains(p))
}
