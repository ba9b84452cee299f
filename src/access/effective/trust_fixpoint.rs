//! Least fixpoint of conditional trusts: a trust is active once its holder can reach a subject that satisfies its
//! requirement, possibly through other trusts.
//!
//! Computed from the latest expiry downwards, like Dijkstra: each holder reaches each subject once, and each trust
//! becomes active once. Cost: the number of holders times the subjects reachable from them, independent of the order of
//! names.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::rc::Rc;

use crate::access::effective::edge::Edges;
use crate::access::effective::holdings::DirectHoldings;
use crate::access::effective::memo::{Expiries, TrustBasis};
use crate::access::effective::state::AccessState;
use crate::access::graph::provenance::Expiry;
use crate::input::entitlement::Requirement;
use crate::input::id::Subject;

/// A subject whose edges have requirements.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) subject: Subject,
    /// The distinct requirements.
    pub(crate) asks: Vec<Requirement>,
    /// For each edge the index of its requirement; `None` if it has none that is undecided.
    pub(crate) slots: Vec<Option<usize>>,
}

/// Maximum number of cached results for shared requirements. The cache does not affect the results.
const MAX_ANSWERS: usize = 500_000;

/// For each holder, until when its requirements are satisfied, and the work done. If the work exceeds `most`, the
/// result is not computed.
pub(crate) fn raised(view: &AccessState<'_, '_>, holders: &[Holder], most: u64) -> (Vec<Vec<Expiries>>, u64) {
    let mut raising = TrustFixpoint::new(view, holders, most);
    let now = raising.run(|(now, _)| now);
    // If no grant lasts longer by activation, neither does any trust.
    let ever = if raising.has_eligible { raising.run(|(_, ever)| ever) } else { now.clone() };
    let both = |(now, ever): (Vec<Option<Expiry>>, Vec<Option<Expiry>>)| now.into_iter().zip(ever).collect();
    (now.into_iter().zip(ever).map(both).collect(), raising.work)
}

/// A subject, with its edges by index once it is reached.
struct Node {
    subject: Subject,
    /// The index of the holder, if it is one.
    holder: Option<usize>,
    edges: Option<Rc<Onward>>,
    own: Option<Rc<DirectHoldings>>,
}

/// Edges by index.
#[derive(Default)]
struct Onward {
    single: Vec<Single>,
    /// Lists, with the expiries at which they are reached.
    spread: Vec<(usize, Expiries)>,
}

struct Single {
    to: usize,
    ends: Expiries,
    /// The index of the requirement, if it is undecided.
    asks: Option<usize>,
}

/// An event of a holder.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum FixpointEvent {
    /// It reaches a subject.
    Reach(usize, usize),
    /// It reaches a list.
    Open(usize, usize),
    /// Its requirement is satisfied.
    Live(usize, usize),
}

struct TrustFixpoint<'r, 'v, 's> {
    view: &'r AccessState<'v, 's>,
    holders: &'r [Holder],
    nodes: Vec<Node>,
    numbers: HashMap<Subject, usize>,
    lists: Vec<Rc<[usize]>>,
    list_numbers: HashMap<usize, usize>,
    /// By holder, an index for each requirement that it shares with others.
    shared: Vec<Vec<Option<usize>>>,
    answers: HashMap<(usize, usize), Expiries>,
    has_eligible: bool,
    work: u64,
    most: u64,
}

/// One run: in force only, or including activation.
struct FixpointRun {
    pick: fn(Expiries) -> Option<Expiry>,
    level: Expiry,
    now: Vec<FixpointEvent>,
    later: BinaryHeap<(Expiry, Reverse<FixpointEvent>)>,
    /// By holder: the subjects and lists it reached, and until when its requirements are satisfied.
    rows: Vec<SlotSet>,
    opened: Vec<SlotSet>,
    live: Vec<Vec<Option<Expiry>>>,
}

/// A growing set of integers.
#[derive(Clone, Default)]
struct SlotSet(Vec<u64>);

impl SlotSet {
    fn has(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    /// Adds an integer. Returns whether it is new.
    fn insert(&mut self, place: usize) -> bool {
        let at = place / 64;
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        let Some(word) = self.0.get_mut(at) else { return false };
        let is_new = *word >> (place % 64) & 1 == 0;
        *word |= 1 << (place % 64);
        is_new
    }
}

impl<'r, 'v, 's> TrustFixpoint<'r, 'v, 's> {
    fn new(view: &'r AccessState<'v, 's>, holders: &'r [Holder], most: u64) -> Self {
        let mut asked: BTreeMap<&Requirement, Option<usize>> = BTreeMap::new();
        for (at, requires) in holders.iter().flat_map(|holder| &holder.asks).enumerate() {
            asked.entry(requires).and_modify(|number| *number = Some(at)).or_insert(None);
        }
        let number = |requires: &Requirement| asked.get(requires).copied().flatten();
        let shared = holders.iter().map(|holder| holder.asks.iter().map(number).collect()).collect();
        let mut raising = Self {
            view,
            holders,
            nodes: Vec::new(),
            numbers: HashMap::new(),
            lists: Vec::new(),
            list_numbers: HashMap::new(),
            shared,
            answers: HashMap::new(),
            has_eligible: false,
            work: 0,
            most,
        };
        for (at, holder) in holders.iter().enumerate() {
            let number = raising.number(&holder.subject);
            if let Some(node) = raising.nodes.get_mut(number) {
                node.holder = Some(at);
            }
        }
        raising
    }

