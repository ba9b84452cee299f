//! The source of a log: the disk, or a git revision such as a protected branch.
//!
//! Resolves `--log`, or the log of the trust folder, and verifies its files. An ambiguous name is refused, because a
//! branch under review could contain a file named like another branch.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{anyhow, bail, ensure};

use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::git::{RevisionError, commit_of, explained, git};
use crate::app::record::history::Past;
use crate::app::record::{history, log_reader};
use crate::app::site::load::Site;
use crate::app::site::location::SiteLocation;
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::LogId;
use crate::log::verify::answers::{Keep, Verification};
use crate::report::record::VerifyReport;

/// The largest log read from git, in bytes.
const LARGEST: u64 = 1 << 30;

/// A log.
#[derive(Clone, Debug)]
pub enum LogSource {
    /// A file or a folder.
    Disk(PathBuf),
    /// In a commit.
    Git(CommittedLog),
}

/// A log in a commit.
#[derive(Clone, Debug)]
pub struct CommittedLog {
    /// Its name for messages: `REVISION:PATH`.
    pub name: String,
    /// The commit, if known.
    pub commit: Option<String>,
    /// Its files; empty if the commit contains no such log.
    pub files: Vec<(String, Rc<[u8]>)>,
}

impl LogSource {
    /// The log: `--log FILE|DIR|GIT-REF:PATH`, otherwise the one that the trust folder names, relative to that folder.
    ///
    /// # Errors
    /// If a name is ambiguous, or git cannot read the contents.
    pub fn find(site: &Site, place: &SiteLocation) -> anyhow::Result<Self> {
        match &place.log {
            Some(path) => Self::named(path),
            None => Ok(Self::of_trust(site)?.unwrap_or_else(|| Self::Disk(site.log_path(place)))),
        }
    }

    fn named(path: &Path) -> anyhow::Result<Self> {
        let exists = path.symlink_metadata().is_ok();
        let name = path.to_str().unwrap_or_default();
        let is_path = name.starts_with('.') || name.starts_with('/');
        let Some((revision, inside)) = name.split_once(':').filter(|_| !is_path) else {
            return Ok(Self::Disk(path.to_path_buf()));
        };
        let here = std::env::current_dir()?;
        match (exists, commit_of(&here, revision)) {
            (true, Ok(_) | Err(RevisionError::Ambiguous(_))) => bail!(hinted(
                format!("`--log {}` is both a file and a git revision", shown(path)),
                "write `./NAME` for the file"
            )),
            (true, Err(_)) => Ok(Self::Disk(path.to_path_buf())),
            (false, Ok(commit)) => Ok(Self::Git(CommittedLog::read(&here, name, &commit, inside)?)),
            (false, Err(RevisionError::Unknown { fetch, .. })) => bail!(hinted(
                format!("`--log {}` is neither a file nor a log in a git revision", shown(path)),
                format!("fetch the branch first: `{fetch}`; if it does not exist yet, create it with an empty commit")
            )),
            (false, Err(why)) => Err(why.into()),
        }
    }

    /// The log that the trust folder itself names, if the folder is read from git and contains the log.
    ///
    /// # Errors
    /// If git cannot read it.
    pub fn of_trust(site: &Site) -> anyhow::Result<Option<Self>> {
        let Some((repository, commit, prefix)) = site.folder.revision() else { return Ok(None) };
        let path = site.settings.log.raw();
        let inside = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !inside {
            return Ok(None);
        }
        let name = site.folder.shown(path);
        let held = CommittedLog::read(repository, &name, commit, &format!("{prefix}{path}"))?;
        Ok(Some(Self::Git(held)))
    }

