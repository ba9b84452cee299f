//! Kubernetes RBAC, from `kubectl get … -o json|yaml` and from manifests.
//!
//! In: files, and the time of the export. Out: a snapshot, findings and counts, or every fault. The way through the
//! folder: [`object`] reads documents into objects, [`gather`] joins files, [`roles`] turns rules into permissions,
//! [`bindings`] turns bindings into assignments, [`trust`] holds the rules by which a permission acts as an identity,
//! [`workloads`] finds the custom resources that create pods.
//!
//! | Kubernetes | snapshot |
//! |---|---|
//! | `User`, `Group`, `ServiceAccount` | `user:NAME`, `group:NAME`, `sa:NS/NAME` |
//! | `ClusterRole`, `Role` | `clusterrole:NAME`, `role:NS/NAME` |
//! | a subject of a binding | assignment `rb:NS/NAME#SUBJECT` or `crb:NAME#SUBJECT` |
//! | a verb on a resource | action `VERB` on `GROUP:RESOURCE[/SUB]#(NAME\|*)`, `core` for the empty group |
//! | a verb on a non-resource URL | action `VERB` on `url:PATH` |
//! | a namespace | resource and scope `ns:NAME`; no scope: the whole cluster |
//! | the UID of namespace `kube-system` | the target |
//!
//! Approximations, each towards more access: a `*` that RBAC would read as a letter is read as a pattern and reported;
//! the URLs of a `ClusterRole` count also where a `RoleBinding` grants it. It never reads Secrets.

mod bindings;
mod gather;
mod object;
mod others;
mod roles;
mod trust;
mod workloads;

use crate::input::finding::Finding;
use crate::input::time::Time;
use crate::snapshot::import::importer::{Import, Importer, Recognition};
use crate::snapshot::import::probe::Probe;

pub use bindings::import;

/// The importer of Kubernetes.
#[derive(Clone, Copy, Debug)]
pub struct Kubernetes;

impl Importer for Kubernetes {
    fn system(&self) -> &'static str {
        "kubernetes"
    }

    fn commands(&self) -> &'static [&'static str] {
        &[
            "kubectl get namespaces,serviceaccounts,clusterroles,clusterrolebindings,roles,rolebindings -A -o yaml",
            "manifests",
        ]
    }

    fn subjects(&self) -> &'static [&'static str] {
        &["sa:NAMESPACE/NAME", "user:NAME", "group:NAME"]
    }

    fn recognise(&self, file: &Probe) -> Recognition {
        const MESSAGES: [&str; 4] = [
            "Error from server",
            "Unable to connect to the server",
            "The connection to the server",
            "No resources found",
        ];
        if MESSAGES.iter().any(|start| file.head().trim_start().starts_with(start)) {
            return Recognition::Yes;
        }
        match (file.has("apiVersion"), file.has("kind")) {
            (true, true) => Recognition::Yes,
            (true, false) => Recognition::Near("its first object has no `kind`"),
            (false, true) => Recognition::Near("its first object has no `apiVersion`"),
            (false, false) => Recognition::No,
        }
    }

    fn read(&self, files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
        import(files, taken_at)
    }

    fn accepts_file_time(&self) -> bool {
        true
    }

    fn target_help(&self) -> &'static str {
        "export namespaces too (`kubectl get namespaces -o yaml`), or name the cluster with `--target`"
    }
}

#[cfg(test)]
mod tests;
