//! One question that a typed word answers, for what has no card: freezing, thawing, discarding a review.

use crate::report::layout::{Page, StyledSpan, spans};
use crate::report::sentence::Sentence;
use crate::report::style::{Label, Style};
use crate::terminal::console::Console;
use crate::terminal::screen::StatusLine;
use crate::terminal::{Failure, screen};

/// The question.
#[derive(Clone, Debug)]
pub struct Affirmation {
    /// What is asked.
    pub heading: &'static str,
    /// What it is about, one paragraph each.
    pub about: Vec<Sentence>,
    /// What it leads to.
    pub consequence: &'static str,
    /// The word that must be typed.
    pub word: &'static str,
    /// What the word does: "to discard it".
    pub effect: &'static str,
    /// What Esc does: "to keep it".
    pub otherwise: &'static str,
}

/// Whether the person typed the word. Enter alone does not answer.
///
/// # Errors
/// If the terminal is gone, or the user interrupts.
pub fn ask(console: &mut dyn Console, colour: bool, question: &Affirmation) -> Result<bool, Failure> {
    let paint = |style: &Style| {
        let mut page = Page::new(style);
        page.heading(question.heading);
        for says in &question.about {
            page.para("  ", &spans(Label::Plain, says));
        }
        page.para("", &[StyledSpan::own(Label::Stop, question.consequence)]);
        page
    };
    let Affirmation { word, effect, otherwise, .. } = question;
    let prompt = format!("Type `{word}` {effect}, or Esc {otherwise}:");
    let mut notice = String::new();
    loop {
        let status_line = StatusLine { notice: std::mem::take(&mut notice), ..StatusLine::default() };
        let typed = screen::line(console, colour, &paint, &status_line, &prompt)?;
        match typed.as_deref().map(str::trim) {
            None => return Ok(false),
            Some(typed) if typed == *word => return Ok(true),
            Some(_) => notice = format!("you did not type `{word}`"),
        }
    }
}