    /// Its name for messages.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Disk(path) => shown(path),
            Self::Git(held) => Text::from(held.name.as_str()).terminal(),
        }
    }

    /// Whether it does not exist yet.
    ///
    /// # Errors
    /// If its folder cannot be listed.
    pub fn is_absent(&self) -> anyhow::Result<bool> {
        match self {
            Self::Disk(path) => Ok(log_reader::files(path)?.is_empty()),
            Self::Git(held) => Ok(held.files.is_empty()),
        }
    }

    /// Verifies it, keeping its lines.
    ///
    /// # Errors
    /// If a file of it cannot be read.
    pub fn verify(
        &self,
        site: &Site,
        log: Option<LogId>,
        known: &[Digest<of::Line>],
        now: Time,
    ) -> anyhow::Result<Verification> {
        match self {
            Self::Disk(path) => log_reader::verify(path, &site.signers, log, known, Keep::Lines, now),
            Self::Git(held) => Ok(log_reader::verify_held(&held.files, &site.signers, log, known, Keep::Lines, now)?),
        }
    }

    /// Whether decisions can be based on it: it does not exist yet, or it contains sessions and verifies.
    ///
    /// # Errors
    /// If its folder cannot be listed.
    pub fn is_sound(&self, verified: &Verification) -> anyhow::Result<bool> {
        Ok(self.is_absent()? && !matches!(verified.completeness, crate::log::verify::answers::Completeness::Lost(_))
            || verified.session_count > 0 && verified.is_usable())
    }

    /// Its recorded decisions.
    ///
    /// # Errors
    /// If a file cannot be read, or a decision line is invalid.
    pub fn past(&self, verified: &Verification, site: &Site) -> anyhow::Result<Past> {
        match self {
            Self::Disk(path) => history::read(path, verified, site),
            Self::Git(held) => history::read_held(&held.files, verified, site),
        }
    }

    /// The four answers about it.
    #[must_use]
    pub fn report(&self, verified: &Verification) -> VerifyReport {
        match self {
            Self::Disk(path) => log_reader::report(path, verified),
            Self::Git(held) => log_reader::report(Path::new(&held.name), verified),
        }
    }
}

impl CommittedLog {
    /// Reads a log, a file or a folder, from a commit.
    fn read(folder: &Path, name: &str, commit: &str, path: &str) -> anyhow::Result<Self> {
        let held = |files| Self { name: name.to_owned(), commit: Some(commit.to_owned()), files };
        let cannot =
            |why: String| anyhow!(explained(folder, &format!("the log `{}` cannot be read", quoted(name)), &why));
        let asked = format!("{commit}:{}", path.trim_end_matches('/'));
        let Ok(object) = git(folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &asked]) else {
            return Ok(held(Vec::new()));
        };
        let object = String::from_utf8_lossy(&object).trim().to_owned();
        let kind = git(folder, &["cat-file", "-t", &object]).map_err(cannot)?;
        if kind.starts_with(b"blob") {
            return Ok(held(vec![(name.to_owned(), blob(folder, name, &object)?)]));
        }
        ensure!(kind.starts_with(b"tree"), "the log `{}` is neither a file nor a folder", quoted(name));
        let mut files = Vec::new();
        let listed = git(folder, &["ls-tree", "-z", &object]).map_err(cannot)?;
        for line in String::from_utf8_lossy(&listed).split('\0').filter(|line| !line.is_empty()) {
            let Some((facts, file)) = line.split_once('\t') else { continue };
            let facts: Vec<&str> = facts.split(' ').collect();
            let is_log = Path::new(file).extension().is_some_and(|e| e == "jsonl") && !file.starts_with('.');
            if let [mode, "blob", object] = facts.as_slice()
                && is_log
            {
                let file = format!("{name}/{file}");
                ensure!(mode.starts_with("100"), "the log's file `{}` is a link", quoted(&file));
                files.push((file.clone(), blob(folder, &file, object)?));
            }
        }
        files.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(held(files))
    }
}

fn blob(folder: &Path, name: &str, object: &str) -> anyhow::Result<Rc<[u8]>> {
    let cannot = |why: String| anyhow!(explained(folder, &format!("the log `{}` cannot be read", quoted(name)), &why));
    let size = git(folder, &["cat-file", "-s", object]).map_err(cannot)?;
    let size: u64 = String::from_utf8_lossy(&size).trim().parse().unwrap_or(u64::MAX);
    ensure!(size <= LARGEST, "the log `{}` is larger than {LARGEST} bytes", quoted(name));
    Ok(git(folder, &["cat-file", "blob", object]).map_err(cannot)?.into())
}

fn quoted(text: &str) -> String {
    Text::from(text).terminal()
}

/// The history in the site's own log, for a command that does not require a log: empty if there is none or it does not
/// verify.
///
/// # Errors
/// If a file of the log cannot be read.
pub fn recalled(site: &Site, place: &SiteLocation, now: Time) -> anyhow::Result<Past> {
    let log = LogSource::find(site, place)?;
    let verified = log.verify(site, crate::app::site::log_id::log_id(site).ok(), &[], now)?;
    if log.is_sound(&verified)? { log.past(&verified, site) } else { Ok(Past::default()) }
}
