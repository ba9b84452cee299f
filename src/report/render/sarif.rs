//! SARIF 2.1.0 for code scanning.
//!
//! In: the report's findings. Out: one run with rules, results, regions and fingerprints that survive moved lines.
//! Source: OASIS SARIF 2.1.0; columns count Unicode code points, both ends from 1, the end exclusive (§3.30.7–8).

use std::collections::BTreeMap;

use serde::Serialize;

use super::json::document;
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Severity};
use crate::input::text::Text;
use crate::report::model::{Report, Reported};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sarif {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: Vec<Run>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    column_kind: &'static str,
    invocations: Vec<Invocation>,
    results: Vec<ResultOut>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<RuleOut>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleOut {
    id: String,
    short_description: Message,
    help: Message,
    default_configuration: Configuration,
    properties: Tags,
}

#[derive(Serialize)]
struct Tags {
    tags: Vec<Text>,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    exit_code: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultOut {
    rule_id: String,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: Vec<Location>,
    partial_fingerprints: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct Message {
    text: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<Message>,
}

/// The findings as SARIF.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut rules: Vec<RuleOut> = Vec::new();
    let mut index: BTreeMap<String, usize> = BTreeMap::new();
    let mut seen = BTreeMap::new();
    let mut results = Vec::new();
    for reported in &report.findings {
        let id = rule_id(reported);
        let at = *index.entry(id.clone()).or_insert_with(|| {
            rules.push(rule(reported, &id));
            rules.len() - 1
        });
        results.push(result(reported, id, at, &mut seen));
    }
    document(&Sarif {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: vec![Run {
            tool: Tool { driver: Driver { name: "review", semantic_version: env!("CARGO_PKG_VERSION"), rules } },
            column_kind: "unicodeCodePoints",
            // WHY: "could not run" is exit 1 or 2; a denied plan is a successful run.
            invocations: vec![Invocation {
                execution_successful: !matches!(report.exit_code, 1 | 2 | 130),
                exit_code: report.exit_code,
            }],
            results,
        }],
    })
}

/// The finding's code, or the policy behind it.
fn rule_id(reported: &Reported) -> String {
    let code = reported.finding.code.name();
    reported.rule.as_ref().map_or_else(|| code.to_owned(), |rule| format!("{code}/{}", rule.id.as_str()))
}

fn rule(reported: &Reported, id: &str) -> RuleOut {
    let code: Code = reported.finding.code;
    let (title, help, tags) = match &reported.rule {
        Some(rule) => (rule.title.clone(), rule.advice.clone(), vec![rule.control.clone()]),
        None => (Text::from(code.meaning()), Text::from(code.meaning()), Vec::new()),
    };
    RuleOut {
        id: id.to_owned(),
        short_description: Message { text: title },
        help: Message { text: help },
        default_configuration: Configuration { level: level(code.severity()) },
        properties: Tags { tags },
    }
}

fn result(reported: &Reported, id: String, at: usize, seen: &mut BTreeMap<String, u32>) -> ResultOut {
    let finding = &reported.finding;
    let mut text = finding.message.raw().to_owned();
    if let Some(help) = &finding.help {
        text.push_str("; mend: ");
        text.push_str(help.raw());
    }
    let locations = finding.place.as_ref().map(|place| {
        let excerpt = reported.excerpt.as_ref().filter(|e| e.end > e.start && !e.goes_on);
        Location {
            physical_location: Physical {
                artifact_location: Artifact { uri: uri(&place.file) },
                region: Region {
                    start_line: place.line.max(1),
                    start_column: excerpt
                        .map_or(place.column, |e| u32::try_from(e.start + 1).unwrap_or(place.column))
                        .max(1),
                    end_column: excerpt.map(|e| e.end + 1),
                    snippet: excerpt.map(|e| Message { text: Text::from(e.value()) }),
                },
            },
        }
    });
    ResultOut {
        rule_id: id,
        rule_index: at,
        level: level(finding.severity),
        message: Message { text: Text::from(text) },
        locations: locations.into_iter().collect(),
        partial_fingerprints: BTreeMap::from([("review/v1", fingerprint(reported, seen))]),
    }
}

/// A fingerprint that does not move with the line: rule, file, message and how often that came before.
pub(super) fn fingerprint(reported: &Reported, seen: &mut BTreeMap<String, u32>) -> String {
    let finding = &reported.finding;
    let file = finding.place.as_ref().map_or("", |place| &*place.file);
    let base = format!("{}\0{file}\0{}", rule_id(reported), finding.message.raw());
    let nth = seen.entry(base.clone()).or_default();
    *nth += 1;
    Digest::<of::File>::of(format!("{base}\0{nth}").as_bytes()).to_string()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// A relative URI reference (RFC 3986): everything but unreserved characters and `/` is percent-encoded.
fn uri(file: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for byte in file.strip_prefix("./").unwrap_or(file).bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_a_uri_of_its_own() {
        assert_eq!(uri("./plans/a b%:?#漢.yaml"), "plans/a%20b%25%3A%3F%23%E6%BC%A2.yaml");
    }
}
