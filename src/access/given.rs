//! Given: all that a subject is given, by role and place, whichever of those that it can act as gives it.
//!
//! In: a state and a subject. Out: each role at each place once, with the way that lasts longest. Many actors give the
//! same; what is asked of a subject costs by what is different, not by how many it can act as. What an overlay does not
//! touch is taken from the state below. Never drops a way that lasts longer than the one it keeps.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::access::acting::Grown;
use crate::access::compare::left_out;
use crate::access::coverage::{Tree, ancestry, ends_within, exceptions_allow};
use crate::access::facts::{Access, Exception};
use crate::access::flat::Flat;
use crate::access::pattern::Dialect;
use crate::access::reach::{Holding, Own};
use crate::access::row::Row;
use crate::access::view::View;
use crate::access::way::{End, Leg, Trail, Way, joined, length, steps};
use crate::input::id::{ResourceId, RoleId, Subject};

/// Until when something is given, by whom, and the way there.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) end: End,
    actor: Subject,
    /// To the actor, and from there.
    legs: [Trail; 2],
}

impl Source {
    /// The whole way.
    pub(super) fn trail(&self) -> Trail {
        let [there, on] = &self.legs;
        joined(there, on)
    }

    /// The way and its end.
    pub(super) fn leg(&self) -> Leg {
        Leg { end: self.end, trail: self.trail() }
    }

    /// How many steps the way has.
    pub(super) fn length(&self) -> usize {
        self.legs.iter().map(length).sum()
    }

    /// Whether this lasts longer than another or, lasting as long, is the shorter way, or the first of equals.
    fn betters(&self, other: &Self) -> bool {
        self.end
            .cmp(&other.end)
            .then_with(|| other.length().cmp(&self.length()))
            .then_with(|| other.legs.iter().flat_map(steps).cmp(self.legs.iter().flat_map(steps)))
            == std::cmp::Ordering::Greater
    }
}

/// A role at a place.
#[derive(Clone, Debug)]
pub(super) struct Gift {
    pub(super) role: RoleId,
    pub(super) flat: Rc<Flat>,
    pub(super) scope: Option<ResourceId>,
    /// What is denied to whoever gives it.
    pub(super) denies: Rc<[Exception]>,
    /// All steps in force.
    pub(super) now: Option<Source>,
    /// Steps that can be activated included. INVARIANT: ends no earlier than `now`.
    pub(super) ever: Option<Source>,
}

/// When something must hold: in force, or also by activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Now,
    Ever,
}

impl Gift {
    /// What an actor gives by one of its holdings.
    pub(super) fn new(actor: &Subject, way: &Way, holding: &Holding) -> Self {
        let source = |there: &Option<Leg>, on: &Option<Leg>| {
            let (there, on) = (there.as_ref()?, on.as_ref()?);
            let legs = [there.trail.clone(), on.trail.clone()];
            Some(Source { end: there.end.min(on.end), actor: actor.clone(), legs })
        };
        Self {
            role: holding.role.clone(),
            flat: Rc::clone(&holding.flat),
            scope: holding.scope.clone(),
            denies: Rc::clone(&holding.denies),
            now: source(&way.now, &holding.way.now),
            ever: source(&way.ever, &holding.way.ever),
        }
    }

    /// Whether two gifts give the same, but for how long.
    pub(super) fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.flat, &other.flat)
            && (Rc::ptr_eq(&self.denies, &other.denies) || self.denies == other.denies)
            && self.scope == other.scope
    }

    /// Takes in another way to the same.
    pub(super) fn join(&mut self, other: Self) {
        for (mine, theirs) in [(&mut self.now, other.now), (&mut self.ever, other.ever)] {
            let Some(theirs) = theirs else { continue };
            if mine.as_ref().is_none_or(|known| theirs.betters(known)) {
                *mine = Some(theirs);
            }
        }
    }

    /// How it is given.
    pub(super) fn source(&self, when: When) -> Option<&Source> {
        match when {
            When::Now => self.now.as_ref(),
            When::Ever => self.ever.as_ref(),
        }
    }

    /// What lasts longer by activation than now.
    pub(super) fn eligible(&self) -> Option<&Source> {
        let now = self.now.as_ref().map(|source| source.end);
        self.ever.as_ref().filter(|source| Some(source.end) > now)
    }

    fn is_empty(&self) -> bool {
        self.ever.is_none()
    }

    /// Whether an actor is the one by which it is given.
    fn rests_on(&self, actor: &Subject) -> bool {
        [&self.now, &self.ever].into_iter().flatten().any(|source| source.actor == *actor)
    }

    /// Whether it covers an access that lies where it holds or below.
    pub(super) fn covers(&self, dialect: Dialect, tree: &dyn Tree, wanted: &Access, when: When) -> bool {
        self.source(when).is_some_and(|source| ends_within(wanted.until, source.end.until()))
            && self.flat.covering(dialect, &wanted.action, &wanted.resource).iter().any(|allow| {
                let condition = &allow.permission.condition;
                (condition.is_none() || *condition == wanted.condition)
                    && exceptions_allow(dialect, tree, &left_out(&allow.permission), wanted)
            })
            && exceptions_allow(dialect, tree, &self.denies, wanted)
    }
}

