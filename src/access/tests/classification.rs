//! What rules, labels and the baseline classify, and what is unknown.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;

use super::build::*;
use crate::access::effective::state::AccessState;
use crate::access::model::facts::ChangeFacts;
use crate::access::queries::inventory::holdings;
use crate::access::risk::classification::{Classifier, Rating};
use crate::access::{Data, Index};
use crate::input::entitlement::{IdentityKind, Mode, Permission, Sensitivity};
use crate::input::finding::Code;
use crate::input::time::{Span, Time};
use crate::plan::model::Action;
use crate::snapshot::import::{Import, aws, kubernetes};
use crate::snapshot::model::Snapshot;

fn shipped() -> Data {
    Data::shipped().unwrap()
}

/// The shipped rules with rules of a site.
fn with_rules(rules: &str) -> Data {
    let text = format!("rules:\n{rules}");
    let site = [("policies/classification.yaml", text.as_bytes())];
    let shipped = crate::access::risk::rule_files::SHIPPED.iter().map(|(name, text)| (*name, text.as_bytes()));
    Data::read(shipped.chain(site)).unwrap()
}

fn change(data: &Data, snapshot: &Snapshot, action: Action) -> ChangeFacts {
    Run { data, ..Run::default() }.on(snapshot, &plan(vec![("c1", action)])).unwrap().changes.remove(0)
}

/// What the shipped rules say of a permission of a role in a system.
fn verdict(data: &Data, source: &str, permission: &Permission, scope: Option<&str>) -> Rating {
    let s = snapshot(source).resource("ns:kube-system", None).resource("ns:team-a", None);
    let index = Index::new(&s);
    let classifier = Classifier::new(&data.classification);
    let scope = scope.map(Into::into);
    classifier.permission(&AccessState::plain(&index), &"r".into(), permission, scope.as_ref(), &[])
}

fn level(source: &str, action: &str, resource: &str) -> (Sensitivity, bool) {
    let verdict = verdict(&shipped(), source, &allow(action, resource), None);
    (verdict.sensitivity, verdict.privileged.is_some())
}

fn world() -> Snapshot {
    snapshot("okta")
        .human("ann")
        .group("okta:team", &[])
        .role("payer", &[allow("payments:transfer", "*")])
        .role("all", &[allow("*", "*")])
        .role("empty", &[])
        .role("labelled", &[allow("payments:transfer", "*")])
        .labelled(Sensitivity::Low)
}

#[test]
fn what_neither_a_rule_nor_a_label_classifies_is_unknown_and_counted() {
    let facts = change(&shipped(), &world(), grant("ann", "payer", None));
    assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Unknown, 1));
    assert!(!facts.is_privileged());
    let facts = change(&shipped(), &world(), grant("ann", "labelled", None));
    assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Low, 0), "the snapshot's label classifies it");
}

#[test]
fn any_action_on_any_resource_is_privileged_in_every_system() {
    for source in ["okta", "kubernetes", "aws", "postgresql", "acme"] {
        for (action, resource) in [("*", "*"), ("**", "*"), ("*", "**"), ("*:*", "*")] {
            let found = level(source, action, resource);
            assert_eq!(found, (Sensitivity::Critical, true), "{action} on {resource} in {source}");
        }
    }
    let facts = change(&shipped(), &world(), grant("ann", "all", None));
    assert!(facts.is_privileged() && facts.gives_everything && facts.gained_privileged == 1);
    assert!(!change(&shipped(), &world(), grant("ann", "payer", None)).gives_everything);
}

#[test]
fn an_entitlement_that_gives_nothing_in_the_snapshot_is_unknown_when_given_and_nothing_when_taken() {
    let empty = snapshot("okta")
        .human("ann")
        .group("okta:prod-admins", &[])
        .unknown_group("okta:staff")
        .role("empty", &[])
        .held("h", "ann", "empty", None);
    for (what, action) in [
        ("a group without assignments", join("ann", "okta:prod-admins")),
        ("a group of which nothing is known", join("ann", "okta:staff")),
        ("an empty role", grant_as("ann", "empty", Mode::Active, Some(ttl(60)))),
        ("a new empty role", Action::CreateRole(define("new", &[], &[]))),
        ("a role that includes an empty one", Action::CreateRole(define("new", &[], &["empty"]))),
    ] {
        let facts = change(&shipped(), &empty, action);
        assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Unknown, 1), "{what}");
    }
    let facts = change(&shipped(), &empty, join("ann", "okta:prod-admins"));
    assert_eq!(facts.admin_name.as_ref().map(crate::input::text::Text::raw), Some("okta:prod-admins"));
    assert_eq!(facts.receiver, Some(crate::input::id::Subject::Identity("ann".into())));
    let facts = change(&shipped(), &empty, revoke("ann", "empty", None));
    assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Low, 0), "it takes nothing");
}

