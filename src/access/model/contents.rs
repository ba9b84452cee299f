//! What a change states or gives: permissions, included roles and labels, each with what becomes of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::model::access::Access;
use crate::input::entitlement::{Effect, IdentityKind, Sensitivity};
use crate::input::id::{IdentityId, RoleId};
use crate::input::text::Text;

/// What becomes of a part of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The change adds it, or gives it.
    Added,
    /// It is taken away.
    Removed,
    /// It stays.
    Kept,
}

/// A permission that a change states or gives, classified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// The role that states it: the one named, or one that it includes.
    pub role: RoleId,
    /// What it is about. It has no end of its own; its exceptions are what it leaves out.
    pub access: Access,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// What becomes of it.
    pub fate: Fate,
    /// What the classification says of what it gives.
    pub sensitivity: Sensitivity,
    /// Whether that is privileged, and why.
    pub privileged: Option<Text>,
}

/// What a role says of itself beside its permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleLabels {
    /// The kinds of identity it is meant for; empty: any.
    pub kinds: BTreeSet<IdentityKind>,
    /// Who answers for it.
    pub owner: Option<IdentityId>,
    /// Its label.
    pub sensitivity: Option<Sensitivity>,
}

/// What a change states or gives, whether or not anyone gains by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Permissions of the role, of what it includes, or of the roles that a group holds.
    pub permissions: Arc<[Stated]>,
    /// The roles that it includes, transitively.
    pub includes: Vec<(RoleId, Fate)>,
    /// What the role says of itself, before and after.
    pub labels: Option<(Option<RoleLabels>, Option<RoleLabels>)>,
    /// How many permissions are not listed.
    pub not_listed: u64,
}

impl Default for Contents {
    fn default() -> Self {
        Self { permissions: [].into(), includes: Vec::new(), labels: None, not_listed: 0 }
    }
}