    fn number(&mut self, subject: &Subject) -> usize {
        if let Some(known) = self.numbers.get(subject) {
            return *known;
        }
        let number = self.nodes.len();
        self.nodes.push(Node { subject: subject.clone(), holder: None, edges: None, own: None });
        self.numbers.insert(subject.clone(), number);
        number
    }

    fn note(&mut self, ends: Expiries) -> Expiries {
        self.has_eligible |= ends.0 != ends.1;
        ends
    }

    /// Charges the work budget. Returns whether it was sufficient.
    fn charge(&mut self, entries: usize) -> bool {
        self.work = self.work.saturating_add(u64::try_from(entries).unwrap_or(u64::MAX));
        self.work <= self.most
    }

    /// The edges of a subject by index.
    fn onward(&mut self, at: usize) -> Rc<Onward> {
        let Some(node) = self.nodes.get(at) else { return Rc::default() };
        if let Some(known) = &node.edges {
            return Rc::clone(known);
        }
        let (subject, holder) = (node.subject.clone(), node.holder.and_then(|at| self.holders.get(at)));
        let edges: Rc<Edges> = self.view.edges(&subject);
        let live_trusts = self.view.live_trusts(&subject, TrustBasis::All);
        let mut onward = Onward::default();
        for (n, edge) in edges.single.iter().enumerate() {
            let asks = holder.and_then(|holder| holder.slots.get(n).copied().flatten());
            let ends = if edge.requires.is_some() && asks.is_none() {
                let Some(how) = live_trusts.get(n) else { continue };
                edge.way.capped(how).ends()
            } else {
                edge.way.ends()
            };
            let ends = self.note(ends);
            onward.single.push(Single { to: self.number(&edge.to), ends, asks });
        }
        for spread in &edges.spread {
            let list = if let Some(known) = self.list_numbers.get(&spread.address()) {
                *known
            } else {
                // INVARIANT: the state keeps its lists alive, so an address is not reused.
                let to: Vec<&Subject> = spread.to.iter().filter(|to| self.view.usable(to)).collect();
                let to: Rc<[usize]> = to.into_iter().map(|to| self.number(to)).collect();
                self.lists.push(to);
                self.list_numbers.insert(spread.address(), self.lists.len() - 1);
                self.lists.len() - 1
            };
            let ends = self.note(spread.way.ends());
            onward.spread.push((list, ends));
        }
        let onward = Rc::new(onward);
        if let Some(node) = self.nodes.get_mut(at) {
            node.edges = Some(Rc::clone(&onward));
        }
        onward
    }

    /// Until when a subject itself satisfies a requirement.
    fn answer(&mut self, at: usize, requires: &Requirement, shared: Option<usize>) -> Expiries {
        let key = shared.map(|number| (at, number));
        if let Some(known) = key.and_then(|key| self.answers.get(&key)) {
            return *known;
        }
        let Some(node) = self.nodes.get_mut(at) else { return (None, None) };
        let own = node.own.get_or_insert_with(|| self.view.own(&node.subject));
        let ends = self.view.satisfies(own, requires);
        let ends = self.note(ends);
        if let Some(key) = key.filter(|_| self.answers.len() < MAX_ANSWERS) {
            self.answers.insert(key, ends);
        }
        ends
    }

    fn run(&mut self, pick: fn(Expiries) -> Option<Expiry>) -> Vec<Vec<Option<Expiry>>> {
        let live: Vec<Vec<Option<Expiry>>> = self.holders.iter().map(|holder| vec![None; holder.asks.len()]).collect();
        let rows = vec![SlotSet::default(); self.holders.len()];
        let (now, later) = (Vec::new(), BinaryHeap::new());
        let mut run = FixpointRun { pick, level: Expiry::NEVER, now, later, opened: rows.clone(), rows, live };
        for (at, holder) in self.holders.iter().enumerate() {
            let number = self.number(&holder.subject);
            run.happens(Expiry::NEVER, FixpointEvent::Reach(at, number));
        }
        loop {
            let event = if let Some(event) = run.now.pop() {
                event
            } else {
                let Some((level, Reverse(event))) = run.later.pop() else { break };
                run.level = level;
                if !run.begins(event) {
                    continue;
                }
                event
            };
            let is_room = match event {
                FixpointEvent::Reach(holder, at) => self.reach(&mut run, holder, at),
                FixpointEvent::Open(holder, list) => self.open(&mut run, holder, list),
                FixpointEvent::Live(holder, slot) => self.live(&mut run, holder, slot),
            };
            if !is_room {
                break;
            }
        }
        run.live
    }

