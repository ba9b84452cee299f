//! The modules import one way only, touch the outside only where they may, and name only their own crates.
//!
//! Reads the sources as text. A new module or crate has to be entered here, which is the point.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may import of this crate, and which outside crates it may name.
const MODULES: &[(&str, &[&str], &[&str])] = &[
    (
        "input",
        &[],
        &[
            "foldhash",
            "jiff",
            "schemars",
            "serde",
            "serde_json",
            "serde_saphyr",
            "serde_yaml",
            "sha2",
            "strsim",
            "thiserror",
        ],
    ),
    ("plan", &["input"], &["schemars", "serde", "serde_json"]),
    (
        "snapshot",
        &["input"],
        &["flate2", "schemars", "serde", "serde_json", "serde_saphyr", "serde_yaml", "strsim", "thiserror"],
    ),
    ("config", &["input"], &["serde"]),
    (
        "access",
        &["input", "plan", "snapshot", "config"],
        &["serde", "serde_json", "serde_yaml", "strsim", "unicode_security"],
    ),
    (
        "policy",
        &["input", "plan", "snapshot", "config", "access"],
        &["cedar_policy", "serde", "serde_json", "thiserror"],
    ),
    (
        "trust",
        &["input"],
        &[
            "base64ct",
            "ed25519_dalek",
            "p256",
            "p384",
            "rsa",
            "serde",
            "serde_json",
            "sha2",
            "strsim",
            "getrandom",
            "thiserror",
        ],
    ),
    ("log", &["input", "trust"], &["base64ct", "rustix", "serde", "serde_json", "sha2", "thiserror"]),
    (
        "decision",
        &["input", "plan", "snapshot", "config", "access", "policy", "trust", "log"],
        &["serde", "serde_json", "thiserror"],
    ),
    (
        "report",
        &["input", "plan", "snapshot", "config", "access", "policy", "trust", "log", "decision"],
        &["anstyle", "comfy_table", "schemars", "serde", "serde_json", "similar", "unicode_width"],
    ),
    (
        "terminal",
        &["input", "plan", "snapshot", "config", "access", "policy", "trust", "log", "decision", "report"],
        &["anstyle", "rustix", "signal_hook", "thiserror", "unicode_width"],
    ),
    (
        "app",
        &["input", "plan", "snapshot", "config", "access", "policy", "trust", "log", "decision", "report", "terminal"],
        &["anyhow", "getrandom", "indicatif", "rustix", "serde", "serde_json", "thiserror"],
    ),
    (
        "cli",
        &[
            "input", "plan", "snapshot", "config", "access", "policy", "trust", "log", "decision", "report",
            "terminal", "app",
        ],
        &["anyhow", "clap", "clap_complete", "clap_mangen", "serde", "serde_json"],
    ),
];

/// Where the outside may be touched, and by which words it would be.
const OUTSIDE: &[&str] = &["app/", "cli/", "terminal/", "log/store/", "trust/sign/"];
const OUTSIDE_WORDS: &[&str] = &[
    "std::fs",
    "std::env",
    "std::process",
    "std::net",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "std::io::stdin",
    "std::io::stdout",
    "io::stdin(",
    "io::stdout(",
    "io::stderr(",
    "getrandom",
];

fn sources() -> BTreeMap<PathBuf, String> {
    fn walk(folder: &Path, into: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|e| e == "rs") {
                into.insert(path.clone(), fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = BTreeMap::new();
    walk(&root, &mut all);
    all.into_iter().map(|(path, text)| (path.strip_prefix(&root).unwrap().to_path_buf(), text)).collect()
}

/// The lines of production code: no comments, nothing from the first test module on.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| line.trim() != "#[cfg(test)]").filter(|line| !line.trim_start().starts_with("//"))
}

/// Files that only tests compile: each is declared behind `#[cfg(test)]`.
const TEST_FILES: &[&str] = &["tests.rs", "sample.rs", "samples.rs", "laws.rs", "script.rs"];

fn is_test(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    path.components().any(|c| c.as_os_str() == "tests")
        || name.ends_with("_tests.rs")
        || TEST_FILES.contains(&name.as_str())
}

fn words_after<'a>(line: &'a str, mark: &'a str) -> impl Iterator<Item = String> + 'a {
    line.match_indices(mark).map(move |(at, _)| {
        line[at + mark.len()..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    })
}

#[test]
fn imports_run_one_way() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let module = path.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let Some((_, may, _)) = MODULES.iter().find(|(name, ..)| *name == module) else { continue };
        if is_test(&path) {
            continue;
        }
        for line in code(&text) {
            for target in words_after(line, "crate::") {
                let known = MODULES.iter().any(|(name, ..)| *name == target);
                if known && target != module && !may.contains(&target.as_str()) {
                    faults.push(format!("{}: `{module}` must not import `{target}`", path.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_four_places_touch_the_outside() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let shown = path.to_string_lossy().replace('\\', "/");
        if is_test(&path) || shown == "main.rs" || OUTSIDE.iter().any(|place| shown.starts_with(place)) {
            continue;
        }
        for line in code(&text) {
            for word in OUTSIDE_WORDS {
                if line.contains(word) {
                    faults.push(format!("{shown}: `{word}` belongs in one of {OUTSIDE:?}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn each_module_names_only_its_crates() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let mut crates = Vec::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        } else if inside && let Some((name, _)) = line.split_once(" = ") {
            crates.push(name.trim().replace('-', "_"));
        }
    }
    let mut used: BTreeMap<&str, bool> = crates.iter().map(|c| (c.as_str(), false)).collect();
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let module = path.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        if is_test(&path) {
            continue;
        }
        for line in code(&text) {
            for name in &crates {
                let marks = [format!("use {name}::"), format!("{name}::"), format!("use {name};")];
                let named = marks.iter().any(|mark| {
                    line.match_indices(mark.as_str()).any(|(at, _)| {
                        at == 0 || !line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':')
                    })
                });
                if named {
                    used.insert(name.as_str(), true);
                    let allowed = MODULES
                        .iter()
                        .find(|(r, ..)| *r == module)
                        .is_some_and(|(_, _, may)| may.contains(&name.as_str()));
                    if !allowed {
                        faults.push(format!("{}: `{module}` must not name the crate `{name}`", path.display()));
                    }
                }
            }
        }
    }
    for (name, named) in used {
        if !named {
            faults.push(format!("Cargo.toml: no module names the crate `{name}`"));
        }
    }
    faults.sort();
    faults.dedup();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_says_at_its_head_what_it_is_for() {
    for (path, text) in sources() {
        // WHY: a file of tests beside the file that it tests needs no head of its own.
        assert!(is_test(&path) || text.starts_with("//! "), "{} has no head", path.display());
    }
}

#[test]
fn no_module_is_named_for_nothing() {
    for path in sources().keys() {
        for part in path.components() {
            let name = part.as_os_str().to_string_lossy().into_owned();
            let name = name.trim_end_matches(".rs");
            assert!(!["util", "utils", "helper", "helpers", "common", "misc"].contains(&name), "{}", path.display());
        }
    }
}
