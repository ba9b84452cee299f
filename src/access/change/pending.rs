//! Approved: a change of another plan, as far as it may give something that the snapshot does not show.
//!
//! In: a change that was approved elsewhere, and an index. Out: the changes that stand for it beside a plan: what it gives,
//! with the denies that come with it, and what would lift a deny. What it takes otherwise is not counted on: it may never be
//! done. Never looks at the plan that it stands beside.

use std::collections::BTreeSet;

use crate::access::change::pending_denies::{denies, lifted};
use crate::access::change::references::{Name, entitlement, outline};
use crate::access::change::terms::{becomes, latest_end};
use crate::access::effective::role::leave_out;
use crate::access::graph::index::Index;
use crate::input::entitlement::{Effect, Mode, Permission};
use crate::input::id::{ChangeId, CredentialId, Entitlement, IdentityId, PlanId, RoleId, TrustId};
use crate::input::place::Placed;
use crate::input::time::Time;
use crate::plan::model::{Action, AssignmentChange, Change, Lifetime, Plan, RoleDefinition};

/// A change of another plan that was approved, or passed as low risk.
#[derive(Clone, Debug)]
pub struct PendingChange {
    /// That plan.
    pub plan: PlanId,
    /// Who proposed it.
    pub proposer: IdentityId,
    /// When it was approved.
    pub at: Time,
    /// When that plan is void: access by `ttl` lasts at most so much longer.
    pub expires: Time,
    /// The change.
    pub change: Change,
}

impl PendingChange {
    /// Whether the plan itself still holds this change: then it is no other's. What the plan with this id held when the
    /// change was approved, and holds no longer, is.
    #[must_use]
    pub fn is_of(&self, plan: &Plan) -> bool {
        self.plan == plan.id.value && plan.changes.iter().any(|change| change.action == self.change.action)
    }

    /// The change as changes of a plan of its own, as far as they may give access that has not ended and the snapshot does
    /// not show: named after its plan, with a fixed end.
    pub(crate) fn held(&self, index: &Index<'_>, now: Time) -> Vec<Change> {
        let mut change = self.change.clone();
        change.id.value = ChangeId::new(format!("{}/{}", self.plan.as_str(), change.id.value.as_str()));
        change.claims.clear();
        let fix = |lifetime: &mut Option<Placed<Lifetime>>| {
            let Some(it) = lifetime else { return true };
            let end = latest_end(it.value, self.expires);
            it.value = Lifetime::Until(end);
            end > now
        };
        let lifted: Vec<Change> = lifted(index, &change.action, self.expires)
            .into_iter()
            .map(|action| Change { action, ..change.clone() })
            .collect();
        let gives = match &mut change.action {
            Action::Grant(a) => fix(&mut a.lifetime) && !is_shown(a, index, self.expires),
            Action::Adjust(a) => {
                let mut given = a.clone();
                given.assignment = None;
                let lasts = fix(&mut given.lifetime) && !is_shown(&given, index, self.expires);
                change.action = Action::Grant(given);
                lasts
            }
            Action::IssueCredential(c) => fix(&mut c.lifetime),
            Action::RotateCredential(_, to, lifetime) => to.is_some() && fix(lifetime),
            Action::AddPermission(_, permission) => permission.value.effect == Effect::Allow,
            Action::RemovePermission(_, permission) => permission.value.effect == Effect::Deny,
            // WHY: what the new definition takes may never be taken; what it adds counts.
            Action::SetRole(d) => {
                let parts = parts(d, index);
                let added = parts.into_iter().map(|action| Change { action, ..change.clone() });
                return added.chain(lifted).collect();
            }
            // What the snapshot has under that name may be less.
            Action::CreateRole(d) if index.role(d.role.value.as_str()).is_some() => {
                let parts = parts(d, index).into_iter();
                return parts.map(|action| Change { action, ..change.clone() }).collect();
            }
            // What it denies counts for what comes with it, unless somebody is said to hold it already.
            Action::CreateRole(d) => {
                let is_named = index.names_role(d.role.value.as_str());
                d.permissions.retain(|p| p.value.effect == Effect::Allow || !is_named);
                true
            }
            // WHY: without it whom it bounds may do what it does not allow.
            Action::DeleteRole(role) => !index.limited_by(role.value.as_str()).is_empty(),
            Action::AddInclude(..)
            | Action::CreateGroup(..)
            | Action::CreateIdentity(..)
            | Action::CreateResource(..)
            | Action::AddTrust(_) => true,
            Action::Revoke(_)
            | Action::RemoveInclude(..)
            | Action::DeleteGroup(_)
            | Action::DisableIdentity(_)
            | Action::DeleteIdentity(_)
            | Action::SetOwner(..)
            | Action::DeleteResource(_)
            | Action::RemoveTrust(_)
            | Action::RevokeCredential(_)
            | Action::SuppressFinding(_) => false,
        };
        gives.then_some(change).into_iter().chain(lifted).collect()
    }
}

