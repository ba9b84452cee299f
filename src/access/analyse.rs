//! Analysis: what a plan does to effective access.
//!
//! In: a plan, a snapshot with its index, rules, the task, the time. Out: the facts of [`crate::access::facts`], or every
//! reason why the plan cannot be analysed. Pure: no clock, no file. The effect of a change is after against before, alone
//! on top of what it depends on: independent of the order of the plan and of unrelated changes.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::Serialize;

use crate::access::across::across;
use crate::access::apply::{overlay, seeds};
use crate::access::approved::Approved;
use crate::access::around::around;
use crate::access::budget::Budget;
use crate::access::candidates::candidates;
use crate::access::cheapest::Cheapest;
use crate::access::claims::{Computed, check};
use crate::access::data::Data;
use crate::access::effects::{Bench, Outcome};
use crate::access::emergent::Search;
use crate::access::escalation::EscalationPath;
use crate::access::facts::{Analysis, ChangeFacts, Emergent, EmergentWhat, Named, Surroundings, Untold};
use crate::access::index::Index;
use crate::access::judge::{in_task_scope, judge};
use crate::access::named::{assignments, holds_after, named, reversible, was};
use crate::access::notes::{about_plan, beyond_budget, notes};
use crate::access::resolve::{Step, resolve};
use crate::access::step::outline;
use crate::access::view::View;
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding};
use crate::input::id::{ChangeId, IdentityId, ResourceId, Subject};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::plan::model::{Action, Plan};
use crate::snapshot::model::Snapshot;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a, 's> {
    /// The plan.
    pub plan: &'a Plan,
    /// The snapshot.
    pub snapshot: &'s Snapshot,
    /// Lookups over that snapshot.
    pub index: &'a Index<'s>,
    /// Classification, escalation paths and pairs to be kept apart.
    pub data: &'a Data,
    /// The task that the plan names, if `tasks.yaml` knows it.
    pub task: Option<&'a TaskScope>,
    /// Identities whose memberships [`Analysis::before`] must hold.
    pub people: &'a [BTreeSet<IdentityId>],
    /// The time of the question.
    pub now: Time,
    /// Analyse only these changes, as a plan of their own.
    pub only: Option<&'a BTreeSet<ChangeId>>,
    /// What other plans were approved for and may not have been done yet: counted as held where it gives something new
    /// together with this plan.
    pub approved: &'a [Approved],
    /// How much may be told.
    pub budget: Budget,
}

/// What a task allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskScope {
    /// Whether it is open.
    pub open: bool,
    /// Whether it lists this proposer and this sponsor.
    pub lists_proposer_and_sponsor: bool,
    /// Where it may change access; empty: nowhere.
    pub scopes: Vec<ResourceId>,
    /// When all that it gives must have ended; none: no bound.
    pub until: Option<Time>,
}

