//! The importer of Okta on lists that we write.

use super::*;
use crate::snapshot::model::{MembersKnown, Snapshot, Status};

const FIXTURE: &str = include_str!("fixture.json");

fn at() -> Time {
    Time::parse("2026-01-01T00:00:00Z").unwrap()
}

fn read(text: &str) -> Result<Import, Vec<Finding>> {
    Okta.read(&[("f", text.as_bytes())], at())
}

fn assignments(s: &Snapshot) -> Vec<&str> {
    s.assignments.iter().map(|a| a.id.as_str()).collect()
}

#[test]
fn people_groups_applications_and_administrators_become_a_snapshot_that_reads_back() {
    let import = read(FIXTURE).unwrap();
    let s = &import.snapshot;
    assert!(import.findings.is_empty(), "{:?}", import.findings);
    assert_eq!(s.target.as_ref().unwrap().id.raw(), "00o1");
    assert_eq!(
        assignments(s),
        [
            "client:Sync/0oa2#admin-role:Group editor/cr1@resource-set:iam1",
            "client:Sync/0oa2#scope:okta.users.manage@org",
            "group:Ops/00g1#access to app:Payroll/0oa1@app:Payroll/0oa1",
            "group:Ops/00g1#admin-role:HELP_DESK_ADMIN@org",
            "user:ann@acme.example#access to app:Payroll/0oa1@app:Payroll/0oa1",
            "user:ann@acme.example#admin-role:SUPER_ADMIN@org",
            "user:ann@acme.example#group:Ops/00g1",
        ],
        "what a user has through a group is given once"
    );
    let role = |id: &str| s.roles.iter().find(|r| r.id.as_str() == id).unwrap().permissions[0].action.raw();
    assert_eq!(
        (role("admin-role:SUPER_ADMIN"), role("admin-role:Group editor/cr1")),
        ("*", "okta.groups.members.manage")
    );
    assert_eq!(
        s.identities.iter().find(|i| i.id.as_str() == "user:bob@acme.example").unwrap().status,
        Status::Disabled
    );
    let group = |id: &str| s.groups.iter().find(|g| g.id.as_str() == id).unwrap();
    assert!(group("group:Everyone/00g0").public);
    assert_eq!(
        (group("group:Ops/00g1").members_known, group("group:Sales/00g2").members_known),
        (MembersKnown::Known, MembersKnown::Unknown)
    );
    assert_eq!(s.credentials[0].identity.as_str(), "user:ann@acme.example");
    let bytes = crate::snapshot::write(s).unwrap();
    assert_eq!(crate::snapshot::read("s", &bytes).unwrap(), (s.clone(), Vec::new()), "it reads back without a finding");
    assert_eq!(Okta.recognise(&Probe::of(FIXTURE)), Recognition::Yes);
    assert!(matches!(
        Okta.recognise(&Probe::of(r#"[{"id": "00u1", "profile": {}, "_links": {}}]"#)),
        Recognition::Near(_)
    ));
}

#[test]
fn what_is_missing_is_unknown_or_a_warning() {
    let without = |words: &[&str]| {
        FIXTURE.lines().filter(|l| !words.iter().any(|word| l.contains(word))).collect::<Vec<_>>().join("\n")
    };
    let import = read(&without(&["api/v1/iam", "api/v1/users?"])).unwrap();
    let role = import.snapshot.roles.iter().find(|r| r.id.as_str() == "admin-role:cr1").unwrap();
    assert!(role.permissions[0].resource.raw().starts_with("unresolved:"));
    let warned = |import: &Import, text: &str| {
        import.findings.iter().any(|f| f.severity == Severity::Warning && f.message.raw().contains(text))
    };
    assert!(warned(&import, "named and not listed"));
    assert!(warned(&read(&without(&["/roles"])).unwrap(), "administrators are not seen"));
    let other = format!("{FIXTURE}\n{}", r#"{"review_path": "api/v1/policies", "value": [{"id": "p"}]}"#);
    assert!(warned(&read(&other).unwrap(), "`api/v1/policies`"));
}

#[test]
fn lists_of_several_organisations_or_times_are_refused() {
    let said = |more: &str| format!("{:?}", read(&format!("{FIXTURE}\n{more}")).unwrap_err());
    assert!(
        said(r#"{"review_path": "api/v1/org", "value": {"id": "00o2"}}"#).contains("several organisations: 00o1, 00o2")
    );
    assert!(
        said(r#"{"review_path": "api/v1/users", "value": [{"id": "00u1", "profile": {"login": "x"}}]}"#)
            .contains("two different entries")
    );
    assert!(said(r#"{"value": []}"#).contains("does not say which list"));
    assert!(read(FIXTURE.get(..200).unwrap()).is_err());
}

#[test]
fn a_list_that_ends_with_a_full_page_may_lack_the_next_one() {
    let page = |from: usize, n: usize, query: &str| {
        let users: Vec<String> = (from..from + n)
            .map(|id| format!(r#"{{"id": "u{id}", "status": "ACTIVE", "profile": {{"login": "l{id}"}}}}"#))
            .collect();
        format!(r#"{{"review_path": "api/v1/users{query}", "value": [{}]}}"#, users.join(","))
    };
    let full = |text: &str| {
        let found = Okta.read(&[("f", text.as_bytes())], at()).unwrap().findings;
        found.iter().any(|it| it.message.raw().contains("ends with a full page of"))
    };
    assert!(full(&page(0, 200, "")));
    assert!(!full(&page(0, 199, "")));
    assert!(full(&page(0, 3, "?limit=3")) && !full(&page(0, 2, "?limit=3")));
    let pages = format!("{}\n{}", page(0, 3, "?limit=3"), page(3, 1, "?limit=3"));
    assert!(!full(&pages), "only the last page counts");
}
