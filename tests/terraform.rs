//! Terraform plans: imported, checked, reviewed, gated by their digest, and applied once; and what a real `terraform` writes.

#![allow(clippy::print_stdout, reason = "a test that has nothing to run says so")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{ASSISTANT, Site, expect, in_days, key, seal};

const RECORDER: (&str, &str) = ("robot", "robot@ci.example namespaces=\"review-record@v1\"");
const AS: &[&str] = &["--task", "TASK-881", "--on-behalf-of", "user:lena"];

/// The demo with a project of Google Cloud in place of its snapshot.
fn cloud() -> Site {
    let site = Site::with_plan(&["c1"], &[RECORDER]);
    let person = |id: &str| json!({"id": id, "kind": "human"});
    let snapshot = json!({
        "version": 1, "taken_at": in_days(0), "source": "gcp", "target": {"id": "organizations/1", "system": "gcp"},
        "identities": [person("user:ada"), person("user:bo"), person("user:lena"), person("user:ravi"),
            {"id": ASSISTANT, "kind": "agent", "owner": "user:ada"}],
        "roles": [{"id": "roles/logging.viewer", "owner": "user:ada", "sensitivity": "moderate",
            "permissions": [{"action": "logging.logs.list", "resource": "*"}]}],
        "resources": [{"id": "org:corp"}, {"id": "projects/shop", "parent": "org:corp", "owner": "user:ada", "sensitivity": "moderate"}]
    });
    fs::write(site.demo().join("snapshot.json"), snapshot.to_string()).unwrap();
    site
}

/// A plan that lets somebody read the logs of a project for four hours.
fn logs(site: &Site, who: &str) {
    let end = crate::support::now().plus(review::input::time::Span::from_seconds(4 * 3600));
    let expression = format!("request.time < timestamp(\"{end}\")");
    let plan = json!({
        "format_version": "1.2", "terraform_version": "1.11.4", "applyable": true, "complete": true, "errored": false,
        "resource_changes": [{
            "address": "module.iam.google_project_iam_member.logs[\"ravi\"]", "mode": "managed", "type": "google_project_iam_member",
            "name": "logs",
            "change": {"actions": ["create"], "before": null, "after_unknown": {"etag": true, "id": true}, "after": {
                "project": "shop", "role": "roles/logging.viewer", "member": who,
                "condition": [{"title": "for four hours", "description": null, "expression": expression}]
            }}
        }],
        "configuration": {"root_module": {"module_calls": {"iam": {"source": "./iam", "module": {"resources": [
            {"address": "google_project_iam_member.logs", "expressions": {"role": {}, "member": {}, "project": {}, "condition": {}}}
        ]}}}}}
    });
    fs::write(site.demo().join("plan.json"), plan.to_string()).unwrap();
    fs::write(site.demo().join("tfplan"), format!("PK binary plan for {who}")).unwrap();
    fs::create_dir_all(site.demo().join("infra/iam")).unwrap();
    fs::write(
        site.demo().join("infra/iam/main.tf"),
        "# People\n\nresource \"google_project_iam_member\" \"logs\" {\n}\n",
    )
    .unwrap();
}

fn import(site: &Site, out: &str) {
    let (code, text) = site.run(
        &[
            &[
                "plan",
                "import",
                "terraform",
                "plan.json",
                "--plan-file",
                "tfplan",
                "--configuration",
                "infra",
                "-o",
                out,
            ],
            AS,
        ]
        .concat(),
    );
    assert_eq!(code, 0, "{text}");
    site.sign(out);
}

fn approve(site: &Site) {
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    let card = ada.exp_string("? keys").unwrap();
    if card.contains("Before you decide") {
        key(&mut ada, "g");
        expect(&mut ada, "? keys");
    }
    key(&mut ada, "a");
    expect(&mut ada, "Type `");
    expect(&mut ada, "Enter: send");
    key(&mut ada, "yes\r");
    seal(&mut ada, 0);
}

