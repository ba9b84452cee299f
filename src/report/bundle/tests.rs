//! Renderings: what is refused, and that hostile names stay within their quotes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::input::entitlement::{Mode, Permission};
use crate::input::place::{Place, Placed};
use crate::plan::model::{AssignmentChange, Lifetime, RoleDefinition, Target};
use crate::snapshot::model::{Assignment, Role};

fn p<T>(value: T) -> Placed<T> {
    Placed::new(value, Place::file("plan.yaml"))
}

fn time() -> Time {
    Time::parse("2030-11-30T00:00:00Z").unwrap()
}

fn snapshot(system: &str, id: &str) -> Snapshot {
    let text = format!(
        r#"{{"version":1,"taken_at":"2030-11-29T00:00:00Z","source":{},"target":{{"system":{},"id":{}}}}}"#,
        Value::from(system),
        Value::from(system),
        Value::from(id)
    );
    serde_json::from_str(&text).unwrap()
}

fn bundle(targets: Vec<SystemTarget>, actions: &[Action]) -> ExportBundle {
    ExportBundle {
        version: 1,
        idempotency_key: "ab".repeat(32).into(),
        exported_at: time(),
        plan: BundlePlan {
            id: "PLAN-1\nDROP ROLE x; --".into(),
            sha256: Digest::of(b""),
            proposer: "agent:a".into(),
            on_behalf_of: None,
            task: None,
            intent: "test".into(),
            expires: time(),
        },
        targets,
        snapshot: BundleSnapshot { sha256: Digest::of(b""), taken_at: time() },
        log: BundleLog { id: "log".into(), heads: Vec::new() },
        changes: actions
            .iter()
            .enumerate()
            .map(|(n, action)| BundleChange {
                id: format!("c{n}\n; DROP ROLE x").into(),
                digest: Digest::of(&[u8::try_from(n).unwrap()]),
                reduces: false,
                change: crate::plan::write::change("c", action, "because"),
                ends_at_latest: Some(time()),
                approved_until: None,
                approvals: Vec::new(),
            })
            .collect(),
        left_out: Vec::new(),
        rollback: Rollback { sha256: None, plan: None, not_restored: Vec::new() },
    }
}

type Rendered = Result<String, Vec<NotExpressible>>;

