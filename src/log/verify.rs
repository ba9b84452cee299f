//! Verifies a log and reports four separate results: integrity (is it what was written), authenticity (by whom),
//! completeness (is it all), and time (when).
//!
//! The input is a stream for each file, a judge for signatures, known heads, and the time. A prefix of a log has
//! integrity but is never known to be complete. Nothing that a session says about itself is trusted. Sessions are checked
//! in parallel in batches; memory use depends on [`answers::Keep`].

mod ancestry;
pub mod answers;
mod check;
mod join;
mod kinds;
mod revoked;

pub use ancestry::{Ancestry, SessionIndex};
pub use answers::{
    Authenticity, CLOCK_SKEW, Completeness, Integrity, Keep, SessionView, Terms, TornTail, Verification,
};

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};
use std::sync::Arc;

use super::line::{LogId, SessionId};
use super::split::Splitter;
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::place::Place;
use crate::input::text::Text;
use crate::input::time::Span;

/// The maximum number of findings. Further findings are only counted.
pub const FINDINGS: usize = 1_000;
/// The minimum number of bytes per batch.
const BATCH: usize = 4 << 20;

/// Verifies the files of a log one after another.
pub struct Verifier<'a> {
    terms: Terms<'a>,
    log: Option<LogId>,
    files: Vec<Arc<str>>,
    /// Heads whose absence only causes a warning.
    seen_here: Vec<Digest<of::Line>>,
    kinds: kinds::Kinds,
    join: join::Join,
    authenticity: Authenticity,
    uncounted: BTreeSet<SessionId>,
    revoked: Vec<revoked::RevokedSession>,
    broken: bool,
    sessions: Vec<SessionView>,
    /// Sessions that may still be heads, by seal.
    open: BTreeMap<Digest<of::Line>, SessionView>,
    torn: Vec<TornTail>,
    findings: Vec<Finding>,
    unlisted: usize,
    line_count: usize,
    batch: Vec<u8>,
}

impl<'a> Verifier<'a> {
    /// Starts with an empty log.
    #[must_use]
    pub fn new(terms: Terms<'a>) -> Self {
        Self {
            terms,
            log: terms.log,
            files: Vec::new(),
            seen_here: Vec::new(),
            kinds: kinds::Kinds::default(),
            join: join::Join::default(),
            authenticity: Authenticity::Authentic,
            uncounted: BTreeSet::new(),
            revoked: Vec::new(),
            broken: false,
            sessions: Vec::new(),
            open: BTreeMap::new(),
            torn: Vec::new(),
            findings: Vec::new(),
            unlisted: 0,
            line_count: 0,
            batch: Vec::new(),
        }
    }

    /// The log of the sessions read so far.
    #[must_use]
    pub fn log(&self) -> Option<LogId> {
        self.log
    }

    /// Sets the heads that this machine has seen. A missing one causes a warning and does not change the result.
    pub fn seen_here(&mut self, heads: Vec<Digest<of::Line>>) {
        self.seen_here = heads;
    }

    /// Reads a file. Findings use `name` for it.
    ///
    /// # Errors
    /// If it cannot be read to the end. The log is then not verified.
    pub fn feed(&mut self, name: &str, reader: impl BufRead) -> io::Result<()> {
        let file: Arc<str> = name.into();
        self.files.push(Arc::clone(&file));
        let mut splitter = Splitter::new(reader);
        let mut batch = std::mem::take(&mut self.batch);
        loop {
            let groups = splitter.next(BATCH, &mut batch)?;
            if groups.is_empty() {
                break;
            }
            for checked in check::all(&groups, &batch, &file, &self.terms) {
                self.admit(checked, &file);
            }
        }
        self.line_count = self.line_count.saturating_add(splitter.lines());
        self.batch = batch;
        Ok(())
    }

