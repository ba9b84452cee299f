//! Cross-plan effects: access that this plan gives only together with approved changes of other plans that the snapshot
//! does not show yet.
//!
//! Computes, from the request with those pending changes and the effects of this plan's changes, the pieces that need a
//! change of this plan and a change of another, with the changes of both. Pending removals may be applied or not, so the
//! search runs for both cases and reports what either finds: a removal hides nothing, and what it opens is found (it may
//! lift a deny, or make an identity that a subject could act as another's). Access that other plans give on their own is
//! not reported: it was already decided.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::access::chains::candidates::{candidates, digest};
use crate::access::chains::interaction::meeting;
use crate::access::chains::relevance::{alters_objects, between};
use crate::access::chains::search::search;
use crate::access::chains::what_if::{lay, lay_for_few};
use crate::access::change::apply::{overlay, seeds};
use crate::access::change::pending::{PendingChange, is_other, parts, removes, rename, takes};
use crate::access::change::references::{Name, outline};
use crate::access::change::resolve::{ResolvedChange, attempt};
use crate::access::effective::state::AccessState;
use crate::access::effects::compute::{ChangeEffect, EffectContext};
use crate::access::effects::request::AnalysisRequest;
use crate::access::graph::index::{Index, NameKind};
use crate::access::model::facts::Emergent;
use crate::input::finding::{Code, Finding};
use crate::input::id::ChangeId;
use crate::plan::model::{Action, Change, Plan};

/// The maximum number of pending changes analysed together with this plan, out of those that may interact with it.
const MOST: usize = 256;

/// The maximum number of pending changes that are tested for interaction.
const ASKED: usize = 4_096;

/// The changes of this plan, followed by the pending changes of other plans that may interact with them.
struct CrossPlanChanges {
    plan: Plan,
    /// The number of changes that belong to this plan.
    mine: usize,
    removals: PendingRemovals,
    /// Pending changes that create a resource which another pending change creates under a different parent.
    elsewhere: Vec<Change>,
}

/// What is assumed of pending removals.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PendingRemovals {
    /// They are not applied, except where they lift a deny.
    Open,
    /// They are applied.
    Done,
}

/// Appends the pending changes to those of the plan. An object that already exists is not created again.
fn gather(q: &AnalysisRequest<'_, '_>, removals: PendingRemovals, left_out: &mut usize) -> CrossPlanChanges {
    let mut plan = q.plan.clone();
    if let Some(only) = q.only {
        plan.changes.retain(|c| only.contains(&c.id.value));
    }
    let mine = plan.changes.len();
    let mut elsewhere = Vec::new();
    let mut names: BTreeSet<ChangeId> = plan.changes.iter().map(|c| c.id.value.clone()).collect();
    let mut made: BTreeSet<Name> = plan.changes.iter().filter_map(|c| outline(c).makes).collect();
    let mut approved: Vec<&PendingChange> = q.approved.iter().filter(|a| !a.is_of(q.plan)).collect();
    approved.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.plan.cmp(&b.plan)));
    for one in approved {
        let mut held = match removals {
            PendingRemovals::Open => one.held(q.index, q.now),
            PendingRemovals::Done => one.done(q.index, q.now),
        };
        if let [Change { action: Action::CreateRole(d), .. }] = held.as_slice()
            && made.contains(&(NameKind::Role, d.role.value.text()))
        {
            let parts = parts(d, q.index);
            held = held
                .iter()
                .flat_map(|c| parts.iter().map(|action| Change { action: action.clone(), ..c.clone() }))
                .collect();
        }
        let Some(id) = held.first().map(|c| c.id.value.clone()) else { continue };
        // An earlier version of a change gets its own name, so that sets of changes can tell the versions apart.
        let mut unique = id.clone();
        for version in 2_u32.. {
            if names.insert(unique.clone()) {
                break;
            }
            unique = ChangeId::new(format!("{} (an earlier version, {version})", id.as_str()));
        }
        for mut change in held {
            change.id.value = unique.clone();
            if let Some(name) = outline(&change).makes
                && (!made.insert(name) || is_other(&change, q.index))
                && !rename(&mut change, &unique, &mut made)
            {
                let of_mine = |c: &&Change| c.action == change.action;
                if matches!(change.action, Action::CreateResource(..)) && !plan.changes.iter().any(|c| of_mine(&c)) {
                    elsewhere.push(change);
                }
                continue;
            }
            if plan.changes.len().saturating_sub(mine) >= ASKED {
                *left_out += 1;
            } else {
                plan.changes.push(change);
            }
        }
    }
    CrossPlanChanges { plan, mine, removals, elsewhere }
}

