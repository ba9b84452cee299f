//! The journal of a running session: a file next to the log that survives a crash.
//!
//! Lines are on disk before the user is told that a decision is saved. A journal contains exactly the bytes that the log
//! will contain. It is read back up to its last complete line.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::Store;
use super::disk::DiskFile;
use super::fault::{Attempt as _, StoreError, text};
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::log::line::{self, Line, LogId, Session, SessionId};
use crate::log::session::Draft;

/// The journal of a running session. It stays locked while this value exists, so that no other process resumes it.
pub struct Journal {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    poisoned: bool,
}

impl Journal {
    /// The path of the journal.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends lines that need not be synced yet: what was shown, not what was decided.
    ///
    /// # Errors
    /// If they cannot be written. Nothing more is written then.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if self.poisoned {
            return Err(StoreError::Poisoned(text(&self.path)));
        }
        let done = self.file.append(bytes).doing("write to the journal", &self.path);
        self.poisoned = done.is_err();
        done
    }

    /// Appends lines and syncs them. Only then is a decision saved.
    ///
    /// # Errors
    /// If they cannot be written or synced. Nothing more is written then.
    pub fn keep(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.append(bytes)?;
        let done = self.file.sync().doing("sync the journal", &self.path);
        self.poisoned = done.is_err();
        done
    }
}

/// The state of a journal that was left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalState {
    /// A process uses it.
    InUse,
    /// It contains a complete session; see [`Store::finish`].
    Whole,
    /// It contains the start of a session of this log; see [`Store::take_over`].
    Begun,
    /// It contains no complete line, so no decisions; see [`Store::give_up`].
    Empty,
    /// It belongs to another log.
    OtherLog(LogId),
    /// This version cannot read it, for this reason.
    Unreadable(Text),
}

