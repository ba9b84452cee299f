//! PostgreSQL imports: what becomes what, and what no input may do.

use std::path::Path;

use super::*;
use crate::input::text::Text;
use crate::snapshot::import::{ExportFile, ImportOptions};
use crate::snapshot::model::Snapshot;

const HASH: &str = "SCRAM-SHA-256$4096:c2FsdHNhbHQ=$c3RvcmVk:c2VydmVya2V5";
const MD5: &str = "md5a3556571e93b0d20722ba62be61e8c2d";

const DUMP: &str = "--\n-- PostgreSQL database cluster dump\n--\n\nSET client_encoding = 'UTF8';\n\\restrict abc\n\
    CREATE ROLE admins;\nALTER ROLE admins WITH SUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN;\n\
    CREATE ROLE \"a;b\"\"c\";\n\
    ALTER ROLE \"a;b\"\"c\" WITH NOSUPERUSER INHERIT LOGIN CONNECTION LIMIT -1 PASSWORD 'HASH' VALID UNTIL '2030-01-02 03:04:05+00';\n\
    CREATE ROLE quiet;\nALTER ROLE quiet WITH NOINHERIT LOGIN PASSWORD 'HASH';\n\
    ALTER ROLE quiet SET search_path TO 'a', 'b';\nCOMMENT ON ROLE quiet IS 'it''s; GRANT admins TO PUBLIC';\n\
    /* GRANT admins TO quiet; */\nGRANT admins TO \"a;b\"\"c\" WITH ADMIN OPTION GRANTED BY postgres;\n\
    GRANT admins, pg_monitor TO quiet GRANTED BY postgres;\n";

fn at() -> Time {
    Time::parse("2026-01-01T00:00:00Z").unwrap()
}

fn read(text: &str) -> Result<Import, Vec<Finding>> {
    Postgresql.read(&[("f", text.as_bytes())], at())
}

fn dump() -> String {
    DUMP.replacen("HASH", HASH, 1).replacen("HASH", MD5, 1)
}

/// An export of the query, with roles and what else is given.
fn query(version: u32, roles: &[(&str, &str)], memberships: &str, rest: &str) -> String {
    let roles: Vec<String> = roles
        .iter()
        .map(|(name, flags)| {
            let flag = |word: &str| flags.contains(word);
            let name = serde_json::to_string(name).unwrap();
            format!(
                r#"{{"name":{name},"superuser":{},"inherit":{},"createrole":{},"createdb":false,"login":{},"replication":false,"bypassrls":{},"valid_until":null}}"#,
                flag("S"),
                !flag("N"),
                flag("C"),
                flag("L"),
                flag("B")
            )
        })
        .collect();
    let rest = if rest.is_empty() { r#""objects":[],"columns":[],"default_privileges":[]"# } else { rest };
    format!(
        r#"{{"review_export":"postgresql","version":1,"taken_at":"2026-01-01T00:00:00Z","server_version":{version},
        "system_identifier":"7","database":"d","roles":[{}],"memberships":[{memberships}],{rest},
        "not_listed":{{"builtin_objects":0,"owner_only_large_objects":0,"security_definer_functions":0,
        "row_security_policies":0,"user_mappings":0,"subscriptions":0}}}}"#,
        roles.join(",")
    )
}

