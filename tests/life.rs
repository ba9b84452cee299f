//! The whole life of a change on a git server without CI: a bare repository whose hook is the one of `examples/06-git-server`,
//! an assistant that pushes, two people who review in a terminal, and somebody who tries to take a reject back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Site, decide, seal};
use serde_json::Value;

const LOG: &str = "origin/review-log:review-log.jsonl";
const SINCE: &[&str] = &["--changed-since", "origin/main", "--trust", "origin/main"];

/// A server and a clone of it, with a working tree beside it for the branch that keeps the log.
struct Server {
    site: Site,
}

impl Server {
    fn new() -> Self {
        let server = Self { site: Site::new() };
        let bare = server.path("../server.git");
        server.git(&["init", "-q", "--bare", "-b", "main", "../server.git"]);
        let hook = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/06-git-server/pre-receive");
        fs::copy(hook, bare.join("hooks/pre-receive")).unwrap();
        server.git(&["init", "-q", "-b", "main", "."]);
        fs::write(server.path(".gitignore"), "keys/\n").unwrap();
        fs::create_dir(server.path("plans")).unwrap();
        fs::rename(server.path("plan.yaml"), server.path("../demo.yaml")).unwrap();
        fs::remove_file(server.path("plan.yaml.sig")).unwrap();
        server.commit("the trust files");
        server.git(&["remote", "add", "origin", "../server.git"]);
        server.git(&["push", "-q", "origin", "main"]);
        let empty = server.git(&["hash-object", "-t", "tree", "-w", "/dev/null"]);
        let begins = server.git(&["commit-tree", "-m", "the log begins", &empty]);
        server.git(&["push", "-q", "origin", &format!("{begins}:refs/heads/review-log")]);
        server.git(&["fetch", "-q", "origin"]);
        server.git(&["worktree", "add", "-q", "../log", "-b", "review-log", "origin/review-log"]);
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.site.demo().join(name)
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = self.site.command("git", folder);
        for (name, value) in [("NAME", "n"), ("EMAIL", "e@x")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        // The hook runs the program by its name.
        let binary = Path::new(env!("CARGO_BIN_EXE_review")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", binary.display()));
        command
    }

    /// Runs git, and gives whether it succeeded and what it said.
    fn try_git_in(&self, folder: &Path, args: &[&str]) -> (bool, String) {
        let output = self.command(folder).args(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), said.trim().to_owned())
    }

    fn git_in(&self, folder: &Path, args: &[&str]) -> String {
        let (done, said) = self.try_git_in(folder, args);
        assert!(done, "git {args:?}: {said}");
        said
    }

    fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.site.demo(), args)
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    /// The assistant writes a plan, signs it and commits it.
    fn propose(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
        let _ = fs::remove_file(self.path(&format!("{path}.sig")));
        self.site.sign(path);
        self.commit("a plan");
    }

    /// Publishes what reviewers wrote into the log.
    fn publish(&self) {
        let log = self.path("../log");
        self.git_in(&log, &["add", "review-log.jsonl"]);
        self.git_in(&log, &["commit", "-q", "-m", "reviewed"]);
        self.git_in(&log, &["push", "-q", "origin", "review-log"]);
        self.git(&["fetch", "-q", "origin"]);
    }

    /// The gate as CI runs it, in every format at once.
    fn gate(&self) -> (i32, Value) {
        let mut arguments = vec!["gate"];
        arguments.extend(SINCE);
        arguments.extend(["--log", LOG]);
        let mut code = None;
        for format in ["text", "sarif", "junit", "github", "gitlab", "markdown", "json"] {
            let mut with = arguments.clone();
            with.extend(["--format", format]);
            let output = self.site.run_in(&self.site.demo(), &with);
            assert_eq!(*code.get_or_insert(output.status.code().unwrap()), output.status.code().unwrap(), "{format}");
            if format == "json" {
                return (code.unwrap(), serde_json::from_slice(&output.stdout).unwrap());
            }
        }
        unreachable!()
    }
}

fn finding<'v>(value: &'v Value, code: &str) -> &'v Value {
    let all = value["findings"].as_array().unwrap();
    all.iter().find(|f| f["code"] == code).unwrap_or_else(|| panic!("no {code} in {all:#?}"))
}

fn state(value: &Value, change: &str) -> String {
    let all = value["changes"].as_array().unwrap();
    all.iter().find(|c| c["id"] == change).unwrap()["state"].as_str().unwrap().to_owned()
}

/// The demo's plan with only these changes.
fn plan(server: &Server, id: &str, changes: &[&str]) -> String {
    let text = fs::read_to_string(server.path("../demo.yaml")).unwrap();
    let (head, rest) = text.split_once("changes:\n").unwrap();
    let mut out = format!("{}changes:\n", head.replace("PLAN-DEMO-1", id));
    for change in rest.split("  - id: ").skip(1).filter(|change| changes.contains(&&change[..2])) {
        let lines: Vec<&str> = change.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        out.push_str(&format!("  - id: {}\n", lines.join("\n")));
    }
    out
}

