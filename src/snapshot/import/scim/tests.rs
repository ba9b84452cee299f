//! The importer of SCIM on responses that we write, and on the examples of the standard where they are.

use std::path::Path;

use super::*;
use crate::input::finding::Severity;
use crate::snapshot::model::{MembersKnown, Snapshot, Status};

const FIXTURE: &str = include_str!("fixture.json");

fn at() -> Time {
    Time::parse("2026-01-01T00:00:00Z").unwrap()
}

fn read(text: &str) -> Result<Import, Vec<Finding>> {
    Scim.read(&[("f", text.as_bytes())], at())
}

fn assignments(s: &Snapshot) -> Vec<&str> {
    s.assignments.iter().map(|a| a.id.as_str()).collect()
}

#[test]
fn users_groups_and_roles_become_a_snapshot_that_reads_back() {
    let import = read(FIXTURE).unwrap();
    let s = &import.snapshot;
    assert!(import.findings.is_empty(), "{:?}", import.findings);
    assert_eq!(s.target.as_ref().unwrap().id.raw(), "https://acme.example/scim/v2");
    assert_eq!(
        assignments(s),
        [
            "group:Web/g2#group:All/g1",
            "user:ann@acme.example#group:All/g1",
            "user:ann@acme.example#role:billing-admin",
            "user:eve@acme.example#group:Web/g2",
        ]
    );
    let bob = s.identities.iter().find(|i| i.id.as_str().contains("bob")).unwrap();
    assert_eq!(bob.status, Status::Disabled);
    let known: Vec<MembersKnown> = s.groups.iter().map(|g| g.members_known).collect();
    assert_eq!(known, [MembersKnown::Known, MembersKnown::Partial], "a group without a list of members");
    let bytes = crate::snapshot::write(s).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("never-shown"));
    assert_eq!(crate::snapshot::read("s", &bytes).unwrap(), (s.clone(), Vec::new()), "it reads back without a finding");
    assert_eq!(Scim.recognise(&Probe::of(FIXTURE)), Recognition::Yes);
}

#[test]
fn missing_pages_errors_changes_and_other_services_are_refused() {
    let said = |text: &str| format!("{:?}", read(text).unwrap_err());
    let first: String = FIXTURE.lines().take(1).collect();
    assert!(said(&first).contains("has 3 resources, and the files hold 2"));
    for (more, message) in [
        (r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404"}"#, "an error message"),
        (r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": []}"#, "holds a change"),
        (
            r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1", "userName": "x"}"#,
            "two different entries",
        ),
        (
            r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "9", "userName": "x", "meta": {"location": "https://other/Users/9"}}"#,
            "several services",
        ),
    ] {
        let found = said(&format!("{FIXTURE}\n{more}"));
        assert!(found.contains(message), "{found}");
    }
    assert!(read(FIXTURE.get(..500).unwrap()).is_err());
}

#[test]
fn members_that_are_not_listed_are_a_warning() {
    let import = read(&FIXTURE.replace(r#"{"value": "1", "type": "User"}"#, r#"{"value": "7"}"#)).unwrap();
    assert!(import.findings.iter().any(|f| f.severity == Severity::Warning && f.message.raw().contains("`7`")));
    assert!(import.snapshot.identities.iter().any(|i| i.id.as_str() == "user:7"));
}

#[test]
fn the_examples_of_the_standard_are_read_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/scim/samples");
    if !folder.is_dir() {
        println!("no shared data: the examples of the standard were not read");
        return;
    }
    let of = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let read = |name: &str| Scim.read(&[(name, of(name).as_slice())], at());
    let user = read("rfc7643-8.2-user-full.json").unwrap().snapshot;
    assert_eq!((user.identities.len(), user.groups.len(), user.assignments.len()), (1, 3, 3));
    let bytes = crate::snapshot::write(&user).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("t1meMa$heen"), "the example has a password");
    assert_eq!(crate::snapshot::read("s", &bytes).unwrap(), (user.clone(), Vec::new()));
    assert_eq!(user.target.as_ref().unwrap().id.raw(), "https://example.com/v2");
    let group = read("rfc7643-8.4-group.json").unwrap().snapshot;
    assert_eq!((group.identities.len(), group.assignments.len()), (2, 2));
    let circle = read("rfc7644-3.7.1-list_response-circular_reference.json").unwrap().snapshot;
    assert_eq!((circle.groups.len(), circle.assignments.len()), (2, 2), "groups that contain each other");
    for refused in [
        "rfc7644-3.12-error-not_found.json",
        "rfc7644-3.5.2.1-patch_op-add_members.json",
        "rfc7644-3.7.2-bulk_request-enterprise_user.json",
    ] {
        assert!(read(refused).is_err(), "{refused}");
    }
    for file in std::fs::read_dir(&folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let _ = Scim.read(&[("f", bytes.as_slice())], at());
    }
}
