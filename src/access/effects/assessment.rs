//! Assessment of a change as a whole: whether it is privileged, and how sensitive.
//!
//! Computes the reasons and the highest sensitivity from a resolved step, the objects it names, its effect, and the
//! states before and after. Over-approximates: a role or identity that is named to receive more access counts even if
//! nothing is gained by it now.

use std::collections::BTreeSet;

use crate::access::change::resolve::ResolvedChange;
use crate::access::effective::state::{AccessState, RoleState};
use crate::access::effects::compute::{ChangeEffect, PUBLIC};
use crate::access::effects::outsiders::OpenReceivers;
use crate::access::matching::dialect::is_any;
use crate::access::model::facts::{AccessDelta, ChangeTargets};
use crate::access::risk::admin_names::tells_of_an_administrator;
use crate::access::risk::classification::Classifier;
use crate::access::risk::rating::Rating;
use crate::input::entitlement::{Effect, Permission, Sensitivity};
use crate::input::id::{IdentityId, RoleId, Subject};
use crate::input::text::Text;
use crate::plan::model::{Action, Target};
use crate::snapshot::public::is_public_name;

/// The assessment of a change as a whole.
#[derive(Debug, Default)]
pub(crate) struct Assessment {
    pub(crate) privileged: BTreeSet<Text>,
    pub(crate) gained_privileged: u64,
    pub(crate) sensitivity: Sensitivity,
    /// How much of the access it gives, removes or names is not classified by any rule or label.
    pub(crate) unclassified: u64,
    /// Whether everyone, or anonymous callers, gain access or are named as receiver.
    pub(crate) public: bool,
    /// Whether it grants any action on any resource.
    pub(crate) gives_everything: bool,
    /// The names among its receivers that stand for many whom the snapshot does not know.
    pub(crate) outsiders: BTreeSet<Text>,
    /// If anything is unclassified, or classified only by the words of the baseline: a name that suggests an administrator.
    pub(crate) admin_name: Option<Text>,
}

/// Assesses a change.
pub(crate) fn judge(
    classifier: &Classifier<'_>,
    after: &AccessState<'_, '_>,
    step: &ResolvedChange<'_>,
    named: &ChangeTargets,
    outcome: &ChangeEffect,
    (receivers, open): (&BTreeSet<Subject>, OpenReceivers),
) -> Assessment {
    let mut judged = Assessment { outsiders: open.names, ..Assessment::default() };
    let unclassified = |piece: &&AccessDelta| piece.sensitivity == Sensitivity::Unknown;
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
    // An assignment that is only shortened gives no more access.
    let shortened = matches!(step.change.action, Action::Adjust(_)) && outcome.gains().next().is_none();
    let verdict = if shortened { Rating::default() } else { for_more(classifier, after, step) };
    judged.sensitivity = judged.sensitivity.max(verdict.sensitivity);
    judged.privileged.extend(verdict.privileged);
    judged.gives_everything = verdict.everything;
    judged.sensitivity = judged.sensitivity.max(of_named(classifier, after, step, named));
    let taken = taken(classifier, after.below.unwrap_or(after), step);
    judged.sensitivity = judged.sensitivity.max(taken.sensitivity);
    judged.public = outcome.gains().map(|piece| &piece.subject).chain(receivers).any(|s| after.is_public(s))
        || open.public
        || trusts_everybody(step);
    if judged.public {
        judged.privileged.insert(PUBLIC.into());
        judged.sensitivity = judged.sensitivity.max(Sensitivity::High);
    }
    let pieces: Vec<&AccessDelta> = outcome.gains().chain(outcome.losses()).filter(unclassified).collect();
    let in_effect = u64::try_from(pieces.len()).unwrap_or(u64::MAX);
    judged.unclassified = verdict.unclassified.max(taken.unclassified).max(in_effect);
    if judged.unclassified > 0 || verdict.presumed {
        judged.admin_name = admin_name(after, step, named, &pieces);
    }
    judged
}

/// Whether a trust admits everyone: its pattern is unlimited, or matches every AWS principal.
fn trusts_everybody(step: &ResolvedChange<'_>) -> bool {
    let Action::AddTrust(d) = &step.change.action else { return false };
    let from = d.from.value.raw();
    is_any(from) || from == "arn:*" || is_public_name(from, None)
}

