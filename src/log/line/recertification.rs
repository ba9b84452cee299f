//! The log lines of a recertification and of the withdrawal of a baseline. `src/log/README.md` documents the same format.
//!
//! INVARIANT: as for every line, the fields of the structs are in the order of their JSON names.

use serde::{Deserialize, Serialize};

use super::body::SnapshotDigest;
use super::word::{LineKind, Number, Tag, Value};
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::{Span, Time};

/// A person's answer about an access that a snapshot shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecertificationAnswer {
    /// It shall be changed by a plan that somebody writes.
    Change,
    /// It is still needed, until the end in the line.
    Keep,
    /// It shall be revoked by a plan.
    Revoke,
}

impl RecertificationAnswer {
    /// The word for it in the log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Keep => "keep",
            Self::Revoke => "revoke",
        }
    }
}

/// An access as a recertification records it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecertifiedAccess {
    /// `role` or `membership`.
    pub holds: Text,
    /// The mode.
    pub mode: Text,
    /// The scope; absent: everywhere.
    #[serde(default)]
    pub scope: Option<Text>,
    /// When it expires.
    #[serde(default)]
    pub until: Option<Time>,
    /// The role or group.
    pub what: Text,
    /// The identity or group.
    pub who: Text,
}

/// A person says whether an access of a frozen population is still needed. It approves no change, and rejects none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recertification {
    /// The assignment or membership, in the form whose hash a baseline lists.
    pub access: Value,
    /// The answer.
    pub answer: RecertificationAnswer,
    /// When it was written, by the writer's clock.
    pub at: Time,
    /// How many accesses the population has.
    pub count: Number,
    /// The hash of the population: of the canonical list of the sorted hashes of its accesses.
    pub population: Digest<of::Population>,
    /// The SHA-256 of the previous line.
    pub prev: Digest<of::Line>,
    /// What shall change. Present if and only if the answer is `change`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// The scope of the population; absent: the whole snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Text>,
    /// The snapshot that shows the access.
    pub snapshot: SnapshotDigest,
    /// `recertification`.
    pub r#type: Tag<Self>,
    /// When the access must be recertified again. Present if and only if the answer is `keep`; at most
    /// [`Recertification::LONGEST`] after `at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

impl Recertification {
    /// The longest time until the next recertification.
    pub const LONGEST: Span = Span::from_days(366);

    /// The access; `None` if it is no such document.
    #[must_use]
    pub fn described(&self) -> Option<RecertifiedAccess> {
        // WHY only inline: an access is short, and a value that is too long to be one is none.
        let Value::Inline(text) = &self.access else { return None };
        serde_json::from_str(text.raw()).ok()
    }
}

impl LineKind for Recertification {
    const WORD: &'static str = "recertification";
}

/// A person ends a baseline. What it covered is access without a decision again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// When it was written, by the writer's clock.
    pub at: Time,
    /// The hash of the `baseline` line.
    pub baseline: Digest<of::Line>,
    /// The SHA-256 of the previous line.
    pub prev: Digest<of::Line>,
    /// The person's reason.
    pub reason: Text,
    /// `withdrawal`.
    pub r#type: Tag<Self>,
}

impl LineKind for Withdrawal {
    const WORD: &'static str = "withdrawal";
}
