//! Targets: which system an export is of; and what holds for every importer, on a fixture of each.

use super::*;
use crate::input::finding::{Code, Finding, Severity};
use crate::input::time::Time;
use crate::snapshot::model::Snapshot;
use crate::snapshot::{merge, read};

fn at() -> Time {
    Time::parse("2026-01-01T00:00:00Z").unwrap()
}

fn cluster(uid: Option<&str>) -> Result<Import, Vec<Finding>> {
    kubernetes::import(&[("n.yaml", namespace(uid).as_bytes())], at())
}

fn namespace(uid: Option<&str>) -> String {
    let uid = uid.map(|uid| format!(", uid: {uid}")).unwrap_or_default();
    format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: kube-system{uid}}}\n")
}

fn account(numbers: &[&str]) -> Import {
    let file = |n: &&str| format!(r#"{{"UserDetailList": [{{"UserName": "u", "Arn": "arn:aws:iam::{n}:user/u"}}]}}"#);
    let files: Vec<String> = numbers.iter().map(file).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|f| ("a.json", f.as_bytes())).collect();
    aws::import(&files, at()).unwrap()
}

fn ids(snapshot: &Snapshot) -> Vec<String> {
    snapshot.targets().iter().map(|t| format!("{} {}", t.system.raw(), t.id.raw())).collect()
}

fn message(refused: &[Finding]) -> &str {
    refused.first().map_or("", |finding| finding.message.raw())
}

#[test]
fn an_export_names_its_system_where_it_holds_what_names_it() {
    assert_eq!(ids(&cluster(Some("u-1")).unwrap().snapshot), ["kubernetes u-1"]);
    assert_eq!(ids(&cluster(None).unwrap().snapshot), Vec::<String>::new());
    assert_eq!(ids(&account(&["111111111111"]).snapshot), ["aws 111111111111"]);
}

#[test]
fn each_of_several_accounts_is_a_part_with_what_is_in_it() {
    let snapshot = account(&["111111111111", "222222222222"]).snapshot;
    assert_eq!(ids(&snapshot), ["aws 111111111111", "aws 222222222222"]);
    let of = |names: &[&str]| -> Vec<&str> {
        let systems = snapshot.systems_of(names.iter().copied()).into_iter();
        systems.filter_map(|(_, target)| target).map(|target| target.id.raw()).collect()
    };
    assert_eq!(of(&["arn:aws:iam::222222222222:user/u"]), ["222222222222"]);
    assert_eq!(of(&["account:111111111111"]), ["111111111111"]);
    assert_eq!(of(&["made-by-the-plan"]), ["111111111111", "222222222222"], "what no part knows may be in any");
    let bytes = crate::snapshot::write(&snapshot).unwrap();
    assert_eq!(read("s.json", &bytes).unwrap().0, snapshot);
}

#[test]
fn exports_of_two_clusters_are_not_one_import() {
    let (one, two) = (namespace(Some("u-1")), namespace(Some("u-2")));
    let refused = kubernetes::import(&[("a", one.as_bytes()), ("b", two.as_bytes())], at()).unwrap_err();
    assert!(message(&refused).contains("two clusters, `u-1` and `u-2`"), "{refused:?}");
    assert!(kubernetes::import(&[("a", one.as_bytes()), ("b", one.as_bytes())], at()).is_ok());
}

#[test]
fn a_stated_target_is_taken_where_the_export_holds_none_and_must_agree_otherwise() {
    let stated = |import: Import, id: &str| import.of_target(Some(id)).map(|import| ids(&import.snapshot));
    assert_eq!(stated(cluster(None).unwrap(), "mine").unwrap(), ["kubernetes mine"]);
    assert_eq!(stated(cluster(Some("u-1")).unwrap(), "u-1").unwrap(), ["kubernetes u-1"]);
    assert!(message(&stated(cluster(Some("u-1")).unwrap(), "u-2").unwrap_err()).contains("not of `u-2`"));
    assert!(stated(account(&["111111111111", "222222222222"]), "111111111111").is_err());
    assert!(stated(cluster(None).unwrap(), " ").is_err());
    let without = cluster(None).unwrap().of_target(None).unwrap();
    assert!(without.findings.iter().any(|f| f.code == Code::NoTarget && f.help.is_some()));
    let with = cluster(Some("u-1")).unwrap().of_target(None).unwrap();
    assert!(with.findings.iter().all(|f| f.code != Code::NoTarget));
}

