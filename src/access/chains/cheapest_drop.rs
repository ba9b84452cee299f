//! The cheapest set of changes to reject so that an emergent piece does not come about.
//!
//! Computed from the facts of each change of a plan and a piece with its responsible sets. The result, dependents
//! included, breaks every responsible set at the lowest cost, which is what the dropped changes would have given. Empty
//! if not every responsible set is known.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::model::facts::{ChangeFacts, Emergent};
use crate::input::id::ChangeId;

/// The cost of dropping a change: identities affected, and accesses gained.
type Cost = (u64, usize);

/// The changes of a plan with the cost of dropping each.
pub(crate) struct Cheapest {
    /// The change with all its dependents, and their total cost.
    falls: BTreeMap<ChangeId, (BTreeSet<ChangeId>, Cost)>,
}

impl Cheapest {
    /// From the facts of each change with the number of accesses it gains.
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

    /// The cheapest changes to drop for a piece.
    pub(crate) fn of(&self, piece: &Emergent) -> BTreeSet<ChangeId> {
        if !piece.complete {
            return BTreeSet::new();
        }
        let mut left: Vec<&BTreeSet<ChangeId>> = piece.sets.iter().collect();
        let mut drop = BTreeSet::new();
        // A single change that breaks all sets, the cheapest one; otherwise greedily the change that is in most sets.
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
