//! Bindings become assignments; the import as a whole.
//!
//! In: files and the time of the export. Out: the snapshot. Every (binding, subject) is one assignment; a subject that
//! a binding lists twice is one. Never drops a subject without saying so.
//!
//! Source: Kubernetes, `appliesToUser` (`plugin/pkg/auth/authorizer/rbac`), the documentation's "Authenticating".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::input::entitlement::{IdentityKind, Mode, Permission, Sensitivity};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::{AssignmentId, GroupId, IdentityId, ResourceId, RoleId};
use crate::input::intern::{interning, shared};
use crate::input::system::System;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::snapshot::import::importer::Import;
use crate::snapshot::import::notes::{Notes, Spot};
use crate::snapshot::model::{Assignment, Group, Identity, MembersKnown, Resource, Role, Snapshot, SystemTarget};
use crate::snapshot::public::is_public_name;
use crate::snapshot::tree;

use super::gather::{Gathered, Key, cluster_uid, display, gather};
use super::object::{Body, Kind, Object, SubjectRef};
use super::{others, roles, trust};

/// Reads exports and manifests of one cluster.
///
/// Counts: `namespaces` that are or hold objects, `service_accounts` and `users` known, `groups` that bindings name, `roles`, `cluster_roles`,
/// `role_bindings`, `cluster_role_bindings` read, `assignments` (one a binding and subject), `grants` (distinct
/// namespace, role and subject), `unresolved_roles` (distinct), `not_imported` objects.
///
/// # Errors
/// Every fault of all files at once, where one is of severity `error`.
pub fn import(files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
    interning(|| {
        let mut direct = Vec::new();
        let mut texts = Vec::new();
        for (name, bytes) in files {
            match tree::text(name, bytes) {
                Ok(text) => texts.push((*name, text)),
                Err(finding) => direct.push(finding),
            }
        }
        let mut notes = Notes::default();
        let gathered = gather(&texts, &mut notes, &mut direct);
        let mut cluster = Cluster::new(&gathered, &mut notes);
        for (key, object) in &gathered.objects {
            cluster.binding(key, object, &mut notes);
        }
        let (snapshot, counts) = cluster.finish(&gathered, taken_at, &mut notes);
        direct.extend(notes.placed(&texts));
        if direct.iter().any(|f| f.severity == Severity::Error) {
            return Err(direct);
        }
        Ok(Import { snapshot, findings: direct, counts })
    })
}

/// The subjects and grants found so far.
struct Cluster {
    identities: BTreeMap<IdentityId, Identity>,
    groups: BTreeSet<Arc<str>>,
    namespaces: BTreeSet<Arc<str>>,
    roles: BTreeMap<RoleId, Role>,
    assignments: BTreeMap<AssignmentId, Assignment>,
    grants: BTreeSet<(Arc<str>, RoleId, Text)>,
    unresolved: BTreeMap<RoleId, (usize, Spot)>,
}

impl Cluster {
    fn new(gathered: &Gathered, notes: &mut Notes) -> Self {
        let mut out = Self {
            identities: BTreeMap::new(),
            groups: BTreeSet::new(),
            namespaces: BTreeSet::new(),
            roles: roles::roles(gathered, notes),
            assignments: BTreeMap::new(),
            grants: BTreeSet::new(),
            unresolved: BTreeMap::new(),
        };
        for (kind, namespace, name, _) in gathered.objects.keys() {
            out.namespaces.insert(Arc::clone(if *kind == Kind::Namespace { name } else { namespace }));
        }
        out.namespaces.remove("");
        for (key, object) in &gathered.objects {
            if object.kind == Kind::ServiceAccount {
                let labels = object.labels.iter().map(|(k, v)| (k.to_string(), Text::new(Arc::clone(v)))).collect();
                let id = out.account(&key.1, &key.2);
                if let Some(identity) = out.identities.get_mut(&id) {
                    identity.labels = labels;
                }
            }
        }
        out
    }

    fn identity(&mut self, id: &str, kind: IdentityKind) -> IdentityId {
        let id = IdentityId::new(shared(id));
        self.identities.entry(id.clone()).or_insert_with(|| Identity::new(id.clone(), kind));
        id
    }

    fn account(&mut self, namespace: &Arc<str>, name: &str) -> IdentityId {
        self.namespaces.insert(Arc::clone(namespace));
        self.identity(&format!("sa:{namespace}/{name}"), IdentityKind::ServiceAccount)
    }

