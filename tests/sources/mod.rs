//! The sources of the crate, read as text: production code, what each file imports, and which types it defines.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A file below `src`.
pub struct Source {
    /// Its path from `src`, with `/`.
    pub path: String,
    /// Its module: `access::effective::state`, and `app` for `app/mod.rs`.
    pub module: String,
    /// All of its text.
    pub text: String,
    /// Its production code: without comments and items that only tests compile. Empty for a file of tests.
    pub code: Vec<String>,
    /// Whether only tests compile it.
    pub is_test: bool,
}

impl Source {
    /// The module directly below the crate that it belongs to.
    pub fn top(&self) -> &str {
        self.module.split("::").next().unwrap_or_default()
    }

    /// Whether it is the root of the library or of the binary.
    pub fn is_root(&self) -> bool {
        matches!(self.path.as_str(), "lib.rs" | "main.rs")
    }
}

/// A type, where it is defined, and the module within which it is visible: all of the crate is the empty name.
pub struct Definition {
    pub module: String,
    pub scope: String,
}

/// Every file below `src`, by path.
pub fn all() -> Vec<Source> {
    fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|e| e == "rs") {
                into.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    paths.iter().map(|path| source(path.strip_prefix(&root).unwrap(), fs::read_to_string(path).unwrap())).collect()
}

fn source(path: &Path, text: String) -> Source {
    let path = path.to_string_lossy().replace('\\', "/");
    let module = path.trim_end_matches(".rs").replace('/', "::");
    let module = module.strip_suffix("::mod").unwrap_or(&module).to_owned();
    let is_test = is_test(&path);
    let code = if is_test { Vec::new() } else { production(&text) };
    Source { path, module, text, code, is_test }
}

/// Files that only tests compile: each is declared behind `#[cfg(test)]`.
const TEST_FILES: &[&str] = &["tests.rs", "sample.rs", "samples.rs", "laws.rs", "script.rs"];

fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    path.split('/').any(|part| part == "tests") || name.ends_with("_tests.rs") || TEST_FILES.contains(&name)
}

/// The lines without comments and without what stands behind `#[cfg(test)]`. rustfmt ends such an item on its first line, or
/// with a brace that is indented as that line is.
fn production(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            let end = line.replace("#[cfg(test)]", "}");
            let first = lines.find(|line| !line.trim_start().starts_with("#[")).unwrap();
            if !first.ends_with([';', '}']) {
                lines.find(|line| line.starts_with(&end)).expect("an item of tests ends with a brace");
            }
        } else if !line.trim_start().starts_with("//") {
            found.push(line.to_owned());
        }
    }
    found
}

/// What each production file imports: the modules of other files, each with a path by which it is named.
///
/// A name that a module passes on by `pub use` counts as an import of the file that defines it, so that a re-export hides no
/// cycle. That a folder's own module passes on what is below it is no import.
pub fn imports(sources: &[Source]) -> BTreeMap<String, BTreeMap<String, String>> {
    let files: BTreeMap<&str, Vec<Named>> = sources
        .iter()
        .filter(|it| !it.is_test && !it.is_root())
        .map(|it| (it.module.as_str(), named_in(&it.module, &it.code)))
        .collect();
    let mut passed_on = BTreeMap::new();
    for (module, named) in &files {
        for it in named.iter().filter(|it| it.is_public) {
            passed_on.insert(format!("{module}::{}", last(&it.path)), it.path.clone());
        }
    }
    let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (module, named) in &files {
        for it in named {
            let path = defined(&it.path, &passed_on);
            let Some(target) = prefixes(&path).find(|prefix| files.contains_key(*prefix)) else { continue };
            let is_passed_on = it.is_public && target.starts_with(&format!("{module}::"));
            if target != *module && !is_passed_on {
                all.entry((*module).to_owned()).or_default().insert(target.to_owned(), it.path.clone());
            }
        }
    }
    all
}

/// The path of a name in the file that defines it.
fn defined(path: &str, passed_on: &BTreeMap<String, String>) -> String {
    let mut path = path.to_owned();
    // WHY so often: the deepest re-export of a re-export; it also ends a loop.
    for _ in 0..8 {
        let Some((prefix, to)) = prefixes(&path).find_map(|prefix| Some((prefix, passed_on.get(prefix)?))) else {
            break;
        };
        path = format!("{to}{}", &path[prefix.len()..]);
    }
    path
}

/// A path into this crate that a file names, from the crate's root, and whether a `pub use` passes it on.
struct Named {
    path: String,
    is_public: bool,
}

