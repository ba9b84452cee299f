//! The importer of GitHub on lists that we write.

use super::*;
use crate::input::entitlement::IdentityKind;
use crate::input::finding::Severity;
use crate::snapshot::model::{MembersKnown, Snapshot};

const FIXTURE: &str = include_str!("fixture.json");

fn at() -> Time {
    Time::parse("2026-01-01T00:00:00Z").unwrap()
}

fn read(text: &str) -> Result<Import, Vec<Finding>> {
    GitHub.read(&[("f", text.as_bytes())], at())
}

fn assignments(s: &Snapshot) -> Vec<&str> {
    s.assignments.iter().map(|a| a.id.as_str()).collect()
}

#[test]
fn people_teams_repositories_and_machines_become_a_snapshot_that_reads_back() {
    let import = read(FIXTURE).unwrap();
    let s = &import.snapshot;
    assert_eq!(s.target.as_ref().unwrap().id.raw(), "77");
    assert_eq!(
        assignments(s),
        [
            "app:deployer#permissions of app:deployer@org:acme",
            "deploy-key:acme/shop/4#repo:push@repo:acme/shop",
            "members:acme#repo:pull@org:acme",
            "team:acme/eng#repo:push@repo:acme/shop",
            "team:acme/web#team:acme/eng",
            "token:60#permissions of token:60@org:acme",
            "user:ann#members:acme",
            "user:ann#organization owner@org:acme",
            "user:bob#maintainer of team:acme/web@team:acme/web",
            "user:bob#members:acme",
            "user:bob#team:acme/web",
            "user:eve#repo:releaser@repo:acme/shop",
        ]
    );
    let identity = |id: &str| s.identities.iter().find(|i| i.id.as_str() == id).unwrap();
    assert_eq!(identity("user:eve").labels["outside_collaborator"].raw(), "true");
    assert_eq!(identity("token:60").owner.as_ref().unwrap().as_str(), "user:bob");
    let workflow = identity("workflow:acme/shop");
    assert_eq!(workflow.kind, IdentityKind::Workload);
    assert_eq!(workflow.labels["oidc_subject"].raw(), "repo:acme/shop:");
    assert_eq!(workflow.labels["oidc_subject_with_ids"].raw(), "repo:acme@77/shop@500:");
    let known = |id: &str| s.groups.iter().find(|g| g.id.as_str() == id).unwrap().members_known;
    assert_eq!((known("team:acme/web"), known("team:acme/eng")), (MembersKnown::Known, MembersKnown::Unknown));
    let [note] = import.findings.as_slice() else { panic!("{:?}", import.findings) };
    assert!(note.severity == Severity::Note && note.message.raw().contains("`app:deployer`"));
    let bytes = crate::snapshot::write(s).unwrap();
    assert_eq!(crate::snapshot::read("s", &bytes).unwrap(), (s.clone(), Vec::new()), "it reads back without a finding");
    assert_eq!(GitHub.recognise(&Probe::of(FIXTURE)), Recognition::Yes);
    assert!(matches!(GitHub.recognise(&Probe::of(r#"[{"login": "ann", "node_id": "x"}]"#)), Recognition::Near(_)));
}

#[test]
fn a_role_without_a_definition_is_unknown_and_missing_owners_are_a_warning() {
    let without: String = FIXTURE
        .lines()
        .filter(|l| !l.contains("custom-repository-roles") && !l.contains("role=admin"))
        .collect::<Vec<_>>()
        .join("\n");
    let import = read(&without).unwrap();
    let role = import.snapshot.roles.iter().find(|r| r.id.as_str() == "repo:releaser").unwrap();
    assert!(role.permissions[0].resource.raw().starts_with("unresolved:"));
    assert!(import.findings.iter().any(|f| f.severity == Severity::Warning && f.message.raw().contains("owners")));
}

#[test]
fn lists_that_hold_more_or_other_things_are_refused() {
    let said = |more: &str| format!("{:?}", read(&format!("{FIXTURE}\n{more}")).unwrap_err());
    assert!(said(r#"{"review_path": "repos/acme/shop/collaborators", "value": []}"#).contains("affiliation=direct"));
    assert!(
        said(r#"{"review_path": "orgs/other", "value": {"id": 8}}"#).contains("several organisations: acme, other")
    );
    assert!(said(r#"{"value": []}"#).contains("does not say which list"));
    assert!(
        said(r#"{"review_path": "orgs/acme/teams", "value": [{"slug": "web", "parent": null}]}"#)
            .contains("two different entries of the team")
    );
    assert!(
        said(r#"{"review_path": "orgs/acme/custom-repository-roles", "value": {"custom_roles": [{"name": "pull"}]}}"#)
            .contains("of a built-in one")
    );
    assert!(read(FIXTURE.get(..300).unwrap()).is_err());
    let other = format!("{FIXTURE}\n{}", r#"{"review_path": "orgs/acme/hooks", "value": [{"id": 1}]}"#);
    assert!(format!("{:?}", read(&other).unwrap().findings).contains("`orgs/acme/hooks`"));
}