impl CrossPlanChanges {
    /// Removes changes that cannot be applied to the snapshot. Those that the snapshot already shows are dropped; the
    /// others are returned.
    fn settle(&mut self, index: &Index<'_>) -> Vec<Change> {
        let mut refused = Vec::new();
        while let Err(why) = attempt(&self.plan, index, None, self.mine) {
            let others = |places: BTreeSet<usize>| -> BTreeSet<usize> {
                places.into_iter().filter(|at| *at >= self.mine).collect()
            };
            let (shown, faulty) = (others(why.shown), others(why.faulty));
            // INVARIANT: each iteration removes at least one change. If a fault belongs to no single change, all are
            // removed.
            let (out, silent) = match (shown.is_empty(), faulty.is_empty()) {
                (false, _) => (shown, true),
                (true, false) => (faulty, false),
                (true, true) => ((self.mine..self.plan.changes.len()).collect(), false),
            };
            if out.is_empty() {
                break;
            }
            let mut kept = Vec::with_capacity(self.plan.changes.len());
            for (at, change) in std::mem::take(&mut self.plan.changes).into_iter().enumerate() {
                if !out.contains(&at) {
                    kept.push(change);
                } else if !silent {
                    refused.push(change);
                }
            }
            self.plan.changes = kept;
        }
        refused
    }

    /// Keeps the pending changes that may interact with the plan, latest first, with all their dependencies. Returns
    /// how many were over the limit, and which of the refused changes might interact with the plan as well.
    fn narrow(
        &mut self,
        q: &AnalysisRequest<'_, '_>,
        plain: &AccessState<'_, '_>,
        refused: &[Change],
    ) -> (usize, Vec<ChangeId>) {
        let Ok(steps) = attempt(&self.plan, q.index, None, self.mine) else { return (0, Vec::new()) };
        let view = AccessState::over(plain, overlay(plain.index, q.plan.expires.value, &steps));
        let concerned = |step: &ResolvedChange<'_>| view.predecessors(&seeds(step, plain, &view));
        let mut ours = BTreeSet::new();
        for step in steps.iter().take(self.mine) {
            ours.extend(concerned(step));
        }
        let between = between(q);
        let binds = steps.iter().take(self.mine).any(|step| alters_objects(step, between));
        let meets = |step: &ResolvedChange<'_>| !concerned(step).is_disjoint(&ours);
        let (mut near, mut far) = (Vec::new(), Vec::new());
        for (at, step) in steps.iter().enumerate().skip(self.mine) {
            if step.depends_on.iter().any(|on| *on < self.mine) || meets(step) {
                near.push(at);
            } else if binds || alters_objects(step, between) {
                far.push(at);
            }
        }
        near.append(&mut far);
        // WHY: if everyone can be added to every role, all changes seem to interact, and finding out which do is
        // expensive.
        if near.len() > MOST
            && let Some(met) = meeting(q, plain, &steps, self.mine, &near)
        {
            near.retain(|at| met.contains(at));
        }
        let left_out = near.len().saturating_sub(MOST);
        let mut chosen: BTreeSet<usize> = near.into_iter().take(MOST).collect();
        let below: BTreeSet<usize> =
            chosen.iter().filter_map(|at| steps.get(*at)).flat_map(|s| &s.depends_on).copied().collect();
        chosen.extend(below);
        chosen.extend(0..self.mine);
        let open: Vec<ChangeId> = refused
            .iter()
            .filter(|change| {
                meets(&ResolvedChange { change, depends_on: BTreeSet::new(), taken: None, other: true, loose: false })
            })
            .map(|change| change.id.value.clone())
            .collect();
        drop(steps);
        let mut at = 0;
        self.plan.changes.retain(|_| {
            at += 1;
            chosen.contains(&(at - 1))
        });
        (left_out, open)
    }
}

