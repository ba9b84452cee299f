//! A recertification asks about each access of a frozen population, keeps it until a time, and turns the rest into a plan.

use std::fs;

use crate::support::{Site, expect, in_days, key, seal, unbroken};
use rexpect::session::PtySession;
use serde_json::{Value, json};

const ADA: &str = "--key keys/ada.pub";
const BO: &str = "--key keys/bo.pub";

/// The accesses of the demo in `db:ledger`, with the memberships of the group that has one of them.
const LEDGER: [&str; 5] = [
    "`group:ledger-team`: role `ledger-reader` in `db:ledger`",
    "`user:noor`: role `ledger-writer` in `db:ledger`",
    "`svc:reconcile`: role `ledger-reader` in `db:ledger`",
    "`user:lena`: membership of `group:ledger-team`",
    "`user:ravi`: membership of `group:ledger-team`",
];

fn site() -> Site {
    Site::with_plan(&["c1"], &[])
}

/// Answers as many pages as there are answers, whichever comes first: the access, and the keys pressed.
fn answer(site: &Site, arguments: &str, answers: &[(&str, &str)]) -> PtySession {
    let mut terminal = site.sit(&format!("recertify --snapshot snapshot.json {arguments}"));
    for _ in answers {
        let page = terminal.exp_string("? keys").unwrap_or_else(|error| panic!("no page: {error}"));
        // A line that is typed draws the page again and again.
        let page = page.rsplit("owner").next().unwrap();
        let shown = answers.iter().find(|(access, _)| page.contains(access));
        // What a group gives is on the page before anybody can keep a membership of it.
        let is_membership = page.contains("membership of `group:ledger-team`");
        assert!(!is_membership || unbroken(page).contains("the group reaches `"), "{page}");
        let (_, keys) = shown.unwrap_or_else(|| panic!("not expected: {page}"));
        key(&mut terminal, &keys[..1]);
        if keys.len() > 1 {
            expect(&mut terminal, "Enter: send");
            key(&mut terminal, &format!("{}\r", &keys[1..]));
        }
    }
    terminal
}

fn sign(terminal: &mut PtySession) {
    expect(terminal, "Type `recertify`");
    expect(terminal, "Enter: send");
    key(terminal, "recertify\r");
}

fn ends(terminal: &mut PtySession, code: i32) -> String {
    let said = terminal.exp_string("exit=").unwrap_or_else(|error| panic!("it did not end: {error}"));
    let line = terminal.read_line().unwrap();
    assert_eq!(line.trim(), code.to_string(), "{said}");
    unbroken(&said)
}

