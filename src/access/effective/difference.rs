//! Comparison: what a subject has in one state and not in another.
//!
//! In: two states and a subject. Out: the accesses of the second that no access of the first covers, reduced to maximal
//! ones, each with its way. What is the same in both is skipped without being written out, and so is what a role as a
//! whole is known to cover. Asked the other way round, it tells what is lost.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::access::effective::grant::{Grant, Grants, Provenance, When, above};
use crate::access::effective::held_access::{AccessDiff, HeldAccess, distinct};
use crate::access::effective::holdings::Holding;
use crate::access::effective::role::ResolvedRole;
use crate::access::effective::state::AccessState;
use crate::access::graph::provenance::Validity;
use crate::access::matching::bits::Bits;
use crate::access::matching::coverage::{covers, ends_within, scope_covers};
use crate::access::matching::dialect::Dialect;
use crate::access::model::facts::Access;
use crate::input::id::{ResourceId, Subject};

/// How often accesses of one subject are compared with one another; beyond, there are too many to tell.
const MAX_COMPARED: u64 = 50_000_000;

/// Which allows a flattened role has beyond another, by the addresses of the two.
type DifferenceCache = BTreeMap<(usize, usize), Rc<Vec<usize>>>;

/// What may be more: a role at a place, and which of its allows; none named: all.
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

    fn places(&self) -> Bits {
        let length = self.gift.flat.allows.len();
        let Some(only) = &self.only else { return Bits::all(length) };
        let mut bits = Bits::none(length);
        only.iter().for_each(|place| bits.insert(*place));
        bits
    }
}

type Candidates = BTreeMap<Option<ResourceId>, Vec<Candidate>>;

/// A place, and an action that is no pattern.
type Alike = (Option<ResourceId>, Option<String>);

/// Two states, of which the second may have more.
pub(crate) struct Comparison<'c, 'v, 's> {
    pub(crate) before: &'c AccessState<'v, 's>,
    pub(crate) after: &'c AccessState<'v, 's>,
    /// The state whose tree of resources holds all that either holds.
    pub(crate) tree: &'c AccessState<'v, 's>,
    /// By the flattened roles' addresses: limits make different ones of one role. The states keep them alive.
    beyond: RefCell<DifferenceCache>,
    /// How often accesses of one subject may still be compared with one another.
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

    /// What a subject reaches after and not before, if it is not more than `most` accesses.
    pub(crate) fn reaches_more(&self, subject: &Subject, most: usize) -> AccessDiff {
        // Who holds everything for good has nothing more after; the ways to it are not walked.
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

    /// What a subject holds itself after and not before, in the same way.
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

    /// What of some candidates nothing that was given covers, reduced.
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
        // What is in force anyway needs no activation.
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

    /// What was found, unless there was too much to compare.
    fn whole(&self, found: AccessDiff) -> AccessDiff {
        if self.compares.get() == 0 {
            return AccessDiff { cut: true, looked: found.looked, ..AccessDiff::default() };
        }
        found
    }

    /// What may be more: what those give whose own holdings, or whose part in the subject's reach, differ.
    fn candidates(&self, subject: &Subject) -> Candidates {
        let (before, after) = (self.before.incremental_closure(subject), self.after.incremental_closure(subject));
        let mut found = Candidates::new();
        let below =
            |a: &AccessState<'v, 's>, b: &AccessState<'v, 's>| a.below.is_some_and(|below| std::ptr::eq(below, b));
        let concerned = if below(self.after, self.before) {
            self.after.affected_in(&after)
        } else if below(self.before, self.after) {
            // Who is reached for longer before is no less reached after.
            self.before.touched.as_ref().filter(|_| before.by.is_some()).map(|touched| touched.own_in(&after.row))
        } else {
            // Two layers over one snapshot.
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

    /// Collects what acting as `actor` may give more.
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

    /// Which allows of a candidate are left without those that whole roles cover, and whether that is exact: where a deny
    /// or something left out plays a part, what covers what is told access by access.
    ///
    /// WHY: an allow may go as soon as anything held before covers it, or another candidate that it does not cover in
    /// turn: whatever keeps that other one out, keeps it out as well.
    fn left(
        &self,
        candidate: &Candidate,
        source: &Provenance,
        when: When,
        before: &Grants,
        candidates: &Candidates,
        above: &[Option<ResourceId>],
    ) -> (Bits, bool) {
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
                    left.remove(&mine.flat.covered_by(systems, &gift.flat).by_any);
                }
            }
            for gift in candidates.get(scope).into_iter().flatten().map(|c| &c.gift) {
                exact &= plain(gift);
                if !gift.denies.is_empty() {
                    continue;
                }
                let lasts = |s: &&Provenance| ends_within(until, s.end.until()) && no_wider(s, source);
                let by = |s: Option<&Provenance>| s.filter(lasts).map(|s| s.end);
                // What is in force anyway needs no activation.
                let in_force = when == When::Ever && by(gift.now.as_ref()).is_some();
                let end = if when == When::Now { by(gift.now.as_ref()) } else { by(gift.eligible()) };
                if !in_force && end.is_none() {
                    continue;
                }
                let covered = mine.flat.covered_by(systems, &gift.flat);
                let longer = end.is_some_and(|end| end > source.end);
                left.remove(if in_force || wider || longer { &covered.by_any } else { &covered.strictly });
            }
            if left.is_empty() {
                return (left, exact);
            }
        }
        (left, exact)
    }

    fn emit(&self, gift: &Grant, source: &Provenance, left: &Bits, into: &mut Vec<HeldAccess>) {
        if left.is_empty() {
            return;
        }
        let leg = source.leg();
        let allows = left.iter().filter_map(|at| gift.flat.allows.get(at));
        into.extend(
            allows.filter_map(|allow| self.after.held(&gift.denies, gift.scope.as_ref(), &gift.role, allow, &leg)),
        );
    }

    /// The maximal ones of accesses that no other covers strictly: of those that cover each other one stays.
    fn first_of_equals(&self, found: Vec<HeldAccess>) -> Vec<HeldAccess> {
        // WHY: two patterns that match the same texts differ only in how often they repeat a `*`.
        let repeats =
            |held: &HeldAccess| [&held.access.action, &held.access.resource].iter().any(|p| p.raw().contains("**"));
        let systems = self.after.systems;
        let is_text = systems.is_single() && matches!(systems.dialect(None), Dialect::Text);
        if is_text && !found.iter().any(repeats) {
            return found;
        }
        self.maximal(found)
    }

    /// Those that no other covers; of those that cover each other the first in canonical bytes.
    fn maximal(&self, mut found: Vec<HeldAccess>) -> Vec<HeldAccess> {
        let (tree, systems) = (self.tree, self.after.systems);
        if found.len() < 2 {
            return found;
        }
        // By place and action: only an access at the same place or above it, and of the same action or of a pattern, can
        // cover.
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

/// Whether something is given under no other condition than another.
fn no_wider(source: &Provenance, than: &Provenance) -> bool {
    source.condition.is_none() || source.condition == than.condition
}

/// The canonical bytes of an access, which order those that cover each other.
fn canonical(access: &Access) -> Vec<u8> {
    crate::input::canonical::to_bytes(access).unwrap_or_default()
}
