//! An export becomes a snapshot: subjects, memberships, grants and ownership.
//!
//! Every role of the server is one subject. Memberships that inherit are memberships of groups; all others by which a role
//! can become another are trusts. Every grant is an assignment of a role that is named like the grant
//! (`SELECT ON table:app.orders`), in the scope of the object. Linear in the export, but for the sets that sort it.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::entitlement::{IdentityKind, Permission};
use crate::input::id::{AssignmentId, CredentialId, GroupId, IdentityId, ResourceId, RoleId, TrustId};
use crate::input::intern::shared;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::snapshot::import::draft::assignment;
use crate::snapshot::model::{
    Assignment, Credential, Group, Identity, MembersKnown, Resource, Role, Snapshot, Status, SystemTarget, Trust,
};

use super::export::{self, Export};
use super::names::quoted;

/// The group of all roles that can log in. No role can have this name.
const PUBLIC: &str = "role:public";
/// The root of the tree of resources.
pub(super) const SERVER: &str = "server";

/// Logins of the operators of managed servers. Source: documentation of Amazon RDS, Cloud SQL, `AlloyDB`, Azure Database.
const OPERATORS: [&str; 6] = ["rdsadmin", "rdsrepladmin", "cloudsqladmin", "cloudsqlagent", "alloydbadmin", "azuresu"];

/// A role that the export names, by name.
struct NamedRole {
    id: String,
    logs_in: bool,
    inherits: bool,
}

/// What is known so far.
pub(super) struct Build {
    subjects: BTreeMap<String, NamedRole>,
    identities: BTreeMap<IdentityId, Identity>,
    groups: BTreeMap<GroupId, Group>,
    roles: BTreeMap<RoleId, Role>,
    resources: BTreeMap<ResourceId, Resource>,
    assignments: BTreeMap<AssignmentId, Assignment>,
    trusts: BTreeMap<TrustId, Trust>,
    credentials: BTreeMap<CredentialId, Credential>,
    /// Names that objects or grants use and the list of roles lacks.
    pub strangers: BTreeSet<String>,
    /// Memberships that inherit and cannot `SET ROLE`, of roles with attributes.
    pub attributes_overstated: usize,
    /// Passwords whose expiry cannot be read.
    pub unread_times: usize,
}

impl Build {
    pub fn new(export: &Export) -> Self {
        let mut build = Self {
            subjects: BTreeMap::new(),
            identities: BTreeMap::new(),
            groups: BTreeMap::new(),
            roles: BTreeMap::new(),
            resources: BTreeMap::new(),
            assignments: BTreeMap::new(),
            trusts: BTreeMap::new(),
            credentials: BTreeMap::new(),
            strangers: BTreeSet::new(),
            attributes_overstated: 0,
            unread_times: 0,
        };
        build.resource(SERVER, None, None);
        for role in &export.roles {
            build.subject_of(role);
        }
        for role in &export.roles {
            build.attributes(role, export.server_version);
        }
        for name in ["SUPERUSER", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS"] {
            build.attribute(name, export.server_version);
        }
        build.memberships(export);
        build.predefined(export);
        build
    }

    /// The subject of a role: an identity if it can log in, otherwise a group.
    fn subject_of(&mut self, role: &export::DatabaseRole) {
        let name = quoted(&role.name);
        let id = format!("{}:{name}", if role.login { "user" } else { "role" });
        self.subjects
            .insert(role.name.clone(), NamedRole { id: id.clone(), logs_in: role.login, inherits: role.inherit });
        if role.login {
            let kind = if OPERATORS.contains(&role.name.as_str()) {
                IdentityKind::ServiceAccount
            } else {
                IdentityKind::Human
            };
            let id = IdentityId::new(shared(&id));
            self.identities.insert(
                id.clone(),
                Identity {
                    id,
                    kind,
                    owner: None,
                    status: Status::Active,
                    last_used: None,
                    labels: BTreeMap::new(),
                    environment: None,
                    limits: Vec::new(),
                },
            );
        } else {
            self.groups.insert(GroupId::new(shared(&id)), group(&id));
        }
        let resource = format!("role:{name}");
        self.resource(&resource, Some(SERVER), None);
        self.assign(&id, &format!("MEMBER ON {resource}"), &resource, || {
            vec![Permission::allow("MEMBER", resource.as_str())]
        });
    }

    /// The id of the subject of a role, which is made if the list of roles lacks it.
    pub fn subject(&mut self, name: &str) -> String {
        if let Some(known) = self.subjects.get(name) {
            return known.id.clone();
        }
        self.strangers.insert(name.to_owned());
        self.subject_of(&export::DatabaseRole::new(name));
        format!("role:{}", quoted(name))
    }

