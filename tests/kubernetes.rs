//! Plans that a person would write against a real cluster, each reviewed in a terminal to a sealed log that verifies.
//!
//! The export is not part of this project. Where it is absent, the tests say so and pass.

use std::fs;
use std::path::Path;

use crate::support::{ASSISTANT, Site, cluster_exports, expect, in_days, key, seal, unbroken};
use serde_json::Value;

/// The demo's people and keys, before a snapshot of the real cluster.
fn cluster(data: &Path) -> (Site, Value) {
    let site = Site::new();
    let mut arguments = vec!["snapshot".to_owned(), "import".to_owned(), "kubernetes".to_owned()];
    arguments.push(data.join("live/rolebindings.yaml").to_string_lossy().into_owned());
    let mut bootstrap: Vec<_> =
        fs::read_dir(data.join("bootstrap/2022-arktos")).unwrap().map(|e| e.unwrap().path()).collect();
    bootstrap.sort();
    arguments.extend(bootstrap.iter().map(|path| path.to_string_lossy().into_owned()));
    let now = in_days(0);
    arguments.extend(["-o", "snapshot.json", "--taken-at", &now, "--format", "json"].map(str::to_owned));
    let (code, text) = site.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, 0, "{text}");
    let tasks = format!(
        "version: 1\ntasks:\n  - {{id: T1, owner: \"user:lena\", agents: [\"{ASSISTANT}\"], sponsors: [\"user:lena\"], \
         scope: [\"ns:abundant-namespace-dev\", \"ns:accessibility-book-club\"], until: {}, state: open}}\n",
        in_days(9)
    );
    fs::write(site.demo().join("tasks.yaml"), tasks).unwrap();
    // An export knows no owners of roles, so the site names people who stand in for them.
    let people = fs::read_to_string(site.demo().join("people.yaml")).unwrap();
    fs::write(site.demo().join("people.yaml"), people.replace("groups:\n", "groups:\n  owners: [ada]\n")).unwrap();
    (site, serde_json::from_str(&text).unwrap())
}

/// The plan of an assistant, in `ID.yaml`.
fn write_plan(site: &Site, id: &str, changes: &[&str]) -> String {
    let changes: Vec<String> = changes.iter().map(|change| format!("  - {{{change}, reason: r}}")).collect();
    let changes = changes.join("\n");
    let plan = format!(
        "version: 1\nid: {id}\nproposer: {ASSISTANT}\non_behalf_of: user:lena\ntask: T1\nintent: i\nexpires: {}\nchanges:\n{changes}",
        in_days(2)
    );
    let name = format!("{id}.yaml");
    fs::write(site.demo().join(&name), plan).unwrap();
    site.sign(&name);
    name
}

