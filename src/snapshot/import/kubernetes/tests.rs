//! Real exports, and a table of tricks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_yaml::Value;

use super::import;
use crate::input::finding::{Code, Finding};
use crate::input::time::Time;
use crate::snapshot::import::Import;
use crate::snapshot::{read, write};

fn at() -> Time {
    Time::parse("2026-01-01T00:00:00Z").unwrap()
}

fn data() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/kubernetes");
    if path.is_dir() {
        return Some(path);
    }
    println!("no shared data: the real exports were not read");
    None
}

type File = (String, Vec<u8>);

fn files(root: &Path, parts: &[&str]) -> Vec<File> {
    let mut out = Vec::new();
    for part in parts {
        let path = root.join(part);
        let mut found: Vec<PathBuf> = if path.is_dir() {
            std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()).collect()
        } else {
            vec![path]
        };
        found.sort();
        out.extend(found.into_iter().map(|p| (p.display().to_string(), std::fs::read(&p).unwrap())));
    }
    out
}

fn run(files: &[File]) -> Result<Import, Vec<Finding>> {
    let borrowed: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    import(&borrowed, at())
}

/// The documents of a file as another reader sees them.
fn documents(bytes: &[u8]) -> Vec<Value> {
    use serde::Deserialize;
    let text = std::str::from_utf8(bytes).unwrap();
    serde_yaml::Deserializer::from_str(text).map(|d| Value::deserialize(d).unwrap()).filter(|v| !v.is_null()).collect()
}

fn objects(files: &[File]) -> Vec<Value> {
    let mut out = Vec::new();
    for document in files.iter().flat_map(|f| documents(&f.1)) {
        let kind = document["kind"].as_str().unwrap();
        match document.get("items").and_then(Value::as_sequence) {
            Some(items) => out.extend(items.iter().map(|item| {
                let mut item = item.clone();
                if item.get("kind").is_none() {
                    item["kind"] = kind.strip_suffix("List").unwrap().into();
                }
                item
            })),
            None => out.push(document.clone()),
        }
    }
    out
}

fn strings(value: &Value) -> Vec<String> {
    value.as_sequence().map(|s| s.iter().map(|v| v.as_str().unwrap().to_owned()).collect()).unwrap_or_default()
}

type Accesses = BTreeMap<String, BTreeSet<(String, String)>>;

/// An independent reading: role → (verb, resource).
fn expected_roles(objects: &[Value]) -> Accesses {
    let mut out = Accesses::new();
    for o in objects {
        let name = o["metadata"]["name"].as_str().unwrap_or_default();
        let id = match o["kind"].as_str().unwrap() {
            "ClusterRole" => format!("clusterrole:{name}"),
            "Role" => format!("role:{}/{name}", o["metadata"]["namespace"].as_str().unwrap_or("default")),
            _ => continue,
        };
        let set = out.entry(id).or_default();
        for rule in o["rules"].as_sequence().into_iter().flatten() {
            for verb in strings(&rule["verbs"]) {
                for url in strings(&rule["nonResourceURLs"]) {
                    set.insert((verb.clone(), format!("url:{url}")));
                }
                for group in strings(&rule["apiGroups"]) {
                    let group = if group.is_empty() { "core".to_owned() } else { group };
                    for resource in strings(&rule["resources"]) {
                        let names = strings(&rule["resourceNames"]);
                        if names.is_empty() {
                            set.insert((verb.clone(), format!("{group}:{resource}#*")));
                        }
                        for n in names {
                            set.insert((verb.clone(), format!("{group}:{resource}#{n}")));
                        }
                    }
                }
            }
        }
    }
    out
}

/// An independent reading of (namespace, role, subject).
fn expected_grants(objects: &[Value]) -> BTreeSet<(String, String, String)> {
    let mut out = BTreeSet::new();
    for o in objects {
        let kind = o["kind"].as_str().unwrap();
        if !kind.ends_with("Binding") {
            continue;
        }
        let ns = if kind == "RoleBinding" { o["metadata"]["namespace"].as_str().unwrap_or("default") } else { "" };
        let role = o["roleRef"]["name"].as_str().unwrap();
        let role = match o["roleRef"]["kind"].as_str().unwrap() {
            "Role" => format!("role:{ns}/{role}"),
            _ => format!("clusterrole:{role}"),
        };
        for s in o["subjects"].as_sequence().into_iter().flatten() {
            let name = s["name"].as_str().unwrap();
            let who = match s["kind"].as_str().unwrap() {
                "User" => format!("user:{name}"),
                "Group" => format!("group:{name}"),
                _ => format!("sa:{}/{name}", s["namespace"].as_str().unwrap_or(ns)),
            };
            out.insert((ns.to_owned(), role.clone(), who));
        }
    }
    out
}

