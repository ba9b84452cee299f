//! Finds the plans of a command: files, and every plan of a folder.
//!
//! Returns the plan files, each once, in the order of the arguments and then of their paths. A path without a plan is
//! an error, never an empty result.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use crate::app::io::command_error::{CommandError, hinted};
use crate::app::io::files::shown;
use crate::input::yaml;

/// The maximum nesting depth of folders of plans.
const DEEPEST: usize = 16;
/// The maximum number of files in a folder of plans.
const MOST: usize = 10_000;
/// Fields that every plan has. No other file has all of them.
const FIELDS: [&str; 3] = ["proposer", "changes", "expires"];

/// The plans at these paths: a file itself, or every plan in a folder.
///
/// # Errors
/// If a path does not exist, a folder contains no plan, or a file in it is a link or cannot be read.
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
        let plans = among(path, &files, &files, &mut |file| {
            let full = path.join(file);
            let cannot = || format!("`{}` cannot be read", shown(&full));
            // A file larger than the limit is not a plan, unless its name indicates one.
            if !is_yaml(file) && fs::metadata(&full).with_context(cannot)?.len() > MAX_PLAN {
                return Ok(Vec::new());
            }
            fs::read(&full).with_context(cannot)
        })?;
        ensure!(!plans.is_empty(), holds_none(path));
        for plan in plans {
            let file = if path == Path::new(".") { PathBuf::from(plan) } else { path.join(plan) };
            if seen.insert(fs::canonicalize(&file).unwrap_or_else(|_| file.clone())) {
                found.push(file);
            }
        }
    }
    Ok(found)
}

/// The error for a folder without a plan.
#[must_use]
pub fn holds_none(folder: &Path) -> CommandError {
    hinted(
        format!("the folder `{}` has no plan", shown(folder)),
        "the name of a plan ends with `.yaml` or `.yml`; next to a `review.yaml`, it is `plan.yaml` or `NAME.plan.yaml`, or the \
         plan is in a folder `plans`",
    )
}

/// Every file below a folder by its `/`-separated path, without git's own folder.
fn walk(root: &Path, below: &str, depth: usize, found: &mut Vec<String>) -> anyhow::Result<()> {
    let folder = if below.is_empty() { root.to_path_buf() } else { root.join(below) };
    let cannot = || format!("the folder `{}` cannot be read", shown(&folder));
    ensure!(depth <= DEEPEST, "the folder `{}` is nested too deeply", shown(&folder));
    for entry in fs::read_dir(&folder).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            bail!(hinted(format!("the folder `{}` contains a name that is not UTF-8", shown(&folder)), "rename it"));
        };
        if name == ".git" {
            continue;
        }
        let path = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        let kind = entry.file_type().with_context(cannot)?;
        if kind.is_dir() {
            walk(root, &path, depth.saturating_add(1), found)?;
            continue;
        }
        ensure!(
            !(kind.is_symlink() && (is_yaml(name) || named_as_plan(&path))),
            hinted(format!("`{}` is a symbolic link", shown(&root.join(&path))), "put the plan itself there")
        );
        if !kind.is_file() {
            continue;
        }
        found.push(path);
        ensure!(found.len() <= MOST, "the folder `{}` holds more than {MOST} files", shown(root));
    }
    Ok(())
}

