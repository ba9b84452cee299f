//! What the resources of each provider become, on plans that we write and on real ones where they are.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test reads better so")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::tests::{base, create, grants, header, made, reached, resource, terraform, words};
use super::*;
use crate::access::Index;
use crate::access::change::materialise::applied;
use crate::snapshot::import::importer_of;

const ANN: &str = "arn:aws:iam::123456789012:user/ann";

fn roles_of(snapshot: &Snapshot) -> BTreeSet<String> {
    snapshot.roles.iter().map(|it| it.id.as_str().to_owned()).collect()
}

fn import(system: &str, export: &Value) -> Snapshot {
    let text = export.to_string();
    let files: [(&str, &[u8]); 1] = [("export.json", text.as_bytes())];
    let mut out = importer_of(system).unwrap().read(&files, Time::from_unix(1_795_000_000)).unwrap().snapshot;
    out.identities.extend(base().identities);
    out
}

fn document(action: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}).to_string()
}

fn trust(who: &str) -> String {
    let statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": who}});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

#[test]
fn an_aws_plan_leads_to_what_the_importer_reads_from_the_account_after_it() {
    let plan = terraform(json!([
        create("aws_iam_role.deploy", json!({"name": "deploy", "path": "/", "assume_role_policy": trust(ANN)})),
        create(
            "aws_iam_role_policy.inline",
            json!({"name": "inline", "role": "deploy", "policy": document("s3:GetObject")})
        ),
        create(
            "aws_iam_role_policy_attachment.admin",
            json!({"role": "deploy", "policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"})
        ),
        create("aws_iam_user.ann", json!({"name": "ann", "path": "/"})),
        create("aws_iam_group.ops", json!({"name": "ops", "path": "/"})),
        create("aws_iam_group_policy.ops", json!({"name": "ops", "group": "ops", "policy": document("ec2:*")})),
        create("aws_iam_user_group_membership.ann", json!({"user": "ann", "groups": ["ops"]}))
    ]));
    let want = import(
        "aws",
        &json!({
            "UserDetailList": [{"UserName": "ann", "Arn": ANN, "GroupList": ["ops"]}],
            "GroupDetailList": [{"GroupName": "ops", "Arn": "arn:aws:iam::123456789012:group/ops",
                "GroupPolicyList": [{"PolicyName": "ops", "PolicyDocument": document("ec2:*")}]}],
            "RoleDetailList": [{"RoleName": "deploy", "Arn": "arn:aws:iam::123456789012:role/deploy",
                "AssumeRolePolicyDocument": trust(ANN),
                "RolePolicyList": [{"PolicyName": "inline", "PolicyDocument": document("s3:GetObject")}],
                "AttachedManagedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}]}],
            "Policies": []
        }),
    );
    let have = reached(&plan, &base());
    assert_eq!(crate::access::change::between::unsaid(&have, &want), []);
}

#[test]
fn what_aws_replaces_and_deletes_is_taken_from_the_snapshot() {
    let held = import(
        "aws",
        &json!({
            "UserDetailList": [{"UserName": "ann", "Arn": ANN,
                "AttachedManagedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}]}],
            "GroupDetailList": [], "Policies": [], "RoleDetailList": []
        }),
    );
    let old = json!({"user": "ann", "policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"});
    let new = json!({"user": "ann", "policy_arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"});
    let replaced = resource("aws_iam_user_policy_attachment.a", &["delete", "create"], old, new, json!({}));
    let plan = made(&terraform(json!([replaced])), &held);
    assert_eq!(words(&plan).iter().map(|(word, _)| *word).collect::<Vec<_>>(), ["revoke", "create_role", "grant"]);
    let user = resource(
        "aws_iam_user.ann",
        &["delete"],
        json!({"name": "ann", "path": "/", "arn": ANN}),
        Value::Null,
        json!({}),
    );
    let plan = made(&terraform(json!([user])), &held);
    let after = applied(&Index::new(&held), &plan, None).unwrap();
    assert!(
        after.assignments.is_empty() && !after.identities.iter().any(|it| it.id.as_str() == ANN),
        "{:?}",
        words(&plan)
    );
    // An exclusive attachment takes the policy from everybody else.
    let only = json!({"name": "admins", "users": ["bob"], "roles": [], "groups": [],
        "policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"});
    let plan = made(&terraform(json!([create("aws_iam_policy_attachment.admins", only)])), &held);
    let after = grants(&applied(&Index::new(&held), &plan, None).unwrap());
    let who: Vec<&str> = after.iter().map(|(who, ..)| who.as_str()).collect();
    assert_eq!(who, ["arn:aws:iam::123456789012:user/bob"]);
}

#[test]
fn an_unknown_policy_allows_everything_and_an_unset_one_nothing() {
    let unknown = json!({"arn": true, "policy_arn": true});
    let attached =
        resource("aws_iam_user_policy_attachment.a", &["create"], Value::Null, json!({"user": "ann"}), unknown);
    let plan = made(&terraform(json!([attached])), &base());
    let last = plan.changes.last().unwrap();
    assert_eq!(last.unknown.iter().map(|it| it.value.raw()).collect::<Vec<_>>(), ["policy_arn"]);
    let defined = plan.changes.iter().find_map(|it| match &it.action {
        Action::CreateRole(role) => Some(role.permissions.clone()),
        _ => None,
    });
    let permissions = defined.unwrap();
    assert!(
        permissions.iter().any(|it| it.value.action.raw() == "*" && it.value.resource.raw() == "*"),
        "{permissions:?}"
    );
    // What the configuration leaves out is computed by the provider, and is not a policy that somebody wrote.
    let mut text: Value = serde_json::from_slice(
        &terraform(json!([
            resource("aws_s3_bucket.b", &["create"], Value::Null, json!({"bucket": "b"}), json!({"policy": true})),
            create("aws_iam_user.bob", json!({"name": "bob", "path": "/"}))
        ]))
        .json,
    )
    .unwrap();
    text["configuration"] = json!({"root_module": {"resources": [
        {"address": "aws_s3_bucket.b", "expressions": {"bucket": {"constant_value": "b"}}}
    ]}});
    let plan = made(&super::tests::plan_of(text), &base());
    assert!(plan.changes.iter().all(|it| it.unknown.is_empty()), "{:?}", words(&plan));
    assert!(!words(&plan).iter().any(|(word, _)| *word == "grant" || *word == "create_role"), "{:?}", words(&plan));
}

#[test]
fn a_policy_of_a_resource_that_lets_everybody_in_is_public() {
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::corp/*"}
    ]});
    let bucket = create("aws_s3_bucket_policy.b", json!({"bucket": "corp", "policy": policy.to_string()}));
    let function = create(
        "aws_lambda_permission.f",
        json!({"function_name": "f", "action": "lambda:InvokeFunction", "principal": "*"}),
    );
    for (it, role) in [
        (bucket, "resource-policy:arn:aws:s3:::corp#0"),
        (function, "resource-policy:arn:aws:lambda:*:123456789012:function:f#0"),
    ] {
        let after = reached(&terraform(json!([it])), &base());
        assert!(roles_of(&after).contains(role), "{:?}", roles_of(&after));
        assert!(after.roles.iter().all(|it| it.by_resource));
        let public = after.identities.iter().any(|it| it.kind == crate::input::entitlement::IdentityKind::Public)
            || after.groups.iter().any(|it| it.public);
        assert!(public, "{:?}", after.groups);
    }
}

#[test]
fn kubernetes_resources_and_manifests_lead_to_the_same_snapshot() {
    let typed = terraform(json!([
        create(
            "kubernetes_cluster_role_v1.pods",
            json!({"metadata": [{"name": "pods"}],
            "rule": [{"api_groups": [""], "resources": ["pods"], "verbs": ["get"], "resource_names": null, "non_resource_urls": null}]})
        ),
        create(
            "kubernetes_role_binding.ci",
            json!({"metadata": [{"name": "ci", "namespace": "shop"}],
            "role_ref": [{"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "pods"}],
            "subject": [{"kind": "ServiceAccount", "name": "ci", "namespace": "shop", "api_group": ""}]})
        )
    ]));
    let manifests = terraform(json!([
        create(
            "kubernetes_manifest.role",
            json!({"manifest": {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "pods"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}})
        ),
        create(
            "kubernetes_manifest.binding",
            json!({"manifest": {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": "ci", "namespace": "shop"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "pods"},
            "subjects": [{"kind": "ServiceAccount", "name": "ci", "namespace": "shop"}]}})
        )
    ]));
    let (one, other) = (reached(&typed, &base()), reached(&manifests, &base()));
    assert_eq!(grants(&one), grants(&other));
    assert_eq!(grants(&one).len(), 1, "{:?}", grants(&one));
    let unknown = resource(
        "kubernetes_role_binding.x",
        &["create"],
        Value::Null,
        json!({"metadata": [{"name": "ci", "namespace": "shop"}], "subject": [{"kind": "User"}],
            "role_ref": [{"kind": "ClusterRole", "name": "pods"}]}),
        json!({"subject": [{"name": true}]}),
    );
    let after = reached(&terraform(json!([unknown])), &base());
    let (who, ..) = grants(&after).pop_first().unwrap();
    assert!(crate::snapshot::public::is_public_name(&who, None), "{who}");
}

#[test]
fn azure_assignments_are_those_of_the_export() {
    let scope = "/subscriptions/0b1f6471-1bf0-4dda-aec3-cb9272f09590/resourceGroups/Shop";
    let after = reached(
        &terraform(json!([
            create(
                "azurerm_role_definition.ops",
                json!({"name": "ops", "scope": scope,
            "permissions": [{"actions": ["Microsoft.Compute/*/read"], "not_actions": [], "data_actions": [], "not_data_actions": []}]})
            ),
            create(
                "azurerm_role_assignment.a",
                json!({"scope": scope, "role_definition_name": "Reader",
            "principal_id": "11111111-2222-3333-4444-555555555555", "principal_type": "ServicePrincipal"})
            )
        ])),
        &base(),
    );
    let (who, role, at) = grants(&after).pop_first().unwrap();
    assert_eq!((who.as_str(), role.as_str()), ("sp:11111111-2222-3333-4444-555555555555", "Reader"));
    assert_eq!(at.unwrap(), scope.to_ascii_lowercase());
    assert!(roles_of(&after).iter().any(|it| it.starts_with("ops/")), "{:?}", roles_of(&after));
}