fn render(
    (before, after): (&Snapshot, &Snapshot),
    actions: &[Action],
    how: fn(&ForExecutor<'_>) -> Rendered,
) -> Rendered {
    let bundle = bundle(before.targets(), actions);
    how(&ForExecutor { bundle: &bundle, actions, before, after })
}

fn sql(actions: &[Action]) -> Rendered {
    let shot = snapshot("postgresql", "7000000000000000001/app");
    render((&shot, &shot), actions, postgresql::render)
}

fn manifests(before: &Snapshot, after: &Snapshot, actions: &[Action]) -> Rendered {
    render((before, after), actions, kubernetes::render)
}

fn to(who: &str, target: Target, scope: Option<&str>) -> AssignmentChange {
    AssignmentChange {
        to: p(who.into()),
        target,
        scope: scope.map(|scope| p(scope.into())),
        mode: Some(p(Mode::Active)),
        lifetime: Some(p(Lifetime::Until(time()))),
        assignment: None,
    }
}

fn role(who: &str, role: &str, scope: Option<&str>) -> AssignmentChange {
    to(who, Target::Role(p(role.into())), scope)
}

#[test]
fn grants_are_written_as_the_importer_names_them() {
    let of = |id: &str, scope: &str| {
        let text = sql(&[Action::Grant(role("user:alice", id, Some(scope)))]).unwrap();
        text.lines().find(|line| line.starts_with("GRANT")).unwrap().to_owned()
    };
    for (id, scope, statement) in [
        ("SELECT ON table:app.orders", "table:app.orders", r#"SELECT ON TABLE "app"."orders" TO "alice""#),
        (
            "SELECT (price) ON table:app.orders",
            "table:app.orders",
            r#"SELECT ("price") ON TABLE "app"."orders" TO "alice""#,
        ),
        (r#"UPDATE ("a ON b") ON table:app."x"#, r#"table:app."x"#, ""),
        (
            r#"UPDATE ("a ON b") ON table:app."x y""#,
            r#"table:app."x y""#,
            r#"UPDATE ("a ON b") ON TABLE "app"."x y" TO "alice""#,
        ),
        (
            "USAGE ON schema:app WITH GRANT OPTION",
            "schema:app",
            r#"USAGE ON SCHEMA "app" TO "alice" WITH GRANT OPTION"#,
        ),
        (
            "EXECUTE ON function:app.f(integer, text[])",
            "function:app.f(integer, text[])",
            r#"EXECUTE ON ROUTINE "app"."f"(integer, text[]) TO "alice""#,
        ),
        (
            "ALTER SYSTEM ON parameter:log_statement",
            "parameter:log_statement",
            r#"ALTER SYSTEM ON PARAMETER "log_statement" TO "alice""#,
        ),
        ("SELECT ON large_object:4242", "large_object:4242", r#"SELECT ON LARGE OBJECT 4242 TO "alice""#),
        (r#"SELECT ON table:app.U&"a\002Ab""#, r#"table:app.U&"a\002Ab""#, r#"SELECT ON TABLE "app"."a*b" TO "alice""#),
    ] {
        if statement.is_empty() {
            assert!(sql(&[Action::Grant(role("user:alice", id, Some(scope)))]).is_err(), "{id}");
        } else {
            assert_eq!(of(id, scope), format!("GRANT {statement};"), "{id}");
        }
    }
}

#[test]
fn what_a_system_cannot_express_is_refused_by_name() {
    let refused = |action: Action| {
        let faults = sql(std::slice::from_ref(&action)).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].change.is_some(), "{action:?}");
    };
    for (id, scope) in [
        ("OWNER ON table:app.orders", Some("table:app.orders")),
        ("SELECT ON FUTURE table IN SCHEMA app BY owner", Some("schema:app")),
        ("predefined:pg_read_all_data", Some("server")),
        ("ADMIN ON role:readers", Some("role:readers")),
        ("SELECT ON table:app.orders", None),
        ("SELECT ON table:app.orders", Some("schema:app")),
        ("SELECT ON table:app.orders; DROP TABLE x", Some("table:app.orders; DROP TABLE x")),
        ("EXECUTE ON function:app.f(int); DROP TABLE x; --)", Some("function:app.f(int); DROP TABLE x; --)")),
        ("FLY ON table:app.orders", Some("table:app.orders")),
        ("ledger-admin", None),
    ] {
        refused(Action::Grant(role("user:alice", id, scope)));
    }
    refused(Action::Grant(role("svc:alice", "CREATEDB", None)));
    refused(Action::DeleteRole(p("CREATEDB".into())));
    let eligible = AssignmentChange { mode: Some(p(Mode::Eligible)), ..role("user:alice", "CREATEDB", None) };
    refused(Action::Grant(eligible));
    let elsewhere = snapshot("postgresql", "no-database");
    let faults = render((&elsewhere, &elsewhere), &[], postgresql::render).unwrap_err();
    assert_eq!(faults[0].change, None);
}

#[test]
fn a_merged_snapshot_is_rendered_for_no_system() {
    let merged = |system: &str, id: &str| {
        let mut shot = snapshot(system, id);
        let target = shot.target.take();
        let part = json!({"source": system, "prefix": format!("{system}:"), "target": target});
        shot.parts = vec![serde_json::from_value(part).unwrap()];
        shot
    };
    let (cluster, database) = (merged("kubernetes", "uid"), merged("postgresql", "7000000000000000001/app"));
    for faults in [
        manifests(&cluster, &cluster, &[]).unwrap_err(),
        render((&database, &database), &[], postgresql::render).unwrap_err(),
    ] {
        assert!(faults[0].why.contains("merges several systems"), "{faults:?}");
    }
}

#[test]
fn a_revoked_subject_leaves_its_binding_and_the_others_stay() {
    let mut before = snapshot("kubernetes", "uid");
    let held = |who: &str| Assignment {
        id: format!("rb:shop/admins#{who}").into(),
        who: who.into(),
        role: Some("clusterrole:admin".into()),
        member_of: None,
        scope: Some("ns:shop".into()),
        mode: Mode::Standing,
        until: None,
        granted_at: None,
        last_used: None,
        task: None,
    };
    before.assignments = vec![held("user:ann"), held("group:ops"), held("sa:shop/ci")];
    let mut after = before.clone();
    after.assignments.remove(0);
    let action = Action::Revoke(AssignmentChange {
        mode: None,
        lifetime: None,
        ..role("user:ann", "clusterrole:admin", Some("ns:shop"))
    });
    let list: Value = serde_json::from_str(&manifests(&before, &after, &[action]).unwrap()).unwrap();
    api_objects(&list.to_string());
    let item = &list["items"][0];
    assert_eq!((&item["kind"], &item["metadata"]["name"]), (&"RoleBinding".into(), &"admins".into()));
    let names: Vec<&str> = item["subjects"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ops", "ci"]);
    assert_eq!(item["roleRef"]["kind"], "ClusterRole");
}

#[test]
fn a_role_is_written_as_rules() {
    let before = snapshot("kubernetes", "uid");
    let mut after = before.clone();
    let mut permissions = vec![
        Permission::allow("get", "core:pods#*"),
        Permission::allow("update", "apps:deployments/scale#web"),
        Permission::allow("get", "url:/healthz"),
    ];
    after.roles = vec![Role {
        id: "clusterrole:viewer".into(),
        includes: Vec::new(),
        permissions: permissions.clone(),
        owner: None,
        sensitivity: None,
        kinds: Vec::new(),
        by_resource: false,
        delegated: false,
        system: None,
    }];
    let definition = RoleDefinition {
        role: p("clusterrole:viewer".into()),
        includes: Vec::new(),
        permissions: permissions.iter().cloned().map(p).collect(),
        owner: None,
        sensitivity: None,
        kinds: Vec::new(),
        by_resource: None,
    };
    let create = Action::CreateRole(definition);
    let list: Value =
        serde_json::from_str(&manifests(&before, &after, std::slice::from_ref(&create)).unwrap()).unwrap();
    assert_eq!(
        list["items"][0]["rules"],
        serde_json::json!([
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
            {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["update"], "resourceNames": ["web"]},
            {"nonResourceURLs": ["/healthz"], "verbs": ["get"]},
        ])
    );
    after.roles[0].permissions[0] = Permission::allow("get", "core:p*ds#*");
    assert!(
        manifests(&before, &after, std::slice::from_ref(&create)).is_err(),
        "the cluster reads this `*` as a letter"
    );
    // A URL has no namespace, so the API server refuses a namespace's role that gives one.
    let mut of_namespace = |urls: bool| {
        permissions.retain(|it| urls || !it.resource.raw().starts_with("url:"));
        (after.roles[0].id, after.roles[0].permissions) = ("role:shop/viewer".into(), permissions.clone());
        let Action::CreateRole(mut definition) = create.clone() else { panic!("no role") };
        definition.role = p("role:shop/viewer".into());
        manifests(&before, &after, &[Action::CreateRole(definition)])
    };
    assert!(of_namespace(true).is_err());
    api_objects(&of_namespace(false).unwrap());
}

/// Checks manifests against the structure of the API: rbac.authorization.k8s.io/v1 and v1 of Kubernetes 1.30. Fields that the
/// API does not have, and names that its validation refuses, fail. Returns the number of objects.
fn api_objects(text: &str) -> usize {
    let list: Value = serde_json::from_str(text).unwrap();
    let object = |value: &Value, required: &[&str], optional: &[&str]| {
        let fields = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
        assert!(required.iter().all(|it| fields.contains_key(*it)), "{required:?} of {value}");
        let known = |it: &String| required.contains(&it.as_str()) || optional.contains(&it.as_str());
        assert!(fields.keys().all(known), "an unknown field: {value}");
    };
    let texts =
        |value: &Value| value.as_array().unwrap().iter().all(Value::is_string) && value != &Value::Array(Vec::new());
    let is_segment = |it: &Value| {
        let name = it.as_str().unwrap();
        !name.is_empty() && name != "." && name != ".." && !name.contains('/') && !name.contains('%')
    };
    let is_dns = |it: &Value| {
        it.as_str().unwrap().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
    };
    let rbac = "rbac.authorization.k8s.io";
    object(&list, &["apiVersion", "kind", "items"], &[]);
    assert_eq!((&list["apiVersion"], &list["kind"]), (&"v1".into(), &"List".into()));
    let items = list["items"].as_array().unwrap();
    for item in items {
        let kind = item["kind"].as_str().unwrap();
        let (group, fields): (&str, &[&str]) = match kind {
            "ServiceAccount" => ("v1", &[]),
            "Role" | "ClusterRole" => ("rbac.authorization.k8s.io/v1", &["rules"]),
            "RoleBinding" | "ClusterRoleBinding" => ("rbac.authorization.k8s.io/v1", &["roleRef", "subjects"]),
            other => panic!("no kind of the API: {other}"),
        };
        object(item, &[&["apiVersion", "kind", "metadata"], fields].concat(), &[]);
        assert_eq!(item["apiVersion"], group);
        let metadata = &item["metadata"];
        let namespaced = !kind.starts_with("Cluster");
        object(metadata, if namespaced { &["name", "namespace"] } else { &["name"] }, &["annotations"]);
        assert!(if kind == "ServiceAccount" { is_dns(&metadata["name"]) } else { is_segment(&metadata["name"]) });
        assert!(!namespaced || is_dns(&metadata["namespace"]));
        assert!(metadata["annotations"].as_object().unwrap().values().all(Value::is_string));
        for rule in item["rules"].as_array().into_iter().flatten() {
            if rule.get("nonResourceURLs").is_some() {
                object(rule, &["nonResourceURLs", "verbs"], &[]);
                assert!(kind == "ClusterRole" && texts(&rule["nonResourceURLs"]));
            } else {
                object(rule, &["apiGroups", "resources", "verbs"], &["resourceNames"]);
                assert!(texts(&rule["apiGroups"]) && texts(&rule["resources"]));
            }
            assert!(texts(&rule["verbs"]));
        }
        for subject in item["subjects"].as_array().into_iter().flatten() {
            if subject["kind"] == "ServiceAccount" {
                object(subject, &["kind", "name", "namespace"], &[]);
                assert!(is_dns(&subject["name"]) && is_dns(&subject["namespace"]));
            } else {
                object(subject, &["apiGroup", "kind", "name"], &[]);
                assert!(subject["apiGroup"] == rbac && ["User", "Group"].contains(&subject["kind"].as_str().unwrap()));
                assert_ne!(subject["name"], "");
            }
        }
        if let Some(role) = item.get("roleRef") {
            object(role, &["apiGroup", "kind", "name"], &[]);
            assert!(role["apiGroup"] == rbac && is_segment(&role["name"]));
            assert!(role["kind"] == "ClusterRole" || namespaced && role["kind"] == "Role");
        }
    }
    items.len()
}

#[test]
fn what_the_api_server_would_refuse_is_refused_by_name() {
    let shot = snapshot("kubernetes", "uid");
    let grant =
        |who: &str, of: &str, scope: Option<&str>| manifests(&shot, &shot, &[Action::Grant(role(who, of, scope))]);
    for (who, of, scope) in [
        ("user:a", "clusterrole:a/b", None),
        ("user:a", "clusterrole:..", None),
        ("user:a", "clusterrole:50%", None),
        ("user:a", "clusterrole:view", Some("ns:Shop")),
        ("user:a", "clusterrole:view", Some("ns:")),
        ("user:", "clusterrole:view", None),
        ("sa:shop/CI", "clusterrole:view", None),
        ("sa:-shop/ci", "clusterrole:view", None),
        ("user:a", "role:shop/", Some("ns:shop")),
    ] {
        assert!(grant(who, of, scope).is_err(), "{who} {of} {scope:?}");
    }
    for (who, of, scope) in [
        ("user:a", "clusterrole:system:node", None),
        ("sa:shop/ci.v2", "clusterrole:view", Some("ns:shop")),
        ("group:ops", "role:shop/viewer", Some("ns:shop")),
    ] {
        assert_eq!(api_objects(&grant(who, of, scope).unwrap()), 1);
    }
    let account = Action::CreateIdentity(
        p("sa:shop/ci".into()),
        p(crate::input::entitlement::IdentityKind::ServiceAccount),
        None,
    );
    assert_eq!(api_objects(&manifests(&shot, &shot, &[account]).unwrap()), 1);
}

/// Splits SQL into tokens outside of quotes and comments; what is quoted is one token.
fn bare_words(script: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut rest = script.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' | '\'' => loop {
                match rest.next() {
                    Some(q) if q == c && rest.peek() == Some(&c) => {
                        rest.next();
                    }
                    Some(q) if q == c => break,
                    Some(_) => {}
                    None => panic!("a quote is open at the end"),
                }
            },
            '-' if rest.peek() == Some(&'-') => while rest.next_if(|c| *c != '\n').is_some() {},
            c if c.is_alphanumeric() || c == '_' => words.last_mut().unwrap().push(c),
            _ => words.push(String::new()),
        }
    }
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "[\\PC\u{1}-\u{7f}\u{200b}\u{202e}\u{e0041}]{1,8}",
        "(\"|'|;|\\\\|--|/\\*|\\$\\$|\n|U&|:x|DROP ROLE x| ){1,6}",
    ]
}

/// A name as ids write it, by the rule of the importer.
fn id_name(name: &str) -> String {
    crate::snapshot::import::postgresql::names::quoted(name)
}

proptest! {
    #[test]
    fn no_name_leaves_its_quotes_in_sql(who in hostile(), schema in hostile(), table in hostile(), database in hostile()) {
        let on = format!("table:{}.{}", id_name(&schema), id_name(&table));
        let subject = format!("user:{}", id_name(&who));
        let actions = [
            Action::CreateIdentity(p(format!("user:{}", id_name(&format!("{who}2"))).into()), p(crate::input::entitlement::IdentityKind::Human), None),
            Action::Grant(role(&subject, &format!("SELECT ON {on}"), Some(&on))),
            Action::Grant(to(&subject, Target::MemberOf(p(format!("role:{}", id_name(&schema)).into())), None)),
            Action::Revoke(role(&subject, &format!("INSERT ON {on}"), Some(&on))),
        ];
        let shot = snapshot("postgresql", &format!("7/{}", id_name(&database)));
        let script = render((&shot, &shot), &actions, postgresql::render);
        prop_assert!(script.is_ok(), "{script:?}");
        let script = script.unwrap();
        let plain = sql(&[
            Action::CreateIdentity(p("user:b".into()), p(crate::input::entitlement::IdentityKind::Human), None),
            Action::Grant(role("user:a", "SELECT ON table:s.t", Some("table:s.t"))),
            Action::Grant(to("user:a", Target::MemberOf(p("role:s".into())), None)),
            Action::Revoke(role("user:a", "INSERT ON table:s.t", Some("table:s.t"))),
        ]).unwrap();
        let without_escapes = |words: Vec<String>| -> Vec<String> {
            words.into_iter().filter(|word| word != "U").collect()
        };
        prop_assert_eq!(without_escapes(bare_words(&script)), without_escapes(bare_words(&plain)), "{}", script);
        prop_assert!(!script.chars().any(|c| crate::input::text::is_hidden(c) && c != '\n'), "{script:?}");
    }

    #[test]
    fn no_name_leaves_its_string_in_manifests(who in hostile(), name in hostile(), namespace in "[a-z]{1,6}") {
        let shot = snapshot("kubernetes", "uid");
        let scope = format!("ns:{namespace}");
        let action = Action::Grant(role(&format!("user:{who}"), &format!("clusterrole:{name}"), Some(&scope)));
        let text = manifests(&shot, &shot, &[action]);
        let is_segment = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '%']);
        prop_assert_eq!(text.is_ok(), is_segment && !who.is_empty(), "{:?}", text);
        let Ok(text) = text else { return Ok(()) };
        api_objects(&text);
        prop_assert!(!text.chars().any(|c| crate::input::text::is_hidden(c) && c != '\n'), "{text:?}");
        let list: Value = serde_json::from_str(&text).unwrap();
        let items = list["items"].as_array().unwrap();
        prop_assert_eq!(items.len(), 1);
        prop_assert_eq!(&items[0]["subjects"][0]["name"], &Value::from(who));
        prop_assert_eq!(&items[0]["roleRef"]["name"], &Value::from(name));
        prop_assert_eq!(&items[0]["metadata"]["namespace"], &Value::from(namespace));
    }
}
