//! PostgreSQL: roles, memberships and grants on objects.
//!
//! Makes the assignments that the importer of PostgreSQL makes. A grant on all objects of a schema is a role of its own,
//! which the snapshot does not contain and which therefore counts as privileged.
//!
//! Source: Terraform registry, provider `cyrilgdn/postgresql`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::snapshot::import::postgresql::names::quoted;

use super::provider::{Assignable, Assignee, Context, Outline, Provider, State};
use super::values::Side;

const TYPES: &[&str] = &["postgresql_role", "postgresql_grant_role", "postgresql_grant"];

/// Attributes of a role, and the roles of a snapshot that they are.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("superuser", "SUPERUSER"),
    ("create_role", "CREATEROLE"),
    ("create_database", "CREATEDB"),
    ("replication", "REPLICATION"),
    ("bypass_row_level_security", "BYPASSRLS"),
];

/// The provider of PostgreSQL.
pub(super) struct PostgresqlResources;

impl Provider for PostgresqlResources {
    fn system(&self) -> &'static str {
        "postgresql"
    }

    fn reads(&self, kind: &str) -> bool {
        TYPES.contains(&kind)
    }

    fn state(&self, context: &Context) -> Box<dyn State> {
        let logins = context.ids.iter().filter_map(|id| id.strip_prefix("user:").map(str::to_owned)).collect();
        Box::new(Cluster { logins })
    }
}

struct Cluster {
    /// The roles that can log in, quoted.
    logins: BTreeSet<String>,
}

impl State for Cluster {
    fn add(&mut self, side: &Side<'_>, outline: &mut Outline) {
        match side.kind() {
            "postgresql_role" => self.role(side, outline),
            "postgresql_grant_role" => {
                let (member, role) = (side.required("role"), side.required("grant_role"));
                if side.gives("with_admin_option") {
                    let admin = Assignable::Role(format!("ADMIN ON role:{}", quoted(&role)));
                    outline.assign(self.subject(&member), admin, None);
                }
                self.join(side, &member, &role, outline);
            }
            _ => self.grant(side, outline),
        }
    }

    fn documents(self: Box<Self>) -> Vec<Value> {
        Vec::new()
    }
}

impl Cluster {
    fn role(&mut self, side: &Side<'_>, outline: &mut Outline) {
        let name = side.required("name");
        if side.gives("login") {
            self.logins.insert(quoted(&name));
        }
        let who = self.subject(&name);
        outline.own(&who.id);
        outline.assign(who, Assignable::Nothing, None);
        for (attribute, role) in ATTRIBUTES.iter().filter(|(attribute, _)| side.gives(attribute)) {
            let scope = (*attribute != "superuser").then_some("server");
            outline.assign(self.subject(&name), Assignable::Role((*role).to_owned()), scope);
        }
        for role in side.texts("roles").list {
            self.join(side, &name, &role, outline);
        }
    }

    /// Membership of a role that can log in is a trust, which only the snapshot shows.
    fn join(&self, side: &Side<'_>, member: &str, role: &str, outline: &mut Outline) {
        if self.logins.contains(&quoted(role)) {
            outline.not_read.push(format!("{}: `{member}` can act as `{role}`", side.address()));
            return;
        }
        outline.assign(self.subject(member), Assignable::Member(format!("role:{}", quoted(role))), None);
    }

    fn grant(&self, side: &Side<'_>, outline: &mut Outline) {
        let who = side.required("role");
        let kind = side.required("object_type");
        let schema = side.text("schema").map(|it| quoted(&it)).unwrap_or_default();
        let objects = side.texts("objects").list;
        let places: Vec<String> = match kind.as_str() {
            "database" => vec![format!("database:{}", quoted(&side.required("database")))],
            "schema" => vec![format!("schema:{schema}")],
            _ if objects.is_empty() => vec![format!("{kind}:{schema}.*")],
            _ => objects.iter().map(|it| format!("{kind}:{schema}.{}", quoted(it))).collect(),
        };
        let option = if side.gives("with_grant_option") { " WITH GRANT OPTION" } else { "" };
        for privilege in side.texts("privileges").list {
            for place in &places {
                let scope = if place.ends_with(".*") { format!("schema:{schema}") } else { place.clone() };
                let role = Assignable::Role(format!("{} ON {place}{option}", privilege.to_uppercase()));
                outline.assign(self.subject(&who), role, Some(&scope));
            }
        }
    }

    fn subject(&self, name: &str) -> Assignee {
        let quoted = quoted(name);
        if quoted.eq_ignore_ascii_case("public") {
            return Assignee::group("role:public");
        }
        if self.logins.contains(&quoted) {
            return Assignee::person(format!("user:{quoted}"));
        }
        Assignee::group(format!("role:{quoted}"))
    }
}
