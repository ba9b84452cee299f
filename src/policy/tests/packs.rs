//! Loading: what a pack must be, and every fault at its place.

use super::*;
use crate::input::finding::{Code, Finding};
use crate::plan::model::Action;
use crate::policy::replay::recorded_action;
use crate::policy::{PolicyFile, StepName};

fn one(more: &str) -> Finding {
    let mut findings = load_and(more).unwrap_err();
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.remove(0)
}

#[test]
fn a_policy_without_one_of_its_annotations_does_not_load() {
    for missing in ["id", "title", "advice", "control", "severity"] {
        let annotations: String = ["id", "title", "advice", "control", "severity"]
            .iter()
            .filter(|key| **key != missing)
            .map(|key| format!("@{key}(\"low\")\n"))
            .collect();
        let finding = one(&format!("\n{annotations}forbid(principal, action, resource);"));
        assert_eq!(finding.code, Code::BadPolicy);
        assert!(finding.message.raw().contains(&format!("`@{missing}`")), "{finding:?}");
        assert_eq!(finding.place.unwrap().line, 2);
    }
}

#[test]
fn a_fault_has_its_line_and_column() {
    let finding = one("@id(\"x\")\nforbid(principal action, resource);");
    let place = finding.place.unwrap();
    assert_eq!((&*place.file, place.line, place.column), ("policies/site.cedar", 2, 18));
    let text = policy(
        "typo",
        "mandatory",
        "forbid(principal, action == Action::\"Grant\", resource)\nwhen { resource.privilegd };",
    );
    let place = one(&text).place.unwrap();
    assert_eq!(place.line, 3);
    let (start, end) = place.bytes;
    assert_eq!(&text[start..end], "resource.privilegd");
}

#[test]
fn ids_are_unique_over_all_files_and_of_plain_letters() {
    let finding = one(&policy("sod-conflict", "mandatory", "forbid(principal, action, resource);"));
    assert!(finding.message.raw().contains("two policies have the id"), "{finding:?}");
    for id in ["A", "a b", "", "no-permit", "unanswerable", "é"] {
        assert!(load_and(&policy(id, "mandatory", "forbid(principal, action, resource);")).is_err(), "{id}");
    }
    let twice = [
        policy("a", "mandatory", "forbid(principal, action, resource);"),
        policy("a", "mandatory", "forbid(principal, action, resource);"),
    ]
    .concat();
    assert_eq!(one(&twice).place.unwrap().line, 3);
}

#[test]
fn only_known_enforcements_load_and_a_permit_is_mandatory() {
    assert!(load_and(&policy("x", "soft", "forbid(principal, action, resource);")).is_err());
    assert!(load_and(&policy("x", "override", "permit(principal, action, resource);")).is_err());
    assert!(load_and(&policy("x", "advisory", "permit(principal, action, resource);")).is_err());
    assert!(load_and("@enforcment(\"override\")\nforbid(principal, action, resource);").is_err());
}

#[test]
fn a_template_does_not_load() {
    assert!(load_and(&policy("t", "mandatory", "forbid(principal == ?principal, action, resource);")).is_err());
}

#[test]
fn all_faults_come_at_once() {
    let text = [
        policy("one", "mandatory", "forbid(principal, action, resource) when { resource.nothing };"),
        "@id(\"two\")\nforbid(principal, action, resource);".to_owned(),
    ]
    .concat();
    let findings = load_and(&text).unwrap_err();
    assert!(findings.len() >= 5, "{findings:?}");
}

#[test]
fn a_site_replaces_the_shipped_policies_and_keeps_the_schema() {
    let text = policy("own", "mandatory", "permit(principal, action in Action::\"Propose\", resource);");
    let files = [PolicyFile { path: "policies/own.cedar", bytes: text.as_bytes() }];
    let pack = Pack::load(&files, None).unwrap();
    assert_eq!(pack.policies().count(), 1);
    let judged = World::new().judge(&pack);
    assert_eq!(judged.outcome, Outcome::Needs(pack.steps().to_vec()), "nothing waives a step, nothing is automatic");
}

#[test]
fn an_empty_pack_denies() {
    let pack = Pack::load(&[], None).unwrap();
    let judged = World::new().judge(&pack);
    assert_eq!(judged.outcome, Outcome::Denied);
    assert_eq!(ids(&judged.denials), ["no-permit"]);
    assert!(!judged.overridable, "a missing permit cannot be set aside");
}

const LEGAL: &str = r"
action ApproveAsLegal in [Approve] appliesTo { principal: [Identity], resource: [Change], context: Approval };
action WaiveLegal in [Waive] appliesTo { principal: [Identity], resource: [Change], context: Proposal };
";

fn steps(names: &[&str]) -> Vec<StepName> {
    names.iter().map(|name| StepName::new(name).unwrap()).collect()
}

