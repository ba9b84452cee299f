//! What the shipped rules and paths know of the systems that importers read.

use super::{change, level, shipped};
use crate::access::tests::build::*;
use crate::input::entitlement::Sensitivity;
use crate::input::time::Time;
use crate::snapshot::import::{Importer, entra, gcp, github};
use crate::snapshot::model::Snapshot;

use Sensitivity::{Critical, High, Low, Moderate, Unknown};

fn imported(importer: &dyn Importer, text: &str) -> Snapshot {
    importer.read(&[("f", text.as_bytes())], Time::from_unix(TAKEN_AT)).unwrap().snapshot
}

/// Compares the level of each action with what is expected.
fn levels(system: &str, expected: &[(&str, Sensitivity, bool)]) {
    for (action, sensitivity, privileged) in expected {
        assert_eq!(level(system, action, "*"), (*sensitivity, *privileged), "{system}: {action}");
    }
}

#[test]
fn google_cloud_has_privileged_permissions_low_reads_and_unknown_rest() {
    levels(
        "gcp",
        &[
            ("*", Critical, true),
            ("resourcemanager.projects.setIamPolicy", Critical, true),
            ("pubsub.topics.setIamPolicy", Critical, true),
            ("iam.serviceAccounts.actAs", Critical, true),
            ("iam.serviceAccounts.getAccessToken", Critical, true),
            ("iam.serviceAccountKeys.create", Critical, true),
            ("iam.googleapis.com/workloadIdentityPoolProviders.create", Critical, true),
            ("secretmanager.versions.access", High, true),
            ("storage.objects.get", Moderate, false),
            ("compute.instances.get", Moderate, false),
            ("compute.zones.list", Low, false),
            ("iam.roles.list", Low, false),
            ("aiplatform.novel.frobnicate", Unknown, false),
            ("storage.novel.delete", Unknown, false),
        ],
    );
}

#[test]
fn who_may_get_tokens_of_a_service_account_of_google_cloud_can_act_as_it_where_it_holds_that() {
    let text = r#"[
      {"resource": "projects/p", "organization": "organizations/1", "policy": {"bindings": [
        {"role": "roles/storage.admin", "members": ["serviceAccount:bot@p.iam.gserviceaccount.com"]},
        {"role": "roles/viewer", "members": ["user:ann@example.org", "user:bob@example.org"]}]}},
      {"resource": "projects/q", "organization": "organizations/1", "policy": {"bindings": []}},
      {"name": "roles/storage.admin", "title": "x", "includedPermissions": ["storage.objects.delete"]},
      {"name": "roles/viewer", "title": "x", "includedPermissions": ["compute.zones.list"]},
      {"name": "roles/tokens", "title": "x", "includedPermissions": ["iam.serviceAccounts.getAccessToken"]},
      {"name": "roles/acts", "title": "x", "includedPermissions": ["iam.serviceAccounts.actAs", "compute.instances.create"]}]"#;
    let s = imported(&gcp::GoogleCloud, text).human("agent");
    let data = shipped();
    let reaches = |role: &str, scope: &str| {
        let facts = change(&data, &s, grant("user:ann@example.org", role, Some(scope)));
        let escalates = facts.escalations.iter().any(|e| e.complete);
        let gains = facts.effects.gained.iter().any(|piece| piece.access.action.raw() == "storage.objects.delete");
        assert!(facts.is_privileged());
        (gains, escalates)
    };
    let account = "//iam.googleapis.com/projects/-/serviceAccounts/bot@p.iam.gserviceaccount.com";
    for scope in ["projects/p", "organizations/1", account] {
        assert_eq!(reaches("roles/tokens", scope), (true, true), "{scope}");
        assert_eq!(reaches("roles/acts", scope), (true, true), "{scope}");
    }
    assert_eq!(reaches("roles/tokens", "projects/q"), (false, true), "another project");
}