fn check(site: &Site, plan: &str) -> (i32, Value) {
    let (code, text) = site.run(&["check", plan, "--all", "--format", "json"]);
    (code, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
}

fn length(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

fn policies(change: &Value) -> Vec<&str> {
    change["policies"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect()
}

/// What a person says to one card: the key, and each line typed after it with what asks for it.
type Answer<'a> = (&'a str, &'a [(&'a str, &'a str)]);

/// One person's whole sitting over a plan, to the seal and the exit code.
fn decide(site: &Site, plan: &str, who: &str, answers: &[Answer<'_>], code: i32) {
    let mut terminal = site.sit(&format!("{plan} --key keys/{who}.pub"));
    let first = terminal.exp_string("? keys").unwrap();
    if first.contains("Before you decide") {
        key(&mut terminal, "g");
        expect(&mut terminal, "? keys");
    }
    for (at, (press, lines)) in answers.iter().enumerate() {
        if at > 0 {
            expect(&mut terminal, "? keys");
        }
        // What is privileged is approved only after its whole card was shown: the end of the page first.
        key(&mut terminal, &format!("\u{1b}[F{press}"));
        for (asked, line) in *lines {
            expect(&mut terminal, asked);
            expect(&mut terminal, "Enter: send");
            key(&mut terminal, &format!("{line}\r"));
        }
    }
    seal(&mut terminal, code);
}

/// The log verifies, holds so many sessions, and no line of it is longer than a line may be.
fn verifies(site: &Site, sessions: u64) {
    let (code, text) = site.run(&["verify", "review-log.jsonl", "--format", "json"]);
    assert_eq!(code, 0, "{text}");
    let said: Value = serde_json::from_str(&text).unwrap();
    let answers = ["integrity", "authenticity"].map(|question| said[question]["holds"].as_str().unwrap_or_default());
    assert_eq!((answers, said["sessions"].as_u64()), (["yes", "yes"], Some(sessions)));
    let log = fs::read(site.log()).unwrap();
    assert!(log.split(|b| *b == b'\n').all(|line| line.len() < 65_535));
}

/// Who decided what, in the order of the log: `c1 approve ada`.
fn decisions(site: &Site) -> Vec<String> {
    let log = fs::read_to_string(site.log()).unwrap();
    let mut writer = String::new();
    let mut said = Vec::new();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        match line["type"].as_str().unwrap() {
            "session" => line["writer"]["person"].as_str().unwrap().clone_into(&mut writer),
            "decision" => said.push(format!("{} {} {writer}", line["change"], line["verdict"]).replace('"', "")),
            _ => {}
        }
    }
    said
}

#[test]
fn an_import_of_the_cluster_counts_it_and_names_what_it_lacks() {
    let Some(data) = cluster_exports() else { return };
    let (_, imported) = cluster(&data);
    assert_eq!(imported["counts"]["namespaces"], 1_252);
    assert_eq!(imported["counts"]["unresolved_roles"], 1);
    assert!(imported["findings"].to_string().contains("calico-network-policy-access"));
}

#[test]
fn a_team_is_lent_edit_in_its_namespace_by_owner_and_security() {
    let Some(data) = cluster_exports() else { return };
    let (site, _) = cluster(&data);
    let edit = "id: c1, action: grant, to: \"group:github:accessibility-resources-admin\", role: \"clusterrole:edit\", scope: \"ns:abundant-namespace-dev\"";
    let plan = write_plan(&site, "EDIT", &[&format!("{edit}, mode: active, ttl: 4h")]);
    let (code, report) = check(&site, &plan);
    let change = &report["changes"][0];
    assert_eq!((code, &change["outcome"]), (0, &Value::from("needs")), "{change}");
    assert!(length(&change["gained"]) > 100 && change["privileged"] == true, "edit reads secrets");
    assert_eq!(change["steps"].to_string().matches("missing").count(), 2, "{change}");
    assert!(policies(change).contains(&"rbac-privileged-loan-to-open-group"), "nobody knows who is in the group");

    // The same, standing, or beyond the task, is denied.
    for (id, how) in [("STANDING", "mode: standing"), ("LONG", "mode: active, ttl: 9d")] {
        let plan = write_plan(&site, id, &[&format!("{edit}, {how}")]);
        let (code, report) = check(&site, &plan);
        assert_eq!((code, &report["changes"][0]["outcome"]), (3, &Value::from("denied")), "{how}");
        assert!(policies(&report["changes"][0]).contains(&"rbac-privileged-to-open-group"), "{how}");
    }

    let typed: Answer<'_> = ("a", &[("Type `clusterrole:edit`", "clusterrole:edit")]);
    decide(&site, &plan, "ada", &[typed], 5);
    decide(&site, &plan, "bo", &[typed], 0);
    verifies(&site, 2);
    assert_eq!(decisions(&site), ["c1 approve ada", "c1 approve bo"]);
    let (code, text) = site.run(&["gate", &plan, "--trust", "."]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn admin_for_a_service_account_without_an_owner_passes_only_by_breaking_the_glass() {
    let Some(data) = cluster_exports() else { return };
    let (site, _) = cluster(&data);
    let plan = write_plan(
        &site,
        "CI",
        &[
            "id: c1, action: grant, to: \"sa:hmpps-sentence-plan-test/cd-serviceaccount\", role: \"clusterrole:admin\", scope: \"ns:abundant-namespace-dev\", mode: active, ttl: 2h",
        ],
    );
    let (code, report) = check(&site, &plan);
    let change = &report["changes"][0];
    assert_eq!((code, &change["privileged"]), (3, &Value::from(true)));
    assert!(policies(change).contains(&"nhi-privileged-needs-owner"), "{change}");
    let gains = change["gained"].to_string();
    assert!(gains.contains("group:github:hmpps-sre"), "whoever can act as the service account gains with it");

    let name = [("Type `clusterrole:admin`", "clusterrole:admin")];
    let over: Answer<'_> = (
        "o",
        &[
            ("Reason to", "tonight's release, and nobody owns the account yet"),
            ("Type `clusterrole:admin`", "clusterrole:admin"),
        ],
    );
    decide(&site, &plan, "bo", &[over, ("a", &name)], 5);
    decide(&site, &plan, "ada", &[("a", &name)], 0);
    verifies(&site, 2);
    assert_eq!(decisions(&site), ["c1 override bo", "c1 approve bo", "c1 approve ada"]);
    let log = fs::read_to_string(site.log()).unwrap();
    assert!(log.contains("\"set_aside\":[\"nhi-privileged-needs-owner\"]"));
}

#[test]
fn cluster_admin_for_a_team_of_unknown_members_never_looks_harmless() {
    let Some(data) = cluster_exports() else { return };
    let (site, _) = cluster(&data);
    let plan = write_plan(
        &site,
        "ROOT",
        &[
            "id: c1, action: grant, to: \"group:github:webops\", role: \"clusterrole:cluster-admin\", scope: \"ns:abundant-namespace-dev\", mode: standing",
        ],
    );
    let (code, report) = check(&site, &plan);
    let change = &report["changes"][0];
    assert_eq!((code, &change["outcome"], &change["privileged"]), (3, &Value::from("denied"), &Value::from(true)));
    assert_eq!(change["sensitivity"], "critical");
    assert!(length(&change["escalations"]) > 0, "it completes known ways to escalate");
    for id in ["rbac-privileged-to-open-group", "zsp-no-standing-privilege", "agent-escalation-path"] {
        assert!(policies(change).contains(&id), "{id}: {:?}", policies(change));
    }
    let (_, text) = site.run(&["check", &plan]);
    let unwrapped = unbroken(&text);
    assert!(unwrapped.contains("affects an unknown number of identities"), "{text}");
    assert!(text.contains("unknown members: `group:github:webops`"), "{text}");
    assert!(!text.contains("at least 0"), "none and unknown are not the same");
    // Each escalation path is listed with the way to it, because nothing that a decision covers may be folded away.
    assert!(text.lines().count() < 400, "{} lines are too many for a pull request", text.lines().count());

    let mut card = site.sit(&format!("{plan} --key keys/ada.pub"));
    expect(&mut card, "a policy denies the whole plan");
    expect(&mut card, "? keys");
    key(&mut card, "q");
    expect(&mut card, "exit=5");
    decide(&site, &plan, "ada", &[("r", &[("Reason to", "nobody knows who is in webops")])], 3);
    decide(&site, &plan, "bo", &[("r", &[("Reason to", "a namespace admin is enough")])], 3);
    verifies(&site, 2);
    assert_eq!(decisions(&site), ["c1 reject ada", "c1 reject bo"]);
}

#[test]
fn stale_bindings_are_taken_by_one_owner() {
    let Some(data) = cluster_exports() else { return };
    let (site, _) = cluster(&data);
    let revoke = |id: &str, who: &str, ns: &str| {
        format!("id: {id}, action: revoke, to: \"{who}\", role: \"clusterrole:admin\", scope: \"ns:{ns}\"")
    };
    let plan = write_plan(
        &site,
        "STALE",
        &[
            &revoke("c1", "group:github:webops", "abundant-namespace-dev"),
            &revoke("c2", "sa:hmpps-sentence-plan-test/cd-serviceaccount", "hmpps-sentence-plan-test"),
        ],
    );
    let (code, report) = check(&site, &plan);
    assert_eq!(code, 0);
    for change in report["changes"].as_array().unwrap() {
        assert!(length(&change["lost"]) > 100 && length(&change["gained"]) == 0);
        assert_eq!(change["outcome"], "needs", "members of a group are unknown, so it is not automatic");
    }
    // Security waives its step: what only takes needs the owner.
    let (code, _) = site.run(&["gate", &plan, "--trust", "."]);
    assert_eq!(code, 5);
    let yes: Answer<'_> = ("a", &[("Type `yes`", "yes")]);
    decide(&site, &plan, "ada", &[yes, yes], 0);
    verifies(&site, 1);
    assert_eq!(decisions(&site).len(), 2);
    let (code, text) = site.run(&["gate", &plan, "--trust", "."]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_permission_on_a_role_of_thousands_is_reviewed_to_a_log_that_verifies() {
    let Some(data) = cluster_exports() else { return };
    let (site, _) = cluster(&data);
    let plan = write_plan(
        &site,
        "WIDE",
        &[
            "id: c1, action: add_permission, role: \"clusterrole:admin\", permission: {action: get, resource: \"metrics.k8s.io:pods#*\"}",
        ],
    );
    let (code, report) = check(&site, &plan);
    assert_eq!(code, 3, "it lies beyond the task");
    assert!(length(&report["changes"][0]["gained"]) > 2_000);
    let (_, text) = site.run(&["check", &plan]);
    assert!(text.contains("gains 2,") && text.contains("331 groups and at least 12 identities"), "{text}");
    assert!(text.lines().count() < 80, "{} lines are too many for a pull request", text.lines().count());

    let over: Answer<'_> =
        ("o", &[("Reason to", "the task was opened for two namespaces only"), ("Type `", "clusterrole:admin")]);
    let yes: Answer<'_> = ("a", &[("Type `yes`", "yes")]);
    decide(&site, &plan, "bo", &[over, yes], 5);
    decide(&site, &plan, "ada", &[("r", &[("Reason to", "too many holders")])], 4);
    verifies(&site, 2);
    assert_eq!(decisions(&site), ["c1 override bo", "c1 approve bo", "c1 reject ada"]);
    let log = fs::read(site.log()).unwrap();
    assert!(log.len() > 500_000, "the effect is on record, in parts");
}

#[test]
fn a_role_that_the_export_lacks_is_privileged_because_nobody_knows_what_it_gives() {
    let Some(data) = cluster_exports() else { return };
    let (site, _) = cluster(&data);
    let grant = "id: c1, action: grant, to: \"group:github:accessibility-resources-admin\", role: \"clusterrole:calico-network-policy-access\"";
    let standing =
        write_plan(&site, "FOREVER", &[&format!("{grant}, scope: \"ns:abundant-namespace-dev\", mode: standing")]);
    let (code, report) = check(&site, &standing);
    assert_eq!(code, 3);
    assert!(policies(&report["changes"][0]).contains(&"zsp-no-standing-privilege"));

    let plan = write_plan(
        &site,
        "LACKING",
        &[&format!("{grant}, scope: \"ns:abundant-namespace-dev\", mode: active, ttl: 2h")],
    );
    let (code, report) = check(&site, &plan);
    let change = &report["changes"][0];
    assert_eq!(
        (code, &change["privileged"], &change["sensitivity"]),
        (0, &Value::from(true), &Value::from("critical"))
    );
    let (_, text) = site.run(&["check", &plan]);
    assert!(
        unbroken(&text).contains("privileged: the export does not contain this role, so its permissions are unknown"),
        "{text}"
    );

    let typed: Answer<'_> =
        ("a", &[("Type `clusterrole:calico-network-policy-access`", "clusterrole:calico-network-policy-access")]);
    decide(&site, &plan, "bo", &[typed], 5);
    decide(&site, &plan, "ada", &[typed], 0);
    verifies(&site, 2);
    assert_eq!(decisions(&site), ["c1 approve bo", "c1 approve ada"]);
}

#[test]
fn a_controller_that_reads_scales_is_no_administrator_and_is_denied_what_one_holds() {
    let Some(data) = cluster_exports() else { return };
    let (site, _) = cluster(&data);
    for controller in ["horizontal-pod-autoscaler", "disruption-controller"] {
        let account = format!("sa:kube-system/{controller}");
        let asked = site.run(&[
            "access",
            &account,
            "create",
            "rbac.authorization.k8s.io:clusterrolebindings#*",
            "--format",
            "json",
        ]);
        let asked: Value = serde_json::from_str(&asked.1).unwrap();
        assert!(!asked.to_string().contains("\"verdict\":\"yes\""), "{controller}: {asked}");
        let grant =
            format!("id: c1, action: grant, to: \"{account}\", role: \"clusterrole:cluster-admin\", mode: standing");
        let plan = write_plan(&site, &controller.to_uppercase(), &[&grant]);
        let (code, report) = check(&site, &plan);
        let change = &report["changes"][0];
        assert_eq!((code, &change["outcome"]), (3, &Value::from("denied")), "{controller}");
        assert!(length(&change["gained"]) > 0, "{controller}");
        assert!(
            policies(change).contains(&"zsp-no-standing-privilege-for-machines"),
            "{controller}: {:?}",
            policies(change)
        );
    }
}
