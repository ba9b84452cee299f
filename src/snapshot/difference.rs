//! Compares two snapshots.
//!
//! It lists the gained and lost assignments (compared by content, not by id), and the roles, groups and trusts whose
//! definition changed. It does not compute effective access; `access` does.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::entitlement::Mode;
use crate::input::id::{GroupId, ResourceId, RoleId, TrustId};
use crate::input::text::Text;
use crate::input::time::Time;

use super::model::{Assignment, Snapshot};

/// The content of an assignment without its id and its history.
type Grant<'a> = (&'a Text, Option<&'a RoleId>, Option<&'a GroupId>, Option<&'a ResourceId>, Mode, Option<Time>);

/// The difference between two snapshots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Assignments that only the later snapshot contains, in its order.
    pub gained: Vec<Assignment>,
    /// Assignments that only the earlier snapshot contains, in its order.
    pub lost: Vec<Assignment>,
    /// Roles that were added, removed or redefined.
    pub roles: BTreeSet<RoleId>,
    /// Groups that were added, removed or whose members changed.
    pub groups: BTreeSet<GroupId>,
    /// Trusts and trust rules that were added, removed or redefined.
    pub trusts: BTreeSet<TrustId>,
}

/// Compares two snapshots. Swapping the arguments swaps `gained` and `lost`.
#[must_use]
pub fn difference(before: &Snapshot, after: &Snapshot) -> Difference {
    let mut trusts = changed(&before.trusts, &after.trusts, |t| &t.id);
    trusts.extend(changed(&before.trust_rules, &after.trust_rules, |t| &t.id));
    Difference {
        gained: only(after, before),
        lost: only(before, after),
        roles: changed(&before.roles, &after.roles, |r| &r.id),
        groups: changed(&before.groups, &after.groups, |g| &g.id),
        trusts,
    }
}

fn grant(a: &Assignment) -> Grant<'_> {
    (&a.who, a.role.as_ref(), a.member_of.as_ref(), a.scope.as_ref(), a.mode, a.until)
}

fn only(here: &Snapshot, there: &Snapshot) -> Vec<Assignment> {
    let known: BTreeSet<Grant<'_>> = there.assignments.iter().map(grant).collect();
    here.assignments.iter().filter(|a| !known.contains(&grant(a))).cloned().collect()
}

fn changed<T: PartialEq, I: Ord + Clone>(before: &[T], after: &[T], id: impl Fn(&T) -> &I) -> BTreeSet<I> {
    let old: BTreeMap<&I, &T> = before.iter().map(|t| (id(t), t)).collect();
    let new: BTreeMap<&I, &T> = after.iter().map(|t| (id(t), t)).collect();
    old.keys().chain(new.keys()).filter(|id| old.get(*id) != new.get(*id)).map(|id| (*id).clone()).collect()
}
