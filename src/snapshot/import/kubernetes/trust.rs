//! The permissions by which Kubernetes lets their holder act as somebody else, as data.
//!
//! In: nothing. Out: trust rules that `access` evaluates before and after a plan. Sources: Kubernetes documentation,
//! "User impersonation", "RBAC good practices: privilege escalation risks", "Manually create an API token".
//!
//! Approximations, towards more access: whoever reads secrets of a namespace is taken to act as each of its service
//! accounts (token secrets), whatever the secrets are called; whoever changes a workload is taken to choose its account.
//! Whoever may impersonate for some verbs only (`impersonate-on:MODE:VERB`) is taken to do so for all.
//! Not rules, because they name nobody: impersonating `uids` and `userextras`. Custom resources that make pods are unknown here.

use crate::input::id::TrustId;
use crate::input::text::Text;
use crate::snapshot::model::TrustRule;

/// Verbs, resources, `via`: whoever holds one of the verbs acts as every service account of the namespace.
const ACCOUNTS: &[(&[&str], &[&str], &str)] = &[
    (&["impersonate"], &["core:serviceaccounts#$name"], "impersonate"),
    (&["impersonate:serviceaccount"], &["authentication.k8s.io:serviceaccounts#$name"], "impersonate"),
    (&["create"], &["core:serviceaccounts/token#$name"], "request-token"),
    (&["create", "patch", "update"], &["core:pods#*"], "run-pod"),
    (
        &["create", "patch", "update"],
        &[
            "apps:daemonsets#*",
            "apps:deployments#*",
            "apps:replicasets#*",
            "apps:statefulsets#*",
            "batch:cronjobs#*",
            "batch:jobs#*",
            "core:replicationcontrollers#*",
            "extensions:daemonsets#*",
            "extensions:deployments#*",
            "extensions:replicasets#*",
        ],
        "run-workload",
    ),
    // WHY: `get` as well, because a WebSocket opens exec and attach by it.
    (&["create", "get"], &["core:pods/attach#*", "core:pods/exec#*"], "enter-pod"),
    (&["patch", "update"], &["core:pods/ephemeralcontainers#*"], "debug-pod"),
    (&["get", "list", "watch"], &["core:secrets#*"], "read-token"),
];

/// The same for what is not in a namespace: verbs, resource, whom, `via`.
const CLUSTER: &[(&[&str], &str, &str, &str)] = &[
    (&["impersonate"], "core:users#$name", "user:$name", "impersonate"),
    (&["impersonate"], "core:groups#$name", "group:$name", "impersonate"),
    (&["impersonate:user-info"], "authentication.k8s.io:users#$name", "user:$name", "impersonate"),
    (&["impersonate:user-info"], "authentication.k8s.io:groups#$name", "group:$name", "impersonate"),
    (
        &["impersonate:arbitrary-node", "impersonate:associated-node"],
        "authentication.k8s.io:nodes#$name",
        "user:system:node:$name",
        "impersonate",
    ),
    (&["create", "get"], "core:nodes/proxy#*", "sa:$ns/$name", "node-proxy"),
];

/// All rules, sorted by name.
pub(super) fn rules() -> Vec<TrustRule> {
    let mut out = Vec::new();
    for (verbs, resources, via) in ACCOUNTS {
        for resource in *resources {
            out.extend(verbs.iter().map(|verb| rule(verb, resource, "sa:$ns/$name", via, Some("ns:$ns"))));
        }
    }
    for (verbs, resource, to, via) in CLUSTER {
        out.extend(verbs.iter().map(|verb| rule(verb, resource, to, via, None)));
    }
    out.sort_by(|a, b| a.id.cmp(&b.id));
    out
}

fn rule(verb: &str, resource: &str, to: &str, via: &str, scope: Option<&str>) -> TrustRule {
    let what = resource.split('#').next().unwrap_or_default();
    TrustRule {
        id: TrustId::new(format!("kubernetes:{via}:{verb}:{what}")),
        via: Text::from(via),
        to: Text::from(to),
        action: Text::from(verb),
        resource: Text::from(resource),
        scope: scope.map(Text::from),
        system: None,
    }
}
