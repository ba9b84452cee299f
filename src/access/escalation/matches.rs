//! Completion: which subjects complete which escalation paths, and how.
//!
//! For each path, computes for a subject in a state the objects that the variables can match, the strength of the
//! match, and the path by which each requirement is held, by the subject or by an identity that it can act as. A
//! requirement is satisfied if a held allow overlaps it and no single deny covers the overlap. Access by activation
//! counts. Whether a completion is intended is not considered.
//!
//! Many objects may match: up to [`MOST`] new ones of a path are reported individually, more as one with `*` for the
//! object. Earlier access is still compared object by object. A path whose requirements must be satisfied at one scope
//! is bound separately for each scope at which some of it is held.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::access::effective::state::AccessState;
use crate::access::escalation::bindings::Binding;
use crate::access::escalation::catalog::{EscalationPath, Exists, Relation};
use crate::access::escalation::objects::{objects, wanted};
use crate::access::escalation::requirement::{
    ANY, Completion, Completions, FoundPath, HeldIn, Objects, Reached, SCOPE, Strength, is_within,
};
use crate::access::escalation::requirement_query::{RequirementQuery, object_of};
use crate::access::graph::trust_rules::Bound;
use crate::access::matching::pattern::id_matches;
use crate::access::model::facts::Escalation;
use crate::input::id::{ResourceId, RoleId, Subject};
use crate::input::text::Text;

/// The maximum number of new completions of one path that are reported individually.
const MOST: usize = 8;

/// The escalation paths that a subject completes, in the order of the catalogue.
pub(crate) fn completed<'p>(
    view: &AccessState<'_, '_>,
    paths: impl IntoIterator<Item = &'p EscalationPath>,
    subject: &Subject,
) -> Completions<'p> {
    completed_by(view, paths, &Reached::new(view, subject))
}

/// The same, from the known access of the subject.
pub(crate) fn completed_by<'p>(
    view: &AccessState<'_, '_>,
    paths: impl IntoIterator<Item = &'p EscalationPath>,
    reached: &Reached<'_>,
) -> Completions<'p> {
    if is_service(view, reached.subject) {
        return Vec::new();
    }
    let applies = |p: &&EscalationPath| view.systems.may_hold(p.system.as_ref());
    paths.into_iter().filter(applies).filter_map(|known| complete(view, known, reached)).collect()
}

impl AccessState<'_, '_> {
    /// The subjects that have everything some path with variables requires, for any binding. Only these may complete a
    /// path without gaining access. `None` if this needs more than `work`.
    pub(crate) fn candidates_for_paths(&self, paths: &[EscalationPath], work: u64) -> Option<Rc<BTreeSet<Subject>>> {
        if let Some(known) = &self.memo.borrow().candidates_for_paths {
            return Some(Rc::clone(known));
        }
        if self.memo.borrow().too_many_candidates {
            return None;
        }
        let applies = |p: &&EscalationPath| self.systems.may_hold(p.system.as_ref()) && !p.variables().is_empty();
        let paths: Vec<Vec<RequirementQuery>> =
            paths.iter().filter(applies).map(|p| RequirementQuery::of(self, p)).collect();
        let mut left = work;
        let mut found = BTreeSet::new();
        for subject in self.everyone() {
            left = left.saturating_sub(self.size(&subject));
            if left == 0 {
                self.memo.borrow_mut().too_many_candidates = true;
                return None;
            }
            let reached = Reached::new(self, &subject);
            let open = |asked: &Vec<RequirementQuery>| {
                asked.iter().all(|a| a.way(self, &reached, &Bound::new(), HeldIn::Any).is_some())
            };
            if !is_service(self, &subject) && paths.iter().any(open) {
                found.insert(subject);
            }
        }
        let found = Rc::new(found);
        self.memo.borrow_mut().candidates_for_paths = Some(Rc::clone(&found));
        Some(found)
    }
}

/// Whether the subject is a service of the system itself. Such a service assumes the roles created for it, which is no
/// escalation. WHY: its id is checked too, because anyone who can tag a role or label an account can set the label.
fn is_service(view: &AccessState<'_, '_>, subject: &Subject) -> bool {
    let Subject::Identity(id) = subject else { return false };
    id.as_str().starts_with("service:")
        && view.identity(id.as_str()).is_some_and(|i| i.labels.get("service").is_some_and(|v| v.raw() == "true"))
}

