//! The expectations of another tool's rules about RBAC, asked as questions.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::access::Index;
use crate::access::queries::who_can::{AccessQuery, AccessVerdict, who_can};
use crate::input::time::Time;
use crate::snapshot::import::kubernetes;
use crate::snapshot::model::Snapshot;

fn data() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/kubernetes/kubescape");
    if path.is_dir() {
        return Some(path);
    }
    println!("no shared data: the other tool's rules were not asked");
    None
}

/// Each rule that is about who can do what, as what it asks for.
const RULES: &[(&str, &[(&str, &str)])] = &[
    ("access-container-service-account-v1", &[("*", "*")]),
    (
        "rule-can-access-proxy-subresource",
        &[("*", "core:nodes/proxy#*"), ("*", "core:pods/proxy#*"), ("*", "core:services/proxy#*")],
    ),
    (
        "rule-can-bind-escalate",
        &[
            ("bind", "rbac.authorization.k8s.io:roles#*"),
            ("bind", "rbac.authorization.k8s.io:clusterroles#*"),
            ("escalate", "rbac.authorization.k8s.io:roles#*"),
            ("escalate", "rbac.authorization.k8s.io:clusterroles#*"),
        ],
    ),
    ("rule-can-create-pv", &[("create", "core:persistentvolumes#*")]),
    ("rule-can-delete-k8s-events-v1", &[("delete", "core:events#*"), ("deletecollection", "core:events#*")]),
    (
        "rule-can-list-get-secrets-v1",
        &[("get", "core:secrets#*"), ("list", "core:secrets#*"), ("watch", "core:secrets#*")],
    ),
    ("rule-can-portforward-v1", &[("create", "core:pods/portforward#*")]),
    ("rule-can-update-configmap-v1", &[("update", "core:configmaps#coredns"), ("patch", "core:configmaps#coredns")]),
    ("rule-list-all-cluster-admins-v1", &[("*", "core:*#*")]),
];

/// Rules that are about something else, and why they are not asked.
const NOT_ASKED: &[(&str, &str)] = &[
    ("cluster-access-manager-api-eks", "about the configuration of a managed cluster"),
    (
        "ensure-default-service-accounts-has-only-default-roles",
        "about which bindings ship with a cluster, not about what they give",
    ),
    ("review-roles-with-aws-iam-authenticator", "asks for a look at every role"),
    ("rolebinding-in-default-namespace", "about where a binding lies"),
    ("workload-with-administrative-roles", "about pods, which are not part of an export of entitlements"),
];

/// Cases whose answer differs, each with the reason.
const DEVIATIONS: &[(&str, &str, &str)] = &[
    ("rule-can-access-proxy-subresource", "clusterrole-rolebinding", OF_THE_CLUSTER),
    ("rule-can-access-proxy-subresource", "role-rolebinding", OF_THE_CLUSTER),
    ("rule-can-create-pv", "clusterrole-rolebinding", OF_THE_CLUSTER),
    ("rule-can-create-pv", "role-rolebinding", OF_THE_CLUSTER),
];

/// Why a binding is not found that the other tool flags.
const OF_THE_CLUSTER: &str = "nodes and volumes belong to the whole cluster, and a RoleBinding gives nothing on them";

fn import(case: &Path) -> Snapshot {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(case.join("input"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .map(|p| (p.display().to_string(), std::fs::read(&p).unwrap()))
        .collect();
    files.sort();
    let borrowed: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    kubernetes::import(&borrowed, Time::parse("2026-01-01T00:00:00Z").unwrap()).unwrap().snapshot
}

/// `User-jane`: as the other tool names subjects.
fn expected(case: &Path) -> BTreeSet<String> {
    let list: Value = serde_json::from_slice(&std::fs::read(case.join("expected.json")).unwrap()).unwrap();
    let subject = |alert: &Value| {
        let object = &alert["alertObject"]["externalObjects"];
        Some(format!("{}-{}", object["kind"].as_str()?, object["name"].as_str()?))
    };
    list.as_array().unwrap().iter().filter_map(subject).collect()
}

fn found(snapshot: &Snapshot, wishes: &[(&str, &str)], whole: bool) -> BTreeSet<String> {
    let index = Index::new(snapshot);
    let mut out = BTreeSet::new();
    for (action, resource) in wishes {
        let wish = AccessQuery { action: (*action).into(), resource: (*resource).into(), scope: None };
        for answer in who_can(&index, &wish, None) {
            let own = answer.ways.iter().any(|(verdict, reached)| {
                let acts = reached.path.iter().any(|s| matches!(s, crate::access::model::facts::PathStep::ActsAs(..)));
                !acts && (!whole || *verdict == AccessVerdict::Yes)
            });
            let name = answer.subject.as_str();
            // The administrators' group is in every cluster.
            if !own || name == "group:system:masters" {
                continue;
            }
            let short = match name.split_once(':') {
                Some(("user", name)) => format!("User-{name}"),
                Some(("group", name)) => format!("Group-{name}"),
                Some(("sa", name)) => format!("ServiceAccount-{}", name.rsplit('/').next().unwrap_or_default()),
                _ => name.to_owned(),
            };
            out.insert(short);
        }
    }
    out
}

#[test]
fn every_expectation_about_rbac_is_met_or_its_deviation_has_a_reason() {
    let Some(root) = data() else { return };
    let mut different = Vec::new();
    let mut asked = 0;
    for (rule, wishes) in RULES {
        let mut cases: Vec<PathBuf> =
            std::fs::read_dir(root.join(rule).join("test")).unwrap().map(|e| e.unwrap().path()).collect();
        cases.sort();
        for case in cases {
            asked += 1;
            let snapshot = import(&case);
            let mut mine = found(&snapshot, wishes, *rule == "rule-list-all-cluster-admins-v1");
            if *rule == "access-container-service-account-v1" {
                mine.retain(|name| name.starts_with("ServiceAccount-"));
            }
            let name = case.file_name().unwrap().to_string_lossy().into_owned();
            if mine != expected(&case) {
                println!("{rule} {name}: {mine:?} for {:?}", expected(&case));
                different.push((*rule, name));
            }
        }
    }
    assert!(asked >= 25, "{asked}");
    let listed: Vec<(&str, String)> = DEVIATIONS.iter().map(|(rule, case, _)| (*rule, (*case).to_owned())).collect();
    assert_eq!(different, listed);
    let mut rules: Vec<String> = std::fs::read_dir(&root)
        .unwrap()
        .map(|e| e.unwrap())
        .filter(|e| e.path().is_dir())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    rules.sort();
    let mut known: Vec<&str> = RULES.iter().map(|(r, _)| *r).chain(NOT_ASKED.iter().map(|(r, _)| *r)).collect();
    known.sort_unstable();
    assert_eq!(rules, known, "every rule is asked, or says why not");
}
