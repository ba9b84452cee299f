//! The snapshot as every room above believes it.
//!
//! In: nothing (plain data). Out: the native model of the file format, ids typed. The reader and the importers build it;
//! nothing else does. Collections are in the order of the file; lookups are built by `access`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::input::entitlement::{IdentityKind, Mode, Permission, Requirement, Sensitivity};
use crate::input::id::{AlertId, AssignmentId, CredentialId, GroupId, IdentityId, ResourceId, RoleId, TaskId, TrustId};
use crate::input::text::Text;
use crate::input::time::Time;

/// How the resource of the one permission begins that stands for a role that the export names and does not hold. Whoever
/// classifies takes it for anything.
pub const UNRESOLVED: &str = "unresolved:";

/// The current entitlements, exported from the real system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The version of this format: 1.
    pub version: u32,
    /// When the export was taken.
    pub taken_at: Time,
    /// The system the export is of: `kubernetes`, `aws`, `postgresql`, or any other name.
    pub source: Text,
    /// Which one of such systems it is. An approval for one target never holds for another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<SystemTarget>,
    /// Of a merged estate: the systems that it was merged from. Then `target` is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// Whose access is meant.
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
    /// Who holds what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignments: Vec<Assignment>,
    /// Who can act as whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusts: Vec<Trust>,
    /// Rules by which a permission lets its holder act as identities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trust_rules: Vec<TrustRule>,
    /// Keys, tokens and passwords: never their secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<Credential>,
    /// Open findings (alerts) of the source system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Alert>,
}

/// The identity of a system: the same in every export of it, and another for every other system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SystemTarget {
    /// What the system names itself by: an account number, an organisation id, the UID of a cluster.
    pub id: Text,
    /// What kind of system it is: `aws`, `kubernetes`, …
    pub system: Text,
}

/// One of the systems that a merged snapshot describes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The source of this part.
    pub source: Text,
    /// Its target, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<SystemTarget>,
    /// The ids of the identities, groups, roles, resources and trusts that this part holds, sorted.
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
    /// Disabled: holds nothing.
    Disabled,
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
    /// Its name.
    pub id: IdentityId,
    /// What it is.
    pub kind: IdentityKind,
    /// Who answers for it.
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
    /// What bounds it, whatever it is given: each of these must allow a thing as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
}

/// A bound on what an identity can do: it does only what some role of the bound allows as well, and what these roles deny
/// is denied to it. A boundary, or one level of an organisation's policies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// What it is: `boundary`, `organisation`, …
    pub name: Text,
    /// The roles that together say what it lets pass; a role that is not in the snapshot lets everything pass.
    pub roles: Vec<RoleId>,
    /// Whether it bounds as well what resources themselves give (roles marked `by_resource`).
    #[serde(default, skip_serializing_if = "is_false")]
    pub bounds_resources: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// How well the members of a group are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MembersKnown {
    /// All members are listed.
    #[default]
    Known,
    /// Some members are listed; there may be more.
    Partial,
    /// Nothing is known of its members.
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
    /// Its name.
    pub id: GroupId,
    /// Identities that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<IdentityId>,
    /// Groups all of whose members belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nested: Vec<GroupId>,
    /// Patterns of identity ids that belong to it by the system's own rule (`sa:team-a/*`); `*` matches any run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub implicit: Vec<String>,
    /// How well its members are known.
    #[serde(default, skip_serializing_if = "MembersKnown::is_known")]
    pub members_known: MembersKnown,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<IdentityId>,
    /// Whether it stands for everybody, or for anonymous callers (`system:unauthenticated`, `allUsers`, …).
    #[serde(default, skip_serializing_if = "is_false")]
    pub public: bool,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name.
    pub id: RoleId,
    /// Roles whose permissions it has as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub includes: Vec<RoleId>,
    /// Its own permissions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<Permission>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<IdentityId>,
    /// Its label, which the classification can only raise. It covers the permissions that stand here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<Sensitivity>,
    /// The kinds of identity it is meant for; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<IdentityKind>,
    /// Whether it is what a resource itself gives (a policy of the resource): not every limit of its holder bounds it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub by_resource: bool,
}

/// A place in the tree of resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Its name.
    pub id: ResourceId,
    /// What it lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ResourceId>,
    /// Its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<Sensitivity>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<IdentityId>,
}

/// Who holds what, where, how and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// Its name.
    pub id: AssignmentId,
    /// The identity or group that holds it.
    pub who: Text,
    /// The role held. Exactly one of `role` and `member_of`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleId>,
    /// The group belonged to. Exactly one of `role` and `member_of`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member_of: Option<GroupId>,
    /// The resource below which it holds; none: everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ResourceId>,
    /// How it holds.
    #[serde(default)]
    pub mode: Mode,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// When it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_at: Option<Time>,
    /// When it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Time>,
    /// The task it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
}

/// `from` can act as `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// Its name.
    pub id: TrustId,
    /// Who can act: an identity, a group, or an id pattern with `*`.
    pub from: Text,
    /// As whom: an identity or a group.
    pub to: Text,
    /// How: `assume-role`, `impersonate`, …
    pub via: Text,
    /// What `from` must hold for it; none: nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires: Option<Requirement>,
    /// A condition of the source system: what is reached by the trust is reached under this condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Text>,
}

/// A permission lets its holder act as identities: evaluated on the entitlements before and after a plan.
///
/// `to` is a template over the ids of identities and groups. `$ns` and `$name` stand for a part of the id (`$ns` without
/// `/`, `$name` any run) and mean the same text in `to`, `resource` and `scope`. Example: `{to: "sa:$ns/$name", action:
/// "create", resource: "core:pods#*", scope: "ns:$ns"}` says that whoever may create pods in a namespace can act as every
/// service account there. A holder without a scope holds everywhere, hence also there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustRule {
    /// Its name.
    pub id: TrustId,
    /// How: `impersonate`, `create-pods`, …
    pub via: Text,
    /// As whom: a template over identity and group ids.
    pub to: Text,
    /// The action that must be held.
    pub action: Text,
    /// The resource that must be held; may use the template's names.
    pub resource: Text,
    /// The scope in which it must be held; may use the template's names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Text>,
}

/// A key, token or password; never its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Its name.
    pub id: CredentialId,
    /// Whose it is.
    pub identity: IdentityId,
    /// `password`, `api_key`, `certificate`, `token`, …
    pub kind: Text,
    /// When it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Time>,
    /// When it ends.
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
    /// Its name.
    pub id: AlertId,
    /// What it is about: an identity, group, role or resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Text>,
    /// What it says.
    pub title: Text,
    /// How much it weighs.
    #[serde(default)]
    pub severity: Sensitivity,
}
