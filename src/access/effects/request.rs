//! The request to analyse a plan, and the scope of the plan's task.

use std::collections::BTreeSet;

use crate::access::change::pending::PendingChange;
use crate::access::effects::budget::Budget;
use crate::access::graph::index::Index;
use crate::access::risk::rule_files::Data;
use crate::input::id::{ChangeId, IdentityId, ResourceId};
use crate::input::time::Time;
use crate::plan::model::Plan;
use crate::snapshot::model::Snapshot;

/// The inputs of an analysis.
#[derive(Clone, Copy, Debug)]
pub struct AnalysisRequest<'a, 's> {
    /// The plan.
    pub plan: &'a Plan,
    /// The snapshot.
    pub snapshot: &'s Snapshot,
    /// Lookups over that snapshot.
    pub index: &'a Index<'s>,
    /// Classification, escalation paths and separation-of-duties pairs.
    pub data: &'a Data,
    /// The task that the plan names, if `tasks.yaml` has it.
    pub task: Option<&'a TaskScope>,
    /// Identities whose memberships `Analysis::before` must contain.
    pub people: &'a [BTreeSet<IdentityId>],
    /// The time of the analysis.
    pub now: Time,
    /// Analyse only these changes, as a plan of their own.
    pub only: Option<&'a BTreeSet<ChangeId>>,
    /// Pending changes: approved changes of other plans that may not have been applied yet. They count where they give
    /// something new together with this plan.
    pub approved: &'a [PendingChange],
    /// Limits on output and work.
    pub budget: Budget,
}

/// The scope of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskScope {
    /// Whether the task is open.
    pub open: bool,
    /// Whether it lists this proposer and this sponsor.
    pub lists_proposer_and_sponsor: bool,
    /// Where it may change access; empty: nowhere.
    pub scopes: Vec<ResourceId>,
    /// When all access that it gives must have expired; `None`: no limit.
    pub until: Option<Time>,
}
