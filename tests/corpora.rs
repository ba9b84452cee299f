//! Every file of the fuzz corpora, and of the hostile collections, through the laws that the fuzz targets hold.
//!
//! The collections are not part of this project. Where they are absent, the test says so and reads our own corpora only.

#![allow(clippy::print_stdout, reason = "a test that has nothing to read says so")]

#[path = "fuzz/laws.rs"]
mod laws;

use std::fs;
use std::path::{Path, PathBuf};

/// A law, by the name of its corpus.
type Law = (&'static str, fn(&[u8]));

const LAWS: &[Law] = &[
    ("plan", laws::plan),
    ("snapshot", laws::snapshot),
    ("log_line", laws::log_line),
    ("allowed_signers", laws::allowed_signers),
    ("sshsig", laws::sshsig),
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn what_fuzzing_kept_holds_the_laws() {
    for (name, law) in LAWS {
        let corpus = files(&here("tests/fuzz/corpus").join(name));
        assert!(!corpus.is_empty(), "the corpus of `{name}` is empty");
        for file in corpus {
            println!("{}", file.display());
            law(&fs::read(&file).unwrap());
        }
    }
}

#[test]
fn every_target_has_a_law_and_a_corpus() {
    let mut targets: Vec<String> = files(&here("tests/fuzz/fuzz_targets"))
        .iter()
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    targets.sort();
    let mut laws: Vec<&str> = LAWS.iter().map(|(name, _)| *name).collect();
    laws.sort_unstable();
    assert_eq!(targets, laws);
    let manifest = fs::read_to_string(here("tests/fuzz/Cargo.toml")).unwrap();
    assert!(targets.iter().all(|name| manifest.contains(&format!("name = \"{name}\""))));
}

#[test]
fn the_hostile_collections_hold_the_laws_whatever_they_are_taken_for() {
    let collections = ["../shared/data/hostile", "../shared/vectors"];
    let found: Vec<PathBuf> = collections.iter().flat_map(|folder| files(&here(folder))).collect();
    if found.is_empty() {
        println!("the hostile collections are absent, so only our own corpora were read");
        return;
    }
    for file in found {
        let bytes = fs::read(&file).unwrap();
        println!("{}", file.display());
        for (_, law) in LAWS {
            law(&bytes);
        }
    }
}
