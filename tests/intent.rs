//! What an assistant's plan takes, who could approve it, and what a denial says: by the binary, on the demo.

use std::fs;

use crate::support::{ASSISTANT, Site, in_days};
use serde_json::{Value, json};

fn check(site: &Site, plans: &[&str]) -> (i32, Value) {
    let mut arguments = vec!["check", "--format", "json"];
    arguments.extend(plans);
    let output = site.run_in(&site.demo(), &arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    let value = serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("{e}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), value)
}

/// Writes a plan for Lena's task and signs it as the assistant.
fn propose(site: &Site, name: &str, changes: &str) -> String {
    propose_for(site, name, "user:lena", changes)
}

fn propose_for(site: &Site, name: &str, sponsor: &str, changes: &str) -> String {
    let file = format!("{name}.yaml");
    let plan = format!(
        "version: 1\nid: PLAN-{name}\nproposer: {ASSISTANT}\non_behalf_of: {sponsor}\ntask: TASK-881\nintent: i\nexpires: {}\nchanges:\n{changes}",
        in_days(2)
    );
    fs::write(site.demo().join(&file), plan).unwrap();
    site.sign(&file);
    file
}

fn change<'v>(report: &'v Value, plan: &str, id: &str) -> &'v Value {
    let all = report["changes"].as_array().unwrap_or_else(|| panic!("{report}"));
    all.iter().find(|c| c["id"] == id && c["plan"] == format!("PLAN-{plan}")).unwrap_or_else(|| panic!("{report}"))
}

fn finding<'v>(report: &'v Value, code: &str) -> &'v Value {
    let all = report["findings"].as_array().unwrap();
    all.iter().find(|f| f["code"] == code).unwrap_or_else(|| panic!("no {code}: {report}"))
}

fn revoke(id: &str, who: &str, role: &str, scope: &str) -> String {
    format!("  - {{id: {id}, action: revoke, to: \"{who}\", role: {role}, scope: \"{scope}\", reason: r}}\n")
}

/// A role of little weight that eight helpers hold, and nobody else.
fn with_helpers(site: &Site) {
    let path = site.demo().join("snapshot.json");
    let mut snapshot: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let push = |snapshot: &mut Value, list: &str, item: Value| snapshot[list].as_array_mut().unwrap().push(item);
    for role in ["helper", "spare"] {
        let permission = json!([{"action": format!("{role}:read"), "resource": "x"}]);
        push(&mut snapshot, "roles", json!({"id": role, "permissions": permission, "sensitivity": "low"}));
    }
    for n in 0..8 {
        let who = format!("user:h{n}");
        push(&mut snapshot, "identities", json!({"id": who, "kind": "human"}));
        for role in ["helper", "spare"] {
            let id = format!("{role}{n}");
            let item = json!({"id": id, "who": who, "role": role, "scope": "ci:jobs", "mode": "standing"});
            push(&mut snapshot, "assignments", item);
        }
    }
    fs::write(path, snapshot.to_string()).unwrap();
}

fn helpers(from: usize, to: usize) -> String {
    (from..to).map(|n| revoke(&format!("c{n}"), &format!("user:h{n}"), "helper", "ci:jobs")).collect()
}

#[test]
fn what_an_assistant_takes_outside_its_task_is_not_automatic() {
    let site = Site::new();
    let plan = propose(&site, "A", &revoke("c1", "user:noor", "ledger-writer", "db:ledger"));
    let (_, report) = check(&site, &[&plan]);
    assert_eq!(change(&report, "A", "c1")["outcome"], "auto", "the task holds the whole company");
    site.replace("tasks.yaml", "scope: [org:corp]", "scope: [ci:jobs]");
    let (code, report) = check(&site, &[&plan]);
    let taken = change(&report, "A", "c1");
    assert_eq!((code, taken["outcome"].as_str()), (0, Some("needs")), "{report}");
    assert_eq!((taken["in_task_scope"].as_bool(), taken["takes_in_task_scope"].as_bool()), (Some(true), Some(false)));
    assert_eq!(taken["outside"], json!([{"how": "takes", "scope": "db:ledger"}]));
}

