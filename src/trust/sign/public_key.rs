//! The public key of a signing key, read from its `.pub` file or requested from `ssh-keygen`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::input::text::Text;
use crate::trust::certificate::Certificate;
use crate::trust::key::{KeyError, PublicKey};
use crate::trust::sign::error::SignError;
use crate::trust::sign::keygen::Keygen;
use crate::trust::sign::signing_key::{SigningKey, read_line};

/// The public key that belongs to a path, and the certificate if the path is one. The key comes from the file itself if
/// it ends in `.pub`, else from `PATH.pub`, else from `ssh-keygen -y` with an empty passphrase, which never prompts.
///
/// # Errors
/// If the file does not exist, contains no supported key, or the public key is behind a passphrase.
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

/// Parses a key or certificate from a line of a `.pub` file.
pub(crate) fn read_public(line: &str) -> Result<(PublicKey, Option<Certificate>), Text> {
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

pub(crate) fn with_pub(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".pub");
    PathBuf::from(name)
}

impl SigningKey {
    /// The public key.
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
