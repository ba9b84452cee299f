//! A real PostgreSQL server: the query runs, and what `review access` answers is what the server itself says.
//!
//! Where no server is installed, the tests say so and pass.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::postgresql::{Server, installed};
use serde_json::Value;

const SETUP: &str = r#"
CREATE ROLE readers; CREATE ROLE writers; CREATE ROLE owners; CREATE ROLE boss SUPERUSER; CREATE ROLE "Odd.""Group*";
CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN NOINHERIT; CREATE ROLE "Carol X" LOGIN;
CREATE ROLE app LOGIN PASSWORD 'secret-of-app' VALID UNTIL '2030-01-01 00:00:00+00';
CREATE ROLE dba LOGIN CREATEROLE CREATEDB; CREATE ROLE root LOGIN SUPERUSER; CREATE ROLE lonely LOGIN;
CREATE ROLE copier LOGIN REPLICATION BYPASSRLS;
GRANT readers TO alice; GRANT writers TO bob WITH ADMIN OPTION; GRANT readers TO writers; GRANT app TO "Carol X";
GRANT boss TO dba; GRANT owners TO app; GRANT pg_read_all_data TO "Odd.""Group*"; GRANT "Odd.""Group*" TO bob;
GRANT pg_write_all_data TO copier;
CREATE SCHEMA app AUTHORIZATION owners;
CREATE SCHEMA "Quoted.Schema";
CREATE TABLE app.orders (id int, price int); ALTER TABLE app.orders OWNER TO owners;
CREATE TABLE app."We.ird* ""table""" (x int);
CREATE TABLE public.t (x int, y int); ALTER TABLE public.t ENABLE ROW LEVEL SECURITY;
CREATE TABLE public.forced (x int); ALTER TABLE public.forced ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.forced FORCE ROW LEVEL SECURITY; ALTER TABLE public.forced OWNER TO alice;
CREATE TABLE "Quoted.Schema".nobody (x int);
CREATE VIEW app.v AS SELECT 1 AS one;
CREATE SEQUENCE app.s;
CREATE FUNCTION app.f(a int, b text) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'select 1';
REVOKE EXECUTE ON FUNCTION app.f FROM PUBLIC; GRANT EXECUTE ON FUNCTION app.f TO writers;
CREATE FUNCTION app.everybody() RETURNS int LANGUAGE sql AS 'select 1';
GRANT USAGE ON SCHEMA app TO readers; GRANT CREATE ON SCHEMA "Quoted.Schema" TO writers;
GRANT SELECT ON app.orders TO readers WITH GRANT OPTION; GRANT INSERT, UPDATE ON app.orders TO writers;
GRANT SELECT ON public.t TO PUBLIC; GRANT ALL ON public.t TO "Carol X"; GRANT SELECT ON app.v TO lonely;
GRANT SELECT (x), UPDATE (x) ON app."We.ird* ""table""" TO alice;
GRANT USAGE ON SEQUENCE app.s TO writers;
GRANT SELECT ON pg_authid TO lonely; GRANT EXECUTE ON FUNCTION pg_read_file(text) TO lonely;
ALTER DEFAULT PRIVILEGES FOR ROLE owners IN SCHEMA app GRANT SELECT ON TABLES TO readers;
ALTER DEFAULT PRIVILEGES FOR ROLE owners GRANT EXECUTE ON FUNCTIONS TO writers;
SELECT lo_create(4242); GRANT SELECT ON LARGE OBJECT 4242 TO alice; SELECT lo_create(4243);
CREATE DATABASE other OWNER app;
"#;

/// Memberships that only version 16 and later have.
const OPTIONS: &str = r"
CREATE ROLE only_set LOGIN; GRANT writers TO only_set WITH INHERIT FALSE, SET TRUE;
CREATE ROLE only_inherit LOGIN; GRANT readers TO only_inherit WITH INHERIT TRUE, SET FALSE;
CREATE ROLE only_admin LOGIN; GRANT writers TO only_admin WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
";

/// A folder with what the query wrote, imported.
struct Imported {
    server: Server,
    version: u32,
    folder: tempfile::TempDir,
}

impl Imported {
    fn new(programs: &Path) -> Self {
        let server = Server::start(programs);
        server.psql("postgres", "postgres", SETUP);
        let version = server.psql("postgres", "postgres", "SHOW server_version_num").trim().parse().unwrap();
        if version >= 150_000 {
            server.psql("postgres", "postgres", "GRANT SET, ALTER SYSTEM ON PARAMETER log_statement TO writers");
        }
        if version >= 160_000 {
            server.psql("postgres", "postgres", OPTIONS);
        }
        let imported = Self { server, version, folder: tempfile::tempdir().unwrap() };
        // A role without any right can run the query.
        let export = imported.server.psql("alice", "postgres", &imported.review(&["snapshot", "query", "postgresql"]));
        fs::write(imported.folder.path().join("export.json"), export).unwrap();
        imported.review(&["snapshot", "import", "export.json", "-o", "snapshot.json"]);
        imported
    }

