//! Task scope: whether the access that a change gives, removes and redefines is inside the plan's task.
//!
//! Compares the scope of every access gained or lost, and of every object that the change removes or redefines by name,
//! with the scopes of the task. An object without a known scope is outside: access everywhere, a role that is assigned
//! nowhere, a group that gives no access in the snapshot. Cost: linear in the accesses and in the assignments of a
//! redefined role.

use std::collections::BTreeSet;

use crate::access::change::resolve::{ResolvedChange, Taken};
use crate::access::effective::state::AccessState;
use crate::access::effects::compute::ChangeEffect;
use crate::access::effects::request::TaskScope;
use crate::access::graph::closure::closure;
use crate::access::matching::coverage::{ends_within, scope_covers};
use crate::access::model::facts::{AssignmentTerms, Outside};
use crate::input::id::{CredentialId, ResourceId, RoleId, Subject};
use crate::plan::model::{Action, Owned, Target};

type Scopes = BTreeSet<Option<ResourceId>>;

/// The maximum number of scopes outside the task that are listed, per kind.
const LISTED: usize = 20;

/// How a change relates to the plan's task.
#[derive(Debug, Default)]
pub(crate) struct Within {
    /// The task is open, lists proposer and sponsor, and covers all access gained.
    pub(crate) gives: bool,
    /// The change removes and redefines nothing, or such a task covers all of it.
    pub(crate) takes: bool,
    /// Why one of the two is false; at most [`LISTED`] scopes per kind.
    pub(crate) outside: BTreeSet<Outside>,
    /// Whether the change removes or redefines anything.
    pub(crate) takes_something: bool,
}

/// Compares a change with the task. Fails closed: without a task, or with a task without scope, all access is outside.
/// `assigns`: the terms of the assignment that it makes or extends. They count even if a deny blocks the access now.
pub(crate) fn within(
    task: Option<&TaskScope>,
    after: &AccessState<'_, '_>,
    step: &ResolvedChange<'_>,
    outcome: &ChangeEffect,
    assigns: Option<&AssignmentTerms>,
) -> Within {
    // Removed access is compared by its scope before the plan, so that no plan moves it into the task first.
    let before = after.below.unwrap_or(after);
    let mut lost = named(before, step);
    lost.extend(outcome.losses().map(|piece| piece.access.scope.clone()));
    let cut = outcome.concerned.untold.losses;
    let takes_something = cut || !lost.is_empty();
    let Some(task) = task else {
        let outside = BTreeSet::from([Outside::NoTask]);
        return Within { gives: false, takes: !takes_something, outside, takes_something };
    };
    let mut unusable = BTreeSet::new();
    if !task.open {
        unusable.insert(Outside::Closed);
    }
    if !task.lists_proposer_and_sponsor {
        unusable.insert(Outside::NotListed);
    }
    let holds = |tree: &AccessState<'_, '_>, scope: Option<&ResourceId>| {
        task.scopes.iter().any(|own| scope_covers(tree, Some(own), scope))
    };
    let mut given: Scopes = BTreeSet::new();
    let mut lasting = BTreeSet::new();
    for piece in outcome.gains() {
        if !holds(after, piece.access.scope.as_ref()) {
            given.insert(piece.access.scope.clone());
        }
        if !ends_within(piece.access.until, task.until) {
            lasting.insert(piece.access.until);
        }
    }
    if let Some(assigned) = assigns {
        given.extend(assigned_at(after, step).into_iter().filter(|scope| !holds(after, scope.as_ref())));
        lasting.extend((!ends_within(assigned.until, task.until)).then_some(assigned.until));
    }
    lost.retain(|scope| !holds(before, scope.as_ref()));
    let is_given = unusable.is_empty() && given.is_empty() && lasting.is_empty();
    let is_taken = !takes_something || (unusable.is_empty() && !cut && lost.is_empty());
    let mut outside = unusable;
    outside.extend(given.into_iter().take(LISTED).map(Outside::Gives));
    outside.extend(lasting.into_iter().take(LISTED).map(Outside::Lasts));
    outside.extend(lost.into_iter().take(LISTED).map(Outside::Takes));
    outside.extend(cut.then_some(Outside::TooLarge));
    Within { gives: is_given, takes: is_taken, outside, takes_something }
}

/// The scopes at which a change assigns a role, directly or by a membership.
fn assigned_at(after: &AccessState<'_, '_>, step: &ResolvedChange<'_>) -> Scopes {
    let (Action::Grant(a) | Action::Adjust(a)) = &step.change.action else { return Scopes::new() };
    match (&a.target, &a.scope) {
        (Target::Role(_), scope) => Scopes::from([scope.as_ref().map(|scope| scope.value.clone())]),
        (Target::MemberOf(_), Some(scope)) => Scopes::from([Some(scope.value.clone())]),
        (Target::MemberOf(group), None) => {
            let own = after.own(&Subject::Group(group.value.clone()));
            own.holdings.iter().map(|holding| holding.scope.clone()).collect()
        }
    }
}

