//! Act-as closure: the identities that a subject can act as, through any number of trusts and trust rules.
//!
//! Computes the least fixpoint for a subject in a state, the subject itself included. Cycles are allowed. Reuses the
//! closure of the state below if the overlay does not touch it, and extends that closure if the overlay only adds
//! edges.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

use crate::access::effective::edge::{BulkEdge, Edge, Edges};
use crate::access::effective::holdings::WantedAccess;
use crate::access::effective::memo::{EdgeDiff, IncrementalClosure, TrustBasis};
use crate::access::effective::reachable::Reachable;
use crate::access::effective::state::AccessState;
use crate::access::graph::provenance::{ExpiringPath, Expiry, HopChain, Validity, condition, steps, under};
use crate::access::model::facts::PathStep;
use crate::input::entitlement::Mode;
use crate::input::id::Subject;

impl AccessState<'_, '_> {
    /// The identities that a subject can act as, itself included, through any number of active trusts.
    pub(crate) fn row(&self, subject: &Subject) -> Rc<Reachable> {
        self.incremental_closure(subject).row
    }

    /// The same, with the known differences from the state below.
    pub(crate) fn incremental_closure(&self, subject: &Subject) -> IncrementalClosure {
        if let (Some(below), Some(touched)) = (self.below, &self.touched)
            && (self.same_edges || !touched.reach.contains(subject))
        {
            return IncrementalClosure { row: below.row(subject), by: Some(Rc::default()) };
        }
        if let Some(known) = self.memo.borrow().rows.get(subject) {
            return known.clone();
        }
        let incremental_closure =
            self.grow(subject).unwrap_or_else(|| IncrementalClosure { row: Rc::new(self.act(subject)), by: None });
        let is_taken_over = incremental_closure.by.as_ref().is_some_and(|by| by.is_empty());
        let mut memo = self.memo.borrow_mut();
        memo.make_room(if is_taken_over { 1 } else { incremental_closure.row.held() });
        memo.rows.insert(subject.clone(), incremental_closure.clone());
        incremental_closure
    }

