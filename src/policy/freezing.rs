//! Freezes: whether a person may freeze an agent, a task, a plan or everything, or agree to thaw it.
//!
//! Asks Cedar `Freeze` or `Thaw` on an entity `Freeze`, with an approver's context. Independent of policy, unknown and
//! ambiguous persons, and persons with a disabled or non-human identity, are excluded.

use crate::input::entitlement::IdentityKind;
use crate::input::id::PersonId;
use crate::policy::approval::Barred;
use crate::policy::case::{self, Case};
use crate::policy::hit::PolicyHit;
use crate::policy::input::{FreezeInput, KeyFacts};
use crate::policy::pack::Pack;
use crate::policy::{entities, explain, hit};
use crate::snapshot::model::Status;

/// The two questions about a freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreezeAction {
    /// Start it.
    Freeze,
    /// Agree to end it.
    Thaw,
}

/// The answer.
#[derive(Clone, Debug, Default)]
pub struct MayFreeze {
    /// Whether the person may.
    pub permitted: bool,
    /// The reason that excludes the person regardless of policy.
    pub barred: Option<Barred>,
    /// The policies that forbid it.
    pub forbidden: Vec<PolicyHit>,
}

/// Evaluates whether a person may freeze, or agree to thaw.
#[must_use]
pub fn may_freeze(
    pack: &Pack,
    input: &FreezeInput<'_>,
    action: FreezeAction,
    person: &PersonId,
    key: &KeyFacts,
) -> MayFreeze {
    let (mut answer, case) = ask(pack, input, action, person, key);
    if let Some(case) = case {
        answer.permitted = answer.barred.is_none() && case.asked.last().is_some_and(case::PolicyQuery::permitted);
        if !answer.permitted {
            answer.forbidden = explain::hits(pack, &case).0;
        }
    }
    answer
}

/// Whether a person is permitted `Override` on a freeze: policy would let the person thaw one of everything.
#[must_use]
pub fn may_override_freeze(pack: &Pack, input: &FreezeInput<'_>, person: &PersonId, key: &KeyFacts) -> bool {
    let all = FreezeInput { kind: "all", ..input.clone() };
    may_freeze(pack, &all, FreezeAction::Thaw, person, key).permitted
}

pub(super) fn ask(
    pack: &Pack,
    input: &FreezeInput<'_>,
    action: FreezeAction,
    id: &PersonId,
    key: &KeyFacts,
) -> (MayFreeze, Option<Case>) {
    let mut answer = MayFreeze::default();
    let Some(person) = input.people.get(id) else {
        answer.barred = Some(Barred::UnknownPerson);
        return (answer, None);
    };
    let known = || person.identities.iter().filter_map(|id| input.identities.get(id));
    answer.barred = if input.people.is_ambiguous(id) {
        Some(Barred::UnknownPerson)
    } else if known().any(|it| it.kind != IdentityKind::Human) {
        Some(Barred::NotHuman)
    } else if known().any(|it| it.status != Status::Active) {
        Some(Barred::Disabled)
    } else {
        None
    };
    let word = match action {
        FreezeAction::Freeze => "Freeze",
        FreezeAction::Thaw => "Thaw",
    };
    match entities::of_freeze(pack, input, person, key) {
        Ok((store, context)) => {
            let mut case = Case { entities: store.entities, context, asked: Vec::new() };
            case.ask(pack, &store.principal, word, &store.resource, false);
            (answer, Some(case))
        }
        Err(fault) => {
            answer.forbidden = vec![hit::unanswerable(&fault)];
            (answer, None)
        }
    }
}
