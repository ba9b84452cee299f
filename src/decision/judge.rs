//! The questions that only policy and the access graph can answer, all of them as of now.

use std::collections::BTreeSet;

use crate::access::model::facts::Access;
use crate::decision::bars::Bar;
use crate::decision::case::{CaseId, Signer};
use crate::decision::recorded::record::{RecordedDecision, ReviewerVerdict};
use crate::input::id::PersonId;
use crate::policy::{KeyFacts, StepName};

/// Answers what only policy and the graph of access can say, all of it as of now.
pub trait Judge {
    /// Whether an access covers another.
    fn covers(&self, wide: &Access, narrow: &Access) -> bool;
    /// Whether policy permits this signer this step on this change, for a signature that shows this of the key.
    fn permits(&self, signer: &Signer, key: &KeyFacts, case: &CaseId, step: &StepName) -> bool;
    /// Whether policy permits this signer `Override` on this change, for a signature that shows this of the key.
    fn permits_override(&self, signer: &Signer, key: &KeyFacts, case: &CaseId) -> bool;
    /// Whether a yes takes back the same person's reject: only if it is one that policy permits them with the key that
    /// signed it, an approval a step that it lists, an override to set something aside.
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
    /// What bars this person from deciding this change: [`crate::decision::bars::bars`].
    fn bars(&self, person: &PersonId, case: &CaseId) -> BTreeSet<Bar>;
    /// Who could take this step on this change, for messages.
    fn could_take(&self, case: &CaseId, step: &StepName) -> BTreeSet<PersonId>;
}
