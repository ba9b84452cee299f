//! Facts: what a plan does to effective access, as every room above believes it.
//!
//! In: nothing (plain data; `access::analyse` computes it). Out: accesses, paths, gains, emergent pieces, and the
//! surroundings that a policy question needs. Nothing here is a claim of the plan.

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
    /// Whose access.
    pub subject: Subject,
    /// What access.
    pub access: Access,
    /// One way that gives it, in the state in which it is held.
    pub path: AccessPath,
    /// Of a gain: how the subject could reach it before. Of a loss: how it can reach it still. Only where it could, or can;
    /// without steps where only several ways together give it.
    pub elsewhere: Option<AccessPath>,
    /// What the classification says of it.
    pub sensitivity: Sensitivity,
    /// Whether the classification marks it privileged, and why.
    pub privileged: Option<Text>,
    /// Whether it stands for gains that are too many to report one by one: then the subject counts as gaining everything.
    pub everything: bool,
    /// The SHA-256 of the canonical JSON of subject and access.
    pub digest: Digest<of::Piece>,
}

/// What is gained and lost between two states; each list sorted by subject, then access.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// After, not covered by before.
    pub gained: Vec<AccessDelta>,
    /// Before, not covered by after.
    pub lost: Vec<AccessDelta>,
    /// The same as `gained` for access that can be activated later.
    pub gained_eligible: Vec<AccessDelta>,
    /// The same as `lost` for access that could be activated: not part of a change's digest.
    pub lost_eligible: Vec<AccessDelta>,
}

/// Whom effects concern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affected {
    /// Identities that gain or lose, counted.
    pub identities: u64,
    /// Whether there may be more, because a group's members are not all known.
    pub at_least: bool,
    /// The kinds of those identities.
    pub kinds: BTreeSet<IdentityKind>,
    /// Groups concerned whose members are not all known.
    pub unknown_groups: BTreeSet<GroupId>,
    /// What is too large to tell.
    pub untold: Truncated,
}

/// What of an effect is too large to tell: see [`crate::access::Budget`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Truncated {
    /// Subjects whose gains are not told one by one: each counts as gaining everything.
    pub subjects: u64,
    /// Not all that is lost is told.
    pub losses: bool,
    /// Not everyone was asked which escalation paths they complete.
    pub paths: bool,
    /// Not everyone was asked whether they come to hold both sides of a pair.
    pub conflicts: bool,
}

impl Truncated {
    /// Whether anything is not told.
    #[must_use]
    pub fn is_any(self) -> bool {
        self.subjects > 0 || self.losses || self.paths || self.conflicts
    }
}

/// A subject that completes a known escalation path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// The path's id in the data.
    pub id: Text,
    /// What it leads to, one sentence.
    pub title: Text,
    /// Who completes it.
    pub subject: Subject,
    /// What its variables are bound to; `*` for each where many objects would do.
    pub bound: BTreeMap<String, Text>,
    /// How many bindings this stands for.
    pub count: u64,
    /// Every requirement is held; false: "possible", nothing to bind a variable to.
    pub complete: bool,
    /// Something is held only under a condition, which is not evaluated.
    pub conditional: bool,
    /// Those conditions, each once.
    pub conditions: Vec<Text>,
    /// What is required, action and resource with the variables filled, in the order of the data.
    pub requires: Vec<(Text, Text)>,
    /// How each requirement is held, in the order of the data.
    pub paths: Vec<AccessPath>,
    /// The SHA-256 of the canonical JSON of id, subject and bindings.
    pub digest: Digest<of::Piece>,
}

/// A subject that holds two entitlements or accesses that must be apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SodConflict {
    /// The pair's id in the data.
    pub id: Text,
    /// Why they must be apart, one sentence.
    pub title: Text,
    /// Who holds both.
    pub subject: Subject,
    /// Where, if the pair asks for the same scope.
    pub scope: Option<ResourceId>,
    /// How the first is held.
    pub first: AccessPath,
    /// How the second is held.
    pub second: AccessPath,
    /// The SHA-256 of the canonical JSON of id, subject and scope.
    pub digest: Digest<of::Piece>,
}

/// What the plan wholly gains and no single change gains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmergentWhat {
    /// An access.
    Access(AccessDelta),
    /// An escalation path that only the whole plan completes.
    Escalation(Escalation),
    /// A conflict that only the whole plan makes.
    Sod(SodConflict),
    /// An access that is lost only by the whole plan: see [`Analysis::lost_together`].
    Loss(AccessDelta),
}

