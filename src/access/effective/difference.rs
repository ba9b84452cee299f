//! Difference: what a subject has in one state and not in another.
//!
//! Computes, for a subject and two states, the accesses of the second that no access of the first covers, reduced to
//! maximal ones, each with its path. Grants that are equal in both states, or covered by a role as a whole, are skipped
//! without being expanded. With the states exchanged, the result is what the subject loses.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use fixedbitset::FixedBitSet;

use crate::access::effective::grant::{Grant, Grants, Provenance, When, above};
use crate::access::effective::held_access::{AccessDiff, HeldAccess, distinct};
use crate::access::effective::holdings::Holding;
use crate::access::effective::role::ResolvedRole;
use crate::access::effective::state::AccessState;
use crate::access::graph::provenance::Validity;
use crate::access::matching::coverage::{covers, ends_within, scope_covers};
use crate::access::matching::dialect::Dialect;
use crate::access::model::facts::Access;
use crate::input::id::{ResourceId, Subject};

/// The maximum number of comparisons between accesses of one subject. Beyond it, the effect counts as too large.
const MAX_COMPARED: u64 = 50_000_000;

/// The allows that a flattened role has and another lacks, by the addresses of the two.
type DifferenceCache = BTreeMap<(usize, usize), Rc<Vec<usize>>>;

/// A candidate for additional access: a role at a scope, with the indices of its allows; `None`: all of them.
#[derive(Debug)]
struct Candidate {
    gift: Grant,
    only: Option<Rc<Vec<usize>>>,
}

impl Candidate {
    fn same(&self, other: &Self) -> bool {
        let only = match (&self.only, &other.only) {
            (None, None) => true,
            (Some(a), Some(b)) => Rc::ptr_eq(a, b),
            (None, Some(_)) | (Some(_), None) => false,
        };
        only && self.gift.same(&other.gift)
    }

    fn places(&self) -> FixedBitSet {
        let role = &self.gift.flat;
        let Some(only) = &self.only else { return role.every_allow() };
        let mut bits = role.no_allow();
        only.iter().for_each(|place| bits.insert(*place));
        bits
    }
}

type Candidates = BTreeMap<Option<ResourceId>, Vec<Candidate>>;

/// A scope, and an action that is not a pattern.
type Alike = (Option<ResourceId>, Option<String>);

/// Two states, of which the second may have more access.
pub(crate) struct Comparison<'c, 'v, 's> {
    pub(crate) before: &'c AccessState<'v, 's>,
    pub(crate) after: &'c AccessState<'v, 's>,
    /// The state whose resource tree has all resources of both states.
    pub(crate) tree: &'c AccessState<'v, 's>,
    /// Keyed by the addresses of the flattened roles, because boundaries produce different forms of one role. The
    /// states keep them alive.
    beyond: RefCell<DifferenceCache>,
    /// The remaining number of comparisons for one subject.
    compares: Cell<u64>,
}

impl<'c, 'v, 's> Comparison<'c, 'v, 's> {
    pub(crate) fn new(
        before: &'c AccessState<'v, 's>,
        after: &'c AccessState<'v, 's>,
        tree: &'c AccessState<'v, 's>,
    ) -> Self {
        Self { before, after, tree, beyond: RefCell::default(), compares: Cell::default() }
    }

    /// What a subject can reach after and not before, unless it is more than `most` accesses.
    pub(crate) fn reaches_more(&self, subject: &Subject, most: usize) -> AccessDiff {
        // A subject that has everything permanently gains nothing, so its paths are not searched.
        if self.before.is_administrator(subject) {
            return AccessDiff { looked: 1, ..AccessDiff::default() };
        }
        let candidates = self.candidates(subject);
        let rows = self.before.row(subject).len().saturating_add(self.after.row(subject).len());
        let mut looked = u64::try_from(rows).unwrap_or(u64::MAX);
        if candidates.is_empty() {
            return AccessDiff { looked, ..AccessDiff::default() };
        }
        looked = looked.saturating_add(self.before.size(subject));
        self.beyond_given(&candidates, &self.before.given(subject), looked, most)
    }

