//! Lists become subjects, permissions of applications, trusts and directory roles.

use std::collections::BTreeSet;

use crate::input::entitlement::{IdentityKind, Mode, Permission};
use crate::input::id::{IdentityId, TrustId};
use crate::input::intern::shared;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::snapshot::import::draft::{Draft, Omission};
use crate::snapshot::model::{MembersKnown, Status, TrustRule};

use super::export::{GraphObject, ListPath};
use super::names::Names;

/// The scope of everything in the tenant.
const TENANT: &str = "tenant";
/// The interface of Microsoft Graph, which has the same id in every tenant.
const GRAPH: &str = "api:00000003-0000-0000-c000-000000000000";

const STRANGERS: Omission = Omission {
    what: "objects are named and not listed; they count as groups whose members are unknown",
    help: "export users, groups and servicePrincipals too, at the same time",
    gives_access: true,
};
const APP_ROLES: Omission = Omission {
    what: "application roles are assigned and not defined in the export, so what they give is unknown",
    help: "export servicePrincipals too, with their `appRoles`",
    gives_access: true,
};
const LISTS: Omission = Omission {
    what: "entries of other lists are not read",
    help: "src/snapshot/import/entra/README.md names the lists that are read",
    gives_access: true,
};

/// An object with its list.
pub(super) type Entry = (ListPath, GraphObject);

/// Adds all lists.
pub(super) fn add(entries: &[Entry], names: &Names, draft: &mut Draft) {
    draft.resource(TENANT, None);
    let with_members: BTreeSet<&str> =
        entries.iter().filter(|(path, _)| path.list == "groups/members").map(|(path, _)| path.of.as_str()).collect();
    for (path, object) in entries {
        let id = names.get(&object.id).map_or_else(String::new, |named| named.id.clone());
        match path.list.as_str() {
            "users" | "groups" | "servicePrincipals" | "applications"
                if !draft.is_new("object", &format!("{}/{}", path.list, object.id), object) => {}
            "users" => user(&id, object, draft),
            "groups" => {
                let is_listed = with_members.contains(object.id.as_str());
                draft.group(&id).members_known = if is_listed { MembersKnown::Known } else { MembersKnown::Unknown };
                draft.count("groups", 1);
            }
            "servicePrincipals" => service_principal(&id, object, names, draft),
            "applications" => application(object, names, draft),
            "roleManagement/directory/roleDefinitions" => directory_role(object, names, draft),
            _ => {}
        }
    }
    for (path, object) in entries {
        relation(path, object, names, draft);
    }
    draft.trust_rules = rules();
}

fn relation(path: &ListPath, object: &GraphObject, names: &Names, draft: &mut Draft) {
    let id = object.id.as_str();
    match path.list.as_str() {
        "users"
        | "groups"
        | "servicePrincipals"
        | "applications"
        | "organization"
        | "roleManagement/directory/roleDefinitions" => {}
        "groups/members" => {
            let group = subject(&path.of, None, names, draft);
            let who = subject(id, object.kind.as_deref(), names, draft);
            draft.join(&who, &group);
            draft.count("memberships", 1);
        }
        "groups/owners" => owner_of("group", &path.of, object, names, draft),
        "applications/owners" => owner_of("application", &path.of, object, names, draft),
        "servicePrincipals/owners" => owner_of("service principal", &path.of, object, names, draft),
        "servicePrincipals/sponsors" => sponsor(&path.of, object, names, draft),
        "servicePrincipals/appRoleAssignedTo" | "servicePrincipals/appRoleAssignments" | "appRoleAssignments" => {
            if draft.is_new("application role assignment", id, object) {
                app_role_assignment(object, names, draft);
            }
        }
        "oauth2PermissionGrants" => {
            if draft.is_new("delegated permission", id, object) {
                delegated(object, names, draft);
            }
        }
        "applications/federatedIdentityCredentials" => federated(&path.of, object, names, draft),
        "roleManagement/directory/roleAssignments" => directory_assignment(object, Mode::Standing, names, draft),
        "roleManagement/directory/roleAssignmentScheduleInstances" => {
            directory_assignment(object, Mode::Active, names, draft);
        }
        "roleManagement/directory/roleEligibilityScheduleInstances" => {
            directory_assignment(object, Mode::Eligible, names, draft);
        }
        other => draft.omit(LISTS, other),
    }
}

