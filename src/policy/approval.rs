//! Approvers: which steps a person may fill on a change, and whether the person may override its denials.
//!
//! Evaluates, for a pack, an input, a change, a person of `people.yaml` and the signing key, the permitted steps and
//! the policies that forbid the others. Independent of policy, machines, the person's own proposals and gains, and
//! ambiguous persons are always excluded.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::access::model::facts::ChangeFacts;
use crate::input::entitlement::IdentityKind;
use crate::input::id::PersonId;
use crate::policy::bars::Who;
use crate::policy::case::Case;
use crate::policy::entities::names::Principal;
use crate::policy::hit::PolicyHit;
use crate::policy::input::{KeyFacts, PersonView, PolicyInput};
use crate::policy::pack::Pack;
use crate::policy::steps::StepName;
use crate::policy::{case, entities, explain, hit};
use crate::snapshot::model::Status;

/// Why a person can decide nothing about a change, regardless of policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Barred {
    /// The person is not in `people.yaml`, or two persons share an id or identity.
    UnknownPerson,
    /// One of the person's identities is disabled in the snapshot.
    Disabled,
    /// One of the person's identities is not human in the snapshot.
    NotHuman,
    /// The person is the proposer.
    OwnProposal,
    /// The person gains access by the change: directly, through a group or a trust, or through a machine the person
    /// owns.
    OwnGain,
    /// The change does not exist.
    UnknownChange,
}

impl Barred {
    /// The reason in words, lower case.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::UnknownPerson => "people.yaml does not identify them uniquely",
            Self::Disabled => "one of their identities is disabled in the snapshot",
            Self::NotHuman => "one of their identities is non-human in the snapshot",
            Self::OwnProposal => "no one may decide about their own proposal",
            Self::OwnGain => "no one may decide about access that they gain",
            Self::UnknownChange => "the plan has no such change",
        }
    }
}

/// What a person may do about a change.
#[derive(Clone, Debug)]
pub struct Permitted {
    /// The steps that the person may fill. Empty for [`may_override`].
    pub steps: BTreeSet<StepName>,
    /// Whether the person may override its denials. False for [`may_approve`].
    pub sets_aside: bool,
    /// The reasons that exclude the person regardless of policy.
    pub barred: BTreeSet<Barred>,
    /// For each step that is not permitted, the policies that forbid it. For [`may_override`] the key is `Override`.
    pub forbidden: BTreeMap<String, Vec<PolicyHit>>,
    /// The queries, to be recorded; `None` if no query was possible.
    pub case: Option<Case>,
}

/// Evaluates which steps a person may fill on the change at an index of the plan.
#[must_use]
pub fn may_approve(
    pack: &Pack,
    matter: &PolicyInput<'_>,
    index: usize,
    person: &PersonId,
    key: &KeyFacts,
) -> Permitted {
    let actions: Vec<(Option<StepName>, String)> =
        pack.steps().iter().map(|step| (Some(step.clone()), format!("ApproveAs{step}"))).collect();
    ask(pack, matter, index, person, key, &actions)
}

/// Evaluates whether a person may override the denials of a change, or lift a rejection of it together with another
/// person.
#[must_use]
pub fn may_override(
    pack: &Pack,
    matter: &PolicyInput<'_>,
    index: usize,
    person: &PersonId,
    key: &KeyFacts,
) -> Permitted {
    ask(pack, matter, index, person, key, &[(None, "Override".to_owned())])
}

fn ask(
    pack: &Pack,
    matter: &PolicyInput<'_>,
    index: usize,
    id: &PersonId,
    key: &KeyFacts,
    actions: &[(Option<StepName>, String)],
) -> Permitted {
    let mut permitted = Permitted {
        steps: BTreeSet::new(),
        sets_aside: false,
        barred: BTreeSet::new(),
        forbidden: BTreeMap::new(),
        case: None,
    };
    let Some((change, facts)) = matter
        .plan
        .changes
        .get(index)
        .zip(matter.analysis.changes.get(index))
        .filter(|(change, facts)| change.id.value == facts.id)
    else {
        permitted.barred.insert(Barred::UnknownChange);
        return permitted;
    };
    let Some(person) = matter.people.get(id) else {
        permitted.barred.insert(Barred::UnknownPerson);
        return permitted;
    };
    permitted.barred = bars(matter, facts, person);
    let prepared = entities::of_change(pack, matter, change, facts, &Principal::Person(person))
        .and_then(|store| Ok((store, entities::approval(matter, key)?)));
    let (store, context) = match prepared {
        Ok(prepared) => prepared,
        Err(fault) => {
            let hits = |(step, action): &(Option<StepName>, String)| {
                let name = step.as_ref().map_or_else(|| action.clone(), ToString::to_string);
                (name, vec![hit::unanswerable(&fault)])
            };
            permitted.forbidden = actions.iter().map(hits).collect();
            return permitted;
        }
    };
    let mut case = Case { entities: store.entities, context, asked: Vec::new() };
    for (step, action) in actions {
        let asked = case.ask(pack, &store.principal, action, &store.resource, false);
        let passes = asked.is_some_and(case::PolicyQuery::permitted);
        if !passes {
            let (denials, _) = explain::hits(pack, &case);
            let name = step.as_ref().map_or_else(|| action.clone(), ToString::to_string);
            permitted.forbidden.insert(name, denials);
        } else if permitted.barred.is_empty() {
            match step {
                Some(step) => {
                    permitted.steps.insert(step.clone());
                }
                None => permitted.sets_aside = true,
            }
        }
    }
    permitted.case = Some(case);
    permitted
}

fn bars(matter: &PolicyInput<'_>, facts: &ChangeFacts, person: &PersonView) -> BTreeSet<Barred> {
    let mut barred = BTreeSet::new();
    if matter.people.is_ambiguous(&person.id) {
        barred.insert(Barred::UnknownPerson);
    }
    for id in &person.identities {
        for view in [&matter.analysis.before, &facts.around].into_iter().filter_map(|s| s.identities.get(id)) {
            if view.kind != IdentityKind::Human {
                barred.insert(Barred::NotHuman);
            }
        }
        if matter.analysis.before.identities.get(id).is_some_and(|view| view.status != Status::Active) {
            barred.insert(Barred::Disabled);
        }
    }
    if person.identities.contains(&matter.plan.proposer.value) {
        barred.insert(Barred::OwnProposal);
    }
    if Who::of_person(matter, facts, person).gains(matter, facts) {
        barred.insert(Barred::OwnGain);
    }
    barred
}
