//! Keys that were revoked: a plain list, one key or fingerprint a line.
//!
//! Source: ssh-keygen(1), `-Y verify -r` ("a one-per-line list of public keys"); `SHA256:` fingerprints are ours. In:
//! the bytes of the list. Out: [`Revoked`] and findings. INVARIANT: a list that cannot be read as a whole revokes every
//! key, because nobody knows which one the unreadable line meant.

use std::collections::BTreeSet;

use crate::input::finding::{Code, Finding};
use crate::input::place::Place;

use super::key::{KeyError, KeyKind, PublicKey};
use super::wire::Wire;

/// How OpenSSH's binary lists begin.
const KRL_MAGIC: &[u8] = b"SSHKRL\n\0";

/// The revoked keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    fingerprints: BTreeSet<String>,
    unreadable: bool,
}

impl Revoked {
    /// Reads a list. Blank lines and lines that begin with `#` are comments.
    #[must_use]
    pub fn parse(file: &str, bytes: &[u8]) -> (Self, Vec<Finding>) {
        let mut out = Self::default();
        let mut findings = Vec::new();
        let mut refuse = |out: &mut Self, line: u32, message: String, mend: &'static str| {
            out.unreadable = true;
            findings.push(Finding::new(Code::BadRevocation, message).at(&Place::line(file, line)).mend(mend));
        };
        if bytes.starts_with(KRL_MAGIC) {
            let message = format!("`{file}` is a binary key revocation list, which is unsupported; no key is accepted");
            refuse(
                &mut out,
                1,
                message,
                "list the revoked keys as text, one public key or `SHA256:` fingerprint a line",
            );
            return (out, findings);
        }
        let mut number = 0_u32;
        for raw in bytes.split(|byte| *byte == b'\n') {
            number = number.saturating_add(1);
            let text = String::from_utf8_lossy(raw);
            let line = text.trim_matches([' ', '\t', '\r']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match fingerprint(line) {
                Some(fingerprint) => {
                    out.fingerprints.insert(fingerprint);
                }
                None => refuse(
                    &mut out,
                    number,
                    format!(
                        "line {number} of `{file}` is neither a public key nor a `SHA256:` fingerprint; no key is accepted"
                    ),
                    "write the line as in a `.pub` file, or as `ssh-keygen -l` prints the fingerprint",
                ),
            }
        }
        (out, findings)
    }

    /// Whether a key was revoked, or might have been.
    #[must_use]
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.unreadable || self.fingerprints.contains(&key.fingerprint())
    }
}

fn fingerprint(line: &str) -> Option<String> {
    use base64ct::{Base64, Base64Unpadded, Encoding};
    use sha2::{Digest as _, Sha256};

    if let Some(rest) = line.strip_prefix("SHA256:") {
        let word = rest.split([' ', '\t']).next()?;
        let digest = Base64Unpadded::decode_vec(word).ok()?;
        return (digest.len() == 32).then(|| format!("SHA256:{word}"));
    }
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let (name, body) = (words.next()?, words.next()?);
    let blob = Base64::decode_vec(body).ok()?;
    let mut wire = Wire::new(&blob);
    if wire.string().ok()? != name.as_bytes() {
        return None;
    }
    // As for OpenSSH, who lists a certificate means the key in it.
    if let Some(kind) = KeyKind::of_certificate(name.as_bytes()) {
        let _nonce = wire.string().ok()?;
        return PublicKey::read_fields(kind, &mut wire).ok().map(|key| key.fingerprint());
    }
    // WHY: keys of weak or unsupported kinds can stand in the list, and no certificate of an unknown kind can: its key is
    // not the blob. Each field of a key is length and bytes, so a key that was cut short does not end with one.
    if name.contains("-cert-v") {
        return None;
    }
    while !wire.rest().is_empty() {
        wire.string().ok()?;
    }
    match PublicKey::from_blob(&blob) {
        Ok(_)
        | Err(
            KeyError::Unsupported(_)
            | KeyError::Point
            | KeyError::ShortRsa { .. }
            | KeyError::Factorable
            | KeyError::Rsa,
        ) => Some(format!("SHA256:{}", Base64Unpadded::encode_string(&Sha256::digest(&blob)))),
        Err(KeyError::Wire(_) | KeyError::Line | KeyError::KindsDiffer | KeyError::Certificate) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIlizSIN3DQV78VPNjVvvwjgf+P5HqbPYCYu3BOMdjAE";

    #[test]
    fn a_key_is_revoked_by_line_or_fingerprint() {
        let key = PublicKey::from_line(KEY).unwrap();
        for list in [format!("# gone\r\n{KEY} ann\r\n"), format!("{} ann\n", key.fingerprint())] {
            let (revoked, findings) = Revoked::parse("revoked", list.as_bytes());
            assert!(findings.is_empty() && revoked.contains(&key), "{list}");
        }
        assert!(!Revoked::parse("revoked", b"\n#\n").0.contains(&key));
    }

    #[test]
    fn a_damaged_key_revokes_everything_and_an_unknown_kind_itself() {
        use base64ct::{Base64, Encoding};

        let key = PublicKey::from_line(KEY).unwrap();
        let line = |name: &str, fields: &[&[u8]]| {
            let mut blob = Vec::new();
            crate::trust::wire::put_string(&mut blob, name.as_bytes());
            for field in fields {
                crate::trust::wire::put_string(&mut blob, field);
            }
            format!("{name} {}", Base64::encode_string(&blob))
        };
        let cut = Base64::encode_string(&key.blob()[..key.blob().len() - 3]);
        let cert = "ssh-dss-cert-v01@openssh.com";
        for damaged in [format!("ssh-ed25519 {cut}"), line("ssh-ed25519", &[]), line(cert, &[b"nonce", b"p"])] {
            let (revoked, findings) = Revoked::parse("revoked", damaged.as_bytes());
            assert!(findings.len() == 1 && revoked.contains(&key), "{damaged}");
        }
        let (revoked, findings) = Revoked::parse("revoked", line("ssh-dss", &[b"p", b"q"]).as_bytes());
        assert!(findings.is_empty() && !revoked.contains(&key));
    }

    #[test]
    fn a_list_that_cannot_be_read_revokes_everything() {
        let key = PublicKey::from_line(KEY).unwrap();
        for list in [&b"SSHKRL\n\0rest"[..], b"SHA256:short", b"ssh-ed25519", b"hello there", b"\xff\xfe"] {
            let (revoked, findings) = Revoked::parse("revoked", list);
            assert_eq!(findings.len(), 1);
            assert!(revoked.contains(&key));
        }
    }
}
