//! Resources, entitlements and direct grants become subjects, roles, groups and assignments.
//!
//! An entitlement whose holders have further grants (`GrantExpandable`) is a group, every other one is a role. A resource
//! that expands is a group too: it contains the groups of its entitlements, so that a grant to it reaches their members. The
//! grants that a sync derived from others are left out, because they follow from the groups.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::entitlement::{IdentityKind, Permission};
use crate::input::id::GroupId;
use crate::input::intern::shared;
use crate::input::time::Time;
use crate::snapshot::import::draft::{Draft, Omission};
use crate::snapshot::model::{MembersKnown, Status};

use super::export::{Annotation, Grant, ListedEntitlement, ListedResource, Lists};

const DERIVED: Omission = Omission {
    what: "grants follow from others and are left out; the groups show them",
    help: "nothing is missing: only direct grants count, or everyone is counted twice",
    gives_access: false,
};
const SHALLOW: Omission = Omission {
    what: "grants expand to direct members only; they are shown for the members of nested groups too",
    help: "the members of nested groups do not have them",
    gives_access: false,
};
const STRANGERS: Omission = Omission {
    what: "resources or entitlements are named by grants and not listed, so the sync is partial",
    help: "run a full sync and print all four lists: `baton -f sync.c1z -o json resources`",
    gives_access: true,
};
const SECRETS: Omission = Omission {
    what: "secrets do not name the identity that they are of",
    help: "review them in the system; their owner is unknown",
    gives_access: true,
};

/// What the lists say of entitlements.
struct Expansion<'l> {
    /// The entitlements that are groups.
    groups: BTreeSet<&'l str>,
    /// Of a resource, all entitlements through which its grants expand.
    sources: BTreeMap<String, BTreeSet<&'l str>>,
}

/// Adds all lists.
pub(super) fn add(lists: &Lists, draft: &mut Draft) {
    let grants: Vec<&Grant> = lists.grants.iter().flatten().map(|entry| &entry.grant).collect();
    let direct: Vec<&Grant> = grants.iter().copied().filter(|grant| grant.is_direct()).collect();
    for grant in grants.iter().filter(|grant| !grant.is_direct()) {
        draft.omit(DERIVED, &grant.id);
    }
    let entitlements: Vec<&ListedEntitlement> = lists.entitlements.iter().flatten().map(|it| &it.entitlement).collect();
    let kinds = TypeTraits::of(lists);
    let mut expansion = Expansion { groups: BTreeSet::new(), sources: BTreeMap::new() };
    for grant in &direct {
        for id in grant.expands().flat_map(|it| &it.entitlement_ids) {
            expansion.groups.insert(id);
            expansion.sources.entry(grant.principal.id.name()).or_default().insert(id);
        }
    }
    // Membership in what the system calls a group, also where nothing is granted to the group yet.
    for entitlement in &entitlements {
        let of = &entitlement.resource.id;
        if kinds.is(&of.resource_type, "TRAIT_GROUP") && entitlement.purpose == "PURPOSE_VALUE_ASSIGNMENT" {
            expansion.groups.insert(&entitlement.id);
            expansion.sources.entry(of.name()).or_default().insert(&entitlement.id);
        }
    }
    for entry in lists.resources.iter().flatten() {
        if draft.is_new("resource", &entry.resource.id.name(), &entry.resource) {
            resource(&entry.resource, &kinds, draft);
        }
    }
    for (resource, sources) in &expansion.sources {
        if !draft.identities.contains_key(resource.as_str()) {
            draft.group(resource).nested = sources.iter().map(|id| GroupId::new(shared(id))).collect();
        }
    }
    for entitlement in entitlements {
        if draft.is_new("entitlement", &entitlement.id, entitlement) {
            self::entitlement(entitlement, &expansion, draft);
            draft.count("entitlements", 1);
        }
    }
    for grant in direct {
        if draft.is_new("grant", &grant.id, grant) {
            self::grant(grant, &expansion, &kinds, draft);
            draft.count("grants", 1);
        }
    }
    if draft.has_omitted(STRANGERS) {
        draft.groups.values_mut().for_each(|group| group.members_known = MembersKnown::Partial);
    }
}

/// The traits of the types of resources.
struct TypeTraits<'l>(BTreeMap<&'l str, &'l [String]>);

impl<'l> TypeTraits<'l> {
    fn of(lists: &'l Lists) -> Self {
        let types = lists.resource_types.iter().flatten().map(|entry| &entry.resource_type);
        Self(types.map(|it| (it.id.as_str(), it.traits.as_slice())).collect())
    }

    fn is(&self, kind: &str, name: &str) -> bool {
        self.0.get(kind).is_some_and(|traits| traits.iter().any(|known| known == name))
    }
}