/// Pieces that only this plan and other plans together give, sorted by digest, and the findings about the search.
pub(crate) fn across(
    q: &AnalysisRequest<'_, '_>,
    plain: &AccessState<'_, '_>,
    bench: &EffectContext<'_>,
    own: &[&ChangeEffect],
    known: &[Emergent],
) -> (Vec<Emergent>, Vec<Finding>) {
    let mut findings = Vec::new();
    let (together, mut left_out, open) = laid_together(q, plain, PendingRemovals::Open);
    let Companions { mut found, mut is_cut } = in_either_world(q, plain, bench, own, known, &together);
    if q.approved.iter().any(|one| !one.is_of(q.plan) && removes(&one.change.action)) {
        // Removals that cannot be laid over the snapshot together with this plan were reported above, if they open anything.
        let (together, too_many, _) = laid_together(q, plain, PendingRemovals::Done);
        let done = in_either_world(q, plain, bench, own, known, &together);
        left_out = left_out.max(too_many);
        is_cut |= done.is_cut;
        add_new(&mut found, done.found);
    }
    if left_out > 0 {
        let message =
            format!("{left_out} approved changes of other plans were not analysed, because there are too many");
        findings.push(Finding::new(Code::SetsIncomplete, message).help("apply them, and export a new snapshot"));
    }
    if !open.is_empty() {
        let message = format!(
            "the approved change {} cannot be combined with this plan, so what they give together is unknown",
            listed(&open.iter().collect())
        );
        findings.push(
            Finding::new(Code::SetsIncomplete, message)
                .at(&q.plan.place)
                .help("reject the changes that are no longer wanted, or apply them and export a new snapshot"),
        );
    }
    if is_cut {
        let message = "what was approved in other plans and is not done yet gives, by itself or with this plan, more than \
                       can be told";
        findings.push(
            Finding::new(Code::SetsIncomplete, message)
                .at(&q.plan.place)
                .help("reject the changes that are no longer wanted, or apply them and export a new snapshot"),
        );
    }
    if !found.is_empty() {
        let message = format!(
            "with what was approved, or passes, as {}, which the snapshot does not show yet, this plan gives {} that neither gives \
             alone",
            listed(&found.iter().flat_map(|e| &e.with).collect()),
            if found.len() == 1 { "something".to_owned() } else { format!("{} things", found.len()) },
        );
        findings.push(
            Finding::new(Code::EmergentAccess, message)
                .at(&q.plan.place)
                .help("review these changes together; drop one of them, or wait until the others have expired"),
        );
    }
    (found, findings)
}

/// The changes of this plan with the pending ones that may interact with it, how many of these are too many, and those
/// that cannot be laid over the snapshot together with the plan.
fn laid_together(
    q: &AnalysisRequest<'_, '_>,
    plain: &AccessState<'_, '_>,
    removals: PendingRemovals,
) -> (CrossPlanChanges, usize, Vec<ChangeId>) {
    let mut left_out = 0_usize;
    let mut together = gather(q, removals, &mut left_out);
    let mut refused = together.settle(q.index);
    refused.append(&mut together.elsewhere);
    let (too_many, open) = together.narrow(q, plain, &refused);
    (together, left_out.saturating_add(too_many), open)
}

/// Adds the pieces that are not listed yet, and sorts all by digest.
fn add_new(found: &mut Vec<Emergent>, more: Vec<Emergent>) {
    let told: BTreeSet<_> = found.iter().map(|e| e.digest).collect();
    found.extend(more.into_iter().filter(|e| !told.contains(&e.digest)));
    found.sort_by_key(|e| e.digest);
}

/// Lists a few names and the number of the remaining ones.
fn listed(names: &BTreeSet<&ChangeId>) -> String {
    let few: Vec<String> = names.iter().take(4).map(|id| format!("`{}`", id.as_str())).collect();
    match names.len().saturating_sub(few.len()) {
        0 => few.join(", "),
        more => format!("{} and {more} more", few.join(", ")),
    }
}

/// The access that this plan and others give together.
#[derive(Default)]
struct Companions {
    /// Sorted by digest.
    found: Vec<Emergent>,
    /// Whether the search was too large to complete.
    is_cut: bool,
}

/// Searches twice: with the pending resources at their intended parents, and detached from the tree (so that denies
/// inherited from a parent do not apply yet).
fn in_either_world(
    q: &AnalysisRequest<'_, '_>,
    plain: &AccessState<'_, '_>,
    bench: &EffectContext<'_>,
    own: &[&ChangeEffect],
    known: &[Emergent],
    together: &CrossPlanChanges,
) -> Companions {
    let mine = together.mine;
    if together.plan.changes.len() == mine {
        return Companions::default();
    }
    let Ok(mut steps) = attempt(&together.plan, q.index, None, mine) else { return Companions::default() };
    for step in steps.iter_mut().skip(mine) {
        step.other = together.removals == PendingRemovals::Open || !removes(&step.change.action);
    }
    let mut all = companions(q, plain, bench, own, known, (&steps, mine));
    let places = |step: &ResolvedChange<'_>| matches!(step.change.action, Action::CreateResource(_, Some(_), ..));
    if !steps.iter().skip(mine).any(places) || !plain.denies_anything() {
        return all;
    }
    for step in steps.iter_mut().skip(mine) {
        step.loose = true;
    }
    let loose = companions(q, plain, bench, own, known, (&steps, mine));
    add_new(&mut all.found, loose.found);
    all.is_cut |= loose.is_cut;
    all
}

