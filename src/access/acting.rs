//! Acting: as whom a subject can act, by trusts and trust rules.
//!
//! In: a state and a subject. Out: as whom it can act next, and as whom at all, itself included: the least fixpoint. Cycles
//! are legal. A rule leads to many alike; they are one edge, walked once. What an overlay does not touch is taken from the
//! state below, and where it only adds, the walk goes on from there.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use crate::access::coverage::{ancestry, scope_covers};
use crate::access::facts::Step;
use crate::access::flat::{Allow, Flat};
use crate::access::reach::{Holding, Own, Wanted};
use crate::access::rules::{Class, RuleOf, Rules};
use crate::access::view::View;
use crate::access::way::{End, Leg, Trail, Way, steps};
use crate::input::entitlement::{Mode, Requirement};
use crate::input::id::{ResourceId, Subject, TrustId};
use crate::snapshot::model::TrustRule;

/// That a subject can act as another.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) to: Subject,
    /// From the subject, the step of acting included.
    pub(super) way: Way,
    /// What must be held for it, where a trust asks for something.
    pub(super) requires: Option<Requirement>,
}

impl Edge {
    /// Whether two edges lead to the same, by the same steps in effect.
    fn equals(&self, other: &Self) -> bool {
        self.to == other.to && self.way.ends() == other.way.ends() && self.requires == other.requires
    }
}

/// That a subject can act as everyone of a list, by one rule.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    to: Arc<[Subject]>,
    /// From the subject to what makes the rule hold.
    way: Way,
    by: TrustId,
}

impl Spread {
    fn address(&self) -> usize {
        Arc::as_ptr(&self.to).cast::<()>().addr()
    }

    fn equals(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.to, &other.to) && self.way.ends() == other.way.ends()
    }
}

/// As whom a subject can act next.
#[derive(Clone, Debug, Default)]
pub(super) struct Edges {
    /// One by one, sorted.
    pub(super) single: Vec<Edge>,
    /// Many at once.
    spread: Vec<Spread>,
}

impl Edges {
    /// Whether two lead to the same, by the same steps in effect.
    pub(super) fn equals(&self, other: &Self) -> bool {
        self.single.len() == other.single.len()
            && self.spread.len() == other.spread.len()
            && self.single.iter().zip(&other.single).all(|(a, b)| a.equals(b))
            && self.spread.iter().zip(&other.spread).all(|(a, b)| a.equals(b))
    }

