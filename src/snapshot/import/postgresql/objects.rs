//! Objects with their owners and grants, grants on columns, and default privileges.
//!
//! An owner has every privilege on its object and can grant it. A grant on a column is a grant on the table under a
//! condition, and so is a grant on rows that row security restricts, so that both are shown and never count for less.

use crate::input::entitlement::Permission;
use crate::input::finding::{Code, Finding};
use crate::input::text::Text;

use super::build::{Build, SERVER};
use super::export::{Column, DefaultPrivileges, Export, Grant, Object, RowSecurity};
use super::names::{escaped, quoted};
use super::privileges::{GrantableKind, is_privilege, reads_or_writes_rows};

/// The condition of what row security restricts.
pub(super) const ROW_SECURITY: &str = "only the rows that the row security policies of the table admit";

/// Adds all objects.
///
/// # Errors
/// Every kind or privilege that cannot be one.
pub(super) fn add(export: &Export, build: &mut Build) -> Result<(), Vec<Finding>> {
    let mut faults = Vec::new();
    let database = export.database.as_ref().map(|name| format!("database:{}", quoted(name)));
    let place = Database { id: database.as_deref().unwrap_or(SERVER), version: export.server_version };
    if let (Some(id), Some(name)) = (&database, &export.database) {
        let own = export.objects.iter().find(|o| o.kind == GrantableKind::Database.word() && o.name == *name);
        build.resource(id, Some(SERVER), own.and_then(|object| object.owner.as_deref()));
    }
    // Schemas first, so that each is listed with its owner.
    let (schemas, others): (Vec<_>, Vec<_>) =
        export.objects.iter().partition(|o| o.kind == GrantableKind::Schema.word());
    for object in schemas.into_iter().chain(others) {
        match GrantableKind::parse(&object.kind) {
            Some(kind) => place.object(kind, object, build, &mut faults),
            None => faults.push(unknown("kind of object", &object.kind)),
        }
    }
    for column in &export.columns {
        place.column(column, build, &mut faults);
    }
    for defaults in &export.default_privileges {
        match GrantableKind::parse(&defaults.kind) {
            Some(kind) => place.defaults(kind, defaults, build, &mut faults),
            None => faults.push(unknown("kind of object", &defaults.kind)),
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn unknown(what: &str, word: &str) -> Finding {
    Finding::new(Code::BadValue, format!("`{word}` is no {what} that this importer knows"))
        .help("export with `review snapshot query postgresql` of this version of review")
}

/// The database that the objects are in.
struct Database<'e> {
    id: &'e str,
    version: u32,
}

impl Database<'_> {
    /// Makes the resource of a schema that no object stands for, and returns its id.
    fn schema(&self, name: &str, build: &mut Build) -> String {
        let id = format!("schema:{}", quoted(name));
        build.resource(&id, Some(self.id), None);
        id
    }

    fn object(&self, kind: GrantableKind, object: &Object, build: &mut Build, faults: &mut Vec<Finding>) {
        let id = resource(kind, object);
        let parent = match &object.schema {
            Some(schema) if kind.is_in_schema() => self.schema(schema, build),
            Some(_) | None if kind.is_of_server() => SERVER.to_owned(),
            Some(_) | None => self.id.to_owned(),
        };
        let owner = object.owner.as_deref();
        if let Some(owner) = owner {
            build.subject(owner);
        }
        build.resource(&id, Some(&parent), owner);
        let is_restricted = object.row_security != RowSecurity::Off;
        for grant in &object.grants {
            let condition =
                |privilege: &str| (is_restricted && reads_or_writes_rows(privilege)).then(|| Text::from(ROW_SECURITY));
            give(build, grant, &Given { on: &id, scope: &id, detail: "" }, &condition, faults);
        }
        if let Some(owner) = owner {
            let who = build.subject(owner);
            let forced = object.row_security == RowSecurity::Forced;
            build.assign(&who, &format!("OWNER ON {id}"), &id, || owned(kind, &id, forced, self.version));
        }
    }

    fn column(&self, column: &Column, build: &mut Build, faults: &mut Vec<Finding>) {
        let table = format!("table:{}.{}", quoted(&column.schema), quoted(&column.table));
        let schema = self.schema(&column.schema, build);
        build.resource(&table, Some(&schema), None);
        let name = quoted(&column.name);
        let condition = |privilege: &str| {
            let rows = if column.row_security && reads_or_writes_rows(privilege) {
                format!(", and {ROW_SECURITY}")
            } else {
                String::new()
            };
            Some(Text::from(format!("only the column {name}{rows}")))
        };
        for grant in &column.grants {
            let given = Given { on: &table, scope: &table, detail: &format!(" ({name})") };
            give(build, grant, &given, &condition, faults);
        }
    }

    fn defaults(
        &self,
        kind: GrantableKind,
        defaults: &DefaultPrivileges,
        build: &mut Build,
        faults: &mut Vec<Finding>,
    ) {
        let creator = quoted(&defaults.creator);
        let (on, scope, place) = match &defaults.schema {
            Some(schema) => {
                let id = self.schema(schema, build);
                let name = quoted(schema);
                (format!("future:{}:{name}.*", kind.word()), id, format!("IN SCHEMA {name} "))
            }
            None => (format!("future:{}:*", kind.word()), self.id.to_owned(), String::new()),
        };
        let what = format!("FUTURE {} {place}BY {creator}", kind.word());
        for grant in &defaults.grants {
            if !is_privilege(&grant.privilege) {
                faults.push(unknown("privilege", &grant.privilege));
                continue;
            }
            let who = build.grantee(grant.to.as_deref());
            let role = named(&grant.privilege, "", &what, grant.grantable);
            let permissions = || permissions(&grant.privilege, &on, grant.grantable, None);
            build.assign(&who, &role, &scope, permissions);
        }
    }
}

/// What a grant is on.
struct Given<'a> {
    on: &'a str,
    scope: &'a str,
    /// The column, in parentheses.
    detail: &'a str,
}