    /// What a subject holds directly after and not before, with the same limit.
    pub(crate) fn holds_more(&self, subject: &Subject, most: usize) -> AccessDiff {
        let (before, after) = (self.before.own(subject), self.after.own(subject));
        if Rc::ptr_eq(&before, &after) || before.is_everything(self.before.systems) {
            return AccessDiff { looked: 1, ..AccessDiff::default() };
        }
        let mut candidates = Candidates::new();
        self.actor(subject, Some(&Validity::start()), &Validity::start(), &mut candidates);
        let looked = before.holdings.len().saturating_add(after.holdings.len());
        let looked = u64::try_from(looked).unwrap_or(u64::MAX);
        if candidates.is_empty() {
            return AccessDiff { looked, ..AccessDiff::default() };
        }
        self.beyond_given(&candidates, &Grants::by(subject, &before), looked, most)
    }

    /// The candidates that no earlier grant covers, reduced to maximal accesses.
    fn beyond_given(&self, candidates: &Candidates, before: &Grants, looked: u64, most: usize) -> AccessDiff {
        let none = |cut| AccessDiff { cut, looked, ..AccessDiff::default() };
        self.compares.set(if most == usize::MAX { u64::MAX } else { MAX_COMPARED });
        let (mut found, mut plain) = (AccessDiff::default(), true);
        for (scope, here) in candidates {
            let above = above(self.tree, scope.as_ref());
            for candidate in here {
                let gift = &candidate.gift;
                for (source, when) in [(gift.now.as_ref(), When::Now), (gift.eligible(), When::Ever)] {
                    let Some(source) = source else { continue };
                    let (left, exact) = self.left(candidate, source, when, before, candidates, &above);
                    plain &= exact;
                    let list = if when == When::Now { &mut found.now } else { &mut found.eligible };
                    self.emit(gift, source, &left, list);
                    if found.now.len() + found.eligible.len() > most {
                        return none(true);
                    }
                }
            }
        }
        distinct(&mut found.now);
        distinct(&mut found.eligible);
        if plain {
            let (now, eligible) = (self.first_of_equals(found.now), self.first_of_equals(found.eligible));
            return self.whole(AccessDiff { now, eligible, ..none(false) });
        }
        let systems = self.after.systems;
        found.now.retain(|held| !before.covers(systems, self.tree, &held.access, When::Now));
        // Access in force needs no activation.
        let now = |access: &Access| {
            let here = above(self.tree, access.scope.as_ref());
            let mut gifts = here.iter().filter_map(|scope| candidates.get(scope)).flatten().map(|c| &c.gift);
            gifts.any(|gift| gift.covers(systems, self.tree, access, When::Now))
        };
        found
            .eligible
            .retain(|held| !before.covers(systems, self.tree, &held.access, When::Ever) && !now(&held.access));
        self.whole(AccessDiff { now: self.maximal(found.now), eligible: self.maximal(found.eligible), ..none(false) })
    }

    /// The result, or a truncated one if the comparison limit was exceeded.
    fn whole(&self, found: AccessDiff) -> AccessDiff {
        if self.compares.get() == 0 {
            return AccessDiff { cut: true, looked: found.looked, ..AccessDiff::default() };
        }
        found
    }

    /// The candidates: grants from actors whose own holdings differ, or which the subject reaches differently.
    fn candidates(&self, subject: &Subject) -> Candidates {
        let (before, after) = (self.before.incremental_closure(subject), self.after.incremental_closure(subject));
        let mut found = Candidates::new();
        let below =
            |a: &AccessState<'v, 's>, b: &AccessState<'v, 's>| a.below.is_some_and(|below| std::ptr::eq(below, b));
        let concerned = if below(self.after, self.before) {
            self.after.affected_in(&after)
        } else if below(self.before, self.after) {
            // A subject reached for longer before still counts as reached after.
            self.before.touched.as_ref().filter(|_| before.by.is_some()).map(|touched| touched.own_in(&after.row))
        } else {
            // Two overlays over one snapshot.
            let both = self.before.affected_in(&before).zip(self.after.affected_in(&after));
            both.map(|(a, b)| {
                let actors: BTreeSet<&Subject> = a.into_iter().chain(b).map(|(actor, _)| actor).collect();
                actors.into_iter().filter_map(|actor| after.row.get_key_value(actor)).collect()
            })
        };
        for (actor, way) in concerned.unwrap_or_else(|| after.row.iter().collect()) {
            self.actor(actor, before.row.get(actor), way, &mut found);
        }
        found
    }

