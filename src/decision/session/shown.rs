//! How much of a card was on the screen when a person answered.
//!
//! From the counts of the screen, computes whether the whole card was shown. A part never exceeds its whole.

/// A part of a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    seen: u64,
    of: u64,
}

impl Part {
    /// A part of a whole; limited to the whole.
    #[must_use]
    pub fn new(seen: usize, of: usize) -> Self {
        let of = u64::try_from(of).unwrap_or(u64::MAX);
        Self { seen: u64::try_from(seen).unwrap_or(u64::MAX).min(of), of }
    }

    /// How much was shown.
    #[must_use]
    pub fn seen(self) -> u64 {
        self.seen
    }

    /// The total.
    #[must_use]
    pub fn of(self) -> u64 {
        self.of
    }
}

/// How much of a card was on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShownCard {
    /// Groups of accesses, and other facts that must be shown.
    pub groups: Part,
    /// Lines.
    pub lines: Part,
}

impl ShownCard {
    /// Whether a card was shown, from its first line to its last.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.lines.of > 0 && self.lines.seen == self.lines.of && self.groups.seen == self.groups.of
    }

    /// Updates the counts, unless less was shown.
    pub(crate) fn extend(&mut self, later: Self) {
        if later.is_whole() || (!self.is_whole() && later.lines.seen >= self.lines.seen) {
            *self = later;
        }
    }
}
