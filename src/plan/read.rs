//! Parses the bytes of a plan to a [`Plan`], or returns all faults.
//!
//! References are not resolved: `access` checks whether the snapshot contains them. A plan with any fault is rejected.

use super::model::{
    Action, AssignmentChange, Change, Claim, CredentialIssue, GroupDefinition, GroupMembers, Lifetime, MadeFrom, Owned,
    Plan, RoleDefinition, Target, TrustDefinition,
};
use super::table::{CLAIMS, PLAN};
use crate::input::digest::Digest;
use crate::input::entitlement::{Effect, Except, IdentityKind, Mode, Permission, Requirement, Sensitivity};
use crate::input::finding::{Code, Finding};
use crate::input::form::{self, TypedFields, ValueShape};
use crate::input::node::{InputNode, InputValue, ReadLimits};
use crate::input::place::Placed;
use crate::input::text::Text;
use crate::input::yaml;
use crate::plan::table::MAX_CHANGES;

/// The limits of a plan: 1 MiB, 32 levels, 100,000 values and keys.
pub const BUDGET: ReadLimits = ReadLimits::FILE;

const MODES: &[Mode] = &[Mode::Standing, Mode::Active, Mode::Eligible];
const SENSITIVITIES: &[Sensitivity] = Sensitivity::STATED;

/// Reads a plan.
///
/// # Errors
/// All faults, each with its place.
pub fn read(name: &str, bytes: &[u8]) -> Result<Plan, Vec<Finding>> {
    let (node, mut findings) = yaml::examine(name, bytes, &BUDGET);
    let Some(node) = node else { return Err(findings) };
    if let Some(refused) = unsupported(&node) {
        findings.push(refused);
        return Err(findings);
    }
    form::check(&node, &ValueShape::Mapping("plan", PLAN), "the plan", &mut findings);
    laws(&node, &mut findings);
    if !findings.is_empty() {
        return Err(findings);
    }
    believe(&node, bytes).ok_or_else(|| {
        // INVARIANT: the table guarantees every field that `believe` reads. If they ever differ, reject the plan.
        vec![Finding::new(Code::BadValue, "the plan has an unsupported form").at(&node.place)]
    })
}

/// Reports an unsupported version. Its other fields may have another meaning, so they are not checked.
fn unsupported(node: &InputNode) -> Option<Finding> {
    let version = node.get("version")?;
    let InputValue::Integer(number) = version.value else { return None };
    (number != 1).then(|| {
        Finding::new(Code::UnsupportedVersion, format!("version {number} of the plan format is not supported"))
            .at(&version.place)
            .help("write `version: 1`")
    })
}

/// Rules that the table cannot express: ids are unique, and the mode and lifetime of an assignment fit.
fn laws(node: &InputNode, findings: &mut Vec<Finding>) {
    let changes = node.get("changes").and_then(InputNode::items).unwrap_or_default();
    let mut seen: std::collections::BTreeMap<&str, &InputNode> = std::collections::BTreeMap::new();
    for change in changes.iter().take(MAX_CHANGES) {
        let Some(fields) = TypedFields::of(change) else { continue };
        if let Some(id) = fields.get("id")
            && let Some(text) = id.as_text()
            && let Some(first) = seen.insert(text.raw(), id)
        {
            let message = format!("two changes have the id `{}`", text.raw());
            let help = format!("the other one is in line {}; change one of the ids", first.place.line);
            findings.push(Finding::new(Code::DuplicateId, message).at(&id.place).help(help));
        }
        lifetime_law(change, &fields, findings);
    }
}

fn lifetime_law(change: &InputNode, fields: &TypedFields<'_>, findings: &mut Vec<Finding>) {
    let Some(action) = fields.get("action").and_then(InputNode::as_text) else { return };
    let adjusts = action.raw() == "adjust";
    if !adjusts && action.raw() != "grant" {
        return;
    }
    let name = fields.text("id").map_or_else(|| "the change".to_owned(), |id| format!("change `{}`", id.value.raw()));
    let end = fields.entry("ttl").or_else(|| fields.entry("until"));
    match (fields.text("mode").as_ref().map(|mode| mode.value.raw()), end) {
        (Some("standing"), Some(end)) => {
            let message = format!("{name} is `standing` but has `{}`", end.key.value.raw());
            let help = "a standing assignment has no expiry; remove it or write `mode: active`";
            findings.push(Finding::new(Code::BadValue, message).at(&end.key.place).help(help));
        }
        (Some("active"), None) => {
            let place = fields.get("mode").map_or_else(|| change.head(), |mode| &mode.place);
            let finding = Finding::new(Code::MissingField, format!("{name} is `active` but has no expiry"));
            findings.push(finding.at(place).help("add `ttl:` or `until:`"));
        }
        (None, None) if adjusts && fields.get("mode").is_none() => {
            let finding = Finding::new(Code::MissingField, format!("{name} adjusts nothing"));
            findings.push(finding.at(change.head()).help("add `mode:`, `ttl:` or `until:`"));
        }
        _ => {}
    }
}

