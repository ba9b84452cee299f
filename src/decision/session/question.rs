//! What a session asks, and how it ends.
//!
//! In: nothing (plain data; the machine fills it). Out: what the driver shows. A [`Question`] is the only thing that makes
//! an [`Answer`], and the answer fits that question alone.

use std::collections::BTreeSet;

use crate::decision::case::CaseId;
use crate::decision::recheck::RecheckFault;
use crate::decision::session::answer::{Answer, Reply};
use crate::decision::session::decision::SessionDecision;
use crate::decision::session::journalled::JournalledVerdict;
use crate::decision::session::shown::ShownCard;
use crate::input::id::PolicyId;
use crate::input::text::Text;

/// What a word or a reason is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// To approve one change.
    Approve,
    /// To approve several changes that are alike.
    Together,
    /// To reject one change.
    Reject,
    /// To reject everything not yet decided.
    RejectRest,
    /// To set a denial aside.
    Override,
    /// To help lift rejects.
    Lift,
}

/// What can be done with a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// [`Reply::Approve`]: asks for this word.
    Approve(Text),
    /// [`Reply::Together`]: with these changes, itself included.
    Together(Vec<CaseId>),
    /// [`Reply::Reject`].
    Reject,
    /// [`Reply::RejectRest`]: these changes, itself included.
    RejectRest(Vec<CaseId>),
    /// [`Reply::Override`]: sets these policies aside.
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

/// What the question is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What to do with a change: its card is shown.
    Decide {
        /// The change.
        case: CaseId,
        /// What can be done.
        choices: Vec<Choice>,
        /// What was decided on it in this session.
        decided: Vec<SessionDecision>,
        /// What an interrupted session had recorded, which must be said again.
        before: Vec<JournalledVerdict>,
        /// How often details were asked for: which page of them to show.
        details: u32,
        /// Whether the person has read the card to its end before.
        read: bool,
    },
    /// A word must be typed. For several changes their table is shown first.
    Word {
        /// What for.
        purpose: Purpose,
        /// The changes concerned.
        cases: Vec<CaseId>,
        /// The word.
        word: Text,
    },
    /// A reason must be typed.
    Reason {
        /// What for.
        purpose: Purpose,
        /// The changes concerned.
        cases: Vec<CaseId>,
    },
    /// Asks the driver, not the person: analyse this set as a plan of its own, and call `reanalysed`.
    Reanalyse(BTreeSet<CaseId>),
    /// The summary is shown, and a word seals.
    Seal {
        /// What will be sealed.
        summary: Summary,
        /// The word.
        word: Text,
    },
    /// The session is over.
    Over(End),
}

/// Something to be said beside the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// What was approved cannot stand on its own.
    SetFails(BTreeSet<RecheckFault>),
    /// Every change that met the words was shown; from here on all others are.
    AllFound(Text),
}

/// What a session comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Changes approved.
    pub approved: Vec<CaseId>,
    /// The names of what is privileged among what is approved or overridden, each once.
    pub privileged: Vec<Text>,
    /// Changes rejected.
    pub rejected: Vec<CaseId>,
    /// What sets a denial aside or helps to lift a reject.
    pub overridden: Vec<SessionDecision>,
    /// Changes that were asked about and left without any decision.
    pub undecided: Vec<CaseId>,
    /// Changes that pass without a person.
    pub automatic: Vec<CaseId>,
    /// How many other changes were not asked about: decided before, or nothing this person can do.
    pub not_asked: usize,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// These decisions are to be sealed.
    Seal(Vec<SessionDecision>),
    /// The person left; these stay in the journal.
    Left(Vec<SessionDecision>),
    /// There was nothing to ask.
    Nothing,
}

/// A question, to be shown before it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub(crate) number: u64,
    pub(crate) ask: Ask,
    pub(crate) note: Option<Note>,
    pub(crate) progress: (usize, usize),
    pub(crate) narrow: Option<Text>,
}

impl Question {
    /// What is asked.
    #[must_use]
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    /// What must be said beside it.
    #[must_use]
    pub fn note(&self) -> Option<&Note> {
        self.note.as_ref()
    }

    /// Which of how many changes, from 1; 0 of them outside the changes asked about.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        self.progress
    }

    /// The words that the changes shown must meet; none: every change is shown.
    #[must_use]
    pub fn narrow(&self) -> Option<&Text> {
        self.narrow.as_ref()
    }

    /// The person's answer to this question, given after so much of the card was on the screen.
    #[must_use]
    pub fn answer(&self, reply: Reply, shown: ShownCard) -> Answer {
        Answer { question: self.number, reply, shown }
    }
}
