//! Checks between sessions: repeats, parents, heads, long values of ancestors, times. It keeps about a hundred bytes per
//! session.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ancestry::{Ancestry, SessionIndex};
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::time::{Span, Time};
use crate::log::line::SessionId;
use crate::log::verify::answers::{CLOCK_SKEW, TimeAnswer};

/// How many root sessions get their own finding.
const ROOTS: usize = 3;

/// The expiry of a key without an expiry.
pub(super) const NEVER: Time = Time::from_unix(i64::MAX);

/// The data of a session for checks between sessions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) session: SessionId,
    /// The hash of the seal line, which covers every line before it.
    pub(super) seal: Digest<of::Line>,
    /// The first half of the hash of the sig line: enough to distinguish a repeat from a different signature.
    pub(super) sig: [u8; 16],
    pub(super) started: Time,
    pub(super) sealed: Time,
    /// The last second at which its key is valid.
    pub(super) until: Time,
    pub(super) file: u32,
    pub(super) line: u32,
    /// Whether it belongs to another log.
    pub(super) foreign: bool,
    /// The end of its parents in the common list. They start where those of the previous session end.
    pub(super) parents_end: u32,
}

/// The result of the checks between sessions.
pub(super) struct Joined {
    pub(super) heads: Vec<Digest<of::Line>>,
    pub(super) lost: Vec<Digest<of::Line>>,
    pub(super) count: usize,
    pub(super) ancestry: Ancestry,
    pub(super) blobs: BTreeSet<Digest<of::Blob>>,
    pub(super) time: TimeAnswer,
    /// Sessions that follow a seal made after their own key had expired, regardless of their claimed time.
    pub(super) late: Vec<Late>,
    /// The sessions of the seals that were asked for, if the log has them.
    pub(super) found: BTreeMap<Digest<of::Line>, SessionIndex>,
    pub(super) findings: Vec<Finding>,
}

/// A session that was sealed after its key had expired.
pub(super) struct Late {
    pub(super) index: SessionIndex,
    pub(super) session: SessionId,
    pub(super) finding: Finding,
}

/// Collects sessions.
#[derive(Default)]
pub(super) struct Join {
    marks: Vec<Mark>,
    parents: Vec<Digest<of::Line>>,
    defines: BTreeMap<Digest<of::Blob>, Vec<u32>>,
    needs: Vec<(u32, Digest<of::Blob>)>,
}

impl Join {
    /// Adds a session.
    pub(super) fn add(
        &mut self,
        mut mark: Mark,
        file: usize,
        parents: &[Digest<of::Line>],
        defines: Vec<Digest<of::Blob>>,
        needs: Vec<Digest<of::Blob>>,
    ) -> SessionIndex {
        let index = u32::try_from(self.marks.len()).unwrap_or(u32::MAX);
        mark.file = u32::try_from(file).unwrap_or(u32::MAX);
        self.parents.extend_from_slice(parents);
        mark.parents_end = u32::try_from(self.parents.len()).unwrap_or(u32::MAX);
        self.marks.push(mark);
        for digest in defines {
            self.defines.entry(digest).or_default().push(index);
        }
        self.needs.extend(needs.into_iter().map(|d| (index, d)));
        SessionIndex(index)
    }

    /// Runs the checks that need all sessions.
    pub(super) fn finish(
        self,
        files: &[Arc<str>],
        limit: Time,
        known: &[Digest<of::Line>],
        asked: &BTreeSet<Digest<of::Line>>,
    ) -> Joined {
        let mut findings = Vec::new();
        let place = |mark: &Mark| {
            let file = files.get(mark.file as usize).map_or("", |f| &**f);
            Place::line(file, mark.line)
        };
        let counts = self.repeats(&place, &mut findings);
        let by_seal = self.by_seal(&counts);
        let parents = self.resolve(&by_seal, &counts, &place, &mut findings);
        let key: Vec<_> = self.marks.iter().map(|m| (m.sealed, m.session)).collect();
        let ancestry = Ancestry::new(&parents, &counts, &key);
        self.blobs(&ancestry, &counts, &place, &mut findings);
        self.roots(&ancestry, &counts, &place, &mut findings);
        let time = self.times(&parents, &counts, limit, &place, &mut findings);
        let late = self.late(&parents, &counts, &ancestry, &place);
        let mut is_head = counts.clone();
        for named in parents.iter().flatten() {
            if let Some(slot) = is_head.get_mut(*named as usize) {
                *slot = false;
            }
        }
        let seal = |n: &u32| self.marks.get(*n as usize).map(|m| m.seal);
        let found = asked.iter().filter_map(|h| Some((*h, SessionIndex(self.find(&by_seal, h)?)))).collect();
        Joined {
            heads: by_seal.iter().filter(|n| is_head.get(**n as usize) == Some(&true)).filter_map(seal).collect(),
            lost: known.iter().filter(|h| self.find(&by_seal, h).is_none()).copied().collect(),
            count: counts.iter().filter(|c| **c).count(),
            ancestry,
            blobs: self.defines.into_keys().collect(),
            time,
            late,
            found,
            findings,
        }
    }