fn no_loss(what: &str, files: &[File]) -> Import {
    let objects = objects(files);
    let import = run(files).unwrap_or_else(|f| panic!("{what}: {f:#?}"));
    for (id, expected) in expected_roles(&objects) {
        let role = import.snapshot.roles.iter().find(|r| r.id.as_str() == id).unwrap_or_else(|| panic!("{what}: {id}"));
        let own: BTreeSet<_> =
            role.permissions.iter().map(|p| (p.action.raw().to_owned(), p.resource.raw().to_owned())).collect();
        if role.includes.is_empty() {
            assert_eq!(own, expected, "{what}: {id}");
        } else {
            assert!(own.is_subset(&expected), "{what}: {id}");
        }
    }
    let grants: BTreeSet<_> = import
        .snapshot
        .assignments
        .iter()
        .filter(|a| !a.id.as_str().starts_with("builtin:"))
        .map(|a| {
            let ns = a.scope.as_ref().map_or("", |s| s.as_str().strip_prefix("ns:").unwrap());
            (ns.to_owned(), a.role.as_ref().unwrap().as_str().to_owned(), a.who.raw().to_owned())
        })
        .collect();
    assert_eq!(grants, expected_grants(&objects), "{what}");
    assert_eq!(import.counts["grants"], grants.len(), "{what}");

    // The same as JSON, and in the opposite order.
    let mut as_json: Vec<File> = files
        .iter()
        .map(|(name, bytes)| {
            let text: Vec<String> = documents(bytes).iter().map(|d| serde_json::to_string(d).unwrap()).collect();
            (name.replace(".yaml", ".json"), text.join("\n").into_bytes())
        })
        .collect();
    as_json.reverse();
    assert_eq!(run(&as_json).unwrap().snapshot, import.snapshot, "{what}: YAML and JSON");
    let (back, _) =
        read("snapshot.json", &write(&import.snapshot).unwrap()).unwrap_or_else(|f| panic!("{what}: {f:#?}"));
    assert_eq!(back, import.snapshot, "{what}: written and read");
    import
}

#[test]
fn the_live_cluster_has_the_counts_of_the_index() {
    let Some(root) = data() else { return };
    let live = no_loss("live", &files(&root, &["live"]));
    for (what, n) in [
        ("role_bindings", 1_658),
        ("roles", 397),
        ("namespaces", 1_250),
        ("groups", 334),
        ("grants", 2_536),
        ("unresolved_roles", 2),
    ] {
        assert_eq!(live.counts[what], n, "{what}");
    }
    let names: Vec<&str> =
        live.findings.iter().filter(|f| f.code == Code::UnresolvedRole).map(|f| f.message.raw()).collect();
    assert!(names[0].contains("`clusterrole:admin` that 1256 bindings"), "{names:?}");
    assert!(names[1].contains("`clusterrole:calico-network-policy-access` that 5 bindings"), "{names:?}");

    let both = no_loss("live and bootstrap", &files(&root, &["live", "bootstrap/2022-arktos"]));
    for (what, n) in [
        ("role_bindings", 1_665),
        ("roles", 404),
        ("cluster_roles", 57),
        ("cluster_role_bindings", 40),
        ("grants", 2_586),
        ("unresolved_roles", 1),
    ] {
        assert_eq!(both.counts[what], n, "{what}");
    }
}

#[test]
fn every_bootstrap_version_and_chart_imports_without_loss() {
    let Some(root) = data() else { return };
    for part in ["bootstrap/2018-07-pre-v1.12", "bootstrap/2022-arktos", "bootstrap/v1.8.0-alpha.3"] {
        no_loss(part, &files(&root, &[part]));
    }
    for file in files(&root, &["charts"]) {
        no_loss(&file.0.clone(), &[file]);
    }
}

