//! A chain over two plans, by the record: what was approved last week and what is asked for today.

use std::fs;

use crate::support::{Site, decide, expect, key, seal, unbroken};
use serde_json::Value;

/// A plan of these changes of the demo's, under another id, signed by the assistant.
fn plan(site: &Site, id: &str, keep: &[&str], reworded: bool) -> String {
    let whole = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    let (head, changes) = whole.split_once("changes:\n").unwrap();
    let mut parts: Vec<String> = Vec::new();
    for line in changes.lines().filter(|line| !line.trim_start().starts_with('#')) {
        if line.starts_with("  - id:") {
            parts.push(String::new());
        }
        let last = parts.last_mut().unwrap();
        last.push_str(line);
        last.push('\n');
    }
    let wanted = |part: &&String| keep.iter().any(|id| part.starts_with(&format!("  - id: {id}\n")));
    let kept: String = parts.iter().filter(wanted).map(String::as_str).collect();
    let mut text = format!("{}changes:\n{kept}", head.replace("PLAN-DEMO-1", id));
    if reworded {
        text = text.replace("The job has to start its own retry.", "Nightly retries need this, as the team agreed.");
    }
    let name = format!("{id}.yaml");
    fs::write(site.demo().join(&name), text).unwrap();
    site.sign(&name);
    name
}

