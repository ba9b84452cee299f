//! The typed plan. Each value that a finding may point at has its place.
//!
//! References are not resolved: `access` checks whether the snapshot contains them. Only `plan::read` creates a plan.

use serde::Serialize;

use crate::input::digest::{Digest, of};
use crate::input::entitlement::{IdentityKind, Mode, Permission, Requirement, Sensitivity};
use crate::input::id::{
    AlertId, AssignmentId, ChangeId, CredentialId, GroupId, IdentityId, PlanId, ResourceId, RoleId, TaskId, TrustId,
};
use crate::input::place::{Place, Placed};
use crate::input::text::Text;
use crate::input::time::{Span, Time};

/// A plan proposed by an assistant.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its id.
    pub id: Placed<PlanId>,
    /// The agent that wrote it.
    pub proposer: Placed<IdentityId>,
    /// The person for whom it claims to act.
    pub on_behalf_of: Option<Placed<IdentityId>>,
    /// Its task.
    pub task: Option<Placed<TaskId>>,
    /// Its purpose, in the assistant's words.
    pub intent: Placed<Text>,
    /// The snapshot it was made from.
    pub snapshot: Option<Placed<Digest<of::File>>>,
    /// When it expires.
    pub expires: Placed<Time>,
    /// What it was made from.
    pub made_from: Option<MadeFrom>,
    /// Its changes, in file order.
    pub changes: Vec<Change>,
    /// The SHA-256 of the exact bytes.
    pub digest: Digest<of::File>,
    /// The whole file.
    pub place: Place,
}

impl Plan {
    /// Whether the plan that it was made from may do more than the changes say.
    #[must_use]
    pub fn may_do_more(&self) -> bool {
        self.made_from.as_ref().is_some_and(|it| !it.complete.value || !it.not_read.is_empty())
    }
}

/// What a plan was made from, if a person or an agent did not write it: a plan of Terraform, or two snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeFrom {
    /// The tool: `terraform`; or `snapshot`, for the difference between two snapshots.
    pub tool: Placed<Text>,
    /// The SHA-256 of what the changes were computed from: its JSON form, or the later snapshot.
    pub source: Placed<Digest<of::File>>,
    /// The SHA-256 of the binary plan file that the tool applies.
    pub file: Option<Placed<Digest<of::File>>>,
    /// Whether the changes are known to be all. If not, no change is automatic.
    pub complete: Placed<bool>,
    /// What it does that no change says. If it is not empty, no change is automatic.
    pub not_read: Vec<Placed<Text>>,
}

/// One change of a plan.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its id in the plan.
    pub id: Placed<ChangeId>,
    /// The place of the action's name.
    pub action_place: Place,
    /// What it does.
    pub action: Action,
    /// The reason, in the assistant's words.
    pub reason: Placed<Text>,
    /// The assistant's claims about it.
    pub claims: Vec<Placed<Claim>>,
    /// Where the tool that the plan was made from has it: the address of a Terraform resource.
    pub origin: Option<Placed<Text>>,
    /// What was unknown when it was written. Such a change is never automatic.
    pub unknown: Vec<Placed<Text>>,
}

/// The assigned entitlement: a role, or membership of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `role:`
    Role(Placed<RoleId>),
    /// `member_of:`
    MemberOf(Placed<GroupId>),
}

/// The lifetime of an assignment or credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// `ttl:` from the time it is applied.
    Ttl(Span),
    /// `until:` a time.
    Until(Time),
}

/// An assignment as a plan describes it, for `grant`, `revoke` and `adjust`.
#[derive(Clone, Debug, PartialEq)]
pub struct AssignmentChange {
    /// The identity or group.
    pub to: Placed<Text>,
    /// The entitlement.
    pub target: Target,
    /// The scope; `None`: everywhere.
    pub scope: Option<Placed<ResourceId>>,
    /// `grant`, `adjust`: the new mode. If absent, `adjust` keeps the mode.
    pub mode: Option<Placed<Mode>>,
    /// `grant`, `adjust`: the lifetime.
    pub lifetime: Option<Placed<Lifetime>>,
    /// `revoke`, `adjust`: selects one assignment of the snapshot.
    pub assignment: Option<Placed<AssignmentId>>,
}

