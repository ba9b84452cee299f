//! What an approval survives, and what kills it: one row for each thing that can differ afterwards.

use std::fs;

use crate::support::{Site, decide, seal};
use serde_json::Value;

/// The demo's plan with these changes.
fn plan(text: &str, changes: &[&str]) -> String {
    let (head, rest) = text.split_once("changes:\n").unwrap();
    let mut out = format!("{head}changes:\n");
    for change in changes {
        let body = rest.split("  - id: ").skip(1).find(|body| body.starts_with(change)).unwrap();
        let lines: Vec<&str> = body.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        out.push_str(&format!("  - id: {}\n", lines.join("\n")));
    }
    out
}

/// What stands in place of a file; the plan is `plan.yaml`.
type Edit = Vec<(&'static str, String)>;

/// Whether the approval of a change holds, else what is said of it.
enum Fate {
    Kept,
    Gone(&'static str),
}

struct Row {
    what: &'static str,
    edit: Edit,
    c1: Fate,
}

fn rows(read: &dyn Fn(&str) -> String, whole: &str) -> Vec<Row> {
    use Fate::{Gone, Kept};
    let base = plan(whole, &["c1", "c5"]);
    let edit = |text: String| vec![("plan.yaml", text)];
    let row = |what, edit, c1| Row { what, edit, c1 };
    let file = |name: &'static str, from: &str, to: &str| {
        let old = read(name);
        let new = old.replacen(from, to, 1);
        assert_ne!(old, new, "{name} has no {from}");
        vec![(name, new)]
    };
    let first = base.find("    reason: Ravi").unwrap();
    let reordered = {
        let (before, rest) = base.split_at(first);
        let (reason, after) = rest.split_once('\n').unwrap();
        before.replacen("    action: grant\n", &format!("{reason}\n    action: grant\n"), 1) + after
    };
    vec![
        row("nothing", vec![], Kept),
        row("a comment", edit(base.replace("changes:", "# read again\nchanges:")), Kept),
        row("quotes", edit(base.replace("to: user:ravi", "to: \"user:ravi\"")), Kept),
        row("the order of fields", edit(reordered), Kept),
        row("the order of changes", edit(plan(whole, &["c5", "c1"])), Kept),
        row("the change's own id", edit(base.replace("id: c1", "id: z1")), Kept),
        row("a duration written otherwise", edit(base.replacen("ttl: 4h", "ttl: 240m", 1)), Kept),
        row("another change is added", edit(plan(whole, &["c1", "c5", "c4"])), Kept),
        row("another change is removed", edit(plan(whole, &["c1"])), Kept),
        row(
            "the snapshot drifts elsewhere",
            file("snapshot.json", "\"identities\": [", "\"identities\": [{\"id\": \"user:new\", \"kind\": \"human\"},"),
            Kept,
        ),
        row("a new reason", edit(base.replace("by hand.", "by hand, all of them.")), Gone("another `reason`")),
        row("a longer ttl", edit(base.replacen("ttl: 4h", "ttl: 5h", 1)), Gone("another `ttl`")),
        row("a shorter ttl", edit(base.replacen("ttl: 4h", "ttl: 3h", 1)), Gone("another `ttl`")),
        row("another target", edit(base.replace("role: ledger-writer", "role: ledger-reader")), Gone("")),
        row("a wider scope", edit(base.replacen("scope: db:ledger", "scope: org:corp", 1)), Gone("")),
        row(
            "the role gives more",
            file(
                "snapshot.json",
                "\"action\": \"ledger:write\"",
                "\"action\": \"ledger:delete\", \"resource\": \"ledger/*\"}, {\"action\": \"ledger:write\"",
            ),
            Gone("+ `ledger:delete`"),
        ),
        row(
            "another proposer",
            {
                let agents = read("agents.yaml").replace(
                    "  - id: spiffe://corp.example/agent/access-assistant",
                    "  - id: spiffe://corp.example/agent/other",
                );
                let tasks = read("tasks.yaml").replace("access-assistant", "other");
                let other = base.replace("agent/access-assistant", "agent/other");
                vec![("agents.yaml", agents), ("tasks.yaml", tasks), ("plan.yaml", other)]
            },
            Gone("another `proposer`"),
        ),
        row(
            "another task",
            {
                let tasks = read("tasks.yaml");
                let (_, task) = tasks.split_once("tasks:\n").unwrap();
                let both = format!("{tasks}{}", task.replace("TASK-881", "TASK-882"));
                vec![("tasks.yaml", both), ("plan.yaml", base.replace("TASK-881", "TASK-882"))]
            },
            Gone("another `task`"),
        ),
        row("another intent", edit(base.replace("intent: Let", "intent: Please let")), Gone("another `intent`")),
        row(
            "another classification",
            file(
                "policies/classification.yaml",
                "rules:\n",
                "rules:\n  - {action: \"ledger:write\", resource: \"ledger/*\", meets: overlaps, sensitivity: high, privileged: true, reason: r, source: s}\n",
            ),
            Gone("another `privileged`"),
        ),
    ]
}

fn gate(site: &Site) -> (i32, Value) {
    let (code, text) = site.run(&["gate", "plan.yaml", "--trust", ".", "--format", "json"]);
    (code, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
}

#[test]
fn approvals_survive_what_does_not_matter_and_die_with_what_does() {
    let site = Site::new();
    let path = |name: &str| site.demo().join(name);
    let read = |name: &str| fs::read_to_string(path(name)).unwrap();
    let whole = read("plan.yaml");
    let write = |name: &str, text: &str| {
        fs::write(path(name), text).unwrap();
        if name == "plan.yaml" {
            let _ = fs::remove_file(path("plan.yaml.sig"));
            site.sign("plan.yaml");
        }
    };
    write("plan.yaml", &plan(&whole, &["c1", "c5"]));
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    decide(&mut ada, &[("c5", "a", "Type `yes`", "yes"), ("c1", "a", "Type `yes`", "yes")]);
    seal(&mut ada, 0);
    let table = rows(&read, &whole);
    // The plan comes last: it is signed as the agent that agents.yaml names.
    let names = ["snapshot.json", "agents.yaml", "tasks.yaml", "policies/classification.yaml", "plan.yaml"];
    let originals: Vec<(&str, String)> = names.iter().map(|name| (*name, read(name))).collect();
    let mut faults = Vec::new();
    for row in &table {
        for (name, text) in &row.edit {
            write(name, text);
        }
        let (code, value) = gate(&site);
        let changes = value["changes"].as_array().cloned().unwrap_or_default();
        let c1 = changes.iter().find(|c| ["c1", "z1"].contains(&c["id"].as_str().unwrap()));
        let state = c1.map_or("none", |c| c["state"].as_str().unwrap()).to_owned();
        let said: Vec<&str> = value["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|f| f["code"] == "approval-void")
            .filter_map(|f| f["message"].as_str())
            .filter(|m| m.starts_with("change `c1`"))
            .collect();
        let holds = match row.c1 {
            Fate::Kept => state == "approved" && said.is_empty() && code == 0,
            // A change of another object was never approved at all.
            Fate::Gone("") => state == "open" && code == 5,
            Fate::Gone(why) => {
                state == "stale" && code != 0 && said.iter().any(|m| m.contains("but since then: ") && m.contains(why))
            }
        };
        if !holds {
            faults.push(format!("{}: code {code}, {state}, {said:?}\n{:#}", row.what, value["findings"]));
        }
        for (name, text) in originals.iter().filter(|(name, _)| row.edit.iter().any(|(edited, _)| edited == name)) {
            write(name, text);
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    assert_eq!(gate(&site).0, 0, "put back, all of it holds again");
}

#[test]
fn a_new_companion_that_makes_half_a_chain_of_it_voids_an_approval() {
    let site = Site::new();
    let whole = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let write = |text: &str| {
        fs::write(site.demo().join("plan.yaml"), text).unwrap();
        let _ = fs::remove_file(site.demo().join("plan.yaml.sig"));
        site.sign("plan.yaml");
    };
    write(&plan(&whole, &["c5"]));
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    decide(&mut ada, &[("c5", "a", "Type `yes`", "yes")]);
    seal(&mut ada, 0);
    write(&plan(&whole, &["c5", "c6"]));
    let (code, value) = gate(&site);
    assert_eq!(code, 6, "{value:#}");
    let all = value["findings"].as_array().unwrap();
    let void = all.iter().find(|f| f["code"] == "approval-void").unwrap()["message"].as_str().unwrap();
    assert!(void.contains("`c5`") && void.contains("+ access that several changes give together"), "{void}");
    write(&plan(&whole, &["c5"]));
    assert_eq!(gate(&site).0, 0, "without the companion it is what was approved");
}
