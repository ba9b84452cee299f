//! Patterns of Kubernetes resources: `GROUP:RESOURCE[/SUBRESOURCE]#NAME`, or `url:PATH`.
//!
//! Compared part by part, as RBAC does: `*` as a resource is every resource with every subresource, `*/scale` is that
//! subresource of every resource, and `pods` does not include subresources of pods. A missing name or group is
//! completed by `*`. A `RoleBinding` gives no access to cluster-scoped resources or URLs, with two exceptions:
//! `namespaces`, because a request about a namespace is a request in it, and `bind` on `clusterroles`, which is checked
//! in the namespace of the new binding.
//!
//! Source: Kubernetes, `pkg/apis/rbac/v1/evaluation_helpers.go`, `pkg/registry/rbac/escalation_check.go`;
//! documentation, "`RoleBinding` and `ClusterRoleBinding`".

use std::collections::BTreeSet;

use crate::access::matching::pattern;
use crate::access::matching::pattern::Glob;
use crate::access::matching::pattern::is_stars;
use crate::input::text::Text;

/// A parsed pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parts<'p> {
    /// Everything, URLs included.
    All,
    /// URLs of the API server.
    Url(&'p str),
    /// Objects.
    Objects { group: &'p str, resource: ResourcePattern<'p>, name: &'p str },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResourcePattern<'p> {
    /// Every resource and every subresource.
    All,
    /// A resource itself.
    Plain(&'p str),
    /// A subresource.
    Sub(&'p str, &'p str),
}

impl<'p> Parts<'p> {
    fn of(pattern: &'p str) -> Self {
        if is_stars(pattern) {
            return Self::All;
        }
        if let Some(path) = pattern.strip_prefix("url:") {
            return Self::Url(path);
        }
        let (group, rest) = pattern.split_once(':').unwrap_or(("*", pattern));
        let (resource, name) = rest.split_once('#').unwrap_or((rest, "*"));
        let resource = match resource.split_once('/') {
            None if is_stars(resource) => ResourcePattern::All,
            None => ResourcePattern::Plain(resource),
            Some((resource, sub)) => ResourcePattern::Sub(resource, sub),
        };
        Self::Objects { group: if group.is_empty() { "core" } else { group }, resource, name }
    }
}

fn text_covers(q: &str, p: &str) -> bool {
    pattern::covers(q, p, Glob::TEXT)
}

fn text_overlaps(q: &str, p: &str) -> bool {
    pattern::overlap(q, p, Glob::TEXT)
}

/// Whether every resource that `p` matches is matched by `q`.
pub(crate) fn covers(q: &str, p: &str) -> bool {
    if q == p {
        return true;
    }
    match (Parts::of(q), Parts::of(p)) {
        (Parts::All, _) => true,
        (Parts::Url(q), Parts::Url(p)) => text_covers(q, p),
        (
            Parts::Objects { group, resource, name },
            Parts::Objects { group: p_group, resource: p_resource, name: p_name },
        ) => text_covers(group, p_group) && text_covers(name, p_name) && resource.covers(p_resource),
        (Parts::Url(_) | Parts::Objects { .. }, _) => false,
    }
}

impl ResourcePattern<'_> {
    fn covers(self, p: ResourcePattern<'_>) -> bool {
        match (self, p) {
            (Self::All, _) => true,
            (Self::Plain(q), ResourcePattern::Plain(p)) => text_covers(q, p),
            (Self::Sub(q, q_sub), ResourcePattern::Sub(p, p_sub)) => text_covers(q, p) && text_covers(q_sub, p_sub),
            (Self::Plain(_) | Self::Sub(..), _) => false,
        }
    }

    fn overlaps(self, p: ResourcePattern<'_>) -> bool {
        match (self, p) {
            (Self::All, _) | (_, ResourcePattern::All) => true,
            (Self::Plain(q), ResourcePattern::Plain(p)) => text_overlaps(q, p),
            (Self::Sub(q, q_sub), ResourcePattern::Sub(p, p_sub)) => text_overlaps(q, p) && text_overlaps(q_sub, p_sub),
            (Self::Plain(_), ResourcePattern::Sub(..)) | (Self::Sub(..), ResourcePattern::Plain(_)) => false,
        }
    }

    /// The name of the resource without its subresource, if it is a literal.
    fn literal(&self) -> Option<&str> {
        match self {
            Self::All => None,
            Self::Plain(name) | Self::Sub(name, _) => (!name.contains('*')).then_some(name),
        }
    }
}

/// A namespace: the cluster-scoped types, and whether the overlap includes the verb `bind`.
#[derive(Clone, Copy)]
pub(crate) struct Namespace<'n> {
    pub(crate) scoped: &'n ClusterScoped,
    pub(crate) verbs: &'n dyn Fn(&str) -> bool,
}

/// Whether some resource is matched by both; with `namespace`, one that can be accessed within a namespace.
pub(crate) fn overlap(q: &str, p: &str, namespace: Option<Namespace<'_>>) -> bool {
    let is_there = |groups, resources| namespace.is_none_or(|namespace| namespace.has(groups, resources));
    match (Parts::of(q), Parts::of(p)) {
        (Parts::All, Parts::All) => true,
        (Parts::Url(q), Parts::Url(p)) => namespace.is_none() && text_overlaps(q, p),
        (Parts::All, Parts::Url(_)) | (Parts::Url(_), Parts::All) => namespace.is_none(),
        (Parts::Url(_), Parts::Objects { .. }) | (Parts::Objects { .. }, Parts::Url(_)) => false,
        (Parts::All, Parts::Objects { group, resource, .. }) | (Parts::Objects { group, resource, .. }, Parts::All) => {
            is_there([group, group], [resource, resource])
        }
        (
            Parts::Objects { group, resource, name },
            Parts::Objects { group: p_group, resource: p_resource, name: p_name },
        ) => {
            text_overlaps(group, p_group)
                && text_overlaps(name, p_name)
                && resource.overlaps(p_resource)
                && is_there([group, p_group], [resource, p_resource])
        }
    }
}

impl Namespace<'_> {
    /// Whether the overlap of two patterns includes resources in a namespace. A group or resource that neither of them
    /// names may be namespaced.
    fn has(&self, groups: [&str; 2], resources: [ResourcePattern<'_>; 2]) -> bool {
        let group = groups.iter().find(|group| !group.contains('*'));
        let resource = resources.iter().find_map(ResourcePattern::literal);
        let Some((group, resource)) = group.zip(resource) else { return true };
        if (*group, resource) == ("rbac.authorization.k8s.io", "clusterroles") {
            return (self.verbs)("bind");
        }
        !self.scoped.has(group, resource)
    }
}

/// Whether a pattern matches every object of the cluster or namespace.
pub(crate) fn is_everything(pattern: &str) -> bool {
    covers(pattern, "*:*#*")
}

/// The fault in a pattern that a plan writes, and the correct form.
pub(crate) fn fault(pattern: &str) -> Option<(String, String)> {
    let is_empty = match (pattern.strip_prefix("url:"), pattern.split_once(':')) {
        (Some(path), _) => path.is_empty(),
        (None, None) => pattern.is_empty(),
        (None, Some((group, rest))) => {
            let (resource, name) = rest.split_once('#').unwrap_or((rest, "*"));
            group.is_empty() || name.is_empty() || resource.split('/').any(str::is_empty)
        }
    };
    is_empty.then(|| {
        let help =
            "write `GROUP:RESOURCE#NAME`, such as `apps:deployments#*`; the core group is `core`, a URL is `url:PATH`";
        ("a part of it is empty".to_owned(), help.to_owned())
    })
}

/// Cluster-scoped resource types: the built-in ones, and those of an export's custom resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterScoped {
    custom: BTreeSet<Text>,
}

