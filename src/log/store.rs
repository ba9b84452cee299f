//! The log on disk. Only this module of `log` accesses files.
//!
//! While a session runs, it is a journal next to the log, synced at each decision until it contains seal and signature.
//! Then the session is appended to the log with a single write, under a lock. Rules: nothing is appended to a log that
//! does not verify; nothing is written after a failed sync; a journal is removed only when its content is safe in the
//! log, or when the user discards it.

mod commit;
pub mod disk;
mod fault;
mod join;
mod journal;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod tests;

pub use commit::Committed;
pub use fault::StoreError;
pub use journal::{Journal, JournalState, JournalView};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::disk::{Disk, FileKind, RealDisk};
use self::fault::Attempt as _;
use super::verify::Verifier;
use crate::log::verify::answers::{Terms, Verification};

/// The maximum size of a log file, in bytes: 8 GiB.
pub const LARGEST: u64 = 8 << 30;

/// Whether a log is one file or a folder of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One file.
    File,
    /// A folder. Each `*.jsonl` file in it belongs to the log, unless its name starts with a dot.
    Folder,
}

/// A log on disk.
#[derive(Clone)]
pub struct Store {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    shape: Shape,
    largest: u64,
}

impl Store {
    /// Opens a log on the real disk. A log that does not exist yet is empty: a folder if its name ends with `/`, otherwise
    /// a file. Nothing is created before the first commit.
    ///
    /// # Errors
    /// If the path is neither a file nor a folder, or cannot be accessed.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::on(Arc::new(RealDisk), path)
    }

    /// Opens a log on any disk.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn on(disk: Arc<dyn Disk>, path: &Path) -> Result<Self, StoreError> {
        let shape = match disk.stat(path).doing("look at", path)? {
            Some(stat) if stat.kind == FileKind::File => Shape::File,
            Some(stat) if stat.kind == FileKind::Folder => Shape::Folder,
            Some(_) => return Err(StoreError::not_a_file(path)),
            None if path.as_os_str().as_encoded_bytes().ends_with(b"/") => Shape::Folder,
            None => Shape::File,
        };
        Ok(Self { disk, path: path.to_owned(), shape, largest: LARGEST })
    }

    /// Sets the maximum number of bytes to read from each file.
    #[must_use]
    pub fn reading_at_most(mut self, bytes: u64) -> Self {
        self.largest = bytes;
        self
    }

    /// The path of the log.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files of the log, sorted by name. Empty if it does not exist yet.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn files(&self) -> Result<Vec<PathBuf>, StoreError> {
        let there = self.disk.stat(&self.path).doing("look at", &self.path)?.is_some();
        match (there, self.shape) {
            (false, _) => Ok(Vec::new()),
            (true, Shape::File) => Ok(vec![self.path.clone()]),
            (true, Shape::Folder) => {
                let mut names = self.disk.list(&self.path).doing("list", &self.path)?;
                names.retain(|n| {
                    let name = n.as_encoded_bytes();
                    name.ends_with(b".jsonl") && !name.starts_with(b".")
                });
                names.sort();
                Ok(names.into_iter().map(|n| self.path.join(n)).collect())
            }
        }
    }

    /// Feeds every file of the log to a verifier.
    ///
    /// # Errors
    /// If a file cannot be read, is too large, or is not a regular file.
    pub fn feed(&self, verifier: &mut Verifier<'_>) -> Result<(), StoreError> {
        self.files()?.iter().try_for_each(|file| self.feed_one(file, verifier))
    }

    fn feed_one(&self, file: &Path, verifier: &mut Verifier<'_>) -> Result<(), StoreError> {
        let Some(stat) = self.disk.stat(file).doing("look at", file)? else {
            return Err(StoreError::not_a_file(file));
        };
        if stat.kind != FileKind::File {
            return Err(StoreError::not_a_file(file));
        }
        if stat.length > self.largest {
            return Err(StoreError::too_large(file, stat.length, self.largest));
        }
        let reader = self.disk.reader(file, self.largest).doing("read", file)?;
        verifier.feed(&file.to_string_lossy(), reader).doing("read", file)
    }

    /// Verifies the log.
    ///
    /// # Errors
    /// If it cannot be read. Faults of the log are in the verification.
    pub fn verify(&self, terms: Terms<'_>) -> Result<Verification, StoreError> {
        let mut verifier = Verifier::new(terms);
        self.feed(&mut verifier)?;
        Ok(verifier.finish())
    }

    /// The folder of journals and lock: the log's folder.
    ///
    /// A folder log keeps them inside, because a journal becomes a file of the log by a rename, and a rename cannot cross
    /// file systems. Their names start with a dot, so they are not part of the log.
    fn folder(&self) -> PathBuf {
        match self.shape {
            Shape::Folder => self.path.clone(),
            Shape::File => match self.path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                _ => PathBuf::from("."),
            },
        }
    }

    /// The prefix of the names of journals and lock.
    fn prefix(&self) -> String {
        match self.shape {
            Shape::Folder => ".".to_owned(),
            Shape::File => {
                format!(".{}.", self.path.file_name().map(std::ffi::OsStr::to_string_lossy).unwrap_or_default())
            }
        }
    }

    fn lock_path(&self) -> PathBuf {
        self.folder().join(format!("{}lock", self.prefix()))
    }
}
