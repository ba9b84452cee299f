//! Grants: the roles that reach a subject, directly or through identities it can act as, grouped by scope.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use fixedbitset::FixedBitSet;

use crate::access::effective::holdings::{DirectHoldings, Holding};
use crate::access::effective::role::{Allow, ResolvedRole, left_out};
use crate::access::graph::provenance::{
    ExpiringPath, Expiry, HopChain, Validity, both, condition, joined, length, steps,
};
use crate::access::matching::coverage::{Tree, ancestry, ends_within, exceptions_allow};
use crate::access::matching::joint_coverage::{MAX_PARTS, cover_together};
use crate::access::matching::systems::Systems;
use crate::access::model::facts::{Access, Exception};
use crate::input::id::{ResourceId, RoleId, Subject};
use crate::input::text::Text;

/// Where a grant comes from: its expiry, the actor that holds it, and the path.
#[derive(Clone, Debug)]
pub(crate) struct Provenance {
    pub(crate) end: Expiry,
    /// The condition under which it is granted at all.
    pub(crate) condition: Option<Text>,
    pub(crate) actor: Subject,
    /// The path to the actor, and from the actor to the grant.
    pub(crate) legs: [HopChain; 2],
}

impl Provenance {
    /// The whole path.
    pub(crate) fn trail(&self) -> HopChain {
        let [there, on] = &self.legs;
        joined(there, on)
    }

    /// The path with its expiry.
    pub(crate) fn leg(&self) -> ExpiringPath {
        ExpiringPath { end: self.end, trail: self.trail() }
    }

    /// The number of steps of the path.
    pub(crate) fn length(&self) -> usize {
        self.legs.iter().map(length).sum()
    }

    /// Orders sources: later expiry first, then shorter path, then path order (for determinism).
    pub(crate) fn is_better_than(&self, other: &Self) -> bool {
        self.end
            .cmp(&other.end)
            .then_with(|| other.length().cmp(&self.length()))
            .then_with(|| other.legs.iter().flat_map(steps).cmp(self.legs.iter().flat_map(steps)))
            == std::cmp::Ordering::Greater
    }
}

/// A role at a scope.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) role: RoleId,
    pub(crate) flat: Rc<ResolvedRole>,
    pub(crate) scope: Option<ResourceId>,
    /// The denies that apply to the actor that holds it.
    pub(crate) denies: Rc<[Exception]>,
    /// With steps in force only.
    pub(crate) now: Option<Provenance>,
    /// Including steps that can be activated. INVARIANT: expires no earlier than `now`.
    pub(crate) ever: Option<Provenance>,
}

impl Grant {
    /// The grant that an actor gives by one of its holdings.
    pub(crate) fn new(actor: &Subject, way: &Validity, holding: &Holding) -> Self {
        let source = |there: &Option<ExpiringPath>, on: &Option<ExpiringPath>| {
            let (there, on) = (there.as_ref()?, on.as_ref()?);
            let legs = [there.trail.clone(), on.trail.clone()];
            let end = there.end.with(on.end);
            // WHY: most paths have no condition and need not be searched for one.
            let condition = if end.is_sure() { None } else { condition(&joined(&there.trail, &on.trail)) };
            Some(Provenance { end, condition, actor: actor.clone(), legs })
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

    /// Whether two grants are the same except for their expiry.
    pub(crate) fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.flat, &other.flat)
            && (Rc::ptr_eq(&self.denies, &other.denies) || self.denies == other.denies)
            && self.scope == other.scope
    }

    /// Merges another path to the same grant.
    pub(crate) fn join(&mut self, other: Self) {
        for (mine, theirs) in [(&mut self.now, other.now), (&mut self.ever, other.ever)] {
            let Some(theirs) = theirs else { continue };
            if mine.as_ref().is_none_or(|known| theirs.is_better_than(known)) {
                *mine = Some(theirs);
            }
        }
    }

    /// The source of the grant in a mode.
    pub(crate) fn source(&self, when: When) -> Option<&Provenance> {
        match when {
            When::Now => self.now.as_ref(),
            When::Ever => self.ever.as_ref(),
        }
    }

    /// The source by activation, if it lasts longer than the one in force.
    pub(crate) fn eligible(&self) -> Option<&Provenance> {
        let now = self.now.as_ref().map(|source| source.end);
        self.ever.as_ref().filter(|source| Some(source.end) > now)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ever.is_none()
    }

    /// Whether the grant comes from an actor.
    pub(crate) fn rests_on(&self, actor: &Subject) -> bool {
        [&self.now, &self.ever].into_iter().flatten().any(|source| source.actor == *actor)
    }

