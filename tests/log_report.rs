//! The reports about a log for an auditor, and its events for a SIEM: on a real log, with the whole program.

use std::collections::BTreeMap;
use std::fs;
use std::sync::OnceLock;

use base64ct::Encoding as _;
use review::input::digest::{Digest, of};
use review::log::line::{Applied, Export, Line, Outcome, SnapshotDigest, Tag};
use serde_json::Value;

use crate::support::forge::{Forged, minutes};
use crate::support::{Site, three_sessions};

/// A site whose log has three sessions by two people, an export of `c2` and its result.
fn site() -> Site {
    static MADE: OnceLock<Site> = OnceLock::new();
    Site::copy_of(MADE.get_or_init(|| {
        let site = Site::new();
        three_sessions(&site);
        site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/robot"]);
        let robot = site.public_key("robot");
        site.append("allowed_signers", &format!("robot@ci.example namespaces=\"review-record@v1\" {robot}\n"));
        let head = Digest::parse(site.run(&["log", "head"]).1.trim()).unwrap();
        let c2: Vec<(Digest<of::Line>, Value)> =
            lines(&site).into_iter().filter(|(_, l)| l["type"] == "decision" && l["change"] == "c2").collect();
        assert_eq!(c2.len(), 2, "Ada and Bo approve c2");
        let digest = Digest::parse(c2[0].1["digest"].as_str().unwrap()).unwrap();
        let mut decisions: Vec<_> = c2.iter().map(|(line, _)| *line).collect();
        decisions.sort();
        let forged = Forged {
            parents: vec![head],
            begun: minutes(0),
            received: minutes(0),
            sealed: minutes(0),
            ..Forged::honest()
        };
        forged.add_with(&site, |draft| {
            let (plan, change) = ("PLAN-DEMO-1", "c2");
            let export = draft.push(|prev| {
                Line::Export(Export {
                    at: minutes(0),
                    change: change.into(),
                    decisions,
                    digest,
                    output: Digest::of(b"bundle"),
                    plan: plan.into(),
                    prev,
                    rollback: None,
                    r#type: Tag::new(),
                })
            });
            let export = export.unwrap();
            let result = draft.push(|prev| {
                Line::Result(Box::new(Outcome {
                    at: minutes(0),
                    change: change.into(),
                    detail: None,
                    digest,
                    export: Some(export.digest),
                    outcome: Applied::Applied,
                    plan: plan.into(),
                    prev,
                    r#type: Tag::new(),
                    snapshot: Some(SnapshotDigest {
                        sha256: Digest::of(b"after"),
                        taken_at: minutes(0),
                        targets: Vec::new(),
                    }),
                }))
            });
            [export.bytes, result.unwrap().bytes].concat()
        });
        let (code, text) = site.run(&["verify", "review-log.jsonl"]);
        assert_eq!(code, 0, "{text}");
        site
    }))
}

/// The lines of the log with their hashes.
fn lines(site: &Site) -> Vec<(Digest<of::Line>, Value)> {
    let log = fs::read(site.log()).unwrap();
    let lines = log.split_inclusive(|b| *b == b'\n');
    lines.map(|line| (Digest::of(line), serde_json::from_slice(line).unwrap())).collect()
}

fn json(site: &Site, arguments: &[&str]) -> Value {
    let (code, text) = site.run(&[&["log", "report", "--format", "json"], arguments].concat());
    assert_eq!(code, 0, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A CSV as a program reads it: RFC 4180.
fn records(text: &str) -> Vec<BTreeMap<String, String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quoted, c) {
            (true, '"') if chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            (_, '"') => quoted = !quoted,
            (false, ',') => row.push(std::mem::take(&mut cell)),
            (false, '\n') => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            (_, c) => cell.push(c),
        }
    }
    assert!(!quoted && cell.is_empty() && row.is_empty(), "the file ends within a record");
    let head = rows.remove(0);
    assert!(rows.iter().all(|row| row.len() == head.len()), "a row has other columns than the head");
    rows.into_iter().map(|row| head.iter().cloned().zip(row).collect()).collect()
}

