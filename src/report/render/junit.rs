//! `JUnit` XML: a suite per plan, a case per change; and a suite for the findings that belong to no change.
//!
//! Denied and stale changes fail, and so do undecided ones of a gate; a finding with severity `error` is an error.

use std::fmt::Write as _;

use crate::input::finding::Severity;
use crate::input::text::Text;
use crate::report::model::{ChangeReport, OutcomeReport, Report, State};

/// The report as `JUnit` XML.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites name=\"review {}\">", Text::from(report.command).xml());
    let mut cases = String::new();
    let mut errors = 0_u32;
    for reported in &report.findings {
        let finding = &reported.finding;
        let _ = write!(cases, "    <testcase classname=\"findings\" name=\"{}\"", {
            let at = finding.place.as_ref().map(|p| format!(" at {}:{}:{}", p.file, p.line, p.column));
            Text::from(format!("{}{}", finding.code.name(), at.unwrap_or_default())).xml()
        });
        if finding.severity == Severity::Error {
            errors += 1;
            let help = finding.help.as_ref().map(|h| format!("help: {}", h.xml())).unwrap_or_default();
            let _ = writeln!(
                cases,
                ">\n      <error type=\"{}\" message=\"{}\">{help}</error>\n    </testcase>",
                finding.code.name(),
                finding.message.xml()
            );
        } else {
            let _ = writeln!(cases, ">\n      <system-out>{}</system-out>\n    </testcase>", finding.message.xml());
        }
    }
    suite(&mut out, "findings", report.findings.len(), 0, errors, &cases);
    if let crate::report::model::Body::Plans(plans) = &report.body {
        for plan in plans {
            let mut cases = String::new();
            let mut failures = 0;
            for change in &plan.changes {
                failures += u32::from(case(&mut cases, report, &plan.id.text(), change));
            }
            suite(&mut out, &plan.id.text().xml(), plan.changes.len(), failures, 0, &cases);
        }
    }
    out.push_str("</testsuites>\n");
    out
}

fn suite(out: &mut String, name: &str, tests: usize, failures: u32, errors: u32, cases: &str) {
    let _ = writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"0\">"
    );
    out.push_str(cases);
    out.push_str("  </testsuite>\n");
}

/// Writes a case. Returns whether it fails.
fn case(out: &mut String, report: &Report, plan: &Text, change: &ChangeReport) -> bool {
    let _ = write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}: {}\"",
        plan.xml(),
        change.id.text().xml(),
        change.sentence.text().xml()
    );
    let undecided = report.command == "gate" && change.state == State::Open && change.outcome != OutcomeReport::Auto;
    let fails = match &change.state {
        State::Rejected(_) | State::Stale(_) | State::Frozen(_) => true,
        State::Overridden(_) => false,
        State::Open | State::Approved(_) | State::Auto(_) => change.outcome == OutcomeReport::Denied || undecided,
    };
    if !fails {
        out.push_str("/>\n");
        return false;
    }
    let word = if change.state == State::Open { change.outcome.word() } else { change.state.word() };
    let mut why: Vec<String> = change
        .policies
        .iter()
        .map(|p| {
            format!(
                "{} {}: {}; help: {}",
                p.verdict.word(),
                p.rule.id.as_str(),
                p.rule.title.raw(),
                p.rule.advice.raw()
            )
        })
        .collect();
    why.extend(change.state.says().map(|s| s.text().raw().to_owned()));
    let _ = writeln!(
        out,
        ">\n      <failure type=\"{word}\" message=\"{word}\">{}</failure>\n    </testcase>",
        Text::from(why.join(" | ")).xml()
    );
    true
}
