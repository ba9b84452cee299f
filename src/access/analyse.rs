//! Analysis: what a plan does to effective access.
//!
//! Computes the facts of [`crate::access::model::facts`] from a plan, a snapshot with its index, rules, the task and
//! the time, or reports every reason why the plan cannot be analysed. Pure: reads no clock and no file. The effect of a
//! change compares the state after it with the state before it, applied only on top of the changes it depends on. It is
//! therefore independent of the order of the plan and of unrelated changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::chains::across_plans::across;
use crate::access::chains::candidates::{Candidates, candidates, losses};
use crate::access::chains::cheapest_drop::Cheapest;
use crate::access::chains::search::search;
use crate::access::chains::what_if::{lay, lay_for_few};
use crate::access::change::claims::{Computed, check};
use crate::access::change::resolve::{ResolvedChange, resolve};
use crate::access::change::targets::{assignments, holds_after, lessens, lifts_deny, named, reversible, was};
use crate::access::effective::state::AccessState;
use crate::access::effects::assessment::judge;
use crate::access::effects::blocked::is_blocked;
use crate::access::effects::compute::{ChangeEffect, EffectContext};
use crate::access::effects::findings::{about_plan, beyond_budget, mass_removals, notes};
use crate::access::effects::isolation::isolation;
use crate::access::effects::kept::kept;
use crate::access::effects::mass_removal::Removals;
use crate::access::effects::outsiders::open_receivers;
use crate::access::effects::policy_context::around;
use crate::access::effects::receivers::{assigns, receivers, with_receivers};
use crate::access::effects::request::AnalysisRequest;
use crate::access::effects::task_scope::{Within, within};
use crate::access::escalation::catalog::EscalationPath;
use crate::access::model::facts::{
    Affected, Analysis, ChangeFacts, ChangeTargets, Emergent, EmergentWhat, Escalation, Fate, MassRemoval,
    PolicyContext, SodConflict, Truncated,
};
use crate::input::entitlement::{Effect, Sensitivity};
use crate::input::finding::{Code, Finding};
use crate::input::id::{ChangeId, IdentityId};

