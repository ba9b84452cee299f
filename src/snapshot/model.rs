//! The types of a snapshot, which match the file format.
//!
//! Only the reader and the importers create them. Collections are in file order; `access` builds the indexes.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::input::entitlement::{IdentityKind, Mode, Permission, Requirement, Sensitivity};
use crate::input::id::{AlertId, AssignmentId, CredentialId, GroupId, IdentityId, ResourceId, RoleId, TaskId, TrustId};
use crate::input::system::System;
use crate::input::text::Text;
use crate::input::time::Time;

/// The resource prefix of the only permission of a placeholder role, for a role that the export names but does not
/// contain. Classification assumes the worst for it.
pub const UNRESOLVED: &str = "unresolved:";

/// The current entitlements, exported from the source system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The version of this format: 1.
    pub version: u32,
    /// When the export was taken.
    pub taken_at: Time,
    /// The source system: `kubernetes`, `aws`, `postgresql`, or any other name.
    pub source: Text,
    /// The identity of the source system. An approval for one target is never valid for another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<SystemTarget>,
    /// For a merged snapshot: the systems that it was merged from. `target` is then absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<SystemPart>,
    /// The system that all objects belong to which state no other. If absent, their ids and then `source` decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<System>,
    /// Kubernetes: custom resource types that are cluster-scoped, as `GROUP:RESOURCE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster_scoped: Vec<Text>,
    /// Identities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<Identity>,
    /// Groups of identities and of other groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// Named sets of permissions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Role>,
    /// The tree of resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Resource>,
    /// Assignments of roles and memberships.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignments: Vec<Assignment>,
    /// Which subjects can act as which others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusts: Vec<Trust>,
    /// Rules by which a permission lets a subject act as identities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trust_rules: Vec<TrustRule>,
    /// Keys, tokens and passwords, without their secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<Credential>,
    /// Open findings (alerts) of the source system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Alert>,
}

/// The identity of a system: equal in all of its exports, and different for other systems.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SystemTarget {
    /// The system's own id: an account number, an organisation id, the UID of a cluster.
    pub id: Text,
    /// The kind of system: `aws`, `kubernetes`, …
    pub system: Text,
}

/// One of the systems of a merged snapshot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
// WHY: the name in the published schema.
#[schemars(rename = "Part")]
pub struct SystemPart {
    /// The source of this part.
    pub source: Text,
    /// What all its ids begin with, such as `github:`. If absent, its ids are those of its system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Text>,
    /// Its target, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<SystemTarget>,
    /// When its export was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Time>,
    /// Without a prefix: the ids of the identities, groups, roles, resources and trusts of this part, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Text>,
}

/// Whether an identity can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In use.
    #[default]
    Active,
    /// Disabled: it has no access.
    Disabled,
}

impl Identity {
    /// An active identity of which nothing else is known.
    #[must_use]
    pub fn new(id: IdentityId, kind: IdentityKind) -> Self {
        Self {
            id,
            kind,
            owner: None,
            status: Status::Active,
            last_used: None,
            labels: BTreeMap::new(),
            environment: None,
            limits: Vec::new(),
        }
    }
}

impl Resource {
    /// A resource of which nothing else is known.
    #[must_use]
    pub fn new(id: ResourceId) -> Self {
        Self { id, parent: None, labels: BTreeMap::new(), environment: None, sensitivity: None, owner: None }
    }
}

impl Status {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_active(&self) -> bool {
        *self == Self::Active
    }
}

/// An identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Its id.
    pub id: IdentityId,
    /// Its kind.
    pub kind: IdentityKind,
    /// Its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<IdentityId>,
    /// Whether it can be used.
    #[serde(default, skip_serializing_if = "Status::is_active")]
    pub status: Status,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Time>,
    /// Labels of the source system.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Text>,
    /// Its environment: `prod`, `test`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Text>,
    /// Upper bounds of its access. An action must also be allowed by each of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
}

/// An upper bound of an identity's access, such as a permission boundary or one level of an organisation's policies. The
/// identity can only do what some role of the bound also allows, and what these roles deny is denied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The kind of bound: `boundary`, `organisation`, …
    pub name: Text,
    /// The roles that together define what it allows. If one of them is not in the snapshot, the bound has no effect.
    pub roles: Vec<RoleId>,
    /// Whether it also bounds access given by resource policies (roles with `by_resource`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub bounds_resources: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// How completely the members of a group are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MembersKnown {
    /// All members are listed.
    #[default]
    Known,
    /// Some members are listed. There may be more.
    Partial,
    /// The members are not known.
    Unknown,
}

impl MembersKnown {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_known(&self) -> bool {
        *self == Self::Known
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its member identities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<IdentityId>,
    /// Groups whose members all belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nested: Vec<GroupId>,
    /// Patterns of identity ids that belong to it by a rule of the source system (`sa:team-a/*`). `*` matches any characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub implicit: Vec<String>,
    /// How completely its members are known.
    #[serde(default, skip_serializing_if = "MembersKnown::is_known")]
    pub members_known: MembersKnown,
    /// Its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<IdentityId>,
    /// Whether it contains everybody, or anonymous callers (`system:unauthenticated`, `allUsers`, …).
    #[serde(default, skip_serializing_if = "is_false")]
    pub public: bool,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Roles that it includes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub includes: Vec<RoleId>,
    /// Its own permissions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<Permission>,
    /// Its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<IdentityId>,
    /// Its sensitivity label, which covers the permissions listed here. The classification can raise it, but not lower it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<Sensitivity>,
    /// The kinds of identity that it is intended for. Empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<IdentityKind>,
    /// Whether it comes from a resource policy, so that some limits of its subjects do not apply to it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub by_resource: bool,
    /// Whether the resource of another account gives it, so that the subject's own account must allow it as well.
    #[serde(default, skip_serializing_if = "is_false")]
    pub delegated: bool,
    /// The system of its permissions. If absent, that of its id, else that of the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<System>,
}

/// A resource in the tree of resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Its id.
    pub id: ResourceId,
    /// Its parent resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ResourceId>,
    /// Labels of the source system.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Text>,
    /// Its environment: `prod`, `test`, … If absent, that of its parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Text>,
    /// Its sensitivity label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<Sensitivity>,
    /// Its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<IdentityId>,
}

