//! The words that a person types, and how they are compared.
//!
//! In: what was typed. Out: whether it is the word asked for, or a reason that can be recorded. An empty line is never any
//! word.

use crate::decision::session::answer::Complaint;
use crate::decision::session::card::Card;
use crate::input::text::{Text, is_hidden};

/// What is typed to approve an ordinary change.
const YES: &str = "yes";
/// What is typed before the seal.
pub(crate) const SEAL: &str = "seal";
/// What is typed where a privileged change has no name that could be typed.
const NAMELESS: &str = "privileged";
/// The longest reason, in characters.
const LONGEST_REASON: usize = 2_000;

/// The word for an ordinary change.
pub(crate) fn ordinary() -> Text {
    Text::from(YES)
}

/// The name of a change, as it must be typed.
pub(crate) fn name_of(card: &Card) -> Text {
    if card.name.raw().trim().is_empty() { Text::from(NAMELESS) } else { card.name.clone() }
}

/// The word that approves a change.
pub(crate) fn approving(card: &Card) -> Text {
    if card.privileged { name_of(card) } else { ordinary() }
}

/// Compares what was typed with the word: exactly, but for white space around it. A name with characters that cannot be
/// typed may be typed as the terminal shows it.
pub(crate) fn check(typed: &str, word: &Text) -> Result<(), Complaint> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(Complaint::EnterAlone);
    }
    if typed == word.raw().trim() || typed == word.terminal().trim() {
        return Ok(());
    }
    Err(Complaint::WrongWord(word.clone()))
}

/// Takes a reason.
pub(crate) fn reason(typed: &str) -> Result<Text, Complaint> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(Complaint::ReasonNeeded);
    }
    if typed.chars().any(is_hidden) {
        return Err(Complaint::HiddenCharacter);
    }
    if typed.chars().count() > LONGEST_REASON {
        return Err(Complaint::TooLong(LONGEST_REASON));
    }
    Ok(Text::from(typed))
}
