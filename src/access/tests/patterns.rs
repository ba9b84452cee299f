//! What patterns of several systems give, hide and open: each rule about them, on small snapshots.

use std::collections::BTreeSet;

use super::build::*;
use crate::access::effective::state::AccessState;
use crate::access::model::facts::{Access, Escalation};
use crate::access::queries::inventory::holdings;
use crate::access::queries::who_can::{AccessQuery, AccessVerdict, can, who_can};
use crate::access::risk::classification::Classifier;
use crate::access::{Data, Index};
use crate::input::entitlement::{IdentityKind, Mode, Permission};
use crate::input::finding::Code;
use crate::input::id::Subject;
use crate::input::system::System;
use crate::input::time::{Span, Time};
use crate::snapshot::import::{aws, kubernetes};
use crate::snapshot::merge;
use crate::snapshot::model::Snapshot;

fn shipped() -> Data {
    Data::shipped().unwrap()
}

fn time() -> Time {
    Time::parse("2026-01-01T00:00:00Z").unwrap()
}

/// A cluster with one role `of`, bound in a namespace or everywhere to a service account, with `cluster-admin` beside it.
fn cluster(rules: &str, everywhere: bool, more: &str) -> Snapshot {
    let (kind, place, binding) = if everywhere {
        ("ClusterRole", "", "ClusterRoleBinding")
    } else {
        ("Role", ", namespace: team", "RoleBinding")
    };
    let text = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: of{place}}}\nrules: [{rules}]\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: {binding}\nmetadata: {{name: b{place}}}\n\
         roleRef: {{kind: {kind}, name: of}}\nsubjects: [{{kind: ServiceAccount, name: bot, namespace: team}}]\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: cluster-admin}}\n\
         rules: [{{apiGroups: ['*'], resources: ['*'], verbs: ['*']}}, {{nonResourceURLs: ['*'], verbs: ['*']}}]\n---\n\
         apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: ops, namespace: kube-system}}\n{more}"
    );
    kubernetes::import(&[("cluster.yaml", text.as_bytes())], time())
        .unwrap()
        .snapshot
        .identity("agent", IdentityKind::Agent)
}

const BOT: &str = "sa:team/bot";

fn wish(action: &str, resource: &str) -> AccessQuery {
    AccessQuery { action: action.into(), resource: resource.into(), scope: None }
}

fn escalations(snapshot: &Snapshot) -> Vec<String> {
    let data = shipped();
    let found = crate::access::queries::escalations::standing(&Index::new(snapshot), &data);
    found.iter().filter(|e| e.complete && e.subject.as_str() == BOT).map(|e| e.id.raw().to_owned()).collect()
}

#[test]
fn reading_one_resource_of_every_group_hides_no_grant_of_the_whole_cluster() {
    for groups in ["''", "'*'", "'*', apps"] {
        for resources in ["pods", "'*/scale'", "'*/status'", "pods, services"] {
            let rules = format!("{{apiGroups: [{groups}], resources: [{resources}], verbs: [get]}}");
            for everywhere in [false, true] {
                let snapshot = cluster(&rules, everywhere, "");
                assert_eq!(escalations(&snapshot), Vec::<String>::new(), "{rules}");
                let facts = one(&snapshot, grant(BOT, "clusterrole:cluster-admin", None));
                assert!(!facts.effects.gained.is_empty(), "{rules}");
            }
        }
    }
}

#[test]
fn a_role_binding_gives_nothing_of_the_whole_cluster() {
    let cases = [
        ("nodes/proxy", "get, create", "create", "core:nodes/proxy#*"),
        ("users", "impersonate", "impersonate", "core:users#*"),
        ("groups", "impersonate", "impersonate", "core:groups#*"),
        ("clusterrolebindings", "create", "create", "rbac.authorization.k8s.io:clusterrolebindings#*"),
        ("'*'", "'*'", "create", "rbac.authorization.k8s.io:clusterrolebindings#*"),
        ("'*'", "'*'", "get", "core:nodes/proxy#*"),
        ("clusterroles", "escalate, create", "escalate", "rbac.authorization.k8s.io:clusterroles#*"),
        ("clusterissuers", "create", "create", "cert-manager.io:clusterissuers#*"),
    ];
    let types = "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
                 metadata: {name: clusterissuers.cert-manager.io}\n\
                 spec: {group: cert-manager.io, scope: Cluster, names: {plural: clusterissuers, kind: ClusterIssuer}}\n";
    for (resources, verbs, action, resource) in cases {
        let rules = format!("{{apiGroups: ['*'], resources: [{resources}], verbs: [{verbs}]}}");
        let holds = |everywhere| {
            let snapshot = cluster(&rules, everywhere, types);
            let index = Index::new(&snapshot);
            can(&index, &Subject::Identity(BOT.into()), &wish(action, resource)).verdict != AccessVerdict::No
        };
        assert!(!holds(false), "{resource} in a namespace by {rules}");
        assert!(holds(true), "{resource} everywhere by {rules}");
    }
}

