//! Adds a session to the log atomically.
//!
//! The order of the steps matters: first the journal on disk contains seal and signature; then, under the lock, the log
//! is verified together with the session; then one write and one sync; only then the journal is removed.

use std::path::Path;

use super::fault::{Attempt as _, StoreError, text};
use super::{Journal, JournalState, Shape, Store};
use crate::input::finding::Code;
use crate::log::line::{self, Line, Session};
use crate::log::verify::Verifier;
use crate::log::verify::answers::{Keep, Terms, Verification};

/// The result of a commit.
#[derive(Debug)]
pub struct Committed {
    /// The verification of the log with the session, from before the write. Its sessions are not kept.
    pub verification: Verification,
    /// Whether the log already contained the session, because a crash came after the write.
    pub was_there: bool,
    /// Whether a torn tail was first completed from a journal.
    pub completed_tail: bool,
}

/// How many first sessions a log may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Roots {
    /// One: a session that is being sealed can still follow a session added meanwhile.
    One,
    /// Any number: a session that was sealed before a crash cannot, and its decisions count.
    Any,
}

/// The first line of a journal's session.
fn header(journal: &[u8]) -> Option<Box<Session>> {
    let first = line::lines(journal).next().unwrap_or_default();
    let Ok(Line::Session(header)) = line::read(first, &mut Vec::new()) else { return None };
    Some(header)
}

impl Store {
    /// Ends a running session with its seal and signature, and adds it to the log.
    ///
    /// # Errors
    /// If the log does not verify, if a write fails, or if the session is the first of the log and another first session was
    /// added meanwhile. The journal then remains and contains the whole session, or everything before seal and signature if
    /// writing those failed.
    pub fn commit(&self, mut journal: Journal, ending: &[u8], terms: Terms<'_>) -> Result<Committed, StoreError> {
        journal.keep(ending)?;
        self.publish(journal.path(), terms, Roots::One)
    }

    /// Adds the session of a complete journal that was left behind.
    ///
    /// # Errors
    /// As [`Store::commit`], or if the journal is in use or not complete.
    pub fn finish(&self, path: &Path, terms: Terms<'_>) -> Result<Committed, StoreError> {
        let mut file = self.hold(path)?;
        // A crash may have come after the bytes were written and before they were synced.
        file.sync().doing("sync the journal", path)?;
        self.publish(path, terms, Roots::Any)
    }

    /// Completes a torn tail from the journal that starts with it. Returns whether there was one.
    #[cfg(test)]
    pub(super) fn repair(&self, terms: Terms<'_>) -> Result<bool, StoreError> {
        let path = self.lock_path();
        let _lock = self.disk.lock(&path).doing("lock", &path)?;
        let verification = self.verify(Terms { keep: Keep::Nothing, ..terms })?;
        self.repair_tail(&verification)
    }

    fn publish(&self, journal: &Path, terms: Terms<'_>, roots: Roots) -> Result<Committed, StoreError> {
        let bytes = self.slurp(journal)?.ok_or_else(|| StoreError::not_a_file(journal))?;
        let last = bytes.split_inclusive(|b| *b == b'\n').next_back().unwrap_or_default();
        if !matches!(line::read(last, &mut Vec::new()), Ok(Line::Sig(_))) {
            return Err(StoreError::NotWhole(text(journal)));
        }
        let terms = Terms { keep: Keep::Nothing, ..terms };
        let path = self.lock_path();
        let _lock = self.disk.lock(&path).doing("lock", &path)?;
        let mut verification = self.verify_with(journal, &bytes, terms)?;
        let completed_tail = !verification.is_usable() && self.repair_tail(&verification)?;
        if completed_tail {
            verification = self.verify_with(journal, &bytes, terms)?;
        }
        // A session that would not count is not added.
        let header = header(&bytes);
        let counts = header.as_ref().is_some_and(|header| !verification.uncounted.contains(&header.session));
        if !verification.is_usable() || !counts {
            let (path, journal) = (text(&self.path), Some(text(journal)));
            return Err(StoreError::DoesNotVerify { path, journal, verification: Box::new(verification) });
        }
        let name = journal.to_string_lossy();
        let was_there = verification
            .findings
            .iter()
            .any(|f| f.code == Code::LogRepeatedSession && f.place.as_ref().is_some_and(|p| *p.file == *name));
        if roots == Roots::One
            && !was_there
            && verification.session_count > 1
            && header.is_some_and(|header| header.parents.is_empty())
        {
            return Err(StoreError::SecondRoot(text(journal)));
        }
        match self.shape {
            Shape::File => self.add_to_file(journal, &bytes, was_there)?,
            Shape::Folder => self.add_to_folder(journal, was_there)?,
        }
        Ok(Committed { verification, was_there, completed_tail })
    }

