//! The words that the pages of this room share, and what they ask of the rooms below.
//!
//! In: nothing (plain data). Out: steps, signers, outcomes, changes as they are now, and the `Judge` that answers what
//! only policy and the graph of access can say.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::decision::digest::ChangeDocument;
use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, PersonId, PlanId, PolicyId};
use crate::input::text::Text;

pub use crate::policy::StepName;

/// A change of a plan: in a queue of plans, ids of changes alone are not unique.
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

/// What policy says of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseOutcome {
    /// It may not be proposed.
    Denied(Denial),
    /// These steps must be filled, in the site's order. An empty list approves nothing.
    Needs(Vec<StepName>),
    /// Explicitly low risk, and nothing bars it from passing without a person.
    Auto,
}

/// Why a change may not be proposed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denial {
    /// Policies that nothing sets aside: mandatory ones, and every one that failed to evaluate.
    pub mandatory: BTreeSet<PolicyId>,
    /// Something without a policy to name denies as well (a missing permit or proof); nothing sets that aside.
    pub unnamed: bool,
    /// Policies that a person permitted `Override` can set aside.
    pub overridable: BTreeSet<PolicyId>,
    /// The steps needed once they are set aside.
    pub then: Vec<StepName>,
}

impl Denial {
    /// Whether setting these policies aside leaves nothing that denies.
    #[must_use]
    pub fn is_set_aside_by(&self, policies: &BTreeSet<PolicyId>) -> bool {
        self.can_be_set_aside() && self.overridable.is_subset(policies)
    }

    /// Whether any person could set it aside.
    #[must_use]
    pub fn can_be_set_aside(&self) -> bool {
        self.mandatory.is_empty() && !self.unnamed && !self.overridable.is_empty()
    }
}

impl CaseOutcome {
    /// The steps needed once these policies are set aside; `None` if it stays denied or needs nobody.
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
    /// Which change.
    pub case: CaseId,
    /// Its digest now.
    pub digest: Digest<of::Change>,
    /// What the digest was taken of.
    pub document: Arc<ChangeDocument>,
    /// The whole-plan pieces in whose responsible sets it is now.
    pub emergent: BTreeSet<Digest<of::Piece>>,
    /// What policy says of it now.
    pub outcome: CaseOutcome,
    /// The changes of the same plan that it depends on, transitively.
    pub depends_on: BTreeSet<ChangeId>,
}

impl EvaluatedChange {
    /// Whether it gives any access: now, eligible, or together with others. A change without access that anyone loses
    /// (a new trust, a new owner, a silenced alert) counts as giving some.
    #[must_use]
    pub fn gains(&self) -> bool {
        self.document.gains().next().is_some() || !self.emergent.is_empty() || self.document.effect.lost.is_empty()
    }
}