#[test]
fn a_reduction_is_classified_by_what_it_takes() {
    let s = world().held("h", "ann", "payer", None).held("l", "ann", "labelled", None);
    let alone = world().held("h", "ann", "payer", None);
    let facts = change(&shipped(), &alone, revoke("ann", "payer", None));
    assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Unknown, 1));
    let facts = change(&shipped(), &s, revoke("ann", "labelled", None));
    assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Low, 0));
}

#[test]
fn a_label_of_a_plan_raises_and_never_makes_what_is_unknown_less() {
    let labelled = |label| {
        let mut definition = define("new", &[allow("payments:transfer", "*")], &[]);
        definition.sensitivity = Some(p(label));
        change(&shipped(), &world(), Action::CreateRole(definition))
    };
    let low = labelled(Sensitivity::Low);
    assert_eq!((low.sensitivity, low.unclassified), (Sensitivity::Unknown, 1));
    let critical = labelled(Sensitivity::Critical);
    assert_eq!((critical.sensitivity, critical.unclassified), (Sensitivity::Critical, 1), "whatever the rank");
}

#[test]
fn a_label_of_the_snapshot_does_not_cover_what_a_change_adds() {
    let facts = change(&shipped(), &world(), add("labelled", allow("keys:rotate", "*")));
    assert_eq!((facts.sensitivity, facts.unclassified), (Sensitivity::Unknown, 1));
    let held = world().held("h", "ann", "labelled", None);
    let facts = change(&shipped(), &held, add("labelled", allow("payments:*", "*")));
    assert!(facts.unclassified > 0 || facts.sensitivity > Sensitivity::Unknown, "more than the label was given for");
    let facts = change(&shipped(), &held, add("labelled", allow("payments:transfer", "to/*")));
    assert_eq!(facts.unclassified, 0, "the role gives it already");
    let facts = change(&shipped(), &held, Action::AddInclude(p("labelled".into()), p("payer".into())));
    assert_eq!(facts.sensitivity, Sensitivity::Unknown, "what it includes has no label");
}

#[test]
fn a_rule_that_names_a_role_covers_what_the_snapshot_shows_of_it_and_nothing_that_a_plan_makes() {
    let data = with_rules("  - {role: \"pay*\", sensitivity: low, reason: r, source: s}\n");
    assert_eq!(change(&data, &world(), grant("ann", "payer", None)).unclassified, 0);
    let made = Action::CreateRole(define("payday", &[allow("payments:transfer", "*")], &[]));
    assert_eq!(change(&data, &world(), made).sensitivity, Sensitivity::Unknown);
    assert_eq!(change(&data, &world(), add("payer", allow("keys:rotate", "*"))).sensitivity, Sensitivity::Unknown);
}

#[test]
fn a_rule_can_name_a_group() {
    let data = with_rules("  - {group: \"okta:*\", sensitivity: high, privileged: true, reason: r, source: s}\n");
    let facts = change(&data, &world(), join("ann", "okta:team"));
    assert!(facts.is_privileged() && facts.sensitivity == Sensitivity::High && facts.unclassified == 0);
    let above = world().group("inner", &[]).joined("j", "inner", "okta:team");
    assert!(change(&data, &above, join("ann", "inner")).is_privileged(), "and the groups that a group belongs to");
    let low = with_rules("  - {group: \"okta:*\", sensitivity: low, reason: r, source: s}\n");
    assert_eq!(change(&low, &world(), join("ann", "okta:team")).sensitivity, Sensitivity::Low);
}