    /// The subjects of a closure that may give more or less than below: those whose own holdings may differ, and those
    /// reached for longer. `None` if any of them may.
    pub(crate) fn affected_in<'g>(
        &self,
        incremental_closure: &'g IncrementalClosure,
    ) -> Option<Vec<(&'g Subject, &'g Validity)>> {
        let (touched, by) = (self.touched.as_ref()?, incremental_closure.by.as_ref()?);
        let mut concerned: BTreeMap<&Subject, &Validity> =
            touched.own_in(&incremental_closure.row).into_iter().collect();
        concerned.extend(by.iter().filter_map(|actor| incremental_closure.row.get_key_value(actor)));
        Some(concerned.into_iter().collect())
    }

    /// Extends the closure of the state below, unless an edge that it uses was lost.
    fn grow(&self, subject: &Subject) -> Option<IncrementalClosure> {
        let (below, touched) = (self.below?, self.touched.as_ref()?);
        if self.has_conditional_trusts() {
            return self.unchanged(subject);
        }
        if !self.delta.only_makes_subjects(self.index) {
            return None;
        }
        let was = below.row(subject);
        let concerned = if self.delta.alters_subjects() {
            was.iter().filter(|(actor, _)| touched.reach.contains(*actor)).collect()
        } else {
            touched.own_in(&was)
        };
        let mut new: Vec<(&Subject, Rc<EdgeDiff>)> = Vec::new();
        for (actor, _) in concerned {
            let edge_diff = self.edge_diff(below, actor);
            // WHY: losing an edge that no stored path uses cannot change the closure.
            if !edge_diff.lost.is_empty() && was.values().any(|way| goes_by(way, subject, actor, &edge_diff.lost)) {
                return None;
            }
            if !edge_diff.more.is_empty() {
                new.push((actor, edge_diff));
            }
        }
        let mut walk = Walk::new(subject, Reachable::new());
        let mut started = false;
        for (actor, edge_diff) in new {
            let Some(way) = was.get(actor) else { continue };
            if !started && self.adds_nothing(&was, subject, way, &edge_diff.more) {
                continue;
            }
            if !started {
                walk.row = Reachable::over(&was);
                started = true;
            }
            let way = walk.row.get(actor).cloned().unwrap_or_else(|| way.clone());
            self.follow(&mut walk, actor, &way, &edge_diff.more, None);
        }
        if !started {
            return Some(IncrementalClosure { row: was, by: Some(Rc::default()) });
        }
        self.walk(&mut walk, None);
        Some(IncrementalClosure { row: Rc::new(walk.row), by: Some(Rc::new(walk.reached)) })
    }

    /// Whether edges lead only to subjects that the closure already reaches for at least as long.
    fn adds_nothing(&self, row: &Reachable, subject: &Subject, way: &Validity, edges: &Edges) -> bool {
        let known =
            |to: &Subject, reach: &Validity| to == subject || row.get(to).is_some_and(|known| known.reaches(reach));
        edges.single.iter().all(|edge| known(&edge.to, &way.capped(&edge.way)))
            && edges.spread.iter().all(|spread| {
                let reach = way.capped(&spread.way);
                spread.to.iter().all(|to| known(to, &reach) || !self.usable(to))
            })
    }

    /// The differences between the edges of a subject and those in the state below.
    fn edge_diff(&self, below: &Self, subject: &Subject) -> Rc<EdgeDiff> {
        if let Some(known) = self.memo.borrow().edge_diffs.get(subject) {
            return Rc::clone(known);
        }
        let (was, is) = (below.edges(subject), self.edges(subject));
        let lost = was.beyond(&is).targets().cloned().collect();
        let edge_diff = Rc::new(EdgeDiff { lost, more: is.beyond(&was) });
        self.memo.borrow_mut().edge_diffs.insert(subject.clone(), Rc::clone(&edge_diff));
        edge_diff
    }

    /// Whether any trust has a requirement, so that it may be active for one holder and not for another.
    pub(crate) fn has_conditional_trusts(&self) -> bool {
        !self.index.required().is_empty() || self.delta.trusts().iter().any(|(t, _)| t.requires.is_some())
    }

    fn act(&self, subject: &Subject) -> Reachable {
        if !self.usable(subject) {
            return Reachable::new();
        }
        if !self.has_conditional_trusts() {
            return self.relax(subject, None, Reachable::new());
        }
        self.decide_trusts(subject);
        // WHY: prefer paths on which every trust is satisfied by its holder's own grants; they are the ones shown to
        // people. Indirectly satisfied trusts only add targets.
        let plain = self.relax(subject, Some(TrustBasis::Own), Reachable::new());
        self.relax(subject, Some(TrustBasis::All), plain)
    }

    /// Extends a closure by the active edges reachable from a subject.
    pub(crate) fn relax(&self, subject: &Subject, live: Option<TrustBasis>, mut row: Reachable) -> Reachable {
        if !row.contains_key(subject) {
            row.join(subject, &Validity::start());
        }
        let mut walk = Walk::new(subject, row);
        walk.queue.extend(walk.row.keys().cloned().collect::<Vec<_>>());
        self.walk(&mut walk, live);
        walk.row
    }

    fn walk(&self, walk: &mut Walk, live: Option<TrustBasis>) {
        while let Some(at) = walk.queue.pop_front() {
            let Some(way) = walk.row.get(&at).cloned() else { continue };
            self.follow(walk, &at, &way, &self.edges(&at), live);
        }
    }

    /// Follows the edges of one subject.
    fn follow(&self, walk: &mut Walk, at: &Subject, way: &Validity, edges: &Edges, live: Option<TrustBasis>) {
        let live_trusts = live.map(|by| self.live_trusts(at, by)).unwrap_or_default();
        for (n, edge) in edges.single.iter().enumerate() {
            let capped;
            let step = if edge.requires.is_none() {
                &edge.way
            } else {
                let Some(how) = live_trusts.get(n) else { continue };
                capped = self.under_requirement(edge.way.capped(how), at, edge, how);
                &capped
            };
            // WHY: joining paths costs their length, and most edges improve nothing.
            if !step.is_empty() && walk.wants(&edge.to, &way.capped(step)) {
                walk.reach(&edge.to, &way.then(step));
            }
        }
        for spread in &edges.spread {
            let reach = way.capped(&spread.way);
            if reach.is_empty() || !walk.opens(spread, &reach) {
                continue;
            }
            let there = way.then(&spread.way);
            for to in spread.to.iter().filter(|to| self.usable(to)) {
                if walk.wants(to, &reach) {
                    let step = PathStep::ActsAs(to.clone(), spread.by.clone());
                    walk.reach(to, &there.step(&step, Mode::Standing, Expiry::NEVER));
                }
            }
        }
    }
}

