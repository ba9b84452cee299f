//! Targets: the objects that a change names, the terms of its assignment before and after, and whether it is
//! reversible.
//!
//! Computes typed names for policies, reports and decisions from a resolved step and the state after it.

use std::collections::BTreeSet;

use crate::access::change::resolve::{ResolvedChange, Taken};
use crate::access::change::terms::becomes;
use crate::access::effective::state::{AccessState, RoleState};
use crate::access::graph::closure::closure;
use crate::access::graph::index::Index;
use crate::access::matching::coverage::ends_within;
use crate::access::model::facts::{AssignmentTerms, ChangeTargets};
use crate::input::entitlement::{Effect, Mode};
use crate::input::id::{AssignmentId, IdentityId, RoleId, Subject};
use crate::input::time::{Span, Time};
use crate::plan::model::{Action, AssignmentChange, Lifetime, Owned, Target};

/// The objects that a change names.
pub(crate) fn named(view: &AccessState<'_, '_>, step: &ResolvedChange<'_>) -> ChangeTargets {
    let mut named = ChangeTargets::default();
    match &step.change.action {
        Action::Grant(a) | Action::Revoke(a) | Action::Adjust(a) => assignment(view, a, &mut named),
        Action::CreateRole(d) | Action::SetRole(d) => named.role = Some(d.role.value.clone()),
        Action::DeleteRole(role) => named.role = Some(role.value.clone()),
        Action::AddPermission(role, permission) | Action::RemovePermission(role, permission) => {
            named.role = Some(role.value.clone());
            named.permission = Some(permission.value.clone());
            let system = view.system_of(&role.value);
            named.breadth = view.systems.dialect(system.as_ref()).breadth(&permission.value);
        }
        Action::AddInclude(role, include) | Action::RemoveInclude(role, include) => {
            named.role = Some(role.value.clone());
            named.include = Some(include.value.clone());
        }
        Action::CreateGroup(d) => named.group = Some(d.group.value.clone()),
        Action::DeleteGroup(group) => named.group = Some(group.value.clone()),
        Action::CreateIdentity(id, ..) | Action::DisableIdentity(id) | Action::DeleteIdentity(id) => {
            named.identity = Some(id.value.clone());
        }
        Action::SetOwner(what, _) => match what {
            Owned::Identity(id) => named.identity = Some(id.value.clone()),
            Owned::Group(id) => named.group = Some(id.value.clone()),
            Owned::Role(id) => named.role = Some(id.value.clone()),
            Owned::Resource(id) => named.scope = Some(id.value.clone()),
        },
        Action::CreateResource(resource, ..) | Action::DeleteResource(resource) => {
            named.scope = Some(resource.value.clone());
        }
        Action::AddTrust(d) => trust(view, d.from.value.raw(), d.to.value.raw(), &mut named),
        Action::RemoveTrust(id) => {
            if let Some(known) = view.index.snapshot().trusts.iter().find(|t| t.id == id.value) {
                trust(view, known.from.raw(), known.to.raw(), &mut named);
            }
        }
        Action::IssueCredential(c) => {
            receiver(view, c.deliver_to.value.raw(), &mut named);
            named.trusted = Some(c.identity.value.clone());
            named.credential = Some((c.kind.value.clone(), c.lifetime.as_ref().and_then(|l| span(l.value))));
        }
        Action::RotateCredential(id, to, lifetime) => {
            credential(view.index, id.value.as_str(), &mut named);
            if let Some((_, ttl)) = &mut named.credential {
                *ttl = lifetime.as_ref().and_then(|l| span(l.value));
            }
            match to {
                Some(to) => receiver(view, to.value.raw(), &mut named),
                None => named.identity.clone_from(&named.trusted),
            }
        }
        Action::RevokeCredential(id) => {
            credential(view.index, id.value.as_str(), &mut named);
            named.identity.clone_from(&named.trusted);
        }
        Action::SuppressFinding(id) => {
            let alert = view.index.snapshot().findings.iter().find(|a| a.id == id.value);
            let about = alert.and_then(|a| a.subject.as_ref());
            if let Some(about) = about {
                let name = about.raw();
                named.identity = view.index.identity(name).map(|i| i.id.clone());
                named.group = view.index.group(name).map(|g| g.id.clone());
                named.role = view.index.role(name).map(|r| r.id.clone());
                named.scope = view.index.resource(name).map(|r| r.id.clone());
            }
        }
    }
    named
}

/// The duration that the plan states. That of an `until:` depends on the current time.
fn span(lifetime: Lifetime) -> Option<Span> {
    match lifetime {
        Lifetime::Ttl(span) => Some(span),
        Lifetime::Until(_) => None,
    }
}