#[test]
fn the_baseline_raises_labels_and_gives_way_to_rules() {
    let deleter = snapshot("acme").human("ann").role("d", &[allow("orders:Grant", "*")]).labelled(Sensitivity::Low);
    let facts = change(&shipped(), &deleter, grant("ann", "d", None));
    assert!(facts.is_privileged() && facts.sensitivity == Sensitivity::High, "a label lowers no rule");
    let ruled = with_rules("  - {action: \"orders:Grant\", sensitivity: low, reason: r, source: s}\n");
    let plain = snapshot("acme").human("ann").role("d", &[allow("orders:Grant", "*")]);
    assert_eq!(change(&ruled, &plain, grant("ann", "d", None)).sensitivity, Sensitivity::Low);
    for (action, level, privileged) in [
        ("orders:delete", Sensitivity::Moderate, false),
        ("Users.Write", Sensitivity::Moderate, false),
        ("shell", Sensitivity::High, false),
        ("workspace:owner", Sensitivity::High, false),
        ("resourcemanager.projects.setIamPolicy", Sensitivity::High, true),
        ("tokens:issue", Sensitivity::High, true),
        ("users:impersonate", Sensitivity::Critical, true),
        ("payments:transfer", Sensitivity::Unknown, false),
        ("orders:approve", Sensitivity::Unknown, false),
        ("orders:read", Sensitivity::Unknown, false),
    ] {
        let found = verdict(&shipped(), "acme", &allow(action, "orders/*"), None);
        assert_eq!((found.sensitivity, found.privileged.is_some()), (level, privileged), "{action}");
    }
    assert_eq!(level("acme", "read", "secret/db"), (Sensitivity::High, true));
    assert!(shipped().classification.rules.iter().filter(|r| r.generic).all(|r| r.sensitivity > Sensitivity::Low));
}

#[test]
fn a_verb_of_kubernetes_that_no_rule_names_is_never_low() {
    use Sensitivity::{Critical, High, Low, Moderate, Unknown};
    for (verb, resource, expected, privileged) in [
        ("get", "core:pods#*", Low, false),
        ("list", "apps:deployments/scale#web", Low, false),
        ("get", "core:pods/log#*", Moderate, false),
        ("update", "core:configmaps#*", Critical, true),
        ("get", "core:secrets#db", High, true),
        ("use", "security.openshift.io:securitycontextconstraints#privileged", High, true),
        ("use", "policy:podsecuritypolicies#privileged", High, true),
        ("get", "core:pods/portforward#*", High, false),
        ("get", "core:pods/proxy#*", High, false),
        ("get", "core:services/proxy#*", High, false),
        ("get", "core:nodes/log#*", High, false),
        ("get", "core:nodes/checkpoint#*", High, true),
        ("get", "core:nodes/novel#*", Unknown, false),
        ("approve", "apps:deployments#*", Unknown, false),
        ("get", "example.com:widgets#*", Unknown, false),
        ("update", "example.com:widgets#*", Unknown, false),
        ("get", "url:/healthz", Low, false),
        ("get", "url:/debug/pprof", High, false),
        ("get", "url:/something", Unknown, false),
        ("impersonate:user-info", "authentication.k8s.io:users#ann", Critical, true),
        ("impersonate:serviceaccount", "authentication.k8s.io:serviceaccounts#*", Critical, true),
        ("impersonate:arbitrary-node", "authentication.k8s.io:nodes#*", Critical, true),
        ("impersonate-on:user-info:list", "core:pods#*", High, true),
    ] {
        assert_eq!(level("kubernetes", verb, resource), (expected, privileged), "{verb} {resource}");
    }
}

#[test]
fn the_object_that_names_administrators_of_eks_is_privileged_in_its_namespace_only() {
    let data = shipped();
    for verb in ["update", "patch", "create"] {
        let of = |resource: &str, scope| verdict(&data, "kubernetes", &allow(verb, resource), scope);
        for scope in [None, Some("ns:kube-system")] {
            for resource in ["core:configmaps#aws-auth", "core:configmaps#*"] {
                assert!(of(resource, scope).privileged.is_some(), "{verb} {resource} {scope:?}");
            }
        }
        for (resource, scope) in
            [("core:configmaps#aws-auth", Some("ns:team-a")), ("core:configmaps#settings", Some("ns:kube-system"))]
        {
            let found = of(resource, scope);
            assert_eq!((found.sensitivity, found.privileged), (Sensitivity::Moderate, None), "{verb} {resource}");
        }
    }
}

