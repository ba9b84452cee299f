//! Answers to a session's question, and the complaints about invalid ones.
//!
//! An [`Answer`] is made from a key or a text and is valid for one question only. A single key or an empty line never
//! approves.

use std::collections::BTreeSet;

use crate::decision::bars::Bar;
use crate::decision::case::CaseId;
use crate::decision::session::shown::ShownCard;
use crate::input::text::Text;

/// The action of the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Approve: a confirmation word is required next.
    Approve,
    /// Approve this change and similar ones with one word.
    Together,
    /// Reject: a reason is required next.
    Reject,
    /// Reject this and every undecided change: a reason is required next.
    RejectRest,
    /// Override the denial: reason and name are required next.
    Override,
    /// Help to lift the rejections that block the change: reason and name are required next.
    Lift,
    /// Leave the change undecided and continue.
    Skip,
    /// Withdraw the decision of this session on the change.
    Withdraw,
    /// Go back one step: from a word or a reason to the change, or from a change to the previous one.
    Back,
    /// Show more of the change.
    Details,
    /// Go to a change.
    Visit(CaseId),
    /// Show only changes that match these words; if empty, all changes again.
    Find(String),
    /// Go to the end and leave the rest undecided.
    Finish,
    /// Quit; the decisions stay in the journal.
    Quit,
    /// A line of text, without its line feed; empty if only Enter was pressed.
    Typed(String),
}

/// A reply to one question, made by [`crate::decision::session::Question::answer`].
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) question: u64,
    pub(crate) reply: Reply,
    /// How much of the card was on the screen.
    pub(crate) shown: ShownCard,
}

/// Why an answer is invalid. The question stays the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// It answers a question other than the current one.
    OtherQuestion,
    /// Enter alone is not an answer here.
    EnterAlone,
    /// The question does not offer this.
    NotOffered,
    /// The word is not the required one.
    WrongWord(Text),
    /// A reason is required.
    ReasonNeeded,
    /// The reason is longer than this many characters.
    TooLong(usize),
    /// The reason contains an invisible character.
    HiddenCharacter,
    /// The change cannot be approved, because policy denies it.
    Denied,
    /// The whole card must be shown first.
    NotRead,
    /// The change gives more access than can be approved in one piece.
    TooMuch,
    /// The change needs no approval.
    NothingToApprove,
    /// Policy permits this person no step that the change needs.
    NotPermitted,
    /// This person cannot approve or override the change.
    Barred(BTreeSet<Bar>),
    /// There is no previous change.
    AtStart,
    /// There is no such change in this session.
    NoSuchChange,
    /// No undecided change matches the words.
    NothingFound(Text),
    /// Nothing was decided.
    NothingToSeal,
    /// The word typed before the seal is not this one.
    NotSealed(Text),
    /// The session is over.
    Over,
}

impl Complaint {
    /// The problem: lower case, no full stop.
    #[must_use]
    pub fn message(&self) -> Text {
        Text::from(match self {
            Self::OtherQuestion => "this answer is for an earlier question",
            Self::EnterAlone => "Enter alone does not decide",
            Self::NotOffered => "this key has no effect here",
            Self::WrongWord(word) => return Text::from(format!("this is not `{}`; nothing was decided", word.raw())),
            Self::ReasonNeeded => "a reason is needed",
            Self::TooLong(most) => {
                return Text::from(format!("the reason is longer than {most} characters"));
            }
            Self::HiddenCharacter => "the reason contains an invisible character",
            Self::Denied => "policy denies this change, so it cannot be approved",
            Self::NotRead => "the card was not scrolled to its end",
            Self::TooMuch => {
                "this change gives more privileged or unclassified access than one person can approve in one piece"
            }
            Self::NothingToApprove => "this change needs no approval",
            Self::NotPermitted => "you may not give an approval that this change needs",
            Self::Barred(_) => "you may not decide in favour of this change",
            Self::AtStart => "there is no change before this one",
            Self::NoSuchChange => "this session has no such change",
            Self::NothingFound(words) => {
                return Text::from(format!("no open change matches `{}`", words.raw()));
            }
            Self::NotSealed(word) => return Text::from(format!("this is not `{}`; nothing was sealed", word.raw())),
            Self::NothingToSeal => "nothing was decided, so there is nothing to seal",
            Self::Over => "the session is over",
        })
    }

    /// What to do instead.
    #[must_use]
    pub fn help(&self) -> Text {
        Text::from(match self {
            Self::OtherQuestion => "answer the question shown now",
            Self::EnterAlone | Self::NotOffered => "press one of the keys shown",
            Self::WrongWord(_) | Self::NotSealed(_) => "type it exactly as shown, or go back",
            Self::ReasonNeeded => "give a short reason; the assistant and the auditor will read it",
            Self::TooLong(_) => "shorten it, and link to the rest",
            Self::HiddenCharacter => "type it again without pasting",
            Self::Denied => "reject it or skip it; the card shows which policy denies it and how to fix the change",
            Self::NotRead => "read on (space) to the end, then answer",
            Self::TooMuch => "reject it with a reason; the assistant can narrow it, or split it into several changes",
            Self::NothingToApprove => "reject it if it must not happen, or continue",
            Self::NotPermitted => "skip it; the card shows who can approve it",
            Self::Barred(_) => "leave it to someone who neither proposed it nor benefits from it",
            Self::AtStart => "go on, or quit",
            Self::NoSuchChange => "name a change that the list shows",
            Self::NothingFound(_) => "type a part of an identity, role or place, or `privileged`",
            Self::NothingToSeal => "go back to decide, or quit",
            Self::Over => "start another session",
        })
    }
}
