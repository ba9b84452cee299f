//! The input of policy queries: a plan with its analysis, the people, and the site's parameters. Plain data.
//!
//! Built by the caller from the trust files. [`PolicyInput`] is borrowed by every query.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::model::facts::Analysis;
use crate::input::entitlement::IdentityKind;
use crate::input::id::{ChangeId, GroupId, IdentityId, PersonId, PlanId, ResourceId, TaskId};
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::plan::model::{Action, Owned, Plan};
use crate::snapshot::model::Status;

/// The site's parameters (`review.yaml`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyParameters {
    /// Longest lifetime of access that expires.
    pub max_ttl: Span,
    /// Longest lifetime of privileged access.
    pub max_privileged_ttl: Span,
    /// Longest lifetime of a credential.
    pub max_credential_ttl: Span,
    /// An identity unused for this long is stale.
    pub stale_after: Span,
    /// Whether privileged changes and overrides need a security key.
    pub require_security_key: bool,
}

/// How the proposer proved itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// `none`, `ssh-key`, `ssh-certificate` or `jwt`.
    pub method: String,
    /// The identity that is proven to be the author of the plan.
    pub proven: Option<IdentityId>,
    /// The full lifetime of the credential used; `None` if it does not expire.
    pub credential_ttl: Option<Span>,
    /// Why the plan cannot be submitted regardless of policy: its proof is invalid, or one is required and missing.
    pub refused: Option<Text>,
    /// Whether the proposer has more access than `agents.yaml` allows.
    pub overbroad: bool,
}

impl Proof {
    /// No proof.
    #[must_use]
    pub fn none() -> Self {
        Self { method: "none".to_owned(), proven: None, credential_ttl: None, refused: None, overbroad: false }
    }
}

/// A rejection that a change resembles.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EarlierReject {
    /// When it was sealed.
    pub at: Time,
    /// The plan.
    pub plan: PlanId,
    /// The person who rejected.
    pub who: PersonId,
    /// The reason.
    pub reason: Option<Text>,
    /// Whether the change gives only a part of what was rejected.
    pub part: bool,
}

/// The recorded history of changes like this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// A person rejected it, or a similar change, before this plan was submitted: it is not automatic, and no step is
    /// waived.
    pub rejected_before: bool,
    /// It gives a part of the access that a person rejected: it is not automatic.
    pub part_of_rejected: bool,
    /// The rejections that it resembles, the latest first.
    pub earlier: Vec<EarlierReject>,
    /// A person rejected it within this plan id, and the rejection is not lifted.
    pub unlifted_reject: bool,
    /// How often the same entitlement was granted to the same subject within 30 days.
    pub grants_30d: u64,
}

/// A person of `people.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonView {
    /// The person.
    pub id: PersonId,
    /// All identities of the person, in any system.
    pub identities: BTreeSet<IdentityId>,
    /// The person's approver groups (`owners`, `identity-security`, `break-glass`, …).
    pub groups: BTreeSet<String>,
    /// Groups of the snapshot that the person belongs to by `people.yaml`, in addition to memberships in the snapshot.
    pub listed_groups: BTreeSet<GroupId>,
    /// Every identity of the snapshot that is owned by one of the person's identities.
    pub owns: BTreeSet<IdentityId>,
}

/// All people, with the person of each identity.
#[derive(Clone, Debug, Default)]
pub struct PeopleView {
    persons: BTreeMap<PersonId, PersonView>,
    by_identity: BTreeMap<IdentityId, PersonId>,
    ambiguous: BTreeSet<PersonId>,
}

impl PeopleView {
    /// From all people. Persons who share an id or an identity are kept, but they count as ambiguous.
    #[must_use]
    pub fn new(list: impl IntoIterator<Item = PersonView>) -> Self {
        let mut people = Self::default();
        for person in list {
            for identity in &person.identities {
                if let Some(other) = people.by_identity.insert(identity.clone(), person.id.clone())
                    && other != person.id
                {
                    people.ambiguous.insert(other);
                    people.ambiguous.insert(person.id.clone());
                }
            }
            if people.persons.contains_key(&person.id) {
                people.ambiguous.insert(person.id.clone());
            }
            people.persons.insert(person.id.clone(), person);
        }
        people
    }

    /// A person by id.
    #[must_use]
    pub fn get(&self, id: &PersonId) -> Option<&PersonView> {
        self.persons.get(id)
    }

    /// The person of an identity.
    #[must_use]
    pub fn whose(&self, identity: &IdentityId) -> Option<&PersonView> {
        self.by_identity.get(identity).and_then(|id| self.persons.get(id))
    }

