//! Lists become people, groups, applications and administrator roles.
//!
//! Only what is given directly is read: what a user has through a group follows from the group.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::entitlement::{IdentityKind, Permission};
use crate::input::time::Time;
use crate::snapshot::check::is_plain;
use crate::snapshot::import::draft::{Draft, Omission};
use crate::snapshot::model::{MembersKnown, Status};

use super::export::OktaObject;

/// The scope of everything in the organisation.
const ORGANISATION: &str = "org";

const STRANGERS: Omission = Omission {
    what: "users, groups or applications are named and not listed",
    help: "export api/v1/users, api/v1/groups and api/v1/apps too, at the same time; users without access are not listed by default",
    gives_access: true,
};
const LISTS: Omission = Omission {
    what: "entries of other lists are not read",
    help: "src/snapshot/import/okta/README.md names the lists that are read",
    gives_access: true,
};

/// A list: its path without the query, and its objects.
pub(super) struct PathObjects {
    pub path: String,
    pub objects: Vec<OktaObject>,
}

/// The ids of objects in the snapshot, by their ids in Okta.
#[derive(Default)]
struct OktaNames {
    users: BTreeMap<String, String>,
    groups: BTreeMap<String, String>,
    /// Names of applications, by their ids and by their client ids: `LABEL/ID`.
    apps: BTreeMap<String, String>,
    custom_roles: BTreeMap<String, String>,
}

fn parts(path: &str) -> Vec<&str> {
    path.split('/').collect()
}

fn readable(name: Option<&str>, id: &str) -> String {
    match name.filter(|it| !it.trim().is_empty() && is_plain(it) && !it.contains(['*', '#'])) {
        Some(name) => format!("{name}/{id}"),
        None => id.to_owned(),
    }
}

impl OktaNames {
    fn of(lists: &[PathObjects]) -> Self {
        let mut names = Self::default();
        for list in lists {
            for it in &list.objects {
                let profile = it.profile.as_ref();
                match parts(&list.path).as_slice() {
                    ["api", "v1", "users"] => {
                        let login = profile.and_then(|it| it.login.as_deref()).filter(|it| is_plain(it));
                        names.users.insert(it.id.clone(), format!("user:{}", login.unwrap_or(&it.id)));
                    }
                    ["api", "v1", "groups"] => {
                        let name = profile.and_then(|it| it.name.as_deref());
                        names.groups.insert(it.id.clone(), format!("group:{}", readable(name, &it.id)));
                    }
                    ["api", "v1", "apps"] => {
                        let name = readable(it.label.as_deref(), &it.id);
                        names.apps.extend(it.client_id().map(|client| (client.to_owned(), name.clone())));
                        names.apps.insert(it.id.clone(), name);
                    }
                    ["api", "v1", "iam", "roles"] => {
                        let name = readable(it.label.as_deref(), &it.id);
                        names.custom_roles.insert(it.id.clone(), format!("admin-role:{name}"));
                    }
                    _ => {}
                }
            }
        }
        names
    }

    fn user(&self, id: &str, draft: &mut Draft) -> String {
        if let Some(known) = self.users.get(id) {
            return known.clone();
        }
        draft.omit(STRANGERS, id);
        let who = format!("user:{id}");
        draft.identity(&who, IdentityKind::Human);
        who
    }

    fn group(&self, id: &str, draft: &mut Draft) -> String {
        if let Some(known) = self.groups.get(id) {
            return known.clone();
        }
        draft.omit(STRANGERS, id);
        let group = format!("group:{id}");
        draft.group(&group).members_known = MembersKnown::Unknown;
        group
    }

    /// The identity of an application that calls the interface as itself.
    fn client(&self, id: &str, draft: &mut Draft) -> String {
        if !self.apps.contains_key(id) {
            draft.omit(STRANGERS, id);
        }
        let who = format!("client:{}", self.apps.get(id).map_or(id, String::as_str));
        draft.identity(&who, IdentityKind::ServiceAccount);
        who
    }

    fn app(&self, id: &str) -> String {
        format!("app:{}", self.apps.get(id).map_or(id, String::as_str))
    }
}

/// Adds all lists, and returns the organisations.
pub(super) fn add(lists: &[PathObjects], draft: &mut Draft) -> BTreeSet<String> {
    let names = OktaNames::of(lists);
    draft.resource(ORGANISATION, None);
    let with_members: BTreeSet<&str> = lists
        .iter()
        .filter_map(|list| match parts(&list.path).as_slice() {
            ["api", "v1", "groups", id, "users"] => Some(*id),
            _ => None,
        })
        .collect();
    let mut organisations = BTreeSet::new();
    for list in lists {
        for object in &list.objects {
            match parts(&list.path).as_slice() {
                ["api", "v1", "org"] => {
                    organisations.insert(object.id.clone());
                }
                ["api", "v1", "users" | "groups" | "apps"] => listed(list, object, &with_members, &names, draft),
                _ => relation(list, object, &names, draft),
            }
        }
    }
    organisations
}