    fn attributes(&mut self, role: &export::DatabaseRole, version: u32) {
        let who = self.subject(&role.name);
        let flags = [
            (role.superuser, "SUPERUSER"),
            (role.createrole, "CREATEROLE"),
            (role.createdb, "CREATEDB"),
            (role.replication, "REPLICATION"),
            (role.bypassrls, "BYPASSRLS"),
        ];
        for (_, name) in flags.iter().filter(|(is_set, _)| *is_set) {
            self.attribute(name, version);
            // A superuser passes every check, wherever it is made.
            let scope = (*name != "SUPERUSER").then_some(SERVER);
            self.assignment(&who, name, scope);
        }
        if role.login && (role.valid_until.is_some() || role.has_password) {
            let until = role.valid_until.as_deref().and_then(export::time);
            self.unread_times += usize::from(role.valid_until.is_some() && until.is_none());
            let id = CredentialId::new(format!("password:{}", quoted(&role.name)));
            let identity = IdentityId::new(shared(&who));
            let credential = Credential {
                id: id.clone(),
                identity,
                kind: "password".into(),
                issued_at: None,
                until,
                last_used: None,
            };
            self.credentials.insert(id, credential);
        }
    }

    /// The snapshot's role of an attribute.
    fn attribute(&mut self, name: &str, version: u32) {
        let mut permissions = vec![Permission::allow(name, SERVER)];
        match name {
            "SUPERUSER" => permissions.push(Permission::allow("*", "*")),
            // Before version 16, it grants the membership of any role but superusers.
            "CREATEROLE" if version < 160_000 => permissions.push(Permission::allow("ADMIN", "role:*")),
            _ => {}
        }
        self.role(name, || permissions);
    }

    fn memberships(&mut self, export: &Export) {
        let has_attributes: BTreeSet<&str> = export
            .roles
            .iter()
            .filter(|r| r.superuser || r.createrole || r.createdb || r.replication || r.bypassrls)
            .map(|r| r.name.as_str())
            .collect();
        for membership in &export.memberships {
            let member = self.subject(&membership.member);
            let of = self.subject(&membership.role);
            let inherits_always = self.subjects.get(&membership.member).is_none_or(|known| known.inherits);
            let inherits = membership.inherit.unwrap_or(inherits_always);
            let sets = membership.set.unwrap_or(true);
            if inherits && !sets && has_attributes.contains(membership.role.as_str()) {
                self.attributes_overstated += 1;
            }
            self.member(&member, &membership.role, &of, inherits, sets);
            if membership.admin {
                let resource = format!("role:{}", quoted(&membership.role));
                let permission = Permission::allow("ADMIN", resource.as_str());
                self.assign(&member, &format!("ADMIN ON {resource}"), &resource, || vec![permission]);
            }
        }
        // Since version 14, the owner of the current database is a member of this role without a row that says so.
        let owner = export.objects.iter().find(|o| o.kind == "database" && Some(&o.name) == export.database.as_ref());
        if let Some(owner) = owner.and_then(|object| object.owner.as_deref())
            && self.subjects.contains_key("pg_database_owner")
            && owner != "pg_database_owner"
        {
            let member = self.subject(owner);
            self.member(&member, "pg_database_owner", "role:pg_database_owner", true, false);
        }
    }

    /// A membership: of a group if it inherits from one, otherwise a trust if it gives anything.
    fn member(&mut self, member: &str, role: &str, of: &str, inherits: bool, sets: bool) {
        let logs_in = self.subjects.get(role).is_some_and(|known| known.logs_in);
        let via = match (inherits, sets) {
            (true, _) if !logs_in => {
                let id = AssignmentId::new(format!("{member}#{of}"));
                let mut assignment = assignment(id, member);
                assignment.member_of = Some(GroupId::new(shared(of)));
                self.assignments.insert(assignment.id.clone(), assignment);
                return;
            }
            (true, _) => "inherit",
            (false, true) => "set-role",
            (false, false) => return,
        };
        let id = TrustId::new(format!("{member}#{of}"));
        let trust = Trust {
            id: id.clone(),
            from: Text::from(member),
            to: Text::from(of),
            via: via.into(),
            requires: None,
            condition: None,
            system: None,
        };
        // Of several grants of one membership, the one that inherits.
        self.trusts
            .entry(id)
            .and_modify(|known| {
                if inherits {
                    known.via = "inherit".into();
                }
            })
            .or_insert(trust);
    }

    /// What predefined roles may do without a grant.
    fn predefined(&mut self, export: &Export) {
        let usage = || Permission::allow("USAGE", "schema:*");
        let on = |action: &str, kinds: &[&str]| -> Vec<Permission> {
            kinds.iter().map(|kind| Permission::allow(action, format!("{kind}:*"))).collect()
        };
        let all: [(&str, Vec<Permission>); 3] = [
            ("pg_read_all_data", [on("SELECT", &["table", "sequence"]), vec![usage()]].concat()),
            (
                "pg_write_all_data",
                [
                    on("INSERT", &["table"]),
                    on("UPDATE", &["table", "sequence"]),
                    on("DELETE", &["table"]),
                    vec![usage()],
                ]
                .concat(),
            ),
            ("pg_maintain", on("MAINTAIN", &["table"])),
        ];
        for (name, permissions) in all {
            if export.roles.iter().any(|role| role.name == name) {
                let who = self.subject(name);
                self.assign(&who, &format!("predefined:{name}"), SERVER, || permissions);
            }
        }
    }