/// An emergent piece with the changes responsible for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emergent {
    /// What emerges.
    pub what: EmergentWhat,
    /// Whether it would only be eligible.
    pub eligible: bool,
    /// Sets of changes, each dependency-closed and minimal; each yields the piece.
    pub sets: Vec<BTreeSet<ChangeId>>,
    /// Every change that is in a set, or was not shown to be outside one.
    pub members: BTreeSet<ChangeId>,
    /// Whether all sets were found within the caps.
    pub complete: bool,
    /// Changes of other plans, approved and not shown by the snapshot yet, that it takes as well: `PLAN/CHANGE`. They stand
    /// in `sets`, not in `members`.
    pub with: BTreeSet<ChangeId>,
    /// The changes of this plan that cost least to drop so that it does not come about, dependents included; empty where
    /// not every set was found.
    pub drop: BTreeSet<ChangeId>,
    /// How many pieces more it stands for that are not told one by one; its hash is then of all of them.
    pub others: u64,
    /// The piece's hash: what a decision records.
    pub digest: Digest<of::Piece>,
}

impl Emergent {
    /// Why each responsible change is privileged: because the piece is, or because somebody escalates by it.
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

/// What a claim of the plan turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimResult {
    /// The snapshot says the same.
    Confirmed,
    /// The snapshot says otherwise.
    Contradicted,
    /// The snapshot cannot tell.
    Unchecked,
}

/// A claim, and what the snapshot says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedClaim {
    /// The claim's name in the plan (`last_used`, …).
    pub name: &'static str,
    /// What the plan asserts.
    pub claimed: Text,
    /// What the snapshot says, where it says anything.
    pub found: Option<Text>,
    /// How they compare.
    pub result: ClaimResult,
}

/// The things that a change names, resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeTargets {
    /// The identity that the change is about (`to:`, `identity:`; for `add_trust`, who will act).
    pub identity: Option<IdentityId>,
    /// The group that the change is about (`to:`, `group:`).
    pub group: Option<GroupId>,
    /// The role.
    pub role: Option<RoleId>,
    /// The group whose membership is meant.
    pub member_of: Option<GroupId>,
    /// The scope, or the resource that the change is about.
    pub scope: Option<ResourceId>,
    /// For trusts and credentials: the identity that can be acted as.
    pub trusted: Option<IdentityId>,
    /// The permission added or taken.
    pub permission: Option<Permission>,
    /// How much of its system that permission names.
    pub breadth: Breadth,
    /// The kind and lifetime of the credential.
    pub credential: Option<(Text, Option<Span>)>,
    /// The included role.
    pub include: Option<RoleId>,
}

impl ChangeTargets {
    /// The entitlement that the change is about, for typed confirmation and rejects.
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

/// How an assignment holds: before or after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Holding {
    /// Its mode.
    pub mode: Mode,
    /// When it ends, at the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// How long it lasts from the moment it is applied, where the plan says so; for `until:`, until − now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Span>,
}

/// The part of a change that is outside the plan's task, or why no task covers it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outside {
    /// The plan names no task that `tasks.yaml` knows.
    NoTask,
    /// The task is not open.
    Closed,
    /// The task does not list this proposer with this sponsor.
    NotListed,
    /// It gives access in a scope outside the task; none: everywhere.
    Gives(Option<ResourceId>),
    /// It gives access that ends after the task; none: no expiry.
    Lasts(Option<Time>),
    /// It removes or redefines access in a scope outside the task; none: everywhere, or unknown.
    Takes(Option<ResourceId>),
    /// Its losses are not fully known.
    TooLarge,
}

