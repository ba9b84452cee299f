//! Whether a resource type that is not read looks as if it gave access, by the words of its name.

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

/// Types with such a word that give none.
const NONE: &[&str] = &[
    "security_group",
    "subnet_group",
    "parameter_group",
    "option_group",
    "log_group",
    "target_group",
    "placement_group",
    "resource_group",
    "node_group",
    "instance_group",
    "autoscaling_group",
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
    "cluster_parameter",
    "consumer_group",
    "health_policy",
    "alert_policy",
    "proxy_protocol_policy",
];

/// Whether a type looks as if it gave access.
pub(super) fn like_access(kind: &str) -> bool {
    !NONE.iter().any(|it| kind.contains(it)) && (is_key(kind) || kind.split('_').any(|word| WORDS.contains(&word)))
}

/// Keys of accounts and of access are credentials; keys of encryption are none.
fn is_key(kind: &str) -> bool {
    ["access_key", "account_key", "api_key", "deploy_key", "ssh_key"].iter().any(|it| kind.contains(it))
}
