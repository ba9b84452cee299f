//! The typed fields of an action, in the only form that is hashed, recorded and compared.
//!
//! Maps the field names of `plan.yaml` to plain values, in order: durations in seconds, times in UTC, lists sorted.
//! Contains no locations, comments or change ids, and nothing that depends on the current time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::input::canonical;
use crate::input::entitlement::{Effect, Except, Permission, Requirement};
use crate::input::id::Id;
use crate::input::place::Placed;
use crate::input::text::Text;
use crate::plan::model::{Action, AssignmentChange, Lifetime, Owned, RoleDefinition, Target};

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Field {
    /// Whole seconds.
    Seconds(i64),
    /// A name, a keyword, or a time in UTC.
    Text(Text),
    /// Distinct values, sorted.
    List(Vec<Field>),
    /// Nested fields.
    Map(Fields),
}

/// Fields by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(BTreeMap<String, Field>);

impl Fields {
    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.0.get(name)
    }

    /// Every field, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Field)> {
        self.0.iter().map(|(name, field)| (name.as_str(), field))
    }

    fn put(&mut self, name: &'static str, field: Field) -> &mut Self {
        self.0.insert(name.to_owned(), field);
        self
    }

    fn text(&mut self, name: &'static str, text: Text) -> &mut Self {
        self.put(name, Field::Text(text))
    }

    fn id<K>(&mut self, name: &'static str, id: &Placed<Id<K>>) -> &mut Self {
        self.text(name, id.value.text())
    }

    fn maybe_id<K>(&mut self, name: &'static str, id: Option<&Placed<Id<K>>>) -> &mut Self {
        match id {
            Some(id) => self.id(name, id),
            None => self,
        }
    }

    fn list(&mut self, name: &'static str, fields: impl Iterator<Item = Field>) -> &mut Self {
        let mut list: Vec<Field> = fields.collect();
        list.sort();
        list.dedup();
        self.put(name, Field::List(list))
    }

    fn lifetime(&mut self, lifetime: Option<&Placed<Lifetime>>) -> &mut Self {
        match lifetime.map(|l| l.value) {
            Some(Lifetime::Ttl(span)) => self.put("ttl", Field::Seconds(span.seconds())),
            Some(Lifetime::Until(time)) => self.text("until", Text::from(time.to_string())),
            None => self,
        }
    }
}

/// The typed fields of an action, without the name of the action.
#[must_use]
pub fn typed_fields(action: &Action) -> Fields {
    let mut f = Fields::default();
    match action {
        Action::Grant(change) | Action::Revoke(change) | Action::Adjust(change) => assignment(&mut f, change),
        Action::CreateRole(definition) | Action::SetRole(definition) => role(&mut f, definition),
        Action::DeleteRole(role) => {
            f.id("role", role);
        }
        Action::AddPermission(role, permission) | Action::RemovePermission(role, permission) => {
            f.id("role", role).put("permission", permission_field(&permission.value));
        }
        Action::AddInclude(role, include) | Action::RemoveInclude(role, include) => {
            f.id("role", role).id("include", include);
        }
        Action::CreateGroup(d) => {
            f.id("group", &d.group).maybe_id("owner", d.owner.as_ref());
            if let Some(members) = &d.members {
                f.text("members", members.value.name().into());
            }
            if !d.implicit.is_empty() {
                f.list("implicit", d.implicit.iter().map(|it| Field::Text(it.value.clone())));
            }
        }
        Action::DeleteGroup(group) => {
            f.id("group", group);
        }
        Action::CreateIdentity(identity, kind, owner) => {
            f.id("identity", identity).text("kind", kind.value.name().into()).maybe_id("owner", owner.as_ref());
        }
        Action::DisableIdentity(identity) | Action::DeleteIdentity(identity) => {
            f.id("identity", identity);
        }
        Action::SetOwner(thing, owner) => {
            match thing {
                Owned::Identity(id) => f.id("identity", id),
                Owned::Group(id) => f.id("group", id),
                Owned::Role(id) => f.id("role", id),
                Owned::Resource(id) => f.id("resource", id),
            }
            .id("owner", owner);
        }
        Action::CreateResource(resource, parent, owner, sensitivity) => {
            f.id("resource", resource).maybe_id("parent", parent.as_ref()).maybe_id("owner", owner.as_ref());
            if let Some(s) = sensitivity {
                f.text("sensitivity", s.value.name().into());
            }
        }
        Action::DeleteResource(resource) => {
            f.id("resource", resource);
        }
        Action::AddTrust(trust) => {
            f.id("trust", &trust.trust)
                .text("from", trust.from.value.clone())
                .text("to", trust.to.value.clone())
                .text("via", trust.via.value.clone());
            if let Some(requires) = &trust.requires {
                f.put("requires", requirement_field(&requires.value));
            }
            if let Some(condition) = &trust.condition {
                f.text("condition", condition.value.clone());
            }
        }
        Action::RemoveTrust(trust) => {
            f.id("trust", trust);
        }
        Action::IssueCredential(issue) => {
            f.id("credential", &issue.credential)
                .id("identity", &issue.identity)
                .text("kind", issue.kind.value.clone())
                .text("deliver_to", issue.deliver_to.value.clone())
                .lifetime(issue.lifetime.as_ref());
        }
        Action::RotateCredential(credential, deliver_to, lifetime) => {
            f.id("credential", credential).lifetime(lifetime.as_ref());
            if let Some(to) = deliver_to {
                f.text("deliver_to", to.value.clone());
            }
        }
        Action::RevokeCredential(credential) => {
            f.id("credential", credential);
        }
        Action::SuppressFinding(alert) => {
            f.id("finding", alert);
        }
    }
    f
}

