//! Answers to a session's question, and what is said to one that cannot be taken.
//!
//! In: a key or a text, given to one question. Out: an [`Answer`] that fits that question and no other. A key alone and
//! an empty line never approve.

use std::collections::BTreeSet;

use crate::decision::bars::Bar;
use crate::decision::case::CaseId;
use crate::decision::session::shown::ShownCard;
use crate::input::text::Text;

/// What the person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Wants to approve: a word is asked for next.
    Approve,
    /// Wants to approve this change and those like it with one word.
    Together,
    /// Wants to reject: the reason is asked for next.
    Reject,
    /// Wants to reject this and every change not yet decided: the reason is asked for next.
    RejectRest,
    /// Wants to set the denial aside: reason and name are asked for next.
    Override,
    /// Wants to help lift the rejects that block the change: reason and name are asked for next.
    Lift,
    /// Leaves the change as it is, and goes on.
    Skip,
    /// Takes back what was decided on the change in this session.
    Withdraw,
    /// Goes back one step: from a word or a reason to the change, from a change to the one before.
    Back,
    /// Wants to see more of the change.
    Details,
    /// Goes to a change.
    Visit(CaseId),
    /// Shows only changes that meet these words, or with none again every change.
    Find(String),
    /// Goes to the end, with the rest undecided.
    Finish,
    /// Leaves; what was decided stays in the journal.
    Quit,
    /// A line of text, without its line feed; empty for Enter alone.
    Typed(String),
}

/// A reply to one question: [`crate::decision::session::Question::answer`] makes it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) question: u64,
    pub(crate) reply: Reply,
    /// How much of the card was on the screen.
    pub(crate) shown: ShownCard,
}

/// Why an answer was not taken. The same question stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// It answers another question than the one that stands.
    OtherQuestion,
    /// Enter alone says nothing here.
    EnterAlone,
    /// The question does not offer this.
    NotOffered,
    /// The word is not the one asked for.
    WrongWord(Text),
    /// A reason is needed.
    ReasonNeeded,
    /// The reason is longer than this many characters.
    TooLong(usize),
    /// The reason holds a character that cannot be seen.
    HiddenCharacter,
    /// The change cannot be approved, because policy denies it.
    Denied,
    /// The whole card must be read first.
    NotRead,
    /// The change gives more than can be approved in one piece.
    TooMuch,
    /// The change passes without a person.
    NothingToApprove,
    /// Policy permits this person no step that the change needs.
    NotPermitted,
    /// This person may not decide in favour of the change.
    Barred(BTreeSet<Bar>),
    /// There is no change before this one.
    AtStart,
    /// There is no such change in this session.
    NoSuchChange,
    /// No change still to be decided meets the words.
    NothingFound(Text),
    /// Nothing was decided.
    NothingToSeal,
    /// The word typed before the seal is not this one.
    NotSealed(Text),
    /// The session is over.
    Over,
}

impl Complaint {
    /// What is wrong: lower case, no full stop.
    #[must_use]
    pub fn message(&self) -> Text {
        Text::from(match self {
            Self::OtherQuestion => "this answers a question that no longer stands",
            Self::EnterAlone => "Enter alone decides nothing",
            Self::NotOffered => "this is not among the answers here",
            Self::WrongWord(word) => return Text::from(format!("this is not `{}`; nothing was decided", word.raw())),
            Self::ReasonNeeded => "a reason is needed",
            Self::TooLong(most) => {
                return Text::from(format!("the reason is longer than {most} characters"));
            }
            Self::HiddenCharacter => "the reason holds a character that cannot be seen",
            Self::Denied => "policy denies this change, so nobody can approve it",
            Self::NotRead => "the card was not read to its end",
            Self::TooMuch => {
                "this change gives more privileged or unclassified access than one person can approve in one piece"
            }
            Self::NothingToApprove => "this change passes without a person's approval",
            Self::NotPermitted => "policy permits you no step that this change needs",
            Self::Barred(_) => "you may not decide in favour of this change",
            Self::AtStart => "there is no change before this one",
            Self::NoSuchChange => "this session holds no such change",
            Self::NothingFound(words) => {
                return Text::from(format!("no change still to be decided meets `{}`", words.raw()));
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
            Self::ReasonNeeded => "say in a few words why; the assistant and the auditor will read it",
            Self::TooLong(_) => "shorten it, and link to the rest",
            Self::HiddenCharacter => "type it again without pasting",
            Self::Denied => "reject it, or skip it; the card says which policy denies and how to fix the change",
            Self::NotRead => "read on (space) to the end, then answer",
            Self::TooMuch => "reject it with a reason; the assistant can narrow it, or split it into several changes",
            Self::NothingToApprove => "reject it if it must not happen, or go on",
            Self::NotPermitted => "skip it; the card says who can decide",
            Self::Barred(_) => "leave it to somebody who neither proposed it nor gains by it",
            Self::AtStart => "go on, or quit",
            Self::NoSuchChange => "name a change that the list shows",
            Self::NothingFound(_) => "type a part of an identity, role or place, or `privileged`",
            Self::NothingToSeal => "go back to decide, or quit",
            Self::Over => "start another session",
        })
    }
}
