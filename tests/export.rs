//! An export hands out what the gate passes, once, and leaves a signed record of it.

use std::fs;
use std::process::Command;

use crate::support::{Site, decide, seal};
use serde_json::Value;

const RECORDER: (&str, &str) = ("robot", "robot@ci.example namespaces=\"review-record@v1\"");
const EXPORT: &[&str] = &["export", "plan.yaml", "--trust", ".", "--key", "keys/robot.pub"];

/// The demo with `c1`, which Ada approved, and `c4`, which policy lets pass.
fn approved() -> Site {
    let site = Site::with_plan(&["c1", "c4"], &[RECORDER]);
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    decide(&mut ada, &[("c1", "a", "Type `yes`", "yes")]);
    seal(&mut ada, 0);
    site
}

fn export(site: &Site, more: &[&str]) -> (i32, String, String) {
    let output = site.run_in(&site.demo(), &[EXPORT, more].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn lines(site: &Site) -> Vec<Value> {
    let log = fs::read_to_string(site.log()).unwrap();
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sha256(bytes: &[u8]) -> String {
    review::input::digest::Digest::<review::input::digest::of::File>::of(bytes).to_string()
}

#[test]
fn an_export_is_recorded_and_a_second_one_is_refused() {
    let site = approved();
    let before = fs::read_to_string(site.log()).unwrap();
    let (code, text, said) = export(&site, &["--rollback", "back.json"]);
    assert_eq!(code, 0, "{said}");
    let bundle: Value = serde_json::from_str(&text).unwrap();
    let schema: Value = serde_json::from_str(&site.run(&["schema", "bundle"]).1).unwrap();
    jsonschema::draft202012::validate(&schema, &bundle).unwrap();
    assert_eq!(bundle["changes"].as_array().unwrap().len(), 2);
    let approval = |id: &str| {
        let change = bundle["changes"].as_array().unwrap().iter().find(|it| it["id"] == id).unwrap();
        change["approvals"].clone()
    };
    assert_eq!(approval("c1")[0]["verdict"], "approve");
    assert_eq!(approval("c1")[0]["principal"], "ada@corp.example");
    assert_eq!(approval("c4"), Value::Array(Vec::new()), "nobody had recorded that automatic by policy");

    let log = lines(&site);
    let exports: Vec<&Value> = log.iter().filter(|line| line["type"] == "export").collect();
    assert_eq!(exports.len(), 2);
    assert!(exports.iter().all(|it| it["output"] == sha256(text.as_bytes()).as_str()));
    assert!(exports.iter().all(|it| it["decisions"].as_array().unwrap().len() == 1), "{exports:?}");
    // A bundle that somebody edits is another file than the one in the log.
    let edited = text.replace("user:ravi", "user:eve");
    assert!(edited != text && !fs::read_to_string(site.log()).unwrap().contains(&sha256(edited.as_bytes())));
    let back = fs::read(site.demo().join("back.json")).unwrap();
    assert!(exports.iter().all(|it| it["rollback"] == sha256(&back).as_str()));
    assert_eq!(bundle["rollback"]["plan"], String::from_utf8(back.clone()).unwrap());
    assert_eq!(log.iter().filter(|line| line["type"] == "auto").count(), 1);
    assert_eq!(site.run(&["verify", "review-log.jsonl"]).0, 0);
    let back = review::plan::read("back.json", &back).unwrap();
    assert_eq!(back.changes.iter().map(|it| it.action.word()).collect::<Vec<_>>(), ["grant", "revoke"]);

    let after = fs::read_to_string(site.log()).unwrap();
    assert!(after.starts_with(&before));
    for more in [&[][..], &["--partial"]] {
        let (code, text, said) = export(&site, more);
        assert_eq!((code, text.as_str()), (6, ""), "{said}");
        assert!(said.contains("already-exported"), "{said}");
    }
    assert_eq!(fs::read_to_string(site.log()).unwrap(), after, "a refused export records nothing");
    assert_eq!(site.run(&["gate", "plan.yaml", "--trust", "."]).0, 6);
}

#[test]
fn what_two_branches_exported_is_used_up_once_they_are_joined() {
    let site = approved();
    let other = Site::copy_of(&site);
    assert_eq!(export(&site, &[]).0, 0);
    assert_eq!(export(&other, &[]).0, 0, "neither knows of the other");
    let (here, there, joined) = (site.log(), other.log(), site.demo().join("joined.jsonl"));
    let paths = [&here, &there, &joined].map(|path| path.to_str().unwrap());
    let (code, text) = site.run(&["log", "merge", paths[0], paths[1], "-o", paths[2]]);
    assert_eq!(code, 0, "{text}");
    fs::rename(&joined, &here).unwrap();
    let (code, text, _) = export(&site, &[]);
    assert_eq!((code, text.as_str()), (6, ""));
}

#[test]
fn nothing_is_exported_where_the_gate_does_not_pass() {
    let site = Site::with_plan(&["c1", "c4"], &[RECORDER]);
    let (code, text, said) = export(&site, &["-o", "bundle.json"]);
    assert_eq!((code, text.as_str()), (5, ""), "{said}");
    assert!(said.contains("nothing was exported"), "{said}");
    assert!(!site.demo().join("bundle.json").exists() && !site.log().exists());
    // What passes by itself is exported alone only if that is asked for.
    let (code, _, said) = export(&site, &["--partial", "-o", "bundle.json"]);
    assert_eq!(code, 0, "{said}");
    let bundle: Value = serde_json::from_slice(&fs::read(site.demo().join("bundle.json")).unwrap()).unwrap();
    assert_eq!(bundle["changes"].as_array().unwrap().len(), 1);
    assert_eq!(bundle["left_out"], serde_json::json!(["c1"]));
    assert!(said.contains("left out: c1"), "{said}");
}

#[test]
fn an_export_that_cannot_be_written_or_rendered_uses_nothing_up() {
    let site = approved();
    let before = fs::read_to_string(site.log()).unwrap();
    let (code, _, said) = export(&site, &["-o", "no/such/folder/bundle.json"]);
    assert!(code == 1 && said.contains("cannot be written"), "{said}");
    for format in ["postgresql", "kubernetes"] {
        let (code, text, said) = export(&site, &["--format", format]);
        assert_eq!((code, text.as_str()), (1, ""), "{said}");
        assert!(said.contains("not-expressible") && said.contains("no approval was used up"), "{said}");
    }
    let (code, _, said) = export(&site, &["--key", "keys/ada.pub"]);
    assert!(code == 2 || said.contains("cannot record"), "{said}");
    assert_eq!(fs::read_to_string(site.log()).unwrap(), before);
    assert_eq!(export(&site, &[]).0, 0);
}

#[test]
fn of_two_exports_at_once_at_most_one_is_handed_out() {
    let site = approved();
    let start = || {
        let mut command: Command = site.command(env!("CARGO_BIN_EXE_review"), &site.demo());
        command.args(EXPORT).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command.spawn().unwrap()
    };
    let running = [start(), start(), start()];
    let done: Vec<_> = running.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let handed_out = done.iter().filter(|it| !it.stdout.is_empty()).count();
    assert!(handed_out <= 1, "{done:?}");
    assert!(done.iter().all(|it| it.stdout.is_empty() != it.status.success()), "{done:?}");
    assert_eq!(site.run(&["verify", "review-log.jsonl"]).0, 0);
}
