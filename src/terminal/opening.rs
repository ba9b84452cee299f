//! What is shown before the first question: what to know that no card says, the queue of plans, and what was decided before
//! an interruption.
//!
//! In: plain data, filled by `cli`. Out: whether the person goes on. Nothing is decided here.

use crate::input::finding::Severity;
use crate::input::text::Text;
use crate::report::layout::{Page, Span, spans};
use crate::report::model::Reported;
use crate::report::render::{findings, table};
use crate::report::sentence::{Sentence, counted, number};
use crate::report::style::{Label, Style};
use crate::terminal::console::Console;
use crate::terminal::screen::{Beside, Choice};
use crate::terminal::{Failure, screen};

/// How many notes the page shows.
const MOST: usize = 20;

/// A plan of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its id.
    pub plan: Text,
    /// The agent that wrote it.
    pub proposer: Text,
    /// Its changes.
    pub changes: u64,
    /// Those that the person is asked about.
    pub ask: u64,
    /// Privileged ones among those.
    pub privileged: u64,
    /// Those that pass without a person.
    pub automatic: u64,
    /// Those that are decided, and unchanged since.
    pub decided: u64,
}

/// A decision that an interrupted review had recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The plan.
    pub plan: Text,
    /// The change.
    pub change: Text,
    /// What the change does.
    pub what: Sentence,
    /// What was said.
    pub said: &'static str,
    /// Why.
    pub reason: Option<Text>,
    /// Whether it must be said again.
    pub again: bool,
}

/// What there is to be shown before the first question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// The plans, in the order in which they are asked.
    pub queue: Vec<Queued>,
    /// Plans that are not asked about, and why.
    pub passed: Vec<(Text, Sentence)>,
    /// What was decided before an interruption.
    pub before: Vec<Remembered>,
    /// What a person should know beforehand, beside what the cards say.
    pub notes: Vec<Reported>,
}

impl Opening {
    /// Whether something in it is worth a page: several plans, a review that was left, or a note that is more than a note.
    #[must_use]
    pub fn says_anything(&self) -> bool {
        let plans = self.queue.len().saturating_add(self.passed.len());
        plans > 1 || !self.before.is_empty() || self.notes.iter().any(|it| it.finding.severity != Severity::Note)
    }
}

/// What the person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Goes on to the first question.
    GoOn,
    /// Leaves; nothing is changed.
    Leave,
}

/// Shows what there is to do.
///
/// # Errors
/// If the terminal is gone, or the person interrupts.
pub fn ask(console: &mut dyn Console, colour: bool, opening: &Opening) -> Result<Begin, Failure> {
    let key = |key, word, help, value| Choice { key, word, help, value, after_all: false };
    let choices = [
        key('g', "go on", "goes to the first question", Begin::GoOn),
        key('q', "quit", "leaves, with everything as it is", Begin::Leave),
    ];
    screen::choose(console, colour, &|style| page(opening, style), &Beside::default(), &choices).map(|(begin, _)| begin)
}

/// Asks whether a review that was left is to be dropped, with everything decided in it.
///
/// # Errors
/// If the terminal is gone, or the person interrupts.
pub fn give_up(console: &mut dyn Console, colour: bool, what: &Text) -> Result<bool, Failure> {
    let paint = |style: &Style| {
        let mut page = Page::new(style);
        page.heading("Drop what was left?");
        for line in what.raw().lines() {
            page.para("  ", &[Span::outside(Label::Plain, &Text::from(line))]);
        }
        page.para("", &[Span::own(Label::Stop, "What was decided in it is gone then; nothing of it is in the log.")]);
        page
    };
    let mut notice = String::new();
    loop {
        let beside = Beside { notice: std::mem::take(&mut notice), ..Beside::default() };
        let typed = screen::line(console, colour, &paint, &beside, "Type `drop` to drop it, or Esc to keep it:")?;
        match typed.as_deref().map(str::trim) {
            None => return Ok(false),
            Some("drop") => return Ok(true),
            Some(_) => "this is not `drop`; nothing was dropped".clone_into(&mut notice),
        }
    }
}

fn page(opening: &Opening, style: &Style) -> Page {
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
        page.para("", &[Span::own(Label::Quiet, more)]);
    }
}

fn before(page: &mut Page, style: &Style, all: &[Remembered]) {
    page.heading("You left this review; what you had decided");
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|it| {
            let why = it.reason.as_ref().map(|why| format!(": {}", why.terminal())).unwrap_or_default();
            vec![
                it.plan.terminal(),
                it.change.terminal(),
                it.what.terminal(),
                format!("{}{why}", it.said),
                if it.again { "is asked again" } else { "stands" }.to_owned(),
            ]
        })
        .collect();
    table::put(page, style, &["plan", "change", "what it does", "you said", "now"], &rows);
    page.para(
        "",
        &[Span::own(Label::Plain, "What gives access is asked again; what you do not say again is not sealed.")],
    );
}

fn queue(page: &mut Page, style: &Style, opening: &Opening) {
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
    page.para("", &[Span::own(Label::Plain, line)]);
    for (file, why) in &opening.passed {
        let mut line = spans(Label::Warn, &Sentence::new().name(file).own(": "));
        line.extend(spans(Label::Plain, why));
        page.para("  not asked about: ", &line);
    }
}
