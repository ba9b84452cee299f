//! Plans of Terraform that we write, and real ones where they are.

#![allow(clippy::needless_pass_by_value, reason = "a test reads better so")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::access::Index;
use crate::access::change::materialise::applied;
use crate::input::entitlement::{IdentityKind, Mode};
use crate::input::finding::Code;
use crate::plan::model::Plan;
use crate::snapshot::model::{Assignment, Identity};

const NOW: i64 = 1_795_000_000;

pub(super) fn header() -> PlanHeader {
    PlanHeader { proposer: Some("agent:terraform".to_owned()), ..PlanHeader::default() }
}

pub(super) fn plan_of(text: Value) -> TerraformPlan {
    TerraformPlan { name: "plan.json".to_owned(), json: text.to_string().into_bytes(), file: None, configuration: None }
}

/// A plan of Terraform 1.8 or later with these resources.
pub(super) fn terraform(resources: Value) -> TerraformPlan {
    plan_of(json!({
        "format_version": "1.2", "terraform_version": "1.11.4", "applyable": true, "complete": true, "errored": false,
        "resource_changes": resources
    }))
}

pub(super) fn resource(address: &str, actions: &[&str], before: Value, after: Value, unknown: Value) -> Value {
    let kind = address.rsplit_once('.').unwrap().0.rsplit('.').next().unwrap().to_owned();
    json!({
        "address": address, "mode": "managed", "type": kind, "name": "it",
        "change": {"actions": actions, "before": before, "after": after, "after_unknown": unknown}
    })
}

pub(super) fn create(address: &str, after: Value) -> Value {
    resource(address, &["create"], Value::Null, after, json!({}))
}

pub(super) fn base() -> Snapshot {
    let mut base = crate::snapshot::terraform::nothing(Time::from_unix(NOW));
    base.identities.push(Identity::new("agent:terraform".into(), IdentityKind::Agent));
    base
}

pub(super) fn made(plan: &TerraformPlan, base: &Snapshot) -> Plan {
    let made = plan.draft(base, Some("123456789012"), &header(), Time::from_unix(NOW));
    let text =
        made.map_err(|it| it.iter().map(|it| it.message.raw().to_owned()).collect::<Vec<_>>()).unwrap().text.unwrap();
    crate::plan::read("plan.yaml", text.as_bytes()).unwrap()
}

/// The snapshot that a plan leads to from an empty one of its system.
pub(super) fn reached(terraform: &TerraformPlan, base: &Snapshot) -> Snapshot {
    let plan = made(terraform, base);
    let changes =
        crate::snapshot::terraform::changes(&terraform.name, &terraform.json, base, Some("123456789012")).unwrap();
    applied(&Index::new(&changes.before), &plan, None).unwrap()
}

fn grant(it: &Assignment) -> (String, String, Option<String>) {
    let role = it.role.as_ref().unwrap().as_str().to_owned();
    (it.who.raw().to_owned(), role, it.scope.as_ref().map(|scope| scope.as_str().to_owned()))
}

pub(super) fn grants(snapshot: &Snapshot) -> BTreeSet<(String, String, Option<String>)> {
    snapshot.assignments.iter().filter(|it| it.role.is_some()).map(grant).collect()
}

pub(super) fn words(plan: &Plan) -> Vec<(&'static str, Option<String>)> {
    let origin = |it: &Change| it.origin.as_ref().map(|it| it.value.raw().to_owned());
    plan.changes.iter().map(|it| (it.action.word(), origin(it))).collect()
}

