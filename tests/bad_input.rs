//! Bad input and bad surroundings: each has its own message, its own exit code, and leaves nothing half-written.
//!
//! The binary runs on real files, in a real terminal where it would ask. A read-only folder and a full disk are made in a
//! namespace of the test's own; where the system does not allow that, the test says so and passes.

#![allow(clippy::print_stdout, reason = "a test that cannot be arranged says so")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{LONG, Site, expect, key, seal, unbroken};
use rexpect::session::{PtySession, spawn_command};

const BINARY: &str = env!("CARGO_BIN_EXE_review");

/// The journals beside the log.
fn journals(folder: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.to_string_lossy().contains("journal")).collect()
}

/// Starts a script of `bash` in a terminal, in the demo's folder.
fn script(site: &Site, path: Option<&Path>, script: &str) -> PtySession {
    let mut command = site.command("bash", &site.demo());
    if let Some(path) = path {
        command.env("PATH", path);
    }
    command.args(["-c", &format!("stty rows 100 cols 100; {script}; echo \"exit=$?\"")]);
    spawn_command(command, LONG).unwrap()
}

/// Rejects the first change of the demo's plan, `c3`.
fn reject_one(terminal: &mut PtySession, reason: &str) {
    expect(terminal, "? keys");
    key(terminal, "r");
    expect(terminal, "Enter: send");
    key(terminal, &format!("{reason}\r"));
}

#[test]
fn a_file_that_is_missing_empty_binary_or_a_folder_is_named_with_what_is_wrong() {
    let table: &[(&str, &str, i32, &str)] = &[
        ("plan.yaml", "missing", 1, "the plan `plan.yaml` cannot be read"),
        ("plan.yaml", "empty", 3, "error[empty]"),
        ("plan.yaml", "binary", 3, "error[not-utf8]"),
        ("plan.yaml", "folder", 1, "the folder `plan.yaml` has no plan"),
        ("review.yaml", "missing", 1, "no `review.yaml` here or in any folder above"),
        ("review.yaml", "empty", 1, "error[empty]"),
        ("review.yaml", "binary", 1, "error[not-utf8]"),
        ("review.yaml", "folder", 1, "it is not a regular file"),
        ("snapshot.json", "missing", 1, "the trust folder has no `snapshot.json`"),
        ("snapshot.json", "empty", 1, "error[empty]"),
        ("snapshot.json", "binary", 1, "error[not-utf8]"),
        ("people.yaml", "empty", 1, "error[empty]"),
        ("people.yaml", "binary", 1, "error[not-utf8]"),
        ("agents.yaml", "missing", 3, "is not a proposer in agents.yaml"),
        ("agents.yaml", "empty", 1, "error[empty]"),
        ("agents.yaml", "binary", 1, "error[not-utf8]"),
        ("tasks.yaml", "missing", 3, "is not in tasks.yaml"),
        ("tasks.yaml", "empty", 1, "error[empty]"),
        ("tasks.yaml", "binary", 1, "error[not-utf8]"),
        ("allowed_signers", "binary", 3, "so it is ignored"),
        ("policies/classification.yaml", "empty", 1, "error["),
        ("policies/classification.yaml", "binary", 1, "the file cannot be read"),
    ];
    let site = Site::new();
    for (file, how, code, message) in table {
        let path = site.demo().join(file);
        let before = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        match *how {
            "empty" => fs::write(&path, b"").unwrap(),
            "binary" => fs::write(&path, [0x00, 0x9f, 0x92, 0x96, 0xff, 0x0a, 0xfe]).unwrap(),
            "folder" => fs::create_dir(&path).unwrap(),
            _ => {}
        }
        let (found, text) = site.run(&["check", "plan.yaml"]);
        assert_eq!(found, *code, "{file}, {how}: {text}");
        let unwrapped = unbroken(&text);
        assert!(unwrapped.contains(message), "{file}, {how}: {text}");
        assert!(text.contains(file.rsplit('/').next().unwrap()), "{file}, {how}: {text}");
        assert!(text.contains("= help: "), "{file}, {how}: no way to help it: {text}");
        if path.is_dir() {
            fs::remove_dir(&path).unwrap();
        }
        fs::write(&path, before).unwrap();
    }
    let (code, text) = site.run(&["check", "plan.yaml"]);
    assert!(code == 3 && !text.contains("error["), "the demo itself is sound: {text}");
}

