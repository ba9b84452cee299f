//! Objects of an export become subjects, roles, assignments and denies.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::entitlement::{Effect, Except, IdentityKind, Mode, Permission};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::snapshot::import::draft::{Draft, Omission};
use crate::snapshot::model::{MembersKnown, Status};

use super::conditions::terms;
use super::export::{Binding, Condition, DenyRule, Kind, Membership, Object};
use super::principals::{self, of_deny_rule};
use super::scopes::Scopes;

const ROLE_NAMES: Omission = Omission {
    what: "roles are listed without their permissions",
    help: "export each with `gcloud iam roles describe ROLE --format=json`",
    gives_access: false,
};
const DENY_NAMES: Omission = Omission {
    what: "deny policies are listed without their rules; nothing is taken off for them",
    help: "export each with `gcloud iam policies get NAME --kind=denypolicies --attachment-point=POINT --format=json`",
    gives_access: false,
};
const ASSETS: Omission = Omission {
    what: "assets have no policy, and only their place in the tree is read",
    help: "export the policies with `gcloud asset export --content-type=iam-policy`",
    gives_access: false,
};
const DELETED_ROLES: Omission = Omission {
    what: "roles are deleted and give nothing",
    help: "a deleted role can be restored for a week",
    gives_access: false,
};

/// The roles that come with every project, and the set of those who have each.
const BASIC: [(&str, &str); 3] =
    [("roles/owner", "projectOwner:"), ("roles/editor", "projectEditor:"), ("roles/viewer", "projectViewer:")];

/// Adds all objects.
pub(super) fn add(objects: &[(usize, Object)], scopes: &Scopes, draft: &mut Draft) {
    // The tree first, because the resources of service accounts belong below known projects.
    for (_, object) in objects {
        match object.kind() {
            Kind::Policy | Kind::Asset => {
                scopes.add(object.resource_name().unwrap_or_default(), draft);
            }
            Kind::Project => {
                let id = object.project_id.as_deref().unwrap_or_default();
                scopes.add(&format!("projects/{id}"), draft);
            }
            Kind::Folder => {
                scopes.add(object.name.as_deref().unwrap_or_default(), draft);
            }
            Kind::BarePolicy
            | Kind::Role
            | Kind::RoleName
            | Kind::ServiceAccount
            | Kind::Key
            | Kind::Group
            | Kind::Deny
            | Kind::DenyName
            | Kind::Unknown => {}
        }
    }
    for (_, object) in objects {
        object_of(object, scopes, draft);
    }
    let mut conditional: BTreeMap<String, (String, String)> = BTreeMap::new();
    for (_, object) in objects.iter().filter(|(_, object)| object.kind() == Kind::Policy) {
        policy(object, scopes, &mut conditional, draft);
    }
    variants(conditional, draft);
    basic_roles(draft);
}

fn object_of(object: &Object, scopes: &Scopes, draft: &mut Draft) {
    let name = object.name.as_deref().unwrap_or_default();
    match object.kind() {
        Kind::Role if !draft.is_new("role", name, object) => {}
        Kind::Role if object.deleted => {
            draft.role(name);
            draft.omit(DELETED_ROLES, name);
        }
        Kind::Role => {
            let permissions: BTreeSet<&String> = object.included_permissions.iter().flatten().collect();
            let permissions = permissions.into_iter().map(|action| Permission::allow(action.as_str(), "*"));
            draft.role(name).permissions = permissions.collect();
            draft.count("roles", 1);
        }
        Kind::RoleName => draft.omit(ROLE_NAMES, name),
        Kind::ServiceAccount => service_account(object, scopes, draft),
        Kind::Key => key(object, draft),
        Kind::Group => group(object, scopes, draft),
        Kind::Deny => deny(object, scopes, draft),
        Kind::DenyName => draft.omit(DENY_NAMES, name),
        Kind::Asset => draft.omit(ASSETS, name),
        Kind::Policy | Kind::Project | Kind::Folder => {}
        Kind::BarePolicy => draft.fault(
            "a policy does not say which resource it is of",
            "add its name: `gcloud projects get-iam-policy ID --format=json | jq '{resource: \"projects/ID\", policy: .}'`",
        ),
        Kind::Unknown => draft.fault(
            "an object of the export is of no known kind",
            "give the files that the commands in `review snapshot import --help` write",
        ),
    }
}