#[test]
fn every_google_plan_leads_to_the_policy_that_stands_next_to_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/terraform/google");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: there are no real plans of Terraform in `{}`", folder.display());
        return;
    };
    let mut count = 0;
    for entry in entries.map(|entry| entry.unwrap().path()) {
        let name = entry.file_name().unwrap().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".tfplan.json") else { continue };
        let expected = std::fs::read(folder.join(format!("{name}.json"))).unwrap();
        let expected: Vec<Value> = serde_json::from_slice(&expected).unwrap();
        let plan = TerraformPlan::read(&entry, None, None).unwrap();
        let have = grants(&reached(&plan, &base()));
        let mut want: BTreeMap<(String, String), String> = BTreeMap::new();
        for asset in &expected {
            let scope = asset["name"].as_str().unwrap().to_owned();
            for binding in asset["iam_policy"]["bindings"].as_array().into_iter().flatten() {
                for member in binding["members"].as_array().unwrap() {
                    let key = (member.as_str().unwrap().to_owned(), binding["role"].as_str().unwrap().to_owned());
                    want.insert(key, scope.clone());
                }
            }
        }
        let names: BTreeSet<(String, String)> = have.iter().map(|(who, role, _)| (who.clone(), role.clone())).collect();
        let is_open = name.contains("empty_policy_data");
        if is_open {
            // What the policy gives is unknown, so that everybody may get everything.
            assert!(names.iter().all(|(who, _)| who.contains("unknown(")) && names.len() == 1, "{name}: {names:?}");
        } else {
            assert_eq!(names, want.keys().cloned().collect::<BTreeSet<_>>(), "{name}");
        }
        for (who, role, scope) in &have {
            let Some(scope) = scope else { continue };
            let wanted = want[&(who.clone(), role.clone())].replace("//cloudresourcemanager.googleapis.com/", "");
            assert!(
                *scope == wanted || scope.trim_start_matches("folders/") == wanted,
                "{name}: {scope} is not {wanted}"
            );
        }
        count += 1;
    }
    assert_eq!(count, 46, "the number of plans in the folder");
}

#[test]
fn a_member_adds_and_a_binding_takes_from_all_others() {
    let project = "demo";
    let member = |who: &str| json!({"project": project, "role": "roles/viewer", "member": who});
    let first = terraform(json!([
        create("google_project_iam_member.ann", member("user:ann@example.com")),
        create("google_project_iam_member.bob", member("user:bob@example.com"))
    ]));
    let snapshot = reached(&first, &base());
    assert_eq!(grants(&snapshot).len(), 2);
    let binding = json!({"project": project, "role": "roles/viewer", "members": ["user:bob@example.com", "user:eve@example.com"]});
    let second = terraform(json!([create("module.iam.google_project_iam_binding.viewers", binding)]));
    let plan = made(&second, &snapshot);
    let address = || Some("module.iam.google_project_iam_binding.viewers".to_owned());
    assert_eq!(words(&plan), [("revoke", address()), ("create_identity", address()), ("grant", address())]);
    let after = applied(&Index::new(&snapshot), &plan, None).unwrap();
    let who: BTreeSet<String> = grants(&after).into_iter().map(|(who, ..)| who).collect();
    assert_eq!(who, BTreeSet::from(["user:bob@example.com".to_owned(), "user:eve@example.com".to_owned()]));
    // A policy decides on every role of its resource.
    let policy = json!({"project": project, "policy_data": json!({"bindings": [
        {"role": "roles/browser", "members": ["user:eve@example.com"]}
    ]}).to_string()});
    let third = terraform(json!([create("google_project_iam_policy.all", policy)]));
    let left = grants(&applied(&Index::new(&after), &made(&third, &after), None).unwrap());
    assert_eq!(
        left.into_iter().map(|(who, role, _)| (who, role)).collect::<Vec<_>>(),
        [("user:eve@example.com".to_owned(), "roles/browser".to_owned())]
    );
    // Without the resource, all of its members are gone.
    let gone = resource(
        "google_project_iam_policy.all",
        &["delete"],
        json!({"project": project, "policy_data": "{}"}),
        Value::Null,
        json!({}),
    );
    let plan = made(&terraform(json!([gone])), &after);
    assert!(
        plan.changes.iter().all(|it| it.action.word() == "revoke") && plan.changes.len() == 2,
        "{:?}",
        words(&plan)
    );
}

#[test]
fn a_condition_on_time_is_an_end_and_any_other_is_kept() {
    let with = |expression: &str| {
        json!({"project": "demo", "role": "roles/viewer", "member": "user:ann@example.com",
            "condition": [{"title": "t", "expression": expression, "description": null}]})
    };
    let plan = terraform(json!([create(
        "google_project_iam_member.ann",
        with("request.time < timestamp(\"2030-01-01T00:00:00Z\")")
    )]));
    let snapshot = reached(&plan, &base());
    let only = snapshot.assignments.first().unwrap();
    assert_eq!((only.mode, only.until), (Mode::Active, Time::parse("2030-01-01T00:00:00Z")));
    let plan = terraform(json!([create("google_project_iam_member.ann", with("resource.name == \"x\""))]));
    let (_, role, _) = grants(&reached(&plan, &base())).pop_first().unwrap();
    assert_eq!(role, "roles/viewer if resource.name == \"x\"");
}

