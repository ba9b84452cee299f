//! Merges copies of a log.
//!
//! The result contains every session once, ancestors first. Its order depends only on the set of sessions, so every merge
//! of the same copies gives the same bytes. Sessions are copied byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use super::line::{self, Line, Seal, Session, SessionId};
use super::split::Splitter;
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::Time;

/// Why logs cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Some lines are not a complete session.
    #[error("line {line} of `{}` does not start a complete session; only logs that verify can be merged", .file.terminal())]
    NotASession {
        /// The file.
        file: Text,
        /// The line, from 1.
        line: usize,
    },
    /// Two sessions with the same id differ.
    #[error("the session `{0}` differs between the two logs; one of them was altered")]
    Conflict(SessionId),
    /// The files belong to different logs.
    #[error("the files belong to different logs, `{0}` and `{1}`")]
    Foreign(line::LogId, line::LogId),
    /// No file contains the parent of a session.
    #[error("the parent of the session `{0}` is in none of the files")]
    MissingParent(SessionId),
}

struct Whole {
    header: Session,
    sealed: Time,
    seal: Digest<of::Line>,
    bytes: Vec<u8>,
}

/// A complete session: its id and its bytes.
pub type NamedSession = (SessionId, Vec<u8>);

/// Every session of the files, given as names and bytes: without duplicates, ancestors first. The caller verifies each file
/// or the result.
///
/// # Errors
/// If a file is not a sequence of complete sessions, or the sessions are not of one log.
pub fn sessions(files: &[(&str, &[u8])]) -> Result<Vec<NamedSession>, MergeError> {
    let mut sessions: BTreeMap<SessionId, Whole> = BTreeMap::new();
    for (name, bytes) in files {
        for whole in read(name, bytes)? {
            let id = whole.header.session;
            if let Some(first) = sessions.values().next().filter(|f| f.header.log != whole.header.log) {
                return Err(MergeError::Foreign(first.header.log, whole.header.log));
            }
            match sessions.get(&id) {
                Some(other) if other.bytes != whole.bytes => return Err(MergeError::Conflict(id)),
                Some(_) => {}
                None => {
                    sessions.insert(id, whole);
                }
            }
        }
    }
    order(&sessions)
}

fn order(sessions: &BTreeMap<SessionId, Whole>) -> Result<Vec<NamedSession>, MergeError> {
    let mut waiting: BTreeMap<SessionId, usize> = BTreeMap::new();
    let mut followers: BTreeMap<Digest<of::Line>, Vec<SessionId>> = BTreeMap::new();
    let mut ready: BTreeSet<(Time, SessionId)> = BTreeSet::new();
    for (id, whole) in sessions {
        waiting.insert(*id, whole.header.parents.len());
        for parent in &whole.header.parents {
            followers.entry(*parent).or_default().push(*id);
        }
        if whole.header.parents.is_empty() {
            ready.insert((whole.sealed, *id));
        }
    }
    let mut out = Vec::new();
    while let Some((_, id)) = ready.pop_first() {
        waiting.remove(&id);
        let Some(whole) = sessions.get(&id) else { continue };
        out.push((id, whole.bytes.clone()));
        for follower in followers.remove(&whole.seal).into_iter().flatten() {
            let Some(left) = waiting.get_mut(&follower) else { continue };
            *left = left.saturating_sub(1);
            if let (0, Some(next)) = (*left, sessions.get(&follower)) {
                ready.insert((next.sealed, follower));
            }
        }
    }
    match waiting.into_keys().next() {
        Some(left) => Err(MergeError::MissingParent(left)),
        None => Ok(out),
    }
}

fn read(name: &str, bytes: &[u8]) -> Result<Vec<Whole>, MergeError> {
    let mut out = Vec::new();
    let (mut batch, mut scratch) = (Vec::new(), Vec::new());
    // Reading from a slice cannot fail, and one batch contains everything.
    let groups = Splitter::new(bytes).next(usize::MAX, &mut batch).unwrap_or_default();
    for group in &groups {
        let (mut header, mut seal): (Option<Session>, Option<(Seal, Digest<of::Line>)>) = (None, None);
        let (mut ended, mut sound) = (false, true);
        let own = group.bytes(&batch);
        for bytes in line::lines(own) {
            sound &= !ended;
            match line::read(bytes, &mut scratch) {
                Ok(Line::Session(body)) => header = Some(*body),
                Ok(Line::Seal(body)) => seal = Some((*body, Digest::of(bytes))),
                Ok(Line::Sig(_)) => ended = true,
                Ok(
                    Line::Blob(_)
                    | Line::Plan(_)
                    | Line::Policies(_)
                    | Line::Evaluation(_)
                    | Line::Decision(_)
                    | Line::Freeze(_)
                    | Line::Thaw(_)
                    | Line::Baseline(_)
                    | Line::Recertification(_)
                    | Line::Withdrawal(_)
                    | Line::Auto(_)
                    | Line::Export(_)
                    | Line::Result(_),
                ) => {}
                Err(_) => sound = false,
            }
        }
        match (header, seal) {
            (Some(header), Some((seal, digest))) if ended && sound => {
                out.push(Whole { header, sealed: seal.at, seal: digest, bytes: own.to_vec() });
            }
            _ => return Err(MergeError::NotASession { file: Text::from(name), line: group.line }),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::sample;

    fn union(files: &[(&str, &[u8])]) -> Result<Vec<u8>, MergeError> {
        Ok(sessions(files)?.into_iter().flat_map(|(_, bytes)| bytes).collect())
    }

    #[test]
    fn the_union_is_the_same_in_both_orders_and_rewrites_nothing() {
        let base = sample::session(1, &[], &[].into(), 0);
        let (left, right) =
            (sample::session(2, &[&base], &base.blobs, 10), sample::session(3, &[&base], &base.blobs, 20));
        let one = [base.bytes.clone(), left.bytes.clone()].concat();
        let two = [base.bytes.clone(), right.bytes.clone()].concat();
        let joined = union(&[("one", &one), ("two", &two)]).unwrap();
        assert_eq!(joined, union(&[("two", &two), ("one", &one)]).unwrap());
        assert_eq!(joined, [base.bytes.as_slice(), &left.bytes, &right.bytes].concat());
        assert!(sample::verify(&joined).holds());
        assert_eq!(sample::verify(&joined).heads.len(), 2);
    }

    #[test]
    fn an_altered_copy_a_foreign_log_and_a_gap_are_refused() {
        let base = sample::session(1, &[], &[].into(), 0);
        let next = sample::session(2, &[&base], &base.blobs, 10);
        let other = sample::session(2, &[&base], &base.blobs, 11);
        let both = [base.bytes.clone(), next.bytes.clone()].concat();
        assert!(matches!(union(&[("a", &both), ("b", &other.bytes)]), Err(MergeError::Conflict(_))));
        assert!(matches!(union(&[("a", &next.bytes)]), Err(MergeError::MissingParent(_))));
        assert!(matches!(union(&[("a", &both[..both.len() - 1])]), Err(MergeError::NotASession { .. })));
    }
}
