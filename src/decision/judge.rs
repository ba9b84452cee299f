//! Queries to policy and the access graph, all as of now.

use std::collections::BTreeSet;

use crate::access::model::facts::Access;
use crate::decision::bars::Bar;
use crate::decision::case::{CaseId, Signer};
use crate::decision::recorded::record::{RecordedDecision, ReviewerVerdict};
use crate::input::id::PersonId;
use crate::policy::{KeyFacts, StepName};

/// Answers queries that need policy or the access graph, all as of now.
pub trait Judge {
    /// Whether an access covers another.
    fn covers(&self, wide: &Access, narrow: &Access) -> bool;
    /// Whether policy permits a signer a step on a change, given the facts that the signature proves about the key.
    fn permits(&self, signer: &Signer, key: &KeyFacts, case: &CaseId, step: &StepName) -> bool;
    /// Whether policy permits a signer `Override` on a change, given the facts that the signature proves about the key.
    fn permits_override(&self, signer: &Signer, key: &KeyFacts, case: &CaseId) -> bool;
    /// Whether an approval or override withdraws an earlier rejection by the same person. Only if policy permits it to
    /// that person with the signing key: an approval, one of the steps it lists; an override, `Override`.
    fn takes_back(&self, yes: &RecordedDecision) -> bool {
        let case = yes.case();
        match &yes.said {
            ReviewerVerdict::Approve { .. } => {
                yes.steps.iter().any(|step| self.permits(&yes.signer, &yes.key, &case, step))
            }
            ReviewerVerdict::Override { .. } => self.permits_override(&yes.signer, &yes.key, &case),
            ReviewerVerdict::Reject => false,
        }
    }
    /// The reasons that exclude this person from deciding this change: see [`crate::decision::bars::bars`].
    fn bars(&self, person: &PersonId, case: &CaseId) -> BTreeSet<Bar>;
    /// The people who could fill this step of this change, for messages.
    fn could_take(&self, case: &CaseId, step: &StepName) -> BTreeSet<PersonId>;
}