#[test]
fn what_is_unknown_is_everybody_everything_and_everywhere_and_is_named() {
    let unknown = resource(
        "google_project_iam_member.x",
        &["create"],
        Value::Null,
        json!({}),
        json!({"member": true, "role": true, "project": true}),
    );
    let terraform = terraform(json!([unknown]));
    let plan = made(&terraform, &base());
    let last = plan.changes.last().unwrap();
    let names: Vec<&str> = last.unknown.iter().map(|it| it.value.raw()).collect();
    assert_eq!((last.action.word(), names), ("grant", vec!["member", "project", "role"]));
    let after = reached(&terraform, &base());
    let only = after.assignments.first().unwrap();
    assert_eq!(only.scope, None, "an unknown scope is everywhere");
    assert!(
        after.groups.iter().any(|it| it.id.as_str() == only.who.raw() && it.public),
        "an unknown member is everybody"
    );
    let role = after.roles.iter().find(|it| Some(&it.id) == only.role.as_ref()).unwrap();
    assert!(role.permissions.iter().any(|it| it.action.raw() == "*" && it.resource.raw() == "*"));
    let codes: Vec<Code> = crate::app::plans::drafted::findings(&plan).iter().map(|it| it.code).collect();
    assert!(codes.contains(&Code::UnknownValue), "{codes:?}");
}

#[test]
fn an_unknown_element_of_a_list_is_null_and_counts_as_anybody() {
    let binding = resource(
        "google_project_iam_binding.x",
        &["create"],
        Value::Null,
        json!({"project": "demo", "role": "roles/viewer", "members": ["user:ann@example.com", null]}),
        json!({"members": [false, true]}),
    );
    let after = reached(&terraform(json!([binding])), &base());
    assert_eq!(after.assignments.len(), 2);
    assert!(after.groups.iter().any(|it| it.public), "{:?}", after.groups);
}

#[test]
fn a_plan_that_is_not_whole_is_refused_and_one_that_does_not_say_is_never_automatic() {
    let resources = json!([create(
        "google_project_iam_member.a",
        json!({"project": "p", "role": "roles/viewer", "member": "user:a@b.c"})
    )]);
    let with = |field: &str, value: Value| {
        let mut text: Value = serde_json::from_slice(&terraform(resources.clone()).json).unwrap();
        text[field] = value;
        plan_of(text)
    };
    for (field, value) in [
        ("applyable", json!(false)),
        ("complete", json!(false)),
        ("errored", json!(true)),
        ("deferred_changes", json!([{"reason": "resource_config_unknown"}])),
        ("action_invocations", json!([{"address": "action.aws_lambda_invoke.x"}])),
        ("format_version", json!("2.0")),
        ("format_version", Value::Null),
    ] {
        let refused = with(field, value).draft(&base(), None, &header(), Time::from_unix(NOW));
        assert!(refused.is_err_and(|it| it.iter().all(|it| it.help.is_some())), "{field}");
    }
    let plan = made(&terraform(resources.clone()), &base());
    assert!(!plan.may_do_more());
    for old in ["0.1", "0.2", "1.0", "1.2"] {
        let plan = plan_of(json!({"format_version": old, "resource_changes": resources}));
        let plan = made(&plan, &base());
        assert!(plan.may_do_more(), "{old}");
        let found = crate::app::plans::drafted::findings(&plan);
        assert_eq!(found.first().unwrap().code, Code::PlanCompletenessUnknown);
    }
}

#[test]
fn moves_and_imports_change_nothing_and_what_is_forgotten_stays_unmanaged() {
    let held = json!({"project": "p", "role": "roles/viewer", "member": "user:ann@example.com"});
    let mut moved = resource("google_project_iam_member.new", &["no-op"], held.clone(), held.clone(), json!({}));
    moved["previous_address"] = json!("google_project_iam_member.old");
    let mut imported = resource("google_project_iam_member.other", &["no-op"], held.clone(), held.clone(), json!({}));
    imported["change"]["importing"] = json!({"id": "p roles/viewer user:ann@example.com"});
    let nothing = terraform(json!([moved, imported])).draft(&base(), None, &header(), Time::from_unix(NOW)).unwrap();
    assert!(nothing.text.is_none());
    let forgotten = resource("google_project_iam_member.old", &["forget"], held, Value::Null, json!({}));
    let other = create(
        "google_project_iam_member.new",
        json!({"project": "p", "role": "roles/viewer", "member": "user:bob@example.com"}),
    );
    let snapshot = reached(
        &terraform(json!([create(
            "google_project_iam_member.old",
            json!({"project": "p", "role": "roles/viewer", "member": "user:ann@example.com"})
        )])),
        &base(),
    );
    let plan = made(&terraform(json!([forgotten, other])), &snapshot);
    assert!(plan.changes.iter().all(|it| it.action.word() != "revoke"), "{:?}", words(&plan));
    let not_read = &plan.made_from.unwrap().not_read;
    assert!(not_read.iter().any(|it| it.value.raw().contains("nobody manages")), "{not_read:?}");
}

