//! Errors of the store, with the attempted operation, the path, and a help text.

use std::io;
use std::path::Path;

use crate::input::text::Text;
use crate::log::merge::MergeError;
use crate::log::session::DraftError;
use crate::log::verify::answers::Verification;

/// Why the log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system reported an error.
    #[error("cannot {doing} `{}`: {source}", .path.terminal())]
    System {
        /// The attempted operation.
        doing: &'static str,
        /// The path.
        path: Text,
        /// The system's error.
        source: io::Error,
    },
    /// It is not a regular file.
    #[error("`{}` is not a regular file", .0.terminal())]
    NotAFile(Text),
    /// The file is too large.
    #[error("`{}` has {length} bytes; the limit is {limit}", .path.terminal())]
    TooLarge {
        /// The file.
        path: Text,
        /// Its size in bytes.
        length: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The log does not verify, so nothing is added to it.
    #[error("the log `{}` does not verify, so nothing was added to it", .path.terminal())]
    DoesNotVerify {
        /// The log.
        path: Text,
        /// The journal with the session.
        journal: Option<Text>,
        /// The faults.
        verification: Box<Verification>,
    },
    /// A sync failed earlier, so nothing more is written.
    #[error("writing to `{}` has stopped, because the system could not confirm which bytes reached the disk", .0.terminal())]
    Poisoned(Text),
    /// Another process uses the journal.
    #[error("another process is using the journal `{}`", .0.terminal())]
    InUse(Text),
    /// The journal does not end with seal and signature.
    #[error("the journal `{}` does not contain a complete session", .0.terminal())]
    NotWhole(Text),
    /// The session of the journal is the first of the log, and the log contains another by now.
    #[error("another session was added to the log while the one in `{}` was decided", .0.terminal())]
    SecondRoot(Text),
    /// The copies of a log cannot be merged.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The journal's lines are not a session.
    #[error("the journal `{}` cannot be used: {source}", .path.terminal())]
    BadJournal {
        /// The journal.
        path: Text,
        /// The fault.
        source: DraftError,
    },
}

impl StoreError {
    fn help_of(kind: io::ErrorKind) -> &'static str {
        use io::ErrorKind as E;
        if matches!(kind, E::StorageFull | E::QuotaExceeded) {
            return "free some disk space and run `review resume`; your decisions are in the journal";
        }
        if matches!(kind, E::PermissionDenied | E::ReadOnlyFilesystem) {
            return "make the folder of the log writable, or choose another log with `--log`";
        }
        if kind == E::Unsupported {
            return "keep the log on a file system with locks, and merge it from there";
        }
        "fix it and run `review resume`; your decisions are in the journal"
    }

    pub(super) fn not_a_file(path: &Path) -> Self {
        Self::NotAFile(text(path))
    }

    pub(super) fn too_large(path: &Path, length: u64, limit: u64) -> Self {
        Self::TooLarge { path: text(path), length, limit }
    }

    /// How to fix it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::System { source, .. } => Self::help_of(source.kind()),
            Self::NotAFile(_) => "pass a file or a folder to `--log`",
            Self::TooLarge { .. } => "use a folder log, whose files stay small",
            Self::DoesNotVerify { .. } => "run `review verify` on it; the session stays in its journal",
            Self::Poisoned(_) => "check the disk, then run `review resume`; the journal is the record until then",
            Self::InUse(_) => "end the other review or wait for it",
            Self::Merge(MergeError::NotASession { .. }) => {
                "run `review verify` on each copy; merge only copies that verify"
            }
            Self::Merge(MergeError::Conflict(_)) => {
                "run `review verify` on each copy, and find out which one was altered"
            }
            Self::Merge(MergeError::Foreign(..)) => "merge only copies of the same log",
            Self::Merge(MergeError::MissingParent(_)) => "also pass the copy that contains the missing session",
            Self::SecondRoot(_) => "run it again: the session then follows the other one",
            Self::NotWhole(_) => "run `review resume` to continue it",
            Self::BadJournal { .. } => "it was written by another version or edited; move it away and decide again",
        }
    }
}

pub(super) fn text(path: &Path) -> Text {
    Text::from(path.to_string_lossy().into_owned())
}

/// Adds the attempted operation to an error.
pub(super) trait Attempt<T> {
    /// Names the operation and its path.
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T> Attempt<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::System { doing, path: text(path), source })
    }
}
