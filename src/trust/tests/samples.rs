//! OpenSSH's own SSHSIG samples.

use std::path::PathBuf;

use crate::trust::key::PublicKey;
use crate::trust::sshsig::{SshsigError, verify};

const VERIFIED: &[&str] = &["ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk", "rsa"];
/// Samples that stock OpenSSH verifies and we reject, by the kind of their key: browser signatures (`webauthn`) and draft
/// schemes must not approve anything.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("ecdsa_sk_webauthn", "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"),
    ("mldsa44-ed25519", "ssh-mldsa44-ed25519@openssh.com"),
];

fn vectors(name: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors")).join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is absent", folder.display());
    None
}

fn sample(name: &str) -> Option<(Vec<u8>, String, Vec<u8>, String)> {
    let folder = vectors("sshsig")?;
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let text = |name: &str| String::from_utf8(read(name)).unwrap().trim().to_owned();
    Some((read(&format!("{name}.sig")), text("namespace"), read("signed-data"), text(&format!("{name}.pub"))))
}

#[test]
fn no_vector_is_forgotten() {
    let names = |folder: &str, end: &str| {
        let listed = vectors(folder).into_iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
        let mut found: Vec<String> =
            listed.filter_map(|e| Some(e.unwrap().file_name().to_str()?.strip_suffix(end)?.to_owned())).collect();
        found.sort();
        found
    };
    let mut told: Vec<&str> = VERIFIED.iter().copied().chain(UNSUPPORTED.iter().map(|(name, _)| *name)).collect();
    told.sort_unstable();
    let samples = names("sshsig", ".sig");
    assert!(samples.is_empty() || samples == told, "{samples:?}");
    let tests = [include_str!("wycheproof.rs"), include_str!("wycheproof_tokens.rs")].concat();
    for name in names("wycheproof", ".json") {
        assert!(tests.contains(&format!("\"{name}.json\", ")), "no test runs {name}");
    }
}

#[test]
fn openssh_samples_verify() {
    for name in VERIFIED {
        let Some((signature, namespace, message, line)) = sample(name) else { return };
        let verified = verify(&signature, &namespace, &message).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(*verified.key(), PublicKey::from_line(&line).unwrap());
        assert_eq!(verified.security_key(), name.ends_with("_sk"));
        assert_eq!(verified.user_present(), name.ends_with("_sk"));
        assert!(matches!(verify(&signature, "other", &message), Err(SshsigError::Namespace { .. })));
        assert!(matches!(verify(&signature, &namespace, b"other"), Err(SshsigError::Signature(_))));
    }
}

#[test]
fn webauthn_and_post_quantum_samples_are_unsupported_by_name() {
    for (name, kind) in UNSUPPORTED {
        let Some((signature, namespace, message, _)) = sample(name) else { return };
        let error = verify(&signature, &namespace, &message).unwrap_err();
        assert_eq!(error.unsupported().unwrap().raw(), *kind, "{error}");
        assert!(error.to_string().contains("unsupported"));
    }
}
