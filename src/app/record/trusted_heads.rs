//! The heads of the log that the trusted side has stored, and the trust files that a plan's own branch must not change.
//!
//! From the trust folder, the given log and the branch, computes the heads that the log must contain, and a finding for
//! the log and for each trust file that the branch could have changed itself.

use std::collections::BTreeSet;
use std::path::Path;

use crate::app::io::command_error::hinted;
use crate::app::io::git::{commit_of, git};
use crate::app::plans::git_branch::Branch;
use crate::app::record::log_source::LogSource;
use crate::app::site::load::{REVOKED_KEYS, Site};
use crate::app::site::location::SiteLocation;
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::place::Place;
use crate::input::text::Text;
use crate::input::time::Time;
use anyhow::{Context as _, anyhow, bail, ensure};

/// The trust file of known heads, one hash per line, as printed by `review log head`.
pub const KNOWN_HEADS: &str = "known_heads";

/// Every head that the trusted side knows: those in `known_heads`, and those of its own copy of the log.
///
/// # Errors
/// If `known_heads` contains anything else, or the trusted copy cannot be read or does not verify.
pub fn heads(site: &Site, given: &LogSource, now: Time) -> anyhow::Result<Vec<Digest<of::Line>>> {
    let mut heads = Vec::new();
    if let Some(bytes) = site.folder.read(KNOWN_HEADS)? {
        let name = site.folder.shown(KNOWN_HEADS);
        let text = std::str::from_utf8(&bytes).map_err(|_| anyhow!("`{}` is not UTF-8", quoted(&name)))?;
        heads.extend(crate::app::record::head_files::heads_in(&name, text)?);
    }
    let Some(trusted) = own_copy(site, given)? else { return Ok(heads) };
    if trusted.is_absent()? {
        return Ok(heads);
    }
    let verified = trusted
        .verify(site, crate::app::site::log_id::log_id(site).ok(), &[], now)
        .context("the trusted copy of the log cannot be verified")?;
    ensure!(
        trusted.is_sound(&verified)?,
        hinted(
            format!(
                "the trusted copy of the log, `{}`, does not verify, so the heads that the log must contain are unknown",
                trusted.name()
            ),
            "run `review verify` on it, and restore it"
        )
    );
    heads.extend(verified.heads);
    Ok(heads)
}

/// The trust folder's own copy of the log, if a different log is given.
fn own_copy(site: &Site, given: &LogSource) -> anyhow::Result<Option<LogSource>> {
    let own = match LogSource::of_trust(site)? {
        Some(own) => own,
        None if site.folder.path().is_some() => LogSource::Disk(site.log_path(&SiteLocation::default())),
        None => return Ok(None),
    };
    let same = match (&own, given) {
        (LogSource::Disk(own), LogSource::Disk(given)) => match (own.canonicalize(), given.canonicalize()) {
            (Ok(own), Ok(given)) => own == given,
            _ => own == given,
        },
        (LogSource::Git(own), LogSource::Git(given)) => own.name == given.name,
        (LogSource::Disk(_), LogSource::Git(_)) | (LogSource::Git(_), LogSource::Disk(_)) => false,
    };
    Ok((!same).then_some(own))
}

/// A warning if the log, or the trust folder, is on the branch under review: anyone who can push there can rewrite
/// both.
#[must_use]
pub fn on_own_branch(site: &Site, log: &LogSource, head: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let Ok(tip) = commit_of(Path::new("."), head) else { return found };
    let own = match log {
        LogSource::Disk(path) => is_tracked(path),
        LogSource::Git(it) => {
            it.commit.as_deref() == Some(&*tip) && site.folder.revision().is_none_or(|(_, trust, _)| trust != tip)
        }
    };
    if own {
        found.push(
            Finding::new(
                Code::LogFromPlanBranch,
                format!(
                    "the log `{}` is on the branch under review, where anyone who can push may remove decisions",
                    log.name()
                ),
            )
            .help("keep it on a protected branch: `--log origin/review-log:review-log.jsonl`"),
        );
    }
    if let Some(folder) = site.folder.path()
        && is_tracked(&folder.join("review.yaml"))
    {
        found.push(
            Finding::new(
                Code::TrustFromPlanBranch,
                "the trust folder is in the working tree, where the branch under review may have changed it",
            )
            .at(&Place::file(&site.folder.shown("review.yaml")))
            .help("use the protected branch: `--trust origin/main`"),
        );
    }
    found
}