fn service_account(object: &Object, scopes: &Scopes, draft: &mut Draft) {
    let email = object.email.as_deref().unwrap_or_default();
    if draft.is_new("service account", email, object) {
        let identity = draft.identity(&format!("serviceAccount:{email}"), IdentityKind::ServiceAccount);
        if object.disabled {
            identity.status = Status::Disabled;
        }
        scopes.add_account(email, object.project_id.as_deref(), draft);
        draft.count("service_accounts", 1);
    }
}

/// A key that people made. Those that Google makes and rotates never leave it.
fn key(object: &Object, draft: &mut Draft) {
    let name = object.name.as_deref().unwrap_or_default();
    let Some((_, rest)) = name.split_once("/serviceAccounts/") else { return };
    let Some((email, id)) = rest.split_once("/keys/") else { return };
    let is_made_by_people = object.key_type.as_deref() == Some("USER_MANAGED");
    if !is_made_by_people || object.disabled || !draft.is_new("key", name, object) {
        return;
    }
    let who = format!("serviceAccount:{email}");
    draft.identity(&who, IdentityKind::ServiceAccount);
    let credential = draft.credential(&format!("key:{email}/{id}"), &who, "api_key");
    credential.issued_at = object.valid_after_time.as_deref().and_then(Time::parse);
    // A key without an end is written as one of the year 9999.
    let until = object.valid_before_time.as_deref().filter(|time| !time.starts_with("9999"));
    credential.until = until.and_then(Time::parse);
    draft.count("keys", 1);
}

fn group(object: &Object, scopes: &Scopes, draft: &mut Draft) {
    let id = format!("group:{}", object.group.as_deref().unwrap_or_default());
    if !draft.is_new("group", &id, object) {
        return;
    }
    draft.group(&id).members_known = MembersKnown::Known;
    for membership in object.memberships.iter().flatten() {
        let who = principals::member(&member_of_group(membership), scopes, draft);
        let times = membership.roles.iter().filter_map(|role| role.expiry_detail.as_ref()?.expire_time.as_deref());
        let until = times.filter_map(Time::parse).max();
        let assignment = draft.join(&who, &id);
        if until.is_some() {
            (assignment.until, assignment.mode) = (until, Mode::Active);
        }
    }
    draft.count("groups", 1);
}

fn member_of_group(membership: &Membership) -> String {
    let id = membership.preferred_member_key.as_ref().map_or("", |key| key.id.as_str());
    let kind = match membership.kind.as_deref() {
        Some("GROUP") => "group",
        Some("SERVICE_ACCOUNT") => "serviceAccount",
        None if id.ends_with(".gserviceaccount.com") => "serviceAccount",
        Some(_) | None => "user",
    };
    format!("{kind}:{id}")
}

/// Adds the bindings of a policy. `conditional` collects the variants of roles under conditions.
fn policy(object: &Object, scopes: &Scopes, conditional: &mut BTreeMap<String, (String, String)>, draft: &mut Draft) {
    let name = object.resource_name().unwrap_or_default();
    let scope = scopes.add(name, draft);
    if !draft.is_new("policy", &scope, &(&object.policy, &object.iam_policy)) {
        return;
    }
    draft.count("policies", 1);
    for binding in object.policy.iter().chain(&object.iam_policy).flat_map(|policy| &policy.bindings) {
        draft.count("bindings", 1);
        let (role, until) = role_of(binding, conditional);
        for member in &binding.members {
            let who = principals::member(member, scopes, draft);
            let variant = until.map(|time| format!("<{time}")).unwrap_or_default();
            let assignment = draft.assign_variant(&who, &role, Some(&scope), &variant);
            if until.is_some() {
                (assignment.until, assignment.mode) = (until, Mode::Active);
            }
            draft.count("grants", 1);
        }
    }
}