#[test]
fn aggregated_roles_include_what_their_labels_choose() {
    let Some(root) = data() else { return };
    let import = run(&files(&root, &["bootstrap/2022-arktos"])).unwrap();
    let includes = |id: &str| {
        let role = import.snapshot.roles.iter().find(|r| r.id.as_str() == id).unwrap();
        role.includes.iter().map(|r| r.as_str().to_owned()).collect::<Vec<_>>()
    };
    let schema = serde_json::to_value(crate::snapshot::schema()).unwrap();
    let written = serde_json::from_slice(&write(&import.snapshot).unwrap()).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&written));
    assert_eq!(includes("clusterrole:admin"), ["clusterrole:edit", "clusterrole:system:aggregate-to-admin"]);
    assert_eq!(includes("clusterrole:edit"), ["clusterrole:system:aggregate-to-edit", "clusterrole:view"]);
    assert_eq!(includes("clusterrole:view"), ["clusterrole:system:aggregate-to-view"]);
}

const RBAC: &str = "apiVersion: rbac.authorization.k8s.io/v1";

fn yaml(text: &str) -> Result<Import, Vec<Finding>> {
    import(&[("f.yaml", text.replace("RBAC", RBAC).as_bytes())], at())
}

fn binding(kind: &str, namespace: &str, subjects: &str) -> String {
    let metadata =
        if namespace.is_empty() { "{name: b}".to_owned() } else { format!("{{name: b, namespace: {namespace}}}") };
    format!("RBAC\nkind: {kind}\nmetadata: {metadata}\nroleRef: {{kind: ClusterRole, name: r}}\nsubjects: {subjects}\n")
}

fn role(rules: &str) -> String {
    format!("RBAC\nkind: ClusterRole\nmetadata: {{name: r}}\nrules: {rules}\n")
}

fn assignments(import: &Import) -> Vec<&str> {
    let all = import.snapshot.assignments.iter().map(|a| a.id.as_str());
    all.filter(|id| !id.starts_with("builtin:")).collect()
}

#[test]
fn each_subject_trick_is_read_as_the_api_server_reads_it() {
    let table = [
        ("listed twice", "RoleBinding", "n", "[{kind: User, name: a}, {kind: User, name: a}]", vec!["rb:n/b#user:a"]),
        (
            "an account without namespace takes the binding's",
            "RoleBinding",
            "n",
            "[{kind: ServiceAccount, name: s}]",
            vec!["rb:n/b#sa:n/s"],
        ),
        (
            "an account without namespace, cluster-wide, holds nothing",
            "ClusterRoleBinding",
            "",
            "[{kind: ServiceAccount, name: s}]",
            vec![],
        ),
        (
            "an account of another namespace",
            "RoleBinding",
            "n",
            "[{kind: ServiceAccount, name: s, namespace: m}]",
            vec!["rb:n/b#sa:m/s"],
        ),
        (
            "an account posing as a user is the account",
            "RoleBinding",
            "n",
            "[{kind: User, name: 'system:serviceaccount:m:s'}, {kind: ServiceAccount, name: s, namespace: m}]",
            vec!["rb:n/b#sa:m/s"],
        ),
        ("a kind that does not exist", "RoleBinding", "n", "[{kind: Robot, name: s}]", vec![]),
        ("no subjects", "RoleBinding", "n", "null", vec![]),
        ("no namespace", "RoleBinding", "", "[{kind: Group, name: g}]", vec!["rb:default/b#group:g"]),
    ];
    for (trick, kind, namespace, subjects, expected) in table {
        let import = yaml(&binding(kind, namespace, subjects)).unwrap_or_else(|f| panic!("{trick}: {f:#?}"));
        assert_eq!(assignments(&import), expected, "{trick}");
    }
}

#[test]
fn each_rule_trick_gives_at_least_what_the_cluster_gives() {
    let table = [
        ("everything", "[{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]", vec![("*", "*:*#*")], 0),
        ("core", "[{apiGroups: [''], resources: ['*'], verbs: [get]}]", vec![("get", "core:*#*")], 0),
        (
            "one subresource of all",
            "[{apiGroups: [apps], resources: ['*/scale'], verbs: [get]}]",
            vec![("get", "apps:*/scale#*")],
            0,
        ),
        (
            "one name",
            "[{apiGroups: [''], resources: [pods/log], resourceNames: [x], verbs: [get]}]",
            vec![("get", "core:pods/log#x")],
            0,
        ),
        (
            "urls",
            "[{nonResourceURLs: [/healthz/*, '*'], verbs: [get]}]",
            vec![("get", "url:*"), ("get", "url:/healthz/*")],
            0,
        ),
        (
            "a star that is a letter",
            "[{apiGroups: [''], resources: [pods/*], verbs: [get]}]",
            vec![("get", "core:pods/*#*")],
            1,
        ),
        (
            "the group named core",
            "[{apiGroups: [core], resources: [pods], verbs: [get]}]",
            vec![("get", "core:pods#*")],
            1,
        ),
        ("no group", "[{resources: [pods], verbs: [get]}]", vec![("get", "core:pods#*")], 1),
        ("twice", "[{apiGroups: ['',''], resources: [pods], verbs: [get, get]}]", vec![("get", "core:pods#*")], 0),
        ("nothing", "null", vec![], 0),
    ];
    for (trick, rules, expected, findings) in table {
        let import = yaml(&role(rules)).unwrap_or_else(|f| panic!("{trick}: {f:#?}"));
        let role = import.snapshot.roles.iter().find(|r| r.id.as_str() == "clusterrole:r").unwrap();
        let found: Vec<_> = role.permissions.iter().map(|p| (p.action.raw(), p.resource.raw())).collect();
        assert_eq!(found, expected, "{trick}");
        assert_eq!(import.findings.len(), findings, "{trick}: {:?}", import.findings);
    }
}

