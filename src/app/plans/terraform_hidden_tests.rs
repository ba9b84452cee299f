//! What is unknown, sensitive or not understood never reads as "the plan does not change access".

#![allow(clippy::needless_pass_by_value, reason = "a test reads better so")]

use serde_json::{Value, json};

use super::tests::{base, create, header, made, plan_of, resource, terraform, words};
use super::*;
use crate::plan::model::Plan;
use crate::snapshot::import::importer_of;

const NOW: i64 = 1_795_000_000;
const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

fn import(system: &str, export: Value) -> Snapshot {
    let text = export.to_string();
    let files: [(&str, &[u8]); 1] = [("export.json", text.as_bytes())];
    let mut out = importer_of(system).unwrap().read(&files, Time::from_unix(NOW)).unwrap().snapshot;
    out.identities.extend(base().identities);
    out
}

fn document(action: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
}

fn trust() -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]})
}

/// Two roles: `job` may read objects, `deploy` may do everything.
fn account() -> Snapshot {
    let role = |name: &str, inline: Value, attached: Value| {
        json!({"RoleName": name, "Arn": format!("arn:aws:iam::123456789012:role/{name}"), "Path": "/",
            "AssumeRolePolicyDocument": trust(), "RolePolicyList": inline, "InstanceProfileList": [],
            "AttachedManagedPolicies": attached})
    };
    let read = json!([{"PolicyName": "p", "PolicyDocument": document("s3:GetObject")}]);
    let admin = json!([{"PolicyName": "AdministratorAccess", "PolicyArn": ADMIN}]);
    import(
        "aws",
        json!({"UserDetailList": [], "GroupDetailList": [], "Policies": [{"PolicyName": "AdministratorAccess",
            "Arn": ADMIN, "DefaultVersionId": "v1",
            "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": true, "Document": document("*")}]}],
            "RoleDetailList": [role("job", read, json!([])), role("deploy", json!([]), admin)]}),
    )
}

fn project() -> Snapshot {
    import(
        "gcp",
        json!([{"resource": "//cloudresourcemanager.googleapis.com/projects/shop", "policy": {"bindings": [
            {"role": "roles/owner", "members": ["user:ann@example.com"]}]}}]),
    )
}

fn hub() -> Snapshot {
    let mut hub = base();
    hub.source = "github".into();
    hub.groups.push(crate::snapshot::model::Group {
        id: "members:acme".into(),
        members: Vec::new(),
        nested: Vec::new(),
        implicit: Vec::new(),
        members_known: crate::snapshot::model::MembersKnown::Known,
        owner: None,
        public: false,
    });
    hub
}

/// A resource of which an attribute is sensitive on both sides.
fn sensitive(address: &str, actions: &[&str], before: Value, after: Value, marks: Value) -> Value {
    let mut out = resource(address, actions, before, after, json!({}));
    out["change"]["before_sensitive"] = marks.clone();
    out["change"]["after_sensitive"] = marks;
    out
}

/// Whether no change of the plan can be automatic for what is hidden: a change of the resource names an unknown, or the plan
/// lists the resource as not read.
fn is_open(plan: &Plan, address: &str) -> bool {
    let has_change = plan.changes.iter().any(|it| {
        !it.unknown.is_empty() && it.origin.as_ref().is_some_and(|origin| origin.value.raw().starts_with(address))
    });
    let is_listed = plan.made_from.iter().flat_map(|it| &it.not_read).any(|it| it.value.raw().starts_with(address));
    has_change || is_listed
}

/// The findings of a plan from which no change plan can be made, or those that it lists.
fn listed(resources: Value, snapshot: &Snapshot) -> Vec<String> {
    listed_of(&terraform(resources), snapshot)
}

fn listed_of(plan: &TerraformPlan, snapshot: &Snapshot) -> Vec<String> {
    let made = plan.draft(snapshot, Some("123456789012"), &header(), Time::from_unix(NOW));
    let findings = match made {
        Ok(made) => made.findings,
        Err(findings) => findings,
    };
    findings.iter().map(|it| it.message.raw().to_owned()).collect()
}

