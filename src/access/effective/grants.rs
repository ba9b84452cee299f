//! All role grants that reach a subject, directly or through identities it can assume, grouped by scope.
//!
//! Keeps each role once per scope, with the path of the latest expiry. Many actors give the same role, so the cost of a
//! query follows the number of distinct grants, not the number of identities the subject can act as. Scopes that an
//! overlay does not touch are taken from the state below.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::access::effective::grant::{ByScope, Grant, Grants, add};
use crate::access::effective::holdings::Holding;
use crate::access::effective::memo::IncrementalClosure;
use crate::access::effective::reachable::Reachable;
use crate::access::effective::state::AccessState;
use crate::input::id::{ResourceId, Subject};

impl AccessState<'_, '_> {
    /// All grants of a subject.
    pub(crate) fn given(&self, subject: &Subject) -> Rc<Grants> {
        if let (Some(below), Some(touched)) = (self.below, &self.touched)
            && !touched.reach.contains(subject)
        {
            return below.given(subject);
        }
        if let Some(known) = self.memo.borrow().given.get(subject) {
            return Rc::clone(known);
        }
        let incremental_closure = self.incremental_closure(subject);
        let given = Rc::new(
            self.over_base(subject, &incremental_closure).unwrap_or_else(|| self.gather(&incremental_closure.row)),
        );
        let mut memo = self.memo.borrow_mut();
        memo.make_room(given.held());
        memo.given.insert(subject.clone(), Rc::clone(&given));
        given
    }

    /// The number of entries to inspect for a subject: the identities it can act as, and the grants they give it.
    pub(crate) fn size(&self, subject: &Subject) -> u64 {
        let size = self.row(subject).len().saturating_add(self.given(subject).held());
        u64::try_from(size).unwrap_or(u64::MAX)
    }

    fn gather(&self, row: &Reachable) -> Grants {
        let mut places = ByScope::new();
        for (actor, way) in row {
            let own = self.own(actor);
            for holding in &own.holdings {
                add(&mut places, Grant::new(actor, way, holding));
            }
        }
        Grants::new(None, places)
    }

    /// The grants of the state below, with the affected scopes recomputed; `None` if most scopes may differ.
    fn over_base(&self, subject: &Subject, incremental_closure: &IncrementalClosure) -> Option<Grants> {
        let (below, row) = (self.below?, &incremental_closure.row);
        let concerned = self.affected_in(incremental_closure)?;
        if concerned.len() > row.len() / 2 {
            return None;
        }
        let base = below.given(subject);
        let mut stale: BTreeSet<Option<ResourceId>> = BTreeSet::new();
        let mut fresh: Vec<Grant> = Vec::new();
        for (actor, way) in concerned {
            let own = self.own(actor);
            if incremental_closure.by.as_ref().is_some_and(|by| by.contains(actor)) {
                fresh.extend(own.holdings.iter().map(|holding| Grant::new(actor, way, holding)));
            }
            let was = below.own(actor);
            if Rc::ptr_eq(&was, &own) {
                continue;
            }
            let lasts = |a: &Holding, b: Option<&Holding>| {
                let same = |b: &Holding| Rc::ptr_eq(&a.flat, &b.flat) && a.way.ends() == b.way.ends();
                b.is_some_and(|b| a.denies == b.denies && same(b))
            };
            // If this actor was the best source of a grant that is now gone, recompute that scope from all actors.
            for held in was.holdings.iter().filter(|h| !lasts(h, own.holding(&h.role, h.scope.as_ref()))) {
                if base.at(held.scope.as_ref()).iter().any(|gift| gift.role == held.role && gift.rests_on(actor)) {
                    stale.insert(held.scope.clone());
                }
            }
            let new = own.holdings.iter().filter(|h| !lasts(h, was.holding(&h.role, h.scope.as_ref())));
            fresh.extend(new.map(|holding| Grant::new(actor, way, holding)));
        }
        let mut places: ByScope = stale.iter().map(|scope| (scope.clone(), Vec::new())).collect();
        if !stale.is_empty() {
            for (actor, way) in row.iter() {
                let own = self.own(actor);
                for holding in own.holdings.iter().filter(|h| stale.contains(&h.scope)) {
                    add(&mut places, Grant::new(actor, way, holding));
                }
            }
        }
        for gift in fresh.into_iter().filter(|gift| !stale.contains(&gift.scope)) {
            places.entry(gift.scope.clone()).or_insert_with(|| base.at(gift.scope.as_ref()).to_vec());
            add(&mut places, gift);
        }
        Some(Grants::new(Some(base), places))
    }
}