/// Analyses a plan, or a subset of its changes.
///
/// # Errors
/// Every unknown name, conflict, ambiguity and imitation, each with its location, or that the plan gains and loses too
/// much access to analyse.
pub fn analyse(q: &AnalysisRequest<'_, '_>) -> Result<Analysis, Vec<Finding>> {
    let steps = resolve(q.plan, q.index, q.only)?;
    let applies = |p: &&EscalationPath| q.index.systems().may_hold(p.system.as_ref());
    let places = q.data.escalations.iter().filter(applies).flat_map(EscalationPath::places).collect();
    let plain = AccessState { places, ..AccessState::plain(q.index) };
    let bench = EffectContext::new(q.data, q.index.systems(), q.budget);
    let lay = |set: &BTreeSet<usize>| lay(q, &plain, &steps, set);

    let mut alone: Vec<(ChangeEffect, ChangeFacts)> = Vec::new();
    let mut taking = BTreeSet::new();
    let (mut told, mut looked) = (0_usize, 0_u64);
    for (at, step) in steps.iter().enumerate() {
        let mut with = step.depends_on.clone();
        with.insert(at);
        let after = lay(&with);
        let below;
        let before = if step.depends_on.is_empty() {
            &plain
        } else {
            below = lay(&step.depends_on);
            &below
        };
        let outcome = bench.outcome(before, &after, q.budget.of_change());
        told = told.saturating_add(outcome.told());
        looked = looked.saturating_add(outcome.work);
        if told > q.budget.plan || looked > q.budget.plan_work {
            return Err(vec![beyond_budget(q.plan)]);
        }
        let inside = within(q.task, &after, step, &outcome, assigns(q, step).as_ref());
        if inside.takes_something {
            taking.insert(step.change.id.value.clone());
        }
        let facts = facts(q, &bench, (&steps, step), (before, &after), (&outcome, inside));
        alone.push((outcome, facts));
    }

    let whole_view = lay(&(0..steps.len()).collect());
    // The whole of a plan with a single change has the same effect as that change.
    let whole = match alone.as_slice() {
        [(only, _)] => only.clone(),
        _ => bench.outcome(&plain, &whole_view, q.budget.of_all(told, looked)),
    };
    let outcomes: Vec<&ChangeEffect> = alone.iter().map(|(outcome, _)| outcome).collect();
    let effects = std::iter::once(&whole).chain(outcomes.iter().copied()).collect();
    let mass = removals(q, &bench, (&plain, &whole_view), &steps, effects, taking);
    let for_few = |set: &BTreeSet<usize>| lay_for_few(q, &plain, &steps, set);
    let (mut emergent, lost_together) = together(q, &plain, &steps, &whole_view, &whole, &outcomes, &for_few);
    let (beyond, notes_across) =
        if q.approved.is_empty() { (Vec::new(), Vec::new()) } else { across(q, &plain, &bench, &outcomes, &emergent) };
    let own_emergent = emergent.len();
    emergent.extend(beyond);
    let cheapest = Cheapest::new(alone.iter().map(|(outcome, facts)| (facts, outcome.gains().count())));
    for piece in &mut emergent {
        piece.drop = cheapest.of(piece);
    }
    let mut parts = by_member(&emergent);
    let mut lost_parts = by_member(&lost_together);
    let mut changes: Vec<ChangeFacts> = Vec::with_capacity(alone.len());
    let mut findings = mass_removals(q.plan, &mass);
    for ((outcome, mut facts), step) in alone.into_iter().zip(&steps) {
        facts.emergent = parts.remove(&facts.id).unwrap_or_default();
        facts.lost_together = lost_parts.remove(&facts.id).unwrap_or_default();
        let privileged = facts.emergent.iter().filter_map(|at| emergent.get(*at)?.privileged());
        facts.privileged_together = privileged.collect();
        notes(step, &facts, &outcome, &mut findings);
        changes.push(facts);
    }
    let sets_incomplete = emergent.iter().any(|e| !e.complete) || (changes.len() > 1 && whole.is_cut());
    let sets_incomplete = sets_incomplete || notes_across.iter().any(|f| f.code == Code::SetsIncomplete);
    // If the plan has a single change, that change already reports what was truncated.
    let untold = if changes.len() > 1 { whole.concerned.untold } else { Truncated::default() };
    about_plan(
        q.plan,
        (emergent.get(..own_emergent).unwrap_or_default(), untold),
        sets_incomplete,
        &changes,
        &mut findings,
    );
    findings.extend(notes_across);
    let parties = || {
        let sponsor = q.plan.on_behalf_of.as_ref().map(|s| s.value.clone());
        std::iter::once(q.plan.proposer.value.clone()).chain(sponsor)
    };
    let with_outsiders = changes.iter().any(|facts| !facts.outsiders.is_empty());
    let names: Vec<&ChangeTargets> = changes.iter().map(|c| &c.named).collect();
    // Policy receives the number of privileged accesses that the plan completes, with any other changes.
    let gained_privileged = count(whole.gains().filter(|p| p.privileged.is_some()).count());
    let (mut escalations, mut sod) = (whole.escalations, whole.sod);
    add_across(&emergent, &mut escalations, &mut sod);
    Ok(Analysis {
        around: around(&whole_view, &bench.classifier, None, names, parties()),
        before: before(q, &plain, &bench, parties()),
        gained_privileged,
        effects: whole.effects,
        concerned: Affected { at_least: whole.concerned.at_least || with_outsiders, ..whole.concerned },
        escalations,
        sod,
        emergent,
        lost_together,
        sets_incomplete,
        mass_removals: mass,
        findings,
        changes,
    })
}

/// The indices of emergent pieces, by the changes that are responsible for them.
fn by_member(pieces: &[Emergent]) -> BTreeMap<&ChangeId, Vec<usize>> {
    let mut parts: BTreeMap<&ChangeId, Vec<usize>> = BTreeMap::new();
    for (at, piece) in pieces.iter().enumerate() {
        piece.members.iter().for_each(|id| parts.entry(id).or_default().push(at));
    }
    parts
}

/// Adds the escalation paths and conflicts that the plan opens together with other plans.
fn add_across(emergent: &[Emergent], escalations: &mut Vec<Escalation>, sod: &mut Vec<SodConflict>) {
    for piece in emergent.iter().filter(|piece| !piece.with.is_empty()) {
        match &piece.what {
            EmergentWhat::Escalation(it) => escalations.push(it.clone()),
            EmergentWhat::Sod(it) => sod.push(it.clone()),
            EmergentWhat::Access(_) | EmergentWhat::Loss(_) => {}
        }
    }
}