fn believe(node: &InputNode, bytes: &[u8]) -> Option<Plan> {
    let fields = TypedFields::of(node)?;
    Some(Plan {
        id: fields.id("id")?,
        proposer: fields.id("proposer")?,
        on_behalf_of: fields.id("on_behalf_of"),
        task: fields.id("task"),
        intent: fields.text("intent")?,
        snapshot: fields.digest("snapshot"),
        expires: fields.time("expires")?,
        made_from: fields.fields("made_from").map_or(Some(None), |fields| made_from(&fields).map(Some))?,
        changes: fields.list("changes").iter().map(change).collect::<Option<_>>()?,
        digest: Digest::of(bytes),
        place: node.place.clone(),
    })
}

fn made_from(fields: &TypedFields<'_>) -> Option<MadeFrom> {
    Some(MadeFrom {
        tool: fields.text("tool")?,
        source: fields.digest("source")?,
        file: fields.digest("file"),
        complete: fields.bool("complete")?,
        not_read: texts(fields, "not_read")?,
    })
}

fn texts(fields: &TypedFields<'_>, name: &str) -> Option<Vec<Placed<Text>>> {
    fields.list(name).iter().map(|node| Some(Placed::new(node.as_text()?.clone(), node.place.clone()))).collect()
}

fn change(node: &InputNode) -> Option<Change> {
    let fields = TypedFields::of(node)?;
    let word = fields.text("action")?;
    Some(Change {
        id: fields.id("id")?,
        action: action(word.value.raw(), &fields)?,
        action_place: word.place,
        reason: fields.text("reason")?,
        claims: fields.fields("claims").map_or_else(|| Some(Vec::new()), |fields| claims(&fields))?,
        origin: fields.text("origin"),
        unknown: texts(&fields, "unknown")?,
    })
}

fn claims(fields: &TypedFields<'_>) -> Option<Vec<Placed<Claim>>> {
    let mut out = Vec::new();
    for entry in fields.entries() {
        let name = entry.key.value.raw();
        debug_assert!(CLAIMS.iter().any(|rule| rule.name == name), "the table knows every claim");
        let claim = match name {
            "last_used" => fields.time(name)?.map(Claim::LastUsed),
            "unused" => fields.bool(name)?.map(Claim::Unused),
            "already_has" => fields.bool(name)?.map(Claim::AlreadyHas),
            "no_new_access" => fields.bool(name)?.map(Claim::NoNewAccess),
            "privileged" => fields.bool(name)?.map(Claim::Privileged),
            "owner" => fields.id(name)?.map(Claim::Owner),
            "members" => {
                let members = fields.integer(name)?;
                Placed::new(Claim::Members(u64::try_from(members.value).ok()?), members.place)
            }
            "task_open" => fields.bool(name)?.map(Claim::TaskOpen),
            "approved_by" => fields.text(name)?.map(Claim::ApprovedBy),
            "ticket" => fields.text(name)?.map(Claim::Ticket),
            _ => return None,
        };
        out.push(claim);
    }
    Some(out)
}

