//! `log show`: a table for people.

use super::{findings, table, text, verify};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::report::layout::{Page, StyledSpan, spans};
use crate::report::model::Report;
use crate::report::record::{DecisionRow, LogReport, SessionRow};
use crate::report::sentence::{Sentence, number};
use crate::report::style::{Label, Style};

/// How many digits of a session's id are shown. Two sessions of a log are very unlikely to have the same.
const SHORT: usize = 8;

/// A log as text: the result of its verification first, then sessions, decisions, heads.
#[must_use]
pub fn render(report: &Report, log: &LogReport, style: &Style) -> String {
    let mut page = Page::new(style);
    findings::put(&mut page, style, &report.findings);
    page.gap();
    let head = Sentence::of("log ").name(&log.file).own(": ").then(log.standing.clone());
    page.para("", &spans(Label::Heading, &head));
    page.heading("Sessions");
    let rows: Vec<Vec<String>> = log.sessions.iter().map(session).collect();
    table::put(&mut page, style, &["session", "sealed", "by", "what", "signature"], &rows);
    page.heading("Decisions");
    let rows: Vec<Vec<String>> = log.decisions.iter().map(decision).collect();
    table::put(&mut page, style, &["session", "when", "who", "verdict", "change"], &rows);
    if let Some(more) = &log.more {
        page.para("", &spans(Label::Quiet, more));
    }
    page.para("", &[StyledSpan::own(Label::Quiet, "times are those that the writers claim")]);
    verify::heads(&mut page, &log.heads);
    text::close(&mut page, report);
    page.render(style)
}

fn session(row: &SessionRow) -> Vec<String> {
    let verdicts: Vec<String> = row.verdicts.iter().map(|(word, n)| format!("{} {word}", number(*n))).collect();
    let plans: Vec<String> = row.plans.iter().map(Text::terminal).collect();
    vec![
        format!("{} {}", short(&row.session), row.kind),
        row.sealed.map_or_else(|| "not sealed".to_owned(), when),
        row.writer.terminal(),
        format!("{}: {}", plans.join(", "), verdicts.join(", ")),
        row.standing.terminal(),
    ]
}

fn decision(row: &DecisionRow) -> Vec<String> {
    let steps: Vec<String> = row.steps.iter().map(Text::terminal).collect();
    let steps = if steps.is_empty() { String::new() } else { format!(" as {}", steps.join(", ")) };
    let privileged = if row.privileged { " (privileged)" } else { "" };
    vec![
        short(&row.session),
        when(row.at),
        row.who.terminal(),
        format!("{}{steps}", row.verdict),
        format!(
            "{} {}: {}{privileged}{}",
            row.plan.terminal(),
            row.change.terminal(),
            row.sentence.terminal(),
            row.reason.as_ref().map(|why| format!("; why: {}", why.terminal())).unwrap_or_default()
        ),
    ]
}

/// The part of a session's id that `log prove` accepts.
fn short(session: &Text) -> String {
    session.terminal().chars().take(SHORT).collect()
}

/// A time that a narrow column can wrap between date and hour.
fn when(at: Time) -> String {
    at.to_string().replace('T', " ")
}
