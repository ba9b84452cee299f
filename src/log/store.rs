//! The log as files: the only part of this room that touches them.
//!
//! In: the path of a log (a file, or a folder of files), lines that are ready to be written. Out: streams for
//! [`super::verify`], journals that survive a crash, sessions added whole or not at all.
//!
//! Laws: a session is a journal, forced to the disk at each decision, until its seal and signature stand in that
//! journal; only then, under a lock, the log grows by one write. Nothing is added to a log that does not verify. After a
//! failed sync nothing more is written. A journal is removed only when what it holds is safe in the log, or a person
//! gives it up.

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
pub use join::Joined;
pub use journal::{Journal, JournalView, Standing};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::disk::{Disk, Kind, RealDisk};
use self::fault::Attempt as _;
use super::verify::Verifier;
use crate::log::verify::answers::{Terms, Verification};

/// The largest file of a log that is read, in bytes: 8 GiB.
pub const LARGEST: u64 = 8 << 30;

/// Whether a log is one file or a folder of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One file.
    File,
    /// A folder; each `*.jsonl` in it that does not begin with a dot belongs to the log.
    Folder,
}

/// A log on a disk.
#[derive(Clone)]
pub struct Store {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    shape: Shape,
    largest: u64,
}

impl Store {
    /// Opens a log on the real disk. One that does not exist yet is an empty log: a folder if its name ends with `/`,
    /// else a file; nothing is created before the first commit.
    ///
    /// # Errors
    /// If the path is neither file nor folder, or cannot be looked at.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::on(Arc::new(RealDisk), path)
    }

    /// Opens a log on any disk.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn on(disk: Arc<dyn Disk>, path: &Path) -> Result<Self, StoreError> {
        let shape = match disk.stat(path).doing("look at", path)? {
            Some(stat) if stat.kind == Kind::File => Shape::File,
            Some(stat) if stat.kind == Kind::Folder => Shape::Folder,
            Some(_) => return Err(StoreError::not_a_file(path)),
            None if path.as_os_str().as_encoded_bytes().ends_with(b"/") => Shape::Folder,
            None => Shape::File,
        };
        Ok(Self { disk, path: path.to_owned(), shape, largest: LARGEST })
    }

    /// The same, reading at most so many bytes of each file.
    #[must_use]
    pub fn reading_at_most(mut self, bytes: u64) -> Self {
        self.largest = bytes;
        self
    }

    /// Where the log is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One file, or a folder of them.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The files of the log, in the order of their names; none if it does not exist yet.
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

    /// Hands every file of the log to a verifier.
    ///
    /// # Errors
    /// If a file cannot be read, is too large, or is no file.
    pub fn feed(&self, verifier: &mut Verifier<'_>) -> Result<(), StoreError> {
        self.files()?.iter().try_for_each(|file| self.feed_one(file, verifier))
    }

    fn feed_one(&self, file: &Path, verifier: &mut Verifier<'_>) -> Result<(), StoreError> {
        let Some(stat) = self.disk.stat(file).doing("look at", file)? else {
            return Err(StoreError::not_a_file(file));
        };
        if stat.kind != Kind::File {
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
    /// If it cannot be read; what is wrong with it is in the verification.
    pub fn verify(&self, terms: Terms<'_>) -> Result<Verification, StoreError> {
        let mut verifier = Verifier::new(terms);
        self.feed(&mut verifier)?;
        Ok(verifier.finish())
    }

    /// The folder that holds journals and the lock: the log's own, or that of the file.
    ///
    /// WHY a folder log keeps them inside: a journal becomes a file of the log by a rename, which must not cross from one
    /// file system to another. Their names begin with a dot, so they are no part of the log.
    fn folder(&self) -> PathBuf {
        match self.shape {
            Shape::Folder => self.path.clone(),
            Shape::File => match self.path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                _ => PathBuf::from("."),
            },
        }
    }

    /// How the names of journals and lock begin.
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
