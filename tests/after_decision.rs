//! What follows an export: its confirmation, its inverse, and what is due. Bad input is named.

use std::fs;

use crate::support::{Site, can_shift, decide, expect, in_days, now, seal, unbroken};
use serde_json::{Value, json};

const RECORDER: (&str, &str) = ("robot", "robot@ci.example namespaces=\"review-record@v1\"");
const TRUSTED: &[&str] = &["--trust", ".", "--key", "keys/robot.pub"];

/// The demo with `c1`, which Ada approved, and `c4`, which policy lets pass.
fn approved() -> Site {
    let site = Site::with_plan(&["c1", "c4"], &[RECORDER]);
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    decide(&mut ada, &[("c1", "a", "Type `yes`", "yes")]);
    seal(&mut ada, 0);
    site
}

fn exported() -> Site {
    let site = approved();
    let (code, text) = site.run(&[&["export", "plan.yaml", "-o", "bundle.json"], TRUSTED].concat());
    assert_eq!(code, 0, "{text}");
    site
}

fn confirm(site: &Site, more: &[&str]) -> (i32, String) {
    let all = [&["confirm", "plan.yaml", "--snapshot", "after.json", "--format", "json"], TRUSTED, more].concat();
    site.run(&all)
}

/// The snapshot of the site after changes by hand, taken now.
fn after(site: &Site, change: impl Fn(&mut Value)) {
    let text = fs::read_to_string(site.demo().join("snapshot.json")).unwrap();
    let mut snapshot: Value = serde_json::from_str(&text).unwrap();
    snapshot["taken_at"] = json!(now().to_string());
    change(&mut snapshot);
    fs::write(site.demo().join("after.json"), snapshot.to_string()).unwrap();
}

fn apply(snapshot: &mut Value, until: &str) {
    let all = snapshot["assignments"].as_array_mut().unwrap();
    all.retain(|it| !(it["who"] == "user:noor" && it["role"] == "ledger-writer"));
    all.push(json!({
        "id": "real-1", "who": "user:ravi", "role": "ledger-writer", "scope": "db:ledger", "mode": "active", "until": until
    }));
}