    /// A holder reaches a subject: follows its edges and checks the open requirements against its holdings.
    fn reach(&mut self, run: &mut FixpointRun, holder: usize, at: usize) -> bool {
        let onward = self.onward(at);
        for single in &onward.single {
            let Some(mut end) = (run.pick)(single.ends) else { continue };
            if let Some(slot) = single.asks {
                let of = self.nodes.get(at).and_then(|node| run.live.get(node.holder?)?.get(slot).copied().flatten());
                let Some(live) = of else { continue };
                end = end.with(live);
            }
            run.happens(end, FixpointEvent::Reach(holder, single.to));
        }
        for (list, ends) in &onward.spread {
            if let Some(end) = (run.pick)(*ends) {
                run.happens(end, FixpointEvent::Open(holder, *list));
            }
        }
        let mut looked = 1 + onward.single.len() + onward.spread.len();
        let asks = self.holders.get(holder).map(|holder| holder.asks.as_slice()).unwrap_or_default();
        for (slot, requires) in asks.iter().enumerate() {
            let is_open = run.live.get(holder).is_some_and(|live| live.get(slot).is_some_and(Option::is_none));
            if !is_open {
                continue;
            }
            looked += 2;
            let shared = self.shared.get(holder).and_then(|shared| shared.get(slot).copied().flatten());
            if let Some(end) = (run.pick)(self.answer(at, requires, shared)) {
                run.happens(end, FixpointEvent::Live(holder, slot));
            }
        }
        self.charge(looked)
    }

    /// A holder reaches a list, and so every subject on it.
    fn open(&mut self, run: &mut FixpointRun, holder: usize, list: usize) -> bool {
        let Some(list) = self.lists.get(list).map(Rc::clone) else { return true };
        for to in list.iter() {
            run.happens(run.level, FixpointEvent::Reach(holder, *to));
        }
        self.charge(list.len())
    }

    /// A trust becomes active: every holder that reached the trust's holder continues from there.
    fn live(&mut self, run: &mut FixpointRun, holder: usize, slot: usize) -> bool {
        let Some(number) = self.holders.get(holder).map(|holder| self.number(&holder.subject)) else { return true };
        let onward = self.onward(number);
        let mut looked = 0;
        for single in onward.single.iter().filter(|single| single.asks == Some(slot)) {
            let Some(end) = (run.pick)(single.ends) else { continue };
            looked += self.holders.len();
            for other in 0..self.holders.len() {
                if run.rows.get(other).is_some_and(|row| row.has(number)) {
                    run.happens(end, FixpointEvent::Reach(other, single.to));
                }
            }
        }
        self.charge(looked)
    }
}

impl FixpointRun {
    /// Schedules an event, no later than the current level.
    fn happens(&mut self, end: Expiry, event: FixpointEvent) {
        if end >= self.level {
            if self.begins(event) {
                self.now.push(event);
            }
        } else if !self.is_known(event) {
            self.later.push((end, Reverse(event)));
        }
    }

    fn is_known(&self, event: FixpointEvent) -> bool {
        match event {
            FixpointEvent::Reach(holder, at) => self.rows.get(holder).is_some_and(|row| row.has(at)),
            FixpointEvent::Open(holder, list) => self.opened.get(holder).is_some_and(|lists| lists.has(list)),
            FixpointEvent::Live(holder, slot) => {
                self.live.get(holder).is_some_and(|l| l.get(slot).is_some_and(Option::is_some))
            }
        }
    }

    /// Records an event at the current level. Returns whether it is new.
    fn begins(&mut self, event: FixpointEvent) -> bool {
        let level = self.level;
        match event {
            FixpointEvent::Reach(holder, at) => self.rows.get_mut(holder).is_some_and(|row| row.insert(at)),
            FixpointEvent::Open(holder, list) => self.opened.get_mut(holder).is_some_and(|lists| lists.insert(list)),
            FixpointEvent::Live(holder, slot) => {
                let slot = self.live.get_mut(holder).and_then(|live| live.get_mut(slot)).filter(|live| live.is_none());
                slot.map(|live| *live = Some(level)).is_some()
            }
        }
    }
}
