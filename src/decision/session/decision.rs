//! What a person decided in this session, and what the journal must know of it.
//!
//! In: answers, by way of the machine. Out: decisions whose fields nobody outside can set. INVARIANT: [`Approval`] has
//! private fields and no constructor outside this session's room; the machine makes one only while it handles the answer
//! to the question that it last gave out, or from a journal for a change that gives no access.

use std::collections::BTreeSet;

use crate::decision::case::{CaseId, StepName};
use crate::decision::session::shown::ShownCard;
use crate::input::digest::{Digest, of};
use crate::input::id::PolicyId;
use crate::input::text::Text;

/// That a person said yes to the question that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// How many changes the same answer approved; none: it was asked alone.
    grouped: Option<usize>,
    /// The number of the question that was answered.
    question: u64,
}

impl Approval {
    pub(crate) fn new(question: u64, grouped: Option<usize>) -> Self {
        Self { grouped, question }
    }

    /// How many changes the same answer approved, this one included; `None`: it was asked alone.
    #[must_use]
    pub fn grouped(&self) -> Option<usize> {
        self.grouped
    }
}

/// What a decision says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionVerdict {
    /// Do it.
    Approve(Approval),
    /// Do not.
    Reject,
    /// Break the glass.
    Override {
        /// The policies set aside.
        policies: BTreeSet<PolicyId>,
        /// The decision lines of the rejects to be lifted.
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

    /// The whole-plan pieces that the person saw beside it.
    #[must_use]
    pub fn emergent(&self) -> &BTreeSet<Digest<of::Piece>> {
        &self.emergent
    }

    /// What was said.
    #[must_use]
    pub fn verdict(&self) -> &SessionVerdict {
        &self.verdict
    }

    /// The steps that the person was permitted: for an approval those needed, in the site's order; for a reject all;
    /// for an override none.
    #[must_use]
    pub fn steps(&self) -> &[StepName] {
        &self.steps
    }

    /// Why; always there for a reject and an override.
    #[must_use]
    pub fn reason(&self) -> Option<&Text> {
        self.reason.as_ref()
    }

    /// How much of the card was on the screen.
    #[must_use]
    pub fn shown(&self) -> ShownCard {
        self.shown
    }

    /// The name of the change, where it is privileged: for the seal.
    #[must_use]
    pub fn privileged(&self) -> Option<&Text> {
        self.privileged.as_ref()
    }
}

/// What the driver must persist before it shows the next question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionEvent {
    /// A decision was taken. In this session it replaces the same person's earlier approval or reject of the change; a
    /// reject replaces overrides too, an override replaces a reject. [`crate::decision::session::SessionMachine::decisions`] is what stands.
    Decided(SessionDecision),
    /// What was decided on the change in this session no longer stands, and nothing takes its place.
    Withdrawn(CaseId),
}
