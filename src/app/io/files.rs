//! Writes files atomically: a set of new files into a folder, all or none; or one file as a replacement for another.
//!
//! A set never overwrites files: if any exists, it is named in the error, and nothing is written.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::app::io::command_error::hinted;
use crate::input::text::Text;

/// Writes every text, or none.
///
/// # Errors
/// If one of the files exists already or cannot be written; the files that this call wrote are removed again.
pub fn write(folder: &Path, files: &[(&str, String)]) -> anyhow::Result<()> {
    let taken: Vec<String> = files
        .iter()
        .filter(|(path, _)| folder.join(path).symlink_metadata().is_ok())
        .map(|(path, _)| format!("`{}`", shown(&within(folder, path))))
        .collect();
    if !taken.is_empty() {
        let verb = if taken.len() == 1 { "exists" } else { "exist" };
        bail!(hinted(
            format!("{} already {verb}, and existing files are never overwritten", taken.join(", ")),
            "choose another folder, or move the files away"
        ));
    }
    let mut written = Vec::new();
    for (path, text) in files {
        let full = within(folder, path);
        if let Err(error) = write_one(&full, text) {
            for done in written {
                let _ = fs::remove_file(done);
            }
            return Err(error);
        }
        written.push(full);
    }
    Ok(())
}

/// A path below a folder, without the `./` of the current folder.
fn within(folder: &Path, path: &str) -> PathBuf {
    if folder == Path::new(".") { PathBuf::from(path) } else { folder.join(path) }
}

fn write_one(path: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("`{}` cannot be written", shown(path));
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(cannot)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path).with_context(cannot)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(cannot)
}

/// Replaces a file atomically.
///
/// # Errors
/// If it cannot be written; the old file stays.
pub fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let cannot = || format!("`{}` cannot be written", shown(path));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let fresh =
        path.with_file_name(format!(".{name}.{:032x}", u128::from_be_bytes(crate::app::io::streams::random()?)));
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&fresh)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&fresh, path));
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written.with_context(cannot)
}

/// A path, as short as possible relative to the current folder, and escaped for a terminal.
#[must_use]
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let short = here.as_deref().and_then(|here| path.strip_prefix(here).ok()).filter(|it| !it.as_os_str().is_empty());
    // Collecting the components removes any `.` within the path.
    let short: PathBuf = short.unwrap_or(path).components().collect();
    Text::from(short.to_string_lossy().into_owned()).terminal()
}
