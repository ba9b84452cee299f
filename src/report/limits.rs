//! How much of long lists is shown to people, and listed for programs.

use crate::input::entitlement::Sensitivity;

/// How much of a long list is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of distinct accesses that are listed individually.
    pub full: usize,
    /// The maximum number of groups for longer lists.
    pub lines: usize,
    /// The maximum number of privileged or unclassified accesses that are listed individually.
    pub severe: usize,
    /// The maximum number of names in one line: subjects, scopes.
    pub names: usize,
    /// The maximum number of reasons, escalations, conflicts and groups, of each.
    pub facts: usize,
}

impl Limits {
    /// For a card or a pull request.
    pub const SHORT: Self = Self { full: 40, lines: 40, severe: MOST_SEVERE, names: 4, facts: MOST_SEVERE };
    /// For the details.
    pub const ALL: Self =
        Self { full: usize::MAX, lines: usize::MAX, severe: usize::MAX, names: usize::MAX, facts: usize::MAX };

    /// The limits for a sensitivity: more of a sensitive list is listed individually.
    #[must_use]
    pub fn for_sensitivity(self, sensitivity: Sensitivity) -> Self {
        let full = if must_be_read(sensitivity) { self.full.max(self.severe) } else { self.full };
        Self { full, ..self }
    }

    /// The limits of each change for programs, from the number of changes and their total number of facts.
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

/// The maximum number of privileged or unclassified accesses that a person can approve in one piece.
pub const MOST_SEVERE: usize = 100;

/// Whether the whole card must be read before approval, by sensitivity.
#[must_use]
pub fn must_be_read(sensitivity: Sensitivity) -> bool {
    sensitivity > Sensitivity::Moderate
}

/// How much a change lists for programs. The remainder is included in the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Accesses of a list, unless more of them are severe.
    pub accesses: usize,
    /// Privileged or unclassified accesses of a list.
    pub severe: usize,
    /// Escalations, conflicts, and emergent pieces, of each.
    pub facts: usize,
    /// Names of the changes responsible for such a piece.
    pub names: usize,
    /// The number of facts shown to people.
    pub shown: usize,
}

impl Listed {
    /// How many accesses of a list are listed, given how many are privileged or unclassified.
    #[must_use]
    pub fn of(self, severe: usize) -> usize {
        self.accesses.max(severe.min(self.severe))
    }
}