#[test]
fn check_reviews_a_terraform_plan_in_one_step_and_names_its_addresses() {
    let site = cloud();
    logs(&site, "user:ravi");
    let more = ["--configuration", "infra", "--format", "json"];
    let (code, text) = site.run(&[&["check", "--terraform", "plan.json"], AS, &more].concat());
    assert_eq!(code, 0, "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    let messages: Vec<&str> =
        report["findings"].as_array().unwrap().iter().map(|it| it["message"].as_str().unwrap()).collect();
    let place = "module.iam.google_project_iam_member.logs[\"ravi\"] (iam/main.tf:3)";
    assert!(messages.iter().any(|it| it.contains(place)), "{messages:?}");
    // What a policy denies is denied, and the finding names the resource.
    logs(&site, "allUsers");
    let (code, text) = site.run(&[&["check", "--terraform", "plan.json"], AS].concat());
    assert!(code != 0 || !text.contains("automatic"), "{text}");
    // What is unknown is on the card, and is never automatic.
    let text = fs::read_to_string(site.demo().join("plan.json")).unwrap();
    let unknown =
        text.replace("\"etag\":true", "\"etag\":true,\"member\":true").replace("\"member\":\"allUsers\",", "");
    assert_ne!(text, unknown);
    fs::write(site.demo().join("plan.json"), unknown).unwrap();
    let (_, text) = site.run(&[&["check", "--terraform", "plan.json"], AS].concat());
    assert!(crate::support::unbroken(&text).contains("unknown until it is applied: `member`"), "{text}");
    assert!(text.contains("unknown-value") && !text.contains("AUTO"), "{text}");
    // A sparse file of gigabytes: its size alone is reason enough.
    fs::File::create(site.demo().join("plan.json")).unwrap().set_len(3 << 30).unwrap();
    let (code, text) = site.run(&[&["check", "--terraform", "plan.json"], AS].concat());
    assert!(code == 1 && text.contains("is larger than") && text.contains("= help: "), "{code} {text}");
    fs::remove_file(site.demo().join("plan.json")).unwrap();
    for bad in ["{", "<html>502</html>", "{\"format_version\":\"2.0\",\"resource_changes\":[]}"] {
        fs::write(site.demo().join("plan.json"), bad).unwrap();
        let (code, text) = site.run(&[&["check", "--terraform", "plan.json"], AS].concat());
        assert!(code == 3 && text.contains("= help: "), "{bad}: {code} {text}");
    }
}

#[test]
fn a_terraform_plan_is_imported_approved_gated_and_applied_once() {
    let site = cloud();
    logs(&site, "user:ravi");
    import(&site, "plan.yaml");
    let text = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    assert!(
        text.contains("origin: \"module.iam.google_project_iam_member.logs[\\\"ravi\\\"] (iam/main.tf:3)\""),
        "{text}"
    );
    let gate = |files: &[&str]| {
        let files: Vec<&str> = files.iter().flat_map(|file| ["--terraform-plan", file]).collect();
        site.run(&[&["gate", "plan.yaml", "--trust", "."], files.as_slice()].concat())
    };
    assert_eq!(gate(&["tfplan", "plan.json"]).0, 5, "nobody has decided");
    approve(&site);
    let (code, text) = gate(&["tfplan", "plan.json"]);
    assert_eq!(code, 0, "{text}");
    // A plan could state the digest of a file and fewer changes than it has.
    let (code, text) = gate(&["tfplan"]);
    assert!(code == 3 && text.contains("other-plan-file"), "{text}");
    fs::write(site.demo().join("other"), "PK another plan").unwrap();
    let (code, text) = gate(&["other"]);
    assert!(code == 3 && text.contains("other-plan-file"), "{code} {text}");

    let export = |file: &str, more: &[&str]| {
        let start = ["export", "plan.yaml", "--trust", ".", "--key", "keys/robot.pub", "--for-terraform", file];
        site.run(&[start.as_slice(), &["--for-terraform", "plan.json"], more].concat())
    };
    let (code, text) = export("other", &["--run-id", "7"]);
    assert!(code == 3 && text.contains("other-plan-file"), "{code} {text}");
    let (code, text) = export("tfplan", &["--run-id", "7"]);
    assert_eq!(code, 0, "{text}");
    let log = fs::read_to_string(site.log()).unwrap();
    assert_eq!(log.matches("\"type\":\"export\"").count(), 1);
    // The same run may try again after a failed apply; another one may not.
    let (code, text) = export("tfplan", &["--run-id", "7"]);
    assert!(code == 0 && text.contains("may apply it again"), "{code} {text}");
    // An export by a key that does not count lets nobody try again, and its approvals stay used up.
    let signers = fs::read_to_string(site.demo().join("allowed_signers")).unwrap();
    site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", "keys/robot2"]);
    let (robot, robot2) = (site.public_key("robot"), site.public_key("robot2"));
    fs::write(site.demo().join("allowed_signers"), signers.replace(&robot, &robot2)).unwrap();
    let again = ["export", "plan.yaml", "--trust", ".", "--key", "keys/robot2.pub", "--for-terraform", "tfplan"];
    let (code, text) = site.run(&[&again[..], &["--for-terraform", "plan.json", "--run-id", "7"]].concat());
    assert!(code == 6 && !text.contains("may apply it again"), "{code} {text}");
    fs::write(site.demo().join("allowed_signers"), &signers).unwrap();
    for other in [&["--run-id", "8"][..], &[]] {
        let (code, text) = export("tfplan", other);
        assert_eq!(code, 6, "{text}");
    }
    assert_eq!(fs::read_to_string(site.log()).unwrap(), log, "an attempt of the same run records nothing");
    assert_eq!(site.run(&["verify", "review-log.jsonl"]).0, 0);
    // A freeze stops another attempt as well.
    let mut bo = site.sit("freeze plan.yaml --reason 'look at it first' --key keys/bo.pub");
    expect(&mut bo, "Enter: send");
    key(&mut bo, "freeze\r");
    expect(&mut bo, "exit=0");
    let (code, text) = export("tfplan", &["--run-id", "7"]);
    assert!(code == 4 && text.contains("frozen"), "{code} {text}");
}

#[test]
fn a_plan_that_states_the_digest_of_another_terraform_plan_does_not_pass() {
    let site = cloud();
    logs(&site, "user:ravi");
    import(&site, "plan.yaml");
    let honest = fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
    // The assistant imports a harmless plan, and writes the digests of a harmful one into it.
    logs(&site, "user:mallory");
    import(&site, "harmful.yaml");
    let digest = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        line.split_once('"').unwrap().1.trim_end_matches('"').to_owned()
    };
    let harmful = fs::read_to_string(site.demo().join("harmful.yaml")).unwrap();
    let mut forged = honest.clone();
    for name in ["source:", "file:"] {
        forged = forged.replace(&digest(&honest, name), &digest(&harmful, name));
    }
    fs::write(site.demo().join("plan.yaml"), forged).unwrap();
    site.sign("plan.yaml");
    approve(&site);
    let (code, text) =
        site.run(&["gate", "plan.yaml", "--trust", ".", "--terraform-plan", "tfplan", "--terraform-plan", "plan.json"]);
    assert!(code == 3 && text.contains("are not those of the Terraform plan"), "{code} {text}");
    // An approval of one source is none of another: the digests are part of what was approved.
    fs::write(site.demo().join("plan.yaml"), honest).unwrap();
    site.sign("plan.yaml");
    assert_eq!(site.run(&["gate", "plan.yaml", "--trust", "."]).0, 6);
}

