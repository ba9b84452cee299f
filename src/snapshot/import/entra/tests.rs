//! The importer of Microsoft Entra on lists that we write.

use super::*;
use crate::input::entitlement::{IdentityKind, Mode};
use crate::input::finding::Severity;
use crate::input::id::Id;
use crate::snapshot::model::{MembersKnown, Snapshot, Status};

const FIXTURE: &str = include_str!("fixture.json");

fn at() -> Time {
    Time::parse("2026-01-01T00:00:00Z").unwrap()
}

fn read(text: &str) -> Result<Import, Vec<Finding>> {
    Entra.read(&[("f", text.as_bytes())], at())
}

/// What a subject has, and where.
fn grants(s: &Snapshot, who: &str) -> Vec<String> {
    let of = |a: &crate::snapshot::model::Assignment| {
        let what = a.role.as_ref().map(Id::as_str).or(a.member_of.as_ref().map(Id::as_str)).unwrap();
        let scope = a.scope.as_ref().map(|s| format!(" @ {}", s.as_str())).unwrap_or_default();
        format!("{what}{scope}")
    };
    s.assignments.iter().filter(|a| a.who.raw() == who).map(of).collect()
}

const GRAPH: &str = "api:00000003-0000-0000-c000-000000000000";

#[test]
fn people_applications_agents_and_roles_become_a_snapshot_that_reads_back() {
    let import = read(FIXTURE).unwrap();
    let s = &import.snapshot;
    assert_eq!(s.target.as_ref().unwrap().id.raw(), "t-1");
    assert!(import.findings.is_empty(), "{:?}", import.findings);
    let identity = |id: &str| s.identities.iter().find(|i| i.id.as_str() == id).unwrap();
    assert_eq!(identity("user:bob@acme.example").status, Status::Disabled);
    assert_eq!(identity("sp:vm/app-vm").kind, IdentityKind::Workload);
    let agent = identity("sp:Agent/app-agent");
    assert_eq!((agent.kind, agent.owner.as_ref().unwrap().as_str()), (IdentityKind::Agent, "user:ann@acme.example"));
    assert_eq!(agent.labels["blueprint"].raw(), "app-bp");
    assert_eq!(identity("sp:Deploy/app-deploy").owner.as_ref().unwrap().as_str(), "user:ann@acme.example");
    let group = |id: &str| s.groups.iter().find(|g| g.id.as_str() == id).unwrap().members_known;
    assert_eq!((group("group:Ops/g-1"), group("group:Sales/g-2")), (MembersKnown::Known, MembersKnown::Unknown));
    assert_eq!(
        grants(s, "sp:Deploy/app-deploy"),
        [
            format!(
                "app-role:Microsoft Graph/00000003-0000-0000-c000-000000000000/Application.ReadWrite.All @ {GRAPH}"
            ),
            format!(
                "delegated:Microsoft Graph/00000003-0000-0000-c000-000000000000/Files.Read for user:ann@acme.example @ {GRAPH}"
            ),
            format!("delegated:Microsoft Graph/00000003-0000-0000-c000-000000000000/Mail.Send for any user @ {GRAPH}"),
            format!("delegated:Microsoft Graph/00000003-0000-0000-c000-000000000000/User.Read for any user @ {GRAPH}"),
        ]
    );
    let delegated = s.roles.iter().filter(|r| r.id.as_str().starts_with("delegated:"));
    assert!(delegated.flat_map(|r| &r.permissions).all(|p| p.condition.is_some()), "a client acts for people only");
    assert_eq!(
        grants(s, "user:ann@acme.example"),
        [
            "directory-role:Application Administrator @ tenant",
            "group:Ops/g-1",
            "owner of app:Deploy/app-deploy @ app:Deploy/app-deploy"
        ]
    );
    assert_eq!(grants(s, "group:Ops/g-1"), ["directory-role:Reader/dr-2 @ au:au-1"]);
    let eligible = s.assignments.iter().find(|a| a.mode == Mode::Eligible).unwrap();
    assert_eq!(eligible.until.unwrap().to_string(), "2026-12-31T00:00:00Z");
    let trusts: Vec<_> = s.trusts.iter().map(|t| (t.from.raw(), t.to.raw(), t.via.raw())).collect();
    assert_eq!(
        trusts,
        [
            (
                "federated:https://token.actions.githubusercontent.com|repo:acme/shop:ref:refs/heads/main",
                "sp:Deploy/app-deploy",
                "federated-credential"
            ),
            ("sp:Blueprint/app-bp", "sp:Agent/app-agent", "agent-blueprint"),
        ]
    );
    assert_eq!(s.credentials.iter().map(|c| c.kind.raw()).collect::<Vec<_>>(), ["certificate", "password"]);
    let bytes = crate::snapshot::write(s).unwrap();
    assert_eq!(crate::snapshot::read("s", &bytes).unwrap(), (s.clone(), Vec::new()), "it reads back without a finding");
}

