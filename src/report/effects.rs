//! Long lists of access, summarised for people.
//!
//! Adds totals to the accesses that a change gains, loses or states, and selects what is shown of them: see
//! [`super::groups`]. The accesses themselves are kept complete.

use super::groups::{AccessHolder, Item, grouped};
use crate::access::model::facts::{AccessDelta, Stated};
use crate::report::groups::Bundle;
use crate::report::limits::Limits;

/// Accesses that are gained or lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessList {
    /// Every piece, sorted by subject, then access.
    pub pieces: Vec<AccessDelta>,
    /// The number of pieces.
    pub total: u64,
    /// The number of privileged pieces.
    pub privileged: u64,
    /// The number of distinct accesses that are privileged or unclassified.
    pub severe: u64,
    /// Whether there may be more subjects, because a group's members are not all known.
    pub at_least: bool,
    /// All of them, named or in groups, the most severe first.
    pub bundles: Vec<Bundle>,
}

impl AccessList {
    /// Summarises pieces. `at_least`: there may be more subjects, because a group's members are not all known.
    #[must_use]
    pub fn of(pieces: &[AccessDelta], at_least: bool, show: Limits) -> Self {
        let grouped = grouped(pieces.iter().map(item), at_least, show);
        Self {
            pieces: pieces.to_vec(),
            total: count(pieces.len()),
            privileged: count(pieces.iter().filter(|p| p.privileged.is_some()).count()),
            severe: grouped.severe,
            at_least,
            bundles: grouped.bundles,
        }
    }

    /// The same list, shown completely.
    #[must_use]
    pub fn in_full(&self) -> Self {
        Self::of(&self.pieces, self.at_least, Limits::ALL)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }
}

fn item(piece: &AccessDelta) -> Item<'_> {
    Item {
        holder: AccessHolder::Subject(&piece.subject),
        access: &piece.access,
        sensitivity: piece.sensitivity,
        privileged: piece.privileged.as_ref(),
        path: Some(&piece.path),
        elsewhere: piece.elsewhere.as_ref(),
    }
}

/// Permissions that roles state, of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatedList {
    /// The permissions.
    pub stated: Vec<Stated>,
    /// The number of privileged or unclassified permissions.
    pub severe: u64,
    /// All of them, named or in groups, the most severe first.
    pub bundles: Vec<Bundle>,
}

impl StatedList {
    /// Summarises permissions.
    #[must_use]
    pub fn of(stated: Vec<Stated>, show: Limits) -> Self {
        let grouped = grouped(stated.iter().map(stated_item), false, show);
        Self { severe: grouped.severe, bundles: grouped.bundles, stated }
    }
}

fn stated_item(it: &Stated) -> Item<'_> {
    Item {
        holder: AccessHolder::Role(&it.role),
        access: &it.access,
        sensitivity: it.sensitivity,
        privileged: it.privileged.as_ref(),
        path: None,
        elsewhere: None,
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
