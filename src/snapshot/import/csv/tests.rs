//! Tables in the native form and in the form of another system.

use super::*;
use crate::input::entitlement::{IdentityKind, Sensitivity};
use crate::input::finding::Severity;
use crate::snapshot::model::{MembersKnown, Snapshot, Status};

const IDENTITIES: &str = include_str!("fixture.csv");

fn at() -> Time {
    Time::parse("2026-01-01T00:00:00Z").unwrap()
}

fn read(files: &[(&str, &str)]) -> Result<Import, Vec<Finding>> {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    Csv.read(&files, at())
}

fn said(files: &[(&str, &str)]) -> String {
    let faults = read(files).unwrap_err();
    assert!(faults.iter().all(|fault| fault.help.is_some()), "{faults:?}");
    format!("{faults:?}")
}

const GROUPS: &str = "id,members_known\nops,partial\n";
const ASSIGNMENTS: &str = "who,role,scope,until,mode\nops,admin,shop,2026-06-01T00:00:00Z,active\nann,admin,,,\n";

#[test]
fn native_tables_are_recognised_by_their_header_and_read() {
    for text in [IDENTITIES, GROUPS, ASSIGNMENTS, "role;action;resource\n", "review_csv: 1\nsource: x\n"] {
        assert_eq!(Csv.recognise(&Probe::of(text)), Recognition::Yes, "{text}");
    }
    assert!(matches!(Csv.recognise(&Probe::of("Login,Type,State\nann,x,y\n")), Recognition::Near(_)));
    assert_eq!(Csv.recognise(&Probe::of("hello\n")), Recognition::No);
    let import = read(&[
        ("identities.csv", IDENTITIES),
        ("g", GROUPS),
        ("a", ASSIGNMENTS),
        ("members.csv", "group,member,how\nops,ann,\nops,svc:*,implicit\n"),
    ])
    .unwrap();
    let s = &import.snapshot;
    let ann = s.identities.iter().find(|i| i.id.as_str() == "ann").unwrap();
    assert_eq!((ann.kind, ann.status), (IdentityKind::Human, Status::Active));
    let group = &s.groups[0];
    assert_eq!(
        (group.members_known, group.members[0].as_str(), group.implicit[0].as_str()),
        (MembersKnown::Partial, "ann", "svc:*")
    );
    assert_eq!(s.assignments.len(), 2);
    assert_eq!(s.roles[0].sensitivity, Some(Sensitivity::Critical), "a role without a table is unknown");
    assert!(import.findings.iter().any(|f| f.severity == Severity::Warning && f.message.raw().contains("`admin`")));
    let bytes = crate::snapshot::write(s).unwrap();
    assert_eq!(crate::snapshot::read("s", &bytes).unwrap(), (s.clone(), Vec::new()));
}

#[test]
fn a_mapping_reads_the_tables_of_another_system() {
    let mapping = "review_csv: 1\nsource: payroll\ntarget: acme\ntaken_at: 2026-01-01T00:00:00Z\ntables:\n\
        - {file: users.csv, table: identities, columns: {id: Login, kind: Type, status: State}, \
           values: {kind: {Employee: human, Robot: service_account}, status: {A: active, L: disabled}}, prefix: {id: 'user:'}}\n\
        - {file: users.csv, table: assignments, columns: {who: Login, role: Profile}, prefix: {who: 'user:'}}\n\
        - {file: users.csv, table: roles, columns: {id: Profile}}\n\
        - {file: users.csv, table: permissions, columns: {role: Profile, action: Profile}, constants: {resource: payroll}}\n";
    let users = "Login;Type;State;Profile;Phone\nann;Employee;A;clerk;1\nbot;Robot;L;clerk;2\n";
    let import = read(&[("dir/users.csv", users), ("mapping.yaml", mapping)]).unwrap();
    let s = &import.snapshot;
    assert_eq!((s.source.raw(), s.target.as_ref().unwrap().id.raw()), ("payroll", "acme"));
    let bot = s.identities.iter().find(|i| i.id.as_str() == "user:bot").unwrap();
    assert_eq!((bot.kind, bot.status), (IdentityKind::ServiceAccount, Status::Disabled));
    assert_eq!(s.assignments.iter().map(|a| a.id.as_str()).collect::<Vec<_>>(), ["user:ann#clerk", "user:bot#clerk"]);
    assert_eq!(s.roles[0].permissions[0].action.raw(), "clerk");
    assert!(
        import
            .findings
            .iter()
            .any(|f| f.message.raw().contains("columns are not in the mapping") && f.message.raw().contains("`Phone`"))
    );
    assert_eq!(Csv.taken_at(&Probe::of(mapping)), Some(at()));
    let with = |from: &str, to: &str| said(&[("users.csv", &users.replace(from, to)), ("m", mapping)]);
    assert!(with("Robot", "Cyborg").contains("says nothing about the value `Cyborg`"));
    assert!(with("Login", "Name").contains("no column `Login`"));
    let broken = |from: &str, to: &str| said(&[("users.csv", users), ("m", &mapping.replace(from, to))]);
    assert!(broken("table: roles", "table: rolls").contains("the table `rolls`"));
    assert!(broken("columns: {id: Profile}", "columns: {name: Profile}").contains("the field `name`"));
    assert!(broken("review_csv: 1", "review_csv: 2").contains("version 2"));
    assert!(broken("users.csv, table: roles", "gone.csv, table: roles").contains("`gone.csv`, which is not given"));
    assert!(broken("source: payroll", "origin: payroll").contains("unknown field `origin`"));
}

