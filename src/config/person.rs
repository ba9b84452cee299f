//! A user's own settings, `$XDG_CONFIG_HOME/review/config.yaml`.
//!
//! They are for convenience only: they affect no decision and contain no secret.

use crate::input::finding::Finding;
use crate::input::form::{FieldRule, TypedFields, ValueShape};
use crate::input::place::Placed;
use crate::input::text::Text;

use super::read::checked;
use super::rules::{VERSION, optional};

const FILE: &[FieldRule] = &[
    VERSION,
    optional(
        "signing_key",
        ValueShape::Text,
        "A public key file, or `key::` and the key, as in git's `user.signingkey`.",
    ),
];

/// A user's own settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnSettings {
    /// The key to sign with: a path, or `key::` and a public key, as in git's `user.signingkey`.
    pub signing_key: Option<Placed<Text>>,
}

impl OwnSettings {
    /// Reads the file.
    ///
    /// # Errors
    /// All faults, each with its place.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, Vec<Finding>> {
        let (node, findings) = checked(name, bytes, FILE)?;
        match TypedFields::of(&node) {
            Some(fields) if findings.is_empty() => Ok(Self { signing_key: fields.text("signing_key") }),
            _ => Err(findings),
        }
    }
}
