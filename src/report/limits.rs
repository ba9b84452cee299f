//! How much of long lists is shown to people, and listed for machines.

use crate::input::entitlement::Sensitivity;

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

/// How many privileged or unclassified accesses a person can approve in one piece.
pub const MOST_SEVERE: usize = 100;

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