/// Gifts at their places.
pub(super) type Places = BTreeMap<Option<ResourceId>, Vec<Gift>>;

/// Adds a gift.
pub(super) fn add(places: &mut Places, gift: Gift) {
    if gift.is_empty() {
        return;
    }
    let here = places.entry(gift.scope.clone()).or_default();
    match here.iter_mut().find(|known| known.same(&gift)) {
        Some(known) => known.join(gift),
        None => here.push(gift),
    }
}

/// All that a subject is given.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// Taken from, for every place that does not stand in `places`.
    base: Option<Rc<Given>>,
    places: Places,
    /// How many gifts stand in `places`.
    held: usize,
    by_flat: OnceCell<Vec<(Rc<Flat>, Vec<Spot>)>>,
}

impl Given {
    fn new(base: Option<Rc<Self>>, places: Places) -> Self {
        Self { base, held: places.values().map(Vec::len).sum(), places, by_flat: OnceCell::new() }
    }

    /// How many gifts it holds itself.
    fn held(&self) -> usize {
        self.held
    }
}

/// Where a gift stands: its place, and which of the gifts there it is.
type Spot = (Option<ResourceId>, usize);

impl Given {
    /// What is given at exactly a place.
    pub(super) fn at(&self, scope: Option<&ResourceId>) -> &[Gift] {
        match (self.places.get(&scope.cloned()), &self.base) {
            (Some(here), _) => here,
            (None, Some(base)) => base.at(scope),
            (None, None) => &[],
        }
    }

    /// The gifts of every role for which a question is answered with yes: asked once a role, in no order of meaning.
    pub(super) fn of_roles<'g>(&'g self, wanted: &dyn Fn(&Flat) -> bool) -> Vec<&'g Gift> {
        let mut found: Vec<&Gift> = match &self.base {
            Some(base) => base.of_roles(wanted),
            None => Vec::new(),
        };
        found.retain(|gift| !self.places.contains_key(&gift.scope));
        let by_flat = self.by_flat.get_or_init(|| {
            let mut known: BTreeMap<usize, usize> = BTreeMap::new();
            let mut all: Vec<(Rc<Flat>, Vec<Spot>)> = Vec::new();
            for (scope, here) in &self.places {
                for (n, gift) in here.iter().enumerate() {
                    let place = *known.entry(Rc::as_ptr(&gift.flat).addr()).or_insert(all.len());
                    match all.get_mut(place) {
                        Some((_, spots)) => spots.push((scope.clone(), n)),
                        None => all.push((Rc::clone(&gift.flat), vec![(scope.clone(), n)])),
                    }
                }
            }
            all
        });
        for (_, spots) in by_flat.iter().filter(|(flat, _)| wanted(flat)) {
            found.extend(spots.iter().filter_map(|(scope, n)| self.places.get(scope)?.get(*n)));
        }
        found
    }

    /// Whether something given covers an access; `tree` holds all places that either state holds.
    pub(super) fn covers(&self, dialect: Dialect, tree: &dyn Tree, wanted: &Access, when: When) -> bool {
        above(tree, wanted.scope.as_ref())
            .iter()
            .any(|scope| self.at(scope.as_ref()).iter().any(|gift| gift.covers(dialect, tree, wanted, when)))
    }
}