#[test]
fn whoever_may_impersonate_for_some_verbs_can_act_as_the_account_and_opens_an_escalation_path() {
    let file = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: act}\nrules:\n\
        - {apiGroups: [authentication.k8s.io], resources: [serviceaccounts], verbs: ['impersonate:serviceaccount']}\n\
        - {apiGroups: [''], resources: [pods], verbs: ['impersonate-on:serviceaccount:list']}\n---\n\
        apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: power}\n\
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\n\
        subjects: [{kind: ServiceAccount, name: root, namespace: kube-system}, {kind: User, name: lee}]\n---\n\
        apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: cluster-admin}\n\
        rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]\n---\n\
        apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: look}\n\
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}\n\
        subjects: [{kind: User, name: kim}]\n---\n\
        apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: view}\n\
        rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]\n";
    let import = kubernetes::import(&[("export.yaml", file.as_bytes())], Time::from_unix(TAKEN_AT)).unwrap();
    let s = import.snapshot.identity("agent", IdentityKind::Agent);
    let facts = change(&shipped(), &s, grant("user:kim", "clusterrole:act", None));
    assert!(facts.is_privileged() && facts.sensitivity == Sensitivity::Critical);
    assert!(facts.escalations.iter().any(|e| e.complete && e.id.raw() == "k8s-impersonate-serviceaccount"));
    let reached = facts.effects.gained.iter().any(|piece| {
        piece.subject.as_str() == "user:kim" && piece.access.action.raw() == "*" && piece.privileged.is_some()
    });
    assert!(reached, "{:?}", brief(&facts.effects.gained));
}

fn data_folder() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if path.is_dir() {
        return Some(path);
    }
    println!("no shared data: the real exports were not read");
    None
}

/// The allows of chosen roles that nothing classifies, of how many.
fn unclassified(import: &Import, chosen: impl Fn(&str) -> bool) -> (Vec<String>, usize) {
    let data = shipped();
    let index = Index::new(&import.snapshot);
    let view = AccessState::plain(&index);
    let classifier = Classifier::new(&data.classification);
    let (mut found, mut all) = (Vec::new(), 0);
    for role in import.snapshot.roles.iter().filter(|role| chosen(role.id.as_str())) {
        for permission in &role.permissions {
            all += 1;
            let verdict = classifier.permission(&view, &role.id, permission, None, &[]);
            if verdict.sensitivity == Sensitivity::Unknown {
                found.push(format!("{} {}", permission.action.raw(), permission.resource.raw()));
            }
        }
    }
    found.sort();
    found.dedup();
    (found, all)
}

fn assert_at_most_5_percent(what: &str, (unknown, all): &(Vec<String>, usize)) {
    println!("{what}: {} of {all} are unknown: {unknown:?}", unknown.len());
    assert!(*all > 0 && unknown.len() * 20 < *all, "{what}: {} of {all}: {unknown:?}", unknown.len());
}

#[test]
fn what_kubernetes_brings_itself_is_classified() {
    let Some(data) = data_folder() else { return };
    for version in ["2018-07-pre-v1.12", "2022-arktos", "v1.8.0-alpha.3"] {
        let folder = data.join("kubernetes/bootstrap").join(version);
        let files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
            .collect();
        let borrowed: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
        let import = kubernetes::import(&borrowed, Time::from_unix(TAKEN_AT)).unwrap();
        assert_at_most_5_percent(version, &unclassified(&import, |_| true));
    }
}

#[test]
fn what_the_managed_policies_of_aws_read_is_classified() {
    let Some(data) = data_folder() else { return };
    for (file, policies) in [
        ("account-iam-vulnerable.json", ["ReadOnlyAccess", "ViewOnlyAccess", "SecurityAudit"].as_slice()),
        ("account-small.json", &["IAMReadOnlyAccess", "AmazonVPCReadOnlyAccess", "SecurityAudit"]),
    ] {
        let bytes = std::fs::read(data.join("aws").join(file)).unwrap();
        let import = aws::import(&[(file, &bytes)], Time::from_unix(TAKEN_AT)).unwrap();
        let chosen = |id: &str| policies.iter().any(|policy| id.contains(&format!("/{policy}")));
        assert_at_most_5_percent(file, &unclassified(&import, chosen));
    }
}

