//! The answers of verification: integrity, authenticity, completeness and time, and the sessions they are about.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::input::digest::{Digest, of};
use crate::input::finding::Finding;
use crate::input::time::Time;
use crate::log::judge::{SealSigner, SignatureJudge};
use crate::log::line::{Decision, Export, Line, LogId, Seal, Session, SessionId, Verdict};
use crate::log::verify::ancestry::{Ancestry, SessionIndex};

/// How far a claimed time may be in the future, in seconds: 5 minutes.
pub const CLOCK_SKEW: i64 = 300;

/// What to keep of each checked session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// About a hundred bytes per session.
    Nothing,
    /// Header and seal of the heads, and every freeze and thaw.
    Heads,
    /// Every line except blobs.
    Lines,
}

/// The parameters of a verification.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// Verifies signatures.
    pub judge: &'a dyn SignatureJudge,
    /// The expected log, or `None` to accept the log of the first session.
    pub log: Option<LogId>,
    /// Hashes of seal lines that are known to be heads. If empty, completeness is unknown.
    pub known_heads: &'a [Digest<of::Line>],
    /// The current time.
    pub now: Time,
    /// What to keep of each session.
    pub keep: Keep,
    /// The maximum number of threads, at least 1.
    pub threads: usize,
}

/// Whether the log is what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// Every line is in order, and every session is complete and has its parents.
    Intact,
    /// It has faults; the findings show where.
    Broken,
}

/// Whether the signers are who the log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authenticity {
    /// An allowed key signed every seal, although it may be revoked by now.
    Authentic,
    /// A key that is not allowed signed some seal. No seal is worse.
    NotAllowed,
    /// This tool does not support the signature of some seal. No seal is worse.
    Unsupported,
    /// Some seal has no valid signature.
    Failed,
}

/// Whether the log is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// No known heads were given, so sessions may be missing from the end.
    Unknown,
    /// Everything up to the known heads is present. Later sessions may still be missing.
    UpToKnownHeads,
    /// These known heads are not in the log.
    Lost(Vec<Digest<of::Line>>),
}

/// Whether the claimed times are plausible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeAnswer {
    /// Times are as claimed by the writers' clocks, and consistent with each other.
    Claimed,
    /// Some session claims an earlier time than a session that it follows.
    Backwards,
    /// Some session claims a time more than 5 minutes in the future.
    Future,
}

/// An incomplete session at the end of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// The file.
    pub file: Arc<str>,
    /// The offset of its first byte.
    pub offset: usize,
}

/// A line with its position and hash.
#[derive(Clone, Debug)]
pub struct Recorded<T> {
    /// Its line number in the file, from 1.
    pub line: usize,
    /// The hash of its bytes.
    pub digest: Digest<of::Line>,
    /// The content.
    pub value: T,
}

/// A session whose lines follow every rule. Use it for decisions only if it has a [`SessionView::signer`].
#[derive(Clone, Debug)]
pub struct SessionView {
    /// Its index among all sessions, for [`Ancestry`].
    pub index: SessionIndex,
    /// Its file.
    pub file: Arc<str>,
    /// The number of its first line, from 1.
    pub line: usize,
    /// Its first line.
    pub header: Session,
    /// Its seal.
    pub seal: Recorded<Seal>,
    /// The signer, or `None` if the session does not count: its signature is not valid, or its key is revoked.
    pub signer: Option<SealSigner>,
    /// The signer of a session that does not count because its key is revoked up to an earlier session. What restricts
    /// others still holds: rejections, freezes and exports.
    pub revoked_signer: Option<SealSigner>,
    /// Its other kept lines, in order. Of a session that does not count, in a log that can be used, only the lines that
    /// still have an effect.
    pub lines: Vec<Recorded<Line>>,
    /// The exports of a session that does not count. They use up approvals whoever signed them, and are good for nothing else.
    pub used_up: Vec<Recorded<Export>>,
}

