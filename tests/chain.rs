//! A chain over two plans, by the record: what was approved last week and what is asked for today.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;

use serde_json::Value;
use support::{Site, decide, seal};

/// A plan of these changes of the demo's, under another id, signed by the assistant.
fn plan(site: &Site, id: &str, keep: &[&str], reworded: bool) -> String {
    let whole = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let (head, changes) = whole.split_once("changes:\n").unwrap();
    let mut parts: Vec<String> = Vec::new();
    for line in changes.lines().filter(|line| !line.trim_start().starts_with('#')) {
        if line.starts_with("  - id:") {
            parts.push(String::new());
        }
        let last = parts.last_mut().unwrap();
        last.push_str(line);
        last.push('\n');
    }
    let wanted = |part: &&String| keep.iter().any(|id| part.starts_with(&format!("  - id: {id}\n")));
    let kept: String = parts.iter().filter(wanted).map(String::as_str).collect();
    let mut text = format!("{}changes:\n{kept}", head.replace("PLAN-DEMO-1", id));
    if reworded {
        text = text.replace("The job has to start its own retry.", "Nightly retries need this, as the team agreed.");
    }
    let name = format!("{id}.yaml");
    fs::write(site.demo().join(&name), text).unwrap();
    site.sign(&name);
    name
}

fn json(site: &Site, arguments: &[&str]) -> Value {
    let (_, text) = site.run(&[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn messages(report: &Value) -> Vec<String> {
    let list = report["findings"].as_array().unwrap();
    list.iter().map(|f| f["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_second_half_of_a_chain_is_seen_in_the_light_of_the_first_and_a_reject_is_remembered() {
    let site = Site::new();
    let (first, second) = (plan(&site, "PLAN-17", &["c5"], false), plan(&site, "PLAN-23", &["c6"], false));

    let before = json(&site, &["check", &second]);
    assert_eq!(before["changes"][0]["emergent"], serde_json::json!([]), "alone it is harmless: {before}");
    assert_eq!(before["changes"][0]["steps"].as_array().unwrap().iter().filter(|s| s["state"] == "missing").count(), 1);

    let mut ada = site.sit(&format!("{first} --key keys/ada.pub"));
    decide(&mut ada, &[("c5", "a", "Type `yes`", "yes")]);
    seal(&mut ada, 0);

    let after = json(&site, &["check", &second]);
    let emergent = &after["changes"][0]["emergent"][0];
    assert_eq!(emergent["with_approved"], serde_json::json!(["PLAN-17/c5"]), "{after}");
    assert_eq!(emergent["cheapest_to_drop"], serde_json::json!(["c6"]));
    assert!(emergent["summary"].as_str().unwrap().contains("vault"), "{emergent}");
    assert!(messages(&after).iter().any(|m| m.contains("approved as `PLAN-17/c5`")), "{:?}", messages(&after));
    let missing = after["changes"][0]["steps"].as_array().unwrap().iter().filter(|s| s["state"] == "missing").count();
    assert_eq!(missing, 2, "now security is asked as well");

    // The plan that was approved sees nothing new in itself.
    let own = json(&site, &["check", &first]);
    assert_eq!(own["changes"][0]["emergent"], serde_json::json!([]));

    let mut ada = site.sit(&format!("{second} --key keys/ada.pub"));
    decide(&mut ada, &[("c6", "r", "Why", "with c5 it opens the vault")]);
    seal(&mut ada, 4);

    let again = plan(&site, "PLAN-31", &["c6"], true);
    let told = json(&site, &["explain", &again, "c6"]);
    let reason = messages(&told).into_iter().find(|m| m.contains("rejected in `PLAN-23`")).expect("it is recognised");
    assert!(reason.contains("with c5 it opens the vault") && reason.contains("ada"), "{reason}");
    let (code, text) = site.run(&["check", &again]);
    assert!(text.contains("rejected-before") && text.contains("with c5 it opens the vault"), "{code} {text}");
}
