//! What can go wrong between the log and its files.
//!
//! In: errors of the system. Out: a message that says what was attempted, where, and what to do.

use std::io;
use std::path::Path;

use crate::input::text::Text;
use crate::log::merge::MergeError;
use crate::log::session::DraftError;
use crate::log::verify::answers::Verification;

/// Why the log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused something.
    #[error("cannot {doing} `{}`: {source}", .path.terminal())]
    System {
        /// What was attempted.
        doing: &'static str,
        /// On what.
        path: Text,
        /// What the system said.
        source: io::Error,
    },
    /// Something else than a file stands where a log is expected.
    #[error("`{}` is not a regular file", .0.terminal())]
    NotAFile(Text),
    /// The file is larger than may be read.
    #[error("`{}` has {length} bytes, more than the {limit} that are read", .path.terminal())]
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
        /// The journal that keeps the session.
        journal: Option<Text>,
        /// What is wrong.
        verification: Box<Verification>,
    },
    /// A sync failed before, so nothing more is written.
    #[error("nothing more is written to `{}`, because the system could not say what of it reached the disk", .0.terminal())]
    Poisoned(Text),
    /// Another process uses the journal.
    #[error("another process is using the journal `{}`", .0.terminal())]
    InUse(Text),
    /// The journal does not end with a seal and a signature.
    #[error("the journal `{}` does not hold a whole session", .0.terminal())]
    NotWhole(Text),
    /// The copies of a log cannot be joined.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The journal's lines are not a session.
    #[error("the journal `{}` cannot be used: {source}", .path.terminal())]
    BadJournal {
        /// The journal.
        path: Text,
        /// What is wrong.
        source: DraftError,
    },
}

impl StoreError {
    fn help_of(kind: io::ErrorKind) -> &'static str {
        use io::ErrorKind as E;
        if matches!(kind, E::StorageFull | E::QuotaExceeded) {
            return "make room on the disk and run `review resume`; what was decided is in the journal";
        }
        if matches!(kind, E::PermissionDenied | E::ReadOnlyFilesystem) {
            return "make the folder of the log writable for you, or name another log with `--log`";
        }
        if kind == E::Unsupported {
            return "keep the log on a file system that has locks, and merge it from there";
        }
        "fix it and run `review resume`; what was decided is in the journal"
    }

    pub(super) fn not_a_file(path: &Path) -> Self {
        Self::NotAFile(text(path))
    }

    pub(super) fn too_large(path: &Path, length: u64, limit: u64) -> Self {
        Self::TooLarge { path: text(path), length, limit }
    }

    /// A way to fix it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::System { source, .. } => Self::help_of(source.kind()),
            Self::NotAFile(_) => "name a file or a folder with `--log`",
            Self::TooLarge { .. } => "begin a folder log, whose files stay small",
            Self::DoesNotVerify { .. } => "run `review verify` on it; the session stays in its journal",
            Self::Poisoned(_) => "check the disk, then run `review resume`; the journal is the record until then",
            Self::InUse(_) => "end the other review, or wait for it",
            Self::Merge(MergeError::NotASession { .. }) => {
                "run `review verify` on each copy; join only those that verify"
            }
            Self::Merge(MergeError::Conflict(_)) => "run `review verify` on each copy, and find out who altered which",
            Self::Merge(MergeError::Foreign(..)) => "join only copies of one log",
            Self::Merge(MergeError::MissingParent(_)) => "name the copy that holds the missing session as well",
            Self::NotWhole(_) => "run `review resume` to go on with it",
            Self::BadJournal { .. } => "another version, or a hand, wrote it; keep it aside and decide again",
        }
    }
}

pub(super) fn text(path: &Path) -> Text {
    Text::from(path.to_string_lossy().into_owned())
}

/// Says what was attempted when it fails.
pub(super) trait Attempt<T> {
    /// Names the deed and its object.
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T> Attempt<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::System { doing, path: text(path), source })
    }
}
