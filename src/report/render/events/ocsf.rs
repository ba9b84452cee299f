//! Events in OCSF 1.3 (<https://schema.ocsf.io/1.3.0>), category 3, Identity & Access Management.
//!
//! A decision and an export are Entity Management (3004) of the entity "access change". A result reports what became of the
//! access itself: a membership or a group's role is Group Management (3006), an identity's role is User Access Management
//! (3005), an account is Account Change (3001), anything else Entity Management. `metadata.uid` is the hash of the line.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::report::events::{EventKind, GateEvent, GateEventKind, LogEvent};

/// The version of the schema.
pub(super) const VERSION: &str = "1.3.0";

/// The category Identity & Access Management.
const CATEGORY: u32 = 3;
/// The activity that no class lists: its name says what it is.
const OTHER: u32 = 99;

/// A class: its number and name.
type OcsfClass = (u32, &'static str);

const ACCOUNT_CHANGE: OcsfClass = (3001, "Account Change");
const ENTITY_MANAGEMENT: OcsfClass = (3004, "Entity Management");
const USER_ACCESS: OcsfClass = (3005, "User Access Management");
const GROUP_MANAGEMENT: OcsfClass = (3006, "Group Management");

/// The attributes that every class has, in the order of the schema's groups.
#[derive(Serialize)]
pub(super) struct OcsfEvent<'e> {
    activity_id: u32,
    activity_name: &'static str,
    category_name: &'static str,
    category_uid: u32,
    class_name: &'static str,
    class_uid: u32,
    type_uid: u32,
    type_name: String,
    severity_id: u32,
    severity: &'static str,
    status_id: u32,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_detail: Option<&'static str>,
    /// Milliseconds since 1970.
    time: i64,
    message: String,
    actor: Value,
    metadata: Metadata<'e>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'e Text>,
    /// The attributes of the class.
    #[serde(flatten)]
    class: Map<String, Value>,
    unmapped: &'e LogEvent,
}

#[derive(Serialize)]
struct Metadata<'e> {
    version: &'static str,
    uid: Digest<of::Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_uid: Option<Digest<of::Change>>,
    event_code: EventKind,
    log_name: &'e Text,
    original_time: String,
    product: Product<'e>,
}

#[derive(Serialize)]
struct Product<'e> {
    name: &'static str,
    vendor_name: &'static str,
    version: &'e Text,
}

/// What a class says of an event: its activity, and its own attributes.
struct Classified {
    class: OcsfClass,
    activity: (u32, &'static str),
    attributes: Map<String, Value>,
}

/// An event in the form of OCSF.
pub(super) fn event(it: &LogEvent) -> OcsfEvent<'_> {
    let Classified { class: (class_uid, class_name), activity: (activity_id, activity_name), attributes } =
        classify(it);
    let (severity_id, severity) = severity(it);
    let (status_id, status) = status(it);
    let is_entity = class_uid == ENTITY_MANAGEMENT.0;
    OcsfEvent {
        activity_id,
        activity_name,
        category_name: "Identity & Access Management",
        category_uid: CATEGORY,
        class_name,
        class_uid,
        type_uid: class_uid.saturating_mul(100).saturating_add(activity_id),
        type_name: format!("{class_name}: {activity_name}"),
        severity_id,
        severity,
        status_id,
        status,
        status_detail: it.result,
        time: it.time.unix().saturating_mul(1_000),
        message: format!("{}: {}", it.kind.name(), about(it)),
        actor: json!({"user": actor(it)}),
        metadata: Metadata {
            version: VERSION,
            uid: it.uid,
            correlation_uid: it.digest,
            event_code: it.kind,
            log_name: &it.log,
            original_time: it.time.to_string(),
            product: Product { name: "review", vendor_name: "review", version: &it.tool },
        },
        comment: it.reason.as_ref().filter(|_| is_entity),
        class: attributes,
        unmapped: it,
    }
}

