//! Facts: what a plan does to effective access.
//!
//! Plain data, computed by `access::analyse`: accesses, paths, gains, emergent pieces, and the context of policy
//! queries. Contains no claims of the plan.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use crate::access::model::access::{Access, Breadth, Exception, ExceptionKind};
use crate::input::digest::{Digest, of};
use crate::input::entitlement::{IdentityKind, Mode, Permission, Sensitivity};
use crate::input::finding::Finding;
use crate::input::id::{AssignmentId, ChangeId, Entitlement, GroupId, IdentityId, ResourceId, RoleId, Subject};
use crate::input::text::Text;
use crate::input::time::{Span, Time};

pub use crate::access::model::contents::{Contents, Fate, RoleLabels, Stated};
pub use crate::access::model::path::{AccessPath, Kept, PathStep};
pub use crate::access::model::policy_context::{GroupView, IdentityView, PolicyContext, ResourceView, RoleView};
pub use crate::access::model::removals::{MassRemoval, Removable, Removed};

/// A subject and an access: the unit of every gain and loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessDelta {
    /// The subject.
    pub subject: Subject,
    /// The access.
    pub access: Access,
    /// One path to it, in the state in which it is held.
    pub path: AccessPath,
    /// For a gain: the path by which the subject could already reach it. For a loss: the path by which it still can.
    /// `None` if there is no such path; without steps if only several paths together give the access.
    pub elsewhere: Option<AccessPath>,
    /// The sensitivity by classification.
    pub sensitivity: Sensitivity,
    /// Why it is privileged, if it is.
    pub privileged: Option<Text>,
    /// Whether it represents gains that are too many to report individually: the subject counts as gaining everything.
    pub everything: bool,
    /// The SHA-256 of the canonical JSON of subject and access.
    pub digest: Digest<of::Piece>,
}

/// What is gained and lost between two states; each list sorted by subject, then access.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Access after the change that is not covered by access before.
    pub gained: Vec<AccessDelta>,
    /// Access before the change that is not covered by access after.
    pub lost: Vec<AccessDelta>,
    /// The same as `gained` for access that can be activated later.
    pub gained_eligible: Vec<AccessDelta>,
    /// The same as `lost` for access that could be activated: not part of a change's digest.
    pub lost_eligible: Vec<AccessDelta>,
}

/// The subjects affected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// The number of identities that gain or lose access.
    pub identities: u64,
    /// Whether the number is a lower bound, because a group's members are not all known, or a name stands for many.
    pub at_least: bool,
    /// The kinds of those identities.
    pub kinds: BTreeSet<IdentityKind>,
    /// Affected groups whose members are not all known.
    pub unknown_groups: BTreeSet<GroupId>,
    /// What was truncated.
    pub untold: Truncated,
}

/// The parts of an effect that exceed the limits: see [`crate::access::Budget`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truncated {
    /// Subjects whose gains are not listed: each counts as gaining everything.
    pub subjects: u64,
    /// Losses are incomplete.
    pub losses: bool,
    /// Escalation paths were not searched for every subject.
    pub paths: bool,
    /// Separation-of-duties conflicts were not searched for every subject.
    pub conflicts: bool,
}

impl Truncated {
    /// Whether anything is truncated.
    #[must_use]
    pub fn is_any(self) -> bool {
        self.subjects > 0 || self.losses || self.paths || self.conflicts
    }
}

/// A subject that completes a known escalation path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// The id of the path in the catalogue.
    pub id: Text,
    /// What the path leads to, in one sentence.
    pub title: Text,
    /// The subject that completes it.
    pub subject: Subject,
    /// The bindings of its variables; `*` for each if many objects match.
    pub bound: BTreeMap<String, Text>,
    /// The number of bindings that this represents.
    pub count: u64,
    /// Whether every requirement is satisfied. If false, the path is only possible: there is no object to bind a
    /// variable to.
    pub complete: bool,
    /// Whether a requirement is satisfied only under a condition, which is not evaluated.
    pub conditional: bool,
    /// The distinct conditions.
    pub conditions: Vec<Text>,
    /// The requirements, action and resource with variables replaced, in the order of the catalogue.
    pub requires: Vec<(Text, Text)>,
    /// How each requirement is satisfied, in the order of the catalogue.
    pub paths: Vec<AccessPath>,
    /// The SHA-256 of the canonical JSON of id, subject and bindings.
    pub digest: Digest<of::Piece>,
}

