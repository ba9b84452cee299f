//! Runs git: hardened, offline, and without the configuration of a checkout. All git calls go through this module.
//!
//! A checkout under review is hostile: its configuration may name programs, and its object store may request missing
//! objects from a remote. So every call disables the file monitor, hooks, pagers and prompts, fetches nothing, and
//! ignores variables that would redirect the repository or its history.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::app::io::command_error::{CommandError, failed, hinted};
use crate::input::text::Text;

/// Variables that would redirect the repository or its history.
///
/// WHY not those of the object store: a server keeps pushed objects in a separate place until its hooks pass, and
/// passes that place in variables. They only add objects, which are named by their hashes.
const MOVING: &[&str] =
    &["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_NAMESPACE"];
/// Settings that a checkout may not configure.
const SETTINGS: &[&str] =
    &["core.fsmonitor=false", "core.hooksPath=/dev/null", "core.pager=cat", "core.sshCommand=false"];
/// Environment of git itself. The empty list of protocols keeps versions of git offline that do not support
/// `GIT_NO_LAZY_FETCH`.
const SWITCHES: &[(&str, &str)] = &[
    ("GIT_ALLOW_PROTOCOL", ""),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("LC_ALL", "C"),
];

/// A git command in a folder, complete except for input and output.
#[must_use]
pub fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    for variable in MOVING {
        command.env_remove(variable);
    }
    command.envs(SWITCHES.iter().copied()).arg("--no-pager").arg("-C").arg(folder);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs git. On failure, returns the first line of its output.
///
/// # Errors
/// The output of git.
pub fn git(folder: &Path, args: &[&str]) -> Result<Vec<u8>, String> {
    let output = command(folder, args).output().map_err(|e| format!("git cannot be run: {e}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let first = errors.lines().find(|line| !line.is_empty());
    Err(first.map_or_else(|| "git gave no reason".to_owned(), |line| line.trim_start_matches("fatal: ").to_owned()))
}

/// The same, as text without the line end.
///
/// # Errors
/// The output of git.
pub fn line(folder: &Path, args: &[&str]) -> Result<String, String> {
    git(folder, args).map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// Why a revision does not name a commit.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// It matches several branches and tags.
    #[error("`{}` is ambiguous: there are several branches and tags with that name", .0.terminal())]
    Ambiguous(Text),
    /// It matches nothing here.
    #[error("`{}` is not a commit of this repository", name.terminal())]
    Unknown {
        /// The revision.
        name: Text,
        /// The command that fetches it.
        fetch: String,
    },
    /// It is not a valid name.
    #[error("`{}` is not the name of a commit", .0.terminal())]
    Malformed(Text),
    /// Git failed.
    #[error("{0}")]
    Git(CommandError),
}

impl RevisionError {
    /// How to fix the cause.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Ambiguous(name) => Some(format!(
                "write its full name, such as `refs/remotes/{}`, and find out who created the other",
                name.terminal()
            )),
            Self::Unknown { fetch, .. } => Some(format!("fetch it first: `{fetch}`")),
            Self::Malformed(_) => None,
            Self::Git(error) => error.help().map(ToOwned::to_owned),
        }
    }
}

/// The commit of a revision, if it is unambiguous.
///
/// WHY: among several references git takes the first by its own rules, so anyone who can push one could change what a
/// branch is compared with, or where trust files are read from. So the reference is looked up by its full name.
///
/// # Errors
/// If it matches several references, or none.
pub fn commit_of(folder: &Path, revision: &str) -> Result<String, RevisionError> {
    if revision.is_empty() || revision.starts_with('-') || revision.contains(':') {
        return Err(RevisionError::Malformed(revision.into()));
    }
    let end = revision.find(['~', '^']).or_else(|| revision.find("@{")).unwrap_or(revision.len());
    let (name, rest) = revision.split_at(end);
    let found = references(folder, name)?;
    let full = match found.as_slice() {
        [] => name,
        [one] => one,
        _ => return Err(RevisionError::Ambiguous(revision.into())),
    };
    let asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{full}{rest}^{{commit}}")];
    line(folder, &asked).map_err(|_| RevisionError::Unknown { name: revision.into(), fetch: fetch(folder, name) })
}

/// Every reference that a name may refer to.
fn references(folder: &Path, name: &str) -> Result<Vec<String>, RevisionError> {
    if name.is_empty() || matches!(name, "@" | "HEAD" | "FETCH_HEAD") {
        return Ok(Vec::new());
    }
    let mut full: Vec<String> =
        ["refs", "refs/tags", "refs/heads", "refs/remotes"].iter().map(|kind| format!("{kind}/{name}")).collect();
    full.push(format!("refs/remotes/{name}/HEAD"));
    full.push(name.to_owned());
    let asked = ["for-each-ref", "--format=%(refname)"].into_iter().chain(full.iter().map(String::as_str));
    let listed = git(folder, &asked.collect::<Vec<_>>())
        .map_err(|why| RevisionError::Git(explained(folder, "git cannot list the branches", &why)))?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    Ok(listed.lines().filter(|line| full.iter().any(|one| one == line)).map(str::to_owned).collect())
}

/// The command that fetches a branch so that its name resolves, also in a single-branch clone.
#[must_use]
pub fn fetch(folder: &Path, name: &str) -> String {
    let remotes = line(folder, &["remote"]).unwrap_or_default();
    let short = name.strip_prefix("refs/remotes/").unwrap_or(name);
    let of = |remote: &&str| short.strip_prefix(*remote).is_some_and(|rest| rest.starts_with('/'));
    let command = if let Some(remote) = remotes.lines().filter(of).max_by_key(|remote| remote.len()) {
        let branch = short.get(remote.len().saturating_add(1)..).unwrap_or_default();
        format!("git fetch {remote} {branch}:refs/remotes/{remote}/{branch}")
    } else {
        let branch = name.strip_prefix("refs/heads/").unwrap_or(name);
        format!("git fetch {} {branch}:{branch}", remotes.lines().next().unwrap_or("origin"))
    };
    Text::from(command).terminal()
}

/// The output of git, with a command that helps if there is one.
#[must_use]
pub fn explained(folder: &Path, what: &str, why: &str) -> CommandError {
    if why.contains("dubious ownership") {
        let path = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
        let path = Text::from(path.to_string_lossy().as_ref()).terminal();
        return hinted(
            format!("{what}: the repository belongs to another user"),
            format!("if you trust it: `git config --global --add safe.directory {path}`"),
        );
    }
    let why = Text::from(why).terminal();
    if ["bad file", "promisor", "lazy fetch", "not our ref", "missing"].iter().any(|word| why.contains(word)) {
        return hinted(format!("{what}: {why}"), REFETCH);
    }
    failed(format!("{what}: {why}"))
}

/// Help for a partial clone, because nothing is fetched implicitly.
pub const REFETCH: &str = "a partial clone lacks files: fetch them all with `git fetch --refetch --no-filter`";

#[cfg(test)]
#[path = "git_tests.rs"]
mod tests;
