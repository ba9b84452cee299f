//! Lists become people, teams, repositories, applications, tokens and workflows.
//!
//! Repository roles include one another: `admin` ⊃ `maintain` ⊃ `push` ⊃ `triage` ⊃ `pull`. A repository's workflows are an
//! identity, as which everyone who may push can act.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::entitlement::{IdentityKind, Permission};
use crate::input::id::{IdentityId, RoleId, TrustId};
use crate::input::intern::shared;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::snapshot::import::draft::{Draft, Omission};
use crate::snapshot::model::{MembersKnown, Status, TrustRule};

use super::export::{HubObject, Permissions};

/// Roles on repositories, each with the one that it includes.
const LADDER: [(&str, Option<&str>); 5] = [
    ("pull", None),
    ("triage", Some("pull")),
    ("push", Some("triage")),
    ("maintain", Some("push")),
    ("admin", Some("maintain")),
];

const ALL_REPOSITORIES: Omission = Omission {
    what: "applications and tokens have selected repositories, and are shown on all of the organisation",
    help: "review their selection in the settings of the organisation",
    gives_access: false,
};
const LISTS: Omission = Omission {
    what: "entries of other lists are not read",
    help: "src/snapshot/import/github/README.md names the lists that are read",
    gives_access: true,
};

/// A list: its path without the query, the query, and its objects.
pub(super) struct HubList {
    pub path: String,
    pub query: String,
    pub objects: Vec<HubObject>,
}

/// Adds all lists, and returns the organisations.
pub(super) fn add(lists: &[HubList], draft: &mut Draft) -> BTreeMap<String, Option<u64>> {
    for (name, includes) in LADDER {
        let role = draft.role(&format!("repo:{name}"));
        role.permissions = vec![Permission::allow(format!("repository.{name}"), "*")];
        role.includes = includes.into_iter().map(|it| RoleId::new(shared(&format!("repo:{it}")))).collect();
    }
    let mut organisations: BTreeMap<String, Option<u64>> = BTreeMap::new();
    let with_members: BTreeSet<String> = lists
        .iter()
        .filter_map(|list| match parts(&list.path).as_slice() {
            ["orgs", org, "teams", slug, "members"] => Some(format!("team:{org}/{slug}")),
            _ => None,
        })
        .collect();
    for list in lists {
        if let ["orgs", org, ..] = parts(&list.path).as_slice() {
            organisations.entry((*org).to_owned()).or_default();
            draft.resource(&format!("org:{org}"), None);
        }
        for object in &list.objects {
            entry(list, object, &with_members, &mut organisations, draft);
        }
    }
    draft.trust_rules = vec![TrustRule {
        id: TrustId::new("github:push-workflow"),
        via: "push-workflow".into(),
        to: "workflow:$name".into(),
        action: "repository.push".into(),
        resource: "*".into(),
        scope: Some("repo:$name".into()),
        with: Vec::new(),
        system: None,
    }];
    organisations
}

fn parts(path: &str) -> Vec<&str> {
    path.trim_matches('/').split('/').collect()
}

fn entry(
    list: &HubList,
    object: &HubObject,
    with_members: &BTreeSet<String>,
    organisations: &mut BTreeMap<String, Option<u64>>,
    draft: &mut Draft,
) {
    match parts(&list.path).as_slice() {
        ["orgs", org] => {
            organisations.insert((*org).to_owned(), object.id);
            base_permission(org, object, draft);
        }
        ["orgs", org, "members"] => member(org, &list.query, object, draft),
        ["orgs", _, "outside_collaborators"] => {
            let id = person(object, draft);
            if let Some(identity) = draft.identities.get_mut(id.as_str()) {
                identity.labels.insert("outside_collaborator".to_owned(), "true".into());
            }
            draft.count("outside_collaborators", 1);
        }
        ["orgs", org, "teams"] => team(org, object, with_members, draft),
        ["orgs", org, "teams", slug, "members"] => {
            let who = person(object, draft);
            let team = format!("team:{org}/{slug}");
            draft.group(&team);
            draft.join(&who, &team);
            draft.count("team_members", 1);
            if list.query.contains("role=maintainer") {
                let role = format!("maintainer of {team}");
                draft.role(&role).permissions = vec![Permission::allow("team.maintain", team.as_str())];
                draft.resource(&team, Some(&format!("org:{org}")));
                draft.assign(&who, &role, Some(&team));
            }
        }
        ["orgs", org, "teams", slug, "repos"] => {
            repository(object, draft);
            give(&format!("team:{org}/{slug}"), object.full_name.as_deref(), object.role_name.as_deref(), draft);
        }
        ["orgs", _, "repos"] => repository(object, draft),
        ["orgs", org, "installations"] => installation(org, object, draft),
        ["orgs", org, "personal-access-tokens"] => token(org, object, draft),
        ["orgs", _, "custom-repository-roles"] => custom_role(object, draft),
        ["repos", owner, name, "collaborators"] => {
            if !list.query.contains("affiliation=direct") {
                return;
            }
            let who = person(object, draft);
            give(&who, Some(&format!("{owner}/{name}")), object.role_name.as_deref(), draft);
        }
        ["repos", owner, name, "keys"] => deploy_key(&format!("{owner}/{name}"), object, draft),
        _ => draft.omit(LISTS, &list.path),
    }
}

