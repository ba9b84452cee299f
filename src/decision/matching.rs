//! Assigns the steps of a change to different people with different keys.
//!
//! Computes a maximum matching from the needed steps and, for each recorded approval, its person, its key and the steps
//! it can fill. Returns the matching and the unfilled steps. The result does not depend on the order of the approvals.

use std::collections::{BTreeMap, BTreeSet};

use crate::decision::case::{Signer, StepName};

/// An approval that counts, with the needed steps that its person was and is permitted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate<S: Ord = StepName> {
    /// The person and the key.
    pub signer: Signer,
    /// The steps it can fill.
    pub steps: BTreeSet<S>,
}

/// The assignment of steps to signers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching<S: Ord = StepName> {
    /// The steps filled.
    pub filled: BTreeMap<S, Signer>,
    /// The unfilled steps, in the order of the needed steps.
    pub missing: Vec<S>,
}

/// Fills as many of the needed steps as can be filled at the same time.
///
/// People who share a key, directly or through others, count as one, because the holder of the key cannot be
/// identified.
#[must_use]
pub fn fill<S: Ord + Clone>(needed: &[S], candidates: &[Candidate<S>]) -> Matching<S> {
    let mut steps: Vec<&S> = Vec::new();
    for step in needed {
        if !steps.contains(&step) {
            steps.push(step);
        }
    }
    let hands = hands(candidates);
    let mut taken: BTreeMap<usize, &S> = BTreeMap::new();
    let mut missing = Vec::new();
    for step in steps {
        if !augment(step, &hands, &mut taken, &mut BTreeSet::new()) {
            missing.push(step.clone());
        }
    }
    let mut filled = BTreeMap::new();
    for (at, step) in taken {
        if let Some(signer) = hands.get(at).and_then(|hand| hand.get(step)) {
            filled.insert(step.clone(), (*signer).clone());
        }
    }
    Matching { filled, missing }
}

/// The steps that one group of people with shared keys can fill, with the signature for each.
type Hand<'a, S> = BTreeMap<&'a S, &'a Signer>;

/// Groups candidates that share a person or a key.
fn hands<S: Ord>(candidates: &[Candidate<S>]) -> Vec<Hand<'_, S>> {
    let mut sorted: Vec<&Candidate<S>> = candidates.iter().collect();
    sorted.sort();
    let mut groups: Vec<Vec<&Candidate<S>>> = Vec::new();
    for candidate in sorted {
        let shares = |other: &Candidate<S>| {
            other.signer.person == candidate.signer.person || other.signer.key == candidate.signer.key
        };
        let (joined, apart): (Vec<_>, Vec<_>) = groups.into_iter().partition(|g| g.iter().any(|o| shares(o)));
        groups = apart;
        let mut group: Vec<&Candidate<S>> = joined.into_iter().flatten().collect();
        group.push(candidate);
        groups.push(group);
    }
    groups.sort();
    groups
        .into_iter()
        .map(|group| {
            let mut hand = Hand::new();
            for candidate in group {
                for step in &candidate.steps {
                    hand.entry(step).or_insert(&candidate.signer);
                }
            }
            hand
        })
        .collect()
}

/// One augmenting path of Kuhn's algorithm.
fn augment<'a, S: Ord>(
    step: &'a S,
    hands: &[Hand<'a, S>],
    taken: &mut BTreeMap<usize, &'a S>,
    seen: &mut BTreeSet<usize>,
) -> bool {
    for (at, hand) in hands.iter().enumerate() {
        if !hand.contains_key(step) || !seen.insert(at) {
            continue;
        }
        let free = match taken.get(&at).copied() {
            None => true,
            Some(other) => augment(other, hands, taken, seen),
        };
        if free {
            taken.insert(at, step);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(person: &str, key: &str, steps: &[&str]) -> Candidate {
        Candidate { signer: Signer::new(person, key), steps: steps.iter().map(|s| StepName::new(s).unwrap()).collect() }
    }

    fn steps(names: &[&str]) -> Vec<StepName> {
        names.iter().map(|s| StepName::new(s).unwrap()).collect()
    }

    #[test]
    fn two_steps_with_one_person_stay_one() {
        let m = fill(&steps(&["Owner", "Security"]), &[candidate("ada", "k1", &["Owner", "Security"])]);
        assert_eq!(m.filled.len(), 1);
        assert_eq!(m.missing, steps(&["Security"]));
    }

    #[test]
    fn one_person_with_two_keys_stays_one() {
        let both = ["Owner", "Security"];
        let m = fill(&steps(&both), &[candidate("ada", "k1", &both), candidate("ada", "k2", &both)]);
        assert_eq!(m.filled.len(), 1);
    }

    #[test]
    fn two_people_with_one_key_stay_one() {
        let both = ["Owner", "Security"];
        let m = fill(&steps(&both), &[candidate("ada", "k1", &both), candidate("bob", "k1", &both)]);
        assert_eq!(m.filled.len(), 1);
    }

    #[test]
    fn the_one_who_can_do_both_leaves_the_step_that_another_can_do() {
        let found = [candidate("ada", "k1", &["Owner", "Security"]), candidate("bob", "k2", &["Owner"])];
        let m = fill(&steps(&["Owner", "Security"]), &found);
        assert!(m.missing.is_empty());
        assert_eq!(m.filled.get(&StepName::new("Security").unwrap()), Some(&Signer::new("ada", "k1")));
    }

    fn best(needed: &[StepName], people: &[Candidate], used: &mut BTreeSet<usize>) -> usize {
        let Some((first, rest)) = needed.split_first() else { return 0 };
        let mut most = best(rest, people, used);
        for (at, c) in people.iter().enumerate() {
            if c.steps.contains(first) && used.insert(at) {
                most = most.max(1 + best(rest, people, used));
                used.remove(&at);
            }
        }
        most
    }

    proptest! {
        #[test]
        fn the_matching_is_as_large_as_brute_force_finds(masks in prop::collection::vec(0_u8..16, 0..6), n in 0_usize..5) {
            let names = ["Owner", "Security", "Legal", "Data"];
            let needed = steps(&names[..n.min(4)]);
            let people: Vec<Candidate> = masks.iter().enumerate().map(|(i, mask)| {
                let can: Vec<&str> = names.iter().enumerate().filter(|(b, _)| mask & (1 << b) != 0).map(|(_, s)| *s).collect();
                candidate(&format!("p{i}"), &format!("k{i}"), &can)
            }).collect();
            let m = fill(&needed, &people);
            prop_assert_eq!(m.filled.len(), best(&needed, &people, &mut BTreeSet::new()));
            prop_assert_eq!(m.filled.len() + m.missing.len(), needed.len());
            let distinct: BTreeSet<_> = m.filled.values().map(|s| s.person.clone()).collect();
            prop_assert_eq!(distinct.len(), m.filled.len());
            for (step, signer) in &m.filled {
                prop_assert!(people.iter().any(|p| p.signer == *signer && p.steps.contains(step)));
            }
            let mut turned = people;
            turned.reverse();
            prop_assert_eq!(m, fill(&needed, &turned));
        }
    }
}