#[test]
fn an_auditor_of_aws_who_only_reads_is_not_privileged() {
    for action in [
        "organizations:Describe*",
        "organizations:List*",
        "sso:DescribePermissionSet",
        "sso:List*",
        "account:GetContactInformation",
    ] {
        assert_eq!(level("aws", action, "*"), (Sensitivity::Low, false), "{action}");
    }
    for action in
        ["organizations:CreateAccount", "organizations:*", "sso:CreatePermissionSet", "account:PutContactInformation"]
    {
        assert!(level("aws", action, "*").1, "{action}");
    }
    // Words that begin like a word for reading.
    for action in
        ["sqs:Frobnicate", "acm-pca:IssueCertificate", "ses:VerifyEmailIdentity", "license-manager:CheckoutLicense"]
    {
        assert_eq!(level("aws", action, "*"), (Sensitivity::Unknown, false), "{action}");
    }
    for action in ["bedrock-agentcore:GetResourceApiKey", "sts:GetSessionToken", "secretsmanager:BatchGetSecretValue"] {
        assert!(level("aws", action, "*").1, "{action}");
    }
    assert_eq!(level("aws", "s3:GetObject", "*"), (Sensitivity::Moderate, false));
}

#[test]
fn what_postgresql_documents_as_reading_is_low() {
    for action in ["SELECT", "USAGE", "CONNECT", "TEMPORARY", "LOGIN"] {
        assert_eq!(level("postgresql", action, "table:app.orders"), (Sensitivity::Low, false), "{action}");
    }
    assert_eq!(level("postgresql", "ALTER SYSTEM", "*"), (Sensitivity::Critical, true));
    assert_eq!(level("postgresql", "NOVEL", "*"), (Sensitivity::Unknown, false));
}

/// A directory in the form in which connectors print it, as a snapshot: an entitlement is a role of one permission, and
/// membership of a group is membership.
fn directory(folder: &Path) -> Snapshot {
    let read = |name: &str| -> Value { serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap() };
    let text = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_str).unwrap().to_owned();
    let mut s = snapshot("baton");
    let resources = read("resources.json");
    for resource in resources["resources"].as_array().unwrap() {
        let (kind, id) = (text(resource, "/resource/id/resourceType"), text(resource, "/resource/id/resource"));
        match kind.as_str() {
            "user" => s = s.human(&format!("user:{id}")),
            "group" => s = s.group(&format!("group:{id}"), &[]),
            _ => {}
        }
    }
    for entitlement in read("entitlements.json")["entitlements"].as_array().unwrap() {
        let id = text(entitlement, "/entitlement/id");
        let resource = format!(
            "{}:{}",
            text(entitlement, "/resource/id/resourceType"),
            text(entitlement, "/resource/id/resource")
        );
        s = s.role(&id, &[allow(&text(entitlement, "/entitlement/slug"), &resource)]);
    }
    for grant in read("grants.json")["grants"].as_array().unwrap() {
        let (id, entitlement) = (text(grant, "/grant/id"), text(grant, "/grant/entitlement/id"));
        let who = format!("{}:{}", text(grant, "/principal/id/resourceType"), text(grant, "/principal/id/resource"));
        s = match entitlement.strip_prefix("group:").and_then(|rest| rest.strip_suffix(":member")) {
            Some(group) => s.joined(&id, &who, &format!("group:{group}")),
            None => s.held(&id, &who, &entitlement, None),
        };
    }
    s
}

#[test]
fn a_new_system_is_not_all_unknown() {
    let Some(data) = data_folder() else { return };
    let s = directory(&data.join("baton"));
    assert_eq!(s.assignments.len(), 2_909);
    let found = holdings(&Index::new(&s), &shipped(), Span::from_seconds(0));
    let unknown = found.levels.of(Sensitivity::Unknown);
    println!("of 2,909 grants {unknown} are unknown, {} high", found.levels.of(Sensitivity::High));
    assert!(unknown * 20 <= 2_909, "{unknown} of 2,909 grants are unknown");
    assert_eq!(found.counts["unclassified_assignments"], unknown);
}