fn listed(list: &PathObjects, it: &OktaObject, with_members: &BTreeSet<&str>, names: &OktaNames, draft: &mut Draft) {
    if !draft.is_new("object", &it.id, it) {
        return;
    }
    let is_off = |off: &[&str]| it.status.as_deref().is_some_and(|status| off.contains(&status));
    if list.path.ends_with("users") {
        let id = names.user(&it.id, draft);
        let identity = draft.identity(&id, IdentityKind::Human);
        if is_off(&["SUSPENDED", "DEPROVISIONED"]) {
            identity.status = Status::Disabled;
        }
        identity.last_used = it.last_login.as_deref().and_then(Time::parse);
        draft.count("users", 1);
    } else if list.path.ends_with("groups") {
        let id = names.group(&it.id, draft);
        let is_everyone = it.word() == "BUILT_IN" && id.starts_with("group:Everyone/");
        let is_listed = with_members.contains(it.id.as_str());
        let group = draft.group(&id);
        group.members_known = if is_listed || is_everyone { MembersKnown::Known } else { MembersKnown::Unknown };
        if is_everyone {
            group.public = true;
            group.implicit = vec!["user:*".to_owned()];
        }
        draft.count("groups", 1);
    } else {
        let app = names.app(&it.id);
        draft.resource(&app, Some(ORGANISATION));
        // An application that is switched off lets nobody in.
        let is_active = !is_off(&["INACTIVE", "DELETED"]);
        let permissions = if is_active { vec![Permission::allow("app.access", app.as_str())] } else { Vec::new() };
        draft.role(&format!("access to {app}")).permissions = permissions;
        draft.count("applications", 1);
    }
}

fn relation(list: &PathObjects, it: &OktaObject, names: &OktaNames, draft: &mut Draft) {
    match parts(&list.path).as_slice() {
        ["api", "v1", "groups", id, "users"] => {
            let (group, who) = (names.group(id, draft), names.user(&it.id, draft));
            draft.join(&who, &group);
            draft.count("memberships", 1);
        }
        // What a user has through a group follows from the group.
        ["api", "v1", "apps", _, "users"] if it.scope.as_deref() == Some("GROUP") => {}
        ["api", "v1", "users", _, "roles"] if it.assignment_type.as_deref() == Some("GROUP") => {}
        ["api", "v1", "apps", id, "users"] => {
            let who = names.user(&it.id, draft);
            access(&who, &names.app(id), draft);
        }
        ["api", "v1", "apps", id, "groups"] => {
            let who = names.group(&it.id, draft);
            access(&who, &names.app(id), draft);
        }
        ["api", "v1", "apps", id, "grants"] => {
            let scope = it.scope_id.as_deref().unwrap_or_default();
            if it.status.as_deref().is_none_or(|status| status == "ACTIVE") {
                let (who, role) = (names.client(id, draft), format!("scope:{scope}"));
                draft.role(&role).permissions = vec![Permission::allow(scope, "*")];
                draft.assign(&who, &role, Some(ORGANISATION));
                draft.count("scopes", 1);
            }
        }
        ["api", "v1", "users", id, "roles"] => {
            let who = names.user(id, draft);
            administrator(&who, it, names, draft);
        }
        ["api", "v1", "groups", id, "roles"] => {
            let who = names.group(id, draft);
            administrator(&who, it, names, draft);
        }
        ["oauth2", "v1", "clients", id, "roles"] => {
            let who = names.client(id, draft);
            administrator(&who, it, names, draft);
        }
        ["api", "v1", "iam", "roles"] => {
            if let Some(role) = names.custom_roles.get(&it.id) {
                let is_new = draft.is_new("custom role", role, it);
                draft.count("custom_roles", usize::from(is_new));
            }
        }
        ["api", "v1", "iam", "roles", id, "permissions"] => {
            let role = names.custom_roles.get(*id).cloned().unwrap_or_else(|| format!("admin-role:{id}"));
            let permission = Permission::allow(it.label.as_deref().unwrap_or_default(), "*");
            let known = &mut draft.role(&role).permissions;
            if !known.contains(&permission) {
                known.push(permission);
            }
        }
        ["api", "v1", "api-tokens"] => {
            let who = names.user(it.user_id.as_deref().unwrap_or_default(), draft);
            let credential = draft.credential(&format!("token:{}", it.id), &who, "token");
            credential.issued_at = it.created.as_deref().and_then(Time::parse);
            credential.until = it.expires_at.as_deref().and_then(Time::parse);
            draft.count("tokens", 1);
        }
        _ => draft.omit(LISTS, &list.path),
    }
}

fn access(who: &str, app: &str, draft: &mut Draft) {
    draft.resource(app, Some(ORGANISATION));
    draft.assign(who, &format!("access to {app}"), Some(app));
    draft.count("application_assignments", 1);
}

/// An administrator role. What a standard role gives is not in any list; what a custom one gives is.
fn administrator(who: &str, it: &OktaObject, names: &OktaNames, draft: &mut Draft) {
    if it.status.as_deref().is_some_and(|status| status != "ACTIVE") {
        return;
    }
    let kind = it.word();
    let role = if let ("CUSTOM", Some(id)) = (kind, it.role.as_deref()) {
        names.custom_roles.get(id).cloned().unwrap_or_else(|| format!("admin-role:{id}"))
    } else {
        let role = format!("admin-role:{kind}");
        let is_super = kind == "SUPER_ADMIN";
        let permission = if is_super { Permission::allow("*", "*") } else { Permission::allow(kind, "admin") };
        draft.role(&role).permissions = vec![permission];
        role
    };
    let scope = it.resource_set.as_ref().map(|set| format!("resource-set:{set}"));
    if let Some(set) = &scope {
        draft.resource(set, Some(ORGANISATION));
    }
    draft.assign(who, &role, Some(scope.as_deref().unwrap_or(ORGANISATION)));
    draft.count("administrators", 1);
}
