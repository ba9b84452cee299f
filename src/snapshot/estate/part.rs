//! What an estate is made of: parts, and what the user says about the links between them.

use super::mapping::MapLine;
use crate::snapshot::model::Snapshot;

/// A snapshot to merge.
#[derive(Debug)]
pub struct EstatePart {
    /// Its file, for messages.
    pub file: String,
    /// The name that the user gives it; if absent, that of its system.
    pub name: Option<String>,
    /// The snapshot.
    pub snapshot: Snapshot,
}

/// What the user knows of the links between the parts.
#[derive(Debug, Default)]
pub struct LinkOptions {
    /// Token issuers by the name of the part whose identities get tokens from it.
    pub issuers: Vec<(String, String)>,
    /// Which names of one part are which names of another.
    pub map: Vec<MapLine>,
}

/// Whether a text can be the name of a part: letters, digits, `.`, `_` and `-`.
#[must_use]
pub fn is_part_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// A part whose ids have their prefix.
pub(super) struct NamedPart {
    pub file: String,
    pub name: String,
    pub has_prefix: bool,
    pub snapshot: Snapshot,
}

impl NamedPart {
    /// An id without the prefix of the part.
    pub fn local<'i>(&self, id: &'i str) -> &'i str {
        if !self.has_prefix {
            return id;
        }
        id.strip_prefix(self.name.as_str()).and_then(|rest| rest.strip_prefix(':')).unwrap_or(id)
    }
}
