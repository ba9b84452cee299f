//! Live trusts: which trusts that ask for something are live, for whom, and for how long.
//!
//! In: a state. Out: for each edge of a subject that asks for something, how what it asks for is held: by the subject
//! itself, and through whatever it can act as. Whether a trust is live for its holder is nobody else's matter, so it is told
//! once for a state, for all that can be reached from whoever is asked about; what was told before stays true. Where there
//! is more to look at than may be, all trusts count as live, and the state says so.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::access::edges::{Edge, Edges};
use crate::access::raise::{Holder, raised};
use crate::access::reach::{Own, Wanted};
use crate::access::view::View;
use crate::access::way::{End, Leg, Way};
use crate::input::entitlement::Requirement;
use crate::input::id::Subject;

/// How what each edge of a subject asks for is held, in the order of the edges; an edge that asks for nothing has none.
#[derive(Debug, Default)]
pub(super) struct Lives {
    /// By the subject itself.
    own: Rc<[Way]>,
    /// By whomever it can act as.
    all: Rc<[Way]>,
}

/// What a state knows of its trusts, and what that cost.
#[derive(Debug, Default)]
pub(super) struct Told {
    by: BTreeMap<Subject, Lives>,
    /// Whose edges, and what they ask for, are as in the state below.
    as_below: BTreeMap<Subject, bool>,
    /// How much was looked at, and how much may be; without a bound: all.
    work: u64,
    most: Option<u64>,
}

/// How many entries of what is looked at here cost as much as one that a subject can act as.
const EACH: u64 = 32;

/// Which of these a walk goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Own,
    All,
}

/// In force, and also by activation: until when.
pub(super) type Ends = (Option<End>, Option<End>);

impl View<'_, '_> {
    /// How what the edges of a subject ask for is held; nothing where nobody asked yet.
    pub(super) fn lives(&self, subject: &Subject, by: By) -> Rc<[Way]> {
        if self.has_lives_untold() {
            return self.edges(subject).single.iter().map(|_| Way::start()).collect();
        }
        let worked = self.worked.borrow();
        let Some(lives) = worked.lives.by.get(subject) else { return Rc::default() };
        Rc::clone(match by {
            By::Own => &lives.own,
            By::All => &lives.all,
        })
    }

    /// Bounds how much is looked at to tell which trusts of this state are live.
    pub(super) fn bound_lives(&self, most: u64) {
        self.worked.borrow_mut().lives.most = Some(most.saturating_mul(EACH));
    }

    /// How much was looked at to tell which trusts of this state are live; of the plain snapshot nothing is counted.
    pub(super) fn lives_work(&self) -> u64 {
        if self.below.is_some() { self.worked.borrow().lives.work / EACH } else { 0 }
    }

    /// Whether there was too much to look at to tell which trusts are live: then all count as live.
    pub(super) fn has_lives_untold(&self) -> bool {
        let told = &self.worked.borrow().lives;
        told.most.is_some_and(|most| told.work > most)
    }

    /// Whether the edges of a subject, and what they ask for, are as in the state below: told once.
    pub(super) fn known_to_lead_as_below(&self, subject: &Subject, tell: impl FnOnce() -> bool) -> bool {
        if let Some(known) = self.worked.borrow().lives.as_below.get(subject) {
            return *known;
        }
        let is = tell();
        self.worked.borrow_mut().lives.as_below.insert(subject.clone(), is);
        is
    }

    /// Takes from what may be looked at; whether there was room for it.
    fn look_at_lives(&self, entries: usize) -> bool {
        let told = &mut self.worked.borrow_mut().lives;
        told.work = told.work.saturating_add(u64::try_from(entries).unwrap_or(u64::MAX));
        told.most.is_none_or(|most| told.work <= most)
    }

    /// Tells which trusts are live for all that might be reached from a subject.
    pub(super) fn tell_lives(&self, subject: &Subject) {
        if self.has_lives_untold() {
            return;
        }
        // Whoever was told of before was told of with all that might be reached from there.
        let mut new: BTreeSet<Subject> = BTreeSet::new();
        let mut lists = BTreeSet::new();
        let mut queue = vec![subject.clone()];
        while let Some(at) = queue.pop() {
            if self.worked.borrow().lives.by.contains_key(&at) || !new.insert(at.clone()) {
                continue;
            }
            let edges = self.edges(&at);
            queue.extend(edges.single.iter().map(|edge| edge.to.clone()));
            let mut looked = edges.single.len().saturating_add(1);
            for spread in edges.spread.iter().filter(|spread| lists.insert(spread.address())) {
                looked = looked.saturating_add(spread.to.len());
                queue.extend(spread.to.iter().cloned());
            }
            if !self.look_at_lives(looked) {
                return;
            }
            let own = self.lives_by_own(&at, &edges);
            self.worked.borrow_mut().lives.by.insert(at, Lives { own: Rc::clone(&own), all: own });
        }
        // A trust may also be live through what its holder reaches by other trusts.
        let open: Vec<Holder> = new.into_iter().filter_map(|holder| self.open(holder)).collect();
        let left = {
            let told = &self.worked.borrow().lives;
            told.most.map_or(u64::MAX, |most| most.saturating_sub(told.work))
        };
        let (found, looked) = raised(self, &open, left);
        let mut worked = self.worked.borrow_mut();
        worked.lives.work = worked.lives.work.saturating_add(looked);
        for (holder, asked) in open.iter().zip(found) {
            let Some(lives) = worked.lives.by.get_mut(&holder.subject) else { continue };
            let mut all = lives.own.to_vec();
            for (slot, ends) in holder.slots.iter().zip(&mut all) {
                if let Some(found) = slot.and_then(|slot| asked.get(slot)) {
                    ends.join(&lasting(*found));
                }
            }
            lives.all = all.into();
        }
    }

    /// A subject with what its edges ask for and it does not hold for ever itself; nothing if that is nothing.
    fn open(&self, subject: Subject) -> Option<Holder> {
        let edges = self.edges(&subject);
        let own = self.lives(&subject, By::Own);
        let mut asks: Vec<Requirement> = Vec::new();
        let slots: Vec<Option<usize>> = edges
            .single
            .iter()
            .zip(own.iter())
            .map(|(edge, way)| {
                let requires = edge.requires.as_ref().filter(|_| !way.reaches(&Way::start()))?;
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
    fn lives_by_own(&self, subject: &Subject, edges: &Rc<Edges>) -> Rc<[Way]> {
        if let (Some(below), Some(touched)) = (self.below, &self.touched)
            && !touched.holds_other(subject)
            && Rc::ptr_eq(edges, &below.edges(subject))
        {
            below.tell_lives(subject);
            return below.lives(subject, By::Own);
        }
        let own = self.own(subject);
        let held = |edge: &Edge| edge.requires.as_ref().map(|r| lasting(self.satisfies(&own, r))).unwrap_or_default();
        edges.single.iter().map(held).collect()
    }

    /// Until when somebody who holds so much holds what a trust asks for.
    pub(super) fn satisfies(&self, own: &Own, requires: &Requirement) -> Ends {
        let wanted = Wanted { action: &requires.action, resource: &requires.resource, scope: requires.scope.as_ref() };
        self.holds(own, &wanted).ends()
    }
}

/// A way of which only the ends are known.
fn lasting((now, ever): Ends) -> Way {
    let leg = |end| Leg { end, trail: None };
    Way { now: now.map(leg), ever: ever.map(leg) }
}