fn results(text: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}"));
    report["results"].as_array().unwrap().iter().map(|it| it["result"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_later_snapshot_shows_what_came_of_an_export() {
    let site = exported();
    after(&site, |_| {});
    let (code, text) = confirm(&site, &[]);
    assert_eq!((code, results(&text)), (5, vec!["missing".to_owned(), "missing".to_owned()]));
    after(&site, |snapshot| apply(snapshot, &in_days(1)));
    fs::write(site.demo().join("ids.txt"), "request 4711").unwrap();
    let (code, text) = confirm(&site, &["--evidence", "ids.txt"]);
    assert_eq!((code, results(&text)), (0, vec!["applied".to_owned(), "applied".to_owned()]), "{text}");
    // It lasts longer than anybody approved.
    after(&site, |snapshot| apply(snapshot, &in_days(30)));
    let (code, text) = confirm(&site, &[]);
    assert_eq!((code, results(&text)), (3, vec!["beyond".to_owned(), "applied".to_owned()]), "{text}");
    after(&site, |_| {});
    assert_eq!(results(&confirm(&site, &[]).1)[1], "undone");
    // The same identity has something that no export gives.
    after(&site, |snapshot| {
        apply(snapshot, &in_days(1));
        let all = snapshot["assignments"].as_array_mut().unwrap();
        all.push(json!({"id": "x", "who": "user:noor", "role": "ledger-admin", "mode": "standing"}));
    });
    let (code, text) = confirm(&site, &[]);
    assert_eq!((code, results(&text)), (3, vec!["applied".to_owned(), "beyond".to_owned()]), "{text}");
    let log = fs::read_to_string(site.log()).unwrap();
    assert_eq!(log.matches("\"type\":\"result\"").count(), 10);
    assert!(log.contains("request 4711"), "the evidence is kept");
    assert_eq!(site.run(&["verify", "review-log.jsonl"]).0, 0);
}

#[test]
fn one_page_shows_the_intent_the_policy_the_approver_and_the_resulting_change() {
    let site = exported();
    after(&site, |snapshot| apply(snapshot, &in_days(1)));
    fs::write(site.demo().join("ids.txt"), "request 4711").unwrap();
    assert_eq!(confirm(&site, &["--evidence", "ids.txt"]).0, 0);
    let (code, text) = site.run(&["log", "show", "--change", "c1", "--format", "json"]);
    let page: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    assert_eq!(code, 0, "{text}");
    assert!(page["intent"].as_str().unwrap().contains("nightly reconciliation"), "{text}");
    assert_eq!((&page["approved_by"], &page["result"]), (&json!(["ada"]), &json!("applied")), "{text}");
    assert!(page["exported"].is_string() && page["ends"].is_string() && page["removed_at"].is_null(), "{text}");
    let story: Vec<&str> = page["story"].as_array().unwrap().iter().map(|it| it["what"].as_str().unwrap()).collect();
    assert_eq!(story, ["evaluated", "approved", "evaluated", "exported", "result"], "{text}");
    let says = |at: usize| page["story"][at]["says"].as_str().unwrap();
    assert!(says(0).starts_with("needs `Owner`"), "the policy decision: {text}");
    assert!(says(3).contains("undoes it"), "the way back: {text}");
    assert!(says(4).contains("by the snapshot") && says(4).contains("evidence `ids.txt` of sha256"), "{text}");
    let (code, text) = site.run(&["log", "show", "--change", "c1"]);
    assert!(code == 0 && text.contains("approved by") && text.contains("intent, in the assistant's words"), "{text}");
}

#[test]
fn identities_and_credentials_that_nobody_looks_after_are_due() {
    let site = approved();
    let ago = |days: i64| review::input::time::Time::from_unix(now().unix() - days * 86_400).to_string();
    after(&site, |snapshot| {
        let all = snapshot["identities"].as_array_mut().unwrap();
        all.iter_mut().find(|it| it["id"] == "svc:reconcile").unwrap().as_object_mut().unwrap().remove("owner");
        // It holds nothing, so nobody has to look after it.
        all.push(json!({"id": "svc:idle", "kind": "service_account"}));
        let credential = |id: &str, issued: Option<String>, until: Option<String>| {
            let mut it = json!({"id": id, "identity": "svc:deploy", "kind": "api_key"});
            let fields = it.as_object_mut().unwrap();
            fields.extend(issued.map(|at| ("issued_at".to_owned(), json!(at))));
            fields.extend(until.map(|at| ("until".to_owned(), json!(at))));
            it
        };
        snapshot["credentials"] = json!([
            credential("new", Some(ago(1)), Some(in_days(90))),
            credential("old", Some(ago(91)), None),
            credential("ended", Some(ago(2)), Some(ago(1))),
            credential("unknown", None, None),
        ]);
    });
    let due = |more: &[&str]| {
        let (code, text) = site.run(&[&["due", "--snapshot", "after.json", "--format", "json"], more].concat());
        assert_eq!(code, 0, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let names = |report: &Value, sheet: &str, key: &str| -> Vec<String> {
        report[sheet]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| format!("{} {}", it[key].as_str().unwrap(), it["why"].as_str().unwrap()))
            .collect()
    };
    let report = due(&[]);
    assert_eq!(names(&report, "neglected_identities", "identity"), ["svc:reconcile no owner"], "{report:#}");
    assert_eq!(
        names(&report, "unrotated_credentials", "credential"),
        ["old older than `max_credential_ttl`", "ended it has ended", "unknown neither its age nor its end is known"]
    );
    let later = due(&["--at", &in_days(88)]);
    assert!(!names(&later, "neglected_identities", "identity").contains(&"user:ravi not used".to_owned()));
    let later = due(&["--at", &in_days(90)]);
    assert!(names(&later, "neglected_identities", "identity").contains(&"user:ravi not used".to_owned()), "{later:#}");
}

#[test]
fn access_that_nobody_approved_to_take_is_beyond_too() {
    let site = exported();
    // The executor took from Ravi what he had before, besides what it should give him.
    after(&site, |snapshot| {
        let groups = snapshot["groups"].as_array_mut().unwrap();
        let team = groups.iter_mut().find(|it| it["id"] == "group:ledger-team").unwrap();
        team["members"].as_array_mut().unwrap().retain(|it| it != "user:ravi");
        apply(snapshot, &in_days(1));
    });
    let (code, text) = confirm(&site, &[]);
    assert_eq!((code, results(&text)), (3, vec!["beyond".to_owned(), "applied".to_owned()]), "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["lost"][0]["who"], "user:ravi", "{text}");
    assert!(text.contains("that no one approved to remove"), "{text}");
    let log = fs::read_to_string(site.log()).unwrap();
    assert!(log.contains("\\\"lost\\\""), "the log records it");
}

#[test]
fn a_snapshot_that_cannot_show_it_is_refused() {
    let site = approved();
    after(&site, |_| {});
    let (code, text) = confirm(&site, &[]);
    assert!(code == 1 && text.contains("was never exported"), "{text}");
    let (code, text) = site.run(&["rollback", "plan.yaml"]);
    assert!(code == 1 && text.contains("was never exported"), "{text}");
    assert_eq!(site.run(&[&["export", "plan.yaml", "-o", "bundle.json"], TRUSTED].concat()).0, 0);
    let before = fs::read_to_string(site.log()).unwrap();
    let yesterday = review::input::time::Time::from_unix(now().unix() - 86_400).to_string();
    after(&site, |snapshot| snapshot["taken_at"] = json!(yesterday));
    let (code, text) = confirm(&site, &[]);
    assert!(code == 1 && text.contains("before change `c"), "{text}");
    after(&site, |snapshot| snapshot["target"] = json!({"system": "demo", "id": "another"}));
    let (code, text) = confirm(&site, &[]);
    assert!(code == 1 && text.contains("is of another target (another) than the export (none)"), "{text}");
    // The state before must be that of the export.
    after(&site, |snapshot| apply(snapshot, &in_days(1)));
    fs::copy(site.demo().join("snapshot.json"), site.demo().join("then.json")).unwrap();
    fs::copy(site.demo().join("after.json"), site.demo().join("snapshot.json")).unwrap();
    let (code, text) = confirm(&site, &[]);
    assert!(code == 1 && text.contains("`--before FILE`"), "{text}");
    let (code, text) = confirm(&site, &["--before", "after.json"]);
    assert!(code == 1 && text.contains("is not the snapshot that the export was made from"), "{text}");
    assert_eq!(fs::read_to_string(site.log()).unwrap(), before, "nothing was recorded");
    let (code, text) = confirm(&site, &["--before", "then.json"]);
    assert_eq!((code, results(&text)), (0, vec!["applied".to_owned(), "applied".to_owned()]), "{text}");
    // Another version of the plan is not the one that was exported.
    site.replace("plan.yaml", "Ravi watches", "Ravi observes");
    let (code, text) = confirm(&site, &[]);
    assert!(code == 1 && text.contains("another version of the plan"), "{text}");
}

#[test]
fn an_export_is_rolled_back_by_its_plan_or_its_session() {
    let site = exported();
    let (code, text) = site.run(&["rollback", "plan.yaml"]);
    assert_eq!(code, 0, "{text}");
    let log = fs::read_to_string(site.log()).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let session = lines.iter().rfind(|line| line["type"] == "session").unwrap()["session"].as_str().unwrap();
    assert_eq!(site.run(&["rollback", session, "-o", "undo.json"]).0, 0);
    // Once it was applied, the inverse is a valid plan.
    after(&site, |snapshot| apply(snapshot, &in_days(1)));
    fs::rename(site.demo().join("after.json"), site.demo().join("snapshot.json")).unwrap();
    site.sign("undo.json");
    let (code, text) = site.run(&["check", "undo.json", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert!(code == 0 || code == 3, "{text}");
    assert_eq!(report["changes"].as_array().unwrap().len(), 2, "{text}");
    let (code, text) = site.run(&["rollback", &"0".repeat(32)]);
    assert!(code == 1 && text.contains("was never exported"), "{text}");
}

#[test]
fn what_is_due_is_listed_and_revoked() {
    let site = approved();
    let due = |more: &[&str]| {
        let (code, text) = site.run(&[&["due", "--format", "json"], more].concat());
        assert_eq!(code, 0, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let report = due(&[]);
    assert_eq!(report["never_exported"][0]["change"], "c1");
    assert_eq!(report["never_exported"][0]["state"], "open");
    assert_eq!(due(&["--at", &in_days(30)])["never_exported"][0]["state"], "lapsed");
    assert_eq!(site.run(&[&["export", "plan.yaml", "-o", "bundle.json"], TRUSTED].concat()).0, 0);
    let report = due(&[]);
    assert_eq!(report["never_exported"], json!([]));
    assert_eq!(report["never_confirmed"].as_array().unwrap().len(), 2);
    after(&site, |snapshot| apply(snapshot, &in_days(1)));
    let report = due(&["--snapshot", "after.json", "--at", &in_days(5), "--plan", "revoke.json"]);
    let overdue = report["overdue"].as_array().unwrap();
    assert!(overdue.iter().any(|it| it["who"] == "user:ravi" && it["change"] == "c1"), "{report:#}");
    let plan = fs::read(site.demo().join("revoke.json")).unwrap();
    let plan = review::plan::read("revoke.json", &plan).unwrap();
    assert_eq!(plan.changes.len(), overdue.len());
    assert!(plan.changes.iter().all(|it| it.action.word() == "revoke"));
    let (code, text) = site.run(&["due", "--at", "tomorrow"]);
    assert!(code == 2 && text.contains("write a time"), "{text}");
    for format in ["text", "markdown"] {
        let (code, text) = site.run(&["due", "--snapshot", "after.json", "--at", &in_days(5), "--format", format]);
        assert!(code == 0 && text.contains("ravi") && text.contains("past the end"), "{text}");
    }
}

fn status(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn exported_changes_wait_for_nobody_and_the_line_that_says_so_is_named() {
    let site = approved();
    let before = status(&site.run(&["status", ".", "--format", "json"]).1);
    assert_eq!((&before["plans"][0]["state"], &before["exported"]), (&"passes".into(), &json!([])), "{before:#}");
    assert_eq!(site.run(&[&["export", "plan.yaml", "-o", "bundle.json"], TRUSTED].concat()).0, 0);
    let log = fs::read_to_string(site.log()).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let start = lines.iter().rposition(|line| line["type"] == "session").unwrap();
    let of = |kind: &str, change: &str| {
        let is_it = |line: &Value| line["type"] == kind && line["change"] == change;
        lines[start..].iter().position(is_it).unwrap() as u64 + 1
    };
    let (session, line) = (lines[start]["session"].as_str().unwrap(), of("export", "c1"));
    let report = status(&site.run(&["status", ".", "--format", "json"]).1);
    assert_eq!((&report["waiting"], &report["plans"][0]["open"]), (&json!([]), &0.into()), "{report:#}");
    assert_eq!(report["plans"][0]["state"], "exported");
    let row = &report["exported"][0];
    assert_eq!((&row["change"], &row["state"]), (&"c1".into(), &"exported".into()), "{report:#}");
    assert_eq!((&row["session"], &row["line"]), (&session.into(), &line.into()), "{report:#}");
    assert_eq!(report["exported"].as_array().unwrap().len(), 2, "{report:#}");

    // The gate and a review name the same line, and ask for no approval.
    let says = &format!("which used its approvals up (session {session}, line {line})");
    let (code, text) = site.run(&["gate", "plan.yaml", "--trust", "."]);
    let text = unbroken(&text);
    assert!(code == 6 && text.contains("already-exported") && text.contains(says), "{text}");
    assert!(text.contains("propose it in a new plan") && !text.contains("it still needs"), "{text}");
    let (_, gate) = site.run(&["gate", "plan.yaml", "--trust", ".", "--format", "json"]);
    assert_eq!(status(&gate)["changes"][0]["state"], "exported");
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    let said = unbroken(&ada.exp_string("exit=").unwrap());
    assert!(said.contains(says) && said.contains("nothing here that you can decide"), "{said}");
    assert!(said.contains("--reopen"), "{said}");
    let mut again = site.sit("plan.yaml --reopen --key keys/ada.pub");
    expect(&mut again, "? keys");
    crate::support::key(&mut again, "q");
    expect(&mut again, "exit=");
    let (_, text) = site.run(&["plan.yaml"]);
    assert!(unbroken(&text).contains(says), "{text}");

    // Once a result says that it is applied, that line is named, also with the snapshot that shows it.
    after(&site, |snapshot| apply(snapshot, &in_days(1)));
    assert_eq!(confirm(&site, &[]).0, 0);
    fs::rename(site.demo().join("after.json"), site.demo().join("snapshot.json")).unwrap();
    let report = status(&site.run(&["status", ".", "--format", "json"]).1);
    assert_eq!((&report["waiting"], &report["plans"][0]["state"]), (&json!([]), &"applied".into()), "{report:#}");
    let row = &report["exported"][0];
    assert_eq!((&row["change"], &row["state"]), (&"c1".into(), &"applied".into()), "{report:#}");
    assert_ne!(row["session"], session, "{report:#}");
    // What c4 revokes is gone, so the plan fits the snapshot no more; that is no fault of it.
    for arguments in [&["gate", "plan.yaml", "--trust", "."][..], &["plan.yaml"]] {
        let (code, text) = site.run(arguments);
        assert!(code == 6 && unbroken(&text).contains("says `applied`"), "{text}");
        assert!(!text.contains("unknown-assignment"), "{text}");
    }
    // A plan that only asks for the grant fits the snapshot, with another effect.
    let text = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let (first, _) = text.split_once("  - id: c4").unwrap();
    fs::write(site.demo().join("plan.yaml"), first).unwrap();
    fs::remove_file(site.demo().join("plan.yaml.sig")).unwrap();
    site.sign("plan.yaml");
    let report = status(&site.run(&["status", ".", "--format", "json"]).1);
    assert_eq!((&report["waiting"], &report["plans"][0]["state"]), (&json!([]), &"applied".into()), "{report:#}");
    if can_shift() {
        let report = status(&site.run_at("+30d", &["status", ".", "--format", "json"]).1);
        assert_eq!(report["exported"][0]["state"], "ended", "{report:#}");
        assert_eq!((&report["waiting"], &report["plans"][0]["state"]), (&json!([]), &"ended".into()), "{report:#}");
    }
}

#[test]
fn a_change_that_was_rewritten_after_the_export_is_another_one() {
    let site = exported();
    site.replace("plan.yaml", "ttl: 4h", "ttl: 8h");
    fs::remove_file(site.demo().join("plan.yaml.sig")).unwrap();
    site.sign("plan.yaml");
    let report = status(&site.run(&["status", ".", "--format", "json"]).1);
    assert_eq!(report["waiting"][0]["person"], "ada", "{report:#}");
    let changes: Vec<&str> =
        report["exported"].as_array().unwrap().iter().map(|it| it["change"].as_str().unwrap()).collect();
    assert_eq!(changes, ["c4"], "{report:#}");
}

#[test]
fn a_half_applied_plan_is_named_change_by_change() {
    let site = exported();
    // The executor granted, and then stopped before it revoked.
    after(&site, |snapshot| {
        let all = snapshot["assignments"].as_array().unwrap().clone();
        apply(snapshot, &in_days(1));
        let noor = all.iter().find(|it| it["who"] == "user:noor").unwrap().clone();
        snapshot["assignments"].as_array_mut().unwrap().push(noor);
    });
    let (code, text) = confirm(&site, &[]);
    assert_eq!((code, results(&text)), (5, vec!["applied".to_owned(), "missing".to_owned()]), "{text}");
    let report = status(&site.run(&["status", ".", "--format", "json"]).1);
    let states: Vec<&str> =
        report["exported"].as_array().unwrap().iter().map(|it| it["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["applied", "missing"], "{report:#}");
    assert_eq!(report["plans"][0]["state"], "exported", "it is not applied as a whole");
}

#[test]
fn an_identity_that_was_renamed_in_between_is_another_one() {
    let site = exported();
    after(&site, |snapshot| {
        apply(snapshot, &in_days(1));
        *snapshot = serde_json::from_str(&snapshot.to_string().replace("user:ravi", "user:ravi-new")).unwrap();
    });
    let (code, text) = confirm(&site, &[]);
    assert_eq!((code, results(&text)), (3, vec!["beyond".to_owned(), "applied".to_owned()]), "{text}");
    assert!(
        text.contains("lost 1 access that no one approved to remove"),
        "what is under the old name is gone: {text}"
    );
    // Under its new name it is access that no decision gave.
    let (_, text) = site.run(&["due", "--snapshot", "after.json", "--format", "json"]);
    let due: Value = serde_json::from_str(&text).unwrap();
    let is_shadow = |row: &Value| row["who"] == "user:ravi-new" && row["what"] == "ledger-writer";
    assert!(due["shadow"].as_array().unwrap().iter().any(is_shadow), "{due:#}");
}

#[test]
fn a_rollback_can_be_rolled_back_like_any_export() {
    let site = Site::with_plan(&["c1"], &[RECORDER]);
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    decide(&mut ada, &[("c1", "a", "Type `yes`", "yes")]);
    seal(&mut ada, 0);
    assert_eq!(site.run(&[&["export", "plan.yaml", "-o", "bundle.json"], TRUSTED].concat()).0, 0);
    assert_eq!(site.run(&["rollback", "plan.yaml", "-o", "undo.json"]).0, 0);
    after(&site, |snapshot| apply(snapshot, &in_days(1)));
    fs::rename(site.demo().join("after.json"), site.demo().join("snapshot.json")).unwrap();
    site.sign("undo.json");
    let (code, text) = site.run(&["gate", "undo.json", "--trust", "."]);
    if code != 0 {
        let mut ada = site.sit("undo.json --key keys/ada.pub");
        let page = ada.exp_string("? keys").unwrap();
        if page.contains("Before you decide") {
            crate::support::key(&mut ada, "g");
            expect(&mut ada, "? keys");
        }
        crate::support::key(&mut ada, "a");
        expect(&mut ada, "Type `yes`");
        expect(&mut ada, "Enter: send");
        crate::support::key(&mut ada, "yes\r");
        seal(&mut ada, 0);
    }
    let (code, said) = site.run(&[&["export", "undo.json", "-o", "undo-bundle.json"], TRUSTED].concat());
    assert_eq!(code, 0, "{text}{said}");
    let (code, text) = site.run(&["rollback", "undo.json", "-o", "redo.json"]);
    assert_eq!(code, 0, "{text}");
    let redo = review::plan::read("redo.json", &fs::read(site.demo().join("redo.json")).unwrap()).unwrap();
    assert_eq!(redo.id.value.as_str(), "rollback-of-rollback-of-PLAN-DEMO-1");
    assert_eq!(redo.changes.iter().map(|it| it.action.word()).collect::<Vec<_>>(), ["grant"], "{redo:?}");
    // The plan that was undone names the later one.
    let (code, text) = site.run(&["rollback", "plan.yaml"]);
    assert!(code == 0 && unbroken(&text).contains("was exported later and affects the same subjects"), "{text}");
}