#[test]
fn a_difference_of_two_snapshots_becomes_a_plan() {
    let site = cloud();
    let text = fs::read_to_string(site.demo().join("snapshot.json")).unwrap();
    let mut after: Value = serde_json::from_str(&text).unwrap();
    after["assignments"] =
        json!([{"id": "a", "who": "user:ravi", "role": "roles/logging.viewer", "scope": "projects/shop"}]);
    after["identities"][3]["labels"] = json!({"team": "shop"});
    fs::write(site.demo().join("after.json"), after.to_string()).unwrap();
    let (code, text) = site.run(&["plan", "from-diff", "snapshot.json", "after.json", "-o", "diff.yaml"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("plan-not-read") && text.contains("`labels`"), "{text}");
    let plan = fs::read(site.demo().join("diff.yaml")).unwrap();
    let plan = review::plan::read("diff.yaml", &plan).unwrap();
    assert_eq!(plan.changes.iter().map(|it| it.action.word()).collect::<Vec<_>>(), ["grant"]);
    let (code, text) = site.run(&["plan", "from-diff", "snapshot.json", "snapshot.json"]);
    assert!(code == 0 && text.contains("nothing changes access"), "{text}");
    let other = text_of_other(&site);
    assert!(other.0 == 3 && other.1.contains("different systems"), "{other:?}");
}

fn text_of_other(site: &Site) -> (i32, String) {
    site.replace("after.json", "\"source\":\"gcp\"", "\"source\":\"other\"");
    site.run(&["plan", "from-diff", "snapshot.json", "after.json"])
}

/// A folder with a configuration of Terraform, where the program is installed.
struct Terraform {
    folder: tempfile::TempDir,
}

impl Terraform {
    fn new(configuration: &str) -> Option<Self> {
        let there = Command::new("terraform").arg("version").output().is_ok_and(|it| it.status.success());
        if !there {
            println!("skipped: `terraform` is not installed");
            return None;
        }
        let it = Self { folder: tempfile::tempdir().unwrap() };
        it.write(configuration);
        Some(it)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, configuration: &str) {
        fs::write(self.path("main.tf"), configuration).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new("terraform");
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_IN_AUTOMATION", "1");
        if self.path("rc").exists() {
            command.env("TF_CLI_CONFIG_FILE", self.path("rc"));
        } else {
            command.env_remove("TF_CLI_CONFIG_FILE");
        }
        let output = command.output().unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        )
    }

    fn ensure(&self, arguments: &[&str]) -> String {
        let (ok, text) = self.run(arguments);
        assert!(ok, "terraform {arguments:?}: {text}");
        text
    }

    /// Plans, and imports the plan for an AWS account into an empty snapshot.
    fn import(&self, more: &[&str]) -> (i32, String, String) {
        self.ensure(&[&["plan", "-no-color", "-input=false", "-out=tfplan"], more].concat());
        let json = Command::new("terraform")
            .current_dir(self.folder.path())
            .args(["show", "-json", "tfplan"])
            .env("TF_CLI_CONFIG_FILE", self.path("rc"))
            .output()
            .unwrap();
        fs::write(self.path("plan.json"), json.stdout).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_review"))
            .current_dir(self.folder.path())
            .env_clear()
            .args([
                "plan",
                "import",
                "terraform",
                "plan.json",
                "--plan-file",
                "tfplan",
                "--proposer",
                "agent:a",
                "--target",
                "123456789012",
            ])
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }
}

