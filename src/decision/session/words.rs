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
/// What is listed in the seal where a privileged change has no name.
const NAMELESS: &str = "privileged";
/// What the word begins with that a name gives way to; four digits of the change digest follow.
const APPROVE: &str = "approve-";
/// The fewest characters of a name that confirms anything.
const SHORTEST_NAME: usize = 4;
/// Words that prompts, keys and verdicts use: a name that equals one of them confirms nothing.
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
/// The longest reason, in characters.
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

/// The word that confirms what is privileged: its name, unless the plan could have chosen that so that it is typed without being
/// read.
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
