//! Branches of real repositories.

use std::fs;
use std::process::Command;

use super::*;

struct Repository(tempfile::TempDir);

impl Repository {
    fn new() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "-q", "-b", "main", "."]);
        repository.write("README.md", "r");
        repository.commit("first");
        repository
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn git(&self, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.current_dir(self.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        for (name, value) in [("NAME", "n"), ("EMAIL", "e@x")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        let output = command.args(args).output().unwrap();
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn write(&self, path: &str, text: &str) {
        let full = self.path().join(path);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        fs::write(full, text).unwrap();
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    fn touched(&self, given: &[&str]) -> anyhow::Result<TouchedFiles> {
        let given: Vec<PathBuf> = given.iter().map(PathBuf::from).collect();
        Branch::since("main", "HEAD", self.path())?.plans(&given)
    }
}

fn touched(changed: &[&str], deleted: &[&str], others: &[&str]) -> TouchedFiles {
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    TouchedFiles { changed: list(changed), deleted: list(deleted), others: list(others) }
}

#[test]
fn a_branch_touches_what_differs_from_where_it_left() {
    let r = Repository::new();
    for name in ["kept", "edited", "gone", "old-name"] {
        r.write(&format!("plans/{name}.yaml"), name);
    }
    r.commit("plans");
    r.git(&["checkout", "-q", "-b", "topic"]);
    assert_eq!(r.touched(&[]).unwrap().changed, Vec::<String>::new());
    r.write("plans/edited.yaml", "other");
    r.write("plans/new.yaml", "new");
    r.write("docs/page.yaml", "title: no plan");
    r.write("odd/place.yaml", "proposer: a\nexpires: b\nchanges: []\n");
    fs::remove_file(r.path().join("plans/gone.yaml")).unwrap();
    r.git(&["mv", "plans/old-name.yaml", "plans/new-name.yaml"]);
    r.commit("work");
    // What main does meanwhile is not the branch's doing.
    r.git(&["checkout", "-q", "main"]);
    r.write("plans/kept.yaml", "main changed it");
    r.commit("meanwhile");
    r.git(&["checkout", "-q", "topic"]);
    // What is not committed is not what would be merged.
    r.write("plans/kept.yaml", "dirty");
    r.write("plans/untracked.yaml", "x");
    let expected = touched(
        &["odd/place.yaml", "plans/edited.yaml", "plans/new-name.yaml", "plans/new.yaml"],
        &["plans/gone.yaml", "plans/old-name.yaml"],
        &["plans/kept.yaml"],
    );
    assert_eq!(r.touched(&[]).unwrap(), expected);
    assert_eq!(r.touched(&["plans"]).unwrap().changed, ["plans/edited.yaml", "plans/new-name.yaml", "plans/new.yaml"]);
    assert_eq!(r.touched(&["./plans/../plans/new.yaml"]).unwrap(), touched(&["plans/new.yaml"], &[], &[]));
    assert_eq!(r.touched(&["plans/gone.yaml"]).unwrap(), touched(&[], &["plans/gone.yaml"], &[]));
    assert_eq!(r.touched(&["plans/kept.yaml"]).unwrap(), touched(&[], &[], &["plans/kept.yaml"]));
    for bad in ["plans/absent.yaml", "../plans", "/plans", "docs/none", "README.md/x"] {
        assert!(r.touched(&[bad]).is_err(), "{bad}");
    }
    r.write("plans/kept.yaml.sig", "s");
    r.git(&["add", "plans/kept.yaml.sig"]);
    r.git(&["commit", "-q", "-m", "another proof"]);
    assert_eq!(r.touched(&["plans/kept.yaml"]).unwrap(), touched(&["plans/kept.yaml"], &[], &[]));
    let branch = Branch::since("main", "topic", r.path()).unwrap();
    assert_eq!(branch.bytes("plans/edited.yaml").unwrap(), b"other");
    assert!(branch.bytes("plans/gone.yaml").is_err());
    let below = Branch::since("main", "topic", &r.path().join("docs")).unwrap();
    assert_eq!(below.shown("plans/new.yaml"), "../plans/new.yaml");
    assert_eq!(below.shown("docs/page.yaml"), "page.yaml");
    assert_eq!(below.plans(&["../plans".into()]).unwrap().changed.len(), 4);
}

#[test]
fn a_review_yaml_that_the_branch_adds_hides_no_plan() {
    let r = Repository::new();
    r.write("access/a.yaml", "a");
    r.commit("access");
    r.git(&["checkout", "-q", "-b", "topic"]);
    r.write("access/review.yaml", "version: 1\n");
    r.write("access/people.yaml", "x: 1\n");
    r.commit("hides");
    let found = r.touched(&["access"]).unwrap();
    assert_eq!(
        found.changed,
        ["access/people.yaml", "access/review.yaml"],
        "each is judged as the plan that it would be"
    );
}

#[test]
fn a_link_is_no_plan() {
    let r = Repository::new();
    r.git(&["checkout", "-q", "-b", "topic"]);
    r.write("elsewhere", "x");
    fs::create_dir(r.path().join("plans")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", r.path().join("plans/a.yaml")).unwrap();
    r.commit("link");
    let branch = Branch::since("main", "HEAD", r.path()).unwrap();
    assert!(branch.plans(&[]).unwrap_err().to_string().contains("symbolic link"));
    assert!(branch.bytes("plans/a.yaml").unwrap_err().to_string().contains("symbolic link"));
}

#[test]
fn a_touched_file_of_any_name_is_a_plan_if_it_reads_as_one() {
    let r = Repository::new();
    r.write("plans/before.bak", "proposer: a\nexpires: b\nchanges: []\n");
    r.commit("before");
    r.git(&["checkout", "-q", "-b", "topic"]);
    let plan = r#"{"proposer": "a", "expires": "b", "changes": []}"#;
    for name in ["odd/j.json", "plans/a.yaml.bak", "plans/noend", "plans/broken.json"] {
        r.write(name, if name.contains("broken") { "{" } else { plan });
    }
    r.write("plans/README.md", "A plan names a `proposer`, its changes and when it expires.");
    r.write("image", &"\u{0}proposer changes expires".repeat(100_000));
    r.commit("plans");
    let all = ["odd/j.json", "plans/a.yaml.bak", "plans/broken.json", "plans/noend"];
    assert_eq!(r.touched(&[]).unwrap().changed, all);
    assert_eq!(r.touched(&["plans"]).unwrap().changed, all[1..]);
}

#[test]
fn a_link_or_a_submodule_where_plans_stand_is_refused() {
    for (mode, place, says) in [
        ("120000", "plans", Some("symbolic link")),
        ("120000", "plans/2026", Some("symbolic link")),
        ("120000", "x/a.json", None),
        ("160000", "plans/more", Some("submodule")),
        ("160000", "vendor", None),
    ] {
        let r = Repository::new();
        r.git(&["checkout", "-q", "-b", "topic"]);
        let object =
            if mode == "160000" { r.git(&["rev-parse", "HEAD"]) } else { r.git(&["rev-parse", "HEAD:README.md"]) };
        r.git(&["update-index", "--add", "--cacheinfo", &format!("{mode},{object},{place}")]);
        r.git(&["commit", "-q", "-m", "no file"]);
        match (r.touched(&[]), says) {
            (Err(why), Some(says)) => assert!(why.to_string().contains(says), "{place}: {why}"),
            (Ok(found), None) => assert_eq!(found.changed, Vec::<String>::new(), "{place}"),
            (found, _) => panic!("{mode} {place}: {found:?}"),
        }
    }
}

#[test]
fn what_git_cannot_tell_for_certain_is_a_failure() {
    let r = Repository::new();
    let why = |reference: &str, folder: &Path| Branch::since(reference, "HEAD", folder).unwrap_err().to_string();
    assert!(why("origin/main", r.path()).contains("is not a commit of this repository"));
    assert!(why("--all", r.path()).contains("is not the name of a commit"));
    assert!(why("", r.path()).contains("is not the name of a commit"));
    let outside = tempfile::tempdir().unwrap();
    assert!(why("main", outside.path()).contains("not a git repository"));
    r.git(&["checkout", "-q", "--orphan", "stranger"]);
    r.commit("no parent");
    assert!(why("main", r.path()).contains("no common ancestor"));
    r.git(&["checkout", "-q", "main"]);
    r.commit("second");
    let from = format!("file://{}", r.path().display());
    r.git(&["clone", "-q", "--depth", "1", &from, "shallow"]);
    let shallow = r.path().join("shallow");
    let error = Branch::since("HEAD", "HEAD", &shallow).unwrap_err();
    let help = error.downcast_ref::<CommandError>().and_then(CommandError::help).unwrap();
    assert!(error.to_string().contains("shallow") && help.contains("git fetch --unshallow"), "{error}: {help}");
}

#[test]
fn of_several_merge_bases_none_hides_a_change() {
    let r = Repository::new();
    r.write("plans/a.yaml", "one");
    r.commit("base");
    r.git(&["branch", "topic"]);
    r.write("plans/a.yaml", "two");
    r.commit("main edits");
    r.git(&["checkout", "-q", "topic"]);
    r.write("x", "x");
    r.commit("topic works");
    let (main, topic) = (r.git(&["rev-parse", "main"]), r.git(&["rev-parse", "topic"]));
    // Each merges the other's old head: two merge bases.
    r.git(&["merge", "-q", "--no-edit", &main]);
    r.git(&["checkout", "-q", "main"]);
    r.git(&["merge", "-q", "--no-edit", &topic]);
    r.git(&["checkout", "-q", "topic"]);
    assert_eq!(r.git(&["merge-base", "--all", "main", "topic"]).lines().count(), 2);
    // Back to what one of the bases held.
    r.write("plans/a.yaml", "one");
    r.commit("revert");
    assert_eq!(r.touched(&[]).unwrap().changed, ["plans/a.yaml"]);
}

#[test]
fn a_plan_in_another_encoding_or_behind_another_document_is_touched() {
    let r = Repository::new();
    r.git(&["checkout", "-q", "-b", "topic"]);
    let plan = "proposer: a\nexpires: b\nchanges: []\n";
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(plan.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    fs::write(r.path().join("other.yaml"), &utf16).unwrap();
    fs::write(r.path().join("latin.yml"), b"name: caf\xe9\n").unwrap();
    fs::write(r.path().join("notes.txt"), &utf16).unwrap();
    r.write("second.txt", &format!("a: b\n---\n{plan}"));
    r.write("lines.json", "{\"a\": 1}\n{\"proposer\": 1, \"expires\": 2, \"changes\": 3}\n");
    r.write("plain.txt", "proposer\n---\nexpires\n---\nchanges\n");
    r.commit("change");
    let found = r.touched(&[]).unwrap();
    assert_eq!(found.changed, ["latin.yml", "lines.json", "notes.txt", "other.yaml", "second.txt"]);
}
