//! The page before the first question: notes that no card shows, the queue of plans, and the decisions from an
//! interrupted review. It only returns whether the user continues.

use crate::input::finding::Severity;
use crate::input::text::Text;
use crate::report::layout::{Page, StyledSpan, spans};
use crate::report::model::Reported;
use crate::report::render::{findings, table};
use crate::report::sentence::{Sentence, counted, number};
use crate::report::style::{Label, Style};
use crate::terminal::affirm::Affirmation;
use crate::terminal::console::Console;
use crate::terminal::screen::{KeyBinding, StatusLine};
use crate::terminal::{Failure, affirm, screen};

/// The maximum number of notes on the page.
const MOST: usize = 20;

/// A plan in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its id.
    pub plan: Text,
    /// The agent that wrote it.
    pub proposer: Text,
    /// The number of its changes.
    pub changes: u64,
    /// The number of changes that need a decision of this user.
    pub ask: u64,
    /// The number of privileged changes among them.
    pub privileged: u64,
    /// The number of automatic changes.
    pub automatic: u64,
    /// The number of changes that are decided and unchanged.
    pub decided: u64,
}

/// A decision recorded by an interrupted review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The plan.
    pub plan: Text,
    /// The change.
    pub change: Text,
    /// What the change does.
    pub what: Sentence,
    /// The decision.
    pub said: &'static str,
    /// The reason.
    pub reason: Option<Text>,
    /// Whether it must be confirmed again.
    pub again: bool,
}

/// The contents of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpeningPage {
    /// The plans, in the order of the questions.
    pub queue: Vec<Queued>,
    /// Plans without questions, and the reasons.
    pub passed: Vec<(Text, Sentence)>,
    /// Decisions from before an interruption.
    pub before: Vec<Remembered>,
    /// Notes in addition to the cards.
    pub notes: Vec<Reported>,
}

impl OpeningPage {
    /// Whether the page is worth showing: there are several plans, an interrupted review, or a warning or error.
    #[must_use]
    pub fn says_anything(&self) -> bool {
        let plans = self.queue.len().saturating_add(self.passed.len());
        plans > 1 || !self.before.is_empty() || self.notes.iter().any(|it| it.finding.severity != Severity::Note)
    }
}

/// The user's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Continue to the first question.
    GoOn,
    /// Quit without changes.
    Leave,
}

/// Shows the page and asks whether to continue.
///
/// # Errors
/// If the terminal is gone, or the user interrupts.
pub fn ask(console: &mut dyn Console, colour: bool, opening: &OpeningPage) -> Result<Begin, Failure> {
    let key = |key, word, help, value| KeyBinding { key, word, help, value, after_all: false };
    let choices = [
        key('g', "go on", "go to the first question", Begin::GoOn),
        key('q', "quit", "quit without changes", Begin::Leave),
    ];
    screen::choose(console, colour, &|style| page(opening, style), &StatusLine::default(), &choices)
        .map(|(begin, _)| begin)
}

/// Asks whether to discard an unfinished review with all its decisions.
///
/// # Errors
/// If the terminal is gone, or the user interrupts.
pub fn give_up(console: &mut dyn Console, colour: bool, what: &Text) -> Result<bool, Failure> {
    let about = what.raw().lines().map(|line| Sentence::new().prose(&Text::from(line))).collect();
    let question = Affirmation {
        heading: "Discard the unfinished review?",
        about,
        consequence: "This deletes all decisions in it. None of them is in the log.",
        word: "drop",
        effect: "to discard it",
        otherwise: "to keep it",
    };
    affirm::ask(console, colour, &question)
}

fn page(opening: &OpeningPage, style: &Style) -> Page {
    let mut page = Page::new(style);
    notes(&mut page, style, &opening.notes);
    if !opening.before.is_empty() {
        before(&mut page, style, &opening.before);
    }
    let plans = opening.queue.len().saturating_add(opening.passed.len());
    if plans > 1 {
        queue(&mut page, style, opening);
    }
    page
}

fn notes(page: &mut Page, style: &Style, notes: &[Reported]) {
    if notes.is_empty() {
        return;
    }
    page.heading("Before you decide");
    findings::put(page, style, notes.get(..MOST).unwrap_or(notes));
    let left = u64::try_from(notes.len().saturating_sub(MOST)).unwrap_or(u64::MAX);
    if left > 0 {
        page.gap();
        let more = format!("and {} more; `review check` lists them", counted(left, "finding", "findings"));
        page.para("", &[StyledSpan::own(Label::Quiet, more)]);
    }
}

fn before(page: &mut Page, style: &Style, all: &[Remembered]) {
    page.heading("Your decisions from the interrupted review");
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|it| {
            let why = it.reason.as_ref().map(|why| format!(": {}", why.terminal())).unwrap_or_default();
            vec![
                it.plan.terminal(),
                it.change.terminal(),
                it.what.terminal(),
                format!("{}{why}", it.said),
                if it.again { "confirm again" } else { "kept" }.to_owned(),
            ]
        })
        .collect();
    table::put(page, style, &["plan", "change", "what it does", "you decided", "now"], &rows);
    page.para(
        "",
        &[StyledSpan::own(
            Label::Plain,
            "Decisions that give access must be confirmed again. Unconfirmed ones are not sealed.",
        )],
    );
}

fn queue(page: &mut Page, style: &Style, opening: &OpeningPage) {
    page.heading("To review, riskiest first");
    let open: Vec<&Queued> = opening.queue.iter().filter(|row| row.ask > 0).collect();
    let rows: Vec<Vec<String>> = open
        .iter()
        .map(|row| {
            vec![
                row.plan.terminal(),
                number(row.ask),
                number(row.privileged),
                number(row.automatic),
                number(row.decided),
                row.proposer.terminal(),
            ]
        })
        .collect();
    table::put(page, style, &["plan", "to decide", "privileged", "automatic", "decided", "proposed by"], &rows);
    let skipped = opening.queue.len().saturating_sub(open.len()) as u64;
    let sum = |of: &dyn Fn(&Queued) -> u64| opening.queue.iter().map(of).sum::<u64>();
    let line = format!(
        "{} to decide in {}; skipped: {} with nothing for you, {} decided and unchanged, {} automatic",
        counted(sum(&|row| row.ask), "change", "changes"),
        counted(open.len() as u64, "plan", "plans"),
        counted(skipped, "plan", "plans"),
        counted(sum(&|row| row.decided), "change", "changes"),
        number(sum(&|row| row.automatic)),
    );
    page.para("", &[StyledSpan::own(Label::Plain, line)]);
    for (file, why) in &opening.passed {
        let mut line = spans(Label::Warn, &Sentence::new().name(file).own(": "));
        line.extend(spans(Label::Plain, why));
        page.para("  skipped: ", &line);
    }
}
