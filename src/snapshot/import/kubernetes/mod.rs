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

pub use bindings::import;

#[cfg(test)]
mod tests;
