//! The answers of verification: integrity, authenticity, completeness and time, and the sessions they are about.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::input::digest::{Digest, of};
use crate::input::finding::Finding;
use crate::input::time::Time;
use crate::log::judge::{SignatureJudge, Signer};
use crate::log::line::{Decision, Line, LogId, Seal, Session};
use crate::log::verify::ancestry::{Ancestry, SessionIndex};

/// How far ahead of the present a claimed time may lie: 5 minutes.
pub const CLOCK_SKEW: i64 = 300;

/// What of each session is kept in memory after it was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// About a hundred bytes a session, and nothing to decide by.
    Nothing,
    /// Header and seal of the sessions that no other names as its parent.
    Heads,
    /// Header, seal, decisions, automatic outcomes, exports and results.
    Decisions,
    /// Every line but blobs.
    Lines,
}

/// What a verification rests on.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// Who judges signatures.
    pub judge: &'a dyn SignatureJudge,
    /// The log that is expected; none: whichever the first session belongs to.
    pub log: Option<LogId>,
    /// Hashes of seal lines that were heads once; none: completeness stays unknown.
    pub known_heads: &'a [Digest<of::Line>],
    /// The present.
    pub now: Time,
    /// What is kept.
    pub keep: Keep,
    /// How many threads may work, at least 1.
    pub threads: usize,
}

/// Is it what was written?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// Every line is in its place and every session whole, with its parents.
    Intact,
    /// It is not; findings say where.
    Broken,
}

/// Is it by whom it says?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authenticity {
    /// Every seal is signed by a key that was allowed to.
    Authentic,
    /// Some seal is signed in a way that this tool does not verify; none worse.
    Unsupported,
    /// Some seal is signed by a key that is not allowed; none worse.
    NotAllowed,
    /// Some seal has no signature that verifies.
    Failed,
}

/// Is it all?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// No head was remembered: sessions may be missing from the end, and nobody could tell.
    Unknown,
    /// Everything up to the remembered heads is there; later sessions may still be missing.
    UpToKnownHeads,
    /// These remembered heads are not in the log.
    Lost(Vec<Digest<of::Line>>),
}

/// When was it?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeAnswer {
    /// As the writers' clocks claim; no session contradicts another.
    Claimed,
    /// Some session claims a time before one that it follows.
    Backwards,
    /// Some session claims a time more than 5 minutes ahead.
    Future,
}

/// The end of a file that breaks off within a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The file.
    pub file: Arc<str>,
    /// The offset of its first byte.
    pub offset: usize,
}

/// A line with what names it.
#[derive(Clone, Debug)]
pub struct Recorded<T> {
    /// Its number in the file, from 1.
    pub line: usize,
    /// The hash of its bytes.
    pub digest: Digest<of::Line>,
    /// What it says.
    pub value: T,
}

/// A session whose lines keep every rule. Only one with a [`SessionView::signer`] may be decided by.
#[derive(Clone, Debug)]
pub struct SessionView {
    /// Its place among all sessions, for [`Ancestry`].
    pub index: SessionIndex,
    /// The file it stands in.
    pub file: Arc<str>,
    /// The number of its first line, from 1.
    pub line: usize,
    /// Its first line.
    pub header: Session,
    /// Its seal.
    pub seal: Recorded<Seal>,
    /// Who signed it; none where the signature is not good.
    pub signer: Option<Signer>,
    /// Its other lines that were to be kept, in their order.
    pub lines: Vec<Recorded<Line>>,
}

impl SessionView {
    /// Its decisions, in their order.
    pub fn decisions(&self) -> impl Iterator<Item = Recorded<&Decision>> {
        self.lines.iter().filter_map(|l| match &l.value {
            Line::Decision(d) => Some(Recorded { line: l.line, digest: l.digest, value: &**d }),
            Line::Session(_)
            | Line::Blob(_)
            | Line::Plan(_)
            | Line::Policies(_)
            | Line::Evaluation(_)
            | Line::Auto(_)
            | Line::Export(_)
            | Line::Result(_)
            | Line::Seal(_)
            | Line::Sig(_) => None,
        })
    }
}

/// What is known of a log.
#[derive(Debug)]
pub struct Verification {
    /// Is it what was written?
    pub integrity: Integrity,
    /// Is it by whom it says?
    pub authenticity: Authenticity,
    /// Is it all?
    pub completeness: Completeness,
    /// When was it?
    pub time: TimeAnswer,
    /// The log's name; none where no session says one.
    pub log: Option<LogId>,
    /// The hashes of the seals that no session names as parent, sorted.
    pub heads: Vec<Digest<of::Line>>,
    /// How many different sessions there are.
    pub session_count: usize,
    /// How many lines were read.
    pub line_count: usize,
    /// The sessions, ancestors first; empty where nothing was to be kept.
    pub sessions: Vec<SessionView>,
    /// Which session follows which.
    pub ancestry: Ancestry,
    /// The long values that sound sessions hold.
    pub blobs: BTreeSet<Digest<of::Blob>>,
    /// Files that end within a session.
    pub torn: Vec<TornTail>,
    /// Everything that is wrong or notable, in the order of the files.
    pub findings: Vec<Finding>,
}

impl Verification {
    /// Whether the log may be relied on and appended to: intact, authentic, and no remembered head lost.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.integrity == Integrity::Intact
            && self.authenticity == Authenticity::Authentic
            && !matches!(self.completeness, Completeness::Lost(_))
    }
}
