//! Which key signs: a file, or a public key whose private half an agent holds.
//!
//! Source: git-config(1), `user.signingKey`; ssh-keygen(1), `-Y sign -f`. In: a path or a literal. Out: [`SigningKey`],
//! and its public key. INVARIANT: the file of a private key is never read here; its `.pub` is, or `ssh-keygen` asked.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::key::{KeyError, PublicKey};
use crate::input::text::Text;

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
