//! A session while it runs: a file beside the log that survives a crash.
//!
//! In: lines of one session as they arise. Out: the same bytes on the disk, before the person is told that the decision
//! is kept. What a journal holds is exactly what the log will hold; it is read back up to its last whole line.

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

/// The journal of a running session. Its lock is held while this lives, so nobody else goes on with it.
pub struct Journal {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    poisoned: bool,
}

impl Journal {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds lines that need not be safe yet: what was shown, not what was decided.
    ///
    /// # Errors
    /// If they cannot be written; nothing more is written then.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if self.poisoned {
            return Err(StoreError::Poisoned(text(&self.path)));
        }
        let done = self.file.append(bytes).doing("write to the journal", &self.path);
        self.poisoned = done.is_err();
        done
    }

    /// Adds lines and returns when they are on the disk. Only then is a decision kept.
    ///
    /// # Errors
    /// If they cannot be written or forced to the disk; nothing more is written then.
    pub fn keep(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.append(bytes)?;
        let done = self.file.sync().doing("force to the disk the journal", &self.path);
        self.poisoned = done.is_err();
        done
    }
}

/// What can be done with a journal that was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A process holds it: nothing.
    InUse,
    /// It holds a whole session: [`Store::finish`].
    Whole,
    /// It holds the beginning of a session of this log: [`Store::take_over`].
    Begun,
    /// It holds no whole line, so nothing was decided in it: [`Store::give_up`].
    Empty,
    /// It is a session of another log.
    OtherLog(LogId),
    /// This version cannot read it, and why.
    Unreadable(Text),
}

/// A journal that was found.
#[derive(Clone, Debug)]
pub struct JournalView {
    /// Where it is.
    pub path: PathBuf,
    /// What can be done with it.
    pub standing: Standing,
    /// Its first line: who wrote it, when, with which version.
    pub header: Option<Session>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Store {
    /// Begins the journal of a session with its first line.
    ///
    /// # Errors
    /// If it cannot be made, for instance because the folder is not writable.
    pub fn begin(&self, session: SessionId, first: &[u8]) -> Result<Journal, StoreError> {
        let folder = self.folder();
        if self.shape == super::Shape::Folder {
            self.disk.make_folder(&folder).doing("make the folder", &folder)?;
            // WHY: a folder whose name is lost in a crash takes the journal with it.
            let parent = folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            self.disk.sync_folder(parent).doing("force to the disk the folder", parent)?;
        }
        let path = folder.join(format!("{}journal-{session}", self.prefix()));
        let mut file = self.disk.create(&path).doing("make the journal", &path)?;
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
            // It holds nothing yet; on a full disk it would only be in the way.
            let _ = self.disk.unlink(&journal.path);
            return Err(full);
        }
        self.disk.sync_folder(&folder).doing("force to the disk the folder", &folder)?;
        Ok(journal)
    }

    /// The journals that stand beside the log, in the order of their names. `log` tells those of another log apart.
    ///
    /// # Errors
    /// If the folder cannot be listed or a journal cannot be read.
    pub fn journals(&self, log: Option<LogId>) -> Result<Vec<JournalView>, StoreError> {
        let folder = self.folder();
        if self.disk.stat(&folder).doing("look at", &folder)?.is_none() {
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

    /// Looks at one journal; none if it is gone meanwhile.
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
            _ if matches!(free, Ok(false)) => Standing::InUse,
            (_, Some(header)) if log.is_some_and(|l| l != header.log) => Standing::OtherLog(header.log),
            (_, Some(_)) if matches!(last, Some(Ok(Line::Sig(_)))) => Standing::Whole,
            (_, Some(_)) => Standing::Begun,
            (Some(Err(fault)), None) => Standing::Unreadable(fault.message.clone()),
            (Some(Ok(_)), None) => Standing::Unreadable("it does not begin with a `session` line".into()),
            (None, None) => Standing::Empty,
        };
        Ok(Some(JournalView { path: path.to_owned(), standing, header, bytes }))
    }

