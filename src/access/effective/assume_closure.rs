//! Acting: as whom a subject can act, by any number of trusts and trust rules.
//!
//! In: a state and a subject. Out: as whom it can act at all, itself included: the least fixpoint. Cycles are legal. What an
//! overlay does not touch is taken from the state below, and where it only adds, the walk goes on from there.

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
    /// As whom a subject can act, itself included, through any number of live trusts.
    pub(crate) fn row(&self, subject: &Subject) -> Rc<Reachable> {
        self.incremental_closure(subject).row
    }

    /// The same, with what is known of how it differs from the state below.
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

    /// Who in a row may give other than below: whose own holdings may differ, and who is reached for longer; nothing if all
    /// may.
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

    /// Goes on from the row below, where nothing that it rests on was lost.
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
            // WHY: what no way in the row goes by can be lost without a difference to the row.
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

    /// Whether edges lead to nothing that a row does not reach as long.
    fn adds_nothing(&self, row: &Reachable, subject: &Subject, way: &Validity, edges: &Edges) -> bool {
        let known =
            |to: &Subject, reach: &Validity| to == subject || row.get(to).is_some_and(|known| known.reaches(reach));
        edges.single.iter().all(|edge| known(&edge.to, &way.capped(&edge.way)))
            && edges.spread.iter().all(|spread| {
                let reach = way.capped(&spread.way);
                spread.to.iter().all(|to| known(to, &reach) || !self.usable(to))
            })
    }

    /// How the edges of a subject differ from those below.
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

    /// Whether some trust asks for something, so that it may be live for one and not for another.
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
        // WHY: a way on which each acts by what it holds itself is the one to show; others only add to it.
        let plain = self.relax(subject, Some(TrustBasis::Own), Reachable::new());
        self.relax(subject, Some(TrustBasis::All), plain)
    }

    /// As whom a subject can act by edges that are live, on top of what is known of it.
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

    /// Follows edges by one step each.
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
            // WHY: joining trails costs their length; most edges improve nothing.
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
    /// A step that is only live because its holder holds something under a condition, with that condition on it.
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
        let open = || format!("`{}` is held under a condition", requires.action.raw()).into();
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

/// A walk over edges.
struct Walk {
    root: Subject,
    row: Reachable,
    queue: VecDeque<Subject>,
    /// Lists walked already, and for how long they were reached.
    opened: HashMap<usize, Validity>,
    /// Whom the walk reached.
    reached: BTreeSet<Subject>,
}

impl Walk {
    fn new(root: &Subject, row: Reachable) -> Self {
        Self { root: root.clone(), row, queue: VecDeque::new(), opened: HashMap::new(), reached: BTreeSet::new() }
    }

    /// Whether someone is not reached as long so far.
    fn wants(&self, to: &Subject, reach: &Validity) -> bool {
        *to != self.root && self.row.get(to).is_none_or(|known| !known.reaches(reach))
    }

    fn reach(&mut self, to: &Subject, way: &Validity) {
        if self.row.join(to, way) {
            self.reached.insert(to.clone());
            self.queue.push_back(to.clone());
        }
    }

    /// Whether a list was not walked yet, or not for as long.
    fn opens(&mut self, spread: &BulkEdge, reach: &Validity) -> bool {
        let known = self.opened.entry(spread.address()).or_default();
        !known.reaches(reach) && known.join(reach)
    }
}

/// Whether a way goes from `actor` to one of `lost`, sorted; `root` is where the way begins.
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
    /// The row of the state below, if nobody in it acts otherwise, nor holds otherwise what trusts ask for.
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