/// An assignment of a role or a membership to a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// Its id.
    pub id: AssignmentId,
    /// The identity or group.
    pub who: Text,
    /// The role. Exactly one of `role` and `member_of` is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleId>,
    /// The group. Exactly one of `role` and `member_of` is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_of: Option<GroupId>,
    /// The scope: a resource and everything below it. If absent, everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ResourceId>,
    /// Whether it is in force.
    #[serde(default)]
    pub mode: Mode,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// When it was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_at: Option<Time>,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Time>,
    /// Its task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
}

/// A trust: `from` can act as `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// Its id.
    pub id: TrustId,
    /// The subject that can act: an identity, a group, or an id pattern with `*`.
    pub from: Text,
    /// The identity or group that it can act as.
    pub to: Text,
    /// The mechanism: `assume-role`, `impersonate`, …
    pub via: Text,
    /// The permission that `from` must have. If absent, none is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires: Option<Requirement>,
    /// A condition of the source system. Access through the trust depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Text>,
    /// The system of `requires`. If absent, that of the id in `to`, else that of the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<System>,
}

/// A rule by which a permission lets a subject act as identities, evaluated on the entitlements before and after a plan.
///
/// `to` is a template for ids of identities and groups. `$ns` and `$name` match a part of the id (`$ns` without `/`,
/// `$name` any characters) and have the same value in `to`, `resource` and `scope`. Example: `{to: "sa:$ns/$name",
/// action: "create", resource: "core:pods#*", scope: "ns:$ns"}` means that a subject that may create pods in a namespace
/// can act as every service account there. A permission without a scope applies everywhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustRule {
    /// Its id.
    pub id: TrustId,
    /// The mechanism: `impersonate`, `create-pods`, …
    pub via: Text,
    /// The subjects that it can act as: a template for identity and group ids.
    pub to: Text,
    /// The action of the required permission.
    pub action: Text,
    /// The resource of the required permission. It may use names of the template.
    pub resource: Text,
    /// The scope of the required permission. It may use names of the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Text>,
    /// Permissions that the same subject must have as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<Requirement>,
    /// The system of the required permission. If absent, that of the rule's id, else that of the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<System>,
}

/// A key, token or password, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// Its identity.
    pub identity: IdentityId,
    /// `password`, `api_key`, `certificate`, `token`, …
    pub kind: Text,
    /// When it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Time>,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Time>,
}

/// An open finding (alert) of the source system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// Its subject: an identity, group, role or resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Text>,
    /// Its title.
    pub title: Text,
    /// Its severity.
    #[serde(default)]
    pub severity: Sensitivity,
}

impl Snapshot {
    /// A snapshot without contents.
    #[must_use]
    pub fn empty(source: impl Into<Text>, taken_at: Time) -> Self {
        Self {
            version: 1,
            taken_at,
            source: source.into(),
            target: None,
            parts: Vec::new(),
            system: None,
            cluster_scoped: Vec::new(),
            identities: Vec::new(),
            groups: Vec::new(),
            roles: Vec::new(),
            resources: Vec::new(),
            assignments: Vec::new(),
            trusts: Vec::new(),
            trust_rules: Vec::new(),
            credentials: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// The system of every object that states none and whose id does not tell it; none where the export is of several.
    #[must_use]
    pub fn whole_system(&self) -> Option<System> {
        if let Some(system) = &self.system {
            return Some(system.clone());
        }
        if let Some(known) = System::built_in(self.source.raw()) {
            return Some(known);
        }
        // WHY: a name that says nothing must not take away the rules of the systems that the ids show.
        let shown: BTreeSet<Option<System>> =
            self.roles.iter().map(|role| System::of_object(role.system.as_ref(), role.id.as_str(), None)).collect();
        let mut shown = shown.into_iter();
        match (shown.next(), shown.next()) {
            (Some(Some(only)), None) => Some(only),
            (None | Some(None), None) if !self.source.raw().contains('+') => Some(System::named(&self.source)),
            (_, _) => None,
        }
    }
}

impl Role {
    /// The system that its permissions are of, in a snapshot that is of `whole`.
    #[must_use]
    pub fn system(&self, whole: Option<&System>) -> Option<System> {
        System::of_object(self.system.as_ref(), self.id.as_str(), whole)
    }
}

impl Trust {
    /// The system that its requirement is of, in a snapshot that is of `whole`.
    #[must_use]
    pub fn system(&self, whole: Option<&System>) -> Option<System> {
        System::of_object(self.system.as_ref(), self.to.raw(), whole)
    }
}

impl TrustRule {
    /// The system that its permission is of, in a snapshot that is of `whole`.
    #[must_use]
    pub fn system(&self, whole: Option<&System>) -> Option<System> {
        System::of_object(self.system.as_ref(), self.id.as_str(), whole)
    }
}