    /// Adds the result for one group of lines.
    fn admit(&mut self, checked: check::Checked, file: &Arc<str>) {
        for finding in checked.findings {
            self.broken |= checked.breaks;
            self.note(finding);
        }
        self.authenticity = self.authenticity.max(checked.authenticity);
        if let Some(offset) = checked.torn {
            self.torn.push(TornTail { file: Arc::clone(file), offset });
        }
        let Some(mut mark) = checked.mark else { return };
        let expected = *self.log.get_or_insert(checked.log.unwrap_or(LogId::from_bytes([0; 16])));
        if checked.log != Some(expected) {
            self.broken = true;
            mark.foreign = true;
            let found = checked.log.map_or_else(String::new, |l| l.to_string());
            let message = format!("the session belongs to the log `{found}`, not to `{expected}`");
            self.note(
                Finding::new(Code::LogForeignSession, message)
                    .at(&Place::line(file, mark.line))
                    .help("remove the session: restore the file from a copy without it; verify the log of another site with `--signers`"),
            );
        }
        if checked.authenticity != Authenticity::Authentic {
            self.uncounted.insert(mark.session);
        }
        let number = self.files.len().saturating_sub(1);
        let (session, line) = (mark.session, mark.line);
        let index = self.join.add(mark, number, &checked.parents, checked.defines, checked.needs);
        if let Some((key, revocation)) = checked.revoked {
            let place = Place::line(file, line);
            self.revoked.push(revoked::RevokedSession { index, session, key, revocation, place });
        }
        if self.terms.keep == Keep::Heads {
            // Keep sessions that hold freezes, and those signed by a security key with a counter, because all counters are
            // compared at the end.
            let followed = checked.parents.iter().filter_map(|parent| self.open.remove(parent));
            let stays = |view: &SessionView| {
                let signer = view.signer.as_ref().or(view.revoked_signer.as_ref());
                !view.lines.is_empty() || signer.is_some_and(|s| s.counter.is_some())
            };
            self.sessions.extend(followed.filter(stays));
        }
        if let Some(mut view) = checked.view {
            view.index = index;
            self.kinds.take(&view);
            if self.terms.keep == Keep::Heads {
                self.open.entry(view.seal.digest).or_insert(*view);
            } else {
                self.sessions.push(*view);
            }
        }
    }

    fn note(&mut self, finding: Finding) {
        if self.findings.len() < FINDINGS {
            self.findings.push(finding);
        } else {
            self.unlisted = self.unlisted.saturating_add(1);
        }
    }

    /// Warns that sessions seen on this machine are not in the log.
    fn miss(&mut self, missed: &[Digest<of::Line>]) {
        let Some((head, others)) = missed.split_first() else { return };
        let more = match others.len() {
            0 => String::new(),
            n => format!(", nor {n} more"),
        };
        let message = format!("the head `{head}`, which this machine has seen before, is not in the log{more}");
        let help = "unless this is an older copy on purpose, find the copy that contains it and merge the two with `review log merge`; to enforce it, pass `--known-head`";
        self.note(Finding::new(Code::LogLostHead, message).weighing(Severity::Warning).help(help));
    }

