//! Acting: as whom a subject can act, by any number of trusts and trust rules.
//!
//! In: a state and a subject. Out: as whom it can act at all, itself included: the least fixpoint. Cycles are legal. What an
//! overlay does not touch is taken from the state below, and where it only adds, the walk goes on from there.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

use crate::access::edges::{Edges, Spread};
use crate::access::facts::Step;
use crate::access::live::By;
use crate::access::row::Row;
use crate::access::view::View;
use crate::access::way::{End, Trail, Way, steps};
use crate::input::entitlement::Mode;
use crate::input::id::Subject;

/// A row that an overlay leaves as it was, but for those that are reached for longer, or that were not reached.
#[derive(Clone, Debug)]
pub(super) struct Grown {
    pub(super) row: Rc<Row>,
    /// Who is reached for longer, sorted; none: it is not known who, and all may differ.
    pub(super) by: Option<Rc<BTreeSet<Subject>>>,
}

impl View<'_, '_> {
    /// As whom a subject can act, itself included, through any number of live trusts.
    pub(super) fn row(&self, subject: &Subject) -> Rc<Row> {
        self.grown(subject).row
    }

    /// The same, with what is known of how it differs from the state below.
    pub(super) fn grown(&self, subject: &Subject) -> Grown {
        if let (Some(below), Some(touched)) = (self.below, &self.touched)
            && (self.same_edges || !touched.reach.contains(subject))
        {
            return Grown { row: below.row(subject), by: Some(Rc::default()) };
        }
        if let Some(known) = self.worked.borrow().rows.get(subject) {
            return known.clone();
        }
        let grown = self.grow(subject).unwrap_or_else(|| Grown { row: Rc::new(self.act(subject)), by: None });
        let is_taken_over = grown.by.as_ref().is_some_and(|by| by.is_empty());
        let mut worked = self.worked.borrow_mut();
        worked.make_room(if is_taken_over { 1 } else { grown.row.held() });
        worked.rows.insert(subject.clone(), grown.clone());
        grown
    }

    /// Who in a row may give other than below: whose own holdings may differ, and who is reached for longer; nothing if all
    /// may.
    pub(super) fn concerned_in<'g>(&self, grown: &'g Grown) -> Option<Vec<(&'g Subject, &'g Way)>> {
        let (touched, by) = (self.touched.as_ref()?, grown.by.as_ref()?);
        let mut concerned: BTreeMap<&Subject, &Way> = touched.own_in(&grown.row).into_iter().collect();
        concerned.extend(by.iter().filter_map(|actor| grown.row.get_key_value(actor)));
        Some(concerned.into_iter().collect())
    }

    /// Goes on from the row below, where nothing that it rests on was lost.
    fn grow(&self, subject: &Subject) -> Option<Grown> {
        let (below, touched) = (self.below?, self.touched.as_ref()?);
        if self.asks_for_something() {
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
        let mut new: Vec<(&Subject, Rc<Shift>)> = Vec::new();
        for (actor, _) in concerned {
            let shift = self.shift(below, actor);
            // WHY: what no way in the row goes by can be lost without a difference to the row.
            if !shift.lost.is_empty() && was.values().any(|way| goes_by(way, subject, actor, &shift.lost)) {
                return None;
            }
            if !shift.more.is_empty() {
                new.push((actor, shift));
            }
        }
        let mut walk = Walk::new(subject, Row::new());
        let mut started = false;
        for (actor, shift) in new {
            let Some(way) = was.get(actor) else { continue };
            if !started && self.adds_nothing(&was, subject, way, &shift.more) {
                continue;
            }
            if !started {
                walk.row = Row::over(&was);
                started = true;
            }
            let way = walk.row.get(actor).cloned().unwrap_or_else(|| way.clone());
            self.follow(&mut walk, actor, &way, &shift.more, None);
        }
        if !started {
            return Some(Grown { row: was, by: Some(Rc::default()) });
        }
        self.walk(&mut walk, None);
        Some(Grown { row: Rc::new(walk.row), by: Some(Rc::new(walk.reached)) })
    }

    /// Whether edges lead to nothing that a row does not reach as long.
    fn adds_nothing(&self, row: &Row, subject: &Subject, way: &Way, edges: &Edges) -> bool {
        let known = |to: &Subject, reach: &Way| to == subject || row.get(to).is_some_and(|known| known.reaches(reach));
        edges.single.iter().all(|edge| known(&edge.to, &way.capped(&edge.way)))
            && edges.spread.iter().all(|spread| {
                let reach = way.capped(&spread.way);
                spread.to.iter().all(|to| known(to, &reach) || !self.usable(to))
            })
    }

    /// How the edges of a subject differ from those below.
    fn shift(&self, below: &Self, subject: &Subject) -> Rc<Shift> {
        if let Some(known) = self.worked.borrow().shifts.get(subject) {
            return Rc::clone(known);
        }
        let (was, is) = (below.edges(subject), self.edges(subject));
        let lost = was.beyond(&is).targets().cloned().collect();
        let shift = Rc::new(Shift { lost, more: is.beyond(&was) });
        self.worked.borrow_mut().shifts.insert(subject.clone(), Rc::clone(&shift));
        shift
    }

    /// Whether some trust asks for something, so that it may be live for one and not for another.
    pub(super) fn asks_for_something(&self) -> bool {
        !self.index.required().is_empty() || self.delta.trusts().iter().any(|(t, _)| t.requires.is_some())
    }

    fn act(&self, subject: &Subject) -> Row {
        if !self.usable(subject) {
            return Row::new();
        }
        if !self.asks_for_something() {
            return self.relax(subject, None, Row::new());
        }
        self.tell_lives(subject);
        // WHY: a way on which each acts by what it holds itself is the one to show; others only add to it.
        let plain = self.relax(subject, Some(By::Own), Row::new());
        self.relax(subject, Some(By::All), plain)
    }

    /// As whom a subject can act by edges that are live, on top of what is known of it.
    pub(super) fn relax(&self, subject: &Subject, live: Option<By>, mut row: Row) -> Row {
        if !row.contains_key(subject) {
            row.join(subject, &Way::start());
        }
        let mut walk = Walk::new(subject, row);
        walk.queue.extend(walk.row.keys().cloned().collect::<Vec<_>>());
        self.walk(&mut walk, live);
        walk.row
    }

    fn walk(&self, walk: &mut Walk, live: Option<By>) {
        while let Some(at) = walk.queue.pop_front() {
            let Some(way) = walk.row.get(&at).cloned() else { continue };
            self.follow(walk, &at, &way, &self.edges(&at), live);
        }
    }

    /// Follows edges by one step each.
    fn follow(&self, walk: &mut Walk, at: &Subject, way: &Way, edges: &Edges, live: Option<By>) {
        let lives = live.map(|by| self.lives(at, by)).unwrap_or_default();
        for (n, edge) in edges.single.iter().enumerate() {
            let capped;
            let step = if edge.requires.is_none() {
                &edge.way
            } else {
                let Some(how) = lives.get(n) else { continue };
                capped = edge.way.capped(how);
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
                    let step = Step::ActsAs(to.clone(), spread.by.clone());
                    walk.reach(to, &there.step(&step, Mode::Standing, End::Never));
                }
            }
        }
    }
}

