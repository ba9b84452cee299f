//! Emergent access: what the whole plan gives and no single change does, and which changes are responsible.
//!
//! In: the outcomes of the whole and of each change, and a way to lay any subset over the snapshot. Out: each emergent
//! piece with its responsible sets: dependency-closed, each yields the piece and loses it when any one member is dropped.
//! Source of the enumeration: R. Reiter, "A theory of diagnosis from first principles" (1987), the hitting-set tree.
//!
//! Caps: 8 sets of at most 8 members, 2,000 subsets laid out a plan. Past a cap the fact stays; every change not shown to
//! be outside counts as a member.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::access::completion::{Completions, completed, fresh, key};
use crate::access::coverage::covers;
use crate::access::data::Data;
use crate::access::effects::{Outcome, is_everything};
use crate::access::facts::{Access, Emergent, EmergentWhat, Piece};
use crate::access::given::When;
use crate::access::sod::conflicts;
use crate::access::view::View;
use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, Subject};

/// Sets kept for a piece.
const MAX_SETS: usize = 8;
/// Members of a set.
const MAX_MEMBERS: usize = 8;
/// Subsets laid over the snapshot, a plan.
const MAX_SUBSETS: usize = 2_000;
/// Questions put to subsets, a plan: many pieces may ask the same subset.
const MAX_QUESTIONS: usize = 40_000;

/// What is worked out of all subsets, a plan: see [`View::worked_out`].
const MAX_MADE: u64 = 40_000_000;
/// The same, of those at hand; beyond, they are let go of.
const MAX_KEPT: u64 = 2_000_000;

/// What the search goes by.
pub(super) struct Search<'q, 'v, 's> {
    pub(super) data: &'q Data,
    pub(super) whole_view: &'q View<'v, 's>,
    /// The names of the steps, in the order of the plan.
    pub(super) ids: Vec<ChangeId>,
    /// What each step depends on, transitively.
    pub(super) depends_on: Vec<BTreeSet<usize>>,
    /// The steps in order of their digests.
    pub(super) order: Vec<usize>,
    /// Whom each step may concern in any company.
    pub(super) concerns: Vec<BTreeSet<Subject>>,
    /// Which steps alter the objects that escalation paths bind.
    pub(super) alters_objects: Vec<bool>,
    /// Lays a subset over the snapshot.
    pub(super) lay: &'q dyn Fn(&BTreeSet<usize>) -> View<'v, 's>,
    pub(super) laid: BTreeMap<BTreeSet<usize>, View<'v, 's>>,
    /// How many subsets were ever laid out, and how much was worked out of them; of those at hand and ever.
    pub(super) subsets: usize,
    pub(super) kept: u64,
    pub(super) made: u64,
    pub(super) questions: usize,
    /// What each subject completes before the plan.
    pub(super) before: BTreeMap<Subject, Completions<'q>>,
    /// The keys of what a subject newly completes by a subset.
    pub(super) told: BTreeMap<(BTreeSet<usize>, Subject), BTreeSet<Key>>,
}

/// What makes two completions the same.
type Key = (Digest<of::Piece>, bool, bool);

/// What the whole plan gives and no change alone gives.
#[derive(Default)]
pub(super) struct Candidates {
    /// One by one.
    pub(super) found: Vec<(EmergentWhat, bool)>,
    /// One of those that are not told one by one.
    pub(super) rest: Option<(EmergentWhat, bool)>,
}

impl Candidates {
    /// Leaves out those of which something is true. What stands for others stays, whatever is true of itself.
    pub(super) fn leave_out(&mut self, known: &dyn Fn(&EmergentWhat, bool) -> bool) {
        self.found.retain(|(what, eligible)| !known(what, *eligible));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.rest.is_none()
    }

    /// Takes the first `most` of what is not covered, and one for all that stands for more than itself or lies beyond: a
    /// privileged one, if there is any.
    fn accesses(&mut self, list: &[Piece], eligible: bool, covered: &dyn Fn(&Piece, bool) -> bool, most: usize) {
        let mut told = 0_usize;
        for piece in list {
            let is_full = told >= most;
            if is_full {
                match &self.rest {
                    Some((rest, _)) if is_privileged(rest) => return,
                    Some(_) if piece.privileged.is_none() => continue,
                    Some(_) | None => {}
                }
            }
            if covered(piece, eligible) {
                continue;
            }
            let what = EmergentWhat::Access(piece.clone());
            if is_full || is_everything(piece) {
                self.stand_in(what, eligible);
            } else {
                told += 1;
                self.found.push((what, eligible));
            }
        }
    }

