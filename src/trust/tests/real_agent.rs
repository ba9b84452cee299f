//! Signing with a real `ssh-agent` and with passphrases.
//!
//! The agent's address is an environment variable, and a test must not change its own environment. So the code under
//! test runs a small shell script that sets the variable and runs `ssh-keygen`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::input::time::Time;
use crate::trust::sign::{Keygen, SignError, SigningKey};
use crate::trust::signers::Signers;

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
    for (name, kind, bits) in
        [("ann", "ed25519", "256"), ("rob", "rsa", "3072"), ("eve", "ecdsa", "256"), ("joe", "ecdsa", "384")]
    {
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
fn a_certificate_in_a_real_agent_signs_within_its_window_and_a_kind_we_lack_is_named() {
    let bench = Bench::new();
    let agent = Agent::start(&bench);
    let authority = bench.key("ca", "ed25519", "256");
    let add = |name: &str| {
        let added =
            Command::new("ssh-add").arg("-q").arg(bench.path(name)).env("SSH_AUTH_SOCK", bench.path("agent")).status();
        assert!(added.unwrap().success());
        fs::remove_file(bench.path(name)).unwrap();
    };
    let line = format!("ann cert-authority,namespaces=\"{NAMESPACE}\" {}\n", authority.to_line());
    let (signers, findings) = Signers::parse("allowed_signers", line.as_bytes());
    assert!(findings.is_empty(), "{findings:?}");
    for (name, kind, bits) in
        [("a", "ed25519", "256"), ("b", "rsa", "3072"), ("c", "ecdsa", "256"), ("d", "ecdsa", "384")]
    {
        let key = bench.key(name, kind, bits);
        let public = format!("{name}.pub");
        bench.keygen(&["-q", "-s", "ca", "-I", "x", "-n", "ann", "-V", "20260101000000Z:20260201000000Z", &public]);
        add(name);
        let certified = bench.signing_key(&format!("{name}-cert.pub"));
        let signed = agent.program("ssh-keygen").sign(&certified, NAMESPACE, MESSAGE, &mut Vec::new()).unwrap();
        assert_eq!((signed.verified.key(), signed.verified.certificate().is_some()), (&key, true));
        let counts = |at: &str| signers.find(Some("ann"), &signed.verified, Time::parse(at).unwrap()).is_ok();
        assert_eq!(
            ["2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z"]
                .map(counts),
            [false, true, true, false],
            "{name}"
        );
    }
    bench.keygen(&["-q", "-t", "ecdsa", "-b", "521", "-N", "", "-f", "p521"]);
    add("p521");
    let error = agent.program("ssh-keygen").sign(&bench.signing_key("p521.pub"), NAMESPACE, MESSAGE, &mut Vec::new());
    let said = error.unwrap_err().to_string();
    assert!(said.contains("ecdsa-sha2-nistp521") && said.contains("unsupported"), "{said}");
}

#[test]
fn a_passphrase_without_a_terminal_is_asked_for_by_name_of_the_key() {
    let bench = Bench::new();
    bench.keygen(&["-q", "-t", "ed25519", "-N", "correct horse", "-f", "locked"]);
    // `setsid` detaches from the controlling terminal, and without a display there is no other prompt.
    let script = "#!/bin/sh\nunset DISPLAY SSH_ASKPASS SSH_AUTH_SOCK\nexec setsid -w ssh-keygen \"$@\"\n";
    let path = bench.write("alone", script);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let error = Keygen::at(path).sign(&bench.signing_key("locked"), NAMESPACE, MESSAGE, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, SignError::PassphraseNeeded { .. } | SignError::WrongPassphrase { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("horse"));
}
