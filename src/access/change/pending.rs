//! Pending changes: approved changes of other plans, as far as they may give access that the snapshot does not show.
//!
//! Translates a change that was approved elsewhere into changes that are analysed together with a plan: the access it
//! gives, the denies that come with that access, and anything that lifts a deny. Other removals are left out because
//! they may never be applied. Does not depend on the plan that is analysed.

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

/// A change of another plan that was approved, or automatic because of low risk.
#[derive(Clone, Debug)]
pub struct PendingChange {
    /// The id of that plan.
    pub plan: PlanId,
    /// The proposer of that plan.
    pub proposer: IdentityId,
    /// When the change was approved.
    pub at: Time,
    /// When that plan expires. Access by `ttl` lasts at most the ttl longer.
    pub expires: Time,
    /// The change.
    pub change: Change,
}

impl PendingChange {
    /// Whether the analysed plan itself still contains this change; then the change is not pending. A change that an
    /// earlier version of the same plan contained, and that was approved then, is pending.
    #[must_use]
    pub fn is_of(&self, plan: &Plan) -> bool {
        self.plan == plan.id.value && plan.changes.iter().any(|change| change.action == self.change.action)
    }

    /// The change as it was approved, if it can remove access; otherwise as far as it may give any.
    pub(crate) fn done(&self, index: &Index<'_>, now: Time) -> Vec<Change> {
        if !removes(&self.change.action) {
            return self.held(index, now);
        }
        let mut change = self.named();
        if let Action::Adjust(a) = &mut change.action
            && let Some(it) = &mut a.lifetime
        {
            it.value = Lifetime::Until(latest_end(it.value, self.expires));
        }
        vec![change]
    }

    /// The change without claims, named after its plan.
    fn named(&self) -> Change {
        let mut change = self.change.clone();
        change.id.value = ChangeId::new(format!("{}/{}", self.plan.as_str(), change.id.value.as_str()));
        change.claims.clear();
        change
    }

    /// The change as changes of a plan of its own, as far as they may give unexpired access that the snapshot does not
    /// show. They are named after their plan and have a fixed end.
    pub(crate) fn held(&self, index: &Index<'_>, now: Time) -> Vec<Change> {
        let mut change = self.named();
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
            // WHY: what the new definition removes may never be removed; what it adds counts.
            Action::SetRole(d) => {
                let parts = parts(d, index);
                let added = parts.into_iter().map(|action| Change { action, ..change.clone() });
                return added.chain(lifted).collect();
            }
            // The snapshot's role with that name may have fewer permissions.
            Action::CreateRole(d) if index.role(d.role.value.as_str()).is_some() => {
                let parts = parts(d, index).into_iter();
                return parts.map(|action| Change { action, ..change.clone() }).collect();
            }
            // Its denies apply to the access that comes with it, unless the role may already have holders.
            Action::CreateRole(d) => {
                let is_named = index.names_role(d.role.value.as_str());
                d.permissions.retain(|p| p.value.effect == Effect::Allow || !is_named);
                true
            }
            // WHY: once the role is deleted, identities that it bounds can do what it does not allow.
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

/// The additions of a definition to a role, part by part.
pub(crate) fn parts(d: &RoleDefinition, index: &Index<'_>) -> Vec<Action> {
    let known = index.role(d.role.value.as_str());
    let has = |p: &Permission| known.is_some_and(|role| role.permissions.contains(p));
    let new = |p: &&Placed<Permission>| p.value.effect == Effect::Allow && !has(&p.value);
    let further = |i: &&Placed<RoleId>| known.is_none_or(|role| !role.includes.contains(&i.value));
    let denied: Vec<&Permission> = d.permissions.iter().map(|p| &p.value).filter(|p| denies(p) && !has(p)).collect();
    // Its other denies apply to what it adds.
    let less = |p: &Placed<Permission>| {
        let mut p = p.clone();
        leave_out(&mut p.value, &denied);
        p
    };
    let permissions = d.permissions.iter().filter(new).map(|p| Action::AddPermission(d.role.clone(), less(p)));
    let includes = d.includes.iter().filter(further).map(|i| Action::AddInclude(d.role.clone(), i.clone()));
    permissions.chain(includes).collect()
}

/// Whether the snapshot shows an assignment that gives the same access for at least as long.
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

/// Whether an action can remove access.
pub(crate) fn removes(action: &Action) -> bool {
    match action {
        Action::Revoke(_)
        | Action::Adjust(_)
        | Action::DeleteRole(_)
        | Action::SetRole(_)
        | Action::RemovePermission(..)
        | Action::RemoveInclude(..)
        | Action::DeleteGroup(_)
        | Action::DisableIdentity(_)
        | Action::DeleteIdentity(_)
        | Action::DeleteResource(_)
        | Action::RemoveTrust(_) => true,
        Action::Grant(_)
        | Action::CreateRole(_)
        | Action::AddPermission(..)
        | Action::AddInclude(..)
        | Action::CreateGroup(..)
        | Action::CreateIdentity(..)
        | Action::SetOwner(..)
        | Action::CreateResource(..)
        | Action::AddTrust(_)
        | Action::IssueCredential(_)
        | Action::RotateCredential(..)
        | Action::RevokeCredential(_)
        | Action::SuppressFinding(_) => false,
    }
}

/// Whether a change removes access or adds a deny.
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

/// Whether the snapshot has a different object with the name of one that a change creates.
pub(crate) fn is_other(change: &Change, index: &Index<'_>) -> bool {
    let snapshot = index.snapshot();
    if let Action::AddTrust(d) = &change.action {
        return snapshot.trusts.iter().find(|t| t.id == d.trust.value).is_some_and(|known| {
            known.from != d.from.value
                || known.to != d.to.value
                || known.requires.as_ref() != d.requires.as_ref().map(|r| &r.value)
        });
    }
    // An existing credential may belong to anyone: exports do not show who can use it.
    matches!(&change.action, Action::IssueCredential(c) if snapshot.credentials.iter().any(|k| k.id == c.credential.value))
}

/// Gives a trust or a credential a unique name. Returns whether the change creates one.
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
