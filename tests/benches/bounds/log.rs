//! A log of 1,000,000 lines in 10,000 signed sessions, beside `sha256sum` of the same bytes and a log a tenth as long.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use ed25519_dalek::{Signer as _, SigningKey};
use review::input::digest::Digest;
use review::input::text::Text;
use review::input::time::Time;
use review::log::line::{Applied, Line, LogId, Outcome, Session, SessionId, SessionKind, Tag, Version, Writer};
use review::log::session::Draft;
use review::trust::armor::armor;
use review::trust::key::PublicKey;
use review::trust::wire::put_string;
use sha2::{Digest as _, Sha512};

use crate::{in_turn, review, run, say, site};

const SESSIONS: u64 = 10_000;
const LINES: u64 = 100;

pub(crate) fn public(key: &SigningKey) -> Vec<u8> {
    let mut blob = Vec::new();
    put_string(&mut blob, b"ssh-ed25519");
    put_string(&mut blob, key.verifying_key().as_bytes());
    blob
}

/// An SSH signature. Source: OpenSSH `PROTOCOL.sshsig`.
pub(crate) fn sign(key: &SigningKey, namespace: &str, message: &[u8]) -> String {
    let (mut signed, mut raw, mut out) = (b"SSHSIG".to_vec(), Vec::new(), b"SSHSIG\0\0\0\x01".to_vec());
    for part in [namespace.as_bytes(), b"", b"sha512", &Sha512::digest(message)] {
        put_string(&mut signed, part);
    }
    put_string(&mut raw, b"ssh-ed25519");
    put_string(&mut raw, &key.sign(&signed).to_bytes());
    for part in [public(key).as_slice(), namespace.as_bytes(), b"", b"sha512", &raw] {
        put_string(&mut out, part);
    }
    armor(&out)
}

fn log(key: &SigningKey, fingerprint: &str, sessions: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut parents = Vec::new();
    let start = site::date(-30).unix();
    for n in 0..sessions {
        let at = Time::from_unix(start + i64::try_from(n).expect("a time") * 60);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        let header = Session {
            at,
            kind: SessionKind::Record,
            log: LogId::from_bytes([9; 16]),
            parents: std::mem::take(&mut parents),
            session: SessionId::from_bytes(id),
            snapshot: None,
            tool: "review 0.1.0".into(),
            trust_files: vec![],
            r#type: Tag::new(),
            version: Version,
            writer: Writer { fingerprint: fingerprint.into(), person: None, principal: "recorder@corp.example".into() },
        };
        let (mut draft, first) = Draft::start(header, BTreeSet::new()).expect("a session");
        bytes.extend(first);
        for line in 0..LINES - 3 {
            let change = format!("c{line}");
            let result = |prev| {
                Line::Result(Box::new(Outcome {
                    at,
                    change: change.as_str().into(),
                    detail: None,
                    digest: Digest::of(change.as_bytes()),
                    export: None,
                    outcome: Applied::Applied,
                    plan: "PLAN-2026-0142".into(),
                    prev,
                    snapshot: None,
                    r#type: Tag::new(),
                }))
            };
            bytes.extend(draft.push(result).expect("a line").bytes);
        }
        let sealed = draft.seal(at).expect("a seal");
        parents = vec![Digest::of(sealed.bytes())];
        let sshsig = sign(key, sealed.namespace(), sealed.bytes());
        bytes.extend(sealed.sign(&Text::from(sshsig)).expect("a signature").bytes);
    }
    bytes
}

/// Measures the verification of a long log.
pub(crate) fn measure() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let line = PublicKey::from_blob(&public(&key)).expect("a key");
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = log(&key, &line.fingerprint(), SESSIONS);
    let size = bytes.len() as f64;
    fs::write(folder.path().join("log.jsonl"), &bytes).expect("a log");
    drop(bytes);
    let mut signers = String::new();
    writeln!(signers, "recorder@corp.example namespaces=\"review-record@v1\" {}", line.to_line()).expect("text");
    fs::write(folder.path().join("signers"), signers).expect("signers");
    let [sum, verify] = in_turn([&|| run("sha256sum", folder.path(), &["log.jsonl"]), &|| {
        review(folder.path(), &["verify", "log.jsonl", "--signers", "signers"])
    }]);
    println!(
        "a log of {} lines in {SESSIONS} sessions, {:.0} MB: sha256sum {:.2} s; verify holds {:.1} MB at its peak",
        SESSIONS * LINES,
        size / 1e6,
        sum.wall.as_secs_f64(),
        verify.peak as f64 / 1e6
    );
    say("  verify", verify.wall.as_secs_f64(), 3.0 * sum.wall.as_secs_f64() + 50e-6 * SESSIONS as f64, "s");
    // What is read at once is the same for both.
    let short = SESSIONS / 10;
    fs::write(folder.path().join("short.jsonl"), log(&key, &line.fingerprint(), short)).expect("a log");
    let [tenth] = in_turn([&|| review(folder.path(), &["verify", "short.jsonl", "--signers", "signers"])]);
    let beyond = verify.peak.saturating_sub(tenth.peak) as f64;
    say("  its memory a session, beyond that of a log a tenth as long", beyond / (SESSIONS - short) as f64, 100.0, "B");
}
