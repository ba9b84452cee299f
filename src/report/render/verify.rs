//! `verify` for people: four answers, kept apart, and the heads to remember.

use std::fmt::Write as _;

use super::{findings, text};
use crate::report::layout::{Page, Span, spans};
use crate::report::model::Report;
use crate::report::record::{Answer, Head, Holds, VerifyReport};
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
    answer(&mut page, "integrity     ", &verify.integrity);
    answer(&mut page, "authenticity  ", &verify.authenticity);
    answer(&mut page, "completeness  ", &verify.completeness);
    answer(&mut page, "time          ", &verify.time);
    heads(&mut page, &verify.heads);
    text::close(&mut page, report);
    page.render(style)
}

fn answer(page: &mut Page, name: &str, answer: &Answer) {
    let label = match answer.holds {
        Holds::Yes => Label::Pass,
        Holds::No => Label::Stop,
        Holds::Unknown => Label::Warn,
    };
    let mut line = vec![Span::own(label, format!("{:<9}", answer.holds.word()))];
    line.extend(spans(Label::Plain, &answer.says));
    page.para(&format!("  {name}"), &line);
}

/// The heads of a log.
pub fn heads(page: &mut Page, heads: &[Head]) {
    page.gap();
    for head in heads {
        page.para("head ", &[Span::own(Label::Plain, head.seal.to_string())]);
        let by = Sentence::of("session ").name(&head.session).own(" by ").name(&head.principal);
        page.para("     ", &spans(Label::Quiet, &by.own(format!(", sealed at {} (claimed)", head.at))));
    }
}

/// `log head`: one line per head, its hash first, for scripts.
#[must_use]
pub fn head_lines(heads: &[Head]) -> String {
    let mut out = String::new();
    for head in heads {
        let (session, principal) = (head.session.terminal(), head.principal.terminal());
        let _ = writeln!(out, "{} {} {session} {principal}", head.seal, head.at);
    }
    out
}
