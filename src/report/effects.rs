//! Long lists of access, summarised for people.
//!
//! Input: the accesses that a change gains, loses or states. Output: the same accesses with totals, and what is shown of them: see
//! [`super::groups`]. The accesses themselves are kept whole.

use crate::access::model::facts::{AccessDelta, Stated};
use crate::input::entitlement::Sensitivity;
use crate::input::text::Text;

use super::groups::{Holder, Item, grouped};
use super::sentence::Sentence;

/// How much of a long list is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Distinct accesses up to which a list is shown one by one.
    pub full: usize,
    /// Groups in which longer lists are shown.
    pub lines: usize,
    /// Privileged or unclassified accesses of a list that are shown one by one.
    pub severe: usize,
    /// Names in one line: subjects, scopes.
    pub names: usize,
    /// Reasons, escalations, conflicts and groups, of each.
    pub facts: usize,
}

/// How many privileged or unclassified accesses a person can approve in one piece.
pub const MOST_SEVERE: usize = 100;

impl Limits {
    /// For a card or a pull request.
    pub const SHORT: Self = Self { full: 40, lines: 40, severe: MOST_SEVERE, names: 4, facts: MOST_SEVERE };
    /// For the details.
    pub const ALL: Self =
        Self { full: usize::MAX, lines: usize::MAX, severe: usize::MAX, names: usize::MAX, facts: usize::MAX };

    /// The same for what is of a sensitivity: what is sensitive is shown one by one for longer.
    #[must_use]
    pub fn for_sensitivity(self, sensitivity: Sensitivity) -> Self {
        let full = if must_be_read(sensitivity) { self.full.max(self.severe) } else { self.full };
        Self { full, ..self }
    }

    /// How much each of so many changes lists for machines, where all of them together have so many other facts.
    #[must_use]
    pub fn listed(self, changes: usize, facts: usize) -> Listed {
        let is_all = self == Self::ALL;
        let share = |all: usize, is: usize, least: usize| {
            if is_all || is <= all { usize::MAX } else { all.checked_div(changes).unwrap_or(all).max(least) }
        };
        Listed {
            accesses: if is_all { usize::MAX } else { 20 },
            severe: if is_all { usize::MAX } else { MOST_SEVERE },
            facts: share(5_000, facts, 2),
            names: if is_all { usize::MAX } else { 20 },
            shown: if is_all { usize::MAX } else { 200 },
        }
    }
}

/// Whether the whole card of something so sensitive must be read before it is approved.
#[must_use]
pub fn must_be_read(sensitivity: Sensitivity) -> bool {
    sensitivity > Sensitivity::Moderate
}

/// How much a change lists for machines. What lies beyond is counted, and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Accesses of a list, unless more are severe.
    pub accesses: usize,
    /// Privileged or unclassified accesses of a list.
    pub severe: usize,
    /// Escalations, conflicts, and pieces that only the whole plan gives, of each.
    pub facts: usize,
    /// Names of the changes that give such a piece.
    pub names: usize,
    /// How many of the facts people are shown.
    pub shown: usize,
}

impl Listed {
    /// How many accesses of a list are listed, of which so many are privileged or unclassified.
    #[must_use]
    pub fn of(self, severe: usize) -> usize {
        self.accesses.max(severe.min(self.severe))
    }
}

/// Accesses that are gained or lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessList {
    /// Every piece, sorted by subject, then access.
    pub pieces: Vec<AccessDelta>,
    /// How many they are.
    pub total: u64,
    /// How many of them are privileged.
    pub privileged: u64,
    /// How many distinct accesses among them are privileged or unclassified.
    pub severe: u64,
    /// Whether there may be more subjects, because a group's members are not all known.
    pub at_least: bool,
    /// All of them, named or in groups, the most severe first.
    pub bundles: Vec<Bundle>,
}

/// Holders that share accesses in the same places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Whose access, and where.
    pub who: Sentence,
    /// What access: one sentence per set of actions, or the sum of a group.
    pub what: Vec<Sentence>,
    /// Until when, on which condition, except for what.
    pub limits: Sentence,
    /// What the classification says.
    pub sensitivity: Sensitivity,
    /// Why it is privileged, if it is.
    pub privileged: Option<Text>,
    /// One path that gives it, that of the first subject; empty where there is nothing to say.
    pub way: Sentence,
    /// Of gains: through what they could be reached before. Of losses: through what they can be reached still.
    pub elsewhere: Option<Sentence>,
    /// How many accesses it stands for.
    pub pieces: u64,
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

    /// The same list, with nothing left out.
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
        holder: Holder::Subject(&piece.subject),
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
    /// How many of them are privileged or unclassified.
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
        holder: Holder::Role(&it.role),
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
