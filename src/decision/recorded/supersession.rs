//! Which later decision replaces an earlier one of the same person.

use crate::decision::judge::Judge;
use crate::decision::recorded::record::{Record, RecordedDecision, ReviewerVerdict};
use crate::decision::recorded::rejections;
use crate::input::time::Time;

pub(crate) fn takes_place(later: &RecordedDecision, earlier: &RecordedDecision, judge: &dyn Judge) -> bool {
    match (&later.said, &earlier.said) {
        (ReviewerVerdict::Reject, ReviewerVerdict::Reject)
        | (ReviewerVerdict::Override { .. }, ReviewerVerdict::Override { .. })
        | (ReviewerVerdict::Approve { .. }, ReviewerVerdict::Override { .. })
        | (ReviewerVerdict::Override { .. }, ReviewerVerdict::Approve { .. }) => false,
        (ReviewerVerdict::Approve { .. } | ReviewerVerdict::Override { .. }, ReviewerVerdict::Reject) => {
            rejections::is_taken_back(earlier, later, judge) && judge.takes_back(later)
        }
        (ReviewerVerdict::Approve { .. }, ReviewerVerdict::Approve { .. })
        | (ReviewerVerdict::Reject, ReviewerVerdict::Approve { .. } | ReviewerVerdict::Override { .. }) => {
            later.digest == earlier.digest
        }
    }
}

impl Record {
    /// Whether a later decision of the same person supersedes this one.
    ///
    /// An override and an approval coexist, because one fills no step and the other overrides nothing. Two overrides
    /// coexist too, because they may override different policies. A rejection supersedes all of them. Only an approval
    /// or override supersedes a rejection: if a second, wider rejection did, the narrower change would be free again.
    /// It must also be one that policy permits to the person with the signing key; any other counts for nothing and
    /// must not cancel what does count.
    #[must_use]
    pub fn is_superseded(&self, earlier: &RecordedDecision, now: Time, judge: &dyn Judge) -> bool {
        self.decisions.iter().any(|later| {
            later.signer.person == earlier.signer.person
                && !later.is_from_future(now)
                && takes_place(later, earlier, judge)
                && self.knew(later, earlier)
        })
    }
}
