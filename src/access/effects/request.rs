//! The request to analyse a plan, and the scope of the task that the plan serves.

use std::collections::BTreeSet;

use crate::access::change::pending::PendingChange;
use crate::access::effects::budget::Budget;
use crate::access::graph::index::Index;
use crate::access::risk::rule_files::Data;
use crate::input::id::{ChangeId, IdentityId, ResourceId};
use crate::input::time::Time;
use crate::plan::model::Plan;
use crate::snapshot::model::Snapshot;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct AnalysisRequest<'a, 's> {
    /// The plan.
    pub plan: &'a Plan,
    /// The snapshot.
    pub snapshot: &'s Snapshot,
    /// Lookups over that snapshot.
    pub index: &'a Index<'s>,
    /// Classification, escalation paths and pairs to be kept apart.
    pub data: &'a Data,
    /// The task that the plan names, if `tasks.yaml` knows it.
    pub task: Option<&'a TaskScope>,
    /// Identities whose memberships `Analysis::before` must hold.
    pub people: &'a [BTreeSet<IdentityId>],
    /// The time of the question.
    pub now: Time,
    /// Analyse only these changes, as a plan of their own.
    pub only: Option<&'a BTreeSet<ChangeId>>,
    /// What other plans were approved for and may not have been done yet: counted as held where it gives something new
    /// together with this plan.
    pub approved: &'a [PendingChange],
    /// How much may be told.
    pub budget: Budget,
}

/// What a task allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskScope {
    /// Whether it is open.
    pub open: bool,
    /// Whether it lists this proposer and this sponsor.
    pub lists_proposer_and_sponsor: bool,
    /// Where it may change access; empty: nowhere.
    pub scopes: Vec<ResourceId>,
    /// When all that it gives must have ended; none: no bound.
    pub until: Option<Time>,
}