#[test]
fn all_of_a_namespace_is_held_there_and_opens_no_path_of_the_cluster() {
    let snapshot = cluster("{apiGroups: ['*'], resources: ['*'], verbs: ['*']}", false, "");
    let index = Index::new(&snapshot);
    for (action, resource) in
        [("create", "core:pods/exec#*"), ("get", "core:secrets#x"), ("delete", "core:namespaces#team")]
    {
        let answer = can(&index, &Subject::Identity(BOT.into()), &wish(action, resource));
        assert_ne!(answer.verdict, AccessVerdict::No, "{resource}");
    }
    let acts_as: BTreeSet<String> =
        who_can(&index, &wish("get", "core:nodes#*"), None).iter().map(|a| a.subject.as_str().to_owned()).collect();
    assert!(!acts_as.contains(BOT), "{acts_as:?}");
    let facts = one(&snapshot, grant(BOT, "clusterrole:cluster-admin", None));
    assert!(!facts.effects.gained.is_empty() && facts.effects.lost.is_empty());
    let within = one(&snapshot, grant(BOT, "clusterrole:cluster-admin", Some("ns:team")));
    assert_eq!(brief(&within.effects.gained), Vec::<String>::new(), "it holds all of the namespace already");
}

#[test]
fn custom_types_of_an_export_are_cluster_scoped_only_if_it_says_so() {
    let of = |scope: &str| {
        format!(
            "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: x}}\n\
             spec: {{group: example.org, scope: {scope}, names: {{plural: things}}}}\n"
        )
    };
    let types = |more: &str| cluster("", false, more).cluster_scoped;
    assert_eq!(types(&of("Cluster")), ["example.org:things".into()]);
    assert!(types(&of("Namespaced")).is_empty());
    assert!(types(&(of("Cluster") + &of("Namespaced"))).is_empty(), "of two that differ, more access is assumed");
    let broken =
        "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: x}\nspec: {}\n";
    assert!(types(broken).is_empty());
}

const ADMIN: &str = "arn:aws:iam::111111111111:user/admin";

/// An account with one user, who has one inline policy of these statements.
fn account(statements: &str) -> Snapshot {
    let text = format!(
        r#"{{"UserDetailList": [{{"UserName": "admin", "Arn": "{ADMIN}", "GroupList": [], "AttachedManagedPolicies": [],
            "UserPolicyList": [{{"PolicyName": "p", "PolicyDocument": {{"Version": "2012-10-17", "Statement": [{statements}]}}}}]}},
            {{"UserName": "bob", "Arn": "arn:aws:iam::111111111111:user/bob", "GroupList": [], "AttachedManagedPolicies": []}}],
            "GroupDetailList": [], "RoleDetailList": [{{"RoleName": "worker", "Arn": "arn:aws:iam::111111111111:role/worker",
            "AssumeRolePolicyDocument": {{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {{"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]}}}}]}},
            "InstanceProfileList": [], "AttachedManagedPolicies": [], "RolePolicyList": [{{"PolicyName": "w", "PolicyDocument":
            {{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}}]}}}}]}}],
            "Policies": []}}"#
    );
    aws::import(&[("account.json", text.as_bytes())], time()).unwrap().snapshot.identity("agent", IdentityKind::Agent)
}

fn privileged(snapshot: &Snapshot) -> usize {
    holdings(&Index::new(snapshot), &shipped(), Span::from_seconds(1)).privileged.len()
}

fn paths(snapshot: &Snapshot) -> BTreeSet<String> {
    let found: Vec<Escalation> = crate::access::queries::escalations::standing(&Index::new(snapshot), &shipped());
    found.into_iter().filter(|e| e.complete && e.subject.as_str() == ADMIN).map(|e| e.id.raw().to_owned()).collect()
}

