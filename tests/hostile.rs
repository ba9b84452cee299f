//! Hostile text through the whole program: as names of everything, reasons, intents, claims, tasks and snapshot ids, in
//! every format, to a sealed log and what is shown of it.
//!
//! The naughty strings are not part of this project; where they are absent, the test says so and tries its own.

#![allow(clippy::print_stdout, reason = "a test that has nothing to read says so")]

use std::fs;
use std::path::Path;

use crate::support::{ASSISTANT, Site, expect, in_days, key, seal};
use review::input::text::is_hidden;
use serde_json::{Value, json};

/// How many strings one plan holds.
const BATCH: usize = 60;

fn strings() -> Vec<String> {
    let mut all: Vec<String> = [
        "::error file=x,line=1::forged",
        "%0A::warning::forged",
        "</details><script>alert(1)</script>",
        "| a | b |",
        "`code` **bold** [x](javascript:y) @all",
        "]]><!-- 'single' \"double\" &amp;",
        "漢字かな交じり文の全角文字ＡＢＣ",
        "e\u{301}\u{301}\u{301}\u{301}\u{301} 👩👩👧 🇨🇭",
        "x` to `nobody",
        "--help",
        "../../../../etc/passwd",
        "P1/c1",
        "-",
        "\"\\u0000\"",
    ]
    .map(str::to_owned)
    .into();
    all.push("long-name-without-blanks/".repeat(20));
    // Each of these is refused where it stands for a name; what is said of it must still be harmless.
    all.extend(
        (0..0xffff_u32).filter_map(char::from_u32).filter(|c| is_hidden(*c)).step_by(7).map(|c| format!("a{c}b")),
    );
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/hostile/blns.json");
    match fs::read_to_string(file).ok().and_then(|text| serde_json::from_str::<Vec<String>>(&text).ok()) {
        Some(more) => all.extend(more.into_iter().filter(|s| !s.is_empty())),
        None => println!("the naughty strings are absent; only our own were tried"),
    }
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/hostile/terminal-recordings");
    for entry in fs::read_dir(recordings).into_iter().flatten().flatten() {
        let bytes = fs::read(entry.path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(3_000)]).into_owned();
        all.push(text);
    }
    all
}

fn snapshot(names: &[&String]) -> String {
    let id = |kind: &str, name: &str| format!("{kind}:{name}");
    let mut identities = vec![json!({"id": "user:lena", "kind": "human"}), json!({"id": "user:ada", "kind": "human"})];
    let (mut groups, mut roles, mut resources, mut assignments) = (vec![], vec![], vec![], vec![]);
    for (n, name) in names.iter().enumerate() {
        identities.push(
            json!({"id": id("svc", name), "kind": "service_account", "owner": id("svc", name), "labels": {"k": name}}),
        );
        groups.push(json!({"id": id("group", name), "members": [id("svc", name)]}));
        let permission = json!({"action": format!("act:{name}"), "resource": name, "effect": "allow"});
        roles.push(json!({"id": id("role", name), "permissions": [permission], "owner": id("svc", name)}));
        resources.push(json!({"id": id("db", name)}));
        assignments.push(json!({"id": format!("a{n} {name}"), "who": id("group", name), "role": id("role", name),
            "scope": id("db", name), "mode": "standing", "last_used": "2020-01-01T00:00:00Z"}));
    }
    json!({"version": 1, "taken_at": in_days(0), "source": "hostile", "identities": identities, "groups": groups,
        "roles": roles, "resources": resources, "assignments": assignments})
    .to_string()
}

fn plan(n: usize, names: &[&String]) -> String {
    let mut changes = Vec::new();
    for (at, name) in names.iter().enumerate() {
        // A name of its own for half of them, so that ids are tried too.
        let change = if at % 2 == 0 { format!("c{at} {name}") } else { format!("c{at}") };
        changes
            .push(json!({"id": change, "action": "grant", "to": format!("svc:{name}"), "role": format!("role:{name}"),
            "mode": "active", "ttl": "2h", "reason": name, "claims": {"last_used": "2026-11-20"}}));
    }
    let name = names.first().map_or("", |name| name.as_str());
    json!({"version": 1, "id": format!("P{n} {name}"), "proposer": ASSISTANT, "on_behalf_of": "user:lena",
        "task": format!("T {name}"), "intent": name, "snapshot": format!("sha256:{}", "0".repeat(64)),
        "expires": in_days(2), "changes": changes})
    .to_string()
}

fn is_harmless(what: &str, out: &str) {
    let bad = out.chars().find(|c| *c != '\n' && is_hidden(*c));
    assert_eq!(bad, None, "{what} lets a hidden character out");
}

