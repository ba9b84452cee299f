//! Decisions are bound to the system that they were made for.

use std::fs;

use crate::support::{Site, three_sessions};
use serde_json::{Value, json};

fn report(site: &Site, arguments: &[&str]) -> (i32, Value) {
    let (code, text) = site.run(&[arguments, &["--format", "json"]].concat());
    (code, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
}

fn gate(site: &Site) -> (i32, Value) {
    report(site, &["gate", "plan.yaml", "--trust", "."])
}

fn state<'r>(report: &'r Value, change: &str) -> &'r str {
    let changes = report["changes"].as_array().unwrap();
    changes.iter().find(|it| it["id"] == change).unwrap()["state"].as_str().unwrap()
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect()
}

/// Writes what a snapshot says of its system.
fn edit(site: &Site, edit: impl Fn(&mut Value)) {
    let path = site.demo().join("snapshot.json");
    let mut snapshot: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut snapshot);
    fs::write(path, snapshot.to_string()).unwrap();
}

fn says(report: &Value, code: &str) -> String {
    let findings = report["findings"].as_array().unwrap().iter();
    let messages: Vec<&str> = findings.filter(|f| f["code"] == code).map(|f| f["message"].as_str().unwrap()).collect();
    messages.join("\n")
}

#[test]
fn an_approval_does_not_hold_for_another_system() {
    let site = Site::new();
    edit(&site, |s| s["target"] = json!({"system": "demo", "id": "staging"}));
    three_sessions(&site);
    let (_, before) = gate(&site);
    assert_eq!(state(&before, "c2"), "approved");
    assert_eq!(before["changes"][0]["targets"][0]["id"], "staging");
    assert!(!codes(&before).contains(&"no-target"), "{:?}", codes(&before));
    let log = fs::read_to_string(site.log()).unwrap();
    assert!(log.lines().next().unwrap().contains(r#""targets":[{"id":"staging","system":"demo"}]"#));
    for other in [json!({"system": "demo", "id": "production"}), Value::Null] {
        edit(&site, |s| s["target"] = other.clone());
        if other.is_null() {
            edit(&site, |s| drop(s.as_object_mut().unwrap().remove("target")));
        }
        let (code, after) = gate(&site);
        assert_ne!((code, state(&after, "c2")), (0, "approved"), "{other}");
        let void = says(&after, "approval-void");
        assert!(void.contains("another target: ") && void.contains("in place of `demo` `staging`"), "{void}");
    }
    assert!(codes(&gate(&site).1).contains(&"no-target"));
}

#[test]
fn without_a_target_an_approval_holds_for_the_same_source_only() {
    let site = Site::new();
    three_sessions(&site);
    assert_eq!(state(&gate(&site).1, "c2"), "approved");
    edit(&site, |s| s["source"] = json!("another"));
    let (_, after) = gate(&site);
    assert_ne!(state(&after, "c2"), "approved");
    assert!(says(&after, "approval-void").contains("another target: "), "{after}");
}

#[test]
fn a_log_that_began_elsewhere_is_a_warning_of_trust_check() {
    let site = Site::new();
    edit(&site, |s| s["target"] = json!({"system": "demo", "id": "staging"}));
    three_sessions(&site);
    let check = |site: &Site| {
        let (code, report) = report(site, &["trust", "check"]);
        (code, codes(&report).iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(check(&site), (0, Vec::new()));
    edit(&site, |s| s["target"] = json!({"system": "demo", "id": "production"}));
    assert_eq!(check(&site), (0, vec!["other-target".to_owned()]));
    let settings = fs::read_to_string(site.demo().join("review.yaml")).unwrap();
    let id = settings.lines().find_map(|line| line.strip_prefix("log_id: ")).unwrap().trim().to_owned();
    site.replace("review.yaml", &id, "0123456789abcdef0123456789abcdef");
    assert_eq!(check(&site).1, ["log-foreign-session", "other-target"]);
}

#[test]
fn a_snapshot_without_a_target_is_reported_by_trust_check_and_gate() {
    let site = Site::new();
    let severity = |site: &Site| {
        let (code, checked) = report(site, &["trust", "check"]);
        let findings = checked["findings"].as_array().unwrap();
        let found = findings.iter().find(|f| f["code"] == "no-target").unwrap();
        (code, found["severity"].as_str().unwrap().to_owned())
    };
    assert_eq!(severity(&site), (0, "note".to_owned()));
    three_sessions(&site);
    assert_eq!(severity(&site), (0, "warning".to_owned()), "a copy of the folder would accept these decisions");
    assert!(codes(&gate(&site).1).contains(&"no-target"));
    edit(&site, |s| s["target"] = json!({"system": "demo", "id": "staging"}));
    assert!(!codes(&report(&site, &["trust", "check"]).1).contains(&"no-target"));
}