fn membership(role: &str, member: &str, options: &str) -> String {
    format!(r#"{{"role":"{role}","member":"{member}",{options}}}"#)
}

fn edges(snapshot: &Snapshot) -> (Vec<&str>, Vec<(&str, &str)>) {
    let groups = snapshot.assignments.iter().filter(|a| a.member_of.is_some()).map(|a| a.id.as_str()).collect();
    (groups, snapshot.trusts.iter().map(|t| (t.id.as_str(), t.via.raw())).collect())
}

fn holds(snapshot: &Snapshot, who: &str, role: &str) -> bool {
    snapshot.assignments.iter().any(|a| a.who.raw() == who && a.role.as_ref().is_some_and(|r| r.as_str() == role))
}

#[test]
fn a_dump_gives_roles_and_memberships_and_says_what_it_lacks() {
    let import = read(&dump()).unwrap();
    let s = &import.snapshot;
    let logins: Vec<&str> = s.identities.iter().map(|i| i.id.as_str()).collect();
    assert_eq!(logins, ["user:\"a;b\"\"c\"", "user:quiet"]);
    let (groups, trusts) = edges(s);
    assert_eq!(groups, ["user:\"a;b\"\"c\"#role:admins"]);
    assert_eq!(trusts, [("user:quiet#role:admins", "set-role"), ("user:quiet#role:pg_monitor", "set-role")]);
    assert!(holds(s, "user:\"a;b\"\"c\"", "ADMIN ON role:admins") && !holds(s, "user:quiet", "ADMIN ON role:admins"));
    assert!(holds(s, "role:admins", "SUPERUSER"));
    let credentials: Vec<_> = s.credentials.iter().map(|c| (c.id.as_str(), c.until.map(|t| t.to_string()))).collect();
    let until = Some("2030-01-02T03:04:05Z".to_owned());
    assert_eq!(credentials, [("password:\"a;b\"\"c\"", until), ("password:quiet", None)]);
    let warned = import
        .findings
        .iter()
        .any(|f| f.severity == Severity::Warning && f.message.raw().contains("grants on objects"));
    assert!(warned && s.target.is_none(), "{:?}", import.findings);
    let bytes = crate::snapshot::write(s).unwrap();
    assert_eq!(crate::snapshot::read("s", &bytes).unwrap(), (s.clone(), Vec::new()), "it reads back without a finding");
}

#[test]
fn no_password_hash_is_in_a_model_a_message_or_an_excerpt() {
    let whole = dump();
    for cut in (0..whole.len()).step_by(7).chain([whole.len()]) {
        let text = whole.get(..cut).unwrap();
        for text in
            [text.to_owned(), text.replace("PASSWORD", "PASSPHRASE"), text.replace('\'', "\""), format!("{text};;x y")]
        {
            let shown = match read(&text) {
                Ok(import) => format!("{:?}{:?}", import.snapshot, import.findings),
                Err(findings) => format!("{findings:?}"),
            };
            let excerpts = redacted(&text);
            for secret in ["c3RvcmVk", "c2VydmVya2V5", "a3556571e93b0d20722ba62be61e8c2d"] {
                assert!(!shown.contains(secret) && !excerpts.contains(secret), "{cut}: {shown}");
            }
        }
    }
}

#[test]
fn a_value_that_does_not_belong_into_a_document_is_not_quoted() {
    for text in [
        query(150_000, &[], "", "").replace("\"7\"", &format!("[\"{HASH}\"]")),
        query(150_000, &[], "", "").replace(":150000", &format!(":\"{HASH}\"")),
        query(150_000, &[("a", "")], "", "").replace("\"superuser\":false", &format!("\"superuser\":\"{HASH}\"")),
    ] {
        let findings = read(&text).unwrap_err();
        assert!(!format!("{findings:?}").contains("c3RvcmVk"), "{findings:?}");
        assert_eq!(findings[0].code, Code::WrongType);
    }
    let unknown = query(150_000, &[("a", "")], "", "").replace("\"superuser\"", "\"password\":\"x\",\"superuser\"");
    assert!(read(&unknown).unwrap_err()[0].message.raw().contains("unknown field `password`"));
    let other = query(150_000, &[], "", "").replace("\"version\":1", "\"version\":2");
    assert_eq!(read(&other).unwrap_err()[0].code, Code::UnsupportedVersion);
}

#[test]
fn the_options_of_a_membership_decide_what_it_is() {
    let roles = [("g", ""), ("l", "L"), ("m", "L"), ("n", "LN")];
    let of = |version: u32, role: &str, member: &str, options: &str| {
        let import = read(&query(version, &roles, &membership(role, member, options), "")).unwrap();
        let (groups, trusts) = edges(&import.snapshot);
        let admin = import.snapshot.assignments.iter().any(|a| a.id.as_str().contains("ADMIN ON"));
        let via = trusts.first().map(|(_, via)| (*via).to_owned());
        (groups.len(), via, admin)
    };
    let old = r#""admin":false,"inherit":null,"set":null"#;
    let new = |admin: bool, inherit: bool, set: bool| format!(r#""admin":{admin},"inherit":{inherit},"set":{set}"#);
    let (inherit, set) = (Some("inherit".to_owned()), Some("set-role".to_owned()));
    assert_eq!(of(150_000, "g", "m", old), (1, None, false), "the member inherits");
    assert_eq!(of(150_000, "g", "n", old), (0, set.clone(), false), "the member is NOINHERIT");
    assert_eq!(of(150_000, "l", "m", old), (0, inherit, false), "a login is no group");
    assert_eq!(of(160_000, "g", "n", &new(false, true, false)), (1, None, false), "the option, not the attribute");
    assert_eq!(of(160_000, "g", "m", &new(false, false, true)), (0, set, false));
    assert_eq!(of(160_000, "g", "m", &new(true, false, false)), (0, None, true), "only the right to grant it");
}

#[test]
fn createrole_administers_every_role_before_version_16() {
    let of = |version: u32| read(&query(version, &[("a", "LC")], "", "")).unwrap().snapshot;
    let permissions = |s: &Snapshot| s.roles.iter().find(|r| r.id.as_str() == "CREATEROLE").unwrap().permissions.len();
    assert_eq!((permissions(&of(159_999)), permissions(&of(160_000))), (2, 1));
}

#[test]
fn objects_have_owners_and_grants_under_the_conditions_that_restrict_them() {
    let rest = r#""objects":[{"kind":"table","schema":"s","name":"t","arguments":null,"owner":"o","row_security":"on",
        "grants":[{"to":null,"privilege":"SELECT","grantable":false},{"to":"g","privilege":"UPDATE","grantable":true},
                  {"to":"g","privilege":"TRUNCATE","grantable":false},{"to":"gone","privilege":"SELECT","grantable":false}]}],
        "columns":[{"schema":"s","table":"t","name":"A b","row_security":true,
        "grants":[{"to":"g","privilege":"SELECT","grantable":false}]}],
        "default_privileges":[{"creator":"o","schema":null,"kind":"table","grants":[{"to":"g","privilege":"INSERT","grantable":false}]}]"#;
    let import = read(&query(170_000, &[("g", ""), ("o", "L")], "", rest)).unwrap();
    let s = &import.snapshot;
    for (who, role) in [
        ("role:public", "SELECT ON table:s.t"),
        ("role:g", "UPDATE ON table:s.t WITH GRANT OPTION"),
        ("role:g", "SELECT (\"A b\") ON table:s.t"),
        ("role:g", "INSERT ON FUTURE table BY o"),
        ("role:gone", "SELECT ON table:s.t"),
        ("user:o", "OWNER ON table:s.t"),
    ] {
        assert!(holds(s, who, role), "{who} {role}: {:?}", s.assignments);
    }
    let conditions = |role: &str| -> Vec<(String, Option<&str>)> {
        let role = s.roles.iter().find(|r| r.id.as_str() == role).unwrap();
        role.permissions.iter().map(|p| (p.action.raw().to_owned(), p.condition.as_ref().map(Text::raw))).collect()
    };
    let rows = Some(objects::ROW_SECURITY);
    assert_eq!(conditions("SELECT ON table:s.t"), [("SELECT".to_owned(), rows)]);
    assert_eq!(conditions("TRUNCATE ON table:s.t"), [("TRUNCATE".to_owned(), None)]);
    let both = format!("only the column \"A b\", and {}", objects::ROW_SECURITY);
    assert_eq!(conditions("SELECT (\"A b\") ON table:s.t"), [("SELECT".to_owned(), Some(both.as_str()))]);
    let owned = conditions("OWNER ON table:s.t");
    assert_eq!(owned.len(), 17, "eight privileges, each with its grant option, and OWNER");
    assert!(owned.iter().all(|(_, condition)| condition.is_none()), "row security does not bind the owner");
    let table = s.resources.iter().find(|r| r.id.as_str() == "table:s.t").unwrap();
    assert_eq!(table.parent.as_ref().unwrap().as_str(), "schema:s");
    assert_eq!(table.owner.as_ref().unwrap().as_str(), "user:o");
    assert!(import.findings.iter().any(|f| f.code == Code::DanglingReference && f.message.raw().contains("`gone`")));
    let everybody = s.groups.iter().find(|g| g.id.as_str() == "role:public").unwrap();
    assert!(everybody.public && everybody.implicit == ["user:*"] && everybody.nested.is_empty());
    assert_eq!(s.target.as_ref().unwrap().id.raw(), "7/d");
}

