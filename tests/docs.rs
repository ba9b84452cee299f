//! The documentation is run: every console block of every page, in order, in an empty environment.
//!
//! A block is fenced as `console`. A line that begins with `$ ` is a command for `bash`; the lines below it, up to the next
//! command, are what it prints on stdout and stderr together. `? 3` below a command is its exit code (0 if absent).
//! `...` on a line of its own stands for any lines, `[..]` for any text within a line. All blocks of a page share one
//! temporary copy of the page's folder; `cd` on a line of its own holds for the rest of the page. A page's interactive parts are fenced as `text` and tested with a terminal
//! elsewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use snapbox::assert::DEFAULT_ACTION_ENV;

struct Block {
    line: usize,
    command: String,
    expected: String,
    code: i32,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut inside = false;
    let mut open = false;
    for (number, line) in page.lines().enumerate() {
        if line.starts_with("```") {
            inside = !inside && line == "```console";
            open = false;
            continue;
        }
        if !inside {
            continue;
        }
        if let Some(command) = line.strip_prefix("$ ") {
            found.push(Block { line: number + 1, command: command.to_owned(), expected: String::new(), code: 0 });
            open = command.ends_with('\\');
        } else if let Some(block) = found.last_mut() {
            if open {
                block.command.push('\n');
                block.command.push_str(line.strip_prefix("> ").unwrap_or(line));
                open = line.ends_with('\\');
            } else if let Some(code) = line.strip_prefix("? ") {
                block.code = code.trim().parse().expect("an exit code");
            } else {
                block.expected.push_str(line);
                block.expected.push('\n');
            }
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn run_page(page: &Path, with_folder: bool) -> usize {
    let text = fs::read_to_string(page).unwrap();
    let all = blocks(&text);
    if all.is_empty() {
        return 0;
    }
    let sandbox = tempfile::tempdir().unwrap();
    let work = sandbox.path().join("work");
    let home = sandbox.path().join("home");
    fs::create_dir_all(&home).unwrap();
    if with_folder {
        let folder = page.parent().unwrap();
        copy(folder, &work);
        // What the examples share lies beside their folders.
        let parts = folder.join("../parts.sh");
        if parts.is_file() {
            fs::copy(parts, sandbox.path().join("parts.sh")).unwrap();
        }
    } else {
        fs::create_dir_all(&work).unwrap();
    }
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_review"));
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", binary.parent().unwrap().display());
    let mut faults = Vec::new();
    let mut here = work.clone();
    for block in &all {
        // A `cd` on a line of its own holds for the rest of the page, as in a terminal.
        if let Some(folder) = block.command.strip_prefix("cd ").filter(|it| !it.contains(' ')) {
            here = here.join(folder);
            continue;
        }
        let output = Command::new("bash")
            .args(["-c", &format!("exec 2>&1\n{}", block.command)])
            .current_dir(&here)
            .env_clear()
            .env("PATH", &path)
            .env("HOME", &home)
            .env("LC_ALL", "C.UTF-8")
            .env("COLUMNS", "80")
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let place = format!("{}:{}: $ {}", page.display(), block.line, block.command);
        let code = output.status.code().unwrap_or(-1);
        if code != block.code {
            faults.push(format!("{place}\nexit code {code} instead of {}:\n{shown}", block.code));
            continue;
        }
        let expected = snapbox::Data::text(block.expected.clone());
        let result = snapbox::Assert::new().action_env(DEFAULT_ACTION_ENV).try_eq(Some(&place), shown.into(), expected);
        if let Err(difference) = result {
            faults.push(difference.to_string());
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    all.len()
}

fn pages(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found: Vec<PathBuf> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("README.md"))
        .filter(|page| page.exists())
        .collect();
    found.sort();
    found
}

#[test]
fn every_console_block_of_the_readme_does_what_it_says() {
    let ran = run_page(&Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"), false);
    assert!(ran >= 5, "the tour has only {ran} commands");
}

#[test]
fn every_console_block_of_the_examples_does_what_it_says() {
    let all = pages("examples");
    assert!(!all.is_empty());
    for page in all {
        assert!(run_page(&page, true) > 0, "{} runs nothing", page.display());
    }
}

#[test]
fn every_console_block_of_the_reference_pages_does_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut docs: Vec<PathBuf> = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    docs.retain(|page| page.extension().is_some_and(|it| it == "md"));
    assert!(docs.len() >= 4, "{docs:?}");
    for page in docs.into_iter().chain(pages("src")) {
        run_page(&page, false);
    }
    run_page(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/README.md"), false);
}

/// Every field, word and action of a schema that carries a description: its name and what is said of it.
fn described(schema: &serde_json::Value, into: &mut Vec<(String, String)>) {
    let says = |it: &serde_json::Value| it["description"].as_str().map(|text| text.replace('\n', " "));
    if let Some(map) = schema.as_object() {
        for (name, field) in map.get("properties").and_then(|it| it.as_object()).into_iter().flatten() {
            into.extend(
                says(field).filter(|_| name != "action" || field["const"].is_null()).map(|it| (name.clone(), it)),
            );
        }
        let word = map.get("const").and_then(|it| it.as_str()).or(map.get("title").and_then(|it| it.as_str()));
        if let (Some(word), Some(said)) = (word, says(schema)) {
            into.push((word.to_owned(), said));
        }
        map.values().for_each(|value| described(value, into));
    }
    schema.as_array().into_iter().flatten().for_each(|value| described(value, into));
}

#[test]
fn the_pages_on_the_formats_say_of_every_field_what_its_schema_says() {
    let schemas = [
        ("src/plan/README.md", review::plan::schema()),
        ("src/snapshot/README.md", serde_json::to_value(review::snapshot::schema()).unwrap()),
    ];
    for (name, schema) in schemas {
        let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
        let mut all = Vec::new();
        described(&schema["properties"], &mut all);
        described(&schema["$defs"], &mut all);
        assert!(all.len() > 60, "{name}: only {}", all.len());
        for (field, says) in all {
            // A change's own `action` is a constant of each action, which the headings name.
            let has_row = page.lines().any(|line| line.starts_with(&format!("| `{field}` |")) && line.contains(&says));
            let has_heading = page.contains(&format!("### `{field}`\n\n{says}\n"));
            assert!(has_row || has_heading || says == "What the change does.", "{name}: `{field}`: {says}");
        }
    }
}

#[test]
fn every_link_of_the_pages_for_users_leads_to_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut followed = 0;
    for page in ["README.md", "docs/tour.md", "docs/ci.md", "docs/after-the-decision.md", "docs/trust-folder.md"] {
        let text = fs::read_to_string(root.join(page)).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            if !link.starts_with("https://") {
                followed += 1;
                assert!(root.join(page).parent().unwrap().join(link).exists(), "{page}: {link}");
            }
        }
    }
    assert!(followed >= 30, "only {followed} links");
}

#[test]
fn every_path_that_the_contributor_pages_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut named, mut missing) = (0, Vec::new());
    for page in ["CONTRIBUTING.md", "SECURITY.md", "src/README.md"] {
        let text = fs::read_to_string(root.join(page)).unwrap();
        for word in text.split('`').skip(1).step_by(2) {
            let starts = ["src/", "tests/", "policies/", ".ci/", "examples/"];
            if starts.iter().any(|start| word.starts_with(start)) && !word.contains(' ') {
                named += 1;
                if !root.join(word).exists() {
                    missing.push(format!("{page}: `{word}`"));
                }
            }
        }
    }
    assert!(named >= 20, "only {named} paths were looked for");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
