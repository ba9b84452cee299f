//! GitHub workflow annotations: exactly one command per finding.
//!
//! Source: GitHub Actions, "Workflow commands for GitHub Actions" (escapes of data and of properties).

use std::fmt::Write as _;

use crate::input::finding::Severity;
use crate::input::text::Text;
use crate::report::model::Report;

/// The findings as annotations.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    for reported in &report.findings {
        let finding = &reported.finding;
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut properties =
            vec![format!("title={}", Text::from(super::sarif::rule_id(reported)).annotation_property())];
        if let Some(place) = &finding.place {
            properties.push(format!(
                "file={}",
                Text::from(place.file.strip_prefix("./").unwrap_or(&place.file)).annotation_property()
            ));
            properties.push(format!("line={}", place.line));
            properties.push(format!("col={}", place.column));
            if let Some(excerpt) = reported.excerpt.as_ref().filter(|e| e.end > e.start) {
                match excerpt.ends {
                    // WHY: columns have a meaning only if the region is within one line.
                    Some((further, _)) => properties.push(format!("endLine={}", place.line.saturating_add(further))),
                    None => properties.push(format!("endColumn={}", excerpt.end)),
                }
            }
        }
        let help = finding.help.as_ref().map(|h| format!("%0Ahelp: {}", h.annotation())).unwrap_or_default();
        let _ = writeln!(out, "::{command} {}::{}{help}", properties.join(","), finding.message.annotation());
    }
    out
}
