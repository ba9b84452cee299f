//! Budget: limits how much of an effect is reported, and how much work is done to compute it.
//!
//! Anything beyond the budget is never omitted silently: every subject that might gain counts as gaining everything,
//! and the facts record that. Work is measured by the contents of the states, not by the contents of caches, so that a
//! change is truncated at the same point regardless of what is analysed with it.

/// Limits on reported accesses and on work. Far above what a person can review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Accesses that one change gives, and accesses that it removes.
    pub change: usize,
    /// Accesses that the changes of a plan give and remove, one by one and in total. A plan with more is refused. The
    /// plan as a whole may give that many, plus the limit of one change.
    pub plan: usize,
    /// Work for one effect: the identities that a subject can act as and the roles they give it, per scope, before and
    /// after, for all subjects; the computation of active trusts; and the steps of long paths.
    pub work: u64,
    /// The same for all changes of a plan. A plan that needs more is refused.
    pub plan_work: u64,
    /// Pieces that only several changes give. The remainder is reported as one piece.
    pub emergent: usize,
    /// Names of responsible changes, for all these pieces together. Pieces beyond it are part of the remainder.
    pub members: usize,
    /// Work for the search for the responsible changes of a plan.
    pub search: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            change: 100_000,
            plan: 500_000,
            work: 1_000_000,
            plan_work: 200_000_000,
            emergent: 10_000,
            members: 500_000,
            search: 40_000_000,
        }
    }
}

impl Budget {
    /// The budget for the effect of one change.
    pub(crate) fn of_change(&self) -> Remaining {
        Remaining::new(self.change, self.work)
    }

    /// The budget for the effect of all changes together, after the single changes reported this many accesses and did
    /// this much work.
    pub(crate) fn of_all(&self, told: usize, looked: u64) -> Remaining {
        Remaining::new(told.saturating_add(self.change), looked.saturating_add(self.work))
    }
}

/// The remaining budget for one effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remaining {
    gains: usize,
    losses: usize,
    work: u64,
    ended: bool,
}

impl Remaining {
    fn new(pieces: usize, work: u64) -> Self {
        Self { gains: pieces, losses: pieces, work, ended: false }
    }

    /// The number of accesses that may still be gained, and lost; `None` once it has ended or the work limit is
    /// reached.
    pub(crate) fn left(&self, looked: u64) -> Option<(usize, usize)> {
        (looked < self.work && !self.ended).then_some((self.gains, self.losses))
    }

    /// Whether more work may be done, even if no more accesses can be reported.
    pub(crate) fn may_look(&self, looked: u64) -> bool {
        looked < self.work
    }

    /// Charges reported accesses.
    pub(crate) fn tell(&mut self, gains: usize, losses: usize) {
        self.gains = self.gains.saturating_sub(gains);
        self.losses = self.losses.saturating_sub(losses);
    }

    /// Ends the budget: nothing further is reported.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }
}
