//! The permissions by which Kubernetes lets their holder act as somebody else, as data.
//!
//! Gives the trust rules that `access` evaluates before and after a plan. Sources: Kubernetes documentation, "User
//! impersonation", "RBAC good practices: privilege escalation risks", "Manually create an API token".
//!
//! Approximations, towards more access: whoever reads secrets of a namespace is taken to act as each of its service
//! accounts (token secrets), whatever the secrets are called; whoever changes a workload is taken to choose its account;
//! constrained impersonation is taken to give everything that the account can do, not only the actions allowed.
//! Not rules, because they name nobody: impersonating `uids` and `userextras`.

use std::collections::BTreeSet;

use crate::input::entitlement::Requirement;
use crate::input::id::TrustId;
use crate::input::text::Text;
use crate::snapshot::model::TrustRule;

/// The verbs by which a workload is made or changed, and how that is called.
const RUN: (&[&str], &str) = (&["create", "patch", "update"], "run-workload");

/// Verbs, resources, `via`: whoever holds one of the verbs acts as every service account of the namespace.
const ACCOUNTS: &[(&[&str], &[&str], &str)] = &[
    (&["impersonate"], &["core:serviceaccounts#$name"], "impersonate"),
    (&["create"], &["core:serviceaccounts/token#$name"], "request-token"),
    (&["create", "patch", "update"], &["core:pods#*"], "run-pod"),
    (
        RUN.0,
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
        RUN.1,
    ),
    // WHY: `get` as well, because a WebSocket opens exec and attach by it.
    (&["create", "get"], &["core:pods/attach#*", "core:pods/exec#*"], "enter-pod"),
    (&["patch", "update"], &["core:pods/ephemeralcontainers#*"], "debug-pod"),
    (&["get", "list", "watch"], &["core:secrets#*"], "read-token"),
];

/// A permission that must be held besides: action and resource.
type With = (&'static str, &'static str);

/// Verb, resource, whom, `via`, and what must be held besides, for what is not in a namespace.
///
/// WHY: a group is impersonated only together with a user or a service account; constrained impersonation takes a
/// permission on the account and one on what is done as the account.
const CLUSTER: &[(&str, &str, &str, &str, &[With])] = &[
    ("impersonate", "core:users#$name", "user:$name", "impersonate", &[]),
    ("impersonate", "core:groups#$name", "group:$name", "impersonate", &[("impersonate", "core:users#*")]),
    (
        "impersonate",
        "core:groups#$name",
        "group:$name",
        "impersonate-with-account",
        &[("impersonate", "core:serviceaccounts#*")],
    ),
    (
        "impersonate:user-info",
        "authentication.k8s.io:users#$name",
        "user:$name",
        "impersonate",
        &[("impersonate-on:user-info:*", "*")],
    ),
    (
        "impersonate:user-info",
        "authentication.k8s.io:groups#$name",
        "group:$name",
        "impersonate",
        &[("impersonate:user-info", "authentication.k8s.io:users#*"), ("impersonate-on:user-info:*", "*")],
    ),
    (
        "impersonate:arbitrary-node",
        "authentication.k8s.io:nodes#$name",
        "user:system:node:$name",
        "impersonate",
        &[("impersonate-on:arbitrary-node:*", "*")],
    ),
    (
        "impersonate:associated-node",
        "authentication.k8s.io:nodes#$name",
        "user:system:node:$name",
        "impersonate",
        &[("impersonate-on:associated-node:*", "*")],
    ),
    ("create", "core:nodes/proxy#*", "sa:$ns/$name", "node-proxy", &[]),
    ("get", "core:nodes/proxy#*", "sa:$ns/$name", "node-proxy", &[]),
];

/// All rules, sorted by name. `workloads` are the custom resources that create pods, as `GROUP:RESOURCE`.
pub(super) fn rules(workloads: &BTreeSet<String>) -> Vec<TrustRule> {
    let mut out = Vec::new();
    for (verbs, resources, via) in ACCOUNTS {
        for resource in *resources {
            out.extend(verbs.iter().map(|verb| rule(verb, resource, "sa:$ns/$name", via, Some("ns:$ns"), &[])));
        }
    }
    for resource in workloads {
        let resource = format!("{resource}#*");
        out.extend(RUN.0.iter().map(|verb| rule(verb, &resource, "sa:$ns/$name", RUN.1, Some("ns:$ns"), &[])));
    }
    out.push(rule(
        "impersonate:serviceaccount",
        "authentication.k8s.io:serviceaccounts#$name",
        "sa:$ns/$name",
        "impersonate",
        Some("ns:$ns"),
        &[("impersonate-on:serviceaccount:*", "*")],
    ));
    out.extend(CLUSTER.iter().map(|(verb, resource, to, via, with)| rule(verb, resource, to, via, None, with)));
    out.sort_by(|a, b| a.id.cmp(&b.id));
    out
}

fn rule(verb: &str, resource: &str, to: &str, via: &str, scope: Option<&str>, with: &[With]) -> TrustRule {
    let what = resource.split('#').next().unwrap_or_default();
    let with = with.iter().map(|(action, resource)| Requirement {
        action: Text::from(*action),
        resource: Text::from(*resource),
        scope: None,
        system: None,
    });
    TrustRule {
        id: TrustId::new(format!("kubernetes:{via}:{verb}:{what}")),
        via: Text::from(via),
        to: Text::from(to),
        action: Text::from(verb),
        resource: Text::from(resource),
        scope: scope.map(Text::from),
        with: with.collect(),
        system: None,
    }
}
