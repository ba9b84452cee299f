//! What the tests of the whole program share: a site in a temporary folder, and a terminal to review in.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test that has nothing to read says so")]

pub mod agent;
pub mod forge;
pub mod postgresql;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rexpect::session::{PtySession, spawn_command};
use tempfile::TempDir;

/// How long a terminal may take to show something, in milliseconds.
pub const LONG: Option<u64> = Some(120_000);

/// The time now, whole seconds.
pub fn now() -> review::input::time::Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    review::input::time::Time::from_unix(i64::try_from(since.as_secs()).unwrap())
}

/// The demo's assistant.
pub const ASSISTANT: &str = "spiffe://corp.example/agent/access-assistant";

/// A time so many days from now, as plans write it.
pub fn in_days(days: i64) -> String {
    now().plus(review::input::time::Span::from_seconds(days * 86_400)).to_string()
}

/// The exports of real clusters, which are no part of this project; where they are absent, says so.
pub fn cluster_exports() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/kubernetes");
    if !folder.exists() {
        println!("the exports of clusters are absent, so nothing was tested");
        return None;
    }
    Some(folder)
}

/// Whether the clock of a program can be shifted; if not, says so.
pub fn can_shift() -> bool {
    let found = Command::new("faketime").args(["-f", "+0", "true"]).status().is_ok_and(|status| status.success());
    if !found {
        println!("`faketime` is not installed, so no clock was shifted");
    }
    found
}

/// A folder with a site, and the binary run in it with an empty environment.
pub struct Site {
    folder: TempDir,
}

impl Drop for Site {
    /// Whatever a test wrote: the evaluations of a log that verifies come out as recorded.
    fn drop(&mut self) {
        if std::thread::panicking() || !self.log().is_file() {
            return;
        }
        let (_, text) = self.run(&["verify", "review-log.jsonl", "--replay", "--format", "json"]);
        assert!(!text.contains("\"log-replay-differs\"") && !text.contains("\"log-not-replayed\""), "{text}");
    }
}

impl Site {
    pub fn new() -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        let made = site.run_in(site.folder.path(), &["demo", "demo", "--no-review"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        site
    }

    /// The demo with a plan of these changes, and a key `keys/NAME` for each of these lines of allowed_signers.
    pub fn with_plan(changes: &[&str], keys: &[(&str, &str)]) -> Self {
        let site = Self::new();
        let text = std::fs::read_to_string(site.demo().join("plan.yaml")).unwrap();
        let (head, rest) = text.split_once("changes:\n").unwrap();
        let mut plan = format!("{head}changes:\n");
        for change in rest.split("  - id: ").skip(1).filter(|change| changes.contains(&&change[..2])) {
            plan.push_str(&format!("  - id: {change}"));
        }
        std::fs::write(site.demo().join("plan.yaml"), plan).unwrap();
        std::fs::remove_file(site.demo().join("plan.yaml.sig")).unwrap();
        site.sign("plan.yaml");
        let mut signers = std::fs::read_to_string(site.demo().join("allowed_signers")).unwrap();
        for (name, options) in keys {
            site.keygen(&["-q", "-t", "ed25519", "-N", "", "-f", &format!("keys/{name}")]);
            signers.push_str(&format!("{options} {}\n", site.public_key(name)));
        }
        std::fs::write(site.demo().join("allowed_signers"), signers).unwrap();
        site
    }

    /// Another folder with the same site.
    pub fn copy_of(other: &Self) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        let copied = Command::new("cp").arg("-a").arg(other.demo()).arg(site.folder.path()).status().unwrap();
        assert!(copied.success());
        site
    }

    pub fn demo(&self) -> PathBuf {
        self.folder.path().join("demo")
    }

    pub fn log(&self) -> PathBuf {
        self.demo().join("review-log.jsonl")
    }

