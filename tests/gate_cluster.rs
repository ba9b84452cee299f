//! A folder of fifty plans on the export of a live cluster, in real git. The export is no part of this project: where it is
//! absent, the test says so and passes.

use std::fs;

use crate::support::{ASSISTANT, Site, cluster_exports, in_days, now};
use serde_json::Value;

const PLANS: usize = 50;

#[test]
fn fifty_plans_on_a_live_cluster_are_gated_in_every_format() {
    let Some(data) = cluster_exports() else { return };
    let site = Site::new();
    let mut arguments: Vec<String> = ["snapshot", "import", "kubernetes"].map(str::to_owned).to_vec();
    arguments.push(data.join("live/rolebindings.yaml").to_string_lossy().into_owned());
    let bootstrap = fs::read_dir(data.join("bootstrap/2022-arktos")).unwrap();
    let mut bootstrap: Vec<String> = bootstrap.map(|e| e.unwrap().path().to_string_lossy().into_owned()).collect();
    bootstrap.sort();
    arguments.extend(bootstrap);
    arguments.extend(["-o", "snapshot.json", "--taken-at", &now().to_string()].map(str::to_owned));
    let (code, text) = site.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, 0, "{text}");
    let snapshot: Value =
        serde_json::from_str(&fs::read_to_string(site.demo().join("snapshot.json")).unwrap()).unwrap();
    let spaces: Vec<&str> = snapshot["resources"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|resource| resource["id"].as_str().filter(|id| id.starts_with("ns:")))
        .take(PLANS)
        .collect();
    assert_eq!(spaces.len(), PLANS);
    let scope = spaces.iter().map(|space| format!("\"{space}\"")).collect::<Vec<_>>().join(", ");
    fs::write(
        site.demo().join("tasks.yaml"),
        format!(
            "version: 1\ntasks:\n  - {{id: T1, owner: \"user:lena\", agents: [\"{ASSISTANT}\"], sponsors: [\"user:lena\"], scope: [{scope}], until: {}, state: open}}\n",
            in_days(9)
        ),
    )
    .unwrap();
    for name in ["plan.yaml", "plan.yaml.sig"] {
        fs::remove_file(site.demo().join(name)).unwrap();
    }
    fs::write(site.demo().join(".gitignore"), "keys/\n").unwrap();
    site.git(&["init", "-q", "-b", "main", "."]);
    site.git(&["add", "-A"]);
    site.git(&["commit", "-q", "-m", "trust"]);
    site.git(&["checkout", "-q", "-b", "topic"]);
    fs::create_dir(site.demo().join("plans")).unwrap();
    for (at, space) in spaces.iter().enumerate() {
        let name = format!("plans/{at:02}.yaml");
        let plan = format!(
            "version: 1\nid: P-{at}\nproposer: {ASSISTANT}\non_behalf_of: user:lena\ntask: T1\nintent: i\nexpires: {}\nchanges:\n  \
             - {{id: c1, action: grant, to: \"user:lena\", role: \"clusterrole:view\", scope: \"{space}\", mode: active, ttl: 1h, reason: r}}\n",
            in_days(2)
        );
        fs::write(site.demo().join(&name), plan).unwrap();
        site.sign(&name);
    }
    site.git(&["add", "-A"]);
    site.git(&["commit", "-q", "-m", "fifty plans"]);

    let mut arguments = vec!["gate", "--changed-since", "main", "--trust", "main"];
    let formats = ["text", "json", "sarif", "junit", "github", "gitlab", "markdown"];
    let outputs: Vec<String> = formats.iter().map(|format| format!("{format}=../out.{format}")).collect();
    for output in &outputs {
        arguments.extend(["--output", output]);
    }
    let (code, text) = site.run(&arguments);
    assert_eq!(code, 5, "nobody decided yet: {text}");
    let read = |format: &str| fs::read_to_string(site.demo().join(format!("../out.{format}"))).unwrap();
    let json: Value = serde_json::from_str(&read("json")).unwrap();
    assert_eq!((json["plans"].as_array().unwrap().len(), json["changes"].as_array().unwrap().len()), (PLANS, PLANS));
    assert!(json["changes"].as_array().unwrap().iter().all(|change| !change["gained"].as_array().unwrap().is_empty()));
    let findings = json["findings"].as_array().unwrap().len();
    assert_eq!(read("github").lines().count(), findings);
    assert_eq!(read("junit").matches("<testcase ").count(), findings + PLANS);
    assert!(read("markdown").len() < 65_536, "fifty plans fit into one comment");
    let (code, text) = site.run(&["check", "plans", "--format", "json"]);
    let check: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, check["plans"].as_array().unwrap().len()), (0, PLANS));
}
