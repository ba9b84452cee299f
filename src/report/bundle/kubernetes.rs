//! A bundle as Kubernetes manifests for a server-side apply: role bindings, roles and service accounts.
//!
//! The output is one JSON `List`, which `kubectl apply --server-side` reads. Every object carries the digests of its changes and
//! the name of the field manager as annotations. A revoked subject is taken out of its binding; a binding that loses its
//! last subject stays, with none, because an apply cannot delete. JSON strings are the only place of outside text.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::input::entitlement::{Effect, IdentityKind, Mode, Permission};
use crate::input::id::{ResourceId, RoleId};
use crate::input::text::is_hidden;
use crate::plan::model::{Action, AssignmentChange, Target};
use crate::snapshot::model::{Assignment, Role};

use super::{BundleChange, ForExecutor, NotExpressible};

/// An object of the cluster: kind, namespace, name.
type ObjectKey = (&'static str, Option<String>, String);

/// Renders the bundle.
///
/// # Errors
/// Every change that Kubernetes cannot express as approved.
pub fn render(of: &ForExecutor<'_>) -> Result<String, Vec<NotExpressible>> {
    let mut manifests = Manifests { of, objects: BTreeMap::new() };
    let mut faults: Vec<NotExpressible> = of.of_several_systems().into_iter().collect();
    let is_cluster = matches!(of.bundle.targets.as_slice(), [target] if target.system.raw() == "kubernetes");
    if !is_cluster {
        let why = "the snapshot must name exactly one Kubernetes cluster as its target".to_owned();
        faults.push(NotExpressible { change: None, why });
    }
    for (change, action) in of.changes() {
        if let Err(why) = manifests.change(change, action) {
            faults.push(NotExpressible { change: Some(change.id.clone()), why });
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(manifests.finish())
}

struct Manifests<'m, 'b> {
    of: &'m ForExecutor<'b>,
    /// The objects, with their fields and the digests of their changes.
    objects: BTreeMap<ObjectKey, (Value, BTreeSet<String>)>,
}

impl Manifests<'_, '_> {
    fn put(&mut self, key: ObjectKey, fields: Value, change: &BundleChange) {
        let slot = self.objects.entry(key).or_insert_with(|| (Value::Null, BTreeSet::new()));
        slot.0 = fields;
        slot.1.insert(change.digest.to_string());
    }

    fn change(&mut self, change: &BundleChange, action: &Action) -> Result<(), String> {
        match action {
            Action::Grant(a) => self.grant(change, a),
            Action::Revoke(a) => self.revoke(change, a),
            Action::CreateRole(d) | Action::SetRole(d) => self.role(change, &d.role.value),
            Action::AddPermission(role, _) | Action::RemovePermission(role, _) => self.role(change, &role.value),
            Action::CreateIdentity(id, kind, _) => {
                let account = id.value.as_str().strip_prefix("sa:").and_then(|it| it.split_once('/'));
                let Some((namespace, name)) = account.filter(|_| kind.value == IdentityKind::ServiceAccount) else {
                    return Err("Kubernetes keeps no identities but service accounts (`sa:NAMESPACE/NAME`)".to_owned());
                };
                valid_namespace(namespace)?;
                valid_account(name)?;
                self.put(("ServiceAccount", Some(namespace.to_owned()), name.to_owned()), json!({}), change);
                Ok(())
            }
            Action::Adjust(_)
            | Action::DeleteRole(_)
            | Action::AddInclude(..)
            | Action::RemoveInclude(..)
            | Action::CreateGroup(..)
            | Action::DeleteGroup(_)
            | Action::DisableIdentity(_)
            | Action::DeleteIdentity(_)
            | Action::SetOwner(..)
            | Action::CreateResource(..)
            | Action::DeleteResource(_)
            | Action::AddTrust(_)
            | Action::RemoveTrust(_)
            | Action::IssueCredential(_)
            | Action::RotateCredential(..)
            | Action::RevokeCredential(_)
            | Action::SuppressFinding(_) => Err(format!("`{}` has no manifest that does exactly this", action.word())),
        }
    }

    fn grant(&mut self, change: &BundleChange, a: &AssignmentChange) -> Result<(), String> {
        if a.mode.as_ref().is_some_and(|mode| mode.value == Mode::Eligible) {
            return Err("Kubernetes has no access that is activated later".to_owned());
        }
        let Target::Role(role) = &a.target else { return Err(no_members()) };
        let digest = change.digest.to_string();
        let name = format!("review-{}", digest.get(..16).unwrap_or(&digest));
        let (kind, namespace) = binding_place(&role.value, a.scope.as_ref().map(|scope| &scope.value))?;
        let subjects = vec![subject(a.to.value.raw())?];
        self.put((kind, namespace, name), binding(&role.value, &subjects)?, change);
        Ok(())
    }

    fn revoke(&mut self, change: &BundleChange, a: &AssignmentChange) -> Result<(), String> {
        let Target::Role(role) = &a.target else { return Err(no_members()) };
        let scope = a.scope.as_ref().map(|scope| &scope.value);
        let is_meant = |it: &&Assignment| {
            it.who == a.to.value
                && it.role.as_ref() == Some(&role.value)
                && it.scope.as_ref() == scope
                && a.assignment.as_ref().is_none_or(|id| id.value == it.id)
        };
        let mut found = self.of.before.assignments.iter().filter(is_meant);
        let (Some(was), None) = (found.next(), found.next()) else {
            return Err("not exactly one binding gives this; name it with `assignment`".to_owned());
        };
        let at = was.id.as_str().strip_suffix(was.who.raw()).and_then(|it| it.strip_suffix('#'));
        let (kind, namespace) = binding_place(&role.value, scope)?;
        let prefix = if kind == "RoleBinding" { "rb:" } else { "crb:" };
        let place = at.and_then(|it| it.strip_prefix(prefix)).ok_or("the assignment is not named like a binding")?;
        let name = match &namespace {
            Some(namespace) => place.strip_prefix(namespace.as_str()).and_then(|it| it.strip_prefix('/')),
            None => Some(place),
        };
        let name = name.ok_or("the assignment is not named like a binding of this namespace")?;
        valid_name(name)?;
        let of_binding = |it: &&Assignment| it.id.as_str() == format!("{prefix}{place}#{}", it.who.raw());
        let left = self.of.after.assignments.iter().filter(of_binding).map(|it| subject(it.who.raw()));
        let subjects = left.collect::<Result<Vec<_>, _>>()?;
        self.put((kind, namespace, name.to_owned()), binding(&role.value, &subjects)?, change);
        Ok(())
    }

    fn role(&mut self, change: &BundleChange, id: &RoleId) -> Result<(), String> {
        let Some(role) = self.of.after.roles.iter().find(|role| role.id == *id) else {
            return Err("the role is not there after the changes".to_owned());
        };
        let Role { includes, permissions, .. } = role;
        if !includes.is_empty() {
            return Err("a role that aggregates others is made by labels, which a plan does not set".to_owned());
        }
        let (kind, namespace, name) = role_place(id)?;
        if namespace.is_some() && permissions.iter().any(|it| it.resource.raw().starts_with("url:")) {
            return Err("a role of a namespace gives no URLs; only a cluster role does".to_owned());
        }
        let rules = permissions.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
        self.put((kind, namespace, name), json!({ "rules": rules }), change);
        Ok(())
    }

    fn finish(self) -> String {
        let bundle = self.of.bundle;
        let key = bundle.idempotency_key.raw();
        let manager = format!("review-{}", key.get(..16).unwrap_or(key));
        let target = bundle.targets.first().map_or("", |target| target.id.raw());
        let items = self.objects.into_iter().map(|((kind, namespace, name), (fields, digests))| {
            let api = if kind == "ServiceAccount" { "v1" } else { "rbac.authorization.k8s.io/v1" };
            let digests: Vec<String> = digests.into_iter().collect();
            let mut metadata = json!({
                "name": name,
                "annotations": {
                    "review-change-digests": digests.join(","),
                    "review-field-manager": manager,
                    "review-plan": bundle.plan.id.as_str(),
                    "review-target": target,
                }
            });
            if let (Some(namespace), Some(fields)) = (namespace, metadata.as_object_mut()) {
                fields.insert("namespace".to_owned(), json!(namespace));
            }
            let mut item = json!({ "apiVersion": api, "kind": kind, "metadata": metadata });
            if let (Value::Object(fields), Some(item)) = (fields, item.as_object_mut()) {
                item.extend(fields);
            }
            item
        });
        let items: Vec<Value> = items.collect();
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
        visible(&format!("{list:#}\n"))
    }
}

fn no_members() -> String {
    "Kubernetes does not keep the members of groups; the identity provider does".to_owned()
}

/// Escapes what is invisible within the strings of a JSON text; its own line breaks stay.
fn visible(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_hidden(c) && c != '\n' {
            let mut units = [0_u16; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// Which binding gives a role in a scope, and in which namespace.
fn binding_place(role: &RoleId, scope: Option<&ResourceId>) -> Result<(&'static str, Option<String>), String> {
    let namespace = match scope {
        Some(scope) => {
            Some(scope.as_str().strip_prefix("ns:").ok_or("a binding holds in a namespace (`ns:NAME`) or everywhere")?)
        }
        None => None,
    };
    namespace.map_or(Ok(()), valid_namespace)?;
    let (kind, of, _) = role_place(role)?;
    match (kind, namespace) {
        ("ClusterRole", None) => Ok(("ClusterRoleBinding", None)),
        ("ClusterRole", Some(namespace)) => Ok(("RoleBinding", Some(namespace.to_owned()))),
        (_, Some(namespace)) if of.as_deref() == Some(namespace) => Ok(("RoleBinding", of)),
        (_, _) => Err("a role of a namespace is bound in that namespace only".to_owned()),
    }
}

fn role_place(id: &RoleId) -> Result<ObjectKey, String> {
    if let Some(name) = id.as_str().strip_prefix("clusterrole:") {
        valid_name(name)?;
        return Ok(("ClusterRole", None, name.to_owned()));
    }
    let role = id.as_str().strip_prefix("role:").and_then(|it| it.split_once('/'));
    let (namespace, name) = role.ok_or("the role is neither `clusterrole:NAME` nor `role:NAMESPACE/NAME`")?;
    valid_namespace(namespace)?;
    valid_name(name)?;
    Ok(("Role", Some(namespace.to_owned()), name.to_owned()))
}

/// The names that the API server accepts for roles and bindings: a segment of a path.
fn valid_name(name: &str) -> Result<(), String> {
    if name.is_empty() || matches!(name, "." | "..") || name.contains(['/', '%']) {
        return Err("the API server does not accept the name of the role or binding".to_owned());
    }
    Ok(())
}

/// Those of namespaces: a DNS label of RFC 1123.
fn valid_namespace(name: &str) -> Result<(), String> {
    if is_dns_label(name) { Ok(()) } else { Err("the API server does not accept the name of the namespace".to_owned()) }
}

/// Those of service accounts: a DNS subdomain of RFC 1123.
fn valid_account(name: &str) -> Result<(), String> {
    if name.len() <= 253 && name.split('.').all(is_dns_label) {
        Ok(())
    } else {
        Err("the API server does not accept the name of the service account".to_owned())
    }
}

fn is_dns_label(label: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&label.len()) && label.bytes().all(fits) && !label.starts_with('-') && !label.ends_with('-')
}

fn binding(role: &RoleId, subjects: &[Value]) -> Result<Value, String> {
    let (kind, _, name) = role_place(role)?;
    let role = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name });
    Ok(json!({ "roleRef": role, "subjects": subjects }))
}

fn subject(id: &str) -> Result<Value, String> {
    let rbac = "rbac.authorization.k8s.io";
    if let Some((namespace, name)) = id.strip_prefix("sa:").and_then(|it| it.split_once('/')) {
        valid_namespace(namespace)?;
        valid_account(name)?;
        return Ok(json!({ "kind": "ServiceAccount", "namespace": namespace, "name": name }));
    }
    match (id.strip_prefix("user:"), id.strip_prefix("group:")) {
        (Some(""), _) | (_, Some("")) => Err("the subject has no name".to_owned()),
        (Some(name), _) => Ok(json!({ "apiGroup": rbac, "kind": "User", "name": name })),
        (None, Some(name)) => Ok(json!({ "apiGroup": rbac, "kind": "Group", "name": name })),
        (None, None) => Err("the subject is neither `user:`, `group:` nor `sa:NAMESPACE/NAME`".to_owned()),
    }
}

/// A permission as a rule: `GROUP:RESOURCE#NAME`, or `url:PATH`.
fn rule(permission: &Permission) -> Result<Value, String> {
    if permission.effect != Effect::Allow || permission.condition.is_some() || !permission.except.is_empty() {
        return Err("Kubernetes has neither denies, conditions nor exceptions".to_owned());
    }
    let verb = permission.action.raw();
    if let Some(url) = permission.resource.raw().strip_prefix("url:") {
        return Ok(json!({ "nonResourceURLs": [url], "verbs": [verb] }));
    }
    let parts = permission.resource.raw().split_once(':').and_then(|(group, rest)| {
        let (resource, name) = rest.split_once('#')?;
        Some((group, resource, name))
    });
    let (group, resource, name) = parts.ok_or("a permission is on `GROUP:RESOURCE#NAME` or `url:PATH`")?;
    let only_star = |part: &str| !part.contains('*') || part == "*";
    let resource_fits = only_star(resource) || resource.strip_prefix("*/").is_some_and(|it| !it.contains('*'));
    if !(only_star(verb) && only_star(group) && only_star(name) && resource_fits) {
        return Err("the cluster reads a `*` within a word as a letter".to_owned());
    }
    let group = if group == "core" { "" } else { group };
    let mut rule = json!({ "apiGroups": [group], "resources": [resource], "verbs": [verb] });
    if let (true, Some(fields)) = (name != "*", rule.as_object_mut()) {
        fields.insert("resourceNames".to_owned(), json!([name]));
    }
    Ok(rule)
}
