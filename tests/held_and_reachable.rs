//! What is held and what can be reached, as every surface says it: a gain that could be reached before, a revoke that leaves
//! the access by another path, a loss that only several changes cause, and every path to an access.

use std::fs;

use crate::support::{Site, in_days};
use serde_json::{Value, json};

/// The demo, where a contractor may write to the ledger directly and through a group, and can act as the deployment.
fn site() -> Site {
    let site = Site::new();
    let file = site.demo().join("snapshot.json");
    let mut snapshot: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let groups = snapshot["groups"].as_array_mut().unwrap();
    groups.push(json!({"id": "group:writers", "members": ["user:noor"]}));
    let assignments = snapshot["assignments"].as_array_mut().unwrap();
    assignments.push(
        json!({"id": "w", "who": "group:writers", "role": "ledger-writer", "scope": "db:ledger", "mode": "standing"}),
    );
    let trusts = snapshot["trusts"].as_array_mut().unwrap();
    trusts.push(json!({"id": "as-deploy", "from": "user:noor", "to": "svc:deploy", "via": "assume"}));
    fs::write(file, snapshot.to_string()).unwrap();
    site
}

fn plan(site: &Site, changes: &str) {
    let text = format!(
        "version: 1\nid: PLAN-HELD\nproposer: spiffe://corp.example/agent/access-assistant\non_behalf_of: user:lena\n\
         task: TASK-881\nintent: Try it.\nexpires: {}\nchanges:\n{changes}",
        in_days(1)
    );
    fs::write(site.demo().join("held.yaml"), text).unwrap();
}

const DIRECT: &str =
    "  - {id: c1, action: revoke, to: 'user:noor', role: ledger-writer, scope: 'db:ledger', reason: Not used.}\n";
const GROUPED: &str = "  - {id: c2, action: revoke, to: 'user:noor', member_of: 'group:writers', reason: Not used.}\n";
const DEPLOYER: &str =
    "  - {id: c1, action: grant, to: 'user:noor', role: deployer, mode: active, ttl: 1h, reason: To deploy.}\n";

/// What each surface says of the plan, with white space joined.
fn surfaces(site: &Site) -> Vec<(Vec<&'static str>, String)> {
    let all: [&[&'static str]; 4] = [
        &["check", "held.yaml"],
        &["check", "held.yaml", "--format", "markdown"],
        &["diff", "held.yaml"],
        &["explain", "held.yaml", "c1"],
    ];
    let said = |words: &&[&'static str]| {
        // Markdown escapes names and puts them into elements.
        let text = site.run(words).1.replace('\\', "").replace("<code>", "`").replace("</code>", "`");
        (words.to_vec(), text.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    all.iter().map(said).collect()
}

fn json(site: &Site) -> Value {
    let output = site.run_in(&site.demo(), &["check", "held.yaml", "--format", "json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_surface_says_what_a_revoke_leaves_by_another_path() {
    let site = site();
    plan(&site, DIRECT);
    for (command, text) in surfaces(&site) {
        assert!(text.contains("still has all of it through group `group:writers`"), "{command:?}: {text}");
        assert!(
            !text.contains("does not change") && !text.contains("nothing is gained or lost"),
            "{command:?}: {text}"
        );
    }
    let change = &json(&site)["changes"][0];
    assert_eq!(change["still"][0]["subject"], "user:noor");
    assert!(change["still"][0]["path"].as_str().unwrap().contains("group:writers"), "{change:#}");
    assert_eq!([&change["still"][0]["accesses"], &change["still"][0]["of"]], [2, 2]);
}

#[test]
fn every_surface_lists_what_only_several_changes_take() {
    let site = site();
    plan(&site, &[DIRECT, GROUPED].concat());
    for (command, text) in surfaces(&site) {
        assert!(text.contains("`user:noor` loses `ledger:write` on `ledger/*` in `db:ledger`"), "{command:?}: {text}");
    }
    let read = json(&site);
    let losses = read["changes"][0]["lost_together"].as_array().unwrap();
    assert_eq!(losses.len(), 2, "{losses:#?}");
    assert_eq!(losses[0]["members"], json!(["c1", "c2"]));
    assert!(
        read["changes"].as_array().unwrap().iter().all(|change| change["outcome"] != "auto"),
        "neither half is automatic"
    );
}

#[test]
fn every_surface_shows_a_gain_that_could_be_reached_before_and_how() {
    let site = site();
    plan(&site, DEPLOYER);
    for (command, text) in surfaces(&site) {
        assert!(text.contains("already reachable through identity `svc:deploy`"), "{command:?}: {text}");
        assert!(text.contains("vault:*"), "{command:?}: {text}");
    }
    let change = &json(&site)["changes"][0];
    assert!(change["gained"][0]["already"].as_str().unwrap().contains("as-deploy"), "{change:#}");
    assert_eq!(change["privileged"], true);
}

#[test]
fn access_all_lists_every_path_to_an_access() {
    let site = site();
    let few = site.run(&["access", "user:noor"]).1;
    let (code, all) = site.run(&["access", "user:noor", "--all"]);
    assert_eq!(code, 0);
    let paths = |text: &str| text.matches("through: ").count();
    assert_eq!([paths(&few), paths(&all)], [3, 5], "{few}\n{all}");
    assert!(all.contains("group:writers") && all.contains("`a2`") && all.contains("3 accesses"), "{all}");
}
