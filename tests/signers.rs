//! Who signed, as whom, with a key of which the site says what, and for which log.

use std::fs;

use crate::support::{Site, decide, expect, key, now, seal};
use serde_json::Value;

fn json(site: &Site, arguments: &[&str]) -> (i32, Value) {
    let output = site.run_in(&site.demo(), &[arguments, &["--format", "json"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let value = serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("{e}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), value)
}

fn messages(value: &Value, code: &str) -> Vec<String> {
    let found = value["findings"].as_array().unwrap().iter().filter(|f| f["code"] == code);
    found.map(|f| f["message"].as_str().unwrap().to_owned()).collect()
}

fn state(value: &Value, id: &str) -> String {
    let change = value["changes"].as_array().unwrap().iter().find(|c| c["id"] == id).unwrap();
    change["state"].as_str().unwrap().to_owned()
}

/// Ada approves the first change and nothing else, and seals.
fn ada_approves(site: &Site) {
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    let skip = |change| (change, "s", "", "");
    decide(&mut ada, &[skip("c3"), skip("c2"), skip("c6"), ("c1", "a", "Type `yes`", "yes"), skip("c5")]);
    seal(&mut ada, 3);
}

/// The end of a key, as `allowed_signers` writes it.
fn ended() -> String {
    let at = now().to_string();
    while now().to_string() == at {
        std::thread::yield_now();
    }
    at.chars().filter(char::is_ascii_digit).collect::<String>() + "Z"
}

#[test]
fn an_approval_counts_no_more_once_its_key_has_ended_unless_the_site_says_so() {
    let site = Site::new();
    ada_approves(&site);
    let gate = || json(&site, &["gate", "plan.yaml", "--trust", "."]).1;
    assert_eq!(state(&gate(), "c1"), "approved");
    let end = format!("ada@corp.example namespaces=\"review-seal@v1\",valid-before=\"{}\"", ended());
    site.replace("allowed_signers", "ada@corp.example namespaces=\"review-seal@v1\"", &end);
    let (code, verified) = json(&site, &["verify", "review-log.jsonl"]);
    assert_eq!(code, 0, "the log is what it was: {verified}");
    let report = gate();
    assert_ne!(state(&report, "c1"), "approved");
    let said = messages(&report, "approval-expired");
    assert!(said.iter().any(|m| m.contains("`ada`") && m.contains("the key expired at")), "{said:?}");
    site.append("review.yaml", "approvals_of_ended_keys: count\n");
    let report = gate();
    assert_eq!(state(&report, "c1"), "approved");
    assert!(messages(&report, "approval-key-ended")[0].contains("`ada`"), "{report}");
    // A line that goes on for the same key means that it did not end.
    site.replace("review.yaml", "approvals_of_ended_keys: count\n", "");
    let renewed = format!("ada@corp.example namespaces=\"review-seal@v1\" {}\n", site.public_key("ada"));
    site.append("allowed_signers", &renewed);
    assert_eq!(state(&gate(), "c1"), "approved");
}

#[test]
fn a_session_that_its_writer_did_not_sign_is_a_fault_and_counts_for_nothing() {
    let site = Site::new();
    ada_approves(&site);
    assert_eq!(json(&site, &["verify", "review-log.jsonl"]).0, 0);
    let people = fs::read_to_string(site.demo().join("people.yaml")).unwrap();
    site.replace("people.yaml", "principals: [ada@corp.example]", "principals: [else@corp.example]");
    site.replace("people.yaml", "principals: [bo@corp.example]", "principals: [bo@corp.example, ada@corp.example]");
    let (code, report) = json(&site, &["verify", "review-log.jsonl"]);
    assert_eq!(code, 7, "{report}");
    let said = messages(&report, "log-other-person");
    assert!(said[0].contains("`ada`") && said[0].contains("`ada@corp.example`"), "{said:?}");
    let (code, report) = json(&site, &["gate", "plan.yaml", "--trust", "."]);
    assert_eq!((code, &*state(&report, "c1")), (3, "open"), "the session counts for nothing: {report}");
    // Whoever left the site is nobody now, and what they signed stays authentic.
    fs::write(site.demo().join("people.yaml"), people).unwrap();
    site.replace("people.yaml", "principals: [ada@corp.example]", "principals: [else@corp.example]");
    assert_eq!(json(&site, &["verify", "review-log.jsonl"]).0, 0);
}

#[test]
fn the_log_of_another_site_does_not_verify_inside_a_trust_folder() {
    let (ours, theirs) = (Site::new(), Site::new());
    ada_approves(&theirs);
    let id = |site: &Site| {
        let text = fs::read_to_string(site.demo().join("review.yaml")).unwrap();
        text.lines().find_map(|line| line.strip_prefix("log_id:")).unwrap().trim().trim_matches('"').to_owned()
    };
    let log = theirs.log().to_str().unwrap().to_owned();
    for file in ["allowed_signers", "people.yaml"] {
        fs::copy(theirs.demo().join(file), ours.demo().join(file)).unwrap();
    }
    let (code, report) = json(&ours, &["verify", &log]);
    assert_eq!(code, 7, "{report}");
    assert!(!messages(&report, "log-foreign-session").is_empty(), "{report}");
    assert_eq!(report["log_id"], id(&theirs).as_str());
    // An auditor's own files name no log; what is printed tells which one it is.
    let (code, text) = ours.run(&["verify", &log, "--signers", "allowed_signers", "--people", "people.yaml"]);
    assert!(code == 0 && text.contains(&id(&theirs)), "{text}");
    let (code, report) = json(&theirs, &["verify", &log]);
    assert_eq!((code, report["log_id"].as_str()), (0, Some(id(&theirs).as_str())));
}

#[test]
fn two_people_who_begin_in_an_empty_log_at_once_make_one_root() {
    let site = Site::new();
    let begin = |who: &str| {
        let mut terminal = site.sit(&format!("plan.yaml --key keys/{who}.pub"));
        expect(&mut terminal, "? keys");
        terminal
    };
    let (mut ada, mut bo) = (begin("ada"), begin("bo"));
    for terminal in [&mut ada, &mut bo] {
        key(terminal, "r");
        expect(terminal, "Reason to reject?");
        expect(terminal, "Enter: send");
        key(terminal, "not now\r");
        expect(terminal, "? keys");
        key(terminal, "f");
        seal(terminal, 3);
    }
    let (code, report) = json(&site, &["verify", "review-log.jsonl"]);
    assert_eq!((code, report["sessions"].as_u64()), (0, Some(2)), "{report}");
    assert_eq!(report["heads"].as_array().unwrap().len(), 1, "the second follows the first: {report}");
    assert!(messages(&report, "log-second-root").is_empty() && messages(&report, "log-time-backwards").is_empty());
}