fn assignment(view: &AccessState<'_, '_>, a: &AssignmentChange, named: &mut ChangeTargets) {
    receiver(view, a.to.value.raw(), named);
    match &a.target {
        Target::Role(role) => named.role = Some(role.value.clone()),
        Target::MemberOf(group) => named.member_of = Some(group.value.clone()),
    }
    named.scope = a.scope.as_ref().map(|s| s.value.clone());
}

fn receiver(view: &AccessState<'_, '_>, name: &str, named: &mut ChangeTargets) {
    match view.subjects(name).into_iter().next() {
        Some(Subject::Identity(id)) => named.identity = Some(id),
        Some(Subject::Group(id)) => named.group = Some(id),
        None => named.identity = Some(IdentityId::new(name)),
    }
}

fn trust(view: &AccessState<'_, '_>, from: &str, to: &str, named: &mut ChangeTargets) {
    if !from.contains('*') {
        receiver(view, from, named);
    }
    if let Some(Subject::Identity(id)) = view.subjects(to).into_iter().next() {
        named.trusted = Some(id);
    }
}

fn credential(index: &Index<'_>, id: &str, named: &mut ChangeTargets) {
    if let Some(known) = index.snapshot().credentials.iter().find(|c| c.id.as_str() == id) {
        named.trusted = Some(known.identity.clone());
        named.credential = Some((known.kind.clone(), None));
    }
}

/// The terms of the assignment of a `revoke` or `adjust` before the change.
pub(crate) fn was(index: &Index<'_>, step: &ResolvedChange<'_>, now: Time) -> Option<AssignmentTerms> {
    match step.taken.as_ref()? {
        Taken::Assigned(at) => {
            let was = index.assignment(*at)?;
            Some(AssignmentTerms { mode: was.mode, until: was.until, ttl: was.until.and_then(|end| end.since(now)) })
        }
        Taken::Listed(..) => Some(AssignmentTerms { mode: Mode::Standing, until: None, ttl: None }),
    }
}

/// The terms of the assignment of a `grant` or `adjust` after the change.
pub(crate) fn holds_after(
    index: &Index<'_>,
    step: &ResolvedChange<'_>,
    expires: Time,
    now: Time,
) -> Option<AssignmentTerms> {
    let (Action::Grant(a) | Action::Adjust(a)) = &step.change.action else { return None };
    let was = was(index, step, now).map(|w| (w.mode, w.until));
    let (mode, until) = becomes(a, was, expires);
    let stated = a.lifetime.as_ref().and_then(|l| span(l.value));
    Some(AssignmentTerms { mode, until, ttl: stated.or_else(|| until.and_then(|end| end.since(now))) })
}

/// Whether a step ends an assignment or a membership, or makes it end earlier.
pub(crate) fn lessens(index: &Index<'_>, step: &ResolvedChange<'_>, expires: Time, now: Time) -> bool {
    if let Action::Revoke(_) | Action::DeleteGroup(_) = &step.change.action {
        return true;
    }
    let (Action::Adjust(_), Some(was)) = (&step.change.action, was(index, step, now)) else { return false };
    holds_after(index, step, expires, now).is_some_and(|becomes| {
        (becomes.mode == Mode::Eligible && was.mode != Mode::Eligible) || !ends_within(was.until, becomes.until)
    })
}

/// The assignments of the snapshot that a step removes or alters.
pub(crate) fn assignments(index: &Index<'_>, step: &ResolvedChange<'_>) -> Vec<AssignmentId> {
    match &step.taken {
        Some(Taken::Assigned(at)) => index.assignment(*at).map(|a| a.id.clone()).into_iter().collect(),
        Some(Taken::Listed(..)) | None => Vec::new(),
    }
}