fn json(site: &Site, arguments: &[&str]) -> Value {
    let (_, text) = site.run(&[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn messages(report: &Value) -> Vec<String> {
    let list = report["findings"].as_array().unwrap();
    list.iter().map(|f| f["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_second_half_of_a_chain_is_seen_in_the_light_of_the_first_and_a_reject_is_remembered() {
    let site = Site::new();
    let (first, second) = (plan(&site, "PLAN-17", &["c5"], false), plan(&site, "PLAN-23", &["c6"], false));

    let before = json(&site, &["check", &second]);
    assert_eq!(before["changes"][0]["emergent"], serde_json::json!([]), "alone it is harmless: {before}");
    assert_eq!(before["changes"][0]["steps"].as_array().unwrap().iter().filter(|s| s["state"] == "missing").count(), 1);

    let mut ada = site.sit(&format!("{first} --key keys/ada.pub"));
    decide(&mut ada, &[("c5", "a", "Type `yes`", "yes")]);
    seal(&mut ada, 0);

    let after = json(&site, &["check", &second]);
    let emergent = &after["changes"][0]["emergent"][0];
    assert_eq!(emergent["with_approved"], serde_json::json!(["PLAN-17/c5"]), "{after}");
    assert_eq!(emergent["cheapest_to_drop"], serde_json::json!(["c6"]));
    assert!(emergent["summary"].as_str().unwrap().contains("vault"), "{emergent}");
    assert!(messages(&after).iter().any(|m| m.contains("as `PLAN-17/c5`")), "{:?}", messages(&after));
    let missing = after["changes"][0]["steps"].as_array().unwrap().iter().filter(|s| s["state"] == "missing").count();
    assert_eq!(missing, 2, "now security is asked as well");

    // The plan that was approved sees nothing new in itself.
    let own = json(&site, &["check", &first]);
    assert_eq!(own["changes"][0]["emergent"], serde_json::json!([]));

    let mut ada = site.sit(&format!("{second} --key keys/ada.pub"));
    decide(&mut ada, &[("c6", "r", "Reason to", "with c5 it opens the vault")]);
    seal(&mut ada, 4);

    let again = plan(&site, "PLAN-31", &["c6"], true);
    let told = json(&site, &["explain", &again, "c6"]);
    let reason = messages(&told).into_iter().find(|m| m.contains("rejected in `PLAN-23`")).expect("it is recognised");
    assert!(reason.contains("with c5 it opens the vault") && reason.contains("ada"), "{reason}");
    let (code, text) = site.run(&["check", &again]);
    assert!(text.contains("rejected-before") && text.contains("with c5 it opens the vault"), "{code} {text}");
}

#[test]
fn what_passed_without_a_person_is_the_first_half_of_a_chain_like_any_other() {
    let site = Site::new();
    // An hour of something of no weight, within the task: nobody is asked.
    for (what, id) in [("roles", "job-starter"), ("resources", "ci:jobs")] {
        edit_snapshot(&site, what, id, |it| it["sensitivity"] = "low".into());
    }
    // Nor does the sponsor own the job.
    edit_snapshot(&site, "identities", "svc:reconcile", |it| it["owner"] = "user:ada".into());
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/robot"]);
    let line = format!("robot@ci.example namespaces=\"review-record@v1\" {}\n", site.public_key("robot"));
    site.append("allowed_signers", &line);
    let (first, second) = (plan(&site, "PLAN-17", &["c6"], false), plan(&site, "PLAN-23", &["c5"], false));
    site.replace(&first, "ttl: 4h", "ttl: 1h");
    site.sign(&first);
    assert_eq!(json(&site, &["check", &first])["changes"][0]["outcome"], "auto");
    assert_eq!(json(&site, &["check", &second])["changes"][0]["emergent"], serde_json::json!([]));
    let (code, text) = site.run(&["record", &first, "--key", "keys/robot.pub"]);
    assert!(code == 0 && text.contains("recorded 1 automatic change"), "{text}");
    assert!(!fs::read_to_string(site.log()).unwrap().contains("\"type\":\"decision\""), "nobody decided anything");

    let after = json(&site, &["check", &second]);
    assert_eq!(after["changes"][0]["emergent"][0]["with_approved"], serde_json::json!(["PLAN-17/c6"]), "{after}");
    assert!(messages(&after).iter().any(|m| m.contains("as `PLAN-17/c6`")), "{:?}", messages(&after));
}

#[test]
fn two_halves_that_are_judged_in_one_go_do_not_both_pass_without_a_person() {
    let site = Site::new();
    for part in ["part-one", "part-two"] {
        let role = format!(
            r#"{{"id": "{part}", "owner": "user:ada", "sensitivity": "low",
                "permissions": [{{"action": "wiki:{part}", "resource": "wiki/*"}}]}}"#
        );
        site.replace("snapshot.json", "\"roles\": [", &format!("\"roles\": [{role},"));
    }
    edit_snapshot(&site, "resources", "db:ledger", |it| it["sensitivity"] = "low".into());
    fs::create_dir_all(site.demo().join("policies/escalations")).unwrap();
    let path = "paths:
  - {id: wiki, title: Takes the wiki over., source: 'https://example.org',
     requires: [{action: 'wiki:part-one', resource: '*'}, {action: 'wiki:part-two', resource: '*'}]}
";
    fs::write(site.demo().join("policies/escalations/wiki.yaml"), path).unwrap();
    let halves: Vec<String> = [("PLAN-17", "part-one"), ("PLAN-23", "part-two")]
        .into_iter()
        .map(|(id, part)| {
            let name = plan(&site, id, &["c1"], false);
            site.replace(&name, "role: ledger-writer", &format!("role: {part}"));
            site.replace(&name, "ttl: 4h", "ttl: 1h");
            site.sign(&name);
            name
        })
        .collect();
    let outcomes = |arguments: &[&str]| -> Vec<String> {
        let report = json(&site, arguments);
        report["changes"].as_array().unwrap().iter().map(|c| c["outcome"].as_str().unwrap().to_owned()).collect()
    };
    for half in &halves {
        assert_eq!(outcomes(&["check", half]), ["auto"]);
        assert_eq!(site.run(&["gate", half, "--trust", "."]).0, 0);
    }
    assert_eq!(outcomes(&["check", &halves[0], &halves[1]]), ["auto", "needs"]);
    let (code, text) = site.run(&["gate", &halves[0], &halves[1], "--trust", "."]);
    assert!(code == 3 && text.contains("task-escalation-of-plan"), "{code} {text}");
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/robot"]);
    let line = format!("robot@ci.example namespaces=\"review-record@v1\" {}\n", site.public_key("robot"));
    site.append("allowed_signers", &line);
    let (code, text) = site.run(&["record", &halves[0], &halves[1], "--key", "keys/robot.pub"]);
    assert!(code == 3 && text.contains("nothing was recorded"), "{code} {text}");
}

#[test]
fn two_halves_that_are_approved_in_one_sitting_lead_back_before_the_seal() {
    let site = Site::new();
    let (first, second) = (plan(&site, "PLAN-17", &["c5"], false), plan(&site, "PLAN-23", &["c6"], false));
    let mut ada = site.sit(&format!("{first} {second} --key keys/ada.pub"));
    expect(&mut ada, "2 changes to decide in 2 plans");
    expect(&mut ada, "? keys");
    key(&mut ada, "g");
    decide(&mut ada, &[("c6", "a", "Type `yes`", "yes"), ("c5", "a", "Type `yes`", "yes")]);
    expect(&mut ada, "with your other approvals");
    key(&mut ada, "r");
    expect(&mut ada, "Reason to");
}

/// Alters one thing of the snapshot.
fn edit_snapshot(site: &Site, what: &str, id: &str, how: impl Fn(&mut Value)) {
    let file = site.demo().join("snapshot.json");
    let mut snapshot: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let list = snapshot[what].as_array_mut().unwrap();
    how(list.iter_mut().find(|it| it["id"] == id).unwrap());
    fs::write(file, snapshot.to_string()).unwrap();
}

/// What policies warn of in a change.
fn warned(report: &Value) -> Vec<String> {
    let list = report["changes"].as_array().unwrap().iter().flat_map(|c| c["policies"].as_array().unwrap());
    list.map(|policy| policy["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_rejected_change_is_asked_again_in_parts_but_not_by_being_looked_at_again() {
    let site = Site::new();
    edit_snapshot(&site, "roles", "ledger-writer", |it| it["permissions"][0]["action"] = "ledger:w*".into());
    let file = site.demo().join("snapshot.json");
    let mut snapshot: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    for (role, action) in [("part-1", "ledger:write"), ("part-2", "ledger:wipe")] {
        snapshot["roles"].as_array_mut().unwrap().push(serde_json::json!({
            "id": role, "permissions": [{"action": action, "resource": "ledger/*"}], "sensitivity": "moderate", "owner": "user:ada"
        }));
    }
    fs::write(file, snapshot.to_string()).unwrap();
    let whole = plan(&site, "PLAN-1", &["c1"], false);
    let mut ada = site.sit(&format!("{whole} --key keys/ada.pub"));
    decide(&mut ada, &[("c1", "r", "Reason to", "the books are closed by two")]);
    seal(&mut ada, 4);

    let same = json(&site, &["check", &whole]);
    assert!(!warned(&same).contains(&"agent-asks-again".to_owned()), "the same plan asks once: {same}");

    let text = fs::read_to_string(site.demo().join(&whole)).unwrap();
    let (head, change) = text.split_once("changes:\n").unwrap();
    let part = |n: usize| change.replace("c1", &format!("p{n}")).replace("ledger-writer", &format!("part-{n}"));
    let write = |id: &str, changes: &str| {
        let name = format!("{id}.yaml");
        fs::write(site.demo().join(&name), format!("{}changes:\n{changes}", head.replace("PLAN-1", id))).unwrap();
        site.sign(&name);
        name
    };
    let told = |report: &Value| {
        messages(report)
            .iter()
            .filter(|m| m.contains("gives part of what `ada` rejected") && m.contains("closed by two"))
            .count()
    };
    let both = json(&site, &["check", &write("PLAN-2", &(part(1) + &part(2)))]);
    assert_eq!(told(&both), 2, "{:?}", messages(&both));
    assert_eq!(warned(&both).iter().filter(|id| *id == "agent-asks-again").count(), 2);

    // Over two plans: the first part alone is told; once it is approved, the second asks again.
    let (one, two) = (write("PLAN-3", &part(1)), write("PLAN-4", &part(2)));
    for alone in [&one, &two] {
        let alone = json(&site, &["check", alone]);
        assert_eq!((told(&alone), warned(&alone).contains(&"agent-asks-again".to_owned())), (1, false));
    }
    let mut ada = site.sit(&format!("{one} --key keys/ada.pub"));
    if ada.exp_string("? keys").unwrap().contains("Before you decide") {
        key(&mut ada, "g");
        expect(&mut ada, "? keys");
    }
    key(&mut ada, "a");
    expect(&mut ada, "Type `yes`");
    expect(&mut ada, "Enter: send");
    key(&mut ada, "yes\r");
    seal(&mut ada, 0);
    let two = json(&site, &["check", &two]);
    assert_eq!((told(&two), warned(&two).contains(&"agent-asks-again".to_owned())), (1, true));
}

#[test]
fn what_is_too_large_to_tell_is_denied_to_a_machine_and_shown_to_people() {
    let site = Site::new();
    let file = site.demo().join("snapshot.json");
    let mut snapshot: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    // Three hundred jobs, each with a hundred accesses of its own, and a rule by which who starts jobs acts as them.
    for n in 0..300 {
        let own: Vec<Value> = (0..100)
            .map(|k| serde_json::json!({"action": format!("do-{k}"), "resource": format!("thing-{n}")}))
            .collect();
        let (job, role) = (format!("job:{n}"), format!("of-job-{n}"));
        let add = |list: &mut Value, what: Value| list.as_array_mut().unwrap().push(what);
        add(
            &mut snapshot["identities"],
            serde_json::json!({"id": job, "kind": "service_account", "owner": "user:ada"}),
        );
        add(&mut snapshot["roles"], serde_json::json!({"id": role, "permissions": own, "owner": "user:ada"}));
        let held = serde_json::json!({"id": format!("job-{n}"), "who": job, "role": role, "mode": "standing"});
        add(&mut snapshot["assignments"], held);
    }
    let jobs: Vec<String> = (0..300).map(|n| format!("job:{n}")).collect();
    let all = serde_json::json!({"id": "group:jobs", "members": jobs, "owner": "user:ada"});
    snapshot["groups"].as_array_mut().unwrap().push(all);
    let rule =
        serde_json::json!({"id": "run", "via": "run", "to": "job:$name", "action": "job:start", "resource": "job/*"});
    snapshot["trust_rules"] = serde_json::json!([rule]);
    fs::write(file, snapshot.to_string()).unwrap();

    let asked = plan(&site, "PLAN-1", &["c6"], false);
    site.replace(&asked, "to: svc:reconcile", "to: group:jobs");
    site.sign(&asked);
    let (code, text) = site.run(&["check", &asked]);
    let said = unbroken(&text);
    assert_eq!(code, 3, "{text}");
    assert!(said.contains("too large to analyse") && said.contains("count as gaining everything"), "{text}");
    assert!(said.contains("effect-too-large") && said.contains("task-effect-told"), "{text}");

    // A person may ask; both steps are theirs to take, and the card says what is not told.
    site.append("agents.yaml", "  - {id: \"user:lena\", kind: person}\n");
    let text = fs::read_to_string(site.demo().join(&asked)).unwrap();
    let asked = text.replace("spiffe://corp.example/agent/access-assistant", "user:lena").replace("PLAN-1", "PLAN-2");
    let asked: Vec<&str> = asked.lines().filter(|line| !line.starts_with("on_behalf_of")).collect();
    fs::write(site.demo().join("PLAN-2.yaml"), asked.join("\n")).unwrap();
    let (_, text) = site.run(&["check", "PLAN-2.yaml"]);
    assert!(!text.contains("task-effect-told"), "{text}");
    let report = json(&site, &["check", "PLAN-2.yaml"]);
    let change = &report["changes"][0];
    assert!(!change.is_null(), "{}", report["findings"]);
    assert!(change["too_large_to_tell"].as_str().unwrap().contains("count as gaining everything"));
    assert_eq!(
        change["steps"].as_array().unwrap().iter().filter(|s| s["state"] == "missing").count(),
        2,
        "{}",
        change["steps"]
    );
}