#[test]
fn a_mass_removal_is_not_automatic_and_is_told_first() {
    let site = Site::new();
    with_helpers(&site);
    let few = propose(&site, "FEW", &helpers(0, 4));
    let (_, report) = check(&site, &[&few]);
    assert_eq!(change(&report, "FEW", "c0")["outcome"], "auto", "half of them");
    let many = propose(&site, "MANY", &(helpers(0, 5) + &revoke("x", "user:h7", "spare", "ci:jobs")));
    let (code, report) = check(&site, &[&many]);
    assert_eq!(code, 0);
    for id in ["c0", "c4", "x"] {
        assert_eq!(change(&report, "MANY", id)["outcome"], "needs", "{id}");
    }
    let removal = &report["plans"][0]["mass_removals"][0];
    assert_eq!(
        (removal["kind"].as_str(), removal["taken"].as_u64(), removal["of"].as_u64()),
        (Some("holders"), Some(5), Some(8))
    );
    assert_eq!(report["findings"][0]["code"], "mass-removal");
    let (_, text) = site.run(&["check", &many]);
    let card = text.split("Facts, computed").nth(1).unwrap();
    assert!(card.lines().nth(1).unwrap().contains("mass removal: the plan removes role `helper`"), "{card}");
}

#[test]
fn what_the_same_assistant_takes_in_another_plan_counts_together() {
    let site = Site::new();
    with_helpers(&site);
    let first = propose(&site, "FIRST", &helpers(0, 3));
    let second = propose(&site, "SECOND", &helpers(3, 6));
    let (_, alone) = check(&site, &[&second]);
    assert_eq!(change(&alone, "SECOND", "c3")["outcome"], "auto");
    let (_, both) = check(&site, &[&first, &second]);
    assert_eq!(change(&both, "FIRST", "c0")["outcome"], "auto");
    assert_eq!(change(&both, "SECOND", "c3")["outcome"], "needs", "{both}");
    let removal = &both["plans"][1]["mass_removals"][0];
    assert_eq!(removal["with_pending"], json!(["PLAN-FIRST/c0", "PLAN-FIRST/c1", "PLAN-FIRST/c2"]));
}

#[test]
fn a_change_that_nobody_could_approve_is_told_before_anybody_is_asked() {
    let site = Site::new();
    let plan = propose(&site, "P", "  - {id: c1, action: disable_identity, identity: \"user:noor\", reason: r}\n");
    let (code, report) = check(&site, &[&plan]);
    assert_eq!(code, 0, "{report}");
    let warning = finding(&report, "nobody-can-approve");
    assert!(
        warning["message"].as_str().unwrap().contains("needs Owner, which no one in people.yaml can give"),
        "{warning}"
    );
    assert!(warning["help"].as_str().unwrap().contains("`owners` in people.yaml"), "{warning}");
    assert_eq!(change(&report, "P", "c1")["steps"][0]["people"], json!([]));
    site.replace("people.yaml", "identity-security: [bo]", "identity-security: [bo]\n  owners: [ada]");
    let (_, report) = check(&site, &[&plan]);
    assert_eq!(change(&report, "P", "c1")["steps"][0]["people"], json!(["ada"]));
    assert!(!report["findings"].to_string().contains("nobody-can-approve"), "{report}");
    // One person cannot take two steps.
    let loan = "  - {id: c1, action: grant, to: \"user:ravi\", role: ledger-admin, scope: \"db:ledger\", mode: active, ttl: 1h, reason: r}\n";
    let plan = propose(&site, "Q", loan);
    assert!(!check(&site, &[&plan]).1["findings"].to_string().contains("nobody-can-approve"));
    site.replace("people.yaml", "identity-security: [bo]", "identity-security: [ada]");
    let (_, report) = check(&site, &[&plan]);
    assert!(finding(&report, "nobody-can-approve")["message"].as_str().unwrap().contains("different people"));
}

#[test]
fn a_denial_has_the_limit_its_value_and_its_source_as_data() {
    let site = Site::new();
    let plan = propose(
        &site,
        "P",
        "  - {id: c1, action: grant, to: \"user:ravi\", role: ledger-writer, scope: \"db:ledger\", mode: active, ttl: 9h, reason: r}\n",
    );
    let of = |site: &Site| {
        let (code, report) = check(site, &[&plan]);
        assert_eq!(code, 3);
        let all = report["findings"].as_array().unwrap();
        let found = all.iter().find(|f| f["policy"] == "jit-ttl-ceiling").unwrap_or_else(|| panic!("{report}"));
        found["limits"].clone()
    };
    let limit = |limit: &str, source: &str| json!([{"what": "ttl", "value": "9h", "limit": limit, "name": "max_ttl", "source": source}]);
    assert_eq!(of(&site), limit("8h", "default"));
    site.append("review.yaml", "parameters: {max_ttl: 2h}\n");
    assert_eq!(of(&site), limit("2h", "review.yaml"));
    // Which end exceeds which: that of the plan and the loan together, and that of the task.
    site.replace("review.yaml", "parameters: {max_ttl: 2h}\n", "");
    site.replace(
        "tasks.yaml",
        &format!("until: {}", in_days(7).get(..10).unwrap()),
        &format!("until: {}", in_days(2).get(..10).unwrap()),
    );
    let (_, report) = check(&site, &[&plan]);
    let all = report["findings"].as_array().unwrap();
    let scope = all.iter().find(|f| f["policy"] == "task-scope").unwrap_or_else(|| panic!("{report}"));
    assert_eq!(
        (scope["limits"][0]["what"].as_str(), scope["limits"][0]["name"].as_str()),
        (Some("expires + ttl"), Some("until"))
    );
    assert_eq!(scope["limits"][0]["source"], "task TASK-881 of tasks.yaml");
}