    fn review(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_review"));
        let output = command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.review(&[arguments, &["--format", "json"]].concat())).unwrap()
    }

    /// Who can, with the word of the answer; and who can without `SET ROLE`.
    fn who(&self, action: &str, resource: &str) -> (BTreeMap<String, String>, BTreeSet<String>) {
        let report = self.json(&["access", "--snapshot", "snapshot.json", "--all", "--who", action, resource]);
        let answers = report["access"]["answers"].as_array().unwrap();
        let trusts = fs::read_to_string(self.folder.path().join("snapshot.json")).unwrap();
        let trusts: Value = serde_json::from_str(&trusts).unwrap();
        let inherits = |trust: &Value| {
            let known = trusts["trusts"].as_array().unwrap().iter().find(|t| t["id"] == *trust).unwrap();
            known["via"] == "inherit"
        };
        let held = |answer: &Value| {
            let steps = |way: &Value| {
                way["path"].as_array().unwrap().iter().all(|s| s["step"] != "acts_as" || inherits(&s["trust"]))
            };
            answer["ways"].as_array().unwrap().iter().any(steps)
        };
        let name = |answer: &Value| answer["who"].as_str().unwrap().to_owned();
        let all = answers.iter().map(|a| (name(a), a["answer"].as_str().unwrap().to_owned())).collect();
        (all, answers.iter().filter(|a| held(a)).map(name).collect())
    }

    /// Runs a query of pairs: an id, and the subjects for which it holds. The ids are made by `quote`, the SQL of which is
    /// the same rule as that of ids.
    fn server_says(&self, query: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in self.server.psql("postgres", "postgres", &format!("{ID}\n{query}")).lines() {
            let (what, who) = line.split_once('\t').unwrap_or_else(|| panic!("{line}"));
            let subjects = out.entry(what.to_owned()).or_default();
            if !who.is_empty() {
                subjects.insert(who.to_owned());
            }
        }
        out
    }

    /// By which word of `pg_has_role` one role can become another.
    fn becomes(&self) -> &'static str {
        if self.version >= 160_000 {
            "pg_has_role(w.oid, r.oid, 'SET') OR pg_has_role(w.oid, r.oid, 'USAGE')"
        } else {
            "pg_has_role(w.oid, r.oid, 'MEMBER')"
        }
    }
}