    /// Whether the export names a role that would be the group of all roles. The server reserves this name.
    pub fn has_reserved_name(&self) -> bool {
        self.subjects.contains_key("public")
    }

    /// The subject that a grant is to; `PUBLIC` is the group of all roles.
    pub fn grantee(&mut self, to: Option<&str>) -> String {
        to.map_or_else(|| PUBLIC.to_owned(), |name| self.subject(name))
    }

    /// A resource. An owner that cannot log in is a group, which the snapshot does not list as owner.
    pub fn resource(&mut self, id: &str, parent: Option<&str>, owner: Option<&str>) {
        let owner = owner.and_then(|name| self.subjects.get(name)).filter(|known| known.logs_in);
        let owner = owner.map(|known| IdentityId::new(shared(&known.id)));
        let id = ResourceId::new(shared(id));
        let parent = parent.map(|parent| ResourceId::new(shared(parent)));
        self.resources.entry(id.clone()).or_insert(Resource { parent, owner, ..Resource::new(id) });
    }

    fn role(&mut self, id: &str, permissions: impl FnOnce() -> Vec<Permission>) {
        let id = RoleId::new(shared(id));
        if !self.roles.contains_key(&id) {
            let permissions = permissions();
            self.roles.insert(
                id.clone(),
                Role {
                    id,
                    includes: Vec::new(),
                    permissions,
                    owner: None,
                    sensitivity: None,
                    kinds: Vec::new(),
                    by_resource: false,
                    delegated: false,
                    system: None,
                },
            );
        }
    }

    /// Assigns a role, which is made if it is new.
    pub fn assign(&mut self, who: &str, role: &str, scope: &str, permissions: impl FnOnce() -> Vec<Permission>) {
        self.role(role, permissions);
        self.assignment(who, role, Some(scope));
    }

    fn assignment(&mut self, who: &str, role: &str, scope: Option<&str>) {
        let mut assignment = assignment(AssignmentId::new(format!("{who}#{role}")), who);
        assignment.role = Some(RoleId::new(shared(role)));
        assignment.scope = scope.map(|scope| ResourceId::new(shared(scope)));
        self.assignments.insert(assignment.id.clone(), assignment);
    }

    /// How many of each kind were read.
    pub fn counts(&self, export: &Export) -> BTreeMap<&'static str, usize> {
        let direct = |it: &&Assignment| it.role.as_ref().is_some_and(|role| !role.as_str().starts_with("MEMBER ON "));
        BTreeMap::from([
            ("assignments", self.assignments.values().filter(direct).count()),
            ("predefined_roles", export.roles.iter().filter(|role| role.name.starts_with("pg_")).count()),
            ("roles", export.roles.iter().filter(|role| !role.name.starts_with("pg_")).count()),
            ("logins", self.identities.len()),
            ("memberships", export.memberships.len()),
            ("admin_options", export.memberships.iter().filter(|m| m.admin).count()),
            ("objects", export.objects.len()),
            ("superusers", export.roles.iter().filter(|role| role.superuser).count()),
            ("trusts", self.trusts.len()),
        ])
    }

    pub fn finish(mut self, export: &Export, taken_at: Time) -> Snapshot {
        let mut everybody = group(PUBLIC);
        // Not the other groups: each of their members is in this one itself, and a change of a membership would list all
        // that everyone has.
        everybody.implicit = vec!["user:*".to_owned()];
        everybody.public = true;
        self.groups.insert(everybody.id.clone(), everybody);
        let target = export.system_identifier.as_ref().zip(export.database.as_ref()).map(|(system, database)| {
            SystemTarget { id: Text::from(format!("{system}/{}", quoted(database))), system: "postgresql".into() }
        });
        Snapshot {
            version: 1,
            taken_at,
            source: "postgresql".into(),
            target,
            parts: Vec::new(),
            system: None,
            cluster_scoped: Vec::new(),
            identities: self.identities.into_values().collect(),
            groups: self.groups.into_values().collect(),
            roles: self.roles.into_values().collect(),
            resources: self.resources.into_values().collect(),
            assignments: self.assignments.into_values().collect(),
            trusts: self.trusts.into_values().collect(),
            trust_rules: Vec::new(),
            credentials: self.credentials.into_values().collect(),
            findings: Vec::new(),
        }
    }
}

fn group(id: &str) -> Group {
    Group {
        id: GroupId::new(shared(id)),
        members: Vec::new(),
        nested: Vec::new(),
        implicit: Vec::new(),
        members_known: MembersKnown::Known,
        owner: None,
        public: false,
    }
}
