//! Asks about one access after the other whether it is still needed: keep, revoke, or change.
//!
//! Each access is a page of its own. It is kept or changed only after its page was on the screen to the end, and a privileged
//! one is kept only by typing a word. Nothing is answered by Enter alone, and what is skipped stays open.

use crate::report::layout::{Page, StyledSpan, spans};
use crate::report::sentence::Sentence;
use crate::report::style::{Label, Style};
use crate::terminal::console::Console;
use crate::terminal::screen::{KeyBinding, StatusLine};
use crate::terminal::{Failure, screen};

/// An access to ask about.
#[derive(Clone, Debug)]
pub struct RecertifyCard {
    /// Whose it is to answer: shown above.
    pub owner: Sentence,
    /// The access.
    pub access: Sentence,
    /// What is known about it, one paragraph each.
    pub facts: Vec<Sentence>,
    /// What it gives, one line each.
    pub gives: Vec<Sentence>,
    /// The word that must be typed to keep it; `None`: the key is enough.
    pub word: Option<String>,
}

/// The answer about an access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardAnswer {
    /// It is still needed.
    Keep,
    /// It shall be revoked.
    Revoke,
    /// It shall be changed, as the text says.
    Change(String),
}

#[derive(Clone, Copy)]
enum RecertifyKey {
    Keep,
    Revoke,
    Change,
    Skip,
    Back,
    Finish,
    Quit,
}

/// Asks about each access. Gives the answers in the same order, with nothing for what was skipped; `None`: the person quit.
///
/// # Errors
/// If the terminal is gone, or the user interrupts.
pub fn ask(
    console: &mut dyn Console,
    colour: bool,
    cards: &[RecertifyCard],
) -> Result<Option<Vec<Option<CardAnswer>>>, Failure> {
    let mut answers: Vec<Option<CardAnswer>> = vec![None; cards.len()];
    let (mut at, mut notice) = (0_usize, String::new());
    while let Some(card) = cards.get(at) {
        let paint = |style: &Style| page(style, card, answers.get(at).and_then(Option::as_ref));
        let progress = format!("{} of {}", at.saturating_add(1), cards.len());
        let status_line = StatusLine { progress, notice: std::mem::take(&mut notice), read: false };
        let (press, _) = screen::choose(console, colour, &paint, &status_line, &keys())?;
        let answer = match press {
            RecertifyKey::Keep => match keep(console, colour, &paint, card)? {
                Ok(answer) => answer,
                Err(complaint) => {
                    notice = complaint;
                    continue;
                }
            },
            RecertifyKey::Revoke => CardAnswer::Revoke,
            RecertifyKey::Change => {
                let prompt = "What shall change?";
                let typed = screen::line(console, colour, &paint, &StatusLine::default(), prompt)?;
                let Some(typed) = typed.map(|typed| typed.trim().to_owned()).filter(|typed| !typed.is_empty()) else {
                    "nothing was answered: say what shall change".clone_into(&mut notice);
                    continue;
                };
                CardAnswer::Change(typed)
            }
            RecertifyKey::Skip => {
                if let Some(slot) = answers.get_mut(at) {
                    *slot = None;
                }
                at = at.saturating_add(1);
                continue;
            }
            RecertifyKey::Back => {
                at = at.saturating_sub(1);
                continue;
            }
            RecertifyKey::Finish => break,
            RecertifyKey::Quit => return Ok(None),
        };
        if let Some(slot) = answers.get_mut(at) {
            *slot = Some(answer);
        }
        at = at.saturating_add(1);
    }
    Ok(Some(answers))
}

fn keep(
    console: &mut dyn Console,
    colour: bool,
    paint: &screen::Paint<'_>,
    card: &RecertifyCard,
) -> Result<Result<CardAnswer, String>, Failure> {
    let Some(word) = &card.word else { return Ok(Ok(CardAnswer::Keep)) };
    let prompt = format!("Type `{word}` to keep it, or Esc to go back:");
    let typed = screen::line(console, colour, paint, &StatusLine::default(), &prompt)?;
    Ok(match typed {
        Some(typed) if typed.trim() == word => Ok(CardAnswer::Keep),
        Some(_) => Err(format!("you did not type `{word}`, so nothing was answered")),
        None => Err("nothing was answered".to_owned()),
    })
}

