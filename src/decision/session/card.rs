//! What a session knows of one change: everything that the answers to it depend on.
//!
//! In: nothing (plain data; `cli` fills it from analysis, policy and the record). Out: what the person may do with it.

use std::collections::BTreeSet;

use crate::decision::bars::Bar;
use crate::decision::bulk_key::Likeness;
use crate::decision::case::{CaseOutcome, EvaluatedChange, StepName};
use crate::decision::risk::Risk;
use crate::input::digest::{Digest, of};
use crate::input::id::PolicyId;
use crate::input::text::Text;

/// What the record already says of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Already {
    /// It still needs somebody.
    Open,
    /// This person approved it, that still holds, and others are missing.
    ApprovedByMe,
    /// This person rejected it, and that still counts.
    RejectedByMe,
    /// It passes: every step is filled, or policy lets it pass.
    Passes,
}

/// A change as the session asks about it.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug)]
pub struct Card {
    /// The change as it is now.
    pub present: EvaluatedChange,
    /// How risky it is.
    pub risk: Risk,
    /// Whether it is privileged.
    pub privileged: bool,
    /// The name that must be typed before a privileged change is approved: the entitlement's, or the object's where
    /// there is no entitlement.
    pub name: Text,
    /// Whether the plan itself gives that name to something that it creates.
    pub named_by_plan: bool,
    /// Whether the whole card must be read although it may not be privileged: what it gives is sensitive or unclassified.
    pub must_be_read: bool,
    /// Whether it gives more privileged or unclassified access than a person can approve in one piece.
    pub too_much: bool,
    /// All steps of the site that policy permits this person on this change, needed or not.
    pub permitted: BTreeSet<StepName>,
    /// Whether policy permits this person `Override` on this change.
    pub may_override: bool,
    /// What bars this person from deciding in its favour.
    pub bars: BTreeSet<Bar>,
    /// Policies that recorded overrides set aside.
    pub set_aside: BTreeSet<PolicyId>,
    /// Decision lines of other people's rejects that block it.
    pub rejects: BTreeSet<Digest<of::Line>>,
    /// Names by which a person may look it up: who and what it concerns.
    pub names: BTreeSet<Text>,
    /// What it has in common with others that one answer may approve; none: it is asked alone.
    pub likeness: Option<Likeness>,
    /// What the record already says.
    pub already: Already,
    /// Whether the person wants to be asked again about what is decided or automatic.
    pub reopened: bool,
}

impl Card {
    /// The needed steps that this person can fill once these policies are set aside as well.
    pub(crate) fn fillable(&self, more: &BTreeSet<PolicyId>) -> BTreeSet<StepName> {
        let set_aside: BTreeSet<PolicyId> = self.set_aside.union(more).cloned().collect();
        let needed = self.present.outcome.steps(&set_aside).unwrap_or_default();
        needed.iter().filter(|step| self.permitted.contains(*step)).cloned().collect()
    }

    /// Whether policy denies it even with these policies set aside as well.
    pub(crate) fn is_denied(&self, more: &BTreeSet<PolicyId>) -> bool {
        match &self.present.outcome {
            CaseOutcome::Denied(denial) => {
                !denial.is_set_aside_by(&self.set_aside.union(more).cloned().collect::<BTreeSet<_>>())
            }
            CaseOutcome::Needs(_) | CaseOutcome::Auto => false,
        }
    }

    /// The policies that this person could still set aside; empty where that would not help.
    pub(crate) fn overridable(&self) -> BTreeSet<PolicyId> {
        match &self.present.outcome {
            CaseOutcome::Denied(denial) if denial.can_be_set_aside() && self.may_override && self.bars.is_empty() => {
                denial.overridable.difference(&self.set_aside).cloned().collect()
            }
            CaseOutcome::Denied(_) | CaseOutcome::Needs(_) | CaseOutcome::Auto => BTreeSet::new(),
        }
    }

    /// Whether the whole card must be read before it is approved.
    #[must_use]
    pub fn needs_reading(&self) -> bool {
        self.privileged || self.must_be_read
    }

    /// Whether this person's reject would count.
    pub(crate) fn can_reject(&self) -> bool {
        !self.permitted.is_empty()
    }

    /// Whether this person could help to lift the rejects that block it.
    pub(crate) fn can_lift(&self) -> bool {
        !self.rejects.is_empty() && self.may_override && self.bars.is_empty()
    }

    /// Whether this person could approve it now.
    pub(crate) fn can_approve(&self, more: &BTreeSet<PolicyId>) -> bool {
        self.bars.is_empty() && !self.too_much && !self.fillable(more).is_empty()
    }

    /// Whether the session asks about it of itself; any other change can still be visited.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.is_open() || self.reopened && self.can_reject()
    }

    /// Whether it is not decided yet, and this person could help to decide it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.already {
            Already::ApprovedByMe | Already::RejectedByMe => false,
            Already::Passes => self.can_lift(),
            Already::Open if self.present.outcome == CaseOutcome::Auto => self.can_lift(),
            Already::Open => {
                let none = BTreeSet::new();
                self.can_approve(&none) || self.can_reject() || !self.overridable().is_empty() || self.can_lift()
            }
        }
    }
}
