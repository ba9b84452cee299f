//! Assessment of a change as a whole: privileged or not, how sensitive, inside its task or not.
//!
//! In: a resolved step, what it names, its outcome, the states before and after. Out: reasons, the highest sensitivity, yes
//! or no. Errs towards privileged: a role or identity that is named for more counts although nothing is gained by it now.

use std::collections::BTreeSet;

use crate::access::change::resolve::ResolvedChange;
use crate::access::effective::state::{AccessState, RoleState};
use crate::access::effects::compute::ChangeEffect;
use crate::access::effects::request::TaskScope;
use crate::access::matching::coverage::{ends_within, scope_covers};
use crate::access::model::facts::ChangeTargets;
use crate::access::risk::classification::{Classifier, Rating};
use crate::input::entitlement::{Effect, Permission, Sensitivity};
use crate::input::id::{RoleId, Subject};
use crate::input::text::Text;
use crate::plan::model::{Action, Target};

/// What is said of a change as a whole.
#[derive(Debug, Default)]
pub(crate) struct Assessment {
    pub(crate) privileged: BTreeSet<Text>,
    pub(crate) gained_privileged: u64,
    pub(crate) sensitivity: Sensitivity,
}

/// Judges a change.
pub(crate) fn judge(
    classifier: &Classifier<'_>,
    after: &AccessState<'_, '_>,
    step: &ResolvedChange<'_>,
    named: &ChangeTargets,
    outcome: &ChangeEffect,
) -> Assessment {
    let mut judged = Assessment::default();
    for piece in outcome.gains() {
        judged.sensitivity = judged.sensitivity.max(piece.sensitivity);
        if let Some(reason) = &piece.privileged {
            judged.gained_privileged += 1;
            judged.privileged.insert(reason.clone());
        }
    }
    for piece in outcome.losses() {
        judged.sensitivity = judged.sensitivity.max(piece.sensitivity);
    }
    // An assignment that is only shortened is not named for more.
    let shortened = matches!(step.change.action, Action::Adjust(_)) && outcome.gains().next().is_none();
    let verdict = if shortened { Rating::default() } else { for_more(classifier, after, step) };
    judged.sensitivity = judged.sensitivity.max(verdict.sensitivity);
    judged.privileged.extend(verdict.privileged);
    judged.sensitivity = judged.sensitivity.max(of_named(classifier, after, step, named));
    judged
}

/// The verdict on what a change names in order to give more of it.
fn for_more(classifier: &Classifier<'_>, after: &AccessState<'_, '_>, step: &ResolvedChange<'_>) -> Rating {
    match &step.change.action {
        Action::Grant(a) | Action::Adjust(a) => match &a.target {
            Target::Role(role) => classifier.role(after, &role.value),
            Target::MemberOf(group) => reachable(classifier, after, &Subject::Group(group.value.clone())),
        },
        Action::CreateRole(d) => classifier.role(after, &d.role.value),
        Action::SetRole(d) => added(classifier, after, &d.role.value),
        Action::AddPermission(role, permission) => match permission.value.effect {
            Effect::Allow => classifier.permission(after, &role.value, &permission.value, None, &[]),
            Effect::Deny => Rating::default(),
        },
        // Taking a deny away gives what it took.
        Action::RemovePermission(role, permission) => match permission.value.effect {
            Effect::Allow => Rating::default(),
            Effect::Deny => {
                let freed = Permission { effect: Effect::Allow, ..permission.value.clone() };
                classifier.permission(after, &role.value, &freed, None, &[])
            }
        },
        Action::AddInclude(_, include) => classifier.role(after, &include.value),
        Action::AddTrust(d) => acting_as(classifier, after, d.to.value.raw()),
        Action::IssueCredential(c) => acting_as(classifier, after, c.identity.value.as_str()),
        Action::RotateCredential(id, Some(_), _) => {
            let known = after.index.snapshot().credentials.iter().find(|c| c.id == id.value);
            known.map_or_else(Rating::default, |c| acting_as(classifier, after, c.identity.as_str()))
        }
        Action::Revoke(_)
        | Action::DeleteRole(_)
        | Action::RemoveInclude(..)
        | Action::CreateGroup(..)
        | Action::DeleteGroup(_)
        | Action::CreateIdentity(..)
        | Action::DisableIdentity(_)
        | Action::DeleteIdentity(_)
        | Action::SetOwner(..)
        | Action::CreateResource(..)
        | Action::DeleteResource(_)
        | Action::RemoveTrust(_)
        | Action::RotateCredential(_, None, _)
        | Action::RevokeCredential(_)
        | Action::SuppressFinding(_) => Rating::default(),
    }
}

/// The verdict on what a new definition of a role allows that the old one did not.
fn added(classifier: &Classifier<'_>, after: &AccessState<'_, '_>, role: &RoleId) -> Rating {
    let mut verdict = Rating::default();
    let flat = after.flat(role);
    let before = after.below.map(|below| below.flat(role)).unwrap_or_default();
    for allow in flat.beyond(&before).into_iter().filter_map(|at| flat.allows.get(at)) {
        verdict.raise(&classifier.allow(after, role, allow, None, &[]));
    }
    verdict
}

fn acting_as(classifier: &Classifier<'_>, view: &AccessState<'_, '_>, name: &str) -> Rating {
    let mut verdict = Rating::default();
    for subject in view.subjects(name) {
        verdict.raise(&reachable(classifier, view, &subject));
    }
    verdict
}

/// The highest of all roles that a subject reaches, by activation as well.
fn reachable(classifier: &Classifier<'_>, view: &AccessState<'_, '_>, subject: &Subject) -> Rating {
    let mut verdict = Rating::default();
    for actor in view.row(subject).keys() {
        for holding in &view.own(actor).holdings {
            verdict.raise(&classifier.role(view, &holding.role));
        }
    }
    verdict
}

/// The highest sensitivity of what a change names, for more or for less.
fn of_named(
    classifier: &Classifier<'_>,
    after: &AccessState<'_, '_>,
    step: &ResolvedChange<'_>,
    named: &ChangeTargets,
) -> Sensitivity {
    let below = after.below.unwrap_or(after);
    let roles = [&named.role, &named.include].into_iter().flatten();
    let role = roles
        .map(|id| match after.role(id.as_str()) {
            RoleState::Deleted => classifier.role(below, id),
            RoleState::Known(_) | RoleState::Unknown => classifier.role(after, id),
        })
        .map(|verdict| verdict.sensitivity)
        .max();
    let scope = named.scope.as_ref().and_then(|id| after.resource(id.as_str())).and_then(|r| r.sensitivity);
    let alert = if let Action::SuppressFinding(id) = &step.change.action {
        after.index.snapshot().findings.iter().find(|a| a.id == id.value).map(|a| a.severity)
    } else {
        None
    };
    [role, scope, alert].into_iter().flatten().max().unwrap_or_default()
}

/// Whether the task is open, lists proposer and sponsor, and all that is gained lies in its scopes and ends in time.
///
/// Fails closed: a task that lists no scope holds no access, and access everywhere lies in no scope.
pub(crate) fn in_task_scope(task: Option<&TaskScope>, after: &AccessState<'_, '_>, outcome: &ChangeEffect) -> bool {
    let Some(task) = task else { return false };
    let within = |access: &crate::access::model::facts::Access| {
        ends_within(access.until, task.until)
            && task.scopes.iter().any(|scope| scope_covers(after, Some(scope), access.scope.as_ref()))
    };
    task.open && task.lists_proposer_and_sponsor && outcome.gains().all(|piece| within(&piece.access))
}