/// Analyses a plan, or a subset of its changes.
///
/// # Errors
/// Every unknown name, conflict, ambiguity and imitation, each at its place; a plan that gives and takes more than can be
/// told.
pub fn analyse(q: &Question<'_, '_>) -> Result<Analysis, Vec<Finding>> {
    let steps = resolve(q.plan, q.index, q.only)?;
    let applies = |p: &&EscalationPath| p.system.as_ref().is_none_or(|s| *s == q.snapshot.source);
    let places = q.data.escalations.iter().filter(applies).flat_map(EscalationPath::places).collect();
    let plain = View { places, ..View::plain(q.index) };
    let bench = Bench::new(q.data, &q.snapshot.source, q.budget);
    let lay = |set: &BTreeSet<usize>| lay(q, &plain, &steps, set);

    let mut alone: Vec<(Outcome, ChangeFacts)> = Vec::new();
    let (mut told, mut looked) = (0_usize, 0_u64);
    for (at, step) in steps.iter().enumerate() {
        let mut with = step.depends_on.clone();
        with.insert(at);
        let after = lay(&with);
        let room = q.budget.of_change();
        let outcome = if step.depends_on.is_empty() {
            bench.outcome(&plain, &after, room)
        } else {
            bench.outcome(&lay(&step.depends_on), &after, room)
        };
        told = told.saturating_add(outcome.told());
        looked = looked.saturating_add(outcome.work);
        if told > q.budget.plan || looked > q.budget.plan_work {
            return Err(vec![beyond_budget(q.plan)]);
        }
        let facts = facts(q, &bench, &steps, step, &after, &outcome);
        alone.push((outcome, facts));
    }

    let whole_view = lay(&(0..steps.len()).collect());
    // A plan of one change is that change.
    let whole = match alone.as_slice() {
        [(only, _)] => only.clone(),
        _ => bench.outcome(&plain, &whole_view, q.budget.of_all(told, looked)),
    };
    let outcomes: Vec<&Outcome> = alone.iter().map(|(outcome, _)| outcome).collect();
    let for_few = |set: &BTreeSet<usize>| lay_for_few(q, &plain, &steps, set);
    let mut emergent = emergent(q, &plain, &steps, &whole_view, &whole, &outcomes, &for_few);
    let (beyond, notes_across) =
        if q.approved.is_empty() { (Vec::new(), Vec::new()) } else { across(q, &plain, &bench, &outcomes, &emergent) };
    let own_emergent = emergent.len();
    emergent.extend(beyond);
    let cheapest = Cheapest::new(alone.iter().map(|(outcome, facts)| (facts, outcome.gains().count())));
    for piece in &mut emergent {
        piece.drop = cheapest.of(piece);
    }
    let mut parts: BTreeMap<&ChangeId, Vec<usize>> = BTreeMap::new();
    for (at, piece) in emergent.iter().enumerate() {
        piece.members.iter().for_each(|id| parts.entry(id).or_default().push(at));
    }
    let mut changes: Vec<ChangeFacts> = Vec::with_capacity(alone.len());
    let mut findings = Vec::new();
    for ((outcome, mut facts), step) in alone.into_iter().zip(&steps) {
        facts.emergent = parts.remove(&facts.id).unwrap_or_default();
        let privileged = facts.emergent.iter().filter_map(|at| emergent.get(*at)?.privileged());
        facts.privileged_together = privileged.collect();
        notes(step, &facts, &outcome, &mut findings);
        changes.push(facts);
    }
    let sets_incomplete = emergent.iter().any(|e| !e.complete) || (changes.len() > 1 && whole.is_cut());
    let sets_incomplete = sets_incomplete || notes_across.iter().any(|f| f.code == Code::SetsIncomplete);
    // Of a plan of one change that change tells it.
    let untold = if changes.len() > 1 { whole.concerned.untold } else { Untold::default() };
    about_plan(q.plan, (emergent.get(..own_emergent).unwrap_or_default(), untold), sets_incomplete, &mut findings);
    findings.extend(notes_across);
    let parties = || {
        let sponsor = q.plan.on_behalf_of.as_ref().map(|s| s.value.clone());
        std::iter::once(q.plan.proposer.value.clone()).chain(sponsor)
    };
    let names: Vec<&Named> = changes.iter().map(|c| &c.named).collect();
    // Policy asks of a plan what it completes, with whom ever.
    let gained_privileged = count(whole.gains().filter(|p| p.privileged.is_some()).count());
    let beyond = emergent.iter().filter(|e| !e.with.is_empty());
    let (mut escalations, mut sod) = (whole.escalations, whole.sod);
    for piece in beyond {
        match &piece.what {
            EmergentWhat::Escalation(it) => escalations.push(it.clone()),
            EmergentWhat::Sod(it) => sod.push(it.clone()),
            EmergentWhat::Access(_) => {}
        }
    }
    Ok(Analysis {
        around: around(&whole_view, &bench.classifier, None, names, parties()),
        before: before(q, &plain, &bench, parties()),
        gained_privileged,
        effects: whole.effects,
        concerned: whole.concerned,
        escalations,
        sod,
        emergent,
        sets_incomplete,
        findings,
        changes,
    })
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Lays some steps over the snapshot.
pub(super) fn lay<'v, 's>(
    q: &Question<'_, '_>,
    plain: &'v View<'v, 's>,
    steps: &[Step<'_>],
    set: &BTreeSet<usize>,
) -> View<'v, 's> {
    lay_for_few(q, plain, steps, set).comparing_edges(plain)
}

/// The same, to ask about few of those whom it touches: what is not altered for them is told of each.
pub(super) fn lay_for_few<'v, 's>(
    q: &Question<'_, '_>,
    plain: &'v View<'v, 's>,
    steps: &[Step<'_>],
    set: &BTreeSet<usize>,
) -> View<'v, 's> {
    let chosen: Vec<&Step<'_>> = set.iter().filter_map(|at| steps.get(*at)).collect();
    let delta = overlay(plain.index, q.plan.expires.value, chosen.iter().copied());
    let view = View::touching(plain, delta, |view| chosen.iter().flat_map(|step| seeds(step, plain, view)).collect());
    view.bound_lives(q.budget.work);
    view
}

fn facts(
    q: &Question<'_, '_>,
    bench: &Bench<'_>,
    steps: &[Step<'_>],
    step: &Step<'_>,
    after: &View<'_, '_>,
    outcome: &Outcome,
) -> ChangeFacts {
    let named = named(after, step);
    let judged = judge(&bench.classifier, after, step, &named, outcome);
    let computed = Computed {
        named: &named,
        gains_nothing: outcome.gains().next().is_none(),
        privileged: !judged.privileged.is_empty(),
        task_open: q.task.map(|t| t.open),
    };
    let claims = check(q.index, step, &computed);
    let depends_on = step.depends_on.iter().filter_map(|at| steps.get(*at)).map(|s| s.change.id.value.clone());
    ChangeFacts {
        id: step.change.id.value.clone(),
        depends_on: depends_on.collect(),
        was: was(q.index, step, q.now),
        becomes: holds_after(q.index, step, q.plan.expires.value, q.now),
        assignments: assignments(q.index, step),
        effects: outcome.effects.clone(),
        concerned: outcome.concerned.clone(),
        privileged: judged.privileged,
        privileged_together: BTreeSet::new(),
        gained_privileged: judged.gained_privileged,
        sensitivity: judged.sensitivity,
        claims,
        escalations: outcome.escalations.clone(),
        sod: outcome.sod.clone(),
        emergent: Vec::new(),
        in_task_scope: in_task_scope(q.task, after, outcome),
        reversible: reversible(q.index, step),
        touches_deny: after.holds_deny(&named),
        around: around(after, &bench.classifier, None, [&named], None),
        named,
    }
}

fn before(
    q: &Question<'_, '_>,
    plain: &View<'_, '_>,
    bench: &Bench<'_>,
    parties: impl Iterator<Item = IdentityId>,
) -> Surroundings {
    // What the snapshot does not know holds nothing in it, and is not made up.
    let people = q.people.iter().flatten().filter(|id| q.index.identity(id.as_str()).is_some()).cloned();
    around(plain, &bench.classifier, Some(q.now), None, parties.chain(people))
}

fn emergent<'v, 's>(
    q: &Question<'_, '_>,
    plain: &'v View<'v, 's>,
    steps: &[Step<'_>],
    whole_view: &View<'v, 's>,
    whole: &Outcome,
    alone: &[&Outcome],
    lay: &dyn Fn(&BTreeSet<usize>) -> View<'v, 's>,
) -> Vec<Emergent> {
    if steps.len() < 2 {
        return Vec::new();
    }
    let candidates = candidates(whole, alone, whole_view, q.budget.emergent);
    if candidates.is_empty() {
        return Vec::new();
    }
    search(q, plain, steps, whole_view, alone, lay).all(candidates)
}

/// What the search for responsible sets goes by.
pub(super) fn search<'q, 'v, 's>(
    q: &Question<'q, '_>,
    plain: &View<'v, 's>,
    steps: &[Step<'_>],
    whole_view: &'q View<'v, 's>,
    alone: &[&Outcome],
    lay: &'q dyn Fn(&BTreeSet<usize>) -> View<'v, 's>,
) -> Search<'q, 'v, 's> {
    let between = between(q);
    let mut order: Vec<(Digest<of::Change>, &ChangeId, usize)> = steps
        .iter()
        .zip(alone)
        .enumerate()
        .map(|(at, (step, outcome))| (rank(step, outcome), &step.change.id.value, at))
        .collect();
    order.sort();
    Search {
        data: q.data,
        budget: q.budget,
        whole_view,
        only_gives: whole_view.only_gives(),
        ids: steps.iter().map(|s| s.change.id.value.clone()).collect(),
        depends_on: steps.iter().map(|s| s.depends_on.clone()).collect(),
        order: order.into_iter().map(|(_, _, at)| at).collect(),
        concerns: concerns(plain, steps, whole_view),
        alters_objects: steps.iter().map(|step| alters_objects(step, between)).collect(),
        lay,
        laid: std::collections::BTreeMap::new(),
        subsets: 0,
        kept: 0,
        made: 0,
        questions: 0,
        before: std::collections::BTreeMap::new(),
        told: std::collections::BTreeMap::new(),
    }
}

/// Whom steps may concern in any company, all together no more than so many.
const MAX_CONCERNED: usize = 4_000_000;

/// Whom each step may concern in any company; nothing, where all together concern too many to tell: then it may be anyone.
fn concerns(plain: &View<'_, '_>, steps: &[Step<'_>], whole_view: &View<'_, '_>) -> Vec<Option<Rc<BTreeSet<Subject>>>> {
    let mut known: BTreeMap<BTreeSet<Subject>, Rc<BTreeSet<Subject>>> = BTreeMap::new();
    let mut left = MAX_CONCERNED;
    let one = |step: &Step<'_>| {
        if left == 0 {
            return None;
        }
        let from = seeds(step, plain, whole_view);
        if let Some(known) = known.get(&from) {
            return Some(Rc::clone(known));
        }
        let behind = Rc::new(whole_view.all_behind(&from));
        left = left.saturating_sub(behind.len());
        known.insert(from, Rc::clone(&behind));
        Some(behind)
    };
    steps.iter().map(one).collect()
}

/// Whether an escalation path looks at what holders of others hold.
pub(super) fn between(q: &Question<'_, '_>) -> bool {
    let applies = |p: &&EscalationPath| p.system.as_ref().is_none_or(|s| *s == q.snapshot.source);
    q.data.escalations.iter().filter(applies).any(EscalationPath::looks_at_holders)
}

/// Whether a step alters what the variables of escalation paths may stand for, or what is said between these objects, for
/// subjects that it does not concern otherwise.
pub(super) fn alters_objects(step: &Step<'_>, between: bool) -> bool {
    let outline = outline(step.change);
    between
        || outline.makes.is_some()
        || outline.deletes.is_some()
        || matches!(step.change.action, Action::AddTrust(_) | Action::RemoveTrust(_))
}

/// By what responsible sets are shrunk: the change digest is computed above this room, from facts that it yields, so this
/// is a digest of the typed change and its own effect. Independent of the order of the plan.
fn rank(step: &Step<'_>, outcome: &Outcome) -> Digest<of::Change> {
    #[derive(Serialize)]
    struct Ranked<'r> {
        action: &'static str,
        names: Vec<Text>,
        reason: &'r Text,
        gained: Vec<Digest<of::Piece>>,
        lost: Vec<Digest<of::Piece>>,
    }
    let outlined = outline(step.change);
    let ranked = Ranked {
        action: step.change.action.word(),
        names: outlined.uses.into_iter().map(|u| u.name.1).chain(outlined.makes.map(|m| m.1)).collect(),
        reason: &step.change.reason.value,
        gained: outcome.gains().map(|p| p.digest).collect(),
        lost: outcome.losses().map(|p| p.digest).collect(),
    };
    Digest::of(&crate::input::canonical::to_bytes(&ranked).unwrap_or_default())
}
