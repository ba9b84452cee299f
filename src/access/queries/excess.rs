//! Whether an agent has more access than it may have.
//!
//! Compares the effective access of an identity with its permitted access and returns an example of the excess, or
//! nothing. Access through groups, roles and trusts counts, and so does eligible access. Over-approximates.

use crate::access::effective::role::Allow;
use crate::access::effective::state::AccessState;
use crate::access::graph::index::Index;
use crate::access::matching::coverage::scope_covers;
use crate::input::id::{GroupId, IdentityId, ResourceId, RoleId, Subject};
use crate::input::text::Text;

/// Permitted access of an agent, within a scope or everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MayHold {
    /// A role.
    Role(RoleId, Option<ResourceId>),
    /// Membership of a group, with all access of the group.
    MemberOf(GroupId, Option<ResourceId>),
    /// An action pattern on a resource pattern.
    Access(Text, Text, Option<ResourceId>),
}

/// An example of the excess access of an identity, as a phrase; `None` if there is no excess.
#[must_use]
pub fn overbroad(index: &Index<'_>, who: &IdentityId, may: &[MayHold]) -> Option<Text> {
    let view = AccessState::plain(index);
    let mut roles: Vec<(RoleId, Option<ResourceId>)> = Vec::new();
    for one in may {
        match one {
            MayHold::Role(role, scope) => roles.push((role.clone(), scope.clone())),
            MayHold::MemberOf(group, within) => {
                let held = view.own(&Subject::Group(group.clone()));
                let placed = held.holdings.iter().map(|h| (h.role.clone(), h.scope.clone().or_else(|| within.clone())));
                roles.extend(placed);
            }
            MayHold::Access(..) => {}
        }
    }
    let fits = |role: &RoleId, scope: Option<&ResourceId>| {
        roles.iter().any(|(r, s)| r == role && scope_covers(&view, s.as_ref(), scope))
    };
    let allowed = |allow: &Allow, scope: Option<&ResourceId>| {
        let dialect = view.systems.dialect(allow.system.as_ref());
        may.iter().any(|one| match one {
            MayHold::Access(a, r, s) => {
                dialect.action_covers(a.raw(), allow.permission.action.raw())
                    && dialect.resource_covers(r.raw(), allow.permission.resource.raw())
                    && scope_covers(&view, s.as_ref(), scope)
            }
            MayHold::Role(..) | MayHold::MemberOf(..) => false,
        })
    };
    for actor in view.row(&Subject::Identity(who.clone())).keys() {
        for holding in &view.own(actor).holdings {
            if fits(&holding.role, holding.scope.as_ref()) {
                continue;
            }
            for allow in &holding.flat.allows {
                let (action, resource) = (&allow.permission.action, &allow.permission.resource);
                if !allowed(allow, holding.scope.as_ref()) {
                    let place = holding.scope.as_ref().map(|s| format!(" in `{}`", s.as_str())).unwrap_or_default();
                    let through = if actor.as_str() == who.as_str() {
                        String::new()
                    } else {
                        format!(", acting as `{}`", actor.as_str())
                    };
                    return Some(Text::from(format!(
                        "`{}` on `{}`{place} by role `{}`{through}",
                        action.raw(),
                        resource.raw(),
                        holding.role.as_str()
                    )));
                }
            }
        }
    }
    None
}

impl Index<'_> {
    /// Whether one access covers another in this snapshot by the exact rules of coverage: action, resource, scope,
    /// expiry, condition, exceptions.
    #[must_use]
    pub fn covers(
        &self,
        wide: &crate::access::model::facts::Access,
        narrow: &crate::access::model::facts::Access,
    ) -> bool {
        let view = AccessState::plain(self);
        crate::access::matching::coverage::covers(view.systems, &view, wide, narrow)
    }

    /// Whether two accesses have something in common in this snapshot, whatever their conditions and expiries.
    #[must_use]
    pub fn overlaps(
        &self,
        one: &crate::access::model::facts::Access,
        other: &crate::access::model::facts::Access,
    ) -> bool {
        let view = AccessState::plain(self);
        crate::access::matching::coverage::overlaps(view.systems, &view, one, other)
    }
}
