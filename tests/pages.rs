//! Pages that people read between reviews: what is open, what a snapshot holds, what changed, one change's story.
//!
//! The cluster's export and the bootstrap versions are read in place; where they are absent, the tests say so and pass.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Site, cluster_exports, decide, expect, key, seal};
use serde_json::Value;

fn json(site: &Site, arguments: &[&str], code: i32) -> Value {
    let mut all = arguments.to_vec();
    all.extend(["--format", "json"]);
    let (found, text) = site.run(&all);
    assert_eq!(found, code, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn rows<'v>(value: &'v Value, key: &str) -> &'v Vec<Value> {
    value[key].as_array().unwrap_or_else(|| panic!("no `{key}` in {value}"))
}

#[test]
fn status_says_what_is_open_and_what_waits_for_whom() {
    let site = Site::new();
    let before = json(&site, &["status"], 3);
    assert_eq!(rows(&before, "plans")[0]["open"], 4);
    let waiting = |status: &Value, person: &str| {
        rows(status, "waiting")
            .iter()
            .filter(|row| row["person"] == person)
            .map(|row| row["changes"].as_u64().unwrap())
            .sum::<u64>()
    };
    assert!(waiting(&before, "ada") > 0 && waiting(&before, "bo") > 0);
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    decide(&mut ada, &[("c2", "a", "Type `ledger-admin`", "ledger-admin"), ("c3", "r", "Reason to", "no")]);
    expect(&mut ada, "? keys");
    key(&mut ada, "f");
    seal(&mut ada, 3);
    let after = json(&site, &["status", "plan.yaml"], 3);
    assert_eq!(waiting(&after, "ada") + 1, waiting(&before, "ada"), "{after}");
    assert_eq!(waiting(&after, "bo"), waiting(&before, "bo"));
    // An approval that ends within a day is told.
    let mut bo = site.sit("plan.yaml --key keys/bo.pub");
    decide(&mut bo, &[("c2", "a", "Type `ledger-admin`", "ledger-admin"), ("c3", "s", "", "")]);
    expect(&mut bo, "? keys");
    key(&mut bo, "f");
    seal(&mut bo, 3);
    assert!(rows(&json(&site, &["status"], 3), "ending").is_empty());
    let path = site.demo().join("review.yaml");
    fs::write(&path, fs::read_to_string(&path).unwrap() + "approval_ttl: 20h\n").unwrap();
    let ending = json(&site, &["status"], 3);
    assert_eq!(rows(&ending, "ending")[0]["change"], "c2");
    // A review that was left is told too.
    let mut left = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut left, "? keys");
    key(&mut left, "r");
    expect(&mut left, "Enter: send");
    key(&mut left, "later\r");
    expect(&mut left, "? keys");
    key(&mut left, "q");
    expect(&mut left, "exit=130");
    let (_, text) = site.run(&["status"]);
    assert!(text.contains("log-journal-left") && text.contains("review resume"), "{text}");
}