/// The scopes of the objects that a change removes, alters or redefines by name, even if no effective access is lost.
fn named(before: &AccessState<'_, '_>, step: &ResolvedChange<'_>) -> Scopes {
    let everywhere = || Scopes::from([None]);
    match &step.change.action {
        Action::Revoke(_) | Action::Adjust(_) => match &step.taken {
            Some(Taken::Assigned(at)) => match before.index.assignment(*at) {
                Some(assignment) => match (&assignment.scope, &assignment.member_of) {
                    (None, Some(group)) => held(before, &Subject::Group(group.clone())),
                    (scope, _) => Scopes::from([scope.clone()]),
                },
                None => everywhere(),
            },
            Some(Taken::Listed(group, _)) => held(before, &Subject::Group(group.clone())),
            None => everywhere(),
        },
        Action::SetRole(d) => assigned(before, &d.role.value),
        Action::DeleteRole(role)
        | Action::AddPermission(role, _)
        | Action::RemovePermission(role, _)
        | Action::AddInclude(role, _)
        | Action::RemoveInclude(role, _)
        | Action::SetOwner(Owned::Role(role), _) => assigned(before, &role.value),
        Action::DeleteGroup(group) | Action::SetOwner(Owned::Group(group), _) => {
            held(before, &Subject::Group(group.value.clone()))
        }
        Action::DisableIdentity(id) | Action::DeleteIdentity(id) | Action::SetOwner(Owned::Identity(id), _) => {
            held(before, &Subject::Identity(id.value.clone()))
        }
        Action::DeleteResource(resource) | Action::SetOwner(Owned::Resource(resource), _) => {
            Scopes::from([Some(resource.value.clone())])
        }
        Action::RotateCredential(id, ..) | Action::RevokeCredential(id) => of_credential(before, &id.value),
        Action::AddTrust(d) => of_name(before, d.to.value.raw()),
        Action::RemoveTrust(id) => {
            let known = before.index.snapshot().trusts.iter().find(|trust| trust.id == id.value);
            known.map_or_else(everywhere, |trust| of_name(before, trust.to.raw()))
        }
        Action::SuppressFinding(id) => {
            let alert = before.index.snapshot().findings.iter().find(|alert| alert.id == id.value);
            let about = alert.and_then(|alert| alert.subject.as_ref());
            about.map_or_else(everywhere, |about| match before.index.resource(about.raw()) {
                Some(resource) => Scopes::from([Some(resource.id.clone())]),
                None => of_name(before, about.raw()),
            })
        }
        Action::Grant(_)
        | Action::CreateRole(_)
        | Action::CreateGroup(..)
        | Action::CreateIdentity(..)
        | Action::CreateResource(..)
        | Action::IssueCredential(_) => Scopes::new(),
    }
}

/// The scopes at which a subject has roles, directly or through groups; everywhere if it has none.
fn held(before: &AccessState<'_, '_>, subject: &Subject) -> Scopes {
    or_everywhere(before.own(subject).holdings.iter().map(|holding| holding.scope.clone()).collect())
}

/// The scopes at which a role, or a role that includes it, is assigned; everywhere if it is not assigned or is a
/// boundary.
fn assigned(before: &AccessState<'_, '_>, role: &RoleId) -> Scopes {
    let roles = closure(&BTreeSet::from([role.clone()]), |role| before.including(role));
    let mut scopes: Scopes =
        roles.iter().flat_map(|role| before.of_role(role)).map(|assignment| assignment.scope.clone()).collect();
    if roles.iter().any(|role| !before.index.limited_by(role.as_str()).is_empty()) {
        scopes.insert(None);
    }
    or_everywhere(scopes)
}

fn of_name(before: &AccessState<'_, '_>, name: &str) -> Scopes {
    before.subjects(name).iter().flat_map(|subject| held(before, subject)).collect()
}

fn of_credential(before: &AccessState<'_, '_>, id: &CredentialId) -> Scopes {
    let known = before.index.snapshot().credentials.iter().find(|credential| credential.id == *id);
    known.map_or_else(
        || Scopes::from([None]),
        |credential| held(before, &Subject::Identity(credential.identity.clone())),
    )
}

fn or_everywhere(scopes: Scopes) -> Scopes {
    if scopes.is_empty() { Scopes::from([None]) } else { scopes }
}