fn gains(plan: &Plan, text: &str) -> bool {
    plan.changes.iter().any(|it| format!("{:?}", it.action).contains(text))
}

#[test]
fn what_is_sensitive_on_both_sides_is_a_gain_and_not_equal() {
    let policy = |action: &str| json!({"role": "job", "name": "p", "policy": document(action).to_string()});
    let hidden =
        sensitive("aws_iam_role_policy.p", &["update"], policy("s3:GetObject"), policy("*"), json!({"policy": true}));
    let plan = made(&terraform(json!([hidden])), &account());
    assert!(is_open(&plan, "aws_iam_role_policy.p") && !plan.changes.is_empty(), "{:?}", words(&plan));
    // A visible change next to it hides it as little.
    let group = create("aws_iam_group.g", json!({"name": "g", "path": "/"}));
    let plan = made(&terraform(json!([group, hidden])), &account());
    assert!(is_open(&plan, "aws_iam_role_policy.p"), "{:?}", words(&plan));

    let member = |who: &str| json!({"project": "shop", "role": "roles/owner", "member": who});
    let hidden = sensitive(
        "google_project_iam_member.m",
        &["delete", "create"],
        member("user:ann@example.com"),
        member("user:eve@example.com"),
        json!({"member": true}),
    );
    let plan = made(&terraform(json!([hidden])), &project());
    assert!(is_open(&plan, "google_project_iam_member.m") && gains(&plan, "roles/owner"), "{:?}", words(&plan));

    let binding = |who: &str| {
        json!({"metadata": [{"name": "b"}], "role_ref": [{"kind": "ClusterRole", "name": "cluster-admin"}],
            "subject": [{"kind": "User", "name": who, "namespace": "", "api_group": ""}]})
    };
    let address = "kubernetes_cluster_role_binding.b";
    let marks = json!({"subject": [{"name": true}]});
    let hidden = sensitive(address, &["update"], binding("ann"), binding("eve"), marks);
    let plan = made(&terraform(json!([hidden])), &base());
    assert!(is_open(&plan, address) && gains(&plan, "cluster-admin"), "{:?}", words(&plan));
}

#[test]
fn a_hidden_value_that_no_change_shows_is_listed() {
    // What is taken away is hidden, so that no change can name it.
    let member = json!({"project": "shop", "role": "roles/owner", "member": "user:ann@example.com"});
    let gone = sensitive("google_project_iam_member.m", &["delete"], member, Value::Null, json!({"member": true}));
    let found = listed(json!([gone]), &project());
    assert!(found.iter().any(|it| it.contains("google_project_iam_member.m")), "{found:?}");
}

#[test]
fn another_account_is_not_read_as_that_of_the_snapshot() {
    let attached = create("aws_iam_role_policy_attachment.x", json!({"role": "deploy", "policy_arn": ADMIN}));
    let with = |providers: Value, key: &str| {
        plan_of(json!({
            "format_version": "1.2", "applyable": true, "complete": true, "errored": false,
            "resource_changes": [attached],
            "configuration": {"provider_config": providers, "root_module": {"resources": [
                {"address": "aws_iam_role_policy_attachment.x", "provider_config_key": key, "expressions": {
                    "role": {"constant_value": "deploy"}, "policy_arn": {"constant_value": ADMIN}}}
            ]}}
        }))
    };
    let provider = |alias: Option<&str>, arguments: Value| json!({"name": "aws", "full_name": "registry.terraform.io/hashicorp/aws", "alias": alias, "expressions": arguments});
    let region = |name: &str| json!({"region": {"constant_value": name}});
    let (default, other) = (provider(None, json!({})), provider(Some("other"), json!({})));
    for (providers, key, is_reported) in [
        (json!({"aws": default, "aws.other": other}), "aws.other", true),
        (json!({"aws": default, "aws.other": other}), "aws", true),
        (json!({"aws.other": other}), "aws.other", true),
        (json!({"aws": default}), "aws", false),
        // The regions of one account.
        (
            json!({"aws": provider(None, region("eu-west-1")), "aws.us": provider(Some("us"), region("us-east-1"))}),
            "aws.us",
            false,
        ),
    ] {
        let found = listed_of(&with(providers.clone(), key), &account());
        assert_eq!(found.iter().any(|it| it.contains("another account")), is_reported, "{providers} {key}: {found:?}");
    }
}

