//! Which plans a command is about: files, and every plan of a folder.
//!
//! In: the paths that a person names, or the files of a folder. Out: the plans' files, each once, in the order of the
//! arguments and then of their paths. A path that leads to no plan is a failure, never an empty answer.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use super::new_folder::shown;

/// How deep folders of plans may be nested.
const DEEPEST: usize = 16;
/// How many files a folder of plans may hold.
const MOST: usize = 10_000;

/// The plans that these paths name: a file stands for itself, a folder for every plan in it.
///
/// # Errors
/// If a path does not exist, a folder holds no plan, or a file in it is a link or cannot be listed.
pub fn list(given: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for path in given {
        let meta = fs::metadata(path).with_context(|| format!("the plan `{}` cannot be read", shown(path)))?;
        if !meta.is_dir() {
            if seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone())) {
                found.push(path.clone());
            }
            continue;
        }
        let mut files = Vec::new();
        walk(path, "", 0, &mut files)?;
        let plans = among(&files);
        ensure!(
            !plans.is_empty(),
            "the folder `{}` holds no plan\n  = mend: a plan's name ends with `.yaml` or `.yml`; beside a `review.yaml` it is \
             `plan.yaml`, `NAME.plan.yaml`, or stands in a folder `plans`",
            shown(path)
        );
        for plan in plans {
            let file = if path == Path::new(".") { PathBuf::from(plan) } else { path.join(plan) };
            if seen.insert(fs::canonicalize(&file).unwrap_or_else(|_| file.clone())) {
                found.push(file);
            }
        }
    }
    Ok(found)
}

/// Every file below a folder by its `/`-separated path, hidden ones left out.
fn walk(root: &Path, below: &str, depth: usize, found: &mut Vec<String>) -> anyhow::Result<()> {
    let folder = if below.is_empty() { root.to_path_buf() } else { root.join(below) };
    let cannot = || format!("the folder `{}` cannot be read", shown(&folder));
    ensure!(depth <= DEEPEST, "the folder `{}` is nested too deeply for a folder of plans", shown(&folder));
    for entry in fs::read_dir(&folder).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            bail!("the folder `{}` holds a name that is not UTF-8\n  = mend: rename it", shown(&folder));
        };
        if name.starts_with('.') {
            continue;
        }
        let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        let kind = entry.file_type().with_context(cannot)?;
        if kind.is_dir() {
            walk(root, &path, depth.saturating_add(1), found)?;
            continue;
        }
        ensure!(
            !(kind.is_symlink() && is_yaml(name)),
            "`{}` is a symbolic link\n  = mend: put the plan itself there",
            shown(&root.join(&path))
        );
        found.push(path);
        ensure!(found.len() <= MOST, "the folder `{}` holds more than {MOST} files", shown(root));
    }
    Ok(())
}

/// Which of the files of a folder are plans, sorted. Paths are `/`-separated, from that folder.
///
/// A folder of plans holds plans only: each of its YAML files is one. Below a trust folder, whose own files are YAML too,
/// a plan is known by its name.
#[must_use]
pub fn among<S: AsRef<str>>(files: &[S]) -> Vec<String> {
    let trust: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| split(file.as_ref()))
        .filter(|(_, n)| *n == "review.yaml")
        .map(|(f, _)| f)
        .collect();
    let mut found: Vec<String> = files
        .iter()
        .map(AsRef::as_ref)
        .filter(|file| is_yaml(file) && !is_hidden(file))
        .filter(|file| match trust.iter().filter(|folder| is_below(file, folder)).max_by_key(|folder| folder.len()) {
            None => true,
            Some(folder) => named_as_plan(file.get(folder.len()..).unwrap_or(file)),
        })
        .map(str::to_owned)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Whether a file's path says that it is a plan, whatever stands beside it.
#[must_use]
pub fn named_as_plan(path: &str) -> bool {
    let path = &path.to_ascii_lowercase();
    let Some((folder, name)) = split(path) else { return false };
    if !is_yaml(name) || is_hidden(path) || folder.split('/').any(|part| part == "policies") {
        return false;
    }
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.rsplit('.').next() == Some("plan") || folder.split('/').any(|part| part == "plans")
}

fn is_yaml(path: &str) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    ["yaml", "yml"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// The folder of a path, and its last name.
fn split(path: &str) -> Option<(&str, &str)> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    (!name.is_empty()).then_some((folder, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_plans_holds_plans_only() {
        assert_eq!(
            among(&["b.yaml", "a.yml", "deep/er/c.YAML", "README.md", "a.yaml.sig", ".git/x.yaml"]),
            ["a.yml", "b.yaml", "deep/er/c.yaml"]
        );
    }

    #[test]
    fn beside_trust_files_a_plan_is_known_by_its_name() {
        let files = [
            "review.yaml",
            "people.yaml",
            "snapshot.yaml",
            "policies/plan.yaml",
            "plan.yaml",
            "night.plan.yml",
            "plans/2026/a.yaml",
            "airplane.yaml",
        ];
        assert_eq!(among(&files), ["night.plan.yml", "plan.yaml", "plans/2026/a.yaml"]);
        let below: Vec<String> = files.iter().map(|file| format!("trust/{file}")).collect();
        let mut all: Vec<&str> = below.iter().map(String::as_str).collect();
        all.push("x/y.yaml");
        assert_eq!(among(&all), ["trust/night.plan.yml", "trust/plan.yaml", "trust/plans/2026/a.yaml", "x/y.yaml"]);
    }

    #[test]
    fn a_file_is_listed_once_however_often_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let plan = folder.path().join("a.yaml");
        fs::write(&plan, "").unwrap();
        let again = folder.path().join("./a.yaml");
        assert_eq!(list(&[plan.clone(), folder.path().to_path_buf(), again]).unwrap(), [plan]);
        assert!(list(&[folder.path().join("absent")]).is_err());
        fs::create_dir(folder.path().join("none")).unwrap();
        assert!(list(&[folder.path().join("none")]).is_err(), "a folder without a plan is no empty answer");
        #[cfg(unix)]
        std::os::unix::fs::symlink("a.yaml", folder.path().join("b.yaml")).unwrap();
        #[cfg(unix)]
        assert!(list(&[folder.path().to_path_buf()]).is_err(), "a link is refused");
    }
}
