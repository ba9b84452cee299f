//! What no rule and no label classifies, from the snapshot to the outcome: with the binary, in a site of an unknown system.

use std::fs;

use crate::support::{ASSISTANT, Site, in_days};
use serde_json::Value;

/// The demo with another system in its snapshot and no rules of its own.
fn site() -> Site {
    let site = Site::new();
    fs::remove_file(site.demo().join("policies/classification.yaml")).unwrap();
    change_snapshot(&site, |snapshot| {
        snapshot["source"] = "acme".into();
        // A label of a resource would count for the scope above it.
        for resource in snapshot["resources"].as_array_mut().unwrap() {
            resource.as_object_mut().unwrap().remove("sensitivity");
        }
        let roles = snapshot["roles"].as_array_mut().unwrap();
        for (id, action) in [("everything", "*"), ("payer", "payments:transfer")] {
            roles.push(serde_json::json!({"id": id, "permissions": [{"action": action, "resource": "*"}]}));
        }
        roles.push(serde_json::json!({"id": "empty"}));
        roles.push(serde_json::json!({
            "id": "reader", "sensitivity": "low", "permissions": [{"action": "payments:look", "resource": "*"}]
        }));
        let groups = snapshot["groups"].as_array_mut().unwrap();
        groups.push(serde_json::json!({"id": "okta:prod-admins"}));
        groups.push(serde_json::json!({"id": "okta:guests", "members_known": "unknown"}));
    });
    site
}

fn change_snapshot(site: &Site, change: impl FnOnce(&mut Value)) {
    let path = site.demo().join("snapshot.json");
    let mut snapshot: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut snapshot);
    fs::write(path, serde_json::to_vec(&snapshot).unwrap()).unwrap();
}

/// What `check` says of one change that the assistant proposes: its outcome, and the change as a whole.
fn check(site: &Site, change: &str) -> (String, Value, Value) {
    let plan = format!(
        "version: 1\nid: PLAN-7\nproposer: {ASSISTANT}\non_behalf_of: user:lena\ntask: TASK-881\nintent: Pay.\n\
         expires: {}\nchanges:\n  - {{id: c1, reason: Needed., {change}}}\n",
        in_days(1)
    );
    fs::write(site.demo().join("plan7.yaml"), plan).unwrap();
    site.sign("plan7.yaml");
    let (_, text) = site.run(&["check", "plan7.yaml", "--format", "json"]);
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let change = report["changes"][0].clone();
    (change["outcome"].as_str().unwrap_or_else(|| panic!("{text}")).to_owned(), change, report)
}

fn steps(change: &Value) -> Vec<&str> {
    let missing = |step: &&Value| step["state"] == "missing";
    change["steps"].as_array().unwrap().iter().filter(missing).map(|step| step["name"].as_str().unwrap()).collect()
}

fn loan(to: &str, what: &str) -> String {
    format!("action: grant, to: \"{to}\", {what}, scope: \"org:corp\", mode: active, ttl: 1h")
}

#[test]
fn what_nothing_classifies_is_never_automatic_and_stands_on_the_card() {
    let site = site();
    let (outcome, change, _) = check(&site, &loan("user:ravi", "role: reader"));
    assert_eq!(outcome, "auto", "what the snapshot labels low still is: {change}");
    for (what, unclassified) in [("role: payer", 1), ("role: empty", 1), ("member_of: \"okta:guests\"", 1)] {
        let what = if what.starts_with("member") {
            loan("user:ravi", what).replace(", scope: \"org:corp\"", "")
        } else {
            loan("user:ravi", what)
        };
        let (outcome, change, _) = check(&site, &what);
        assert_ne!(outcome, "auto", "{what}");
        assert_eq!(
            (&change["sensitivity"], &change["unclassified"]),
            (&"unknown".into(), &unclassified.into()),
            "{what}"
        );
        let (_, text) = site.run(&["check", "plan7.yaml"]);
        assert!(text.contains("unclassified"), "{text}");
    }
    let (_, change, _) = check(&site, &loan("user:ravi", "role: payer"));
    assert_eq!(steps(&change), ["Owner"]);
}