fn companions(
    q: &AnalysisRequest<'_, '_>,
    plain: &AccessState<'_, '_>,
    bench: &EffectContext<'_>,
    own: &[&ChangeEffect],
    known: &[Emergent],
    (steps, mine): (&[ResolvedChange<'_>], usize),
) -> Companions {
    // What is certain in a subset: the changes of this plan in it.
    let known_settled: RefCell<BTreeMap<BTreeSet<usize>, Rc<AccessState<'_, '_>>>> = RefCell::default();
    let settled = |set: &BTreeSet<usize>| {
        let ours: BTreeSet<usize> = set.iter().copied().filter(|at| *at < mine).collect();
        let state = |ours: &BTreeSet<usize>| Rc::new(lay_for_few(q, plain, steps, ours));
        Some(Rc::clone(known_settled.borrow_mut().entry(ours).or_insert_with_key(state)))
    };
    let lay = |set: &BTreeSet<usize>| AccessState { settled: settled(set), ..lay(q, plain, steps, set) };
    let mut others: Vec<ChangeEffect> = Vec::new();
    let (mut told, mut looked) = (0_usize, 0_u64);
    for step in (mine..steps.len()).filter_map(|at| Some((at, &steps.get(at)?.depends_on))) {
        let (at, before) = step;
        let mut with = before.clone();
        with.insert(at);
        // What each pending change gives on its own was reported when it was decided, so it counts as applied.
        let mut after = lay(&with);
        after.settled = None;
        let room = q.budget.of_change();
        let outcome = if before.is_empty() {
            bench.outcome(plain, &after, room)
        } else {
            bench.outcome(&lay(before), &after, room)
        };
        told = told.saturating_add(outcome.told());
        looked = looked.saturating_add(outcome.work);
        others.push(outcome);
        if told > q.budget.plan || looked > q.budget.plan_work {
            return Companions { found: Vec::new(), is_cut: true };
        }
    }
    let alone: Vec<&ChangeEffect> = own.iter().copied().chain(&others).collect();
    let whole_view = lay(&(0..steps.len()).collect());
    let told = own.iter().fold(told, |sum, outcome| sum.saturating_add(outcome.told()));
    let looked = own.iter().fold(looked, |sum, outcome| sum.saturating_add(outcome.work));
    let whole = bench.outcome(plain, &whole_view, q.budget.of_all(told, looked));
    let mut is_cut = whole.is_cut() || others.iter().any(ChangeEffect::is_cut);
    let said: BTreeSet<_> = known.iter().map(|e| e.digest).collect();
    // WHY: pending removals are applied only where they remove denies, which gives more access than was decided.
    let decided: Vec<&ChangeEffect> =
        alone.iter().zip(steps).filter(|(_, step)| !step.other || !takes(step.change)).map(|(it, _)| *it).collect();
    let mut fresh = candidates(&whole, &decided, &whole_view, q.budget.emergent);
    fresh.leave_out(&|what, eligible| said.contains(&digest(what, eligible)));
    if fresh.is_empty() {
        return Companions { found: Vec::new(), is_cut };
    }
    let names: BTreeSet<&ChangeId> = steps.iter().take(mine).map(|s| &s.change.id.value).collect();
    let for_few = |set: &BTreeSet<usize>| AccessState { settled: settled(set), ..lay_for_few(q, plain, steps, set) };
    let mut search = search(q, plain, steps, &whole_view, &alone, &for_few);
    let mut found = search.all(fresh);
    found.retain_mut(|e| {
        // WHY: no responsible set was found for this piece, so any of the changes, including this plan's, may be
        // responsible.
        let unknown = !e.complete && e.sets.is_empty();
        let both = |set: &BTreeSet<ChangeId>| {
            set.iter().any(|id| names.contains(id)) && set.iter().any(|id| !names.contains(id))
        };
        e.sets.retain(both);
        if e.complete {
            e.members = e.sets.iter().flatten().cloned().collect();
        }
        let (here, there) = std::mem::take(&mut e.members).into_iter().partition(|id| names.contains(id));
        (e.members, e.with) = (here, there);
        let kept = !e.members.is_empty() && !e.with.is_empty();
        is_cut |= !kept && unknown;
        kept
    });
    Companions { found, is_cut }
}
