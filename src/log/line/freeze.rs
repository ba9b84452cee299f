//! The log lines of a freeze and of its thaw. `src/log/README.md` documents the same format.
//!
//! INVARIANT: as for every line, the fields of each struct are in the order of their JSON names.

use serde::{Deserialize, Serialize};

use super::word::{LineKind, Tag};
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::{Span, Time};

/// What a freeze stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FreezeKind {
    /// The plans of one proposer.
    Agent,
    /// Every plan.
    All,
    /// One plan.
    Plan,
    /// The plans of one task.
    Task,
}

impl FreezeKind {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::All => "all",
            Self::Plan => "plan",
            Self::Task => "task",
        }
    }

    /// The longest time for which one line freezes: a day for everything, else a week.
    #[must_use]
    pub fn longest(self) -> Span {
        match self {
            Self::All => Span::from_days(1),
            Self::Agent | Self::Plan | Self::Task => Span::from_days(7),
        }
    }
}

/// A person stops the changes of an agent, a task, a plan, or of everyone, unless they only take access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// When it was written, by the writer's clock.
    pub at: Time,
    /// What it stops.
    pub kind: FreezeKind,
    /// The id of the agent, task or plan. Absent for `all` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// The SHA-256 of the previous line.
    pub prev: Digest<of::Line>,
    /// The credentials by which a frozen agent proves its plans, sorted, so that the agent stays frozen under another name.
    /// Empty for other kinds.
    pub proofs: Vec<Text>,
    /// The person's reason.
    pub reason: Text,
    /// `freeze`.
    pub r#type: Tag<Self>,
    /// When it ends. At most [`FreezeKind::longest`] after `at`.
    pub until: Time,
}

/// A person agrees to end a freeze. It ends when enough people do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thaw {
    /// When it was written, by the writer's clock.
    pub at: Time,
    /// The hash of the `freeze` line, which is in an earlier session.
    pub freeze: Digest<of::Line>,
    /// The SHA-256 of the previous line.
    pub prev: Digest<of::Line>,
    /// The person's reason.
    pub reason: Text,
    /// `thaw`.
    pub r#type: Tag<Self>,
}

impl LineKind for Freeze {
    const WORD: &'static str = "freeze";
}

impl LineKind for Thaw {
    const WORD: &'static str = "thaw";
}
