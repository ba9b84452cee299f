//! Budget: how much of an effect is told, and how much is looked at for it.
//!
//! In: what was told and looked at so far. Out: whether there is room for more. What finds no room is never left out in
//! silence: whoever might gain counts as gaining everything, and the facts say so. What is counted is what the states
//! hold, never what happens to be remembered of them: a change is cut short at the same place whatever stands beside it.

/// How much may be told and looked at. Far above what a person can review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Accesses that one change gives, and that it takes.
    pub change: usize,
    /// Accesses that the changes of a plan give and take, one by one, all together: with more the plan is refused. The plan as
    /// a whole may give that, and as much as one change more.
    pub plan: usize,
    /// What is looked at for one effect: those that a subject can act as, and the roles that these give it at their
    /// places, before and after, all subjects together; what is looked at to tell which trusts are live; and the steps of
    /// long ways.
    pub work: u64,
    /// The same, for all changes of a plan: with more the plan is refused.
    pub plan_work: u64,
    /// Pieces that only several changes give; the rest is told as one.
    pub emergent: usize,
    /// Names of responsible changes, all these pieces together; what lies beyond is told as one with the rest.
    pub members: usize,
    /// What is looked at to find the responsible changes of a plan.
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
    /// Remaining for the effect of one change.
    pub(crate) fn of_change(&self) -> Remaining {
        Remaining::new(self.change, self.work)
    }

    /// Remaining for the effect of changes together that tell so much, and look at so much, one by one.
    pub(crate) fn of_all(&self, told: usize, looked: u64) -> Remaining {
        Remaining::new(told.saturating_add(self.change), looked.saturating_add(self.work))
    }
}

/// What is left for one effect.
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

    /// How many more accesses may be gained, and lost; nothing once it ended, or as much was looked at as may be.
    pub(crate) fn left(&self, looked: u64) -> Option<(usize, usize)> {
        (looked < self.work && !self.ended).then_some((self.gains, self.losses))
    }

    /// Whether more may be looked at, be there room to tell it or not.
    pub(crate) fn may_look(&self, looked: u64) -> bool {
        looked < self.work
    }

    /// Takes accesses that were told.
    pub(crate) fn tell(&mut self, gains: usize, losses: usize) {
        self.gains = self.gains.saturating_sub(gains);
        self.losses = self.losses.saturating_sub(losses);
    }

    /// Ends it: what comes now is not told.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }
}