const EVERYTHING: &str = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;

#[test]
fn the_name_of_a_source_decides_nothing() {
    let before = account(EVERYTHING);
    assert!(privileged(&before) > 0 && !paths(&before).is_empty());
    for source in ["production", "kubernetes", "okta+aws"] {
        let renamed = Snapshot { source: source.into(), ..before.clone() };
        assert_eq!((privileged(&renamed), paths(&renamed)), (privileged(&before), paths(&before)), "{source}");
        // An export that states no system is told by the ids of its objects.
        let old = Snapshot { system: None, ..renamed };
        assert_eq!((privileged(&old), paths(&old)), (privileged(&before), paths(&before)), "old {source}");
    }
}

/// The account and the cluster in one snapshot, with a person who holds everything of one of them.
fn estate() -> Snapshot {
    let (account, cluster) =
        (account(EVERYTHING), cluster("{apiGroups: [''], resources: [pods], verbs: [get]}", true, ""));
    merge(&[("a", &account), ("b", &cluster)]).unwrap()
}

#[test]
fn in_an_estate_each_object_keeps_its_system() {
    let estate = estate();
    let system = |id: &str| estate.roles.iter().find(|r| r.id.as_str() == id).unwrap().system.clone();
    assert_eq!(estate.system, None);
    assert_eq!(system("clusterrole:cluster-admin"), Some(System::Kubernetes));
    assert_eq!(system(&format!("inline:{ADMIN}:p")), Some(System::Aws));
    assert!(estate.trust_rules.iter().all(|rule| rule.system == Some(System::Kubernetes)));
    let twice = merge(&[("a", &account(EVERYTHING)), ("b", &account(EVERYTHING))]).unwrap();
    assert_eq!((&twice.system, twice.roles.iter().all(|r| r.system.is_none())), (&Some(System::Aws), true));
}

#[test]
fn whoever_holds_all_of_one_system_holds_nothing_of_another() {
    let estate = estate();
    let index = Index::new(&estate);
    let view = AccessState::plain(&index);
    let admin = Subject::Identity(ADMIN.into());
    let row: Vec<String> = view.row(&admin).keys().map(|actor| actor.as_str().to_owned()).collect();
    assert!(row.iter().all(|actor| !actor.starts_with("sa:")), "an account's `*` makes no pods: {row:?}");
    let facts = one(&estate, grant(ADMIN, "clusterrole:cluster-admin", None));
    assert!(!facts.effects.gained.is_empty());
    assert!(facts.effects.gained.iter().all(|piece| piece.access.system == Some(System::Kubernetes)));
    assert_eq!(privileged(&estate), privileged(&account(EVERYTHING)) + privileged(&cluster("", true, "")));
}

#[test]
fn a_deny_of_one_system_takes_nothing_of_another() {
    let deny_all = r#"{"Effect": "Deny", "Action": "*", "Resource": "*"}"#;
    let cluster = cluster("", true, "");
    let estate = merge(&[("a", &account(deny_all)), ("b", &cluster)]).unwrap();
    let facts = one(&estate, grant(ADMIN, "clusterrole:cluster-admin", None));
    assert!(!facts.effects.gained.is_empty());
    let aws = one(&estate, add(&format!("inline:{ADMIN}:p"), allow("s3:GetObject", "arn:aws:s3:::b/x")));
    assert!(aws.effects.gained.is_empty(), "in its own system it takes");
}

#[test]
fn what_is_of_no_known_system_in_an_estate_counts_for_every_system() {
    let estate = estate().role("helper", &[allow("iam:CreateAccessKey", "*"), allow("get", "core:secrets#*")]);
    let (index, data) = (Index::new(&estate), shipped());
    let view = AccessState::plain(&index);
    let classifier = Classifier::new(&data.classification);
    let verdict = classifier.role(&view, &"helper".into(), None);
    assert!(verdict.privileged.is_some(), "{verdict:?}");
}

