//! The list of revoked keys: text, with one key or fingerprint per line.
//!
//! The format is that of ssh-keygen(1), `-Y verify -r`, plus `SHA256:` fingerprints. A line may end with
//! `valid-up-to=HEAD`: the key is revoked, and what it signed up to this head of the log stays valid. INVARIANT: if any
//! line cannot be read, every key counts as revoked, because the line may mean any key. A list that OpenSSH cannot read is
//! not accepted here either.

use std::collections::{BTreeMap, BTreeSet};

use base64ct::{Base64, Base64Unpadded, Encoding};
use sha2::{Digest as _, Sha256};

use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::text::Text;

use super::certificate::{Certificate, CertificateError};
use super::key::{KeyError, KeyKind, PublicKey};
use super::wire::Wire;

/// The word before the head up to which a revoked key's sessions stay valid.
pub const VALID_UP_TO: &str = "valid-up-to=";

/// The first bytes of OpenSSH's binary lists.
const KRL_MAGIC: &[u8] = b"SSHKRL\n\0";

/// The revoked keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    keys: BTreeMap<String, KeyRevocation>,
    unreadable: bool,
}

/// What a revoked key signed and still counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRevocation {
    /// Nothing.
    Whole,
    /// The sessions that are, or come before, all of these heads of the log. Other sessions count only where they restrict.
    UpTo(BTreeSet<Digest<of::Line>>),
}

impl KeyRevocation {
    /// Both revocations: what either of them discards is discarded.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::UpTo(mut heads), Self::UpTo(more)) => {
                heads.extend(more);
                Self::UpTo(heads)
            }
            (Self::Whole, _) | (_, Self::Whole) => Self::Whole,
        }
    }
}

impl Revoked {
    /// Parses a list. Blank lines and lines that start with `#` are comments.
    #[must_use]
    pub fn parse(file: &str, bytes: &[u8]) -> (Self, Vec<Finding>) {
        let mut out = Self::default();
        let mut findings = Vec::new();
        let mut refuse = |out: &mut Self, line: u32, message: String, help: &'static str| {
            out.unreadable = true;
            findings.push(Finding::new(Code::BadRevocation, message).at(&Place::line(file, line)).help(help));
        };
        if bytes.starts_with(KRL_MAGIC) {
            let message = format!("`{file}` is a binary key revocation list, which is unsupported; no key is accepted");
            refuse(
                &mut out,
                1,
                message,
                "list the revoked keys as text, one public key or `SHA256:` fingerprint per line",
            );
            return (out, findings);
        }
        let mut number = 0_u32;
        for raw in bytes.split(|byte| *byte == b'\n') {
            number = number.saturating_add(1);
            let text = String::from_utf8_lossy(raw);
            let line = text.trim_matches([' ', '\t', '\r']);
            let is_bare = line.is_empty() && text.contains('\r');
            if line.is_empty() && !is_bare || line.starts_with('#') {
                continue;
            }
            match if is_bare { Err(LineFault::CarriageReturn) } else { entry(line) } {
                Ok((fingerprint, revocation)) => out.add(fingerprint, revocation),
                Err(why) => {
                    let message = format!("line {number} of `{file}` {why}; no key is accepted");
                    refuse(&mut out, number, message, why.help());
                }
            }
        }
        (out, findings)
    }

    /// Whether a key is revoked, or may be revoked because the list is unreadable.
    #[must_use]
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.of(key).is_some()
    }

    /// How a key is revoked, if it is.
    #[must_use]
    pub fn of(&self, key: &PublicKey) -> Option<KeyRevocation> {
        self.of_fingerprint(&key.fingerprint())
    }

    /// How the key with a fingerprint, `SHA256:…`, is revoked, if it is.
    #[must_use]
    pub fn of_fingerprint(&self, fingerprint: &str) -> Option<KeyRevocation> {
        if self.unreadable { Some(KeyRevocation::Whole) } else { self.keys.get(fingerprint).cloned() }
    }

    fn add(&mut self, fingerprint: String, revocation: KeyRevocation) {
        let both = match self.keys.remove(&fingerprint) {
            Some(known) => known.and(revocation),
            None => revocation,
        };
        self.keys.insert(fingerprint, both);
    }
}

