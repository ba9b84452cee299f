//! Decisions as the journal of an unfinished review holds them.

use std::collections::BTreeSet;

use crate::decision::case::CaseId;
use crate::decision::session::shown::ShownCard;
use crate::input::digest::{Digest, of};
use crate::input::id::PolicyId;
use crate::input::text::Text;

/// A decision as a journal holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journalled {
    /// The change.
    pub case: CaseId,
    /// The digest that the person saw.
    pub digest: Digest<of::Change>,
    /// The whole-plan pieces that the person saw beside it.
    pub emergent: BTreeSet<Digest<of::Piece>>,
    /// What was said.
    pub verdict: JournalledVerdict,
}

/// What a journalled decision says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalledVerdict {
    /// Yes.
    Approve {
        /// How many changes the same answer approved; none: alone.
        grouped: Option<usize>,
        /// How much of the card was on the screen.
        shown: ShownCard,
    },
    /// No.
    Reject {
        /// Why.
        reason: Text,
        /// How much of the card was on the screen.
        shown: ShownCard,
    },
    /// An override.
    Override {
        /// The policies set aside.
        policies: BTreeSet<PolicyId>,
        /// The decision lines of the rejects to be lifted.
        lifts: BTreeSet<Digest<of::Line>>,
        /// Why.
        reason: Text,
    },
    /// What was said before no longer stands.
    Withdrawn,
}