    /// Collects the additional grants that acting as `actor` may give.
    fn actor(&self, actor: &Subject, was: Option<&Validity>, way: &Validity, into: &mut Candidates) {
        let (own_before, own_after) = (self.before.own(actor), self.after.own(actor));
        let same_cap = was.is_some_and(|was| was.reaches(way));
        if same_cap && Rc::ptr_eq(&own_before, &own_after) {
            return;
        }
        for holding in &own_after.holdings {
            let known = own_before.holding(&holding.role, holding.scope.as_ref());
            let longer =
                |known: &&Holding| known.denies == holding.denies && same_cap && known.way.reaches(&holding.way);
            let only = match known.filter(longer) {
                Some(known) if Rc::ptr_eq(&known.flat, &holding.flat) => continue,
                Some(known) => Some(self.new_allows(&known.flat, &holding.flat)),
                None => None,
            };
            let gift = Grant::new(actor, way, holding);
            if only.as_ref().is_some_and(|only| only.is_empty()) || gift.ever.is_none() {
                continue;
            }
            let candidate = Candidate { gift, only };
            let here = into.entry(holding.scope.clone()).or_default();
            match here.iter_mut().find(|known| known.same(&candidate)) {
                Some(known) => known.gift.join(candidate.gift),
                None => here.push(candidate),
            }
        }
    }

    fn new_allows(&self, before: &Rc<ResolvedRole>, after: &Rc<ResolvedRole>) -> Rc<Vec<usize>> {
        let key = (Rc::as_ptr(before).addr(), Rc::as_ptr(after).addr());
        let mut known = self.beyond.borrow_mut();
        Rc::clone(known.entry(key).or_insert_with(|| Rc::new(after.beyond(before))))
    }

    /// The allows of a candidate that no whole role covers, and whether the result is exact. If a deny or an exception
    /// is involved, coverage is decided access by access.
    ///
    /// WHY: an allow can be dropped as soon as anything held before covers it, or another candidate that it does not
    /// cover in turn. Whatever excludes that other candidate excludes this allow as well.
    fn left(
        &self,
        candidate: &Candidate,
        source: &Provenance,
        when: When,
        before: &Grants,
        candidates: &Candidates,
        above: &[Option<ResourceId>],
    ) -> (FixedBitSet, bool) {
        let systems = self.after.systems;
        let mine = &candidate.gift;
        let plain = |gift: &Grant| gift.denies.is_empty() && !gift.flat.leaves_out();
        let mut exact = plain(mine);
        let mut left = candidate.places();
        let until = source.end.until();
        for scope in above {
            let wider = *scope != mine.scope && !scope_covers(self.tree, mine.scope.as_ref(), scope.as_ref());
            for gift in before.at(scope.as_ref()) {
                exact &= plain(gift);
                let lasts = |s: &Provenance| ends_within(until, s.end.until()) && no_wider(s, source);
                if gift.denies.is_empty() && gift.source(when).is_some_and(lasts) {
                    left.difference_with(&mine.flat.covered_by(systems, &gift.flat).by_any);
                }
            }
            for gift in candidates.get(scope).into_iter().flatten().map(|c| &c.gift) {
                exact &= plain(gift);
                if !gift.denies.is_empty() {
                    continue;
                }
                let lasts = |s: &&Provenance| ends_within(until, s.end.until()) && no_wider(s, source);
                let by = |s: Option<&Provenance>| s.filter(lasts).map(|s| s.end);
                // Access in force needs no activation.
                let in_force = when == When::Ever && by(gift.now.as_ref()).is_some();
                let end = if when == When::Now { by(gift.now.as_ref()) } else { by(gift.eligible()) };
                if !in_force && end.is_none() {
                    continue;
                }
                let covered = mine.flat.covered_by(systems, &gift.flat);
                let longer = end.is_some_and(|end| end > source.end);
                left.difference_with(if in_force || wider || longer { &covered.by_any } else { &covered.strictly });
            }
            if left.is_clear() {
                return (left, exact);
            }
        }
        (left, exact)
    }