/// Why a line cannot be read.
#[derive(Debug, thiserror::Error)]
enum LineFault {
    /// It is neither a key nor a fingerprint.
    #[error("is neither a public key nor a `SHA256:` fingerprint")]
    Form,
    /// It consists of a carriage return only.
    #[error("contains only a carriage return")]
    CarriageReturn,
    /// The key is truncated or damaged.
    #[error("contains a damaged key: {0}")]
    Damaged(KeyError),
    /// This tool does not support the kind of key.
    #[error("contains a key of the unsupported kind `{}`", .0.terminal())]
    Kind(Text),
    /// The certificate is damaged or has an unsupported form.
    #[error("contains an unusable certificate: {0}")]
    Certificate(CertificateError),
    /// `valid-up-to=` is not followed by the hash of a head.
    #[error("has `valid-up-to=` without the hash of a head")]
    Head,
}

impl LineFault {
    fn help(&self) -> &'static str {
        match self {
            Self::Form | Self::Damaged(_) => {
                "write the line as in a `.pub` file, or as `ssh-keygen -l` prints the fingerprint"
            }
            Self::CarriageReturn => "end lines with LF only, as OpenSSH requires",
            Self::Kind(_) => {
                "remove the line, or write the key's `SHA256:` fingerprint; no signature by a key of that kind is accepted"
            }
            Self::Certificate(_) => "list the certificate's key itself",
            Self::Head => {
                "write `valid-up-to=` and the 64 digits of a head at the end of the line; `review log head` prints the heads"
            }
        }
    }
}

/// The key of a line, and how the line revokes it.
fn entry(line: &str) -> Result<(String, KeyRevocation), LineFault> {
    let Some(at) = line.find(VALID_UP_TO) else { return Ok((fingerprint(line)?, KeyRevocation::Whole)) };
    let (key, head) = line.split_at(at);
    let head = head.strip_prefix(VALID_UP_TO).unwrap_or_default();
    let head = Digest::parse(head).filter(|_| key.ends_with([' ', '\t'])).ok_or(LineFault::Head)?;
    Ok((fingerprint(key.trim_end_matches([' ', '\t']))?, KeyRevocation::UpTo(BTreeSet::from([head]))))
}

fn fingerprint(line: &str) -> Result<String, LineFault> {
    if let Some(rest) = line.strip_prefix("SHA256:") {
        let word = rest.split([' ', '\t']).next().unwrap_or_default();
        let digest = Base64Unpadded::decode_vec(word).map_err(|_| LineFault::Form)?;
        return if digest.len() == 32 { Ok(format!("SHA256:{word}")) } else { Err(LineFault::Form) };
    }
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let (Some(name), Some(body)) = (words.next(), words.next()) else { return Err(LineFault::Form) };
    let blob = Base64::decode_vec(body).map_err(|_| LineFault::Form)?;
    let mut wire = Wire::new(&blob);
    if wire.string().map_err(|_| LineFault::Form)? != name.as_bytes() {
        return Err(LineFault::Form);
    }
    // As in OpenSSH, a certificate in the list means its certified key.
    if KeyKind::of_certificate(name.as_bytes()).is_some() {
        let certificate = Certificate::from_blob(&blob).map_err(LineFault::Certificate)?;
        return Ok(certificate.key().fingerprint());
    }
    let whole = || Ok(format!("SHA256:{}", Base64Unpadded::encode_string(&Sha256::digest(&blob))));
    match PublicKey::from_blob(&blob) {
        // A weak key cannot sign here, but the list may contain it for OpenSSH.
        Ok(_) => whole(),
        Err(KeyError::ShortRsa { .. } | KeyError::Factorable) if is_whole_rsa(&blob) => whole(),
        Err(KeyError::Point) if name == KeyKind::Ed25519.name() && is_whole_edwards(&blob) => whole(),
        Err(KeyError::Unsupported(kind)) => Err(LineFault::Kind(kind)),
        Err(
            why @ (KeyError::Point
            | KeyError::ShortRsa { .. }
            | KeyError::Factorable
            | KeyError::Rsa
            | KeyError::Wire(_)
            | KeyError::Line
            | KeyError::KindsDiffer
            | KeyError::Certificate),
        ) => Err(LineFault::Damaged(why)),
    }
}