/// The built-in types, by group. `namespaces` is left out: see the module documentation. Types without objects
/// (`users`, `tokenreviews`) are checked without a namespace, so a `RoleBinding` gives no access to them.
/// Source: Kubernetes API reference, `kubectl api-resources --namespaced=false`; "User impersonation".
const BUILT_IN: &[(&str, &[&str])] = &[
    ("core", &["componentstatuses", "groups", "nodes", "persistentvolumes", "users"]),
    (
        "admissionregistration.k8s.io",
        &[
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "validatingwebhookconfigurations",
        ],
    ),
    ("apiextensions.k8s.io", &["customresourcedefinitions"]),
    ("apiregistration.k8s.io", &["apiservices"]),
    (
        "authentication.k8s.io",
        &["groups", "nodes", "selfsubjectreviews", "tokenreviews", "uids", "userextras", "users"],
    ),
    ("authorization.k8s.io", &["selfsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews"]),
    ("certificates.k8s.io", &["certificatesigningrequests", "clustertrustbundles", "signers"]),
    ("flowcontrol.apiserver.k8s.io", &["flowschemas", "prioritylevelconfigurations"]),
    ("internal.apiserver.k8s.io", &["storageversions"]),
    ("metrics.k8s.io", &["nodes"]),
    ("networking.k8s.io", &["ingressclasses", "ipaddresses", "servicecidrs"]),
    ("node.k8s.io", &["runtimeclasses"]),
    ("policy", &["podsecuritypolicies"]),
    ("extensions", &["podsecuritypolicies"]),
    ("rbac.authorization.k8s.io", &["clusterrolebindings", "clusterroles"]),
    ("resource.k8s.io", &["deviceclasses", "devicetaintrules", "resourceslices"]),
    ("scheduling.k8s.io", &["priorityclasses"]),
    ("storage.k8s.io", &["csidrivers", "csinodes", "storageclasses", "volumeattachments", "volumeattributesclasses"]),
    ("storagemigration.k8s.io", &["storageversionmigrations"]),
];

