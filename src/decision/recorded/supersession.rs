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
    /// Whether some later decision of the same person takes the place of this one.
    ///
    /// An override and an approval stand side by side, because one fills no step and the other sets nothing aside; so do
    /// two overrides, which may set different things aside. A reject takes the place of them all. Only a yes takes the place of
    /// a reject: were a second, wider reject to do so, the narrower change would be free again. And only a yes that policy
    /// permits its person with the key that signed it: another counts for nothing, and must not undo what does count.
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