fn due(site: &Site, at: &str) -> Value {
    let (code, text) = site.run(&["due", "--at", at, "--format", "json"]);
    assert_eq!(code, 0, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn names(report: &Value, sheet: &str) -> Vec<String> {
    let rows = report[sheet].as_array().unwrap().iter();
    rows.map(|row| format!("{} {}", row["who"].as_str().unwrap(), row["why"].as_str().unwrap())).collect()
}

/// Ada keeps three, revokes Noor's role and asks to change Ravi's membership.
fn recertified() -> Site {
    let site = site();
    let answers =
        [(LEDGER[0], "k"), (LEDGER[1], "r"), (LEDGER[2], "k"), (LEDGER[3], "k"), (LEDGER[4], "cread access is enough")];
    let mut ada = answer(&site, &format!("--scope db:ledger --plan revoke.json {ADA}"), &answers);
    sign(&mut ada);
    let said = ends(&mut ada, 0);
    assert!(said.contains("recorded: 3 kept, 1 to revoke, 1 to change; 0 open; 0 are your own access"), "{said}");
    site
}

#[test]
fn what_is_kept_is_due_at_its_end_and_what_is_revoked_becomes_a_plan() {
    let site = recertified();
    let lines: Vec<Value> =
        fs::read_to_string(site.log()).unwrap().lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let answers: Vec<&Value> = lines.iter().filter(|it| it["type"] == "recertification").collect();
    assert_eq!(answers.len(), 5);
    assert!(answers.iter().all(|it| it["population"] == answers[0]["population"] && it["count"] == 5), "{answers:?}");
    assert!(answers.iter().all(|it| it["until"].is_string() == (it["answer"] == "keep")), "{answers:?}");
    let (code, text) = site.run(&["verify", "review-log.jsonl"]);
    assert_eq!(code, 0, "{text}");

    // What is kept is neither due nor without a decision until its end; a machine's access ends first.
    let report = due(&site, &in_days(1));
    assert_eq!(
        names(&report, "recertify"),
        ["user:noor it shall be revoked", "user:ravi it shall be changed"],
        "{report:#}"
    );
    assert_eq!(names(&report, "shadow"), ["svc:deploy no decision gave it", "user:noor no decision gave it"]);
    assert_eq!(names(&due(&site, &in_days(181)), "recertify").len(), 2);
    let report = due(&site, &in_days(183));
    assert!(names(&report, "recertify").contains(&"svc:reconcile what kept it has ended".to_owned()), "{report:#}");
    assert_eq!(names(&due(&site, &in_days(366)), "recertify").len(), 5);

    // The plan goes the way of every plan.
    let plan = fs::read(site.demo().join("revoke.json")).unwrap();
    let plan = review::plan::read("revoke.json", &plan).unwrap();
    assert_eq!(plan.changes.len(), 1);
    site.sign("revoke.json");
    let (code, text) = site.run(&["check", "revoke.json", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert!(code == 0 || code == 3, "{text}");
    assert_eq!(report["changes"][0]["action"], "revoke", "{text}");
}

#[test]
fn every_report_knows_the_answers() {
    let site = recertified();
    let (code, text) = site.run(&["log", "show", "--format", "json"]);
    assert!(code == 0 && text.contains("to be revoked") && text.contains("read access is enough"), "{text}");
    let (_, text) = site.run(&["log", "events"]);
    assert!(text.contains("\"kind\":\"recertification\"") && text.contains("\"answer\":\"keep\""), "{text}");
    let (_, text) = site.run(&["log", "events", "--format", "ocsf"]);
    assert!(text.contains("\"type\":\"recertification\"") && text.contains("revoke: user:noor"), "{text}");
    let (_, text) = site.run(&["log", "report", "--population", "snapshot.json", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let sum = &report["head"]["reconciliation"];
    assert_eq!((&sum["population"], &sum["recertified"], &sum["shadow"]), (&7.into(), &3.into(), &4.into()), "{sum}");
    // A baseline does not cover what was answered to be revoked or changed.
    let mut bo = site.sit(&format!("baseline --snapshot snapshot.json --reason r {BO}"));
    expect(&mut bo, "Type `inherited`");
    key(&mut bo, "inherited\r");
    ends(&mut bo, 0);
    let (_, text) = site.run(&["log", "report", "--population", "snapshot.json", "--format", "json"]);
    let sum = &serde_json::from_str::<Value>(&text).unwrap()["head"]["reconciliation"];
    assert_eq!((&sum["recertified"], &sum["inherited"], &sum["shadow"]), (&3.into(), &2.into(), &2.into()), "{sum}");
    let (_, text) = site.run(&["log", "report", "rules", "--format", "json"]);
    let row = &serde_json::from_str::<Value>(&text).unwrap()["recertifications"][0];
    assert_eq!((&row["person"], &row["scope"]), (&"ada".into(), &"db:ledger".into()), "{row}");
    assert_eq!(
        (&row["kept"], &row["revoked"], &row["changed"], &row["population"]),
        (&3.into(), &1.into(), &1.into(), &5.into())
    );
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/second_verifier.py");
    let arguments = [script, "allowed_signers", "review-log.jsonl"];
    let output = site.command("python3", &site.demo()).args(arguments).output().expect("python3 runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("holds"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    // It is no decision: the plan waits as before.
    assert_eq!(site.run(&["gate", "plan.yaml", "--trust", "."]).0, 5);
}

#[test]
fn nobody_recertifies_their_own_access_or_what_others_own() {
    let site = site();
    // The role that svc:deploy has is Ada's, and so is svc:deploy.
    let mut ada = answer(&site, ADA, &[("", "f")]);
    assert!(ends(&mut ada, 5).contains("nothing was recorded"));
    let mut ada = answer(&site, ADA, &[("`user:noor`: membership", "r"), ("", "f")]);
    sign(&mut ada);
    assert!(
        ends(&mut ada, 5).contains("1 to revoke, 0 to change; 5 open; 1 are your own access, 0 belong to other owners")
    );
    let mut bo = answer(&site, BO, &[("`svc:deploy`: role `deployer`", "kdeployer"), ("", "f")]);
    sign(&mut bo);
    assert!(ends(&mut bo, 5).contains("1 kept, 0 to revoke, 0 to change; 6 open; 0 are your own access"));
    assert!(!names(&due(&site, &in_days(1)), "shadow").iter().any(|it| it.starts_with("svc:deploy")));
    // An answer counts only while its author may give it: now the machine is Bo's.
    let path = site.demo().join("snapshot.json");
    let mut snapshot: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let all = snapshot["identities"].as_array_mut().unwrap();
    all.iter_mut().find(|it| it["id"] == "svc:deploy").unwrap()["owner"] = "user:bo".into();
    fs::write(&path, snapshot.to_string()).unwrap();
    assert!(names(&due(&site, &in_days(1)), "shadow").iter().any(|it| it.starts_with("svc:deploy")));
    // Nor does Bo, who owns a machine that can act as it.
    snapshot["identities"].as_array_mut().unwrap().iter_mut().find(|it| it["id"] == "svc:deploy").unwrap()["owner"] =
        "user:ada".into();
    snapshot["identities"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": "svc:bos", "kind": "workload", "owner": "user:bo"}));
    snapshot["trusts"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": "t", "from": "svc:bos", "to": "svc:deploy", "via": "x"}));
    fs::write(&path, snapshot.to_string()).unwrap();
    assert!(names(&due(&site, &in_days(1)), "shadow").iter().any(|it| it.starts_with("svc:deploy")));
}

#[test]
fn what_cannot_be_recertified_is_named_and_records_nothing() {
    let site = site();
    for (arguments, says) in [
        (format!("--scope db:ledgre {ADA}"), "did you mean `db:ledger`?"),
        (format!("--scope ci:jobs {ADA}"), "shows no access there"),
    ] {
        let mut ada = site.sit(&format!("recertify --snapshot snapshot.json {arguments}"));
        let said = ends(&mut ada, 1);
        assert!(said.contains(says), "{said}");
    }
    let (code, text) = site.run(&["recertify", "--snapshot", "snapshot.json", "--key", "keys/bo.pub"]);
    assert!(code == 1 && text.contains("no terminal"), "{text}");
    // Who leaves or writes another word records nothing.
    let mut ada = answer(&site, ADA, &[("`user:noor`: membership", "r"), ("", "q")]);
    assert!(ends(&mut ada, 5).contains("nothing was recorded"));
    assert!(!site.log().exists());
    for (settings, says) in [
        ("recertify_after: 400d\n", "at most 366d"),
        ("recertify_after: 30d\nrecertify_privileged_after: 60d\n", "at most 30d"),
    ] {
        let before = fs::read_to_string(site.demo().join("review.yaml")).unwrap();
        site.append("review.yaml", settings);
        let (code, text) = site.run(&["due"]);
        assert!(code == 1 && text.contains(says), "{text}");
        fs::write(site.demo().join("review.yaml"), before).unwrap();
    }
}

#[test]
fn access_that_was_decided_long_ago_is_due_for_recertification() {
    let site = site();
    site.append("review.yaml", "recertify_after: 30d\n");
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    crate::support::decide(&mut ada, &[("c1", "a", "Type `yes`", "yes")]);
    seal(&mut ada, 0);
    let path = site.demo().join("snapshot.json");
    let mut snapshot: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    snapshot["taken_at"] = json!(crate::support::now().to_string());
    snapshot["assignments"].as_array_mut().unwrap().push(json!({
        "id": "real-1", "who": "user:ravi", "role": "ledger-writer", "scope": "db:ledger", "mode": "active",
        "until": in_days(60)
    }));
    fs::write(&path, snapshot.to_string()).unwrap();
    assert_eq!(names(&due(&site, &in_days(29)), "recertify"), Vec::<String>::new());
    assert_eq!(names(&due(&site, &in_days(31)), "recertify"), ["user:ravi it was decided long ago"]);
}