#[test]
fn each_broken_export_is_refused_with_a_place() {
    let table: Vec<(&str, String, Code, u32)> = vec![
        ("an error instead of an export", "apiVersion: v1\nkind: Status\n".to_owned(), Code::BadValue, 1),
        (
            "one page",
            "apiVersion: v1\nkind: List\nmetadata: {continue: abc}\nitems: []\n".to_owned(),
            Code::BadValue,
            1,
        ),
        ("a verb that is a number", role("[{apiGroups: [''], resources: [pods], verbs: [1]}]"), Code::WrongType, 1),
        ("no name", "RBAC\nkind: ClusterRole\nmetadata: {}\n".to_owned(), Code::MissingField, 1),
        ("no kind", "a: b\n".to_owned(), Code::MissingField, 1),
        ("no object", "- a\n".to_owned(), Code::WrongType, 1),
        (
            "an invisible letter",
            binding("RoleBinding", "n", "[{kind: User, name: \"a\\u200b\"}]"),
            Code::HiddenCharacter,
            1,
        ),
        ("a namespace that is a path", binding("RoleBinding", "a/b", "[]"), Code::BadValue, 1),
        ("a key twice", "kind: a\nkind: b\n".to_owned(), Code::DuplicateKey, 2),
        ("a template", "a: {{ b }}\nc: [\n".to_owned(), Code::Syntax, 0),
        ("deep", "[".repeat(100_000), Code::TooLarge, 0),
    ];
    for (trick, text, code, line) in table {
        let findings = yaml(&text).expect_err(trick);
        assert_eq!(findings[0].code, code, "{trick}: {findings:?}");
        let place = findings[0].place.as_ref().unwrap();
        assert!(line == 0 || place.line == line, "{trick}: {place:?}");
    }
    let text = "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[\n{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n\"}},\n{\"kind\":\"Role\"}]}";
    let findings = import(&[("f.json", text.as_bytes())], at()).unwrap_err();
    assert_eq!((findings[0].code, findings[0].place.as_ref().unwrap().line), (Code::MissingField, 3));
}

#[test]
fn the_same_object_in_two_files_counts_once() {
    let text =
        format!("{}---\n{}", role("[]"), binding("RoleBinding", "n", "[{kind: User, name: a}]")).replace("RBAC", RBAC);
    let one = import(&[("a", text.as_bytes())], at()).unwrap();
    let two = import(&[("a", text.as_bytes()), ("b", text.as_bytes())], at()).unwrap();
    assert_eq!(one.snapshot, two.snapshot);
}

#[test]
fn two_objects_of_one_name_that_differ_are_both_read_and_reported_in_any_order() {
    let one = role("[{apiGroups: [''], resources: [pods], verbs: [get]}]")
        + "---\n"
        + &binding("RoleBinding", "m", "[{kind: User, name: a}]");
    let two = role("[{apiGroups: [''], resources: [pods], verbs: [list]}]")
        + "---\n"
        + &binding("RoleBinding", "m", "[{kind: User, name: a}]").replace("name: r", "name: q");
    let (a, b) = (yaml(&format!("{one}---\n{two}")).unwrap(), yaml(&format!("{two}---\n{one}")).unwrap());
    assert_eq!(a.snapshot, b.snapshot);
    assert_eq!(a.findings.iter().filter(|f| f.code == Code::DuplicateId).count(), 2);
    assert_eq!(assignments(&a), ["rb:m/b#user:a", "rb:m/b#user:a#"]);
    let role = a.snapshot.roles.iter().find(|r| r.id.as_str() == "clusterrole:r").unwrap();
    assert_eq!(role.permissions.len(), 2);
}