#[test]
fn one_changes_whole_story_is_told() {
    let site = Site::new();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    decide(
        &mut ada,
        &[("c2", "a", "Type `ledger-admin`", "ledger-admin"), ("c3", "r", "Reason to", "machines hold nothing")],
    );
    expect(&mut ada, "? keys");
    key(&mut ada, "f");
    seal(&mut ada, 3);
    let mut bo = site.sit("plan.yaml --key keys/bo.pub");
    decide(&mut bo, &[("c2", "r", "Reason to", "the migration can wait"), ("c3", "s", "", "")]);
    expect(&mut bo, "? keys");
    key(&mut bo, "f");
    seal(&mut bo, 3);
    let story = json(&site, &["log", "show", "--change", "c2"], 0);
    let told: Vec<(&str, &str)> =
        rows(&story, "story").iter().map(|row| (row["what"].as_str().unwrap(), row["who"].as_str().unwrap())).collect();
    let (ada, bo) = ("ada@corp.example", "bo@corp.example");
    assert_eq!(told, [("evaluated", ada), ("approved", ada), ("evaluated", bo), ("rejected", bo)]);
    assert_eq!(story["reason"], "The migration needs one schema change.");
    let times: Vec<&str> = rows(&story, "story").iter().map(|row| row["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "what happened later stands below: {times:?}");
    // What is shown of a session is enough to prove a decision of it.
    let all = json(&site, &["log", "show"], 0);
    let (_, text) = site.run(&["log", "show"]);
    for decision in rows(&all, "decisions") {
        let (session, change) = (&decision["session"].as_str().unwrap()[..8], decision["change"].as_str().unwrap());
        assert!(
            text.matches(&format!("│ {session} ")).count() > 1,
            "among the sessions and beside the decision: {text}"
        );
        let (code, said) = site.run(&["log", "prove", session, change, "-o", "one.json"]);
        assert_eq!(code, 0, "{said}");
    }
    let (code, text) = site.run(&["log", "show", "--change", "c2", "--plan", "PLAN-DEMO-1"]);
    assert!(code == 0 && text.contains("migration can"), "{text}");
    let says = |n: usize| rows(&story, "story")[n]["says"].as_str().unwrap();
    assert!(says(1).contains("privileged, by name `ledger-admin`"), "{story}");
    assert!(says(3).contains("why: `the migration can wait`"), "{story}");
    assert!(rows(&story, "story").iter().all(|row| row["effect"] == 1), "nothing moved");
    let (code, text) = site.run(&["log", "show", "--change", "c99"]);
    assert!(code == 1 && text.contains("holds nothing of a change `c99`"), "{text}");
    let (code, text) = site.run(&["log", "show", "--plan", "PLAN-NONE"]);
    assert!(code == 1 && text.contains("holds nothing of a plan `PLAN-NONE`"), "{text}");
    let only = json(&site, &["log", "show", "--plan", "PLAN-DEMO-1"], 0);
    assert_eq!((rows(&only, "decisions").len(), rows(&only, "sessions").len()), (3, 2), "{only}");
    let log = std::fs::read_to_string(site.log()).unwrap();
    std::fs::write(site.log(), log.replacen("\"verdict\":\"reject\"", "\"verdict\":\"rejecT\"", 1)).unwrap();
    for asked in ["--plan", "--change"] {
        let (code, text) = site.run(&["log", "show", asked, "NONE"]);
        assert!(code == 7 && text.contains("does not verify"), "{text}");
    }
}

#[test]
fn whose_keys_count_in_a_log_is_said_to_stand_in_a_trust_folder() {
    let site = Site::new();
    fs::write(site.demo().join("../a.jsonl"), "").unwrap();
    for command in ["show", "head"] {
        let output = site.run_in(&site.demo().join(".."), &["log", command, "a.jsonl"]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && text.contains("`review verify LOG --signers FILE`"), "{text}");
    }
}

#[test]
fn a_log_that_is_not_there_is_an_error_if_it_was_named_and_an_answer_if_not() {
    let site = Site::new();
    for named in [&["nofile"][..], &["--log", "nofile"]] {
        for command in ["show", "head"] {
            let (code, text) = site.run(&[&["log", command], named].concat());
            assert!(code == 1 && text.contains("there is no log `nofile`") && text.contains("= help"), "{text}");
        }
    }
    for command in ["show", "head"] {
        let (code, text) = site.run(&["log", command]);
        assert!(code == 0 && text.contains("there is no log yet") && !text.contains("intact"), "{text}");
    }
    let output = site.run_in(&site.demo(), &["log", "head"]);
    assert!(output.status.success() && output.stdout.is_empty(), "no head is no line");
}

#[test]
fn a_snapshot_shows_privilege_what_is_unused_and_what_nobody_answers_for() {
    let site = Site::new();
    let snapshot = r#"{"version":1,"taken_at":"2026-11-20T00:00:00Z","source":"kubernetes",
      "identities":[{"id":"user:a","kind":"human","last_used":"2020-01-01T00:00:00Z"},{"id":"sa:x/y","kind":"service_account"},
        {"id":"sa:x/z","kind":"service_account","owner":"user:a"},{"id":"sa:x/off","kind":"service_account","status":"disabled"}],
      "groups":[{"id":"group:g","members":["user:a"]}],
      "roles":[{"id":"clusterrole:secrets","permissions":[{"action":"get","resource":"core:secrets#*","effect":"allow"}]},
        {"id":"clusterrole:pods","permissions":[{"action":"get","resource":"core:pods#*","effect":"allow"}]},
        {"id":"clusterrole:binder","permissions":[{"action":"create","resource":"rbac.authorization.k8s.io:clusterrolebindings#*","effect":"allow"},
          {"action":"bind","resource":"rbac.authorization.k8s.io:clusterroles#*","effect":"allow"}]}],
      "assignments":[{"id":"a1","who":"group:g","role":"clusterrole:secrets","mode":"standing"},
        {"id":"a2","who":"sa:x/y","role":"clusterrole:secrets","mode":"active","until":"2026-11-21T00:00:00Z"},
        {"id":"a3","who":"user:a","role":"clusterrole:pods","mode":"standing","last_used":"2026-01-01T00:00:00Z"},
        {"id":"a4","who":"sa:x/z","role":"clusterrole:secrets","mode":"active","until":"2026-11-19T00:00:00Z"}]}"#;
    fs::write(site.demo().join("other.json"), snapshot).unwrap();
    let shown = json(&site, &["snapshot", "show", "other.json"], 0);
    let holders: Vec<(&str, &str, &str)> = rows(&shown, "privileged_holders")
        .iter()
        .map(|row| (row["who"].as_str().unwrap(), row["kind"].as_str().unwrap(), row["mode"].as_str().unwrap()))
        .collect();
    assert_eq!(
        holders,
        [("group:g", "group", "standing"), ("sa:x/y", "service_account", "active")],
        "what ended is not held"
    );
    assert_eq!(rows(&shown, "standing_privilege").len(), 1);
    assert_eq!(rows(&shown, "non_human_without_owner").len(), 1, "a disabled one needs no owner");
    let stale: Vec<&str> = rows(&shown, "stale").iter().map(|row| row["who"].as_str().unwrap()).collect();
    assert_eq!(stale, ["user:a", "user:a"], "an assignment and an identity");
    let prone: Vec<&str> =
        rows(&shown, "escalation_prone_roles").iter().map(|row| row["role"].as_str().unwrap()).collect();
    assert!(prone.contains(&"clusterrole:binder") && !prone.contains(&"clusterrole:pods"), "{prone:?}");
    assert_eq!(shown["counts"]["ended_assignments"], 1);
    assert_eq!(shown["counts"]["privileged_holders"], 2);
    let (code, text) = site.run(&["snapshot", "show"]);
    assert!(code == 0 && text.contains("Privileged roles"), "{text}");
    let (code, text) = site.run(&["snapshot", "show", "plan.yaml"]);
    assert!(code == 1 && text.contains("error["), "{text}");
    // Without a trust folder the shipped rules are gone by.
    let output =
        site.run_in(site.demo().parent().unwrap(), &["snapshot", "show", "demo/other.json", "--format", "json"]);
    let elsewhere: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(elsewhere["privileged_holders"], shown["privileged_holders"]);
}

#[test]
fn what_changed_between_snapshots_is_told_both_ways_and_agents_are_watched() {
    let site = Site::new();
    let of = |agent: &str, pods: &str| {
        format!(
            r#"{{"version":1,"taken_at":"2026-11-20T00:00:00Z","source":"kubernetes",
      "identities":[{{"id":"user:a","kind":"human"}},{{"id":"agent:b","kind":"agent"}}],
      "roles":[{{"id":"clusterrole:secrets","permissions":[{{"action":"get","resource":"core:secrets#*","effect":"allow"}}]}},
        {{"id":"clusterrole:pods","permissions":[{{"action":"{pods}","resource":"core:pods#*","effect":"allow"}}]}}],
      "assignments":[{{"id":"a1","who":"user:a","role":"clusterrole:pods","mode":"standing"}}{agent}]}}"#
        )
    };
    let agent = r#",{"id":"a2","who":"agent:b","role":"clusterrole:secrets","mode":"standing"}"#;
    fs::write(site.demo().join("a.json"), of("", "get")).unwrap();
    fs::write(site.demo().join("b.json"), of(agent, "list")).unwrap();
    let there = json(&site, &["snapshot", "diff", "a.json", "b.json"], 0);
    assert_eq!(rows(&there, "grants_gained").len(), 1);
    assert_eq!(rows(&there, "definitions")[0]["name"], "clusterrole:pods");
    let power = rows(&there, "agent_power");
    assert!(power.iter().all(|row| row["agent"] == "agent:b") && !power.is_empty(), "{power:?}");
    let who = |value: &Value, key: &str| -> Vec<String> {
        rows(value, key).iter().map(|row| format!("{} {}", row["who"], row["access"])).collect()
    };
    let back = json(&site, &["snapshot", "diff", "b.json", "a.json"], 0);
    assert_eq!(who(&there, "gained"), who(&back, "lost"));
    assert_eq!(who(&there, "lost"), who(&back, "gained"));
    assert!(rows(&back, "agent_power").is_empty());
    let same = json(&site, &["snapshot", "diff", "a.json", "a.json"], 0);
    for key in ["grants_gained", "grants_lost", "definitions", "gained", "lost", "escalations", "agent_power"] {
        assert!(rows(&same, key).is_empty(), "{key}");
    }
}

