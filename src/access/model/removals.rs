//! Mass removals, as plain data.

use std::collections::BTreeSet;

use crate::input::id::{ChangeId, GroupId, IdentityId, ResourceId, RoleId};
use crate::input::text::Text;

/// What a mass removal removes. The order is by severity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Removed {
    /// Access, a credential or ownership of an identity of a person of people.yaml.
    Approver(IdentityId),
    /// A privileged entitlement, from all its holders.
    LastHolder(Removable),
    /// All access of an identity.
    Everything(IdentityId),
    /// An entitlement or access, from more than half of its holders and more than three, or from all of two or more.
    Holders(Removable),
}

/// An entitlement that subjects can lose.
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
    /// An action on a resource, in any scope, whatever roles give it.
    Access(Text, Text),
}

/// A mass removal of a plan, together with removals in other plans of its proposer within a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MassRemoval {
    /// What is removed.
    pub what: Removed,
    /// The number of subjects that lose it; for an identity, 1.
    pub taken: u64,
    /// The number of subjects that have it before; for an identity, 1.
    pub of: u64,
    /// The changes of the plan that remove or redefine access.
    pub changes: BTreeSet<ChangeId>,
    /// Changes in other plans of the same proposer that count towards it: `PLAN/CHANGE`.
    pub with: BTreeSet<ChangeId>,
}

impl MassRemoval {
    /// The removal, as one clause.
    #[must_use]
    pub fn in_words(&self) -> String {
        let holders = |n: u64| if n == 1 { "the only holder".to_owned() } else { format!("all {n} holders") };
        match &self.what {
            Removed::Approver(id) => {
                format!("the plan removes access of `{}`, an approver in people.yaml", id.as_str())
            }
            Removed::LastHolder(thing) => {
                format!("the plan removes the privileged {} from {}", thing.in_words(), holders(self.of))
            }
            Removed::Everything(id) => format!("the plan removes all access of `{}`", id.as_str()),
            Removed::Holders(thing) => {
                let from = if self.taken == self.of {
                    holders(self.of)
                } else {
                    format!("{} of its {} holders", self.taken, self.of)
                };
                format!("the plan removes {} from {from}", thing.in_words())
            }
        }
    }
}

impl Removable {
    /// The entitlement, as one phrase.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Role(role) => format!("role `{}`", role.as_str()),
            Self::RoleAt(role, scope) => format!("role `{}` in `{}`", role.as_str(), scope.as_str()),
            Self::Group(group) => format!("membership of `{}`", group.as_str()),
            Self::Scope(scope) => format!("access to `{}`", scope.as_str()),
            Self::Access(action, resource) => format!("access to `{}` on `{}`", action.raw(), resource.raw()),
        }
    }
}

impl Removed {
    /// The entitlement that is removed from its holders; `None` if the removal is from one identity.
    #[must_use]
    pub fn thing(&self) -> Option<&Removable> {
        match self {
            Self::LastHolder(thing) | Self::Holders(thing) => Some(thing),
            Self::Approver(_) | Self::Everything(_) => None,
        }
    }

    /// The name for policies and machine-readable output.
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
