//! The trust folder: the files by which plans are judged, each read once, with the digest that the log records.
//!
//! Found by `--trust DIR|GIT-REF`, or from the current directory. Provides bytes by `/`-separated path, and the list of
//! all files used. INVARIANT: it is never searched for from the plan's location, so a plan cannot bring its own trust
//! files. Links are refused.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::app::io::git::{RevisionError, commit_of, git, line};
use crate::app::io::progress;
use crate::app::site::read_ahead::read_ahead;
use crate::input::digest::{Digest, of};
use crate::input::text::Text;

/// Why the trust folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustFolderError {
    /// No `review.yaml` upward from the current directory.
    #[error("no `review.yaml` here or in any folder above")]
    NotFound,
    /// `--trust` names neither a folder nor a git revision.
    #[error("`--trust {}` is neither a folder nor a git revision with `review.yaml`{}", name.terminal(), hint(detail))]
    NotATrustFolder {
        /// The argument.
        name: Text,
        /// The message of git.
        detail: Text,
    },
    /// `--trust` names neither a folder nor a commit in this repository.
    #[error("`--trust {}` is neither a folder with `review.yaml` nor a commit of this repository", name.terminal())]
    UnknownRevision {
        /// The argument.
        name: Text,
        /// The command that fetches it.
        fetch: String,
    },
    /// `--trust` names a folder and a git revision, or several revisions.
    #[error("`--trust {}` is ambiguous: {what}", name.terminal())]
    Ambiguous {
        /// The argument.
        name: Text,
        /// The possible meanings.
        what: &'static str,
    },
    /// A trust file is a link.
    #[error("the trust file `{}` is a symbolic link", .0.terminal())]
    Link(Text),
    /// A trust file cannot be read.
    #[error("the trust file `{}` cannot be read: {reason}", path.terminal())]
    Unreadable {
        /// Its path relative to the trust folder.
        path: Text,
        /// The error of the system.
        reason: String,
    },
    /// A trust file is missing.
    #[error("the trust folder has no `{}`", path.terminal())]
    Missing {
        /// Its path relative to the trust folder.
        path: Text,
        /// How to create it.
        help: &'static str,
    },
    /// A trust file is larger than the limit.
    #[error("the trust file `{}` is larger than {limit} bytes", path.terminal())]
    TooLarge {
        /// Its path relative to the trust folder.
        path: Text,
        /// The limit in bytes.
        limit: u64,
    },
    /// A path is outside the trust folder.
    #[error("`{}` is outside the trust folder", .0.terminal())]
    Outside(Text),
}

impl TrustFolderError {
    /// How to fix the cause.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::NotFound => "create one with `review init`, or choose one with `--trust DIR`",
            Self::UnknownRevision { fetch, .. } => {
                return Some(format!("if it is a branch, fetch it first: `{fetch}`"));
            }
            Self::Ambiguous { .. } => "write `./NAME` for a folder, `refs/heads/NAME` for a branch",
            Self::Link(_) => "put the file itself into the trust folder",
            Self::Unreadable { .. } => "check that it is a file and that you may read it",
            Self::Missing { help, .. } => help,
            Self::Outside(_) => "use a file in it",
            Self::NotATrustFolder { .. } | Self::TooLarge { .. } => return None,
        };
        Some(help.to_owned())
    }
}

fn hint(detail: &Text) -> String {
    if detail.raw().is_empty() { String::new() } else { format!(": {}", detail.terminal()) }
}

/// The largest snapshot that is read, in bytes.
pub const MAX_SNAPSHOT: u64 = 4 << 30;
/// The size from which a snapshot is read in pieces, in bytes.
const STREAMED: u64 = 8 << 20;
/// The largest of all other trust files that is read, in bytes.
pub const MAX_TRUST_FILE: u64 = 16 << 20;

#[derive(Debug)]
enum FolderSource {
    Folder(PathBuf),
    Git { repository: PathBuf, commit: String, prefix: String },
}

/// A trust folder, with the files read so far.
#[derive(Debug)]
pub struct TrustFolder {
    source: FolderSource,
    used: RefCell<BTreeMap<String, Digest<of::File>>>,
}

