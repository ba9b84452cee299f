//! A plan with every action, and faults that must be rejected. Each fault has a name.

use crate::input::id::Id;
use crate::plan::schema;
use crate::plan::table::{ACTIONS, COMMON};

use super::*;

const HEAD: &str = "version: 1\nid: PLAN-1\nproposer: spiffe://corp.example/agent\non_behalf_of: user:lead\ntask: T-1\n\
intent: Let it work.\nexpires: 2026-11-30T00:00:00Z\n";

const EVERY_ACTION: &str = "changes:
  - {id: c1, action: grant, to: svc:a, role: writer, scope: db:x, mode: active, ttl: 4h, reason: r, claims: {last_used: 2026-11-20}}
  - {id: c2, action: revoke, to: svc:a, member_of: team, assignment: as-1, reason: r, claims: {unused: true, ticket: INC-1}}
  - {id: c3, action: adjust, to: svc:a, role: writer, until: 2026-11-24T02:00:00+01:00, reason: r, claims: {members: 12}}
  - id: c4
    action: create_role
    role: r1
    includes: [writer]
    permissions: [{action: read, resource: \"db:*\"}, {action: drop, resource: \"*\", effect: deny, condition: weekends}]
    owner: user:lead
    sensitivity: high
    kinds: [service_account, workload]
    reason: r
  - {id: c5, action: delete_role, role: r2, reason: r}
  - {id: c6, action: add_permission, role: r3, permission: {action: read, resource: \"*\"}, reason: r}
  - {id: c7, action: remove_permission, role: r3, permission: {action: write, resource: \"*\", effect: deny}, reason: r}
  - {id: c8, action: add_include, role: r3, include: r4, reason: r}
  - {id: c9, action: remove_include, role: r3, include: r5, reason: r}
  - {id: c10, action: set_role, role: r6, reason: r}
  - {id: c11, action: create_group, group: g1, owner: user:lead, reason: r}
  - {id: c12, action: delete_group, group: g2, reason: r}
  - {id: c13, action: create_identity, identity: svc:n, kind: agent, reason: r}
  - {id: c14, action: disable_identity, identity: svc:o, reason: r}
  - {id: c15, action: delete_identity, identity: svc:p, reason: r}
  - {id: c16, action: set_owner, group: g1, owner: user:lead, reason: r}
  - {id: c17, action: create_resource, resource: db:n, parent: db, sensitivity: low, reason: r}
  - {id: c18, action: delete_resource, resource: db:o, reason: r}
  - {id: c19, action: add_trust, trust: t1, from: svc:a, to: svc:b, via: assume-role, requires: {action: x, resource: db, scope: z}, reason: r}
  - {id: c20, action: remove_trust, trust: t2, reason: r}
  - {id: c21, action: issue_credential, credential: k1, identity: svc:a, kind: api_key, deliver_to: user:lead, ttl: 7d, reason: r}
  - {id: c22, action: rotate_credential, credential: k2, reason: r}
  - {id: c23, action: revoke_credential, credential: k3, reason: r}
  - {id: c24, action: suppress_finding, finding: f1, reason: r}
";

fn with(change: &str) -> String {
    format!("{HEAD}changes:\n  - {change}\n")
}

/// (trick, change in flow form, code, line, column)
const CHANGES: &[(&str, &str, Code, u32, u32)] = &[
    (
        "a field of another action",
        "{id: c, action: revoke, to: a, role: b, ttl: 4h, reason: r}",
        Code::UnknownField,
        9,
        45,
    ),
    ("a misspelt field", "{id: c, action: revoke, to: a, rol: b, role: b, reason: r}", Code::UnknownField, 9, 36),
    ("an unknown action", "{id: c, action: grnt, to: a, role: b, reason: r}", Code::BadValue, 9, 21),
    ("no action", "{id: c, to: a, role: b, reason: r}", Code::MissingField, 9, 6),
    ("an action that is a list", "{id: c, action: [grant], reason: r}", Code::WrongType, 9, 21),
    ("no reason", "{id: c, action: delete_role, role: b}", Code::MissingField, 9, 6),
    ("a blank reason", "{id: c, action: delete_role, role: b, reason: \" \"}", Code::BadValue, 9, 52),
    ("no id", "{action: delete_role, role: b, reason: r}", Code::MissingField, 9, 6),
    ("an empty id", "{id: '', action: delete_role, role: b, reason: r}", Code::BadValue, 9, 11),
    ("an id with white space around it", "{id: ' c', action: delete_role, role: b, reason: r}", Code::BadValue, 9, 11),
    ("an id of two lines", "{id: \"c\\nd\", action: delete_role, role: b, reason: r}", Code::BadValue, 9, 11),
    ("a number as an id", "{id: 7, action: delete_role, role: b, reason: r}", Code::WrongType, 9, 10),
    (
        "both role and member_of",
        "{id: c, action: revoke, to: a, role: b, member_of: g, reason: r}",
        Code::BadValue,
        9,
        45,
    ),
    ("neither role nor member_of", "{id: c, action: revoke, to: a, reason: r}", Code::MissingField, 9, 6),
    (
        "both ttl and until",
        "{id: c, action: grant, to: a, role: b, mode: active, ttl: 4h, until: 2026-12-01, reason: r}",
        Code::BadValue,
        9,
        67,
    ),
    (
        "a standing grant with an end",
        "{id: c, action: grant, to: a, role: b, mode: standing, ttl: 4h, reason: r}",
        Code::BadValue,
        9,
        60,
    ),
    (
        "an active grant without end",
        "{id: c, action: grant, to: a, role: b, mode: active, reason: r}",
        Code::MissingField,
        9,
        50,
    ),
    ("a grant without mode", "{id: c, action: grant, to: a, role: b, ttl: 4h, reason: r}", Code::MissingField, 9, 6),
    ("an adjustment of nothing", "{id: c, action: adjust, to: a, role: b, reason: r}", Code::MissingField, 9, 6),
    (
        "a mode in capitals",
        "{id: c, action: grant, to: a, role: b, mode: Active, ttl: 4h, reason: r}",
        Code::BadValue,
        9,
        50,
    ),
    (
        "a span of zero",
        "{id: c, action: grant, to: a, role: b, mode: active, ttl: 0h, reason: r}",
        Code::BadValue,
        9,
        63,
    ),
    (
        "a span without unit",
        "{id: c, action: grant, to: a, role: b, mode: active, ttl: 4, reason: r}",
        Code::WrongType,
        9,
        63,
    ),
    (
        "a time without offset",
        "{id: c, action: adjust, to: a, role: b, until: 2026-12-01T00:00:00, reason: r}",
        Code::BadValue,
        9,
        52,
    ),
    (
        "a day that does not exist",
        "{id: c, action: adjust, to: a, role: b, until: 2026-02-30, reason: r}",
        Code::BadValue,
        9,
        52,
    ),
    (
        "a claim outside the list",
        "{id: c, action: delete_role, role: b, reason: r, claims: {safe: true}}",
        Code::UnknownField,
        9,
        63,
    ),
    (
        "a claim of the wrong type",
        "{id: c, action: delete_role, role: b, reason: r, claims: {unused: never}}",
        Code::WrongType,
        9,
        71,
    ),
    (
        "a claim below zero",
        "{id: c, action: delete_role, role: b, reason: r, claims: {members: -1}}",
        Code::BadValue,
        9,
        72,
    ),
    ("a field without value", "{id: c, action: delete_role, role: , reason: r}", Code::WrongType, 9, 34),
    (
        "two things owned at once",
        "{id: c, action: set_owner, role: a, group: b, owner: o, reason: r}",
        Code::BadValue,
        9,
        41,
    ),
    (
        "a permission as text",
        "{id: c, action: add_permission, role: b, permission: read, reason: r}",
        Code::WrongType,
        9,
        58,
    ),
    (
        "a third effect",
        "{id: c, action: add_permission, role: b, permission: {action: a, resource: b, effect: maybe}, reason: r}",
        Code::BadValue,
        9,
        91,
    ),
    (
        "an unknown kind",
        "{id: c, action: create_identity, identity: b, kind: person, reason: r}",
        Code::BadValue,
        9,
        57,
    ),
    ("a change that is text", "grant everything", Code::WrongType, 9, 5),
];

#[test]
fn every_action_is_read_with_its_fields() {
    let text = format!("{HEAD}{EVERY_ACTION}");
    let plan = read("plan.yaml", text.as_bytes()).unwrap_or_else(|f| panic!("{f:#?}"));
    let words: Vec<_> = plan.changes.iter().map(|change| change.action.word()).collect();
    assert_eq!(words, Action::WORDS);
    assert_eq!(words, ACTIONS.iter().map(|case| case.word).collect::<Vec<_>>());
    for change in &plan.changes {
        let place = &change.action_place;
        assert_eq!(&text[place.bytes.0..place.bytes.1], change.action.word());
        let place = &change.id.place;
        assert_eq!(&text[place.bytes.0..place.bytes.1], change.id.value.as_str());
    }
    let Action::Grant(grant) = &plan.changes[0].action else { panic!("c1 grants") };
    assert_eq!(grant.to.value.raw(), "svc:a");
    assert_eq!(grant.mode.as_ref().unwrap().value, Mode::Active);
    assert_eq!(grant.scope.as_ref().unwrap().value, Id::new("db:x"));
    assert!(matches!(grant.lifetime.as_ref().unwrap().value, Lifetime::Ttl(span) if span.seconds() == 14_400));
    let Action::CreateRole(role) = &plan.changes[3].action else { panic!("c4 creates a role") };
    assert_eq!(role.permissions[1].value.effect, Effect::Deny);
    assert_eq!(role.kinds.len(), 2);
    assert!(matches!(plan.changes[1].claims[..], [Placed { value: Claim::Unused(true), .. }, _]));
    assert_eq!(plan.digest, Digest::of(text.as_bytes()));
}

#[test]
fn every_trick_in_a_change_is_refused_at_its_place() {
    let mut wrong = Vec::new();
    for (trick, change, code, line, column) in CHANGES {
        match read("plan.yaml", with(change).as_bytes()) {
            Ok(_) => wrong.push(format!("{trick}: passed")),
            Err(found) => {
                let place = found[0].place.as_ref().expect("a finding of a plan has a place");
                if found.len() != 1 || (found[0].code, place.line, place.column) != (*code, *line, *column) {
                    wrong.push(format!("{trick}: {:?} at {}:{} {found:#?}", found[0].code, place.line, place.column));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_message_names_the_action_and_what_it_allows() {
    let found = read("p", with("{id: c7, action: revoke, to: a, role: b, ttl: 4h, reason: r}").as_bytes()).unwrap_err();
    assert_eq!(found[0].message.raw(), "`revoke` (change `c7`) has no field `ttl`");
    assert!(found[0].help.as_ref().unwrap().raw().contains("`assignment`"));
    let found = read("p", with("{id: c7, action: revoke, to: a, rol: b, reason: r}").as_bytes()).unwrap_err();
    assert!(found[0].help.as_ref().unwrap().raw().starts_with("did you mean `role`"));
}

#[test]
fn the_head_of_a_plan_is_checked_as_strictly() {
    let body = "changes: [{id: c, action: delete_role, role: b, reason: r}]\n";
    let codes =
        |text: &str| read("p", text.as_bytes()).map(|_| ()).map_err(|f| f.iter().map(|f| f.code).collect::<Vec<_>>());
    assert_eq!(codes(&format!("{HEAD}{body}")), Ok(()));
    assert_eq!(
        codes(&format!("{HEAD}{body}").replace("version: 1", "version: 2")),
        Err(vec![Code::UnsupportedVersion])
    );
    assert_eq!(codes(&format!("{HEAD}{body}").replace("version: 1\n", "")), Err(vec![Code::MissingField]));
    assert_eq!(codes(&format!("{HEAD}{body}").replace("version: 1", "version: '1'")), Err(vec![Code::WrongType]));
    assert_eq!(
        codes(&format!("{HEAD}{body}").replace("expires: 2026-11-30T00:00:00Z\n", "")),
        Err(vec![Code::MissingField])
    );
    assert_eq!(codes(&format!("{HEAD}snapshot: sha256:ABC\n{body}")), Err(vec![Code::BadValue]));
    assert_eq!(codes(&format!("{HEAD}policies: none\n{body}")), Err(vec![Code::UnknownField]));
    assert_eq!(codes(&format!("{HEAD}changes: []\n")), Err(vec![Code::BadValue]));
    assert_eq!(codes("[]"), Err(vec![Code::WrongType]));
    let many = "  - {id: c, action: delete_role, role: b, reason: r}\n".repeat(1_001);
    assert!(codes(&format!("{HEAD}changes:\n{many}")).unwrap_err().contains(&Code::BadValue));
}

#[test]
fn two_changes_of_one_name_are_refused() {
    let change = "  - {id: c, action: delete_role, role: b, reason: r}\n";
    let found = read("p", format!("{HEAD}changes:\n{change}{change}").as_bytes()).unwrap_err();
    assert_eq!((found[0].code, found[0].place.as_ref().unwrap().line), (Code::DuplicateId, 10));
}

#[test]
fn a_flood_of_faults_is_refused_without_delay() {
    let fields = (0..49_000).map(|n| format!("k{n}: v\n")).collect::<Vec<_>>().concat();
    let start = std::time::Instant::now();
    assert!(read("p", fields.as_bytes()).is_err());
    let changes = "- {id: 1}\n".repeat(30_000);
    assert!(read("p", format!("{HEAD}changes:\n{changes}").as_bytes()).is_err());
    // An unoptimised build is about ten times slower, and tests run in parallel.
    let bound = std::time::Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 2 });
    assert!(start.elapsed() < bound, "took {:?}", start.elapsed());
}

#[test]
fn faults_of_syntax_and_of_form_come_together() {
    let text = with("{id: c, action: revoke, to: no, role: &x b, ttl: 4h}").replace("task: T-1", "tsk: T-1");
    let found = read("p", text.as_bytes()).unwrap_err();
    let codes: Vec<_> = found.iter().map(|f| f.code).collect();
    for code in [Code::AmbiguousScalar, Code::YamlFeature, Code::UnknownField, Code::MissingField] {
        assert!(codes.contains(&code), "{code:?} is missing in {codes:?}");
    }
    assert_eq!(codes.len(), 5);
}

fn as_json(text: &str) -> serde_json::Value {
    serde_yaml::from_str(text).expect("the test's plan is YAML")
}

#[test]
fn schema_and_reader_agree() {
    let schema = schema();
    assert!(jsonschema::draft202012::meta::is_valid(&schema), "the schema is one");
    let validator = jsonschema::draft202012::new(&schema).expect("the schema compiles");
    let every = format!("{HEAD}{EVERY_ACTION}");
    let errors: Vec<_> = validator.iter_errors(&as_json(&every)).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    for (trick, change, ..) in CHANGES {
        // A schema does not know the calendar.
        let calendar = *trick == "a day that does not exist";
        assert_eq!(validator.is_valid(&as_json(&with(change))), calendar, "{trick}");
    }
    // For every removed or added field, reader and schema agree.
    let items = as_json(&every)["changes"].as_array().unwrap().clone();
    for item in &items {
        let own: Vec<String> = item.as_object().unwrap().keys().cloned().collect();
        let known = ACTIONS.iter().flat_map(|case| case.rules).chain(COMMON).map(|rule| rule.name);
        for field in own.iter().map(String::as_str).chain(known) {
            let mut change = item.clone();
            let members = change.as_object_mut().unwrap();
            if members.remove(field).is_none() {
                members.insert(field.to_owned(), serde_json::json!("4h"));
            }
            let mut plan = as_json(&every);
            plan["changes"] = serde_json::json!([change]);
            let text = serde_json::to_string(&plan).unwrap();
            let reads = read("p", text.as_bytes()).is_ok();
            assert_eq!(validator.is_valid(&plan), reads, "{} with or without {field}", item["action"]);
        }
    }
}

#[test]
fn the_words_of_the_table_are_the_words_of_the_types() {
    for (field, words) in [
        ("kind", IdentityKind::ALL.iter().map(|k| k.name()).collect::<Vec<_>>()),
        ("mode", MODES.iter().map(|m| m.name()).collect()),
        ("sensitivity", SENSITIVITIES.iter().map(|s| s.name()).collect()),
    ] {
        for rule in ACTIONS.iter().flat_map(|case| case.rules).filter(|rule| rule.name == field) {
            if let ValueShape::Words(of_table) = rule.shape {
                assert_eq!(of_table, words, "{field}");
            }
        }
    }
}
