//! How one starts: `review init` for a person with and without keys, inside and outside git, and what a person is told of
//! trust files that are not what others see; and the first example, from its request to a gate that passes.
//!
//! Real git, real `ssh-keygen`, a real agent, a real terminal; the home folder is the test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{LONG, Site, expect, key, seal, unbroken};
use rexpect::session::spawn_command;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_review");

/// A person with a home folder of their own.
struct Person(TempDir);

impl Person {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn folder(&self, name: &str) -> PathBuf {
        let folder = self.0.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.0.path()).env("USER", "mia").env("NO_COLOR", "1").env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }

    /// Runs a script of `bash`; gives its exit code and all it printed.
    fn run(&self, folder: &Path, script: &str) -> (i32, String) {
        let script = format!("exec 2>&1\nreview() {{ {BINARY} \"$@\"; }}\n{script}");
        let output = self.command("bash", folder).args(["-c", &script]).output().unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Makes a key; gives kind and material of its public half.
    fn key(&self, path: &str, kind: &str) -> String {
        let full = self.0.path().join(path);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        let made =
            self.command("ssh-keygen", self.0.path()).args(["-q", "-t", kind, "-N", "", "-f"]).arg(&full).status();
        assert!(made.unwrap().success());
        let public = fs::read_to_string(full.with_extension("pub")).unwrap();
        public.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn init_without_a_key_or_git_makes_a_folder_that_says_what_is_missing() {
    let mia = Person::new();
    let site = mia.folder("site");
    let (code, text) = mia.run(&site, "review init");
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("no SSH key found: create one with `ssh-keygen -t ed25519`"), "{text}");
    let signers = fs::read_to_string(site.join("allowed_signers")).unwrap();
    assert!(signers.lines().all(|line| line.starts_with('#')), "a line without a key allows nobody: {signers}");
    // Every file says what it is for, and the commented examples in them are what the tool reads.
    for file in ["review.yaml", "people.yaml", "agents.yaml", "tasks.yaml", "allowed_signers"] {
        let text = fs::read_to_string(site.join(file)).unwrap();
        assert!(text.starts_with("# "), "{file}: {text}");
    }
    let (code, text) = mia.run(&site, "review check plan.yaml");
    assert!(code == 1 && text.contains("the trust folder has no `snapshot.json`"), "{text}");
    assert!(text.contains("= help: create it with `review snapshot import"), "{text}");
    let before = fs::read(site.join("review.yaml")).unwrap();
    let (code, text) = mia.run(&site, "review init");
    assert!(code == 1 && text.contains("already exist, and existing files are never overwritten"), "{text}");
    assert_eq!(fs::read(site.join("review.yaml")).unwrap(), before);
    // What is commented out in them is valid once the marks are taken away.
    for file in ["agents.yaml", "tasks.yaml", "review.yaml"] {
        let text = fs::read_to_string(site.join(file)).unwrap();
        let key = |line: &str| line.trim_start_matches("# ").split_once(':').map(|(key, _)| key.to_owned());
        let keys: Vec<_> = text.lines().filter(|line| line.starts_with("# ")).filter_map(key).collect();
        assert!(!text.contains("{{") && !keys.iter().any(|key| key.contains("TODO")), "{file}: {text}");
    }
}

#[test]
fn init_finds_the_key_that_git_signs_with_then_that_of_home_then_the_agents() {
    let mia = Person::new();
    let site = mia.folder("site");
    let (_, started) =
        mia.run(&site, "ssh-agent -s > agent.sh; . ./agent.sh; ssh-add -q ../held 2>/dev/null; echo $SSH_AGENT_PID");
    assert!(!started.trim().is_empty());
    let held = mia.key("held", "ed25519");
    let found = |script: &str| {
        for old in ["review.yaml", "people.yaml", "agents.yaml", "tasks.yaml", "allowed_signers", "policies"] {
            let old = site.join(old);
            if old.is_dir() { fs::remove_dir_all(old).unwrap() } else { drop(fs::remove_file(old)) }
        }
        let (code, text) = mia.run(&site, script);
        assert_eq!(code, 0, "{text}");
        (text, fs::read_to_string(site.join("allowed_signers")).unwrap())
    };
    let (text, signers) = found(". ./agent.sh >/dev/null; ssh-add -q ../held; review init");
    assert!(text.contains("(from ssh-add -L)") && signers.contains(&held), "{text}{signers}");
    let rsa = mia.key(".ssh/id_rsa", "rsa");
    let home = mia.key(".ssh/id_ed25519", "ed25519");
    let (text, signers) = found(". ./agent.sh >/dev/null; review init");
    assert!(text.contains("(from ~/.ssh)") && signers.contains(&home) && !signers.contains(&rsa), "{text}{signers}");
    let work = mia.key("work", "ed25519");
    let script = "git init -q . && git config user.email mia@corp.example && git config user.name 'Mia M' && git config gpg.format ssh \
                  && git config user.signingkey ~/work.pub && review init";
    let (text, signers) = found(script);
    assert!(text.contains("(from git's user.signingkey)"), "{text}");
    assert!(signers.contains(&format!("mia@corp.example namespaces=\"review-seal@v1\" {work}")), "{signers}");
    let people = fs::read_to_string(site.join("people.yaml")).unwrap();
    assert!(people.contains("id: mia\n") && people.contains("name: Mia M\n"), "{people}");
    let (code, text) = mia.run(&site, "review init --key nowhere.pub other");
    assert!(code == 1 && text.contains("there is no signing key at `nowhere.pub`"), "{text}");
    assert!(!site.join("other").exists());
    let (code, text) = mia.run(&site, "review init --key ~/work.pub other && review trust check --trust other");
    assert!(code == 0 && !text.contains("error["), "{text}");
    mia.run(&site, ". ./agent.sh >/dev/null; kill $SSH_AGENT_PID");
}

/// A copy of an example's folder, made ready by its `make.sh`.
fn example(person: &Person, name: &str) -> PathBuf {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let parts = [examples.join(name), examples.join("parts.sh")];
    let copied = Command::new("cp").arg("-r").args(parts).arg(person.0.path()).status().unwrap();
    assert!(copied.success());
    let folder = person.0.path().join(name);
    let (code, text) = person.run(&folder, "export -f review; bash make.sh");
    assert_eq!(code, 0, "{text}");
    folder
}

#[test]
fn the_first_example_ends_with_a_gate_that_passes_once_two_people_approved() {
    let mia = Person::new();
    let folder = example(&mia, "01-just-in-time");
    for (who, code) in [("ada", 5), ("bo", 0)] {
        let mut command = mia.command("bash", &folder);
        let script = format!("stty rows 100 cols 100; {BINARY} plan.yaml --key {who}.pub; echo \"exit=$?\"");
        command.env("TERM", "xterm").args(["-c", &script]);
        let mut terminal = spawn_command(command, LONG).unwrap();
        expect(&mut terminal, "? keys");
        key(&mut terminal, "a");
        expect(&mut terminal, "Type `operator` to approve");
        expect(&mut terminal, "Enter: send");
        key(&mut terminal, "operator\r");
        seal(&mut terminal, code);
    }
    let (code, text) =
        mia.run(&folder, "review gate plan.yaml --trust . && review verify review-log.jsonl && review log show");
    assert!(code == 0 && text.contains("ada") && text.contains("bo"), "{text}");
    // The same plan for longer is another change: neither approval holds for it.
    let (code, text) = mia.run(&folder, "export -f review; bash make.sh 1h && review gate plan.yaml --trust .");
    assert_eq!(code, 6, "{text}");
    assert!(text.contains("stale"), "{text}");
}

/// The demo in git, pushed to a remote and followed.
fn in_git() -> Site {
    let site = Site::new();
    let script = "set -e; git init -q --bare ../remote.git; git init -q -b main .; git config user.email a@corp.example; \
                  git config user.name A; printf 'keys/\\nreview-log.jsonl\\n.review-log*\\n' > .gitignore; git add -A; git commit -qm demo; \
                  git remote add origin ../remote.git; git push -q -u origin main";
    let output = site.command("bash", &site.demo()).args(["-c", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    site
}

#[test]
fn a_review_says_which_trust_files_are_not_those_of_the_upstream_branch() {
    let site = in_git();
    // As pushed, nothing is said: the first screen is a card.
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    let card = ada.exp_string("? keys").unwrap();
    assert!(card.contains("ledger-admin") && !card.contains("Before you decide"), "{card}");
    key(&mut ada, "q");
    expect(&mut ada, "exit=5");

    let people = site.demo().join("people.yaml");
    let before = fs::read_to_string(&people).unwrap();
    fs::write(&people, before.replace("identity-security: [bo]", "identity-security: [ada, bo]")).unwrap();
    fs::remove_file(site.demo().join("policies/classification.yaml")).unwrap();
    fs::write(site.demo().join("policies/mine.cedar"), "// nothing\n").unwrap();
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    let page = unbroken(&ada.exp_string("? keys").unwrap());
    for said in [
        "Before you decide",
        "the trust file `people.yaml` differs from the one on `origin/main`",
        "the trust file `policies/mine.cedar` is not in `origin/main`",
        "the trust file `policies/classification.yaml` of `origin/main` is missing here",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains("agents.yaml") && !page.contains("snapshot.json"), "{page}");
    // Enter does not pass it; `g` does, and the review is as ever.
    key(&mut ada, "\r");
    expect(&mut ada, "Enter alone does not decide");
    key(&mut ada, "g");
    expect(&mut ada, "1 of ");
    key(&mut ada, "r");
    expect(&mut ada, "Enter: send");
    key(&mut ada, "machines hold nothing for ever\r");
    expect(&mut ada, "? keys");
    key(&mut ada, "f");
    seal(&mut ada, 3);

    // Leaving at that page decides nothing.
    let mut bo = site.sit("plan.yaml --key keys/bo.pub");
    expect(&mut bo, "Before you decide");
    key(&mut bo, "q");
    expect(&mut bo, "nothing was decided");
    expect(&mut bo, "exit=5");
}

#[test]
fn the_only_key_of_a_person_that_may_decide_is_found() {
    let site = Site::new();
    let home = site.demo().join("../.ssh");
    fs::create_dir(&home).unwrap();
    let take = |person: &str, name: &str| {
        for ending in ["", ".pub"] {
            fs::copy(site.demo().join(format!("keys/{person}{ending}")), home.join(format!("{name}{ending}"))).unwrap();
        }
    };
    // The assistant's key is no approver's.
    take("assistant", "id_rsa");
    take("ada", "id_ed25519");
    let mut ada = site.sit("plan.yaml");
    expect(&mut ada, "? keys");
    key(&mut ada, "q");
    expect(&mut ada, "exit=5");
    take("bo", "id_ecdsa");
    let mut either = site.sit("plan.yaml");
    expect(&mut either, "several of your keys may decide");
    expect(&mut either, "exit=1");
}

#[test]
fn a_trust_folder_that_the_upstream_branch_lacks_is_one_finding() {
    let site = in_git();
    let nothing = site.git(&["commit-tree", "-m", "nothing", "4b825dc642cb6eb9a060e54bf8d69288fbee4904"]);
    site.git(&["update-ref", "refs/remotes/origin/main", &nothing]);
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    let page = unbroken(&ada.exp_string("? keys").unwrap());
    assert!(page.contains("this trust folder is not on `origin/main`"), "{page}");
    assert_eq!(page.matches("trust-file-differs").count(), 1, "{page}");
    key(&mut ada, "q");
    expect(&mut ada, "exit=5");
}

#[test]
fn a_trust_folder_read_from_the_upstream_branch_differs_from_nothing() {
    let site = in_git();
    let people = site.demo().join("people.yaml");
    let before = fs::read_to_string(&people).unwrap();
    fs::write(&people, before.replace("identity-security: [bo]", "identity-security: [ada, bo]")).unwrap();
    let mut ada = site.sit("plan.yaml --trust refs/remotes/origin/main --log review-log.jsonl --key keys/ada.pub");
    let card = ada.exp_string("? keys").unwrap();
    assert!(!card.contains("Before you decide"), "{card}");
    key(&mut ada, "q");
    expect(&mut ada, "exit=5");
}