impl SessionView {
    /// Whether the session, or at least what restricts others in it, counts.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.signer.is_some() || self.revoked_signer.is_some()
    }

    /// Drops the lines that have no effect if the session does not count, so that no reader can take them for decisions.
    pub(super) fn keep_what_counts(&mut self) {
        if self.signer.is_some() {
            return;
        }
        let restricts = self.revoked_signer.is_some();
        let used_up = &mut self.used_up;
        self.lines.retain(|line| match &line.value {
            Line::Export(it) => {
                used_up.push(Recorded { line: line.line, digest: line.digest, value: it.clone() });
                false
            }
            Line::Decision(it) => restricts && it.verdict == Verdict::Reject,
            Line::Plan(_) | Line::Policies(_) | Line::Evaluation(_) | Line::Freeze(_) => restricts,
            Line::Session(_)
            | Line::Blob(_)
            | Line::Thaw(_)
            | Line::Baseline(_)
            | Line::Recertification(_)
            | Line::Withdrawal(_)
            | Line::Auto(_)
            | Line::Result(_)
            | Line::Seal(_)
            | Line::Sig(_) => false,
        });
    }

    /// Its decisions, in order.
    pub fn decisions(&self) -> impl Iterator<Item = Recorded<&Decision>> {
        self.lines.iter().filter_map(|l| match &l.value {
            Line::Decision(d) => Some(Recorded { line: l.line, digest: l.digest, value: &**d }),
            Line::Session(_)
            | Line::Blob(_)
            | Line::Plan(_)
            | Line::Policies(_)
            | Line::Evaluation(_)
            | Line::Freeze(_)
            | Line::Thaw(_)
            | Line::Baseline(_)
            | Line::Recertification(_)
            | Line::Withdrawal(_)
            | Line::Auto(_)
            | Line::Export(_)
            | Line::Result(_)
            | Line::Seal(_)
            | Line::Sig(_) => None,
        })
    }
}

/// The result of a verification.
#[derive(Debug)]
pub struct Verification {
    /// Whether the log is what was written.
    pub integrity: Integrity,
    /// Whether the signers are who the log says.
    pub authenticity: Authenticity,
    /// Whether the log is complete.
    pub completeness: Completeness,
    /// Whether the claimed times are plausible.
    pub time: TimeAnswer,
    /// The id of the log, or `None` if it has no sessions.
    pub log: Option<LogId>,
    /// The hashes of the seals that no session names as parent, sorted.
    pub heads: Vec<Digest<of::Line>>,
    /// The number of distinct sessions.
    pub session_count: usize,
    /// The number of lines.
    pub line_count: usize,
    /// The kept sessions, ancestors first.
    pub sessions: Vec<SessionView>,
    /// The sessions that do not count: a key that is not allowed, or that is revoked, signed them.
    pub uncounted: BTreeSet<SessionId>,
    /// The graph of sessions.
    pub ancestry: Ancestry,
    /// The long values of valid sessions.
    pub blobs: BTreeSet<Digest<of::Blob>>,
    /// Files that end within a session.
    pub torn: Vec<TornTail>,
    /// All findings, in file order.
    pub findings: Vec<Finding>,
}

impl Verification {
    /// The latest time at which a session that counts was sealed.
    #[must_use]
    pub fn last_sealed(&self) -> Option<Time> {
        self.sessions.iter().filter(|view| view.counts()).map(|view| view.seal.value.at).max()
    }
}

impl Verification {
    /// Whether every session is what was written, by an allowed key, and no known head is missing.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.is_usable() && self.authenticity == Authenticity::Authentic
    }

    /// Whether decisions can be based on the log, and sessions appended to it: it is intact, every signature was made by the
    /// key that its seal names, and no known head is missing. A session by a key that is not allowed counts for nothing, and
    /// does not stop the others.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.integrity == Integrity::Intact
            && matches!(self.authenticity, Authenticity::Authentic | Authenticity::NotAllowed)
            && !matches!(self.completeness, Completeness::Lost(_))
    }
}
