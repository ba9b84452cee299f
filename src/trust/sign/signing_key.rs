//! Which key signs: a file, or a public key whose private half an agent holds.
//!
//! Source: git-config(1), `user.signingKey`; ssh-keygen(1), `-Y sign -f`. In: a path or a literal. Out: [`SigningKey`],
//! and its public key. INVARIANT: the file of a private key is never read here; its `.pub` is, or `ssh-keygen` asked.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::input::text::Text;

use super::super::certificate::Certificate;
use super::super::key::{KeyError, PublicKey};
use super::error::SignError;
use super::keygen::Keygen;

/// More than the longest real `.pub` file.
const MAX_PUB_BYTES: u64 = 64 * 1024;

/// What `ssh-keygen -f` is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningKey {
    /// A private key's file, or a public key's or certificate's whose private half lies beside it or in the agent.
    File(PathBuf),
    /// A public key whose private half the agent holds.
    Literal(Box<PublicKey>),
}

impl SigningKey {
    /// Reads what git's `user.signingKey` may hold with `gpg.format=ssh`: `key::KIND BASE64`, `ssh-… BASE64`, or a
    /// path, where `~/` stands for `home`.
    ///
    /// # Errors
    /// If a literal key is not one that can be verified.
    pub fn parse(value: &str, home: Option<&Path>) -> Result<Self, KeyError> {
        let value = value.trim();
        if let Some(literal) = value.strip_prefix("key::") {
            return PublicKey::from_line(literal).map(Self::from);
        }
        if value.starts_with("ssh-") && value.contains(' ') {
            return PublicKey::from_line(value).map(Self::from);
        }
        Ok(Self::File(match (value.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(value),
        }))
    }

    /// The key as text, for people: the path, or kind and fingerprint.
    #[must_use]
    pub fn text(&self) -> Text {
        match self {
            Self::File(path) => Text::new(path.to_string_lossy().as_ref()),
            Self::Literal(key) => Text::from(format!("{} {}", key.kind().name(), key.fingerprint())),
        }
    }

    /// The public half.
    ///
    /// # Errors
    /// As [`public_key_of`].
    pub fn public(&self, keygen: &Keygen) -> Result<(PublicKey, Option<Certificate>), SignError> {
        match self {
            Self::File(path) => public_key_of(keygen, path),
            Self::Literal(key) => Ok(((**key).clone(), None)),
        }
    }
}

impl From<PublicKey> for SigningKey {
    fn from(key: PublicKey) -> Self {
        Self::Literal(Box::new(key))
    }
}

/// The public key that belongs to a path, and the certificate if the path is one: from the file itself if it ends in
/// `.pub`, else from `PATH.pub`, else from `ssh-keygen -y` with an empty passphrase, which never asks.
///
/// # Errors
/// If there is no such file, it holds no key that can be verified, or a passphrase stands before the public half.
pub fn public_key_of(keygen: &Keygen, path: &Path) -> Result<(PublicKey, Option<Certificate>), SignError> {
    let named = || Text::new(path.to_string_lossy().as_ref());
    let is_public = path.extension().is_some_and(|extension| extension == "pub");
    let beside = if is_public { path.to_owned() } else { with_pub(path) };
    if let Some(line) = read_line(&beside) {
        return read_public(&line).map_err(|why| SignError::UnreadableKey { key: named(), why: Some(why) });
    }
    if is_public || !path.exists() {
        return Err(SignError::NoSuchKey { key: named() });
    }
    let output = Command::new(keygen.program())
        .args(["-y", "-P", "", "-f"])
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| SignError::from_spawn(&error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(if said.contains("UNPROTECTED") || said.contains("bad permissions") {
            SignError::OpenToOthers { key: named() }
        } else if said.contains("incorrect passphrase") {
            SignError::NoPublicHalf { key: named() }
        } else {
            SignError::UnreadableKey { key: named(), why: None }
        });
    }
    let line = String::from_utf8_lossy(&output.stdout);
    read_public(&line).map_err(|why| SignError::UnreadableKey { key: named(), why: Some(why) })
}

/// Reads a key, or a certificate, from a line of a `.pub` file.
fn read_public(line: &str) -> Result<(PublicKey, Option<Certificate>), Text> {
    match PublicKey::from_line(line) {
        Ok(key) => Ok((key, None)),
        Err(KeyError::Certificate) => {
            use base64ct::{Base64, Encoding};
            let body = line.split([' ', '\t']).filter(|word| !word.is_empty()).nth(1).unwrap_or_default();
            let blob = Base64::decode_vec(body).map_err(|_| Text::from(KeyError::Line.to_string()))?;
            let certificate = Certificate::from_blob(&blob).map_err(|error| Text::from(error.to_string()))?;
            Ok((certificate.key().clone(), Some(certificate)))
        }
        Err(error) => Err(Text::from(error.to_string())),
    }
}

fn with_pub(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".pub");
    PathBuf::from(name)
}

/// The first line of a small regular file.
pub(super) fn read_line(path: &Path) -> Option<String> {
    fs::metadata(path).ok().filter(|metadata| metadata.is_file() && metadata.len() <= MAX_PUB_BYTES)?;
    let text = fs::read_to_string(path).ok()?;
    text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned)
}