    /// Those that are not in another, or lead there for longer.
    fn beyond(&self, other: &Self) -> Self {
        let single = |edge: &&Edge| {
            !other.single.iter().any(|o| o.to == edge.to && o.requires == edge.requires && o.way.reaches(&edge.way))
        };
        let spread = |s: &&Spread| !other.spread.iter().any(|o| Arc::ptr_eq(&o.to, &s.to) && o.way.reaches(&s.way));
        Self {
            single: self.single.iter().filter(single).cloned().collect(),
            spread: self.spread.iter().filter(spread).cloned().collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.single.is_empty() && self.spread.is_empty()
    }

    fn targets(&self) -> impl Iterator<Item = &Subject> {
        self.single.iter().map(|edge| &edge.to).chain(self.spread.iter().flat_map(|s| s.to.iter()))
    }
}

/// As whom a subject can act, itself included.
pub(super) type Row = BTreeMap<Subject, Way>;

/// A row that an overlay leaves as it was, but for those that are reached for longer, or that were not reached.
#[derive(Clone, Debug)]
pub(super) struct Grown {
    pub(super) row: Rc<Row>,
    /// Who is reached for longer, sorted; none: it is not known who, and all may differ.
    pub(super) by: Option<Rc<BTreeSet<Subject>>>,
}

/// Which trust rules a flattened role makes hold, nothing being denied.
#[derive(Debug, Default)]
pub(super) struct Lends {
    /// For every target of a class alike: the class, a rule, and the allow that makes it hold.
    alike: Vec<(usize, usize, usize)>,
    /// Rules that hold for some target perhaps, and are not told by the list above.
    each: Vec<usize>,
    /// All rules that it may make hold.
    all: Vec<usize>,
}

impl Lends {
    /// The classes of those rules.
    pub(super) fn classes(&self, rules: &Rules) -> BTreeSet<usize> {
        self.all.iter().filter_map(|place| rules.rules.get(*place)).map(|rule| rule.class).collect()
    }
}

/// How each trust that asks for something is satisfied: by its holder, and its place among the holder's edges.
type Live = BTreeMap<(Subject, usize), Way>;

/// The ways to single targets and to lists, while they are found.
#[derive(Default)]
struct Found {
    single: BTreeMap<(Subject, Option<Requirement>), Way>,
    spread: Vec<Spread>,
    places: HashMap<usize, usize>,
}

impl Found {
    fn spread(&mut self, to: &Arc<[Subject]>, by: &TrustId, holding: &Holding, allow: &Allow) {
        let place = self.places.entry(Arc::as_ptr(to).cast::<()>().addr()).or_insert(self.spread.len());
        if let Some(known) = self.spread.get(*place)
            && known.way.reaches(&holding.way)
        {
            return;
        }
        let through = |leg: &Leg| Leg { end: leg.end, trail: allow.trail(&leg.trail) };
        let way = Way { now: holding.way.now.as_ref().map(through), ever: holding.way.ever.as_ref().map(through) };
        match self.spread.get_mut(*place) {
            Some(known) => {
                known.way.join(&way);
            }
            None => self.spread.push(Spread { to: Arc::clone(to), way, by: by.clone() }),
        }
    }
}

impl View<'_, '_> {
    /// As whom a subject can act next, by trusts and rules, whether or not what a trust requires is held.
    pub(super) fn edges(&self, subject: &Subject) -> Rc<Edges> {
        if let (Some(below), Some(touched)) = (self.below, &self.touched) {
            let same_targets = !self.delta.alters_subjects() || !touched.reach.contains(subject);
            if same_targets && !touched.holds_other(subject) {
                return below.edges(subject);
            }
        }
        if let Some(known) = self.worked.borrow().edges.get(subject) {
            return Rc::clone(known);
        }
        let own = self.own(subject);
        let mut found = Found::default();
        for ((node, _), way) in &own.groups {
            for (trust, until) in self.trusts_from(node) {
                if !self.in_force(until) {
                    continue;
                }
                for to in self.subjects(trust.to.raw()) {
                    let onward = way.step(&Step::ActsAs(to.clone(), trust.id.clone()), Mode::Standing, End::of(until));
                    found.single.entry((to, trust.requires.clone())).or_default().join(&onward);
                }
            }
        }
        self.rule_edges(&own, &mut found);
        let single = found.single.into_iter();
        let single = single.filter(|((to, _), way)| to != subject && !way.is_empty() && self.usable(to));
        let edges = Rc::new(Edges {
            single: single.map(|((to, requires), way)| Edge { to, way, requires }).collect(),
            spread: found.spread,
        });
        self.worked.borrow_mut().edges.insert(subject.clone(), Rc::clone(&edges));
        edges
    }

    fn usable(&self, subject: &Subject) -> bool {
        !self.deleted(subject) && !self.disabled(subject)
    }

    fn rule_edges(&self, own: &Own, found: &mut Found) {
        let rules = &self.index.snapshot().trust_rules;
        if rules.is_empty() || own.holdings.is_empty() {
            return;
        }
        let known = self.index.rules();
        let made = self.made_rules();
        for holding in &own.holdings {
            let lends = self.lends(&holding.flat);
            for all in std::iter::once(known).chain(made.as_deref()) {
                let alike = if own.denies.is_empty() { lends.alike.as_slice() } else { &[] };
                for (class, rule, allow) in alike {
                    let (Some(class), Some(rule)) = (all.classes.get(*class), rules.get(*rule)) else { continue };
                    let Some(allow) = holding.flat.allows.get(*allow) else { continue };
                    for to in self.lists_in(class, holding.scope.as_ref()) {
                        found.spread(to, &rule.id, holding, allow);
                    }
                }
                for place in if own.denies.is_empty() { &lends.each } else { &lends.all } {
                    let (Some(rule), Some(of)) = (rules.get(*place), all.rules.get(*place)) else { continue };
                    self.one_by_one(own, holding, (rule, all, of), found);
                }
            }
        }
    }

