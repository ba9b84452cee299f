//! The key that signs: a file, or a public key whose private key is in an agent.
//!
//! The syntax is that of git-config(1), `user.signingKey`. INVARIANT: this module never reads a private key's file. It
//! reads the `.pub` file or asks `ssh-keygen`.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::key::{KeyError, PublicKey};
use crate::input::text::Text;

/// The maximum length of a `.pub` file.
const MAX_PUB_BYTES: u64 = 64 * 1024;

/// The argument of `ssh-keygen -f`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningKey {
    /// The file of a private key, or of a public key or certificate whose private key is next to it or in the agent.
    File(PathBuf),
    /// A public key whose private key is in the agent.
    Literal(Box<PublicKey>),
}

impl SigningKey {
    /// Parses a value of git's `user.signingKey` with `gpg.format=ssh`: `key::KIND BASE64`, `ssh-… BASE64`, or a path.
    /// `~/` means `home`.
    ///
    /// # Errors
    /// If a literal key is not supported.
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

    /// The key for display: the path, or kind and fingerprint.
    #[must_use]
    pub fn text(&self) -> Text {
        match self {
            Self::File(path) => Text::new(path.to_string_lossy().as_ref()),
            Self::Literal(key) => Text::from(format!("{} {}", key.kind().name(), key.fingerprint())),
        }
    }
}

impl From<PublicKey> for SigningKey {
    fn from(key: PublicKey) -> Self {
        Self::Literal(Box::new(key))
    }
}

/// The first line of a small regular file.
pub(super) fn read_line(path: &Path) -> Option<String> {
    fs::metadata(path).ok().filter(|metadata| metadata.is_file() && metadata.len() <= MAX_PUB_BYTES)?;
    let text = fs::read_to_string(path).ok()?;
    text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned)
}
