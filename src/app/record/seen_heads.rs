//! The heads of logs that this machine has seen. If one of them is missing later, `review` refuses to append.
//!
//! Stored in `$XDG_STATE_HOME/review/heads/LOG_ID`, one hash per line, which is also the format of `verify
//! --known-head`. A file that cannot be read is an error, never an empty list. INVARIANT: a head is dropped only in
//! favour of one that follows it, because a log with the later head and without the earlier one does not verify.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::app::io::command_error::hinted;
use crate::app::io::files::{replace, shown};
use crate::app::io::streams;
use crate::app::site::user_settings;
use crate::input::digest::{Digest, of};
use crate::log::line::LogId;
use crate::log::verify::answers::Verification;

/// Where the heads of a log are stored; `None` if there is no home folder.
#[must_use]
pub fn path(log: LogId) -> Option<PathBuf> {
    let set = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let base = set.or_else(|| user_settings::home().map(|home| home.join(".local/state")))?;
    Some(base.join("review/heads").join(log.to_string()))
}

/// The stored heads of a log.
///
/// # Errors
/// If the file exists and cannot be read.
pub fn heads(log: LogId) -> anyhow::Result<Vec<Digest<of::Line>>> {
    let Some(path) = path(log) else { return Ok(Vec::new()) };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("the remembered heads `{}` cannot be read", shown(&path)));
        }
    };
    let heads: Option<Vec<_>> = text.lines().filter(|line| !line.starts_with('#')).map(Digest::parse).collect();
    heads.with_context(|| {
        hinted(
            format!("the remembered heads `{}` are damaged", shown(&path)),
            "restore the file; without it, a truncated log is not detected",
        )
    })
}

/// Stores the heads of a log that verifies.
///
/// # Errors
/// If they cannot be written.
pub fn remember(log: LogId, verified: &Verification) -> anyhow::Result<()> {
    let Some(path) = path(log) else { return Ok(()) };
    let held: BTreeSet<_> = verified.sessions.iter().map(|view| view.seal.digest).collect();
    let known: BTreeSet<_> = heads(log)?.into_iter().collect();
    let mut kept: BTreeSet<_> = verified.heads.iter().copied().collect();
    kept.extend(known.iter().filter(|head| !held.contains(head)));
    if kept == known {
        return Ok(());
    }
    let cannot = || format!("the heads of the log cannot be stored in `{}`", shown(&path));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(cannot)?;
    }
    let mut text =
        format!("# Heads of the log {log} that were seen here: `review verify --known-head` reads this file.\n");
    for head in kept {
        text.push_str(&format!("{head}\n"));
    }
    replace(&path, text.as_bytes()).with_context(cannot)
}

/// Stores the heads of a log that verifies. A failure is only reported, because the sealed session is valid anyway.
pub fn note(log: Option<LogId>, verified: &Verification) {
    if let Some(Err(error)) = log.map(|log| remember(log, verified)) {
        streams::note(&format!("warning: {error:#}"));
    }
}

/// The message about a log with a missing head.
#[must_use]
pub fn lost(log: Option<LogId>) -> String {
    let place = log.and_then(path).map(|path| format!(", as `{}` remembers", shown(&path))).unwrap_or_default();
    format!(
        "review: sessions are missing from this log that it had before{place}\n  = help: restore them, and find out who removed them; delete that file only if the log was restarted on purpose"
    )
}
