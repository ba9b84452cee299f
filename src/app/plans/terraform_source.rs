//! The file and line of each resource in a configuration of Terraform.
//!
//! The JSON form of a plan has no places, so that they are looked up in the `.tf` files of the root module and of modules that
//! are local folders. Only the head of a block is read: `resource "TYPE" "NAME" {`. The result is shown and decides nothing.

use std::collections::BTreeMap;
use std::path::Path;

use crate::snapshot::terraform::without_keys;

/// The most bytes of one file that are read.
const MAX_FILE: u64 = 4 << 20;
/// The most files of one folder.
const MAX_FILES: usize = 1_000;

/// File and line by address without keys.
#[derive(Debug, Default)]
pub(super) struct Lines(BTreeMap<String, String>);

impl Lines {
    /// Reads the files of the root module and of local modules. What cannot be read has no lines.
    pub(super) fn of(folder: &Path, modules: &BTreeMap<String, String>) -> Self {
        let mut lines = Self::default();
        lines.folder(folder, "", "");
        for (path, source) in modules {
            // A module within a module is relative to the folder of the outer one.
            let mut at = String::new();
            let mut outer = String::new();
            for part in path.split(".module.") {
                let part = part.strip_prefix("module.").unwrap_or(part);
                outer = if outer.is_empty() { format!("module.{part}") } else { format!("{outer}.module.{part}") };
                let source = modules.get(&outer).unwrap_or(source);
                let local = source.strip_prefix("./").or_else(|| source.starts_with("../").then_some(source));
                let Some(local) = local else {
                    at = String::new();
                    break;
                };
                at = if at.is_empty() { local.to_owned() } else { format!("{at}/{local}") };
            }
            if !at.is_empty() {
                lines.folder(&folder.join(&at), &at, &format!("{path}."));
            }
        }
        lines
    }

    fn folder(&mut self, folder: &Path, shown: &str, prefix: &str) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).take(MAX_FILES).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|it| it == "tf")) {
            let is_small = std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_FILE);
            let Some(text) = is_small.then(|| std::fs::read_to_string(path).ok()).flatten() else { continue };
            let name = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
            if name.chars().any(char::is_control) {
                continue;
            }
            let place = if shown.is_empty() { name } else { format!("{shown}/{name}") };
            for (at, line) in text.lines().enumerate() {
                if let Some((kind, resource)) = head(line) {
                    let address = format!("{prefix}{kind}.{resource}");
                    self.0.entry(address).or_insert_with(|| format!("{place}:{}", at.saturating_add(1)));
                }
            }
        }
    }

    /// An address with its file and line, if they are known.
    pub(super) fn with(&self, address: String) -> String {
        match self.0.get(&without_keys(&address)) {
            Some(place) => format!("{address} ({place})"),
            None => address,
        }
    }
}

/// The type and name of `resource "TYPE" "NAME"`.
fn head(line: &str) -> Option<(&str, &str)> {
    let mut parts = line.trim_start().strip_prefix("resource")?.split('"');
    let (blank, kind, between, name) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (blank.trim().is_empty() && between.trim().is_empty()).then_some((kind, name))
}