    /// Whether this person is ambiguous, because two persons share an id or an identity.
    #[must_use]
    pub fn is_ambiguous(&self, id: &PersonId) -> bool {
        self.ambiguous.contains(id)
    }
}

/// A task of `tasks.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskView {
    /// The task.
    pub id: TaskId,
    /// The owner.
    pub owner: Option<IdentityId>,
    /// Whether it is open, lists this proposer, and lists this sponsor.
    pub open: bool,
    /// When it expires.
    pub until: Option<Time>,
    /// Whether it is open, regardless of whether it lists the proposer and sponsor.
    pub goes_on: bool,
    /// The proposers that it lists.
    pub agents: BTreeSet<IdentityId>,
    /// The sponsors that it lists.
    pub sponsors: BTreeSet<IdentityId>,
    /// The scopes that must cover the access.
    pub scopes: BTreeSet<ResourceId>,
}

/// The signing key of an approver.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyFacts {
    /// The key's type: `ssh-ed25519`, `sk-ssh-ed25519@openssh.com`, …
    pub kind: String,
    /// Whether it is a security key.
    pub security_key: bool,
    /// Whether the user touched it. Before signing: whether it requires a touch.
    pub user_present: bool,
    /// Whether the user was verified by it (PIN, fingerprint).
    pub user_verified: bool,
}

/// What the snapshot shows of an identity.
#[derive(Clone, Debug)]
pub struct KnownIdentity {
    /// Its kind.
    pub kind: IdentityKind,
    /// Its status.
    pub status: Status,
    /// Its owner.
    pub owner: Option<IdentityId>,
}

/// What is asked about: a freeze, and who is behind it.
#[derive(Clone, Debug)]
pub struct FreezeInput<'a> {
    /// What it stops: `agent`, `all`, `plan` or `task`.
    pub kind: &'static str,
    /// The agent: the frozen one, or the proposer of the frozen plan.
    pub agent: Option<IdentityId>,
    /// The task, if `tasks.yaml` has it.
    pub task: Option<&'a TaskView>,
    /// The frozen plan.
    pub plan: Option<PlanId>,
    /// The people for whom the agent, the task or the plan acts.
    pub sponsors: BTreeSet<IdentityId>,
    /// All people.
    pub people: &'a PeopleView,
    /// What the snapshot shows of identities. Those of a person that it does not contain count as human and active.
    pub identities: &'a BTreeMap<IdentityId, KnownIdentity>,
    /// The site's parameters.
    pub parameters: PolicyParameters,
    /// The current time.
    pub now: Time,
}

/// The owners that the plan itself sets for identities. They count when a person gains through an owned identity.
#[derive(Clone, Debug, Default)]
pub struct Appointed(BTreeMap<IdentityId, BTreeSet<IdentityId>>);

impl Appointed {
    /// Collects them from a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let mut appointed: BTreeMap<IdentityId, BTreeSet<IdentityId>> = BTreeMap::new();
        for change in &plan.changes {
            if let Action::SetOwner(Owned::Identity(identity), owner)
            | Action::CreateIdentity(identity, _, Some(owner)) = &change.action
            {
                appointed.entry(identity.value.clone()).or_default().insert(owner.value.clone());
            }
        }
        Self(appointed)
    }

    /// The owners that the plan sets for an identity.
    pub(super) fn owners(&self, identity: &IdentityId) -> impl Iterator<Item = &IdentityId> {
        self.0.get(identity).into_iter().flatten()
    }
}

/// The input of a query.
#[derive(Clone, Debug)]
pub struct PolicyInput<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Its facts.
    pub analysis: &'a Analysis,
    /// The owners that the plan itself sets.
    pub appointed: &'a Appointed,
    /// All people.
    pub people: &'a PeopleView,
    /// The site's parameters.
    pub parameters: PolicyParameters,
    /// How the proposer proved itself.
    pub proof: &'a Proof,
    /// The plan's task, if `tasks.yaml` has it.
    pub task: Option<&'a TaskView>,
    /// The recorded history per change. A change without an entry has none.
    pub history: &'a BTreeMap<ChangeId, History>,
    /// The current time.
    pub now: Time,
}

impl PolicyInput<'_> {
    /// Whether the proposer is not a person, and so must propose within a task.
    pub(super) fn proposer_is_listed_as_agent(&self) -> bool {
        self.people.whose(&self.plan.proposer.value).is_none()
    }

    pub(super) fn history_of(&self, change: &ChangeId) -> History {
        self.history.get(change).cloned().unwrap_or_default()
    }
}
