//! Decisions as stored in the journal of an unfinished review.

use std::collections::BTreeSet;

use crate::decision::case::CaseId;
use crate::decision::session::shown::ShownCard;
use crate::input::digest::{Digest, of};
use crate::input::id::PolicyId;
use crate::input::text::Text;

/// A decision in a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journalled {
    /// The change.
    pub case: CaseId,
    /// The digest that the person saw.
    pub digest: Digest<of::Change>,
    /// The emergent pieces that the person saw with it.
    pub emergent: BTreeSet<Digest<of::Piece>>,
    /// The verdict.
    pub verdict: JournalledVerdict,
}

/// The verdict of a journalled decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalledVerdict {
    /// Approval.
    Approve {
        /// How many changes the same answer approved; `None`: approved individually.
        grouped: Option<usize>,
        /// How much of the card was on the screen.
        shown: ShownCard,
    },
    /// Rejection.
    Reject {
        /// The reason.
        reason: Text,
        /// How much of the card was on the screen.
        shown: ShownCard,
    },
    /// An override.
    Override {
        /// The policies overridden.
        policies: BTreeSet<PolicyId>,
        /// The decision lines of the rejections to be lifted.
        lifts: BTreeSet<Digest<of::Line>>,
        /// The reason.
        reason: Text,
    },
    /// The earlier decision was withdrawn.
    Withdrawn,
}
