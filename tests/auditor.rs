//! What an auditor can rely on: proofs of one line, known heads, and every way to tamper with the record.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fs;

use serde_json::Value;

mod support;

use support::{Site, expect, key, seal};

/// A session by Ada, who rejects the riskiest change and skips the others.
fn sitting(site: &Site, reason: &str) {
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "? keys");
    key(&mut ada, "r");
    expect(&mut ada, "Enter: send");
    key(&mut ada, &format!("{reason}\r"));
    expect(&mut ada, "? keys");
    key(&mut ada, "f");
    seal(&mut ada, 3);
}

fn lines(site: &Site) -> Vec<Value> {
    let log = fs::read_to_string(site.log()).unwrap();
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn one_decision_is_proved_to_somebody_who_sees_nothing_else() {
    let site = Site::new();
    sitting(&site, "machines hold nothing for ever");
    let all = lines(&site);
    let session = all[0]["session"].as_str().unwrap().to_owned();
    let place = all.iter().position(|line| line["type"] == "decision").unwrap();
    let change = all[place]["change"].as_str().unwrap().to_owned();
    let (code, text) = site.run(&["log", "prove", &session[..8], &change, "-o", "one.json"]);
    assert!(code == 0 && text.contains("rejected"), "{text}");
    let proof = fs::read_to_string(site.demo().join("one.json")).unwrap();
    for (at, line) in all.iter().enumerate().filter(|(at, _)| *at > 0 && *at != place) {
        let text = line.to_string();
        let is_end = line["type"] == "seal" || line["type"] == "sig";
        assert!(is_end || !proof.contains(&text[1..text.len().min(60)]), "line {} can be seen", at + 1);
    }
    // A third party has the file and its own list of keys, and no trust folder.
    let away = tempfile::tempdir().unwrap();
    for name in ["one.json", "allowed_signers"] {
        fs::copy(site.demo().join(name), away.path().join(name)).unwrap();
    }
    let verify = |arguments: &[&str]| {
        let mut all = vec!["verify", "--proof", "one.json", "--signers", "allowed_signers", "--format", "json"];
        all.extend(arguments);
        let output = site.run_in(away.path(), &all);
        let text = String::from_utf8(output.stdout).unwrap();
        let report: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
        (output.status.code().unwrap(), report)
    };
    let (code, report) = verify(&[]);
    assert_eq!(code, 0, "{report}");
    assert_eq!((&report["integrity"]["holds"], &report["authenticity"]["holds"]), (&"yes".into(), &"yes".into()));
    assert_eq!(report["completeness"]["holds"], "unknown");
    assert!(report["authenticity"]["says"].as_str().unwrap().contains("presence is not proven"));
    let line: Value = serde_json::from_str(report["line"].as_str().unwrap()).unwrap();
    assert_eq!(line, all[place]);
    // By its number and by its hash it is the same proof.
    for word in [(place + 1).to_string(), sha256(&site, place)] {
        let (code, text) = site.run(&["log", "prove", &session, &word, "-o", "-"]);
        assert!(code == 0 && text == proof, "{text}");
    }
    // Any change of it, another person's list of keys, and a revoked key are found.
    fs::write(away.path().join("one.json"), proof.replace("machines hold nothing", "machines hold everything"))
        .unwrap();
    let (code, report) = verify(&[]);
    assert!(code == 7 && report["findings"].to_string().contains("log-bad-proof"), "{report}");
    fs::write(away.path().join("one.json"), &proof).unwrap();
    fs::write(away.path().join("revoked"), format!("{}\n", site.public_key("ada"))).unwrap();
    assert_eq!(verify(&["--revoked", "revoked"]).0, 7);
    let signers = fs::read_to_string(away.path().join("allowed_signers")).unwrap();
    fs::write(
        away.path().join("allowed_signers"),
        signers.lines().filter(|l| !l.starts_with("ada")).collect::<String>(),
    )
    .unwrap();
    assert_eq!(verify(&[]).0, 7);
    for bad in ["", "{}", "[", "\u{0}"] {
        fs::write(away.path().join("one.json"), bad).unwrap();
        assert_eq!(verify(&[]).0, 7, "{bad:?}");
    }
}

fn sha256(site: &Site, place: usize) -> String {
    let log = fs::read(site.log()).unwrap();
    let line = log.split_inclusive(|b| *b == b'\n').nth(place).unwrap();
    review::input::digest::Digest::<review::input::digest::of::Line>::of(line).to_string()
}

#[test]
fn what_cannot_be_proved_is_named() {
    let site = Site::new();
    let (code, text) = site.run(&["log", "prove", "abcdef", "1", "-o", "x"]);
    assert!(code == 7, "there is no log: {text}");
    sitting(&site, "no");
    let session = lines(&site)[0]["session"].as_str().unwrap().to_owned();
    for (session, line, said) in [
        ("00000000", "1", "no session `00000000`"),
        (&session[..3], "1", "no session"),
        (&session, "0", "no line 0"),
        (&session, "99999", "no line 99999"),
        (&session, "c9", "no change that this session decides"),
    ] {
        let (code, text) = site.run(&["log", "prove", session, line, "-o", "x"]);
        assert!(code == 1 && text.contains(said) && text.contains("mend:"), "{text}");
    }
    let (code, text) = site.run(&["log", "prove", &session, "1", "-o", "absent/x"]);
    assert!(code == 1 && text.contains("cannot be written"), "{text}");
    assert!(!site.demo().join("x").exists());
    let (code, _) = site.run(&["verify", "review-log.jsonl", "--proof", "x"]);
    assert_eq!(code, 2);
    let (code, text) = site.run(&["verify"]);
    assert_eq!(code, 2, "{text}");
}

#[test]
fn a_log_that_lost_a_head_is_not_added_to() {
    let site = Site::new();
    sitting(&site, "first");
    let first = fs::read(site.log()).unwrap();
    sitting_again(&site);
    let second = fs::read(site.log()).unwrap();
    let (_, head) = site.run(&["log", "head"]);
    let folder = site.demo().join("../.local/state/review/heads");
    let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let remembered = fs::read_to_string(&file).unwrap();
    assert_eq!(remembered.lines().filter(|l| !l.starts_with('#')).collect::<Vec<_>>(), [head.trim()]);
    let (code, text) = site.run(&["verify", "review-log.jsonl", "--known-head", file.to_str().unwrap()]);
    assert!(code == 0 && text.contains("every remembered head is there"), "{text}");
    let refused = |why: &str| {
        let mut ada = site.sit("plan.yaml --key keys/ada.pub");
        expect(&mut ada, "not in it any more");
        expect(&mut ada, "exit=7");
        let _ = why;
    };
    fs::write(site.log(), &first).unwrap();
    refused("truncated");
    assert_eq!(fs::read(site.log()).unwrap(), first);
    fs::remove_file(site.log()).unwrap();
    refused("removed");
    fs::write(site.log(), &second).unwrap();
    fs::write(&file, "what?\n").unwrap();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "are damaged");
    expect(&mut ada, "exit=1");
    // A memory that was begun anew is no obstacle.
    fs::remove_file(&file).unwrap();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "? keys");
    key(&mut ada, "q");
    expect(&mut ada, "nothing was decided");
    assert_eq!(fs::read_to_string(&file).unwrap(), remembered);
}

/// A second session of Ada's, on what the first left open.
fn sitting_again(site: &Site) {
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "? keys");
    key(&mut ada, "r");
    expect(&mut ada, "Enter: send");
    key(&mut ada, "second\r");
    expect(&mut ada, "? keys");
    key(&mut ada, "f");
    seal(&mut ada, 3);
}
