//! Mass removals, as plain data.

use std::collections::BTreeSet;

use crate::input::id::{ChangeId, GroupId, IdentityId, ResourceId, RoleId};

/// Whose access, or access to what, a plan removes in large part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Removed {
    /// An identity of a person who may approve loses something.
    Approver(IdentityId),
    /// Nobody is left who holds this, and it is privileged.
    LastHolder(Removable),
    /// An identity loses all its access.
    Everything(IdentityId),
    /// More than half of the holders of this lose it, and more than three.
    Holders(Removable),
}

/// What subjects hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Removable {
    /// A role, anywhere.
    Role(RoleId),
    /// A role at a scope.
    RoleAt(RoleId, ResourceId),
    /// Membership of a group.
    Group(GroupId),
    /// Any role that is assigned at exactly this scope.
    Scope(ResourceId),
}

/// A mass removal: what a plan takes in large part, together with what its proposer took within a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MassRemoval {
    /// What.
    pub what: Removed,
    /// How many lose it; for an identity, 1.
    pub taken: u64,
    /// How many hold it before; for an identity, 1.
    pub of: u64,
    /// The changes of the plan that take or redefine anything.
    pub changes: BTreeSet<ChangeId>,
    /// Changes of other plans of the same proposer that count as well: `PLAN/CHANGE`.
    pub with: BTreeSet<ChangeId>,
}

impl MassRemoval {
    /// What is removed, one clause.
    #[must_use]
    pub fn in_words(&self) -> String {
        let holders = |n: u64| if n == 1 { "the only holder".to_owned() } else { format!("all {n} holders") };
        match &self.what {
            Removed::Approver(id) => {
                format!("the plan takes access from `{}`, an approver of people.yaml", id.as_str())
            }
            Removed::LastHolder(thing) => {
                format!("the plan takes the privileged {} from {}", thing.in_words(), holders(self.of))
            }
            Removed::Everything(id) => format!("the plan takes all access of `{}`", id.as_str()),
            Removed::Holders(thing) => {
                format!("the plan takes {} from {} of its {} holders", thing.in_words(), self.taken, self.of)
            }
        }
    }
}

impl Removable {
    /// What it is, one phrase.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Role(role) => format!("role `{}`", role.as_str()),
            Self::RoleAt(role, scope) => format!("role `{}` in `{}`", role.as_str(), scope.as_str()),
            Self::Group(group) => format!("membership of `{}`", group.as_str()),
            Self::Scope(scope) => format!("access to `{}`", scope.as_str()),
        }
    }
}

impl Removed {
    /// What is removed from its holders; none where it is removed from one identity.
    #[must_use]
    pub fn thing(&self) -> Option<&Removable> {
        match self {
            Self::LastHolder(thing) | Self::Holders(thing) => Some(thing),
            Self::Approver(_) | Self::Everything(_) => None,
        }
    }

    /// The word for policies and machines.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Approver(_) => "approver",
            Self::LastHolder(_) => "last-holder",
            Self::Everything(_) => "everything",
            Self::Holders(_) => "holders",
        }
    }
}