#[test]
fn plans_of_a_real_terraform_without_access_change_nothing() {
    let Some(terraform) = Terraform::new("resource \"terraform_data\" \"a\" {\n  input = sensitive(\"SECRET\")\n}\n")
    else {
        return;
    };
    fs::write(terraform.path("rc"), "").unwrap();
    let (ok, text) = terraform.run(&["init", "-no-color", "-input=false"]);
    assert!(ok, "{text}");
    let nothing = |(code, text, said): (i32, String, String)| {
        assert!(code == 0 && text.is_empty() && said.contains("nothing changes access"), "{code} {text} {said}");
        assert!(!said.contains("SECRET"));
    };
    nothing(terraform.import(&[]));
    terraform.ensure(&["apply", "-no-color", "-input=false", "tfplan"]);
    // Moved, with an unknown value, replaced, and only a part of the configuration.
    terraform.write("moved {\n  from = terraform_data.a\n  to = terraform_data.b\n}\nresource \"terraform_data\" \"b\" {\n  input = \"x\"\n  triggers_replace = [1]\n}\nresource \"terraform_data\" \"c\" {\n  input = terraform_data.b.id\n}\n");
    nothing(terraform.import(&[]));
    terraform.ensure(&["apply", "-no-color", "-input=false", "-auto-approve"]);
    let text = fs::read_to_string(terraform.path("main.tf")).unwrap();
    terraform.write(&text.replace("[1]", "[3]"));
    let (code, _, said) = terraform.import(&["-target=terraform_data.b"]);
    assert!(code == 3 && said.contains("not complete"), "{code} {said}");
    terraform.write(&text);
    // Nothing to do: Terraform states that such a plan cannot be applied.
    let (code, _, said) = terraform.import(&["-refresh-only"]);
    assert!(code == 3 && said.contains("cannot be applied"), "{code} {said}");
    // Forgotten, and a provisioner, which may do anything.
    terraform.write("removed {\n  from = terraform_data.c\n  lifecycle {\n    destroy = false\n  }\n}\nresource \"terraform_data\" \"b\" {\n  input = \"x\"\n  triggers_replace = [2]\n  provisioner \"local-exec\" {\n    command = \"true\"\n  }\n}\n");
    let (code, _, said) = terraform.import(&[]);
    assert!(code == 3 && said.contains("provisioner"), "{code} {said}");
}

