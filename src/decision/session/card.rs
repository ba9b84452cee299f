//! The session's data about one change: everything that its answers depend on.
//!
//! Plain data, filled by `app` from analysis, policy and the record, with the permissions of the person derived from
//! it.

use std::collections::BTreeSet;

use crate::decision::bars::Bar;
use crate::decision::bulk_key::Likeness;
use crate::decision::case::{CaseOutcome, EvaluatedChange, StepName};
use crate::decision::risk::Risk;
use crate::input::digest::{Digest, of};
use crate::input::id::PolicyId;
use crate::input::text::Text;

/// The recorded state of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Already {
    /// It still needs a decision.
    Open,
    /// This person's approval counts, and other approvals are missing.
    ApprovedByMe,
    /// This person's rejection counts.
    RejectedByMe,
    /// It passes: every step is filled, or policy allows it without a person.
    Passes,
    /// It was exported, which used its approvals up.
    Exported,
}

/// A change as presented in the session.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug)]
pub struct Card {
    /// The current change.
    pub present: EvaluatedChange,
    /// How risky it is.
    pub risk: Risk,
    /// Whether it is privileged.
    pub privileged: bool,
    /// The name that must be typed before a privileged change is approved: that of the entitlement or, without an
    /// entitlement, of the object.
    pub name: Text,
    /// Whether the plan itself gives that name to an object it creates.
    pub named_by_plan: bool,
    /// Whether the whole card must be read even if the change is not privileged, because the access is sensitive or
    /// unclassified.
    pub must_be_read: bool,
    /// Whether it gives more privileged or unclassified access than a person can approve in one piece.
    pub too_much: bool,
    /// All steps of the site that policy permits this person on this change, needed or not.
    pub permitted: BTreeSet<StepName>,
    /// Whether policy permits this person `Override` on this change.
    pub may_override: bool,
    /// The reasons that exclude this person from approving or overriding it.
    pub bars: BTreeSet<Bar>,
    /// Policies that recorded overrides override.
    pub set_aside: BTreeSet<PolicyId>,
    /// Decision lines of other people's rejections that block it.
    pub rejects: BTreeSet<Digest<of::Line>>,
    /// Names by which a person can find it: the subjects and objects involved.
    pub names: BTreeSet<Text>,
    /// The key under which it may be approved in bulk; `None`: it must be confirmed individually.
    pub likeness: Option<Likeness>,
    /// The recorded state.
    pub already: Already,
    /// Whether the person asked to see decided or automatic changes again.
    pub reopened: bool,
}

impl Card {
    /// The needed steps that this person can fill once these policies are overridden too.
    pub(crate) fn fillable(&self, more: &BTreeSet<PolicyId>) -> BTreeSet<StepName> {
        let set_aside: BTreeSet<PolicyId> = self.set_aside.union(more).cloned().collect();
        let needed = self.present.outcome.steps(&set_aside).unwrap_or_default();
        needed.iter().filter(|step| self.permitted.contains(*step)).cloned().collect()
    }

    /// Whether policy denies it even with these policies overridden too.
    pub(crate) fn is_denied(&self, more: &BTreeSet<PolicyId>) -> bool {
        match &self.present.outcome {
            CaseOutcome::Denied(denial) => {
                !denial.is_set_aside_by(&self.set_aside.union(more).cloned().collect::<BTreeSet<_>>())
            }
            CaseOutcome::Needs(_) | CaseOutcome::Auto => false,
        }
    }

    /// The policies that this person could still override; empty if that would not help.
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

    /// Whether this person's rejection would count.
    pub(crate) fn can_reject(&self) -> bool {
        !self.permitted.is_empty()
    }

    /// Whether this person could help to lift the rejections that block it.
    pub(crate) fn can_lift(&self) -> bool {
        !self.rejects.is_empty() && self.may_override && self.bars.is_empty()
    }

    /// Whether this person could approve it now.
    pub(crate) fn can_approve(&self, more: &BTreeSet<PolicyId>) -> bool {
        self.bars.is_empty() && !self.too_much && !self.fillable(more).is_empty()
    }

    /// Whether the session asks about it unprompted. Any other change can still be visited.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.is_open() || self.reopened && self.can_reject()
    }

    /// Whether it is undecided, and this person could help to decide it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.already {
            Already::ApprovedByMe | Already::RejectedByMe => false,
            Already::Passes | Already::Exported => self.can_lift(),
            Already::Open if self.present.outcome == CaseOutcome::Auto => self.can_lift(),
            Already::Open => {
                let none = BTreeSet::new();
                self.can_approve(&none) || self.can_reject() || !self.overridable().is_empty() || self.can_lift()
            }
        }
    }
}
