//! The whole life of access on a real PostgreSQL server: a plan is reviewed, exported, applied by `psql`, confirmed from a later
//! snapshot, found past its end, and revoked by a plan that goes the same way.
//!
//! Where no server is installed, the test says so and passes.

use std::fs;
use std::path::Path;

use crate::support::postgresql::{Server, installed};
use crate::support::{ASSISTANT, Site, expect, in_days, key, seal};
use serde_json::Value;

const SETUP: &str = r#"
CREATE ROLE ada LOGIN; CREATE ROLE bo LOGIN; CREATE ROLE lena LOGIN; CREATE ROLE "Al ice" LOGIN; CREATE ROLE bob LOGIN;
CREATE ROLE readers; CREATE SCHEMA app AUTHORIZATION ada;
CREATE TABLE app."Or ders" (id int); ALTER TABLE app."Or ders" OWNER TO ada;
CREATE DATABASE other; GRANT USAGE ON SCHEMA app TO "Al ice"; GRANT SELECT ON app."Or ders" TO readers; GRANT INSERT ON app."Or ders" TO bob;
"#;

/// The demo's site for a database.
struct Life {
    site: Site,
    server: Server,
}

impl Life {
    fn new(programs: &Path) -> Self {
        let life = Self { site: Site::new(), server: Server::start(programs) };
        life.server.psql("postgres", "postgres", SETUP);
        life.snapshot("snapshot.json");
        life.site.replace("tasks.yaml", "org:corp", "schema:app");
        life.site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/robot"]);
        let robot = format!("robot@ci.example namespaces=\"review-record@v1\" {}\n", life.site.public_key("robot"));
        life.site.append("allowed_signers", &robot);
        life
    }

    fn run(&self, code: i32, arguments: &[&str]) -> String {
        let (found, text) = self.site.run(arguments);
        assert_eq!(found, code, "{arguments:?}: {text}");
        text
    }

    fn json(&self, code: i32, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.run(code, &[arguments, &["--format", "json"]].concat())).unwrap()
    }

    /// Exports the server's state to a snapshot, in a later second than any before: an export says its time in seconds.
    fn snapshot(&self, name: &str) {
        self.server.psql("postgres", "postgres", "SELECT pg_sleep(1.001)");
        let query = self.run(0, &["snapshot", "query", "postgresql"]);
        let export = self.server.psql("lena", "postgres", &query);
        fs::write(self.site.demo().join("export.json"), export).unwrap();
        let _ = fs::remove_file(self.site.demo().join(name));
        self.run(0, &["snapshot", "import", "export.json", "-o", name]);
    }

    /// Approves every change of a plan as a person.
    fn approve(&self, plan: &str, person: &str, changes: usize, code: i32) {
        let mut terminal = self.site.sit(&format!("{plan} --key keys/{person}.pub"));
        for _ in 0..changes {
            let card = terminal.exp_string("? keys").unwrap();
            if card.contains("Before you decide") {
                key(&mut terminal, "g");
                terminal.exp_string("? keys").unwrap();
            }
            key(&mut terminal, "a");
            let (_, asked) = terminal.exp_regex("Type `[^`]*`").unwrap();
            let word = asked.split('`').nth(1).unwrap().to_owned();
            expect(&mut terminal, "Enter: send");
            key(&mut terminal, &format!("{word}\r"));
        }
        seal(&mut terminal, code);
    }

    fn export(&self, plan: &str) -> String {
        let arguments =
            ["export", plan, "--trust", ".", "--key", "keys/robot.pub", "--format", "postgresql", "-o", "do.sql"];
        self.run(0, &arguments);
        fs::read_to_string(self.site.demo().join("do.sql")).unwrap()
    }

    fn confirm(&self, code: i32, plan: &str) -> Value {
        self.snapshot("after.json");
        self.json(code, &["confirm", plan, "--snapshot", "after.json", "--trust", ".", "--key", "keys/robot.pub"])
    }

    fn psql(&self, script: &str) -> String {
        self.server.psql("postgres", "postgres", script)
    }
}

