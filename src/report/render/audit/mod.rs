//! The report for an auditor as CSV, JSON, Markdown, and one HTML page.

mod csv;
pub(crate) mod format;
mod html;
mod json;
mod markdown;
mod phrases;
mod style;

pub use json::schema;

use self::format::AuditFormat;
use crate::report::audit::AuditReport;

/// The report in a format, ended by LF.
#[must_use]
pub fn render(report: &AuditReport, format: AuditFormat) -> String {
    match format {
        AuditFormat::Csv => csv::render(report),
        AuditFormat::Json => json::render(report),
        AuditFormat::Markdown => markdown::render(report),
        AuditFormat::Html => html::render(report),
    }
}

#[cfg(test)]
mod tests;