    pub fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.folder.path());
        command.env("TERM", "xterm").env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8");
        command
    }

    pub fn run_in(&self, folder: &Path, arguments: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_review"), folder).args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    pub fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run_in(&self.demo(), arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap_or(-1), text)
    }

    /// As [`Site::run`], with a clock that is shifted: `+3d`.
    pub fn run_at(&self, shift: &str, arguments: &[&str]) -> (i32, String) {
        let mut command = self.command("faketime", &self.demo());
        let output = command.args(["-f", shift, env!("CARGO_BIN_EXE_review")]).args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap_or(-1), text)
    }

    /// Forgets which heads this machine has seen: what comes next happens on another one.
    pub fn forget_heads(&self) {
        let _ = std::fs::remove_dir_all(self.folder.path().join(".local/state/review"));
    }

    /// Signs a plan as the assistant.
    pub fn sign(&self, plan: &str) {
        let (code, text) = self.run(&["plan", "sign", plan, "--key", "keys/assistant"]);
        assert!(code == 0 && !text.contains("warning"), "{text}");
    }

    /// Replaces a part of a file, which must be there.
    pub fn replace(&self, file: &str, from: &str, to: &str) {
        let path = self.demo().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Adds lines to the end of a file.
    pub fn append(&self, file: &str, lines: &str) {
        let path = self.demo().join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(path, text + lines).unwrap();
    }

    /// The type and base64 of a public key of the site.
    pub fn public_key(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.demo().join(format!("keys/{name}.pub"))).unwrap();
        text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// Runs git in the site's folder, and gives what it prints.
    pub fn git(&self, arguments: &[&str]) -> String {
        let mut command = self.command("git", &self.demo());
        for (name, value) in [("NAME", "n"), ("EMAIL", "e@x")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs `ssh-keygen`.
    pub fn keygen(&self, arguments: &[&str]) {
        let output = self.command("ssh-keygen", &self.demo()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts a review in a terminal of 100 rows and columns.
    pub fn sit(&self, arguments: &str) -> PtySession {
        self.sit_beside(None, arguments)
    }

    /// Starts a review in a terminal, with an SSH agent at hand.
    pub fn sit_beside(&self, agent: Option<&Path>, arguments: &str) -> PtySession {
        let script = format!("stty rows 100 cols 100; {} {arguments}; echo \"exit=$?\"", env!("CARGO_BIN_EXE_review"));
        let mut command = self.command("bash", &self.demo());
        command.args(["-c", &script]);
        command.envs(agent.map(|socket| ("SSH_AUTH_SOCK", socket)));
        spawn_command(command, LONG).unwrap()
    }

    /// As [`Site::sit`], and prints the id of the process first.
    pub fn sit_known(&self, arguments: &str) -> PtySession {
        let binary = env!("CARGO_BIN_EXE_review");
        let run = format!("bash -c 'echo pid=$$; exec {binary} {arguments}'; echo \"exit=$?\"");
        let mut command = self.command("bash", &self.demo());
        command.args(["-c", &format!("stty rows 100 cols 100; {run}")]);
        spawn_command(command, LONG).unwrap()
    }
}

/// Waits for text on the terminal.
pub fn expect(terminal: &mut PtySession, text: &str) {
    if let Err(error) = terminal.exp_string(text) {
        panic!("`{text}` did not appear: {error}");
    }
}

/// What was said, whatever the width it was broken to.
pub fn unbroken(said: &str) -> String {
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Presses keys.
pub fn key(terminal: &mut PtySession, keys: &str) {
    terminal.send(keys).unwrap();
    terminal.flush().unwrap();
}

/// What is pressed on a card, what that asks for, and the line typed then.
pub type Answer<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Part of each change's sentence: the cards come riskiest first, and equally risky ones in the order of their digests.
const SENTENCES: &[(&str, &str)] = &[
    ("c1", "grant role `ledger-writer` to identity `user:ravi`"),
    ("c2", "grant role `ledger-admin` to identity `user:ravi`"),
    ("c3", "grant role `ledger-admin` to identity `svc:reconcile`"),
    ("c5", "grant membership of group `group:job-runners`"),
    ("c6", "grant role `job-starter`"),
];

/// Answers as many cards as there are answers, whichever comes first.
pub fn decide(terminal: &mut PtySession, answers: &[Answer<'_>]) {
    for _ in answers {
        let mut card = terminal.exp_string("? keys").unwrap();
        if card.contains("Before you decide") {
            key(terminal, "g");
            card = terminal.exp_string("? keys").unwrap();
        }
        let shown = SENTENCES.iter().filter(|(_, sentence)| card.contains(sentence)).max_by_key(|(_, s)| card.rfind(s));
        let (change, _) = shown.unwrap_or_else(|| panic!("no card: {card}"));
        let answer = answers.iter().find(|(id, ..)| id == change);
        let (_, press, asked, line) = answer.unwrap_or_else(|| panic!("{change} was not expected"));
        key(terminal, press);
        if !asked.is_empty() {
            expect(terminal, asked);
            expect(terminal, "Enter: send");
            key(terminal, &format!("{line}\r"));
        }
    }
}

/// Seals and signs, and waits for the exit code.
pub fn seal(terminal: &mut PtySession, code: i32) {
    expect(terminal, "Type `seal` to seal and sign");
    expect(terminal, "Enter: send");
    key(terminal, "seal\r");
    expect(terminal, "sealed and appended to");
    expect(terminal, &format!("exit={code}"));
}

/// Three sessions by two people.
pub fn three_sessions(site: &Site) {
    let mut ada = site.sit("plan.yaml --key keys/ada.pub");
    let approve = ("c2", "a", "Type `ledger-admin`", "ledger-admin");
    let skip = |change| (change, "s", "", "");
    decide(
        &mut ada,
        &[
            ("c3", "r", "Reason to", "machines hold nothing for ever"),
            approve,
            skip("c6"),
            ("c1", "a", "Type `yes`", "yes"),
            skip("c5"),
        ],
    );
    seal(&mut ada, 3);
    let mut bo = site.sit("plan.yaml --key keys/bo.pub");
    decide(&mut bo, &[skip("c3"), approve, ("c6", "r", "Reason to", "with c5 it opens the vault"), skip("c5")]);
    seal(&mut bo, 3);
    let mut again = site.sit("plan.yaml --key keys/ada.pub");
    decide(&mut again, &[("c6", "r", "Reason to", "I agree with Bo"), skip("c5")]);
    seal(&mut again, 3);
}
