//! Other people's clocks, and ours: what the gate says of decisions from the future, of those that ended, and of a clock that
//! runs backwards. Where `faketime` is not installed, the tests say so and pass.

use std::fs;

use crate::support::{LONG, Site, can_shift, decide, expect, key, seal};
use rexpect::session::{PtySession, spawn_command};
use serde_json::Value;

/// The demo with a plan of one ordinary change.
fn site() -> Site {
    let site = Site::new();
    let text = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let (kept, _) = text.split_once("  # A privileged change").unwrap();
    fs::write(site.demo().join("plan.yaml"), kept).unwrap();
    fs::remove_file(site.demo().join("plan.yaml.sig")).unwrap();
    // The assistant's key holds longer than the days that are to pass.
    let agents = fs::read_to_string(site.demo().join("agents.yaml")).unwrap();
    let (before, _) = agents.split_once("valid_before: ").unwrap();
    let until = review::input::time::Time::from_unix(crate::support::now().unix() + 6 * 86_400);
    let agents = format!("{}valid_before: {until}}}\n", before.replace("_ttl: 1d", "_ttl: 7d"));
    fs::write(site.demo().join("agents.yaml"), agents).unwrap();
    site.sign("plan.yaml");
    site
}

fn sit(site: &Site, shift: &str, key: &str) -> PtySession {
    let run = format!("faketime -f {shift} {} plan.yaml --key keys/{key}.pub", env!("CARGO_BIN_EXE_review"));
    let mut command = site.command("bash", &site.demo());
    command.args(["-c", &format!("stty rows 100 cols 100; {run}; echo \"exit=$?\"")]);
    spawn_command(command, LONG).unwrap()
}

fn gate(site: &Site, shift: &str) -> (i32, Value) {
    let mut command = site.command("faketime", &site.demo());
    command.args(["-f", shift, env!("CARGO_BIN_EXE_review"), "gate", "plan.yaml", "--trust", ".", "--format", "json"]);
    let output = command.output().unwrap();
    let value = serde_json::from_slice(&output.stdout);
    (
        output.status.code().unwrap(),
        value.unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr))),
    )
}

fn said(value: &Value) -> String {
    let all = value["findings"].as_array().unwrap().iter();
    all.map(|f| format!("{}: {}", f["code"], f["message"])).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_approval_from_the_future_counts_when_its_time_has_come_and_ends_when_it_is_over() {
    if !can_shift() {
        return;
    }
    let site = site();
    let mut ada = sit(&site, "+2h", "ada");
    decide(&mut ada, &[("c1", "a", "Type `yes`", "yes")]);
    seal(&mut ada, 0);
    let (code, value) = gate(&site, "+0");
    let text = said(&value);
    assert!(code == 5 && text.contains("approved by `ada`") && text.contains("that time is in the future"), "{text}");
    assert!(text.contains("log-time-future"), "{text}");
    assert_eq!(gate(&site, "+3h").0, 0, "now its time has come");
    let (code, value) = gate(&site, "+30h");
    assert!(code == 6 && said(&value).contains("snapshot-stale"), "the facts are too old: {}", said(&value));
    let settings = fs::read_to_string(site.demo().join("review.yaml")).unwrap();
    fs::write(site.demo().join("review.yaml"), format!("{settings}max_snapshot_age: 90d\napproval_ttl: 24h\n"))
        .unwrap();
    let (code, value) = gate(&site, "+30h");
    let text = said(&value);
    assert!(code == 6 && text.contains("approval-expired") && text.contains("that counted until"), "{text}");
    let (code, value) = gate(&site, "+4d");
    assert!(code == 6 && said(&value).contains("plan-expired"), "{}", said(&value));
}

#[test]
fn a_clock_that_runs_backwards_adds_nothing_to_the_log() {
    if !can_shift() {
        return;
    }
    let site = site();
    let mut before = sit(&site, "+2h", "ada");
    decide(&mut before, &[("c1", "a", "Type `yes`", "yes")]);
    seal(&mut before, 0);
    let log = fs::read(site.log()).unwrap();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut ada, "log-time-future");
    expect(&mut ada, "? keys");
    key(&mut ada, "g");
    expect(&mut ada, "but the log was last sealed at");
    expect(&mut ada, "exit=1");
    assert_eq!(fs::read(site.log()).unwrap(), log);
    assert_eq!(gate(&site, "+0").0, 5, "what was approved later does not count yet");
}

#[test]
fn a_clock_that_jumps_back_in_the_middle_of_a_review_moves_no_time_of_it_back() {
    if !can_shift() {
        return;
    }
    let site = site();
    let shift = site.demo().join("shift");
    fs::write(&shift, "+2h").unwrap();
    // What `faketime` loads, but with a file that says the shift: it can change while the review runs.
    let shown = site.command("faketime", &site.demo()).args(["-f", "+0", "printenv", "LD_PRELOAD"]).output().unwrap();
    let library = String::from_utf8(shown.stdout).unwrap();
    let run = format!("{} plan.yaml --key keys/ada.pub", env!("CARGO_BIN_EXE_review"));
    let mut command = site.command("bash", &site.demo());
    command.args(["-c", &format!("stty rows 100 cols 100; LD_PRELOAD=\"$SHIFTING\" {run}; echo \"exit=$?\"")]);
    command.env("SHIFTING", library.trim()).env("FAKETIME_TIMESTAMP_FILE", &shift).env("FAKETIME_NO_CACHE", "1");
    let mut ada = spawn_command(command, LONG).unwrap();
    expect(&mut ada, "? keys");
    fs::write(&shift, "-30d").unwrap();
    key(&mut ada, "a");
    expect(&mut ada, "Type `yes`");
    expect(&mut ada, "Enter: send");
    key(&mut ada, "yes\r");
    seal(&mut ada, 0);
    let text = fs::read_to_string(site.log()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let times: Vec<&str> = lines.iter().filter_map(|line| line["at"].as_str()).collect();
    let early = crate::support::now().plus(review::input::time::Span::from_seconds(3_600)).to_string();
    assert!(times.len() >= 3, "a session, a decision and a seal say when: {times:?}");
    assert!(times.is_sorted() && times.iter().all(|at| **at > *early), "{times:?}, not before {early}");
    let mut verify = site.command("faketime", &site.demo());
    verify.args(["-f", "+2h", env!("CARGO_BIN_EXE_review"), "verify", "review-log.jsonl"]);
    assert!(verify.status().unwrap().success());
}
