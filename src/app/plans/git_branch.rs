//! The files that a pull request changes, read from git as committed, never from the working tree.
//!
//! Compares a head with its merge bases and returns the files that differ, and their bytes. If git cannot answer for
//! certain (a shallow clone, no common ancestor, an unknown name), that is an error, never an empty result.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};

use crate::app::io::command_error::{CommandError, hinted};
use crate::app::io::files::shown;
use crate::app::io::git::{commit_of, explained, git};
use crate::app::plans::discovery::MAX_PLAN;
use crate::app::plans::{discovery, git_blobs};
use crate::input::text::Text;

/// A file of a commit.
#[derive(Clone, Debug)]
struct Entry {
    mode: String,
    object: String,
}

impl Entry {
    fn is_file(&self) -> bool {
        matches!(self.mode.as_str(), "100644" | "100755" | "100664")
    }
}

/// A branch compared with its merge bases.
#[derive(Debug)]
pub struct Branch {
    folder: PathBuf,
    prefix: String,
    head: String,
    files: BTreeMap<String, Entry>,
    before: BTreeSet<String>,
    changed: BTreeSet<String>,
}

/// The plans on a branch, by their paths from the repository's root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TouchedFiles {
    /// Added or changed.
    pub changed: Vec<String>,
    /// Deleted.
    pub deleted: Vec<String>,
    /// Unchanged: open plans that a changed one may overlap.
    pub others: Vec<String>,
}

impl Branch {
    /// Compares a head with every merge base of it and a reference.
    ///
    /// # Errors
    /// If this is not a repository, or a shallow one, or a name is unknown, or the two have no common ancestor.
    pub fn since(reference: &str, head: &str, folder: &Path) -> anyhow::Result<Self> {
        let ask = |args: &[&str]| git(folder, args);
        ask(&["rev-parse", "--git-dir"]).map_err(|why| {
            if why.contains("not a git repository") {
                return anyhow!(hinted("this is not a git repository", "run it where the plans are checked out"));
            }
            anyhow!(explained(folder, "git cannot read this repository", &why))
        })?;
        let shallow = text(&ask(&["rev-parse", "--is-shallow-repository"]).map_err(failed)?);
        ensure!(
            shallow == "false",
            hinted(
                format!("this clone is shallow, so the merge base with `{}` is not certain", quoted(reference)),
                "`git fetch --unshallow`; for the checkout of a CI job, fetch the whole history (`fetch-depth: 0`)"
            )
        );
        let (base, head) = (commit_of(folder, reference)?, commit_of(folder, head)?);
        let bases = ask(&["merge-base", "--all", &base, &head]).unwrap_or_default();
        let bases: Vec<String> = text(&bases).lines().map(str::to_owned).collect();
        ensure!(
            !bases.is_empty(),
            hinted(
                format!(
                    "`{}` and the branch have no common ancestor, so the changes of the branch are unknown",
                    quoted(reference)
                ),
                "fetch the whole history of both, or rebase the branch"
            )
        );
        let mut changed = BTreeSet::new();
        let mut before = BTreeSet::new();
        for base in &bases {
            // WHY: no single merge base is the right one, so a file that differs from any of them counts as changed.
            let differs =
                ask(&["diff-tree", "-r", "-z", "--no-renames", "--name-only", base, &head]).map_err(failed)?;
            changed.extend(names(&differs)?);
            before.extend(names(&ask(&["ls-tree", "-r", "-z", "--full-tree", "--name-only", base]).map_err(failed)?)?);
        }
        let files = entries(&ask(&["ls-tree", "-r", "-z", "--full-tree", &head]).map_err(failed)?)?;
        let prefix = text(&ask(&["rev-parse", "--show-prefix"]).unwrap_or_default());
        Ok(Self { folder: folder.to_path_buf(), prefix, head, files, before, changed })
    }

