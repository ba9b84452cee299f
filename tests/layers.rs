//! Modules and the folders within them import one way only, no two files import each other, and each module touches the outside
//! and names crates only where it may. Files are short, and a type's name has one meaning.
//!
//! Reads the sources as text. A new module, folder or crate has to be entered here, which is the point.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::sources::{Definition, all, imports, types};

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
        &["fixedbitset", "serde", "serde_json", "serde_yaml", "strsim", "unicode_security"],
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
        &["anstyle", "comfy_table", "quick_junit", "schemars", "serde", "serde_json", "similar", "unicode_width"],
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

/// The order of the folders within a module. A folder imports only what is in an earlier group: never what is in a later one, or
/// in another folder of its own group.
const CHAINS: &[(&str, &[&[&str]])] = &[
    (
        "access",
        &[
            &["model"],
            &["matching"],
            &["graph"],
            &["effective"],
            &["change", "escalation"],
            &["risk"],
            // What a change states is rated, and effects include it.
            &["contents"],
            &["effects"],
            &["chains", "queries"],
            &["analyse"],
        ],
    ),
    // Reports present what was evaluated.
    (
        "app",
        &[
            &["io"],
            &["site"],
            &["plans"],
            &["record"],
            &["evaluation"],
            &["present"],
            // What is due is matched with decisions as in the report; a baseline is a session about a snapshot of one of them.
            &["audit"],
            &["execution"],
            &["session"],
        ],
    ),
];

/// The most files of a folder, and lines of a file.
const MOST_FILES: usize = 25;
const MOST_LINES: usize = 500;

/// Files that are still to be split.
const TOO_LONG: &[&str] = &[];

/// Names of types that mean two things, where one of them is local to its file or the two are still to be told apart.
const TWO_MEANINGS: &[&str] = &[];

/// The module directly below the crate, and the folder or file directly below that.
fn top(module: &str) -> (&str, Option<&str>) {
    let mut parts = module.split("::");
    (parts.next().unwrap_or_default(), parts.next())
}

/// Whether the order of the modules, and of the folders within one, lets a file import what is in another.
fn may_import(file: &str, other: &str) -> bool {
    let ((from, part), (to, other)) = (top(file), top(other));
    if from != to {
        return MODULES.iter().any(|(name, may, _)| *name == from && may.contains(&to));
    }
    let (Some((_, chain)), Some(part), Some(other)) = (CHAINS.iter().find(|(area, _)| *area == from), part, other)
    else {
        return true;
    };
    let group = |part: &str| chain.iter().position(|group| group.contains(&part));
    part == other || group(other) < group(part)
}

#[test]
fn imports_run_one_way() {
    let mut faults = Vec::new();
    for (module, targets) in imports(&all()) {
        let wrong = targets.iter().filter(|(target, _)| !may_import(&module, target));
        faults.extend(wrong.map(|(_, path)| format!("`{module}` must not import `{path}`")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_folder_has_its_place_in_the_chain_of_its_module() {
    for source in all() {
        if let (area, Some(part)) = top(&source.module)
            && let Some((_, chain)) = CHAINS.iter().find(|(name, _)| *name == area)
        {
            assert!(part == "tests" || chain.concat().contains(&part), "`{part}` of `{area}` is missing in CHAINS");
        }
    }
}

#[test]
fn no_two_files_import_each_other_directly_or_through_others() {
    let imports = imports(&all());
    let reached = |from: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(next) = open.pop() {
            let unseen = imports.get(&next).into_iter().flat_map(BTreeMap::keys);
            open.extend(unseen.filter(|target| seen.insert((*target).clone())).cloned());
        }
        seen
    };
    let mut faults = Vec::new();
    for (module, targets) in &imports {
        let back = targets.iter().filter(|(target, _)| reached(target).contains(module));
        faults
            .extend(back.map(|(target, path)| format!("`{module}` imports `{path}`, and `{target}` leads back to it")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn folders_and_files_are_small() {
    let mut faults = Vec::new();
    let mut folders: BTreeMap<String, usize> = BTreeMap::new();
    let mut accepted: BTreeSet<&str> = TOO_LONG.iter().copied().collect();
    for source in all() {
        *folders.entry(source.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned()).or_default() += 1;
        let lines = source.text.lines().count();
        if lines > MOST_LINES && !accepted.remove(source.path.as_str()) {
            faults.push(format!("{} has {lines} lines", source.path));
        }
    }
    faults.extend(accepted.iter().map(|path| format!("{path} is short enough or gone: take it out of TOO_LONG")));
    let full = folders.iter().filter(|(_, files)| **files > MOST_FILES);
    faults.extend(full.map(|(folder, files)| format!("{folder} has {files} files")));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_type_name_has_one_meaning_wherever_it_is_seen() {
    // Whether a file can see a type: by its visibility, and by what the file may import.
    let sees = |file: &Definition, it: &Definition| {
        let is_within = file.module == it.scope || file.module.starts_with(&format!("{}::", it.scope));
        (it.scope.is_empty() || is_within) && may_import(&file.module, &it.module)
    };
    let mut faults = Vec::new();
    let mut accepted: BTreeSet<&str> = TWO_MEANINGS.iter().copied().collect();
    for (name, found) in types(&all()) {
        let clash = found.iter().enumerate().find_map(|(at, one)| {
            let other = found[at + 1..].iter().find(|other| sees(one, other) || sees(other, one))?;
            Some((one, other))
        });
        if let Some((one, other)) = clash
            && !accepted.remove(name.as_str())
        {
            faults.push(format!("`{name}` is one type in `{}` and another in `{}`", one.module, other.module));
        }
    }
    faults.extend(accepted.iter().map(|name| format!("`{name}` has one meaning: take it out of TWO_MEANINGS")));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn only_four_places_touch_the_outside() {
    let mut faults = Vec::new();
    for source in all() {
        if source.path == "main.rs" || OUTSIDE.iter().any(|place| source.path.starts_with(place)) {
            continue;
        }
        for line in &source.code {
            for word in OUTSIDE_WORDS.iter().filter(|word| line.contains(*word)) {
                faults.push(format!("{}: `{word}` belongs in one of {OUTSIDE:?}", source.path));
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
    for source in all() {
        let module = source.top();
        for line in &source.code {
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
                        faults.push(format!("{}: `{module}` must not name the crate `{name}`", source.path));
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
    for source in all() {
        // WHY: a file of tests next to the file that it tests needs no head of its own.
        assert!(source.is_test || source.text.starts_with("//! "), "{} has no head", source.path);
    }
}

#[test]
fn no_module_is_named_for_nothing() {
    for source in all() {
        for part in source.module.split("::") {
            let is_empty = ["util", "utils", "helper", "helpers", "common", "misc"].contains(&part);
            assert!(!is_empty, "{}", source.path);
        }
    }
}

#[test]
fn every_file_of_tests_is_in_the_test_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter_map(|name| name.strip_suffix(".rs").map(str::to_owned)).collect();
    names.retain(|name| name != "main" && !main.contains(&format!("\nmod {name};\n")));
    assert!(names.is_empty(), "not in tests/main.rs: {names:?}");
}