fn keys() -> [KeyBinding<RecertifyKey>; 7] {
    let key = |key, word, help, value| KeyBinding { key, word, help, value, after_all: false };
    let after_all = |it: KeyBinding<RecertifyKey>| KeyBinding { after_all: true, ..it };
    [
        after_all(key('k', "keep", "it is still needed, until the time that is shown", RecertifyKey::Keep)),
        key('r', "revoke", "it is no longer needed; a plan that revokes it is written", RecertifyKey::Revoke),
        after_all(key('c', "change", "other access is needed; asks what shall change", RecertifyKey::Change)),
        key('s', "skip", "leave it open and continue", RecertifyKey::Skip),
        key('b', "back", "go to the previous access", RecertifyKey::Back),
        key('f', "finish", "go to the end and leave the rest open", RecertifyKey::Finish),
        key('q', "quit", "quit; nothing is recorded", RecertifyKey::Quit),
    ]
}

fn page(style: &Style, card: &RecertifyCard, answer: Option<&CardAnswer>) -> Page {
    let mut page = Page::new(style);
    page.para("", &spans(Label::Quiet, &card.owner));
    page.para("", &spans(Label::Heading, &card.access));
    for fact in &card.facts {
        page.para("  ", &spans(Label::Plain, fact));
    }
    page.heading("It gives");
    for line in &card.gives {
        page.para("  ", &spans(Label::Plain, line));
    }
    if let Some(answer) = answer {
        let word = match answer {
            CardAnswer::Keep => "keep",
            CardAnswer::Revoke => "revoke",
            CardAnswer::Change(_) => "change",
        };
        page.para("", &[StyledSpan::own(Label::Note, format!("your answer so far: {word}"))]);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::script::Script;

    fn card(name: &str, word: Option<&str>) -> RecertifyCard {
        RecertifyCard {
            owner: Sentence::of("owner: ada"),
            access: Sentence::of(format!("{name} has role reader")),
            facts: vec![Sentence::of("kept until 2027")],
            gives: (0..20).map(|n| Sentence::of(format!("permission {n}"))).collect(),
            word: word.map(str::to_owned),
        }
    }

    fn answers(keys: &str, cards: &[RecertifyCard]) -> (Option<Vec<Option<CardAnswer>>>, Script) {
        let mut console = Script::new((80, 12), keys);
        let said = ask(&mut console, false, cards).unwrap_or_else(|failure| panic!("{failure}: {}", console.last()));
        (said, console)
    }

    #[test]
    fn what_was_not_shown_to_its_end_is_not_kept() {
        let cards = [card("a", None)];
        let (said, console) = answers("kf", &cards);
        assert_eq!(said, Some(vec![None]));
        assert!(console.screens.iter().any(|it| it.contains("scroll to the end first")), "{}", console.last());
        let (said, _) = answers("     k", &cards);
        assert_eq!(said, Some(vec![Some(CardAnswer::Keep)]));
    }

    #[test]
    fn privileged_access_is_kept_by_its_name_only_and_enter_answers_nothing() {
        let cards = [card("a", Some("ledger-admin"))];
        let (said, console) = answers("\r     k\r     kyes\r     kledger-admin\r", &cards);
        assert_eq!(said, Some(vec![Some(CardAnswer::Keep)]));
        assert!(console.screens.iter().any(|it| it.contains("you did not type `ledger-admin`")));
    }

    #[test]
    fn a_change_says_what_and_a_person_can_go_back_skip_and_quit() {
        let cards = [card("a", None), card("b", None)];
        let (said, _) = answers("     c \r     cread only\rs", &cards);
        assert_eq!(said, Some(vec![Some(CardAnswer::Change("read only".to_owned())), None]));
        let (said, _) = answers("rb     kr", &cards);
        assert_eq!(said, Some(vec![Some(CardAnswer::Keep), Some(CardAnswer::Revoke)]));
        assert_eq!(answers("rq", &cards).0, None);
    }
}