#[test]
fn no_role_can_pose_as_the_group_of_all_roles() {
    let posing = [
        query(1, &[("public", "")], "", ""),
        query(1, &[("a", "")], &membership("public", "a", r#""admin":false,"inherit":null,"set":null"#), ""),
        "CREATE ROLE a;\nGRANT a TO public;\n".to_owned(),
    ];
    for text in posing {
        assert!(read(&text).unwrap_err()[0].message.raw().contains("`public`"), "{text}");
    }
    let other = read(&query(1, &[("PUBLIC", "")], "", "")).unwrap().snapshot;
    assert!(other.groups.iter().any(|group| group.id.as_str() == "role:\"PUBLIC\"" && !group.public));
}

#[test]
fn what_is_no_kind_and_no_privilege_is_refused() {
    let object = |kind: &str, privilege: &str| {
        format!(
            r#""objects":[{{"kind":"{kind}","schema":null,"name":"t","arguments":null,"owner":null,"row_security":"off",
            "grants":[{{"to":null,"privilege":"{privilege}","grantable":false}}]}}],"columns":[],"default_privileges":[]"#
        )
    };
    for (kind, privilege) in
        [("cube", "SELECT"), ("table", "*"), ("table", "select"), ("table", ""), ("table", "SELECT  X")]
    {
        let findings = read(&query(150_000, &[], "", &object(kind, privilege))).unwrap_err();
        assert_eq!(findings[0].code, Code::BadValue, "{kind} {privilege}");
    }
    assert!(read(&query(150_000, &[], "", &object("table", "NEW PRIVILEGE"))).is_ok(), "a later version may have more");
}