/// A role's definition as a plan writes it (`create_role`, `set_role`).
#[derive(Clone, Debug, PartialEq)]
pub struct RoleDefinition {
    /// The role.
    pub role: Placed<RoleId>,
    /// Roles it includes.
    pub includes: Vec<Placed<RoleId>>,
    /// Its permissions.
    pub permissions: Vec<Placed<Permission>>,
    /// Its owner.
    pub owner: Option<Placed<IdentityId>>,
    /// Its sensitivity label.
    pub sensitivity: Option<Placed<Sensitivity>>,
    /// The kinds of identity that it is intended for.
    pub kinds: Vec<Placed<IdentityKind>>,
    /// Whether it comes from a resource policy, so that some limits of its subjects do not apply to it.
    pub by_resource: Option<Placed<bool>>,
}

/// What is known about the members of a group that a plan creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupMembers {
    /// Those that the plan adds.
    Known,
    /// Those that the plan adds, and others.
    Partial,
    /// Nothing: the source system has members that the plan does not name.
    Unknown,
    /// Everybody, or anonymous callers.
    Everybody,
}

impl GroupMembers {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Known, Self::Partial, Self::Unknown, Self::Everybody];

    /// The word in plans.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Partial => "partial",
            Self::Unknown => "unknown",
            Self::Everybody => "everybody",
        }
    }
}

/// A group as a plan creates it.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupDefinition {
    /// The group.
    pub group: Placed<GroupId>,
    /// Its owner.
    pub owner: Option<Placed<IdentityId>>,
    /// What is known about its members; `None`: those that the plan adds.
    pub members: Option<Placed<GroupMembers>>,
    /// Patterns of identity ids that belong to it by a rule of the source system.
    pub implicit: Vec<Placed<Text>>,
}

impl GroupDefinition {
    /// A group whose members are those that the plan adds.
    #[must_use]
    pub fn new(group: Placed<GroupId>, owner: Option<Placed<IdentityId>>) -> Self {
        Self { group, owner, members: None, implicit: Vec::new() }
    }
}

/// What a change does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Adds an assignment.
    Grant(AssignmentChange),
    /// Removes an assignment.
    Revoke(AssignmentChange),
    /// Changes an assignment's mode or lifetime.
    Adjust(AssignmentChange),
    /// Creates a role.
    CreateRole(RoleDefinition),
    /// Deletes a role.
    DeleteRole(Placed<RoleId>),
    /// Adds a permission to a role.
    AddPermission(Placed<RoleId>, Placed<Permission>),
    /// Removes a permission from a role.
    RemovePermission(Placed<RoleId>, Placed<Permission>),
    /// Makes a role include another (`include:`).
    AddInclude(Placed<RoleId>, Placed<RoleId>),
    /// Removes an include.
    RemoveInclude(Placed<RoleId>, Placed<RoleId>),
    /// Replaces a role's whole definition.
    SetRole(RoleDefinition),
    /// Creates a group. Members are added by `grant` with `member_of`.
    CreateGroup(GroupDefinition),
    /// Deletes a group.
    DeleteGroup(Placed<GroupId>),
    /// Creates an identity (`kind:`, optional `owner:`).
    CreateIdentity(Placed<IdentityId>, Placed<IdentityKind>, Option<Placed<IdentityId>>),
    /// Disables an identity.
    DisableIdentity(Placed<IdentityId>),
    /// Deletes an identity.
    DeleteIdentity(Placed<IdentityId>),
    /// Sets the owner of an object.
    SetOwner(Owned, Placed<IdentityId>),
    /// Creates a resource (optional `parent:`, `owner:`, `sensitivity:`).
    CreateResource(
        Placed<ResourceId>,
        Option<Placed<ResourceId>>,
        Option<Placed<IdentityId>>,
        Option<Placed<Sensitivity>>,
    ),
    /// Deletes a resource.
    DeleteResource(Placed<ResourceId>),
    /// Lets `from` act as `to`.
    AddTrust(TrustDefinition),
    /// Removes a trust, identified by `trust:`.
    RemoveTrust(Placed<TrustId>),
    /// Issues a credential. The recipient can act as the identity.
    IssueCredential(CredentialIssue),
    /// Replaces a credential (`credential:`, `deliver_to:`, lifetime).
    RotateCredential(Placed<CredentialId>, Option<Placed<Text>>, Option<Placed<Lifetime>>),
    /// Revokes a credential.
    RevokeCredential(Placed<CredentialId>),
    /// Suppresses an alert of the source system (`finding:`).
    SuppressFinding(Placed<AlertId>),
}

