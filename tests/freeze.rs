//! A freeze stops gate, record and export wherever the log that holds it is read, until enough people thaw it.

use std::fs;

use crate::support::{Site, decide, expect, key, seal, unbroken};
use rexpect::session::PtySession;
use serde_json::Value;

const RECORDER: (&str, &str) = ("robot", "robot@ci.example namespaces=\"review-record@v1\"");
const AGENT: &str = "spiffe://corp.example/agent/access-assistant";
const EXPORT: &[&str] =
    &["export", "plan.yaml", "--trust", ".", "--key", "keys/robot.pub", "-o", "bundle.json", "--partial"];

/// The demo with `c1`, which Ada approved, and `c4`, which only takes access and needs nobody.
fn approved() -> Site {
    approved_with(|_| {})
}

fn approved_with(change: impl Fn(&Site)) -> Site {
    let site = Site::with_plan(&["c1", "c4"], &[RECORDER]);
    change(&site);
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    decide(&mut ada, &[("c1", "a", "Type `yes`", "yes")]);
    seal(&mut ada, 0);
    site
}

/// A person freezes or thaws, types the word, and signs.
fn sign(site: &Site, arguments: &str, word: &str, code: i32) -> String {
    let mut terminal = site.sit(arguments);
    expect(&mut terminal, &format!("Type `{word}`"));
    key(&mut terminal, word);
    key(&mut terminal, "\r");
    ends(&mut terminal, code)
}

/// What a command says until it ends with this code.
fn ends(terminal: &mut PtySession, code: i32) -> String {
    let said = terminal.exp_string("exit=").unwrap_or_else(|error| panic!("it did not end: {error}"));
    let line = terminal.read_line().unwrap();
    assert_eq!(line.trim(), code.to_string(), "{said}");
    said
}

fn gate(site: &Site) -> (i32, Value) {
    let (code, text) = site.run(&["gate", "plan.yaml", "--trust", ".", "--format", "json"]);
    (code, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}")))
}

fn states(report: &Value) -> Vec<&str> {
    report["changes"].as_array().unwrap().iter().map(|it| it["state"].as_str().unwrap()).collect()
}

