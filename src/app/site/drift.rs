//! Drift of trust files: compares the trust folder with the branches that the repository follows.
//!
//! Returns findings for the person who is about to decide based on these files. This is a reminder, not a proof: anyone
//! who can write the folder can write its git settings. Nothing is fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::app::io::git::git;
use crate::app::site::load::Site;
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::place::Place;

/// The largest file that is compared byte by byte; a larger one counts as different.
const MAX_COMPARED: u64 = 64 << 20;

/// A file of a commit.
struct Entry {
    is_link: bool,
    size: u64,
    object: String,
}

/// Every trust file that differs from the current branch's upstream, or from the remote's default branch; one finding if
/// the branch has none of them. Empty if the trust folder is not in git, is itself a git revision, or follows no branch.
#[must_use]
pub fn differences(site: &Site) -> Vec<Finding> {
    let Some(folder) = site.folder.path() else { return Vec::new() };
    let mut found = Vec::new();
    let mut named = BTreeSet::new();
    for (branch, commit) in branches(folder) {
        let Some(theirs) = entries(folder, &commit, site) else { continue };
        for finding in compare(folder, site, &branch, &theirs) {
            // WHY: two branches usually have the same version of a file; one finding is enough.
            let file = finding.place.as_ref().map(|place| place.file.clone());
            if named.insert(file) {
                found.push(finding);
            }
        }
    }
    found
}

/// The upstream of the current branch, and the remote's default branch: name and commit, each commit once.
fn branches(folder: &Path) -> Vec<(String, String)> {
    let word = |args: &[&str]| {
        let said = git(folder, args).ok()?;
        Some(String::from_utf8_lossy(&said).trim().to_owned()).filter(|said| !said.is_empty())
    };
    let mut found: Vec<(String, String)> = Vec::new();
    for name in ["@{upstream}", "refs/remotes/origin/HEAD"] {
        let Some(commit) = word(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]) else { continue };
        let shown = word(&["rev-parse", "--abbrev-ref", name]).unwrap_or_else(|| name.to_owned());
        if found.iter().all(|(_, seen)| *seen != commit) {
            found.push((shown, commit));
        }
    }
    found
}

/// The trust files of a commit, by path relative to the trust folder.
fn entries(folder: &Path, commit: &str, site: &Site) -> Option<BTreeMap<String, Entry>> {
    let prefix = git(folder, &["rev-parse", "--show-prefix"]).ok()?;
    let prefix = String::from_utf8_lossy(&prefix).trim_end_matches('\n').to_owned();
    let mut args: Vec<String> = ["ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--"].map(str::to_owned).to_vec();
    let names =
        ["review.yaml", "people.yaml", "agents.yaml", "tasks.yaml", "allowed_signers", "revoked_keys", "policies"];
    let snapshot = site.settings.snapshot.raw();
    args.extend(names.iter().chain(&[snapshot]).map(|name| format!("{prefix}{name}")));
    let listed = git(folder, &args.iter().map(String::as_str).collect::<Vec<_>>()).ok()?;
    let mut found = BTreeMap::new();
    for line in String::from_utf8_lossy(&listed).split('\0') {
        let Some((about, path)) = line.split_once('\t') else { continue };
        let fields: Vec<&str> = about.split_whitespace().collect();
        let ([mode, _, object, length], Some(path)) = (fields.as_slice(), path.strip_prefix(prefix.as_str())) else {
            continue;
        };
        let entry = Entry {
            is_link: *mode == "120000",
            size: length.parse().unwrap_or(u64::MAX),
            object: (*object).to_owned(),
        };
        found.insert(path.to_owned(), entry);
    }
    Some(found)
}

fn compare(folder: &Path, site: &Site, branch: &str, theirs: &BTreeMap<String, Entry>) -> Vec<Finding> {
    let used = site.folder.used();
    let snapshot = site.settings.snapshot.raw();
    let mut found = Vec::new();
    let mut say = |path: &str, what: String| {
        let help = "compare them with `git diff`, or use the branch: `--trust BRANCH`";
        let finding = Finding::new(Code::TrustFileDiffers, what).at(&Place::file(&site.folder.shown(path))).help(help);
        // WHY: snapshots are exported frequently, so a difference from the branch is normal.
        found.push(if path == snapshot { finding.weighing(Severity::Note) } else { finding });
    };
    if theirs.is_empty() && !used.is_empty() {
        say("review.yaml", format!("this trust folder is not on `{branch}`"));
        return found;
    }
    for (path, digest) in &used {
        match theirs.get(path) {
            None if path == snapshot => {}
            None => say(path, format!("the trust file `{path}` is not in `{branch}`")),
            Some(entry) if !is_same(folder, entry, digest, file_size(folder, path)) => {
                say(path, format!("the trust file `{path}` differs from the one on `{branch}`"));
            }
            Some(_) => {}
        }
    }
    for path in theirs.keys().filter(|path| !used.contains_key(*path) && counts(path)) {
        say(path, format!("the trust file `{path}` of `{branch}` is missing here"));
    }
    found
}

/// Whether a file would be read if it existed here.
fn counts(path: &str) -> bool {
    let is_policy = [".cedar", ".cedarschema", ".yaml"].iter().any(|ending| path.ends_with(ending));
    !path.starts_with("policies/") || is_policy
}

fn file_size(folder: &Path, path: &str) -> u64 {
    std::fs::metadata(folder.join(path)).map_or(u64::MAX, |meta| meta.len())
}

fn is_same(folder: &Path, entry: &Entry, ours: &Digest<of::File>, size: u64) -> bool {
    if entry.is_link || entry.size != size || size > MAX_COMPARED {
        return false;
    }
    git(folder, &["cat-file", "blob", &entry.object]).is_ok_and(|bytes| Digest::of(&bytes) == *ours)
}