#[test]
fn statements_that_could_give_access_and_are_not_understood_are_refused_with_their_line() {
    for (line, statement) in [
        (3, "ALTER ROLE a WITH FLY;"),
        (3, "ALTER ROLE b WITH SUPERUSER;"),
        (3, "CREATE ROLE a;"),
        (3, "GRANT a TO b WITH FLYING OPTION;"),
        (3, "GRANT a TO b CASCADE;"),
        (3, "GRANT a;"),
        (3, "COPY t FROM stdin;"),
        (3, "GRANT a TO 'b"),
        (3, "GRANT a TO b"),
        (3, "COMMENT ON ROLE a IS $x$ never;"),
        (3, "'a' 'b';"),
    ] {
        let findings =
            read(&format!("-- PostgreSQL database cluster dump\nCREATE ROLE a;\n{statement}\n")).unwrap_err();
        assert_eq!(findings[0].place.as_ref().unwrap().line, line, "{statement}: {findings:?}");
    }
    let more = "CREATE ROLE a;\nGRANT SELECT ON t TO a;\nCREATE TABLESPACE x OWNER a LOCATION '/x';\n";
    let findings = read(more).unwrap().findings;
    let said = |text: &str| findings.iter().any(|f| f.message.raw().contains(text));
    assert!(said("1 grants on tablespaces") && said("1 statements `CREATE TABLESPACE`"), "{findings:?}");
}