#[test]
fn a_trust_file_that_is_a_link_is_refused() {
    let site = Site::new();
    fs::rename(site.demo().join("people.yaml"), site.demo().join("elsewhere.yaml")).unwrap();
    symlink("elsewhere.yaml", site.demo().join("people.yaml")).unwrap();
    let (code, text) = site.run(&["check", "plan.yaml"]);
    assert!(code == 1 && text.contains("`people.yaml` is a symbolic link"), "{code} {text}");
}

#[test]
fn every_unknown_id_and_two_changes_of_one_object_come_at_once_with_their_places() {
    let site = Site::new();
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let (head, _) = plan.split_once("changes:").unwrap();
    let grant = |id: &str, to: &str, role: &str, scope: &str| {
        format!(
            "  - {{id: {id}, action: grant, to: {to}, role: {role}, scope: {scope}, mode: active, ttl: 1h, reason: r}}\n"
        )
    };
    let changes = [
        grant("c1", "user:rawi", "ledger-writer", "db:ledger"),
        grant("c2", "user:ravi", "ledger-writter", "db:ledger"),
        grant("c3", "user:ravi", "ledger-writer", "db:leger"),
        "  - {id: c4, action: revoke, to: user:noor, role: ledger-admin, scope: db:ledger, reason: r}\n".to_owned(),
        "  - {id: c5, action: remove_trust, trust: run-deploi, reason: r}\n".to_owned(),
        grant("c6", "user:lena", "ledger-writer", "db:ledger"),
        grant("c7", "user:lena", "ledger-writer", "db:ledger"),
    ];
    fs::write(site.demo().join("bad.yaml"), format!("{head}changes:\n{}", changes.concat())).unwrap();
    let (code, text) = site.run(&["check", "bad.yaml", "--format", "json"]);
    assert_eq!(code, 3, "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let expected = [
        ("unknown-identity", "user:ravi"),
        ("unknown-role", "ledger-writer"),
        ("unknown-resource", "db:ledger"),
        ("unknown-assignment", ""),
        ("unknown-trust", "run-deploy"),
        ("same-object", ""),
    ];
    for (code, help) in expected {
        let found = findings.iter().find(|it| it["code"] == code).unwrap_or_else(|| panic!("no {code}: {text}"));
        assert!(found["line"].as_u64().unwrap() > 8 && found["column"].as_u64().unwrap() > 1, "{found}");
        assert!(found["help"].as_str().is_some_and(|it| it.contains(help)), "{found}");
    }
}

#[test]
fn an_expired_plan_is_void_and_asks_nobody() {
    let site = Site::new();
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let expires = plan.lines().find(|line| line.starts_with("expires:")).unwrap();
    // The ordinary change alone, so that nothing but the expiry stands against it.
    let (head, _) = plan.split_once("changes:").unwrap();
    let (_, rest) = plan.split_once("- id: c1").unwrap();
    let (first, _) = rest.split_once("  # A privileged").unwrap();
    let old = format!("{head}changes:\n  - id: c1{first}").replace(expires, "expires: 2020-01-01T00:00:00Z");
    fs::write(site.demo().join("old.yaml"), old).unwrap();
    site.sign("old.yaml");
    let (code, text) = site.run(&["check", "old.yaml"]);
    assert!(text.contains("error[plan-expired]: the plan expired at 2020-01-01T00:00:00Z"), "{text}");
    assert_eq!(code, 6, "{text}");
    let mut ada = site.sit("old.yaml --key keys/ada.pub");
    expect(&mut ada, "the plan has expired, so there is nothing");
    expect(&mut ada, "exit=6");
    assert!(!site.log().exists() && journals(&site.demo()).is_empty());
}