/// A subject that holds two entitlements or accesses that must be separate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SodConflict {
    /// The id of the pair in the data.
    pub id: Text,
    /// Why they must be separate, in one sentence.
    pub title: Text,
    /// The subject that holds both.
    pub subject: Subject,
    /// The scope, if the pair conflicts only within one scope.
    pub scope: Option<ResourceId>,
    /// The path to the first.
    pub first: AccessPath,
    /// The path to the second.
    pub second: AccessPath,
    /// The SHA-256 of the canonical JSON of id, subject and scope.
    pub digest: Digest<of::Piece>,
}

/// A piece that the whole plan gives and no single change gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmergentWhat {
    /// An access.
    Access(AccessDelta),
    /// An escalation path that only the whole plan completes.
    Escalation(Escalation),
    /// A separation-of-duties conflict that only the whole plan creates.
    Sod(SodConflict),
    /// An access that only the whole plan removes: see [`Analysis::lost_together`].
    Loss(AccessDelta),
}

/// An emergent piece with the changes responsible for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emergent {
    /// The piece.
    pub what: EmergentWhat,
    /// Whether the access is only eligible.
    pub eligible: bool,
    /// Responsible sets of changes, each closed under dependencies and minimal; each yields the piece.
    pub sets: Vec<BTreeSet<ChangeId>>,
    /// Every change that is in a set, or was not proven to be outside of all.
    pub members: BTreeSet<ChangeId>,
    /// Whether all sets were found within the limits.
    pub complete: bool,
    /// Pending changes of other plans that it needs too: `PLAN/CHANGE`. They are in `sets`, not in `members`.
    pub with: BTreeSet<ChangeId>,
    /// The cheapest changes of this plan to drop so that it does not come about, dependents included. Empty if not
    /// every set was found.
    pub drop: BTreeSet<ChangeId>,
    /// The number of further pieces that it represents. The digest then covers all of them.
    pub others: u64,
    /// The digest of the piece, which a decision records.
    pub digest: Digest<of::Piece>,
}

impl Emergent {
    /// Why each responsible change is privileged: the piece is privileged, or a subject opens an escalation path.
    #[must_use]
    pub fn privileged(&self) -> Option<Text> {
        let why = match &self.what {
            EmergentWhat::Access(piece) => piece.privileged.as_ref()?.raw(),
            EmergentWhat::Escalation(escalation) => escalation.title.raw(),
            EmergentWhat::Sod(_) | EmergentWhat::Loss(_) => return None,
        };
        Some(Text::from(format!("together with other changes: {why}")))
    }
}

/// The result of checking a claim of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimResult {
    /// The snapshot agrees.
    Confirmed,
    /// The snapshot contradicts it.
    Contradicted,
    /// The snapshot has no information.
    Unchecked,
}

/// A claim, and the corresponding value of the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedClaim {
    /// The name of the claim in the plan (`last_used`, …).
    pub name: &'static str,
    /// The claimed value.
    pub claimed: Text,
    /// The value in the snapshot, if it has one.
    pub found: Option<Text>,
    /// The result of the comparison.
    pub result: ClaimResult,
}

/// The objects that a change names, resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeTargets {
    /// The identity that the change is about (`to:`, `identity:`; for `add_trust`, the identity that will act).
    pub identity: Option<IdentityId>,
    /// The group that the change is about (`to:`, `group:`).
    pub group: Option<GroupId>,
    /// The role.
    pub role: Option<RoleId>,
    /// The group whose membership changes.
    pub member_of: Option<GroupId>,
    /// The scope, or the resource that the change is about.
    pub scope: Option<ResourceId>,
    /// For trusts and credentials: the identity that can be acted as.
    pub trusted: Option<IdentityId>,
    /// The permission added or removed.
    pub permission: Option<Permission>,
    /// The breadth of that permission.
    pub breadth: Breadth,
    /// The kind and lifetime of the credential.
    pub credential: Option<(Text, Option<Span>)>,
    /// The included role.
    pub include: Option<RoleId>,
}