#[test]
fn what_does_not_fit_together_is_refused_with_its_line() {
    for (files, message) in [
        (&[("identities.csv", "id,kind\nann,person\n")][..], "unknown variant `person`"),
        (&[("identities.csv", "id,kind\n,human\n")], "`id` is empty"),
        (&[("identities.csv", "id,kind,colour\nann,human,red\n")], "no column `colour`"),
        (&[("identities.csv", "id,kind\nann,human\nann,agent\n")], "two different entries of the identities `ann`"),
        (&[("identities.csv", IDENTITIES), ("a", "who,role,member_of\nann,r,g\n")], "and not both"),
        (&[("a", "who,role\nann,r\n")], "`ann` has an assignment and is in no table"),
        (&[("identities.csv", "id,kind,owner\nbot,agent,gone\n")], "`gone` is an owner"),
        (&[("members.csv", "group,member\ng,ann\n")], "no table of groups lists `g`"),
        (&[("identities.csv", "id,kind\n\"ann,human\n")], "does not end"),
        (&[("what.csv", "a,b,c\n1,2,3\n")], "which table the file holds"),
        (&[("m", "review_csv: 1\n"), ("n", "review_csv: 1\n")], "two mappings"),
    ] {
        let said = said(files);
        assert!(said.contains(message), "{files:?}: {said}");
    }
}

/// Writes a snapshot as tables and reads them again.
fn round(snapshot: &Snapshot) -> (Snapshot, Vec<Finding>) {
    let (files, left_out) = files(snapshot);
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    (read(&files).unwrap().snapshot, left_out)
}

#[test]
fn a_snapshot_that_is_exported_and_imported_is_the_same() {
    let tables = [
        ("identities.csv", IDENTITIES),
        ("groups.csv", GROUPS),
        ("members.csv", "group,member\nops,ann\n"),
        (
            "permissions.csv",
            "role,action,resource,effect,condition\nadmin,=cmd,*,,\nadmin,\"a,b\",x,deny,\"if \"\"x\"\"\"\n",
        ),
        ("includes.csv", "role,includes\nadmin,reader\n"),
        ("roles.csv", "id,owner,sensitivity\nreader,ann,low\nadmin,,\n"),
        ("resources.csv", "id,parent\nshop,acme\nacme,\n"),
        ("assignments.csv", ASSIGNMENTS),
        ("mapping.yaml", "review_csv: 1\nsource: s\ntarget: t\n"),
    ];
    let s = read(&tables).unwrap().snapshot;
    assert_eq!(round(&s), (s.clone(), Vec::new()));
    let written = files(&s).0;
    let permissions = &written.iter().find(|(name, _)| name == "permissions.csv").unwrap().1;
    assert!(permissions.contains("admin,'=cmd,*"), "no spreadsheet runs it: {permissions}");
}

#[test]
fn what_the_tables_do_not_hold_is_counted_and_named() {
    let text = r#"{"version": 1, "taken_at": "2026-01-01T00:00:00Z", "source": "s",
        "identities": [{"id": "a", "kind": "human", "labels": {"x": "y"}}], "trusts": [{"id": "t", "from": "a", "to": "a", "via": "v"}]}"#;
    let (snapshot, _) = crate::snapshot::read("s", text.as_bytes()).unwrap();
    let said = format!("{:?}", files(&snapshot).1);
    assert!(
        said.contains("trusts have no column and are not written (1)")
            && said.contains("fields `labels` of identities"),
        "{said}"
    );
}
