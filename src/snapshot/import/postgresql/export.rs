//! The form of the document that the query writes, which is also what a dump of roles is read to.
//!
//! It is closed: an unknown field is a fault, because it could be access that this version does not know.

use serde::Deserialize;

use crate::input::finding::{Code, Finding};
use crate::input::time::Time;
use crate::snapshot::tree;

/// The version of the form.
const VERSION: u32 = 1;

/// An export of one database, or of the roles of a server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Export {
    #[serde(rename = "review_export")]
    _system: String,
    version: u32,
    /// Read by the probe.
    #[serde(rename = "taken_at")]
    _taken_at: Option<String>,
    /// As `server_version_num`: 160003 is 16.3.
    pub server_version: u32,
    pub system_identifier: Option<String>,
    /// The database; none in a dump of roles.
    pub database: Option<String>,
    pub roles: Vec<DatabaseRole>,
    pub memberships: Vec<Membership>,
    pub objects: Vec<Object>,
    pub columns: Vec<Column>,
    pub default_privileges: Vec<DefaultPrivileges>,
    pub not_listed: NotListed,
}

/// A role with its attributes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "these are the attributes of the source system")]
pub(super) struct DatabaseRole {
    pub name: String,
    pub superuser: bool,
    pub inherit: bool,
    pub createrole: bool,
    pub createdb: bool,
    pub login: bool,
    pub replication: bool,
    pub bypassrls: bool,
    /// When its password expires.
    pub valid_until: Option<String>,
    /// Whether the export shows that it has a password. A query cannot see that.
    #[serde(skip)]
    pub has_password: bool,
}

impl DatabaseRole {
    /// A role as `CREATE ROLE` makes it.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            superuser: false,
            inherit: true,
            createrole: false,
            createdb: false,
            login: false,
            replication: false,
            bypassrls: false,
            valid_until: None,
            has_password: false,
        }
    }
}

/// A membership of `member` in `role`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Membership {
    pub role: String,
    pub member: String,
    pub admin: bool,
    /// Before version 16, the member's attribute decides.
    pub inherit: Option<bool>,
    /// Before version 16, always.
    pub set: Option<bool>,
}

/// Row security of a table.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum RowSecurity {
    Off,
    On,
    /// On, for its owner too.
    Forced,
}

/// An object with its owner and grants to others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Object {
    pub kind: String,
    pub schema: Option<String>,
    pub name: String,
    /// The argument types of a function.
    pub arguments: Option<String>,
    /// Parameters have none.
    pub owner: Option<String>,
    pub row_security: RowSecurity,
    pub grants: Vec<Grant>,
}

/// A grant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Grant {
    /// The role; none is `PUBLIC`.
    pub to: Option<String>,
    pub privilege: String,
    pub grantable: bool,
}

/// A column with grants of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Column {
    pub schema: String,
    pub table: String,
    pub name: String,
    pub row_security: bool,
    pub grants: Vec<Grant>,
}

/// What objects that `creator` makes will grant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DefaultPrivileges {
    pub creator: String,
    /// None: in every schema.
    pub schema: Option<String>,
    pub kind: String,
    pub grants: Vec<Grant>,
}

/// How many objects the query does not list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotListed {
    /// Objects of the system and of extensions, with the access that they were created with.
    pub builtin_objects: usize,
    pub owner_only_large_objects: usize,
    pub security_definer_functions: usize,
    pub row_security_policies: usize,
    pub user_mappings: usize,
    pub subscriptions: usize,
}

impl Export {
    /// An export without objects.
    pub fn of_roles(roles: Vec<DatabaseRole>, memberships: Vec<Membership>, server_version: u32) -> Self {
        Self {
            _system: String::new(),
            version: VERSION,
            _taken_at: None,
            server_version,
            system_identifier: None,
            database: None,
            roles,
            memberships,
            objects: Vec::new(),
            columns: Vec::new(),
            default_privileges: Vec::new(),
            not_listed: NotListed::default(),
        }
    }
}

/// Reads the document of a query, also as the only element of an array.
///
/// # Errors
/// A finding if the text is not such a document. It never quotes a value.
pub(super) fn parse(name: &str, text: &str) -> Result<Export, Finding> {
    let read = if text.trim_start().starts_with('[') {
        serde_json::from_str::<[Export; 1]>(text).map(|[export]| export)
    } else {
        serde_json::from_str::<Export>(text)
    };
    let export = read.map_err(|fault| {
        let mut finding = tree::json_fault(name, text, &fault);
        let message = fault.to_string();
        let is_form = fault.is_data() && !message.starts_with("unknown field") && !message.starts_with("missing field");
        if is_form {
            finding.message = "a value does not have the type that the query writes".into();
        }
        if fault.is_data() {
            finding.code = Code::WrongType;
            finding.help =
                Some("export again with `review snapshot query postgresql` of this version of review".into());
        }
        finding
    })?;
    if export.version != VERSION {
        let message = format!("the export has the form {}, and this version of review reads {VERSION}", export.version);
        return Err(Finding::new(Code::UnsupportedVersion, message)
            .at(&crate::input::place::Place::file(name))
            .help("export again with `review snapshot query postgresql`"));
    }
    Ok(export)
}

/// A time of the server: `2030-11-30T00:00:00Z`, or as a dump writes it.
pub(super) fn time(text: &str) -> Option<Time> {
    let text = text.replacen(' ', "T", 1);
    Time::parse(&text).or_else(|| Time::parse(&format!("{}Z", text.strip_suffix("+00")?)))
}
