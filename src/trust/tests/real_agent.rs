//! Signing through a real `ssh-agent`, and passphrases, without touching this process's environment.
//!
//! The agent's address is an environment variable, and a test must not change its own: so a small shell sets it and runs
//! `ssh-keygen`; what our code would spawn is that shell.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::trust::sign::{Keygen, SignError, SigningKey};

use super::bench::{Bench, MESSAGE, NAMESPACE};

struct Agent<'a> {
    bench: &'a Bench,
    child: std::process::Child,
}

impl<'a> Agent<'a> {
    fn start(bench: &'a Bench) -> Self {
        let socket = bench.path("agent");
        let child =
            Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(std::process::Stdio::null()).spawn();
        let agent = Self { bench, child: child.unwrap() };
        for _ in 0..200 {
            if socket.exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        agent
    }

    /// A program that runs another one with this agent.
    fn program(&self, name: &str) -> Keygen {
        let script = format!("#!/bin/sh\nSSH_AUTH_SOCK='{}' exec {name} \"$@\"\n", self.bench.path("agent").display());
        let path = self.bench.write(&format!("with-agent-{name}"), script);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Keygen::at(path)
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_key_in_a_real_agent_signs_by_file_and_by_literal() {
    let bench = Bench::new();
    let agent = Agent::start(&bench);
    for (name, kind, bits) in [("ann", "ed25519", "256"), ("rob", "rsa", "3072"), ("eve", "ecdsa", "256")] {
        let key = bench.key(name, kind, bits);
        let added =
            Command::new("ssh-add").arg("-q").arg(bench.path(name)).env("SSH_AUTH_SOCK", bench.path("agent")).status();
        assert!(added.unwrap().success());
        fs::remove_file(bench.path(name)).unwrap();
        let keygen = agent.program("ssh-keygen");
        for signing_key in [bench.signing_key(&format!("{name}.pub")), SigningKey::from(key.clone())] {
            let signed = keygen.sign(&signing_key, NAMESPACE, MESSAGE, &mut Vec::new()).unwrap();
            assert_eq!(*signed.verified.key(), key);
        }
    }
}

#[test]
fn a_passphrase_without_a_terminal_is_asked_for_by_name_of_the_key() {
    let bench = Bench::new();
    bench.keygen(&["-q", "-t", "ed25519", "-N", "correct horse", "-f", "locked"]);
    // `setsid` takes the controlling terminal away, and without a display there is nobody to ask.
    let script = "#!/bin/sh\nunset DISPLAY SSH_ASKPASS SSH_AUTH_SOCK\nexec setsid -w ssh-keygen \"$@\"\n";
    let path = bench.write("alone", script);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let error = Keygen::at(path).sign(&bench.signing_key("locked"), NAMESPACE, MESSAGE, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, SignError::PassphraseNeeded { .. } | SignError::WrongPassphrase { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("horse"));
}
