//! The plan as every room above believes it.
//!
//! In: nothing (plain data). Out: the typed plan, each value that a finding may point at with its place. Names in it are
//! not yet resolved: whether the snapshot knows them is for `access` to say. `plan::read` builds it; nothing else does.

use serde::Serialize;

use crate::input::digest::{Digest, of};
use crate::input::entitlement::{IdentityKind, Mode, Permission, Requirement, Sensitivity};
use crate::input::id::{
    AlertId, AssignmentId, ChangeId, CredentialId, GroupId, IdentityId, PlanId, ResourceId, RoleId, TaskId, TrustId,
};
use crate::input::place::{Place, Placed};
use crate::input::text::Text;
use crate::input::time::{Span, Time};

/// What an assistant proposes.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name.
    pub id: Placed<PlanId>,
    /// The agent that wrote it.
    pub proposer: Placed<IdentityId>,
    /// The person it says it acts for.
    pub on_behalf_of: Option<Placed<IdentityId>>,
    /// The task it serves.
    pub task: Option<Placed<TaskId>>,
    /// What it is for, in the assistant's words.
    pub intent: Placed<Text>,
    /// The snapshot it was made from.
    pub snapshot: Option<Placed<Digest<of::File>>>,
    /// After this it is void.
    pub expires: Placed<Time>,
    /// Its steps, in the order of the file.
    pub changes: Vec<Change>,
    /// The SHA-256 of the exact bytes.
    pub digest: Digest<of::File>,
    /// The whole file.
    pub place: Place,
}

/// One step of a plan.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its name within the plan.
    pub id: Placed<ChangeId>,
    /// The place of the word that names the action.
    pub action_place: Place,
    /// What it does.
    pub action: Action,
    /// Why, in the assistant's words.
    pub reason: Placed<Text>,
    /// What the assistant asserts about it.
    pub claims: Vec<Placed<Claim>>,
}

/// What is assigned: a role, or membership of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `role:`
    Role(Placed<RoleId>),
    /// `member_of:`
    MemberOf(Placed<GroupId>),
}

/// How long something shall last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// `ttl:` from the moment it is applied.
    Ttl(Span),
    /// `until:` a time.
    Until(Time),
}

/// `grant`, `revoke` and `adjust` share this: an assignment as the plan names it.
#[derive(Clone, Debug, PartialEq)]
pub struct AssignmentChange {
    /// The identity or group.
    pub to: Placed<Text>,
    /// What is assigned.
    pub target: Target,
    /// The scope; none: everywhere.
    pub scope: Option<Placed<ResourceId>>,
    /// `grant`, `adjust`: the mode wanted; `adjust` leaves an absent one as it is.
    pub mode: Option<Placed<Mode>>,
    /// `grant`, `adjust`: how long.
    pub lifetime: Option<Placed<Lifetime>>,
    /// `revoke`, `adjust`: narrows to one assignment of the snapshot.
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
    /// Who answers for it.
    pub owner: Option<Placed<IdentityId>>,
    /// Its label.
    pub sensitivity: Option<Placed<Sensitivity>>,
    /// The kinds of identity it is meant for.
    pub kinds: Vec<Placed<IdentityKind>>,
}

/// What a change does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Gives an assignment.
    Grant(AssignmentChange),
    /// Takes an assignment.
    Revoke(AssignmentChange),
    /// Alters an assignment's mode or end.
    Adjust(AssignmentChange),
    /// Makes a role.
    CreateRole(RoleDefinition),
    /// Removes a role.
    DeleteRole(Placed<RoleId>),
    /// Adds a permission to a role.
    AddPermission(Placed<RoleId>, Placed<Permission>),
    /// Takes a permission from a role.
    RemovePermission(Placed<RoleId>, Placed<Permission>),
    /// Makes a role include another (`include:`).
    AddInclude(Placed<RoleId>, Placed<RoleId>),
    /// Undoes an include.
    RemoveInclude(Placed<RoleId>, Placed<RoleId>),
    /// Replaces a role's whole definition.
    SetRole(RoleDefinition),
    /// Makes a group, empty; members come by `grant` with `member_of`.
    CreateGroup(Placed<GroupId>, Option<Placed<IdentityId>>),
    /// Removes a group.
    DeleteGroup(Placed<GroupId>),
    /// Makes an identity (`kind:`, optional `owner:`).
    CreateIdentity(Placed<IdentityId>, Placed<IdentityKind>, Option<Placed<IdentityId>>),
    /// Disables an identity.
    DisableIdentity(Placed<IdentityId>),
    /// Removes an identity.
    DeleteIdentity(Placed<IdentityId>),
    /// Makes `owner` answer for something.
    SetOwner(Owned, Placed<IdentityId>),
    /// Makes a resource (optional `parent:`, `owner:`, `sensitivity:`).
    CreateResource(
        Placed<ResourceId>,
        Option<Placed<ResourceId>>,
        Option<Placed<IdentityId>>,
        Option<Placed<Sensitivity>>,
    ),
    /// Removes a resource.
    DeleteResource(Placed<ResourceId>),
    /// Lets `from` act as `to`.
    AddTrust(TrustDefinition),
    /// Undoes a trust (`trust:` names it).
    RemoveTrust(Placed<TrustId>),
    /// Issues a credential: whoever receives it can act as the identity.
    IssueCredential(CredentialIssue),
    /// Replaces a credential (`credential:`, `deliver_to:`, lifetime).
    RotateCredential(Placed<CredentialId>, Option<Placed<Text>>, Option<Placed<Lifetime>>),
    /// Ends a credential.
    RevokeCredential(Placed<CredentialId>),
    /// Silences an alert of the source system (`finding:`).
    SuppressFinding(Placed<AlertId>),
}

impl Action {
    /// The words of all actions, in the order of the documentation.
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

    /// The word as a plan writes it.
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
            Self::CreateGroup(..) => "create_group",
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

/// What can have an owner. Exactly one of `identity:`, `group:`, `role:`, `resource:` names it in the plan.
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
    /// Its new name (`trust:`).
    pub trust: Placed<TrustId>,
    /// Who can act.
    pub from: Placed<Text>,
    /// As whom.
    pub to: Placed<Text>,
    /// How.
    pub via: Placed<Text>,
    /// What `from` must hold for it.
    pub requires: Option<Placed<Requirement>>,
}

/// A credential to be issued.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialIssue {
    /// Its new name (`credential:`).
    pub credential: Placed<CredentialId>,
    /// Whose it is.
    pub identity: Placed<IdentityId>,
    /// `password`, `api_key`, `certificate`, `token`, …
    pub kind: Placed<Text>,
    /// The identity or group that receives it.
    pub deliver_to: Placed<Text>,
    /// How long it lasts.
    pub lifetime: Option<Placed<Lifetime>>,
}

/// What an assistant may assert about a change: a closed list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// `last_used`: when the assignment, identity or credential was last used.
    LastUsed(Time),
    /// `unused`: it was never used.
    Unused(bool),
    /// `already_has`: the subject already holds this access.
    AlreadyHas(bool),
    /// `no_new_access`: the change gains nothing.
    NoNewAccess(bool),
    /// `privileged`: whether the change is privileged.
    Privileged(bool),
    /// `owner`: who answers for the identity, group, role or resource.
    Owner(IdentityId),
    /// `members`: how many members the group has.
    Members(u64),
    /// `task_open`: the task is open.
    TaskOpen(bool),
    /// `approved_by`: somebody is said to have agreed elsewhere. Never checkable.
    ApprovedBy(Text),
    /// `ticket`: a reference elsewhere. Never checkable.
    Ticket(Text),
}
