//! Cheapest: which changes to drop so that something does not come about.
//!
//! In: the facts of each change of a plan, and a piece with its responsible sets. Out: changes of the plan, dependents
//! included, without which no set is whole, at the least cost: what they and their dependents give counts. Nothing where not
//! every set is known.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::model::facts::{ChangeFacts, Emergent};
use crate::input::id::ChangeId;

/// What is lost with a change: identities concerned, and accesses gained.
type Cost = (u64, usize);

/// The changes of a plan, by what each takes with it.
pub(crate) struct Cheapest {
    /// The change and all that depend on it, and what they cost together.
    falls: BTreeMap<ChangeId, (BTreeSet<ChangeId>, Cost)>,
}

impl Cheapest {
    /// Of facts, each with how many accesses it gains.
    pub(crate) fn new<'f>(changes: impl Iterator<Item = (&'f ChangeFacts, usize)>) -> Self {
        let mut falls: BTreeMap<ChangeId, (BTreeSet<ChangeId>, Cost)> = BTreeMap::new();
        for (facts, gains) in changes {
            for id in std::iter::once(&facts.id).chain(facts.depends_on.iter().filter(|on| **on != facts.id)) {
                let (fall, (people, all)) = falls.entry(id.clone()).or_default();
                fall.insert(facts.id.clone());
                *people = people.saturating_add(facts.concerned.identities);
                *all = all.saturating_add(gains);
            }
        }
        Self { falls }
    }

    /// What is cheapest to drop.
    pub(crate) fn of(&self, piece: &Emergent) -> BTreeSet<ChangeId> {
        if !piece.complete {
            return BTreeSet::new();
        }
        let mut left: Vec<&BTreeSet<ChangeId>> = piece.sets.iter().collect();
        let mut drop = BTreeSet::new();
        // One change that is enough, the cheapest; else the one that most sets need, and on.
        while !left.is_empty() {
            let candidates = piece.members.iter().filter_map(|id| Some((id, self.falls.get(id)?)));
            let best = candidates
                .map(|(id, (fall, cost))| (left.iter().filter(|set| !set.is_disjoint(fall)).count(), id, fall, cost))
                .filter(|(hits, ..)| *hits > 0)
                .min_by_key(|(hits, id, _, cost)| (std::cmp::Reverse(*hits), **cost, *id));
            let Some((_, _, fall, _)) = best else { return BTreeSet::new() };
            left.retain(|set| set.is_disjoint(fall));
            drop.extend(fall.iter().cloned());
        }
        drop
    }
}