fn import(site: &Site, files: &[PathBuf], to: &str) {
    let mut arguments = vec!["snapshot".to_owned(), "import".to_owned(), "kubernetes".to_owned()];
    arguments.extend(files.iter().map(|file| file.to_string_lossy().into_owned()));
    arguments.extend(["-o", to, "--taken-at", "2026-11-20T00:00:00Z"].map(str::to_owned));
    let (code, text) = site.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, 0, "{text}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

#[test]
fn the_three_bootstrap_versions_are_compared() {
    let Some(data) = cluster_exports() else { return };
    let site = Site::new();
    let versions = files(&data.join("bootstrap"));
    assert_eq!(versions.len(), 3);
    for (n, version) in versions.iter().enumerate() {
        import(&site, &files(version), &format!("{n}.json"));
    }
    for (a, b) in [(0, 1), (1, 2), (0, 2)] {
        let (a, b) = (format!("{a}.json"), format!("{b}.json"));
        let there = json(&site, &["snapshot", "diff", &a, &b], 0);
        let back = json(&site, &["snapshot", "diff", &b, &a], 0);
        assert_eq!(there["grants_gained"], back["grants_lost"], "{a} {b}");
        assert_eq!(rows(&there, "gained").len(), rows(&back, "lost").len(), "{a} {b}");
        assert_eq!(rows(&there, "lost").len(), rows(&back, "gained").len(), "{a} {b}");
        assert!(!rows(&there, "definitions").is_empty(), "{a} {b}: these versions differ");
    }
}

#[test]
fn a_real_cluster_is_shown() {
    let Some(data) = cluster_exports() else { return };
    let site = Site::new();
    let mut all = vec![data.join("live/rolebindings.yaml")];
    all.extend(files(&data.join("bootstrap/2022-arktos")));
    import(&site, &all, "live.json");
    let shown = json(&site, &["snapshot", "show", "live.json"], 0);
    assert!(shown["counts"]["groups"].as_u64().unwrap() >= 334, "{}", shown["counts"]);
    assert!(rows(&shown, "privileged_holders").len() > 1_000);
    assert!(rows(&shown, "escalation_prone_roles").iter().any(|row| row["role"] == "clusterrole:cluster-admin"));
    let (_, text) = site.run(&["snapshot", "show", "live.json"]);
    assert!(text.lines().count() < 900, "people are not shown thousands of rows");
}

#[test]
fn without_arguments_it_says_what_to_do_next_here() {
    let site = Site::new();
    let outside = site.run_in(site.demo().parent().unwrap(), &[]);
    assert!(String::from_utf8_lossy(&outside.stdout).contains("review init"));
    let (code, text) = site.run(&[]);
    assert!(code == 0 && text.contains("review plan.yaml") && !text.contains("review resume"), "{text}");
    let mut left = site.sit("plan.yaml --key keys/ada.pub");
    expect(&mut left, "? keys");
    key(&mut left, "r");
    expect(&mut left, "Enter: send");
    key(&mut left, "later\r");
    expect(&mut left, "? keys");
    key(&mut left, "q");
    expect(&mut left, "exit=130");
    fs::create_dir(site.demo().join("plans")).unwrap();
    fs::copy(site.demo().join("plan.yaml"), site.demo().join("plans/a.yaml")).unwrap();
    let (_, text) = site.run(&[]);
    assert!(text.contains("review resume") && text.contains("review ."), "{text}");
}

#[test]
fn access_below_a_resource_is_what_reaches_it_and_an_unknown_one_is_an_error() {
    let site = Site::new();
    let ways = |arguments: &[&str]| {
        let answer = json(&site, &[&["access"], arguments].concat(), 0);
        let ways = answer["access"]["answers"][0]["ways"].as_array().unwrap().clone();
        (answer["access"]["scope"].clone(), ways)
    };
    let (none, all) = ways(&["svc:reconcile"]);
    let everywhere = all.iter().map(|way| way["scope"].as_str().unwrap_or("")).collect::<Vec<_>>();
    let (scope, below) = ways(&["svc:reconcile", "--scope", "ci:jobs"]);
    assert_eq!((none, scope), (Value::Null, "ci:jobs".into()));
    assert!(below.len() < all.len(), "{everywhere:?}");
    for way in &below {
        assert!(matches!(way["scope"].as_str(), None | Some("ci:jobs" | "org:corp")), "{way}");
    }
    let (_, own) = ways(&["svc:reconcile", "--scope", everywhere[0]]);
    assert!(own.contains(&all[0]), "what is held there is told: {own:?}");
    for asked in [&["svc:reconcile"][..], &["svc:reconcile", "read"], &["--who", "read"]] {
        let (code, text) = site.run(&[&["access"], asked, &["--scope", "ci:job"]].concat());
        assert!(code == 1 && text.contains("the nearest known name is `ci:jobs`"), "{asked:?}: {text}");
        assert!(text.contains("unknown-resource"), "{text}");
    }
}
