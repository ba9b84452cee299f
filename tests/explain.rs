//! `review explain` shows the conditions of the policies that determine an outcome, with the values that they saw.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Site, unbroken};

/// The policies of a change, with their conditions.
fn policies(site: &Site, change: &str) -> Vec<Value> {
    let output = site.run_in(&site.demo(), &["explain", "plan.yaml", change, "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    report["changes"][0]["policies"].as_array().unwrap().clone()
}

fn policy<'p>(policies: &'p [Value], id: &str) -> &'p Value {
    policies.iter().find(|policy| policy["id"] == id).unwrap_or_else(|| panic!("no `{id}` in {policies:#?}"))
}

const OWN: &str = r#"@id("own-limit")
@title("Own")
@advice("None")
@control("none")
@severity("low")
forbid (principal, action == Action::"Grant", resource)
when { resource.gained > 100 || resource.privileged }
unless { resource has ttl && resource.ttl < duration("1h") };
"#;

#[test]
fn each_part_of_a_condition_has_its_value_and_the_attributes_that_it_names() {
    let site = Site::new();
    let _ = fs::create_dir(site.demo().join("policies"));
    fs::write(site.demo().join("policies/own.cedar"), OWN).unwrap();
    let denied = policies(&site, "c3");
    let own = &policy(&denied, "own-limit")["conditions"][0];
    assert_eq!(
        (&own["file"], &own["line"], &own["effect"]),
        (&"policies/own.cedar".into(), &1.into(), &"forbid".into())
    );
    let (when, unless) = (&own["conditions"][0], &own["conditions"][1]);
    let values = |condition: &Value| {
        let parts = condition["parts"].as_array().unwrap();
        parts.iter().map(|part| part["value"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((&when["kind"], &when["operator"], &when["met"]), (&"when".into(), &"||".into(), &true.into()));
    assert_eq!(values(when), [json!(false), json!(true)]);
    assert_eq!(when["parts"][0]["saw"], json!([{ "name": "resource.gained", "value": "1" }]));
    assert_eq!(when["parts"][1]["text"], "resource.privileged");
    // The grant has no `ttl`, so the second part has no value of its own.
    assert_eq!((&unless["kind"], &unless["operator"], &unless["met"]), (&"unless".into(), &"&&".into(), &true.into()));
    assert_eq!(values(unless), [json!(false), Value::Null]);
    assert_eq!(unless["parts"][1]["saw"], json!([]));
    let (_, text) = site.run(&["explain", "plan.yaml", "c3"]);
    let text = unbroken(&text);
    for says in [
        "forbid `own-limit` at `policies/own.cedar:1`",
        "✔ || resource.privileged · `resource.privileged` is `true`",
        "✘ unless resource has ttl ?",
        "(not evaluated on its own)",
        "✔ && resource.mode == \"standing\" · `resource.mode` is `standing`",
    ] {
        assert!(text.contains(says), "`{says}` is not in {text}");
    }
    // Only `explain` shows them.
    let (_, text) = site.run(&["check", "plan.yaml", "--format", "json"]);
    assert!(!text.contains("\"conditions\""), "{text}");
}

#[test]
fn a_duration_is_shown_as_in_a_plan() {
    let site = Site::new();
    let _ = fs::create_dir(site.demo().join("policies"));
    let own = OWN.replace("resource.ttl <", "resource.ttl >");
    fs::write(site.demo().join("policies/own.cedar"), own.replace("\"1h\"", "\"100d\"")).unwrap();
    let denied = policies(&site, "c2");
    let unless = &policy(&denied, "own-limit")["conditions"][0]["conditions"][1];
    assert_eq!(unless["parts"][1]["saw"], json!([{ "name": "resource.ttl", "value": "2h" }]), "{unless:#}");
}

#[test]
fn the_permits_of_an_automatic_change_are_explained_too() {
    let automatic = policies(&Site::new(), "c4");
    let permit = policy(&automatic, "automation-small-reduction");
    assert_eq!((&permit["verdict"], &permit["conditions"][0]["effect"]), (&"permits".into(), &"permit".into()));
    let conditions = permit["conditions"][0]["conditions"].as_array().unwrap();
    let parts: Vec<&Value> = conditions.iter().flat_map(|condition| condition["parts"].as_array().unwrap()).collect();
    assert!(parts.len() > 3 && parts.iter().all(|part| part["value"] == true), "{parts:#?}");
}

#[test]
fn without_a_permit_the_nearest_permits_are_explained() {
    let site = Site::new();
    let _ = fs::create_dir(site.demo().join("policies"));
    site.append("review.yaml", "policies: {shipped: false}\n");
    let permit = OWN
        .replace("forbid (", "permit (")
        .replace("resource.gained > 100 || resource.privileged", "resource.gained == 0");
    fs::write(site.demo().join("policies/own.cedar"), permit).unwrap();
    let denied = policies(&site, "c3");
    let nearest = &policy(&denied, "no-permit")["conditions"][0];
    assert_eq!((&nearest["id"], &nearest["effect"]), (&"own-limit".into(), &"permit".into()));
    assert_eq!((&nearest["conditions"][0]["met"], &nearest["conditions"][1]["met"]), (&false.into(), &true.into()));
}