/// What every member of the organisation may do with every repository.
fn base_permission(org: &str, object: &HubObject, draft: &mut Draft) {
    draft.group(&members_of(org));
    let role = match object.default_repository_permission.as_deref() {
        Some("read") => "repo:pull",
        Some("write") => "repo:push",
        Some("admin") => "repo:admin",
        Some(_) | None => return,
    };
    draft.assign(&members_of(org), role, Some(&format!("org:{org}")));
}

fn members_of(org: &str) -> String {
    format!("members:{org}")
}

fn person(object: &HubObject, draft: &mut Draft) -> String {
    let id = format!("user:{}", object.login.as_deref().unwrap_or_default());
    let is_bot = object.kind.as_deref() == Some("Bot");
    draft.identity(&id, if is_bot { IdentityKind::ServiceAccount } else { IdentityKind::Human });
    id
}

fn member(org: &str, query: &str, object: &HubObject, draft: &mut Draft) {
    let who = person(object, draft);
    draft.group(&members_of(org));
    draft.join(&who, &members_of(org));
    if query.contains("role=admin") {
        let role = draft.role("organization owner");
        role.permissions = vec![Permission::allow("organization.admin", "*")];
        role.includes = vec![RoleId::new(shared("repo:admin"))];
        draft.assign(&who, "organization owner", Some(&format!("org:{org}")));
        draft.count("owners", 1);
    }
    draft.count("members", 1);
}

/// A team. The members of a team inside another have what the other has.
fn team(org: &str, object: &HubObject, with_members: &BTreeSet<String>, draft: &mut Draft) {
    let slug = object.slug.as_deref().unwrap_or_default();
    let id = format!("team:{org}/{slug}");
    if !draft.is_new("team", &id, object) {
        return;
    }
    let known = if with_members.contains(&id) { MembersKnown::Known } else { MembersKnown::Unknown };
    draft.group(&id).members_known = known;
    if let Some(parent) = &object.parent {
        let parent = format!("team:{org}/{}", parent.slug);
        draft.group(&parent);
        draft.join(&id, &parent);
    }
    draft.count("teams", 1);
}

/// A repository, and the identity of its workflows.
fn repository(object: &HubObject, draft: &mut Draft) {
    let name = object.full_name.as_deref().unwrap_or_default();
    let Some((owner, short)) = name.split_once('/') else { return };
    draft.resource(&format!("repo:{name}"), Some(&format!("org:{owner}")));
    let ids = object.owner.as_ref().and_then(|owner| owner.id).zip(object.id);
    let workflow = draft.identity(&format!("workflow:{name}"), IdentityKind::Workload);
    workflow.labels.insert("oidc_subject".to_owned(), Text::from(format!("repo:{name}:")));
    if let Some((owner_id, id)) = ids {
        let subject = format!("repo:{owner}@{owner_id}/{short}@{id}:");
        workflow.labels.insert("oidc_subject_with_ids".to_owned(), Text::from(subject));
    }
    if let Some(visibility) = &object.visibility {
        workflow.labels.insert("visibility".to_owned(), Text::from(visibility.as_str()));
    }
}

