//! The output formats of the report: one file per format.
//!
//! Renders a [`Report`] in a [`Style`] as the bytes of a format. INVARIANT: regardless of external text, no output
//! contains a control character except LF (and the stylesheet's own colours), nor a bidirectional or invisible
//! character; the same report always gives the same bytes; and the exit code is the report's, in every format.

pub mod access;
mod access_form;
pub(crate) mod audit;
pub mod card;
mod conditions;
pub mod diff;
pub(crate) mod events;
pub mod findings;
pub(crate) mod format;
pub mod github;
pub mod gitlab;
pub mod json;
pub mod junit;
pub mod log;
pub mod markdown;
pub mod sarif;
pub mod sheets;
pub mod table;
pub mod text;
pub(crate) mod unified;
pub mod verify;

use super::model::{Body, Report};
use super::style::Style;
pub use crate::report::render::format::Format;

/// A report in a format. Ends with a line feed.
#[must_use]
pub fn render(report: &Report, format: Format, style: &Style) -> String {
    match format {
        Format::Text => text_of(report, style),
        Format::Json => json::render(report),
        Format::Sarif => sarif::render(report),
        Format::Junit => junit::render(report),
        Format::Github => github::render(report),
        Format::Gitlab => gitlab::render(report),
        Format::Markdown => markdown::render(report),
    }
}

fn text_of(report: &Report, style: &Style) -> String {
    match &report.body {
        Body::Plans(plans) if report.command == "diff" => diff::render(report, plans, style),
        Body::Plans(_) | Body::Findings | Body::Snapshot(_) | Body::Sheets(_) => text::render(report, style),
        Body::Access(asked) => access::render(report, asked, style),
        Body::Verify(verify) => verify::render(report, verify, style),
        Body::Log(log) if report.command == "log head" => verify::head_lines(&log.heads),
        Body::Log(log) => log::render(report, log, style),
    }
}
