//! `verify` for people: four separate answers, and the heads to store.

use std::fmt::Write as _;

use super::{findings, text};
use crate::report::layout::{Page, StyledSpan, spans};
use crate::report::model::Report;
use crate::report::record::{Head, Holds, VerifyAnswer, VerifyReport};
use crate::report::sentence::{Sentence, counted};
use crate::report::style::{Label, Style};

/// A verified log as text.
#[must_use]
pub fn render(report: &Report, verify: &VerifyReport, style: &Style) -> String {
    let mut page = Page::new(style);
    findings::put(&mut page, style, &report.findings);
    page.gap();
    let what = Sentence::of("log ").name(&verify.file).own(format!(
        ": {}, {}",
        counted(verify.sessions, "session", "sessions"),
        counted(verify.lines, "line", "lines")
    ));
    page.para("", &spans(Label::Heading, &what));
    if let Some(id) = &verify.log_id {
        page.para("  log id        ", &[StyledSpan::outside(Label::Plain, id)]);
    }
    answer(&mut page, "integrity     ", &verify.integrity);
    answer(&mut page, "authenticity  ", &verify.authenticity);
    answer(&mut page, "completeness  ", &verify.completeness);
    answer(&mut page, "time          ", &verify.time);
    if let Some(replay) = &verify.replay {
        answer(&mut page, "replay        ", &replay.answer);
    }
    heads(&mut page, &verify.heads);
    text::close(&mut page, report);
    page.render(style)
}

fn answer(page: &mut Page, name: &str, answer: &VerifyAnswer) {
    let label = match answer.holds {
        Holds::Yes => Label::Pass,
        Holds::No => Label::Stop,
        Holds::Unknown => Label::Warn,
    };
    let mut line = vec![StyledSpan::own(label, format!("{:<9}", answer.holds.word()))];
    line.extend(spans(Label::Plain, &answer.says));
    page.para(&format!("  {name}"), &line);
}

/// The maximum number of heads shown. A log has one, or as many as its copies diverged.
const MOST: usize = 10;

/// The heads to show, and a note about the others.
#[must_use]
pub fn some(heads: &[Head]) -> (&[Head], Option<String>) {
    let shown = heads.get(..MOST).unwrap_or(heads);
    let left = heads.len().saturating_sub(shown.len()) as u64;
    (
        shown,
        (left > 0).then(|| format!("and {} more; `review log head` prints them all", counted(left, "head", "heads"))),
    )
}

/// The heads of a log.
pub fn heads(page: &mut Page, heads: &[Head]) {
    page.gap();
    let (shown, more) = some(heads);
    for head in shown {
        page.para("head ", &[StyledSpan::own(Label::Plain, head.seal.to_string())]);
        let by = Sentence::of("session ").name(&head.session).own(" by ").name(&head.principal);
        page.para("     ", &spans(Label::Quiet, &by.own(format!(", sealed at {} (claimed)", head.at))));
    }
    if let Some(more) = more {
        page.para("", &[StyledSpan::own(Label::Quiet, more)]);
    }
}

/// `log head`: one line per head, beginning with its hash, for scripts.
#[must_use]
pub fn head_lines(heads: &[Head]) -> String {
    let mut out = String::new();
    for head in heads {
        let (session, principal) = (head.session.terminal(), head.principal.terminal());
        let _ = writeln!(out, "{} {} {session} {principal}", head.seal, head.at);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::digest::Digest;
    use crate::input::time::Time;

    #[test]
    fn of_many_heads_the_first_are_shown_and_the_others_counted() {
        let head = |n: usize| Head {
            seal: Digest::of(n.to_string().as_bytes()),
            session: "s".into(),
            at: Time::from_unix(0),
            principal: "ada".into(),
        };
        let all: Vec<Head> = (0..600).map(head).collect();
        let shown = |n: usize| {
            let style = Style::plain(80);
            let mut page = Page::new(&style);
            heads(&mut page, all.get(..n).unwrap());
            page.render(&style)
        };
        assert!(!shown(MOST).contains("more"));
        let text = shown(600);
        assert_eq!(text.matches("head ").count(), MOST, "{text}");
        assert!(text.ends_with("and 590 heads more; `review log head` prints them all\n"), "{text}");
        assert_eq!(head_lines(&all).lines().count(), 600, "programs get all of them");
    }
}