/// Gives a role on a repository. One that is neither built in nor in the list of custom roles is unknown.
fn give(who: &str, repository: Option<&str>, role: Option<&str>, draft: &mut Draft) {
    let role = match role.unwrap_or("unknown") {
        "read" => "pull",
        "write" => "push",
        other => other,
    };
    let scope = format!("repo:{}", repository.unwrap_or_default());
    let owner = repository.and_then(|name| name.split_once('/')).map(|(owner, _)| format!("org:{owner}"));
    draft.resource(&scope, owner.as_deref());
    if who.starts_with("team:") {
        let is_new = !draft.is_subject(who);
        let group = draft.group(who);
        if is_new {
            group.members_known = MembersKnown::Unknown;
        }
    }
    draft.assign(who, &format!("repo:{role}"), Some(&scope));
    draft.count("repository_grants", 1);
}

fn custom_role(object: &HubObject, draft: &mut Draft) {
    let name = object.name.as_deref().unwrap_or_default();
    if LADDER.iter().any(|(known, _)| *known == name) {
        draft.fault(format!("a custom role has the name `{name}` of a built-in one"), "export the custom roles again");
        return;
    }
    let base = match object.base_role.as_deref() {
        Some("read") => Some("pull"),
        Some("write") => Some("push"),
        other => other,
    };
    let permissions = object.permissions.iter().flat_map(Permissions::levels);
    let permissions = permissions.map(|action| Permission::allow(action, "*")).collect();
    let role = draft.role(&format!("repo:{name}"));
    role.permissions = permissions;
    role.includes = base.into_iter().map(|base| RoleId::new(shared(&format!("repo:{base}")))).collect();
    draft.count("custom_roles", 1);
}

/// An identity that is no person has permissions of its own, by a role of its name.
fn machine(id: &str, org: &str, object: &HubObject, draft: &mut Draft) {
    let levels = object.permissions.as_ref().map(Permissions::levels).unwrap_or_default();
    let role = format!("permissions of {id}");
    draft.role(&role).permissions = levels.into_iter().map(|level| Permission::allow(level, "*")).collect();
    draft.assign(id, &role, Some(&format!("org:{org}")));
    if object.repository_selection.as_deref().is_some_and(|it| it != "all") {
        draft.omit(ALL_REPOSITORIES, id);
    }
}

fn installation(org: &str, object: &HubObject, draft: &mut Draft) {
    let id = format!("app:{}", object.app_slug.as_deref().unwrap_or_default());
    let identity = draft.identity(&id, IdentityKind::ServiceAccount);
    if object.suspended_at.is_some() {
        identity.status = Status::Disabled;
    }
    machine(&id, org, object, draft);
    draft.count("installations", 1);
}

fn token(org: &str, object: &HubObject, draft: &mut Draft) {
    let number = object.token_id.or(object.id).unwrap_or_default();
    let id = format!("token:{number}");
    let owner = object.owner.as_ref().map(|owner| format!("user:{}", owner.login));
    if let Some(owner) = &owner {
        draft.identity(owner, IdentityKind::Human);
    }
    let identity = draft.identity(&id, IdentityKind::ServiceAccount);
    identity.owner = owner.map(|owner| IdentityId::new(shared(&owner)));
    if let Some(name) = &object.token_name {
        identity.labels.insert("name".to_owned(), Text::from(name.as_str()));
    }
    let credential = draft.credential(&id, &id, "token");
    let time = |text: &Option<String>| text.as_deref().and_then(Time::parse);
    credential.issued_at = time(&object.access_granted_at);
    credential.until = time(&object.token_expires_at);
    credential.last_used = time(&object.token_last_used_at);
    machine(&id, org, object, draft);
    draft.count("tokens", 1);
}

fn deploy_key(repository: &str, object: &HubObject, draft: &mut Draft) {
    let id = format!("deploy-key:{repository}/{}", object.id.unwrap_or_default());
    draft.identity(&id, IdentityKind::ServiceAccount);
    let time = |text: &Option<String>| text.as_deref().and_then(Time::parse);
    let credential = draft.credential(&id, &id, "ssh_key");
    credential.issued_at = time(&object.created_at);
    credential.last_used = time(&object.last_used);
    let role = if object.read_only == Some(true) { "pull" } else { "push" };
    give(&id, Some(repository), Some(role), draft);
    draft.count("deploy_keys", 1);
}