/// An event of the gate in the form of OCSF: Entity Management of the entity "access change", or of the log.
pub(super) fn gate_event(it: &GateEvent) -> Value {
    let (class_uid, class_name) = ENTITY_MANAGEMENT;
    let (severity_id, severity) = match it.kind {
        GateEventKind::VerificationFailed => (5, "Critical"),
        GateEventKind::GateDenied if it.privileged => (4, "High"),
        GateEventKind::GateDenied => (3, "Medium"),
    };
    let entity = match it.kind {
        GateEventKind::VerificationFailed => json!({"type": "log", "uid": "log", "name": "log"}),
        GateEventKind::GateDenied => json!({
            "type": "access change",
            "uid": format!("{}/{}", raw(it.plan.as_ref()), raw(it.change.as_ref())),
            "name": it.change.as_ref().or(it.plan.as_ref()).map_or("plans", Text::raw),
        }),
    };
    json!({
        "activity_id": OTHER,
        "activity_name": it.kind.name(),
        "category_name": "Identity & Access Management",
        "category_uid": CATEGORY,
        "class_name": class_name,
        "class_uid": class_uid,
        "type_uid": class_uid.saturating_mul(100).saturating_add(OTHER),
        "type_name": format!("{class_name}: {}", it.kind.name()),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": 2,
        "status": "Failure",
        "status_detail": it.state,
        "time": it.time.unix().saturating_mul(1_000),
        "message": format!("{}: {} {}", it.kind.name(), raw(it.plan.as_ref()), raw(it.change.as_ref())).trim(),
        "actor": {"app_name": "review gate"},
        "metadata": {
            "version": VERSION,
            "uid": it.uid,
            "correlation_uid": it.digest,
            "event_code": it.kind,
            "original_time": it.time.to_string(),
            "product": {"name": "review", "vendor_name": "review", "version": env!("CARGO_PKG_VERSION")},
        },
        "entity": entity,
        "unmapped": it,
    })
}

fn raw(text: Option<&Text>) -> &str {
    text.map_or("", Text::raw)
}

/// The plan and change of an event, what is frozen, or what a baseline records.
fn about(it: &LogEvent) -> String {
    if let Some(baseline) = &it.baseline {
        return format!("{} accesses of the snapshot {} as inherited", baseline.count, baseline.snapshot);
    }
    if let Some(baseline) = &it.withdrawn {
        return format!("the baseline {baseline}");
    }
    if let Some(recertification) = &it.recertification {
        let of = [it.subject.as_ref(), it.entitlement.as_ref(), it.scope.as_ref()].map(raw).join(" ");
        return format!("{}: {}", recertification.answer, of.trim());
    }
    match &it.frozen {
        Some(frozen) => [frozen.kind.unwrap_or_default(), raw(frozen.name.as_ref())].join(" ").trim().to_owned(),
        None => format!("{} {}", raw(it.plan.as_ref()), raw(it.change.as_ref())),
    }
}

fn actor(it: &LogEvent) -> Value {
    match &it.person {
        Some(person) => json!({"uid": it.principal, "name": person, "credential_uid": it.key}),
        None => json!({"uid": it.principal, "name": it.principal, "credential_uid": it.key}),
    }
}

fn severity(it: &LogEvent) -> (u32, &'static str) {
    match (it.kind, it.result) {
        (EventKind::Result, Some("beyond")) => (5, "Critical"),
        (EventKind::Override | EventKind::Freeze | EventKind::Thaw | EventKind::Baseline, _) => (4, "High"),
        (EventKind::Result, Some("failed" | "missing" | "partly")) => (3, "Medium"),
        (EventKind::Approve | EventKind::Automatic | EventKind::Export, _) if it.privileged => (3, "Medium"),
        (EventKind::Reject, _) => (2, "Low"),
        (
            EventKind::Approve
            | EventKind::Automatic
            | EventKind::Export
            | EventKind::Result
            | EventKind::Withdrawal
            | EventKind::Recertification,
            _,
        ) => (1, "Informational"),
    }
}

/// A result succeeded if the access is as approved. Everything else that the log records has happened.
fn status(it: &LogEvent) -> (u32, &'static str) {
    match it.result {
        None | Some("applied") => (1, "Success"),
        Some("failed" | "missing") => (2, "Failure"),
        Some(_) => (OTHER, "Other"),
    }
}