#[test]
fn what_looks_like_access_and_is_not_read_is_named_and_secrets_are_never_copied() {
    let plan = terraform(json!([
        create("google_project_iam_member.a", json!({"project": "p", "role": "roles/viewer", "member": "user:a@b.c"})),
        create("google_service_account_key.k", json!({"private_key": "SECRET"})),
        create("acme_role_grant.g", json!({"to": "SECRET"})),
        create("google_compute_instance.vm", json!({"name": "vm"})),
        {"address": "google_project_iam_member.s", "mode": "managed", "type": "google_project_iam_member", "name": "s", "change": {
            "actions": ["create"], "before": null, "after": {"project": "p", "role": "roles/viewer", "member": "user:SECRET"},
            "after_unknown": {}, "after_sensitive": {"member": true}}}
    ]));
    let drafted = plan.draft(&base(), None, &header(), Time::from_unix(NOW)).unwrap();
    let text = drafted.text.unwrap();
    assert!(!text.contains("SECRET"), "{text}");
    let read = crate::plan::read("plan.yaml", text.as_bytes()).unwrap();
    let not_read: Vec<String> = read.made_from.unwrap().not_read.iter().map(|it| it.value.raw().to_owned()).collect();
    assert!(not_read.iter().any(|it| it.starts_with("acme_role_grant.g")), "{not_read:?}");
    assert!(not_read.iter().any(|it| it.starts_with("google_service_account_key.k")), "{not_read:?}");
    assert!(!not_read.iter().any(|it| it.contains("vm")), "{not_read:?}");
    assert!(!drafted.findings.iter().any(|it| it.message.raw().contains("SECRET")));
}

#[test]
fn hostile_files_are_refused_with_help() {
    let deep = format!("{{\"format_version\":\"1.2\",\"resource_changes\":{}", "[".repeat(100_000));
    for text in [
        "",
        "{",
        "{\"format_version\":\"1.2\",\"resource_changes\":[{\"address\":\"a",
        "<html>502 Bad Gateway</html>",
        "{\"error\":\"not found\"}",
        "{\"@level\":\"info\",\"@message\":\"Terraform 1.11.4\"}\n{\"@level\":\"info\"}",
        "{\"format_version\":\"1.0\",\"values\":{}}",
        "[1]",
        "{\"format_version\":\"1.2\",\"resource_changes\":{}}",
        deep.as_str(),
    ] {
        let plan = TerraformPlan {
            name: "plan.json".to_owned(),
            json: text.as_bytes().to_vec(),
            file: None,
            configuration: None,
        };
        let refused = plan.draft(&base(), None, &header(), Time::from_unix(NOW));
        let shown: String = text.chars().take(60).collect();
        assert!(refused.is_err_and(|it| it.iter().any(|it| it.help.is_some())), "{shown}");
    }
}

#[test]
fn names_with_a_meaning_in_yaml_are_read_back_as_they_were() {
    for name in [
        "user:no",
        "user:- a: b",
        "user:&x *y !z",
        "user:\"quoted\" 'single' #",
        "user:{a: [b]}",
        "user:0x10",
        "user:é",
    ] {
        let after = json!({"project": "p", "role": "roles/viewer", "member": name});
        let plan = made(&terraform(json!([create("google_project_iam_member.a", after)])), &base());
        let Some(Action::Grant(grant)) = plan.changes.last().map(|it| &it.action) else { panic!("{name}") };
        assert_eq!(grant.to.value.raw(), name);
    }
    for name in ["user:a\u{0}b", "user:a\nb", "user:a\u{202e}b", "user:\u{2028}"] {
        let after = json!({"project": "p", "role": "roles/viewer", "member": name});
        let plan = terraform(json!([create("google_project_iam_member.a", after)]));
        assert!(plan.draft(&base(), None, &header(), Time::from_unix(NOW)).is_err(), "{name:?}");
    }
}