#[test]
fn a_site_adds_a_step_by_a_pair_of_actions_and_lists_it() {
    let mut files = Pack::shipped().to_vec();
    files.push(PolicyFile { path: "policies/legal.cedarschema", bytes: LEGAL.as_bytes() });
    let pack = Pack::load(&files, Some(&steps(&["Legal", "Owner", "Security"]))).unwrap();
    let mut world = World::new();
    world.proof = Proof::none();
    assert_eq!(world.judge(&pack).outcome, Outcome::Needs(steps(&["Legal", "Owner"])));
    assert!(!world.may(&pack, "sec").steps.contains(&steps(&["Legal"])[0]), "no policy permits it to anybody");
    let unlisted = Pack::load(&files, None).unwrap_err();
    assert_eq!(unlisted[0].code, Code::BadConfiguration);
}

#[test]
fn a_step_that_is_unknown_listed_twice_or_without_its_pair_is_an_error() {
    assert!(Pack::load(Pack::shipped(), Some(&steps(&["Owner", "Security", "Legal"]))).is_err());
    assert!(Pack::load(Pack::shipped(), Some(&steps(&["Owner", "Security", "Owner"]))).is_err());
    assert!(Pack::load(Pack::shipped(), Some(&steps(&["Owner"]))).is_err());
    assert!(Pack::load(Pack::shipped(), Some(&[])).is_err());
    let half = LEGAL.lines().take(2).collect::<Vec<_>>().join("\n");
    let mut files = Pack::shipped().to_vec();
    files.push(PolicyFile { path: "policies/legal.cedarschema", bytes: half.as_bytes() });
    let findings = Pack::load(&files, Some(&steps(&["Legal", "Owner", "Security"]))).unwrap_err();
    assert!(findings[0].message.raw().contains("`WaiveLegal`"), "{findings:?}");
}

#[test]
fn a_site_cannot_change_the_schema_that_the_tool_stands_on() {
    let mut files = Pack::shipped().to_vec();
    let text = "\nentity Plan;\n";
    files.push(PolicyFile { path: "policies/mine.cedarschema", bytes: text.as_bytes() });
    assert!(Pack::load(&files, None).is_err());
    let other = [PolicyFile { path: "shipped/schema.cedarschema", bytes: b"entity Plan;" }];
    assert!(Pack::load(&other, None).is_err());
    let broken = [PolicyFile { path: "policies/mine.cedarschema", bytes: b"\n\naction !;" }];
    let finding = Pack::load(&broken, None).unwrap_err().remove(0);
    let place = finding.place.unwrap();
    assert_eq!((&*place.file, place.line), ("policies/mine.cedarschema", 3));
}

#[test]
fn bytes_that_are_no_text_and_files_given_twice_are_findings() {
    let files = [PolicyFile { path: "policies/x.cedar", bytes: &[0xff, 0xfe] }];
    assert_eq!(Pack::load(&files, None).unwrap_err()[0].code, Code::NotUtf8);
    let twice = [Pack::shipped()[0], Pack::shipped()[0]];
    assert!(Pack::load(&twice, None).is_err());
}

#[test]
fn the_examples_of_the_readme_load() {
    let readme = include_str!("../../../policies/README.md");
    let block = |fence: &str| readme.split(fence).nth(1).unwrap().split("```").next().unwrap();
    let (policy, schema) = (block("```cedar\n"), block("```cedarschema\n"));
    let mut files = Pack::shipped().to_vec();
    files.push(PolicyFile { path: "policies/site.cedar", bytes: policy.as_bytes() });
    files.push(PolicyFile { path: "policies/legal.cedarschema", bytes: schema.as_bytes() });
    let pack = Pack::load(&files, Some(&steps(&["Owner", "Security", "Legal"]))).unwrap();
    assert!(pack.about("site-production-two-hours").is_some());
}

#[test]
fn a_recorded_pack_has_the_schema_of_its_log_and_loading_a_site_refuses_another() {
    let schema = Pack::schema_file();
    let other = [schema.bytes, b"\nentity Later;\n"].concat();
    let mut files = Pack::shipped().to_vec();
    files.retain(|file| file.path != schema.path);
    assert!(Pack::recorded(&files).is_err(), "the schema is part of the record");
    files.push(PolicyFile { path: schema.path, bytes: &other });
    let recorded = Pack::recorded(&files).unwrap();
    assert_eq!(recorded.steps().iter().map(StepName::as_str).collect::<Vec<_>>(), ["Owner", "Security"]);
    assert!(Pack::load(&files, None).is_err());
}

#[test]
fn every_action_of_a_plan_has_its_name_in_the_schema() {
    let pack = Pack::load(Pack::shipped(), None).unwrap();
    for word in Action::WORDS {
        let name = recorded_action(word);
        assert!(pack.sets(&name).is_some(), "{word}: {name}");
    }
}
