//! GitLab code quality: a JSON list of findings with stable fingerprints.
//!
//! Source: GitLab, "Code quality report format".

use serde::Serialize;

use super::json::document;
use super::sarif::{fingerprint, matter, rule_id};
use crate::input::finding::Severity;
use crate::input::text::Text;
use crate::report::model::Report;

#[derive(Serialize)]
struct Issue {
    description: Text,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// The findings as a code quality report.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut seen = std::collections::BTreeMap::new();
    let elsewhere = matter(report).unwrap_or_else(|| ".".to_owned());
    let issues: Vec<Issue> = report
        .findings
        .iter()
        .map(|reported| {
            let finding = &reported.finding;
            let severity = match finding.severity {
                Severity::Error => "critical",
                Severity::Warning => "minor",
                Severity::Note => "info",
            };
            let path = finding.place.as_ref().map_or(elsewhere.as_str(), |p| p.file.as_ref());
            let path = path.strip_prefix("./").unwrap_or(path).to_owned();
            let line = finding.place.as_ref().map_or(1, |p| p.line);
            Issue {
                description: finding.message.clone(),
                check_name: rule_id(reported),
                fingerprint: fingerprint(reported, &mut seen),
                severity,
                location: Location { path, lines: Lines { begin: line } },
            }
        })
        .collect();
    document(&issues)
}