    /// Takes the first `most` of a list, and one for all beyond.
    fn take(&mut self, list: impl Iterator<Item = EmergentWhat>, most: usize) {
        for (at, what) in list.enumerate() {
            if at >= most {
                self.stand_in(what, false);
                return;
            }
            self.found.push((what, false));
        }
    }

    /// Lets one stand for those that are not told, unless one does that is privileged or this is not.
    fn stand_in(&mut self, what: EmergentWhat, eligible: bool) {
        if self.rest.as_ref().is_none_or(|(rest, _)| !is_privileged(rest) && is_privileged(&what)) {
            self.rest = Some((what, eligible));
        }
    }
}

/// Whether it makes the changes privileged that are responsible for it.
fn is_privileged(what: &EmergentWhat) -> bool {
    match what {
        EmergentWhat::Access(piece) => piece.privileged.is_some(),
        EmergentWhat::Escalation(_) => true,
        EmergentWhat::Sod(_) => false,
    }
}

/// What the whole plan gives and no change alone gives, up to `most` of each kind.
pub(super) fn candidates(whole: &Outcome, alone: &[&Outcome], view: &View<'_, '_>, most: usize) -> Candidates {
    let mut by_subject: BTreeMap<&Subject, Vec<(&Access, bool)>> = BTreeMap::new();
    let mut exact: BTreeSet<Digest<of::Piece>> = BTreeSet::new();
    for outcome in alone {
        for piece in &outcome.effects.gained {
            by_subject.entry(&piece.subject).or_default().push((&piece.access, true));
            exact.insert(piece.digest);
        }
        for piece in &outcome.effects.gained_eligible {
            by_subject.entry(&piece.subject).or_default().push((&piece.access, false));
        }
    }
    let covered = |piece: &Piece, eligible: bool| {
        exact.contains(&piece.digest)
            || by_subject.get(&piece.subject).is_some_and(|gains| {
                gains
                    .iter()
                    .any(|(access, now)| (*now || eligible) && covers(view.dialect, view, access, &piece.access))
            })
    };
    let mut all = Candidates::default();
    all.accesses(&whole.effects.gained, false, &covered, most);
    all.accesses(&whole.effects.gained_eligible, true, &covered, most);
    let escalations: BTreeSet<_> = alone.iter().flat_map(|o| &o.escalations).map(key).collect();
    let completed = whole.escalations.iter().filter(|e| !escalations.contains(&key(e)));
    all.take(completed.map(|escalation| EmergentWhat::Escalation(escalation.clone())), most);
    let conflicting: BTreeSet<_> = alone.iter().flat_map(|o| &o.sod).map(|c| c.digest).collect();
    let conflicts = whole.sod.iter().filter(|c| !conflicting.contains(&c.digest));
    all.take(conflicts.map(|conflict| EmergentWhat::Sod(conflict.clone())), most);
    all
}

/// The hash that a decision records: of the piece, and of its being eligible only or merely possible.
pub(super) fn digest(what: &EmergentWhat, eligible: bool) -> Digest<of::Piece> {
    let (plain, weaker) = match what {
        EmergentWhat::Access(piece) => (piece.digest, eligible),
        EmergentWhat::Escalation(escalation) => (escalation.digest, !escalation.complete || escalation.conditional),
        EmergentWhat::Sod(conflict) => (conflict.digest, false),
    };
    if weaker { Digest::of(format!("weaker {plain}").as_bytes()) } else { plain }
}

/// A responsible set, or why there is none.
enum Found {
    Set(BTreeSet<usize>),
    TooLarge,
    Capped,
}

