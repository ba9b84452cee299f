//! SARIF 2.1.0 for code scanning.
//!
//! Renders the report's findings as one run with rules, results, regions and fingerprints that do not depend on line
//! numbers. Source: OASIS SARIF 2.1.0; columns count Unicode code points, both ends from 1, the end exclusive
//! (§3.30.7–8).

use std::collections::BTreeMap;

use serde::Serialize;

use super::json::document;
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Severity};
use crate::input::place::Place;
use crate::input::text::Text;
use crate::report::model::{Body, Report, Reported};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sarif {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: Vec<SarifRun>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifRun {
    tool: Tool,
    automation_details: Automation,
    column_kind: &'static str,
    invocations: Vec<Invocation>,
    results: Vec<ResultOut>,
}

#[derive(Serialize)]
struct Automation {
    id: String,
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
    full_description: Message,
    help: Help,
    default_configuration: Configuration,
    properties: Tags,
}

#[derive(Serialize)]
struct Help {
    text: Text,
    markdown: String,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

impl Artifact {
    /// A file, relative to the root of the sources unless it is outside of it.
    fn of(file: &str) -> Self {
        if file.starts_with('/') {
            return Self { uri: format!("file://{}", uri(file)), uri_base_id: None };
        }
        Self { uri: uri(file), uri_base_id: Some("%SRCROOT%") }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_line: Option<u32>,
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
    let matter = matter(report);
    for reported in &report.findings {
        let id = rule_id(reported);
        let at = *index.entry(id.clone()).or_insert_with(|| {
            rules.push(rule(reported, &id));
            rules.len() - 1
        });
        results.push(result(reported, id, at, matter.as_deref(), &mut seen));
    }
    document(&Sarif {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: vec![SarifRun {
            tool: Tool { driver: Driver { name: "review", semantic_version: env!("CARGO_PKG_VERSION"), rules } },
            // WHY: the results of `check` and `gate` on one commit are two separate sets.
            automation_details: Automation { id: format!("review/{}/", report.command.replace(' ', "-")) },
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

/// The file of a finding without a location, because code scanning refuses a result without one.
pub(super) fn matter(report: &Report) -> Option<String> {
    match &report.body {
        Body::Plans(plans) => plans.first().map(|plan| plan.file.raw().to_owned()),
        Body::Verify(log) => Some(log.file.raw().to_owned()),
        Body::Log(log) => Some(log.file.raw().to_owned()),
        Body::Snapshot(snapshot) => Some(snapshot.file.raw().to_owned()),
        Body::Findings | Body::Access(_) | Body::Sheets(_) => None,
    }
}

/// The code of the finding, or the policy behind it.
pub(super) fn rule_id(reported: &Reported) -> String {
    let code = reported.finding.code.name();
    reported.rule.as_ref().map_or_else(|| code.to_owned(), |rule| format!("{code}/{}", rule.id.as_str()))
}

fn rule(reported: &Reported, id: &str) -> RuleOut {
    let code: Code = reported.finding.code;
    let meaning = Text::from(code.meaning());
    let (title, help, controls) = match &reported.rule {
        Some(rule) => (rule.title.clone(), rule.advice.clone(), controls(&rule.control)),
        None => (meaning.clone(), reported.finding.help.clone().unwrap_or_else(|| meaning.clone()), Vec::new()),
    };
    let mut markdown = format!("{}\n\n**Mend:** {}\n", title.markdown(), help.markdown());
    if !controls.is_empty() {
        let list: Vec<String> = controls.iter().map(Text::markdown).collect();
        markdown.push_str(&format!("\n**Controls:** {}\n", list.join(", ")));
    }
    RuleOut {
        id: id.to_owned(),
        short_description: Message { text: title },
        full_description: Message { text: meaning },
        help: Help { text: help, markdown },
        default_configuration: Configuration { level: level(code.severity()) },
        properties: Tags { tags: std::iter::once(Text::from("security")).chain(controls).collect() },
    }
}

/// The single controls that a policy names.
fn controls(named: &Text) -> Vec<Text> {
    let mut found: Vec<Text> = Vec::new();
    for one in named.raw().split([',', ';']).map(str::trim).filter(|one| !one.is_empty()) {
        let one = Text::from(one);
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

fn result(
    reported: &Reported,
    id: String,
    at: usize,
    matter: Option<&str>,
    seen: &mut BTreeMap<String, u32>,
) -> ResultOut {
    let finding = &reported.finding;
    let mut text = finding.message.raw().to_owned();
    if let Some(help) = &finding.help {
        text.push_str("; help: ");
        text.push_str(help.raw());
    }
    let place = finding
        .place
        .as_ref()
        .map(|place| Physical { artifact_location: Artifact::of(&place.file), region: Some(region(reported, place)) });
    let place = place.or_else(|| Some(Physical { artifact_location: Artifact::of(matter?), region: None }));
    ResultOut {
        rule_id: id,
        rule_index: at,
        level: level(finding.severity),
        message: Message { text: Text::from(text) },
        locations: place.map(|physical_location| Location { physical_location }).into_iter().collect(),
        partial_fingerprints: BTreeMap::from([("review/v1", fingerprint(reported, seen))]),
    }
}

/// The region of exactly the value.
fn region(reported: &Reported, place: &Place) -> Region {
    let excerpt = reported.excerpt.as_ref().filter(|e| e.end > e.start);
    let start = excerpt.map_or(place.column, |e| u32::try_from(e.start + 1).unwrap_or(place.column));
    let ends = excerpt.and_then(|e| e.ends);
    Region {
        start_line: place.line.max(1),
        start_column: start.max(1),
        end_line: ends.map(|(further, _)| place.line.max(1).saturating_add(further)),
        end_column: excerpt.map(|e| ends.map_or(e.end, |(_, end)| end) + 1),
        snippet: excerpt.filter(|_| ends.is_none()).map(|e| Message { text: Text::from(e.value()) }),
    }
}

/// A fingerprint that does not depend on the line number: rule, file, message, and the number of earlier occurrences.
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