impl Action {
    /// The owner that the action sets.
    #[must_use]
    pub fn new_owner(&self) -> Option<&IdentityId> {
        match self {
            Self::SetOwner(_, owner) => Some(&owner.value),
            Self::CreateIdentity(_, _, owner) | Self::CreateResource(_, _, owner, _) => {
                owner.as_ref().map(|owner| &owner.value)
            }
            Self::CreateGroup(definition) => definition.owner.as_ref().map(|owner| &owner.value),
            Self::CreateRole(definition) | Self::SetRole(definition) => {
                definition.owner.as_ref().map(|owner| &owner.value)
            }
            Self::Grant(_)
            | Self::Revoke(_)
            | Self::Adjust(_)
            | Self::DeleteRole(_)
            | Self::AddPermission(..)
            | Self::RemovePermission(..)
            | Self::AddInclude(..)
            | Self::RemoveInclude(..)
            | Self::DeleteGroup(_)
            | Self::DisableIdentity(_)
            | Self::DeleteIdentity(_)
            | Self::DeleteResource(_)
            | Self::AddTrust(_)
            | Self::RemoveTrust(_)
            | Self::IssueCredential(_)
            | Self::RotateCredential(..)
            | Self::RevokeCredential(_)
            | Self::SuppressFinding(_) => None,
        }
    }

    /// The lifetime of what the action gives.
    #[must_use]
    pub fn lifetime(&self) -> Option<Lifetime> {
        let lifetime = match self {
            Self::Grant(a) | Self::Adjust(a) => a.lifetime.as_ref(),
            Self::IssueCredential(issue) => issue.lifetime.as_ref(),
            Self::RotateCredential(_, _, lifetime) => lifetime.as_ref(),
            Self::Revoke(_)
            | Self::CreateRole(_)
            | Self::DeleteRole(_)
            | Self::AddPermission(..)
            | Self::RemovePermission(..)
            | Self::AddInclude(..)
            | Self::RemoveInclude(..)
            | Self::SetRole(_)
            | Self::CreateGroup(_)
            | Self::DeleteGroup(_)
            | Self::CreateIdentity(..)
            | Self::DisableIdentity(_)
            | Self::DeleteIdentity(_)
            | Self::SetOwner(..)
            | Self::CreateResource(..)
            | Self::DeleteResource(_)
            | Self::AddTrust(_)
            | Self::RemoveTrust(_)
            | Self::RevokeCredential(_)
            | Self::SuppressFinding(_) => None,
        };
        lifetime.map(|lifetime| lifetime.value)
    }