fn classify(it: &LogEvent) -> Classified {
    let action = it.action.as_ref().map_or("", Text::raw);
    let is_result = it.kind == EventKind::Result;
    match (&it.subject, &it.entitlement) {
        (Some(subject), Some(entitlement)) if is_result && matches!(action, "grant" | "revoke") => {
            access(it, action == "grant", subject, entitlement)
        }
        (Some(subject), _) if is_result => match account(action) {
            Some(activity) => {
                let attributes = attributes([("user", json!({"uid": subject, "name": subject}))]);
                Classified { class: ACCOUNT_CHANGE, activity, attributes }
            }
            None => entity(it),
        },
        (_, _) => entity(it),
    }
}

/// A role or membership that was given or taken.
fn access(it: &LogEvent, gives: bool, subject: &Text, entitlement: &Text) -> Classified {
    let object = |id: &Text| json!({"uid": id, "name": id});
    let (class, activity, mut list) = match (it.is_membership, it.subject_is_group) {
        (true, false) => {
            let activity = if gives { (3, "Add User") } else { (4, "Remove User") };
            (GROUP_MANAGEMENT, activity, vec![("group", object(entitlement)), ("user", object(subject))])
        }
        (true, true) => {
            let activity = if gives { (7, "Add Subgroup") } else { (8, "Remove Subgroup") };
            (GROUP_MANAGEMENT, activity, vec![("group", object(entitlement)), ("subgroup", object(subject))])
        }
        (false, true) => {
            let activity = if gives { (1, "Assign Privileges") } else { (2, "Revoke Privileges") };
            (GROUP_MANAGEMENT, activity, vec![("group", object(subject)), ("privileges", json!([entitlement]))])
        }
        (false, false) => {
            let activity = if gives { (1, "Assign Privileges") } else { (2, "Revoke Privileges") };
            (USER_ACCESS, activity, vec![("user", object(subject)), ("privileges", json!([entitlement]))])
        }
    };
    list.extend(it.scope.as_ref().map(|scope| ("resource", object(scope))));
    Classified { class, activity, attributes: attributes(list) }
}

/// The activity of Account Change for an action.
fn account(action: &str) -> Option<(u32, &'static str)> {
    match action {
        "create_identity" => Some((1, "Create")),
        "disable_identity" => Some((5, "Disable")),
        "delete_identity" => Some((6, "Delete")),
        "issue_credential" | "rotate_credential" | "revoke_credential" => Some((OTHER, "Credential Change")),
        _ => None,
    }
}

fn entity(it: &LogEvent) -> Classified {
    let activity = match it.kind {
        EventKind::Result => (3, "Update"),
        EventKind::Approve
        | EventKind::Reject
        | EventKind::Override
        | EventKind::Automatic
        | EventKind::Export
        | EventKind::Freeze
        | EventKind::Thaw
        | EventKind::Baseline
        | EventKind::Withdrawal
        | EventKind::Recertification => (OTHER, it.kind.name()),
    };
    if let Some(frozen) = &it.frozen {
        let entity = json!({"type": "freeze", "uid": frozen.line, "name": about(it)});
        return Classified { class: ENTITY_MANAGEMENT, activity, attributes: attributes([("entity", entity)]) };
    }
    let general = [
        ("baseline", it.baseline.is_some()),
        ("withdrawal", it.withdrawn.is_some()),
        ("recertification", it.recertification.is_some()),
    ];
    if let Some((kind, _)) = general.into_iter().find(|(_, is_it)| *is_it) {
        let entity = json!({"type": kind, "uid": it.uid, "name": about(it)});
        return Classified { class: ENTITY_MANAGEMENT, activity, attributes: attributes([("entity", entity)]) };
    }
    let entity = json!({
        "type": "access change",
        "uid": format!("{}/{}", raw(it.plan.as_ref()), raw(it.change.as_ref())),
        "name": it.change,
        "version": it.digest,
    });
    Classified { class: ENTITY_MANAGEMENT, activity, attributes: attributes([("entity", entity)]) }
}

fn attributes(list: impl IntoIterator<Item = (&'static str, Value)>) -> Map<String, Value> {
    list.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