#[test]
fn an_unknown_flag_or_role_is_the_strongest() {
    let open =
        |address: &str, after: Value, unknown: Value| resource(address, &["create"], Value::Null, after, unknown);
    let role = || json!({"name": "eve", "login": true});
    let secret = sensitive(
        "postgresql_role.eve",
        &["create"],
        Value::Null,
        json!({"name": "eve", "login": true, "superuser": true}),
        json!({"superuser": true}),
    );
    let before = json!({"name": "eve", "login": true, "superuser": false});
    let (login, member) = ("github_membership.x", json!({"username": "eve"}));
    for (it, snapshot, gained) in [
        (open("postgresql_role.eve", role(), json!({"superuser": true})), base(), "SUPERUSER"),
        (secret, base(), "SUPERUSER"),
        (resource("postgresql_role.eve", &["update"], before, role(), json!({"superuser": true})), base(), "SUPERUSER"),
        (
            open(
                "postgresql_grant_role.x",
                json!({"role": "eve", "grant_role": "team"}),
                json!({"with_admin_option": true}),
            ),
            base(),
            "ADMIN ON",
        ),
        (open(login, member.clone(), json!({"role": true})), hub(), "organization owner"),
        (
            resource(login, &["update"], json!({"username": "eve", "role": "member"}), member, json!({"role": true})),
            hub(),
            "organization owner",
        ),
        (open("github_team_members.x", json!({"team_id": "admins"}), json!({"members": true})), hub(), "maintainer of"),
        (
            open("github_team.x", json!({"name": "kids", "slug": "kids"}), json!({"parent_team_id": true, "id": true})),
            hub(),
            "parent_team_id",
        ),
        (
            open(
                "kubernetes_cluster_role.x",
                json!({"metadata": [{"name": "x"}], "rule": [{}], "aggregation_rule": []}),
                json!({"rule": [true]}),
            ),
            base(),
            "*",
        ),
    ] {
        let address = it["address"].as_str().unwrap().to_owned();
        let plan = made(&terraform(json!([it])), &snapshot);
        assert!(is_open(&plan, &address) && gains(&plan, gained), "{address}: {:?}", words(&plan));
    }
}

#[test]
fn an_unknown_rule_of_kubernetes_gives_resources_and_urls() {
    let role = resource(
        "kubernetes_cluster_role.x",
        &["create"],
        Value::Null,
        json!({"metadata": [{"name": "x"}], "rule": [{}], "aggregation_rule": []}),
        json!({"rule": [true]}),
    );
    let after = super::tests::reached(&terraform(json!([role])), &base());
    let role = after.roles.iter().find(|it| it.id.as_str() == "clusterrole:x").unwrap();
    assert!(role.permissions.len() > 1, "{:?}", role.permissions);
}

#[test]
fn unknown_inline_policies_allow_everything() {
    let role = json!({"name": "job", "path": "/", "arn": "arn:aws:iam::123456789012:role/job",
        "assume_role_policy": trust().to_string()});
    let mut with = role.clone();
    with["inline_policy"] = json!([{"name": "p", "policy": document("s3:GetObject").to_string()}]);
    let mut without = role.clone();
    without["inline_policy"] = json!([]);
    for before in [with, without] {
        let hidden = resource("aws_iam_role.job", &["update"], before, role.clone(), json!({"inline_policy": true}));
        let plan = made(&terraform(json!([hidden])), &account());
        assert!(is_open(&plan, "aws_iam_role.job") && gains(&plan, "*"), "{:?}", words(&plan));
    }
}