    /// The names of all actions, in the order of the documentation.
    pub const WORDS: &'static [&'static str] = &[
        "grant",
        "revoke",
        "adjust",
        "create_role",
        "delete_role",
        "add_permission",
        "remove_permission",
        "add_include",
        "remove_include",
        "set_role",
        "create_group",
        "delete_group",
        "create_identity",
        "disable_identity",
        "delete_identity",
        "set_owner",
        "create_resource",
        "delete_resource",
        "add_trust",
        "remove_trust",
        "issue_credential",
        "rotate_credential",
        "revoke_credential",
        "suppress_finding",
    ];

    /// The name in plans.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Grant(_) => "grant",
            Self::Revoke(_) => "revoke",
            Self::Adjust(_) => "adjust",
            Self::CreateRole(_) => "create_role",
            Self::DeleteRole(_) => "delete_role",
            Self::AddPermission(..) => "add_permission",
            Self::RemovePermission(..) => "remove_permission",
            Self::AddInclude(..) => "add_include",
            Self::RemoveInclude(..) => "remove_include",
            Self::SetRole(_) => "set_role",
            Self::CreateGroup(_) => "create_group",
            Self::DeleteGroup(_) => "delete_group",
            Self::CreateIdentity(..) => "create_identity",
            Self::DisableIdentity(_) => "disable_identity",
            Self::DeleteIdentity(_) => "delete_identity",
            Self::SetOwner(..) => "set_owner",
            Self::CreateResource(..) => "create_resource",
            Self::DeleteResource(_) => "delete_resource",
            Self::AddTrust(_) => "add_trust",
            Self::RemoveTrust(_) => "remove_trust",
            Self::IssueCredential(_) => "issue_credential",
            Self::RotateCredential(..) => "rotate_credential",
            Self::RevokeCredential(_) => "revoke_credential",
            Self::SuppressFinding(_) => "suppress_finding",
        }
    }
}

/// An object with an owner. In the plan, exactly one of `identity:`, `group:`, `role:`, `resource:` names it.
#[derive(Clone, Debug, PartialEq)]
pub enum Owned {
    /// An identity.
    Identity(Placed<IdentityId>),
    /// A group.
    Group(Placed<GroupId>),
    /// A role.
    Role(Placed<RoleId>),
    /// A resource.
    Resource(Placed<ResourceId>),
}

/// A trust as a plan writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct TrustDefinition {
    /// Its new id (`trust:`).
    pub trust: Placed<TrustId>,
    /// The subject that can act.
    pub from: Placed<Text>,
    /// The subject that it can act as.
    pub to: Placed<Text>,
    /// The mechanism.
    pub via: Placed<Text>,
    /// The permission that `from` must have to use it.
    pub requires: Option<Placed<Requirement>>,
    /// A condition of the source system, on which access through the trust depends.
    pub condition: Option<Placed<Text>>,
}

/// A credential to be issued.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialIssue {
    /// Its new id (`credential:`).
    pub credential: Placed<CredentialId>,
    /// Its identity.
    pub identity: Placed<IdentityId>,
    /// `password`, `api_key`, `certificate`, `token`, …
    pub kind: Placed<Text>,
    /// The recipient: an identity or group.
    pub deliver_to: Placed<Text>,
    /// Its lifetime.
    pub lifetime: Option<Placed<Lifetime>>,
}

/// A claim of an assistant about a change, from a closed list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// `last_used`: when the assignment, identity or credential was last used.
    LastUsed(Time),
    /// `unused`: it was never used.
    Unused(bool),
    /// `already_has`: the subject already has this access.
    AlreadyHas(bool),
    /// `no_new_access`: the change gives no new access.
    NoNewAccess(bool),
    /// `privileged`: whether the change is privileged.
    Privileged(bool),
    /// `owner`: the owner of the identity, group, role or resource.
    Owner(IdentityId),
    /// `members`: how many members the group has.
    Members(u64),
    /// `task_open`: the task is open.
    TaskOpen(bool),
    /// `approved_by`: a person who is said to have agreed elsewhere. Cannot be checked.
    ApprovedBy(Text),
    /// `ticket`: an external reference. Cannot be checked.
    Ticket(Text),
}