fn results(report: &Value) -> Vec<&str> {
    report["results"].as_array().unwrap().iter().map(|row| row["result"].as_str().unwrap()).collect()
}

#[test]
fn access_is_granted_confirmed_found_overdue_and_revoked() {
    for programs in installed() {
        let life = Life::new(&programs);
        let plan = format!(
            r#"version: 1
id: PLAN-PG-1
proposer: {ASSISTANT}
on_behalf_of: user:lena
task: TASK-881
intent: Al ice looks into wrong orders, and Bob no longer writes them.
expires: {}
changes:
  - {{id: c1, action: grant, to: 'user:"Al ice"', role: 'SELECT ON table:app."Or ders"', scope: 'table:app."Or ders"', mode: active, ttl: 2h, reason: Orders are wrong.}}
  - {{id: c2, action: revoke, to: user:bob, role: 'INSERT ON table:app."Or ders"', scope: 'table:app."Or ders"', reason: Bob left the team.}}
"#,
            in_days(1)
        );
        fs::write(life.site.demo().join("plan.yaml"), plan).unwrap();
        fs::remove_file(life.site.demo().join("plan.yaml.sig")).unwrap();
        life.site.sign("plan.yaml");
        life.approve("plan.yaml", "ada", 1, 0);
        life.run(0, &["gate", "plan.yaml", "--trust", "."]);

        let script = life.export("plan.yaml");
        let revoke = script.find("REVOKE INSERT").unwrap();
        assert!(revoke < script.find("GRANT SELECT").unwrap(), "reductions come first: {script}");
        // A snapshot from before the export says nothing of it.
        let (code, text) = life.site.run(&[
            "confirm",
            "plan.yaml",
            "--snapshot",
            "snapshot.json",
            "--trust",
            ".",
            "--key",
            "keys/robot.pub",
        ]);
        assert!(code == 1 && text.contains("was exported from"), "{text}");
        assert_eq!(results(&life.confirm(5, "plan.yaml")), ["missing", "missing"]);
        life.psql(&script);
        assert_eq!(results(&life.confirm(0, "plan.yaml")), ["applied", "applied"]);

        // More than was approved, for the same identity.
        life.psql("GRANT DELETE ON app.\"Or ders\" TO \"Al ice\"");
        let report = life.confirm(3, "plan.yaml");
        assert_eq!(results(&report), ["beyond", "applied"]);
        assert!(report["beyond"].to_string().contains("DELETE"), "{report:#}");
        life.psql("REVOKE ALL ON app.\"Or ders\" FROM \"Al ice\"");
        assert_eq!(results(&life.confirm(5, "plan.yaml"))[0], "missing");
        life.psql("GRANT SELECT ON app.\"Or ders\" TO \"Al ice\"");
        assert_eq!(results(&life.confirm(0, "plan.yaml")), ["applied", "applied"]);

        // Time passes, and the server keeps no expiry.
        fs::rename(life.site.demo().join("after.json"), life.site.demo().join("snapshot.json")).unwrap();
        assert_eq!(life.json(0, &["due"])["overdue"], Value::Array(Vec::new()));
        let report = life.json(0, &["due", "--at", &in_days(3), "--plan", "due.json"]);
        assert_eq!(report["overdue"][0]["who"], "user:\"Al ice\"");
        assert_eq!(report["overdue"][0]["change"], "c1");
        assert_eq!(report["overdue"].as_array().unwrap().len(), 1, "{report:#}");
        assert_eq!(report["never_confirmed"], Value::Array(Vec::new()));
        life.site.sign("due.json");
        if life.site.run(&["gate", "due.json", "--trust", "."]).0 != 0 {
            life.approve("due.json", "ada", 1, 0);
        }
        life.psql(&life.export("due.json"));
        assert_eq!(results(&life.confirm(0, "due.json")), ["applied"]);
        let held = life.psql("SELECT has_table_privilege('Al ice', 'app.\"Or ders\"', 'SELECT')");
        assert_eq!(held.trim(), "f");
        life.run(0, &["verify", "review-log.jsonl"]);
        let story = life.run(0, &["log", "show", "--change", "c1", "--plan", "PLAN-PG-1"]);
        for word in ["evaluated", "approved", "exported", "done as approved"] {
            assert!(story.contains(word), "{word}: {story}");
        }
    }
}

