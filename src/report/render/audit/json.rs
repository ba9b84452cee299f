//! JSON for programs: the model itself, with the fields that every JSON report has.

use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;

use crate::report::audit::{AuditReport, VERSION};
use crate::report::render::json::document;
use crate::report::render::json::finding;
use crate::report::render::json::forms::FindingOut;

/// The report of `review log report`.
#[derive(Serialize, JsonSchema)]
struct AuditDocument<'r> {
    /// The version of this form.
    schema_version: u32,
    /// The command.
    command: &'static str,
    /// The exit code.
    exit_code: u8,
    /// What the verification found.
    findings: Vec<FindingOut<'r>>,
    #[serde(flatten)]
    report: &'r AuditReport,
}

/// The JSON Schema of the report.
#[must_use]
pub fn schema() -> schemars::Schema {
    SchemaGenerator::new(schemars::generate::SchemaSettings::draft2020_12().for_serialize())
        .into_root_schema_for::<AuditDocument<'_>>()
}

/// The report as JSON.
pub(super) fn render(report: &AuditReport) -> String {
    document(&AuditDocument {
        schema_version: VERSION,
        command: "log report",
        exit_code: 0,
        findings: report.findings.iter().map(finding).collect(),
        report,
    })
}
