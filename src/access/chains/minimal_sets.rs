//! Emergent access: what the whole plan gives and no single change gives, and which changes are responsible.
//!
//! Computes the responsible sets of each emergent piece from the effects of the whole plan and of each change, and from
//! a function that applies any subset to the snapshot. A responsible set is closed under dependencies, yields the
//! piece, and no longer yields it when any member is dropped. Source of the enumeration: R. Reiter, "A theory of
//! diagnosis from first principles" (1987), the hitting-set tree.
//!
//! Limits: 8 sets of at most 8 members, 2,000 subsets per plan, and a work budget. Beyond a limit the piece is still
//! reported, with every change as a member that is not proven to be outside.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use crate::access::chains::candidates::{Candidates, digest};
use crate::access::effective::grant::When;
use crate::access::effective::state::AccessState;
use crate::access::effects::budget::Budget;
use crate::access::escalation::catalog::Relation;
use crate::access::escalation::opening::Opening;
use crate::access::escalation::requirement::{MAX_BINDINGS, key};
use crate::access::model::facts::{Emergent, EmergentWhat, SodConflict};
use crate::access::risk::rule_files::Data;
use crate::access::risk::sod::{conflicts, held_conflicts};
use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, Subject};
use crate::input::text::Text;

/// The maximum number of sets per piece.
const MAX_SETS: usize = 8;
/// The maximum number of members of a set.
const MAX_MEMBERS: usize = 8;
/// The maximum number of subsets applied to the snapshot per plan.
const MAX_SUBSETS: usize = 2_000;
/// The maximum number of queries per plan. A subset may be queried for many pieces.
const MAX_QUESTIONS: usize = 40_000;

/// Cache limit in computed entries. When it is exceeded, the states of the subsets are dropped.
const MAX_KEPT: u64 = 500_000;
/// The budget that applying a subset costs for each of its steps and each subject they affect.
const LAYING: usize = 4;
/// Cost factor of evaluating active trusts, relative to a single effect: each subset evaluates them again.
const LIVES: u64 = 4;

/// The search with its inputs and limits.
pub(crate) struct Search<'q, 'v, 's> {
    pub(crate) data: &'q Data,
    pub(crate) budget: Budget,
    pub(crate) whole_view: &'q AccessState<'v, 's>,
    /// Whether the plan is monotone: a subset gives at least what a smaller subset gives.
    pub(crate) only_gives: bool,
    /// The change ids of the steps, in the order of the plan.
    pub(crate) ids: Vec<ChangeId>,
    /// The transitive dependencies of each step.
    pub(crate) depends_on: Vec<BTreeSet<usize>>,
    /// The indices of the steps, ordered by digest.
    pub(crate) order: Vec<usize>,
    /// The subjects that each step may affect in any combination; `None`: everyone.
    pub(crate) concerns: Vec<Option<Rc<BTreeSet<Subject>>>>,
    /// For each step, whether it gives any access by itself.
    pub(crate) gives: Vec<bool>,
    /// For each step, whether it alters objects that escalation paths bind.
    pub(crate) alters_objects: Vec<bool>,
    /// Applies a subset to the snapshot.
    pub(crate) lay: &'q dyn Fn(&BTreeSet<usize>) -> AccessState<'v, 's>,
    pub(crate) laid: BTreeMap<BTreeSet<usize>, AccessState<'v, 's>>,
    /// The number of subsets applied so far, and the work done for them: for the cached states, and in total.
    pub(crate) subsets: usize,
    pub(crate) kept: u64,
    pub(crate) made: u64,
    pub(crate) questions: usize,
    /// By subset, subject and path: the keys of the pieces that the subject newly completes.
    pub(crate) told: BTreeMap<(BTreeSet<usize>, Subject, Text), BTreeSet<PieceKey>>,
}

/// Identifies a piece: two pieces with this key are the same.
type PieceKey = (Digest<of::Piece>, bool, bool);

/// The total number of entries computed and inspected for a state.
fn looked_at(view: &AccessState<'_, '_>) -> u64 {
    view.work_done().saturating_add(view.trust_work().saturating_mul(LIVES))
}

/// Whether the changes of a state create nothing that the state below lacks.
fn makes_nothing(view: &AccessState<'_, '_>) -> bool {
    view.below.is_some_and(|below| !view.delta.makes_more_than(&below.delta, view.index))
}

/// A responsible set, or the reason why there is none.
enum SearchResult {
    Set(BTreeSet<usize>),
    TooLarge,
    Capped,
}