/// The role that a binding gives, and until when.
fn role_of(binding: &Binding, conditional: &mut BTreeMap<String, (String, String)>) -> (String, Option<Time>) {
    let terms = binding.condition.as_ref().map(|it| terms(&it.expression)).unwrap_or_default();
    let Some(rest) = terms.rest else { return (binding.role.clone(), terms.until) };
    // An expression may have several lines, and an id has one.
    let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
    let id = format!("{} if {rest}", binding.role);
    conditional.insert(id.clone(), (binding.role.clone(), rest));
    (id, terms.until)
}

/// Adds the variants of roles under conditions: each permission with the condition.
fn variants(conditional: BTreeMap<String, (String, String)>, draft: &mut Draft) {
    for (id, (role, condition)) in conditional {
        draft.count("conditions", 1);
        // A role that the export lacks is unknown under any condition.
        let Some(known) = draft.roles.get(role.as_str()) else { continue };
        let under = |permission: &Permission| Permission {
            condition: Some(Text::from(condition.as_str())),
            ..permission.clone()
        };
        let permissions = known.permissions.iter().map(under).collect();
        draft.role(&id).permissions = permissions;
    }
}

/// The sets of owners, editors and viewers of a project are those who have the role on it.
fn basic_roles(draft: &mut Draft) {
    let holds: Vec<(String, String)> = draft
        .assignments
        .values()
        .filter_map(|it| {
            let (role, scope) = (it.role.as_ref()?, it.scope.as_ref()?);
            let project = scope.as_str().strip_prefix("projects/")?;
            let (_, set) = BASIC.iter().find(|(basic, _)| *basic == role.as_str())?;
            Some((it.who.raw().to_owned(), format!("{set}{project}")))
        })
        .collect();
    for (who, set) in holds {
        if draft.groups.contains_key(set.as_str()) && who != set {
            draft.join(&who, &set);
        }
    }
}

/// A deny policy: a role of denies for each rule, assigned to whom it denies.
fn deny(object: &Object, scopes: &Scopes, draft: &mut Draft) {
    let name = object.name.as_deref().unwrap_or_default();
    let place = name.strip_prefix("policies/").and_then(|rest| rest.split_once('/')).map(|(place, _)| place);
    let Some(place) = place else {
        draft.fault(format!("the deny policy `{name}` does not say what it is attached to"), "export it again");
        return;
    };
    if !draft.is_new("deny policy", name, object) {
        return;
    }
    draft.count("deny_policies", 1);
    let scope = scopes.add(&format!("//{}", place.replace("%2F", "/").replace("%2f", "/")), draft);
    for (n, rule) in object.rules.iter().flatten().filter_map(|entry| entry.deny_rule.as_ref()).enumerate() {
        let id = format!("deny:{name}#{n}");
        draft.role(&id).permissions = denied(rule);
        for principal in &rule.denied_principals {
            let who = principals::member(&of_deny_rule(principal), scopes, draft);
            draft.assign(&who, &id, Some(&scope));
        }
    }
}

/// What a rule denies. Exceptions for principals are a condition, because they depend on who asks: such a deny is shown and
/// takes nothing.
fn denied(rule: &DenyRule) -> Vec<Permission> {
    let expression = |condition: &Condition| condition.expression.trim().to_owned();
    let mut conditions: Vec<String> =
        rule.denial_condition.iter().map(expression).filter(|it| !it.is_empty()).collect();
    if !rule.exception_principals.is_empty() {
        conditions.push(format!("the principal is none of {}", rule.exception_principals.join(", ")));
    }
    let condition = (!conditions.is_empty()).then(|| Text::from(conditions.join(" && ")));
    let except = |action: String| Except { action: Text::from(action), resource: "*".into() };
    let permission = |action: String| Permission {
        action: Text::from(action),
        resource: "*".into(),
        effect: Effect::Deny,
        condition: condition.clone(),
        except: rule.exception_permissions.iter().flat_map(|it| names(it)).map(except).collect(),
    };
    rule.denied_permissions.iter().flat_map(|it| names(it)).map(permission).collect()
}

/// Deny rules write `iam.googleapis.com/roles.create` for the permission `iam.roles.create`. Some newer permissions are
/// called like that in roles too, so both names count.
fn names(permission: &str) -> Vec<String> {
    let short = permission.replacen(".googleapis.com/", ".", 1);
    if short == permission { vec![short] } else { vec![short, permission.to_owned()] }
}