/// Which of the files of a folder are plans, sorted. Paths are `/`-separated, relative to that folder.
///
/// A folder of plans contains only plans: each of its YAML files is one. Hidden files, files below a trust folder
/// (whose own files are YAML too) and files with other names are plans if their names or their contents indicate it.
/// `known` are the files that mark trust folders: an author of a plan must not be able to hide it next to a
/// `review.yaml` of their own.
///
/// # Errors
/// The error of `read` for a file whose contents are needed.
pub fn among<S: AsRef<str>, K: AsRef<str>>(
    folder: &Path,
    files: &[S],
    known: &[K],
    read: &mut dyn FnMut(&str) -> anyhow::Result<Vec<u8>>,
) -> anyhow::Result<Vec<String>> {
    let known = known.iter().filter_map(|file| split(file.as_ref()));
    let trust: BTreeSet<&str> = known.filter(|(_, name)| *name == "review.yaml").map(|(folder, _)| folder).collect();
    let is_for_plans = folder.components().any(|part| part.as_os_str().eq_ignore_ascii_case("plans"));
    let mut found = Vec::new();
    for file in files.iter().map(AsRef::as_ref) {
        let nearest = trust.iter().filter(|folder| is_below(file, folder)).max_by_key(|folder| folder.len());
        let named = match nearest {
            None if is_yaml(file) => !is_hidden(file),
            None => named_as_plan(file) || is_for_plans && is_json(file) && !is_hidden(file),
            Some(folder) => named_as_plan(file.get(folder.len()..).unwrap_or(file)),
        };
        let reads = if is_yaml(file) { may_be_plan } else { is_plan };
        if named || reads(&read(file)?) {
            found.push(file.to_owned());
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Whether a file's path indicates a plan, regardless of the files next to it.
#[must_use]
pub fn named_as_plan(path: &str) -> bool {
    let path = &path.to_ascii_lowercase();
    let Some((folder, name)) = split(path) else { return false };
    if !(is_yaml(name) || is_json(name)) || is_hidden(path) || folder.split('/').any(|part| part == "policies") {
        return false;
    }
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.rsplit('.').next() == Some("plan") || folder.split('/').any(|part| part == "plans")
}

/// Whether an entry that is not a file would hide a plan: next to plans, or named like one.
#[must_use]
pub fn is_place_of_plans(path: &str) -> bool {
    is_yaml(path) || named_as_plan(path) || path.split('/').any(|part| part.eq_ignore_ascii_case("plans"))
}

/// Whether a file is a plan by its contents: one of its documents has the fields of a plan. A plan that is not the
/// first document, or not in UTF-8, counts too, so that it is refused and not ignored.
#[must_use]
pub fn is_plan(bytes: &[u8]) -> bool {
    let bytes = &*plain(bytes);
    let has_fields = |document: &[u8]| {
        let (node, _) = yaml::examine("", document, &crate::plan::BUDGET);
        node.is_some_and(|node| FIELDS.iter().all(|field| node.get(field).is_some()))
    };
    reads_as_plan(bytes) && (has_fields(bytes) || documents(bytes).into_iter().any(has_fields))
}

/// Whether a YAML file may be a plan: it reads like one, or it is not UTF-8 and so cannot be checked.
#[must_use]
pub fn may_be_plan(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err() || bytes.contains(&0) || reads_as_plan(bytes)
}

/// The bytes without the padding of ASCII characters in UTF-16 and UTF-32.
fn plain(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.contains(&0) {
        return bytes.into();
    }
    let marks = [b"\xff\xfe".as_slice(), b"\xfe\xff"];
    let text = marks.iter().find_map(|mark| bytes.strip_prefix(*mark)).unwrap_or(bytes);
    text.iter().copied().filter(|byte| *byte != 0).collect::<Vec<u8>>().into()
}

/// The documents of a file: the parts of a YAML stream, or consecutive JSON values.
fn documents(bytes: &[u8]) -> Vec<&[u8]> {
    let mut json = serde_json::Deserializer::from_slice(bytes).into_iter::<serde::de::IgnoredAny>();
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(Ok(_)) = json.next() {
        let to = json.byte_offset();
        found.extend(bytes.get(from..to));
        from = to;
    }
    if found.len() > 1 {
        return found;
    }
    let is_mark = |line: &[u8]| matches!(line.trim_ascii_end(), b"---" | b"...");
    let mut parts: Vec<(usize, usize)> = vec![(0, 0)];
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some((_, end)) = parts.last_mut() else { continue };
        *end = end.saturating_add(line.len());
        if is_mark(line) {
            let next = *end;
            *end = end.saturating_sub(line.len());
            parts.push((next, next));
        } else if line.starts_with(b"--- ") {
            let start = end.saturating_sub(line.len());
            let next = *end;
            *end = start;
            parts.push((start.saturating_add(4), next));
        }
    }
    parts.iter().filter_map(|(from, to)| bytes.get(*from..*to)).filter(|part| !part.is_empty()).collect()
}

/// Whether a file's contents have the fields of a plan, even if the names contain escapes.
#[must_use]
pub fn reads_as_plan(bytes: &[u8]) -> bool {
    let text = without_escapes(&String::from_utf8_lossy(&plain(bytes)));
    FIELDS.iter().all(|word| text.contains(word))
}

/// The text with escapes of ASCII characters replaced, and escaped line breaks joined.
fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let digits = match after.chars().next() {
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            Some('\n' | '\r') => {
                rest = after.trim_start();
                continue;
            }
            _ => 0,
        };
        let code = after.get(1..=digits).filter(|_| digits > 0).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        if let Some(c) = code.and_then(char::from_u32) {
            out.push(c);
            rest = after.get(digits.saturating_add(1)..).unwrap_or_default();
        } else {
            out.push('\\');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// Whether a path has the extension of a plan.
#[must_use]
pub fn is_yaml(path: &str) -> bool {
    ends_in(path, &["yaml", "yml"])
}

fn is_json(path: &str) -> bool {
    ends_in(path, &["json"])
}

fn ends_in(path: &str, endings: &[&str]) -> bool {
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
    endings.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// The folder of a path, and its last component.
fn split(path: &str) -> Option<(&str, &str)> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    (!name.is_empty()).then_some((folder, name))
}

/// The largest plan file read, in bytes. The parser's own limit is smaller and has a better message.
pub const MAX_PLAN: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "{proposer: a, expires: b, changes: []}";

    fn plans(files: &[&str], known: &[&str], contents: &str) -> Vec<String> {
        among(Path::new("access"), files, known, &mut |_| Ok(contents.as_bytes().to_vec())).unwrap()
    }

    #[test]
    fn a_folder_of_plans_holds_plans_only() {
        let files = ["b.yaml", "a.yml", "deep/er/c.YAML", "README.md", "a.yaml.sig", ".x/y.yaml"];
        assert_eq!(plans(&files, &files, "a: b"), ["a.yml", "b.yaml", "deep/er/c.YAML"]);
        let all = [".x/y.yaml", "README.md", "a.yaml", "a.yml", "b.yaml", "deep/er/c.YAML"];
        assert_eq!(plans(&files.map(|file| file.trim_end_matches(".sig")), &files, PLAN), all);
        let json = among(Path::new("../plans"), &["a.json", ".b.json", "c.txt"], &files, &mut |_| Ok(Vec::new()));
        assert_eq!(json.unwrap(), ["a.json"], "where plans stand, JSON is one even if it cannot be read");
    }

    #[test]
    fn beside_trust_files_a_plan_is_known_by_its_name_or_its_contents() {
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
        let named = ["night.plan.yml", "plan.yaml", "plans/2026/a.yaml"];
        assert_eq!(plans(&files, &files, "a: b"), named);
        assert_eq!(plans(&["people.yaml"], &files, PLAN), ["people.yaml"]);
        let below: Vec<String> = files.iter().map(|file| format!("trust/{file}")).collect();
        let mut all: Vec<&str> = below.iter().map(String::as_str).collect();
        all.push("x/y.yaml");
        let expected = ["trust/night.plan.yml", "trust/plan.yaml", "trust/plans/2026/a.yaml", "x/y.yaml"];
        assert_eq!(plans(&all, &all, "a: b"), expected);
        assert_eq!(plans(&all, &[], "a: b").len(), all.len(), "a `review.yaml` that is new hides nothing");
    }

    #[test]
    fn a_file_of_any_name_is_a_plan_if_it_reads_as_one() {
        let files = ["review.yaml", "people.yaml", "j.json", "x/old.yaml.bak", "note", "plans/a.md"];
        let found = ["j.json", "note", "people.yaml", "plans/a.md", "review.yaml", "x/old.yaml.bak"];
        assert_eq!(plans(&files, &files, PLAN), found);
        let text = "A plan has a `proposer`, its changes\nand when it expires: {all three}.\n";
        assert!(reads_as_plan(text.as_bytes()) && !is_plan(text.as_bytes()), "a page about plans is none");
        let schema = r#"{"properties": {"proposer": {}, "changes": {}, "expires": {}}}"#;
        assert!(!is_plan(schema.as_bytes()), "nor is their schema");
        assert!(is_plan(br#"{"propos\u0065r": 1, "changes": 2, "expires": 3}"#));
        assert!(named_as_plan("plans/broken.json") && named_as_plan("a.plan.json") && !named_as_plan("package.json"));
    }

    #[test]
    fn neither_a_second_document_nor_another_encoding_hides_a_plan() {
        let yaml = "proposer: a\nexpires: b\nchanges: []\n";
        for text in [
            format!("a: b\n---\n{yaml}"),
            format!("a: b\n---\nc: d\n---\n{yaml}"),
            format!("a: b\n...\n---\n{yaml}"),
            format!("a: b\n--- {PLAN}\n"),
            format!("{{}} {PLAN}")
                .replace("a,", "\"a\",")
                .replace("b,", "\"b\",")
                .replace("proposer", "\"proposer\"")
                .replace("expires", "\"expires\"")
                .replace("changes", "\"changes\""),
        ] {
            assert!(is_plan(text.as_bytes()), "{text}");
            let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            for bytes in [&little, &big, &[b"\xff\xfe", &*little].concat(), &[b"\xfe\xff", &*big].concat()] {
                assert!(is_plan(bytes) && may_be_plan(bytes), "{text}");
            }
        }
        assert!(!is_plan(b"a: proposer\n---\nb: changes\n---\nc: expires\n"), "no document is a plan");
        assert!(may_be_plan(b"\xff\xfea\0") && may_be_plan(b"caf\xe9: 1"), "what is not UTF-8 nobody can tell");
        assert!(!may_be_plan(b"a: b"));
    }

    #[test]
    fn escapes_hide_no_plan() {
        assert!(reads_as_plan(PLAN.as_bytes()));
        assert!(reads_as_plan(br#"{"propos\u0065r": 1, "\x63hanges": 2, "\U00000065xpires": 3}"#));
        assert!(reads_as_plan(b"? \"propo\\\n  ser\"\n: 1\nchanges: 2\nexpires: 3"));
        assert!(!reads_as_plan(b"proposer: 1"));
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
