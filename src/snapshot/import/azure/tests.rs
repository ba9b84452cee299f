//! The importer of Azure on lists that we write, and on those of a real subscription where they are.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::input::entitlement::{Effect, Mode, Permission};
use crate::input::finding::Severity;
use crate::snapshot::model::{MembersKnown, Snapshot};

const FIXTURE: &str = include_str!("fixture.json");

fn at() -> Time {
    Time::parse("2026-01-01T00:00:00Z").unwrap()
}

fn read(text: &str) -> Result<Import, Vec<Finding>> {
    Azure.read(&[("f", text.as_bytes())], at())
}

fn assignments(s: &Snapshot) -> Vec<&str> {
    s.assignments.iter().map(|a| a.id.as_str()).collect()
}

fn permissions<'s>(s: &'s Snapshot, role: &str) -> &'s [Permission] {
    &s.roles.iter().find(|r| r.id.as_str() == role).unwrap().permissions
}

#[test]
fn definitions_assignments_denies_and_eligible_roles_become_a_snapshot_that_reads_back() {
    let import = read(FIXTURE).unwrap();
    let s = &import.snapshot;
    assert!(import.findings.is_empty(), "{:?}", import.findings);
    assert_eq!(s.target.as_ref().unwrap().id.raw(), "t-1");
    assert_eq!(
        assignments(s),
        [
            "everybody#deny:n1@/subscriptions/s1/resourcegroups/web",
            "group:Ops/p-ops#Storage Blob Data Reader if @Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'logs'@/providers/microsoft.management/managementgroups/corp",
            "sp:deploy/p-bot#Deployer/d-own@/subscriptions/s1/resourcegroups/web",
            "user:ann@acme.example#Owner@/subscriptions/s1",
            "user:p-ann#Storage Blob Data Reader@/subscriptions/s1",
            "user:p-eve#Owner@/subscriptions/s1 eligible",
        ]
    );
    let mode = |id: &str| {
        s.assignments.iter().find(|a| a.id.as_str().starts_with(id)).map(|a| (a.mode, a.until.is_some())).unwrap()
    };
    assert_eq!((mode("user:p-eve"), mode("user:p-ann")), ((Mode::Eligible, true), (Mode::Active, true)));
    let deployer = permissions(s, "Deployer/d-own");
    assert!(
        deployer
            .iter()
            .all(|p| p.resource.raw() == "control" && p.except[0].action.raw() == "microsoft.web/sites/delete")
    );
    assert_eq!(
        permissions(s, "Storage Blob Data Reader")[0].resource.raw(),
        "data",
        "data is no part of the control plane"
    );
    let deny = &permissions(s, "deny:n1")[0];
    assert_eq!((deny.effect, deny.condition.is_some()), (Effect::Deny, true), "whom it excludes makes it conditional");
    let parent = |id: &str| {
        s.resources.iter().find(|r| r.id.as_str() == id).unwrap().parent.as_ref().map(|p| p.as_str().to_owned())
    };
    assert_eq!(parent("/subscriptions/s1/resourcegroups/web").unwrap(), "/subscriptions/s1");
    assert_eq!(parent("/subscriptions/s1").unwrap(), "/providers/microsoft.management/managementgroups/corp");
    assert_eq!(parent("/"), None);
    assert_eq!(
        s.groups.iter().find(|g| g.id.as_str() == "group:Ops/p-ops").unwrap().members_known,
        MembersKnown::Unknown
    );
    let bytes = crate::snapshot::write(s).unwrap();
    assert_eq!(crate::snapshot::read("s", &bytes).unwrap(), (s.clone(), Vec::new()), "it reads back without a finding");
}

#[test]
fn without_the_tree_assignments_on_management_groups_are_a_warning() {
    let without = FIXTURE.replace("Microsoft.Management/managementGroups\", \"tenantId", "Other/other\", \"tenantId");
    let import = read(&without).unwrap();
    let warned = import.findings.iter().find(|f| f.severity == Severity::Warning).unwrap();
    assert!(
        warned.message.raw().contains("management groups")
            && warned.help.as_ref().unwrap().raw().contains("entities list")
    );
}

#[test]
fn a_missing_definition_is_unknown_and_a_deleted_principal_is_reported() {
    let without = FIXTURE
        .replace("roleDefinitions/d-owner\", \"name\"", "roleDefinitions/d-gone\", \"name\"")
        .replace("\"principalType\": \"Group\"", "\"principalType\": \"Unknown\"");
    let import = read(&without).unwrap();
    assert!(permissions(&import.snapshot, "d-owner")[0].resource.raw().starts_with("unresolved:"));
    assert!(format!("{:?}", import.findings).contains("principals are of unknown type"));
}

#[test]
fn several_tenants_other_times_and_cut_files_are_refused() {
    let said = |more: &str| format!("{:?}", read(&format!("{FIXTURE}\n{more}")).unwrap_err());
    assert!(
        said(r#"{"id": "s2", "tenantId": "t-2", "environmentName": "AzureCloud"}"#)
            .contains("several tenants: t-1, t-2")
    );
    let changed = r#"{"id": "/subscriptions/S1/providers/Microsoft.Authorization/roleAssignments/a1", "type": "Microsoft.Authorization/roleAssignments", "principalId": "p-ann", "principalType": "User", "roleDefinitionId": "/x/d-blob", "scope": "/"}"#;
    assert!(said(changed).contains("two different entries of the assignment"));
    assert!(said(r#"{"unrelated": 1}"#).contains("has no `type`"));
    let none = read(r#"{"type": "Microsoft.Other/things", "id": "x"}"#).unwrap_err();
    assert!(none[0].message.raw().contains("hold nothing that the importer of `azure` reads"));
    assert!(read(FIXTURE.get(..2_000).unwrap()).is_err());
    for text in [FIXTURE, FIXTURE.get(..700).unwrap()] {
        assert_eq!(Azure.recognise(&Probe::of(text)), Recognition::Yes, "a truncated file too, so that it is told so");
    }
    assert!(matches!(Azure.recognise(&Probe::of(r#"[{"roleDefinitionId": "x"}]"#)), Recognition::Near(_)));
}

#[test]
fn a_real_subscription_has_all_its_assignments_principals_and_definitions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/azure");
    if !folder.is_dir() {
        println!("no shared data: the lists of the real subscription were not read");
        return;
    }
    let names = ["role-assignments.json", "role-definitions.json"];
    let files: Vec<Vec<u8>> = names.iter().map(|name| std::fs::read(folder.join(name)).unwrap()).collect();
    let files: Vec<(&str, &[u8])> = names.iter().copied().zip(files.iter().map(Vec::as_slice)).collect();
    for (name, bytes) in &files {
        assert_eq!(Azure.recognise(&Probe::of(std::str::from_utf8(bytes).unwrap())), Recognition::Yes, "{name}");
    }
    let import = Azure.read(&files, at()).unwrap();
    for (kind, count) in [("assignments", 74), ("definitions", 128), ("custom_definitions", 11)] {
        assert_eq!(import.counts.get(kind), Some(&count), "{kind}: {:?}", import.counts);
    }
    let s = &import.snapshot;
    assert_eq!(s.assignments.len(), 74);
    assert_eq!(s.assignments.iter().map(|a| a.who.raw()).collect::<BTreeSet<_>>().len(), 62);
    let bytes = crate::snapshot::write(s).unwrap();
    assert_eq!(crate::snapshot::read("s", &bytes).unwrap(), (s.clone(), Vec::new()));
}