/// The folder of provider plugins: `REVIEW_TEST_TERRAFORM_PLUGINS`, laid out as a mirror of a registry.
fn plugins() -> Option<PathBuf> {
    let folder = std::env::var_os("REVIEW_TEST_TERRAFORM_PLUGINS").map(PathBuf::from);
    let found = folder.filter(|it| it.join("registry.terraform.io/hashicorp/aws").is_dir());
    if found.is_none() {
        println!("skipped: REVIEW_TEST_TERRAFORM_PLUGINS names no folder with the AWS provider");
    }
    found
}

fn aws(body: &str) -> String {
    "terraform {\n  required_providers {\n    aws = { source = \"hashicorp/aws\" }\n  }\n}\nprovider \"aws\" {\n  region = \"eu-west-1\"\n  access_key = \"x\"\n  secret_key = \"x\"\n  skip_credentials_validation = true\n  skip_requesting_account_id = true\n  skip_metadata_api_check = true\n}\n".to_owned() + body
}

fn words(text: &str) -> Vec<(String, Option<String>)> {
    let plan = review::plan::read("plan.yaml", text.as_bytes()).unwrap();
    let origin = |it: &review::plan::model::Change| it.origin.as_ref().map(|it| it.value.raw().to_owned());
    plan.changes.iter().map(|it| (it.action.word().to_owned(), origin(it))).collect()
}

#[test]
fn a_real_plan_of_aws_access_names_each_resource_and_what_is_unknown() {
    let Some(mirror) = plugins() else { return };
    let body = r#"
resource "aws_iam_role" "deploy" {
  name               = "deploy"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "arn:aws:iam::123456789012:user/ann" } }] })
}
resource "aws_iam_policy" "read" {
  name   = "read"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "*" }] })
}
resource "aws_iam_role_policy_attachment" "read" {
  role       = aws_iam_role.deploy.name
  policy_arn = aws_iam_policy.read.arn
}
resource "aws_iam_access_key" "ann" { user = "ann" }
"#;
    let Some(terraform) = Terraform::new(&aws(body)) else { return };
    let rc =
        format!("provider_installation {{\n  filesystem_mirror {{\n    path = \"{}\"\n  }}\n}}\n", mirror.display());
    fs::write(terraform.path("rc"), rc).unwrap();
    terraform.ensure(&["init", "-no-color", "-input=false"]);
    let (code, text, said) = terraform.import(&[]);
    assert_eq!(code, 0, "{said}");
    let plan = review::plan::read("plan.yaml", text.as_bytes()).unwrap();
    let unknown: Vec<String> =
        plan.changes.iter().flat_map(|it| &it.unknown).map(|it| it.value.raw().to_owned()).collect();
    assert!(unknown.iter().any(|it| it == "policy_arn (from aws_iam_policy.read.arn)"), "{unknown:?}");
    let named = words(&text);
    for (word, address) in
        [("create_identity", "aws_iam_role.deploy"), ("grant", "aws_iam_role_policy_attachment.read")]
    {
        assert!(named.contains(&(word.to_owned(), Some(address.to_owned()))), "{word} {address}: {named:?}");
    }
    let made_from = plan.made_from.unwrap();
    assert!(
        made_from.complete.value
            && made_from.not_read.iter().any(|it| it.value.raw().contains("aws_iam_access_key.ann"))
    );
    assert_eq!(
        made_from.file.unwrap().value,
        review::input::digest::Digest::of(&fs::read(terraform.path("tfplan")).unwrap())
    );
    assert!(Path::new(&terraform.path("plan.json")).exists());
}
