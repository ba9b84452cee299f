//! A log that goes apart on two branches and comes together again, with real git and by `review log merge`.

use std::fs;
use std::path::Path;

use crate::support::{Site, expect, key, seal};

fn git(site: &Site, folder: &Path, arguments: &[&str]) -> String {
    let mut command = site.command("git", folder);
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]).args(arguments);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    said
}

/// Rejects the first change that is asked about, and seals.
fn session(site: &Site, who: &str, log: &str) {
    let mut terminal = site.sit(&format!("plan.yaml --key keys/{who}.pub --log {log}"));
    expect(&mut terminal, "? keys");
    key(&mut terminal, "r");
    expect(&mut terminal, "Reason to reject?");
    expect(&mut terminal, "Enter: send");
    key(&mut terminal, "not now\r");
    expect(&mut terminal, "? keys");
    key(&mut terminal, "f");
    seal(&mut terminal, 3);
}

fn verified(site: &Site, log: &str) -> serde_json::Value {
    let (code, text) = site.run(&["verify", log, "--format", "json"]);
    let verified: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!(code, 0, "{text}");
    verified
}

/// The lines of the tour that tell git how to merge a log.
fn recommended() -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tour.md")).unwrap();
    let (_, after) = page.split_once("`.gitattributes`:\n\n```text\n").expect("the tour recommends .gitattributes");
    after.split_once("```").unwrap().0.to_owned()
}

/// Three sessions: one before the branches part, one on each.
fn two_branches(site: &Site, log: &str) {
    let here = site.demo();
    git(site, &here, &["init", "-q", "-b", "main"]);
    fs::write(here.join(".gitattributes"), recommended()).unwrap();
    fs::write(here.join(".gitignore"), ".*.lock\n.lock\n").unwrap();
    session(site, "ada", log);
    git(site, &here, &["add", "-A"]);
    git(site, &here, &["commit", "-q", "-m", "base"]);
    for (branch, who) in [("left", "ada"), ("right", "bo")] {
        git(site, &here, &["checkout", "-q", "-b", branch, "main"]);
        site.forget_heads();
        session(site, who, log);
        git(site, &here, &["add", "-A"]);
        git(site, &here, &["commit", "-q", "-m", branch]);
    }
}

#[test]
fn two_branches_merge_in_git_in_both_orders_and_the_next_session_joins_them() {
    for log in ["review-log.jsonl", "review-log/"] {
        let site = Site::new();
        two_branches(&site, log);
        let here = site.demo();
        for (branch, other) in [("left", "right"), ("right", "left")] {
            git(&site, &here, &["checkout", "-q", "-B", "joined", branch]);
            git(&site, &here, &["merge", "-q", "-m", "joined", other]);
            let found = verified(&site, log);
            assert_eq!(found["sessions"], 3, "{log} {branch}");
            assert_eq!(found["heads"].as_array().unwrap().len(), 2, "{log} {branch}");
        }
        session(&site, "bo", log);
        let found = verified(&site, log);
        assert_eq!((found["sessions"].as_u64(), found["heads"].as_array().unwrap().len()), (Some(4), 1), "{log}");
    }
}

#[test]
fn copies_are_joined_by_hand_whatever_their_order_and_shape() {
    let site = Site::new();
    let log = "review-log.jsonl";
    two_branches(&site, log);
    let here = site.demo();
    for branch in ["left", "right"] {
        git(&site, &here, &["checkout", "-q", branch]);
        fs::copy(here.join(log), here.join(format!("{branch}.jsonl"))).unwrap();
    }
    let (code, text) = site.run(&["log", "merge", "left.jsonl", "right.jsonl", "-o", "one.jsonl"]);
    assert!(code == 0 && text.contains("holds 3 sessions now, 3 of them new; 2 heads"), "{code} {text}");
    let (code, text) = site.run(&["log", "merge", "right.jsonl", "left.jsonl", "-o", "two.jsonl"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(fs::read(here.join("one.jsonl")).unwrap(), fs::read(here.join("two.jsonl")).unwrap());
    let (code, text) = site.run(&["log", "merge", "right.jsonl", "left.jsonl", "-o", "folder/"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(verified(&site, "folder")["sessions"], 3);
    let (code, text) = site.run(&["log", "merge", "folder", "-o", "left.jsonl"]);
    assert!(code == 0 && text.contains("1 of them new"), "{text}");
    assert_eq!(fs::read(here.join("one.jsonl")).unwrap(), fs::read(here.join("left.jsonl")).unwrap());
    // A copy that was altered, and one that breaks off, change nothing.
    let whole = fs::read_to_string(here.join("one.jsonl")).unwrap();
    for (bad, says) in [(whole.replacen("not now", "not noW", 1), 7), (whole[..whole.len() - 9].to_owned(), 7)] {
        fs::write(here.join("bad.jsonl"), bad).unwrap();
        let (code, text) = site.run(&["log", "merge", "bad.jsonl", "-o", "two.jsonl"]);
        assert_eq!(code, says, "{text}");
        assert_eq!(fs::read_to_string(here.join("two.jsonl")).unwrap(), whole);
    }
    let (code, text) = site.run(&["log", "merge", "absent.jsonl"]);
    assert!(code == 1 && text.contains("there is no log"), "{text}");
}
