//! One line of the log: parses bytes to a closed struct, and serialises it to the same bytes.
//!
//! INVARIANT: every accepted line re-serialises to its exact bytes, so its hash is unambiguous. Lines are never parsed
//! to generic JSON values, because a dependency enables `preserve_order` and a map's order must not reach the log.

mod baseline;
mod body;
mod decision;
mod freeze;
mod recertification;
mod word;

pub use baseline::Baseline;
pub use body::{
    Applied, Auto, Blob, Evaluation, Export, FileDigest, KeptFile, Outcome, Plan, Policies, PolicyOutcome, Proof,
    ProofMethod, Seal, Session, SessionKind, Sig, SnapshotDigest, SnapshotTarget, VerdictCounts, Writer,
};
pub use decision::{Decision, Rejected, Seen, Shown, Verdict};
pub use freeze::{Freeze, FreezeKind, Thaw};
pub use recertification::{Recertification, RecertificationAnswer, RecertifiedAccess, Withdrawal};
pub use word::{LineKind, LogId, Number, Salt, SessionId, Tag, Value, Version};

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

use crate::input::canonical::{self, CanonicalError};
use crate::input::digest::{Digest, of};
use crate::input::text::Text;

/// The maximum length of a line in bytes, including its LF.
pub const LONGEST: usize = 65_535;

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The first line of a session.
    Session(Box<Session>),
    /// One part of a long value.
    Blob(Blob),
    /// A received plan.
    Plan(Box<Plan>),
    /// The policies in force.
    Policies(Policies),
    /// The policy result for a change.
    Evaluation(Box<Evaluation>),
    /// A person's decision.
    Decision(Box<Decision>),
    /// A freeze.
    Freeze(Box<Freeze>),
    /// A person's agreement to end a freeze.
    Thaw(Thaw),
    /// Access that a person recorded as inherited.
    Baseline(Box<Baseline>),
    /// A person's answer whether an access is still needed.
    Recertification(Box<Recertification>),
    /// The end of a baseline.
    Withdrawal(Withdrawal),
    /// An automatic outcome.
    Auto(Auto),
    /// A change handed to the executor.
    Export(Export),
    /// The outcome of a change.
    Result(Box<Outcome>),
    /// The seal, which the writer signs.
    Seal(Box<Seal>),
    /// The signature.
    Sig(Sig),
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Session(body) => body.serialize(serializer),
            Self::Blob(body) => body.serialize(serializer),
            Self::Plan(body) => body.serialize(serializer),
            Self::Policies(body) => body.serialize(serializer),
            Self::Evaluation(body) => body.serialize(serializer),
            Self::Decision(body) => body.serialize(serializer),
            Self::Freeze(body) => body.serialize(serializer),
            Self::Thaw(body) => body.serialize(serializer),
            Self::Baseline(body) => body.serialize(serializer),
            Self::Recertification(body) => body.serialize(serializer),
            Self::Withdrawal(body) => body.serialize(serializer),
            Self::Auto(body) => body.serialize(serializer),
            Self::Export(body) => body.serialize(serializer),
            Self::Result(body) => body.serialize(serializer),
            Self::Seal(body) => body.serialize(serializer),
            Self::Sig(body) => body.serialize(serializer),
        }
    }
}

impl Line {
    /// The value of its `type`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Session(_) => Session::WORD,
            Self::Blob(_) => Blob::WORD,
            Self::Plan(_) => Plan::WORD,
            Self::Policies(_) => Policies::WORD,
            Self::Evaluation(_) => Evaluation::WORD,
            Self::Decision(_) => Decision::WORD,
            Self::Freeze(_) => Freeze::WORD,
            Self::Thaw(_) => Thaw::WORD,
            Self::Baseline(_) => Baseline::WORD,
            Self::Recertification(_) => Recertification::WORD,
            Self::Withdrawal(_) => Withdrawal::WORD,
            Self::Auto(_) => Auto::WORD,
            Self::Export(_) => Export::WORD,
            Self::Result(_) => Outcome::WORD,
            Self::Seal(_) => Seal::WORD,
            Self::Sig(_) => Sig::WORD,
        }
    }

    /// The hash of the previous line. A `session` line has none.
    #[must_use]
    pub fn prev(&self) -> Option<Digest<of::Line>> {
        match self {
            Self::Session(_) => None,
            Self::Blob(body) => Some(body.prev),
            Self::Plan(body) => Some(body.prev),
            Self::Policies(body) => Some(body.prev),
            Self::Evaluation(body) => Some(body.prev),
            Self::Decision(body) => Some(body.prev),
            Self::Freeze(body) => Some(body.prev),
            Self::Thaw(body) => Some(body.prev),
            Self::Baseline(body) => Some(body.prev),
            Self::Recertification(body) => Some(body.prev),
            Self::Withdrawal(body) => Some(body.prev),
            Self::Auto(body) => Some(body.prev),
            Self::Export(body) => Some(body.prev),
            Self::Result(body) => Some(body.prev),
            Self::Seal(body) => Some(body.prev),
            Self::Sig(body) => Some(body.prev),
        }
    }

    /// Its bytes, including the LF.
    ///
    /// # Errors
    /// If it is longer than [`LONGEST`] bytes or has no canonical form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, WriteFault> {
        let mut bytes = canonical::to_bytes(self)?;
        bytes.push(b'\n');
        if bytes.len() > LONGEST {
            return Err(WriteFault::TooLong { word: self.word(), length: bytes.len() });
        }
        Ok(bytes)
    }
}

