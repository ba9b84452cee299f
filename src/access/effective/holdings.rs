//! What a subject holds directly: roles with scope, path and expiry, its groups, and the denies that apply.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::access::effective::role::Requested;
use crate::access::effective::role::ResolvedRole;
use crate::access::graph::provenance::Validity;
use crate::access::matching::coverage::{Tree, scope_covers};
use crate::access::model::facts::Exception;
use crate::input::id::{AssignmentId, ResourceId, RoleId, Subject};
use crate::input::system::System;
use crate::input::text::Text;

/// A scope, and whether the restriction to it is certain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ScopeSubtree {
    pub(crate) scope: Option<ResourceId>,
    /// False if two scopes of an unknown tree were intersected: then access is assumed, and a deny is not.
    pub(crate) sure: bool,
    /// The uncertain (pending) memberships this path depends on.
    pub(crate) rests_on: Assumptions,
}

impl ScopeSubtree {
    pub(crate) const EVERYWHERE: Self = Self { scope: None, sure: true, rests_on: Assumptions::new() };

    /// The intersection with a scope; `None` if it is empty.
    pub(crate) fn within(&self, tree: &dyn Tree, scope: Option<&ResourceId>) -> Option<Self> {
        let narrow = |scope: Option<&ResourceId>| Some(Self { scope: scope.cloned(), ..self.clone() });
        if scope_covers(tree, self.scope.as_ref(), scope) {
            return narrow(scope);
        }
        if scope_covers(tree, scope, self.scope.as_ref()) {
            return narrow(self.scope.as_ref());
        }
        let unknown = [self.scope.as_ref(), scope].into_iter().flatten().any(|s| !tree.knows(s));
        unknown.then(|| Self { scope: scope.cloned(), sure: false, ..self.clone() })
    }
}

/// Assignments and memberships that pending changes add or remove, and whose effect is therefore uncertain.
pub(crate) type Assumptions = BTreeSet<AssignmentId>;

/// A role at a scope.
#[derive(Clone, Debug)]
pub(crate) struct Holding {
    pub(crate) role: RoleId,
    pub(crate) scope: Option<ResourceId>,
    pub(crate) way: Validity,
    pub(crate) flat: Rc<ResolvedRole>,
    /// The denies that apply to it: the unconditional ones of its holder, and those that depend only on assumptions it
    /// depends on too. A deny from a change that may never be applied counts only for access that comes from the same
    /// change.
    pub(crate) denies: Rc<[Exception]>,
}

/// The direct holdings of a subject, before trusts.
#[derive(Clone, Debug, Default)]
pub(crate) struct DirectHoldings {
    /// The subject and the groups it belongs to, with the scopes of the memberships.
    pub(crate) groups: BTreeMap<(Subject, ScopeSubtree), Validity>,
    /// Distinct by role and scope, sorted.
    pub(crate) holdings: Vec<Holding>,
    /// Denies in force, sorted. Conditional ones remove nothing.
    pub(crate) denies: Rc<[Exception]>,
}

impl DirectHoldings {
    /// Whether it belongs to the same groups by the same paths as another.
    pub(crate) fn belongs_as(&self, other: &Self) -> bool {
        self.groups.len() == other.groups.len()
            && self.groups.iter().zip(&other.groups).all(|((a, way), (b, known))| a == b && way.is(known))
    }

    /// The holdings that another lacks or has with an earlier expiry.
    pub(crate) fn beyond<'o>(&'o self, other: &'o Self) -> impl Iterator<Item = &'o Holding> {
        self.holdings.iter().filter(|held| {
            let known = other.holding(&held.role, held.scope.as_ref());
            let same = |known: &Holding| {
                Rc::ptr_eq(&held.flat, &known.flat)
                    && held.way.ends() == known.way.ends()
                    && held.denies == known.denies
            };
            !known.is_some_and(same)
        })
    }

    /// The holding of a role at a scope.
    pub(crate) fn holding(&self, role: &RoleId, scope: Option<&ResourceId>) -> Option<&Holding> {
        let at = self.holdings.binary_search_by(|h| (&h.role, h.scope.as_ref()).cmp(&(role, scope))).ok()?;
        self.holdings.get(at)
    }
}

/// An access required by a trust, a rule or an escalation path.
#[derive(Clone, Debug)]
pub(crate) struct WantedAccess<'w> {
    pub(crate) action: &'w Text,
    pub(crate) resource: &'w Text,
    /// `None`: in any scope.
    pub(crate) scope: Option<&'w ResourceId>,
    /// The system of the access; `None`: any.
    pub(crate) system: Option<&'w System>,
}

impl<'w> WantedAccess<'w> {
    /// The action, resource and system to look up in a flattened role.
    pub(crate) fn requested(&self) -> Requested<'w> {
        (self.action, self.resource, self.system)
    }
}
