//! Which question comes first: the riskiest.
//!
//! In: the facts of a change. Out: a total order. It weighs facts only, never what the plan claims, and ties end at the
//! change digest, so that the same plan is always asked in the same order.

use std::cmp::{Ordering, Reverse};

use crate::access::model::facts::ChangeFacts;
use crate::decision::case::EvaluatedChange;
use crate::input::entitlement::Sensitivity;

/// How risky a change is; greater is riskier. The fields weigh in their order.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a weight of its own, and they are only ever compared in order"
)]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Risk {
    /// It is privileged.
    pub privileged: bool,
    /// It completes an escalation path.
    pub escalates: bool,
    /// The highest sensitivity that it concerns.
    pub sensitivity: Sensitivity,
    /// It is half of something that only the whole plan gives.
    pub emerges: bool,
    /// It makes a conflict of duties.
    pub conflicts: bool,
    /// It may complete an escalation path.
    pub may_escalate: bool,
    /// How many privileged pieces it gives.
    pub gained_privileged: u64,
    /// Something of what it gives has no end.
    pub stays: bool,
    /// More people may be concerned than are known.
    pub at_least: bool,
    /// It gives anything at all.
    pub gains: bool,
    /// Claims that are contradicted.
    pub contradictions: usize,
    /// How many identities it concerns.
    pub identities: u64,
    /// How many pieces it gives, now or eligible.
    pub gained: usize,
    /// How many pieces it takes.
    pub lost: usize,
}

impl Risk {
    /// Weighs a change.
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

/// Riskiest first; of equal risk the smaller digest, then plan and change.
#[must_use]
pub fn riskiest_first(a: (&Risk, &EvaluatedChange), b: (&Risk, &EvaluatedChange)) -> Ordering {
    (Reverse(a.0), a.1.digest, &a.1.case).cmp(&(Reverse(b.0), b.1.digest, &b.1.case))
}
