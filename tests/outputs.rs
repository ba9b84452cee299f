//! One result, many outputs: every format to any number of files, the same exit code in each, and nothing half-written.

use std::fs;

use crate::support::Site;

const FORMATS: &[&str] = &["text", "json", "sarif", "junit", "github", "gitlab", "markdown"];

/// Every command that writes results, on a fixture that gives it something to say, and its exit code.
fn fixtures(site: &Site) -> Vec<(Vec<&'static str>, i32)> {
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    fs::write(site.demo().join("bad.yaml"), plan.replace("to: user:ravi", "to: user:rawi")).unwrap();
    fs::create_dir(site.demo().join("empty")).unwrap();
    fs::write(site.demo().join("broken.jsonl"), "garbage\n").unwrap();
    vec![
        (vec!["check", "plan.yaml"], 3),
        (vec!["check", "bad.yaml"], 3),
        (vec!["check", "absent.yaml"], 1),
        (vec!["check", "empty"], 1),
        (vec!["gate", "plan.yaml", "--trust", "."], 3),
        (vec!["gate", "plan.yaml", "--trust", "empty"], 1),
        (vec!["gate", "plan.yaml", "--trust", ".", "--log", "broken.jsonl"], 7),
        (vec!["diff", "plan.yaml"], 0),
        (vec!["diff", "bad.yaml"], 3),
        (vec!["verify", "broken.jsonl"], 7),
        (vec!["verify", "absent.jsonl"], 1),
    ]
}

#[test]
fn the_format_never_changes_the_exit_code() {
    let site = Site::new();
    for (arguments, code) in fixtures(&site) {
        for format in FORMATS {
            let mut with = arguments.clone();
            with.extend(["--format", format]);
            assert_eq!(site.run(&with).0, code, "{with:?}");
        }
        let mut with: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        for format in FORMATS {
            with.extend(["--output".to_owned(), format!("{format}=out.{format}")]);
        }
        with.extend(["--output", "markdown=-"].map(str::to_owned));
        let output = site.run_in(&site.demo(), &with.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(code), "{with:?}");
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(stdout.starts_with("### review "), "{with:?}: {stdout}");
        let read = |format: &str| fs::read_to_string(site.demo().join(format!("out.{format}"))).unwrap();
        assert_eq!(read("markdown"), stdout);
        let json: serde_json::Value = serde_json::from_str(&read("json")).unwrap();
        assert_eq!(json["exit_code"], code, "{with:?}");
        let sarif: serde_json::Value = serde_json::from_str(&read("sarif")).unwrap();
        assert_eq!(sarif["runs"][0]["invocations"][0]["exitCode"], code, "{with:?}");
        assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], code != 1, "could not run is told apart");
        if code == 1 {
            let finding = json["findings"][0]["code"].as_str().unwrap();
            assert!(["could-not-run", "bad-configuration"].contains(&finding), "{with:?}: {finding}");
        }
        for format in FORMATS {
            fs::remove_file(site.demo().join(format!("out.{format}"))).unwrap();
        }
    }
}

#[test]
fn an_output_that_cannot_be_written_is_exit_1_and_the_others_say_so() {
    let site = Site::new();
    fs::write(site.demo().join("old.json"), "old").unwrap();
    let (code, text) = site.run(&[
        "diff",
        "plan.yaml",
        "--output",
        "sarif=no/such/folder/x",
        "--output",
        "json=old.json",
        "--output",
        "json=-",
    ]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("`no/such/folder/x` cannot be written"), "{text}");
    let written = fs::read_to_string(site.demo().join("old.json")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(value["exit_code"], 1, "no output claims a code that the process did not exit with");
    assert!(text.starts_with(&written));
    let (code, text) = site.run(&["diff", "plan.yaml", "--output", "json=keys"]);
    assert!(code == 1 && text.contains("it is a folder"), "{text}");
    let left = fs::read_dir(site.demo())
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().ends_with(".tmp"));
    assert_eq!(left.count(), 0, "nothing half-written is left");
    // A worse verdict stands before the failure to write.
    fs::write(site.demo().join("broken.jsonl"), "garbage\n").unwrap();
    assert_eq!(site.run(&["verify", "broken.jsonl", "--output", "json=no/x"]).0, 7);
}

#[test]
fn two_results_for_one_place_are_refused_before_any_work() {
    let site = Site::new();
    for (one, two) in [("json=-", "sarif=-"), ("json=x", "sarif=./x")] {
        let (code, text) = site.run(&["check", "absent.yaml", "--output", one, "--output", two]);
        assert!(code == 2 && text.contains("write each to a different file"), "{code} {text}");
        assert!(!site.demo().join("x").exists());
    }
    let (code, text) = site.run(&["check", "plan.yaml", "--output", "xml=x"]);
    assert!(code == 2 && text.contains("text, json, sarif"), "{text}");
}

#[test]
fn a_folder_stands_for_every_plan_in_it() {
    let site = Site::new();
    let plan = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    fs::create_dir(site.demo().join("plans")).unwrap();
    for name in ["a", "b"] {
        let renamed = plan.replace("id: PLAN-DEMO-1", &format!("id: PLAN-{name}"));
        fs::write(site.demo().join(format!("plans/{name}.yaml")), renamed).unwrap();
    }
    let plans = |arguments: &[&str]| {
        let (_, text) = site.run(arguments);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value["plans"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(plans(&["check", "plans", "--format", "json"]), ["PLAN-a", "PLAN-b"]);
    assert_eq!(plans(&["check", ".", "--format", "json"]), ["PLAN-DEMO-1", "PLAN-a", "PLAN-b"]);
    assert_eq!(plans(&["gate", "plans/b.yaml", "plans", "--trust", ".", "--format", "json"]), ["PLAN-b", "PLAN-a"]);
}
