//! The other subjects of the report: a verified log, the contents of a log, a snapshot.
//!
//! Plain data for the renderers, filled by `app` and `cli`.

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
    /// The reason, in one sentence.
    pub says: Sentence,
}

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It cannot be decided from this log alone.
    Unknown,
}

impl Holds {
    /// The word shown to users.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether the recorded evaluations follow from the recorded policies and requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayAnswer {
    /// The answer.
    pub answer: VerifyAnswer,
    /// Evaluations that were decided again.
    pub replayed: u64,
    /// Evaluations that do not follow.
    pub differ: u64,
    /// Evaluations that could not be decided again.
    pub not_replayed: u64,
}

/// The result of `verify`.
#[derive(Clone, Debug)]
pub struct VerifyReport {
    /// The log, as given by the user.
    pub file: Text,
    /// The id of the log; `None` if it has no session.
    pub log_id: Option<Text>,
    /// Whether chains, seals and parents agree.
    pub integrity: VerifyAnswer,
    /// Whether every seal is signed by a key that was allowed.
    pub authenticity: VerifyAnswer,
    /// Whether every known head is present.
    pub completeness: VerifyAnswer,
    /// Whether times are anchored or only claimed.
    pub time: VerifyAnswer,
    /// Whether evaluations follow from what is recorded, if this was asked.
    pub replay: Option<ReplayAnswer>,
    /// Seals that no session names as parent.
    pub heads: Vec<Head>,
    /// Sessions in the log.
    pub sessions: u64,
    /// Lines in the log.
    pub lines: u64,
    /// The exact text of the line, if a proof of one line was verified.
    pub line: Option<Text>,
}

/// A seal that no session names as parent: the head that an auditor stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The hash of the seal line.
    pub seal: Digest<of::Line>,
    /// Its session.
    pub session: Text,
    /// The time it claims.
    pub at: Time,
    /// The principal of the seal, as claimed.
    pub principal: Text,
}

/// The contents of a log, for people.
#[derive(Clone, Debug)]
pub struct LogReport {
    /// The log, as given by the user.
    pub file: Text,
    /// The result of `verify`, in one sentence.
    pub standing: Sentence,
    /// Its sessions, parents first.
    pub sessions: Vec<SessionRow>,
    /// The decisions, in that order.
    pub decisions: Vec<DecisionRow>,
    /// What is not shown, if anything.
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
    /// The number of decisions by verdict.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// Whether its seal and signature are valid, as a phrase.
    pub standing: Sentence,
}

/// A decision, an automatic outcome, an export or a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRow {
    /// The session that contains it.
    pub session: Text,
    /// The time, as claimed by the session.
    pub at: Time,
    /// The plan.
    pub plan: Text,
    /// The change.
    pub change: Text,
    /// The effect of the change, in one sentence.
    pub sentence: Sentence,
    /// `approve`, `reject`, `override`, `auto`, `export`, `result`.
    pub verdict: &'static str,
    /// The steps it fills.
    pub steps: Vec<Text>,
    /// The person or principal.
    pub who: Text,
    /// The reason, in the words of that person.
    pub reason: Option<Text>,
    /// Whether the change is privileged.
    pub privileged: bool,
}

/// A snapshot, counted.
#[derive(Clone, Debug)]
pub struct SnapshotReport {
    /// The systems that it describes.
    pub targets: Vec<TargetReport>,
    /// The file, as given by the user.
    pub file: Text,
    /// The system.
    pub source: Text,
    /// When the export was taken.
    pub taken_at: Time,
    /// The SHA-256 of its bytes.
    pub digest: Digest<of::File>,
    /// The number of objects of each kind.
    pub counts: BTreeMap<&'static str, u64>,
    /// The inventory, if shown.
    pub sheets: Vec<Sheet>,
}
