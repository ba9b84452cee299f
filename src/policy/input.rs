//! What questions are about: a plan with its analysis, the people, and the site's parameters. Plain data.
//!
//! In: values that the caller read from trust files. Out: [`PolicyInput`], borrowed by every question; and who is a person.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::model::facts::Analysis;
use crate::input::id::{ChangeId, GroupId, IdentityId, PersonId, PlanId, ResourceId, TaskId};
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::plan::model::{Action, Owned, Plan};

/// The site's parameters (`review.yaml`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyParameters {
    /// Longest lifetime of access that ends.
    pub max_ttl: Span,
    /// Longest lifetime of privileged access.
    pub max_privileged_ttl: Span,
    /// Longest lifetime of a credential.
    pub max_credential_ttl: Span,
    /// After this long without use, an identity is stale.
    pub stale_after: Span,
    /// Whether privileged changes and overrides need a security key.
    pub require_security_key: bool,
}

/// How the proposer proved itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// `none`, `ssh-key`, `ssh-certificate` or `jwt`.
    pub method: String,
    /// Who is proved to have written the plan.
    pub proven: Option<IdentityId>,
    /// The whole lifetime of the credential used; none where it has no end.
    pub credential_ttl: Option<Span>,
    /// Why the plan cannot be submitted, whatever policy says: its proof does not hold, or one is agreed and missing.
    pub refused: Option<Text>,
    /// Whether the proposer holds more than `agents.yaml` says it may.
    pub overbroad: bool,
}

impl Proof {
    /// Nothing proves anything.
    #[must_use]
    pub fn none() -> Self {
        Self { method: "none".to_owned(), proven: None, credential_ttl: None, refused: None, overbroad: false }
    }
}

/// A reject that a change resembles.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EarlierReject {
    /// When it was sealed.
    pub at: Time,
    /// Of which plan.
    pub plan: PlanId,
    /// Who rejected.
    pub who: PersonId,
    /// Why.
    pub reason: Option<Text>,
    /// Whether the change gives only a part of what was rejected.
    pub part: bool,
}

/// What the log says of changes like this one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// A person rejected it, or one like it, before this plan asked for it: it is not automatic, and no step is waived.
    pub rejected_before: bool,
    /// It gives a part of what a person rejected: it is not automatic.
    pub part_of_rejected: bool,
    /// The rejects that it resembles, the latest first.
    pub earlier: Vec<EarlierReject>,
    /// A person rejected it within this plan id, and nobody lifted that.
    pub unlifted_reject: bool,
    /// How often the same entitlement was granted to the same subject within 30 days.
    pub grants_30d: u64,
}

/// A person of `people.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonView {
    /// The person.
    pub id: PersonId,
    /// Every identity of theirs, in any system.
    pub identities: BTreeSet<IdentityId>,
    /// The approver groups they are listed in (`owners`, `identity-security`, `break-glass`, …).
    pub groups: BTreeSet<String>,
    /// Groups of the snapshot that `people.yaml` says they belong to, beside what the snapshot knows.
    pub listed_groups: BTreeSet<GroupId>,
    /// Every identity of the snapshot whose owner is one of theirs.
    pub owns: BTreeSet<IdentityId>,
}

/// All people, and whose each identity is.
#[derive(Clone, Debug, Default)]
pub struct PeopleView {
    persons: BTreeMap<PersonId, PersonView>,
    by_identity: BTreeMap<IdentityId, PersonId>,
    ambiguous: BTreeSet<PersonId>,
}

impl PeopleView {
    /// Takes all people. Persons who share an id or an identity are kept, but none of them is taken to be anybody.
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

    /// Whose identity it is.
    #[must_use]
    pub fn whose(&self, identity: &IdentityId) -> Option<&PersonView> {
        self.by_identity.get(identity).and_then(|id| self.persons.get(id))
    }

    /// Whether it is unclear who this person is, because two persons share an id or an identity.
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
    /// Who owns it.
    pub owner: Option<IdentityId>,
    /// Whether it is open, lists this proposer, and lists this sponsor.
    pub open: bool,
    /// When it ends.
    pub until: Option<Time>,
    /// Whether it is open, whether or not it lists the proposer and sponsor.
    pub goes_on: bool,
    /// The proposers that it lists.
    pub agents: BTreeSet<IdentityId>,
    /// The sponsors that it lists.
    pub sponsors: BTreeSet<IdentityId>,
    /// The scopes that must cover its access.
    pub scopes: BTreeSet<ResourceId>,
}

/// The key that an approver signs with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyFacts {
    /// The key's type: `ssh-ed25519`, `sk-ssh-ed25519@openssh.com`, …
    pub kind: String,
    /// Whether it is a security key.
    pub security_key: bool,
    /// Whether the user touched it. Before signing: whether it demands a touch.
    pub user_present: bool,
    /// Whether the user proved themselves to it (PIN, fingerprint).
    pub user_verified: bool,
}

/// The owners that the plan itself gives to identities: they count where somebody gains through what they own.
#[derive(Clone, Debug, Default)]
pub struct Appointed(BTreeMap<IdentityId, BTreeSet<IdentityId>>);

impl Appointed {
    /// Reads them from a plan.
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

    /// The owners that the plan gives to an identity.
    pub(super) fn owners(&self, identity: &IdentityId) -> impl Iterator<Item = &IdentityId> {
        self.0.get(identity).into_iter().flatten()
    }
}

/// What a question is about.
#[derive(Clone, Debug)]
pub struct PolicyInput<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Its facts.
    pub analysis: &'a Analysis,
    /// The owners that the plan itself gives.
    pub appointed: &'a Appointed,
    /// All people.
    pub people: &'a PeopleView,
    /// The site's parameters.
    pub parameters: PolicyParameters,
    /// How the proposer proved itself.
    pub proof: &'a Proof,
    /// The plan's task, if `tasks.yaml` knows it.
    pub task: Option<&'a TaskView>,
    /// What the log says, per change. A change without a history has none.
    pub history: &'a BTreeMap<ChangeId, History>,
    /// Now.
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