    /// A signature is checked for the time that its seal claims, but it cannot be older than the sessions before it. If the
    /// key had expired by then, the claimed time is false.
    fn late(
        &self,
        parents: &[Vec<u32>],
        counts: &[bool],
        ancestry: &Ancestry,
        place: &dyn Fn(&Mark) -> Place,
    ) -> Vec<Late> {
        if self.marks.iter().all(|mark| mark.until == NEVER) {
            return Vec::new();
        }
        let position = |n: u32| ancestry.position(SessionIndex(n));
        let mut order: Vec<(u32, u32)> =
            (0_u32..).take(self.marks.len()).filter_map(|n| Some((position(n)?, n))).collect();
        order.sort_unstable();
        let mut bounds: Vec<Option<Time>> = vec![None; self.marks.len()];
        let mut found = Vec::new();
        for (_, n) in order {
            let at = n as usize;
            let before = parents.get(at).into_iter().flatten().map(|p| *p as usize);
            let bound = before
                .filter_map(|p| bounds.get(p).copied().flatten().max(self.marks.get(p).map(|mark| mark.sealed)))
                .max();
            if let Some(slot) = bounds.get_mut(at) {
                *slot = bound;
            }
            let (Some(mark), Some(bound), Some(true)) = (self.marks.get(at), bound, counts.get(at)) else { continue };
            if bound > mark.until.plus(Span::from_seconds(CLOCK_SKEW)) {
                let message = format!(
                    "the key expired at {}, but the session follows one that was sealed at {bound}: it was signed later than it claims ({})",
                    mark.until, mark.sealed
                );
                let finding = Finding::new(Code::LogUnknownSigner, message)
                    .at(&place(mark))
                    .help("ask its writer to decide again with a valid key");
                found.push(Late { index: SessionIndex(n), session: mark.session, finding });
            }
        }
        found
    }

    /// The sessions that count, sorted by the hash of their seal.
    fn by_seal(&self, counts: &[bool]) -> Vec<u32> {
        let mut out: Vec<u32> = (0_u32..).zip(counts).filter(|(_, c)| **c).map(|(n, _)| n).collect();
        out.sort_unstable_by_key(|n| self.marks.get(*n as usize).map(|m| m.seal));
        out
    }

    /// The session with this seal.
    fn find(&self, by_seal: &[u32], seal: &Digest<of::Line>) -> Option<u32> {
        let at = by_seal.binary_search_by_key(&Some(*seal), |n| self.marks.get(*n as usize).map(|m| m.seal)).ok()?;
        by_seal.get(at).copied()
    }

    /// Determines which sessions count: the first of identical ones.
    fn repeats(&self, place: &dyn Fn(&Mark) -> Place, findings: &mut Vec<Finding>) -> Vec<bool> {
        let mut first: BTreeMap<SessionId, &Mark> = BTreeMap::new();
        self.marks
            .iter()
            .map(|mark| {
                let Some(other) = first.insert(mark.session, mark) else { return true };
                first.insert(mark.session, other);
                let id = mark.session;
                if other.seal == mark.seal && other.sig == mark.sig {
                    let message = format!("the log contains the session `{id}` twice; it counts once");
                    findings.push(Finding::new(Code::LogRepeatedSession, message).at(&place(mark)));
                    return false;
                }
                let message = format!("the log contains the session `{id}` twice, with different bytes");
                findings.push(
                    Finding::new(Code::LogConflictingSession, message)
                        .at(&place(mark))
                        .help("compare both with other copies of the log; one of them was altered"),
                );
                // With equal seals, the lines are equal and only the signature differs; both have the same position in the graph.
                other.seal != mark.seal
            })
            .collect()
    }

