//! A baseline records access as inherited, not approved, and what neither it nor a decision covers is due.

use std::fs;

use crate::support::{Site, expect, key, unbroken};
use review::input::time::Time;
use rexpect::session::PtySession;
use serde_json::{Value, json};

const RECORD: &str = "baseline --snapshot snapshot.json --reason 'before the tool'";

fn site() -> Site {
    Site::with_plan(&["c1"], &[])
}

fn ends(terminal: &mut PtySession, code: i32) -> String {
    let said = terminal.exp_string("exit=").unwrap_or_else(|error| panic!("it did not end: {error}"));
    let line = terminal.read_line().unwrap();
    assert_eq!(line.trim(), code.to_string(), "{said}");
    unbroken(&said)
}

/// Bo, who may override, records a baseline.
fn record(site: &Site, more: &str) -> String {
    let mut bo = site.sit(&format!("{RECORD} {more} --key keys/bo.pub"));
    expect(&mut bo, "Type `inherited`");
    key(&mut bo, "inherited");
    key(&mut bo, "\r");
    ends(&mut bo, 0)
}

fn in_days(days: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    Time::from_unix(i64::try_from(now).unwrap() + days * 86_400).to_string()
}

fn shadow(site: &Site, snapshot: &str, at: &str) -> Vec<Value> {
    let (code, text) = site.run(&["due", "--snapshot", snapshot, "--at", at, "--format", "json"]);
    assert_eq!(code, 0, "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    report["shadow"].as_array().unwrap().clone()
}

fn read_json(site: &Site, name: &str) -> Value {
    serde_json::from_slice(&fs::read(site.demo().join(name)).unwrap()).unwrap()
}

fn reconciliation(site: &Site, snapshot: &str) -> Value {
    let (code, text) = site.run(&["log", "report", "--population", snapshot, "--format", "json"]);
    assert_eq!(code, 0, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["head"]["reconciliation"].clone()
}

#[test]
fn inherited_access_is_not_due_until_its_end_and_other_access_without_a_decision_is() {
    let site = site();
    let before = shadow(&site, "snapshot.json", &in_days(0));
    assert!(!before.is_empty() && before.iter().all(|row| row["why"] == "no decision gave it"), "{before:?}");
    let memberships = before.iter().filter(|row| row["holds"] == "membership").count();
    assert!(memberships > 0 && memberships < before.len(), "assignments and memberships");
    let said = record(&site, "");
    assert!(said.contains(&format!("{} assignments and memberships", before.len())), "{said}");
    assert_eq!(shadow(&site, "snapshot.json", &in_days(1)), Vec::<Value>::new());
    // Privileged access is due after 90 days, and the rest after 180.
    assert_eq!(shadow(&site, "snapshot.json", &in_days(89)).len(), 0);
    let privileged = shadow(&site, "snapshot.json", &in_days(91));
    assert!(!privileged.is_empty() && privileged.len() < before.len(), "{privileged:?}");
    assert!(privileged.iter().all(|row| row["why"] == "its baseline has ended"));
    assert_eq!(shadow(&site, "snapshot.json", &in_days(179)).len(), privileged.len());
    assert_eq!(shadow(&site, "snapshot.json", &in_days(181)).len(), before.len());
    // Access that came since, and access whose mode or end is another, is not covered.
    let mut later = read_json(&site, "snapshot.json");
    let first = later["assignments"][0].clone();
    let mut new = first.clone();
    (new["id"], new["who"]) = ("new".into(), "user:nobody-knows".into());
    later["identities"].as_array_mut().unwrap().push(json!({"id": "user:nobody-knows", "kind": "human"}));
    later["assignments"][0]["mode"] = "active".into();
    later["assignments"][0]["until"] = in_days(900).into();
    later["assignments"].as_array_mut().unwrap().push(new);
    fs::write(site.demo().join("later.json"), later.to_string()).unwrap();
    let found = shadow(&site, "later.json", &in_days(1));
    let ids: Vec<&str> = found.iter().map(|row| row["assignment"].as_str().unwrap()).collect();
    assert_eq!(ids, [first["id"].as_str().unwrap(), "new"], "{found:?}");
    let sum = reconciliation(&site, "later.json");
    assert_eq!((&sum["shadow"], &sum["inherited"]), (&2.into(), &(before.len() as u64 - 1).into()), "{sum}");
}

#[test]
fn a_baseline_counts_only_for_its_targets_and_while_its_author_may_record_it() {
    let site = site();
    let all = shadow(&site, "snapshot.json", &in_days(0)).len();
    record(&site, "");
    let mut other = read_json(&site, "snapshot.json");
    other["target"] = json!({"id": "another", "system": "demo"});
    fs::write(site.demo().join("other.json"), other.to_string()).unwrap();
    assert_eq!(shadow(&site, "other.json", &in_days(1)).len(), all);
    assert_eq!(shadow(&site, "snapshot.json", &in_days(1)).len(), 0);
    let path = site.demo().join("people.yaml");
    let people = fs::read_to_string(&path).unwrap();
    assert!(people.contains("break-glass"), "{people}");
    fs::write(&path, people.replace("break-glass", "no-longer")).unwrap();
    assert_eq!(shadow(&site, "snapshot.json", &in_days(1)).len(), all);
}

#[test]
fn a_baseline_is_signed_shown_verified_and_approves_nothing() {
    let site = site();
    let (gate, _) = site.run(&["gate", "plan.yaml", "--trust", "."]);
    let said = record(&site, &format!("--until {}", &in_days(30)[..10]));
    assert!(said.contains("as inherited until"), "{said}");
    assert_eq!(site.run(&["gate", "plan.yaml", "--trust", "."]).0, gate, "it approves nothing");
    let (code, text) = site.run(&["verify", "review-log.jsonl"]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = site.run(&["log", "show"]);
    assert!(code == 0 && text.contains("baseline") && text.contains("before the tool"), "{text}");
    let (_, text) = site.run(&["log", "events"]);
    assert!(text.contains("\"kind\":\"baseline\"") && text.contains("\"until_privileged\""), "{text}");
    let (_, text) = site.run(&["log", "events", "--format", "ocsf"]);
    assert!(text.contains("\"type\":\"baseline\"") && text.contains("as inherited"), "{text}");
    // The verifier that was written from the log's page alone says the same.
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/second_verifier.py");
    let arguments = [script, "allowed_signers", "review-log.jsonl"];
    let output = site.command("python3", &site.demo()).args(arguments).output().expect("python3 runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("holds"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn only_a_person_who_may_freeze_everything_records_one_for_a_limited_time() {
    let site = site();
    let mut ada = site.sit(&format!("{RECORD} --key keys/ada.pub"));
    let said = ends(&mut ada, 1);
    assert!(said.contains("you may not record a baseline"), "{said}");
    for until in ["2020-01-01", "2999-01-01"] {
        let mut bo = site.sit(&format!("{RECORD} --until {until} --key keys/bo.pub"));
        let said = ends(&mut bo, 1);
        assert!(said.contains("within 366d"), "{said}");
    }
    let mut esc = site.sit(&format!("{RECORD} --key keys/bo.pub"));
    expect(&mut esc, "Type `inherited`");
    key(&mut esc, "\u{1b}");
    assert!(ends(&mut esc, 5).contains("nothing was recorded"));
    let (code, text) = site.run(&["baseline", "--snapshot", "snapshot.json", "--reason", "x", "--key", "keys/bo.pub"]);
    assert!(code == 1 && text.contains("no terminal"), "{text}");
}

#[test]
fn a_withdrawn_baseline_covers_nothing_and_the_report_on_rules_lists_both() {
    let site = site();
    let all = shadow(&site, "snapshot.json", &in_days(0)).len();
    record(&site, "");
    assert_eq!(shadow(&site, "snapshot.json", &in_days(1)).len(), 0);
    let rules = || {
        let (code, text) = site.run(&["log", "report", "rules", "--format", "json"]);
        assert_eq!(code, 0, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()["baselines"].as_array().unwrap().clone()
    };
    let line = rules()[0]["baseline"].as_str().unwrap().to_owned();
    let withdraw = |site: &Site, line: &str, person: &str| {
        site.sit(&format!("baseline --withdraw {line} --reason 'it was of a test system' --key keys/{person}.pub"))
    };
    for (named, person, says) in [
        (line.as_str(), "ada", "you may not withdraw a baseline"),
        (&line[..7], "bo", "is too short"),
        (&"0".repeat(64), "bo", "the log has no baseline"),
    ] {
        let mut terminal = withdraw(&site, named, person);
        let said = ends(&mut terminal, 1);
        assert!(said.contains(says), "{said}");
    }
    let mut bo = withdraw(&site, &line[..12], "bo");
    expect(&mut bo, "Type `withdraw`");
    key(&mut bo, "withdraw\r");
    assert!(ends(&mut bo, 0).contains("withdrew the baseline of"));
    assert_eq!(shadow(&site, "snapshot.json", &in_days(1)).len(), all);
    assert_eq!(reconciliation(&site, "snapshot.json")["inherited"], 0);
    let rows = rules();
    assert_eq!((&rows[0]["what"], &rows[1]["what"]), (&"baseline".into(), &"withdrawal".into()), "{rows:?}");
    assert_eq!((&rows[1]["baseline"], &rows[1]["person"]), (&line.as_str().into(), &"bo".into()));
    let mut again = withdraw(&site, &line, "bo");
    assert!(ends(&mut again, 1).contains("was withdrawn before"));
    let (_, text) = site.run(&["log", "events"]);
    assert!(text.contains("\"kind\":\"withdrawal\"") && text.contains(&line), "{text}");
    assert_eq!(site.run(&["verify", "review-log.jsonl"]).0, 0);
}