    fn emit(&self, gift: &Grant, source: &Provenance, left: &FixedBitSet, into: &mut Vec<HeldAccess>) {
        if left.is_clear() {
            return;
        }
        let leg = source.leg();
        let allows = left.ones().filter_map(|at| gift.flat.allows.get(at));
        into.extend(
            allows.filter_map(|allow| self.after.held(&gift.denies, gift.scope.as_ref(), &gift.role, allow, &leg)),
        );
    }

    /// The maximal elements: accesses that no other covers strictly. Of accesses that cover each other one is kept.
    fn first_of_equals(&self, found: Vec<HeldAccess>) -> Vec<HeldAccess> {
        // WHY: two patterns that match the same texts differ only in repeated `*`.
        let repeats =
            |held: &HeldAccess| [&held.access.action, &held.access.resource].iter().any(|p| p.raw().contains("**"));
        let systems = self.after.systems;
        let is_text = systems.is_single() && matches!(systems.dialect(None), Dialect::Text);
        if is_text && !found.iter().any(repeats) {
            return found;
        }
        self.maximal(found)
    }

    /// Accesses that no other covers. Of accesses that cover each other, the first in canonical bytes is kept.
    fn maximal(&self, mut found: Vec<HeldAccess>) -> Vec<HeldAccess> {
        let (tree, systems) = (self.tree, self.after.systems);
        if found.len() < 2 {
            return found;
        }
        // Grouped by scope and action: only an access at the same scope or above, with the same action or a pattern,
        // can cover another.
        let plain = |held: &HeldAccess| {
            let dialect = systems.dialect(held.access.system.as_ref());
            dialect.plain_action(held.access.action.raw()).map(Cow::into_owned)
        };
        let mut alike: BTreeMap<Alike, Vec<usize>> = BTreeMap::new();
        for (at, held) in found.iter().enumerate() {
            alike.entry((held.access.scope.clone(), plain(held))).or_default().push(at);
        }
        let beaten = |at: usize, mine: &HeldAccess, by: usize| {
            let left = self.compares.get().saturating_sub(1);
            self.compares.set(left);
            if left == 0 {
                return false;
            }
            let Some(theirs) = found.get(by).filter(|_| by != at) else { return false };
            covers(systems, tree, &theirs.access, &mine.access)
                && (!covers(systems, tree, &mine.access, &theirs.access)
                    || canonical(&theirs.access) < canonical(&mine.access))
        };
        let stays = |(at, mine): (usize, &HeldAccess)| {
            let action = plain(mine);
            !above(tree, mine.access.scope.as_ref()).into_iter().any(|scope| {
                let actions = if action.is_some() { vec![None, action.clone()] } else { vec![None] };
                let places = actions.into_iter().filter_map(|action| alike.get(&(scope.clone(), action)));
                places.flatten().any(|by| beaten(at, mine, *by))
            })
        };
        let kept: Vec<bool> = found.iter().enumerate().map(stays).collect();
        let mut kept = kept.into_iter();
        found.retain(|_| kept.next().unwrap_or(true));
        found
    }
}

/// Whether a grant has no condition that another lacks.
fn no_wider(source: &Provenance, than: &Provenance) -> bool {
    source.condition.is_none() || source.condition == than.condition
}

/// The canonical bytes of an access, which order accesses that cover each other.
fn canonical(access: &Access) -> Vec<u8> {
    crate::input::canonical::to_bytes(access).unwrap_or_default()
}