impl Given {
    /// What one actor gives by what it holds itself.
    pub(super) fn by(actor: &Subject, own: &Own) -> Self {
        let mut places = Places::new();
        for holding in &own.holdings {
            add(&mut places, Gift::new(actor, &Way::start(), holding));
        }
        Self::new(None, places)
    }
}

/// A place and all that it lies in, everywhere last.
pub(super) fn above(tree: &dyn Tree, scope: Option<&ResourceId>) -> Vec<Option<ResourceId>> {
    let chain = scope.map(|scope| ancestry(tree, scope)).unwrap_or_default();
    chain.into_iter().map(Some).chain([None]).collect()
}

impl View<'_, '_> {
    /// All that a subject is given.
    pub(super) fn given(&self, subject: &Subject) -> Rc<Given> {
        if let (Some(below), Some(touched)) = (self.below, &self.touched)
            && !touched.reach.contains(subject)
        {
            return below.given(subject);
        }
        if let Some(known) = self.worked.borrow().given.get(subject) {
            return Rc::clone(known);
        }
        let grown = self.grown(subject);
        let given = Rc::new(self.over_below(subject, &grown).unwrap_or_else(|| self.gather(&grown.row)));
        let mut worked = self.worked.borrow_mut();
        worked.make_room(given.held());
        worked.given.insert(subject.clone(), Rc::clone(&given));
        given
    }

    /// How much there is to look at for a subject: as whom it can act, and what that gives it.
    pub(super) fn size(&self, subject: &Subject) -> u64 {
        let size = self.row(subject).len().saturating_add(self.given(subject).held());
        u64::try_from(size).unwrap_or(u64::MAX)
    }

    fn gather(&self, row: &Row) -> Given {
        let mut places = Places::new();
        for (actor, way) in row {
            let own = self.own(actor);
            for holding in &own.holdings {
                add(&mut places, Gift::new(actor, way, holding));
            }
        }
        Given::new(None, places)
    }

    /// What the state below gives, but for the places that a change concerns; nothing if most may differ.
    fn over_below(&self, subject: &Subject, grown: &Grown) -> Option<Given> {
        let (below, row) = (self.below?, &grown.row);
        let concerned = self.concerned_in(grown)?;
        if concerned.len() > row.len() / 2 {
            return None;
        }
        let base = below.given(subject);
        let mut stale: BTreeSet<Option<ResourceId>> = BTreeSet::new();
        let mut fresh: Vec<Gift> = Vec::new();
        for (actor, way) in concerned {
            let own = self.own(actor);
            if grown.by.as_ref().is_some_and(|by| by.contains(actor)) {
                fresh.extend(own.holdings.iter().map(|holding| Gift::new(actor, way, holding)));
            }
            let was = below.own(actor);
            if Rc::ptr_eq(&was, &own) {
                continue;
            }
            let lasts = |a: &Holding, b: Option<&Holding>| {
                let same = |b: &Holding| Rc::ptr_eq(&a.flat, &b.flat) && a.way.ends() == b.way.ends();
                b.is_some_and(|b| a.denies == b.denies && same(b))
            };
            // Where it gave something that it no longer gives, and nobody was known to give it longer, all is looked at.
            for held in was.holdings.iter().filter(|h| !lasts(h, own.holding(&h.role, h.scope.as_ref()))) {
                if base.at(held.scope.as_ref()).iter().any(|gift| gift.role == held.role && gift.rests_on(actor)) {
                    stale.insert(held.scope.clone());
                }
            }
            let new = own.holdings.iter().filter(|h| !lasts(h, was.holding(&h.role, h.scope.as_ref())));
            fresh.extend(new.map(|holding| Gift::new(actor, way, holding)));
        }
        let mut places: Places = stale.iter().map(|scope| (scope.clone(), Vec::new())).collect();
        if !stale.is_empty() {
            for (actor, way) in row.iter() {
                let own = self.own(actor);
                for holding in own.holdings.iter().filter(|h| stale.contains(&h.scope)) {
                    add(&mut places, Gift::new(actor, way, holding));
                }
            }
        }
        for gift in fresh.into_iter().filter(|gift| !stale.contains(&gift.scope)) {
            places.entry(gift.scope.clone()).or_insert_with(|| base.at(gift.scope.as_ref()).to_vec());
            add(&mut places, gift);
        }
        Some(Given::new(Some(base), places))
    }
}
