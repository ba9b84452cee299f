//! Blocked access: access that a change assigns and that a deny or a limit of its receiver blocks, or that a disabled
//! receiver cannot use.
//!
//! Such an assignment gives less now than it says, and gives the rest as soon as the deny, the limit or the status goes. Compares the
//! assigned roles as the receiver holds them with the same roles without its limits, and with the denies that apply to it.
//! Cost: for each receiver with denies, linear in its denies times the permissions of the assigned roles, up to
//! [`MOST_COMPARED`]; beyond, the access counts as blocked.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::access::change::resolve::ResolvedChange;
use crate::access::effective::holdings::Holding;
use crate::access::effective::role::Allow;
use crate::access::effective::state::AccessState;
use crate::access::matching::coverage::scopes_overlap;
use crate::access::model::facts::Exception;
use crate::input::entitlement::Permission;
use crate::input::id::{RoleId, Subject};
use crate::plan::model::{Action, Target};

/// The maximum number of comparisons of a deny with a permission.
const MOST_COMPARED: usize = 1_000_000;

/// Whether a deny or a limit blocks some of the access that a change assigns to its receivers.
pub(crate) fn is_blocked(
    after: &AccessState<'_, '_>,
    step: &ResolvedChange<'_>,
    receivers: &BTreeSet<Subject>,
) -> bool {
    let (Action::Grant(a) | Action::Adjust(a)) = &step.change.action else { return false };
    let assigned: BTreeSet<RoleId> = match &a.target {
        Target::Role(role) => BTreeSet::from([role.value.clone()]),
        Target::MemberOf(group) => {
            let own = after.own(&Subject::Group(group.value.clone()));
            own.holdings.iter().map(|holding| holding.role.clone()).collect()
        }
    };
    let mut compared = 0_usize;
    receivers.iter().any(|receiver| {
        // A disabled identity can be enabled later, as a deny can go.
        if after.disabled(receiver) {
            return true;
        }
        let own = after.own(receiver);
        own.holdings.iter().filter(|holding| assigned.contains(&holding.role)).any(|holding| {
            compared = compared.saturating_add(holding.denies.len().saturating_mul(holding.flat.allows.len()));
            compared > MOST_COMPARED || is_limited(after, receiver, holding) || is_denied(after, holding)
        })
    })
}

/// Whether the limits of a holder leave less of a role than it states.
fn is_limited(view: &AccessState<'_, '_>, holder: &Subject, holding: &Holding) -> bool {
    if view.limits(holder).is_empty() {
        return false;
    }
    let whole = view.personal(holder, &holding.role);
    let whole = if view.is_in_namespace(holding.scope.as_ref()) { whole.in_namespace(view.systems) } else { whole };
    let left: BTreeSet<&Permission> = holding.flat.allows.iter().map(|allow| &allow.permission).collect();
    !Rc::ptr_eq(&whole, &holding.flat) && whole.allows.iter().any(|allow| !left.contains(&allow.permission))
}

/// Whether an unconditional deny overlaps an allow of a role at its scope. A conditional deny takes nothing from a gain.
fn is_denied(view: &AccessState<'_, '_>, holding: &Holding) -> bool {
    holding.denies.iter().filter(|deny| deny.condition.is_none()).any(|deny| {
        scopes_overlap(view, deny.scope.as_ref(), holding.scope.as_ref())
            && holding.flat.allows.iter().any(|allow| overlaps(view, deny, allow))
    })
}

fn overlaps(view: &AccessState<'_, '_>, deny: &Exception, allow: &Allow) -> bool {
    let dialect = view.systems.dialect(allow.system.as_ref());
    let (action, resource) = (allow.permission.action.raw(), allow.permission.resource.raw());
    deny.system == allow.system
        && dialect.overlaps((action, resource), (deny.action.raw(), deny.resource.raw()))
        && !deny.except.iter().any(|left_out| {
            dialect.action_covers(left_out.action.raw(), action)
                && dialect.resource_covers(left_out.resource.raw(), resource)
        })
}
