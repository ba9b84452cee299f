//! `review trust check`: each thing that can be wrong with the trust files, by name, where it stands and in every format.

use serde_json::Value;

use crate::support::Site;
use crate::trust_faults::{CASES, add_signer, site_policy};

fn check(site: &Site) -> (i32, Value) {
    let (code, text) = site.run(&["trust", "check", "--format", "json"]);
    (code, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
}

fn codes(report: &Value) -> Vec<String> {
    report["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn nothing_is_wrong_with_the_demo() {
    let site = Site::new();
    let (code, text) = site.run(&["trust", "check", "--strict"]);
    assert!(code == 0 && text.contains("have no faults"), "{text}");
}

#[test]
fn each_fault_of_the_trust_files_is_named_with_its_place_and_a_mend() {
    for (name, tamper, code, severity, place) in CASES {
        let site = Site::new();
        tamper(&site);
        let (exit, report) = check(&site);
        let found = report["findings"].as_array().unwrap();
        let finding = found.iter().find(|f| f["code"] == *code).unwrap_or_else(|| panic!("{name}: {report}"));
        assert_eq!(finding["severity"], *severity, "{name}: {finding}");
        let stands = format!("{}:{}", finding["file"].as_str().unwrap(), finding["line"]);
        assert!(stands.starts_with(place), "{name}: {stands}");
        assert!(finding["column"].as_u64().is_some_and(|column| column > 0), "{name}: {finding}");
        assert!(finding["help"].as_str().is_some_and(|help| !help.is_empty()), "{name}: {finding}");
        let fails = found.iter().any(|f| f["severity"] == "error");
        assert_eq!(exit, i32::from(fails), "{name}: {report}");
        let (exit, text) = site.run(&["trust", "check", "--strict"]);
        assert_eq!(exit, 1, "{name}: {text}");
    }
}

#[test]
fn a_day_or_a_site_that_allows_no_more_is_short_enough_for_an_agent() {
    let site = Site::new();
    site.replace("agents.yaml", "    max_credential_ttl: 1d\n", "");
    site.append("review.yaml", "parameters: {max_credential_ttl: 12h}\n");
    assert!(!codes(&check(&site).1).contains(&"long-lived-agent".to_owned()));
    site.replace("review.yaml", "max_credential_ttl: 12h", "max_credential_ttl: 36h");
    let (_, report) = check(&site);
    let said = report["findings"].to_string();
    assert!(said.contains("long-lived-agent") && said.contains("may last 36h"), "{said}");
    // People who propose are not agents, and whoever has no proof has no credential.
    site.append("agents.yaml", "  - id: user:bo\n    kind: person\n");
    site.replace("agents.yaml", "    may_hold: []\n", "    kind: person\n    may_hold: []\n");
    assert!(!codes(&check(&site).1).contains(&"long-lived-agent".to_owned()));
}

#[test]
fn all_faults_are_told_at_once_in_every_format() {
    let site = Site::new();
    let shared = site.public_key("ada");
    add_signer(&site, &format!("bo@corp.example namespaces=\"review-seal@v1\" {shared}"));
    site.replace("tasks.yaml", "    owner: user:lena\n", "");
    site.append("people.yaml", "  more: [nobody]\n");
    site.replace("review.yaml", "snapshot:", "snap:");
    let (code, report) = check(&site);
    assert_eq!(code, 1);
    let found = codes(&report);
    for code in ["task-without-owner", "bad-configuration", "unknown-field"] {
        assert!(found.iter().any(|f| f == code), "{code}: {found:?}");
    }
    for format in ["text", "sarif", "junit", "github", "gitlab", "markdown"] {
        let (exit, text) = site.run(&["trust", "check", "--format", format]);
        assert!(exit == 1 && text.replace('\\', "").contains("tasks.yaml"), "{format}: {text}");
    }
}

#[test]
fn a_key_of_two_people_or_of_a_machine_keeps_the_site_from_judging() {
    for who in ["ada", "assistant"] {
        let site = Site::new();
        let key = site.public_key(who);
        add_signer(&site, &format!("bo@corp.example namespaces=\"review-seal@v1\" {key}"));
        let (code, text) = site.run(&["check", "plan.yaml"]);
        assert!(code == 1 && text.contains("a trust file is invalid"), "{text}");
    }
}

#[test]
fn a_misspelt_identity_or_group_of_a_person_is_told_and_one_of_another_system_is_not() {
    let site = Site::new();
    let path = site.demo().join("snapshot.json");
    let mut snapshot: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    snapshot["identities"].as_array_mut().unwrap().push(serde_json::json!({"id": "user:bob", "kind": "human"}));
    snapshot["groups"].as_array_mut().unwrap().push(serde_json::json!({"id": "group:break-glass"}));
    std::fs::write(&path, snapshot.to_string()).unwrap();
    site.replace("people.yaml", "[\"user:bo\"]", "[\"user:boob\", \"aws:bo\"]");
    site.append("people.yaml", "barring_groups: [\"group:break-glas\"]\n");
    let (code, report) = check(&site);
    let found = report["findings"].as_array().unwrap();
    let told: Vec<&str> = (found.iter())
        .filter(|f| f["code"] == "dangling-reference" && f["file"].as_str().unwrap().ends_with("people.yaml"))
        .map(|f| f["message"].as_str().unwrap())
        .collect();
    assert_eq!(told.len(), 2, "{report}");
    assert!(told.iter().any(|m| m.contains("`user:boob`") && m.contains("`user:bob`")), "{told:?}");
    assert!(told.iter().any(|m| m.contains("`group:break-glas`") && m.contains("`group:break-glass`")), "{told:?}");
    assert_eq!(code, 0, "a warning: {report}");
    assert_eq!(site.run(&["trust", "check", "--strict"]).0, 1);
}

#[test]
fn a_name_that_a_policy_asks_for_and_nothing_has_comes_with_the_nearest() {
    let help = |condition: &str| {
        let site = Site::new();
        site_policy(&site, condition);
        let report = check(&site).1;
        let found = report["findings"].as_array().unwrap().iter().find(|f| f["code"] == "dangling-reference").cloned();
        found.map(|f| f["help"].as_str().unwrap().to_owned())
    };
    let scope = |id: &str| format!("resource has scope && resource.scope in Resource::\"{id}\"");
    assert_eq!(help(&scope("db:ledger")), None);
    assert!(help(&scope("db:ledgr")).unwrap().contains("`db:ledger`"));
    assert!(help("principal == Identity::\"user:bo\"").unwrap().contains("`person:bo`"));
    assert_eq!(help("principal == Identity::\"person:bo\""), None);
    let member = |group: &str| format!("principal in Group::\"{group}\"");
    assert!(help(&member("approvers:identity-securty")).unwrap().contains("`approvers:identity-security`"));
    assert_eq!(help(&member("approvers:break-glass")), None);
    assert_eq!(help("resource has role && resource.role.name like \"ledger-*\""), None);
    assert_eq!(help("resource has role && [\"deployer\"].contains(resource.role.name)"), None);
}

#[test]
fn a_person_who_proposes_and_owns_the_task_is_a_person() {
    let site = Site::new();
    site.append("agents.yaml", "  - id: user:bo\n    kind: person\n");
    site.replace("tasks.yaml", "owner: user:lena", "owner: user:bo");
    let (code, report) = check(&site);
    assert_eq!(code, 0, "{report}");
    assert!(!report["findings"].to_string().contains("the agent `user:bo`"), "{report}");
}

#[test]
fn remembered_heads_that_are_none_are_an_error_before_any_gate() {
    let site = Site::new();
    site.append("known_heads", "abc\n");
    let (code, report) = check(&site);
    assert_eq!(code, 1, "{report}");
    let said = report["findings"].to_string();
    assert!(said.contains("line 1: this is not the hash") && said.contains("known_heads"), "{said}");
}
