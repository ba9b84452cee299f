//! Live trusts: which trusts that ask for something are live, for whom, and for how long.
//!
//! In: a state. Out: for each edge of a subject that asks for something, how what it asks for is held: by the subject
//! itself, and through whatever it can act as. Whether a trust is live for its holder is nobody else's matter, so it is told
//! once for a state, for all that can be reached from whoever is asked about; what was told before stays true. Where there
//! is more to look at than may be, all trusts count as live, and the state says so.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::access::effective::edge::{Edge, Edges};
use crate::access::effective::holdings::{DirectHoldings, WantedAccess};
use crate::access::effective::memo::{Expiries, LiveTrusts, TrustBasis};
use crate::access::effective::state::AccessState;
use crate::access::effective::trust_fixpoint::{Holder, raised};
use crate::access::graph::provenance::{ExpiringPath, Validity};
use crate::input::entitlement::Requirement;
use crate::input::id::Subject;

/// How many entries of what is looked at here cost as much as one that a subject can act as.
const EACH: u64 = 32;

impl AccessState<'_, '_> {
    /// How what the edges of a subject ask for is held; nothing where nobody asked yet.
    pub(crate) fn live_trusts(&self, subject: &Subject, by: TrustBasis) -> Rc<[Validity]> {
        if self.has_trusts_undecided() {
            return self.edges(subject).single.iter().map(|_| Validity::start()).collect();
        }
        let memo = self.memo.borrow();
        let Some(live_trusts) = memo.live_trusts.by.get(subject) else { return Rc::default() };
        Rc::clone(match by {
            TrustBasis::Own => &live_trusts.own,
            TrustBasis::All => &live_trusts.all,
        })
    }

    /// Bounds how much is looked at to tell which trusts of this state are live.
    pub(crate) fn bound_trust_work(&self, most: u64) {
        self.memo.borrow_mut().live_trusts.most = Some(most.saturating_mul(EACH));
    }

    /// How much was looked at to tell which trusts of this state are live; of the plain snapshot nothing is counted.
    pub(crate) fn trust_work(&self) -> u64 {
        if self.below.is_some() { self.memo.borrow().live_trusts.work / EACH } else { 0 }
    }

    /// Whether there was too much to look at to tell which trusts are live: then all count as live.
    pub(crate) fn has_trusts_undecided(&self) -> bool {
        let told = &self.memo.borrow().live_trusts;
        told.most.is_some_and(|most| told.work > most)
    }

    /// Whether the edges of a subject, and what they ask for, are as in the state below: told once.
    pub(crate) fn known_same_edges_as_base(&self, subject: &Subject, tell: impl FnOnce() -> bool) -> bool {
        if let Some(known) = self.memo.borrow().live_trusts.same_as_base.get(subject) {
            return *known;
        }
        let is = tell();
        self.memo.borrow_mut().live_trusts.same_as_base.insert(subject.clone(), is);
        is
    }

    /// Takes from what may be looked at; whether there was room for it.
    fn charge_trust_work(&self, entries: usize) -> bool {
        let told = &mut self.memo.borrow_mut().live_trusts;
        told.work = told.work.saturating_add(u64::try_from(entries).unwrap_or(u64::MAX));
        told.most.is_none_or(|most| told.work <= most)
    }

    /// Tells which trusts are live for all that might be reached from a subject.
    pub(crate) fn decide_trusts(&self, subject: &Subject) {
        if self.has_trusts_undecided() {
            return;
        }
        // Whoever was told of before was told of with all that might be reached from there.
        let mut new: BTreeSet<Subject> = BTreeSet::new();
        let mut lists = BTreeSet::new();
        let mut queue = vec![subject.clone()];
        while let Some(at) = queue.pop() {
            if self.memo.borrow().live_trusts.by.contains_key(&at) || !new.insert(at.clone()) {
                continue;
            }
            let edges = self.edges(&at);
            queue.extend(edges.single.iter().map(|edge| edge.to.clone()));
            let mut looked = edges.single.len().saturating_add(1);
            for spread in edges.spread.iter().filter(|spread| lists.insert(spread.address())) {
                looked = looked.saturating_add(spread.to.len());
                queue.extend(spread.to.iter().cloned());
            }
            if !self.charge_trust_work(looked) {
                return;
            }
            let own = self.trusts_by_own(&at, &edges);
            self.memo.borrow_mut().live_trusts.by.insert(at, LiveTrusts { own: Rc::clone(&own), all: own });
        }
        // A trust may also be live through what its holder reaches by other trusts.
        let open: Vec<Holder> = new.into_iter().filter_map(|holder| self.open(holder)).collect();
        let left = {
            let told = &self.memo.borrow().live_trusts;
            told.most.map_or(u64::MAX, |most| most.saturating_sub(told.work))
        };
        let (found, looked) = raised(self, &open, left);
        let mut memo = self.memo.borrow_mut();
        memo.live_trusts.work = memo.live_trusts.work.saturating_add(looked);
        for (holder, asked) in open.iter().zip(found) {
            let Some(live_trusts) = memo.live_trusts.by.get_mut(&holder.subject) else { continue };
            let mut all = live_trusts.own.to_vec();
            for (slot, ends) in holder.slots.iter().zip(&mut all) {
                if let Some(found) = slot.and_then(|slot| asked.get(slot)) {
                    ends.join(&lasting(*found));
                }
            }
            live_trusts.all = all.into();
        }
    }

    /// A subject with what its edges ask for and it does not hold for ever itself; nothing if that is nothing.
    fn open(&self, subject: Subject) -> Option<Holder> {
        let edges = self.edges(&subject);
        let own = self.live_trusts(&subject, TrustBasis::Own);
        let mut asks: Vec<Requirement> = Vec::new();
        let slots: Vec<Option<usize>> = edges
            .single
            .iter()
            .zip(own.iter())
            .map(|(edge, way)| {
                let requires = edge.requires.as_ref().filter(|_| !way.reaches(&Validity::start()))?;
                let known = asks.iter().position(|known| known == requires);
                Some(known.unwrap_or_else(|| {
                    asks.push(requires.clone());
                    asks.len() - 1
                }))
            })
            .collect();
        (!asks.is_empty()).then_some(Holder { subject, asks, slots })
    }

    /// How a subject itself holds what its edges ask for; as below, where neither differs.
    fn trusts_by_own(&self, subject: &Subject, edges: &Rc<Edges>) -> Rc<[Validity]> {
        if let (Some(below), Some(touched)) = (self.below, &self.touched)
            && !touched.may_differ(subject)
            && Rc::ptr_eq(edges, &below.edges(subject))
        {
            below.decide_trusts(subject);
            return below.live_trusts(subject, TrustBasis::Own);
        }
        let own = self.own(subject);
        let held = |edge: &Edge| edge.requires.as_ref().map(|r| lasting(self.satisfies(&own, r))).unwrap_or_default();
        edges.single.iter().map(held).collect()
    }

    /// Until when somebody who holds so much holds what a trust asks for.
    pub(crate) fn satisfies(&self, own: &DirectHoldings, requires: &Requirement) -> Expiries {
        let wanted = WantedAccess {
            action: &requires.action,
            resource: &requires.resource,
            scope: requires.scope.as_ref(),
            system: requires.system.as_ref(),
        };
        self.holds(own, &wanted).ends()
    }
}

/// A way of which only the ends are known.
fn lasting((now, ever): Expiries) -> Validity {
    let leg = |end| ExpiringPath { end, trail: None };
    Validity { now: now.map(leg), ever: ever.map(leg) }
}
