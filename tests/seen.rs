//! Nothing is approved unseen: what a change gives, and who rejected it, is on every surface, whatever policy says.
//!
//! The binary runs on the demo's site, reviews in a pseudo-terminal.

use std::fs;

use serde_json::Value;

use crate::support::{Site, decide, expect, in_days, key, seal};

const FORMATS: &[&str] = &["text", "json", "sarif", "junit", "github", "gitlab", "markdown"];

/// Writes and signs a plan of the demo's assistant with these changes.
fn propose(site: &Site, id: &str, changes: &str) {
    let text = format!(
        "version: 1\nid: {id}\nproposer: {}\non_behalf_of: user:lena\ntask: TASK-881\nintent: Test what is shown.\nexpires: {}\n\
         changes:\n{changes}",
        crate::support::ASSISTANT,
        in_days(3)
    );
    fs::write(site.demo().join("new.yaml"), text).unwrap();
    let _ = fs::remove_file(site.demo().join("new.yaml.sig"));
    site.sign("new.yaml");
}

/// Text in which line breaks, escapes and markup of the medium play no part.
fn plain(text: &str) -> String {
    let text = text.replace("&#8203;", "").replace("&quot;", "\"").replace(['\\', '│', '┆'], "").replace("%25", "%");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const ROLES: &str = "  - id: make
    action: create_role
    role: report-reader
    kinds: [human]
    includes: [ledger-reader]
    permissions:
      - {action: \"payments:transfer\", resource: \"acct:main\"}
      - {action: \"reports:read\", resource: \"reports:x\", condition: \"office hours only\"}
      - {action: \"reports:purge\", resource: \"reports:y\", effect: deny}
    reason: A role for reports.
  - id: redefine
    action: set_role
    role: job-starter
    permissions:
      - {action: \"vault:open\", resource: \"vault/all\"}
    reason: Tidies up.
";

#[test]
fn every_permission_include_condition_and_kind_that_a_change_states_is_in_every_format() {
    let site = Site::new();
    propose(&site, "PLAN-ROLES", ROLES);
    let commands: Vec<Vec<&str>> = vec![
        vec!["check", "new.yaml"],
        vec!["check", "new.yaml", "--all"],
        vec!["gate", "new.yaml", "--trust", "."],
        vec!["diff", "new.yaml"],
        vec!["diff", "new.yaml", "--all"],
        vec!["explain", "new.yaml", "make"],
    ];
    for command in commands {
        for format in FORMATS {
            let mut command = command.clone();
            command.extend(["--format", format]);
            let (_, text) = site.run(&command);
            let text = plain(&text);
            let mut wanted = vec![
                "payments:transfer",
                "acct:main",
                "reports:read",
                "office hours only",
                "reports:purge",
                "ledger-reader",
                "human",
            ];
            if command[0] != "explain" {
                wanted.extend(["vault:open", "vault/all"]);
            }
            for wanted in wanted {
                assert!(text.contains(wanted), "{command:?} does not show `{wanted}`: {text}");
            }
            assert!(text.contains("denies") || text.contains("deny"), "{command:?}: {text}");
        }
    }
}

#[test]
fn the_card_shows_what_a_role_states_before_it_is_approved_and_the_log_afterwards() {
    let site = Site::new();
    propose(&site, "PLAN-ROLES", ROLES);
    let mut bo = site.sit("new.yaml --key keys/bo.pub");
    let mut seen = String::new();
    for _ in 0..2 {
        let mut card = bo.exp_string("? keys").unwrap();
        if card.contains("Before you decide") {
            key(&mut bo, "g");
            card = bo.exp_string("? keys").unwrap();
        }
        key(&mut bo, "r");
        expect(&mut bo, "Enter: send");
        key(&mut bo, "not now\r");
        seen.push_str(&card);
    }
    for wanted in ["payments:transfer", "if `office hours only`", "meant for human", "includes role `ledger-reader`"] {
        assert!(seen.contains(wanted), "the card lacks {wanted}: {seen}");
    }
    assert!(seen.contains("`vault:open` on `vault/all`") && seen.contains("no longer allows"), "{seen}");
    expect(&mut bo, "Type `seal` to seal and sign");
    key(&mut bo, "seal\r");
    expect(&mut bo, "sealed and appended to");
    for format in ["text", "json", "markdown"] {
        let (_, text) = site.run(&["log", "show", "--format", format]);
        let text = plain(&text);
        assert!(text.contains("payments:transfer") && text.contains("office hours only"), "{format}: {text}");
    }
}

#[test]
fn the_word_that_approves_a_role_of_the_plan_is_not_the_plans() {
    let site = Site::new();
    let changes = "  - id: make
    action: create_role
    role: yes
    permissions: [{action: \"*\", resource: \"*\"}]
    reason: A role.
";
    propose(&site, "PLAN-YES", &changes.replace("role: yes", "role: \"yes\""));
    let (_, text) = site.run(&["check", "new.yaml", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let digest = report["changes"][0]["digest"].as_str().unwrap()[..4].to_owned();
    assert_eq!(report["changes"][0]["privileged"], true, "{text}");
    let mut bo = site.sit("new.yaml --key keys/bo.pub");
    let card = bo.exp_string("? keys").unwrap();
    if card.contains("Before you decide") {
        key(&mut bo, "g");
        bo.exp_string("? keys").unwrap();
    }
    key(&mut bo, "a");
    expect(&mut bo, &format!("Type `approve-{digest}` to approve:"));
    key(&mut bo, "yes\r");
    expect(&mut bo, "nothing was decided");
    key(&mut bo, "\u{1b}");
    bo.exp_string("? keys").unwrap();
    key(&mut bo, "q");
}

#[test]
fn a_rejection_is_shown_everywhere_although_policy_denies_the_change_too() {
    let site = Site::new();
    let skip = |change| (change, "s", "", "");
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    decide(
        &mut ada,
        &[("c3", "r", "Reason to", "a `machine` holds nothing"), skip("c2"), skip("c6"), skip("c1"), skip("c5")],
    );
    seal(&mut ada, 3);
    for command in
        [vec!["gate", "plan.yaml", "--trust", "."], vec!["status", "plan.yaml"], vec!["explain", "plan.yaml", "c3"]]
    {
        for format in ["text", "json", "markdown"] {
            let mut command = command.clone();
            command.extend(["--format", format]);
            let (_, text) = site.run(&command);
            let text = plain(&text);
            assert!(text.contains("a `machine` holds nothing"), "{command:?} hides the rejection: {text}");
        }
    }
    let (code, text) = site.run(&["gate", "plan.yaml", "--trust", ".", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(code, 3, "policy denies it, too");
    let c3 = report["changes"].as_array().unwrap().iter().find(|c| c["id"] == "c3").unwrap();
    assert_eq!((c3["outcome"].as_str(), c3["state"].as_str()), (Some("denied"), Some("rejected")));
    assert_eq!(c3["rejections"][0]["by"], "ada");
    assert!(report["findings"].as_array().unwrap().iter().any(|f| f["code"] == "rejected"), "{text}");
}

#[test]
fn an_override_that_a_rejection_makes_idle_says_so_before_it_is_given() {
    let site = Site::new();
    let skip = |change| (change, "s", "", "");
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    decide(
        &mut ada,
        &[("c3", "r", "Reason to", "machines hold nothing"), skip("c2"), skip("c6"), skip("c1"), skip("c5")],
    );
    seal(&mut ada, 3);
    let mut bo = site.sit("plan.yaml --key keys/bo.pub");
    let mut card = bo.exp_string("? keys").unwrap();
    if card.contains("Before you decide") {
        key(&mut bo, "g");
        card = bo.exp_string("? keys").unwrap();
    }
    assert!(card.contains("`svc:reconcile`") && card.contains("rejected by `ada`"), "{card}");
    key(&mut bo, "l");
    let list = bo.exp_string("Number of the change").unwrap();
    assert!(list.contains("rejected"), "{list}");
    key(&mut bo, "\u{1b}");
    bo.exp_string("? keys").unwrap();
    key(&mut bo, "o");
    let prompt = bo.exp_string("Enter: send").unwrap();
    assert!(prompt.contains("this override has no effect while there is a rejection"), "{prompt}");
    assert!(prompt.contains("by `ada`") && prompt.contains("machines"), "{prompt}");
    key(&mut bo, "it is urgent\r");
    expect(&mut bo, "Type `ledger-admin`");
    expect(&mut bo, "Enter: send");
    key(&mut bo, "ledger-admin\r");
    bo.exp_string("? keys").unwrap();
    key(&mut bo, "f");
    let sealing = bo.exp_string("Type `seal`").unwrap();
    assert!(sealing.contains("rejected before: by `ada`"), "{sealing}");
    key(&mut bo, "\u{3}");
}

#[test]
fn the_gate_names_what_is_missing_first_and_presence_is_a_note() {
    let site = Site::new();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    let skip = |change| (change, "s", "", "");
    decide(
        &mut ada,
        &[skip("c3"), ("c2", "a", "Type `ledger-admin`", "ledger-admin"), skip("c6"), skip("c1"), skip("c5")],
    );
    seal(&mut ada, 3);
    let (_, text) = site.run(&["gate", "plan.yaml", "--trust", ".", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let verdict = report["verdict"].as_str().unwrap();
    assert!(verdict.starts_with("does not pass: `c3` is denied by policy; `c1` needs Owner ("), "{verdict}");
    assert!(!verdict.contains("presence is not proven"), "{verdict}");
    let note = report["findings"].as_array().unwrap().iter().find(|f| f["code"] == "presence-unproven").unwrap();
    assert_eq!(note["severity"], "note");
}

#[test]
fn advice_of_a_policy_is_shown_with_its_backticks_as_they_are() {
    let site = Site::new();
    let (_, text) = site.run(&["explain", "plan.yaml", "c3"]);
    assert!(!text.contains("\\u{60}"), "{text}");
    assert!(text.contains("asks: "), "{text}");
}

#[test]
fn what_was_on_the_screen_is_in_the_log() {
    let site = Site::new();
    crate::support::three_sessions(&site);
    let log = fs::read_to_string(site.log()).unwrap();
    let decisions: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["type"] == "decision")
        .collect();
    assert!(decisions.len() >= 5);
    for decision in decisions.iter().filter(|d| d["verdict"] == "approve" && d["privileged"].is_string()) {
        let shown = &decision["shown"];
        for part in ["groups", "lines"] {
            assert_eq!(shown[part]["seen"], shown[part]["of"], "{decision}");
            assert!(shown[part]["of"].as_u64().unwrap() > 0, "{decision}");
        }
    }
}

/// A plan that creates a role with so many permissions, each different.
fn wide_role(action: &str, n: usize) -> String {
    let mut changes =
        "  - id: make\n    action: create_role\n    role: wide-role\n    reason: A wide role.\n    permissions:\n"
            .to_owned();
    for at in 0..n {
        changes.push_str(&format!("      - {{action: \"{action}\", resource: \"vault/box-{at}\"}}\n"));
    }
    changes
}

#[test]
fn json_lists_the_most_severe_by_default_with_exact_counts_and_everything_on_demand() {
    let site = Site::new();
    propose(&site, "PLAN-WIDE", &wide_role("reports:read", 60));
    let json = |arguments: &[&str]| -> Value {
        let (_, text) = site.run(arguments);
        serde_json::from_str(&text).unwrap()
    };
    let short = json(&["check", "new.yaml", "--format", "json"]);
    let change = &short["changes"][0];
    assert_eq!(change["totals"]["contents"], 60);
    let listed = change["contents"].as_array().unwrap().len() as u64;
    let more = change.get("not_listed").map_or(0, |more| more["contents"].as_u64().unwrap());
    assert_eq!(listed + more, 60, "{change}");
    if more > 0 {
        let grouped: u64 = change["groups"]["contents"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["accesses"].as_u64().unwrap())
            .sum();
        assert_eq!(grouped, 60, "{change}");
    }
    let all = json(&["check", "new.yaml", "--all", "--format", "json"]);
    assert_eq!(all["changes"][0]["contents"].as_array().unwrap().len(), 60);
    assert!(all["changes"][0].get("not_listed").is_none());
}

#[test]
fn a_change_too_wide_to_read_cannot_be_approved_and_says_how_to_split_it() {
    let site = Site::new();
    propose(&site, "PLAN-WIDE", &wide_role("vault:open", 130));
    let (_, text) = site.run(&["check", "new.yaml", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let severe = report["changes"][0]["totals"]["severe"].as_u64().unwrap();
    assert_eq!(severe, 130, "{text}");
    let finding = report["findings"].as_array().unwrap().iter().find(|f| f["code"] == "too-much-to-approve").unwrap();
    assert!(finding["help"].as_str().unwrap().contains("split"), "{finding}");
    let mut bo = site.sit("new.yaml --key keys/bo.pub");
    let card = bo.exp_string("? keys").unwrap();
    if card.contains("Before you decide") {
        key(&mut bo, "g");
        bo.exp_string("? keys").unwrap();
    }
    key(&mut bo, "        a");
    expect(&mut bo, "this key has no effect here");
    key(&mut bo, "q");
}