/// Everything computed about one change, alone on top of the changes it depends on.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, which policies ask about by name")]
#[derive(Clone, Debug)]
pub struct ChangeFacts {
    /// Which change.
    pub id: ChangeId,
    /// The changes it depends on, transitively, sorted.
    pub depends_on: BTreeSet<ChangeId>,
    /// The things it names.
    pub named: ChangeTargets,
    /// For `adjust` and `revoke`: how the assignment held before.
    pub was: Option<Holding>,
    /// For `grant` and `adjust`: how it holds after.
    pub becomes: Option<Holding>,
    /// The assignments of the snapshot that it takes or alters.
    pub assignments: Vec<AssignmentId>,
    /// What it states or gives.
    pub contents: Contents,
    /// What it gains and loses.
    pub effects: Effects,
    /// What it takes in one way and its holders still have in another, by subject.
    pub kept: Vec<Kept>,
    /// Whom it names as receiver, members of groups among them: they count as gaining, whatever the snapshot says of what
    /// they receive.
    pub receivers: BTreeSet<Subject>,
    /// Whom.
    pub concerned: Affected,
    /// Whether anything gained or eligible, or the change itself, is privileged; the reasons, sorted.
    pub privileged: BTreeSet<Text>,
    /// Why what it gives together with other changes of the plan is privileged, or lets somebody escalate: of every
    /// emergent piece in whose responsible sets it is, or was not shown not to be; sorted.
    pub privileged_together: BTreeSet<Text>,
    /// How many gained and eligible pieces are privileged.
    pub gained_privileged: u64,
    /// The highest sensitivity of what it gains, loses or names.
    pub sensitivity: Sensitivity,
    /// How much of what it gives or takes is classified by no rule and no label: accesses, or permissions of what it
    /// names, whichever are more. An entitlement that gives nothing, as far as the snapshot shows, counts as one.
    pub unclassified: u64,
    /// Whether everybody, or an anonymous caller, gains or is named as receiver.
    pub public: bool,
    /// Whether what it names for more gives any action on any resource.
    pub gives_everything: bool,
    /// Who is named as receiver: counts as gaining, whatever the snapshot knows of what is received.
    pub receiver: Option<Subject>,
    /// Where something is unclassified: a name in it that tells of an administrator.
    pub admin_name: Option<Text>,
    /// The claims, checked.
    pub claims: Vec<CheckedClaim>,
    /// Escalation paths that it opens alone.
    pub escalations: Vec<Escalation>,
    /// Escalation paths that it would open for a subject that had all that they lead to before, without a condition.
    pub already: Vec<Escalation>,
    /// Conflicts that it makes alone.
    pub sod: Vec<SodConflict>,
    /// Places in [`Analysis::emergent`] of the pieces in whose responsible sets it is.
    pub emergent: Vec<usize>,
    /// Places in [`Analysis::lost_together`] of the losses in whose responsible sets it is.
    pub lost_together: Vec<usize>,
    /// Whether the task is open, lists this agent and sponsor, and all that is gained lies inside its scope and time.
    pub in_task_scope: bool,
    /// Whether nothing is taken or redefined, or the task is such a one and all of that lies inside its scope.
    pub takes_in_task_scope: bool,
    /// What lies outside the task: at most twenty places of each kind.
    pub outside: BTreeSet<Outside>,
    /// Whether the role or group that it assigns holds any deny, conditional ones included: taking such an assignment
    /// can be the first half of a gain.
    pub touches_deny: bool,
    /// Whether an inverse change restores the state before.
    pub reversible: bool,
    /// What Cedar may ask about: memberships as of this change on top of its dependencies, owners as before the plan.
    pub around: PolicyContext,
}

impl ChangeFacts {
    /// Who gains by it, now or by activation, or receives something.
    pub fn gaining(&self) -> impl Iterator<Item = &Subject> {
        let pieces = self.effects.gained.iter().chain(&self.effects.gained_eligible).map(|piece| &piece.subject);
        pieces.chain(&self.receivers).chain(&self.receiver)
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

    /// Every reason for which the change is privileged, alone or together with others of its plan.
    pub fn why_privileged(&self) -> impl Iterator<Item = &Text> {
        self.privileged.iter().chain(&self.privileged_together)
    }
}

/// Everything computed about a plan.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// Per change, in the order of the plan.
    pub changes: Vec<ChangeFacts>,
    /// What the whole plan does.
    pub effects: Effects,
    /// Whom the whole plan concerns.
    pub concerned: Affected,
    /// How many gained and eligible pieces of the whole plan are privileged.
    pub gained_privileged: u64,
    /// Escalation paths that the whole plan completes, those of single changes included.
    pub escalations: Vec<Escalation>,
    /// Conflicts that the whole plan makes, those of single changes included.
    pub sod: Vec<SodConflict>,
    /// What emerges, sorted by digest.
    pub emergent: Vec<Emergent>,
    /// What is lost by several changes together and by none alone, sorted by digest.
    pub lost_together: Vec<Emergent>,
    /// Whether a cap was hit in the search for responsible sets.
    pub sets_incomplete: bool,
    /// What the plan removes in large part, the most severe first.
    pub mass_removals: Vec<MassRemoval>,
    /// The things around `SubmitPlan`: memberships as of the whole plan, owners as before it.
    pub around: PolicyContext,
    /// Proposer, sponsor and every person's identities, as before the plan and in force at `taken_at` and now.
    pub before: PolicyContext,
    /// Findings about the plan against the snapshot that do not stop it.
    pub findings: Vec<Finding>,
}
