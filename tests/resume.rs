//! Reviews that were interrupted, and go on: a killed process, a closed terminal, a journal that cannot be trusted.
//!
//! The binary runs in a pseudo-terminal and is killed for real. What was confirmed on the screen must be in the record at
//! the end, and nothing else.

use std::fs;
use std::path::PathBuf;

use crate::support::{Site, decide, expect, key, seal};
use rexpect::session::PtySession;

/// Every journal beside the log.
fn journals(site: &Site) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(site.demo())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(".review-log.jsonl.journal-"))
        .collect();
    found.sort();
    found
}

fn only_journal(site: &Site) -> PathBuf {
    let found = journals(site);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

/// Kills the process that wrote a journal, as a crash does.
fn kill(terminal: &mut PtySession, pid: &str) {
    let done = std::process::Command::new("kill").args(["-KILL", pid]).status().unwrap();
    assert!(done.success());
    expect(terminal, "exit=137");
}

/// Rejects the card that is shown, and waits until the next one is.
fn reject(terminal: &mut PtySession, why: &str, next: &str) {
    key(terminal, "r");
    expect(terminal, "Reason to reject?");
    expect(terminal, "Enter: send");
    key(terminal, &format!("{why}\r"));
    expect(terminal, next);
    expect(terminal, "? keys");
}

/// Starts a review whose process is known.
fn sit(site: &Site, arguments: &str) -> (PtySession, String) {
    let mut terminal = site.sit_known(arguments);
    let (_, line) = terminal.exp_regex("pid=[0-9]+").unwrap();
    let pid = line.trim_start_matches("pid=").to_owned();
    (terminal, pid)
}

/// Decides on the first three cards: `c3` rejected, `c2` approved by name, the next one rejected; it is named. The process
/// is then killed.
fn three_decisions_then_a_crash(site: &Site) -> String {
    let (mut ada, pid) = sit(site, "plan.yaml --key keys/ada.pub");
    decide(
        &mut ada,
        &[
            ("c3", "r", "Reason to", "machines hold nothing for ever"),
            ("c2", "a", "Type `ledger-admin`", "ledger-admin"),
        ],
    );
    expect(&mut ada, "3 of 5");
    expect(&mut ada, "? keys");
    reject(&mut ada, "not now", "4 of 5");
    kill(&mut ada, &pid);
    let text = fs::read_to_string(only_journal(site)).unwrap();
    let line = text.lines().rfind(|line| line.contains("\"type\":\"decision\"")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["change"].as_str().unwrap().to_owned()
}

fn verdicts(site: &Site) -> Vec<(String, String)> {
    let (code, text) = site.run(&["log", "show", "--format", "json"]);
    assert_eq!(code, 0, "{text}");
    let shown: serde_json::Value = serde_json::from_str(&text).unwrap();
    let word = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap().to_owned();
    shown["decisions"].as_array().unwrap().iter().map(|row| (word(row, "change"), word(row, "verdict"))).collect()
}

fn pair(change: &str, verdict: &str) -> (String, String) {
    (change.to_owned(), verdict.to_owned())
}

#[test]
fn a_killed_review_goes_on_and_asks_again_for_what_gives_access() {
    let site = Site::new();
    let third = three_decisions_then_a_crash(&site);
    let before = only_journal(&site);
    let mut ada = site.sit("resume --key keys/ada.pub");
    expect(&mut ada, "Your decisions from the interrupted review");
    expect(&mut ada, "confirm again");
    expect(&mut ada, "? keys");
    key(&mut ada, "g");
    expect(&mut ada, "before the interruption you decided (confirm it again to keep it): approve");
    expect(&mut ada, "? keys");
    key(&mut ada, "a");
    expect(&mut ada, "Type `ledger-admin`");
    expect(&mut ada, "Enter: send");
    key(&mut ada, "ledger-admin\r");
    expect(&mut ada, "? keys");
    key(&mut ada, "f");
    seal(&mut ada, 3);
    assert!(!before.exists() && journals(&site).is_empty());
    let mut said = verdicts(&site);
    said.sort();
    let mut expected = vec![pair("c2", "approve"), pair("c3", "reject"), pair(&third, "reject")];
    expected.sort();
    assert_eq!(said, expected);
    let (code, text) = site.run(&["verify", "review-log.jsonl"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn what_is_not_said_again_is_not_sealed() {
    let site = Site::new();
    let third = three_decisions_then_a_crash(&site);
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "Your decisions from the interrupted review");
    expect(&mut ada, "? keys");
    key(&mut ada, "g");
    expect(&mut ada, "(confirm it again to keep it): approve");
    expect(&mut ada, "? keys");
    key(&mut ada, "f");
    expect(&mut ada, "undecided");
    seal(&mut ada, 3);
    let mut said = verdicts(&site);
    said.sort();
    let mut expected = vec![pair("c3", "reject"), pair(&third, "reject")];
    expected.sort();
    assert_eq!(said, expected);
}

#[test]
fn a_review_killed_again_and_again_loses_nothing_and_invents_nothing() {
    let site = Site::new();
    three_decisions_then_a_crash(&site);
    for round in 0..6 {
        let (mut ada, pid) = sit(&site, "resume --key keys/ada.pub");
        expect(&mut ada, "Your decisions from the interrupted review");
        expect(&mut ada, "? keys");
        if round % 2 == 1 {
            key(&mut ada, "g");
            expect(&mut ada, "(confirm it again to keep it): approve");
            expect(&mut ada, "? keys");
        }
        if round == 3 {
            // In the middle of an answer.
            key(&mut ada, "aledger");
            expect(&mut ada, "Type `ledger-admin`");
        }
        kill(&mut ada, &pid);
        let text = fs::read_to_string(only_journal(&site)).unwrap();
        for (what, times) in [("\"verdict\":\"approve\"", 1), ("\"verdict\":\"reject\"", 2)] {
            assert_eq!(text.matches(what).count(), times, "round {round}");
        }
    }
    let mut ada = site.sit("resume --key keys/ada.pub");
    expect(&mut ada, "confirm again");
    expect(&mut ada, "? keys");
    key(&mut ada, "g");
    expect(&mut ada, "? keys");
    key(&mut ada, "f");
    seal(&mut ada, 3);
    assert_eq!(verdicts(&site).len(), 2);
}

#[test]
fn a_plan_that_changed_since_is_not_gone_on_with() {
    let site = Site::new();
    three_decisions_then_a_crash(&site);
    let path = site.demo().join("plan.yaml");
    let plan = fs::read_to_string(&path).unwrap();
    assert!(plan.contains("ttl: 2h"));
    fs::write(&path, plan.replace("ttl: 2h", "ttl: 3h")).unwrap();
    site.sign("plan.yaml");
    let kept = fs::read(only_journal(&site)).unwrap();
    let mut ada = site.sit("resume --key keys/ada.pub");
    expect(&mut ada, "cannot go on");
    expect(&mut ada, "`c2`");
    expect(&mut ada, "exit=6");
    assert_eq!(fs::read(only_journal(&site)).unwrap(), kept, "nothing was touched");
    let mut drop = site.sit("resume --give-up --key keys/ada.pub");
    expect(&mut drop, "Type `drop`");
    expect(&mut drop, "Enter: send");
    key(&mut drop, "yes\r");
    expect(&mut drop, "you did not type `drop`");
    key(&mut drop, "drop\r");
    expect(&mut drop, "dropped");
    expect(&mut drop, "exit=0");
    assert!(journals(&site).is_empty());
}

#[test]
fn a_comment_or_a_new_snapshot_with_the_same_effect_does_not_end_a_review() {
    let site = Site::new();
    three_decisions_then_a_crash(&site);
    let path = site.demo().join("plan.yaml");
    let plan = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("# looked at by the team\n{plan}")).unwrap();
    site.sign("plan.yaml");
    let path = site.demo().join("snapshot.json");
    fs::write(&path, fs::read_to_string(&path).unwrap() + "\n").unwrap();
    let mut ada = site.sit("resume --key keys/ada.pub");
    expect(&mut ada, "Your decisions from the interrupted review");
    expect(&mut ada, "? keys");
    key(&mut ada, "g");
    expect(&mut ada, "? keys");
    key(&mut ada, "f");
    seal(&mut ada, 3);
    let (code, text) = site.run(&["verify", "review-log.jsonl"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn journals_that_cannot_be_trusted_are_told_apart_and_left_alone() {
    let site = Site::new();
    three_decisions_then_a_crash(&site);
    let path = only_journal(&site);
    let text = fs::read_to_string(&path).unwrap();
    let tried = |content: &str, says: &str| {
        fs::write(&path, content).unwrap();
        let mut ada = site.sit("resume --key keys/ada.pub");
        expect(&mut ada, says);
        expect(&mut ada, "exit=1");
        assert_eq!(fs::read_to_string(&path).unwrap(), content, "{says}: it was touched");
        assert!(!site.log().exists());
    };
    tried(&text.replacen("\"verdict\":\"reject\"", "\"verdict\":\"approve\"", 1), "was altered, or is damaged");
    tried(&text.replacen("\"version\":2", "\"version\":3", 1), "this version cannot read");
    tried("not a journal\n", "this version cannot read");
    // Somebody else's: told, and not gone on with.
    fs::write(&path, &text).unwrap();
    let mut bo = site.sit("resume --key keys/bo.pub");
    expect(&mut bo, "of ada, begun at");
    expect(&mut bo, "there is no unfinished review of yours here");
    expect(&mut bo, "exit=0");
    // Of another log.
    let id = fs::read_to_string(site.demo().join("review.yaml")).unwrap();
    let id = id.lines().find_map(|line| line.strip_prefix("log_id: ")).unwrap().trim_matches('"').to_owned();
    fs::write(&path, text.replacen(&id, &"0".repeat(32), 1)).unwrap();
    let mut ada = site.sit("resume --key keys/ada.pub");
    expect(&mut ada, "a journal of another log");
    expect(&mut ada, "exit=1");
}

#[test]
fn two_reviews_of_one_person_on_one_plan_are_refused() {
    let site = Site::new();
    let mut first = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut first, "? keys");
    let mut second = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut second, "you have an unfinished review of one of these plans");
    expect(&mut second, "exit=1");
    let mut bo = site.sit("plan.yaml --key keys/bo.pub");
    expect(&mut bo, "? keys");
    key(&mut bo, "q");
    expect(&mut bo, "exit=5");
    key(&mut first, "q");
    expect(&mut first, "exit=5");
}

#[test]
fn without_a_terminal_what_was_left_is_told_and_nothing_happens() {
    let site = Site::new();
    three_decisions_then_a_crash(&site);
    let kept = fs::read(only_journal(&site)).unwrap();
    let mut command = std::process::Command::new("setsid");
    command.arg("-w").arg(env!("CARGO_BIN_EXE_review")).args(["resume", "--key", "keys/ada.pub"]);
    command.current_dir(site.demo()).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("3 decisions of PLAN-DEMO-1"), "{said}");
    assert_eq!(fs::read(only_journal(&site)).unwrap(), kept);
}

#[test]
fn a_signed_session_that_a_crash_kept_from_the_log_is_added() {
    let site = Site::new();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "1 of 5");
    expect(&mut ada, "? keys");
    reject(&mut ada, "machines hold nothing for ever", "2 of 5");
    key(&mut ada, "f");
    seal(&mut ada, 3);
    let whole = fs::read(site.log()).unwrap();
    let header: serde_json::Value = serde_json::from_slice(whole.split(|b| *b == b'\n').next().unwrap()).unwrap();
    let name = format!(".review-log.jsonl.journal-{}", header["session"].as_str().unwrap());
    // As after a crash before the log was written, and as after one in the middle of it.
    for there in [0, whole.len() / 2, whole.len() - 1, whole.len()] {
        fs::write(site.log(), &whole[..there]).unwrap();
        fs::write(site.demo().join(&name), &whole).unwrap();
        let mut ada = site.sit("resume --key keys/ada.pub");
        expect(&mut ada, "was appended to the log");
        expect(&mut ada, "exit=0");
        assert_eq!(fs::read(site.log()).unwrap(), whole, "{there}");
        assert!(journals(&site).is_empty());
    }
}

/// A second and third plan beside the demo's: the demo's own under another id, and one that is no plan.
fn queue(site: &Site) {
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let folder = site.demo().join("plans");
    fs::create_dir(&folder).unwrap();
    fs::rename(site.demo().join("plan.yaml"), folder.join("a.yaml")).unwrap();
    fs::rename(site.demo().join("plan.yaml.sig"), folder.join("a.yaml.sig")).unwrap();
    let (head, _) = plan.split_once("changes:").unwrap();
    let head = head.replace("PLAN-DEMO-1", "PLAN-DEMO-2");
    let change = "changes:\n  - id: c1\n    action: grant\n    to: user:ravi\n    role: ledger-writer\n    scope: db:ledger\n    mode: active\n    ttl: 1h\n    reason: r\n";
    fs::write(folder.join("b.yaml"), format!("{head}{change}")).unwrap();
    site.sign("plans/b.yaml");
    fs::write(folder.join("c.yaml"), "version: 1\n").unwrap();
}

#[test]
fn a_folder_is_a_queue_with_one_seal_and_what_is_decided_is_skipped() {
    let site = Site::new();
    queue(&site);
    let (code, text) = site.run(&["plans", "--key", "keys/ada.pub"]);
    assert!(code == 3 && text.contains("its faults are printed at the end"), "{text}");
    let (_, end) = text.split_once("its faults are printed at the end").unwrap();
    assert!(end.contains("missing-field") && end.contains("plans/c.yaml"), "and they are: {text}");
    let output = site.run_in(&site.demo(), &["plans", "--key", "keys/ada.pub", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let is_fault = |it: &serde_json::Value| it["code"] == "missing-field" && it["file"] == "plans/c.yaml";
    assert!(report["findings"].as_array().unwrap().iter().any(is_fault), "{report}");
    let mut ada = site.sit("plans --key keys/ada.pub");
    expect(&mut ada, "To review, riskiest first");
    expect(&mut ada, "6 changes to decide in 2 plans");
    expect(&mut ada, "skipped: `plans/c.yaml`");
    expect(&mut ada, "? keys");
    key(&mut ada, "g");
    expect(&mut ada, "1 of 6");
    expect(&mut ada, "? keys");
    key(&mut ada, "/");
    expect(&mut ada, "Enter: send");
    key(&mut ada, "nobody-at-all\r");
    expect(&mut ada, "no open change matches");
    key(&mut ada, "/");
    expect(&mut ada, "Find:");
    expect(&mut ada, "Enter: send");
    key(&mut ada, "plan-demo-2\r");
    expect(&mut ada, "1 of 1 that match `plan-demo-2`");
    expect(&mut ada, "? keys");
    key(&mut ada, "a");
    expect(&mut ada, "Type `yes`");
    expect(&mut ada, "Enter: send");
    key(&mut ada, "yes\r");
    expect(&mut ada, "no more changes match `plan-demo-2`");
    expect(&mut ada, "? keys");
    key(&mut ada, "l");
    expect(&mut ada, "All 7 changes");
    expect(&mut ada, "automatic");
    expect(&mut ada, "Enter: send");
    key(&mut ada, "99\r");
    expect(&mut ada, "there is no such number");
    key(&mut ada, "1\r");
    expect(&mut ada, "1 of 6");
    expect(&mut ada, "? keys");
    key(&mut ada, "f");
    expect(&mut ada, "automatic");
    seal(&mut ada, 3);
    assert_eq!(verdicts(&site), [pair("c1", "approve")]);
    let mut again = site.sit("plans --key keys/ada.pub");
    expect(&mut again, "5 changes to decide in 1 plan");
    expect(&mut again, "1 change decided and unchanged");
    expect(&mut again, "? keys");
    key(&mut again, "q");
    expect(&mut again, "missing-field");
    expect(&mut again, "exit=3");
    let (code, text) = site.run(&["plans/a.yaml", "plans/a.yaml", "--key", "keys/ada.pub"]);
    assert_eq!(code, 3, "one file named twice is one plan: {text}");
}