pub(crate) fn complete<'p>(
    view: &AccessState<'_, '_>,
    known: &'p EscalationPath,
    reached: &Reached<'_>,
) -> Option<Completion<'p>> {
    if !applies_here(view, known) {
        return None;
    }
    let asked = RequirementQuery::of(view, known);
    // If the requirements are not satisfied with all variables open, no binding satisfies them.
    let anywhere = open_ways(view, reached, &asked, HeldIn::Any)?;
    let names: Vec<String> = known.variables().into_iter().chain(known.same_scope.then(|| SCOPE.to_owned())).collect();
    let mut completion = Completion { known, bindings: BTreeMap::new(), open: anywhere, names };
    let objects = |name: String| {
        let all =
            if known.is_named(&name) { reached.names(view, known, &name, &asked) } else { objects(view, known, &name) };
        (name, all)
    };
    let variables: Vec<(String, BTreeSet<Text>)> = known.variables().into_iter().map(objects).collect();
    if !known.same_scope {
        let open = completion.open.clone();
        bind_at(view, reached, (&asked, &variables), &open, HeldIn::Any, &mut completion);
        return (!completion.bindings.is_empty()).then_some(completion);
    }
    for scope in reached.scopes(view, &asked) {
        let place = HeldIn::One(scope.as_ref());
        if let Some(open) = open_ways(view, reached, &asked, place) {
            bind_at(view, reached, (&asked, &variables), &open, place, &mut completion);
        }
        let any = |(objects, strength): (&Objects, &Strength)| {
            *strength == Strength::Complete && objects.iter().all(|object| object.raw() == ANY)
        };
        // A completion for any name at every scope includes the single scopes.
        if scope.is_none() && completion.bindings.iter().any(any) {
            break;
        }
    }
    (!completion.bindings.is_empty()).then_some(completion)
}

/// How each requirement is satisfied at a scope with all variables open.
fn open_ways(
    view: &AccessState<'_, '_>,
    reached: &Reached<'_>,
    asked: &[RequirementQuery],
    place: HeldIn<'_>,
) -> Option<Vec<FoundPath>> {
    asked.iter().map(|a| a.way(view, reached, &Bound::new(), place)).collect()
}

/// Binds the variables of a path whose requirements are all satisfied at a scope with open variables.
fn bind_at(
    view: &AccessState<'_, '_>,
    reached: &Reached<'_>,
    (asked, variables): (&[RequirementQuery], &[(String, BTreeSet<Text>)]),
    open: &[FoundPath],
    place: HeldIn<'_>,
    completion: &mut Completion<'_>,
) {
    let known = completion.known;
    let held =
        if open.iter().any(|found| found.condition.is_some()) { Strength::Conditional } else { Strength::Complete };
    // A requirement without variables has the same strength for every object.
    let plainly = |(a, found): (&RequirementQuery, &FoundPath)| a.variables().is_empty() && found.condition.is_some();
    let base = if asked.iter().zip(open).any(plainly) { Strength::Conditional } else { Strength::Complete };
    let bound: Bound = match place {
        HeldIn::Any => Bound::new(),
        HeldIn::One(scope) => Bound::from([(SCOPE.to_owned(), scope.map_or(ANY, ResourceId::as_str).to_owned())]),
    };
    if variables.is_empty() {
        completion.add(&bound, held);
        return;
    }
    let mut choices: Vec<(&str, Vec<Text>, Strength)> = Vec::new();
    for (name, all) in variables {
        if all.is_empty() {
            // There is no object to bind: possible, with all variables open.
            completion.bindings.insert(Vec::new(), Strength::Possible);
            return;
        }
        let (fitting, strength) = fitting(view, known, name, all.clone(), asked, reached, place);
        choices.push((name, fitting, strength));
    }
    Binding::new(view, known, reached, asked, place).bind(&choices, &mut bound.clone(), base, completion);
}

/// Whether a held access may name a role that a change redefines, for a path that requires the role to give access.
pub(crate) fn is_named(view: &AccessState<'_, '_>, known: &EscalationPath, role: &RoleId) -> bool {
    if view.index.role(role.as_str()).is_none() || !known.asks_what_role_gives(role.as_str()) {
        return false;
    }
    let named = |e: &Exists| e.named.clone().map(|template| (e.variable.clone(), template));
    let variables: Vec<(String, Text)> = known.exists.iter().filter_map(named).collect();
    let asked = RequirementQuery::of(view, known);
    let means = |held: &Text| {
        variables.iter().any(|(variable, template)| {
            let mut candidates = asked.iter().filter_map(|a| a.name_in(variable, held.raw()));
            candidates.any(|name| object_of(template, variable, &name.into()) == role.as_str())
        })
    };
    let mut permissions = view.index.snapshot().roles.iter().flat_map(|role| &role.permissions);
    permissions.any(|permission| means(&permission.resource))
}

/// Whether the snapshot contains one of the roles that a path needs to apply.
fn applies_here(view: &AccessState<'_, '_>, known: &EscalationPath) -> bool {
    if known.only_with.is_empty() {
        return true;
    }
    let key = (known.id.clone(), String::new());
    if let Some(found) = view.memo.borrow().objects.get(&key) {
        return !found.is_empty();
    }
    let is_one = |id: &RoleId| known.only_with.iter().any(|pattern| id_matches(pattern.raw(), id.as_str()));
    let found = view.index.snapshot().roles.iter().map(|role| &role.id).find(|id| is_one(id)).map(RoleId::text);
    let applies = found.is_some();
    view.memo.borrow_mut().objects.insert(key, Rc::new(found.into_iter().collect()));
    applies
}

