//! Every output against what others define of its format: SARIF's official JSON Schema, Jenkins' XML Schema of `JUnit`, our own
//! published schema of the report, and the rules of workflow commands.
//!
//! The schemas of others are no part of this project: `.ci/schemas` fetches them. Where they are absent, the tests say so and
//! check the rest.

#![allow(clippy::print_stdout, reason = "a test that has nothing to compare with says so")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Site;
use serde_json::Value;

const FORMATS: &[&str] = &["json", "sarif", "junit", "github", "gitlab", "markdown", "text"];

fn fetched(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/schemas").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("`{}` is absent, so nothing was compared with it; `.ci/schemas` fetches it", path.display());
    None
}

/// One result in every format.
struct Outputs(Vec<(&'static str, String)>);

impl Outputs {
    fn of(site: &Site, arguments: &[&str]) -> Self {
        let mut all: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        for format in FORMATS {
            all.extend(["--output".to_owned(), format!("{format}=out.{format}")]);
        }
        site.run(&all.iter().map(String::as_str).collect::<Vec<_>>());
        let read = |format| fs::read_to_string(site.demo().join(format!("out.{format}"))).unwrap();
        Self(FORMATS.iter().map(|format| (*format, read(format))).collect())
    }

    fn text(&self, format: &str) -> &str {
        &self.0.iter().find(|(name, _)| *name == format).unwrap().1
    }

    fn json(&self, format: &str) -> Value {
        serde_json::from_str(self.text(format)).unwrap()
    }

    fn findings(&self) -> usize {
        self.json("json")["findings"].as_array().unwrap().len()
    }
}

/// A plan with text that means something to every format, in every place that takes text.
fn hostile(site: &Site) -> String {
    let nasty = r#""]]> %0A::error file=x::forged ::set-output:: </details><script>`$(x)` | \\ & ' %25 @everyone\n\n::warning::two\n- [x](y) ä漢字""#;
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let mut lines: Vec<String> = Vec::new();
    let mut folded = false;
    for line in plan.lines() {
        let key = line.trim_start().split(':').next().unwrap_or_default();
        let indent = line.len() - line.trim_start().len();
        if folded && indent > 4 {
            continue;
        }
        folded = false;
        if ["reason", "intent"].contains(&key) {
            folded = true;
            lines.push(format!("{}{key}: {nasty}", " ".repeat(indent)));
        } else {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n") + "\n"
}

/// What the commands say of good, bad and hostile matter.
fn fixtures(site: &Site) -> Vec<(String, Outputs)> {
    let write = |name: &str, text: &str| fs::write(site.demo().join(name), text).unwrap();
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    write("hostile.yaml", &hostile(site));
    write("unknown.yaml", &plan.replace("to: user:ravi", "to: \"user:%0A::error::ravi\""));
    write("control.yaml", &plan.replace("intent: ", "intent: \u{7}\u{1b}[2J\u{202e}\u{2028} "));
    write("folded.yaml", &plan.replace("to: user:ravi", "to: \"user:\n      rawi\""));
    write("empty.yaml", "");
    write("broken.jsonl", "garbage ::error::\u{1b}[2J\n");
    let commands: &[&[&str]] = &[
        &["check", "plan.yaml"],
        &["check", "hostile.yaml"],
        &["check", "unknown.yaml", "control.yaml", "folded.yaml", "empty.yaml"],
        &["check", "absent.yaml"],
        &["gate", "plan.yaml", "hostile.yaml", "--trust", "."],
        &["gate", "plan.yaml", "--trust", ".", "--log", "broken.jsonl"],
        &["diff", "hostile.yaml"],
        &["verify", "broken.jsonl"],
    ];
    commands.iter().map(|arguments| (arguments.join(" "), Outputs::of(site, arguments))).collect()
}

#[test]
fn sarif_is_what_the_official_schema_says() {
    let schema = fetched("sarif-2.1.0.json");
    let schema = schema.map(|path| serde_json::from_str::<Value>(&fs::read_to_string(path).unwrap()).unwrap());
    let validator = schema.map(|schema| jsonschema::validator_for(&schema).unwrap());
    if let Some(validator) = &validator {
        assert!(!validator.is_valid(&serde_json::json!({"version": "2.1.0"})), "the schema refuses nothing");
    }
    let site = Site::new();
    for (name, outputs) in fixtures(&site) {
        let sarif = outputs.json("sarif");
        if let Some(validator) = &validator {
            let faults: Vec<String> =
                validator.iter_errors(&sarif).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(faults.is_empty(), "{name}: {}", faults.join("\n"));
        }
        let run = &sarif["runs"][0];
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), outputs.findings(), "{name}");
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let mut prints = std::collections::BTreeSet::new();
        for result in results {
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            assert!(!rule["help"]["text"].as_str().unwrap().is_empty());
            assert!(prints.insert(result["partialFingerprints"]["review/v1"].as_str().unwrap().to_owned()));
            for location in result["locations"].as_array().unwrap() {
                let artifact = &location["physicalLocation"]["artifactLocation"];
                let uri = artifact["uri"].as_str().unwrap();
                assert!(!uri.starts_with('/') && !uri.contains(':'), "{name}: `{uri}` is not relative");
                assert_eq!(artifact["uriBaseId"], "%SRCROOT%");
            }
        }
    }
}

/// The text of a file from one line and column to another: from 1, in characters, the end exclusive.
fn region(file: &str, region: &Value) -> Option<String> {
    let number = |name: &str| region[name].as_u64().map(|n| usize::try_from(n).unwrap());
    let (from, end) = (number("startLine")?, number("endColumn")?);
    let to = number("endLine").unwrap_or(from);
    let start = number("startColumn")?;
    let mut out = String::new();
    for (at, line) in
        file.lines().enumerate().map(|(at, line)| (at + 1, line)).filter(|(at, _)| (from..=to).contains(at))
    {
        let skip = if at == from { start - 1 } else { 0 };
        let take = if at == to { (end - 1).checked_sub(skip)? } else { usize::MAX };
        out.extend(line.chars().skip(skip).take(take));
        if at < to {
            out.push('\n');
        }
    }
    Some(out)
}

#[test]
fn a_region_of_sarif_is_exactly_the_value() {
    let site = Site::new();
    let mut several = 0;
    let mut values = Vec::new();
    for (_, outputs) in fixtures(&site) {
        for result in outputs.json("sarif")["runs"][0]["results"].as_array().unwrap() {
            let Some(physical) = result["locations"].get(0).map(|l| &l["physicalLocation"]) else { continue };
            let name = physical["artifactLocation"]["uri"].as_str().unwrap().replace("%3A", ":");
            let Ok(file) = fs::read_to_string(site.demo().join(&name)) else { continue };
            let Some(value) = region(&file, &physical["region"]) else { continue };
            assert!(!value.is_empty(), "{result}");
            if let Some(snippet) = physical["region"]["snippet"]["text"].as_str() {
                assert_eq!(value, snippet);
            }
            several += usize::from(physical["region"]["endLine"].is_u64());
            values.push((name, result["ruleId"].as_str().unwrap().to_owned(), value));
        }
    }
    let has = |file: &str, rule: &str, value: &str| values.iter().any(|v| (&*v.0, &*v.1, &*v.2) == (file, rule, value));
    assert!(has("unknown.yaml", "unknown-identity", "user:%0A::error::ravi"), "{values:#?}");
    assert!(has("folded.yaml", "unknown-identity", "user:\n      rawi"), "{values:#?}");
    assert!(has("plan.yaml", "undecided", "c1"), "{values:#?}");
    assert!(several > 0, "no value of several lines was met");
}

#[test]
fn junit_is_what_its_schema_says() {
    let site = Site::new();
    let schema = fetched("junit-10.xsd");
    let has_tool = Command::new("xmllint").arg("--version").output().is_ok();
    if !has_tool {
        println!("xmllint is absent, so no XML was compared with its schema");
    }
    for (name, outputs) in fixtures(&site) {
        let junit = outputs.text("junit");
        let changes = outputs.json("json")["changes"].as_array().map_or(0, Vec::len);
        assert_eq!(junit.matches("<testcase ").count(), outputs.findings() + changes, "{name}");
        let Some(schema) = schema.as_ref().filter(|_| has_tool) else { continue };
        let file = site.demo().join("result.xml");
        fs::write(&file, junit).unwrap();
        let check = |file: &Path| {
            let output =
                Command::new("xmllint").arg("--noout").arg("--nonet").arg("--schema").args([schema, file]).output();
            let output = output.unwrap();
            (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let (holds, said) = check(&file);
        assert!(holds, "{name}: {said}\n{junit}");
        fs::write(&file, junit.replace("<testcase ", "<testcas ").replace("</testcase>", "</testcas>")).unwrap();
        assert!(!check(&file).0, "the schema refuses nothing");
    }
}

#[test]
fn json_is_what_the_published_schema_says() {
    let site = Site::new();
    let (code, text) = site.run(&["schema", "report"]);
    assert_eq!(code, 0, "{text}");
    let schema: Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for required in ["schema_version", "exit_code", "findings", "verdict"] {
        assert!(schema["required"].as_array().unwrap().iter().any(|r| r == required), "{required}");
    }
    assert!(!validator.is_valid(&serde_json::json!({"schema_version": 1})));
    for (name, outputs) in fixtures(&site) {
        let json = outputs.json("json");
        let faults: Vec<String> = validator.iter_errors(&json).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(faults.is_empty(), "{name}: {}", faults.join("\n"));
    }
}

#[test]
fn there_are_exactly_as_many_annotation_commands_as_findings() {
    let site = Site::new();
    for (name, outputs) in fixtures(&site) {
        let text = outputs.text("github");
        assert!(
            text.split(['\r', '\n', '\u{2028}', '\u{85}']).filter(|line| !line.is_empty()).all(is_command),
            "{name}: {text}"
        );
        assert_eq!(text.lines().count(), outputs.findings(), "{name}: {text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'));
        // The runner undoes the escapes once; what it shows then holds no line that is a command of its own.
        for line in text.lines() {
            let (_, data) = line[2..].split_once("::").unwrap();
            let shown = data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
            assert!(shown.lines().skip(1).all(|line| line.starts_with("help: ")), "{shown}");
        }
    }
}

fn is_command(line: &str) -> bool {
    ["::error ", "::warning ", "::notice "].iter().any(|start| line.starts_with(start))
}

#[test]
fn gitlab_gets_every_field_that_it_requires() {
    let site = Site::new();
    for (name, outputs) in fixtures(&site) {
        let list = outputs.json("gitlab");
        let list = list.as_array().unwrap();
        assert_eq!(list.len(), outputs.findings(), "{name}");
        let mut prints = std::collections::BTreeSet::new();
        for issue in list {
            assert!(issue["description"].is_string() && issue["check_name"].is_string());
            assert!(["info", "minor", "major", "critical", "blocker"].contains(&issue["severity"].as_str().unwrap()));
            assert!(issue["location"]["lines"]["begin"].as_u64().unwrap() >= 1);
            assert!(!issue["location"]["path"].as_str().unwrap().starts_with("./"));
            assert!(prints.insert(issue["fingerprint"].as_str().unwrap().to_owned()), "a fingerprint stands twice");
        }
    }
}

#[test]
fn a_fingerprint_does_not_move_with_the_lines() {
    let site = Site::new();
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let prints = |text: &str| {
        fs::write(site.demo().join("moved.yaml"), text).unwrap();
        let sarif = Outputs::of(&site, &["check", "moved.yaml"]).json("sarif");
        let of = |r: &Value| (r["partialFingerprints"]["review/v1"].clone(), r["locations"].to_string());
        sarif["runs"][0]["results"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let (before, after) = (prints(&plan), prints(&format!("# one\n# two\n{plan}")));
    assert_eq!(before.iter().map(|p| &p.0).collect::<Vec<_>>(), after.iter().map(|p| &p.0).collect::<Vec<_>>());
    assert_ne!(before, after, "the lines did move");
}
