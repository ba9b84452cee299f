//! Paths from a subject to an access, and the access that a subject keeps, as plain data.

use std::sync::Arc;

use crate::input::entitlement::Mode;
use crate::input::id::{AssignmentId, GroupId, RoleId, Subject, TrustId};

/// One step of the path from a subject to an access, in reading order from the subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathStep {
    /// Belongs to a group: by the group's own list, by its rule, or by an assignment.
    Member(GroupId, Option<AssignmentId>),
    /// Holds a role by an assignment.
    Holds(RoleId, AssignmentId, Mode),
    /// The role includes another.
    Includes(RoleId),
    /// Acts as another by a trust or a trust rule.
    ActsAs(Subject, TrustId),
}

/// The path from a subject to an access. Shared by all facts that contain it.
pub type AccessPath = Arc<[PathStep]>;

/// The access that a subject keeps although a change removes it by one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The subject.
    pub subject: Subject,
    /// The path by which it still has the access.
    pub path: AccessPath,
    /// How many of the removed accesses it still has by this path.
    pub accesses: u64,
    /// How many accesses the change removes from the subject in total.
    pub of: u64,
}

impl Kept {
    /// Whether the subject can reach the access only by acting as another.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.path.iter().any(|step| matches!(step, PathStep::ActsAs(..)))
    }
}
