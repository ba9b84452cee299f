//! Dialects: how the patterns of a system are compared.
//!
//! A dialect decides whether one pattern covers another, whether two patterns overlap, and whether a pattern matches
//! everything. Text is compared as a whole, AWS resources field by field (`arn_pattern`), and Kubernetes resources by
//! group, resource, subresource and name (`kubernetes_pattern`). Coverage is sound: a covered pattern matches nothing
//! that the other does not match. Cost: at most the product of the lengths.

use std::borrow::Cow;

use crate::access::matching::arn_pattern::Reading;
use crate::access::matching::kubernetes_pattern::{ClusterScoped, Namespace};
use crate::access::matching::pattern::{Glob, covers, overlap};
use crate::access::matching::{arn_pattern, kubernetes_pattern};
use crate::access::model::facts::Breadth;
use crate::input::entitlement::Permission;
use crate::input::system::System;

/// How the patterns of a system are compared.
#[derive(Clone, Copy, Debug, Default)]
pub enum Dialect<'d> {
    /// As text, in which `*` matches any run of characters.
    #[default]
    Text,
    /// AWS: actions ignore case, resources are compared by ARN field, and `?` is any one character.
    Aws,
    /// Kubernetes: resources are compared by their parts.
    Kubernetes,
    /// Kubernetes within a namespace, where permissions on cluster-scoped resources have no effect.
    KubernetesNamespace(&'d ClusterScoped),
}

/// AWS actions: `?` is any one character, and case is ignored.
const AWS_ACTIONS: Glob = Glob { question_mark: true, fold: true };

/// AWS actions that only read, for any service.
/// Source: AWS, service authorization reference, access level "Read" and "List".
const AWS_READS: &[&str] = &["*:Describe*", "*:Get*", "*:List*", "*:Search*", "*:Lookup*", "*:BatchGet*", "*:View*"];
/// Kubernetes verbs that only read.
const KUBERNETES_READS: &[&str] = &["get", "list", "watch"];

impl<'d> Dialect<'d> {
    /// The dialect of a system; `None`: for patterns that may belong to any system.
    #[must_use]
    pub fn of(system: Option<&System>) -> Self {
        match system {
            Some(System::Aws) => Self::Aws,
            Some(System::Kubernetes) => Self::Kubernetes,
            Some(other @ System::Other(_)) if other.kind() == System::Kubernetes => Self::Kubernetes,
            Some(System::Postgresql | System::Other(_)) | None => Self::Text,
        }
    }

    /// The dialect within a namespace.
    #[must_use]
    pub fn in_namespace(self, cluster_scoped: &'d ClusterScoped) -> Self {
        match self {
            Self::Kubernetes | Self::KubernetesNamespace(_) => Self::KubernetesNamespace(cluster_scoped),
            Self::Text | Self::Aws => self,
        }
    }

    /// Whether resources may contain variables, `${…}`, for attributes of the holder.
    #[must_use]
    pub fn has_variables(self) -> bool {
        matches!(self, Self::Aws)
    }

    /// Whether the system has namespaced resources.
    pub(crate) fn has_namespaces(self) -> bool {
        matches!(self, Self::Kubernetes | Self::KubernetesNamespace(_))
    }

    fn actions(self) -> Glob {
        match self {
            Self::Aws => AWS_ACTIONS,
            Self::Text | Self::Kubernetes | Self::KubernetesNamespace(_) => Glob::TEXT,
        }
    }

