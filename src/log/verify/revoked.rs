//! Which sessions of revoked keys still count, by the order of the log.
//!
//! A claimed time proves nothing about a stolen key. What comes before a head that people know proves itself: the head's
//! hash covers it. So a revocation names heads, and the sessions of the key that are, or come before, all of them count.

use std::collections::{BTreeMap, BTreeSet};

use super::ancestry::{Ancestry, SessionIndex};
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::text::Text;
use crate::log::line::SessionId;
use crate::trust::revoked::KeyRevocation;

/// How many sessions a finding names.
const NAMED: usize = 10;

/// A session that a revoked key signed.
pub(super) struct RevokedSession {
    pub(super) index: SessionIndex,
    pub(super) session: SessionId,
    /// The key's fingerprint.
    pub(super) key: Text,
    pub(super) revocation: KeyRevocation,
    pub(super) place: Place,
}

/// What counts of such a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Everything, because it is no later than the heads of the revocation.
    Counts,
    /// Only what restricts others: rejections, freezes and exports.
    Restricts,
    /// Nothing but its exports.
    Discarded,
}

/// The result for all of them.
pub(super) struct Judged {
    pub(super) standing: BTreeMap<SessionIndex, Standing>,
    /// Those that do not count as a whole.
    pub(super) uncounted: Vec<SessionId>,
    /// A warning for each key with such a session.
    pub(super) findings: Vec<Finding>,
}

/// The heads that the revocations name.
pub(super) fn heads(sessions: &[RevokedSession]) -> BTreeSet<Digest<of::Line>> {
    let heads = sessions.iter().filter_map(|it| match &it.revocation {
        KeyRevocation::UpTo(heads) => Some(heads),
        KeyRevocation::Whole => None,
    });
    heads.flatten().copied().collect()
}

/// Judges each session. `found` has the sessions of those heads that are in the log.
pub(super) fn judge(
    sessions: Vec<RevokedSession>,
    found: &BTreeMap<Digest<of::Line>, SessionIndex>,
    ancestry: &Ancestry,
) -> Judged {
    let mut judged = Judged { standing: BTreeMap::new(), uncounted: Vec::new(), findings: Vec::new() };
    let mut keys: BTreeMap<Text, (u64, Vec<RevokedSession>)> = BTreeMap::new();
    for it in sessions {
        let precedes = |head: &Digest<of::Line>| {
            found.get(head).is_some_and(|at| *at == it.index || ancestry.is_ancestor(it.index, *at))
        };
        let standing = match &it.revocation {
            KeyRevocation::Whole => Standing::Discarded,
            KeyRevocation::UpTo(heads) if heads.iter().all(precedes) => Standing::Counts,
            KeyRevocation::UpTo(_) => Standing::Restricts,
        };
        judged.standing.insert(it.index, standing);
        let (count, uncounted) = keys.entry(it.key.clone()).or_default();
        *count = count.saturating_add(1);
        if standing != Standing::Counts {
            judged.uncounted.push(it.session);
            uncounted.push(it);
        }
    }
    judged.findings.extend(keys.iter().filter_map(|(key, (count, uncounted))| finding(key, *count, uncounted, found)));
    judged
}

fn finding(
    key: &Text,
    count: u64,
    uncounted: &[RevokedSession],
    found: &BTreeMap<Digest<of::Line>, SessionIndex>,
) -> Option<Finding> {
    let first = uncounted.first()?;
    let key = key.raw();
    let names: Vec<String> = uncounted.iter().take(NAMED).map(|it| format!("`{}`", it.session)).collect();
    let more = match uncounted.len().saturating_sub(names.len()) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let list = format!("{}{more}", names.join(", "));
    let of = format!("{} of its {count}", uncounted.len());
    let (message, help) = match &first.revocation {
        KeyRevocation::Whole => (
            format!("the key `{key}` is revoked: none of its sessions counts, not even their rejections ({list})"),
            "have what they approved decided again; to keep the sessions up to a head of the log, add `valid-up-to=HEAD` at the end of the key's line in `revoked_keys`",
        ),
        KeyRevocation::UpTo(heads) => {
            let missing = heads.iter().find(|head| !found.contains_key(head));
            let why = missing.map_or_else(
                || format!("{of} sessions come after the head up to which it is valid"),
                |head| {
                    format!(
                        "it is valid up to the head `{head}`, which is not in the log, so {of} sessions do not count"
                    )
                },
            );
            (
                format!(
                    "the key `{key}` is revoked, and {why} ({list}): their approvals do not count, their rejections hold"
                ),
                "have what they approved decided again",
            )
        }
    };
    Some(Finding::new(Code::LogRevokedKey, message).at(&first.place).help(help))
}
