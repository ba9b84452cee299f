//! The snapshot as it is built: what is known so far, and how a place, a role or an assignment is added.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::export::{Export, Kind};
use super::grant::{self, MAX_PERMISSIONS};
use super::policy::Statement;
use super::principal::account_of;
use super::reading::Reading;
use crate::input::entitlement::{Mode, Permission, Sensitivity};
use crate::input::finding::{Code, Finding};
use crate::input::id::{AssignmentId, GroupId, IdentityId, ResourceId, RoleId, TrustId};
use crate::input::intern::shared;
use crate::input::text::Text;
use crate::snapshot::model::{Assignment, Group, Identity, Resource, Role, Trust};

/// What is known so far.
pub(super) struct Build<'e> {
    pub accounts: BTreeSet<&'e str>,
    /// Users and roles of the export.
    pub known: BTreeSet<&'e str>,
    /// Roles by account and name.
    pub names: BTreeMap<(&'e str, &'e str), &'e Arc<str>>,
    pub identities: BTreeMap<IdentityId, Identity>,
    pub groups: BTreeMap<GroupId, Group>,
    pub roles: BTreeMap<RoleId, Role>,
    pub resources: BTreeMap<ResourceId, Resource>,
    pub assignments: BTreeMap<AssignmentId, Assignment>,
    pub trusts: BTreeMap<TrustId, Trust>,
    permissions: usize,
    /// How many statements of each policy were read: what one policy says in two places stays two.
    numbers: BTreeMap<String, usize>,
    /// Roles of which some session is named by the policy of a resource.
    pub by_session: BTreeSet<IdentityId>,
}

impl<'e> Build<'e> {
    /// Starts with the accounts, users and roles of an export.
    pub fn new(export: &'e Export) -> Self {
        let mut build = Self {
            accounts: BTreeSet::new(),
            known: BTreeSet::new(),
            names: BTreeMap::new(),
            identities: BTreeMap::new(),
            groups: BTreeMap::new(),
            roles: BTreeMap::new(),
            resources: BTreeMap::new(),
            assignments: BTreeMap::new(),
            trusts: BTreeMap::new(),
            permissions: 0,
            numbers: BTreeMap::new(),
            by_session: BTreeSet::new(),
        };
        for entity in &export.entities {
            let account = account_of(&entity.arn).unwrap_or_default();
            build.accounts.insert(account);
            match entity.kind {
                Kind::User => drop(build.known.insert(&entity.arn)),
                Kind::Role => {
                    build.known.insert(&entity.arn);
                    build.names.insert((account, &entity.name), &entity.arn);
                }
                Kind::Group => {}
            }
        }
        build
    }

    /// The number of the first of some statements, among all of one policy.
    pub fn number(&mut self, policy: &str, statements: usize) -> usize {
        let next = self.numbers.entry(policy.to_owned()).or_default();
        let first = *next;
        *next = first.saturating_add(statements);
        first
    }

    pub fn place(&mut self, name: &str, account: Option<&str>) {
        let parent = account.map(|a| format!("account:{a}")).filter(|p| p != name);
        if let Some(parent) = &parent {
            self.place(parent, None);
        }
        let id = ResourceId::new(shared(name));
        self.resources
            .entry(id.clone())
            .or_insert(Resource { parent: parent.map(ResourceId::new), ..Resource::new(id) });
    }

    pub fn policy(&mut self, id: &str, statements: &[Statement], mark: Option<&String>, reading: &mut Reading<'_>) {
        let mut permissions = Vec::new();
        for statement in statements {
            self.permissions = self.permissions.saturating_add(grant::count(statement));
            if self.permissions > MAX_PERMISSIONS {
                let message = format!("the policies give more than {MAX_PERMISSIONS} permissions");
                reading
                    .notes
                    .at(Finding::new(Code::TooLarge, message).help("import fewer accounts at once"), &statement.spot);
                return;
            }
            permissions.extend(grant::permissions(statement, mark.map(String::as_str)));
        }
        self.role(id, permissions, false);
    }

    /// Adds a role, or to it.
    pub fn role(&mut self, id: &str, permissions: Vec<Permission>, by_resource: bool) {
        let id = RoleId::new(shared(id));
        let role = self.roles.entry(id.clone()).or_insert(Role {
            id,
            includes: Vec::new(),
            permissions: Vec::new(),
            owner: None,
            sensitivity: None,
            kinds: Vec::new(),
            by_resource,
            delegated: false,
            system: None,
        });
        role.permissions.extend(permissions);
        role.permissions.sort();
        role.permissions.dedup();
    }

    /// A policy that the export lacks: its one permission overlaps no real one, and is of the highest sensitivity.
    pub fn unresolved(&mut self, id: &str) {
        self.role(id, vec![Permission::allow("unknown", format!("unresolved:{id}"))], false);
        if let Some(role) = self.roles.get_mut(&RoleId::new(id)) {
            role.sensitivity = Some(Sensitivity::Critical);
        }
    }

    /// Gives a role to someone.
    pub fn assign(&mut self, who: &Text, role: &str) {
        let id = AssignmentId::new(format!("{}#{role}", who.raw()));
        self.assignments.entry(id.clone()).or_insert(Assignment {
            id,
            who: who.clone(),
            role: Some(RoleId::new(shared(role))),
            member_of: None,
            scope: None,
            mode: Mode::Standing,
            until: None,
            granted_at: None,
            last_used: None,
            task: None,
        });
    }
}