fn user(id: &str, object: &GraphObject, draft: &mut Draft) {
    let is_agent = object.kind.as_deref().is_some_and(|kind| kind.ends_with(".agentUser"));
    let identity = draft.identity(id, if is_agent { IdentityKind::Agent } else { IdentityKind::Human });
    if object.account_enabled == Some(false) {
        identity.status = Status::Disabled;
    }
    draft.count("users", 1);
}

fn service_principal(id: &str, object: &GraphObject, names: &Names, draft: &mut Draft) {
    let type_name = object.kind.as_deref().unwrap_or_default();
    let kind = match object.service_principal_type.as_deref() {
        _ if type_name.ends_with(".agentIdentity") => IdentityKind::Agent,
        Some("ManagedIdentity") => IdentityKind::Workload,
        Some(_) | None => IdentityKind::ServiceAccount,
    };
    let identity = draft.identity(id, kind);
    if object.account_enabled == Some(false) {
        identity.status = Status::Disabled;
    }
    let object_id = Some(object.id.clone());
    let labels = [
        ("owner_tenant", &object.app_owner_organization_id),
        ("blueprint", &object.agent_identity_blueprint_id),
        ("object_id", &object_id),
    ];
    for (label, value) in labels {
        if let Some(value) = value {
            identity.labels.insert(label.to_owned(), Text::from(value.as_str()));
        }
    }
    if let Some(blueprint) = object.agent_identity_blueprint_id.as_deref().filter(|_| kind == IdentityKind::Agent) {
        // The blueprint gets tokens as each of its agents.
        let from = format!("sp:{}", names.application(blueprint));
        draft.identity(&from, IdentityKind::ServiceAccount);
        draft.trust(&from, id, "agent-blueprint");
    }
    credentials(id, object, draft);
    let api = names.api(&object.id);
    draft.resource(&api, Some(TENANT));
    // The applications of service principals of other tenants are not listed, and can be owned here all the same.
    draft.resource(&format!("app:{}", id.strip_prefix("sp:").unwrap_or(id)), Some(TENANT));
    draft.count("service_principals", 1);
}

/// The credentials of an application are those of its service principal.
fn application(object: &GraphObject, names: &Names, draft: &mut Draft) {
    let name = names.application(object.app_id.as_deref().unwrap_or(&object.id));
    let id = format!("sp:{name}");
    draft.identity(&id, IdentityKind::ServiceAccount);
    draft.resource(&format!("app:{name}"), Some(TENANT));
    credentials(&id, object, draft);
    draft.count("applications", 1);
}

fn credentials(id: &str, object: &GraphObject, draft: &mut Draft) {
    let all = (object.key_credentials.iter().map(|it| ("certificate", it)))
        .chain(object.password_credentials.iter().map(|it| ("password", it)));
    for (kind, it) in all {
        let credential = draft.credential(&format!("{kind}:{}", it.key_id), id, kind);
        credential.issued_at = it.start_date_time.as_deref().and_then(Time::parse);
        credential.until = it.end_date_time.as_deref().and_then(Time::parse);
        draft.count("credentials", 1);
    }
}

/// The subject with an id in the directory. One that is not listed may be anything, a group included.
fn subject(id: &str, kind: Option<&str>, names: &Names, draft: &mut Draft) -> String {
    if let Some(named) = names.get(id) {
        if named.is_group {
            draft.group(&named.id);
        }
        return named.id.clone();
    }
    draft.omit(STRANGERS, id);
    let kind = kind.unwrap_or_default().rsplit('.').next().unwrap_or_default();
    match kind.to_ascii_lowercase().as_str() {
        "user" => {
            let id = format!("user:{id}");
            draft.identity(&id, IdentityKind::Human);
            id
        }
        "serviceprincipal" => {
            let id = format!("sp:{id}");
            draft.identity(&id, IdentityKind::ServiceAccount);
            id
        }
        _ => {
            let id = format!("group:{id}");
            draft.group(&id).members_known = MembersKnown::Unknown;
            id
        }
    }
}