/// A journal that was found.
#[derive(Clone, Debug)]
pub struct JournalView {
    /// The path of the journal.
    pub path: PathBuf,
    /// Its state.
    pub standing: JournalState,
    /// Its first line, with writer, time and tool version.
    pub header: Option<Session>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Store {
    /// Creates the journal of a session with its first line.
    ///
    /// # Errors
    /// If it cannot be created, for example because the folder is not writable.
    pub fn begin(&self, session: SessionId, first: &[u8]) -> Result<Journal, StoreError> {
        let folder = self.folder();
        if self.shape == super::Shape::Folder {
            self.disk.make_folder(&folder).doing("create the folder", &folder)?;
            // If a crash loses the name of the folder, the journal is lost too.
            let parent = folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            self.disk.sync_folder(parent).doing("sync the folder", parent)?;
        }
        let path = folder.join(format!("{}journal-{session}", self.prefix()));
        let mut file = self.disk.create(&path).doing("create the journal", &path)?;
        match file.try_lock().doing("lock the journal", &path) {
            Ok(true) => {}
            Ok(false) => return Err(StoreError::InUse(text(&path))),
            Err(no_locks) => {
                let _ = self.disk.unlink(&path);
                return Err(no_locks);
            }
        }
        let mut journal = Journal { file, path, poisoned: false };
        if let Err(full) = journal.keep(first) {
            // It is still empty, and would be in the way on a full disk.
            let _ = self.disk.unlink(&journal.path);
            return Err(full);
        }
        self.disk.sync_folder(&folder).doing("sync the folder", &folder)?;
        Ok(journal)
    }

    /// The journals next to the log, sorted by name. `log` identifies journals of another log.
    ///
    /// # Errors
    /// If the folder cannot be listed or a journal cannot be read.
    pub fn journals(&self, log: Option<LogId>) -> Result<Vec<JournalView>, StoreError> {
        let folder = self.folder();
        if self.disk.stat(&folder).doing("access", &folder)?.is_none() {
            return Ok(Vec::new());
        }
        let prefix = format!("{}journal-", self.prefix());
        let mut names = self.disk.list(&folder).doing("list", &folder)?;
        names.sort();
        let mut out = Vec::new();
        for name in names {
            let is_ours = name.to_str().and_then(|n| n.strip_prefix(&prefix)).and_then(SessionId::parse).is_some();
            if is_ours {
                out.extend(self.journal(&folder.join(name), log)?);
            }
        }
        Ok(out)
    }

    /// Reads one journal, or returns `None` if it no longer exists.
    fn journal(&self, path: &Path, log: Option<LogId>) -> Result<Option<JournalView>, StoreError> {
        let Some(bytes) = self.slurp(path)? else { return Ok(None) };
        let free = self.disk.append_to(path, false).and_then(|mut f| f.try_lock());
        let mut scratch = Vec::new();
        let first = line::lines(&bytes).next().filter(|l| l.ends_with(b"\n")).map(|l| line::read(l, &mut scratch));
        let last = bytes.split_inclusive(|b| *b == b'\n').next_back().map(|l| line::read(l, &mut scratch));
        let header = match &first {
            Some(Ok(Line::Session(header))) => Some((**header).clone()),
            Some(_) | None => None,
        };
        let standing = match (&first, &header) {
            _ if matches!(free, Ok(false)) => JournalState::InUse,
            (_, Some(header)) if log.is_some_and(|l| l != header.log) => JournalState::OtherLog(header.log),
            (_, Some(_)) if matches!(last, Some(Ok(Line::Sig(_)))) => JournalState::Whole,
            (_, Some(_)) => JournalState::Begun,
            (Some(Err(fault)), None) => JournalState::Unreadable(fault.message.clone()),
            (Some(Ok(_)), None) => JournalState::Unreadable("it does not start with a `session` line".into()),
            (None, None) => JournalState::Empty,
        };
        Ok(Some(JournalView { path: path.to_owned(), standing, header, bytes }))
    }

    /// Resumes a journal. Truncates what follows its last complete line, and an unsigned seal. Returns the session so far and
    /// its lines except blobs.
    ///
    /// # Errors
    /// If it is in use, was altered, or cannot be written.
    pub fn take_over(
        &self,
        path: &Path,
        inherited: BTreeSet<Digest<of::Blob>>,
    ) -> Result<(Journal, Draft, Vec<Line>), StoreError> {
        let file = self.hold(path)?;
        // Read it under its lock, so that no other process changes it.
        let bytes = self.slurp(path)?.ok_or_else(|| StoreError::not_a_file(path))?;
        let (draft, lines, used) =
            Draft::resume(&bytes, inherited).map_err(|source| StoreError::BadJournal { path: text(path), source })?;
        let mut journal = Journal { file, path: path.to_owned(), poisoned: false };
        if used < bytes.len() {
            journal.file.truncate(used as u64).doing("truncate the journal", path)?;
            journal.keep(b"")?;
        }
        Ok((journal, draft, lines))
    }

    /// Replaces the content of a running journal atomically: after a crash, it has either the old or the new content. The
    /// new bytes are synced when this returns.
    ///
    /// # Errors
    /// If they cannot be written. The old journal then remains as it was, and nothing more is written to it.
    pub fn rewrite(&self, journal: Journal, bytes: &[u8]) -> Result<Journal, StoreError> {
        let Journal { file: old, path, poisoned } = journal;
        if poisoned {
            return Err(StoreError::Poisoned(text(&path)));
        }
        let temporary = self.clear_temporary(&path)?;
        let mut file = self.disk.create(&temporary).doing("create the journal", &temporary)?;
        if !file.try_lock().doing("lock the journal", &temporary)? {
            return Err(StoreError::InUse(text(&temporary)));
        }
        file.append(bytes).doing("write to the journal", &temporary)?;
        file.sync().doing("sync the journal", &temporary)?;
        self.disk.rename(&temporary, &path).doing("rename the journal to", &path)?;
        self.disk.sync_folder(&self.folder()).doing("sync the folder", &self.folder())?;
        // Keep the lock on the old file until the rename is done.
        drop(old);
        Ok(Journal { file, path, poisoned: false })
    }

    /// Opens and locks a journal.
    pub(super) fn hold(&self, path: &Path) -> Result<Box<dyn DiskFile>, StoreError> {
        let mut file = self.disk.append_to(path, false).doing("open the journal", path)?;
        // Check the path again: a writer may have replaced the file between opening and locking.
        if !file.try_lock().doing("lock the journal", path)? || !file.is_at(path).doing("access", path)? {
            return Err(StoreError::InUse(text(path)));
        }
        self.clear_temporary(path)?;
        Ok(file)
    }

    /// Removes the leftover of an interrupted replacement and returns its path. The caller has the journal's lock. The
    /// leftover contains nothing that was confirmed: the journal under its own name is authoritative.
    fn clear_temporary(&self, journal: &Path) -> Result<PathBuf, StoreError> {
        let name = journal.to_string_lossy();
        let session = name.rsplit_once("journal-").map_or("", |(_, id)| id);
        let temporary = self.folder().join(format!("{}rewrite-{session}", self.prefix()));
        if self.disk.stat(&temporary).doing("access", &temporary)?.is_some() {
            self.disk.unlink(&temporary).doing("remove the file", &temporary)?;
        }
        Ok(temporary)
    }

    /// Removes a journal that the user discards.
    ///
    /// # Errors
    /// If it is in use, or cannot be removed.
    pub fn give_up(&self, path: &Path) -> Result<(), StoreError> {
        let _held = self.hold(path)?;
        self.disk.unlink(path).doing("remove the journal", path)?;
        self.disk.sync_folder(&self.folder()).doing("sync the folder", &self.folder())
    }

    /// Reads a whole file within the size limit, or returns `None` if it does not exist.
    pub(super) fn slurp(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(stat) = self.disk.stat(path).doing("access", path)? else { return Ok(None) };
        if stat.kind != super::FileKind::File {
            return Err(StoreError::not_a_file(path));
        }
        if stat.length > self.largest {
            return Err(StoreError::too_large(path, stat.length, self.largest));
        }
        let mut bytes = Vec::new();
        self.disk.reader(path, self.largest).and_then(|mut r| r.read_to_end(&mut bytes)).doing("read", path)?;
        Ok(Some(bytes))
    }
}