/// The objects that match all conditions on one variable alone, with the best possible strength of each.
fn fitting(
    view: &AccessState<'_, '_>,
    known: &EscalationPath,
    name: &str,
    all: BTreeSet<Text>,
    asked: &[RequirementQuery],
    reached: &Reached<'_>,
    place: HeldIn<'_>,
) -> (Vec<Text>, Strength) {
    let related =
        |object: &Text| reached.is_near(object.raw()) && wanted(known, name).all(|e| relates(view, e, object, reached));
    let mine: Vec<&RequirementQuery> = asked.iter().filter(|a| a.variables() == BTreeSet::from([name])).collect();
    // WHY: a subject with access to all objects has access to each, so thousands of queries are avoided.
    let names = wanted(known, name).find_map(|e| Some(e.name.as_slice()).filter(|names| names.len() == 1)?.first());
    let whole: Option<Vec<bool>> = names.and_then(|names| {
        mine.iter().map(|a| reached.covers_all(view, a.plainly(name)?, view.systems.local(names.raw()))).collect()
    });
    let is_open = || {
        all.iter()
            .any(|o| !reached.conditions_on(known, &Bound::from([(name.to_owned(), o.raw().to_owned())])).is_empty())
    };
    if let Some(whole) = whole.filter(|w| !w.is_empty() && !is_open()) {
        let strength = if whole.iter().all(|plain| *plain) { Strength::Complete } else { Strength::Conditional };
        return (all.into_iter().filter(related).collect(), strength);
    }
    let fits = |object: &Text| {
        let bound = Bound::from([(name.to_owned(), object.raw().to_owned())]);
        related(object) && mine.iter().all(|a| a.way(view, reached, &bound, place).is_some())
    };
    (all.into_iter().filter(fits).collect(), Strength::Possible)
}

fn relates(view: &AccessState<'_, '_>, exists: &Exists, object: &Text, reached: &Reached<'_>) -> bool {
    let name = object.raw();
    match exists.relation {
        None => true,
        Some(Relation::Actor) => reached.is_actor(name),
        Some(Relation::Other) => !reached.is_sure_actor(view, name),
        Some(Relation::Assumable) => reached.is_actor(name) && reached.subject.as_str() != name,
        Some(Relation::GroupOfActor) => reached.belongs(view, name),
        Some(Relation::GroupNotOfActor) => !reached.surely_belongs(view, name),
        Some(Relation::HeldByActor) => reached.holds(name),
    }
}

/// Decides whether a binding is reported. The last argument is whether it was completed before with at least the same
/// strength.
type Wanted<'w> = dyn Fn(&Completion<'_>, &Objects, Strength, bool) -> bool + 'w;

/// The completions of a state that another lacks or has with less strength, and those on objects that give more than
/// before. Reported individually or as one.
pub(crate) fn fresh(
    (before, after): (&AccessState<'_, '_>, &AccessState<'_, '_>),
    (reached_before, reached): (&Reached<'_>, &Reached<'_>),
    (known, completions): (&Completions<'_>, &Completions<'_>),
    to_report: &Wanted<'_>,
) -> Vec<Escalation> {
    let (mut found, subject) = (Vec::new(), reached.subject);
    for completion in completions {
        let known = known.iter().find(|c| c.known.id == completion.known.id);
        let is_new = |(objects, strength): &(&Objects, &Strength)| {
            let held = known.is_some_and(|known| known.holds(objects, **strength));
            let gives = || completion.gives_more(after, reached, objects);
            // Objects that gave more access before are not new; objects that give more only now are.
            let gave = || completion.gives_more(before, reached_before, objects);
            let is_new = if held { completion.may_give_other(after, objects) && gives() && !gave() } else { gives() };
            is_new && to_report(completion, objects, **strength, held)
        };
        let new: Vec<(&Objects, Strength)> =
            completion.bindings.iter().filter(is_new).map(|(objects, strength)| (objects, *strength)).collect();
        let any = new.iter().find(|(objects, _)| completion.is_any(objects));
        if new.len() > MOST {
            let strength = new.iter().map(|(_, s)| *s).max().unwrap_or(Strength::Possible);
            let all: Objects = completion.names.iter().map(|_| ANY.into()).collect();
            let count = if any.is_some() { 1 } else { new.len() };
            found.push(completion.report(subject, &all, strength, count, any.is_some(), &completion.open));
            continue;
        }
        for (objects, strength) in new.iter().copied() {
            // An unlimited completion includes the others at the same scope.
            if any.is_some_and(|(any, _)| *any != objects && is_within(objects, any)) {
                continue;
            }
            let ways = completion.ways(after, reached, objects);
            let ways = ways.as_ref().unwrap_or(&completion.open);
            let mut told = completion.report(subject, objects, strength, 1, completion.is_any(objects), ways);
            if told.conditional {
                told.conditions.extend(reached.conditions_on(completion.known, &completion.bound(objects)));
                told.conditions.sort();
                told.conditions.dedup();
            }
            found.push(told);
        }
    }
    found
}