    /// Whether it covers an access at its scope or below.
    pub(crate) fn covers(&self, systems: Systems<'_>, tree: &dyn Tree, wanted: &Access, when: When) -> bool {
        self.covering(systems, tree, wanted, when).is_some()
    }

    /// The same, with the allow that covers the access.
    pub(crate) fn covering(
        &self,
        systems: Systems<'_>,
        tree: &dyn Tree,
        wanted: &Access,
        when: When,
    ) -> Option<(&Provenance, &Allow)> {
        let source = self.source(when).filter(|source| ends_within(wanted.until, source.end.until()))?;
        let system = systems.of(wanted.system.as_ref());
        let mut allows = self.flat.covering(systems, (&wanted.action, &wanted.resource, system)).into_iter();
        let allow = allows.find(|allow| {
            let condition = both(source.condition.as_ref(), allow.permission.condition.as_ref());
            allow.system == wanted.system
                && (condition.is_none() || condition == wanted.condition)
                && exceptions_allow(systems, tree, &left_out(allow), wanted)
        })?;
        exceptions_allow(systems, tree, &self.denies, wanted).then_some((source, allow))
    }

    /// Adds the accesses of this grant that overlap `wanted` and last at least as long.
    pub(crate) fn parts(&self, systems: Systems<'_>, wanted: &Access, when: When, into: &mut Vec<Access>) {
        let Some(source) = self.source(when).filter(|source| ends_within(wanted.until, source.end.until())) else {
            return;
        };
        let system = systems.of(wanted.system.as_ref());
        for allow in self.flat.overlapping(systems, (&wanted.action, &wanted.resource, system)) {
            let p = &allow.permission;
            into.push(Access {
                scope: self.scope.clone(),
                condition: both(source.condition.as_ref(), p.condition.as_ref()),
                until: source.end.until(),
                exceptions: self.denies.iter().cloned().chain(left_out(allow)).collect(),
                system: allow.system.clone(),
                ..Access::plain(p.action.clone(), p.resource.clone())
            });
        }
    }
}

/// Whether access must be in force, or may also need activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    Ever,
}

/// Grants by scope.
pub(crate) type ByScope = BTreeMap<Option<ResourceId>, Vec<Grant>>;

/// Adds a grant.
pub(crate) fn add(places: &mut ByScope, gift: Grant) {
    if gift.is_empty() {
        return;
    }
    let here = places.entry(gift.scope.clone()).or_default();
    match here.iter_mut().find(|known| known.same(&gift)) {
        Some(known) => known.join(gift),
        None => here.push(gift),
    }
}

/// All grants of a subject.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    /// The grants of the state below, used for every scope that is not in `places`.
    pub(crate) base: Option<Rc<Grants>>,
    pub(crate) places: ByScope,
    /// The number of grants in `places`.
    pub(crate) held: usize,
    pub(crate) by_flat: OnceCell<Vec<(Rc<ResolvedRole>, Vec<GrantIndex>)>>,
}

impl Grants {
    pub(crate) fn new(base: Option<Rc<Self>>, places: ByScope) -> Self {
        Self { base, held: places.values().map(Vec::len).sum(), places, by_flat: OnceCell::new() }
    }

    /// The number of grants that it stores itself.
    pub(crate) fn held(&self) -> usize {
        self.held
    }
}

impl Grants {
    /// The grants at exactly one scope.
    pub(crate) fn at(&self, scope: Option<&ResourceId>) -> &[Grant] {
        match (self.places.get(&scope.cloned()), &self.base) {
            (Some(here), _) => here,
            (None, Some(base)) => base.at(scope),
            (None, None) => &[],
        }
    }