#[test]
fn a_sponsor_who_is_not_one_of_the_tasks_is_told_who_they_are() {
    let site = Site::new();
    let grant = "  - {id: c1, action: grant, to: \"user:ravi\", role: ledger-writer, scope: \"db:ledger\", mode: active, ttl: 1h, reason: r}\n";
    let plan = propose_for(&site, "P", "user:noor", grant);
    let (code, report) = check(&site, &[&plan]);
    assert_eq!(code, 3);
    let denial = finding(&report, "policy-denied");
    assert!(denial["message"].as_str().unwrap().contains("`agent-proposes-within-a-task` requires"), "{denial}");
    let limit = &denial["limits"][0];
    assert_eq!((limit["what"].as_str(), limit["value"].as_str()), (Some("on_behalf_of"), Some("user:noor")));
    assert_eq!((limit["limit"].as_str(), limit["name"].as_str()), (Some("user:lena"), Some("sponsors")));
}

#[test]
fn an_owner_is_an_active_person_of_the_snapshot_whether_people_yaml_lists_them_or_not() {
    let site = Site::new();
    let create = |owner: &str| {
        format!(
            "  - {{id: c1, action: create_identity, identity: \"svc:new\", kind: service_account, owner: \"{owner}\", reason: r}}\n"
        )
    };
    let plan = propose(&site, "P", &create("user:noor"));
    let (code, report) = check(&site, &[&plan]);
    assert_eq!(code, 0, "{report}");
    let plan = propose(&site, "Q", &create("svc:deploy"));
    let (code, report) = check(&site, &[&plan]);
    assert!(code == 3 && report["findings"].to_string().contains("nhi-owner-is-a-person"), "{report}");
    site.replace("snapshot.json", "\"id\": \"user:noor\",", "\"id\": \"user:noor\", \"status\": \"disabled\",");
    assert_eq!(check(&site, &["P.yaml"]).0, 3, "who is disabled answers for nothing");
}

#[test]
fn an_owner_who_does_not_exist_answers_for_nothing() {
    let site = Site::new();
    let loan = "  - {id: c1, action: grant, to: \"svc:reconcile\", role: ledger-admin, scope: \"db:ledger\", mode: active, ttl: 1h, reason: r}\n";
    let plan = propose(&site, "P", loan);
    let denies = |site: &Site| check(site, &[&plan]).1["findings"].to_string().contains("nhi-privileged-needs-owner");
    assert!(!denies(&site));
    let path = site.demo().join("snapshot.json");
    let mut snapshot: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let machine =
        snapshot["identities"].as_array_mut().unwrap().iter_mut().find(|i| i["id"] == "svc:reconcile").unwrap();
    machine["owner"] = json!("user:ghost");
    fs::write(path, snapshot.to_string()).unwrap();
    assert!(denies(&site));
}

#[test]
fn a_claim_that_cannot_be_checked_comes_first_among_the_assistants_words() {
    let site = Site::new();
    let plan = propose(
        &site,
        "P",
        "  - {id: c1, action: revoke, to: \"user:noor\", role: ledger-writer, scope: \"db:ledger\", reason: because it is idle, claims: {ticket: T-1, owner: \"user:ada\"}}\n",
    );
    let (_, text) = site.run(&["check", &plan]);
    let words = text.split("The assistant's words").nth(1).unwrap();
    let at = |part: &str| words.find(part).unwrap_or_else(|| panic!("{part}: {words}"));
    assert!(at("claims ticket: T-1 — cannot be checked") < at("because it is idle"));
    assert!(at("because it is idle") < at("claims owner"));
}