#[test]
fn each_form_is_recognised_and_near_ones_are_named() {
    let recognition = |text: &str| Postgresql.recognise(&Probe::of(text));
    assert_eq!(recognition(&dump()), Recognition::Yes);
    assert_eq!(recognition(&query(1, &[], "", "")), Recognition::Yes);
    assert_eq!(recognition(&format!("[{}]", query(1, &[], "", ""))), Recognition::Yes);
    assert!(matches!(recognition(r#"[{"rolname": "a"}]"#), Recognition::Near(_)));
    assert!(matches!(recognition("--\n-- PostgreSQL database dump\n--\n"), Recognition::Near(_)));
    assert_eq!(recognition(r#"{"kind": "List"}"#), Recognition::No);
}

#[test]
fn the_export_states_when_it_was_taken_and_a_dump_only_if_it_is_verbose() {
    let told = |text: &str| Postgresql.taken_at(&Probe::of(text)).map(|time| time.to_string());
    assert_eq!(told(&query(1, &[], "", "")).as_deref(), Some("2026-01-01T00:00:00Z"));
    assert_eq!(told("-- Started on 2026-02-03 04:05:06 UTC\nCREATE ROLE a;").as_deref(), Some("2026-02-03T04:05:06Z"));
    assert_eq!(told("-- Started on 2026-02-03 04:05:06 CET\n"), None);
    let mut files = [ExportFile { name: "f".into(), bytes: dump().into_bytes(), modified: at() }];
    let findings = crate::snapshot::import::import(&mut files, ImportOptions::default()).unwrap_err();
    assert!(findings[0].help.as_ref().unwrap().raw().contains("--taken-at"), "{findings:?}");
    let mut files = [ExportFile { name: "f".into(), bytes: query(1, &[], "", "").into_bytes(), modified: at() }];
    let stated = ImportOptions { taken_at: Some(Time::from_unix(0)), ..ImportOptions::default() };
    assert!(crate::snapshot::import::import(&mut files, stated).unwrap_err()[0].message.raw().contains("not at"));
}

/// The dumps of real servers, which are no part of this project.
fn real(name: &str) -> Option<Import> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/postgresql").join(name);
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("the dumps of real servers are absent, so nothing was tested");
        return None;
    };
    let import = read(&text).unwrap();
    let model = format!("{:?}{:?}", import.snapshot, import.findings);
    for literal in text.split('\'').filter(|part| part.starts_with("md5") || part.starts_with("SCRAM")) {
        assert!(!model.contains(literal) && !redacted(&text).contains(literal), "a password hash is shown");
    }
    Some(import)
}

#[test]
fn the_dump_of_a_managed_server_has_the_counts_of_the_index() {
    let Some(import) = real("rds-globals.sql") else { return };
    let count = |what: &str| import.counts.get(what).copied();
    assert_eq!((count("roles"), count("memberships"), count("admin_options")), (Some(8), Some(5), Some(4)));
    let (groups, _) = edges(&import.snapshot);
    assert!(groups.contains(&"user:\"UpCHB6aPJ9VVRBsn\"#role:rds_superuser"), "{groups:?}");
}

#[test]
fn the_dump_of_a_server_with_passwords_has_the_counts_of_the_index() {
    let Some(import) = real("smartmet-globals.sql") else { return };
    let count = |what: &str| import.counts.get(what).copied();
    assert_eq!((count("roles"), count("superusers"), count("memberships")), (Some(9), Some(3), Some(0)));
    assert_eq!(import.snapshot.credentials.len(), 7);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]

    #[test]
    fn hostile_names_give_a_snapshot_that_reads_back(
        names in proptest::collection::btree_set("[\\PC\\x01-\\x7f\u{200b}\u{202e}]{1,8}|[a\"U&.*#:\\\\ ]{1,5}", 1..8),
        flags in "[SNCLB]{0,3}",
    ) {
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        let roles: Vec<(&str, &str)> = all.iter().map(|name| (*name, flags.as_str())).collect();
        let quoted = |name: &str| serde_json::to_string(name).unwrap();
        let edges: Vec<String> = all.iter().zip(all.iter().skip(1))
            .map(|(a, b)| format!(r#"{{"role":{},"member":{},"admin":true,"inherit":null,"set":null}}"#, quoted(a), quoted(b)))
            .collect();
        let objects: Vec<String> = all.iter().map(|name| {
            let name = quoted(name);
            format!(r#"{{"kind":"function","schema":{name},"name":{name},"arguments":{name},"owner":{name},"row_security":"off",
                "grants":[{{"to":{name},"privilege":"EXECUTE","grantable":true}}]}}"#)
        }).collect();
        let rest = format!(r#""objects":[{}],"columns":[],"default_privileges":[]"#, objects.join(","));
        let import = read(&query(160_000, &roles, &edges.join(","), &rest)).unwrap();
        let subjects = import.snapshot.identities.len() + import.snapshot.groups.len();
        proptest::prop_assert_eq!(subjects, all.len() + 1);
        let bytes = crate::snapshot::write(&import.snapshot).unwrap();
        let (again, findings) = crate::snapshot::read("s", &bytes).unwrap();
        proptest::prop_assert!(findings.is_empty(), "{:?}", findings);
        proptest::prop_assert_eq!(again, import.snapshot);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(CREATE|ALTER|GRANT|ROLE|TO|WITH|PASSWORD|a|;|'|\"|\\$|\\$x\\$|E'|/\\*|\\*/|--|\n| |é|,|\\\\){0,40}", bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = read(&text);
        let _ = read(&format!("{{{text}"));
        let _ = Postgresql.read(&[("f", &bytes)], at());
    }
}
