//! The importer of Google Cloud on exports that we write, and on those of a real organisation where they are.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::input::entitlement::{Effect, IdentityKind, Mode};
use crate::input::finding::{Code, Severity};
use crate::input::id::Id;
use crate::snapshot::model::{MembersKnown, Snapshot, Status};

const FIXTURE: &str = include_str!("fixture.json");

fn at() -> Time {
    Time::parse("2026-01-01T00:00:00Z").unwrap()
}

fn read(text: &str) -> Result<Import, Vec<Finding>> {
    GoogleCloud.read(&[("f", text.as_bytes())], at())
}

fn fixture() -> Import {
    read(FIXTURE).unwrap()
}

fn grants(s: &Snapshot, who: &str) -> Vec<String> {
    let of = |a: &crate::snapshot::model::Assignment| {
        let what =
            a.role.as_ref().map(|r| r.as_str().to_owned()).or(a.member_of.as_ref().map(|g| g.as_str().to_owned()));
        let scope = a.scope.as_ref().map(|s| format!(" @ {}", s.as_str())).unwrap_or_default();
        format!("{}{scope}", what.unwrap_or_default())
    };
    s.assignments.iter().filter(|a| a.who.raw() == who).map(of).collect()
}

fn parent<'s>(s: &'s Snapshot, id: &str) -> Option<&'s str> {
    s.resources.iter().find(|r| r.id.as_str() == id)?.parent.as_ref().map(Id::as_str)
}

#[test]
fn policies_roles_accounts_and_groups_become_a_snapshot_that_reads_back() {
    let import = fixture();
    let s = &import.snapshot;
    assert_eq!(s.target.as_ref().unwrap().id.raw(), "organizations/1000");
    assert_eq!(
        grants(s, "user:ann@example.org"),
        ["group:ops@example.org", "projectOwner:shop", "roles/owner @ projects/shop"]
    );
    assert_eq!(
        grants(s, "group:ops@example.org"),
        [
            "roles/iam.serviceAccountTokenCreator @ //iam.googleapis.com/projects/-/serviceAccounts/deploy@shop.iam.gserviceaccount.com"
        ]
    );
    assert_eq!(parent(s, "projects/shop"), Some("folders/20"));
    assert_eq!(parent(s, "folders/20"), Some("organizations/1000"));
    assert_eq!(parent(s, "//storage.googleapis.com/shop-invoices"), Some("projects/shop"));
    assert_eq!(
        parent(s, "//iam.googleapis.com/projects/-/serviceAccounts/deploy@shop.iam.gserviceaccount.com"),
        Some("projects/shop")
    );
    let identity = |id: &str| s.identities.iter().find(|i| i.id.as_str() == id).unwrap();
    assert_eq!(identity("serviceAccount:old@shop.iam.gserviceaccount.com").status, Status::Disabled);
    assert_eq!(identity("serviceAccount:shop.svc.id.goog[web/front]").kind, IdentityKind::Workload);
    let group = |id: &str| s.groups.iter().find(|g| g.id.as_str() == id).unwrap();
    assert_eq!(group("group:ops@example.org").members_known, MembersKnown::Known);
    assert_eq!(group("group:finance@example.org").members_known, MembersKnown::Unknown);
    assert!(group("allUsers").public);
    assert_eq!(s.credentials.len(), 1, "a key that Google keeps is no credential");
    let bytes = crate::snapshot::write(s).unwrap();
    assert_eq!(crate::snapshot::read("s", &bytes).unwrap(), (s.clone(), Vec::new()), "it reads back without a finding");
    let wanted =
        [("bindings", 7), ("grants", 8), ("policies", 4), ("roles", 4), ("service_accounts", 2), ("conditions", 1)];
    for (kind, count) in wanted {
        assert_eq!(import.counts.get(kind), Some(&count), "{kind}: {:?}", import.counts);
    }
}

#[test]
fn a_condition_stays_on_each_permission_and_a_time_ends_the_assignment() {
    let s = fixture().snapshot;
    let role = s.roles.iter().find(|r| r.id.as_str().starts_with("roles/viewer if ")).unwrap();
    assert!(role.permissions.iter().all(|p| p.condition.as_ref().unwrap().raw()
        == "(resource.type == 'x' || resource.name.startsWith('projects/shop'))"));
    let held = s.assignments.iter().find(|a| a.role.as_ref() == Some(&role.id)).unwrap();
    assert_eq!((held.mode, held.until.unwrap().to_string()), (Mode::Active, "2030-01-01T00:00:00Z".to_owned()));
}

