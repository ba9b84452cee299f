//! The recipes of `examples/`: their YAML parses, their scripts are sound, and what they run of this program does what they want.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_yaml::Value;
use support::Site;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(examples().join(path)).unwrap();
    serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every script of a workflow: the name of its step, and its text.
fn steps(workflow: &Value) -> Vec<(String, String)> {
    let jobs = workflow["jobs"].as_mapping().unwrap();
    let steps = jobs.values().flat_map(|job| job["steps"].as_sequence().unwrap());
    steps.filter_map(|step| Some((step["name"].as_str()?.to_owned(), step["run"].as_str()?.to_owned()))).collect()
}

fn scripts() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in ["03-github-actions/workflows/review.yml", "03-github-actions/workflows/log.yml"] {
        found.extend(steps(&yaml(path)).into_iter().map(|(name, run)| (format!("{path}: {name}"), run)));
    }
    let gitlab = yaml("04-gitlab-ci/.gitlab-ci.yml");
    for (job, keys) in [(".review", "before_script"), ("check", "script"), ("gate", "script")] {
        for line in gitlab[job][keys].as_sequence().unwrap() {
            found.push((format!("gitlab: {job}"), line.as_str().unwrap().to_owned()));
        }
    }
    let entry =
        yaml("05-pre-commit/pre-commit-config.yaml")["repos"][0]["hooks"][0]["entry"].as_str().unwrap().to_owned();
    found.push(("pre-commit-config".to_owned(), format!("{entry} plans/a.yaml")));
    for hook in ["05-pre-commit/pre-commit", "06-git-server/pre-receive"] {
        found.push((hook.to_owned(), fs::read_to_string(examples().join(hook)).unwrap()));
    }
    found
}

/// The lines of a script that run this program, each joined to one and cut where its result goes elsewhere.
fn commands(script: &str) -> Vec<String> {
    let joined = script.replace("\\\n", " ");
    let lines = joined.lines().map(|line| line.trim().trim_start_matches("exec "));
    let lines = lines.filter(|line| line.starts_with("review "));
    lines.map(|line| line.split([';', '|', '>']).next().unwrap().trim().to_owned()).collect()
}

#[test]
fn every_script_is_sound_and_every_command_in_it_exists() {
    let site = Site::new();
    let binary = Path::new(env!("CARGO_BIN_EXE_review")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let mut ran = 0;
    for (name, script) in scripts() {
        let output = site.command("bash", &site.demo()).args(["-n", "-c", &script]).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        for command in commands(&script) {
            // With `--help` behind it, a command is parsed as far as its flags and does nothing.
            let mut bash = site.command("bash", &site.demo());
            bash.env("PATH", &path).args(["-c", &format!("{command} --help")]);
            for name in ["SINCE", "TRUST", "LOG", "RUNNER_TEMP", "work", "main", "log", "file", "old", "new", "root"] {
                bash.env(name, "x");
            }
            let output = bash.output().unwrap();
            assert!(output.status.success(), "{name}: {command}: {}", String::from_utf8_lossy(&output.stderr));
            ran += 1;
        }
    }
    assert!(ran >= 10, "only {ran} commands were found");
    let unknown =
        site.command("bash", &site.demo()).env("PATH", &path).args(["-c", "review gate --no-such --help"]).output();
    assert!(!unknown.unwrap().status.success(), "a flag that does not exist is not noticed");
}

#[test]
fn nothing_that_a_pull_request_chooses_stands_in_a_script() {
    for path in ["03-github-actions/workflows/review.yml", "03-github-actions/workflows/log.yml"] {
        let workflow = yaml(path);
        for (name, script) in steps(&workflow) {
            assert!(!script.contains("${{"), "{path}: {name}");
        }
        assert!(workflow["permissions"].is_mapping(), "{path} says nothing of permissions");
        for job in workflow["jobs"].as_mapping().unwrap().values() {
            for step in job["steps"].as_sequence().unwrap() {
                if step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/checkout")) {
                    assert_eq!(step["with"]["persist-credentials"], Value::from(false), "{path}");
                }
            }
            // Where the branch left is known for certain only in a whole clone.
            assert_eq!(job["steps"][0]["with"]["fetch-depth"], Value::from(0), "{path}");
        }
    }
}

