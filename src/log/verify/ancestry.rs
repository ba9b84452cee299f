//! The graph of sessions.
//!
//! It computes a topological order (ancestors first) and answers whether one session is an ancestor of another. Sessions
//! are covered by chains, because they usually form one chain, so most queries need no search. Nothing here recurses.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::input::time::Time;
use crate::log::line::SessionId;

/// The index of a session in reading order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionIndex(pub(super) u32);

impl SessionIndex {
    pub(super) fn get(self) -> usize {
        self.0 as usize
    }
}

/// Orders sessions of which neither is an ancestor of the other.
type Tie = Option<(Time, SessionId)>;

/// The graph of sessions.
#[derive(Debug, Default)]
pub struct Ancestry {
    /// Parents of session n: `edges[starts[n]..starts[n + 1]]`.
    starts: Vec<u32>,
    edges: Vec<u32>,
    /// The position of session n in topological order, or `u32::MAX` for one that does not count.
    order: Vec<u32>,
    /// The chain of each session, and its position in it. A session continues the chain of its first parent.
    chain: Vec<(u32, u32)>,
}

impl Ancestry {
    /// Builds the graph. `counts` tells which sessions count (a repeated one does not). `key` breaks ties, so that the
    /// order depends only on the set of sessions.
    pub(super) fn new(parents: &[Vec<u32>], counts: &[bool], key: &[(Time, SessionId)]) -> Self {
        let size = parents.len();
        let mut graph = Self { order: vec![u32::MAX; size], chain: vec![(u32::MAX, 0); size], ..Self::default() };
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); size];
        let mut waiting: Vec<usize> = Vec::with_capacity(size);
        graph.starts.push(0);
        for (n, list) in (0_u32..).zip(parents) {
            graph.edges.extend(list);
            graph.starts.push(u32::try_from(graph.edges.len()).unwrap_or(u32::MAX));
            waiting.push(list.len());
            for p in list {
                if let Some(slot) = children.get_mut(*p as usize) {
                    slot.push(n);
                }
            }
        }
        let tie = |n: u32| key.get(n as usize).copied();
        let mut ready: BinaryHeap<Reverse<(Tie, u32)>> = (0_u32..)
            .zip(&waiting)
            .filter(|(n, w)| **w == 0 && counts.get(*n as usize) == Some(&true))
            .map(|(n, _)| Reverse((tie(n), n)))
            .collect();
        let (mut place, mut chains) = (0_u32, 0_u32);
        let mut tips: Vec<u32> = Vec::new();
        while let Some(Reverse((_, n))) = ready.pop() {
            if let Some(slot) = graph.order.get_mut(n as usize) {
                *slot = place;
            }
            place = place.saturating_add(1);
            graph.join_chain(n, &mut tips, &mut chains);
            for c in children.get(n as usize).into_iter().flatten() {
                if let Some(left) = waiting.get_mut(*c as usize) {
                    *left = left.saturating_sub(1);
                    if *left == 0 && counts.get(*c as usize) == Some(&true) {
                        ready.push(Reverse((tie(*c), *c)));
                    }
                }
            }
        }
        graph
    }

    /// Appends a session to the chain of a parent that is still the chain's end, or starts a new chain.
    fn join_chain(&mut self, n: u32, tips: &mut Vec<u32>, chains: &mut u32) {
        let joined = self.parents(n).iter().find_map(|p| {
            let (chain, at) = *self.chain.get(*p as usize)?;
            (tips.get(chain as usize) == Some(p)).then_some((chain, at.saturating_add(1)))
        });
        let (chain, at) = joined.unwrap_or_else(|| {
            tips.push(n);
            *chains = chains.saturating_add(1);
            (chains.saturating_sub(1), 0)
        });
        if let Some(tip) = tips.get_mut(chain as usize) {
            *tip = n;
        }
        if let Some(slot) = self.chain.get_mut(n as usize) {
            *slot = (chain, at);
        }
    }

    fn parents(&self, n: u32) -> &[u32] {
        let from = self.starts.get(n as usize).copied().unwrap_or(0) as usize;
        let to = self.starts.get(n as usize + 1).copied().unwrap_or(0) as usize;
        self.edges.get(from..to).unwrap_or_default()
    }

    /// The position of a session in topological order, or `None` if it does not count or an ancestor is missing.
    #[must_use]
    pub fn position(&self, session: SessionIndex) -> Option<u32> {
        self.order.get(session.get()).copied().filter(|p| *p != u32::MAX)
    }

    /// Whether `earlier` is an ancestor of `later`. A session is not its own ancestor.
    #[must_use]
    pub fn is_ancestor(&self, earlier: SessionIndex, later: SessionIndex) -> bool {
        let (Some(goal), Some(_)) = (self.position(earlier), self.position(later)) else { return false };
        let Some((chain, at)) = self.chain.get(earlier.get()).copied() else { return false };
        let mut open = vec![later.0];
        // For each chain, the highest position that was visited. Everything before it on the chain was visited too.
        let mut seen = BTreeMap::<u32, u32>::new();
        while let Some(n) = open.pop() {
            let Some((c, place)) = self.chain.get(n as usize).copied() else { continue };
            if c == chain && (place > at || (place == at && n != later.0)) {
                return true;
            }
            if seen.get(&c).is_none_or(|far| *far < place) {
                self.climb(n, goal, c, &mut seen, &mut open);
            }
        }
        false
    }

    /// Walks one chain from a session towards its start, and collects the parents outside the chain.
    fn climb(&self, from: u32, goal: u32, chain: u32, seen: &mut BTreeMap<u32, u32>, open: &mut Vec<u32>) {
        let place = |n: u32| self.chain.get(n as usize).copied().unwrap_or((u32::MAX, 0));
        // A session before the goal in topological order cannot be its descendant.
        let may_follow = |n: u32| self.order.get(n as usize).is_some_and(|o| *o >= goal && *o != u32::MAX);
        let known = seen.insert(chain, place(from).1);
        let mut here = Some(from);
        while let Some(n) = here.take() {
            let before = place(n).1.checked_sub(1);
            for p in self.parents(n).iter().copied().filter(|p| may_follow(*p)) {
                let (c, at) = place(p);
                if c != chain {
                    open.push(p);
                } else if Some(at) == before && known.is_none_or(|far| at > far) {
                    here = Some(p);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slow(parents: &[Vec<u32>], earlier: u32, later: u32) -> bool {
        parents[later as usize].iter().any(|p| *p == earlier || slow(parents, earlier, *p))
    }

    proptest! {
        #[test]
        fn ancestry_agrees_with_a_slow_walk(raw in prop::collection::vec(prop::collection::vec(any::<u32>(), 0..3), 1..14)) {
            let parents: Vec<Vec<u32>> = (0_u32..).zip(&raw).map(|(n, list)| {
                let mut list: Vec<u32> = list.iter().filter(|_| n > 0).map(|p| p % n.max(1)).collect();
                list.sort_unstable();
                list.dedup();
                list
            }).collect();
            let key: Vec<_> = parents.iter().map(|_| (Time::from_unix(0), SessionId::from_bytes([0; 16]))).collect();
            let graph = Ancestry::new(&parents, &vec![true; parents.len()], &key);
            for a in 0..u32::try_from(parents.len()).unwrap() {
                for b in 0..u32::try_from(parents.len()).unwrap() {
                    prop_assert_eq!(graph.is_ancestor(SessionIndex(a), SessionIndex(b)), slow(&parents, a, b), "{} {}", a, b);
                }
            }
        }
    }

    #[test]
    fn a_chain_of_many_sessions_needs_no_recursion() {
        let size = 50_000_u32;
        let parents: Vec<Vec<u32>> = (0..size).map(|n| n.checked_sub(1).into_iter().collect()).collect();
        let key: Vec<_> = parents.iter().map(|_| (Time::from_unix(0), SessionId::from_bytes([0; 16]))).collect();
        let graph = Ancestry::new(&parents, &vec![true; parents.len()], &key);
        assert!((1..size).all(|n| graph.is_ancestor(SessionIndex(0), SessionIndex(n))));
        assert!(!graph.is_ancestor(SessionIndex(5), SessionIndex(5)));
    }
}
