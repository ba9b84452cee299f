//! A report in an output format, as stdout takes it.

use crate::app::io::streams;
use crate::report::model::Report;
use crate::report::render::format::Format;
use crate::report::style::Style;

/// Renders a report for stdout: with colour and the terminal's width where stdout is one.
#[must_use]
pub fn render(report: &Report, format: Format) -> String {
    let style = Style { colour: streams::stdout_colour(), width: streams::width() };
    crate::report::render::render(report, format, &style)
}