/// A clone as a CI job has it: `origin/main` with the trust files, `origin/review-log` without a log, a branch with a plan.
fn clone() -> Site {
    let site = Site::new();
    let script = r#"
        set -eu
        export GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e
        git init -q --bare -b main ../origin.git && git init -q -b main .
        echo keys/ > .gitignore && mkdir plans ../temp && mv plan.yaml plan.yaml.sig plans/
        git add . ':!plans' && git commit -qm trust
        git remote add origin ../origin.git && git push -q origin main
        git push -q origin "$(git commit-tree -m log "$(git mktree </dev/null)"):refs/heads/review-log"
        git fetch -q origin && git checkout -qb topic && git add -A && git commit -qm plan
    "#;
    let output = site.command("bash", &site.demo()).args(["-c", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    site
}

/// Runs a step of a workflow as its runner would; gives the exit code and what was printed.
fn run(site: &Site, script: &str, variables: &[(&str, &str)]) -> (i32, String) {
    let binary = Path::new(env!("CARGO_BIN_EXE_review")).parent().unwrap();
    let mut bash: Command = site.command("bash", &site.demo());
    bash.env("PATH", format!("{}:{}", binary.display(), std::env::var("PATH").unwrap()));
    bash.args(["-e", "-o", "pipefail", "-c", script]);
    for (name, value) in variables {
        bash.env(name, value);
    }
    let output = bash.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), said)
}

#[test]
fn the_steps_of_the_workflow_do_what_they_are_called() {
    let site = clone();
    let workflow = yaml("03-github-actions/workflows/review.yml");
    let all = steps(&workflow);
    let step = |name: &str| all.iter().find(|(step, _)| step == name).unwrap().1.clone();
    let env = |name: &str| workflow["env"][name].as_str().unwrap().to_owned();
    let (trust, log) = (env("TRUST"), env("LOG"));
    assert!(env("SINCE").contains("'origin/main'"));
    let variables = [
        ("TRUST", trust.as_str()),
        ("LOG", log.as_str()),
        ("SINCE", "origin/main"),
        ("GITHUB_OUTPUT", "../temp/output"),
        ("GITHUB_STEP_SUMMARY", "../temp/summary"),
        ("RUNNER_TEMP", "../temp"),
    ];
    let (code, said) = run(&site, &step("What policy says"), &variables);
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("::"), "{said}");
    let read = |name: &str| fs::read_to_string(site.demo().join(name)).unwrap();
    assert_eq!(read("../temp/output"), "code=3\n");
    assert!(read("review.sarif").contains("\"2.1.0\"") && read("review.md").starts_with("### review check"));
    let (code, said) = run(&site, &step("Whether enough allowed people decided"), &variables);
    assert_eq!(code, 3, "{said}");
    assert!(read("../temp/summary").starts_with("### review gate") && read("../temp/gate.xml").contains("<testsuites"));
    let (code, _) = run(&site, &step("The verdict"), &[("CODE", "3")]);
    assert_eq!(code, 3);
    let watch = &steps(&yaml("03-github-actions/workflows/log.yml"))[1].1;
    let (code, said) = run(&site, watch, &[("RUNNER_TEMP", "../temp"), ("BEFORE", &"0".repeat(40))]);
    assert_eq!(code, 0, "the first push of the log has nothing before it: {said}");
}

#[test]
fn the_jobs_of_gitlab_write_the_reports_that_they_name() {
    let site = clone();
    let pipeline = yaml("04-gitlab-ci/.gitlab-ci.yml");
    let variable = |name: &str| pipeline[".review"]["variables"][name].as_str().unwrap().to_owned();
    assert_eq!(variable("GIT_DEPTH"), "0");
    let (trust, log) = (variable("TRUST"), variable("LOG"));
    for job in ["check", "gate"] {
        let script = pipeline[job]["script"][0].as_str().unwrap();
        let (code, said) = run(&site, script, &[("TRUST", &trust), ("LOG", &log)]);
        assert_eq!(code, 3, "{said}");
        for report in pipeline[job]["artifacts"]["reports"].as_mapping().unwrap().values() {
            assert!(site.demo().join(report.as_str().unwrap()).exists(), "{job}: {report:?}");
        }
    }
    assert!(site.demo().join("gate.md").exists());
}
