//! Real repositories whose configuration is hostile, or that lack something.

use std::fs;
use std::process::Command;

use super::*;

struct Repository(tempfile::TempDir);

impl Repository {
    fn new() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.run(&["init", "-q", "-b", "main"]);
        repository.commit("first");
        repository
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.current_dir(self.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.path()).env("GIT_CONFIG_NOSYSTEM", "1").args(["-c", "protocol.file.allow=always"]);
        for name in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{name}_NAME"), "n").env(format!("GIT_{name}_EMAIL"), "e@x");
        }
        let output = command.args(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn commit(&self, message: &str) -> String {
        self.run(&["commit", "-q", "--allow-empty", "-m", message]);
        self.run(&["rev-parse", "HEAD"])
    }
}

#[test]
fn nothing_that_a_checkout_configures_is_run() {
    let r = Repository::new();
    let trap = r.path().join("trap.sh");
    let sprung = r.path().join("sprung");
    fs::write(&trap, format!("#!/bin/sh\ntouch {}\n", sprung.display())).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(r.path().join("a"), "a").unwrap();
    r.run(&["add", "a"]);
    r.run(&["config", "core.fsmonitor", &trap.display().to_string()]);
    for args in [&["status", "--porcelain"][..], &["ls-files", "-m"], &["diff", "--stat"]] {
        git(r.path(), args).unwrap();
        assert!(!sprung.exists(), "{args:?}");
    }
    r.run(&["status", "--porcelain"]);
    assert!(sprung.exists(), "without the switch, git runs it");
}

#[test]
fn a_partial_clone_fetches_nothing() {
    let origin = Repository::new();
    fs::write(origin.path().join("plan.yaml"), "x: y\n").unwrap();
    origin.run(&["add", "plan.yaml"]);
    origin.commit("plan");
    origin.run(&["config", "uploadpack.allowFilter", "true"]);
    let clone = Repository(tempfile::tempdir().unwrap());
    let url = format!("file://{}", origin.path().display());
    clone.run(&["clone", "-q", "--no-checkout", "--filter=blob:none", &url, "."]);
    clone.run(&["config", "protocol.file.allow", "always"]);
    let object = line(clone.path(), &["rev-parse", "HEAD:plan.yaml"]).unwrap();
    assert!(git(clone.path(), &["cat-file", "blob", &object]).is_err(), "the object is not here, and stays away");
    assert_eq!(clone.run(&["cat-file", "blob", &object]), "x: y", "without the switch, git fetches it");
}

#[test]
fn a_name_that_several_references_have_is_refused() {
    let r = Repository::new();
    let first = r.run(&["rev-parse", "HEAD"]);
    let second = r.commit("second");
    assert_eq!(commit_of(r.path(), "main").unwrap(), second);
    assert_eq!(commit_of(r.path(), "main~1").unwrap(), first);
    for other in ["refs/main", "refs/tags/main", "refs/remotes/main", "refs/remotes/main/HEAD"] {
        r.run(&["update-ref", other, &first]);
        let why = commit_of(r.path(), "main").unwrap_err();
        assert!(matches!(why, RevisionError::Ambiguous(_)), "{other}: {why}");
        assert!(matches!(commit_of(r.path(), "main~1"), Err(RevisionError::Ambiguous(_))), "{other}");
        assert_eq!(commit_of(r.path(), "refs/heads/main").unwrap(), second, "{other}");
        r.run(&["update-ref", "-d", other]);
    }
    // A file of that name in git's own folder is no reference.
    fs::write(r.path().join(".git/main"), format!("{first}\n")).unwrap();
    assert_eq!(commit_of(r.path(), "main").unwrap(), second);
    for bad in ["", "-x", "main:plan.yaml", "nowhere", "main^{tree}x"] {
        assert!(commit_of(r.path(), bad).is_err(), "{bad}");
    }
}

#[test]
fn what_is_missing_comes_with_the_command_that_fetches_it() {
    let origin = Repository::new();
    origin.run(&["branch", "review-log"]);
    let clone = Repository(tempfile::tempdir().unwrap());
    let url = format!("file://{}", origin.path().display());
    clone.run(&["clone", "-q", "--single-branch", "--branch", "main", &url, "."]);
    let run = |command: &str| clone.run(&command.split(' ').skip(1).collect::<Vec<_>>());
    for name in ["origin/review-log", "refs/remotes/origin/review-log", "review-log"] {
        let Err(RevisionError::Unknown { fetch, .. }) = commit_of(clone.path(), name) else { panic!("{name}") };
        run(&fetch);
        assert!(commit_of(clone.path(), name).is_ok(), "{fetch}");
        for done in ["refs/remotes/origin/review-log", "refs/heads/review-log"] {
            let _ = git(clone.path(), &["update-ref", "-d", done]);
        }
    }
}

#[test]
fn a_repository_of_another_user_comes_with_the_command_that_trusts_it() {
    let r = Repository::new();
    let why = "detected dubious ownership in repository at '/srv/x'";
    let text = explained(r.path(), "git cannot read it", why);
    let folder = r.path().canonicalize().unwrap();
    let help = text.help().unwrap();
    assert!(help.contains(&format!("git config --global --add safe.directory {}", folder.display())), "{help}");
    assert!(explained(r.path(), "git cannot read it", "no such ref").help().is_none());
}