#[test]
fn a_deny_policy_denies_and_its_exceptions_make_it_conditional() {
    let s = fixture().snapshot;
    let role = s.roles.iter().find(|r| r.id.as_str().starts_with("deny:")).unwrap();
    let denies: Vec<&str> = role.permissions.iter().map(|p| p.action.raw()).collect();
    assert_eq!(denies, ["iam.serviceAccountKeys.create", "iam.googleapis.com/serviceAccountKeys.create"]);
    let condition = |p: &crate::input::entitlement::Permission| p.condition.as_ref().unwrap().raw().to_owned();
    assert!(
        role.permissions.iter().all(|p| p.effect == Effect::Deny && condition(p).contains("subject/ann@example.org"))
    );
    assert_eq!(
        grants(&s, "allUsers"),
        [
            "deny:policies/cloudresourcemanager.googleapis.com%2Fprojects%2Fshop/denypolicies/no-keys#0 @ projects/shop",
            "roles/storage.objectViewer @ //storage.googleapis.com/shop-invoices",
        ]
    );
}

#[test]
fn a_role_that_the_export_lacks_is_unknown_and_reported() {
    let without: String =
        FIXTURE.lines().filter(|line| !line.contains("roles/owner\", \"title")).collect::<Vec<_>>().join("\n");
    let import = read(&without).unwrap();
    let role = import.snapshot.roles.iter().find(|r| r.id.as_str() == "roles/owner").unwrap();
    assert!(role.permissions[0].resource.raw().starts_with("unresolved:"));
    assert!(import.findings.iter().any(|f| f.code == Code::UnresolvedRole && f.severity == Severity::Warning));
}

#[test]
fn what_is_no_whole_export_of_one_organisation_is_refused_with_the_command_that_mends_it() {
    let other = r#"{"resource": "//cloudresourcemanager.googleapis.com/projects/x", "organization": "organizations/2", "policy": {"bindings": []}}"#;
    let changed = r#"{"resource": "//storage.googleapis.com/shop-invoices", "policy": {"bindings": []}}"#;
    let query = r#"{"resource": "//storage.googleapis.com/b", "policy": {"bindings": []}, "explanation": {"matchedPermissions": {"roles/owner": {"permissions": ["a.b.c"]}}}}"#;
    let bare = r#"{"bindings": [], "etag": "x", "version": 1}"#;
    for (more, message) in [
        (other, "two organisations, `organizations/1000` and `organizations/2`"),
        (changed, "two different entries of the policy"),
        (query, "the search had a query"),
        (bare, "does not say which resource"),
        ("{\"unrelated\": 1}", "no known kind"),
    ] {
        let faults = read(&format!("{FIXTURE}\n{more}")).unwrap_err();
        assert!(faults.iter().any(|f| f.message.raw().contains(message) && f.help.is_some()), "{more}: {faults:?}");
    }
    let cut = FIXTURE.get(..FIXTURE.len() / 2).unwrap();
    assert_eq!(read(cut).unwrap_err()[0].code, Code::Syntax);
    assert!(read(&format!("{FIXTURE}\n{FIXTURE}")).is_ok(), "the same entry twice is one");
    let hidden = FIXTURE.replace("ann@example.org", "ann\u{200b}@example.org");
    assert_eq!(read(&hidden).unwrap_err()[0].code, Code::HiddenCharacter);
}

#[test]
fn an_asset_export_is_read_like_a_search() {
    let line = r#"{"name": "//cloudresourcemanager.googleapis.com/projects/7", "asset_type": "cloudresourcemanager.googleapis.com/Project", "iam_policy": {"bindings": [{"role": "roles/viewer", "members": ["user:x@example.org"]}]}, "ancestors": ["projects/7", "folders/9", "organizations/3"], "update_time": "2026-01-01T00:00:00Z"}"#;
    let s = read(line).unwrap().snapshot;
    assert_eq!(grants(&s, "user:x@example.org"), ["roles/viewer @ projects/7"]);
    assert_eq!((parent(&s, "projects/7"), parent(&s, "folders/9")), (Some("folders/9"), Some("organizations/3")));
    assert_eq!(GoogleCloud.recognise(&Probe::of(line)), Recognition::Yes);
}