#[test]
fn a_log_with_one_flipped_byte_is_never_added_to() {
    let site = Site::new();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    reject_one(&mut ada, "machines hold nothing for ever");
    expect(&mut ada, "? keys");
    key(&mut ada, "f");
    seal(&mut ada, 3);
    let mut log = fs::read(site.log()).unwrap();
    let at = log.len() / 2;
    log[at] ^= 1;
    fs::write(site.log(), &log).unwrap();
    for command in [&["verify", "review-log.jsonl"][..], &["gate", "plan.yaml", "--trust", "."], &["log", "show"]] {
        let (code, text) = site.run(command);
        assert_eq!(code, 7, "{command:?}: {text}");
    }
    let mut bo = site.sit("plan.yaml --key keys/bo.pub");
    expect(&mut bo, "the log does not verify, so nothing is appended to it");
    expect(&mut bo, "exit=7");
    assert_eq!(fs::read(site.log()).unwrap(), log);
    assert!(journals(&site.demo()).is_empty());
}

#[test]
fn without_ssh_keygen_nobody_is_asked_and_no_demo_is_half_made() {
    let site = Site::new();
    // A PATH with what the shell needs and nothing of OpenSSH.
    let tools = site.demo().join("tools");
    fs::create_dir(&tools).unwrap();
    for tool in ["bash", "stty", "git"] {
        let found = Command::new("which").arg(tool).output().unwrap();
        symlink(String::from_utf8_lossy(&found.stdout).trim(), tools.join(tool)).unwrap();
    }
    let mut ada = script(&site, Some(&tools), &format!("{BINARY} plan.yaml --key keys/ada.pub"));
    expect(&mut ada, "`ssh-keygen` was not found");
    expect(&mut ada, "= help: install OpenSSH");
    expect(&mut ada, "exit=1");
    assert!(journals(&site.demo()).is_empty());
    let mut demo = script(&site, Some(&tools), &format!("{BINARY} demo other --no-review"));
    expect(&mut demo, "`ssh-keygen` cannot be run");
    expect(&mut demo, "exit=1");
    assert!(!site.demo().join("other").exists(), "half a demo stands in the way of the next try");
}

#[test]
fn a_key_whose_private_half_nobody_holds_leaves_the_session_in_its_journal() {
    let site = Site::new();
    fs::remove_file(site.demo().join("keys/ada")).unwrap();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    reject_one(&mut ada, "machines hold nothing for ever");
    expect(&mut ada, "? keys");
    key(&mut ada, "f");
    expect(&mut ada, "Type `seal`");
    expect(&mut ada, "Enter: send");
    key(&mut ada, "seal\r");
    expect(&mut ada, "your decisions are in the journal");
    expect(&mut ada, "= help:");
    expect(&mut ada, "exit=1");
    assert!(!site.log().exists());
    assert_eq!(journals(&site.demo()).len(), 1);
}

/// Whether a namespace with file systems of its own can be made here.
fn can_mount(site: &Site) -> bool {
    let folder = site.demo().join("probe");
    fs::create_dir(&folder).unwrap();
    let mut command = site.command("unshare", &site.demo());
    command.args(["-rm", "mount", "-t", "tmpfs", "tmpfs"]).arg(&folder);
    let can = command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !can {
        println!("no file system of one's own can be mounted here, so nothing was tested");
    }
    can
}