/// Runs a command in every format that it has, and looks at what leaves.
fn every_format(site: &Site, command: &[&str], formats: &[&str]) {
    let mut found = None;
    for format in formats {
        let mut arguments = command.to_vec();
        arguments.extend(["--format", format]);
        let output = site.run_in(&site.demo(), &arguments);
        let what = format!("{command:?} as {format}");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        is_harmless(&what, &out);
        is_harmless(&what, &err);
        assert!(!err.contains("panicked"), "{what}: {err}");
        let code = output.status.code().expect("no signal ended it");
        assert_eq!(*found.get_or_insert(code), code, "{what}: the format changes the exit code");
        match *format {
            "json" | "sarif" | "gitlab" => {
                let _: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{what}: {e}"));
            }
            "github" => {
                for line in out.lines() {
                    let ours = ["::error ", "::warning ", "::notice "].iter().any(|front| line.starts_with(front));
                    assert!(
                        ours && line.matches("::").count() >= 2,
                        "{what}: a line that is no annotation of ours: {line}"
                    );
                }
            }
            "markdown" => {
                for table in out.split("\n\n") {
                    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
                    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with('|')).collect();
                    assert!(rows.windows(2).all(|w| bars(w[0]) == bars(w[1])), "{what}: a broken table:\n{table}");
                }
            }
            _ => {}
        }
    }
}

#[test]
fn hostile_text_leaves_every_command_harmless_in_every_format() {
    const ALL: &[&str] = &["text", "json", "sarif", "junit", "github", "gitlab", "markdown"];
    let site = Site::new();
    let all = strings();
    let is_name = |s: &&String| {
        review::snapshot::read("s", snapshot(&[s]).as_bytes()).is_ok()
            && review::plan::read("p", plan(0, &[s]).as_bytes()).is_ok()
    };
    let (mut names, refused): (Vec<&String>, Vec<&String>) = all.iter().partition(is_name);
    names.sort();
    names.dedup();
    assert!(names.len() >= 10, "hardly any string is a name");
    println!("{} names, {} refused", names.len(), refused.len());
    // What no file may hold is told apart, one by one and all at once.
    fs::write(site.demo().join("bad.yaml"), plan(0, &refused)).unwrap();
    every_format(&site, &["check", "bad.yaml"], ALL);
    for text in refused.iter().step_by(9) {
        fs::write(site.demo().join("bad.yaml"), plan(0, &[text])).unwrap();
        every_format(&site, &["check", "bad.yaml"], &["text", "github"]);
        fs::write(site.demo().join("bad.json"), snapshot(&[text])).unwrap();
        every_format(&site, &["snapshot", "show", "bad.json"], &["text", "markdown"]);
    }
    for (n, batch) in names.chunks(BATCH).enumerate() {
        let file = format!("hostile-{n}.yaml");
        fs::write(site.demo().join("snapshot.json"), snapshot(batch)).unwrap();
        fs::write(site.demo().join(&file), plan(n, batch)).unwrap();
        site.sign(&file);
        every_format(&site, &["check", &file], ALL);
        every_format(&site, &["diff", &file], &["text", "json", "markdown"]);
        every_format(&site, &["snapshot", "show"], &["text", "json", "markdown"]);
    }
}

#[test]
fn hostile_text_is_reviewed_to_a_log_and_shown_from_it() {
    let site = Site::new();
    let all = strings();
    let is_name = |s: &&String| {
        s.len() < 200
            && review::snapshot::read("s", snapshot(&[s]).as_bytes()).is_ok()
            && review::plan::read("p", plan(0, &[s]).as_bytes()).is_ok()
    };
    let mut names: Vec<&String> = all.iter().filter(is_name).step_by(11).take(25).collect();
    names.sort();
    names.dedup();
    fs::write(site.demo().join("snapshot.json"), snapshot(&names)).unwrap();
    fs::write(site.demo().join("plan.yaml"), plan(1, &names)).unwrap();
    site.sign("plan.yaml");
    let mut bo = site.sit("plan.yaml --key keys/bo.pub");
    loop {
        let shown = bo.exp_regex("(: go on|g go on|R reject rest).*[?] keys").unwrap();
        if shown.1.contains("R reject rest") {
            break;
        }
        key(&mut bo, "g");
    }
    key(&mut bo, "R");
    expect(&mut bo, "Enter: send");
    key(&mut bo, "::error::forged | `x` </script> 漢字\r");
    seal(&mut bo, 3);
    every_format(&site, &["log", "show"], &["text", "json", "markdown"]);
    every_format(&site, &["status", "plan.yaml"], &["text", "json", "markdown", "github"]);
    every_format(&site, &["verify", "review-log.jsonl"], &["text", "json", "markdown", "github"]);
    every_format(
        &site,
        &["gate", "plan.yaml", "--trust", "."],
        &["text", "json", "sarif", "junit", "github", "gitlab", "markdown"],
    );
    every_format(&site, &["log", "show", "--change", "c1"], &["text", "json", "markdown"]);
}