impl ClusterScoped {
    /// The built-in types and these, written `GROUP:RESOURCE`.
    #[must_use]
    pub fn new(custom: &[Text]) -> Self {
        Self { custom: custom.iter().cloned().collect() }
    }

    /// Whether a resource type is cluster-scoped.
    fn has(&self, group: &str, resource: &str) -> bool {
        let built_in = BUILT_IN.iter().find(|(known, _)| *known == group);
        built_in.is_some_and(|(_, resources)| resources.contains(&resource))
            || (!self.custom.is_empty() && self.custom.contains(&Text::from(format!("{group}:{resource}"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_one_resource_in_every_group_shares_nothing_with_other_resources() {
        assert!(!overlap("*:pods#*", "rbac.authorization.k8s.io:clusterrolebindings#*", None));
        assert!(!overlap("*:*/scale#*", "core:secrets#*", None) && !overlap("*:*/status#*", "core:pods#*", None));
        assert!(overlap("*:*/scale#*", "apps:deployments/scale#web", None));
        assert!(overlap("*:*#*", "core:pods/exec#*", None) && overlap("*:pods#*", "core:pods#x", None));
        assert!(!overlap("core:pods#*", "core:pods/exec#*", None) && !covers("core:pods#*", "core:pods/exec#*"));
        assert!(covers("*:*#*", "core:pods/exec#x") && !covers("core:*#*", "*:*#*"));
        assert!(!covers("*:*#*", "url:/api") && covers("*", "url:/api") && covers("url:/api/*", "url:/api/v1"));
    }

    #[test]
    fn a_namespace_holds_nothing_of_the_whole_cluster() {
        let scoped = ClusterScoped::new(&["cert-manager.io:clusterissuers".into()]);
        let shares = |q: &str, p: &str| overlap(q, p, Some(Namespace { scoped: &scoped, verbs: &|_| true }));
        for resource in
            ["core:nodes/proxy#*", "core:users#*", "rbac.authorization.k8s.io:clusterrolebindings#*", "url:/metrics"]
        {
            assert!(!shares("*", resource) && !shares("*:*#*", resource), "{resource}");
        }
        assert!(!shares("cert-manager.io:clusterissuers#*", "*") && shares("cert-manager.io:issuers#*", "*"));
        assert!(shares("core:namespaces#*", "*") && shares("*:*#*", "*:*#*") && shares("*:*#*", "core:secrets#*"));
        assert!(!shares("*:nodes#*", "core:*#*"), "all that the two share is `core:nodes`");
        assert!(shares("*:nodes#*", "*:*#*"), "another group may have nodes in a namespace");
        assert!(shares("unknown.example.org:things#*", "*"), "what is not known may be in a namespace");
        let bind = |verb| {
            let verbs = move |asked: &str| asked == verb;
            overlap("*", "rbac.authorization.k8s.io:clusterroles#*", Some(Namespace { scoped: &scoped, verbs: &verbs }))
        };
        assert!(bind("bind") && !bind("escalate"), "a RoleBinding is bound in its namespace");
    }

    #[test]
    fn a_missing_part_is_completed_and_an_empty_one_is_said() {
        assert!(
            covers("core:pods", "core:pods#x") && covers("pods", "core:pods#*") && covers(":pods#*", "core:pods#*")
        );
        for well in [
            "core:pods#*",
            "core:pods",
            "*",
            "*:*#*",
            "apps:deployments/scale#web",
            "url:/healthz",
            "core:configmaps#a#b:c",
        ] {
            assert_eq!(fault(well), None, "{well}");
        }
        for bad in [":pods#*", "core:#*", "core:pods#", "core:pods/#*", "url:", ""] {
            assert!(fault(bad).is_some(), "{bad}");
        }
    }

    /// What an RBAC rule matches, as Kubernetes decides it: group, resource with subresource, and name.
    fn matches(pattern: [&str; 3], request: [&str; 4]) -> bool {
        let ([group, resource, name], [in_group, in_resource, sub, in_name]) = (pattern, request);
        let combined = if sub.is_empty() { in_resource.to_owned() } else { format!("{in_resource}/{sub}") };
        let is_sub = resource.strip_prefix("*/").is_some_and(|wanted| !sub.is_empty() && wanted == sub);
        (group == "*" || group == in_group)
            && (resource == "*" || resource == combined || is_sub)
            && (name == "*" || name == in_name)
    }

    #[test]
    fn coverage_and_overlap_agree_with_what_rbac_allows() {
        let (groups, resources) =
            (["*", "core", "apps"], ["*", "pods", "nodes", "pods/scale", "*/scale", "nodes/scale"]);
        let mut patterns = Vec::new();
        for group in groups {
            for resource in resources {
                patterns.extend(["*", "x"].map(|name| [group, resource, name]));
            }
        }
        let mut requests = Vec::new();
        for group in ["core", "apps", "other"] {
            for resource in ["pods", "nodes", "other"] {
                for sub in ["", "scale", "other"] {
                    requests.extend(["x", "y"].map(|name| [group, resource, sub, name]));
                }
            }
        }
        let scoped = ClusterScoped::default();
        let text = |[group, resource, name]: [&str; 3]| format!("{group}:{resource}#{name}");
        for q in &patterns {
            for p in &patterns {
                let both = |r: &&[&str; 4]| matches(*q, **r) && matches(*p, **r);
                let (q_text, p_text) = (text(*q), text(*p));
                assert_eq!(overlap(&q_text, &p_text, None), requests.iter().any(|r| both(&r)), "{q_text} and {p_text}");
                let subset = requests.iter().all(|r| !matches(*p, *r) || matches(*q, *r));
                assert_eq!(covers(&q_text, &p_text), subset, "{q_text} and {p_text}");
                let in_namespace = |r: &&[&str; 4]| both(r) && !(r[0] == "core" && r[1] == "nodes");
                assert_eq!(
                    overlap(&q_text, &p_text, Some(Namespace { scoped: &scoped, verbs: &|_| true })),
                    requests.iter().any(|r| in_namespace(&r)),
                    "{q_text} and {p_text} in a namespace"
                );
            }
        }
    }
}