impl ChangeTargets {
    /// The entitlement that the change is about, for typed confirmation and rejections.
    #[must_use]
    pub fn entitlement(&self) -> Option<Entitlement> {
        self.role.clone().map(Entitlement::Role).or_else(|| self.member_of.clone().map(Entitlement::Membership))
    }

    /// The subject that the change is about.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        self.identity.clone().map(Subject::Identity).or_else(|| self.group.clone().map(Subject::Group))
    }
}

/// The terms of an assignment, before or after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AssignmentTerms {
    /// Its mode.
    pub mode: Mode,
    /// The latest expiry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// The duration from when it is applied, if the plan states one; for `until:`, until − now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Span>,
}

/// The part of a change that is outside the plan's task, or why no task covers it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outside {
    /// The plan names no task, or one that is not in `tasks.yaml`.
    NoTask,
    /// The task is not open.
    Closed,
    /// The task does not list this proposer with this sponsor.
    NotListed,
    /// It gives access in a scope outside the task; `None`: everywhere.
    Gives(Option<ResourceId>),
    /// It gives access that expires after the task; `None`: no expiry.
    Lasts(Option<Time>),
    /// It removes or redefines access in a scope outside the task; `None`: everywhere, or unknown.
    Takes(Option<ResourceId>),
    /// Its losses are not fully known.
    TooLarge,
}

/// How a change crosses the borders between environments, organisations and token issuers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Isolation {
    /// Machines that it brings to an environment, and that then reach two.
    pub crossing: BTreeSet<Text>,
    /// Identities of other organisations that gain access or are named as receivers.
    pub third_parties: BTreeSet<Text>,
    /// For a new trust in the tokens of another issuer: how far it is limited.
    pub federation: Option<Federation>,
}

/// What a federated trust states about the tokens that it accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Federation {
    /// Whether the subject is written out.
    pub subject: bool,
    /// Whether the audience is written out, or fixed by the system.
    pub audience: bool,
}

/// The computed facts of one change, applied only on top of the changes it depends on.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, which policies ask about by name")]
#[derive(Clone, Debug)]
pub struct ChangeFacts {
    /// The id of the change.
    pub id: ChangeId,
    /// The transitive dependencies, sorted.
    pub depends_on: BTreeSet<ChangeId>,
    /// The objects it names.
    pub named: ChangeTargets,
    /// For `adjust` and `revoke`: the terms of the assignment before.
    pub was: Option<AssignmentTerms>,
    /// For `grant` and `adjust`: the terms after.
    pub becomes: Option<AssignmentTerms>,
    /// The assignments of the snapshot that it removes or alters.
    pub assignments: Vec<AssignmentId>,
    /// The permissions that it states or grants.
    pub contents: Contents,
    /// Gained and lost access.
    pub effects: Effects,
    /// Access that it removes by one path and its holders keep by another, by subject.
    pub kept: Vec<Kept>,
    /// The subjects named as receivers, including members of groups. They count as gaining, whatever the snapshot shows
    /// of the access received.
    pub receivers: BTreeSet<Subject>,
    /// The affected subjects.
    pub concerned: Affected,
    /// Why any access gained, or the change itself, is privileged; sorted.
    pub privileged: BTreeSet<Text>,
    /// Why the access that it gives together with other changes of the plan is privileged, or completes an escalation
    /// path; sorted. Covers every emergent piece that lists the change as a member.
    pub privileged_together: BTreeSet<Text>,
    /// The number of gained and eligible pieces that are privileged.
    pub gained_privileged: u64,
    /// The highest sensitivity of the access it gains or loses and of the objects it names.
    pub sensitivity: Sensitivity,
    /// How much of what it gives or removes is not classified by any rule or label: accesses, or permissions of the
    /// objects it names, whichever are more. An entitlement without permissions in the snapshot counts as one.
    pub unclassified: u64,
    /// Whether everyone, or an anonymous caller, gains access or is named as receiver.
    pub public: bool,
    /// Whether it grants any action on any resource.
    pub gives_everything: bool,
    /// Names that receive what it gives and stand for many whom the snapshot does not know, as an identity provider
    /// or another account does.
    pub outsiders: BTreeSet<Text>,
    /// What concerns machines and other organisations.
    pub isolation: Isolation,
    /// If anything is unclassified: a name that suggests an administrator.
    pub admin_name: Option<Text>,
    /// The checked claims.
    pub claims: Vec<CheckedClaim>,
    /// Escalation paths that it opens alone.
    pub escalations: Vec<Escalation>,
    /// Escalation paths that it would open, for subjects that already had all access of the path, without a condition.
    pub already: Vec<Escalation>,
    /// Separation-of-duties conflicts that it creates alone.
    pub sod: Vec<SodConflict>,
    /// Indices into [`Analysis::emergent`] of the pieces that list it as a member.
    pub emergent: Vec<usize>,
    /// Indices into [`Analysis::lost_together`] of the losses that list it as a member.
    pub lost_together: Vec<usize>,
    /// Whether the task is open, lists this agent and sponsor, and covers all access gained by scope and time.
    pub in_task_scope: bool,
    /// Whether nothing is removed or redefined, or such a task covers all of it by scope.
    pub takes_in_task_scope: bool,
    /// What is outside the task: at most twenty scopes of each kind.
    pub outside: BTreeSet<Outside>,
    /// Whether the role or group that it assigns has any deny, conditional or not: removing such an assignment can be
    /// the first half of a gain.
    pub touches_deny: bool,
    /// Whether it removes or redefines a deny or a limit, or makes one end earlier, even if that gives nothing now.
    pub lifts_deny: bool,
    /// Whether a deny or a limit blocks some of the access that it assigns, or a receiver is disabled: the access becomes
    /// effective without that.
    pub blocked: bool,
    /// Whether an inverse change restores the state before.
    pub reversible: bool,
    /// The context for Cedar queries: memberships after this change on top of its dependencies, owners before the plan.
    pub around: PolicyContext,
}