    /// Verifies the log as it will be after the commit: its current content under the lock, followed by the session.
    fn verify_with(&self, journal: &Path, bytes: &[u8], terms: Terms<'_>) -> Result<Verification, StoreError> {
        let mut verifier = Verifier::new(terms);
        self.feed(&mut verifier)?;
        verifier.feed(&journal.to_string_lossy(), bytes).doing("read", journal)?;
        Ok(verifier.finish())
    }

    fn add_to_file(&self, journal: &Path, bytes: &[u8], was_there: bool) -> Result<(), StoreError> {
        let (log, folder) = (&self.path, self.folder());
        let mut file = self.disk.append_to(log, true).doing("open the log", log)?;
        if !was_there {
            let before = file.length().doing("access", log)?;
            if let Err(source) = file.append(bytes) {
                // A full disk must not leave a torn log for other users. If this fails too, the tail is a prefix of the journal
                // and the next commit completes it.
                drop(file.truncate(before));
                return Err(source).doing("write to the log", log);
            }
        }
        // Sync even if the session was already there: a crash may have come between write and sync.
        file.sync().doing("sync the log", log)?;
        self.disk.sync_folder(&folder).doing("sync the folder", &folder)?;
        self.drop_journal(journal, &folder)
    }

    fn add_to_folder(&self, journal: &Path, was_there: bool) -> Result<(), StoreError> {
        let folder = self.folder();
        if was_there {
            return self.drop_journal(journal, &folder);
        }
        let name = journal.to_string_lossy();
        let session = name.rsplit_once("journal-").map_or("", |(_, id)| id);
        let target = folder.join(format!("{session}.jsonl"));
        if self.disk.stat(&target).doing("access", &target)?.is_some() {
            let taken = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
            return Err(taken).doing("rename the journal to", &target);
        }
        self.disk.rename(journal, &target).doing("rename the journal to", &target)?;
        self.disk.sync_folder(&folder).doing("sync the folder", &folder)
    }

    fn drop_journal(&self, journal: &Path, folder: &Path) -> Result<(), StoreError> {
        self.disk.unlink(journal).doing("remove the journal", journal)?;
        self.disk.sync_folder(folder).doing("sync the folder", folder)
    }

    /// Completes the tail of a one-file log from a complete journal that starts with it. The caller has the lock.
    fn repair_tail(&self, verification: &Verification) -> Result<bool, StoreError> {
        let name = self.path.to_string_lossy();
        let torn = verification.torn.iter().find(|t| self.shape == Shape::File && *t.file == *name);
        let Some(torn) = torn else { return Ok(false) };
        let log = self.slurp(&self.path)?.unwrap_or_default();
        let tail = log.get(torn.offset..).unwrap_or_default();
        let Some(rest) = self.rest_of(tail)? else { return Ok(false) };
        let mut file = self.disk.append_to(&self.path, false).doing("open the log", &self.path)?;
        file.append(&rest).doing("write to the log", &self.path)?;
        file.sync().doing("sync the log", &self.path)?;
        Ok(true)
    }

    /// The rest of a journal after these bytes.
    fn rest_of(&self, tail: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let whole = |j: &super::JournalView| match &j.standing {
            // A locked journal is no obstacle: the committing process has the lock, and that may be this process.
            JournalState::Whole | JournalState::InUse => {
                let last = j.bytes.split_inclusive(|b| *b == b'\n').next_back().unwrap_or_default();
                matches!(line::read(last, &mut Vec::new()), Ok(Line::Sig(_)))
            }
            JournalState::Begun | JournalState::Empty | JournalState::OtherLog(_) | JournalState::Unreadable(_) => {
                false
            }
        };
        let found = self.journals(None)?.into_iter().find(|j| whole(j) && j.bytes.starts_with(tail));
        Ok(found.and_then(|j| j.bytes.get(tail.len()..).map(<[u8]>::to_vec)).filter(|rest| !rest.is_empty()))
    }
}