/// How the edges of a subject differ from those of the state below.
#[derive(Debug)]
pub(super) struct Shift {
    /// Whom an edge led to that is gone or ends earlier.
    lost: BTreeSet<Subject>,
    /// What is new or lasts longer.
    more: Edges,
}

/// A walk over edges.
struct Walk {
    root: Subject,
    row: Row,
    queue: VecDeque<Subject>,
    /// Lists walked already, and for how long they were reached.
    opened: HashMap<usize, Way>,
    /// Whom the walk reached.
    reached: BTreeSet<Subject>,
}

impl Walk {
    fn new(root: &Subject, row: Row) -> Self {
        Self { root: root.clone(), row, queue: VecDeque::new(), opened: HashMap::new(), reached: BTreeSet::new() }
    }

    /// Whether someone is not reached as long so far.
    fn wants(&self, to: &Subject, reach: &Way) -> bool {
        *to != self.root && self.row.get(to).is_none_or(|known| !known.reaches(reach))
    }

    fn reach(&mut self, to: &Subject, way: &Way) {
        if self.row.join(to, way) {
            self.reached.insert(to.clone());
            self.queue.push_back(to.clone());
        }
    }

    /// Whether a list was not walked yet, or not for as long.
    fn opens(&mut self, spread: &Spread, reach: &Way) -> bool {
        let known = self.opened.entry(spread.address()).or_default();
        !known.reaches(reach) && known.join(reach)
    }
}

/// Whether a way goes from `actor` to one of `lost`, sorted; `root` is where the way begins.
fn goes_by(way: &Way, root: &Subject, actor: &Subject, lost: &BTreeSet<Subject>) -> bool {
    let goes = |trail: &Trail| {
        let acting = steps(trail).into_iter().filter_map(|step| match step {
            Step::ActsAs(who, _) => Some(who),
            Step::Member(..) | Step::Holds(..) | Step::Includes(_) => None,
        });
        let mut at = root;
        acting.into_iter().any(|next| std::mem::replace(&mut at, next) == actor && lost.contains(next))
    };
    [&way.now, &way.ever].into_iter().flatten().any(|leg| goes(&leg.trail))
}