/// What a definition adds to a role, part by part.
pub(crate) fn parts(d: &RoleDefinition, index: &Index<'_>) -> Vec<Action> {
    let known = index.role(d.role.value.as_str());
    let has = |p: &Permission| known.is_some_and(|role| role.permissions.contains(p));
    let new = |p: &&Placed<Permission>| p.value.effect == Effect::Allow && !has(&p.value);
    let further = |i: &&Placed<RoleId>| known.is_none_or(|role| !role.includes.contains(&i.value));
    let denied: Vec<&Permission> = d.permissions.iter().map(|p| &p.value).filter(|p| denies(p) && !has(p)).collect();
    // What it denies besides counts for what it adds.
    let less = |p: &Placed<Permission>| {
        let mut p = p.clone();
        leave_out(&mut p.value, &denied);
        p
    };
    let permissions = d.permissions.iter().filter(new).map(|p| Action::AddPermission(d.role.clone(), less(p)));
    let includes = d.includes.iter().filter(further).map(|i| Action::AddInclude(d.role.clone(), i.clone()));
    permissions.chain(includes).collect()
}

/// Whether the snapshot shows an assignment that gives as much, as long.
fn is_shown(a: &AssignmentChange, index: &Index<'_>, expires: Time) -> bool {
    let wanted = entitlement(&a.target);
    let (mode, until) = becomes(a, None, expires);
    index.held_by(a.to.value.raw()).any(|(_, held)| {
        let same = match &wanted {
            Entitlement::Role(role) => held.role.as_ref() == Some(role),
            Entitlement::Membership(group) => held.member_of.as_ref() == Some(group),
        };
        same && held.scope == a.scope.as_ref().map(|scope| scope.value.clone())
            && (held.mode == mode || held.mode == Mode::Standing)
            && held.until.is_none_or(|end| until.is_some_and(|wanted| wanted <= end))
    })
}

/// Whether a change takes access or denies.
pub(crate) fn takes(change: &Change) -> bool {
    let action = &change.action;
    matches!(
        action,
        Action::Revoke(_)
            | Action::RemovePermission(..)
            | Action::RemoveInclude(..)
            | Action::DeleteRole(_)
            | Action::SetRole(_)
    )
}

/// Whether the snapshot shows something else under the name of what a change makes.
pub(crate) fn is_other(change: &Change, index: &Index<'_>) -> bool {
    let snapshot = index.snapshot();
    if let Action::AddTrust(d) = &change.action {
        return snapshot.trusts.iter().find(|t| t.id == d.trust.value).is_some_and(|known| {
            known.from != d.from.value
                || known.to != d.to.value
                || known.requires.as_ref() != d.requires.as_ref().map(|r| &r.value)
        });
    }
    // A credential that is there may be anybody's: who can act by it no export says.
    matches!(&change.action, Action::IssueCredential(c) if snapshot.credentials.iter().any(|k| k.id == c.credential.value))
}

/// Gives a trust or a credential a name of its own, which nothing else goes by; whether it is one.
pub(crate) fn rename(change: &mut Change, id: &ChangeId, made: &mut BTreeSet<Name>) -> bool {
    let name = |old: &str| format!("{old} (of {})", id.as_str());
    if let Action::AddTrust(d) = &mut change.action {
        d.trust.value = TrustId::new(name(d.trust.value.as_str()));
    } else if let Action::IssueCredential(c) = &mut change.action {
        c.credential.value = CredentialId::new(name(c.credential.value.as_str()));
    } else {
        return false;
    }
    outline(change).makes.is_some_and(|new| made.insert(new))
}
