//! Live trusts: which trusts that ask for something are live, for whom, and for how long.
//!
//! In: a state. Out: for each edge of a subject that asks for something, how what it asks for is held: by the subject
//! itself, and through whatever it can act as. Whether a trust is live for its holder is nobody else's matter, so it is told
//! once for a state, for all that can be reached from whoever is asked about; what was told before stays true.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::access::edges::{Edge, Edges};
use crate::access::reach::Wanted;
use crate::access::row::Row;
use crate::access::view::View;
use crate::access::way::Way;
use crate::input::entitlement::Requirement;
use crate::input::id::Subject;

/// How what each edge of a subject asks for is held, in the order of the edges; an edge that asks for nothing has none.
#[derive(Debug, Default)]
pub(super) struct Lives {
    /// By the subject itself.
    pub(super) own: Rc<[Way]>,
    /// By whomever it can act as.
    pub(super) all: Rc<[Way]>,
}

/// Which of these a walk goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Own,
    All,
}

impl View<'_, '_> {
    /// How what the edges of a subject ask for is held; nothing where nobody asked yet.
    pub(super) fn lives(&self, subject: &Subject, by: By) -> Rc<[Way]> {
        let worked = self.worked.borrow();
        let Some(lives) = worked.lives.get(subject) else { return Rc::default() };
        Rc::clone(match by {
            By::Own => &lives.own,
            By::All => &lives.all,
        })
    }

    /// Tells which trusts are live for all that might be reached from a subject.
    pub(super) fn tell_lives(&self, subject: &Subject) {
        // Whoever was told of before was told of with all that might be reached from there.
        let mut new: BTreeSet<Subject> = BTreeSet::new();
        let mut lists = BTreeSet::new();
        let mut queue = vec![subject.clone()];
        while let Some(at) = queue.pop() {
            if self.worked.borrow().lives.contains_key(&at) || !new.insert(at.clone()) {
                continue;
            }
            let edges = self.edges(&at);
            queue.extend(edges.single.iter().map(|edge| edge.to.clone()));
            for spread in edges.spread.iter().filter(|spread| lists.insert(spread.address())) {
                queue.extend(spread.to.iter().cloned());
            }
            let own = self.lives_by_own(&at, &edges);
            self.worked.borrow_mut().lives.insert(at, Lives { own: Rc::clone(&own), all: own });
        }
        // A trust may also be live through what its holder reaches by other trusts: raise until nothing changes.
        let mut better = !new.is_empty();
        while std::mem::take(&mut better) {
            for holder in &new {
                better |= self.raise(holder);
            }
        }
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
        let own = |edge: &Edge| edge.requires.as_ref().map(|r| self.satisfies(subject, r)).unwrap_or_default();
        edges.single.iter().map(own).collect()
    }

    /// Raises what is known of one holder by what it reaches as far as that is known; whether that made it better.
    fn raise(&self, holder: &Subject) -> bool {
        let edges = self.edges(holder);
        let known = self.lives(holder, By::All);
        let asks = edges.single.iter().zip(known.iter()).enumerate();
        let asks = asks.filter_map(|(n, (edge, way))| Some((n, edge.requires.as_ref()?, way)));
        let open: Vec<(usize, &Requirement)> =
            asks.filter(|(_, _, way)| !way.reaches(&Way::start())).map(|(n, requires, _)| (n, requires)).collect();
        if open.is_empty() {
            return false;
        }
        let row = self.relax(holder, Some(By::All), Row::new());
        // Alone, it has nothing but its own.
        if row.len() < 2 {
            return false;
        }
        let mut raised = known.to_vec();
        let mut better = false;
        let mut asked: BTreeMap<&Requirement, Way> = BTreeMap::new();
        for (n, requires) in open {
            let found = asked.entry(requires).or_insert_with(|| {
                let mut found = Way::default();
                for (actor, way) in &row {
                    found.join(&way.capped(&self.satisfies(actor, requires)));
                }
                found
            });
            better |= raised.get_mut(n).is_some_and(|way| way.join(found));
        }
        if better && let Some(lives) = self.worked.borrow_mut().lives.get_mut(holder) {
            lives.all = raised.into();
        }
        better
    }

    fn satisfies(&self, actor: &Subject, requires: &Requirement) -> Way {
        let wanted = Wanted { action: &requires.action, resource: &requires.resource, scope: requires.scope.as_ref() };
        self.holds(&self.own(actor), &wanted)
    }
}
