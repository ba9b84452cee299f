//! The words that a person types, and how they are compared.
//!
//! Checks whether the input is the required word, or a reason that can be recorded. An empty line never matches.

use crate::decision::session::answer::Complaint;
use crate::decision::session::card::Card;
use crate::input::text::{Text, is_hidden};

/// The word that approves an ordinary change.
const YES: &str = "yes";
/// The word before the seal.
pub(crate) const SEAL: &str = "seal";
/// The name in the seal for a privileged change without a name.
const NAMELESS: &str = "privileged";
/// The prefix of the word that replaces an unsuitable name; four digits of the change digest follow.
const APPROVE: &str = "approve-";
/// The minimum length of a name that can be a confirmation word, in characters.
const SHORTEST_NAME: usize = 4;
/// Words that prompts, keys and verdicts use. A name that equals one of them cannot be a confirmation word.
pub const RESERVED: &[&str] = &[
    "yes",
    "no",
    "ok",
    "okay",
    "seal",
    "sign",
    "sealed",
    "approve",
    "approved",
    "approval",
    "reject",
    "rejected",
    "reject rest",
    "override",
    "overridden",
    "lift",
    "skip",
    "withdraw",
    "back",
    "details",
    "find",
    "finish",
    "quit",
    "exit",
    "list",
    "help",
    "keys",
    "all",
    "none",
    "enter",
    "space",
    "together",
    "privileged",
    "denied",
    "automatic",
    "auto",
    "open",
    "undecided",
    "continue",
    "cancel",
    "confirm",
    "accept",
    "true",
    "false",
];
/// The maximum length of a reason, in characters.
const LONGEST_REASON: usize = 2_000;

/// The word for an ordinary change.
pub(crate) fn ordinary() -> Text {
    Text::from(YES)
}

/// The name of a change, as the seal lists it.
pub(crate) fn name_of(card: &Card) -> Text {
    if card.name.raw().trim().is_empty() { Text::from(NAMELESS) } else { card.name.clone() }
}

/// The word that approves a change.
pub(crate) fn approving(card: &Card) -> Text {
    if card.privileged { confirming(card) } else { ordinary() }
}

/// The word that confirms a privileged change: its name, unless the plan could have chosen the name so that it is typed
/// without being read.
pub(crate) fn confirming(card: &Card) -> Text {
    let name = card.name.raw().trim();
    let is_weak = card.named_by_plan
        || name.chars().count() < SHORTEST_NAME
        || RESERVED.iter().any(|word| name.eq_ignore_ascii_case(word))
        || name.to_lowercase().starts_with(APPROVE);
    if is_weak {
        let digest = card.present.digest.to_string();
        return Text::from(format!("{APPROVE}{}", digest.get(..4).unwrap_or_default()));
    }
    card.name.clone()
}

/// Compares the input with the word: exactly, except for surrounding white space. A name with characters that cannot be
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

/// Validates a reason.
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
