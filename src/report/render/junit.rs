//! `JUnit` XML: a suite per plan, a case per change; and a suite for the findings that belong to no change.
//!
//! Denied and stale changes fail, and so do undecided ones of a gate; a finding with severity `error` is an error.

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::input::finding::{Finding, Severity};
use crate::input::text::Text;
use crate::report::model::{Body, ChangeReport, OutcomeReport, Report, State};

/// The report as `JUnit` XML. All texts are escaped for a terminal first, because XML cannot hold every character.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut junit = quick_junit::Report::new(format!("review {}", report.command));
    let mut findings = TestSuite::new("findings");
    findings.add_test_cases(report.findings.iter().map(|reported| of_finding(&reported.finding)));
    junit.add_test_suite(findings);
    if let Body::Plans(plans) = &report.body {
        for plan in plans {
            let name = plan.id.text().terminal();
            let mut suite = TestSuite::new(name.as_str());
            suite.add_test_cases(plan.changes.iter().map(|change| of_change(report, &name, change)));
            junit.add_test_suite(suite);
        }
    }
    // Writing to a string does not fail. The schema that Jenkins publishes has no `skipped` on `testsuites`, which is the
    // first element that has one.
    junit.to_string().unwrap_or_default().replacen(" skipped=\"0\"", "", 1)
}

fn of_finding(finding: &Finding) -> TestCase {
    let place = finding.place.as_ref().map(|p| format!(" at {}:{}:{}", p.file, p.line, p.column)).unwrap_or_default();
    let name = Text::from(format!("{}{place}", finding.code.name())).terminal();
    let message = finding.message.terminal();
    let mut case = if finding.severity == Severity::Error {
        let mut error = TestCaseStatus::non_success(NonSuccessKind::Error);
        error.set_type(finding.code.name()).set_message(message);
        if let Some(help) = &finding.help {
            error.set_description(format!("help: {}", help.terminal()));
        }
        TestCase::new(name, error)
    } else {
        let mut case = TestCase::new(name, TestCaseStatus::success());
        case.set_system_out(message);
        case
    };
    case.set_classname("findings");
    case
}

fn of_change(report: &Report, plan: &str, change: &ChangeReport) -> TestCase {
    let name = format!("{}: {}", change.id.text().terminal(), change.sentence.text().terminal());
    let undecided = report.command == "gate" && change.state == State::Open && change.outcome != OutcomeReport::Auto;
    let fails = match &change.state {
        State::Rejected(_) | State::Stale(_) | State::Frozen(_) | State::Exported(_) => true,
        State::Overridden(_) => false,
        State::Open | State::Approved(_) | State::Auto(_) => change.outcome == OutcomeReport::Denied || undecided,
    };
    let mut status = TestCaseStatus::success();
    if fails {
        let word = if change.state == State::Open { change.outcome.word() } else { change.state.word() };
        let policies = change.policies.iter().map(|p| {
            let rule = &p.rule;
            let (id, title, advice) = (rule.id.as_str(), rule.title.raw(), rule.advice.raw());
            format!("{} {id}: {title}; help: {advice}", p.verdict.word())
        });
        let why: Vec<String> = policies.chain(change.state.says().map(|says| says.text().raw().to_owned())).collect();
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type(word).set_message(word).set_description(Text::from(why.join(" | ")).terminal());
    }
    let mut case = TestCase::new(name, status);
    case.set_classname(plan);
    case
}