/// The first name that suggests an administrator, among the names of the change and the unclassified access in its
/// effect.
fn admin_name(
    after: &AccessState<'_, '_>,
    step: &ResolvedChange<'_>,
    named: &ChangeTargets,
    pieces: &[&AccessDelta],
) -> Option<Text> {
    let mut told: Vec<Text> = Vec::new();
    for role in [&named.role, &named.include].into_iter().flatten() {
        told.push(role.text());
        let flat = after.flat(role);
        told.extend(flat.roles.iter().map(RoleId::text));
        told.extend(flat.allows.iter().flat_map(|a| [a.permission.action.clone(), a.permission.resource.clone()]));
    }
    if let Some(group) = &named.member_of {
        let own = after.own(&Subject::Group(group.clone()));
        told.extend(own.groups.keys().map(|(group, _)| group.text()));
        told.extend(own.holdings.iter().map(|holding| holding.role.text()));
        told.push(group.text());
    }
    if let Some(permission) = &named.permission {
        told.extend([permission.action.clone(), permission.resource.clone()]);
    }
    if let Action::AddTrust(d) = &step.change.action {
        told.push(d.to.value.clone());
    }
    told.extend(named.trusted.iter().map(IdentityId::text));
    told.extend(pieces.iter().flat_map(|piece| [piece.access.action.clone(), piece.access.resource.clone()]));
    told.into_iter().find(|name| tells_of_an_administrator(name.raw()))
}

