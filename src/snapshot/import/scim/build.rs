//! Users and groups become a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::entitlement::{IdentityKind, Permission};
use crate::snapshot::check::is_plain;
use crate::snapshot::import::draft::{Draft, Omission};
use crate::snapshot::model::{MembersKnown, Status};

use super::export::{Reference, ScimObject};

const STRANGERS: Omission = Omission {
    what: "members are not in the lists of users and groups",
    help: "export all pages of `/Users` and `/Groups`, one after the other",
    gives_access: true,
};
const OTHERS: Omission = Omission {
    what: "resources are neither users nor groups and not read",
    help: "if they give access, import them as tables; see src/snapshot/import/csv/README.md",
    gives_access: true,
};
const SETTINGS: Omission = Omission {
    what: "descriptions of the service and its schemas are not read",
    help: "they give no access",
    gives_access: false,
};

/// Adds all resources, and returns the address of the service if they state it.
pub(super) fn add(resources: &[ScimObject], draft: &mut Draft) -> Option<String> {
    let names: BTreeMap<&str, String> = resources.iter().map(|it| (it.id.as_str(), name(it))).collect();
    let mut services = BTreeSet::new();
    for it in resources {
        services.extend(service(it));
        if it.is_user() {
            if draft.is_new("user", &it.id, it) {
                user(it, draft);
            }
        } else if it.is_group() {
            if draft.is_new("group", &it.id, it) {
                let known = if it.members.is_some() { MembersKnown::Known } else { MembersKnown::Partial };
                draft.group(&name(it)).members_known = known;
                draft.count("groups", 1);
            }
        } else {
            let is_setting = ["ServiceProviderConfig", ":ResourceType", ":Schema"].iter().any(|end| it.is(end));
            draft.omit(if is_setting { SETTINGS } else { OTHERS }, it.schemas.first().map_or("", String::as_str));
        }
    }
    for it in resources {
        if it.is_user() {
            for group in it.groups.iter().filter(|group| group.kind.as_deref() != Some("indirect")) {
                let id = subject(group, "group", &names, draft);
                draft.join(&name(it), &id);
            }
        } else if it.is_group() {
            for member in it.members.iter().flatten() {
                let who = subject(member, "user", &names, draft);
                draft.join(&who, &name(it));
                draft.count("memberships", 1);
            }
        }
    }
    if services.len() > 1 {
        let all: Vec<&str> = services.iter().map(String::as_str).collect();
        draft.fault(format!("the files are of several services: {}", all.join(", ")), "import each service on its own");
    }
    services.into_iter().next()
}

/// A user by the user name, which is unique; a group by its name and id.
fn name(it: &ScimObject) -> String {
    let is_safe = |name: &&str| !name.trim().is_empty() && is_plain(name) && !name.contains(['*', '#']);
    if it.is_user() {
        return format!("user:{}", it.user_name.as_deref().filter(is_safe).unwrap_or(&it.id));
    }
    match it.display_name.as_deref().filter(is_safe) {
        Some(name) => format!("group:{name}/{}", it.id),
        None => format!("group:{}", it.id),
    }
}

/// The base address: what is before the type and the id in the address of a resource.
fn service(it: &ScimObject) -> Option<String> {
    let location = it.meta.as_ref()?.location.as_deref()?;
    let rest = location.strip_suffix(&it.id)?.strip_suffix('/')?;
    rest.strip_suffix("/Users").or_else(|| rest.strip_suffix("/Groups")).map(str::to_owned)
}

fn user(it: &ScimObject, draft: &mut Draft) {
    let id = name(it);
    let identity = draft.identity(&id, IdentityKind::Human);
    if it.active == Some(false) {
        identity.status = Status::Disabled;
    }
    draft.count("users", 1);
    let given = (it.roles.iter().map(|role| ("role", role)))
        .chain(it.entitlements.iter().map(|entitlement| ("entitlement", entitlement)));
    for (kind, given) in given.filter(|(_, given)| !given.value.is_empty()) {
        let role = format!("{kind}:{}", given.value);
        draft.role(&role).permissions = vec![Permission::allow(given.value.as_str(), kind)];
        draft.assign(&id, &role, None);
        draft.count("roles", 1);
    }
}

/// The subject that a reference names. One that is not listed is what the reference says, else of the kind that is usual.
fn subject(to: &Reference, usual: &str, names: &BTreeMap<&str, String>, draft: &mut Draft) -> String {
    if let Some(known) = names.get(to.value.as_str()) {
        return known.clone();
    }
    draft.omit(STRANGERS, &to.value);
    let link = to.link.as_deref().unwrap_or_default();
    let is_group = to.kind.as_deref() == Some("Group") || link.contains("/Groups/") || usual == "group";
    if is_group {
        let id = format!("group:{}", to.value);
        draft.group(&id).members_known = MembersKnown::Unknown;
        return id;
    }
    let id = format!("user:{}", to.value);
    draft.identity(&id, IdentityKind::Human);
    id
}
