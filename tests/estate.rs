//! A merged snapshot in use: what a plan for GitHub does in AWS, and what a site's files must say then.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
/// A second team without repositories, and a second account of Mia that administers the repository.
const MORE: &str = r#"{"review_path": "orgs/acme/members", "value": [{"login": "mia2", "type": "User"}]}
{"review_path": "orgs/acme/teams", "value": [{"id": 10, "slug": "docs", "parent": null}]}
{"review_path": "orgs/acme/teams/docs/members", "value": []}
{"review_path": "repos/acme/shop/collaborators?affiliation=direct", "value": [{"login": "mia2", "role_name": "admin"}]}
"#;
const GITHUB: &str = "github-snapshot.json";

/// The example with more in it, before the merge.
struct Estate {
    folder: TempDir,
}

impl Estate {
    fn new() -> Self {
        let it = Self { folder: tempfile::tempdir().unwrap() };
        let copied = Command::new("cp").args(["-r", EXAMPLE]).arg(it.folder.path()).status().unwrap();
        assert!(copied.success());
        let (code, text) = it.shell("bash make.sh");
        assert_eq!(code, 0, "{text}");
        fs::write(it.path().join("more.json"), MORE).unwrap();
        it.review(&["snapshot", "import", "github.json", "more.json", "-o", GITHUB, "--taken-at", "2026-01-01"], 0);
        it.review(&["snapshot", "import", "aws.json", "-o", "aws-snapshot.json", "--taken-at", "2026-01-01"], 0);
        it
    }

    fn merged() -> Self {
        let it = Self::new();
        it.review(&["snapshot", "merge", GITHUB, "aws-snapshot.json", "-o", "snapshot.json"], 0);
        it
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("examples/10-estate")
    }