#[test]
fn several_allows_together_are_what_they_give_and_no_deny_is_made_up() {
    let halves = r#"{"Effect": "Allow", "Action": "iam:*", "Resource": "*"},
                    {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}"#;
    let ask = |statements: &str| {
        let snapshot = account(statements);
        can(&Index::new(&snapshot), &Subject::Identity(ADMIN.into()), &wish("*", "*"))
    };
    let whole = ask(halves);
    assert_eq!((whole.verdict, whole.taken.len()), (AccessVerdict::Yes, 0));
    let half = ask(r#"{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}"#);
    assert_eq!((half.verdict, half.taken.len()), (AccessVerdict::Partly, 0), "nothing is denied");
    let denied = ask(&format!("{halves}, {}", r#"{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}"#));
    assert_eq!((denied.verdict, denied.taken.len()), (AccessVerdict::Partly, 1));
}

#[test]
fn what_several_allows_gave_already_is_no_gain() {
    let halves = |names: &str| {
        snapshot("aws")
            .human("ann")
            .role("iam", &[allow(names, "*")])
            .role("rest", &[except(allow("*", "*"), &[("iam:*", "*")])])
            .role("admin", &[allow("*", "*")])
            .held("a1", "ann", "iam", None)
            .held("a2", "ann", "rest", None)
    };
    let gained = |s: &Snapshot| one(s, grant("ann", "admin", None)).effects.gained.len();
    assert_eq!(gained(&halves("iam:*")), 0);
    assert_eq!(gained(&halves("iam:Get*")), 1, "the rest of iam is new");
}

#[test]
fn a_resource_of_an_arn_is_matched_field_by_field() {
    let allow = |action: &str, resource: &str| {
        format!(r#"{{"Effect": "Allow", "Action": "{action}", "Resource": "{resource}"}}"#)
    };
    let pass = allow("iam:PassRole", "*");
    let none: BTreeSet<String> = BTreeSet::new();
    assert_eq!(paths(&account(&allow("ssm:SendCommand", "arn:aws:ssm:*:*:document/patch"))), none);
    assert!(!paths(&account(&allow("ssm:SendCommand", "arn:aws:ec2:*:*:instance/*"))).is_empty());
    let code = |account: &str| allow("lambda:UpdateFunctionCode", &format!("arn:aws:lambda:*:{account}:function:*"));
    assert_eq!(paths(&account(&code("222222222222"))), none, "a function of another account");
    assert!(!paths(&account(&code("111111111111"))).is_empty());
    let run = format!("{pass}, {}", allow("ec2:RunInstances", "*"));
    let no_instance = r#"{"Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*:*:instance/*"}"#;
    assert!(paths(&account(&run)).contains("aws-pass-role"));
    assert!(!paths(&account(&format!("{run}, {no_instance}"))).contains("aws-pass-role"));
    let elsewhere = no_instance.replace("arn:aws:", "arn:aws-cn:");
    assert!(paths(&account(&format!("{run}, {elsewhere}"))).contains("aws-pass-role"), "a deny of another partition");
}

#[test]
fn reads_are_no_writes() {
    let reads = [
        "organizations:Describe*",
        "organizations:List*",
        "account:Get*",
        "account:List*",
        "sso:Describe*",
        "sso:List*",
        "sso:GetInlinePolicyForPermissionSet",
        "iam:Get*",
        "iam:List*",
        "iam:GenerateCredentialReport",
        "kms:Describe*",
        "kms:Get*",
        "kms:List*",
        "s3:GetBucket*",
        "s3:ListAllMyBuckets",
        "lambda:GetPolicy",
        "ec2:Describe*",
        "cloudtrail:DescribeTrails",
        "guardduty:Get*",
        "config:Describe*",
        "secretsmanager:ListSecrets",
        "ssm:DescribeDocument",
    ];
    let statements: Vec<String> =
        reads.iter().map(|read| format!(r#"{{"Effect": "Allow", "Action": "{read}", "Resource": "*"}}"#)).collect();
    let snapshot = account(&statements.join(", "));
    assert_eq!(
        privileged(&snapshot),
        0,
        "{:?}",
        holdings(&Index::new(&snapshot), &shipped(), Span::from_seconds(1)).privileged
    );
    for write in
        ["organizations:AttachPolicy", "organizations:*", "organizations:D*", "account:*", "sso:*PermissionSet"]
    {
        let snapshot = account(&format!(r#"{{"Effect": "Allow", "Action": "{write}", "Resource": "*"}}"#));
        assert_eq!(privileged(&snapshot), 1, "{write}");
    }
}

#[test]
fn a_malformed_pattern_of_a_plan_is_refused_where_it_gives() {
    let aws =
        snapshot("aws").human("ann").role("r", &[allow("s3:GetObject", "arn:aws:s3")]).held("a", "ann", "r", None);
    for bad in ["arn:aws:iam", "arn:aws:iam::111111111111", "arn::iam::111111111111:user/a", "arn:aws:iam:::user/a", ""]
    {
        let added = vec![("c1", add("r", allow("iam:CreateAccessKey", bad)))];
        assert_eq!(refused(&aws, added), [Code::BadValue], "{bad}");
        let made = crate::plan::model::Action::CreateRole(define("new", &[allow("iam:*", bad)], &[]));
        assert_eq!(refused(&aws, vec![("c1", made)]), [Code::BadValue], "{bad}");
        let hole = except(allow("iam:*", "*"), &[("*", bad)]);
        assert_eq!(refused(&aws, vec![("c1", add("r", hole))]), [Code::BadValue], "{bad} left out");
    }
    for well in ["arn:aws:iam::111111111111:user/a", "arn:aws:s3:::b/*", "arn:aws-cn:iam::1:user/*", "*"] {
        one(&aws, add("r", allow("iam:CreateAccessKey", well)));
    }
    one(&aws, remove("r", allow("s3:GetObject", "arn:aws:s3")));
    let cluster = snapshot("kubernetes").human("ann").role("r", &[]).held("a", "ann", "r", None);
    for bad in [":pods#*", "core:#*", "core:pods#", "url:"] {
        assert_eq!(refused(&cluster, vec![("c1", add("r", allow("get", bad)))]), [Code::BadValue], "{bad}");
    }
    one(&cluster, add("r", allow("get", "unknown.example.org:things#*")));
}

#[test]
fn a_policy_is_told_what_a_pattern_covers() {
    let aws = snapshot("aws").human("ann").role("r", &[]).held("a", "ann", "r", None);
    for everything in ["*", "**", "?*", "arn:*", "arn:aws:*", "a*"] {
        let named = one(&aws, add("r", allow("s3:GetObject", everything))).named;
        assert!(named.breadth.every_resource && !named.breadth.every_action && !named.breadth.writes, "{everything}");
    }
    let named = one(&aws, add("r", allow("s3:*", "arn:aws:s3:::b"))).named;
    assert!(!named.breadth.every_resource && !named.breadth.every_action && named.breadth.writes);
    assert!(one(&aws, add("r", allow("*:*", "arn:aws:s3:::b"))).named.breadth.every_action);
}

#[test]
fn an_expired_half_covers_nothing() {
    let s = snapshot("aws")
        .human("ann")
        .role("iam", &[allow("iam:*", "*")])
        .role("rest", &[except(allow("*", "*"), &[("iam:*", "*")])])
        .role("admin", &[allow("*", "*")])
        .held("a1", "ann", "iam", None)
        .mode(Mode::Active, Some(TAKEN_AT + 60))
        .held("a2", "ann", "rest", None);
    assert_eq!(one(&s, grant("ann", "admin", None)).effects.gained.len(), 1);
}

/// Patterns of a system, from narrow to wide and beside each other.
const AWS: &[(&[&str], &[&str])] = &[(
    &["*", "iam:*", "iam:Create*", "iam:CreateAccessKey", "sts:AssumeRole", "s3:Get*", "organizations:*", "*:*", "?*"],
    &[
        "*",
        "arn:*",
        "arn:aws:*",
        "arn:aws:iam::*:user/*",
        "arn:aws:iam::111111111111:user/bob",
        "arn:aws:s3:::b/*",
        "arn:aws:iam:*",
    ],
)];
const KUBERNETES: &[(&[&str], &[&str])] = &[(
    &["*", "get", "create", "impersonate", "escalate"],
    &[
        "*",
        "*:*#*",
        "core:*#*",
        "*:pods#*",
        "core:pods#*",
        "core:pods/exec#*",
        "core:secrets#x",
        "*:*/exec#*",
        "url:*",
        "core:users#*",
    ],
)];

#[test]
fn a_pattern_that_covers_another_is_never_less_sensitive_and_opens_no_fewer_paths() {
    let data = shipped();
    for (source, sets, who) in [("aws", AWS, ADMIN), ("kubernetes", KUBERNETES, BOT)] {
        let permissions: Vec<Permission> = sets
            .iter()
            .flat_map(|(actions, resources)| actions.iter().flat_map(|a| resources.iter().map(|r| allow(a, r))))
            .collect();
        let mut s =
            snapshot(source).identity(who, IdentityKind::ServiceAccount).human("arn:aws:iam::111111111111:user/bob");
        for (n, permission) in permissions.iter().enumerate() {
            s = s.role(&format!("r{n}"), std::slice::from_ref(permission));
        }
        let index = Index::new(&s);
        let (view, classifier) = (AccessState::plain(&index), Classifier::new(&data.classification));
        let verdicts: Vec<_> =
            (0..permissions.len()).map(|n| classifier.role(&view, &format!("r{n}").as_str().into(), None)).collect();
        let enough: Vec<BTreeSet<String>> = (0..permissions.len())
            .map(|n| {
                let role = format!("r{n}").as_str().into();
                crate::access::queries::escalations::enough(&view, &data.escalations, &role)
                    .iter()
                    .map(|(id, _)| id.raw().to_owned())
                    .collect()
            })
            .collect();
        let access = |p: &Permission| Access::plain(p.action.clone(), p.resource.clone());
        for (wide, of_wide, paths) in permissions.iter().zip(&verdicts).zip(&enough).map(|((a, b), c)| (a, b, c)) {
            for ((narrow, of_narrow), fewer) in permissions.iter().zip(&verdicts).zip(&enough) {
                if index.covers(&access(wide), &access(narrow)) {
                    assert!(of_wide.sensitivity >= of_narrow.sensitivity, "{wide:?} and {narrow:?}");
                    assert!(of_wide.privileged.is_some() || of_narrow.privileged.is_none(), "{wide:?} and {narrow:?}");
                    assert!(fewer.is_subset(paths), "{wide:?} opens less than {narrow:?}");
                }
            }
        }
    }
}

#[test]
fn a_wider_grant_gains_no_less() {
    for (source, sets) in [("aws", AWS), ("kubernetes", KUBERNETES)] {
        let (actions, resources) = sets[0];
        let permissions: Vec<Permission> = actions.iter().flat_map(|a| resources.iter().map(|r| allow(a, r))).collect();
        for held in permissions.iter().step_by(7) {
            let mut s =
                snapshot(source).human("ann").role("held", std::slice::from_ref(held)).held("a", "ann", "held", None);
            for (n, permission) in permissions.iter().enumerate() {
                s = s.role(&format!("r{n}"), std::slice::from_ref(permission));
            }
            let index = Index::new(&s);
            let gains: Vec<bool> = (0..permissions.len())
                .map(|n| !one(&s, grant("ann", &format!("r{n}"), None)).effects.gained.is_empty())
                .collect();
            let access = |p: &Permission| Access::plain(p.action.clone(), p.resource.clone());
            for (wide, by_wide) in permissions.iter().zip(&gains) {
                for (narrow, by_narrow) in permissions.iter().zip(&gains) {
                    let covers = index.covers(&access(wide), &access(narrow));
                    assert!(!covers || !by_narrow || *by_wide, "{held:?}: {wide:?} gains nothing, {narrow:?} does");
                }
            }
        }
    }
}

#[test]
fn a_plan_chooses_no_system_by_the_name_of_what_it_makes() {
    let cluster = cluster("{apiGroups: [''], resources: [pods], verbs: [get]}", true, "");
    let data = shipped();
    let run = Run { data: &data, ..Run::default() };
    for name in ["helper", "arn:aws:iam::111111111111:policy/helper", "inline:arn:aws:iam::1:user/a:b"] {
        let made = crate::plan::model::Action::CreateRole(define(name, &[allow("create", "core:pods/exec#*")], &[]));
        let changes = vec![("c1", made), ("c2", grant(BOT, name, None))];
        let analysis = run.on(&cluster, &plan(changes)).unwrap();
        assert!(analysis.changes.iter().all(crate::access::model::facts::ChangeFacts::is_privileged), "{name}");
        assert!(!analysis.changes[1].escalations.is_empty() || analysis.changes[1].gained_privileged > 0, "{name}");
    }
}

#[test]
fn a_tag_makes_nobody_a_service_of_the_system() {
    let mut account = account(EVERYTHING);
    for identity in &mut account.identities {
        identity.labels.insert("service".into(), "true".into());
    }
    assert!(!paths(&account).is_empty());
}