/// Ids as the importer writes them, by the server.
const ID: &str = r#"
\pset fieldsep '\t'
CREATE FUNCTION pg_temp.id(name text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN name ~ '^[a-z_][a-z0-9_$]*$' THEN name
              WHEN name ~ '[*?\\]' THEN 'U&"' || replace(replace(name, '"', '""'), '*', '\002A') || '"'
              ELSE '"' || replace(name, '"', '""') || '"' END $$;
CREATE VIEW pg_temp.subject AS
  SELECT oid, rolname, rolsuper, CASE WHEN rolcanlogin THEN 'user:' ELSE 'role:' END || pg_temp.id(rolname) AS id FROM pg_roles;
"#;

/// Of each pair of a role and an object, whether some role that it can become has the privilege.
fn pairs(kinds: &str, has: &str, becomes: &str) -> String {
    format!(
        "SELECT o.privilege || ' ' || o.id, coalesce(w.id, '') FROM ({kinds}) o LEFT JOIN pg_temp.subject w
         ON EXISTS (SELECT FROM pg_temp.subject r WHERE ({becomes}) AND {has});"
    )
}

const TABLES: &str = "SELECT c.oid, p.privilege, c.relrowsecurity, 'table:' || pg_temp.id(n.nspname) || '.' || pg_temp.id(c.relname) AS id
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
    unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p(privilege)
  WHERE c.relkind IN ('r', 'v') AND (n.nspname IN ('app', 'public', 'Quoted.Schema') OR c.relname = 'pg_authid')";
const SCHEMAS: &str = "SELECT n.oid, p.privilege, 'schema:' || pg_temp.id(n.nspname) AS id FROM pg_namespace n,
    unnest('{USAGE,CREATE}'::text[]) p(privilege) WHERE n.nspname IN ('app', 'public', 'Quoted.Schema')";
const OTHERS: &str = "SELECT 'EXECUTE' AS privilege, f.oid, 'function:app.' || f.proname || '(' || oidvectortypes(f.proargtypes) || ')' AS id,
    'has_function_privilege' AS has FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE n.nspname = 'app'";
const SEQUENCES: &str = "SELECT p.privilege, c.oid, 'sequence:app.s' AS id FROM pg_class c, unnest('{USAGE,SELECT,UPDATE}'::text[]) p(privilege)
    WHERE c.oid = 'app.s'::regclass";
const DATABASES: &str = "SELECT p.privilege, d.oid, 'database:' || pg_temp.id(d.datname) AS id FROM pg_database d,
    unnest('{CONNECT,CREATE,TEMPORARY}'::text[]) p(privilege)";

fn compare(imported: &Imported, said: BTreeMap<String, BTreeSet<String>>) -> usize {
    let mut pairs = 0;
    for (what, expected) in said {
        let (action, resource) = what.split_once(' ').unwrap();
        // The server refuses changes of its catalogs to all but superusers, which the snapshot overstates.
        if resource == "table:pg_catalog.pg_authid" && ["INSERT", "UPDATE", "DELETE"].contains(&action) {
            continue;
        }
        let (answers, _) = imported.who(action, resource);
        let mut can: BTreeSet<String> = answers.into_keys().collect();
        if can.remove("role:public") {
            // What everyone has is not listed for groups: their members have it themselves.
            can.extend(expected.iter().filter(|who| who.starts_with("role:")).cloned());
        }
        assert_eq!(can, expected, "version {}: {what}", imported.version);
        pairs += expected.len().max(1);
    }
    pairs
}

#[test]
fn access_is_what_the_server_says_for_every_pair() {
    for programs in installed() {
        let imported = Imported::new(&programs);
        let becomes = imported.becomes();
        let any_column = "(has_table_privilege(r.oid, o.oid, o.privilege) OR o.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
             AND has_any_column_privilege(r.oid, o.oid, o.privilege))";
        let mut count = 0;
        for (kinds, has) in [
            (TABLES, any_column),
            (SCHEMAS, "has_schema_privilege(r.oid, o.oid, o.privilege)"),
            (OTHERS, "has_function_privilege(r.oid, o.oid, o.privilege)"),
            (SEQUENCES, "has_sequence_privilege(r.oid, o.oid, o.privilege)"),
            (DATABASES, "has_database_privilege(r.oid, o.oid, o.privilege)"),
        ] {
            count += compare(&imported, imported.server_says(&pairs(kinds, has, becomes)));
        }
        assert!(count > 300, "{count} pairs");
        // Without a condition exactly where the whole table is granted, and no row security restricts it.
        let has = "has_table_privilege(r.oid, o.oid, o.privilege)";
        for (what, expected) in imported.server_says(&pairs(TABLES, has, becomes)) {
            let (action, resource) = what.split_once(' ').unwrap();
            let (answers, _) = imported.who(action, resource);
            if resource == "table:pg_catalog.pg_authid" && action != "SELECT" {
                continue;
            }
            let is_restricted = (resource == "table:public.t" || resource == "table:public.forced")
                && ["SELECT", "INSERT", "UPDATE", "DELETE"].contains(&action);
            for (who, answer) in answers.iter().filter(|(who, _)| *who != "role:public") {
                assert!(is_restricted || (answer == "yes") == expected.contains(who), "{who} {what}: {answer}");
                assert!(answer != "yes" || expected.contains(who), "{who} {what}: {answer}");
            }
        }
    }
}

#[test]
fn who_can_act_as_a_role_is_what_the_server_says() {
    for programs in installed() {
        let imported = Imported::new(&programs);
        let roles = "SELECT 'MEMBER' AS privilege, oid, 'role:' || pg_temp.id(rolname) AS id FROM pg_roles";
        let of = |has: &str| {
            format!(
                "SELECT r.privilege || ' ' || r.id, coalesce(w.id, '') FROM ({roles}) r
                 LEFT JOIN pg_temp.subject w ON {has};"
            )
        };
        // A member of a superuser can become it, and then any role.
        let superuser = imported.becomes().replace("r.oid", "s.oid");
        let becomes =
            format!("({} OR EXISTS (SELECT FROM pg_roles s WHERE s.rolsuper AND ({superuser})))", imported.becomes());
        assert!(compare(&imported, imported.server_says(&of(&becomes))) > 60);
        // Superusers inherit nothing by their attribute: it is a permission on everything. `boss` gives it to `dba`.
        for (what, expected) in imported.server_says(&of("pg_has_role(w.oid, r.oid, 'USAGE')")) {
            let (action, resource) = what.split_once(' ').unwrap();
            let (_, mut held) = imported.who(action, resource);
            held.remove("role:public");
            held.remove("user:dba");
            assert_eq!(held, expected.into_iter().filter(|who| who != "user:dba").collect(), "{what}");
        }
        let admins = "SELECT 'ADMIN ' || 'role:' || pg_temp.id(g.rolname), w.id FROM pg_auth_members m
            JOIN pg_roles g ON g.oid = m.roleid JOIN pg_temp.subject w ON w.oid = m.member WHERE m.admin_option;";
        for (what, expected) in imported.server_says(admins) {
            let (action, resource) = what.split_once(' ').unwrap();
            let (answers, _) = imported.who(action, resource);
            assert!(expected.iter().all(|who| answers.contains_key(who)), "{what}: {answers:?}");
            assert!(!answers.contains_key("user:lonely") && !answers.contains_key("user:alice"), "{what}: {answers:?}");
        }
    }
}

