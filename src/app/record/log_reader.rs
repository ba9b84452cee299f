//! Reads the log: a file or a folder, verified against allowed signers.
//!
//! Returns a [`Verification`], and builds the text that reports it.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::app::io::files::shown;
use crate::app::io::progress;
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::allowed::Allowed;
use crate::log::line::LogId;
use crate::log::verify::Verifier;
use crate::log::verify::answers::{
    Authenticity, Completeness, Integrity, Keep, SessionView, Terms, TimeAnswer, Verification,
};
use crate::report::record::{Head, Holds, VerifyAnswer, VerifyReport};
use crate::report::sentence::{Sentence, counted};
use crate::trust::signers::Signers;

/// The files of a log, sorted by name; empty if there is no log yet.
///
/// # Errors
/// If the folder cannot be listed.
pub fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let cannot = || format!("the log `{}` cannot be read", shown(path));
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e).with_context(cannot),
    };
    if !meta.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).with_context(cannot)? {
        let file = entry.with_context(cannot)?.path();
        if file.extension().is_some_and(|e| e == "jsonl")
            && !file.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'))
        {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}

/// Whether decisions can be based on a log, and sessions appended to it: it does not exist yet and no known head is
/// missing, or it contains sessions and verifies. WHY: a log whose sessions were all removed or are unreadable is not the
/// same as a log that does not exist yet.
///
/// # Errors
/// If the folder cannot be listed.
pub fn is_sound(path: &Path, verified: &Verification) -> anyhow::Result<bool> {
    let is_lost = matches!(verified.completeness, Completeness::Lost(_));
    Ok(files(path)?.is_empty() && !is_lost || verified.session_count > 0 && verified.is_usable())
}

/// Verifies a log.
///
/// # Errors
/// If a file of it cannot be read.
pub fn verify(
    path: &Path,
    signers: &Signers,
    log: Option<LogId>,
    known_heads: &[Digest<of::Line>],
    keep: Keep,
    now: Time,
) -> anyhow::Result<Verification> {
    let judge = Allowed(signers);
    Ok(feed(path, Terms { judge: &judge, log, known_heads, now, keep, threads: threads() })?.finish())
}

/// How many threads may verify.
#[must_use]
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Passes the files of a log to a verifier that is not finished yet.
///
/// # Errors
/// If a file of it cannot be read.
pub fn feed<'t>(path: &Path, terms: Terms<'t>) -> anyhow::Result<Verifier<'t>> {
    let mut verifier = Verifier::new(terms);
    let files = files(path)?;
    let size = files.iter().filter_map(|file| fs::metadata(file).ok()).map(|meta| meta.len()).sum();
    let watch = progress::watch("verifying the log", Some(size));
    for file in files {
        let name = shown(&file);
        let cannot = || format!("the log `{name}` cannot be read");
        let file = progress::Counted::new(File::open(&file).with_context(cannot)?, &watch);
        let reader = BufReader::with_capacity(1 << 20, file);
        verifier.feed(&name, reader).with_context(cannot)?;
    }
    Ok(verifier)
}

/// Verifies a log whose files are in memory, each with the name used in findings.
///
/// # Errors
/// Never in practice: bytes in memory can be read.
pub fn verify_held(
    files: &[(String, std::rc::Rc<[u8]>)],
    signers: &Signers,
    log: Option<LogId>,
    known_heads: &[Digest<of::Line>],
    keep: Keep,
    now: Time,
) -> std::io::Result<Verification> {
    let judge = Allowed(signers);
    let mut verifier = Verifier::new(Terms { judge: &judge, log, known_heads, now, keep, threads: threads() });
    for (name, bytes) in files {
        verifier.feed(name, &**bytes)?;
    }
    Ok(verifier.finish())
}

/// The four answers, for people and programs.
#[must_use]
pub fn report(path: &Path, verified: &Verification) -> VerifyReport {
    let sessions = verified.session_count as u64;
    let integrity = match verified.integrity {
        Integrity::Intact if sessions == 0 => answer(Holds::Unknown, "the log has no session"),
        Integrity::Intact => answer(
            Holds::Yes,
            format!("all lines of {} are unaltered and in order", counted(sessions, "session", "sessions")),
        ),
        Integrity::Broken => answer(Holds::No, "the log was altered or is incomplete; see the findings"),
    };
    let authenticity = match verified.authenticity {
        Authenticity::Authentic if sessions == 0 => answer(Holds::Unknown, "the log has no session"),
        Authenticity::Authentic => {
            let says = Sentence::of("every seal is signed by a key that allowed_signers allows");
            let says = match verified.uncounted.len() as u64 {
                0 => says,
                n => says
                    .own("; keys that were revoked signed ")
                    .own(counted(n, "session", "sessions"))
                    .own(", see the findings"),
            };
            VerifyAnswer { holds: Holds::Yes, says }
        }
        Authenticity::Unsupported => answer(Holds::No, "a seal has a signature that this version cannot verify"),
        Authenticity::NotAllowed => answer(Holds::No, "a seal is signed by a key that allowed_signers does not allow"),
        Authenticity::Failed => answer(Holds::No, "a seal has no signature that verifies"),
    };
    let completeness = match &verified.completeness {
        Completeness::Unknown => answer(
            Holds::Unknown,
            "sessions may be missing at the end; to find out, keep a head and pass it with --known-head",
        ),
        Completeness::UpToKnownHeads => {
            answer(Holds::Yes, "all known heads are in the log; later sessions may be missing")
        }
        Completeness::Lost(lost) => answer(
            Holds::No,
            format!("{} not in the log", counted(lost.len() as u64, "remembered head is", "remembered heads are")),
        ),
    };
    let time = match verified.time {
        TimeAnswer::Claimed => answer(
            Holds::Unknown,
            "as recorded by each writer's clock; consistent with each other, but not independently proven",
        ),
        TimeAnswer::Backwards => answer(Holds::No, "a session claims a time before one that it follows"),
        TimeAnswer::Future => answer(Holds::No, "a session claims a time in the future"),
    };
    VerifyReport {
        file: Text::from(shown(path)),
        log_id: verified
            .sessions
            .first()
            .map(|view| view.header.log)
            .or(verified.log)
            .map(|id| Text::from(id.to_string())),
        integrity,
        authenticity,
        completeness,
        time,
        replay: None,
        heads: heads(verified),
        sessions,
        lines: verified.line_count as u64,
        line: None,
    }
}

fn answer(holds: Holds, says: impl Into<std::borrow::Cow<'static, str>>) -> VerifyAnswer {
    VerifyAnswer { holds, says: Sentence::of(says) }
}

/// The heads, with the contents of their seals.
#[must_use]
pub fn heads(verified: &Verification) -> Vec<Head> {
    let mut found: Vec<Head> =
        verified.sessions.iter().filter(|session| verified.heads.contains(&session.seal.digest)).map(head).collect();
    found.sort_by_key(|head| head.seal);
    found
}

fn head(session: &SessionView) -> Head {
    Head {
        seal: session.seal.digest,
        session: Text::from(session.header.session.to_string()),
        at: session.seal.value.at,
        principal: session.seal.value.principal.text(),
    }
}