/// An owner can change what is owned: the credentials of an application, the members of a group.
fn owner_of(what: &str, of: &str, object: &GraphObject, names: &Names, draft: &mut Draft) {
    let who = subject(&object.id, object.kind.as_deref(), names, draft);
    let resource = match (what, names.get(of)) {
        ("group", Some(group)) => group.id.clone(),
        ("service principal", Some(principal)) => principal.id.replacen("sp:", "app:", 1),
        // The path names an application by its object id or by its application id.
        _ => format!("app:{}", names.application(of)),
    };
    draft.resource(&resource, Some(TENANT));
    let role = format!("owner of {resource}");
    draft.role(&role).permissions = vec![Permission::allow("owner", resource.as_str())];
    draft.assign(&who, &role, Some(&resource));
    let owned = resource.replacen("app:", "sp:", 1);
    if let Some(identity) = draft.identities.get_mut(owned.as_str())
        && identity.owner.is_none()
        && who.starts_with("user:")
    {
        identity.owner = Some(IdentityId::new(shared(&who)));
    }
    draft.count("owners", 1);
}

/// A sponsor answers for an agent, and cannot change it.
fn sponsor(of: &str, object: &GraphObject, names: &Names, draft: &mut Draft) {
    let who = subject(&object.id, object.kind.as_deref(), names, draft);
    let Some(agent) = names.get(of).and_then(|named| draft.identities.get_mut(named.id.as_str())) else { return };
    if who.starts_with("user:") {
        agent.owner = Some(IdentityId::new(shared(&who)));
    }
    let all = agent.labels.get("sponsors").map(|known| format!("{} {who}", known.raw())).unwrap_or(who);
    agent.labels.insert("sponsors".to_owned(), Text::from(all));
    draft.count("sponsors", 1);
}

fn app_role_assignment(object: &GraphObject, names: &Names, draft: &mut Draft) {
    let (Some(principal), Some(resource)) = (&object.principal_id, &object.resource_id) else { return };
    let who = subject(principal, object.principal_type.as_deref(), names, draft);
    let api = names.api(resource);
    let role_id = object.app_role_id.as_deref().unwrap_or_default();
    let value = names.app_role(resource, role_id).unwrap_or_else(|| {
        draft.omit(APP_ROLES, role_id);
        role_id
    });
    let role = api_role(&api, resource, value, names, draft);
    draft.resource(&api, Some(TENANT));
    let assignment = draft.assign(&who, &role, Some(&api));
    assignment.granted_at = object.created_date_time.as_deref().and_then(Time::parse);
    draft.count("app_role_assignments", 1);
}

/// A permission of the interface of an application, as a role.
fn api_role(api: &str, resource: &str, value: &str, names: &Names, draft: &mut Draft) -> String {
    let name = names.get(resource).map_or(api, |named| named.id.strip_prefix("sp:").unwrap_or(api));
    let id = format!("app-role:{name}/{value}");
    draft.role(&id).permissions = vec![Permission::allow(value, api)];
    id
}

/// Delegated permissions: the client acts for people, within what they may do themselves.
fn delegated(object: &GraphObject, names: &Names, draft: &mut Draft) {
    let (Some(client), Some(resource)) = (&object.client_id, &object.resource_id) else { return };
    let who = subject(client, Some("servicePrincipal"), names, draft);
    let api = names.api(resource);
    let name = names.get(resource).map_or(api.clone(), |named| named.id.replacen("sp:", "", 1));
    draft.resource(&api, Some(TENANT));
    let of_whom = match (&object.principal_id, object.consent_type.as_deref()) {
        (Some(principal), Some("Principal")) => subject(principal, Some("user"), names, draft),
        _ => "any user".to_owned(),
    };
    for scope in object.scope.as_deref().unwrap_or_default().split_whitespace() {
        let role = format!("delegated:{name}/{scope} for {of_whom}");
        let condition = Text::from(format!("on behalf of {of_whom}, within what they may do"));
        let permission = Permission::allow(format!("delegated:{scope}"), api.as_str());
        draft.role(&role).permissions = vec![Permission { condition: Some(condition), ..permission }];
        draft.assign(&who, &role, Some(&api));
        draft.count("delegated_permissions", 1);
    }
}

