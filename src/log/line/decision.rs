//! The log line of a person's decision. `src/log/README.md` documents the same format.
//!
//! INVARIANT: as for every line, the fields of each struct are in the order of their JSON names.

use serde::{Deserialize, Serialize};

use super::word::{LineKind, Number, Salt, Tag, Value};
use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, PlanId, PolicyId, ResourceId};
use crate::input::text::Text;
use crate::input::time::Time;

/// The verdict of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Approves the change.
    Approve,
    /// Overrides denials, or helps to lift a rejection. It completes no step.
    Override,
    /// Rejects the change.
    Reject,
}

/// What a rejection covers within its plan id, even if the change is later reworded or widened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejected {
    /// Every access, standing or eligible, that the change would have given. A change that gives any of them is covered.
    pub accesses: Value,
    /// The name of the action.
    pub action: Text,
    /// The role or group, or the other object of the action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<Text>,
    /// The scope; absent: everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ResourceId>,
    /// The subject that would have received it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Text>,
}

/// How much of something was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// How much there was.
    pub of: Number,
    /// How much of it was on the screen; never more.
    pub seen: Number,
}

/// How much of a change's card was on the screen when the person decided. A group is one access that is shown by itself, or many
/// that are shown together with their exact number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// Groups of accesses and other facts.
    pub groups: Seen,
    /// Lines of the card.
    pub lines: Seen,
}

/// A person's decision on one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// When it was given, by the writer's clock.
    pub at: Time,
    /// The id of the change in the plan.
    pub change: ChangeId,
    /// The change digest that the person saw. An earlier `evaluation` line of the session has the same plan, change and
    /// digest.
    pub digest: Digest<of::Change>,
    /// The hashes of the whole-plan effects that were shown with it, sorted.
    pub emergent: Vec<Digest<of::Piece>>,
    /// How many changes were approved with the same answer, including this one. Absent if it was approved alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grouped: Option<Number>,
    /// The hashes of the decision lines whose rejection an override helps to lift.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifts: Vec<Digest<of::Line>>,
    /// The plan's id.
    pub plan: PlanId,
    /// The SHA-256 of the previous line.
    pub prev: Digest<of::Line>,
    /// The name under which the seal lists an approved privileged change, at most 240 bytes. Absent if the change is not
    /// privileged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privileged: Option<Text>,
    /// The person's reason. Always present for `reject` and `override`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// What the rejection covers. Present for `reject` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Rejected>,
    /// 128 random bits.
    pub salt: Salt,
    /// The policies that an override overrides, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<PolicyId>,
    /// How much of the change was on the screen. For changes approved together: of the change whose card was shown.
    pub shown: Shown,
    /// Every required step that the person may approve, in the order of `review.yaml`.
    pub steps: Vec<Text>,
    /// The hash of the decision line of the same person that this one replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<Digest<of::Line>>,
    /// `decision`.
    pub r#type: Tag<Self>,
    /// The verdict.
    pub verdict: Verdict,
}

impl LineKind for Decision {
    const WORD: &'static str = "decision";
}
