//! Renders reports for stdout.

use crate::app::io::streams;
use crate::report::model::Report;
use crate::report::render::format::Format;
use crate::report::style::Style;

/// Renders a report for stdout: with colour and the terminal's width if stdout is a terminal.
#[must_use]
pub fn render(report: &Report, format: Format) -> String {
    let style = Style { colour: streams::stdout_colour(), width: streams::width() };
    crate::report::render::render(report, format, &style)
}
