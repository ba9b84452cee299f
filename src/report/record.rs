//! The report's other subjects: a verified log, a log that is shown, a snapshot.
//!
//! In: nothing (plain data; `cli` fills it from `log` and `snapshot`). Out: what the renderers show.

use std::collections::BTreeMap;

use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::Time;

use super::sentence::Sentence;
use super::sheet::Sheet;
use super::target::TargetReport;

/// One of the four answers of `verify`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyAnswer {
    /// Whether it holds.
    pub holds: Holds,
    /// Why, one sentence.
    pub says: Sentence,
}

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// This log alone cannot tell.
    Unknown,
}

impl Holds {
    /// The word as users see it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// What `verify` found.
#[derive(Clone, Debug)]
pub struct VerifyReport {
    /// The log, as the user named it.
    pub file: Text,
    /// The id of the log; none if it has no session.
    pub log_id: Option<Text>,
    /// Whether chains, seals and parents agree.
    pub integrity: VerifyAnswer,
    /// Whether every seal is signed by a key that was allowed.
    pub authenticity: VerifyAnswer,
    /// Whether every remembered head is there.
    pub completeness: VerifyAnswer,
    /// Whether times are anchored or only claimed.
    pub time: VerifyAnswer,
    /// Seals that no session names as parent.
    pub heads: Vec<Head>,
    /// Sessions in the log.
    pub sessions: u64,
    /// Lines in the log.
    pub lines: u64,
    /// The exact text of the line, where a proof of one line was verified.
    pub line: Option<Text>,
}

/// A seal that no session names as parent: what an auditor remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The hash of the seal line.
    pub seal: Digest<of::Line>,
    /// Its session.
    pub session: Text,
    /// The time it claims.
    pub at: Time,
    /// Whose seal it says it is.
    pub principal: Text,
}

/// A log as a manager reads it.
#[derive(Clone, Debug)]
pub struct LogReport {
    /// The log, as the user named it.
    pub file: Text,
    /// What `verify` says of it, one sentence.
    pub standing: Sentence,
    /// Its sessions, parents first.
    pub sessions: Vec<SessionRow>,
    /// What was decided, in that order.
    pub decisions: Vec<DecisionRow>,
    /// What is not shown, where something is not.
    pub more: Option<Sentence>,
    /// Seals that no session names as parent.
    pub heads: Vec<Head>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id.
    pub session: Text,
    /// `review` or `record`.
    pub kind: &'static str,
    /// The time of its seal, as it claims.
    pub sealed: Option<Time>,
    /// Its writer.
    pub writer: Text,
    /// The key's fingerprint.
    pub key: Text,
    /// The plans it is about.
    pub plans: Vec<Text>,
    /// How many of each verdict, by word.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// Whether its seal and signature hold, one phrase.
    pub standing: Sentence,
}

/// A decision, an automatic outcome, an export or a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRow {
    /// The session that says so.
    pub session: Text,
    /// When, as the session claims.
    pub at: Time,
    /// The plan.
    pub plan: Text,
    /// The change.
    pub change: Text,
    /// What the change does, one sentence.
    pub sentence: Sentence,
    /// `approve`, `reject`, `override`, `auto`, `export`, `result`.
    pub verdict: &'static str,
    /// The steps it fills.
    pub steps: Vec<Text>,
    /// Who.
    pub who: Text,
    /// Why, in the words of that person.
    pub reason: Option<Text>,
    /// Whether the change is privileged.
    pub privileged: bool,
}

/// A snapshot, counted.
#[derive(Clone, Debug)]
pub struct SnapshotReport {
    /// The systems that it describes.
    pub targets: Vec<TargetReport>,
    /// The file, as the user named it.
    pub file: Text,
    /// The system.
    pub source: Text,
    /// When the export was taken.
    pub taken_at: Time,
    /// The SHA-256 of its bytes.
    pub digest: Digest<of::File>,
    /// How many of each kind of thing.
    pub counts: BTreeMap<&'static str, u64>,
    /// What stands out in it, where it is shown.
    pub sheets: Vec<Sheet>,
}