impl TrustFolder {
    /// Finds the folder: the given one, otherwise the nearest with `review.yaml` upward from `current`.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(named: Option<&str>, current: &Path) -> Result<Self, TrustFolderError> {
        if let Some(name) = named {
            return Self::named(name, current);
        }
        let found = current.ancestors().find(|folder| folder.join("review.yaml").symlink_metadata().is_ok());
        found.map(|folder| Self::folder(folder.to_path_buf())).ok_or(TrustFolderError::NotFound)
    }

    fn folder(path: PathBuf) -> Self {
        Self { source: FolderSource::Folder(path), used: RefCell::default() }
    }

    fn named(name: &str, current: &Path) -> Result<Self, TrustFolderError> {
        let folder = current.join(name);
        let commit = commit_of(current, name);
        // INVARIANT: an ambiguous name is refused, because the branch under review could contain a folder or a tag with
        // that name.
        if matches!(commit, Err(RevisionError::Ambiguous(_))) {
            return Err(TrustFolderError::Ambiguous { name: name.into(), what: "several branches and tags" });
        }
        if folder.join("review.yaml").symlink_metadata().is_ok() {
            let is_path = name.starts_with('.') || name.starts_with('/');
            if !is_path && commit.is_ok() {
                return Err(TrustFolderError::Ambiguous { name: name.into(), what: "a folder and a git revision" });
            }
            return Ok(Self::folder(folder));
        }
        let refused = |detail: String| TrustFolderError::NotATrustFolder { name: name.into(), detail: detail.into() };
        if folder.is_dir() || name.starts_with('-') {
            return Err(refused("it holds no `review.yaml`".to_owned()));
        }
        let commit = match commit {
            Ok(commit) => commit,
            Err(RevisionError::Unknown { name, fetch }) => {
                return Err(TrustFolderError::UnknownRevision { name, fetch });
            }
            Err(why) => return Err(refused(why.to_string())),
        };
        // A bare repository, such as a server's, has no working tree.
        let repository =
            line(current, &["rev-parse", "--show-toplevel"]).map_or_else(|_| current.to_path_buf(), PathBuf::from);
        let mut prefix = line(current, &["rev-parse", "--show-prefix"]).map_err(&refused)?;
        loop {
            let path = format!("{prefix}review.yaml");
            let listed = git(&repository, &["ls-tree", "--full-tree", "-z", &commit, "--", &path]).map_err(&refused)?;
            if !listed.is_empty() {
                return Ok(Self { source: FolderSource::Git { repository, commit, prefix }, used: RefCell::default() });
            }
            if prefix.is_empty() {
                return Err(refused("it holds no `review.yaml`".to_owned()));
            }
            let trimmed = prefix.trim_end_matches('/');
            let shorter = trimmed.rfind('/').map_or(0, |at| at.saturating_add(1));
            prefix.truncate(shorter);
        }
    }

    /// The folder on disk, unless it is read from git.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.source {
            FolderSource::Folder(path) => Some(path),
            FolderSource::Git { .. } => None,
        }
    }

    /// The repository, the commit and the folder within it (with a trailing `/`), if it is read from git.
    #[must_use]
    pub fn revision(&self) -> Option<(&Path, &str, &str)> {
        match &self.source {
            FolderSource::Folder(_) => None,
            FolderSource::Git { repository, commit, prefix } => Some((repository, commit, prefix)),
        }
    }

    /// The name of one of its files for messages.
    #[must_use]
    pub fn shown(&self, path: &str) -> String {
        match &self.source {
            FolderSource::Folder(folder) => {
                let here = std::env::current_dir().ok();
                let full = folder.join(path);
                let short = here.as_deref().and_then(|h| full.strip_prefix(h).ok()).unwrap_or(&full);
                short.to_string_lossy().into_owned()
            }
            FolderSource::Git { commit, prefix, .. } => {
                format!("{}:{prefix}{path}", commit.get(..12).unwrap_or(commit))
            }
        }
    }

    /// Reads a file that may be absent, and records its use.
    ///
    /// # Errors
    /// If it is a link, too large, or cannot be read.
    pub fn read(&self, path: &str) -> Result<Option<Rc<[u8]>>, TrustFolderError> {
        self.read_up_to(path, MAX_TRUST_FILE)
    }

    /// Reads a file of at most `limit` bytes that may be absent.
    ///
    /// # Errors
    /// If it is a link, too large, or cannot be read.
    pub fn read_up_to(&self, path: &str, limit: u64) -> Result<Option<Rc<[u8]>>, TrustFolderError> {
        check_path(path)?;
        let bytes = match &self.source {
            FolderSource::Folder(folder) => read_file(folder, path, limit)?,
            FolderSource::Git { repository, commit, prefix } => read_blob(repository, commit, prefix, path, limit)?,
        };
        if let Some(bytes) = &bytes {
            self.used.borrow_mut().insert(path.to_owned(), Digest::of(bytes));
        }
        Ok(bytes.map(Into::into))
    }

    /// The SHA-256 of a file that was read.
    #[must_use]
    pub fn digest(&self, path: &str) -> Option<Digest<of::File>> {
        self.used.borrow().get(path).copied()
    }

    /// Reads a large file in pieces and hashes it; `None` if it is small, absent, or not in a folder on disk.
    ///
    /// # Errors
    /// If it is a link, too large, or cannot be read.
    pub fn stream<T>(
        &self,
        path: &str,
        limit: u64,
        read: impl FnOnce(&mut dyn Read) -> std::io::Result<T>,
    ) -> Result<Option<(T, Digest<of::File>)>, TrustFolderError> {
        check_path(path)?;
        let FolderSource::Folder(folder) = &self.source else { return Ok(None) };
        let Some((file, length)) = open_file(folder, path)? else { return Ok(None) };
        if length < STREAMED {
            return Ok(None);
        }
        let unreadable = |e: std::io::Error| TrustFolderError::Unreadable { path: path.into(), reason: e.to_string() };
        let watch = progress::watch("reading the snapshot", Some(length));
        let file = progress::Counted::new(file.take(limit.saturating_add(1)), &watch);
        let (value, length, digest) = read_ahead(file, read).map_err(unreadable)?;
        drop(watch);
        if length > limit {
            return Err(TrustFolderError::TooLarge { path: path.into(), limit });
        }
        self.used.borrow_mut().insert(path.to_owned(), digest);
        Ok(Some((value, digest)))
    }

    /// Every file below `folder` whose name ends with `ending`, sorted by path.
    ///
    /// # Errors
    /// If one is a link or the folder cannot be listed.
    pub fn list(&self, folder: &str, ending: &str) -> Result<Vec<String>, TrustFolderError> {
        check_path(folder)?;
        let mut found = Vec::new();
        match &self.source {
            FolderSource::Folder(root) => list_folder(root, folder, ending, 0, &mut found)?,
            FolderSource::Git { repository, commit, prefix } => {
                let own = format!("{prefix}{folder}");
                let entry = git(repository, &["ls-tree", "--full-tree", "-z", commit, "--", &own])
                    .map_err(|reason| TrustFolderError::Unreadable { path: folder.into(), reason })?;
                if entry.starts_with(b"120000") {
                    return Err(TrustFolderError::Link(folder.into()));
                }
                let below = format!("{prefix}{folder}/");
                let args = ["ls-tree", "-r", "--full-tree", "-z", commit.as_str(), "--", &below];
                let listed = git(repository, &args)
                    .map_err(|reason| TrustFolderError::Unreadable { path: folder.into(), reason })?;
                for entry in String::from_utf8_lossy(&listed).split('\0').filter(|e| !e.is_empty()) {
                    let Some((mode, path)) = entry.split_once('\t') else { continue };
                    let Some(path) = path.strip_prefix(prefix.as_str()) else { continue };
                    if mode.starts_with("120000") {
                        return Err(TrustFolderError::Link(path.into()));
                    }
                    if path.ends_with(ending) {
                        found.push(path.to_owned());
                    }
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Every file read so far, by path, with the SHA-256 of its bytes.
    #[must_use]
    pub fn used(&self) -> BTreeMap<String, Digest<of::File>> {
        self.used.borrow().clone()
    }
}

fn check_path(path: &str) -> Result<(), TrustFolderError> {
    let inside = !path.is_empty() && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if inside && !path.contains('\\') { Ok(()) } else { Err(TrustFolderError::Outside(path.into())) }
}

/// Opens a file that may be absent. Returns it with its length.
fn open_file(root: &Path, path: &str) -> Result<Option<(fs::File, u64)>, TrustFolderError> {
    let unreadable = |e: std::io::Error| TrustFolderError::Unreadable { path: path.into(), reason: e.to_string() };
    let mut full = root.to_path_buf();
    for part in path.split('/') {
        full.push(part);
        match full.symlink_metadata() {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(unreadable(e)),
            Ok(meta) if meta.file_type().is_symlink() => return Err(TrustFolderError::Link(path.into())),
            Ok(_) => {}
        }
    }
    let meta = full.metadata().map_err(unreadable)?;
    if !meta.is_file() {
        return Err(TrustFolderError::Unreadable { path: path.into(), reason: "it is not a regular file".to_owned() });
    }
    let file = fs::File::open(&full).map_err(unreadable)?;
    Ok(Some((file, meta.len())))
}

fn read_file(root: &Path, path: &str, limit: u64) -> Result<Option<Vec<u8>>, TrustFolderError> {
    let unreadable = |e: std::io::Error| TrustFolderError::Unreadable { path: path.into(), reason: e.to_string() };
    let Some((file, length)) = open_file(root, path)? else { return Ok(None) };
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(TrustFolderError::TooLarge { path: path.into(), limit });
    }
    Ok(Some(bytes))
}

fn read_blob(
    repository: &Path,
    commit: &str,
    prefix: &str,
    path: &str,
    limit: u64,
) -> Result<Option<Vec<u8>>, TrustFolderError> {
    let unreadable = |reason: String| TrustFolderError::Unreadable { path: path.into(), reason };
    let full = format!("{prefix}{path}");
    let listed = git(repository, &["ls-tree", "--full-tree", "-z", "-l", commit, "--", &full]).map_err(unreadable)?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let Some(entry) = listed.split('\0').find(|e| e.ends_with(&format!("\t{full}"))) else { return Ok(None) };
    let fields: Vec<&str> = entry.split_whitespace().collect();
    let [mode, kind, object, size, ..] = fields.as_slice() else { return Ok(None) };
    if *mode == "120000" {
        return Err(TrustFolderError::Link(path.into()));
    }
    if *kind != "blob" {
        return Err(unreadable("it is not a regular file".to_owned()));
    }
    if size.parse::<u64>().is_ok_and(|size| size > limit) {
        return Err(TrustFolderError::TooLarge { path: path.into(), limit });
    }
    git(repository, &["cat-file", "blob", object]).map(Some).map_err(unreadable)
}

fn list_folder(
    root: &Path,
    folder: &str,
    ending: &str,
    depth: usize,
    found: &mut Vec<String>,
) -> Result<(), TrustFolderError> {
    let unreadable = |e: std::io::Error| TrustFolderError::Unreadable { path: folder.into(), reason: e.to_string() };
    let full = root.join(folder);
    match full.symlink_metadata() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(unreadable(e)),
        Ok(meta) if meta.file_type().is_symlink() => return Err(TrustFolderError::Link(folder.into())),
        Ok(_) => {}
    }
    if depth > 8 {
        return Err(TrustFolderError::Unreadable { path: folder.into(), reason: "it is nested too deeply".to_owned() });
    }
    for entry in fs::read_dir(&full).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Err(TrustFolderError::Unreadable {
                path: folder.into(),
                reason: "it contains a name that is not UTF-8".to_owned(),
            });
        };
        let path = format!("{folder}/{name}");
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_symlink() {
            return Err(TrustFolderError::Link(path.as_str().into()));
        }
        if kind.is_dir() {
            list_folder(root, &path, ending, depth + 1, found)?;
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
    Ok(())
}