#[test]
fn rules_that_contradict_each_other_or_themselves_are_a_finding() {
    for (rules, said) in [
        (
            "  - {action: [a, b], sensitivity: low, reason: r, source: s}\n  - {action: b, sensitivity: high, reason: r, source: s}\n",
            "contradict",
        ),
        ("  - {action: a, sensitivity: low, privileged: true, reason: r, source: s}\n", "privileged and only low"),
        ("  - {group: g, action: a, sensitivity: low, reason: r, source: s}\n", "names a group"),
        (
            "  - {action: a, sensitivity: unknown, privileged: true, reason: r, source: s}\n",
            "privileged and only unknown",
        ),
    ] {
        let text = format!("rules:\n{rules}");
        let faults = Data::read([("classification.yaml", text.as_bytes())]).unwrap_err();
        assert_eq!(faults.len(), 1, "{rules}");
        assert!(faults[0].code == Code::BadConfiguration && faults[0].message.raw().contains(said), "{faults:?}");
    }
    let twice = "rules:\n  - {action: a, sensitivity: low, reason: r, source: s}\n  - {action: a, sensitivity: low, reason: other, source: s}\n";
    assert!(Data::read([("classification.yaml", twice.as_bytes())]).is_ok(), "said twice, and the same");
}

#[test]
fn what_the_public_gains_is_privileged_whatever_it_is() {
    let s = snapshot("kubernetes")
        .identity("user:system:anonymous", IdentityKind::Human)
        .unknown_group("group:system:authenticated")
        .unknown_group("group:system:unauthenticated")
        .unknown_group("group:staff")
        .group("group:empty", &[])
        .human("ann")
        .role("view", &[allow("get", "core:pods#*")]);
    for who in ["user:system:anonymous", "group:system:authenticated", "group:system:unauthenticated"] {
        for action in [grant(who, "view", None), join(who, "group:empty")] {
            let facts = change(&shipped(), &s, action);
            assert!(facts.public && facts.is_privileged(), "{who}");
        }
    }
    for who in ["group:staff", "ann"] {
        let facts = change(&shipped(), &s, grant(who, "view", None));
        assert!(!facts.public && !facts.is_privileged(), "{who}");
    }
    let marked = snapshot("acme").identity("guest", IdentityKind::Public).role("view", &[allow("a:b", "*")]);
    let facts = change(&shipped(), &marked, grant("guest", "view", None));
    assert!(facts.public && facts.gained_privileged == 1 && facts.effects.gained[0].sensitivity == Sensitivity::High);
    let held = marked.held("h", "guest", "view", None);
    assert!(!change(&shipped(), &held, revoke("guest", "view", None)).public, "taking it away gives nobody anything");
    let trusted = snapshot("aws").identity("role", IdentityKind::Workload).human("ann");
    assert!(change(&shipped(), &trusted, add_trust("t", "*", "role")).public);
    assert!(!change(&shipped(), &trusted, add_trust("t", "ann", "role")).public);
}

fn pattern(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(words), 1..4).prop_map(|parts| parts.concat())
}

/// A pattern with one run of its letters replaced by `*`: it covers the pattern.
fn widened(pattern: &str, from: usize, to: usize) -> String {
    let (from, to) = (from % (pattern.len() + 1), to % (pattern.len() + 1));
    let (from, to) = (from.min(to), from.max(to));
    format!("{}*{}", &pattern[..from], &pattern[to..])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn a_pattern_that_covers_another_is_never_less_sensitive(
        source in proptest::sample::select(&["kubernetes", "aws", "postgresql", "acme"][..]),
        action in pattern(&["get", "list", "create", "impersonate", ":", "*", "SELECT", "s3:", "iam:", "Put", "Policy", "grant", "delete", "x"]),
        resource in pattern(&["core:", "apps:", "pods", "secrets", "configmaps", "#", "*", "aws-auth", "/exec", "url:/", "healthz", "vault"]),
        scope in proptest::sample::select(&[None, Some("ns:kube-system"), Some("ns:team-a")][..]),
        cut in (0_usize..40, 0_usize..40, 0_usize..40, 0_usize..40),
        wider_scope in any::<bool>(),
    ) {
        let data = shipped();
        let wide = allow(&widened(&action, cut.0, cut.1), &widened(&resource, cut.2, cut.3));
        let narrow = verdict(&data, source, &allow(&action, &resource), scope);
        let wider = verdict(&data, source, &wide, scope.filter(|_| !wider_scope));
        prop_assert!(wider.sensitivity >= narrow.sensitivity, "{wide:?}: {wider:?} {narrow:?}");
        prop_assert!(wider.privileged.is_some() || narrow.privileged.is_none(), "{wide:?}: {wider:?} {narrow:?}");
        prop_assert!(wider.everything || !narrow.everything);
    }
}
