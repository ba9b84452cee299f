//! The questions of a session, and how it ends.
//!
//! Plain data for the driver to show, filled by the machine. Only a [`Question`] can make an [`Answer`], and the answer
//! is valid for that question only.

use std::collections::BTreeSet;

use crate::decision::case::CaseId;
use crate::decision::recheck::RecheckFault;
use crate::decision::session::answer::{Answer, Reply};
use crate::decision::session::decision::SessionDecision;
use crate::decision::session::journalled::JournalledVerdict;
use crate::decision::session::shown::ShownCard;
use crate::input::id::PolicyId;
use crate::input::text::Text;

/// The purpose of a word or a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// To approve one change.
    Approve,
    /// To approve several similar changes.
    Together,
    /// To reject one change.
    Reject,
    /// To reject all undecided changes.
    RejectRest,
    /// To override a denial.
    Override,
    /// To help to lift rejections.
    Lift,
}

/// A possible action on a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// [`Reply::Approve`]: requires this word.
    Approve(Text),
    /// [`Reply::Together`]: with these changes, including the current one.
    Together(Vec<CaseId>),
    /// [`Reply::Reject`].
    Reject,
    /// [`Reply::RejectRest`]: these changes, including the current one.
    RejectRest(Vec<CaseId>),
    /// [`Reply::Override`]: overrides these policies.
    Override(BTreeSet<PolicyId>),
    /// [`Reply::Lift`].
    Lift,
    /// [`Reply::Skip`].
    Skip,
    /// [`Reply::Withdraw`].
    Withdraw,
    /// [`Reply::Back`].
    Back,
    /// [`Reply::Details`].
    Details,
    /// [`Reply::Find`].
    Find,
    /// [`Reply::Finish`].
    Finish,
    /// [`Reply::Quit`].
    Quit,
}

/// The kind of question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Decide a change; its card is shown.
    Decide {
        /// The change.
        case: CaseId,
        /// The possible actions.
        choices: Vec<Choice>,
        /// The decisions of this session on it.
        decided: Vec<SessionDecision>,
        /// Decisions of an interrupted session that must be confirmed again.
        before: Vec<JournalledVerdict>,
        /// How often details were requested, which selects the page of details to show.
        details: u32,
        /// Whether the person has read the card to its end before.
        read: bool,
    },
    /// A word must be typed. For several changes their table is shown first.
    Word {
        /// The purpose.
        purpose: Purpose,
        /// The changes affected.
        cases: Vec<CaseId>,
        /// The word.
        word: Text,
    },
    /// A reason must be typed.
    Reason {
        /// The purpose.
        purpose: Purpose,
        /// The changes affected.
        cases: Vec<CaseId>,
    },
    /// A request to the driver, not the person: analyse this set as a plan of its own, and call `reanalysed`.
    Reanalyse(BTreeSet<CaseId>),
    /// The summary is shown, and typing the word seals the session.
    Seal {
        /// What will be sealed.
        summary: Summary,
        /// The word.
        word: Text,
    },
    /// The session is over.
    Over(End),
}

/// A note shown with the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The approved changes are not acceptable on their own.
    SetFails(BTreeSet<RecheckFault>),
    /// All matching changes were shown; the remaining changes follow.
    AllFound(Text),
}

/// The result of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Changes approved.
    pub approved: Vec<CaseId>,
    /// The distinct names of privileged changes that are approved or overridden.
    pub privileged: Vec<Text>,
    /// Changes rejected.
    pub rejected: Vec<CaseId>,
    /// Decisions that override a denial or help to lift a rejection.
    pub overridden: Vec<SessionDecision>,
    /// Changes that were reviewed without a decision.
    pub undecided: Vec<CaseId>,
    /// Changes that need no approval.
    pub automatic: Vec<CaseId>,
    /// The number of changes that were not reviewed: decided before, or this person cannot decide them.
    pub not_asked: usize,
}

impl Summary {
    /// Whether the seal leaves any change without a decision of this session.
    #[must_use]
    pub fn leaves_something(&self) -> bool {
        !self.undecided.is_empty() || !self.automatic.is_empty() || self.not_asked > 0
    }
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// These decisions are to be sealed.
    Seal(Vec<SessionDecision>),
    /// The person quit; these decisions stay in the journal.
    Left(Vec<SessionDecision>),
    /// There was nothing to review.
    Nothing,
}

/// A question, which must be shown before it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub(crate) number: u64,
    pub(crate) ask: Ask,
    pub(crate) note: Option<Note>,
    pub(crate) progress: (usize, usize),
    pub(crate) narrow: Option<Text>,
}

impl Question {
    /// The question itself.
    #[must_use]
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    /// A note to show with it.
    #[must_use]
    pub fn note(&self) -> Option<&Note> {
        self.note.as_ref()
    }

    /// The position among the changes to review, from 1, and their number; 0 for a change outside of them.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        self.progress
    }

    /// The filter on the changes shown; `None`: all changes.
    #[must_use]
    pub fn narrow(&self) -> Option<&Text> {
        self.narrow.as_ref()
    }

    /// The person's answer to this question, with how much of the card was on the screen.
    #[must_use]
    pub fn answer(&self, reply: Reply, shown: ShownCard) -> Answer {
        Answer { question: self.number, reply, shown }
    }
}