fn action(word: &str, fields: &TypedFields<'_>) -> Option<Action> {
    Some(match word {
        "grant" => Action::Grant(assignment(fields)?),
        "revoke" => Action::Revoke(assignment(fields)?),
        "adjust" => Action::Adjust(assignment(fields)?),
        "create_role" => Action::CreateRole(role_definition(fields)?),
        "delete_role" => Action::DeleteRole(fields.id("role")?),
        "add_permission" => Action::AddPermission(fields.id("role")?, permission(fields.get("permission")?)?),
        "remove_permission" => Action::RemovePermission(fields.id("role")?, permission(fields.get("permission")?)?),
        "add_include" => Action::AddInclude(fields.id("role")?, fields.id("include")?),
        "remove_include" => Action::RemoveInclude(fields.id("role")?, fields.id("include")?),
        "set_role" => Action::SetRole(role_definition(fields)?),
        "create_group" => Action::CreateGroup(GroupDefinition {
            group: fields.id("group")?,
            owner: fields.id("owner"),
            members: fields.word("members", GroupMembers::ALL, GroupMembers::name),
            implicit: texts(fields, "implicit")?,
        }),
        "delete_group" => Action::DeleteGroup(fields.id("group")?),
        "create_identity" => {
            let kind = fields.word("kind", IdentityKind::ALL, IdentityKind::name)?;
            Action::CreateIdentity(fields.id("identity")?, kind, fields.id("owner"))
        }
        "disable_identity" => Action::DisableIdentity(fields.id("identity")?),
        "delete_identity" => Action::DeleteIdentity(fields.id("identity")?),
        "set_owner" => Action::SetOwner(owned(fields)?, fields.id("owner")?),
        "create_resource" => Action::CreateResource(
            fields.id("resource")?,
            fields.id("parent"),
            fields.id("owner"),
            fields.word("sensitivity", SENSITIVITIES, Sensitivity::name),
        ),
        "delete_resource" => Action::DeleteResource(fields.id("resource")?),
        "add_trust" => Action::AddTrust(TrustDefinition {
            trust: fields.id("trust")?,
            from: fields.text("from")?,
            to: fields.text("to")?,
            via: fields.text("via")?,
            requires: fields.get("requires").map_or(Some(None), |node| requirement(node).map(Some))?,
            condition: fields.text("condition"),
        }),
        "remove_trust" => Action::RemoveTrust(fields.id("trust")?),
        "issue_credential" => Action::IssueCredential(CredentialIssue {
            credential: fields.id("credential")?,
            identity: fields.id("identity")?,
            kind: fields.text("kind")?,
            deliver_to: fields.text("deliver_to")?,
            lifetime: lifetime(fields),
        }),
        "rotate_credential" => {
            Action::RotateCredential(fields.id("credential")?, fields.text("deliver_to"), lifetime(fields))
        }
        "revoke_credential" => Action::RevokeCredential(fields.id("credential")?),
        "suppress_finding" => Action::SuppressFinding(fields.id("finding")?),
        _ => return None,
    })
}

fn assignment(fields: &TypedFields<'_>) -> Option<AssignmentChange> {
    let target = match fields.id("role") {
        Some(role) => Target::Role(role),
        None => Target::MemberOf(fields.id("member_of")?),
    };
    Some(AssignmentChange {
        to: fields.text("to")?,
        target,
        scope: fields.id("scope"),
        mode: fields.word("mode", MODES, Mode::name),
        lifetime: lifetime(fields),
        assignment: fields.id("assignment"),
    })
}

fn lifetime(fields: &TypedFields<'_>) -> Option<Placed<Lifetime>> {
    fields
        .span("ttl")
        .map(|ttl| ttl.map(Lifetime::Ttl))
        .or_else(|| fields.time("until").map(|t| t.map(Lifetime::Until)))
}

fn role_definition(fields: &TypedFields<'_>) -> Option<RoleDefinition> {
    let kind = |node: &InputNode| {
        let kind = IdentityKind::CREATED.iter().find(|kind| node.as_text().is_some_and(|t| t.raw() == kind.name()))?;
        Some(Placed::new(*kind, node.place.clone()))
    };
    Some(RoleDefinition {
        role: fields.id("role")?,
        includes: fields.ids("includes"),
        permissions: fields.list("permissions").iter().map(permission).collect::<Option<_>>()?,
        owner: fields.id("owner"),
        sensitivity: fields.word("sensitivity", SENSITIVITIES, Sensitivity::name),
        kinds: fields.list("kinds").iter().map(kind).collect::<Option<_>>()?,
        by_resource: fields.bool("by_resource"),
    })
}

fn permission(node: &InputNode) -> Option<Placed<Permission>> {
    let fields = TypedFields::of(node)?;
    let text = |name: &str| fields.text(name).map(|text: Placed<Text>| text.value);
    let effect = match fields.text("effect").as_ref().map(|effect| effect.value.raw()) {
        None | Some("allow") => Effect::Allow,
        Some("deny") => Effect::Deny,
        Some(_) => return None,
    };
    let permission = Permission {
        action: text("action")?,
        resource: text("resource")?,
        effect,
        condition: text("condition"),
        except: fields.list("except").iter().map(except).collect::<Option<_>>()?,
    };
    Some(Placed::new(permission, node.place.clone()))
}

fn except(node: &InputNode) -> Option<Except> {
    let fields = TypedFields::of(node)?;
    Some(Except { action: fields.text("action")?.value, resource: fields.text("resource")?.value })
}

fn requirement(node: &InputNode) -> Option<Placed<Requirement>> {
    let fields = TypedFields::of(node)?;
    let requirement = Requirement {
        action: fields.text("action")?.value,
        resource: fields.text("resource")?.value,
        scope: fields.id("scope").map(|scope| scope.value),
        system: None,
    };
    Some(Placed::new(requirement, node.place.clone()))
}

fn owned(fields: &TypedFields<'_>) -> Option<Owned> {
    fields
        .id("identity")
        .map(Owned::Identity)
        .or_else(|| fields.id("group").map(Owned::Group))
        .or_else(|| fields.id("role").map(Owned::Role))
        .or_else(|| fields.id("resource").map(Owned::Resource))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