#[test]
fn entra_has_privileged_permissions_low_reads_and_unknown_rest() {
    let graph = "api:00000003-0000-0000-c000-000000000000";
    for (action, sensitivity, privileged) in [
        ("Application.ReadWrite.All", Critical, true),
        ("AppRoleAssignment.ReadWrite.All", Critical, true),
        ("RoleManagement.ReadWrite.Directory", Critical, true),
        ("delegated:RoleManagement.ReadWrite.Directory", Critical, true),
        ("Mail.Send", High, true),
        ("delegated:Mail.Send", Moderate, false),
        ("delegated:User.Read", Low, false),
        ("Novel.ReadWrite.All", Unknown, false),
    ] {
        assert_eq!(level("entra", action, graph), (sensitivity, privileged), "{action}");
    }
    assert_eq!(level("entra", "owner", "app:Deploy/1"), (Critical, true));
    levels(
        "entra",
        &[
            ("microsoft.directory/applications/credentials/update", High, true),
            ("microsoft.directory/users/standard/read", Low, false),
            ("microsoft.directory/novel/update", Unknown, false),
        ],
    );
}

#[test]
fn who_owns_or_may_change_an_application_of_entra_can_act_as_it() {
    let text = r##"
      {"review_path": "users", "value": [{"id": "u", "userPrincipalName": "ann@x"}, {"id": "v", "userPrincipalName": "bob@x"}]}
      {"review_path": "servicePrincipals", "value": [
        {"id": "g", "appId": "00000003-0000-0000-c000-000000000000", "displayName": "Microsoft Graph",
         "appRoles": [{"id": "r", "value": "RoleManagement.ReadWrite.Directory"}, {"id": "q", "value": "User.ReadBasic.All"}]},
        {"id": "s", "appId": "A", "displayName": "Deploy"}, {"id": "t", "appId": "B", "displayName": "Other"}]}
      {"review_path": "servicePrincipals/g/appRoleAssignedTo", "value": [
        {"id": "1", "principalId": "s", "resourceId": "g", "appRoleId": "r"}, {"id": "2", "principalId": "t", "resourceId": "g", "appRoleId": "q"}]}
      {"review_path": "applications/A/owners", "value": [{"@odata.type": "#microsoft.graph.user", "id": "v"}]}
      {"review_path": "roleManagement/directory/roleDefinitions", "value": [
        {"id": "d", "displayName": "Application Administrator", "isBuiltIn": true,
         "rolePermissions": [{"allowedResourceActions": ["microsoft.directory/applications/credentials/update"]}]}]}"##;
    let s = imported(&entra::Entra, text).human("agent");
    let data = shipped();
    let reaches = |role: &str, scope: &str| {
        let facts = change(&data, &s, grant("user:ann@x", role, Some(scope)));
        assert!(facts.is_privileged() && facts.escalations.iter().any(|e| e.complete), "{role} {scope}");
        facts.effects.gained.iter().any(|it| it.access.action.raw() == "RoleManagement.ReadWrite.Directory")
    };
    assert!(reaches("owner of app:Deploy/A", "app:Deploy/A"));
    assert!(reaches("directory-role:Application Administrator", "tenant"));
    assert!(reaches("directory-role:Application Administrator", "app:Deploy/A"));
    assert!(!reaches("directory-role:Application Administrator", "app:Other/B"), "another application");
}

#[test]
fn azure_has_privileged_permissions_low_reads_and_unknown_rest() {
    for (action, resource, sensitivity, privileged) in [
        ("*", "control", Critical, true),
        ("*", "data", Critical, true),
        ("microsoft.authorization/*", "control", Critical, true),
        ("microsoft.authorization/roleassignments/write", "control", Critical, true),
        ("microsoft.managedidentity/userassignedidentities/*/assign/action", "control", Critical, true),
        ("microsoft.compute/virtualmachines/runcommand/action", "control", High, true),
        ("microsoft.storage/storageaccounts/listkeys/action", "control", High, true),
        ("microsoft.keyvault/vaults/secrets/getsecret/action", "data", High, true),
        ("microsoft.storage/storageaccounts/blobservices/containers/blobs/read", "data", Moderate, false),
        ("microsoft.web/sites/read", "control", Low, false),
        ("*/read", "control", Moderate, false),
        ("microsoft.documentdb/databaseaccounts/readonlykeys/read", "control", Moderate, false),
        ("microsoft.web/sites/config/web/connectionstrings/read", "control", Moderate, false),
        ("microsoft.operationalinsights/workspaces/query/signinlogs/read", "control", Moderate, false),
        ("microsoft.compute/virtualmachines/read", "control", Low, false),
        ("microsoft.novel/things/write", "control", Unknown, false),
        ("microsoft.novel/things/read", "data", Unknown, false),
    ] {
        assert_eq!(level("azure", action, resource), (sensitivity, privileged), "{action} on {resource}");
    }
}