    fn shell(&self, script: &str) -> (i32, String) {
        let binary = Path::new(env!("CARGO_BIN_EXE_review")).parent().unwrap();
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(self.path()).env_clear().env("HOME", self.folder.path());
        command.env("PATH", format!("{}:{}", binary.display(), std::env::var("PATH").unwrap()));
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap_or(-1), text)
    }

    fn review(&self, arguments: &[&str], code: i32) -> String {
        let quoted: Vec<String> = arguments.iter().map(|it| format!("'{it}'")).collect();
        let (found, text) = self.shell(&format!("review {}", quoted.join(" ")));
        assert_eq!(found, code, "{arguments:?}: {text}");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn write(&self, file: &str, text: &str) {
        fs::create_dir_all(self.path().join(file).parent().unwrap()).unwrap();
        fs::write(self.path().join(file), text).unwrap();
    }

    /// Replaces the changes of the plan, and signs it.
    fn plan(&self, changes: &str) {
        let path = self.path().join("plan.yaml");
        let text = fs::read_to_string(&path).unwrap();
        let (head, _) = text.split_once("changes:\n").unwrap();
        fs::write(&path, format!("{head}changes:\n{changes}")).unwrap();
        let _ = fs::remove_file(self.path().join("plan.yaml.sig"));
        self.review(&["plan", "sign", "plan.yaml", "--key", "assistant"], 0);
    }

    fn check(&self) -> Value {
        let (_, text) = self.shell("review check plan.yaml --format json 2> /dev/null");
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect()
}

#[test]
fn two_changes_in_github_that_together_reach_a_role_of_aws_are_emergent_access() {
    let it = Estate::merged();
    let alone = it.check();
    let targets = alone["changes"][0]["targets"].as_array().cloned().unwrap_or_default();
    let targets: Vec<&str> = targets.iter().filter_map(|it| it["id"].as_str()).collect();
    assert_eq!(targets, ["111111111111", "77"], "the systems that the change names or affects");
    let push = "  - {id: c1, action: grant, to: \"github:team:acme/docs\", role: \"github:repo:push\", scope: \"github:repo:acme/shop\", mode: active, ttl: 4h, reason: Docs.}\n";
    let join = "  - {id: c2, action: grant, to: \"github:user:mia\", member_of: \"github:team:acme/docs\", mode: active, ttl: 4h, reason: Docs.}\n";
    it.plan(&format!("{push}{join}"));
    let report = it.check();
    let found = codes(&report);
    assert!(found.contains(&"emergent-access"), "{found:?}");
    let text = report.to_string();
    assert!(
        text.contains("secretsmanager:GetSecretValue") && text.contains("link:github:workflow:acme/shop=>"),
        "{text}"
    );
}

#[test]
fn a_name_of_a_policy_or_a_rule_without_its_prefix_is_an_error() {
    let it = Estate::merged();
    let policy = |role: &str| {
        format!(
            "@id(\"site-push\")\n@title(\"t\")\n@advice(\"a\")\n@control(\"c\")\n@severity(\"low\")\nforbid (principal, action == Action::\"Grant\", resource) when {{ resource has role && resource.role == Role::\"{role}\" }};\n"
        )
    };
    it.write("policies/site.cedar", &policy("repo:push"));
    for command in [&["check", "plan.yaml"][..], &["trust", "check"]] {
        let said = it.review(command, 1);
        assert!(said.contains("error[unresolved-literal]") && said.contains("`github:repo:push`?"), "{said}");
    }
    it.write("policies/site.cedar", &policy("github:repo:push"));
    it.review(&["trust", "check"], 0);
    let rule = |about: &str| {
        format!("rules:\n  - {{{about}, sensitivity: high, reason: it deploys, source: \"https://example.org\"}}\n")
    };
    it.write("policies/classification.yaml", &rule("role: \"repo:push\""));
    let said = it.review(&["check", "plan.yaml"], 1);
    assert!(said.contains("names the role `repo:push`, which matches nothing") && said.contains("= help:"), "{said}");
    for about in ["role: \"github:repo:push\"", "system: github, role: \"repo:push\""] {
        it.write("policies/classification.yaml", &rule(about));
        it.review(&["trust", "check"], 0);
    }
}

#[test]
fn an_identity_of_a_person_without_the_prefix_of_its_part_is_an_error() {
    let it = Estate::merged();
    let people = fs::read_to_string(it.path().join("people.yaml")).unwrap();
    it.write("people.yaml", &people.replace("\"user:ada\", \"github:user:ada\"", "\"user:mia\""));
    for command in [&["check", "plan.yaml"][..], &["trust", "check"]] {
        let said = it.review(command, 1);
        assert!(said.contains("error[unresolved-literal]") && said.contains("write `github:user:mia`"), "{said}");
    }
    it.write("people.yaml", &people.replace("\"user:ada\", \"github:user:ada\"", "\"user:mia\", \"github:user:mia\""));
    it.review(&["trust", "check"], 0);
}

#[test]
fn separation_of_duties_sees_two_accounts_of_one_person_as_one() {
    let it = Estate::merged();
    it.write(
        "policies/sod.yaml",
        "pairs:\n  - {id: two-teams, title: t, first: {member_of: \"github:team:acme/web\"}, second: {role: \"github:repo:admin\"}}\n",
    );
    let conflicts = |report: &Value| codes(report).iter().filter(|code| **code == "sod-conflict").count();
    assert_eq!(conflicts(&it.check()), 0);
    let people = fs::read_to_string(it.path().join("people.yaml")).unwrap();
    it.write("people.yaml", &format!("{people}same_as:\n  \"github:user:mia\": [\"github:user:mia2\"]\n"));
    assert!(conflicts(&it.check()) > 0, "{:?}", codes(&it.check()));
    it.write("people.yaml", &format!("{people}same_as:\n  \"github:user:mia\": [\"github:user:mia3\"]\n"));
    let said = it.review(&["trust", "check"], 0);
    assert!(said.contains("`same_as` names `github:user:mia3`") && said.contains("did you mean"), "{said}");
}

#[test]
fn arguments_of_a_merge_that_mean_nothing_are_refused_and_write_nothing() {
    let it = Estate::new();
    let merge = |more: &[&str], code: i32| it.review(&[&["snapshot", "merge"], more, &["-o", "m.json"]].concat(), code);
    merge(&[GITHUB], 2);
    let said = merge(&[GITHUB, "aws-snapshot.json", "--issuer", "kubernetes"], 1);
    assert!(said.contains("is not a part and its issuer") && said.contains("= help:"), "{said}");
    let said = merge(&[GITHUB, "aws-snapshot.json", "--issuer", "githb=https://x.example"], 1);
    assert!(said.contains("did you mean `github`?"), "{said}");
    it.write("map.csv", "from,to\ngithub:team:acme/docs\n");
    let said = merge(&[GITHUB, "aws-snapshot.json", "--map", "map.csv"], 1);
    assert!(said.contains("map.csv:2"), "{said}");
    it.write("map.csv", "from,to\ngithub:team:acme/dogs,arn:aws:iam::111111111111:role/deploy\n");
    let said = merge(&[GITHUB, "aws-snapshot.json", "--map", "map.csv"], 1);
    assert!(said.contains("did you mean `github:team:acme/docs`?"), "{said}");
    let said = merge(&[GITHUB, "github.json"], 1);
    assert!(said.contains("github.json") && said.contains("error["), "{said}");
    assert!(!it.path().join("m.json").exists());
    merge(&["hub=github-snapshot.json", "aws-snapshot.json"], 0);
    let text = fs::read_to_string(it.path().join("m.json")).unwrap();
    assert!(text.contains("hub:user:mia") && !text.contains("\"github:user:mia"), "{text}");
}
