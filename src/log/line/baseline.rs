//! The log line of a baseline. `src/log/README.md` documents the same format.
//!
//! INVARIANT: as for every line, the fields of the struct are in the order of their JSON names.

use serde::{Deserialize, Serialize};

use super::body::SnapshotDigest;
use super::word::{LineKind, Number, Tag, Value};
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::{Span, Time};

/// A person records the access of a snapshot as inherited from before the log. It approves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The digests of the access: `{"privileged":[…],"standard":[…]}`, each list sorted.
    pub access: Value,
    /// When it was written, by the writer's clock.
    pub at: Time,
    /// How many digests `access` has.
    pub count: Number,
    /// The SHA-256 of the previous line.
    pub prev: Digest<of::Line>,
    /// The person's reason.
    pub reason: Text,
    /// The snapshot that shows the access.
    pub snapshot: SnapshotDigest,
    /// `baseline`.
    pub r#type: Tag<Self>,
    /// When it ends. At most [`Baseline::LONGEST`] after `at`.
    pub until: Time,
    /// When it ends for privileged access. Not after `until`, and at most [`Baseline::LONGEST_PRIVILEGED`] after `at`.
    pub until_privileged: Time,
}

impl Baseline {
    /// How long it holds unless the person says otherwise.
    pub const USUAL: Span = Span::from_days(180);
    /// The longest time that it holds.
    pub const LONGEST: Span = Span::from_days(366);
    /// The longest time that it holds for privileged access.
    pub const LONGEST_PRIVILEGED: Span = Span::from_days(90);
}

impl LineKind for Baseline {
    const WORD: &'static str = "baseline";
}
