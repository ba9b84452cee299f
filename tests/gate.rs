//! The gate in real repositories: what a branch touches, where trust and the log come from, and what it says.

use std::fs;

use crate::support::{Site, decide, expect, seal};
use serde_json::Value;

/// A site in a git repository whose `main` holds the trust files and nothing else.
fn repository() -> Site {
    let site = Site::new();
    site.git(&["init", "-q", "-b", "main", "."]);
    fs::create_dir(site.demo().join("plans")).unwrap();
    fs::rename(site.demo().join("plan.yaml"), site.demo().join("../demo-plan.yaml")).unwrap();
    fs::remove_file(site.demo().join("plan.yaml.sig")).unwrap();
    fs::write(site.demo().join(".gitignore"), "keys/\n").unwrap();
    commit(&site, "trust");
    site.git(&["checkout", "-q", "-b", "topic"]);
    site
}

fn commit(site: &Site, message: &str) {
    site.git(&["add", "-A"]);
    site.git(&["commit", "-q", "--allow-empty", "-m", message]);
}

fn gate(site: &Site, arguments: &[&str]) -> (i32, Value) {
    let mut all = vec!["gate", "--format", "json"];
    all.extend(arguments);
    let output = site.run_in(&site.demo(), &all);
    let text = String::from_utf8(output.stdout).unwrap();
    let value = serde_json::from_str(&text).unwrap_or_else(|e| {
        panic!("{e}: {text}{}", String::from_utf8_lossy(&output.stderr));
    });
    (output.status.code().unwrap(), value)
}