/// The snapshot of the demo, as it is later: with the access of `c2`, and taken after it.
fn later_snapshot(site: &Site) -> String {
    let path = site.demo().join("snapshot.json");
    let mut snapshot: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    snapshot["taken_at"] = Value::from(minutes(5 * 60).to_string());
    let given = serde_json::json!({"id": "new", "who": "user:ravi", "role": "ledger-admin", "scope": "db:ledger", "mode": "active", "until": minutes(600).to_string()});
    snapshot["assignments"].as_array_mut().unwrap().push(given);
    fs::write(site.demo().join("later.json"), snapshot.to_string()).unwrap();
    "later.json".to_owned()
}

#[test]
fn the_report_tells_who_approved_what_and_what_came_of_it() {
    let site = site();
    let report = json(&site, &[]);
    let decisions = report["decisions"].as_array().unwrap();
    let all = lines(&site);
    let recorded = all.iter().filter(|(_, line)| line["type"] == "decision");
    assert_eq!(
        decisions.iter().map(|row| row["decision"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
        recorded.map(|(hash, _)| hash.to_string()).collect::<Vec<_>>(),
        "one row for each decision line"
    );
    let c2: Vec<&Value> = decisions.iter().filter(|row| row["change"] == "c2").collect();
    for (row, person) in c2.iter().zip(["ada", "bo"]) {
        assert_eq!((&row["approver"], &row["outcome"]), (&person.into(), &"approved".into()), "{row}");
        assert_eq!((&row["subject"], &row["entitlement"]), (&"user:ravi".into(), &"ledger-admin".into()));
        assert_eq!((&row["privileged"], &row["proof"]), (&true.into(), &"ssh-key".into()));
        assert_eq!((&row["result"], &row["kinds"]), (&"applied".into(), &serde_json::json!(["human"])));
        assert!(row["exported"].is_string() && row["evidence"].as_str().unwrap().contains("snapshot"), "{row}");
        // The line can be proved as it stands here.
        let line = row["line"].to_string();
        let (code, text) = site.run(&["log", "prove", row["session"].as_str().unwrap(), &line, "-o", "-"]);
        assert!(code == 0 && text.contains("decision"), "{text}");
    }
    let rejected = decisions.iter().find(|row| row["change"] == "c3").unwrap();
    assert_eq!(rejected["reason"], "machines hold nothing for ever");
    assert!(rejected["exported"].is_null());
    assert!(rejected["policies"][0].is_string() && c2[0]["policies"][0].as_str().unwrap().starts_with("pack "));
    let summary = &report["summary"];
    assert_eq!((&summary["outcomes"]["approved"], &summary["exported"]), (&3.into(), &2.into()), "{summary}");
    let head = &report["head"];
    let log = Digest::<of::File>::of(&fs::read(site.log()).unwrap()).to_string();
    assert_eq!(head["files"][0]["sha256"], log.as_str());
    assert_eq!(head["command_line"], "review log report --format json");
    assert_eq!((&head["verification"][0]["holds"], &report["schema_version"]), (&"yes".into(), &2.into()));
}

#[test]
fn every_format_lists_the_same_decisions() {
    let site = site();
    let report = json(&site, &[]);
    let decisions = report["decisions"].as_array().unwrap();
    let (code, text) = site.run(&["log", "report"]);
    assert_eq!(code, 0, "{text}");
    let rows = records(&text);
    let of = |kind: &str| rows.iter().filter(|row| row["record"] == kind).collect::<Vec<_>>();
    assert_eq!(of("decision").len(), decisions.len());
    for (row, decision) in of("decision").iter().zip(decisions) {
        assert_eq!(row["decision"], decision["decision"].as_str().unwrap());
        assert_eq!(row["outcome"], decision["outcome"].as_str().unwrap());
        assert_eq!(row["seconds_to_decide"], decision["seconds_to_decide"].to_string());
    }
    assert!(of("report").iter().any(|row| row["fact"] == "head"), "{text}");
    for format in ["markdown", "html"] {
        let (code, text) = site.run(&["log", "report", "--format", format]);
        assert_eq!(code, 0, "{text}");
        assert_eq!(text.matches("machines hold nothing for ever").count(), 1, "{text}");
    }
    let (_, schema) = site.run(&["schema", "log-report"]);
    let schema: Value = serde_json::from_str(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap().validate(&report).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_population_is_the_sum_of_its_parts_and_late_access_is_named() {
    let site = site();
    let later = later_snapshot(&site);
    let report = json(&site, &["--population", &later]);
    let sum = &report["head"]["reconciliation"];
    let number = |key: &str| sum[key].as_u64().unwrap();
    assert_eq!(
        number("population"),
        number("decided") + number("inherited") + number("shadow") + number("out_of_scope"),
        "{sum}"
    );
    assert_eq!((number("decided"), number("inherited"), number("out_of_scope"), number("expired")), (1, 0, 0, 1));
    let rows = report["population"].as_array().unwrap();
    assert_eq!(rows.len() as u64, number("population"));
    let decided = rows.iter().find(|row| row["coverage"] == "decided").unwrap();
    assert_eq!((&decided["assignment"], &decided["change"]), (&"new".into(), &"c2".into()));
    // It was given for two hours, and the snapshot is five hours later.
    assert!((10_000..11_000).contains(&decided["late_by"].as_u64().unwrap()), "{decided}");
    assert_eq!(report["summary"]["late"], 1);
    let late = report["decisions"].as_array().unwrap().iter().filter(|row| row["late_by"].is_u64());
    assert_eq!(late.map(|row| row["approver"].as_str().unwrap()).collect::<Vec<_>>(), ["ada", "bo"]);
    // Another mode of it was not decided on, and no decision gave what was there before it.
    let path = site.demo().join("later.json");
    let whole: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let (mut standing, mut early) = (whole.clone(), whole);
    let last = standing["assignments"].as_array_mut().unwrap().last_mut().unwrap().as_object_mut().unwrap();
    last.remove("until");
    last.insert("mode".to_owned(), "standing".into());
    early["taken_at"] = Value::from(minutes(-24 * 60).to_string());
    for snapshot in [standing, early] {
        fs::write(&path, snapshot.to_string()).unwrap();
        assert_eq!(json(&site, &["--population", &later])["head"]["reconciliation"]["decided"], 0);
    }
}

#[test]
fn a_period_and_a_sample_choose_decisions() {
    let site = site();
    let all = json(&site, &[])["decisions"].as_array().unwrap().clone();
    let today = &all[0]["decided_at"].as_str().unwrap()[..10];
    assert_eq!(json(&site, &["--to", "2001-01-01"])["decisions"], serde_json::json!([]));
    assert_eq!(json(&site, &["--from", "2999-01-01"])["summary"]["outcomes"]["approved"], 0);
    assert!(!json(&site, &["--from", today, "--to", "2999-01-01"])["decisions"].as_array().unwrap().is_empty());
    let last = all.iter().map(|row| row["decided_at"].as_str().unwrap()).max().unwrap();
    assert_eq!(json(&site, &["--to", last])["decisions"], Value::from(all.clone()), "the end is inclusive");
    let draw = |seed: &str| json(&site, &["--sample", "2", "--seed", seed]);
    let one = draw("2026-Q4");
    assert_eq!(one["decisions"], draw("2026-Q4")["decisions"]);
    assert_eq!(one["decisions"].as_array().unwrap().len(), 2);
    assert_eq!(one["head"]["sample"]["of_decisions"], all.len());
    assert_eq!(one["summary"]["outcomes"]["approved"], 3, "the counts are those of all decisions");
    for bad in [&["--from", "yesterday"][..], &["--sample", "2"], &["--seed", "x"], &["--format", "pdf"]] {
        assert_eq!(site.run(&[&["log", "report"], bad].concat()).0, 2, "{bad:?}");
    }
}

#[test]
fn a_log_that_does_not_verify_is_not_reported() {
    let site = site();
    site.replace("review-log.jsonl", "machines hold nothing for ever", "machines hold something for ever");
    for arguments in [&["log", "report"][..], &["log", "report", "rules"], &["log", "events"]] {
        let output = site.run_in(&site.demo(), arguments);
        assert_eq!(output.status.code(), Some(7), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("does not verify"));
    }
}

#[test]
fn a_changed_trust_file_is_in_the_report_about_rules() {
    let site = site();
    let rules = |arguments: &[&str]| -> Value {
        let (code, text) = site.run(&[&["log", "report", "rules", "--format", "json"], arguments].concat());
        assert_eq!(code, 0, "{text}");
        serde_json::from_str(&text).unwrap()
    };
    let before = rules(&[]);
    let steps = before["steps"].as_array().unwrap();
    assert!(steps.iter().any(|row| row["people"].as_array().unwrap().len() == 1), "{before}");
    let count = before["rule_changes"].as_array().unwrap().len();
    site.append("people.yaml", "# Reviewed by the owners.\n");
    let mut ada = site.sit("plan.yaml --reopen --key keys/ada.pub");
    crate::support::expect(&mut ada, "? keys");
    crate::support::key(&mut ada, "r");
    crate::support::expect(&mut ada, "Enter: send");
    crate::support::key(&mut ada, "under new rules\r");
    crate::support::expect(&mut ada, "? keys");
    crate::support::key(&mut ada, "f");
    crate::support::seal(&mut ada, 3);
    let after = rules(&[]);
    let changes = after["rule_changes"].as_array().unwrap();
    // The forged session in between names no trust files.
    assert!(changes.len() > count, "{after}");
    let people = changes.iter().rfind(|row| row["file"] == "people.yaml").unwrap();
    let now = Digest::<of::File>::of(&fs::read(site.demo().join("people.yaml")).unwrap());
    assert_eq!(people["after"], now.to_string());
    assert_eq!(rules(&["--from", "2999-01-01"])["rule_changes"], serde_json::json!([]));
}

#[test]
fn events_have_the_hash_of_their_line_and_start_after_a_head() {
    let site = site();
    let events = |arguments: &[&str]| -> Vec<Value> {
        let (code, text) = site.run(&[&["log", "events"], arguments].concat());
        assert_eq!(code, 0, "{text}");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = events(&[]);
    let recorded: Vec<String> = lines(&site)
        .into_iter()
        .filter(|(_, line)| matches!(line["type"].as_str(), Some("decision" | "auto" | "export" | "result")))
        .map(|(hash, _)| hash.to_string())
        .collect();
    assert_eq!(all.iter().map(|event| event["uid"].as_str().unwrap()).collect::<Vec<_>>(), recorded);
    let (_, schema) = site.run(&["schema", "log-event"]);
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    for event in &all {
        schema.validate(event).unwrap_or_else(|error| panic!("{error}: {event}"));
    }
    let seals: Vec<String> =
        lines(&site).into_iter().filter(|(_, l)| l["type"] == "seal").map(|(hash, _)| hash.to_string()).collect();
    let since = events(&["--since", &seals[2]]);
    assert_eq!(since.iter().map(|event| event["kind"].as_str().unwrap()).collect::<Vec<_>>(), ["export", "result"]);
    assert!(events(&["--since", &seals[3]]).is_empty());
    assert_eq!(site.run(&["log", "events", "--since", &"0".repeat(64)]).0, 7, "a lost head");
    assert_eq!(site.run(&["log", "events", "--since", "abc"]).0, 2);
    let ocsf = events(&["--format", "ocsf"]);
    assert_eq!(ocsf.iter().map(|event| event["metadata"]["uid"].as_str().unwrap()).collect::<Vec<_>>(), recorded);
    let classes: Vec<u64> = ocsf.iter().map(|event| event["class_uid"].as_u64().unwrap()).collect();
    assert_eq!(classes.iter().filter(|class| **class == 3005).count(), 1, "the result of a role grant");
    assert_eq!(classes.iter().filter(|class| **class == 3004).count(), classes.len() - 1);
}

#[test]
fn the_policy_of_the_page_allows_its_stylesheet_and_nothing_else() {
    let site = site();
    let (_, page) = site.run(&["log", "report", "--format", "html"]);
    let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let hash = Digest::<of::File>::of(style.as_bytes());
    let expected = format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        base64ct::Base64::encode_string(hash.as_bytes())
    );
    assert!(page.contains(&format!("content=\"{expected}\"")), "the hash of the stylesheet is another: {expected}");
    for outside in ["http:", "https:", "url(", "@import", "<script", "<link", "<img", " src=", " href=", " style="] {
        assert!(!page.contains(outside), "{outside}");
    }
}
