//! A real PostgreSQL server in a temporary folder, on a Unix socket only.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test that has nothing to run says so")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A folder of server programs to test with as well, for versions that are not installed as packages.
const OTHER: &str = "REVIEW_TEST_POSTGRESQL_BIN";

/// A running server; it stops when dropped.
pub struct Server {
    folder: TempDir,
    programs: PathBuf,
    user: Option<&'static str>,
}

/// The folders of the programs of every installed version. Where there is none, says so.
pub fn installed() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    found.extend(std::env::var_os(OTHER).map(PathBuf::from));
    found.retain(|bin| bin.join("initdb").exists() && bin.join("pg_ctl").exists());
    found.sort();
    if found.is_empty() {
        println!("no PostgreSQL server is installed (Debian: `postgresql`), so nothing was tested");
    }
    found
}

impl Server {
    /// Starts a server with the programs of one version. Its superuser is `postgres`, and nobody needs a password.
    pub fn start(programs: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("pg").tempdir().unwrap();
        let server = Self { user: unprivileged(), programs: programs.to_path_buf(), folder };
        if let Some(user) = server.user {
            run(Command::new("chown").arg(user).arg(server.folder.path()));
        }
        let data = server.folder.path().join("data");
        let mut initdb = server.program("initdb");
        run(initdb.args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D"]).arg(&data));
        let options = format!("-c listen_addresses= -c fsync=off -k {}", server.folder.path().display());
        let log = server.folder.path().join("log");
        let mut start = server.program("pg_ctl");
        run(start.args(["start", "-w", "-o", &options, "-D"]).arg(&data).arg("-l").arg(&log).stdout(Stdio::null()));
        server
    }

    /// A program of the server's version, run as a user that the server accepts.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = match self.user {
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).arg(path);
                command
            }
            None => Command::new(path),
        };
        command.current_dir(self.folder.path()).env("LC_ALL", "C");
        command
    }

    /// Runs a script with `psql -AtX` as a role, and returns what it prints. The script stops at the first error.
    pub fn psql(&self, role: &str, database: &str, script: &str) -> String {
        let output = self.run_psql(role, database, script);
        let faults = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "psql: {faults}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a script that must fail, and returns what it says.
    pub fn fails(&self, role: &str, database: &str, script: &str) -> String {
        let output = self.run_psql(role, database, script);
        assert!(!output.status.success(), "psql succeeded");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn run_psql(&self, role: &str, database: &str, script: &str) -> std::process::Output {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-AtqX", "-v", "ON_ERROR_STOP=1", "-U", role, "-d", database, "-h"]).arg(self.folder.path());
        let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let script = script.to_owned();
        let writer = std::thread::spawn(move || std::io::Write::write_all(&mut input, script.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let _ = writer.join();
        output
    }

    /// What `pg_dumpall --globals-only` writes.
    pub fn dump_globals(&self) -> String {
        let mut dump = self.program("pg_dumpall");
        let output = dump.args(["--globals-only", "-U", "postgres", "-h"]).arg(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "pg_dumpall: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        let _ = stop.args(["stop", "-m", "immediate", "-D"]).arg(self.folder.path().join("data")).output();
    }
}

/// The server refuses to run as root: then as another user of the machine.
fn unprivileged() -> Option<&'static str> {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout.trim_ascii() != b"0" {
        return None;
    }
    let exists = |user: &&str| Command::new("id").arg(user).output().unwrap().status.success();
    ["postgres", "nobody"].into_iter().find(exists)
}

fn run(command: &mut Command) {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