    /// The rules with those that the changes made, if they made any.
    fn made_rules(&self) -> Option<Rc<Rules>> {
        if !self.delta.alters_subjects() {
            return None;
        }
        if let Some(known) = &self.worked.borrow().made_rules {
            return Some(Rc::clone(known));
        }
        let made: Vec<Subject> = self.made().collect();
        let rules = Rc::new(Rules::new(&self.index.snapshot().trust_rules, &made.iter().collect::<Vec<_>>()));
        self.worked.borrow_mut().made_rules = Some(Rc::clone(&rules));
        Some(rules)
    }

    /// Which rules a flattened role makes hold.
    pub(super) fn lends<'f>(&self, flat: &'f Flat) -> &'f Lends {
        flat.lends.get_or_init(|| self.lend(flat))
    }

    fn lend(&self, flat: &Flat) -> Lends {
        let mut lends = Lends::default();
        let known = self.index.rules();
        let mut told: BTreeSet<usize> = BTreeSet::new();
        for (place, (rule, of)) in self.index.snapshot().trust_rules.iter().zip(&known.rules).enumerate() {
            let allows = flat.overlapping_places(self.dialect, &rule.action, &of.open_resource);
            if allows.is_empty() {
                continue;
            }
            lends.all.push(place);
            let whole = allows.iter().copied().find(|at| {
                flat.allows.get(*at).is_some_and(|allow| {
                    allow.permission.except.is_empty()
                        && self.dialect.resource_covers(allow.permission.resource.raw(), of.open_resource.raw())
                })
            });
            if let Some(allow) = whole
                && told.insert(of.class)
            {
                lends.alike.push((of.class, place, allow));
            }
        }
        let told = |place: &usize| known.rules.get(*place).is_some_and(|of| told.contains(&of.class));
        lends.each = lends.all.iter().copied().filter(|place| !told(place)).collect();
        lends
    }

    /// The lists of a class whose scopes share a place with `held`.
    fn lists_in<'c>(&self, class: &'c Class, held: Option<&ResourceId>) -> Vec<&'c Arc<[Subject]>> {
        if held.is_none() {
            return if class.everyone.is_empty() { Vec::new() } else { vec![&class.everyone] };
        }
        self.scopes_in(class, held).into_iter().map(|(_, list)| list).collect()
    }

    /// The same, with their scopes.
    fn scopes_in<'c>(
        &self,
        class: &'c Class,
        held: Option<&ResourceId>,
    ) -> Vec<(&'c Option<ResourceId>, &'c Arc<[Subject]>)> {
        let Some(held) = held else { return class.by_scope.iter().collect() };
        let above = ancestry(self, held).into_iter().map(Some).chain([None]);
        let mut found: Vec<_> = above.filter_map(|key| class.by_scope.get_key_value(&key)).collect();
        if self.has_children(held) {
            let below = |s: &ResourceId| s != held && scope_covers(self, Some(held), Some(s));
            found.extend(class.by_scope.iter().filter(|(scope, _)| scope.as_ref().is_some_and(below)));
        }
        found
    }

    fn one_by_one(&self, own: &Own, holding: &Holding, of: (&TrustRule, &Rules, &RuleOf), found: &mut Found) {
        let (rule, rules, asks) = of;
        let allows = holding.flat.overlapping(self.dialect, &rule.action, &asks.open_resource);
        let Some(class) = rules.class(asks) else { return };
        for (scope, list) in self.scopes_in(class, holding.scope.as_ref()) {
            for target in list.iter() {
                let way = found.single.entry((target.clone(), None)).or_default();
                if way.reaches(&holding.way) {
                    continue;
                }
                let resource = rules.resource(asks, target);
                let wanted = Wanted { action: &rule.action, resource: &resource, scope: scope.as_ref() };
                let mut best = Way::default();
                for allow in &allows {
                    if self.dialect.resources_overlap(allow.permission.resource.raw(), resource.raw()) {
                        best.join(&self.unless_denied(own, holding, allow, &wanted));
                    }
                }
                way.join(&best.step(&Step::ActsAs(target.clone(), rule.id.clone()), Mode::Standing, End::Never));
            }
        }
    }

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
        self.worked.borrow_mut().rows.insert(subject.clone(), grown.clone());
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
        if self.asks_for_something() || !self.delta.only_makes_subjects(self.index) {
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
                walk.row = (*was).clone();
                started = true;
            }
            let way = walk.row.get(actor).cloned().unwrap_or_else(|| way.clone());
            self.follow(&mut walk, actor, &way, &shift.more, &Live::new());
        }
        if !started {
            return Some(Grown { row: was, by: Some(Rc::default()) });
        }
        self.walk(&mut walk, &Live::new());
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
    fn asks_for_something(&self) -> bool {
        !self.index.required().is_empty() || self.delta.trusts.iter().any(|(t, _)| t.requires.is_some())
    }

    fn act(&self, subject: &Subject) -> Row {
        if !self.usable(subject) {
            return Row::new();
        }
        if !self.asks_for_something() {
            return self.relax(subject, &Live::new(), Row::new());
        }
        let mut live = self.live_by_own(subject);
        // WHY: a way on which each acts by what it holds itself is the one to show; others only add to it.
        let plain = self.relax(subject, &live, Row::new());
        // A trust may also be live through what its holder reaches by other trusts: raise until nothing changes.
        loop {
            let mut better = false;
            let open: Vec<(Subject, usize)> =
                live.iter().filter(|(_, way)| !way.reaches(&Way::start())).map(|(key, _)| key.clone()).collect();
            let mut rows: BTreeMap<Subject, Row> = BTreeMap::new();
            for key in open {
                let edges = self.edges(&key.0);
                let Some(requires) = edges.single.get(key.1).and_then(|e| e.requires.as_ref()) else { continue };
                let row = rows.entry(key.0.clone()).or_insert_with(|| self.relax(&key.0, &live, Row::new()));
                let mut found = Way::default();
                for (actor, way) in row.iter() {
                    found.join(&way.capped(&self.satisfies(actor, requires)));
                }
                if let Some(known) = live.get_mut(&key) {
                    better |= known.join(&found);
                }
            }
            if !better {
                return self.relax(subject, &live, plain);
            }
        }
    }

    fn satisfies(&self, actor: &Subject, requires: &Requirement) -> Way {
        let wanted = Wanted { action: &requires.action, resource: &requires.resource, scope: requires.scope.as_ref() };
        self.holds(&self.own(actor), &wanted)
    }

    /// Every trust that asks for something, among all that might be reached, and how its holder itself has it.
    fn live_by_own(&self, subject: &Subject) -> Live {
        let mut live = Live::new();
        let mut seen = BTreeSet::from([subject.clone()]);
        let mut lists = BTreeSet::new();
        let mut queue = vec![subject.clone()];
        while let Some(at) = queue.pop() {
            let edges = self.edges(&at);
            for (n, edge) in edges.single.iter().enumerate() {
                if let Some(requires) = &edge.requires {
                    live.insert((at.clone(), n), self.satisfies(&at, requires));
                }
                if seen.insert(edge.to.clone()) {
                    queue.push(edge.to.clone());
                }
            }
            for spread in edges.spread.iter().filter(|spread| lists.insert(spread.address())) {
                queue.extend(spread.to.iter().filter(|to| seen.insert((*to).clone())).cloned());
            }
        }
        live
    }

    /// As whom a subject can act by edges that are live, on top of what is known of it.
    fn relax(&self, subject: &Subject, live: &Live, mut row: Row) -> Row {
        row.entry(subject.clone()).or_insert_with(Way::start);
        let mut walk = Walk::new(subject, row);
        walk.queue.extend(walk.row.keys().cloned().collect::<Vec<_>>());
        self.walk(&mut walk, live);
        walk.row
    }

    fn walk(&self, walk: &mut Walk, live: &Live) {
        while let Some(at) = walk.queue.pop_front() {
            let Some(way) = walk.row.get(&at).cloned() else { continue };
            self.follow(walk, &at, &way, &self.edges(&at), live);
        }
    }

    /// Follows edges by one step each.
    fn follow(&self, walk: &mut Walk, at: &Subject, way: &Way, edges: &Edges, live: &Live) {
        for (n, edge) in edges.single.iter().enumerate() {
            let capped;
            let step = if edge.requires.is_none() {
                &edge.way
            } else {
                let Some(how) = live.get(&(at.clone(), n)) else { continue };
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
        if self.row.entry(to.clone()).or_default().join(way) {
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
