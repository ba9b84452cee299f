//! What the shipped rules classify in Kubernetes, AWS, `PostgreSQL` and a system that they do not know, also in real exports.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{change, level, shipped, verdict};
use crate::access::Index;
use crate::access::effective::state::AccessState;
use crate::access::queries::inventory::holdings;
use crate::access::risk::classification::Classifier;
use crate::access::risk::rules::ClassificationRule;
use crate::access::tests::build::*;
use crate::input::entitlement::{IdentityKind, Sensitivity};
use crate::input::time::{Span, Time};
use crate::snapshot::import::{Import, aws, kubernetes};
use crate::snapshot::model::Snapshot;

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
    for action in
        ["s3:GetObject", "scheduler:GetSchedule", "servicecatalog:DescribeRecord", "imagebuilder:GetComponent"]
    {
        assert_eq!(level("aws", action, "*"), (Sensitivity::Moderate, false), "{action}");
    }
}

#[test]
fn what_postgresql_documents_as_reading_is_low() {
    for action in ["SELECT", "USAGE", "CONNECT", "TEMPORARY", "LOGIN"] {
        assert_eq!(level("postgresql", action, "table:app.orders"), (Sensitivity::Low, false), "{action}");
    }
    assert_eq!(level("postgresql", "ALTER SYSTEM", "*"), (Sensitivity::Critical, true));
    assert_eq!(level("postgresql", "NOVEL", "*"), (Sensitivity::Unknown, false));
}

#[test]
fn a_read_of_aws_is_low_only_in_services_that_a_rule_names() {
    use Sensitivity::{High, Low, Moderate, Unknown};
    let data = shipped();
    let aws = |r: &&ClassificationRule| r.system.as_ref().is_some_and(|s| s.raw() == "aws");
    for rule in data.classification.rules.iter().filter(aws).filter(|r| r.sensitivity < Unknown) {
        for (action, _) in rule.pairs() {
            let service = action.and_then(|action| action.raw().split_once(':')).map(|(service, _)| service);
            assert!(service.is_some_and(|s| !s.contains(['*', '?'])), "{action:?} is of any service");
        }
    }
    for (action, expected) in [
        ("ec2:DescribeInstances", Low),
        ("ec2:describeinstances", Low),
        ("iam:Get*", Low),
        ("s3:GetBucketPolicy", Low),
        ("sts:GetCallerIdentity", Low),
        ("secretsmanager:ListSecrets", Low),
        ("novel:GetThing", Unknown),
        ("novel:List*", Unknown),
        ("novel:DescribeSecrets", Unknown),
        ("s?:GetCallerIdentity", Unknown),
        ("qbusiness:GetChatControlsConfiguration", Unknown),
        ("s3:GetObjectVersion", Moderate),
        ("dynamodb:GetItem", Moderate),
        ("sqs:ReceiveMessage", Moderate),
        ("logs:FilterLogEvents", Moderate),
        ("logs:Unmask", Moderate),
        ("athena:GetQueryResultsStream", Moderate),
        ("cloudformation:GetResource", Moderate),
        ("config:SelectResourceConfig", Moderate),
        ("lambda:ListFunctions", Moderate),
        ("ssm:GetDocument", Moderate),
        ("ssm:ListCommandInvocations", Moderate),
        ("sagemaker:DescribeNotebookInstanceLifecycleConfig", Moderate),
        ("auditmanager:GetEvidence", Moderate),
        ("ecs:DescribeTaskDefinition", Moderate),
        ("cognito-idp:AdminGetUser", Moderate),
        ("kinesis:SubscribeToShard", Unknown),
        ("ssm:GetParametersByPath", High),
    ] {
        assert_eq!(level("aws", action, "*").0, expected, "{action}");
    }
    for action in ["*:Get*", "*:List*", "?*:Describe*", "*Get*", "secretsmanager:G*", "sts:Get*"] {
        assert!(level("aws", action, "*").0 >= High, "{action} hands out credentials of some service");
    }
}

#[test]
fn a_read_of_aws_that_hands_out_credentials_is_high() {
    for action in [
        "acm:ExportCertificate",
        "amplify:GetApp",
        "apigateway:GET",
        "codestar-connections:GetIndividualAccessToken",
        "cognito-idp:ListUserPoolClientSecrets",
        "ec2:DescribeVpnConnections",
        "ec2:GetPasswordData",
        "ecr:GetAuthorizationToken",
        "elasticmapreduce:GetPersistentAppUIPresignedURL",
        "emr-containers:GetManagedEndpointSessionCredentials",
        "kms:Decrypt",
        "lakeformation:GetDataAccess",
        "lightsail:GetBucketAccessKeys",
        "quicksight:GetDashboardEmbedUrl",
        "redshift:GetClusterCredentialsWithIAM",
        "route53domains:RetrieveDomainAuthCode",
        "s3:GetDataAccess",
        "secretsmanager:GetSecretValue",
        "ssm:GetParameterHistory",
        "sso:GetRoleCredentials",
        "sts:GetSessionToken",
        "wafv2:GetDecryptedAPIKey",
    ] {
        assert!(level("aws", action, "*").0 >= Sensitivity::High, "{action}");
    }
    assert_eq!(level("aws", "apigateway:GET", "arn:aws:apigateway:us-east-1::/restapis").0, Sensitivity::Moderate);
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
