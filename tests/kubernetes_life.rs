//! The whole life of access in an export of a real cluster: a plan is reviewed, exported as manifests, applied to the export,
//! confirmed, found past its end, and revoked by a plan that goes the same way.
//!
//! The export is not part of this project. Where it is absent, the test says so and passes.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::support::{ASSISTANT, Site, cluster_exports, expect, in_days, key};
use serde_json::Value;

/// The demo's people, with a snapshot of the cluster.
struct Cluster {
    site: Site,
    data: PathBuf,
    /// What executors applied: the last manifest of each object.
    applied: BTreeMap<String, Value>,
}

impl Cluster {
    fn new(data: PathBuf) -> Self {
        let cluster = Self { site: Site::new(), data, applied: BTreeMap::new() };
        let site = &cluster.site;
        cluster.snapshot("snapshot.json");
        let tasks = format!(
            "version: 1\ntasks:\n  - {{id: T1, owner: \"user:lena\", agents: [\"{ASSISTANT}\"], sponsors: [\"user:lena\"], \
             scope: [\"ns:abundant-namespace-dev\"], until: {}, state: open}}\n",
            in_days(9)
        );
        fs::write(site.demo().join("tasks.yaml"), tasks).unwrap();
        let people = fs::read_to_string(site.demo().join("people.yaml")).unwrap();
        fs::write(site.demo().join("people.yaml"), people.replace("groups:\n", "groups:\n  owners: [ada]\n")).unwrap();
        site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/robot"]);
        let robot = format!("robot@ci.example namespaces=\"review-record@v1\" {}\n", site.public_key("robot"));
        site.append("allowed_signers", &robot);
        cluster
    }

    fn run(&self, code: i32, arguments: &[&str]) -> String {
        let (found, text) = self.site.run(arguments);
        assert_eq!(found, code, "{arguments:?}: {text}");
        text
    }

    /// Imports the cluster's bindings with what was applied to them.
    fn snapshot(&self, name: &str) {
        let mut text = fs::read_to_string(self.data.join("live/rolebindings.yaml")).unwrap();
        for object in self.applied.values() {
            text.push_str(&format!("\n---\n{object}\n"));
        }
        fs::write(self.site.demo().join("bindings.yaml"), text).unwrap();
        let bootstrap = fs::read_dir(self.data.join("bootstrap/2022-arktos")).unwrap().map(|e| e.unwrap().path());
        let mut files: Vec<String> = bootstrap.map(|path| path.to_string_lossy().into_owned()).collect();
        files.sort();
        let now = in_days(0);
        let mut arguments = vec!["snapshot", "import", "kubernetes", "bindings.yaml"];
        arguments.extend(files.iter().map(String::as_str));
        arguments.extend(["-o", name, "--taken-at", &now, "--target", "cluster-1"]);
        let _ = fs::remove_file(self.site.demo().join(name));
        self.run(0, &arguments);
    }

    /// Approves the changes of a plan, until the gate passes.
    fn approve(&self, plan: &str) {
        for person in ["ada", "bo"] {
            if self.site.run(&["gate", plan, "--trust", "."]).0 == 0 {
                return;
            }
            let mut terminal = self.site.sit(&format!("{plan} --key keys/{person}.pub"));
            let card = terminal.exp_string("? keys").unwrap();
            if card.contains("Before you decide") {
                key(&mut terminal, "g");
                expect(&mut terminal, "? keys");
            }
            key(&mut terminal, "\u{1b}[Fa");
            let (_, asked) = terminal.exp_regex("Type `[^`]*`").unwrap();
            let word = asked.split('`').nth(1).unwrap().to_owned();
            expect(&mut terminal, "Enter: send");
            key(&mut terminal, &format!("{word}\r"));
            expect(&mut terminal, "Type `seal` to seal and sign");
            expect(&mut terminal, "Enter: send");
            key(&mut terminal, "seal\r");
            expect(&mut terminal, "sealed and appended to");
            expect(&mut terminal, "exit=");
        }
        self.run(0, &["gate", plan, "--trust", "."]);
    }

    /// Exports manifests, and applies each object as a whole, as a server-side apply of the only field manager does.
    fn apply(&mut self, plan: &str) {
        let arguments =
            ["export", plan, "--trust", ".", "--key", "keys/robot.pub", "--format", "kubernetes", "-o", "apply.json"];
        self.run(0, &arguments);
        let list: Value = serde_json::from_slice(&fs::read(self.site.demo().join("apply.json")).unwrap()).unwrap();
        for object in list["items"].as_array().unwrap() {
            let of = &object["metadata"];
            self.applied.insert(format!("{} {} {}", object["kind"], of["namespace"], of["name"]), object.clone());
        }
    }

    fn confirm(&self, code: i32, plan: &str) -> Value {
        self.snapshot("after.json");
        let robot = ["--trust", ".", "--key", "keys/robot.pub", "--format", "json"];
        let text = self.run(code, &[&["confirm", plan, "--snapshot", "after.json"][..], &robot].concat());
        let report: Value = serde_json::from_str(&text).unwrap();
        report["results"][0]["result"].clone()
    }
}

#[test]
fn access_to_a_namespace_is_granted_confirmed_found_overdue_and_revoked() {
    let Some(data) = cluster_exports() else { return };
    let mut cluster = Cluster::new(data);
    let plan = format!(
        "version: 1\nid: EDIT\nproposer: {ASSISTANT}\non_behalf_of: user:lena\ntask: T1\nintent: i\nexpires: {}\nchanges:\n  - {{id: c1, action: grant, to: \"group:github:accessibility-resources-admin\", role: \"clusterrole:edit\", scope: \"ns:abundant-namespace-dev\", mode: active, ttl: 4h, reason: r}}",
        in_days(2)
    );
    fs::write(cluster.site.demo().join("plan.yaml"), plan).unwrap();
    fs::remove_file(cluster.site.demo().join("plan.yaml.sig")).unwrap();
    cluster.site.sign("plan.yaml");
    cluster.approve("plan.yaml");
    cluster.apply("plan.yaml");
    assert_eq!(cluster.confirm(0, "plan.yaml"), "applied");

    // Time passes, and a cluster keeps no expiry.
    fs::rename(cluster.site.demo().join("after.json"), cluster.site.demo().join("snapshot.json")).unwrap();
    let text = cluster.run(0, &["due", "--at", &in_days(3), "--plan", "due.json", "--format", "json"]);
    let due: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(due["overdue"].as_array().unwrap().len(), 1, "{}", due["overdue"]);
    assert_eq!(due["overdue"][0]["change"], "c1", "{}", due["overdue"]);
    cluster.site.sign("due.json");
    cluster.approve("due.json");
    cluster.apply("due.json");
    assert_eq!(cluster.confirm(0, "due.json"), "applied");
    let text = cluster.run(0, &["access", "group:github:accessibility-resources-admin", "--snapshot", "after.json"]);
    assert!(!text.contains("abundant-namespace-dev"), "{text}");
    cluster.run(0, &["verify", "review-log.jsonl"]);
}