#[test]
fn what_was_granted_on_objects_of_the_system_and_by_default_is_not_lost() {
    for programs in installed() {
        let imported = Imported::new(&programs);
        let only = |action: &str, resource: &str| {
            let (answers, _) = imported.who(action, resource);
            let all_powerful = ["role:boss", "user:dba", "user:postgres", "user:root"];
            answers.into_keys().filter(|who| !all_powerful.contains(&who.as_str())).collect::<Vec<_>>()
        };
        assert_eq!(only("EXECUTE", "function:pg_catalog.pg_read_file(text)"), ["user:lonely"]);
        assert_eq!(only("SELECT", "large_object:4242"), ["user:alice"]);
        let readers = only("SELECT", "future:table:app.*");
        assert!(["role:readers", "user:alice"].iter().all(|who| readers.contains(&(*who).to_owned())), "{readers:?}");
        assert!(only("EXECUTE", "future:function:*").contains(&"role:writers".to_owned()));
        if imported.version >= 150_000 {
            let setters = only("ALTER SYSTEM", "parameter:log_statement");
            assert!(["role:writers", "user:bob"].iter().all(|who| setters.contains(&(*who).to_owned())), "{setters:?}");
            assert!(!setters.contains(&"user:alice".to_owned()), "{setters:?}");
        }
        let text = fs::read_to_string(imported.folder.path().join("snapshot.json")).unwrap();
        let snapshot: Value = serde_json::from_str(&text).unwrap();
        let target = imported.server.psql("postgres", "postgres", "SELECT system_identifier FROM pg_control_system()");
        assert_eq!(snapshot["target"]["id"], format!("{}/postgres", target.trim()));
        assert_eq!(snapshot["credentials"][0]["id"], "password:app");
        assert_eq!(snapshot["credentials"][0]["until"], "2030-01-01T00:00:00Z");
    }
}

#[test]
fn a_dump_of_roles_gives_the_same_memberships_and_no_password() {
    for programs in installed() {
        let imported = Imported::new(&programs);
        let dump = imported.server.dump_globals();
        assert!(dump.contains("PASSWORD 'SCRAM-SHA-256$"), "the dump shows no password to leave out");
        fs::write(imported.folder.path().join("roles.sql"), dump).unwrap();
        let report = imported.review(&[
            "snapshot",
            "import",
            "roles.sql",
            "-o",
            "roles.json",
            "--taken-at",
            "2026-01-01T00:00:00Z",
            "--target",
            "x",
        ]);
        let text = fs::read_to_string(imported.folder.path().join("roles.json")).unwrap();
        assert!(!text.contains("SCRAM") && !report.contains("SCRAM"), "{report}");
        assert!(report.contains("roles and memberships only"), "{report}");
        let (dumped, queried): (Value, Value) = (
            serde_json::from_str(&text).unwrap(),
            serde_json::from_str(&fs::read_to_string(imported.folder.path().join("snapshot.json")).unwrap()).unwrap(),
        );
        assert_eq!(dumped["trusts"], queried["trusts"]);
        assert_eq!(dumped["identities"], queried["identities"]);
        let memberships = |of: &Value| -> Vec<String> {
            let all = of["assignments"].as_array().unwrap().iter();
            let all =
                all.filter(|a| a.get("member_of").is_some() || a["role"].as_str().unwrap().starts_with("ADMIN ON"));
            // Those that initdb makes are in no dump.
            let ids = all.map(|a| a["id"].as_str().unwrap().to_owned());
            ids.filter(|id| !id.starts_with("role:pg_monitor") && !id.ends_with("#role:pg_database_owner")).collect()
        };
        assert_eq!(memberships(&dumped), memberships(&queried));
    }
}