#[test]
fn a_frozen_agent_passes_nowhere_and_what_only_takes_access_does() {
    let site = approved();
    assert_eq!(gate(&site).0, 0);
    let said =
        sign(&site, &format!("freeze {AGENT} --reason 'it acts oddly' --for 2d --key keys/ada.pub"), "freeze", 0);
    assert!(said.contains("froze agent"), "{said}");
    let (code, report) = gate(&site);
    assert_eq!((code, states(&report)), (4, vec!["frozen", "open"]), "{report:#}");
    assert_eq!(report["changes"][0]["frozen"][0]["by"], "ada");
    let codes: Vec<&str> =
        report["findings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"frozen") && codes.contains(&"freeze-in-force"), "{codes:?}");
    let (code, text) = site.run(&["record", "plan.yaml", "--key", "keys/robot.pub"]);
    assert!(code == 4 && text.contains("recorded 1 automatic change") && text.contains("is stopped"), "{text}");
    let (code, text) = site.run(&EXPORT[..EXPORT.len() - 1]);
    assert!(code == 4 && text.contains("nothing was exported") && !site.demo().join("bundle.json").exists(), "{text}");
    let (code, text) = site.run(EXPORT);
    let bundle = fs::read_to_string(site.demo().join("bundle.json")).unwrap();
    assert!(code == 0 && bundle.contains("\"c4\"") && !bundle.contains("ledger-writer for"), "{text}");
    let exported: Value = serde_json::from_str(&bundle).unwrap();
    assert_eq!(exported["changes"].as_array().unwrap().len(), 1, "only what takes access: {text}");
    let (code, text) = site.run(&["status", "."]);
    assert!(code == 4 && unbroken(&text).contains("is frozen by `ada` until"), "{text}");
    let (code, text) = site.run(&["verify", "review-log.jsonl"]);
    assert!(code == 0 && unbroken(&text).contains("is frozen by"), "{text}");
    let (_, text) = site.run(&["log", "events"]);
    assert!(text.contains("\"kind\":\"freeze\"") && text.contains("it acts oddly"), "{text}");
    let (_, text) = site.run(&["log", "report", "rules"]);
    assert!(text.contains("Freezes and thaws") && text.contains("it acts oddly"), "{text}");
}

#[test]
fn the_gate_writes_what_it_denies_as_events() {
    let site = approved();
    let events = |code: i32| -> Vec<Value> {
        let run = site.run(&["gate", "plan.yaml", "--trust", ".", "--events", "events.jsonl"]);
        assert_eq!(run.0, code, "{}", run.1);
        let text = fs::read_to_string(site.demo().join("events.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(events(0), Vec::<Value>::new());
    sign(&site, "freeze PLAN-DEMO-1 --reason 'wait' --key keys/bo.pub", "freeze", 0);
    let denied = events(4);
    assert_eq!(denied.len(), 1, "what only takes access passes");
    assert_eq!((&denied[0]["kind"], &denied[0]["change"]), (&"gate_denied".into(), &"c1".into()));
    assert_eq!((&denied[0]["state"], &denied[0]["exit_code"]), (&"frozen".into(), &4.into()));
    let (code, text) =
        site.run(&["gate", "plan.yaml", "--trust", ".", "--events", "ocsf.jsonl", "--events-format", "ocsf"]);
    assert_eq!(code, 4, "{text}");
    assert!(fs::read_to_string(site.demo().join("ocsf.jsonl")).unwrap().contains("\"class_uid\":3004"));
    let log = fs::read_to_string(site.log()).unwrap();
    fs::write(site.log(), log.replacen("wait", "go on", 1)).unwrap();
    let failed = events(7);
    assert_eq!((failed.len(), &failed[0]["kind"]), (1, &"verification_failed".into()));
}

#[test]
fn the_card_of_a_frozen_change_begins_with_the_freeze() {
    let site = Site::with_plan(&["c1"], &[RECORDER]);
    sign(&site, "freeze plan.yaml --reason 'wait for the audit' --key keys/bo.pub", "freeze", 0);
    // Also where nobody can be asked, and as the reason of the gate, which no decision could remove.
    let (_, text) = site.run(&["plan.yaml"]);
    let text = unbroken(&text);
    let (freeze, sentence) = (text.find("FROZEN plan").unwrap(), text.find("grant role `ledger-writer`").unwrap());
    assert!(freeze < sentence, "{text}");
    let (code, text) = site.run(&["gate", "plan.yaml", "--trust", "."]);
    let last = unbroken(text.trim().rsplit("\n\n").next().unwrap());
    assert!(code == 4 && last.contains("does not pass: `c1`: plan `PLAN-DEMO-1` is frozen by `bo` until"), "{text}");
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "Before you decide");
    expect(&mut ada, "? keys");
    key(&mut ada, "g");
    expect(&mut ada, "FROZEN plan `PLAN-DEMO-1` is frozen by `bo` until");
    expect(&mut ada, "grant role `ledger-writer`");
    expect(&mut ada, "? keys");
    key(&mut ada, "q");
    ends(&mut ada, 5);
}

#[test]
fn one_person_thaws_nothing_and_the_author_with_one_more_does() {
    let site = approved();
    // Ada owns the assistant that wrote the plan.
    sign(&site, "freeze PLAN-DEMO-1 --reason 'wait' --for 1h --key keys/ada.pub", "freeze", 0);
    let mut owner = site.sit("thaw PLAN-DEMO-1 --reason 'checked' --key keys/ada.pub");
    assert!(unbroken(&ends(&mut owner, 1)).contains("freeze-not-thawed-by-owner-or-sponsor"));
    let site = approved_with(|site| {
        let path = site.demo().join("snapshot.json");
        let mut snapshot: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let all = snapshot["identities"].as_array_mut().unwrap();
        all.iter_mut().find(|it| it["id"] == AGENT).unwrap()["owner"] = "user:lena".into();
        fs::write(path, snapshot.to_string()).unwrap();
    });
    sign(&site, "freeze PLAN-DEMO-1 --reason 'wait' --key keys/ada.pub", "freeze", 0);
    let said = sign(&site, "thaw PLAN-DEMO-1 --reason 'checked' --key keys/ada.pub", "thaw", 5);
    assert!(site.run(&["verify", "review-log.jsonl"]).1.contains("freeze-in-force"));
    assert!(unbroken(&said).contains("one person alone thaws nothing"), "{said}");
    assert_eq!(gate(&site).0, 4);
    let mut again = site.sit("thaw PLAN-DEMO-1 --reason 'checked' --key keys/ada.pub");
    let said = ends(&mut again, 5);
    assert!(unbroken(&said).contains("one person alone thaws nothing"), "{said}");
    let said = sign(&site, "thaw PLAN-DEMO-1 --reason 'checked too' --key keys/bo.pub", "thaw", 0);
    assert!(said.contains("is no longer frozen"), "{said}");
    assert_eq!(gate(&site).0, 0);
    let (code, text) = site.run(&["verify", "review-log.jsonl"]);
    assert!(code == 0 && !text.contains("freeze-in-force"), "{text}");
    // Without policies, only the people are known.
    let (code, text) = site.run(&["verify", "review-log.jsonl", "--signers", "allowed_signers"]);
    assert!(code == 0 && unbroken(&text).contains("and thawed by `ada@corp.example`, `bo@corp.example`"), "{text}");
    second_verifier(&site);
}

/// The verifier that was written from the log's page alone says the same.
fn second_verifier(site: &Site) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/second_verifier.py");
    let arguments = [script, "allowed_signers", "review-log.jsonl"];
    let output = site.command("python3", &site.demo()).args(arguments).output().expect("python3 runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("holds"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn only_who_may_override_freezes_everything_and_nobody_longer_than_allowed() {
    let site = approved();
    let mut ada = site.sit("freeze all --reason 'wait' --key keys/ada.pub");
    let said = ends(&mut ada, 1);
    assert!(unbroken(&said).contains("you may not freeze everything"), "{said}");
    let mut bo = site.sit("freeze all --reason 'wait' --for 2d --key keys/bo.pub");
    let said = ends(&mut bo, 1);
    assert!(unbroken(&said).contains("at most 1d at a time"), "{said}");
    let mut bo = site.sit("freeze who-is-that --reason 'wait' --key keys/bo.pub");
    assert!(unbroken(&ends(&mut bo, 1)).contains("is not an agent in agents.yaml"));
    sign(&site, "freeze all --reason 'wait' --key keys/bo.pub", "freeze", 0);
    assert_eq!(gate(&site).0, 4);
    // Esc freezes nothing, and a program without a terminal is refused.
    let mut esc = site.sit("freeze PLAN-DEMO-1 --reason 'wait' --key keys/bo.pub");
    expect(&mut esc, "Type `freeze`");
    key(&mut esc, "\u{1b}");
    assert!(ends(&mut esc, 5).contains("nothing was frozen"));
    let before = fs::read(site.log()).unwrap();
    let (code, text) = site.run(&["freeze", "PLAN-DEMO-1", "--reason", "x", "--key", "keys/bo.pub"]);
    assert!(code == 1 && text.contains("no terminal"), "{text}");
    assert_eq!(fs::read(site.log()).unwrap(), before);
}

#[test]
fn an_agent_that_renames_itself_stays_frozen() {
    let site = approved();
    sign(&site, &format!("freeze {AGENT} --reason 'odd' --key keys/bo.pub"), "freeze", 0);
    for file in ["agents.yaml", "tasks.yaml", "plan.yaml", "snapshot.json"] {
        let path = site.demo().join(file);
        let text = fs::read_to_string(&path).unwrap_or_default();
        if !text.is_empty() {
            fs::write(&path, text.replace(AGENT, "spiffe://corp.example/agent/another")).unwrap();
        }
    }
    site.sign("plan.yaml");
    let (code, report) = gate(&site);
    assert_eq!(code, 4, "{report:#}");
    assert_eq!(report["changes"][0]["frozen"][0]["by_proof"], true, "{report:#}");
    let finding = report["findings"].as_array().unwrap().iter().find(|it| it["code"] == "frozen").unwrap();
    assert!(finding["message"].as_str().unwrap().contains("proves itself as that agent does"), "{finding}");
}

#[test]
fn a_freeze_on_one_branch_holds_after_the_logs_are_merged() {
    let site = approved();
    let base = fs::read(site.log()).unwrap();
    sign(&site, "freeze PLAN-DEMO-1 --reason 'wait' --key keys/bo.pub", "freeze", 0);
    let frozen = fs::read(site.log()).unwrap();
    // On the other branch nobody knows of it, and somebody records.
    fs::write(site.log(), &base).unwrap();
    site.forget_heads();
    assert_eq!(site.run(&["record", "plan.yaml", "--key", "keys/robot.pub"]).0, 0);
    fs::write(site.demo().join("other.jsonl"), frozen).unwrap();
    let (code, text) = site.run(&["log", "merge", "review-log.jsonl", "other.jsonl", "-o", "merged.jsonl"]);
    assert_eq!(code, 0, "{text}");
    fs::rename(site.demo().join("merged.jsonl"), site.log()).unwrap();
    site.forget_heads();
    assert_eq!(gate(&site).0, 4);
}
