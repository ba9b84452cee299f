//! The decisions of a person in this session, and the events for the journal.
//!
//! The fields of decisions cannot be set from outside. INVARIANT: [`Approval`] has private fields and no constructor
//! outside this module. The machine creates one only while it handles the answer to the question it last returned, or
//! from a journal for a change that gives no access.

use std::collections::BTreeSet;

use crate::decision::case::{CaseId, StepName};
use crate::decision::session::shown::ShownCard;
use crate::input::digest::{Digest, of};
use crate::input::id::PolicyId;
use crate::input::text::Text;

/// Proof that a person approved the question that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// How many changes the same answer approved; `None`: approved individually.
    grouped: Option<usize>,
    /// The number of the question that was answered.
    question: u64,
}

impl Approval {
    pub(crate) fn new(question: u64, grouped: Option<usize>) -> Self {
        Self { grouped, question }
    }

    /// How many changes the same answer approved, including this one; `None`: approved individually.
    #[must_use]
    pub fn grouped(&self) -> Option<usize> {
        self.grouped
    }
}

/// The verdict of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionVerdict {
    /// Approval.
    Approve(Approval),
    /// Rejection.
    Reject,
    /// An override (break glass).
    Override {
        /// The policies overridden.
        policies: BTreeSet<PolicyId>,
        /// The decision lines of the rejections to be lifted.
        lifts: BTreeSet<Digest<of::Line>>,
    },
}

/// A decision of this session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDecision {
    pub(crate) case: CaseId,
    pub(crate) digest: Digest<of::Change>,
    pub(crate) emergent: BTreeSet<Digest<of::Piece>>,
    pub(crate) verdict: SessionVerdict,
    pub(crate) steps: Vec<StepName>,
    pub(crate) reason: Option<Text>,
    pub(crate) privileged: Option<Text>,
    pub(crate) shown: ShownCard,
}

impl SessionDecision {
    /// The change.
    #[must_use]
    pub fn case(&self) -> &CaseId {
        &self.case
    }

    /// The digest that the person saw.
    #[must_use]
    pub fn digest(&self) -> Digest<of::Change> {
        self.digest
    }

    /// The emergent pieces that the person saw with it.
    #[must_use]
    pub fn emergent(&self) -> &BTreeSet<Digest<of::Piece>> {
        &self.emergent
    }

    /// The verdict.
    #[must_use]
    pub fn verdict(&self) -> &SessionVerdict {
        &self.verdict
    }

    /// The steps that the person was permitted: for an approval the needed ones, in the site's order; for a rejection
    /// all; for an override none.
    #[must_use]
    pub fn steps(&self) -> &[StepName] {
        &self.steps
    }

    /// The reason; always present for a rejection and an override.
    #[must_use]
    pub fn reason(&self) -> Option<&Text> {
        self.reason.as_ref()
    }

    /// How much of the card was on the screen.
    #[must_use]
    pub fn shown(&self) -> ShownCard {
        self.shown
    }

    /// The name of the change if it is privileged, for the seal.
    #[must_use]
    pub fn privileged(&self) -> Option<&Text> {
        self.privileged.as_ref()
    }
}

/// An event that must be persisted before the next question is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// A decision was made. In this session it replaces the same person's earlier approval or rejection of the change.
    /// A rejection also replaces overrides, and an override replaces a rejection. The current decisions are in
    /// [`crate::decision::session::SessionMachine::decisions`].
    Decided(SessionDecision),
    /// The decision of this session on the change was withdrawn without a replacement.
    Withdrawn(CaseId),
}