/// The mass removals of the plan.
fn removals<'v, 's>(
    q: &AnalysisRequest<'_, 's>,
    bench: &EffectContext<'_>,
    (plain, whole_view): (&'v AccessState<'v, 's>, &AccessState<'v, 's>),
    steps: &[ResolvedChange<'_>],
    effects: Vec<&ChangeEffect>,
    taking: BTreeSet<ChangeId>,
) -> Vec<MassRemoval> {
    Removals { question: q, plain, bench, steps, whole_view, effects, taking }.find()
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

pub(crate) fn facts(
    q: &AnalysisRequest<'_, '_>,
    bench: &EffectContext<'_>,
    (steps, step): (&[ResolvedChange<'_>], &ResolvedChange<'_>),
    (before, after): (&AccessState<'_, '_>, &AccessState<'_, '_>),
    (outcome, inside): (&ChangeEffect, Within),
) -> ChangeFacts {
    let named = named(after, step);
    let lessens = lessens(q.index, step, q.plan.expires.value, q.now);
    let receivers = receivers(q, step, after);
    let open = open_receivers(q, step, after, outcome, &receivers);
    let judged = judge(&bench.classifier, after, step, &named, outcome, (&receivers, open));
    let isolation = isolation(q, step, (before, after), outcome, &receivers);
    let contents = bench.contents.of(&bench.classifier, after, step, lessens);
    // WHY: what a deny blocked can be given without the deny being seen again.
    let unblocked = contents.permissions.iter().filter(|it| it.effect == Effect::Deny && it.fate == Fate::Removed);
    let sensitivity = unblocked.map(|it| it.sensitivity).fold(judged.sensitivity, Sensitivity::max);
    let concerned = with_receivers(&outcome.concerned, outcome, &receivers, after);
    let computed = Computed {
        named: &named,
        gains_nothing: outcome.gains().next().is_none(),
        privileged: !judged.privileged.is_empty(),
        task_open: q.task.map(|t| t.open),
    };
    let claims = check(q.index, step, &computed);
    // An identity that this plan creates is not an owner yet.
    let owner = step.change.action.new_owner().filter(|owner| q.index.identity(owner.as_str()).is_some());
    let depends_on = step.depends_on.iter().filter_map(|at| steps.get(*at)).map(|s| s.change.id.value.clone());
    ChangeFacts {
        id: step.change.id.value.clone(),
        depends_on: depends_on.collect(),
        was: was(q.index, step, q.now),
        becomes: holds_after(q.index, step, q.plan.expires.value, q.now),
        assignments: assignments(q.index, step),
        contents,
        effects: outcome.effects.clone(),
        kept: kept(step, before, after),
        concerned: Affected { at_least: concerned.at_least || !judged.outsiders.is_empty(), ..concerned },
        privileged: judged.privileged,
        privileged_together: BTreeSet::new(),
        gained_privileged: judged.gained_privileged,
        sensitivity,
        unclassified: judged.unclassified,
        public: judged.public,
        gives_everything: judged.gives_everything,
        outsiders: judged.outsiders,
        isolation,
        admin_name: judged.admin_name,
        claims,
        escalations: outcome.escalations.clone(),
        already: outcome.already.clone(),
        sod: outcome.sod.clone(),
        emergent: Vec::new(),
        lost_together: Vec::new(),
        in_task_scope: inside.gives,
        takes_in_task_scope: inside.takes,
        outside: inside.outside,
        reversible: reversible(q.index, step),
        touches_deny: after.holds_deny(&named),
        lifts_deny: lifts_deny(before, after, step, &named, lessens),
        blocked: is_blocked(after, step, &receivers),
        around: around(after, &bench.classifier, None, [&named], owner.cloned()),
        receivers,
        named,
    }
}

pub(crate) fn before(
    q: &AnalysisRequest<'_, '_>,
    plain: &AccessState<'_, '_>,
    bench: &EffectContext<'_>,
    parties: impl Iterator<Item = IdentityId>,
) -> PolicyContext {
    // People without an identity in the snapshot have no access in it and are left out.
    let people = q.people.iter().flatten().filter(|id| q.index.identity(id.as_str()).is_some()).cloned();
    around(plain, &bench.classifier, Some(q.now), None, parties.chain(people))
}

/// What the whole plan gains, and what it loses, that no single change gains or loses.
pub(crate) fn together<'v, 's>(
    q: &AnalysisRequest<'_, '_>,
    plain: &'v AccessState<'v, 's>,
    steps: &[ResolvedChange<'_>],
    whole_view: &AccessState<'v, 's>,
    whole: &ChangeEffect,
    alone: &[&ChangeEffect],
    lay: &dyn Fn(&BTreeSet<usize>) -> AccessState<'v, 's>,
) -> (Vec<Emergent>, Vec<Emergent>) {
    if steps.len() < 2 {
        return Default::default();
    }
    let find = |candidates: Candidates| {
        if candidates.is_empty() {
            return Vec::new();
        }
        search(q, plain, steps, whole_view, alone, lay).all(candidates)
    };
    let most = q.budget.emergent;
    (find(candidates(whole, alone, whole_view, most)), find(losses(whole, alone, whole_view, most)))
}