#[test]
fn other_kinds_are_counted_and_never_guessed_at() {
    let text = "apiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Pod\n---\napiVersion: iam.example/v1\nkind: Role\nmetadata: {name: x}\n";
    let import = yaml(text).unwrap();
    let notes: Vec<_> = import.findings.iter().map(|f| (f.code, f.message.raw())).collect();
    assert_eq!(
        notes,
        [
            (Code::NotImported, "2 objects of kind Pod (v1) were not imported"),
            (Code::NotImported, "1 objects of kind Role (iam.example/v1) were not imported"),
        ]
    );
}

#[test]
fn an_aggregated_role_whose_rules_differ_is_read_both_ways_and_reported() {
    let part = "RBAC\nkind: ClusterRole\nmetadata: {name: p, labels: {x: true}}\nrules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n";
    let whole = |rules: &str| {
        format!(
            "{part}---\nRBAC\nkind: ClusterRole\nmetadata: {{name: w}}\naggregationRule: {{clusterRoleSelectors: [{{matchExpressions: [{{key: x, operator: Exists}}]}}]}}\nrules: {rules}\n"
        )
    };
    for (rules, differs, own) in [
        ("null", false, 0),
        ("[{apiGroups: [''], resources: [pods], verbs: [get]}]", false, 0),
        ("[{apiGroups: [''], resources: [pods], verbs: [get, list]}]", true, 1),
    ] {
        let import = yaml(&whole(rules)).unwrap();
        let role = import.snapshot.roles.iter().find(|r| r.id.as_str() == "clusterrole:w").unwrap();
        assert_eq!(role.includes.iter().map(crate::input::id::Id::as_str).collect::<Vec<_>>(), ["clusterrole:p"]);
        assert_eq!(role.permissions.len(), own, "{rules}");
        assert_eq!(import.findings.iter().any(|f| f.code == Code::AggregationDiffers), differs, "{rules}");
    }
}

#[test]
fn an_unresolved_role_never_looks_harmless() {
    let import = yaml(&binding("ClusterRoleBinding", "", "[{kind: User, name: a}]")).unwrap();
    let role = import.snapshot.roles.iter().find(|r| r.id.as_str() == "clusterrole:r").unwrap();
    assert_eq!(role.sensitivity, Some(crate::input::entitlement::Sensitivity::Critical));
    assert_eq!(role.permissions[0].resource.raw(), "unresolved:clusterrole:r");
}

#[test]
fn implicit_groups_are_partial_and_masters_hold_everything() {
    let import = yaml(&binding("RoleBinding", "n", "[{kind: Group, name: 'system:serviceaccounts:n'}]")).unwrap();
    let group = |id: &str| import.snapshot.groups.iter().find(|g| g.id.as_str() == id).unwrap();
    assert_eq!(group("group:system:serviceaccounts:n").implicit, ["sa:n/*"]);
    assert_eq!(group("group:system:authenticated").implicit, ["sa:*", "user:*"]);
    let masters = import.snapshot.assignments.iter().find(|a| a.who.raw() == "group:system:masters").unwrap();
    assert_eq!(masters.scope, None);
}

#[test]
fn annotations_that_name_an_identity_of_a_cloud_are_kept_and_all_others_are_not() {
    let text = "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: web\n  namespace: shop\n  labels: {app: web}\n  annotations:\n    eks.amazonaws.com/role-arn: \"arn:aws:iam::111111111111:role/node\"\n    iam.gke.io/gcp-service-account: web@p.iam.gserviceaccount.com\n    secret: x\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: a}, annotations: {eks.amazonaws.com/role-arn: x}}\n";
    let snapshot = import(&[("f.yaml", text.as_bytes())], at()).unwrap().snapshot;
    let labels: Vec<(&str, &str)> =
        snapshot.identities[0].labels.iter().map(|(name, value)| (name.as_str(), value.raw())).collect();
    let role = "arn:aws:iam::111111111111:role/node";
    assert_eq!(
        labels,
        [
            ("app", "web"),
            ("eks.amazonaws.com/role-arn", role),
            ("iam.gke.io/gcp-service-account", "web@p.iam.gserviceaccount.com")
        ]
    );
    let of_namespace: Vec<&String> = snapshot.resources[0].labels.keys().collect();
    assert_eq!(of_namespace, ["team"]);
}
