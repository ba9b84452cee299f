//! Writes plans as JSON or YAML, which [`super::read()`] reads again to the same actions.
//!
//! Used for plans that this tool makes: the inverse of an export, the plan that revokes what has ended, and those made from a
//! plan of Terraform or from two snapshots. Fields are in the order of the documentation, absent ones are left out, and equal
//! plans give equal bytes. In YAML, every text is quoted as in JSON, so that no name has a meaning of its own.

use serde_json::{Map, Value, json};

use super::model::{Action, AssignmentChange, Lifetime, MadeFrom, Owned, RoleDefinition, Target};
use crate::input::entitlement::Permission;
use crate::input::id::{Id, IdentityId, PlanId, TaskId};
use crate::input::place::Placed;
use crate::input::text::Text;
use crate::input::time::Time;

/// A plan to write.
#[derive(Clone, Debug)]
pub struct NewPlan {
    /// Its id.
    pub id: PlanId,
    /// The identity that proposes it.
    pub proposer: IdentityId,
    /// The person for whom it is proposed.
    pub on_behalf_of: Option<IdentityId>,
    /// Its task.
    pub task: Option<TaskId>,
    /// Its purpose.
    pub intent: String,
    /// When it expires.
    pub expires: Time,
    /// What it was made from.
    pub made_from: Option<MadeFrom>,
    /// Its changes.
    pub changes: Vec<NewChange>,
}

/// A change to write.
#[derive(Clone, Debug)]
pub struct NewChange {
    /// Its id in the plan.
    pub id: String,
    /// What it does.
    pub action: Action,
    /// The reason.
    pub reason: String,
    /// Where the tool that the plan was made from has it.
    pub origin: Option<String>,
    /// What was unknown when it was written.
    pub unknown: Vec<String>,
}

impl NewChange {
    /// A change that this tool makes on its own.
    #[must_use]
    pub fn new(id: String, action: Action, reason: String) -> Self {
        Self { id, action, reason, origin: None, unknown: Vec::new() }
    }
}

/// Writes a plan as indented JSON with a final LF.
///
/// # Errors
/// Only if the JSON writer fails; every plan has a JSON form.
pub fn write(plan: &NewPlan) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(&value(plan))? + "\n")
}

/// Writes a plan as YAML, with one line for each simple field.
#[must_use]
pub fn write_yaml(plan: &NewPlan) -> String {
    let mut out = String::new();
    mapping(&value(plan), 0, &mut out);
    out
}

/// A mapping in block style. Texts are quoted as in JSON, which is YAML as well.
fn mapping(fields: &Map<String, Value>, depth: usize, out: &mut String) {
    for (at, (name, value)) in fields.iter().enumerate() {
        // The first field of an element follows its dash.
        if at > 0 || depth == 0 || !out.ends_with("- ") {
            out.push_str(&"  ".repeat(depth));
        }
        out.push_str(name);
        out.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                mapping(inner, depth.saturating_add(1), out);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                for item in items {
                    out.push_str(&"  ".repeat(depth.saturating_add(1)));
                    out.push_str("- ");
                    match item.as_object().filter(|inner| !inner.is_empty()) {
                        Some(inner) => mapping(inner, depth.saturating_add(2), out),
                        None => out.push_str(&format!("{item}\n")),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                out.push_str(&format!(" {value}\n"));
            }
        }
    }
}

fn value(plan: &NewPlan) -> Map<String, Value> {
    let mut out = Map::new();
    put(&mut out, "version", json!(1));
    put(&mut out, "id", json!(plan.id.as_str()));
    put(&mut out, "proposer", json!(plan.proposer.as_str()));
    maybe(&mut out, "on_behalf_of", plan.on_behalf_of.as_ref().map(|id| json!(id.as_str())));
    maybe(&mut out, "task", plan.task.as_ref().map(|id| json!(id.as_str())));
    put(&mut out, "intent", json!(plan.intent));
    put(&mut out, "expires", json!(plan.expires));
    maybe(&mut out, "made_from", plan.made_from.as_ref().map(made_from));
    put(&mut out, "changes", Value::Array(plan.changes.iter().map(new_change).collect()));
    out
}

fn made_from(it: &MadeFrom) -> Value {
    let mut out = Map::new();
    text(&mut out, "tool", &it.tool);
    put(&mut out, "source", json!(format!("sha256:{}", it.source.value)));
    maybe(&mut out, "file", it.file.as_ref().map(|file| json!(format!("sha256:{}", file.value))));
    put(&mut out, "complete", json!(it.complete.value));
    maybe(&mut out, "not_read", list(it.not_read.iter().map(|it| json!(it.value.raw())).collect()));
    Value::Object(out)
}

fn new_change(it: &NewChange) -> Value {
    let mut out = Map::new();
    put(&mut out, "id", json!(it.id));
    put(&mut out, "action", json!(it.action.word()));
    fields(&mut out, &it.action);
    put(&mut out, "reason", json!(it.reason));
    maybe(&mut out, "origin", it.origin.as_ref().map(|it| json!(it)));
    maybe(&mut out, "unknown", list(it.unknown.iter().map(|it| json!(it)).collect()));
    Value::Object(out)
}

/// A change as plans write it.
#[must_use]
pub fn change(id: &str, action: &Action, reason: &str) -> Value {
    let mut out = Map::new();
    put(&mut out, "id", json!(id));
    put(&mut out, "action", json!(action.word()));
    fields(&mut out, action);
    put(&mut out, "reason", json!(reason));
    Value::Object(out)
}

fn put(out: &mut Map<String, Value>, name: &str, value: Value) {
    out.insert(name.to_owned(), value);
}

fn maybe(out: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        put(out, name, value);
    }
}