fn resource(resource: &ListedResource, kinds: &TypeTraits<'_>, draft: &mut Draft) {
    let id = resource.id.name();
    let kind = resource.id.resource_type.as_str();
    let annotation = |name: &str| resource.annotations.iter().find(|it| it.is(name));
    let parent = resource.parent_resource_id.as_ref().map(super::export::ResourceRef::name);
    if let Some(secret) = annotation("SecretTrait").or_else(|| annotation("CredentialTrait")) {
        credential(&id, secret, draft);
    } else if annotation("UserTrait").is_some() || kinds.is(kind, "TRAIT_USER") {
        identity(&id, annotation("UserTrait"), draft);
        draft.count("identities", 1);
    } else {
        if annotation("GroupTrait").is_some() || kinds.is(kind, "TRAIT_GROUP") {
            draft.group(&id);
            draft.count("groups", 1);
        }
        draft.count("resources", 1);
    }
    draft.resource(&id, parent.as_deref());
}

fn identity(id: &str, user: Option<&Annotation>, draft: &mut Draft) {
    let kind = match user.and_then(|it| it.account_type.as_deref()) {
        Some("ACCOUNT_TYPE_SERVICE" | "ACCOUNT_TYPE_SYSTEM") => IdentityKind::ServiceAccount,
        // Only people.yaml and agents.yaml can say who uses an account of unknown type.
        Some(_) | None => IdentityKind::Human,
    };
    let identity = draft.identity(id, kind);
    let status = user.and_then(|it| it.status.as_ref()).map_or("", |it| it.status.as_str());
    if matches!(status, "STATUS_DISABLED" | "STATUS_DELETED") {
        identity.status = Status::Disabled;
    }
    identity.last_used = user.and_then(|it| it.last_login.as_deref()).and_then(Time::parse);
}

fn credential(id: &str, secret: &Annotation, draft: &mut Draft) {
    let time = |text: &Option<String>| text.as_deref().and_then(Time::parse);
    let Some(of) = secret.identity_id.as_ref().or(secret.created_by_id.as_ref()) else {
        draft.omit(SECRETS, id);
        return;
    };
    let of = of.name();
    draft.identity(&of, IdentityKind::Human);
    let credential = draft.credential(id, &of, "api_key");
    credential.issued_at = time(&secret.created_at);
    credential.until = time(&secret.expires_at);
    credential.last_used = time(&secret.last_used_at);
    draft.count("secrets", 1);
}

fn entitlement(entitlement: &ListedEntitlement, expansion: &Expansion<'_>, draft: &mut Draft) {
    let of = entitlement.resource.id.name();
    if expansion.groups.contains(entitlement.id.as_str()) {
        draft.group(&entitlement.id);
    } else {
        let slug = if entitlement.slug.is_empty() { &entitlement.id } else { &entitlement.slug };
        draft.role(&entitlement.id).permissions = vec![Permission::allow(slug.as_str(), of.as_str())];
    }
    draft.resource(&of, None);
}

fn grant(grant: &Grant, expansion: &Expansion<'_>, kinds: &TypeTraits<'_>, draft: &mut Draft) {
    let principal = grant.principal.id.name();
    let what = grant.entitlement.id.as_str();
    if grant.expands().any(|it| it.shallow) {
        draft.omit(SHALLOW, &grant.id);
    }
    if !draft.is_subject(&principal) {
        stranger(grant, &principal, kinds, draft);
    }
    if !draft.roles.contains_key(what) && !draft.groups.contains_key(what) {
        draft.omit(STRANGERS, what);
        if expansion.groups.contains(what) {
            draft.group(what);
        }
    }
    // A grant that expands through fewer entitlements than its principal has is one of these entitlements, so that it
    // reaches no one else.
    let through: BTreeSet<&str> = grant.expands().flat_map(|it| &it.entitlement_ids).map(String::as_str).collect();
    let is_all = through.is_empty() || expansion.sources.get(&principal).is_none_or(|all| *all == through);
    let receivers = if is_all { vec![principal.as_str()] } else { through.into_iter().collect() };
    let scope = grant.entitlement.resource.id.name();
    for who in receivers {
        if !draft.is_subject(who) {
            draft.omit(STRANGERS, who);
            draft.group(who);
        }
        if draft.groups.contains_key(what) {
            draft.join(who, what);
        } else {
            draft.assign(who, what, Some(&scope));
        }
    }
}

/// A principal that is not a listed user or group: an application or another resource that is granted something.
fn stranger(grant: &Grant, id: &str, kinds: &TypeTraits<'_>, draft: &mut Draft) {
    if !draft.resources.contains_key(id) {
        draft.omit(STRANGERS, id);
    }
    let kind = grant.principal.id.resource_type.as_str();
    if kinds.is(kind, "TRAIT_USER") {
        draft.identity(id, IdentityKind::Human);
    } else if kinds.is(kind, "TRAIT_GROUP") || kinds.is(kind, "TRAIT_ROLE") {
        draft.group(id).members_known = MembersKnown::Unknown;
    } else {
        draft.identity(id, IdentityKind::ServiceAccount);
    }
}
