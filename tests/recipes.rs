//! The recipes of `examples/`: their YAML parses, their scripts are sound, and what they run of this program does what they want.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Site, decide, seal};
use serde_yaml::Value;

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
            assert_eq!(job["steps"][checkout(job)]["with"]["fetch-depth"], Value::from(0), "{path}");
        }
    }
}

/// Which step of a job checks out what is judged.
fn checkout(job: &Value) -> usize {
    let steps = job["steps"].as_sequence().unwrap();
    let own = |step: &Value| {
        step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/checkout"))
            && step["with"]["repository"].is_null()
    };
    steps.iter().position(own).unwrap()
}

/// Lays out a repository with a program called `review` in a folder, and gives its commit.
fn source(site: &Site, folder: &str) -> String {
    let at = site.demo().join(folder);
    fs::create_dir_all(at.join("src")).unwrap();
    fs::write(at.join("Cargo.toml"), "[package]\nname = \"review\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
        .unwrap();
    fs::write(at.join("Cargo.lock"), "version = 4\n\n[[package]]\nname = \"review\"\nversion = \"0.1.0\"\n").unwrap();
    fs::write(at.join("src/main.rs"), "fn main() {}\n").unwrap();
    let script =
        "git init -q -b main . && git add . && git -c user.name=n -c user.email=e commit -qm s && git rev-parse HEAD";
    let output = site.command("bash", &at).args(["-c", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Runs the installation of a recipe beside settings of cargo that would run a program of the branch's own.
fn install(site: &Site, script: &str, variables: &[(&str, &str)]) {
    let demo = site.demo();
    fs::create_dir_all(demo.join(".cargo")).unwrap();
    fs::write(demo.join(".cargo/config.toml"), "[build]\nrustc-wrapper = \"./evil\"\n").unwrap();
    fs::write(demo.join("Cargo.toml"), "[workspace]\n").unwrap();
    fs::write(demo.join("evil"), "#!/bin/sh\ntouch \"$EVIL\"\nexec \"$@\"\n").unwrap();
    let own = fs::canonicalize(&demo).unwrap().join("toolchain");
    fs::create_dir_all(own.join("bin")).unwrap();
    fs::write(demo.join("rust-toolchain.toml"), format!("[toolchain]\npath = \"{}\"\n", own.display())).unwrap();
    for name in ["cargo", "rustc"] {
        fs::write(own.join("bin").join(name), "#!/bin/sh\ntouch \"$EVIL\"\n").unwrap();
    }
    let made = site.command("chmod", &demo).args(["+x", "evil", "toolchain/bin/cargo", "toolchain/bin/rustc"]).status();
    assert!(made.unwrap().success());
    let evil = demo.join("../evil-ran");
    let home = PathBuf::from(std::env::var_os("HOME").unwrap());
    let of = |name: &str, folder: &str| std::env::var_os(name).map_or_else(|| home.join(folder), PathBuf::from);
    let (cargo, rustup) = (of("CARGO_HOME", ".cargo"), of("RUSTUP_HOME", ".rustup"));
    let mut all = vec![("EVIL", evil.to_str().unwrap())];
    let new = demo.join("../cargo");
    fs::create_dir_all(&new).unwrap();
    let new = fs::canonicalize(new).unwrap();
    all.extend([("CARGO_HOME", new.to_str().unwrap()), ("RUSTUP_HOME", rustup.to_str().unwrap())]);
    // Where rustup is, it chooses the toolchain by the folder that it is run in.
    let path = format!("{}:{}", cargo.join("bin").display(), std::env::var("PATH").unwrap());
    all.push(("PATH", &path));
    all.extend(variables);
    let (code, said) = run(site, script, &all);
    assert!(!evil.exists(), "the branch's program was run: {said}");
    assert_eq!(code, 0, "{said}");
}

#[test]
fn nothing_of_the_branch_is_run_where_the_tool_is_built() {
    for path in ["03-github-actions/workflows/review.yml", "03-github-actions/workflows/log.yml"] {
        for (name, job) in yaml(path)["jobs"].as_mapping().unwrap() {
            let steps = job["steps"].as_sequence().unwrap();
            let built = steps.iter().position(|step| step["name"] == "Install").unwrap();
            assert!(built < checkout(job), "{path}: {name:?} is built below the checkout");
            let site = Site::new();
            let temp = site.demo().join("../temp");
            fs::create_dir(&temp).unwrap();
            let temp = fs::canonicalize(temp).unwrap();
            source(&site, ".review-source");
            let paths = temp.join("paths");
            let variables = [("RUNNER_TEMP", temp.to_str().unwrap()), ("GITHUB_PATH", paths.to_str().unwrap())];
            install(&site, steps[built]["run"].as_str().unwrap(), &variables);
            let bin = fs::read_to_string(paths).unwrap();
            assert!(Path::new(bin.trim()).join("review").exists(), "{path}: {bin}");
        }
    }
    let site = Site::new();
    let commit = source(&site, "../source");
    let address = format!("file://{}", fs::canonicalize(site.demo().join("../source")).unwrap().display());
    let root = site.demo().join("../root");
    let variables =
        [("REVIEW_SOURCE", &*address), ("REVIEW_REVISION", &*commit), ("CARGO_INSTALL_ROOT", root.to_str().unwrap())];
    let before = &yaml("04-gitlab-ci/.gitlab-ci.yml")[".review"]["before_script"];
    let lines = before.as_sequence().unwrap().iter().map(|line| line.as_str().unwrap());
    let line = lines.filter(|line| line.contains("cargo install")).collect::<String>();
    install(&site, &line, &variables);
    assert!(root.join("bin/review").exists());
}

#[test]
fn a_rewritten_log_is_told_from_a_first_one() {
    let site = clone();
    let all = steps(&yaml("03-github-actions/workflows/log.yml"));
    let watch = &all.iter().find(|(name, _)| name == "The log holds all that it held").unwrap().1;
    let temp = fs::canonicalize(site.demo().join("../temp")).unwrap();
    let watched = |before: &str| run(&site, watch, &[("RUNNER_TEMP", temp.to_str().unwrap()), ("BEFORE", before)]);
    let bash = |script: &str| {
        let names = "export GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e; set -e; ";
        let output = site.command("bash", &site.demo()).args(["-c", &format!("{names}{script}")]).output().unwrap();
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let none = "0".repeat(40);
    let begins = bash("git checkout -q -B review-log refs/remotes/origin/review-log && git rev-parse HEAD");
    for before in [&none, &begins] {
        let (code, said) = watched(before);
        assert!(code == 0 && said.contains("no log yet"), "{said}");
    }
    // Two people review, each in a push of their own.
    let mut pushes = Vec::new();
    let plan = bash("git show topic:plans/plan.yaml");
    let (kept, _) = plan.split_once("  # A denied change").unwrap();
    fs::write(site.demo().join("../plan.yaml"), kept).unwrap();
    site.sign("../plan.yaml");
    let approve = ("c2", "a", "Type `ledger-admin`", "ledger-admin");
    let both = [approve, ("c1", "a", "Type `yes`", "yes")];
    for (who, answers, code) in [("ada", &both[..], 5), ("bo", &both[..1], 0)] {
        let arguments = "../plan.yaml --trust refs/remotes/origin/main --log review-log.jsonl";
        let mut terminal = site.sit(&format!("{arguments} --key keys/{who}.pub"));
        decide(&mut terminal, answers);
        seal(&mut terminal, code);
        pushes.push(bash("git add review-log.jsonl && git commit -qm reviewed && git rev-parse HEAD"));
    }
    for before in [&none, &begins, &pushes[0]] {
        let (code, said) = watched(before);
        assert_eq!(code, 0, "{before}: {said}");
    }
    // A tag that is called like the protected branch changes nothing.
    bash("git tag origin/main HEAD");
    assert_eq!(watched(&pushes[0]).0, 0);
    // A force push leaves the second session out; the runner's clone does not hold what was there before.
    bash(&format!("git push -q origin {}:refs/heads/kept && git reset -q --hard {}", pushes[1], pushes[0]));
    let (code, said) = watched(&pushes[1]);
    assert!(code == 1 && said.contains("The branch was rewritten"), "{said}");
    // So does a commit on top.
    bash(&format!(
        "git reset -q --hard {} && git show {}:review-log.jsonl > review-log.jsonl && git commit -qam less",
        pushes[1], pushes[0]
    ));
    let (code, said) = watched(&pushes[1]);
    assert!(code == 7 && said.contains("log-lost-head"), "{code} {said}");
    // A log that is taken away, and one that is put back shorter in a later push.
    let gone = bash(&format!(
        "git reset -q --hard {} && git rm -q review-log.jsonl && git commit -qm gone && git rev-parse HEAD",
        pushes[1]
    ));
    assert_ne!(watched(&pushes[1]).0, 0);
    bash(&format!(
        "git show {}:review-log.jsonl > review-log.jsonl && git add review-log.jsonl && git commit -qm back",
        pushes[0]
    ));
    let (code, said) = watched(&gone);
    assert!(code == 7 && said.contains("log-lost-head"), "{code} {said}");
    let (code, said) = watched(&"1".repeat(40));
    assert!(code != 0 && !said.contains("no log yet"), "a commit that nobody has: {said}");
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
    assert!(env("SINCE").contains("'refs/remotes/origin/main'"));
    let variables = [
        ("TRUST", trust.as_str()),
        ("LOG", log.as_str()),
        ("SINCE", "refs/remotes/origin/main"),
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