#[test]
fn github_and_okta_have_privileged_permissions_and_low_reads() {
    levels(
        "github",
        &[
            ("organization.admin", Critical, true),
            ("repository.admin", High, true),
            ("repository.push", High, false),
            ("members:write", Critical, true),
            ("workflows:write", Critical, true),
            ("contents:write", High, true),
            ("contents:read", Moderate, false),
            ("pull_requests:read", Moderate, false),
            ("actions:read", Moderate, false),
            ("metadata:read", Low, false),
            ("novel:write", Unknown, false),
        ],
    );
    levels(
        "okta",
        &[
            ("*", Critical, true),
            ("okta.roles.manage", Critical, true),
            ("okta.groups.members.manage", High, true),
            ("app.access", Moderate, false),
            ("okta.groups.read", Low, false),
            ("okta.apps.read", High, true),
            ("okta.novel.frob", Unknown, false),
        ],
    );
    assert_eq!(level("okta", "ORG_ADMIN", "admin"), (Critical, true));
    assert_eq!(level("okta", "HELP_DESK_ADMIN", "admin"), (High, true));
}

#[test]
fn who_may_push_to_a_repository_can_act_as_its_workflows_and_not_as_those_of_another() {
    let text = r#"
      {"review_path": "orgs/acme", "value": {"id": 1}}
      {"review_path": "orgs/acme/members?role=admin", "value": [{"login": "ann"}]}
      {"review_path": "orgs/acme/repos", "value": [{"id": 5, "full_name": "acme/shop"}, {"id": 6, "full_name": "acme/site"}]}
      {"review_path": "orgs/acme/outside_collaborators", "value": [{"login": "eve"}]}"#;
    let s = imported(&github::GitHub, text).human("agent");
    let s = s.role("deploys", &[allow("contents:write", "*")]).held("d", "workflow:acme/shop", "deploys", None);
    let data = shipped();
    let gains = |role: &str, scope: &str| {
        let facts = change(&data, &s, grant("user:eve", role, Some(scope)));
        facts.effects.gained.iter().any(|piece| piece.access.action.raw() == "contents:write")
    };
    assert!(
        gains("repo:push", "repo:acme/shop") && gains("repo:admin", "repo:acme/shop") && gains("repo:push", "org:acme")
    );
    assert!(!gains("repo:push", "repo:acme/site") && !gains("repo:triage", "repo:acme/shop"));
}

#[test]
fn every_path_of_an_imported_system_is_found_whole_and_not_in_a_part() {
    let data = shipped();
    let mut counts = std::collections::BTreeMap::new();
    for path in &data.escalations {
        let system = path.system.as_ref().map_or("", |system| system.name());
        if !["gcp", "entra", "azure", "github", "okta"].contains(&system) {
            continue;
        }
        *counts.entry(system.to_owned()).or_insert(0) += 1;
        // The group or team that a path names holds something that nobody else holds.
        let object = if system == "github" { "team:x" } else { "group:x" };
        let needs: Vec<_> = path
            .requires
            .iter()
            .map(|it| {
                let resource = it.resource[0].raw();
                allow(it.action[0].raw(), if resource.starts_with('$') { object } else { resource })
            })
            .collect();
        let world = |held: &[crate::input::entitlement::Permission]| {
            snapshot(system)
                .human("ann")
                .group(object, &[])
                .role("more", &[allow("something.else", "*")])
                .held("m", object, "more", None)
                .role("needed", held)
        };
        let completes = |held: &[crate::input::entitlement::Permission]| {
            let facts = change(&data, &world(held), grant("ann", "needed", None));
            facts.escalations.iter().any(|it| it.complete && it.id.raw() == path.id.raw())
        };
        assert!(completes(&needs), "{}", path.id.raw());
        for n in 0..needs.len() {
            let mut part = needs.clone();
            part.remove(n);
            assert!(!completes(&part), "{} without {:?}", path.id.raw(), needs[n]);
        }
        // Each alternative is privileged, so that whoever gets it needs the security step.
        for action in
            path.requires.iter().flat_map(|it| it.action.iter().map(|action| (action.raw(), it.resource[0].raw())))
        {
            let resource = if action.1.starts_with('$') { object } else { action.1 };
            if path.requires.len() == 1 {
                assert!(level(system, action.0, resource).1, "{}: {action:?} is privileged", path.id.raw());
            }
        }
    }
    assert_eq!(counts.len(), 5, "{counts:?}");
}