#[test]
fn teams_directories_and_databases_become_assignments() {
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
    let plan = terraform(json!([
        create("github_team.ops", json!({"name": "Site Ops", "slug": "site-ops", "id": "77"})),
        create("github_team_membership.ann", json!({"team_id": "77", "username": "ann", "role": "member"})),
        create("github_team_repository.shop", json!({"team_id": "77", "repository": "shop", "permission": "push"}))
    ]));
    let after = reached(&plan, &hub);
    assert_eq!(
        grants(&after),
        BTreeSet::from([("team:acme/site-ops".to_owned(), "repo:push".to_owned(), Some("repo:acme/shop".to_owned()))])
    );
    assert!(
        after.assignments.iter().any(|it| it.member_of.as_ref().is_some_and(|id| id.as_str() == "team:acme/site-ops"))
    );

    let plan = terraform(json!([
        create("okta_group.ops", json!({"name": "ops", "id": "00g1"})),
        create("okta_user.ann", json!({"login": "ann@example.com", "id": "00u1"})),
        create("okta_group_memberships.ops", json!({"group_id": "00g1", "users": ["00u1"]})),
        create("okta_group_role.ops", json!({"group_id": "00g1", "role_type": "SUPER_ADMIN"}))
    ]));
    let after = reached(&plan, &base());
    assert_eq!(grants(&after).pop_first().unwrap().1, "admin-role:SUPER_ADMIN");

    let plan = terraform(json!([
        create("postgresql_role.app", json!({"name": "app", "login": true, "superuser": false, "roles": ["readers"]})),
        create(
            "postgresql_grant.app",
            json!({"role": "app", "database": "shop", "schema": "public", "object_type": "table",
            "objects": ["orders"], "privileges": ["SELECT"], "with_grant_option": false})
        )
    ]));
    let after = reached(&plan, &base());
    let want =
        ("user:app".to_owned(), "SELECT ON table:public.orders".to_owned(), Some("table:public.orders".to_owned()));
    assert_eq!(grants(&after), BTreeSet::from([want]));
}

#[test]
fn every_real_aws_plan_is_read_or_refused_with_help() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/terraform");
    if !folder.exists() {
        eprintln!("skipped: there are no real plans of Terraform in `{}`", folder.display());
        return;
    }
    let mut open = vec![folder.join("awslabs"), folder.join("checkov")];
    let mut count = 0;
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|it| it.unwrap().path()));
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !(name == "test_plan.json" || name.contains("tfplan")) {
            continue;
        }
        let plan = TerraformPlan::read(&path, None, None).unwrap();
        let made = plan.draft(&base(), Some("123456789012"), &header(), Time::from_unix(1_795_000_000));
        match made {
            Ok(made) => assert!(made.changes > 0, "{name}"),
            // A policy names the bucket without a name, which AWS refuses as well.
            Err(findings) => {
                assert_eq!(name, "github-oidc-trust-tfplan.json", "{findings:?}");
                assert!(findings.iter().all(|it| it.help.is_some()), "{findings:?}");
            }
        }
        count += 1;
    }
    assert_eq!(count, 9);
}
