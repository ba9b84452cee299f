//! The order of the questions: the riskiest change first.
//!
//! A total order on the facts of changes. Claims of the plan have no influence, and ties are broken by the change
//! digest, so the same plan is always reviewed in the same order.

use std::cmp::{Ordering, Reverse};

use crate::access::model::facts::ChangeFacts;
use crate::decision::case::EvaluatedChange;
use crate::input::entitlement::Sensitivity;

/// The risk of a change; greater is riskier. Earlier fields take precedence.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a weight of its own, and they are only ever compared in order"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Risk {
    /// It is privileged.
    pub privileged: bool,
    /// It opens an escalation path.
    pub escalates: bool,
    /// The highest sensitivity involved.
    pub sensitivity: Sensitivity,
    /// It is part of an emergent piece.
    pub emerges: bool,
    /// It creates a separation-of-duties conflict.
    pub conflicts: bool,
    /// It may complete an escalation path.
    pub may_escalate: bool,
    /// The number of privileged pieces it gives.
    pub gained_privileged: u64,
    /// Some of the access it gives has no expiry.
    pub stays: bool,
    /// The number of affected identities is a lower bound.
    pub at_least: bool,
    /// It gives any access.
    pub gains: bool,
    /// The number of contradicted claims.
    pub contradictions: usize,
    /// The number of affected identities.
    pub identities: u64,
    /// The number of pieces it gives, now or eligible.
    pub gained: usize,
    /// The number of pieces it removes.
    pub lost: usize,
}

impl Risk {
    /// Computes the risk of a change.
    #[must_use]
    pub fn of(present: &EvaluatedChange, facts: &ChangeFacts) -> Self {
        let gained = facts.effects.gained.len().saturating_add(facts.effects.gained_eligible.len());
        Self {
            privileged: facts.is_privileged_in_plan(),
            escalates: facts.escalations.iter().any(|e| e.complete),
            sensitivity: facts.sensitivity,
            emerges: !present.emergent.is_empty(),
            conflicts: !facts.sod.is_empty(),
            may_escalate: !facts.escalations.is_empty(),
            gained_privileged: facts.gained_privileged,
            stays: facts.effects.gained.iter().any(|piece| piece.access.until.is_none()),
            at_least: facts.concerned.at_least,
            gains: present.gains(),
            contradictions: present.document.contradictions.len(),
            identities: facts.concerned.identities,
            gained,
            lost: facts.effects.lost.len(),
        }
    }
}

/// Riskiest first. Of equal risk the smaller digest, then plan and change.
#[must_use]
pub fn riskiest_first(a: (&Risk, &EvaluatedChange), b: (&Risk, &EvaluatedChange)) -> Ordering {
    (Reverse(a.0), a.1.digest, &a.1.case).cmp(&(Reverse(b.0), b.1.digest, &b.1.case))
}