fn give(
    build: &mut Build,
    grant: &Grant,
    given: &Given<'_>,
    condition: &dyn Fn(&str) -> Option<Text>,
    faults: &mut Vec<Finding>,
) {
    let privilege = grant.privilege.as_str();
    if !is_privilege(privilege) {
        faults.push(unknown("privilege", privilege));
        return;
    }
    let who = build.grantee(grant.to.as_deref());
    let role = named(privilege, given.detail, given.on, grant.grantable);
    build.assign(&who, &role, given.scope, || permissions(privilege, given.on, grant.grantable, condition(privilege)));
}

/// The id of the role of a grant, which is written like the grant.
fn named(privilege: &str, detail: &str, on: &str, grantable: bool) -> String {
    format!("{privilege}{detail} ON {on}{}", if grantable { " WITH GRANT OPTION" } else { "" })
}

fn permissions(privilege: &str, on: &str, grantable: bool, condition: Option<Text>) -> Vec<Permission> {
    let mut out = vec![Permission { condition, ..Permission::allow(privilege, on) }];
    if grantable {
        // Row security does not restrict what may be granted, and a column is named by the condition of the first.
        let condition = out.first().and_then(|p| p.condition.clone()).filter(|text| text.raw() != ROW_SECURITY);
        out.push(Permission { condition, ..Permission::allow(format!("{privilege} WITH GRANT OPTION"), on) });
    }
    out
}

/// What an owner has: every privilege, the right to grant it, and to alter and drop the object.
fn owned(kind: GrantableKind, on: &str, forced: bool, version: u32) -> Vec<Permission> {
    let mut out = vec![Permission::allow("OWNER", on)];
    for privilege in kind.privileges(version) {
        let condition = (forced && reads_or_writes_rows(privilege)).then(|| Text::from(ROW_SECURITY));
        out.extend(permissions(privilege, on, true, condition));
    }
    out
}

/// The id of the resource of an object.
fn resource(kind: GrantableKind, object: &Object) -> String {
    let mut id = format!("{}:", kind.word());
    if let Some(schema) = object.schema.as_ref().filter(|_| kind.is_in_schema()) {
        id.push_str(&format!("{}.", quoted(schema)));
    }
    // An object id is a number, and the names of parameters contain dots.
    let is_bare = matches!(kind, GrantableKind::LargeObject | GrantableKind::Parameter);
    id.push_str(&if is_bare { escaped(&object.name) } else { quoted(&object.name) });
    if kind == GrantableKind::Function {
        id.push_str(&format!("({})", escaped(object.arguments.as_deref().unwrap_or_default())));
    }
    id
}