/// Whether an RSA key has a complete encoding. A weak modulus is rejected before the end is checked.
fn is_whole_rsa(blob: &[u8]) -> bool {
    let mut wire = Wire::new(blob);
    let mut read = || wire.string().and(wire.positive()).and(wire.positive());
    read().is_ok() && wire.finish().is_ok()
}

/// Whether an Ed25519 key has the right length. OpenSSH checks nothing else.
fn is_whole_edwards(blob: &[u8]) -> bool {
    let mut wire = Wire::new(blob);
    let mut field = || wire.string().unwrap_or_default();
    let (_, point) = (field(), field());
    point.len() == 32 && wire.finish().is_ok()
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
    fn a_damaged_key_and_an_unknown_kind_revoke_everything() {
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
        let point = [&[4][..], &[1; 132]].concat();
        for (damaged, said) in [
            (format!("ssh-ed25519 {cut}"), "a damaged key"),
            (line("ssh-ed25519", &[]), "a damaged key"),
            (line("ssh-ed25519", &[&[1; 31]]), "a damaged key"),
            (line("ssh-rsa", &[&[3], &[0x7f; 100], b"more"]), "a damaged key"),
            (line("ecdsa-sha2-nistp256", &[b"nistp256", &point[..65]]), "a damaged key"),
            (line("ecdsa-sha2-nistp521", &[b"nistp521", &point]), "of the unsupported kind `ecdsa-sha2-nistp521`"),
            (line(cert, &[b"nonce", b"p"]), "`ssh-dss-cert-v01@openssh.com`"),
            (line("ssh-ed25519-cert-v01@openssh.com", &[b"nonce", &[1; 32]]), "contains an unusable certificate"),
            (line("ssh-dss", &[b"p", b"q"]), "of the unsupported kind `ssh-dss`"),
            ("\r".to_owned(), "contains only a carriage return"),
        ] {
            let (revoked, findings) = Revoked::parse("revoked", format!("#\n{damaged}\n").as_bytes());
            assert!(findings.len() == 1 && revoked.contains(&key), "{damaged}");
            assert!(findings[0].message.raw().contains(said), "{damaged}: {:?}", findings[0]);
            assert_eq!(findings[0].place.as_ref().map(|place| place.line), Some(2));
        }
        for weak in [line("ssh-ed25519", &[&[0; 32]]), line("ssh-rsa", &[&[3], &[0x7f; 100]])] {
            let (revoked, findings) = Revoked::parse("revoked", weak.as_bytes());
            assert!(findings.is_empty() && !revoked.contains(&key), "{findings:?}");
        }
    }

    #[test]
    fn a_key_is_revoked_up_to_all_heads_that_its_lines_name() {
        let key = PublicKey::from_line(KEY).unwrap();
        let (one, two) = ("1a".repeat(32), "2b".repeat(32));
        let of = |list: &str| {
            let (revoked, findings) = Revoked::parse("revoked", list.as_bytes());
            assert!(findings.is_empty(), "{list}: {findings:?}");
            revoked.of(&key)
        };
        let up_to =
            |heads: &[&String]| Some(KeyRevocation::UpTo(heads.iter().map(|h| Digest::parse(h).unwrap()).collect()));
        let fingerprint = key.fingerprint();
        assert_eq!(of(&format!("{KEY} lost in May valid-up-to={one}\n")), up_to(&[&one]));
        let twice = format!("{KEY} valid-up-to={one}\n{fingerprint} valid-up-to={two}\n");
        assert_eq!(of(&twice), up_to(&[&one, &two]));
        assert_eq!(of(&format!("{twice}{fingerprint}\n")), Some(KeyRevocation::Whole));
        assert_eq!(of(&format!("{KEY}\n{twice}")), Some(KeyRevocation::Whole));
        for fault in
            ["valid-up-to=", "valid-up-to=abc", &format!("valid-up-to={one} or so"), &format!("xvalid-up-to={one}")]
        {
            let (revoked, findings) = Revoked::parse("revoked", format!("{fingerprint} {fault}\n").as_bytes());
            assert_eq!((findings.len(), revoked.of(&key)), (1, Some(KeyRevocation::Whole)), "{fault}");
        }
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
