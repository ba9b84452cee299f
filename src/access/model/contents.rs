//! What a change states or grants: permissions, included roles and labels, each with whether it is added, removed or
//! kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::model::access::Access;
use crate::input::entitlement::{Effect, IdentityKind, Sensitivity};
use crate::input::id::{IdentityId, RoleId};
use crate::input::text::Text;

/// What a change does to a part of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The change adds or grants it.
    Added,
    /// The change removes it.
    Removed,
    /// It is unchanged.
    Kept,
}

/// A permission that a change states or grants, classified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// The role that states it: the named one, or one that it includes.
    pub role: RoleId,
    /// Its access, without an expiry of its own. The exceptions are those of the permission.
    pub access: Access,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// What the change does to it.
    pub fate: Fate,
    /// The sensitivity of the access by classification.
    pub sensitivity: Sensitivity,
    /// Why the access is privileged, if it is.
    pub privileged: Option<Text>,
}

/// The labels of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleLabels {
    /// The kinds of identity it is intended for; empty: any.
    pub kinds: BTreeSet<IdentityKind>,
    /// The owner.
    pub owner: Option<IdentityId>,
    /// The sensitivity label.
    pub sensitivity: Option<Sensitivity>,
}

/// What a change states or grants, whether or not anyone gains access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Permissions of the role, of the roles it includes, or of the roles that a group holds.
    pub permissions: Arc<[Stated]>,
    /// The roles that it includes, transitively.
    pub includes: Vec<(RoleId, Fate)>,
    /// The labels of the role, before and after.
    pub labels: Option<(Option<RoleLabels>, Option<RoleLabels>)>,
    /// The number of permissions that are not listed.
    pub not_listed: u64,
}

impl Default for Contents {
    fn default() -> Self {
        Self { permissions: [].into(), includes: Vec::new(), labels: None, not_listed: 0 }
    }
}