fn named_in(module: &str, code: &[String]) -> Vec<Named> {
    let children = code.iter().filter_map(|line| line.strip_suffix(';')?.rsplit_once("mod ")).map(|(_, name)| name);
    let mut known: BTreeMap<String, String> =
        children.map(|name| (name.to_owned(), format!("{module}::{name}"))).collect();
    let mut found = Vec::new();
    let mut rest = Vec::new();
    let mut lines = code.iter();
    while let Some(line) = lines.next() {
        let Some((visibility, tree)) = split_use(line) else {
            rest.push(without_visibility(line));
            continue;
        };
        let mut tree = tree.to_owned();
        while !tree.ends_with(';') {
            tree.push_str(lines.next().expect("a `use` ends with `;`").trim());
        }
        for leaf in leaves("", tree.trim_end_matches(';')) {
            let (path, name) = leaf.split_once(" as ").unwrap_or((&leaf, last(&leaf)));
            let Some(path) = absolute(module, path, &known) else { continue };
            if name != "*" && name != "_" {
                known.insert(name.to_owned(), path.clone());
            }
            found.push(Named { path, is_public: !visibility.is_empty() });
        }
    }
    // Paths that are written out where they are used.
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    for word in rest.iter().flat_map(|line| line.split(|c| !is_part(c))).filter(|word| word.contains("::")) {
        let path = absolute(module, word.trim_matches(':'), &known);
        found.extend(path.map(|path| Named { path, is_public: false }));
    }
    found
}

/// The visibility and the tree of a line that begins a `use`.
fn split_use(line: &str) -> Option<(&str, &str)> {
    let (visibility, tree) = line.trim_start().split_once("use ")?;
    let is_visibility = visibility.is_empty() || visibility.starts_with("pub") && visibility.ends_with(' ');
    (is_visibility && !visibility.contains('{')).then_some((visibility, tree))
}

/// The line without the module in `pub(in module)`, which is no import.
fn without_visibility(line: &str) -> String {
    match line.split_once("pub(in ") {
        Some((before, after)) => format!("{before}{}", after.split_once(')').map_or("", |(_, rest)| rest)),
        None => line.to_owned(),
    }
}

/// The path from the crate's root; none if it leads into another crate.
fn absolute(module: &str, path: &str, known: &BTreeMap<String, String>) -> Option<String> {
    let (first, rest) = path.split_once("::").unwrap_or((path, ""));
    let base = match first {
        "crate" => return Some(rest.to_owned()),
        "self" => module,
        "super" => {
            let above = module.rsplit_once("::").map_or("", |(above, _)| above);
            return match rest {
                "" => Some(above.to_owned()),
                rest if rest == "super" || rest.starts_with("super::") => absolute(above, rest, known),
                rest => Some(format!("{above}::{rest}")),
            };
        }
        name => known.get(name)?,
    };
    Some(if rest.is_empty() { base.to_owned() } else { format!("{base}::{rest}") })
}

/// The leaves of a `use` tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn leaves(before: &str, tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((head, inner)) = tree.split_once('{') else {
        let leaf = format!("{before}{tree}");
        return vec![leaf.trim_end_matches("::self").to_owned()];
    };
    let inner = inner.strip_suffix('}').expect("a brace is closed");
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in inner.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    let before = format!("{before}{head}");
    parts.iter().filter(|part| !part.trim().is_empty()).flat_map(|part| leaves(&before, part)).collect()
}

/// A path, and each path that it is below, the longest first.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once("::").map(|(before, _)| before))
}

fn last(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or_default()
}

/// Every type that production code defines at the top of a file, by name. Types within functions, macros and inline modules are
/// left out: they are local, or named with their module.
pub fn types(sources: &[Source]) -> BTreeMap<String, Vec<Definition>> {
    let mut all: BTreeMap<String, Vec<Definition>> = BTreeMap::new();
    for source in sources {
        for line in &source.code {
            let (scope, item) = scope_of(&source.module, line);
            let Some(("struct" | "enum" | "trait" | "type", rest)) = item.split_once(' ') else { continue };
            let name = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            let definition = Definition { module: source.module.clone(), scope: scope.to_owned() };
            all.entry(name.to_owned()).or_default().push(definition);
        }
    }
    all
}

/// The module within which an item is visible, and the item without its visibility.
fn scope_of<'s>(module: &'s str, line: &'s str) -> (&'s str, &'s str) {
    if let Some(item) = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) ")) {
        return ("", item);
    }
    if let Some(item) = line.strip_prefix("pub(super) ") {
        return (module.rsplit_once("::").map_or("", |(above, _)| above), item);
    }
    line.strip_prefix("pub(in crate::").and_then(|rest| rest.split_once(") ")).unwrap_or((module, line))
}