    /// An action without wildcards, in the spelling that the dialect compares; `None` if it has wildcards.
    pub(crate) fn plain_action(self, action: &str) -> Option<Cow<'_, str>> {
        let glob = self.actions();
        if action.contains('*') || (glob.question_mark && action.contains('?')) {
            return None;
        }
        Some(if glob.fold { action.to_ascii_lowercase().into() } else { action.into() })
    }

    /// Whether every action that `p` matches is matched by `q`.
    #[must_use]
    pub fn action_covers(self, q: &str, p: &str) -> bool {
        covers(q, p, self.actions())
    }

    /// Whether some action is matched by both.
    #[must_use]
    pub fn actions_overlap(self, q: &str, p: &str) -> bool {
        overlap(q, p, self.actions())
    }

    /// Whether every resource that `p` matches is matched by `q`.
    #[must_use]
    pub fn resource_covers(self, q: &str, p: &str) -> bool {
        match self {
            Self::Text => covers(q, p, Glob::TEXT),
            Self::Aws => arn_pattern::covers(q, p, Reading::Wide),
            Self::Kubernetes | Self::KubernetesNamespace(_) => kubernetes_pattern::covers(q, p),
        }
    }

    /// The same if `q` removes access: an ambiguous pattern is read narrowly.
    #[must_use]
    pub fn deny_covers_resource(self, q: &str, p: &str) -> bool {
        match self {
            Self::Aws => arn_pattern::covers(q, p, Reading::Narrow),
            Self::Text | Self::Kubernetes | Self::KubernetesNamespace(_) => self.resource_covers(q, p),
        }
    }

    /// Whether some resource is matched by both.
    #[must_use]
    pub fn resources_overlap(self, q: &str, p: &str) -> bool {
        match self {
            Self::Text => overlap(q, p, Glob::TEXT),
            Self::Aws => arn_pattern::overlap(q, p),
            Self::Kubernetes => kubernetes_pattern::overlap(q, p, None),
            Self::KubernetesNamespace(scoped) => {
                kubernetes_pattern::overlap(q, p, Some(Namespace { scoped, verbs: &|_| true }))
            }
        }
    }

    /// Whether two permissions, each an action and a resource pattern, overlap.
    #[must_use]
    pub fn overlaps(self, q: (&str, &str), p: (&str, &str)) -> bool {
        self.actions_overlap(q.0, p.0)
            && match self {
                Self::KubernetesNamespace(scoped) => {
                    let verbs = |verb: &str| self.actions_overlap(q.0, verb) && self.actions_overlap(p.0, verb);
                    kubernetes_pattern::overlap(q.1, p.1, Some(Namespace { scoped, verbs: &verbs }))
                }
                Self::Text | Self::Aws | Self::Kubernetes => self.resources_overlap(q.1, p.1),
            }
    }

    /// Whether an action pattern matches every action of the system.
    #[must_use]
    pub fn is_every_action(self, action: &str) -> bool {
        match self {
            // Every AWS action has a service and a name.
            Self::Aws => self.action_covers(&arn_pattern::reordered(action), "?*:?*"),
            Self::Text | Self::Kubernetes | Self::KubernetesNamespace(_) => is_any(action),
        }
    }

    /// Whether a resource pattern matches everything in the system, or in one account or partition.
    #[must_use]
    pub fn is_every_resource(self, resource: &str) -> bool {
        match self {
            Self::Text => is_any(resource),
            Self::Aws => arn_pattern::is_everything(resource),
            Self::Kubernetes | Self::KubernetesNamespace(_) => kubernetes_pattern::is_everything(resource),
        }
    }

    /// Whether an action pattern matches actions that do more than read.
    #[must_use]
    pub fn may_write(self, action: &str) -> bool {
        let reads = |names: &[&str]| names.iter().any(|read| self.action_covers(read, action));
        !match self {
            Self::Text => false,
            Self::Aws => reads(AWS_READS),
            Self::Kubernetes | Self::KubernetesNamespace(_) => reads(KUBERNETES_READS),
        }
    }

    /// The breadth of a permission within its system.
    #[must_use]
    pub fn breadth(self, permission: &Permission) -> Breadth {
        Breadth {
            every_action: self.is_every_action(permission.action.raw()),
            every_resource: self.is_every_resource(permission.resource.raw()),
            writes: self.may_write(permission.action.raw()),
        }
    }

    /// Whether a held action includes everything that a rule names. A rule about every action is satisfied by any
    /// pattern that matches every action.
    pub(crate) fn action_gives(self, held: &str, rule: &str) -> bool {
        self.action_covers(held, rule) || (self.is_every_action(rule) && self.is_every_action(held))
    }

    /// The same for resources.
    pub(crate) fn resource_gives(self, held: &str, rule: &str) -> bool {
        self.resource_covers(held, rule) || (self.is_every_resource(rule) && self.is_every_resource(held))
    }

    /// The fault in a resource pattern that a plan writes, and the correct form; `None` if it is well formed.
    #[must_use]
    pub fn fault(self, resource: &str) -> Option<(String, String)> {
        match self {
            Self::Text => None,
            Self::Aws => arn_pattern::fault(resource),
            Self::Kubernetes | Self::KubernetesNamespace(_) => kubernetes_pattern::fault(resource),
        }
    }
}

