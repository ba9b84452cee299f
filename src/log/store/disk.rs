//! The file system operations of the store, as a trait, so that tests can stop a session at each operation as a crash
//! would.

use std::any::Any;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags, flock};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};

/// The kind of object at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// Anything else.
    Other,
}

/// The metadata of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The kind of object.
    pub kind: FileKind,
    /// Its size in bytes.
    pub length: u64,
}

/// Operations on paths.
pub trait Disk: Send + Sync {
    /// Returns the metadata of a path, or `None` if nothing exists there.
    ///
    /// # Errors
    /// If the system reports an error; the same applies to all other methods.
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>>;
    /// Opens a file for reading at most `limit` bytes.
    ///
    /// # Errors
    /// If the system refuses.
    fn reader(&self, path: &Path, limit: u64) -> io::Result<Box<dyn BufRead>>;
    /// Lists the names in a folder.
    ///
    /// # Errors
    /// If the system refuses.
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>>;
    /// Creates a folder if it does not exist.
    ///
    /// # Errors
    /// If the system refuses.
    fn make_folder(&self, path: &Path) -> io::Result<()>;
    /// Creates a new file for appending.
    ///
    /// # Errors
    /// If it exists, or the system refuses.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file for appending. Creates it if `missing_is_empty`.
    ///
    /// # Errors
    /// If the system refuses.
    fn append_to(&self, path: &Path, missing_is_empty: bool) -> io::Result<Box<dyn DiskFile>>;
    /// Renames a file.
    ///
    /// # Errors
    /// If the system refuses.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// If the system refuses.
    fn unlink(&self, path: &Path) -> io::Result<()>;
    /// Syncs the names in a folder.
    ///
    /// # Errors
    /// If the system refuses.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Waits for the lock file's lock and holds it until the value is dropped.
    ///
    /// # Errors
    /// If the file system does not support locks or reports an error.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any>>;
}

/// Operations on a file that is open for appending.
pub trait DiskFile: Send {
    /// Its size in bytes.
    ///
    /// # Errors
    /// If the system reports an error; the same applies to all other methods.
    fn length(&self) -> io::Result<u64>;
    /// Appends all bytes or fails.
    ///
    /// # Errors
    /// If the system reports an error. Some bytes may have been appended.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Truncates it to a length.
    ///
    /// # Errors
    /// If the system refuses.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
    /// Syncs its bytes.
    ///
    /// # Errors
    /// If the system cannot confirm that they reached the disk.
    fn sync(&mut self) -> io::Result<()>;
    /// Tries to lock the file without waiting. Returns whether it succeeded.
    ///
    /// # Errors
    /// If the file system does not support locks or reports an error.
    fn try_lock(&mut self) -> io::Result<bool>;
    /// Whether the path still refers to this file and not to a replacement.
    ///
    /// # Errors
    /// If the system refuses.
    fn is_at(&self, path: &Path) -> io::Result<bool>;
}

/// The real file system.
#[derive(Clone, Copy, Debug)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn stat(&self, path: &Path) -> io::Result<Option<Stat>> {
        match std::fs::metadata(path) {
            Ok(data) => {
                let kind = match (data.is_file(), data.is_dir()) {
                    (true, _) => FileKind::File,
                    (_, true) => FileKind::Folder,
                    (false, false) => FileKind::Other,
                };
                Ok(Some(Stat { kind, length: data.len() }))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn reader(&self, path: &Path, limit: u64) -> io::Result<Box<dyn BufRead>> {
        // Limit the read, because the file may grow while it is read.
        Ok(Box::new(BufReader::with_capacity(1 << 18, File::open(path)?.take(limit))))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        match std::fs::create_dir(path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(RealFile(OpenOptions::new().append(true).create_new(true).open(path)?)))
    }

    fn append_to(&self, path: &Path, missing_is_empty: bool) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(RealFile(OpenOptions::new().append(true).create(missing_is_empty).open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any>> {
        let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let file = OpenOptions::new().append(true).create(true).custom_flags(no_link).open(path)?;
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => return Ok(Box::new(file)),
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(no_locks(e)),
            }
        }
    }
}

/// Rewords the system's error for a file system without locks.
pub(super) fn no_locks(e: rustix::io::Errno) -> io::Error {
    match e {
        rustix::io::Errno::NOTSUP | rustix::io::Errno::NOLCK | rustix::io::Errno::NOSYS => {
            io::Error::new(io::ErrorKind::Unsupported, "the file system does not support locks")
        }
        other => other.into(),
    }
}

struct RealFile(File);

impl DiskFile for RealFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn try_lock(&mut self) -> io::Result<bool> {
        match flock(&self.0, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
            Err(e) => Err(no_locks(e)),
        }
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        let own = self.0.metadata()?;
        match std::fs::symlink_metadata(path) {
            Ok(there) => Ok((there.dev(), there.ino()) == (own.dev(), own.ino())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }
}
