//! Active trusts: which trusts with requirements are active, for which subjects, and until when.
//!
//! Computes, for each edge with a requirement, how its holder satisfies the requirement: by its own holdings, and
//! through the identities it can act as. Whether a trust is active depends only on its own holder, so it is computed
//! once per state, for all subjects reachable from the queried one; earlier results remain valid. If the work budget is
//! exceeded, all trusts count as active, and the state records that.

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

/// Cost weight: 32 entries inspected here count as one unit of the work budget.
const EACH: u64 = 32;

impl AccessState<'_, '_> {
    /// How the requirements of a subject's edges are satisfied; empty if they were not computed yet.
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

    /// Sets the work budget for computing the active trusts of this state.
    pub(crate) fn bound_trust_work(&self, most: u64) {
        self.memo.borrow_mut().live_trusts.most = Some(most.saturating_mul(EACH));
    }

    /// The work done to compute the active trusts of this state. Work in the plain snapshot does not count.
    pub(crate) fn trust_work(&self) -> u64 {
        if self.below.is_some() { self.memo.borrow().live_trusts.work / EACH } else { 0 }
    }

    /// Whether the budget was exceeded, so that all trusts count as active.
    pub(crate) fn has_trusts_undecided(&self) -> bool {
        let told = &self.memo.borrow().live_trusts;
        told.most.is_some_and(|most| told.work > most)
    }

    /// Whether the edges of a subject, and how it satisfies their requirements, are as in the state below. Cached.
    pub(crate) fn known_same_edges_as_base(&self, subject: &Subject, tell: impl FnOnce() -> bool) -> bool {
        if let Some(known) = self.memo.borrow().live_trusts.same_as_base.get(subject) {
            return *known;
        }
        let is = tell();
        self.memo.borrow_mut().live_trusts.same_as_base.insert(subject.clone(), is);
        is
    }

    /// Charges the work budget. Returns whether it was sufficient.
    fn charge_trust_work(&self, entries: usize) -> bool {
        let told = &mut self.memo.borrow_mut().live_trusts;
        told.work = told.work.saturating_add(u64::try_from(entries).unwrap_or(u64::MAX));
        told.most.is_none_or(|most| told.work <= most)
    }

    /// Computes the active trusts of all subjects that may be reachable from a subject.
    pub(crate) fn decide_trusts(&self, subject: &Subject) {
        if self.has_trusts_undecided() {
            return;
        }
        // Subjects that are already known were computed together with everything reachable from them.
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
        // A trust may also be active through identities that its holder reaches by other trusts.
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

    /// A subject with the requirements of its edges that it does not itself satisfy permanently; `None` if there are
    /// none.
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

    /// How a subject itself satisfies the requirements of its edges. Taken from below if neither differs.
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

    /// Until when these holdings satisfy the requirement of a trust.
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

/// A path of which only the expiries are known.
fn lasting((now, ever): Expiries) -> Validity {
    let leg = |end| ExpiringPath { end, trail: None };
    Validity { now: now.map(leg), ever: ever.map(leg) }
}