impl ChangeFacts {
    /// The subjects that gain access, now or by activation, or are receivers.
    pub fn gaining(&self) -> impl Iterator<Item = &Subject> {
        let pieces = self.effects.gained.iter().chain(&self.effects.gained_eligible).map(|piece| &piece.subject);
        pieces.chain(&self.receivers)
    }

    /// Whether the change alone is privileged.
    #[must_use]
    pub fn is_privileged(&self) -> bool {
        !self.privileged.is_empty()
    }

    /// Whether the change is privileged, alone or together with others of its plan.
    #[must_use]
    pub fn is_privileged_in_plan(&self) -> bool {
        self.is_privileged() || !self.privileged_together.is_empty()
    }

    /// Every reason why the change is privileged, alone or together with others of its plan.
    pub fn why_privileged(&self) -> impl Iterator<Item = &Text> {
        self.privileged.iter().chain(&self.privileged_together)
    }
}

/// The computed facts of a plan.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// The changes, in the order of the plan.
    pub changes: Vec<ChangeFacts>,
    /// Access that the whole plan gives and removes.
    pub effects: Effects,
    /// The subjects that the whole plan affects.
    pub concerned: Affected,
    /// The number of gained and eligible pieces of the whole plan that are privileged.
    pub gained_privileged: u64,
    /// Escalation paths that the whole plan completes, those of single changes included.
    pub escalations: Vec<Escalation>,
    /// Separation-of-duties conflicts that the whole plan creates, those of single changes included.
    pub sod: Vec<SodConflict>,
    /// Emergent pieces, sorted by digest.
    pub emergent: Vec<Emergent>,
    /// Access that only several changes together remove, sorted by digest.
    pub lost_together: Vec<Emergent>,
    /// Whether the search for responsible sets reached a limit.
    pub sets_incomplete: bool,
    /// The mass removals of the plan, the most severe first.
    pub mass_removals: Vec<MassRemoval>,
    /// The context of `SubmitPlan`: memberships after the whole plan, owners before it.
    pub around: PolicyContext,
    /// Proposer, sponsor and every person's identities, before the plan, with memberships in force at `taken_at` and
    /// now.
    pub before: PolicyContext,
    /// Findings about the plan against the snapshot that are not fatal.
    pub findings: Vec<Finding>,
}