fn codes(value: &Value) -> Vec<&str> {
    value["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect()
}

/// Writes a plan and signs it as the assistant.
fn propose(site: &Site, path: &str, text: &str) {
    fs::write(site.demo().join(path), text).unwrap();
    let _ = fs::remove_file(site.demo().join(format!("{path}.sig")));
    site.sign(path);
}

fn plan(site: &Site) -> String {
    fs::read_to_string(site.demo().join("../demo-plan.yaml")).unwrap()
}

#[test]
fn a_branch_that_touches_no_plan_passes_and_says_so() {
    let site = repository();
    fs::write(site.demo().join("notes.md"), "n").unwrap();
    commit(&site, "notes");
    let (code, value) = gate(&site, &["--changed-since", "main", "--trust", "main"]);
    assert_eq!((code, &value["verdict"]), (0, &Value::from("passes: the branch changes no plan")));
    assert_eq!(value["changes"], Value::Array(Vec::new()));
    let (code, value) = gate(&site, &["plans/absent.yaml", "--changed-since", "main", "--trust", "main"]);
    assert_eq!((code, codes(&value)), (1, vec!["could-not-run"]), "an explicit path that matches nothing");
}

#[test]
fn the_plans_of_a_branch_are_judged_as_committed() {
    let site = repository();
    propose(&site, "plans/a.yaml", &plan(&site));
    commit(&site, "plan");
    fs::write(site.demo().join("plans/a.yaml"), "not what was committed").unwrap();
    let (code, value) = gate(&site, &["--changed-since", "main", "--trust", "main"]);
    assert_eq!(code, 3, "it holds a denied change");
    assert_eq!(value["plans"][0]["file"], "plans/a.yaml");
    let needs = value["findings"].as_array().unwrap().iter().find(|f| f["code"] == "undecided").unwrap();
    let message = needs["message"].as_str().unwrap();
    assert!(message.contains("Owner (`ada`)"), "{message}");
    site.git(&["checkout", "-q", "-f", "main"]);
    site.git(&["merge", "-q", "--ff-only", "topic"]);
    site.git(&["checkout", "-q", "-b", "next"]);
    fs::remove_file(site.demo().join("plans/a.yaml")).unwrap();
    fs::remove_file(site.demo().join("plans/a.yaml.sig")).unwrap();
    commit(&site, "drop the plan");
    let (code, value) = gate(&site, &["--changed-since", "main", "--trust", "main"]);
    assert_eq!((code, &value["verdict"]), (0, &Value::from("passes: the branch only deletes plans")));
    assert!(codes(&value).contains(&"plan-deleted"));
}

#[test]
fn a_touched_trust_file_is_a_finding_and_does_not_count() {
    let site = repository();
    let people = fs::read_to_string(site.demo().join("people.yaml")).unwrap();
    fs::write(site.demo().join("people.yaml"), people.replace("ada@corp.example", "eve@corp.example")).unwrap();
    fs::write(site.demo().join("policies/mine.cedar"), "not a policy").unwrap();
    propose(&site, "plans/a.yaml", &plan(&site));
    commit(&site, "judges of its own");
    let (code, value) = gate(&site, &["--changed-since", "main", "--trust", "main"]);
    assert_eq!(code, 3, "the branch's broken policy is not read");
    assert_eq!(value["plans"].as_array().unwrap().len(), 1);
    let touched: Vec<&str> = value["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["code"] == "trust-file-touched")
        .map(|f| f["file"].as_str().unwrap())
        .collect();
    assert_eq!(touched, ["people.yaml", "policies/mine.cedar"]);
    fs::remove_file(site.demo().join("policies/mine.cedar")).unwrap();
    let (_, value) = gate(&site, &["plans/a.yaml", "--trust", "."]);
    assert!(codes(&value).contains(&"trust-from-plan-branch"), "{value}");
}

#[test]
fn a_branch_that_touches_a_trust_file_does_not_pass_unless_somebody_else_guards_it() {
    let site = repository();
    let people = fs::read_to_string(site.demo().join("people.yaml")).unwrap();
    fs::write(site.demo().join("people.yaml"), people.replace("ada@corp.example", "eve@corp.example")).unwrap();
    commit(&site, "a judge of its own");
    let since = ["--changed-since", "main", "--trust", "main"];
    let (code, value) = gate(&site, &since);
    let verdict = value["verdict"].as_str().unwrap();
    assert!(code == 3 && verdict.starts_with("does not pass: ") && verdict.contains("people.yaml"), "{verdict}");
    let finding = &value["findings"].as_array().unwrap().iter().find(|f| f["code"] == "trust-file-touched").unwrap();
    assert_eq!((&finding["severity"], &finding["file"]), (&Value::from("error"), &Value::from("people.yaml")));
    let (code, value) = gate(&site, &[&since[..], &["--trust-files", "guarded"]].concat());
    assert_eq!(code, 0, "{value:#}");
    assert!(
        messages(&value).contains("`--trust-files guarded` accepts it because another rule protects it"),
        "{value:#}"
    );
    let output = site.run_in(&site.demo(), &[&["gate"], &since[..], &["--trust-files", "ignored"]].concat());
    assert_eq!(output.status.code(), Some(2), "there is no third way");
}

#[test]
fn a_plan_is_found_whatever_it_is_called() {
    let site = repository();
    let since = ["--changed-since", "main", "--trust", "main"];
    let yaml: serde_yaml::Value = serde_yaml::from_str(&plan(&site)).unwrap();
    let json = serde_json::to_string_pretty(&yaml).unwrap();
    for (name, text) in [("plans/j.json", &json), ("plans/j.yaml.bak", &plan(&site)), ("elsewhere", &json)] {
        fs::create_dir_all(site.demo().join("plans")).unwrap();
        propose(&site, name, text);
        commit(&site, "a plan");
        let (code, value) = gate(&site, &since);
        assert_eq!((code, &value["plans"][0]["file"]), (3, &Value::from(name)), "{value:#}");
        assert_eq!(gate(&site, &[&["."], &since[..]].concat()).0, 3, "{name} is in the folder");
        let (code, said) = site.run(&["check", ".", "--format", "json"]);
        assert!(code == 3 && said.contains(&format!("\"{name}\"")), "{said}");
        site.git(&["reset", "-q", "--hard", "main"]);
    }
}

#[test]
fn a_step_that_is_filled_shows_so_while_others_are_missing() {
    let site = Site::new();
    let text = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let (kept, _) = text.split_once("  # A denied change").unwrap();
    propose(&site, "plan.yaml", kept);
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    decide(&mut ada, &[("c2", "a", "Type `ledger-admin`", "ledger-admin"), ("c1", "s", "", "")]);
    seal(&mut ada, 5);
    let (code, value) = gate(&site, &["plan.yaml", "--trust", "."]);
    assert_eq!(code, 5);
    let change = value["changes"].as_array().unwrap().iter().find(|change| change["id"] == "c2").unwrap();
    let step = |name: &str| change["steps"].as_array().unwrap().iter().find(|step| step["name"] == name).unwrap();
    assert_eq!(
        (&step("Owner")["state"], &step("Owner")["who"]),
        (&Value::from("filled"), &Value::from("ada")),
        "{change:#}"
    );
    assert_eq!(step("Security")["state"], "missing", "{change:#}");
}

#[test]
fn two_open_plans_for_one_object_are_a_finding() {
    let site = repository();
    propose(&site, "plans/a.yaml", &plan(&site));
    commit(&site, "first plan");
    site.git(&["checkout", "-q", "main"]);
    site.git(&["merge", "-q", "--ff-only", "topic"]);
    site.git(&["checkout", "-q", "-b", "second"]);
    propose(&site, "plans/b.yaml", &plan(&site).replace("PLAN-DEMO-1", "PLAN-DEMO-2"));
    commit(&site, "second plan");
    let (_, value) = gate(&site, &["--changed-since", "main", "--trust", "main"]);
    assert_eq!(value["plans"].as_array().unwrap().len(), 1, "only the touched one is judged");
    let overlaps: Vec<&Value> =
        value["findings"].as_array().unwrap().iter().filter(|f| f["code"] == "plans-overlap").collect();
    assert_eq!(overlaps.len(), 6, "each change of the second meets one of the first");
    assert!(overlaps.iter().all(|f| f["file"] == "plans/b.yaml" && f["message"].to_string().contains("plans/a.yaml")));
    let (_, text) = site.run(&["check", "plans", "--format", "json"]);
    assert_eq!(text.matches("\"plans-overlap\"").count(), 6);
}

#[test]
fn a_tag_that_is_called_like_a_branch_moves_neither_the_base_nor_the_log() {
    let site = repository();
    site.git(&["update-ref", "refs/remotes/origin/main", "main"]);
    let none = site.git(&["commit-tree", "-m", "log", "HEAD^{tree}"]);
    site.git(&["update-ref", "refs/remotes/origin/review-log", &none]);
    propose(&site, "plans/a.yaml", &plan(&site));
    commit(&site, "plan");
    let since = ["--changed-since", "origin/main", "--trust", "main", "--log", "origin/review-log:review-log.jsonl"];
    assert_eq!(gate(&site, &since).0, 3);
    // Compared with itself, the branch would touch nothing.
    for (tag, target) in [("origin/main", "HEAD"), ("origin/review-log", "HEAD")] {
        site.git(&["tag", tag, target]);
        let (code, value) = gate(&site, &since);
        let said = messages(&value);
        assert!(
            code == 1 && said.contains(&format!("`{tag}` is ambiguous: there are several branches and tags")),
            "{code} {said}"
        );
        site.git(&["tag", "-d", tag]);
    }
    let full =
        ["--changed-since", "refs/remotes/origin/main", "--trust", "main", "--log", "refs/remotes/origin/review-log:l"];
    site.git(&["tag", "origin/main", "HEAD"]);
    assert_eq!(gate(&site, &full).0, 3, "a full name means one thing");
}

#[test]
fn each_thing_that_git_cannot_tell_is_exit_1_with_its_message() {
    let site = repository();
    propose(&site, "plans/a.yaml", &plan(&site));
    commit(&site, "plan");
    let says = |folder: &std::path::Path, arguments: &[&str]| {
        let output = site.run_in(folder, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let demo = site.demo();
    let text = says(&demo, &["gate", "--changed-since", "origin/none", "--trust", "main"]);
    assert!(text.contains("is not a commit") && text.contains("git fetch"), "{text}");
    let text = says(&demo, &["gate", "--changed-since", "main", "--head", "no-such", "--trust", "main"]);
    assert!(text.contains("is not a commit"), "{text}");
    site.git(&["branch", "-q", "island", &site.git(&["commit-tree", "-m", "alone", "HEAD^{tree}"])]);
    let text = says(&demo, &["gate", "--changed-since", "island", "--trust", "main"]);
    assert!(text.contains("no common ancestor"), "{text}");
    let from = format!("file://{}", demo.display());
    site.git(&["clone", "-q", "--depth", "1", "--branch", "topic", &from, "../shallow"]);
    let text = says(&demo.join("../shallow"), &["gate", "--changed-since", "HEAD", "--trust", "HEAD"]);
    assert!(text.contains("shallow") && text.contains("fetch-depth: 0"), "{text}");
}

/// A reviewed plan: Ada and Bo approved c2, and Ada c1. Without git.
fn reviewed() -> Site {
    let site = Site::new();
    let text = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let (kept, _) = text.split_once("  # A denied change").unwrap();
    propose(&site, "plan.yaml", kept);
    let approve = ("c2", "a", "Type `ledger-admin`", "ledger-admin");
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    decide(&mut ada, &[approve, ("c1", "a", "Type `yes`", "yes")]);
    seal(&mut ada, 5);
    let mut bo = site.sit("plan.yaml --key keys/bo.pub");
    decide(&mut bo, &[approve]);
    seal(&mut bo, 0);
    site
}

#[test]
fn a_person_objects_to_what_passes_and_takes_the_reject_back() {
    let site = reviewed();
    let passes = ["plan.yaml", "--trust", "."];
    let mut bo = site.sit("plan.yaml --key keys/bo.pub");
    expect(&mut bo, "nothing to decide");
    expect(&mut bo, "exit=0");
    let mut bo = site.sit("plan.yaml --reopen --key keys/bo.pub");
    decide(&mut bo, &[("c2", "r", "Reason to", "the incident is over"), ("c1", "s", "", "")]);
    seal(&mut bo, 4);
    assert_eq!(gate(&site, &passes).0, 4);
    let mut bo = site.sit("plan.yaml --reopen --key keys/bo.pub");
    decide(&mut bo, &[("c2", "a", "Type `ledger-admin`", "ledger-admin"), ("c1", "s", "", "")]);
    seal(&mut bo, 0);
    assert_eq!(gate(&site, &passes).0, 0);
}

fn messages(value: &Value) -> String {
    let all = value["findings"].as_array().unwrap().iter();
    all.map(|f| format!("{}: {}", f["code"], f["message"])).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_thing_that_is_wrong_with_a_log_or_its_people_has_its_message_and_code() {
    let site = reviewed();
    let at = |name: &str| site.demo().join(name);
    let plain = &["plan.yaml", "--trust", "."];
    assert_eq!(gate(&site, plain).0, 0);
    let log = fs::read_to_string(site.log()).unwrap();
    let put = |name: &str, text: &str| fs::write(at(name), text).unwrap();
    let with = |name: &str| gate(&site, &["plan.yaml", "--trust", ".", "--log", name]);

    let other = reviewed();
    put("other.jsonl", &fs::read_to_string(other.log()).unwrap());
    let (code, value) = with("other.jsonl");
    assert!(code == 7 && messages(&value).contains("log-foreign-session"), "a log of another repository: {value:#}");

    put("torn.jsonl", &log[..log.len() - 40]);
    let (code, value) = with("torn.jsonl");
    assert!(code == 7 && messages(&value).contains("log-torn-tail"), "a torn log: {value:#}");

    let second = log.match_indices("\"type\":\"session\"").nth(1).unwrap().0;
    put("short.jsonl", &log[..=log[..second].rfind('\n').unwrap()]);
    let (code, value) = with("short.jsonl");
    assert!(code == 7 && messages(&value).contains("log-lost-head"), "less than the trusted copy holds: {value:#}");

    let (code, value) = gate(&site, &["plan.yaml", "--trust", ".", "--known-head", &"0".repeat(64)]);
    assert!(code == 7 && messages(&value).contains("log-lost-head"), "an unknown head: {value:#}");
    let (code, value) = gate(&site, &["plan.yaml", "--trust", ".", "--known-head", "no-such-file"]);
    assert!(code == 1 && messages(&value).contains("neither a hash"), "{value:#}");

    let (_, head) = site.run(&["log", "head"]);
    put("known_heads", &format!("# remembered\n{}\n", "1".repeat(64)));
    let (code, value) = gate(&site, plain);
    assert!(
        code == 7 && messages(&value).contains(&"1".repeat(64)),
        "a head that the trust folder remembers: {value:#}"
    );
    put("known_heads", &head);
    assert_eq!(gate(&site, plain).0, 0);
    put("known_heads", "nonsense\n");
    let (code, value) = gate(&site, plain);
    assert!(code == 1 && messages(&value).contains("known_heads` line 1"), "{value:#}");
    fs::remove_file(at("known_heads")).unwrap();

    let (code, value) = with("absent.jsonl");
    assert!(
        code == 7 && messages(&value).contains("log-lost-head"),
        "no log, where the trust folder has one: {value:#}"
    );

    let people = fs::read_to_string(at("people.yaml")).unwrap();
    put("people.yaml", &people.replace("identity-security: [bo]", "identity-security: []"));
    let (code, value) = gate(&site, plain);
    let said = messages(&value);
    assert!(code == 5 && said.contains("Security (no one in people.yaml)"), "{said}");
    assert!(
        said.contains("but policy does not let them give an approval that is needed now"),
        "who left the group: {said}"
    );
    put("people.yaml", &people.replace("identity-security: [bo]", "identity-security: [bo, lena]"));
    assert_eq!(gate(&site, plain).0, 0);
    put("people.yaml", &people);

    put(
        "policies/strict.cedar",
        "@id(\"nobody-owns\")\n@title(\"t\")\n@advice(\"a\")\n@control(\"c\")\n@severity(\"low\")\n\
         forbid (principal, action == Action::\"ApproveAsOwner\", resource);\n",
    );
    let (code, value) = gate(&site, plain);
    assert!(code == 5 && messages(&value).contains("does not let them"), "decided under other policies: {value:#}");
    fs::remove_file(at("policies/strict.cedar")).unwrap();
    assert_eq!(gate(&site, plain).0, 0, "put back, all of it holds again");
}