#[test]
fn a_list_of_folders_tells_the_place_better_than_the_folders_of_a_search() {
    let search = r#"{"resource": "projects/p", "folders": ["folders/1", "folders/2"], "organization": "organizations/3", "policy": {"bindings": [{"role": "r", "members": ["user:a@x"]}]}}"#;
    let lists = r#"{"name": "folders/1", "parent": "organizations/3"} {"name": "folders/2", "parent": "folders/1"}
        {"projectId": "p", "projectNumber": "9", "parent": {"type": "folder", "id": "2"}}"#;
    let s = read(&format!("{search}\n{lists}")).unwrap().snapshot;
    assert_eq!(
        (parent(&s, "projects/p"), parent(&s, "folders/2"), parent(&s, "folders/1")),
        (Some("folders/2"), Some("folders/1"), Some("organizations/3"))
    );
}

fn data() -> Option<std::path::PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/gcp");
    if path.is_dir() {
        return Some(path);
    }
    println!("no shared data: the real exports were not read");
    None
}

/// The files of a real organisation, in the form that the commands of the page write.
fn real(folder: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let list = |name: &str| serde_json::from_str::<Vec<Value>>(&text(name)).unwrap();
    let resource = |path: &str| {
        let parts: Vec<&str> = path.split('/').collect();
        match parts.as_slice() {
            ["audit", _, "iam.json"] => "organizations/758905017065".to_owned(),
            ["audit", "projects", project, "iam.json"] => format!("projects/{project}"),
            ["audit", "projects", project, "service-accounts", email, _] => {
                format!("//iam.googleapis.com/projects/{project}/serviceAccounts/{email}")
            }
            ["audit", "projects", _, "buckets", bucket, _] => format!("//storage.googleapis.com/{bucket}"),
            ["audit", "projects", project, "secrets", secret, _] => {
                format!("//secretmanager.googleapis.com/projects/{project}/secrets/{secret}")
            }
            other => panic!("{other:?}"),
        }
    };
    let policies: Vec<Value> = list("iam-policies-2020-07-31.json")
        .into_iter()
        .map(|it| {
            let path = it["path"].as_str().unwrap();
            let project = path.split('/').nth(2).filter(|_| path.contains("/projects/")).map(|p| format!("projects/{p}"));
            json!({"resource": resource(path), "policy": it["policy"], "project": project, "organization": "organizations/758905017065"})
        })
        .collect();
    let custom: Vec<Value> = list("custom-roles-2020-07-31.json").into_iter().map(|it| it["role"].clone()).collect();
    vec![
        ("policies", serde_json::to_vec(&policies).unwrap()),
        ("custom", serde_json::to_vec(&custom).unwrap()),
        ("predefined", text("predefined-roles.ndjson").into_bytes()),
        ("accounts", text("service-accounts-2020-07-31.json").into_bytes()),
    ]
}

#[test]
fn a_real_organisation_has_all_its_policies_bindings_and_grants() {
    let Some(folder) = data() else { return };
    let files = real(&folder);
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    for (name, bytes) in &files {
        let probe = Probe::of(std::str::from_utf8(bytes).unwrap());
        assert_eq!(GoogleCloud.recognise(&probe), Recognition::Yes, "{name}");
    }
    let import = GoogleCloud.read(&files, at()).unwrap();
    let s = &import.snapshot;
    for (kind, count) in [("policies", 352), ("bindings", 1_450), ("grants", 2_537), ("service_accounts", 83)] {
        assert_eq!(import.counts.get(kind), Some(&count), "{kind}");
    }
    let roles: Vec<_> = s.assignments.iter().filter(|a| a.role.is_some()).collect();
    assert_eq!(roles.len(), 2_537);
    let members: BTreeSet<&str> = roles.iter().map(|a| a.who.raw()).collect();
    assert_eq!(members.len(), 603);
    let [unread] = import.findings.as_slice() else { panic!("{:?}", import.findings) };
    assert!(unread.message.raw().starts_with("roles are listed without their permissions (27)"), "{unread:?}");
    assert_eq!(s.target.as_ref().unwrap().id.raw(), "organizations/758905017065");
    let bytes = crate::snapshot::write(s).unwrap();
    assert_eq!(crate::snapshot::read("s", &bytes).unwrap(), (s.clone(), Vec::new()));
}