/// Why a line cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteFault {
    /// It is too long.
    #[error("a `{word}` line has {length} bytes; the limit is {LONGEST}")]
    TooLong {
        /// The kind of line.
        word: &'static str,
        /// Its length in bytes.
        length: usize,
    },
    /// It has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

/// Why bytes are not a line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadFault {
    /// What is wrong, lower case, no full stop.
    pub message: Text,
    /// The byte offset in the line, from 0.
    pub offset: usize,
}

impl ReadFault {
    fn new(offset: usize, message: impl Into<Text>) -> Self {
        Self { message: message.into(), offset }
    }
}

/// The value of a line's `type`, found without parsing the rest, or `None` if there is none.
///
/// INVARIANT: a quote in a JSON string is escaped, so these bytes occur only as a key. If a nested key matches, the
/// struct that is selected by it rejects the line.
#[must_use]
pub fn word(bytes: &[u8]) -> Option<&[u8]> {
    const KEY: &[u8] = b"\"type\":\"";
    let at = bytes.windows(KEY.len()).rposition(|w| w == KEY)?;
    let rest = bytes.get(at + KEY.len()..)?;
    rest.get(..rest.iter().position(|b| *b == b'"')?)
}

/// Parses one line, including its LF. `scratch` is reused between calls.
///
/// # Errors
/// If it is too long, has no LF, is not UTF-8, has an unknown kind, has an unknown, missing, repeated or ill-typed
/// field, or is not in canonical form.
pub fn read(bytes: &[u8], scratch: &mut Vec<u8>) -> Result<Line, ReadFault> {
    if bytes.len() > LONGEST {
        return Err(ReadFault::new(LONGEST, format!("the line is longer than {LONGEST} bytes")));
    }
    let Some((b'\n', body)) = bytes.split_last() else {
        return Err(ReadFault::new(bytes.len(), "the line does not end with a line feed"));
    };
    if let Err(e) = std::str::from_utf8(body) {
        return Err(ReadFault::new(e.valid_up_to(), "the line is not UTF-8"));
    }
    let Some(word) = word(body) else {
        return Err(ReadFault::new(0, "the line has no `type`"));
    };
    match word {
        b"session" => parse(body, scratch).map(|b| Line::Session(Box::new(b))),
        b"blob" => parse(body, scratch).map(Line::Blob),
        b"plan" => parse(body, scratch).map(|b| Line::Plan(Box::new(b))),
        b"policies" => parse(body, scratch).map(Line::Policies),
        b"evaluation" => parse(body, scratch).map(|b| Line::Evaluation(Box::new(b))),
        b"decision" => parse(body, scratch).map(|b| Line::Decision(Box::new(b))),
        b"freeze" => parse(body, scratch).map(|b| Line::Freeze(Box::new(b))),
        b"thaw" => parse(body, scratch).map(Line::Thaw),
        b"baseline" => parse(body, scratch).map(|b| Line::Baseline(Box::new(b))),
        b"recertification" => parse(body, scratch).map(|b| Line::Recertification(Box::new(b))),
        b"withdrawal" => parse(body, scratch).map(Line::Withdrawal),
        b"auto" => parse(body, scratch).map(Line::Auto),
        b"export" => parse(body, scratch).map(Line::Export),
        b"result" => parse(body, scratch).map(|b| Line::Result(Box::new(b))),
        b"seal" => parse(body, scratch).map(|b| Line::Seal(Box::new(b))),
        b"sig" => parse(body, scratch).map(Line::Sig),
        other => {
            let name = String::from_utf8_lossy(other);
            Err(ReadFault::new(0, format!("this version does not support lines of type `{name}`")))
        }
    }
}

fn parse<T: DeserializeOwned + Serialize>(body: &[u8], scratch: &mut Vec<u8>) -> Result<T, ReadFault> {
    let value: T = serde_json::from_slice(body).map_err(|e| {
        // serde_json appends its own line and column. Remove them, because the finding has a place.
        let full = e.to_string();
        let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(m, _)| m);
        ReadFault::new(e.column().saturating_sub(1).min(body.len()), format!("the line cannot be read: {message}"))
    })?;
    scratch.clear();
    if serde_json::to_writer(&mut *scratch, &value).is_err() || scratch.as_slice() != body {
        let at = scratch.iter().zip(body).position(|(a, b)| a != b).unwrap_or(scratch.len().min(body.len()));
        return Err(ReadFault::new(at, "the line is not in canonical form"));
    }
    Ok(value)
}

/// The lines of a byte slice, each with its LF. The last line may lack it.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|b| *b == b'\n')
}

#[cfg(test)]
mod tests;