    /// Returns the result, after all files.
    #[must_use]
    pub fn finish(mut self) -> Verification {
        let limit = self.terms.now.plus(Span::from_seconds(CLOCK_SKEW));
        self.seen_here.retain(|head| !self.terms.known_heads.contains(head));
        let heads = [self.terms.known_heads, &self.seen_here].concat();
        let revoked = std::mem::take(&mut self.revoked);
        let asked = revoked::heads(&revoked);
        let joined = std::mem::take(&mut self.join).finish(&self.files, limit, &heads, &asked);
        for finding in joined.findings {
            self.broken |= finding.severity == Severity::Error;
            self.note(finding);
        }
        let (missed, lost): (Vec<_>, Vec<_>) = joined.lost.into_iter().partition(|head| self.seen_here.contains(head));
        self.miss(&missed);
        for head in &lost {
            let message = format!("the known head `{head}` is not in the log");
            self.note(
                Finding::new(Code::LogLostHead, message)
                    .help("find the copy of the log that contains it and merge the two with `review log merge`"),
            );
        }
        let completeness = match (self.terms.known_heads.is_empty(), lost.is_empty()) {
            (true, _) => Completeness::Unknown,
            (false, true) => Completeness::UpToKnownHeads,
            (false, false) => Completeness::Lost(lost),
        };
        if self.unlisted > 0 {
            let message = format!("{} more faults are not listed", self.unlisted);
            self.findings.push(Finding::new(Code::LogTooManyFaults, message));
        }
        let mut sessions = std::mem::take(&mut self.sessions);
        sessions.extend(std::mem::take(&mut self.open).into_values());
        sessions.retain(|s| joined.ancestry.position(s.index).is_some());
        sessions.sort_by_key(|s| joined.ancestry.position(s.index));
        let judged = revoked::judge(revoked, &joined.found, &joined.ancestry);
        for view in sessions.iter_mut().filter(|view| view.revoked_signer.is_some()) {
            match judged.standing.get(&view.index) {
                Some(revoked::Standing::Counts) => view.signer = view.revoked_signer.take(),
                Some(revoked::Standing::Restricts) => {}
                Some(revoked::Standing::Discarded) | None => view.revoked_signer = None,
            }
        }
        self.uncounted.extend(judged.uncounted);
        for finding in judged.findings {
            self.note(finding);
        }
        for late in joined.late {
            self.authenticity = self.authenticity.max(Authenticity::NotAllowed);
            self.uncounted.insert(late.session);
            if let Some(view) = sessions.iter_mut().find(|view| view.index == late.index) {
                (view.signer, view.revoked_signer) = (None, None);
            }
            self.note(late.finding);
        }
        if matches!(self.authenticity, Authenticity::Authentic | Authenticity::NotAllowed) {
            sessions.iter_mut().for_each(SessionView::keep_what_counts);
        }
        for finding in counters(&sessions, &joined.ancestry) {
            self.note(finding);
        }
        for finding in std::mem::take(&mut self.kinds).both() {
            self.note(finding);
        }
        Verification {
            integrity: if self.broken { Integrity::Broken } else { Integrity::Intact },
            authenticity: self.authenticity,
            completeness,
            time: joined.time,
            log: self.log,
            heads: joined.heads,
            session_count: joined.count,
            line_count: self.line_count,
            sessions,
            uncounted: self.uncounted,
            ancestry: joined.ancestry,
            blobs: joined.blobs,
            torn: self.torn,
            findings: self.findings,
        }
    }
}

/// Security keys whose counter does not increase from a session to a later one, which suggests a cloned key. A key
/// whose counter is always 0 does not count.
fn counters(sessions: &[SessionView], ancestry: &Ancestry) -> Vec<Finding> {
    let mut last: BTreeMap<&str, (&SessionView, u32)> = BTreeMap::new();
    let mut found = Vec::new();
    for view in sessions {
        let Some((signer, count)) = view.signer.as_ref().and_then(|s| Some((s, s.counter?))) else { continue };
        if let Some((before, known)) = last.insert(signer.fingerprint.raw(), (view, count))
            && count <= known
            && known > 0
            && ancestry.is_ancestor(before.index, view.index)
        {
            let message = format!(
                "the counter of the security key `{}` is {count}, but it was {known} in the earlier session `{}`: the key may have been cloned",
                signer.fingerprint.raw(),
                before.header.session
            );
            found.push(
                Finding::new(Code::LogCounterBackwards, message)
                    .at(&Place::line(&view.file, u32::try_from(view.seal.line).unwrap_or(u32::MAX)))
                    .help("ask the owner of the key whether they signed both sessions; if not, revoke the key"),
            );
        }
    }
    found
}

/// Verifies a log in memory.
#[must_use]
pub fn bytes(name: &str, log: &[u8], terms: Terms<'_>) -> Verification {
    let mut verifier = Verifier::new(terms);
    if let Err(e) = verifier.feed(name, log) {
        verifier.broken = true;
        verifier.note(Finding::new(Code::Unreadable, Text::from(format!("the log cannot be read: {e}"))));
    }
    verifier.finish()
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod revoked_tests;