#[test]
fn types_that_can_contain_access_are_listed() {
    for kind in [
        "kubectl_manifest",
        "azapi_resource",
        "helm_release",
        "aws_cloudformation_stack",
        "azurerm_resource_group_template_deployment",
        "azurerm_resource_group_policy_assignment",
        "google_deployment_manager_deployment",
        "aws_cloudcontrolapi_resource",
        "kubernetes_config_map_v1_data",
        "kubernetes_config_map",
        "aws_rolesanywhere_profile",
        "github_app_installation_repository",
        "github_branch_protection_v3",
        "azurerm_key_vault",
        "postgresql_schema",
        "awscc_iam_role",
    ] {
        let found = listed(json!([create(&format!("{kind}.x"), json!({}))]), &base());
        assert!(found.iter().any(|it| it.contains(kind)), "{kind}: {found:?}");
    }
    for kind in ["aws_security_group_rule", "kubernetes_network_policy_v1", "aws_eks_node_group", "random_password"] {
        assert!(listed(json!([create(&format!("{kind}.x"), json!({}))]), &base()).is_empty(), "{kind}");
    }
    let map = |name: &str| {
        json!([create("kubernetes_config_map_v1.x", json!({"metadata": [{"name": name, "namespace": "kube-system"}]}))])
    };
    assert!(!listed(map("aws-auth"), &base()).is_empty());
    assert!(listed(map("settings"), &base()).is_empty());
}

#[test]
fn a_holder_that_the_snapshot_lacks_is_a_gain_even_if_terraform_knew_it() {
    let binding = |members: Value| json!({"project": "shop", "role": "roles/owner", "members": members});
    let update = resource(
        "google_project_iam_binding.b",
        &["update"],
        binding(json!(["user:ann@example.com", "user:eve@example.com"])),
        binding(json!(["user:ann@example.com", "user:eve@example.com", "user:bob@example.com"])),
        json!({}),
    );
    let plan = made(&terraform(json!([update])), &project());
    assert!(gains(&plan, "eve") && gains(&plan, "bob") && !gains(&plan, "ann"), "{:?}", words(&plan));
}

#[test]
fn rules_that_labels_add_to_other_roles_are_listed() {
    let label = json!({"rbac.authorization.k8s.io/aggregate-to-view": "true"});
    let typed = create(
        "kubernetes_cluster_role_v1.x",
        json!({"metadata": [{"name": "x", "labels": label}], "aggregation_rule": [],
            "rule": [{"api_groups": [""], "resources": ["secrets"], "verbs": ["*"]}]}),
    );
    let manifest = create(
        "kubernetes_manifest.x",
        json!({"manifest": {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "x", "labels": label}, "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}]}}),
    );
    for it in [typed, manifest] {
        let found = listed(json!([it]), &base());
        assert!(found.iter().any(|it| it.contains("labels add its rules")), "{found:?}");
    }
}

#[test]
fn what_ends_without_taking_anything_away_leaves_the_access() {
    let only = json!({"role_name": "deploy", "policy_arns": [ADMIN]});
    let gone = resource("aws_iam_role_policy_attachments_exclusive.x", &["delete"], only, Value::Null, json!({}));
    let found = listed(json!([gone]), &account());
    assert!(found.iter().any(|it| it.contains("takes nothing away")), "{found:?}");
    // Of unknown holders, the present one may stay.
    let binding = json!({"project": "shop", "role": "roles/owner"});
    let mut before = binding.clone();
    before["members"] = json!(["user:ann@example.com"]);
    let open = resource("google_project_iam_binding.b", &["update"], before, binding, json!({"members": true}));
    let plan = made(&terraform(json!([open])), &project());
    assert!(is_open(&plan, "google_project_iam_binding.b"), "{:?}", words(&plan));
    assert!(words(&plan).iter().all(|(word, _)| *word != "revoke"), "{:?}", words(&plan));
}

#[test]
fn a_plan_that_is_written_with_warnings_is_not_called_unevaluated() {
    let faults = crate::app::site::load::Faults { findings: Vec::new(), sources: std::collections::BTreeMap::new() };
    let report =
        crate::app::site::fault_report::faults("plan import", &faults, crate::decision::exit::ExitCode::Passes);
    assert_eq!(report.verdict, crate::report::sentence::Sentence::of("the plan was written, with warnings"));
}
