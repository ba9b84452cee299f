//! Definitions, assignments and deny assignments become roles and assignments.
//!
//! Actions of the control plane are on the resource `control`, data actions on `data`, so that neither covers the other.
//! Azure ignores the case of actions, so that they are in lower case.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::entitlement::{Effect, Except, IdentityKind, Mode, Permission};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::snapshot::check::is_plain;
use crate::snapshot::import::draft::{Draft, Omission};
use crate::snapshot::model::MembersKnown;

use super::export::{ArmObject, Fields, PrincipalRef, RolePermissions};
use super::scopes::{Scopes, scope_id};

/// The resources of the two planes.
const CONTROL: &str = "control";
const DATA: &str = "data";
/// Everybody in deny assignments.
const EVERYBODY: &str = "everybody";
const ALL_PRINCIPALS: &str = "00000000-0000-0000-0000-000000000000";

const NO_TYPE: Omission = Omission {
    what: "principals are of unknown type, as deleted ones are; they count as groups whose members are unknown",
    help: "delete the assignments of principals that do not exist",
    gives_access: true,
};
const NO_TREE: Omission = Omission {
    what: "assignments are on management groups, and the export does not say which subscriptions are below them",
    help: "export the tree too: `az account management-group entities list`",
    gives_access: true,
};
const OTHERS: Omission = Omission {
    what: "objects of other kinds are not read",
    help: "src/snapshot/import/azure/README.md names the lists that are read",
    gives_access: false,
};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ArmKind {
    Definition,
    Assignment(Mode),
    Deny,
    ManagementGroup,
    Subscription,
    Other,
}

fn kind(object: &ArmObject) -> ArmKind {
    let of_type = object.kind.as_deref().unwrap_or_default().to_ascii_lowercase();
    match of_type.rsplit('/').next().unwrap_or_default() {
        "roledefinitions" => ArmKind::Definition,
        "roleassignments" => ArmKind::Assignment(Mode::Standing),
        "roleassignmentscheduleinstances" => ArmKind::Assignment(Mode::Active),
        "roleeligibilityscheduleinstances" => ArmKind::Assignment(Mode::Eligible),
        "denyassignments" => ArmKind::Deny,
        "managementgroups" => ArmKind::ManagementGroup,
        "subscriptions" => ArmKind::Subscription,
        _ if object.environment_name.is_some() => ArmKind::Subscription,
        _ => ArmKind::Other,
    }
}

/// Adds all objects, and returns the tenants that they name.
pub(super) fn add(objects: &[ArmObject], draft: &mut Draft) -> BTreeSet<String> {
    let mut tenants = BTreeSet::new();
    let mut scopes = Scopes::default();
    for object in objects {
        let is_tree = matches!(kind(object), ArmKind::ManagementGroup | ArmKind::Subscription);
        let parents = [object.parent.as_ref(), object.fields().parent.as_ref()];
        let parent = parents.into_iter().flatten().find_map(|it| it.id.as_deref());
        if let Some(parent) = parent.filter(|_| is_tree) {
            scopes.insert(&object.id, parent);
        }
        tenants.extend(object.tenant_id.iter().chain(&object.fields().tenant_id).filter(|_| is_tree).cloned());
    }
    let mut roles: BTreeMap<String, String> = BTreeMap::new();
    for object in objects.iter().filter(|it| kind(it) == ArmKind::Definition) {
        definition(object, &mut roles, draft);
    }
    for object in objects {
        match kind(object) {
            ArmKind::Assignment(mode) => {
                if draft.is_new("assignment", &scope_id(&object.id), object.fields()) {
                    assignment(object.fields(), mode, &roles, &scopes, draft);
                }
            }
            ArmKind::Deny => deny(object, &scopes, draft),
            ArmKind::ManagementGroup => {
                scopes.add(&object.id, draft);
            }
            ArmKind::Subscription => {
                let id = if object.id.starts_with('/') {
                    object.id.clone()
                } else {
                    format!("/subscriptions/{}", object.id)
                };
                scopes.add(&id, draft);
            }
            ArmKind::Definition => {}
            ArmKind::Other => match object.kind.as_deref() {
                Some(kind) => draft.omit(OTHERS, kind),
                None => draft.fault(
                    "an object has no `type`, so that it may be anything",
                    "give the files that the commands in `review snapshot import --help` write",
                ),
            },
        }
    }
    tenants
}

/// The last part of the id of a definition: the same in every subscription.
fn definition_key(id: &str) -> String {
    id.rsplit('/').next().unwrap_or_default().to_ascii_lowercase()
}

fn definition(object: &ArmObject, roles: &mut BTreeMap<String, String>, draft: &mut Draft) {
    let fields = object.fields();
    let key = definition_key(&object.id);
    let name = fields.role_name.as_deref().filter(|name| is_plain(name)).unwrap_or(&key);
    let of_type = fields.role_type.as_deref().or(fields.definition_type.as_deref()).unwrap_or_default();
    // Anyone who may make custom roles chooses their names.
    let is_built_in = of_type == "BuiltInRole";
    let id = if is_built_in { name.to_owned() } else { format!("{name}/{key}") };
    roles.insert(key.clone(), id.clone());
    if draft.is_new("role definition", &key, &fields.permissions) {
        draft.role(&id).permissions = permissions(&fields.permissions, Effect::Allow, None);
        draft.count("definitions", 1);
        draft.count("custom_definitions", usize::from(!is_built_in));
    }
}