    /// The commit at its head.
    #[must_use]
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Every path that differs, from the repository's root.
    #[must_use]
    pub fn changed(&self) -> &BTreeSet<String> {
        &self.changed
    }

    /// The changed plans: among all plans, or among these files and folders.
    ///
    /// # Errors
    /// If a path does not and did not exist, or a file whose contents are needed cannot be read.
    pub fn plans(&self, given: &[PathBuf]) -> anyhow::Result<TouchedFiles> {
        let all: BTreeSet<&str> = self.files.keys().chain(&self.changed).map(String::as_str).collect();
        let mut plans = BTreeSet::new();
        if given.is_empty() {
            for path in &all {
                let is_touched = self.changed.contains(*path) && self.files.contains_key(*path);
                let looked_into = is_touched && discovery::is_yaml(path);
                if discovery::named_as_plan(path) || looked_into && discovery::may_be_plan(&self.bytes(path)?) {
                    plans.insert((*path).to_owned());
                }
            }
            plans.extend(self.unnamed("")?);
        }
        for path in given {
            let wanted = self.rooted(path)?;
            if all.contains(wanted.as_str()) {
                plans.insert(wanted);
                continue;
            }
            let below: Vec<&str> = all.iter().copied().filter_map(|file| strip(file, &wanted)).collect();
            ensure!(
                !below.is_empty(),
                hinted(
                    format!("`{}` is neither a file nor a folder of the branch", shown(path)),
                    "correct the path, or leave it out"
                )
            );
            let known: Vec<&str> = self.before.iter().filter_map(|file| strip(file, &wanted)).collect();
            let joined = |file: &str| if wanted.is_empty() { file.to_owned() } else { format!("{wanted}/{file}") };
            let found = discovery::among(Path::new(&wanted), &below, &known, &mut |file| {
                let file = joined(file);
                // Files not named like a plan are checked below by their contents.
                let looked_into = discovery::is_yaml(&file) && self.files.contains_key(&file);
                if looked_into { self.bytes(&file) } else { Ok(Vec::new()) }
            })?;
            let unnamed = self.unnamed(&wanted)?;
            ensure!(!found.is_empty() || !unnamed.is_empty(), discovery::holds_none(path));
            plans.extend(found.iter().map(|file| joined(file)));
            plans.extend(unnamed);
        }
        let mut touched = TouchedFiles::default();
        for path in plans {
            // A plan whose proof has changed is evaluated again as well.
            let is_changed =
                ["", ".sig", ".jwt"].iter().any(|ending| self.changed.contains(&format!("{path}{ending}")));
            let list = match (is_changed, self.files.contains_key(&path)) {
                (true, true) => &mut touched.changed,
                (true, false) => &mut touched.deleted,
                (false, _) => &mut touched.others,
            };
            list.push(path);
        }
        Ok(touched)
    }

    /// The changed files of a folder that are plans by their contents only: `check` would evaluate each of them.
    ///
    /// # Errors
    /// If an entry in the place of a plan cannot be read, or git cannot read a file.
    fn unnamed(&self, folder: &str) -> anyhow::Result<Vec<String>> {
        let (mut paths, mut objects) = (Vec::new(), Vec::new());
        for path in self.changed.iter().filter(|path| strip(path, folder).is_some()) {
            let Some(entry) = self.files.get(path) else { continue };
            if !entry.is_file() {
                ensure!(!discovery::is_place_of_plans(path), self.no_file(path, entry));
            } else if !discovery::is_yaml(path) {
                paths.push(path);
                objects.push(entry.object.as_str());
            }
        }
        let mut found = Vec::new();
        git_blobs::each(&self.folder, &objects, MAX_PLAN, &mut |at, bytes| {
            found.extend(paths.get(at).filter(|_| discovery::is_plan(bytes)).map(|path| (*path).clone()));
        })?;
        Ok(found)
    }