#[test]
fn a_folder_that_cannot_be_written_is_known_before_the_first_question() {
    let site = Site::new();
    if !can_mount(&site) {
        return;
    }
    fs::create_dir(site.demo().join("logs")).unwrap();
    let run = format!("{BINARY} plan.yaml --key keys/ada.pub --log logs/review-log.jsonl");
    let mount = "mount --bind logs logs && mount -o remount,bind,ro logs";
    let mut ada = script(&site, None, &format!("unshare -rm bash -c '{mount} && {run}'"));
    expect(&mut ada, "cannot create the journal");
    expect(&mut ada, "Read-only file system");
    expect(&mut ada, "= help: make the folder of the log writable");
    expect(&mut ada, "exit=1");
    assert!(fs::read_dir(site.demo().join("logs")).unwrap().next().is_none());
    // The same for a new folder: all of it, or nothing.
    let mount = "mount --bind logs logs && mount -o remount,bind,ro logs && cd logs";
    let mut init = script(&site, None, &format!("unshare -rm bash -c '{mount} && {BINARY} init here'"));
    expect(&mut init, "cannot be written");
    expect(&mut init, "exit=1");
}

#[test]
fn a_full_disk_stops_the_review_and_keeps_in_the_journal_what_was_decided() {
    let site = Site::new();
    if !can_mount(&site) {
        return;
    }
    fs::create_dir(site.demo().join("logs")).unwrap();
    let made = Command::new("mkfifo").current_dir(site.demo()).args(["fill", "filled"]).status().unwrap();
    assert!(made.success());
    // The disk is filled from within the namespace, when the test says so; then the journal is copied out of it.
    let inside = format!(
        "mount -t tmpfs -o size=6m tmpfs logs && {{ ( read line < fill; dd if=/dev/zero of=logs/rest bs=4k 2>/dev/null; echo done > filled ) & }} \
         && {BINARY} plan.yaml --key keys/ada.pub --log logs/review-log.jsonl; code=$?; cp logs/.*journal* .; ls logs; exit $code"
    );
    let mut ada = script(&site, None, &format!("unshare -rm bash -c '{inside}'"));
    reject_one(&mut ada, "machines hold nothing for ever");
    expect(&mut ada, "2 of 5");
    fs::write(site.demo().join("fill"), "now\n").unwrap();
    assert_eq!(fs::read_to_string(site.demo().join("filled")).unwrap(), "done\n");
    // More than is left of the last block, in as many letters as a line takes; pasted, for each typed one draws the screen.
    reject_one(&mut ada, &format!("\u{1b}[200~{}\u{1b}[201~", "漢".repeat(1_900)));
    expect(&mut ada, "the decision could not be written to disk");
    expect(&mut ada, "No space left on device");
    expect(&mut ada, "= help: free some disk space");
    expect(&mut ada, "exit=1");
    let found = journals(&site.demo());
    assert_eq!(found.len(), 1, "{found:?}");
    let kept = String::from_utf8_lossy(&fs::read(&found[0]).unwrap()).into_owned();
    assert_eq!(kept.matches("\"reason\":\"machines hold nothing for ever\"").count(), 1, "the first decision is kept");

    // Full from the start: nothing is asked, and nothing is left behind.
    let inside = format!(
        "mount -t tmpfs -o size=64k tmpfs logs && {BINARY} plan.yaml --key keys/ada.pub --log logs/review-log.jsonl; code=$?; \
         echo left: $(ls -A logs) .; exit $code"
    );
    let mut bo = script(&site, None, &format!("unshare -rm bash -c '{inside}'"));
    expect(&mut bo, "No space left on device");
    expect(&mut bo, "left: .");
    expect(&mut bo, "exit=1");
}

#[test]
fn answers_that_are_piped_in_decide_nothing_with_a_terminal_or_without() {
    let site = Site::new();
    // There is a terminal, and stdin is not it: the answers in the pipe are never read.
    let mut piped = script(&site, None, &format!("printf 'r\\nbad\\rseal\\r' | {BINARY} plan.yaml --key keys/ada.pub"));
    expect(&mut piped, "1 of 5");
    key(&mut piped, "\u{3}");
    expect(&mut piped, "exit=130");
    assert!(!site.log().exists() && journals(&site.demo()).is_empty());
}