#[test]
fn an_active_instance_gives_its_end_to_the_assignment_that_another_list_has_too() {
    let list = |name: &str, end: &str| {
        format!(
            r#"{{"review_path": "roleManagement/directory/{name}", "value": [{{"id": "i", "principalId": "u-1", "roleDefinitionId": "dr-1", "directoryScopeId": "/"{end}}}]}}"#
        )
    };
    let end = r#", "endDateTime": "2026-01-01T08:00:00Z""#;
    let text = [FIXTURE, &list("roleAssignments", ""), &list("roleAssignmentScheduleInstances", end)].join("\n");
    let s = read(&text).unwrap().snapshot;
    let held: Vec<_> = s
        .assignments
        .iter()
        .filter(|a| a.role.as_ref().is_some_and(|r| r.as_str().contains("Administrator")))
        .collect();
    assert_eq!(held.iter().map(|a| a.mode).collect::<Vec<_>>(), [Mode::Active, Mode::Eligible]);
}

#[test]
fn what_is_named_and_not_listed_is_an_open_group_or_an_unknown_role_with_a_warning() {
    let without: String = FIXTURE
        .lines()
        .filter(|l| !l.contains("\"groups\"") && !l.contains("roleDefinitions"))
        .collect::<Vec<_>>()
        .join("\n");
    let import = read(&without).unwrap();
    let s = &import.snapshot;
    assert_eq!(s.groups.iter().find(|g| g.id.as_str() == "group:g-2").unwrap().members_known, MembersKnown::Unknown);
    let warnings: Vec<_> = import.findings.iter().filter(|f| f.severity == Severity::Warning).collect();
    assert!(warnings.len() == 2, "{warnings:?}");
    let strange =
        format!("{FIXTURE}\n{}", r#"{"review_path": "identity/conditionalAccess/policies", "value": [{"id": "c-1"}]}"#);
    assert!(format!("{:?}", read(&strange).unwrap().findings).contains("entries of other lists are not read"));
}

#[test]
fn the_context_of_an_answer_tells_its_list_and_the_object_of_a_relation() {
    let path = |context: &str| {
        let text =
            format!(r#"{{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#{context}", "value": []}}"#);
        let path = serde_json::from_str::<Page>(&text).unwrap().path().unwrap();
        (path.list, path.of)
    };
    let is = |list: &str, of: &str| (list.to_owned(), of.to_owned());
    assert_eq!(path("users(id,userPrincipalName)"), is("users", ""));
    assert_eq!(path("servicePrincipals('s-1')/appRoleAssignedTo"), is("servicePrincipals/appRoleAssignedTo", "s-1"));
    assert_eq!(path("roleManagement/directory/roleAssignments"), is("roleManagement/directory/roleAssignments", ""));
    assert_eq!(path("groups('g-1')/members(id)"), is("groups/members", "g-1"));
}

#[test]
fn a_name_that_imitates_another_is_left_out_of_the_id() {
    let text = FIXTURE.replace("\"displayName\": \"vm\"", "\"displayName\": \"v\u{200b}m*\"");
    let s = read(&text).unwrap().snapshot;
    assert!(s.identities.iter().any(|i| i.id.as_str() == "sp:app-vm"));
}

#[test]
fn lists_of_several_tenants_or_times_and_those_without_a_name_are_refused() {
    let said = |more: &str| format!("{:?}", read(&format!("{FIXTURE}\n{more}")).unwrap_err());
    assert!(said(r#"{"review_path": "organization", "value": [{"id": "t-2"}]}"#).contains("several tenants: t-1, t-2"));
    assert!(
        said(r#"{"review_path": "users", "value": [{"id": "u-1", "userPrincipalName": "x"}]}"#)
            .contains("two different entries")
    );
    assert!(said(r#"{"value": [{"id": "u-1"}]}"#).contains("does not say which list"));
    assert!(read(FIXTURE.get(..900).unwrap()).is_err());
    let context = r#"{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users(id,userPrincipalName)", "value": [{"id": "u", "userPrincipalName": "u@x"}]}"#;
    assert_eq!(Entra.recognise(&Probe::of(context)), Recognition::Yes);
    assert_eq!(read(context).unwrap().counts.get("users"), Some(&1));
    assert_eq!(Entra.recognise(&Probe::of(FIXTURE)), Recognition::Yes);
}