/// Whether a file, or any file of a folder, belongs to the branch that is checked out in its working tree.
fn is_tracked(path: &Path) -> bool {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let here = git(Path::new("."), &["rev-parse", "--show-toplevel"]);
    let there = git(parent, &["rev-parse", "--show-toplevel"]);
    // WHY: a separate working tree, of the branch that keeps the log, is not the one under review.
    if here.is_err() || here != there {
        return false;
    }
    git(parent, &["ls-files", "-z", "--", &format!(":(literal){name}")]).is_ok_and(|listed| !listed.is_empty())
}

/// Who protects the trust files of a branch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrustFileGuard {
    /// No other rule: a branch that changes one does not pass.
    #[default]
    Refuse,
    /// A rule outside of this tool requires the approval of their owners.
    Guarded,
}

/// A finding for each trust file that a branch changes: once merged, it applies to every plan that follows.
///
/// # Errors
/// If the trust folder is outside of the repository.
pub fn touched(site: &Site, branch: &Branch, guard: TrustFileGuard) -> anyhow::Result<Vec<Finding>> {
    let Some(prefix) = prefix_of(site)? else { return Ok(Vec::new()) };
    let used: BTreeSet<String> = site.folder.used().into_keys().collect();
    let is_trust = |path: &str| {
        let Some(inside) = path.strip_prefix(prefix.as_str()) else { return false };
        let known =
            ["review.yaml", "people.yaml", "agents.yaml", "tasks.yaml", "allowed_signers", REVOKED_KEYS, KNOWN_HEADS];
        known.contains(&inside)
            || inside == site.settings.snapshot.raw()
            || used.contains(inside)
            || inside.starts_with("policies/")
    };
    let findings = branch.changed().iter().filter(|path| is_trust(path)).map(|path| {
        let name = branch.shown(path);
        let says = format!("the branch changes the trust file `{name}`, which applies to plans once it is merged");
        let finding = match guard {
            TrustFileGuard::Refuse => Finding::new(Code::TrustFileTouched, Text::from(says)).weighing(Severity::Error).help(
                "change it apart from plans, where those who answer for the trust files must agree; if a rule of the branch \
                 already asks them (CODEOWNERS), say so: `--trust-files guarded`",
            ),
            TrustFileGuard::Guarded => Finding::new(
                Code::TrustFileTouched,
                Text::from(format!("{says}; `--trust-files guarded` accepts it because another rule protects it")),
            )
            .weighing(Severity::Warning)
            .help("have the owners of the trust files review it; it does not apply to this plan"),
        };
        finding.at(&Place::file(&name))
    });
    Ok(findings.collect())
}

/// The path of the trust folder in the repository, with a trailing `/`; `None`: it is not in the repository.
fn prefix_of(site: &Site) -> anyhow::Result<Option<String>> {
    if let Some((_, _, prefix)) = site.folder.revision() {
        return Ok(Some(prefix.to_owned()));
    }
    let Some(folder) = site.folder.path() else { return Ok(None) };
    let top = |folder: &Path| git(folder, &["rev-parse", "--show-toplevel"]).ok();
    let (Some(here), Some(there)) = (top(Path::new(".")), top(folder)) else { return Ok(None) };
    if here != there {
        return Ok(None);
    }
    match git(folder, &["rev-parse", "--show-prefix"]) {
        Ok(prefix) => Ok(Some(String::from_utf8_lossy(&prefix).trim_end_matches('\n').to_owned())),
        Err(why) => bail!("git cannot locate the trust folder: {}", quoted(&why)),
    }
}

fn quoted(text: &str) -> String {
    Text::from(text).terminal()
}