    /// The subject's id; `None` if the API server would let it hold nothing, which is reported.
    fn subject(&mut self, subject: &SubjectRef, object: &Object, notes: &mut Notes) -> Option<Text> {
        match &*subject.kind {
            "User" if object.alpha && &*subject.name == "*" => Some(self.group("system:authenticated")),
            "User" => Some(self.user(&subject.name)),
            "Group" => Some(self.group(&subject.name)),
            "ServiceAccount" => {
                let Some(namespace) =
                    subject.namespace.as_ref().or(object.namespace.as_ref()).filter(|n| !n.contains('/'))
                else {
                    let message = format!(
                        "the service account `{}` in {} `{}` names no namespace; it holds nothing by it",
                        subject.name,
                        object.kind.name(),
                        object.name
                    );
                    notes.at(
                        Finding::new(Code::MissingField, message)
                            .weighing(Severity::Warning)
                            .help("add `namespace` to the subject"),
                        &object.spot,
                    );
                    return None;
                };
                Some(self.account(namespace, &subject.name).text())
            }
            other => {
                let message = format!(
                    "a subject of kind `{other}` in {} `{}` holds nothing: no such kind exists",
                    object.kind.name(),
                    object.name
                );
                notes.at(
                    Finding::new(Code::BadValue, message)
                        .weighing(Severity::Warning)
                        .help("the kinds are User, Group and ServiceAccount"),
                    &object.spot,
                );
                None
            }
        }
    }

    fn group(&mut self, name: &str) -> Text {
        self.groups.insert(shared(name));
        Text::new(shared(&format!("group:{name}")))
    }

    /// A user; the user that the API server makes of a service account is that account.
    fn user(&mut self, name: &str) -> Text {
        let account = name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
        if let Some((namespace, account)) = account.filter(|(n, a)| !n.is_empty() && !a.is_empty() && !n.contains('/'))
        {
            return self.account(&shared(namespace), account).text();
        }
        let kind = if name.starts_with("system:node:") {
            IdentityKind::Device
        } else if is_public_name(name, Some(&System::Kubernetes)) {
            IdentityKind::Public
        } else if name.starts_with("system:") {
            IdentityKind::Workload
        } else {
            IdentityKind::Human
        };
        self.identity(&format!("user:{name}"), kind).text()
    }

    fn binding(&mut self, key: &Key, object: &Object, notes: &mut Notes) {
        let Body::Binding { role_kind, role, subjects } = &object.body else { return };
        let namespace = object.namespace.clone().unwrap_or_else(|| "".into());
        let role = roles::role_id(role_kind, &namespace, role);
        if !self.roles.contains_key(&role) {
            self.unresolved.entry(role.clone()).or_insert_with(|| (0, object.spot.clone())).0 += 1;
        }
        let at = display(key);
        let prefix = if object.kind == Kind::RoleBinding { "rb" } else { "crb" };
        let mut seen = BTreeSet::new();
        for subject in subjects {
            let Some(who) = self.subject(subject, object, notes) else { continue };
            if !seen.insert(who.clone()) {
                continue;
            }
            let mut id = AssignmentId::new(format!("{prefix}:{at}#{}", who.raw()));
            // WHY: names of bindings and of users may hold `#`, so that two bindings could claim one id.
            while self.assignments.contains_key(&id) {
                id = AssignmentId::new(format!("{}#", id.as_str()));
            }
            self.grants.insert((Arc::clone(&namespace), role.clone(), who.clone()));
            let scope = (!namespace.is_empty()).then(|| ResourceId::new(shared(&format!("ns:{namespace}"))));
            let assignment = Assignment {
                id: id.clone(),
                who,
                role: Some(role.clone()),
                member_of: None,
                scope,
                mode: Mode::Standing,
                until: None,
                granted_at: object.created,
                last_used: None,
                task: None,
            };
            self.assignments.insert(id, assignment);
        }
    }