fn permissions(all: &[RolePermissions], effect: Effect, condition: Option<&str>) -> Vec<Permission> {
    let mut out = BTreeSet::new();
    for it in all {
        let conditions: Vec<&str> = it.condition.as_deref().into_iter().chain(condition).collect();
        let condition = (!conditions.is_empty()).then(|| Text::from(conditions.join(" && ")));
        for (actions, left_out, plane) in
            [(&it.actions, &it.not_actions, CONTROL), (&it.data_actions, &it.not_data_actions, DATA)]
        {
            let except = |action: &String| Except { action: lower(action), resource: plane.into() };
            let except: Vec<Except> = left_out.iter().map(except).collect();
            out.extend(actions.iter().map(|action| Permission {
                action: lower(action),
                resource: plane.into(),
                effect,
                condition: condition.clone(),
                except: except.clone(),
            }));
        }
    }
    out.into_iter().collect()
}

fn lower(action: &str) -> Text {
    Text::from(action.to_ascii_lowercase())
}

fn assignment(fields: &Fields, mode: Mode, roles: &BTreeMap<String, String>, scopes: &Scopes, draft: &mut Draft) {
    let (Some(principal), Some(role)) = (&fields.principal_id, &fields.role_definition_id) else { return };
    let who = subject(principal, fields.principal_type.as_deref(), fields.principal_name.as_deref(), draft);
    let scope = scopes.add(fields.scope.as_deref().unwrap_or("/"), draft);
    if Scopes::is_management_group(&scope) && !scopes.knows(&scope) {
        draft.omit(NO_TREE, &scope);
    }
    let key = definition_key(role);
    let named = || fields.role_definition_name.clone().filter(|name| is_plain(name) && !name.is_empty());
    let mut role = roles.get(&key).cloned().or_else(named).unwrap_or(key);
    if let Some(condition) = fields.condition.as_deref().map(str::trim).filter(|it| !it.is_empty()) {
        role = conditional(&role, condition, draft);
    }
    let until = fields.end_date_time.as_deref().and_then(Time::parse);
    let variant = if mode == Mode::Eligible { " eligible" } else { "" };
    let assignment = draft.assign_variant(&who, &role, Some(&scope), variant);
    assignment.granted_at = assignment.granted_at.or_else(|| fields.created_on.as_deref().and_then(Time::parse));
    // An activated role is in the list of assignments too, which does not tell its end.
    match (mode, until) {
        (Mode::Eligible, _) => (assignment.mode, assignment.until) = (Mode::Eligible, until),
        (Mode::Active | Mode::Standing, Some(_)) => (assignment.mode, assignment.until) = (Mode::Active, until),
        (Mode::Active | Mode::Standing, None) => {}
    }
    draft.count("assignments", 1);
}

/// A role under the condition of an assignment.
fn conditional(role: &str, condition: &str, draft: &mut Draft) -> String {
    let one_line = condition.split_whitespace().collect::<Vec<_>>().join(" ");
    let id = format!("{role} if {one_line}");
    let known = draft.roles.get(role).map(|role| role.permissions.clone());
    if let Some(known) = known {
        let under =
            |permission: Permission| Permission { condition: Some(Text::from(one_line.as_str())), ..permission };
        draft.role(&id).permissions = known.into_iter().map(under).collect();
    }
    draft.count("conditions", 1);
    id
}

/// The subject with an id in the directory.
fn subject(id: &str, kind: Option<&str>, name: Option<&str>, draft: &mut Draft) -> String {
    let name = name.filter(|name| !name.trim().is_empty() && is_plain(name) && !name.contains(['*', '#']));
    let readable = name.filter(|name| *name != id).map_or_else(|| id.to_owned(), |name| format!("{name}/{id}"));
    let kind = kind.unwrap_or_default();
    let subject = match kind {
        "User" => format!("user:{}", name.unwrap_or(id)),
        "ServicePrincipal" => format!("sp:{readable}"),
        _ => format!("group:{readable}"),
    };
    match kind {
        "User" => {
            draft.identity(&subject, IdentityKind::Human);
        }
        "ServicePrincipal" => {
            draft.identity(&subject, IdentityKind::ServiceAccount);
        }
        _ => {
            draft.group(&subject).members_known = MembersKnown::Unknown;
        }
    }
    if !matches!(kind, "User" | "ServicePrincipal" | "Group" | "ForeignGroup") {
        draft.omit(NO_TYPE, id);
    }
    subject
}

/// A deny assignment. Whom it excludes is a condition, because it depends on who asks: such a deny is shown and takes
/// nothing.
fn deny(object: &ArmObject, scopes: &Scopes, draft: &mut Draft) {
    let fields = object.fields();
    let key = definition_key(&object.id);
    if !draft.is_new("deny assignment", &key, fields) {
        return;
    }
    let mut conditions: Vec<String> = fields.condition.iter().cloned().collect();
    if !fields.exclude_principals.is_empty() {
        let all: Vec<&str> = fields.exclude_principals.iter().map(|it| it.id.as_str()).collect();
        conditions.push(format!("the principal is none of {}", all.join(", ")));
    }
    if fields.do_not_apply_to_child_scopes {
        conditions.push("on this scope and not below it".to_owned());
    }
    let condition = (!conditions.is_empty()).then(|| conditions.join(" && "));
    let id = format!("deny:{key}");
    draft.role(&id).permissions = permissions(&fields.permissions, Effect::Deny, condition.as_deref());
    let scope = scopes.add(fields.scope.as_deref().unwrap_or("/"), draft);
    for principal in &fields.principals {
        let who = denied(principal, draft);
        draft.assign(&who, &id, Some(&scope));
    }
    draft.count("deny_assignments", 1);
}

fn denied(principal: &PrincipalRef, draft: &mut Draft) -> String {
    if principal.id != ALL_PRINCIPALS {
        return subject(&principal.id, principal.kind.as_deref(), None, draft);
    }
    draft.group(EVERYBODY).implicit = vec!["user:*".to_owned(), "sp:*".to_owned()];
    EVERYBODY.to_owned()
}
