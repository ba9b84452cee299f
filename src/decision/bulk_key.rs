//! Which changes can be approved with one answer.
//!
//! Computes, from a change, its facts and the parent of its scope, the key that all changes of a group must share. A
//! privileged change, or one with a warning, has no key and must be confirmed individually.

use std::collections::BTreeSet;

use crate::access::model::facts::{Access, AccessDelta, ChangeFacts};
use crate::decision::case::{CaseOutcome, EvaluatedChange};
use crate::input::entitlement::Mode;
use crate::input::id::{Entitlement, ResourceId};
use crate::plan::model::{Action, AssignmentChange, Change, Lifetime};

/// The maximum number of changes that one answer approves.
pub const MOST: usize = 20;

/// The position of a group's scopes in the resource tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Where {
    /// No scope: everywhere.
    Everywhere,
    /// A scope without a parent; it forms its own group.
    Root(ResourceId),
    /// Scopes with the same parent.
    Below(ResourceId),
}

/// The key of a group: action, entitlement, parent of scope, mode, expiry, and the effect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Likeness {
    action: &'static str,
    entitlement: Entitlement,
    place: Where,
    mode: Option<Mode>,
    lifetime: Option<Lifetime>,
    /// The accesses it gives and removes, without subjects and scopes, so that reading one change is reading all.
    effect: Vec<BTreeSet<Access>>,
}

/// The key under which changes may be approved in bulk, or `None` if this one must be confirmed individually.
///
/// `parent` is the parent of its scope. `warned` is whether any finding or advisory policy warns about it.
#[must_use]
pub fn likeness(
    change: &Change,
    facts: &ChangeFacts,
    present: &EvaluatedChange,
    parent: Option<&ResourceId>,
    warned: bool,
) -> Option<Likeness> {
    let assignment = assignment(&change.action)?;
    let plain = !warned
        && matches!(present.outcome, CaseOutcome::Needs(_))
        && !facts.is_privileged_in_plan()
        && facts.gained_privileged == 0
        && facts.escalations.is_empty()
        && facts.sod.is_empty()
        && present.emergent.is_empty()
        && present.document.contradictions.is_empty()
        && !facts.concerned.at_least
        && !facts.concerned.untold.is_any();
    if !plain {
        return None;
    }
    let place = match (&assignment.scope, parent) {
        (None, _) => Where::Everywhere,
        (Some(scope), None) => Where::Root(scope.value.clone()),
        (Some(_), Some(parent)) => Where::Below(parent.clone()),
    };
    Some(Likeness {
        action: change.action.word(),
        entitlement: facts.named.entitlement()?,
        place,
        mode: assignment.mode.as_ref().map(|m| m.value),
        lifetime: assignment.lifetime.as_ref().map(|l| l.value),
        effect: [&facts.effects.gained, &facts.effects.gained_eligible, &facts.effects.lost]
            .map(|it| anywhere(it))
            .into(),
    })
}

/// The accesses of a list, without their subjects and scopes.
fn anywhere(pieces: &[AccessDelta]) -> BTreeSet<Access> {
    pieces.iter().map(|piece| Access { scope: None, ..piece.access.clone() }).collect()
}

/// The assignment that a change creates, removes or alters.
fn assignment(action: &Action) -> Option<&AssignmentChange> {
    match action {
        Action::Grant(change) | Action::Revoke(change) | Action::Adjust(change) => Some(change),
        Action::CreateRole(_)
        | Action::DeleteRole(_)
        | Action::AddPermission(..)
        | Action::RemovePermission(..)
        | Action::AddInclude(..)
        | Action::RemoveInclude(..)
        | Action::SetRole(_)
        | Action::CreateGroup(..)
        | Action::DeleteGroup(_)
        | Action::CreateIdentity(..)
        | Action::DisableIdentity(_)
        | Action::DeleteIdentity(_)
        | Action::SetOwner(..)
        | Action::CreateResource(..)
        | Action::DeleteResource(_)
        | Action::AddTrust(_)
        | Action::RemoveTrust(_)
        | Action::IssueCredential(_)
        | Action::RotateCredential(..)
        | Action::RevokeCredential(_)
        | Action::SuppressFinding(_) => None,
    }
}

#[cfg(test)]
#[path = "bulk_key_tests.rs"]
mod tests;