/// The rating of what a change names in order to give more access.
fn for_more(classifier: &Classifier<'_>, after: &AccessState<'_, '_>, step: &ResolvedChange<'_>) -> Rating {
    match &step.change.action {
        Action::Grant(a) | Action::Adjust(a) => match &a.target {
            Target::Role(role) => classifier.given_role(after, &role.value, a.scope.as_ref().map(|scope| &scope.value)),
            Target::MemberOf(group) => classifier.given_membership(after, &group.value),
        },
        Action::CreateRole(d) => classifier.given_role(after, &d.role.value, None),
        Action::SetRole(d) => added(classifier, after, &d.role.value),
        Action::AddPermission(role, permission) => match permission.value.effect {
            Effect::Allow => classifier.permission(after, &role.value, &permission.value, None, &[]),
            Effect::Deny => Rating::default(),
        },
        Action::RemovePermission(role, permission) => match permission.value.effect {
            Effect::Allow => Rating::default(),
            Effect::Deny => freed(classifier, after, &role.value, &permission.value),
        },
        Action::RemoveInclude(_, role) | Action::DeleteRole(role) => unblocked(classifier, after, &role.value),
        Action::AddInclude(_, include) => classifier.given_role(after, &include.value, None),
        Action::AddTrust(d) => acting_as(classifier, after, d.to.value.raw()),
        Action::IssueCredential(c) => acting_as(classifier, after, c.identity.value.as_str()),
        Action::RotateCredential(id, Some(_), _) => {
            let known = after.index.snapshot().credentials.iter().find(|c| c.id == id.value);
            known.map_or_else(Rating::default, |c| acting_as(classifier, after, c.identity.as_str()))
        }
        Action::Revoke(_)
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

/// The rating of what a new definition of a role allows and the old one does not.
fn added(classifier: &Classifier<'_>, after: &AccessState<'_, '_>, role: &RoleId) -> Rating {
    let mut verdict = Rating::default();
    let flat = after.flat(role);
    let before = after.below.map(|below| below.flat(role)).unwrap_or_default();
    for allow in flat.beyond(&before).into_iter().filter_map(|at| flat.allows.get(at)) {
        verdict.raise(&classifier.allow(after, role, allow, None));
        verdict.raise(&classifier.membership(after, role, &allow.permission));
    }
    let lifted = before.denies.difference(&flat.denies).map(|(_, permission)| permission);
    lifted.for_each(|deny| verdict.raise(&freed(classifier, after, role, deny)));
    verdict
}

/// The rating of what the denies of a role block that is no longer included or no longer exists.
fn unblocked(classifier: &Classifier<'_>, after: &AccessState<'_, '_>, role: &RoleId) -> Rating {
    let mut verdict = Rating::default();
    let before = after.below.map(|below| below.flat(role)).unwrap_or_default();
    before.denies.iter().for_each(|(_, deny)| verdict.raise(&freed(classifier, after, role, deny)));
    verdict
}

/// The rating of the access that a deny blocks, which removing the deny gives.
fn freed(classifier: &Classifier<'_>, view: &AccessState<'_, '_>, role: &RoleId, deny: &Permission) -> Rating {
    let blocked = Permission { effect: Effect::Allow, ..deny.clone() };
    classifier.permission(view, role, &blocked, None, &[])
}

/// The rating of acting as a subject: of everything it can reach, which is unclassified if the snapshot shows nothing.
fn acting_as(classifier: &Classifier<'_>, view: &AccessState<'_, '_>, name: &str) -> Rating {
    let mut verdict = Rating::default();
    for subject in view.subjects(name) {
        verdict.raise(&classifier.reachable(view, &subject).unwrap_or_else(Rating::unclassified));
    }
    verdict
}

/// The rating of what a change takes by an assignment, trust or credential, even if its holders keep the same access by
/// another path. A role or group without permissions in the snapshot is unclassified, as it is if granted.
fn taken(classifier: &Classifier<'_>, before: &AccessState<'_, '_>, step: &ResolvedChange<'_>) -> Rating {
    let snapshot = before.index.snapshot();
    let subjects = match &step.change.action {
        Action::Revoke(a) | Action::Adjust(a) => {
            return match &a.target {
                Target::Role(role) => {
                    classifier.held_role(before, &role.value, a.scope.as_ref().map(|scope| &scope.value))
                }
                Target::MemberOf(group) => classifier.given_membership(before, &group.value),
            };
        }
        Action::DeleteGroup(group) => return classifier.given_membership(before, &group.value),
        Action::RemoveTrust(id) => {
            let trust = snapshot.trusts.iter().find(|trust| trust.id == id.value);
            trust.map(|trust| before.subjects(trust.to.raw())).unwrap_or_default()
        }
        Action::RevokeCredential(id) => {
            let known = snapshot.credentials.iter().filter(|credential| credential.id == id.value);
            known.map(|credential| Subject::Identity(credential.identity.clone())).collect()
        }
        Action::Grant(_)
        | Action::CreateRole(_)
        | Action::DeleteRole(_)
        | Action::AddPermission(..)
        | Action::RemovePermission(..)
        | Action::AddInclude(..)
        | Action::RemoveInclude(..)
        | Action::SetRole(_)
        | Action::CreateGroup(..)
        | Action::CreateIdentity(..)
        | Action::DisableIdentity(_)
        | Action::DeleteIdentity(_)
        | Action::SetOwner(..)
        | Action::CreateResource(..)
        | Action::DeleteResource(_)
        | Action::AddTrust(_)
        | Action::IssueCredential(_)
        | Action::RotateCredential(..)
        | Action::SuppressFinding(_) => Vec::new(),
    };
    let sensitivity = subjects.iter().filter_map(|s| classifier.reachable(before, s)).map(|rating| rating.sensitivity);
    Rating { sensitivity: sensitivity.max().unwrap_or_default(), ..Rating::default() }
}

/// The highest sensitivity of the objects that a change names, whether it gives or removes access.
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
            RoleState::Deleted => classifier.role(below, id, named.scope.as_ref()),
            RoleState::Known(_) | RoleState::Unknown => classifier.role(after, id, named.scope.as_ref()),
        })
        .map(|verdict| verdict.sensitivity)
        .max();
    let group = named.member_of.as_ref().and_then(|id| classifier.naming_group(id)).map(|verdict| verdict.sensitivity);
    let scope = named.scope.as_ref().and_then(|scope| after.label_in(Some(scope)));
    let alert = if let Action::SuppressFinding(id) = &step.change.action {
        after.index.snapshot().findings.iter().find(|a| a.id == id.value).map(|a| a.severity)
    } else {
        None
    };
    [role, group, scope, alert].into_iter().flatten().max().unwrap_or_default()
}