#[test]
fn any_action_on_any_resource_is_privileged_and_takes_the_security_step() {
    let site = site();
    let (outcome, change, _) = check(&site, &loan("user:ravi", "role: everything"));
    assert!(outcome != "auto" && change["privileged"] == true && steps(&change).contains(&"Security"), "{change}");
    let (outcome, change, _) = check(&site, "action: grant, to: \"user:ravi\", role: everything, mode: standing");
    let denies: Vec<&str> =
        change["policies"].as_array().unwrap().iter().filter_map(|policy| policy["id"].as_str()).collect();
    assert_eq!(outcome, "denied");
    for policy in ["zsp-no-standing-privilege", "rbac-gives-everything", "rbac-unscoped-sensitive"] {
        assert!(denies.contains(&policy), "{policy} is silent: {denies:?}");
    }
}

#[test]
fn a_group_that_gives_nothing_here_is_not_given_to_the_assistant_or_its_sponsor_without_people() {
    let site = site();
    for who in [ASSISTANT, "user:lena"] {
        let (outcome, change, _) = check(
            &site,
            &format!("action: grant, to: \"{who}\", member_of: \"okta:prod-admins\", mode: active, ttl: 1h"),
        );
        assert_ne!(outcome, "auto", "{who}");
        assert!(outcome == "denied" || steps(&change) == ["Owner", "Security"], "{who}: {change}");
    }
}

#[test]
fn many_unclassified_actions_are_one_finding() {
    let site = site();
    change_snapshot(&site, |snapshot| {
        let all = (0..100_000).map(|n| serde_json::json!({"action": format!("do:{n}"), "resource": "thing"}));
        let role = serde_json::json!({"id": "many", "permissions": all.collect::<Vec<_>>()});
        snapshot["roles"].as_array_mut().unwrap().push(role);
    });
    let (_, change, report) = check(&site, &loan("user:ravi", "role: many"));
    assert_eq!(change["unclassified"], 100_000);
    let found = report["findings"].as_array().unwrap().iter().filter(|f| f["code"] == "unclassified");
    let found: Vec<&Value> = found.collect();
    assert!(found.len() == 1 && found[0]["message"].as_str().unwrap().contains("100000"), "{found:?}");
}