/// Tokens of another issuer act as the application.
fn federated(of: &str, object: &GraphObject, names: &Names, draft: &mut Draft) {
    let to = format!("sp:{}", names.application(of));
    draft.identity(&to, IdentityKind::ServiceAccount);
    let expression = object.claims_matching_expression.as_ref().map(|it| it.value.as_str());
    let subject = object.subject.as_deref().or(expression).unwrap_or("any subject");
    let from = format!("federated:{}|{}", object.issuer.as_deref().unwrap_or_default(), subject.replace('*', "%2A"));
    draft.identity(&from, IdentityKind::Workload);
    let condition =
        (!object.audiences.is_empty()).then(|| format!("the audience is {}", object.audiences.join(" or ")));
    let trust = draft.trust(&from, &to, "federated-credential");
    // The audience is fixed, and only a claim of unknown text makes the trust depend on more.
    if expression.is_some() {
        trust.condition = condition.map(Text::from).or_else(|| Some("the claims match an expression".into()));
    }
    draft.count("federated_credentials", 1);
}

fn directory_role(object: &GraphObject, names: &Names, draft: &mut Draft) {
    if !draft.is_new("directory role", &object.id, object) {
        return;
    }
    let permissions = object.role_permissions.iter().flat_map(|it| {
        let condition = it.condition.as_deref().map(Text::from);
        let allow = move |action: &String| Permission {
            condition: condition.clone(),
            ..Permission::allow(action.as_str(), "*")
        };
        it.allowed_resource_actions.iter().map(allow)
    });
    let permissions: BTreeSet<Permission> = permissions.collect();
    let role = draft.role(&names.directory_role(&object.id));
    // A role that is switched off gives nothing.
    if object.is_enabled != Some(false) {
        role.permissions = permissions.into_iter().collect();
    }
    draft.count("directory_roles", 1);
}

fn directory_assignment(object: &GraphObject, mode: Mode, names: &Names, draft: &mut Draft) {
    let (Some(principal), Some(role)) = (&object.principal_id, &object.role_definition_id) else { return };
    let who = subject(principal, object.principal_type.as_deref(), names, draft);
    let role = names.directory_role(role);
    let place = object.directory_scope_id.as_deref().unwrap_or("/").trim_start_matches('/');
    let scope = match (place, place.strip_prefix("administrativeUnits/")) {
        ("", _) => TENANT.to_owned(),
        (_, Some(unit)) => format!("au:{unit}"),
        (id, None) => names
            .get(id)
            .map_or_else(|| format!("app:{}", names.application(id)), |named| named.id.replacen("sp:", "app:", 1)),
    };
    draft.resource(&scope, (scope != TENANT).then_some(TENANT));
    let until = object.end_date_time.as_deref().and_then(Time::parse);
    let variant = if mode == Mode::Eligible { " eligible" } else { "" };
    let assignment = draft.assign_variant(&who, &role, Some(&scope), variant);
    // An activated role is in the list of assignments too, which does not tell its end.
    match (mode, until) {
        (Mode::Eligible, _) => (assignment.mode, assignment.until) = (Mode::Eligible, until),
        (Mode::Active | Mode::Standing, Some(_)) => (assignment.mode, assignment.until) = (Mode::Active, until),
        (Mode::Active | Mode::Standing, None) => {}
    }
    draft.count("directory_role_assignments", 1);
}

/// Whoever may change the credentials of an application can act as it.
///
/// Sources: Microsoft Graph permissions reference; Microsoft Entra built-in roles.
fn rules() -> Vec<TrustRule> {
    let rule = |via: &str, to: &str, action: &str, resource: &str| TrustRule {
        id: TrustId::new(format!("entra:{via}")),
        via: Text::from(via),
        to: Text::from(to),
        action: Text::from(action),
        resource: Text::from(resource),
        scope: None,
        with: Vec::new(),
        system: None,
    };
    let scoped =
        |via: &str, action: &str| TrustRule { scope: Some("app:$name".into()), ..rule(via, "sp:$name", action, "*") };
    vec![
        rule("application-owner", "sp:$name", "owner", "app:$name"),
        rule("application-write", "sp:$name", "Application.ReadWrite.All", GRAPH),
        scoped("application-credentials", "microsoft.directory/applications/credentials/update"),
        scoped("service-principal-credentials", "microsoft.directory/servicePrincipals/credentials/update"),
    ]
}
