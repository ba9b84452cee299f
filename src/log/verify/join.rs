//! All sessions together: repeats, parents, heads, long values of ancestors, times.
//!
//! In: a hundred bytes about each session. Out: the graph, the heads, and what is wrong between sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::TimeAnswer;
use super::ancestry::{Ancestry, SessionIndex};
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::time::Time;
use crate::log::line::SessionId;

/// What is remembered of a session that need not be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) session: SessionId,
    /// The hash of the seal line, which stands for every line before it.
    pub(super) seal: Digest<of::Line>,
    /// The hash of the sig line.
    pub(super) sig: Digest<of::Line>,
    pub(super) started: Time,
    pub(super) sealed: Time,
    pub(super) file: u32,
    pub(super) line: usize,
}

/// Everything between sessions.
pub(super) struct Joined {
    pub(super) heads: Vec<Digest<of::Line>>,
    pub(super) seals: BTreeSet<Digest<of::Line>>,
    pub(super) count: usize,
    pub(super) ancestry: Ancestry,
    pub(super) blobs: BTreeSet<Digest<of::Blob>>,
    pub(super) time: TimeAnswer,
    pub(super) findings: Vec<Finding>,
}

/// Collects sessions.
#[derive(Default)]
pub(super) struct Join {
    marks: Vec<Mark>,
    parents: Vec<Vec<Digest<of::Line>>>,
    defines: BTreeMap<Digest<of::Blob>, Vec<u32>>,
    needs: Vec<(u32, Digest<of::Blob>)>,
}

impl Join {
    /// Adds a session.
    pub(super) fn add(
        &mut self,
        mut mark: Mark,
        file: usize,
        parents: Vec<Digest<of::Line>>,
        defines: Vec<Digest<of::Blob>>,
        needs: Vec<Digest<of::Blob>>,
    ) -> SessionIndex {
        let index = u32::try_from(self.marks.len()).unwrap_or(u32::MAX);
        mark.file = u32::try_from(file).unwrap_or(u32::MAX);
        self.marks.push(mark);
        self.parents.push(parents);
        for digest in defines {
            self.defines.entry(digest).or_default().push(index);
        }
        self.needs.extend(needs.into_iter().map(|d| (index, d)));
        SessionIndex(index)
    }

    /// Answers what can be answered only when every session is known.
    pub(super) fn finish(self, files: &[Arc<str>], limit: Time) -> Joined {
        let mut findings = Vec::new();
        let place = |mark: &Mark| {
            let file = files.get(mark.file as usize).map_or("", |f| &**f);
            Place::line(file, u32::try_from(mark.line).unwrap_or(u32::MAX))
        };
        let counts = self.repeats(&place, &mut findings);
        let by_seal: BTreeMap<Digest<of::Line>, u32> =
            (0_u32..).zip(&self.marks).zip(&counts).filter(|(_, c)| **c).map(|((n, m), _)| (m.seal, n)).collect();
        let parents = self.resolve(&by_seal, &counts, &place, &mut findings);
        let key: Vec<_> = self.marks.iter().map(|m| (m.sealed, m.session)).collect();
        let ancestry = Ancestry::new(&parents, &counts, &key);
        self.blobs(&ancestry, &counts, &place, &mut findings);
        let time = self.times(&parents, &counts, limit, &place, &mut findings);
        let mut heads: BTreeSet<Digest<of::Line>> = by_seal.keys().copied().collect();
        for named in self.parents.iter().zip(&counts).filter(|(_, c)| **c).flat_map(|(p, _)| p) {
            heads.remove(named);
        }
        Joined {
            heads: heads.into_iter().collect(),
            seals: by_seal.into_keys().collect(),
            count: counts.iter().filter(|c| **c).count(),
            ancestry,
            blobs: self.defines.into_keys().collect(),
            time,
            findings,
        }
    }

    /// Says which sessions count: of identical ones, the first.
    fn repeats(&self, place: &dyn Fn(&Mark) -> Place, findings: &mut Vec<Finding>) -> Vec<bool> {
        let mut first: BTreeMap<SessionId, &Mark> = BTreeMap::new();
        self.marks
            .iter()
            .map(|mark| {
                let Some(other) = first.insert(mark.session, mark) else { return true };
                first.insert(mark.session, other);
                let id = mark.session;
                if other.seal == mark.seal && other.sig == mark.sig {
                    let message = format!("the session `{id}` stands in the log twice and counts once");
                    findings.push(Finding::new(Code::LogRepeatedSession, message).at(&place(mark)));
                    return false;
                }
                let message = format!("the session `{id}` stands in the log twice, with different bytes");
                findings.push(
                    Finding::new(Code::LogConflictingSession, message)
                        .at(&place(mark))
                        .mend("compare the two with copies of the log that others hold; one of them was altered"),
                );
                // WHY: with one seal the lines are the same and only the signature differs; it has one place in the graph.
                other.seal != mark.seal
            })
            .collect()
    }

    fn resolve(
        &self,
        by_seal: &BTreeMap<Digest<of::Line>, u32>,
        counts: &[bool],
        place: &dyn Fn(&Mark) -> Place,
        findings: &mut Vec<Finding>,
    ) -> Vec<Vec<u32>> {
        let mut out = Vec::with_capacity(self.marks.len());
        for ((mark, parents), counts) in self.marks.iter().zip(&self.parents).zip(counts) {
            let mut list = Vec::new();
            for parent in parents.iter().filter(|_| *counts) {
                if let Some(n) = by_seal.get(parent) {
                    list.push(*n);
                } else {
                    let message = format!("the session follows the seal `{parent}`, which the log does not hold");
                    findings.push(
                        Finding::new(Code::LogMissingParent, message)
                            .at(&place(mark))
                            .mend("find the copy of the log that holds it, and join the two with `review log merge`"),
                    );
                }
            }
            out.push(list);
        }
        out
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
                    format!("the session uses the long value `{digest}`, which neither it nor an ancestor holds");
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
                    Some(b) => format!(
                        "the session claims to start at {start}, before the session it follows was sealed ({b})"
                    ),
                    None => format!("the session claims to be sealed at {seal}, before it started ({start})"),
                };
                findings.push(Finding::new(Code::LogTimeBackwards, message).at(&place(mark)));
            }
            if seal.max(start) > limit {
                answer = TimeAnswer::Future;
                let message = format!("the session claims to be sealed at {seal}, which is yet to come");
                findings.push(Finding::new(Code::LogTimeFuture, message).at(&place(mark)));
            }
        }
        answer
    }
}