impl AccessState<'_, '_> {
    /// A step over an edge whose requirement the holder satisfies under a condition only: adds that condition to the
    /// step.
    pub(crate) fn under_requirement(&self, step: Validity, at: &Subject, edge: &Edge, how: &Validity) -> Validity {
        let Some(requires) = edge.requires.as_ref().filter(|_| how.is_conditional()) else { return step };
        let wanted = WantedAccess {
            action: &requires.action,
            resource: &requires.resource,
            scope: requires.scope.as_ref(),
            system: requires.system.as_ref(),
        };
        let held = self.holds(&self.own(at), &wanted);
        let known = held.now.as_ref().or(held.ever.as_ref()).and_then(|leg| condition(&leg.trail));
        let open = || format!("`{}` is granted under a condition", requires.action.raw()).into();
        let text = known.unwrap_or_else(open);
        let one = |leg: &ExpiringPath, how: Option<&ExpiringPath>| match how {
            Some(how) if !how.end.is_sure() => ExpiringPath { end: leg.end, trail: under(&leg.trail, &text) },
            Some(_) | None => leg.clone(),
        };
        Validity {
            now: step.now.as_ref().map(|leg| one(leg, how.now.as_ref())),
            ever: step.ever.as_ref().map(|leg| one(leg, how.ever.as_ref())),
        }
    }
}

/// A traversal of the edges.
struct Walk {
    root: Subject,
    row: Reachable,
    queue: VecDeque<Subject>,
    /// Lists already expanded, with the expiries at which they were reached.
    opened: HashMap<usize, Validity>,
    /// The subjects reached by this walk.
    reached: BTreeSet<Subject>,
}

impl Walk {
    fn new(root: &Subject, row: Reachable) -> Self {
        Self { root: root.clone(), row, queue: VecDeque::new(), opened: HashMap::new(), reached: BTreeSet::new() }
    }

    /// Whether a subject is not yet reached for this long.
    fn wants(&self, to: &Subject, reach: &Validity) -> bool {
        *to != self.root && self.row.get(to).is_none_or(|known| !known.reaches(reach))
    }

    fn reach(&mut self, to: &Subject, way: &Validity) {
        if self.row.join(to, way) {
            self.reached.insert(to.clone());
            self.queue.push_back(to.clone());
        }
    }

    /// Whether a list is not yet expanded, or not for this long.
    fn opens(&mut self, spread: &BulkEdge, reach: &Validity) -> bool {
        let known = self.opened.entry(spread.address()).or_default();
        !known.reaches(reach) && known.join(reach)
    }
}

/// Whether a path contains an edge from `actor` to one of `lost`, which is sorted. The path starts at `root`.
fn goes_by(way: &Validity, root: &Subject, actor: &Subject, lost: &BTreeSet<Subject>) -> bool {
    let goes = |trail: &HopChain| {
        let acting = steps(trail).into_iter().filter_map(|step| match step {
            PathStep::ActsAs(who, _) => Some(who),
            PathStep::Member(..) | PathStep::Holds(..) | PathStep::Includes(_) => None,
        });
        let mut at = root;
        acting.into_iter().any(|next| std::mem::replace(&mut at, next) == actor && lost.contains(next))
    };
    [&way.now, &way.ever].into_iter().flatten().any(|leg| goes(&leg.trail))
}

impl AccessState<'_, '_> {
    /// The closure of the state below, if no subject in it has different edges or satisfies requirements differently.
    pub(crate) fn unchanged(&self, subject: &Subject) -> Option<IncrementalClosure> {
        let (below, touched) = (self.below?, self.touched.as_ref()?);
        if self.delta.alters_subjects() {
            return None;
        }
        let row = below.row(subject);
        let is_same = touched.own_in(&row).into_iter().all(|(actor, _)| self.same_edges(below, actor));
        is_same.then(|| IncrementalClosure { row, by: Some(Rc::default()) })
    }
}
