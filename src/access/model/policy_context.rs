//! The context of policy queries: identities, groups, roles and resources with their ancestors.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::entitlement::{IdentityKind, Sensitivity};
use crate::input::id::{GroupId, IdentityId, ResourceId, RoleId};
use crate::input::time::Time;
use crate::snapshot::model::{MembersKnown, Status};

/// The objects around a policy query, flattened. Ancestors come only through unscoped assignments in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyContext {
    /// Identities.
    pub identities: BTreeMap<IdentityId, IdentityView>,
    /// Groups.
    pub groups: BTreeMap<GroupId, GroupView>,
    /// Roles.
    pub roles: BTreeMap<RoleId, RoleView>,
    /// Resources.
    pub resources: BTreeMap<ResourceId, ResourceView>,
}

/// An identity as a policy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityView {
    /// Its kind.
    pub kind: IdentityKind,
    /// Whether it can be used.
    pub status: Status,
    /// The owner.
    pub owner: Option<IdentityId>,
    /// Whether any effective access is privileged.
    pub privileged: bool,
    /// When it was last used.
    pub last_used: Option<Time>,
    /// Every group it belongs to, transitively.
    pub groups: BTreeSet<GroupId>,
    /// Every role it holds, transitively, includes followed.
    pub roles: BTreeSet<RoleId>,
}

/// A group as a policy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// The owner.
    pub owner: Option<IdentityId>,
    /// How completely its members are known. Anything but `known` is `open` to policies.
    pub members_known: MembersKnown,
    /// Every group it belongs to, transitively.
    pub groups: BTreeSet<GroupId>,
    /// Every role it holds, transitively, includes followed.
    pub roles: BTreeSet<RoleId>,
}

/// A role as a policy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleView {
    /// The owner.
    pub owner: Option<IdentityId>,
    /// The highest sensitivity among its own label and its permissions.
    pub sensitivity: Sensitivity,
    /// Whether any of its permissions is privileged.
    pub privileged: bool,
    /// The kinds of identity it is intended for; empty: any.
    pub kinds: BTreeSet<IdentityKind>,
    /// Every role it includes, transitively.
    pub includes: BTreeSet<RoleId>,
}

/// A resource as a policy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceView {
    /// Its label.
    pub sensitivity: Sensitivity,
    /// The owner.
    pub owner: Option<IdentityId>,
    /// Every resource it is inside of, transitively.
    pub ancestors: BTreeSet<ResourceId>,
}
