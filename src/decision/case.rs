//! The shared types of this module, and the queries to the modules below.
//!
//! Plain data: steps, signers, outcomes, and changes as they are now.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::decision::digest::ChangeDocument;
use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, PersonId, PlanId, PolicyId};
use crate::input::text::Text;

pub use crate::policy::StepName;

/// A change of a plan. In a queue of plans, the id of a change alone is not unique.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId {
    /// The plan.
    pub plan: PlanId,
    /// The change within it.
    pub change: ChangeId,
}

impl CaseId {
    /// Joins plan and change.
    pub fn new(plan: impl Into<PlanId>, change: impl Into<ChangeId>) -> Self {
        Self { plan: plan.into(), change: change.into() }
    }
}

/// A person and the key that signed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signer {
    /// The person of `people.yaml`.
    pub person: PersonId,
    /// The fingerprint of the key.
    pub key: Text,
}

impl Signer {
    /// Joins person and key.
    pub fn new(person: impl Into<PersonId>, key: impl Into<Text>) -> Self {
        Self { person: person.into(), key: key.into() }
    }
}

/// The outcome of the policies for a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseOutcome {
    /// It may not be proposed.
    Denied(Denial),
    /// These steps must be filled, in the site's order. An empty list never counts as approved.
    Needs(Vec<StepName>),
    /// Explicitly low risk, and nothing prevents it from being applied without a person.
    Auto,
}

/// Why a change may not be proposed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denial {
    /// Policies that cannot be overridden: mandatory ones, and every one that failed to evaluate.
    pub mandatory: BTreeSet<PolicyId>,
    /// A denial without a policy, such as a missing permit or proof. It cannot be overridden.
    pub unnamed: bool,
    /// Policies that a person permitted `Override` can override.
    pub overridable: BTreeSet<PolicyId>,
    /// The steps needed once they are overridden.
    pub then: Vec<StepName>,
}

impl Denial {
    /// Whether overriding these policies leaves no denial.
    #[must_use]
    pub fn is_set_aside_by(&self, policies: &BTreeSet<PolicyId>) -> bool {
        self.can_be_set_aside() && self.overridable.is_subset(policies)
    }

    /// Whether any person could override it.
    #[must_use]
    pub fn can_be_set_aside(&self) -> bool {
        self.mandatory.is_empty() && !self.unnamed && !self.overridable.is_empty()
    }
}

impl CaseOutcome {
    /// The steps needed once these policies are overridden; `None` if the change stays denied or needs no step.
    #[must_use]
    pub fn steps(&self, set_aside: &BTreeSet<PolicyId>) -> Option<&[StepName]> {
        match self {
            Self::Denied(denial) => denial.is_set_aside_by(set_aside).then_some(denial.then.as_slice()),
            Self::Needs(steps) => Some(steps),
            Self::Auto => None,
        }
    }
}

/// A change as it is now, with everything that a decision on it is bound to.
#[derive(Clone, Debug)]
pub struct EvaluatedChange {
    /// The change.
    pub case: CaseId,
    /// Its digest now.
    pub digest: Digest<of::Change>,
    /// The document from which the digest was computed.
    pub document: Arc<ChangeDocument>,
    /// The digests of the emergent pieces that it is responsible for.
    pub emergent: BTreeSet<Digest<of::Piece>>,
    /// The current outcome of the policies.
    pub outcome: CaseOutcome,
    /// The transitive dependencies, in the same plan.
    pub depends_on: BTreeSet<ChangeId>,
}

impl EvaluatedChange {
    /// Whether it gives any access: now, eligible, or together with others. A change by which no subject loses access
    /// (a new trust, a new owner, a suppressed alert) counts as giving some.
    #[must_use]
    pub fn gains(&self) -> bool {
        self.document.gains().next().is_some() || !self.emergent.is_empty() || self.document.effect.lost.is_empty()
    }
}