#[test]
fn a_merged_snapshot_keeps_the_target_of_each_part() {
    let (one, two) = (cluster(Some("u-1")).unwrap().snapshot, account(&["111111111111"]).snapshot);
    let merged = merge(&[("a", &one), ("b", &two)]).unwrap();
    assert_eq!((ids(&merged), merged.target), (vec!["aws 111111111111".to_owned(), "kubernetes u-1".to_owned()], None));
    let same = merge(&[("a", &one), ("b", &one)]).unwrap();
    assert_eq!((ids(&same), same.parts.len()), (vec!["kubernetes u-1".to_owned()], 0));
}

#[test]
fn a_target_without_an_id_or_beside_parts_is_refused() {
    let of = |fields: &str| {
        let text = format!(r#"{{"version":1,"taken_at":"2026-01-02T03:04:05Z","source":"s",{fields}}}"#);
        read("s.json", text.as_bytes()).map(|(snapshot, _)| ids(&snapshot)).map_err(|findings| findings[0].code)
    };
    assert_eq!(of(r#""target":{"system":"s","id":"1"}"#), Ok(vec!["s 1".to_owned()]));
    assert_eq!(of(r#""target":{"system":"s","id":" "}"#), Err(Code::BadValue));
    assert_eq!(of(r#""target":{"system":"s"}"#), Err(Code::MissingField));
    assert_eq!(of(r#""target":{"system":"s","id":"1"},"parts":[{"source":"s"}]"#), Err(Code::BadValue));
}

#[test]
fn what_kubectl_prints_besides_an_export_is_refused_where_it_stands() {
    let list = "apiVersion: v1\nkind: List\nitems: []\n";
    for (line, text) in [
        (1, format!("Error from server (Forbidden): roles is forbidden: User \"x\" cannot list\n{list}")),
        (4, format!("{list}error: the server doesn't have a resource type \"rolez\"\n")),
        (1, format!("Warning: v1 ComponentStatus is deprecated in v1.19+\n{list}")),
        (1, format!("E1130 10:00:00.000000   12 memcache.go:265] couldn't get current server API group list\n{list}")),
    ] {
        let findings = kubernetes::import(&[("f", text.as_bytes())], at()).expect_err(&text);
        let place = findings[0].place.as_ref().unwrap();
        assert_eq!((findings[0].code, place.line), (Code::BadValue, line), "{text}");
    }
    for text in [
        format!("{list}note: more\n"),
        "{\"apiVersion\": \"v1\", \"kind\": \"RoleList\", \"items\": [], \"error\": \"x\"}".to_owned(),
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\nerror: x\n".replace("\nerror", "\nerrors"),
    ] {
        let findings = kubernetes::import(&[("f", text.as_bytes())], at()).expect_err(&text);
        assert_eq!(findings[0].code, Code::UnknownField, "{text}");
    }
}

#[test]
fn access_that_is_given_by_other_means_than_rbac_is_a_warning_with_the_command_that_exports_it() {
    for (api, kind, help) in [
        ("authorization.openshift.io/v1", "ClusterRoleBinding", "kubectl get"),
        ("authorization.openshift.io/v1", "RoleBinding", "kubectl get"),
        ("management.cattle.io/v3", "GlobalRoleBinding", "kubectl get"),
        ("management.cattle.io/v3", "ClusterRoleTemplateBinding", "kubectl get"),
        ("security.openshift.io/v1", "SecurityContextConstraints", "the verb `use`"),
        ("user.openshift.io/v1", "Group", "lists the members"),
        ("eks.services.k8s.aws/v1alpha1", "AccessEntry", "aws eks list-associated-access-policies"),
    ] {
        let text = format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: b}}\n");
        let import = kubernetes::import(&[("f", text.as_bytes())], at()).unwrap();
        let found: Vec<&Finding> = import.findings.iter().filter(|f| f.severity == Severity::Warning).collect();
        assert_eq!(found.len(), 1, "{kind}: {:?}", import.findings);
        assert!(found[0].help.as_ref().unwrap().raw().contains(help), "{kind}");
    }
    let harmless = "apiVersion: management.cattle.io/v3\nkind: Node\nmetadata: {name: n}\n";
    let import = kubernetes::import(&[("f", harmless.as_bytes())], at()).unwrap();
    assert!(import.findings.iter().all(|f| f.severity == Severity::Note), "{:?}", import.findings);
}

/// An export of each system, and its importer.
fn fixtures() -> Vec<(&'static str, String)> {
    let account = r#"{"UserDetailList": [{"UserName": "u", "Arn": "arn:aws:iam::111111111111:user/u"}]}"#;
    let cluster = format!(
        "{}---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: web, namespace: kube-system}}\n",
        namespace(Some("u-1"))
    );
    vec![
        ("kubernetes", cluster),
        ("aws", account.to_owned()),
        (
            "postgresql",
            "--\n-- PostgreSQL database cluster dump\n--\nCREATE ROLE a;\nALTER ROLE a WITH LOGIN;\n".to_owned(),
        ),
        ("gcp", include_str!("gcp/fixture.json").to_owned()),
        ("baton", include_str!("baton/fixture.json").to_owned()),
        ("entra", include_str!("entra/fixture.json").to_owned()),
        ("azure", include_str!("azure/fixture.json").to_owned()),
        ("scim", include_str!("scim/fixture.json").to_owned()),
        ("github", include_str!("github/fixture.json").to_owned()),
        ("okta", include_str!("okta/fixture.json").to_owned()),
        ("csv", include_str!("csv/fixture.csv").to_owned()),
    ]
}

#[test]
fn each_importer_alone_recognises_its_export_and_its_snapshot_reads_back() {
    let fixtures = fixtures();
    let systems: Vec<&str> = IMPORTERS.iter().map(|importer| importer.system()).collect();
    let tried: Vec<&str> = fixtures.iter().map(|(system, _)| *system).collect();
    assert!(systems.iter().all(|system| tried.contains(system)), "an importer has no fixture here: {systems:?}");
    for (system, text) in fixtures {
        let probe = Probe::of(&text);
        let all = IMPORTERS.iter().filter(|importer| importer.recognise(&probe) == Recognition::Yes);
        assert_eq!(all.map(|importer| importer.system()).collect::<Vec<_>>(), [system]);
        let mut files = [ExportFile { name: "f".to_owned(), bytes: text.into_bytes(), modified: at() }];
        let options = ImportOptions { taken_at: Some(at()), ..ImportOptions::default() };
        let snapshot = import(&mut files, options).unwrap_or_else(|faults| panic!("{system}: {faults:?}")).snapshot;
        assert!(!snapshot.identities.is_empty(), "{system}");
        let bytes = crate::snapshot::write(&snapshot).unwrap();
        let again = read("s.json", &bytes).unwrap().0;
        assert_eq!(again, snapshot, "{system}");
        assert_eq!(crate::snapshot::write(&again).unwrap(), bytes, "{system}");
        let forms: Vec<&str> = importer_of(system).unwrap().subjects().to_vec();
        let literal =
            |form: &str| form.split(|c: char| c.is_uppercase() || c == '…').next().unwrap_or_default().to_owned();
        let subjects = snapshot.identities.iter().map(|it| it.id.as_str());
        for id in subjects.chain(snapshot.groups.iter().map(|it| it.id.as_str())) {
            assert!(forms.iter().any(|form| id.starts_with(&literal(form))), "{system}: {id} has none of {forms:?}");
        }
    }
}