    fn resolve(
        &self,
        by_seal: &[u32],
        counts: &[bool],
        place: &dyn Fn(&Mark) -> Place,
        findings: &mut Vec<Finding>,
    ) -> Vec<Vec<u32>> {
        let mut out = Vec::with_capacity(self.marks.len());
        let mut from = 0_usize;
        for (mark, counts) in self.marks.iter().zip(counts) {
            let mut list = Vec::new();
            let to = mark.parents_end as usize;
            let parents = self.parents.get(from..to).unwrap_or_default();
            from = to;
            for parent in parents.iter().filter(|_| *counts) {
                if let Some(n) = self.find(by_seal, parent) {
                    list.push(n);
                } else {
                    let message = format!("the session follows the seal `{parent}`, which is not in the log");
                    findings.push(
                        Finding::new(Code::LogMissingParent, message).at(&place(mark)).help(
                            "find the copy of the log that contains it and merge the two with `review log merge`",
                        ),
                    );
                }
            }
            out.push(list);
        }
        out
    }

    /// Reports root sessions after the first. It is a warning, because a log may start on two branches. But a session
    /// without parents proves nothing about earlier entries, and nothing bounds its claimed time.
    fn roots(&self, ancestry: &Ancestry, counts: &[bool], place: &dyn Fn(&Mark) -> Place, findings: &mut Vec<Finding>) {
        let begins = std::iter::once(0).chain(self.marks.iter().map(|mark| mark.parents_end));
        let mut roots: Vec<(u32, &Mark)> = (0_u32..)
            .zip(self.marks.iter().zip(counts))
            .zip(begins)
            .filter(|((_, (mark, counts)), begin)| **counts && !mark.foreign && mark.parents_end == *begin)
            .filter_map(|((n, (mark, _)), _)| Some((ancestry.position(SessionIndex(n))?, mark)))
            .collect();
        roots.sort_unstable_by_key(|(position, _)| *position);
        let Some(((_, first), others)) = roots.split_first() else { return };
        let help = "if the log was started on two branches, renew the proof of each plan whose proof has expired since it was received; otherwise ask the writer why the session has no parent";
        let (listed, more) = others.split_at(others.len().min(ROOTS));
        for (_, mark) in listed {
            let message = format!(
                "neither this session nor `{}` has a parent: the log was started twice, or this session omits earlier ones; the times when plans were received do not count from either",
                first.session
            );
            findings.push(Finding::new(Code::LogSecondRoot, message).at(&place(mark)).help(help));
        }
        if let Some((_, mark)) = more.first() {
            let message = format!(
                "{} more sessions, this one and later ones, have no parent; the times when plans were received do not count from them",
                more.len()
            );
            findings.push(Finding::new(Code::LogSecondRoot, message).at(&place(mark)).help(help));
        }
    }

    fn blobs(&self, ancestry: &Ancestry, counts: &[bool], place: &dyn Fn(&Mark) -> Place, findings: &mut Vec<Finding>) {
        for (n, digest) in &self.needs {
            let held = self
                .defines
                .get(digest)
                .is_some_and(|list| list.iter().any(|d| ancestry.is_ancestor(SessionIndex(*d), SessionIndex(*n))));
            let Some(mark) = self.marks.get(*n as usize) else { continue };
            if !held && counts.get(*n as usize) == Some(&true) {
                let message =
                    format!("the session uses the long value `{digest}`, which is neither in it nor in an ancestor");
                findings.push(Finding::new(Code::LogMissingBlob, message).at(&place(mark)));
            }
        }
    }

    fn times(
        &self,
        parents: &[Vec<u32>],
        counts: &[bool],
        limit: Time,
        place: &dyn Fn(&Mark) -> Place,
        findings: &mut Vec<Finding>,
    ) -> TimeAnswer {
        let mut answer = TimeAnswer::Claimed;
        for ((mark, parents), _) in self.marks.iter().zip(parents).zip(counts).filter(|(_, c)| **c) {
            let before = parents.iter().filter_map(|p| self.marks.get(*p as usize)).map(|p| p.sealed).max();
            let (start, seal) = (mark.started, mark.sealed);
            if before.is_some_and(|b| start < b) || seal < start {
                answer = answer.max(TimeAnswer::Backwards);
                let message = match before.filter(|b| start < *b) {
                    Some(b) => format!("the session claims to start at {start}, before its parent was sealed ({b})"),
                    None => format!("the session claims to be sealed at {seal}, before it started ({start})"),
                };
                findings.push(Finding::new(Code::LogTimeBackwards, message).at(&place(mark)));
            }
            if seal.max(start) > limit {
                answer = TimeAnswer::Future;
                let message = format!("the session claims to be sealed at {seal}, which is in the future");
                findings.push(Finding::new(Code::LogTimeFuture, message).at(&place(mark)));
            }
        }
        answer
    }
}
