//! Every event has the attributes that OCSF 1.3.0 requires of its class, and activities that the class has.
//!
//! Source: <https://github.com/ocsf/ocsf-schema>, `events/base_event.json`, `events/iam/*.json`, `objects/metadata.json`,
//! `objects/product.json`, `objects/user.json`, `objects/group.json`, `objects/managed_entity.json`, read at version 1.3.0.

use serde_json::Value;

use super::{EventFormat, render, render_gate};
use crate::input::digest::Digest;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::report::events::{EventKind, FrozenEvent, GateEvent, GateEventKind, LogEvent, VERSION};

/// The required attributes of `base_event`.
const BASE: &[&str] = &["activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"];

/// A class: its number, the required attributes of its own, and its activities besides 0 and 99.
const CLASSES: &[(u64, &[&str], u64)] =
    &[(3001, &["user"], 11), (3004, &["entity"], 13), (3005, &["user", "privileges"], 2), (3006, &["group"], 8)];

fn event(kind: EventKind, action: &str, result: Option<&'static str>, parts: u32) -> LogEvent {
    let text = |bit: u32, text: &str| (parts & bit > 0).then(|| Text::from(text));
    LogEvent {
        schema_version: VERSION,
        uid: Digest::of(b"line"),
        time: Time::from_unix(1_796_000_000),
        kind,
        log: "09".into(),
        session: "07".into(),
        principal: "ada@corp.example".into(),
        person: text(1, "ada"),
        key: "SHA256:x".into(),
        tool: "review 0.1.0".into(),
        plan: Some("PLAN-1\u{202e}".into()),
        change: Some("c1\n{\"x\":1}".into()),
        digest: Some(Digest::of(b"change")),
        action: Some(action.into()),
        subject: text(2, "user:ravi"),
        subject_is_group: parts & 4 > 0,
        entitlement: text(8, "admin"),
        is_membership: parts & 16 > 0,
        scope: text(32, "db:ledger"),
        privileged: parts & 64 > 0,
        proposer: None,
        steps: Vec::new(),
        policies: Vec::new(),
        reason: Some("why".into()),
        result,
        baseline: None,
        withdrawn: None,
        recertification: None,
        frozen: matches!(kind, EventKind::Freeze | EventKind::Thaw).then(|| FrozenEvent {
            line: Digest::of(b"freeze"),
            kind: Some("agent").filter(|_| parts & 1 > 0),
            name: text(2, "bot\u{202e}"),
            until: None,
        }),
    }
}

fn all() -> Vec<LogEvent> {
    let results = ["applied", "beyond", "failed", "missing", "partly"];
    let kinds = [
        EventKind::Approve,
        EventKind::Reject,
        EventKind::Override,
        EventKind::Automatic,
        EventKind::Export,
        EventKind::Result,
        EventKind::Freeze,
        EventKind::Thaw,
    ];
    let actions = [
        "grant",
        "revoke",
        "adjust",
        "create_identity",
        "disable_identity",
        "delete_identity",
        "issue_credential",
        "create_role",
        "",
    ];
    let mut all = Vec::new();
    for (n, kind) in kinds.into_iter().enumerate() {
        for action in actions {
            for parts in 0..128 {
                let result = results.get((n + parts as usize) % results.len()).copied();
                all.push(event(kind, action, result.filter(|_| kind == EventKind::Result), parts));
            }
        }
    }
    all
}

#[test]
fn every_event_has_what_its_class_requires() {
    let out = render(&all(), EventFormat::Ocsf);
    let mut seen = std::collections::BTreeSet::new();
    for line in out.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let number = |key: &str| event[key].as_u64().unwrap_or_else(|| panic!("{key}: {line}"));
        let class = number("class_uid");
        let (_, required, activities) = CLASSES.iter().find(|(uid, ..)| *uid == class).unwrap();
        for key in BASE.iter().chain(*required) {
            assert!(!event[*key].is_null(), "{key}: {line}");
        }
        let activity = number("activity_id");
        assert!((1..=*activities).contains(&activity) || activity == 99, "{line}");
        assert_eq!(number("type_uid"), class * 100 + activity);
        assert_eq!(number("category_uid"), 3);
        assert!((1..=6).contains(&number("severity_id")) && event["activity_name"].is_string());
        // `group_management`: at least one of these.
        if class == 3006 {
            assert!(["privileges", "user", "subgroup"].iter().any(|key| !event[*key].is_null()), "{line}");
        }
        // `user`, `group` and `managed_entity`: at least one of `name` and `uid`.
        for key in ["user", "group", "subgroup", "entity"].iter().filter(|key| !event[**key].is_null()) {
            assert!(event[*key]["uid"].is_string(), "{line}");
        }
        let metadata = &event["metadata"];
        assert_eq!(
            (&metadata["version"], &metadata["uid"]),
            (&"1.3.0".into(), &Digest::<()>::of(b"line").to_string().into())
        );
        assert!(metadata["product"]["vendor_name"].is_string() && metadata["product"]["name"].is_string());
        assert_eq!(number("time"), 1_796_000_000_000, "milliseconds");
        seen.insert(class);
    }
    assert_eq!(seen.len(), CLASSES.len());
}

#[test]
fn an_event_of_the_gate_has_what_its_class_requires_and_is_one_line() {
    let event = |kind, privileged, change: Option<&str>| GateEvent {
        schema_version: VERSION,
        uid: Digest::of(b"event"),
        time: Time::from_unix(1_796_000_000),
        kind,
        exit_code: 3,
        plan: change.map(|_| "PLAN-1\u{202e}".into()),
        change: change.map(Into::into),
        digest: change.map(|_| Digest::of(b"change")),
        state: change.map(|_| "open"),
        proposer: None,
        privileged,
        findings: vec!["undecided"],
    };
    let all = [
        event(GateEventKind::GateDenied, true, Some("c1\n{")),
        event(GateEventKind::GateDenied, false, None),
        event(GateEventKind::VerificationFailed, false, None),
    ];
    for format in [EventFormat::Json, EventFormat::Ocsf] {
        let out = render_gate(&all, format);
        assert_eq!(out.lines().count(), all.len());
        assert!(!out.chars().any(|c| c != '\n' && crate::input::text::is_hidden(c)));
    }
    for line in render_gate(&all, EventFormat::Ocsf).lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let (_, required, _) = CLASSES.iter().find(|(uid, ..)| *uid == 3004).unwrap();
        for key in BASE.iter().chain(*required) {
            assert!(!event[*key].is_null(), "{key}: {line}");
        }
        assert_eq!((&event["class_uid"], &event["type_uid"]), (&3004.into(), &300_499.into()));
        assert!(event["entity"]["uid"].is_string() && event["metadata"]["uid"].is_string(), "{line}");
    }
}

#[test]
fn an_event_is_one_line_without_hidden_characters() {
    for format in [EventFormat::Json, EventFormat::Ocsf] {
        let out = render(&all(), format);
        assert_eq!(out.lines().count(), all().len());
        assert!(!out.chars().any(|c| c != '\n' && crate::input::text::is_hidden(c)));
        for line in out.lines() {
            assert!(serde_json::from_str::<Value>(line).unwrap().is_object());
        }
    }
}