impl Search<'_, '_, '_> {
    /// All candidates with their responsible sets, sorted by digest.
    pub(crate) fn all(&mut self, mut candidates: Candidates) -> Vec<Emergent> {
        let mut found: Vec<Emergent> = Vec::new();
        let mut members = 0_usize;
        for (what, eligible) in candidates.gravest_first() {
            if members >= self.budget.members {
                candidates.stand_in(what, eligible);
                continue;
            }
            let piece = self.responsible(what, eligible);
            members = members.saturating_add(piece.members.len());
            found.push(piece);
        }
        // For the aggregated remainder no minimal set was computed, so every change is listed as possibly responsible.
        found.extend(candidates.rest().map(|rest| Emergent {
            digest: rest.digest,
            eligible: rest.eligible,
            sets: Vec::new(),
            members: self.ids.iter().cloned().collect(),
            complete: false,
            with: BTreeSet::new(),
            drop: BTreeSet::new(),
            others: rest.others,
            what: rest.what,
        }));
        found.sort_by_key(|e| e.digest);
        found
    }

    /// Finds the responsible sets of a piece.
    fn responsible(&mut self, what: EmergentWhat, eligible: bool) -> Emergent {
        let universe = self.universe(&what);
        let (sets, complete) = self.enumerate(&what, eligible, &universe);
        let name = |at: &usize| self.ids.get(*at).cloned();
        let members: BTreeSet<usize> =
            if complete { sets.iter().flatten().copied().collect() } else { universe.clone() };
        let mut named: Vec<BTreeSet<ChangeId>> = sets.iter().map(|set| set.iter().filter_map(name).collect()).collect();
        named.sort();
        Emergent {
            digest: digest(&what, eligible),
            eligible,
            sets: named,
            members: members.iter().filter_map(name).collect(),
            complete,
            with: BTreeSet::new(),
            drop: BTreeSet::new(),
            others: 0,
            what,
        }
    }

    /// The steps that may contribute to a piece. All others are proven not to.
    fn universe(&self, what: &EmergentWhat) -> BTreeSet<usize> {
        let (subject, objects) = match what {
            EmergentWhat::Access(piece) | EmergentWhat::Loss(piece) => (&piece.subject, false),
            EmergentWhat::Escalation(escalation) => (&escalation.subject, true),
            EmergentWhat::Sod(conflict) => (&conflict.subject, false),
        };
        let mut universe = BTreeSet::new();
        for (at, concerns) in self.concerns.iter().enumerate() {
            let binds = objects && self.alters_objects.get(at).copied().unwrap_or(true);
            if binds || concerns.as_ref().is_none_or(|concerns| concerns.contains(subject)) {
                universe.insert(at);
                universe.extend(self.depends_on.get(at).into_iter().flatten().copied());
            }
        }
        universe
    }

    fn enumerate(
        &mut self,
        what: &EmergentWhat,
        eligible: bool,
        universe: &BTreeSet<usize>,
    ) -> (Vec<BTreeSet<usize>>, bool) {
        let mut sets: Vec<BTreeSet<usize>> = Vec::new();
        let mut complete = true;
        let mut seen: BTreeSet<BTreeSet<usize>> = BTreeSet::from([BTreeSet::new()]);
        let mut queue: VecDeque<BTreeSet<usize>> = VecDeque::from([BTreeSet::new()]);
        while let Some(without) = queue.pop_front() {
            // A known set that is disjoint from the excluded steps is the answer for this node too.
            let known = sets.iter().find(|set| set.is_disjoint(&without)).cloned();
            let set = if let Some(known) = known {
                known
            } else {
                let rest = self.drop_all(universe, &without);
                match self.yields(what, eligible, &rest) {
                    Some(true) => {}
                    Some(false) => continue,
                    None => return (sets, false),
                }
                if sets.len() >= MAX_SETS {
                    return (sets, false);
                }
                match self.shrink(what, eligible, rest) {
                    SearchResult::Set(set) => {
                        sets.push(set.clone());
                        set
                    }
                    SearchResult::TooLarge => {
                        complete = false;
                        continue;
                    }
                    SearchResult::Capped => return (sets, false),
                }
            };
            for member in &set {
                let mut next = without.clone();
                next.insert(*member);
                if seen.insert(next.clone()) {
                    queue.push_back(next);
                }
            }
        }
        // The whole plan yields the piece. If no subset was found that does, nothing was proven.
        let found = !sets.is_empty();
        (sets, complete && found)
    }

    /// The subset without some steps and without all their dependents.
    fn drop_all(&self, from: &BTreeSet<usize>, without: &BTreeSet<usize>) -> BTreeSet<usize> {
        let depends = |at: &usize| self.depends_on.get(*at).is_some_and(|d| !d.is_disjoint(without));
        from.iter().filter(|at| !without.contains(at) && !depends(at)).copied().collect()
    }

    /// Whether the piece is monotone: once present, it remains when more access is granted. A path is not monotone if it
    /// requires an object that no subject can act as, or if it was searched only partially.
    fn grows(&self, what: &EmergentWhat) -> bool {
        let EmergentWhat::Escalation(e) = what else { return true };
        let not = |relation: Option<Relation>| matches!(relation, Some(Relation::Other | Relation::GroupNotOfActor));
        let mut paths = self.data.escalations.iter().filter(|path| path.id == e.id);
        usize::try_from(e.count).is_ok_and(|count| count < MAX_BINDINGS)
            && !paths.any(|path| path.exists.iter().any(|exists| not(exists.relation) || exists.gives_more))
    }

    /// Shrinks a subset that yields a piece until every member is needed.
    fn shrink(&mut self, what: &EmergentWhat, eligible: bool, mut set: BTreeSet<usize>) -> SearchResult {
        if self.only_gives && self.grows(what) {
            return self.shrink_at_once(what, eligible, set);
        }
        loop {
            let mut smaller = false;
            for at in self.order.clone() {
                if !set.contains(&at) {
                    continue;
                }
                let less = self.drop_all(&set, &BTreeSet::from([at]));
                match self.yields(what, eligible, &less) {
                    Some(true) => {
                        set = less;
                        smaller = true;
                    }
                    Some(false) => {}
                    None => return SearchResult::Capped,
                }
            }
            if !smaller {
                return if set.len() > MAX_MEMBERS { SearchResult::TooLarge } else { SearchResult::Set(set) };
            }
        }
    }

    /// Like `shrink`, for plans in which fewer steps never give more. Drops many unneeded members at once, keeps a
    /// member once it proved necessary, and stops querying when too many are necessary.
    fn shrink_at_once(&mut self, what: &EmergentWhat, eligible: bool, mut set: BTreeSet<usize>) -> SearchResult {
        let order: Vec<usize> = self.order.iter().copied().filter(|at| set.contains(at)).collect();
        let mut rest = order.as_slice();
        let (mut needed, mut most) = (0_usize, 1_usize);
        while let Some((first, others)) = rest.split_first() {
            if !set.contains(first) {
                rest = others;
                continue;
            }
            let (some, beyond) = rest.split_at(most.min(rest.len()));
            let less = self.drop_all(&set, &some.iter().copied().collect());
            match self.yields(what, eligible, &less) {
                None => return SearchResult::Capped,
                Some(true) => {
                    set = less;
                    rest = beyond;
                    most = most.saturating_mul(2);
                }
                Some(false) if some.len() > 1 => most = some.len() / 2,
                Some(false) => {
                    needed += 1;
                    if needed > MAX_MEMBERS {
                        return SearchResult::TooLarge;
                    }
                    rest = others;
                    most = 1;
                }
            }
        }
        SearchResult::Set(set)
    }

    /// Charges the work budget.
    fn charge(&mut self, looked: u64) {
        self.kept = self.kept.saturating_add(looked);
        self.made = self.made.saturating_add(looked);
    }

    /// Whether a subset yields a piece; `None` once a limit is reached.
    fn yields(&mut self, what: &EmergentWhat, eligible: bool, set: &BTreeSet<usize>) -> Option<bool> {
        if set.is_empty() {
            return Some(false);
        }
        self.questions += 1;
        if self.questions > MAX_QUESTIONS {
            return None;
        }
        if self.made > self.budget.search {
            return None;
        }
        if self.kept > MAX_KEPT {
            self.laid.clear();
            self.kept = 0;
        }
        // Work done while the subset is applied counts too.
        let mut before = 0;
        if let Some(known) = self.laid.get(set) {
            before = looked_at(known);
        } else {
            if self.subsets >= MAX_SUBSETS {
                return None;
            }
            self.subsets += 1;
            let view = (self.lay)(set);
            let concerned = view.touched.as_ref().map_or(0, |touched| touched.reach.len());
            self.charge(u64::try_from(set.len().saturating_add(concerned).saturating_mul(LAYING)).unwrap_or(u64::MAX));
            self.laid.insert(set.clone(), view);
        }
        let view = self.laid.get(set)?;
        let yields = match what {
            EmergentWhat::Access(piece) | EmergentWhat::Loss(piece) => {
                let when = if eligible { When::Ever } else { When::Now };
                // Access that is reachable in the other state counts only if it is held.
                let has = if piece.elsewhere.is_some() {
                    view.holds_access(self.whole_view, &piece.subject, &piece.access, when)
                } else {
                    view.has(self.whole_view, &piece.subject, &piece.access, when)
                };
                has != matches!(what, EmergentWhat::Loss(_))
            }
            // What only takes access opens no path, as for a single change.
            EmergentWhat::Escalation(_)
                if !set.iter().any(|at| self.gives.get(*at).copied().unwrap_or(true)) && makes_nothing(view) =>
            {
                false
            }
            EmergentWhat::Escalation(e) => {
                let asked = (set.clone(), e.subject.clone(), e.id.clone());
                let told = self.told.entry(asked).or_insert_with(|| {
                    let plain = view.below.unwrap_or(view);
                    let paths: Vec<_> = self.data.escalations.iter().filter(|path| path.id == e.id).collect();
                    let opened = Opening::new(plain, view, &e.subject, None).of(&paths).opened;
                    opened.iter().map(key).collect()
                });
                told.contains(&key(e))
            }
            EmergentWhat::Sod(c) => {
                let is_it = |found: &SodConflict| found.digest == c.digest;
                let plain = view.below.unwrap_or(view);
                let by_held = || held_conflicts(view, &self.data.sod, &c.subject).iter().any(is_it);
                conflicts(view, &self.data.sod, &c.subject).iter().any(is_it)
                    && (by_held() || !conflicts(plain, &self.data.sod, &c.subject).iter().any(is_it))
            }
        };
        let is_untold = view.has_trusts_undecided();
        let more = looked_at(view).saturating_sub(before);
        self.charge(more);
        (!is_untold).then_some(yields)
    }
}