#[test]
fn a_script_refuses_another_database_and_changes_nothing_there() {
    for programs in installed() {
        let life = Life::new(&programs);

        let plan = format!(
            "version: 1\nid: PLAN-PG-2\nproposer: {ASSISTANT}\non_behalf_of: user:lena\ntask: TASK-881\nintent: Bob left.\nexpires: {}\nchanges:\n  - {{id: c1, action: revoke, to: user:bob, role: 'INSERT ON table:app.\"Or ders\"', scope: 'table:app.\"Or ders\"', reason: Bob left.}}\n",
            in_days(1)
        );
        fs::write(life.site.demo().join("bob.yaml"), plan).unwrap();
        life.site.sign("bob.yaml");
        if life.site.run(&["gate", "bob.yaml", "--trust", "."]).0 != 0 {
            life.approve("bob.yaml", "ada", 1, 0);
        }
        let script = life.export("bob.yaml");
        let said = life.server.fails("postgres", "other", &script);
        assert!(said.contains("another database"), "{said}");
        life.psql("ALTER ROLE bob NOLOGIN");
        let said = life.server.fails("postgres", "postgres", &script);
        assert!(said.contains("its LOGIN changed"), "{said}");
        life.psql("ALTER ROLE bob LOGIN");
        life.psql(&script);
        assert_eq!(results(&life.confirm(0, "bob.yaml")), ["applied"]);
    }
}

/// Names that try to leave their quotes.
const HOSTILE: [&str; 8] = [
    "a\"; DROP ROLE bob; --",
    "O'Brien'; DROP ROLE bob; --",
    "x\\y",
    ":bob $$ /* */",
    "U&\"a",
    "select",
    "st*r?",
    "two\nlines\u{202e}",
];

#[test]
fn hostile_names_arrive_at_the_server_as_they_are() {
    for programs in installed() {
        let life = Life::new(&programs);
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        for name in HOSTILE {
            let name = quoted(name);
            life.psql(&format!(
                "CREATE ROLE {name} LOGIN; CREATE TABLE app.{name} (x int); ALTER TABLE app.{name} OWNER TO ada; GRANT SELECT ON app.{name} TO readers;"
            ));
        }
        life.snapshot("snapshot.json");
        let text = fs::read_to_string(life.site.demo().join("snapshot.json")).unwrap();
        let snapshot: Value = serde_json::from_str(&text).unwrap();
        let changes: Vec<Value> = snapshot["assignments"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["who"] == "role:readers")
            .filter(|it| {
                it["scope"].as_str().is_some_and(|scope| scope.starts_with("table:app.") && !scope.contains("Or ders"))
            })
            .enumerate()
            .map(|(n, it)| {
                let name = it["scope"].as_str().unwrap().strip_prefix("table:app.").unwrap();
                serde_json::json!({
                    "id": format!("c{n}"), "action": "grant", "to": format!("user:{name}"), "role": it["role"],
                    "scope": it["scope"], "mode": "active", "ttl": "1h", "reason": "A name must not end its quotes."
                })
            })
            .collect();
        assert_eq!(changes.len(), HOSTILE.len());
        let plan = serde_json::json!({
            "version": 1, "id": "PLAN-PG-3", "proposer": ASSISTANT, "on_behalf_of": "user:lena", "task": "TASK-881",
            "intent": "Hostile names.", "expires": in_days(1), "changes": changes
        });
        fs::write(life.site.demo().join("hostile.json"), plan.to_string()).unwrap();
        life.site.sign("hostile.json");
        life.run(0, &["gate", "hostile.json", "--trust", "."]);
        let script = life.export("hostile.json");
        life.psql(&script);
        let report = life.confirm(0, "hostile.json");
        assert_eq!(results(&report), vec!["applied"; HOSTILE.len()]);
        assert_eq!(life.psql("SELECT count(*) FROM pg_roles WHERE rolname = 'bob'").trim(), "1");
    }
}
