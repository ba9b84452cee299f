//! The bundle: what an executor receives, and what it may be rendered to.
//!
//! The model is plain data with a JSON Schema (`review schema bundle`). [`kubernetes`] and [`postgresql`] render it for an
//! executor; each refuses by name what its system cannot express, and no output contains outside text unquoted. Nothing here
//! decides: which changes are in a bundle, and in which order, comes in with the model.

pub mod kubernetes;
pub mod postgresql;
mod sql;

use schemars::JsonSchema;
use serde::Serialize;

use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, IdentityId, PlanId, PrincipalId, TaskId};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::plan::model::Action;
use crate::snapshot::model::{Snapshot, SystemTarget};

/// The approved changes of a plan, for the executor that applies them.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportBundle {
    /// The version of this format: 1.
    pub version: u32,
    /// The key by which an executor recognises that it has applied this bundle: equal for equal changes on equal approvals.
    pub idempotency_key: Text,
    /// When it was exported.
    pub exported_at: Time,
    /// The plan.
    pub plan: BundlePlan,
    /// The systems that it is for, sorted. An executor must refuse any other.
    pub targets: Vec<SystemTarget>,
    /// The snapshot that the effects were computed from.
    pub snapshot: BundleSnapshot,
    /// The log, and the seals that the approvals rest on.
    pub log: BundleLog,
    /// The changes, in the order in which they are to be applied: reductions first.
    pub changes: Vec<BundleChange>,
    /// The changes of the plan that are not in the bundle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<ChangeId>,
    /// How to undo the bundle.
    pub rollback: Rollback,
}

/// The plan of a bundle.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundlePlan {
    /// Its id.
    pub id: PlanId,
    /// The SHA-256 of its exact bytes.
    pub sha256: Digest<of::File>,
    /// The identity that proposed it.
    pub proposer: IdentityId,
    /// The person for whom it was proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<IdentityId>,
    /// Its task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// Its purpose, in the proposer's words.
    pub intent: Text,
    /// When it expires. An executor must not apply it later.
    pub expires: Time,
}

/// The snapshot of a bundle.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleSnapshot {
    /// The SHA-256 of the file.
    pub sha256: Digest<of::File>,
    /// When the export was taken.
    pub taken_at: Time,
}

/// The log of a bundle.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleLog {
    /// Its id.
    pub id: Text,
    /// The hashes of the seal lines of its heads when the bundle was made, sorted.
    pub heads: Vec<Digest<of::Line>>,
}

/// An approved change.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleChange {
    /// Its id in the plan.
    pub id: ChangeId,
    /// Its digest.
    pub digest: Digest<of::Change>,
    /// Whether it only takes access.
    pub reduces: bool,
    /// The change as plans write it (`review schema plan`).
    pub change: serde_json::Value,
    /// When what it gives ends at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at_latest: Option<Time>,
    /// Until when its approvals count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_until: Option<Time>,
    /// The lines of the log that it rests on, sorted by hash. None: automatic by policy, and this export records that.
    pub approvals: Vec<BundleApproval>,
}

/// A line of the log that a change rests on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleApproval {
    /// The hash of the line.
    pub sha256: Digest<of::Line>,
    /// The session.
    pub session: Text,
    /// The line of its file, from 1.
    pub line: u64,
    /// The hash of the seal of its session.
    pub seal: Digest<of::Line>,
    /// `approve`, `override` or `auto`.
    pub verdict: Text,
    /// The principal that signed it.
    pub principal: PrincipalId,
}

/// How to undo a bundle.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// The SHA-256 of the inverse plan's exact text; absent if nothing can be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest<of::File>>,
    /// The inverse plan. Like any plan, it must be proposed, signed and approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Text>,
    /// What the inverse plan does not restore.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_restored: Vec<NotRestored>,
}

/// What is not restored by undoing a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotRestored {
    /// The change.
    pub change: ChangeId,
    /// What is not restored.
    pub what: Text,
}

/// A bundle with what renderers for one system need besides: the typed changes, and the snapshot before and after them.
#[derive(Clone, Copy, Debug)]
pub struct ForExecutor<'b> {
    /// The bundle.
    pub bundle: &'b ExportBundle,
    /// Its changes as typed actions, in its order.
    pub actions: &'b [Action],
    /// The snapshot before.
    pub before: &'b Snapshot,
    /// The snapshot that the changes lead to.
    pub after: &'b Snapshot,
}

impl<'b> ForExecutor<'b> {
    fn changes(&self) -> impl Iterator<Item = (&'b BundleChange, &'b Action)> {
        self.bundle.changes.iter().zip(self.actions)
    }

    /// The fault of a merged snapshot: ids of a part may have a prefix, which the system itself does not know.
    fn of_several_systems(&self) -> Option<NotExpressible> {
        let why = "the snapshot merges several systems, and its ids are not those of one of them";
        (!self.before.parts.is_empty()).then(|| NotExpressible { change: None, why: why.to_owned() })
    }
}

/// A change that a system cannot express.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotExpressible {
    /// The change; none: the whole bundle.
    pub change: Option<ChangeId>,
    /// Why.
    pub why: String,
}

/// The JSON Schema (2020-12) of a bundle.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(ExportBundle)
}

/// Writes a bundle as indented JSON with a final LF.
///
/// # Errors
/// Only if the JSON writer fails; every bundle has a JSON form.
pub fn write(bundle: &ExportBundle) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(bundle)? + "\n")
}

#[cfg(test)]
mod tests;