/// Whether a step removes or redefines a deny or a limit, or makes one end earlier. It may do so without any gain.
/// `named`: the objects that it names. `lessens`: whether it ends or shortens an assignment or membership.
pub(crate) fn lifts_deny(
    before: &AccessState<'_, '_>,
    after: &AccessState<'_, '_>,
    step: &ResolvedChange<'_>,
    named: &ChangeTargets,
    lessens: bool,
) -> bool {
    let redefined = |role: &RoleId| {
        let is_limit = |role: &RoleId| !before.index.limited_by(role.as_str()).is_empty();
        let same = before.flat(role).denies.is_subset(&after.flat(role).denies);
        !same || closure(&BTreeSet::from([role.clone()]), |role| before.including(role)).iter().any(is_limit)
    };
    match &step.change.action {
        Action::Revoke(_) | Action::Adjust(_) => lessens && before.holds_deny(named),
        Action::DeleteGroup(group) => {
            let own = before.own(&Subject::Group(group.value.clone()));
            own.holdings.iter().any(|holding| !before.flat(&holding.role).denies.is_empty())
        }
        Action::DeleteRole(role)
        | Action::AddPermission(role, _)
        | Action::RemovePermission(role, _)
        | Action::AddInclude(role, _)
        | Action::RemoveInclude(role, _) => redefined(&role.value),
        Action::SetRole(d) => redefined(&d.role.value),
        Action::DeleteResource(resource) => {
            let roles = before.index.at_scope(resource.value.as_str()).filter_map(|(_, a)| a.role.as_ref());
            roles.into_iter().any(|role| !before.flat(role).denies.is_empty())
        }
        Action::Grant(_)
        | Action::CreateRole(_)
        | Action::CreateGroup(..)
        | Action::CreateIdentity(..)
        | Action::DisableIdentity(_)
        | Action::DeleteIdentity(_)
        | Action::SetOwner(..)
        | Action::CreateResource(..)
        | Action::AddTrust(_)
        | Action::RemoveTrust(_)
        | Action::IssueCredential(_)
        | Action::RotateCredential(..)
        | Action::RevokeCredential(_)
        | Action::SuppressFinding(_) => false,
    }
}

/// Whether one inverse change restores the state before.
pub(crate) fn reversible(index: &Index<'_>, step: &ResolvedChange<'_>) -> bool {
    let snapshot = index.snapshot();
    match &step.change.action {
        Action::Grant(_)
        | Action::Revoke(_)
        | Action::Adjust(_)
        | Action::CreateRole(_)
        | Action::SetRole(_)
        | Action::AddPermission(..)
        | Action::RemovePermission(..)
        | Action::AddInclude(..)
        | Action::RemoveInclude(..)
        | Action::CreateGroup(..)
        | Action::CreateIdentity(..)
        | Action::CreateResource(..)
        | Action::AddTrust(_)
        | Action::RemoveTrust(_)
        | Action::IssueCredential(_) => true,
        // A definition can be restored with one change; the assignments of its holders cannot.
        Action::DeleteRole(role) => {
            let id = role.value.as_str();
            index.of_role(id).next().is_none() && index.including(id).is_empty()
        }
        Action::DeleteGroup(group) => {
            let id = group.value.as_str();
            let empty = |g: &crate::snapshot::model::Group| {
                g.members.is_empty()
                    && g.nested.is_empty()
                    && g.implicit.is_empty()
                    && g.members_known == crate::snapshot::model::MembersKnown::Known
            };
            index.group(id).is_some_and(empty)
                && index.of_group(id).next().is_none()
                && index.held_by(id).next().is_none()
                && index.listing(&Subject::Group(group.value.clone())).is_empty()
        }
        Action::DeleteResource(resource) => {
            let id = resource.value.as_str();
            index.children(id).is_empty() && index.at_scope(id).next().is_none()
        }
        // No change removes an owner, enables an identity or restores a secret.
        Action::SetOwner(what, _) => match what {
            Owned::Identity(id) => index.identity(id.value.as_str()).is_some_and(|x| x.owner.is_some()),
            Owned::Group(id) => index.group(id.value.as_str()).is_some_and(|x| x.owner.is_some()),
            Owned::Role(id) => index.role(id.value.as_str()).is_some_and(|x| x.owner.is_some()),
            Owned::Resource(id) => snapshot.resources.iter().any(|r| r.id == id.value && r.owner.is_some()),
        },
        Action::DisableIdentity(_)
        | Action::DeleteIdentity(_)
        | Action::RotateCredential(..)
        | Action::RevokeCredential(_)
        | Action::SuppressFinding(_) => false,
    }
}

impl AccessState<'_, '_> {
    /// Whether the role or group that a change assigns has a deny, conditional or not, in this state or in the
    /// snapshot.
    pub(crate) fn holds_deny(&self, named: &crate::access::model::facts::ChangeTargets) -> bool {
        let denies = |role: &RoleId| {
            let of = |role: &crate::snapshot::model::Role| role.permissions.iter().any(|p| p.effect == Effect::Deny);
            self.flat(role).roles.iter().any(|id| match self.role(id.as_str()) {
                RoleState::Known(role) => of(role),
                RoleState::Deleted | RoleState::Unknown => self.index.role(id.as_str()).is_some_and(of),
            })
        };
        let group = named.member_of.as_ref().map(|id| self.own(&crate::input::id::Subject::Group(id.clone())));
        named.role.as_ref().is_some_and(denies)
            || group.is_some_and(|own| own.holdings.iter().any(|holding| denies(&holding.role)))
    }
}