fn assignment(f: &mut Fields, change: &AssignmentChange) {
    f.text("to", change.to.value.clone());
    match &change.target {
        Target::Role(role) => f.id("role", role),
        Target::MemberOf(group) => f.id("member_of", group),
    };
    f.maybe_id("scope", change.scope.as_ref())
        .lifetime(change.lifetime.as_ref())
        .maybe_id("assignment", change.assignment.as_ref());
    if let Some(mode) = &change.mode {
        f.text("mode", mode.value.name().into());
    }
}

fn role(f: &mut Fields, definition: &RoleDefinition) {
    f.id("role", &definition.role)
        .list("includes", definition.includes.iter().map(|r| Field::Text(r.value.text())))
        .list("permissions", definition.permissions.iter().map(|p| permission_field(&p.value)))
        .list("kinds", definition.kinds.iter().map(|k| Field::Text(k.value.name().into())))
        .maybe_id("owner", definition.owner.as_ref());
    if let Some(s) = &definition.sensitivity {
        f.text("sensitivity", s.value.name().into());
    }
}

fn permission_field(permission: &Permission) -> Field {
    let mut f = Fields::default();
    let effect = match permission.effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    };
    f.text("action", permission.action.clone())
        .text("resource", permission.resource.clone())
        .text("effect", effect.into());
    if let Some(condition) = &permission.condition {
        f.text("condition", condition.clone());
    }
    if !permission.except.is_empty() {
        let left_out = |e: &Except| {
            let mut f = Fields::default();
            f.text("action", e.action.clone()).text("resource", e.resource.clone());
            Field::Map(f)
        };
        f.list("except", permission.except.iter().map(left_out));
    }
    Field::Map(f)
}

fn requirement_field(requirement: &Requirement) -> Field {
    let mut f = Fields::default();
    f.text("action", requirement.action.clone()).text("resource", requirement.resource.clone());
    if let Some(scope) = &requirement.scope {
        f.text("scope", scope.text());
    }
    Field::Map(f)
}

/// The object of a change, by which a rejection still applies if only the wording, mode or lifetime changes: action,
/// target, entitlement and scope, or the equivalent fields of other actions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeObject {
    action: String,
    parts: Fields,
}

impl ChangeObject {
    /// The object of a change with this action and these typed fields.
    #[must_use]
    pub fn of(action: &str, fields: &Fields) -> Self {
        let keys = identifying(action);
        let mut parts = Fields::default();
        for (name, field) in fields.iter().filter(|(name, _)| keys.contains(name)) {
            let mut field = field.clone();
            // WHY: a condition can be reworded. Whether dropping it widens the access is decided by coverage.
            if let Field::Map(map) = &mut field {
                map.0.remove("condition");
                map.0.remove("except");
            }
            parts.0.insert(name.to_owned(), field);
        }
        Self { action: action.to_owned(), parts }
    }

    /// The object as canonical JSON, for comparison and recording.
    ///
    /// # Errors
    /// Never in practice: every key is ASCII and every number a duration.
    pub fn canonical(&self) -> Result<Vec<u8>, canonical::CanonicalError> {
        canonical::to_bytes(&(&self.action, &self.parts))
    }
}

/// The fields that identify the object of an action. Names that a plan chooses freely (`trust:` of a new trust,
/// `credential:` of a new credential) are excluded, so that renaming does not evade a rejection. For an action unknown
/// to this version the list is empty, so a rejection of it applies to every change with that action.
fn identifying(action: &str) -> &'static [&'static str] {
    match action {
        "grant" | "revoke" | "adjust" => &["to", "role", "member_of", "scope"],
        "create_role" | "delete_role" | "set_role" => &["role"],
        "add_permission" | "remove_permission" => &["role", "permission"],
        "add_include" | "remove_include" => &["role", "include"],
        "create_group" | "delete_group" => &["group"],
        "create_identity" | "disable_identity" | "delete_identity" => &["identity"],
        "set_owner" => &["identity", "group", "role", "resource", "owner"],
        "create_resource" | "delete_resource" => &["resource"],
        "add_trust" => &["from", "to"],
        "remove_trust" => &["trust"],
        "issue_credential" => &["identity", "deliver_to"],
        "rotate_credential" => &["credential", "deliver_to"],
        "revoke_credential" => &["credential"],
        "suppress_finding" => &["finding"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_word_says_what_it_is_about() {
        for word in Action::WORDS {
            assert!(!identifying(word).is_empty(), "{word}");
        }
    }
}