#[test]
fn rules_are_suggested_for_what_most_assignments_give_and_read_as_they_stand() {
    let site = site();
    change_snapshot(&site, |snapshot| {
        let assignments = snapshot["assignments"].as_array_mut().unwrap();
        for (id, who, role) in
            [("p1", "user:ravi", "payer"), ("p2", "user:noor", "payer"), ("p3", "user:noor", "empty")]
        {
            assignments.push(serde_json::json!({"id": id, "who": who, "role": role}));
        }
    });
    let (code, found) = site.run(&["trust", "check", "--format", "json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    let finding = found["findings"].as_array().unwrap().iter().find(|f| f["code"] == "no-classification");
    assert!(code == 0 && finding.unwrap()["message"].as_str().unwrap().contains("`acme`"), "{found}");

    let (code, rules) = site.run(&["snapshot", "classify", "--suggest"]);
    let first = rules.find("payments:transfer").unwrap();
    assert!(
        code == 0 && first < rules.find("role: \"empty\"").unwrap() && rules.contains("# 2 assignments"),
        "{rules}"
    );
    let (_, shown) = site.run(&["snapshot", "classify"]);
    assert!(shown.contains("payments:transfer") && shown.contains("unknown"), "{shown}");

    fs::write(site.demo().join("policies/classification.yaml"), &rules).unwrap();
    let (outcome, change, _) = check(&site, &loan("user:ravi", "role: payer"));
    assert!(
        outcome != "auto" && change["unclassified"] == 1,
        "a rule that nobody filled in classifies nothing: {change}"
    );
    let (_, checked) = site.run(&["trust", "check"]);
    assert!(!checked.contains("no-classification"), "{checked}");
    fs::write(site.demo().join("policies/classification.yaml"), rules.replace("unknown,", "low,")).unwrap();
    let (outcome, change, _) = check(&site, &loan("user:ravi", "role: payer"));
    assert_eq!((outcome.as_str(), &change["unclassified"]), ("auto", &0.into()), "{change}");
}

/// How much people have to do with an outcome: the more, the stricter.
fn strictness(outcome: &str, change: &Value) -> (usize, usize) {
    let order = ["auto", "needs", "denied"];
    (order.iter().position(|known| *known == outcome).unwrap(), steps(change).len())
}

#[test]
fn a_permission_that_covers_another_never_meets_a_milder_outcome() {
    let site = site();
    let chain = ["payments:look", "payments:lo*", "payments:*", "*"];
    let resources = ["ledger/1", "ledger/*", "*"];
    let mut all = Vec::new();
    for (a, action) in chain.iter().enumerate() {
        for (r, resource) in resources.iter().enumerate().filter(|(r, _)| a == 3 || *r == a) {
            all.push((
                a,
                r,
                serde_json::json!({
                    "id": format!("r{a}{r}"), "sensitivity": if a == 0 { "low" } else { "moderate" },
                    "permissions": [{"action": action, "resource": resource}]
                }),
            ));
        }
    }
    change_snapshot(&site, |snapshot| {
        snapshot["roles"].as_array_mut().unwrap().extend(all.iter().map(|(_, _, role)| role.clone()));
    });
    let found: Vec<(usize, usize, (usize, usize), Value)> = all
        .iter()
        .map(|(a, r, role)| {
            let (outcome, change, _) =
                check(&site, &loan("user:ravi", &format!("role: {}", role["id"].as_str().unwrap())));
            (*a, *r, strictness(&outcome, &change), change)
        })
        .collect();
    assert_eq!(found[0].2, (0, 0), "the narrowest is automatic: {}", found[0].3);
    for (a, r, narrow, _) in &found {
        for (wider_a, wider_r, wide, change) in &found {
            assert!(wider_a < a || wider_r < r || wide >= narrow, "{change}");
        }
    }
    assert!(found.last().unwrap().2.1 == 2, "both steps for everything");
}

#[test]
fn a_grant_that_a_deny_blocks_is_not_automatic_and_the_card_says_so() {
    let site = site();
    let ordinary = check(&site, &loan("user:ravi", "role: reader"));
    assert_eq!(ordinary.0, "auto", "{}", ordinary.1);
    change_snapshot(&site, |snapshot| {
        let deny = serde_json::json!([{"action": "payments:*", "resource": "*", "effect": "deny"}]);
        let role = serde_json::json!({"id": "shut", "sensitivity": "low", "permissions": deny});
        snapshot["roles"].as_array_mut().unwrap().push(role);
        let held = serde_json::json!({"id": "shut-1", "who": "user:ravi", "role": "shut"});
        snapshot["assignments"].as_array_mut().unwrap().push(held);
    });
    let (outcome, change, _) = check(&site, &loan("user:ravi", "role: reader"));
    assert_eq!((outcome.as_str(), &change["totals"]["gained"]), ("needs", &0.into()), "{change}");
    assert!(change["states"].to_string().contains("blocks some of this access now"), "{change}");
    let (_, card) = site.run(&["plan7.yaml"]);
    assert!(card.contains("blocks some of this access"), "{card}");
    let (outcome, change, _) = check(&site, "action: revoke, to: \"user:ravi\", role: shut");
    assert_eq!(outcome, "needs");
    assert!(steps(&change).contains(&"Security"), "{change}");
}