    /// The grants of all roles that match a predicate. The predicate is called once per role, in unspecified order.
    pub(crate) fn of_roles<'g>(&'g self, wanted: &dyn Fn(&ResolvedRole) -> bool) -> Vec<&'g Grant> {
        let mut found: Vec<&Grant> = match &self.base {
            Some(base) => base.of_roles(wanted),
            None => Vec::new(),
        };
        found.retain(|gift| !self.places.contains_key(&gift.scope));
        let by_flat = self.by_flat.get_or_init(|| {
            let mut known: BTreeMap<usize, usize> = BTreeMap::new();
            let mut all: Vec<(Rc<ResolvedRole>, Vec<GrantIndex>)> = Vec::new();
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

    /// Whether the grants cover an access, individually or several together. `tree` has all resources of both states.
    pub(crate) fn covers(&self, systems: Systems<'_>, tree: &dyn Tree, wanted: &Access, when: When) -> bool {
        let above = above(tree, wanted.scope.as_ref());
        let here = || above.iter().flat_map(|scope| self.at(scope.as_ref()));
        if here().any(|gift| gift.covers(systems, tree, wanted, when)) {
            return true;
        }
        let mut parts = Vec::new();
        for gift in here() {
            gift.parts(systems, wanted, when, &mut parts);
            if parts.len() > MAX_PARTS {
                return false;
            }
        }
        cover_together(systems, tree, &parts, wanted)
    }

    /// The shortest path to a grant that covers an access.
    pub(crate) fn way(&self, systems: Systems<'_>, tree: &dyn Tree, wanted: &Access, when: When) -> Option<HopChain> {
        let above = above(tree, wanted.scope.as_ref());
        let gifts = above.iter().flat_map(|scope| self.at(scope.as_ref()));
        let covering = gifts.filter_map(|gift| gift.covering(systems, tree, wanted, when));
        let (source, allow) = covering.min_by_key(|(source, allow)| source.length() + allow.chain.len())?;
        Some(allow.trail(&source.trail()))
    }

    /// The indices of allows that no grant here covers. `by` receives each covering grant with the number of allows it
    /// covers. Compares whole roles: if the grant has a deny or an exception, only the same role under the same denies
    /// covers it.
    pub(crate) fn uncovered(
        &self,
        (systems, tree): (Systems<'_>, &dyn Tree),
        gift: &Grant,
        mut left: FixedBitSet,
        when: When,
        by: &mut dyn FnMut(&Provenance, usize),
    ) -> FixedBitSet {
        let Some(given) = gift.source(when) else { return FixedBitSet::new() };
        for here in above(tree, gift.scope.as_ref()).iter().flat_map(|scope| self.at(scope.as_ref())) {
            let no_wider = |s: &Provenance| s.condition.is_none() || s.condition == given.condition;
            let lasts = |s: &&Provenance| ends_within(given.end.until(), s.end.until()) && no_wider(s);
            let lasts = here.source(when).filter(lasts);
            let Some(source) = lasts.filter(|_| here.denies.is_empty() || here.denies == gift.denies) else { continue };
            let all = left.count_ones(..);
            if Rc::ptr_eq(&here.flat, &gift.flat) {
                left.clear();
            } else {
                left.difference_with(&gift.flat.covered_by(systems, &here.flat).by_any);
            }
            let covered = all - left.count_ones(..);
            if covered > 0 {
                by(source, covered);
            }
            if left.is_clear() {
                break;
            }
        }
        left
    }

    /// Whether the grants here cover all grants of the other.
    pub(crate) fn covers_all(&self, systems: Systems<'_>, tree: &dyn Tree, there: &Self) -> bool {
        there.of_roles(&|_| true).into_iter().all(|gift| {
            [When::Now, When::Ever].into_iter().all(|when| {
                let all = gift.flat.every_allow();
                self.uncovered((systems, tree), gift, all, when, &mut |_, _| {}).is_clear()
            })
        })
    }

    /// Whether the grants give everything, everywhere, in force, permanently, and without a condition or a deny.
    /// INVARIANT: all permissions belong to one system. Otherwise a subject with everything in one system can still
    /// gain in another.
    pub(crate) fn is_everything(&self, systems: Systems<'_>) -> bool {
        let dialect = systems.dialect(None);
        let covers = |allow: &Allow| {
            let p = &allow.permission;
            allow.system.is_none()
                && dialect.action_covers(p.action.raw(), "*")
                && dialect.resource_covers(p.resource.raw(), "*")
                && p.condition.is_none()
                && p.except.is_empty()
        };
        systems.is_single()
            && self.at(None).iter().any(|gift| {
                gift.denies.is_empty()
                    && gift.now.as_ref().is_some_and(|source| source.end == Expiry::NEVER)
                    && gift.flat.allows.iter().any(covers)
            })
    }
}

impl Grants {
    /// The grants that one actor gives by its direct holdings.
    pub(crate) fn by(actor: &Subject, own: &DirectHoldings) -> Self {
        let mut places = ByScope::new();
        for holding in &own.holdings {
            add(&mut places, Grant::new(actor, &Validity::start(), holding));
        }
        Self::new(None, places)
    }
}

/// The position of a grant: its scope, and its index there.
pub(crate) type GrantIndex = (Option<ResourceId>, usize);

/// A scope and its ancestors, with the global scope last.
pub(crate) fn above(tree: &dyn Tree, scope: Option<&ResourceId>) -> Vec<Option<ResourceId>> {
    let chain = scope.map(|scope| ancestry(tree, scope)).unwrap_or_default();
    chain.into_iter().map(Some).chain([None]).collect()
}