/// Whether a text pattern matches everything, however a system divides it into parts: it consists only of `*` and
/// separators, with at least one `*`.
pub(crate) fn is_any(pattern: &str) -> bool {
    pattern.contains('*') && pattern.chars().all(|c| matches!(c, '*' | ':' | '/' | '.' | '#' | '|'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_told_by_what_a_pattern_covers_and_not_by_its_text() {
        for everything in [
            "*",
            "**",
            "?*",
            "arn:*",
            "arn:aws:*",
            "a*",
            "*:*",
            "arn:aws:*:*:*:*",
            "arn:*:*:*:*:*",
            "*?",
            "*?*",
            "arn:aws:?*",
            "?rn:*",
            "arn:aws*",
        ] {
            assert!(Dialect::Aws.is_every_resource(everything), "{everything}");
        }
        for part in ["arn:aws:s3:::*", "arn:aws:iam:*", "arn:aws:*:eu-west-1:*", "b*", "", "arn:aws:s3*", "?"] {
            assert!(!Dialect::Aws.is_every_resource(part), "{part}");
        }
        for every in ["*", "**", "?*", "*:*", "*?", "?*:*"] {
            assert!(Dialect::Aws.is_every_action(every), "{every}");
        }
        assert!(!Dialect::Aws.is_every_action("iam:*") && !Dialect::Aws.is_every_action("i*"));
        for everything in ["*", "**", "*:*#*", "*:*"] {
            assert!(Dialect::Kubernetes.is_every_resource(everything), "{everything}");
        }
        for part in ["core:*#*", "*:pods#*", "*:*/scale#*", "*:*#x", "url:*"] {
            assert!(!Dialect::Kubernetes.is_every_resource(part), "{part}");
        }
        assert!(Dialect::Text.is_every_resource("**") && !Dialect::Text.is_every_resource("?*"));
    }

    #[test]
    fn a_rule_about_everything_is_met_by_every_pattern_that_stands_for_it() {
        assert!(Dialect::Aws.resource_gives("arn:aws:*", "*") && !Dialect::Aws.resource_gives("arn:aws:s3:::*", "*"));
        assert!(Dialect::Aws.action_gives("?*", "*") && !Dialect::Aws.action_gives("s3:*", "*"));
    }

    #[test]
    fn only_what_surely_reads_is_no_write() {
        for read in ["ec2:Describe*", "s3:GetObject", "organizations:list*"] {
            assert!(!Dialect::Aws.may_write(read), "{read}");
        }
        for write in ["*", "ec2:D*", "s3:PutObject", "iam:*", "Describe*"] {
            assert!(Dialect::Aws.may_write(write), "{write}");
        }
        assert!(!Dialect::Kubernetes.may_write("watch") && Dialect::Kubernetes.may_write("*"));
        assert!(Dialect::Text.may_write("read"), "of an unknown system nothing is known");
    }

    #[test]
    fn aws_actions_have_no_case_but_resources_have() {
        assert!(Dialect::Aws.action_covers("S3:Get*", "s3:getObject"));
        assert!(!Dialect::Aws.resource_covers("A", "a"));
        assert!(!Dialect::Text.action_covers("Get", "get"));
    }
}
