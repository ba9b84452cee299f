//! Plans that a person would write against a real cluster, each on the export in place; one is reviewed to a sealed log.
//!
//! The export is not part of this project. Where it is absent, the tests say so and pass.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![allow(clippy::print_stdout, reason = "a test that has nothing to read says so")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Site, expect, key, seal};

const AGENT: &str = "spiffe://corp.example/agent/access-assistant";

fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/kubernetes");
    if !folder.exists() {
        println!("the export of the cluster is absent, so nothing was tested");
        return None;
    }
    Some(folder)
}

fn date(days: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    review::input::time::Time::from_unix(i64::try_from(now).unwrap() + days * 86_400).to_string()
}

/// The demo's people and keys, before a snapshot of the real cluster.
fn cluster(data: &Path) -> (Site, Value) {
    let site = Site::new();
    let mut arguments = vec!["snapshot".to_owned(), "import".to_owned(), "kubernetes".to_owned()];
    arguments.push(data.join("live/rolebindings.yaml").to_string_lossy().into_owned());
    let mut bootstrap: Vec<_> =
        fs::read_dir(data.join("bootstrap/2022-arktos")).unwrap().map(|e| e.unwrap().path()).collect();
    bootstrap.sort();
    arguments.extend(bootstrap.iter().map(|path| path.to_string_lossy().into_owned()));
    let now = date(0);
    arguments.extend(["-o", "snapshot.json", "--taken-at", &now, "--format", "json"].map(str::to_owned));
    let (code, text) = site.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, 0, "{text}");
    let tasks = format!(
        "version: 1\ntasks:\n  - {{id: T1, owner: \"user:lena\", agents: [\"{AGENT}\"], sponsors: [\"user:lena\"], \
         scope: [\"ns:abundant-namespace-dev\", \"ns:accessibility-book-club\"], until: {}, state: open}}\n",
        date(9)
    );
    fs::write(site.demo().join("tasks.yaml"), tasks).unwrap();
    (site, serde_json::from_str(&text).unwrap())
}

fn check(site: &Site, changes: &str) -> (i32, Value) {
    let plan = format!(
        "version: 1\nid: P-1\nproposer: {AGENT}\non_behalf_of: user:lena\ntask: T1\nintent: i\nexpires: {}\nchanges:\n{changes}",
        date(2)
    );
    fs::write(site.demo().join("plan.yaml"), plan).unwrap();
    site.sign("plan.yaml");
    let (code, text) = site.run(&["check", "plan.yaml", "--format", "json"]);
    (code, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
}

fn length(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

#[test]
fn plans_on_a_real_cluster_show_what_they_do() {
    let Some(data) = data() else { return };
    let (site, imported) = cluster(&data);
    assert_eq!(imported["counts"]["namespaces"], 1_252);
    assert_eq!(imported["counts"]["unresolved_roles"], 1);
    assert!(imported["findings"].to_string().contains("calico-network-policy-access"));

    let stale = "  - {id: c1, action: revoke, to: \"group:github:webops\", role: \"clusterrole:admin\", scope: \"ns:abundant-namespace-dev\", reason: r}\n";
    let (code, report) = check(&site, stale);
    assert_eq!(code, 0);
    assert!(length(&report["changes"][0]["lost"]) > 100 && length(&report["changes"][0]["gained"]) == 0);
    assert_eq!(report["changes"][0]["outcome"], "needs", "members of the group are unknown");

    let edit = "  - {id: c1, action: grant, to: \"group:github:accessibility-resources-admin\", role: \"clusterrole:edit\", scope: \"ns:abundant-namespace-dev\", mode: active, ttl: 4h, reason: r}\n";
    let (_, report) = check(&site, edit);
    assert!(length(&report["changes"][0]["gained"]) > 100);
    assert_eq!(report["changes"][0]["privileged"], true, "edit reads secrets");

    let root = "  - {id: c1, action: grant, to: \"group:github:webops\", role: \"clusterrole:cluster-admin\", scope: \"ns:abundant-namespace-dev\", mode: standing, reason: r}\n";
    let (code, report) = check(&site, root);
    assert_eq!((code, &report["changes"][0]["outcome"]), (3, &Value::from("denied")));
    assert_eq!(report["changes"][0]["privileged"], true);
}

#[test]
fn a_permission_on_a_role_of_thousands_is_reviewed_to_a_log_that_verifies() {
    let Some(data) = data() else { return };
    let (site, _) = cluster(&data);
    let wide = "  - {id: c1, action: add_permission, role: \"clusterrole:admin\", permission: {action: get, resource: \"metrics.k8s.io:pods#*\"}, reason: r}\n";
    let (code, report) = check(&site, wide);
    assert_eq!(code, 3, "it lies beyond the task");
    assert!(length(&report["changes"][0]["gained"]) > 2_000);
    let mut bo = site.sit("plan.yaml --key keys/bo.pub");
    expect(&mut bo, "gains 2,");
    expect(&mut bo, "? keys");
    key(&mut bo, "r");
    expect(&mut bo, "Enter: send");
    key(&mut bo, "too many holders\r");
    seal(&mut bo, 3);
    let (code, text) = site.run(&["verify", "review-log.jsonl"]);
    assert_eq!(code, 0, "{text}");
    let log = fs::read(site.log()).unwrap();
    assert!(log.len() > 500_000, "the effect is on record");
    assert!(log.split(|b| *b == b'\n').all(|line| line.len() < 65_535));
}
