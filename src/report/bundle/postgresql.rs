//! A bundle as an SQL script for `psql`: one transaction that checks where it runs, then applies the changes.
//!
//! The script refuses another server or database by the system identifier, and roles that are not what the snapshot said.
//! It contains `GRANT`, `REVOKE`, `CREATE ROLE`, `DROP ROLE` and `ALTER ROLE` only, for what the importer of
//! `src/snapshot/import/postgresql` models. PostgreSQL keeps no expiry of a grant: the script says when each ends, and
//! `review due` lists it then.

use std::collections::BTreeSet;

use crate::input::entitlement::{IdentityKind, Mode, Permission};
use crate::plan::model::{Action, AssignmentChange, GroupMembers, Target};
use crate::snapshot::import::postgresql::names::unquoted;
use crate::snapshot::import::postgresql::privileges::{GrantableKind, is_privilege};

use super::sql::{identifier, literal};
use super::{ForExecutor, NotExpressible};

/// The attributes of roles that are snapshot roles of the same name.
const ATTRIBUTES: [&str; 5] = ["SUPERUSER", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS"];

/// Renders the bundle.
///
/// # Errors
/// Every change that PostgreSQL cannot express as approved.
pub fn render(of: &ForExecutor<'_>) -> Result<String, Vec<NotExpressible>> {
    let mut faults: Vec<NotExpressible> = of.of_several_systems().into_iter().collect();
    let mut script = Script::default();
    script.place(of).unwrap_or_else(|why| faults.push(NotExpressible { change: None, why }));
    let mut body = String::new();
    for (change, action) in of.changes() {
        let mut lines = vec![format!("-- change {}, digest {}", change.id.text().terminal(), change.digest)];
        if let Some(end) = change.ends_at_latest {
            lines.push(format!("-- ends at {end} at the latest; PostgreSQL keeps no expiry of it"));
        }
        match script.statements(action) {
            Ok(statements) => lines.extend(statements),
            Err(why) => faults.push(NotExpressible { change: Some(change.id.clone()), why }),
        }
        body.push_str(&lines.join("\n"));
        body.push_str("\n\n");
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let plan = of.bundle.plan.id.text().terminal();
    let key = of.bundle.idempotency_key.terminal();
    let checks = script.checks().ok_or_else(|| vec![unspeakable()])?;
    Ok(format!(
        "-- Plan {plan}, exported by review at {}. Idempotency key {key}.\n\
         -- Run it with: psql -X -v ON_ERROR_STOP=1 -d DATABASE -f THIS-FILE\n\
         \\set ON_ERROR_STOP on\n\
         BEGIN;\n\
         SET LOCAL standard_conforming_strings = on;\n\
         SET LOCAL search_path = pg_catalog;\n\n\
         {checks}\n\n{body}COMMIT;\n",
        of.bundle.exported_at
    ))
}

fn unspeakable() -> NotExpressible {
    NotExpressible { change: None, why: "a name holds a character that PostgreSQL does not store".to_owned() }
}

/// What is checked, and the roles that the script makes itself.
#[derive(Default)]
struct Script {
    /// A condition that must hold, and what is said if it does not.
    checks: Vec<(String, String)>,
    known: BTreeSet<String>,
    made: BTreeSet<String>,
}

/// A role of the server that a subject stands for.
enum SqlSubject {
    Public,
    Role { name: String, sql: String },
}

impl SqlSubject {
    fn sql(&self) -> &str {
        match self {
            Self::Public => "PUBLIC",
            Self::Role { sql, .. } => sql,
        }
    }
}

impl Script {
    fn place(&mut self, of: &ForExecutor<'_>) -> Result<(), String> {
        let [target] = of.bundle.targets.as_slice() else {
            return Err("the snapshot must name exactly one PostgreSQL database as its target".to_owned());
        };
        let named = target.id.raw().split_once('/').filter(|_| target.system.raw() == "postgresql");
        let named = named.and_then(|(system, database)| Some((system, unquoted(database)?)));
        let Some((system, (database, ""))) = named else {
            return Err(
                "the target of the snapshot is no PostgreSQL database (`SYSTEM-IDENTIFIER/DATABASE`)".to_owned()
            );
        };
        let (system, database) = (text(system)?, text(&database)?);
        self.require(
            format!("(SELECT system_identifier::text FROM pg_control_system()) = {system}"),
            "this is another server than the one that the plan was approved for".to_owned(),
        );
        self.require(
            format!("current_database() = {database}"),
            "this is another database than the one that the plan was approved for".to_owned(),
        );
        Ok(())
    }

    fn require(&mut self, condition: String, or: String) {
        if self.known.insert(condition.clone()) {
            self.checks.push((condition, or));
        }
    }

    /// The checks as one statement that fails at the first that does not hold.
    fn checks(&self) -> Option<String> {
        let mut body = String::from("BEGIN\n");
        for (condition, or) in &self.checks {
            let message = literal(&format!("review: {or}"))?;
            body.push_str(&format!(
                "  IF ({condition}) IS NOT TRUE THEN RAISE EXCEPTION USING MESSAGE = {message}; END IF;\n"
            ));
        }
        body.push_str("END");
        Some(format!("DO {};", literal(&body)?))
    }

    /// The role of a subject's id, which must be on the server as the id says, unless the script makes it.
    fn subject(&mut self, id: &str) -> Result<SqlSubject, String> {
        if id == "role:public" {
            return Ok(SqlSubject::Public);
        }
        let (logs_in, name) = role_name(id).ok_or("the subject is not a role of PostgreSQL")?;
        let sql = identifier(&name).ok_or("the name of the subject is not the name of a role")?;
        if !self.made.contains(&name) {
            let login = if logs_in { "rolcanlogin" } else { "NOT rolcanlogin" };
            let condition = format!("EXISTS (SELECT FROM pg_roles WHERE rolname = {} AND {login})", text(&name)?);
            let shown = crate::input::text::Text::from(id).terminal();
            self.require(condition, format!("the role {shown} does not exist, or its LOGIN changed"));
        }
        Ok(SqlSubject::Role { name, sql })
    }

    fn statements(&mut self, action: &Action) -> Result<Vec<String>, String> {
        match action {
            Action::Grant(a) => self.grant(a),
            Action::Revoke(a) => self.revoke(a),
            Action::CreateRole(d) => {
                let permissions: Vec<&Permission> = d.permissions.iter().map(|it| &it.value).collect();
                let is_same =
                    ObjectGrant::read(d.role.value.as_str()).is_some_and(|grant| grant.is_given_by(&permissions));
                if is_same && d.includes.is_empty() {
                    return Ok(vec!["-- nothing to do: a grant needs no role of its own".to_owned()]);
                }
                Err("only roles that are named like a grant exist, such as `SELECT ON table:app.orders`".to_owned())
            }
            Action::CreateIdentity(id, kind, owner) => {
                if owner.is_some() || !matches!(kind.value, IdentityKind::Human) {
                    return Err("PostgreSQL keeps neither the kind nor the owner of a role".to_owned());
                }
                self.create(id.value.as_str(), true)
            }
            Action::CreateGroup(d) => {
                if d.owner.is_some() {
                    return Err("PostgreSQL keeps no owner of a role".to_owned());
                }
                if d.members.as_ref().is_some_and(|it| it.value != GroupMembers::Known) || !d.implicit.is_empty() {
                    return Err("a new role has only the members that it is granted to".to_owned());
                }
                self.create(d.group.value.as_str(), false)
            }
            Action::DeleteIdentity(id) => self.drop_role(id.value.as_str()),
            Action::DeleteGroup(id) => self.drop_role(id.value.as_str()),
            Action::Adjust(_)
            | Action::DeleteRole(_)
            | Action::AddPermission(..)
            | Action::RemovePermission(..)
            | Action::AddInclude(..)
            | Action::RemoveInclude(..)
            | Action::SetRole(_)
            | Action::DisableIdentity(_)
            | Action::SetOwner(..)
            | Action::CreateResource(..)
            | Action::DeleteResource(_)
            | Action::AddTrust(_)
            | Action::RemoveTrust(_)
            | Action::IssueCredential(_)
            | Action::RotateCredential(..)
            | Action::RevokeCredential(_)
            | Action::SuppressFinding(_) => {
                Err(format!("`{}` has no statement in PostgreSQL that does exactly this", action.word()))
            }
        }
    }

    fn create(&mut self, id: &str, logs_in: bool) -> Result<Vec<String>, String> {
        let (login, name) =
            role_name(id).ok_or("the new subject is not named like a role (`user:NAME`, `role:NAME`)")?;
        if login != logs_in {
            return Err("an identity is a role that can log in, `user:NAME`, and a group one that cannot, `role:NAME`"
                .to_owned());
        }
        let sql = identifier(&name).ok_or("the name is not the name of a role")?;
        self.made.insert(name);
        Ok(vec![format!("CREATE ROLE {sql} {};", if logs_in { "LOGIN" } else { "NOLOGIN" })])
    }

    fn drop_role(&mut self, id: &str) -> Result<Vec<String>, String> {
        let who = self.subject(id)?;
        match who {
            SqlSubject::Public => Err("PUBLIC cannot be dropped".to_owned()),
            SqlSubject::Role { sql, .. } => Ok(vec![format!("DROP ROLE {sql};")]),
        }
    }

    fn grant(&mut self, a: &AssignmentChange) -> Result<Vec<String>, String> {
        if a.mode.as_ref().is_some_and(|mode| mode.value == Mode::Eligible) {
            return Err("PostgreSQL has no access that is activated later".to_owned());
        }
        let who = self.subject(a.to.value.raw())?;
        match &a.target {
            Target::MemberOf(group) => {
                if a.scope.is_some() {
                    return Err("a membership of PostgreSQL has no scope".to_owned());
                }
                let of = self.subject(group.value.as_str())?;
                let (SqlSubject::Role { name, sql }, SqlSubject::Role { sql: of, .. }) = (&who, &of) else {
                    return Err("PUBLIC has no members and is none".to_owned());
                };
                if !self.made.contains(name) {
                    // A member that does not inherit would be able to become the role, and have nothing of it until then.
                    let condition =
                        format!("EXISTS (SELECT FROM pg_roles WHERE rolname = {} AND rolinherit)", text(name)?);
                    let shown = crate::input::text::Text::from(name.as_str()).terminal();
                    self.require(
                        condition,
                        format!("the role {shown} is NOINHERIT, so a membership is not what was approved"),
                    );
                }
                Ok(vec![format!("GRANT {of} TO {sql};")])
            }
            Target::Role(role) => {
                let id = role.value.as_str();
                if ATTRIBUTES.contains(&id) {
                    return Self::attribute(&who, id, true);
                }
                if id.starts_with("ADMIN ON ") {
                    return Err("ADMIN OPTION cannot be granted without the membership in every version".to_owned());
                }
                let grant = ObjectGrant::read(id).ok_or_else(|| no_grant(id))?;
                grant.check_scope(a)?;
                let option = if grant.grantable { " WITH GRANT OPTION" } else { "" };
                Ok(vec![format!("GRANT {} TO {}{option};", grant.what()?, who.sql())])
            }
        }
    }

    fn revoke(&mut self, a: &AssignmentChange) -> Result<Vec<String>, String> {
        let who = self.subject(a.to.value.raw())?;
        match &a.target {
            Target::MemberOf(group) => {
                let of = self.subject(group.value.as_str())?;
                Ok(vec![format!("REVOKE {} FROM {};", of.sql(), who.sql())])
            }
            Target::Role(role) => {
                let id = role.value.as_str();
                if ATTRIBUTES.contains(&id) {
                    return Self::attribute(&who, id, false);
                }
                if let Some(of) = id.strip_prefix("ADMIN ON ") {
                    let of = unquoted(of.strip_prefix("role:").unwrap_or_default());
                    let of = of.filter(|(_, rest)| rest.is_empty()).and_then(|(name, _)| identifier(&name));
                    let of = of.ok_or_else(|| no_grant(id))?;
                    return Ok(vec![format!("REVOKE ADMIN OPTION FOR {of} FROM {};", who.sql())]);
                }
                let grant = ObjectGrant::read(id).ok_or_else(|| no_grant(id))?;
                grant.check_scope(a)?;
                Ok(vec![format!("REVOKE {} FROM {};", grant.what()?, who.sql())])
            }
        }
    }

    fn attribute(who: &SqlSubject, attribute: &str, on: bool) -> Result<Vec<String>, String> {
        let SqlSubject::Role { sql, .. } = who else { return Err("PUBLIC has no attributes".to_owned()) };
        Ok(vec![format!("ALTER ROLE {sql} {}{attribute};", if on { "" } else { "NO" })])
    }
}

fn text(raw: &str) -> Result<String, String> {
    literal(raw).ok_or_else(|| unspeakable().why)
}

fn no_grant(id: &str) -> String {
    format!("the role `{}` is not one that GRANT can give as it is", crate::input::text::Text::from(id).terminal())
}

/// Whether the role of an id can log in, and its name.
fn role_name(id: &str) -> Option<(bool, String)> {
    let (logs_in, quoted) = match (id.strip_prefix("user:"), id.strip_prefix("role:")) {
        (Some(name), _) => (true, name),
        (None, Some(name)) => (false, name),
        (None, None) => return None,
    };
    unquoted(quoted).filter(|(_, rest)| rest.is_empty()).map(|(name, _)| (logs_in, name))
}

/// A grant on an object, read from the id of the role that stands for it.
struct ObjectGrant<'i> {
    privilege: &'i str,
    column: Option<String>,
    kind: GrantableKind,
    /// The object as ids write it, `table:app.orders`.
    on: &'i str,
    /// The object as SQL writes it.
    object: String,
    grantable: bool,
}

impl<'i> ObjectGrant<'i> {
    /// Reads `PRIVILEGE[ (COLUMN)] ON KIND:OBJECT[ WITH GRANT OPTION]`; none for anything else.
    fn read(id: &'i str) -> Option<Self> {
        let (before, on) =
            id.split_once(" ON ").filter(|(before, _)| !before.contains('"')).or_else(|| column_split(id))?;
        let (privilege, column) = match before.split_once(" (") {
            Some((privilege, column)) => {
                let (name, rest) = unquoted(column)?;
                (rest == ")").then_some((privilege, Some(name)))?
            }
            None => (before, None),
        };
        let (on, grantable) = match on.strip_suffix(" WITH GRANT OPTION") {
            Some(on) => (on, true),
            None => (on, false),
        };
        let (kind, name) = on.split_once(':')?;
        let kind = GrantableKind::parse(kind)?;
        let known = is_privilege(privilege) && kind.privileges(u32::MAX).contains(&privilege);
        let fits = known && (column.is_none() || kind == GrantableKind::Table);
        let object = object(kind, name).filter(|_| fits)?;
        Some(Self { privilege, column, kind, on, object, grantable })
    }

    /// Whether a role of these permissions is this grant, as the importer models it.
    fn is_given_by(&self, permissions: &[&Permission]) -> bool {
        let plain = |action: &str| Permission::allow(action, self.on);
        let own = plain(self.privilege);
        let option = plain(&format!("{} WITH GRANT OPTION", self.privilege));
        self.column.is_none() && if self.grantable { permissions == [&own, &option] } else { permissions == [&own] }
    }

    fn check_scope(&self, a: &AssignmentChange) -> Result<(), String> {
        let fits = a.scope.as_ref().is_some_and(|scope| scope.value.as_str() == self.on);
        let on = crate::input::text::Text::from(self.on).terminal();
        if fits { Ok(()) } else { Err(format!("a grant on `{on}` has exactly this scope")) }
    }

    fn what(&self) -> Result<String, String> {
        let word = match self.kind {
            GrantableKind::Table => "TABLE",
            GrantableKind::Sequence => "SEQUENCE",
            GrantableKind::Schema => "SCHEMA",
            GrantableKind::Database => "DATABASE",
            GrantableKind::Function => "ROUTINE",
            GrantableKind::Type => "TYPE",
            GrantableKind::Language => "LANGUAGE",
            GrantableKind::ForeignDataWrapper => "FOREIGN DATA WRAPPER",
            GrantableKind::ForeignServer => "FOREIGN SERVER",
            GrantableKind::Tablespace => "TABLESPACE",
            GrantableKind::LargeObject => "LARGE OBJECT",
            GrantableKind::Parameter => "PARAMETER",
        };
        let column = match &self.column {
            Some(name) => format!(" ({})", identifier(name).ok_or("the name of the column is none")?),
            None => String::new(),
        };
        Ok(format!("{}{column} ON {word} {}", self.privilege, self.object))
    }
}

/// Splits a grant on a column, whose name may hold anything.
fn column_split(id: &str) -> Option<(&str, &str)> {
    let (_, column) = id.split_once(" (")?;
    let (_, rest) = unquoted(column)?;
    let on = rest.strip_prefix(") ON ")?;
    let before = id.get(..id.len().checked_sub(on.len() + " ON ".len())?)?;
    Some((before, on))
}

/// An object's name as SQL writes it, from the form of ids.
fn object(kind: GrantableKind, name: &str) -> Option<String> {
    if kind == GrantableKind::LargeObject {
        let is_number = !name.is_empty() && name.len() <= 10 && name.bytes().all(|b| b.is_ascii_digit());
        return is_number.then(|| name.to_owned());
    }
    if kind == GrantableKind::Parameter {
        let parts = name.split('.').map(|part| {
            let is_plain = part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            identifier(part).filter(|_| is_plain)
        });
        return Some(parts.collect::<Option<Vec<_>>>()?.join("."));
    }
    let (first, rest) = unquoted(name)?;
    if !kind.is_in_schema() {
        return identifier(&first).filter(|_| rest.is_empty());
    }
    let (second, rest) = unquoted(rest.strip_prefix('.')?)?;
    let out = format!("{}.{}", identifier(&first)?, identifier(&second)?);
    match (kind, rest) {
        (GrantableKind::Function, rest) => {
            let arguments = arguments(rest.strip_prefix('(')?.strip_suffix(')')?)?;
            Some(format!("{out}({arguments})"))
        }
        (_, "") => Some(out),
        (_, _) => None,
    }
}

/// The argument types of a function: words, brackets, commas and quoted names; none for anything else.
fn arguments(mut rest: &str) -> Option<String> {
    let mut out = String::new();
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let (name, more) = unquoted(rest)?;
            out.push_str(&identifier(&name)?);
            rest = more;
        } else if c.is_ascii_alphanumeric() || matches!(c, '_' | ' ' | ',' | '.' | '[' | ']') {
            out.push(c);
            rest = rest.get(1..)?;
        } else {
            return None;
        }
    }
    Some(out)
}