    /// Goes on with a journal that was left: what stands after its last whole line, or its unsigned seal, is cut off.
    /// Gives the session so far and its lines but blobs.
    ///
    /// # Errors
    /// If it is in use, was altered, or cannot be written.
    pub fn take_over(
        &self,
        path: &Path,
        inherited: BTreeSet<Digest<of::Blob>>,
    ) -> Result<(Journal, Draft, Vec<Line>), StoreError> {
        let file = self.hold(path)?;
        // WHY read only now: under its lock nobody else changes it.
        let bytes = self.slurp(path)?.ok_or_else(|| StoreError::not_a_file(path))?;
        let (draft, lines, used) =
            Draft::resume(&bytes, inherited).map_err(|source| StoreError::BadJournal { path: text(path), source })?;
        let mut journal = Journal { file, path: path.to_owned(), poisoned: false };
        if used < bytes.len() {
            journal.file.truncate(used as u64).doing("shorten the journal", path)?;
            journal.keep(b"")?;
        }
        Ok((journal, draft, lines))
    }

    /// Exchanges everything that a running journal holds, as one step: after a crash all of the old is there, or all of
    /// the new. The new bytes are safe when this returns.
    ///
    /// # Errors
    /// If they cannot be written; the old journal then stays as it was, and nothing more is written to it.
    pub fn rewrite(&self, journal: Journal, bytes: &[u8]) -> Result<Journal, StoreError> {
        let Journal { file: old, path, poisoned } = journal;
        if poisoned {
            return Err(StoreError::Poisoned(text(&path)));
        }
        let beside = self.clear_beside(&path)?;
        let mut file = self.disk.create(&beside).doing("make the journal", &beside)?;
        if !file.try_lock().doing("lock the journal", &beside)? {
            return Err(StoreError::InUse(text(&beside)));
        }
        file.append(bytes).doing("write to the journal", &beside)?;
        file.sync().doing("force to the disk the journal", &beside)?;
        self.disk.rename(&beside, &path).doing("rename the journal to", &path)?;
        self.disk.sync_folder(&self.folder()).doing("force to the disk the folder", &self.folder())?;
        // WHY only now: until the name is exchanged, nobody else may go on with the old file.
        drop(old);
        Ok(Journal { file, path, poisoned: false })
    }

    /// Opens a journal and holds its lock.
    pub(super) fn hold(&self, path: &Path) -> Result<Box<dyn DiskFile>, StoreError> {
        let mut file = self.disk.append_to(path, false).doing("open the journal", path)?;
        // WHY the second question: a writer may have exchanged the file between the opening and the lock.
        if !file.try_lock().doing("lock the journal", path)? || !file.is_at(path).doing("look at", path)? {
            return Err(StoreError::InUse(text(path)));
        }
        self.clear_beside(path)?;
        Ok(file)
    }

    /// Removes what a crash left of an exchange, and gives its path. The journal's lock is held. Nothing in it was ever
    /// kept: the journal under its own name is the record.
    fn clear_beside(&self, journal: &Path) -> Result<PathBuf, StoreError> {
        let name = journal.to_string_lossy();
        let session = name.rsplit_once("journal-").map_or("", |(_, id)| id);
        let beside = self.folder().join(format!("{}rewrite-{session}", self.prefix()));
        if self.disk.stat(&beside).doing("look at", &beside)?.is_some() {
            self.disk.unlink(&beside).doing("remove the file", &beside)?;
        }
        Ok(beside)
    }

    /// Removes a journal that a person gave up.
    ///
    /// # Errors
    /// If it is in use, or cannot be removed.
    pub fn give_up(&self, path: &Path) -> Result<(), StoreError> {
        let _held = self.hold(path)?;
        self.disk.unlink(path).doing("remove the journal", path)?;
        self.disk.sync_folder(&self.folder()).doing("force to the disk the folder", &self.folder())
    }

    /// Reads a whole file within the budget; none if it is not there.
    pub(super) fn slurp(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(stat) = self.disk.stat(path).doing("look at", path)? else { return Ok(None) };
        if stat.kind != super::Kind::File {
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