    /// The error for an entry that is not a file.
    fn no_file(&self, path: &str, entry: &Entry) -> CommandError {
        let name = quoted(&self.shown(path));
        match entry.mode.as_str() {
            "120000" => hinted(format!("`{name}` is a symbolic link"), "put the plan itself there"),
            "160000" => hinted(
                format!("`{name}` is a submodule, so its plans cannot be evaluated here"),
                "run the gate in its own repository, or put the plans into this one",
            ),
            _ => hinted(format!("`{name}` is not a file"), "name a file or a folder"),
        }
    }

    /// Whether the head contains a file.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// The bytes of a file at the head.
    ///
    /// # Errors
    /// If it does not exist, or is a link or otherwise not a file.
    pub fn bytes(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let name = self.shown(path);
        let entry = self.files.get(path).with_context(|| format!("the branch has no `{}`", quoted(&name)))?;
        ensure!(entry.is_file(), self.no_file(path, entry));
        git(&self.folder, &["cat-file", "blob", &entry.object])
            .map_err(|why| anyhow!(explained(&self.folder, &format!("`{}` cannot be read", quoted(&name)), &why)))
    }

    /// The path of a file of the repository, relative to the current folder.
    #[must_use]
    pub fn shown(&self, path: &str) -> String {
        if let Some(inside) = path.strip_prefix(&self.prefix) {
            return inside.to_owned();
        }
        let up = self.prefix.matches('/').count();
        format!("{}{path}", "../".repeat(up))
    }

    /// A path relative to the root of the repository.
    fn rooted(&self, path: &Path) -> anyhow::Result<String> {
        let outside = || anyhow!("`{}` leads out of the repository", shown(path));
        ensure!(
            path.is_relative(),
            hinted(format!("`{}` is absolute", shown(path)), "name it from the current folder")
        );
        let mut parts: Vec<String> = self.prefix.split('/').filter(|p| !p.is_empty()).map(str::to_owned).collect();
        for component in path.components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir => drop(parts.pop().ok_or_else(outside)?),
                Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
                Component::RootDir | Component::Prefix(_) => return Err(outside()),
            }
        }
        Ok(parts.join("/"))
    }
}

/// A path relative to a folder; `None` if it is not below it.
fn strip<'p>(path: &'p str, folder: &str) -> Option<&'p str> {
    if folder.is_empty() { Some(path) } else { path.strip_prefix(folder)?.strip_prefix('/') }
}

fn names(listed: &[u8]) -> anyhow::Result<Vec<String>> {
    listed.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(name_of).collect()
}

fn name_of(raw: &[u8]) -> anyhow::Result<String> {
    std::str::from_utf8(raw).map(str::to_owned).map_err(|_| {
        anyhow!(hinted(
            format!("the branch has a file `{}` whose name is not UTF-8", quoted(&String::from_utf8_lossy(raw))),
            "rename it"
        ))
    })
}

fn entries(listed: &[u8]) -> anyhow::Result<BTreeMap<String, Entry>> {
    let mut found = BTreeMap::new();
    for line in listed.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        let tab = line.iter().position(|byte| *byte == b'\t').context("git lists a file in an unknown form")?;
        let (facts, name) = line.split_at(tab);
        let facts = String::from_utf8_lossy(facts).into_owned();
        let mut facts = facts.split(' ');
        let (Some(mode), Some(_), Some(object)) = (facts.next(), facts.next(), facts.next()) else {
            bail!("git lists a file in an unknown form");
        };
        let entry = Entry { mode: mode.to_owned(), object: object.to_owned() };
        found.insert(name_of(name.get(1..).unwrap_or_default())?, entry);
    }
    Ok(found)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

fn quoted(text: &str) -> String {
    Text::from(text).terminal()
}

#[expect(clippy::needless_pass_by_value, reason = "it maps an error")]
fn failed(why: String) -> anyhow::Error {
    anyhow!(explained(Path::new("."), "git cannot list the changes of the branch", &why))
}

#[cfg(test)]
#[path = "git_branch_tests.rs"]
mod tests;