impl Search<'_, '_, '_> {
    /// All candidates with their responsible sets, sorted by digest.
    pub(super) fn all(&mut self, candidates: Candidates) -> Vec<Emergent> {
        let found = candidates.found.into_iter().map(|(what, eligible)| self.responsible(what, eligible));
        let mut found: Vec<Emergent> = found.collect();
        // Of what is not told nothing was shown: every change may have to do with it.
        found.extend(candidates.rest.map(|(what, eligible)| Emergent {
            digest: digest(&what, eligible),
            eligible,
            sets: Vec::new(),
            members: self.ids.iter().cloned().collect(),
            complete: false,
            with: BTreeSet::new(),
            drop: BTreeSet::new(),
            what,
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
            what,
        }
    }

    /// The steps that may have to do with a piece; all others are shown to be outside.
    fn universe(&self, what: &EmergentWhat) -> BTreeSet<usize> {
        let (subject, objects) = match what {
            EmergentWhat::Access(piece) => (&piece.subject, false),
            EmergentWhat::Escalation(escalation) => (&escalation.subject, true),
            EmergentWhat::Sod(conflict) => (&conflict.subject, false),
        };
        let mut universe = BTreeSet::new();
        for (at, concerns) in self.concerns.iter().enumerate() {
            let binds = objects && self.alters_objects.get(at).copied().unwrap_or(true);
            if binds || concerns.contains(subject) {
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
            // A set that avoids what is left out here answers for this node as well.
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
                    Found::Set(set) => {
                        sets.push(set.clone());
                        set
                    }
                    Found::TooLarge => {
                        complete = false;
                        continue;
                    }
                    Found::Capped => return (sets, false),
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
        // The whole plan yields the piece; if no subset was found to, nothing was shown.
        let found = !sets.is_empty();
        (sets, complete && found)
    }

    /// A subset without some steps and all that depend on them.
    fn drop_all(&self, from: &BTreeSet<usize>, without: &BTreeSet<usize>) -> BTreeSet<usize> {
        let depends = |at: &usize| self.depends_on.get(*at).is_some_and(|d| !d.is_disjoint(without));
        from.iter().filter(|at| !without.contains(at) && !depends(at)).copied().collect()
    }

    /// Shrinks a subset that yields a piece until each member is needed.
    fn shrink(&mut self, what: &EmergentWhat, eligible: bool, mut set: BTreeSet<usize>) -> Found {
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
                    None => return Found::Capped,
                }
            }
            if !smaller {
                return if set.len() > MAX_MEMBERS { Found::TooLarge } else { Found::Set(set) };
            }
        }
    }

    /// Whether a subset yields a piece; nothing once a cap is reached.
    fn yields(&mut self, what: &EmergentWhat, eligible: bool, set: &BTreeSet<usize>) -> Option<bool> {
        if set.is_empty() {
            return Some(false);
        }
        self.questions += 1;
        if self.questions > MAX_QUESTIONS {
            return None;
        }
        if self.made > MAX_MADE {
            return None;
        }
        if self.kept > MAX_KEPT {
            self.laid.clear();
            self.kept = 0;
        }
        if !self.laid.contains_key(set) {
            if self.subsets >= MAX_SUBSETS {
                return None;
            }
            self.subsets += 1;
            self.laid.insert(set.clone(), (self.lay)(set));
        }
        let view = self.laid.get(set)?;
        let made = view.worked_out();
        let yields = match what {
            EmergentWhat::Access(piece) => {
                let when = if eligible { When::Ever } else { When::Now };
                view.has(self.whole_view, &piece.subject, &piece.access, when)
            }
            EmergentWhat::Escalation(e) => {
                let asked = (set.clone(), e.subject.clone());
                let told = self.told.entry(asked).or_insert_with(|| {
                    let paths = &self.data.escalations;
                    let plain = view.below.unwrap_or(view);
                    let before =
                        self.before.entry(e.subject.clone()).or_insert_with(|| completed(plain, paths, &e.subject));
                    fresh(view, &e.subject, &completed(view, paths, &e.subject), before).iter().map(key).collect()
                });
                told.contains(&key(e))
            }
            EmergentWhat::Sod(c) => {
                conflicts(view, &self.data.sod, &c.subject).iter().any(|found| found.digest == c.digest)
            }
        };
        let more = view.worked_out().saturating_sub(made);
        self.kept = self.kept.saturating_add(more);
        self.made = self.made.saturating_add(more);
        Some(yields)
    }
}
