//! Test fixtures: a temporary folder with real keys, and builders for malformed signatures that `ssh-keygen` refuses to make.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::trust::armor::{armor, dearmor};
use crate::trust::key::PublicKey;
use crate::trust::sign::{Keygen, SigningKey};
use crate::trust::wire::{Wire, put_string};

pub const NAMESPACE: &str = "review-seal@v1";
pub const MESSAGE: &[u8] = b"{\"type\":\"seal\"}\n";

/// Runs a program to completion with bytes on standard input.
pub fn run(program: &str, args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// A folder with keys.
pub struct Bench(pub tempfile::TempDir);

impl Bench {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn keygen(&self, args: &[&str]) -> Output {
        let output =
            Command::new("ssh-keygen").args(args).current_dir(self.0.path()).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Generates a key without a passphrase.
    pub fn key(&self, name: &str, kind: &str, bits: &str) -> PublicKey {
        self.keygen(&["-q", "-t", kind, "-b", bits, "-N", "", "-C", name, "-f", name]);
        PublicKey::from_line(&self.public(name)).unwrap()
    }

    pub fn public(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap().trim().to_owned()
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// Signs with stock `ssh-keygen` only.
    pub fn stock_sign(&self, name: &str, namespace: &str, message: &[u8]) -> Vec<u8> {
        let key = self.path(name);
        let output = run("ssh-keygen", &["-Y", "sign", "-n", namespace, "-f", key.to_str().unwrap()], message);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Whether stock `ssh-keygen` verifies the signature. `at` is `YYYYMMDDHHMMSS` in UTC.
    pub fn stock_verifies(&self, signers: &Path, principal: &str, signature: &[u8], message: &[u8], at: &str) -> bool {
        self.stock_verifies_but(None, signers, principal, signature, message, at)
    }

    /// As [`Bench::stock_verifies`], with a list of revoked keys.
    pub fn stock_verifies_but(
        &self,
        revoked: Option<&Path>,
        signers: &Path,
        principal: &str,
        signature: &[u8],
        message: &[u8],
        at: &str,
    ) -> bool {
        let file = self.write("stock.sig", signature);
        let option = format!("-Overify-time={at}");
        let (signers, file) = (signers.to_str().unwrap(), file.to_str().unwrap());
        let mut args =
            vec!["-Y", "verify", "-n", NAMESPACE, "-I", principal, "-f", signers, "-s", file, option.as_str()];
        args.extend(revoked.into_iter().flat_map(|list| ["-r", list.to_str().unwrap()]));
        run("ssh-keygen", &args, message).status.success()
    }

    pub fn signing_key(&self, name: &str) -> SigningKey {
        SigningKey::File(self.path(name))
    }

    pub fn sign(&self, name: &str) -> Vec<u8> {
        let mut prompts = Vec::new();
        let signed = Keygen::default().sign(&self.signing_key(name), NAMESPACE, MESSAGE, &mut prompts).unwrap();
        assert!(prompts.is_empty(), "{}", String::from_utf8_lossy(&prompts));
        signed.armored.into_bytes()
    }
}

/// The fields of an SSHSIG, for building malformed ones.
#[derive(Clone)]
pub struct Fields {
    pub version: u32,
    pub key: Vec<u8>,
    pub namespace: Vec<u8>,
    pub reserved: Vec<u8>,
    pub hash: Vec<u8>,
    pub signature: Vec<u8>,
}

impl Fields {
    pub fn of(armored: &[u8]) -> Self {
        let blob = dearmor(armored).unwrap();
        let mut wire = Wire::new(&blob[6..]);
        let version = wire.u32().unwrap();
        let mut next = || wire.string().unwrap().to_vec();
        Self { version, key: next(), namespace: next(), reserved: next(), hash: next(), signature: next() }
    }

    pub fn blob(&self) -> Vec<u8> {
        let mut out = b"SSHSIG".to_vec();
        out.extend_from_slice(&self.version.to_be_bytes());
        for field in [&self.key, &self.namespace, &self.reserved, &self.hash, &self.signature] {
            put_string(&mut out, field);
        }
        out
    }

    pub fn armored(&self) -> Vec<u8> {
        armor(&self.blob()).into_bytes()
    }
}

/// `string kind, string body`.
pub fn raw_signature(kind: &str, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_string(&mut out, kind.as_bytes());
    put_string(&mut out, body);
    out
}

/// The body of a raw signature blob, and what follows it.
pub fn body_of(signature: &[u8]) -> (String, Vec<u8>, Vec<u8>) {
    let mut wire = Wire::new(signature);
    let kind = wire.text().unwrap().to_owned();
    let body = wire.string().unwrap().to_vec();
    (kind, body, wire.rest().to_vec())
}

/// The data that the key signs in SSHSIG.
pub fn signed_data(namespace: &str, message: &[u8]) -> Vec<u8> {
    use sha2::{Digest as _, Sha512};
    let mut out = b"SSHSIG".to_vec();
    put_string(&mut out, namespace.as_bytes());
    put_string(&mut out, b"");
    put_string(&mut out, b"sha512");
    put_string(&mut out, &Sha512::digest(message));
    out
}
