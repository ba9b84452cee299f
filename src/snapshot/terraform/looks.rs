//! Whether a resource that is not read looks as if it gave access: by the words of its type, or because its type can contain
//! or change anything.

use serde_json::Value;

use super::document::ResourceChange;

/// Types without such a word that can give access, without their version: what applies documents of any content, and what
/// settings of its own open.
const CARRIERS: &[&str] = &[
    "argocd_application",
    "aws_cloudcontrolapi_resource",
    "aws_cloudformation_stack",
    "aws_cloudformation_stack_instances",
    "aws_cloudformation_stack_set",
    "aws_cloudformation_stack_set_instance",
    "aws_eks_cluster",
    "aws_rolesanywhere_profile",
    "azapi_data_plane_resource",
    "azapi_resource",
    "azapi_resource_action",
    "azapi_update_resource",
    "azuread_application",
    "azurerm_key_vault",
    "azurerm_management_group_template_deployment",
    "azurerm_resource_group_template_deployment",
    "azurerm_subscription_template_deployment",
    "azurerm_template_deployment",
    "azurerm_tenant_template_deployment",
    "flux_bootstrap_git",
    "github_app_installation_repositories",
    "github_app_installation_repository",
    "github_branch_protection",
    "github_organization_ruleset",
    "github_organization_settings",
    "github_repository",
    "github_repository_environment",
    "github_repository_ruleset",
    "google_deployment_manager_deployment",
    "helm_release",
    "kubectl_manifest",
    "kubernetes_annotations",
    "kubernetes_labels",
    "kustomization_resource",
    "postgresql_database",
    "postgresql_function",
    "postgresql_schema",
    "postgresql_security_label",
    "restapi_object",
    "shell_script",
    "snowflake_execute",
    "snowflake_unsafe_execute",
    "terracurl_request",
    "vault_generic_endpoint",
    "vault_generic_secret",
];

/// The config map that gives access to a cluster of EKS, and the types that can write it.
const ACCESS_MAP: &str = "aws-auth";
const CONFIG_MAPS: &[&str] = &["kubernetes_config_map", "kubernetes_config_map_v1_data"];

/// Ends of the types that add holders to a list, and decide on nothing else.
const LISTS: &[&str] = &[
    "_iam_binding",
    "_membership",
    "_memberships",
    "_members",
    "_policy_attachment",
    "_attachments_exclusive",
    "_admin_roles",
    "postgresql_grant",
];

/// Whether a type adds holders to a list, and decides on nothing else.
pub(super) fn lists_holders(kind: &str) -> bool {
    LISTS.iter().any(|it| kind.ends_with(it))
}

/// Words of types that give access, or say who somebody is.
const WORDS: &[&str] = &[
    "iam",
    "rbac",
    "role",
    "roles",
    "rolebinding",
    "policy",
    "policies",
    "permission",
    "permissions",
    "grant",
    "grants",
    "member",
    "members",
    "membership",
    "memberships",
    "user",
    "users",
    "group",
    "groups",
    "team",
    "teams",
    "identity",
    "principal",
    "assignment",
    "assignments",
    "access",
    "acl",
    "credential",
    "credentials",
    "oidc",
    "saml",
    "scim",
    "sso",
    "token",
    "password",
    "privilege",
    "privileges",
    "entitlement",
    "trust",
    "federated",
    "collaborator",
    "collaborators",
    "admin",
    "owner",
    "login",
    "authorization",
];

/// Ends of types with such a word that give none.
const NONE: &[&str] = &[
    "security_group",
    "security_group_rule",
    "security_group_ingress_rule",
    "security_group_egress_rule",
    "security_group_rules_exclusive",
    "security_group_association",
    "security_group_attachment",
    "subnet_group",
    "parameter_group",
    "option_group",
    "log_group",
    "target_group",
    "target_group_attachment",
    "placement_group",
    "resource_group",
    "node_group",
    "instance_group",
    "instance_group_manager",
    "instance_group_named_port",
    "autoscaling_group",
    "autoscaling_group_tag",
    "autoscaling_policy",
    "lifecycle_policy",
    "scaling_policy",
    "backup_policy",
    "retention_policy",
    "stickiness_policy",
    "negotiation_policy",
    "routing_policy",
    "random_password",
    "cache_policy",
    "request_policy",
    "network_policy",
    "snapshot_policy",
    "replication_group",
    "consumer_group",
    "health_policy",
    "alert_policy",
    "proxy_protocol_policy",
];

/// Whether a resource that is not read may give access.
pub(super) fn may_give_access(resource: &ResourceChange) -> bool {
    let kind = without_version(&resource.kind);
    like_access(kind) || CARRIERS.contains(&kind) || CONFIG_MAPS.contains(&kind) && may_be_access_map(resource)
}

/// Whether a config map has the name of the one that gives access, or one that is hidden.
fn may_be_access_map(resource: &ResourceChange) -> bool {
    let change = &resource.change;
    let name = |side: &Value| side.pointer("/metadata/0/name").and_then(Value::as_str).map(str::to_owned);
    let is_hidden = [&change.before_sensitive, &change.after_sensitive]
        .iter()
        .any(|marks| **marks == Value::Bool(true) || marks.get("metadata").is_some_and(|it| *it == Value::Bool(true)));
    let sides = [&change.before, &change.after].into_iter().filter(|side| !side.is_null());
    let names: Vec<Option<String>> = sides.map(name).collect();
    let is_other = |it: &Option<String>| it.as_deref().is_some_and(|name| name != ACCESS_MAP);
    is_hidden || names.is_empty() || !names.iter().all(is_other)
}

/// A type without its version, such as `_v1`.
fn without_version(kind: &str) -> &str {
    match kind.rsplit_once("_v") {
        Some((start, version)) if !version.is_empty() && version.bytes().all(|it| it.is_ascii_digit()) => start,
        _ => kind,
    }
}

/// Whether the words of a type look as if it gave access.
fn like_access(kind: &str) -> bool {
    !NONE.iter().any(|it| ends_in(kind, it)) && (is_key(kind) || kind.split('_').any(|word| WORDS.contains(&word)))
}

/// Whether a type ends in whole words.
fn ends_in(kind: &str, words: &str) -> bool {
    kind.strip_suffix(words).is_some_and(|start| start.is_empty() || start.ends_with('_'))
}

/// Keys of accounts and of access are credentials; keys of encryption are none.
fn is_key(kind: &str) -> bool {
    ["access_key", "account_key", "api_key", "deploy_key", "ssh_key"].iter().any(|it| kind.contains(it))
}