#[test]
fn the_whole_life_of_a_change_on_a_bare_repository() {
    let server = Server::new();
    let site = &server.site;

    nobody_makes_themselves_a_judge(&server);

    // The assistant's branch: policy denies a change, and SARIF points at its line.
    server.git(&["checkout", "-q", "-b", "topic"]);
    let faulty = plan(&server, "PLAN-1", &["c1", "c2", "c3"]);
    server.propose("plans/one.yaml", &faulty);
    let mut check = vec!["check", "--output", "sarif=../out.sarif"];
    check.extend(SINCE);
    let (code, text) = site.run(&check);
    assert_eq!(code, 3, "{text}");
    let sarif: Value = serde_json::from_str(&fs::read_to_string(server.path("../out.sarif")).unwrap()).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let denied =
        results.iter().find(|r| r["ruleId"] == "policy-denied/zsp-no-standing-privilege-for-machines").unwrap();
    let place = &denied["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "plans/one.yaml");
    let line = faulty.lines().position(|line| line.contains("id: c3")).unwrap() + 2;
    assert_eq!(place["region"]["startLine"], line, "the line of c3's action");
    assert_eq!(denied["level"], "error");
    let (done, said) = server.try_git_in(&site.demo(), &["push", "origin", "topic:main"]);
    assert!(!done && said.contains("main stays as it is"), "{said}");

    // The plan is mended: now it needs people, and the gate says whom.
    server.propose("plans/one.yaml", &plan(&server, "PLAN-1", &["c1", "c2"]));
    assert_eq!(site.run(&check).0, 0);
    let (code, value) = server.gate();
    assert_eq!(code, 5);
    let needs = finding(&value, "undecided")["message"].as_str().unwrap();
    assert!(needs.contains("Owner (`ada`)"), "{needs}");
    let (done, _) = server.try_git_in(&site.demo(), &["push", "-q", "origin", "topic:main"]);
    assert!(!done);

    // Two people review.
    let review = |plan: &str, who: &str| {
        site.sit(&format!("plans/{plan}.yaml --log ../log/review-log.jsonl --key keys/{who}.pub"))
    };
    let approve_c2 = ("c2", "a", "Type `ledger-admin`", "ledger-admin");
    let mut ada = review("one", "ada");
    decide(&mut ada, &[approve_c2, ("c1", "a", "Type `yes`", "yes")]);
    seal(&mut ada, 5);
    let mut bo = review("one", "bo");
    decide(&mut bo, &[approve_c2]);
    seal(&mut bo, 0);
    // Nothing of it counts before it stands on the protected branch.
    assert_eq!(server.gate().0, 5);
    server.publish();
    let (code, value) = server.gate();
    assert_eq!(code, 0, "{value:#}");
    let verdict = value["verdict"].as_str().unwrap();
    assert!(verdict.starts_with("passes: "), "{verdict}");
    assert_eq!(finding(&value, "presence-unproven")["severity"], "note");
    server.git(&["push", "-q", "origin", "topic:main"]);
    server.git(&["fetch", "-q", "origin"]);

    // An unrelated edit keeps the approvals: a comment, and another change that needs nobody.
    server.git(&["checkout", "-q", "-b", "edit", "origin/main"]);
    let edited =
        plan(&server, "PLAN-1", &["c1", "c2", "c4"]).replace("changes:\n", "# Read again on Monday.\nchanges:\n");
    server.propose("plans/one.yaml", &edited);
    let (code, value) = server.gate();
    assert_eq!(code, 0, "{value:#}");
    assert_eq!((state(&value, "c1"), state(&value, "c2")), ("approved".to_owned(), "approved".to_owned()));
    server.git(&["push", "-q", "origin", "edit:main"]);
    server.git(&["fetch", "-q", "origin"]);

    // An edited ttl kills one approval, and only that.
    server.git(&["checkout", "-q", "-b", "longer", "origin/main"]);
    server.propose("plans/one.yaml", &edited.replace("ttl: 4h", "ttl: 5h"));
    let (code, value) = server.gate();
    assert_eq!(code, 6);
    let void = finding(&value, "approval-void")["message"].as_str().unwrap();
    assert!(void.contains("change `c1` was approved by `ada` at") && void.contains("but since then: "), "{void}");
    assert!(void.contains("another `ttl`") && void.contains("it still needs Owner (`ada`)"), "{void}");
    assert_eq!((state(&value, "c1"), state(&value, "c2")), ("stale".to_owned(), "approved".to_owned()));
    let (done, said) = server.try_git_in(&site.demo(), &["push", "-q", "origin", "longer:main"]);
    assert!(!done && said.contains("but since then"), "{said}");

    // Bo rejects a change of another plan.
    server.git(&["checkout", "-q", "-b", "second", "origin/main"]);
    server.propose("plans/two.yaml", &plan(&server, "PLAN-2", &["c2"]).replace("to: user:ravi", "to: user:noor"));
    let mut ada = review("two", "ada");
    answer(&mut ada, &[("a", "Type `ledger-admin`", "ledger-admin")]);
    seal(&mut ada, 5);
    server.publish();
    let before = server.git_in(&server.path("../log"), &["rev-parse", "HEAD"]);
    let mut bo = review("two", "bo");
    answer(&mut bo, &[("r", "Reason to", "a contractor")]);
    seal(&mut bo, 4);
    server.publish();
    let (code, value) = server.gate();
    assert_eq!(code, 4);
    assert!(finding(&value, "rejected")["message"].as_str().unwrap().contains("a contractor"));

    the_reject_cannot_be_dropped(&server, &before);
}

/// A push to `main` that adds a key and its person is refused; on any other branch it stands for others to see.
fn nobody_makes_themselves_a_judge(server: &Server) {
    server.git(&["checkout", "-q", "-b", "mine"]);
    for (file, from, to) in [
        ("people.yaml", "bo@corp.example", "mallory@corp.example"),
        ("allowed_signers", "bo@corp.example", "mallory@corp.example"),
    ] {
        let text = fs::read_to_string(server.path(file)).unwrap();
        assert!(text.contains(from), "{file}");
        fs::write(server.path(file), text.replace(from, to)).unwrap();
    }
    server.commit("a judge of my own");
    let (done, said) = server.try_git_in(&server.site.demo(), &["push", "-q", "origin", "mine:main"]);
    assert!(!done && said.contains("trust-file-touched") && said.contains("main stays as it is"), "{said}");
    server.git(&["push", "-q", "origin", "mine"]);
    server.git(&["checkout", "-q", "main"]);
}

/// The log as it was at `before` lacks the reject.
fn the_reject_cannot_be_dropped(server: &Server, before: &str) {
    let site = &server.site;
    // A force-push that drops the reject does not get through, nor does a commit that leaves it out.
    let log = server.path("../log");
    let heads = fs::read_to_string(log.join("review-log.jsonl")).unwrap();
    server.git_in(&log, &["reset", "-q", "--hard", before]);
    let (done, said) = server.try_git_in(&log, &["push", "--force", "origin", "review-log"]);
    assert!(!done && said.contains("review-log is never rewritten"), "{said}");
    let shorter = fs::read_to_string(log.join("review-log.jsonl")).unwrap();
    assert!(heads.starts_with(&shorter) && heads.len() > shorter.len());
    server.git_in(&log, &["reset", "-q", "--hard", "origin/review-log"]);
    fs::write(log.join("review-log.jsonl"), &shorter).unwrap();
    server.git_in(&log, &["commit", "-q", "-a", "-m", "an honest mistake"]);
    let (done, said) = server.try_git_in(&log, &["push", "origin", "review-log"]);
    assert!(!done && said.contains("log-lost-head") && said.contains("review-log stays as it is"), "{said}");
    server.git_in(&log, &["rm", "-q", "-f", "review-log.jsonl"]);
    server.git_in(&log, &["commit", "-q", "-m", "no log at all"]);
    let (done, said) = server.try_git_in(&log, &["push", "origin", "review-log"]);
    assert!(!done && said.contains("the log is never removed"), "{said}");
    server.git(&["fetch", "-q", "origin"]);
    assert_eq!(server.gate().0, 4, "the reject still blocks");
    let (done, _) = server.try_git_in(&site.demo(), &["push", "-q", "origin", "second:main"]);
    assert!(!done);

    // Whoever remembers a head needs no hook: a shorter log is told by what is missing.
    fs::write(server.path("../short.jsonl"), &shorter).unwrap();
    fs::write(server.path("../whole.jsonl"), &heads).unwrap();
    let (_, head) = site.run(&["log", "head", "../whole.jsonl"]);
    let arguments =
        ["gate", "plans/two.yaml", "--trust", "origin/main", "--log", "../short.jsonl", "--known-head", head.trim()];
    let (code, text) = site.run(&arguments);
    assert!(code == 7 && text.contains("log-lost-head"), "{code} {text}");
}

/// Answers cards in their order: what is pressed, what that asks for, the line typed then.
fn answer(terminal: &mut rexpect::session::PtySession, answers: &[(&str, &str, &str)]) {
    for (press, asked, line) in answers {
        crate::support::expect(terminal, "? keys");
        crate::support::key(terminal, press);
        crate::support::expect(terminal, asked);
        crate::support::expect(terminal, "Enter: send");
        crate::support::key(terminal, &format!("{line}\r"));
    }
}