fn id<K>(out: &mut Map<String, Value>, name: &str, value: &Placed<Id<K>>) {
    put(out, name, json!(value.value.as_str()));
}

fn maybe_id<K>(out: &mut Map<String, Value>, name: &str, value: Option<&Placed<Id<K>>>) {
    maybe(out, name, value.map(|it| json!(it.value.as_str())));
}

fn text(out: &mut Map<String, Value>, name: &str, value: &Placed<Text>) {
    put(out, name, json!(value.value.raw()));
}

fn lifetime(out: &mut Map<String, Value>, value: Option<&Placed<Lifetime>>) {
    match value.map(|it| it.value) {
        Some(Lifetime::Ttl(span)) => put(out, "ttl", json!(span)),
        Some(Lifetime::Until(time)) => put(out, "until", json!(time)),
        None => {}
    }
}

fn fields(out: &mut Map<String, Value>, action: &Action) {
    match action {
        Action::Grant(a) | Action::Revoke(a) | Action::Adjust(a) => assignment(out, a),
        Action::CreateRole(d) | Action::SetRole(d) => role(out, d),
        Action::DeleteRole(it) => id(out, "role", it),
        Action::AddPermission(it, permission) | Action::RemovePermission(it, permission) => {
            id(out, "role", it);
            put(out, "permission", permission_value(&permission.value));
        }
        Action::AddInclude(it, include) | Action::RemoveInclude(it, include) => {
            id(out, "role", it);
            id(out, "include", include);
        }
        Action::CreateGroup(d) => {
            id(out, "group", &d.group);
            maybe_id(out, "owner", d.owner.as_ref());
            maybe(out, "members", d.members.as_ref().map(|it| json!(it.value.name())));
            maybe(out, "implicit", list(d.implicit.iter().map(|it| json!(it.value.raw())).collect()));
        }
        Action::DeleteGroup(group) => id(out, "group", group),
        Action::CreateIdentity(identity, kind, owner) => {
            id(out, "identity", identity);
            put(out, "kind", json!(kind.value.name()));
            maybe_id(out, "owner", owner.as_ref());
        }
        Action::DisableIdentity(identity) | Action::DeleteIdentity(identity) => id(out, "identity", identity),
        Action::SetOwner(thing, owner) => {
            match thing {
                Owned::Identity(it) => id(out, "identity", it),
                Owned::Group(it) => id(out, "group", it),
                Owned::Role(it) => id(out, "role", it),
                Owned::Resource(it) => id(out, "resource", it),
            }
            id(out, "owner", owner);
        }
        Action::CreateResource(resource, parent, owner, sensitivity) => {
            id(out, "resource", resource);
            maybe_id(out, "parent", parent.as_ref());
            maybe_id(out, "owner", owner.as_ref());
            maybe(out, "sensitivity", sensitivity.as_ref().map(|it| json!(it.value.name())));
        }
        Action::DeleteResource(resource) => id(out, "resource", resource),
        Action::AddTrust(d) => {
            id(out, "trust", &d.trust);
            text(out, "from", &d.from);
            text(out, "to", &d.to);
            text(out, "via", &d.via);
            if let Some(requires) = &d.requires {
                let mut it = Map::new();
                put(&mut it, "action", json!(requires.value.action.raw()));
                put(&mut it, "resource", json!(requires.value.resource.raw()));
                maybe(&mut it, "scope", requires.value.scope.as_ref().map(|scope| json!(scope.as_str())));
                put(out, "requires", Value::Object(it));
            }
            maybe(out, "condition", d.condition.as_ref().map(|it| json!(it.value.raw())));
        }
        Action::RemoveTrust(trust) => id(out, "trust", trust),
        Action::IssueCredential(c) => {
            id(out, "credential", &c.credential);
            id(out, "identity", &c.identity);
            text(out, "kind", &c.kind);
            text(out, "deliver_to", &c.deliver_to);
            lifetime(out, c.lifetime.as_ref());
        }
        Action::RotateCredential(credential, to, end) => {
            id(out, "credential", credential);
            maybe(out, "deliver_to", to.as_ref().map(|it| json!(it.value.raw())));
            lifetime(out, end.as_ref());
        }
        Action::RevokeCredential(credential) => id(out, "credential", credential),
        Action::SuppressFinding(alert) => id(out, "finding", alert),
    }
}

fn assignment(out: &mut Map<String, Value>, a: &AssignmentChange) {
    text(out, "to", &a.to);
    match &a.target {
        Target::Role(role) => id(out, "role", role),
        Target::MemberOf(group) => id(out, "member_of", group),
    }
    maybe_id(out, "scope", a.scope.as_ref());
    maybe_id(out, "assignment", a.assignment.as_ref());
    maybe(out, "mode", a.mode.as_ref().map(|mode| json!(mode.value.name())));
    lifetime(out, a.lifetime.as_ref());
}

fn role(out: &mut Map<String, Value>, d: &RoleDefinition) {
    id(out, "role", &d.role);
    maybe(out, "includes", list(d.includes.iter().map(|it| json!(it.value.as_str())).collect()));
    maybe(out, "permissions", list(d.permissions.iter().map(|it| permission_value(&it.value)).collect()));
    maybe_id(out, "owner", d.owner.as_ref());
    maybe(out, "sensitivity", d.sensitivity.as_ref().map(|it| json!(it.value.name())));
    maybe(out, "kinds", list(d.kinds.iter().map(|it| json!(it.value.name())).collect()));
    maybe(out, "by_resource", d.by_resource.as_ref().map(|it| json!(it.value)));
}

/// A list, unless it is empty.
fn list(values: Vec<Value>) -> Option<Value> {
    (!values.is_empty()).then_some(Value::Array(values))
}

fn permission_value(permission: &Permission) -> Value {
    json!(permission)
}