    fn finish(
        mut self,
        gathered: &Gathered,
        taken_at: Time,
        notes: &mut Notes,
    ) -> (Snapshot, BTreeMap<&'static str, usize>) {
        let counts = self.counts(gathered);
        for (id, (count, spot)) in std::mem::take(&mut self.unresolved) {
            let message = format!(
                "the export does not hold the role `{}` that {count} bindings name; what they give is unknown",
                id.as_str()
            );
            notes.at(
                Finding::new(Code::UnresolvedRole, message)
                    .help("export it too: `kubectl get roles,clusterroles -A -o yaml`"),
                &spot,
            );
            self.roles.insert(id.clone(), roles::unresolved(&id));
        }
        others::report(&gathered.others, notes);
        if !gathered.workloads.is_empty() {
            let named: Vec<&str> = gathered.workloads.iter().map(String::as_str).collect();
            let message = format!(
                "{} custom resources create pods, and are read as workloads: {}",
                named.len(),
                named.join(", ")
            );
            notes.everywhere(Finding::new(Code::CustomWorkloads, message));
        }
        if !self.groups.is_empty() {
            let message =
                format!("the cluster does not know the members of the {} groups that bindings name", self.groups.len());
            notes.everywhere(
                Finding::new(Code::MembersUnknown, message)
                    .help("merge a snapshot of the identity provider to know them"),
            );
        }
        let masters = self.masters();
        self.assignments.insert(masters.id.clone(), masters);
        for name in ["system:authenticated", "system:masters", "system:serviceaccounts", "system:unauthenticated"] {
            self.groups.insert(name.into());
        }
        let snapshot = Snapshot {
            version: 1,
            taken_at,
            source: Text::from("kubernetes"),
            target: cluster_uid(gathered).map(|uid| SystemTarget { id: Text::new(uid), system: "kubernetes".into() }),
            parts: Vec::new(),
            system: Some(System::Kubernetes),
            cluster_scoped: gathered
                .types
                .iter()
                .filter(|(_, is)| **is)
                .map(|(name, _)| name.as_str().into())
                .collect(),
            identities: self.identities.into_values().collect(),
            groups: self.groups.iter().map(|name| group(name)).collect(),
            roles: self.roles.into_values().collect(),
            resources: self
                .namespaces
                .iter()
                .map(|n| Resource {
                    labels: gathered
                        .namespace_labels(n)
                        .map(|(name, value)| (name.to_string(), Text::new(Arc::clone(value))))
                        .collect(),
                    ..Resource::new(ResourceId::new(shared(&format!("ns:{n}"))))
                })
                .collect(),
            assignments: self.assignments.into_values().collect(),
            trusts: Vec::new(),
            trust_rules: trust::rules(&gathered.workloads),
            credentials: Vec::new(),
            findings: Vec::new(),
        };
        (snapshot, counts)
    }

    fn counts(&self, gathered: &Gathered) -> BTreeMap<&'static str, usize> {
        let of = |kind| gathered.objects.keys().filter(|k| k.0 == kind).count();
        let accounts = self.identities.values().filter(|i| i.kind == IdentityKind::ServiceAccount).count();
        let namespaces: BTreeSet<&str> = gathered
            .objects
            .keys()
            .map(|(kind, namespace, name, _)| if *kind == Kind::Namespace { &**name } else { &**namespace })
            .filter(|namespace| !namespace.is_empty())
            .collect();
        BTreeMap::from([
            ("assignments", self.assignments.len()),
            ("cluster_role_bindings", of(Kind::ClusterRoleBinding)),
            ("cluster_roles", of(Kind::ClusterRole)),
            ("grants", self.grants.len()),
            ("groups", self.groups.len()),
            ("namespaces", namespaces.len()),
            ("not_imported", gathered.others.values().sum()),
            ("role_bindings", of(Kind::RoleBinding)),
            ("roles", of(Kind::Role)),
            ("service_accounts", accounts),
            ("unresolved_roles", self.unresolved.len()),
            ("users", self.identities.len().saturating_sub(accounts)),
        ])
    }

    /// The API server lets `system:masters` do everything, before it asks RBAC.
    fn masters(&mut self) -> Assignment {
        let id = RoleId::new("builtin:system:masters");
        let everything = Permission::allow("*", "*");
        self.roles.insert(
            id.clone(),
            Role {
                id: id.clone(),
                includes: Vec::new(),
                permissions: vec![everything],
                owner: None,
                sensitivity: Some(Sensitivity::Critical),
                kinds: Vec::new(),
                by_resource: false,
                delegated: false,
                system: None,
            },
        );
        Assignment {
            id: AssignmentId::new("builtin:system:masters#group:system:masters"),
            who: Text::from("group:system:masters"),
            role: Some(id),
            member_of: None,
            scope: None,
            mode: Mode::Standing,
            until: None,
            granted_at: None,
            last_used: None,
            task: None,
        }
    }
}

/// A group: its members are those the system itself puts there, as far as the export knows them, and never all.
fn group(name: &str) -> Group {
    let implicit: Vec<String> = match name {
        "system:authenticated" => vec!["sa:*".to_owned(), "user:*".to_owned()],
        "system:unauthenticated" => vec!["user:system:anonymous".to_owned()],
        "system:serviceaccounts" => vec!["sa:*".to_owned()],
        "system:nodes" => vec!["user:system:node:*".to_owned()],
        other => other.strip_prefix("system:serviceaccounts:").map(|ns| format!("sa:{ns}/*")).into_iter().collect(),
    };
    let members_known = if implicit.is_empty() { MembersKnown::Unknown } else { MembersKnown::Partial };
    Group {
        id: GroupId::new(shared(&format!("group:{name}"))),
        members: Vec::new(),
        nested: Vec::new(),
        implicit,
        members_known,
        owner: None,
        public: is_public_name(name, Some(&System::Kubernetes)),
    }
}
