//! Completion: who completes which escalation path, and how.
//!
//! In: paths, a state and a subject. Out: for each path what its variables can stand for, how surely, and the ways by
//! which each requirement is held, by the subject or by one that it can act as. An entry holds if a held allow overlaps it
//! and no single deny covers the overlap; access by activation counts. Never judges whether a completion is wanted.
//!
//! Many objects may do: up to [`MOST`] new ones of a path are told one by one, more of them as one, with `*` for the
//! object. What was held before is compared object by object all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::access::effective::state::AccessState;
use crate::access::escalation::bindings::Binding;
use crate::access::escalation::catalog::{EscalationPath, Exists, Relation};
use crate::access::escalation::objects::{objects, wanted};
use crate::access::escalation::requirement::{
    Completion, Completions, FoundPath, Objects, Reached, RequirementQuery, Strength,
};
use crate::access::graph::trust_rules::Bound;
use crate::access::model::facts::Escalation;
use crate::input::id::Subject;
use crate::input::text::Text;

/// New completions of one path that are told one by one.
const MOST: usize = 8;

/// The escalation paths that a subject completes, in the order of the data.
pub(crate) fn completed<'p>(
    view: &AccessState<'_, '_>,
    paths: impl IntoIterator<Item = &'p EscalationPath>,
    subject: &Subject,
) -> Completions<'p> {
    completed_by(view, paths, &Reached::new(view, subject))
}

/// The same, by what is known of the subject.
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
    /// Every subject that holds all that some path with variables asks for, whatever they stand for: only these may complete
    /// one without gaining anything. Nothing if there is more than `work` to look at.
    pub(crate) fn candidates_for_paths(&self, paths: &[EscalationPath], work: u64) -> Option<Rc<BTreeSet<Subject>>> {
        if let Some(known) = &self.memo.borrow().candidates_for_paths {
            return Some(Rc::clone(known));
        }
        if self.memo.borrow().too_many_candidates {
            return None;
        }
        let applies = |p: &&EscalationPath| self.systems.may_hold(p.system.as_ref());
        let paths: Vec<Vec<RequirementQuery>> =
            paths.iter().filter(applies).filter(|p| !p.variables().is_empty()).map(RequirementQuery::of).collect();
        let mut left = work;
        let mut found = BTreeSet::new();
        for subject in self.everyone() {
            left = left.saturating_sub(self.size(&subject));
            if left == 0 {
                self.memo.borrow_mut().too_many_candidates = true;
                return None;
            }
            let reached = Reached::new(self, &subject);
            let open =
                |asked: &Vec<RequirementQuery>| asked.iter().all(|a| a.way(self, &reached, &Bound::new()).is_some());
            if !is_service(self, &subject) && paths.iter().any(open) {
                found.insert(subject);
            }
        }
        let found = Rc::new(found);
        self.memo.borrow_mut().candidates_for_paths = Some(Rc::clone(&found));
        Some(found)
    }
}

/// A service of the system itself takes on the roles that are made for it: that is no escalation. WHY: its id as well,
/// because anyone who may tag a role or label an account may write the label.
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
    let asked: Vec<RequirementQuery> = RequirementQuery::of(known);
    // With all variables open everything must hold, or no binding can.
    let open: Vec<FoundPath> = asked.iter().map(|a| a.way(view, reached, &Bound::new())).collect::<Option<_>>()?;
    let held =
        if open.iter().any(|(_, condition)| condition.is_some()) { Strength::Conditional } else { Strength::Complete };
    // What asks for no object is as sure with every object.
    let plainly =
        |(a, (_, condition)): (&RequirementQuery, &FoundPath)| a.variables().is_empty() && condition.is_some();
    let base = if asked.iter().zip(&open).any(plainly) { Strength::Conditional } else { Strength::Complete };
    let names: Vec<String> = known.variables().into_iter().collect();
    let mut completion = Completion { known, bindings: BTreeMap::new(), open, names };
    if completion.names.is_empty() {
        completion.bindings.insert(Vec::new(), held);
        return Some(completion);
    }
    let mut choices: Vec<(&str, Vec<Text>, Strength)> = Vec::new();
    let names = completion.names.clone();
    for name in &names {
        let all = objects(view, known, name);
        if all.is_empty() {
            // Nothing to bind it to: possible, with everything left open.
            completion.bindings.insert(Vec::new(), Strength::Possible);
            return Some(completion);
        }
        let (fitting, strength) = fitting(view, known, name, all, &asked, reached);
        choices.push((name, fitting, strength));
    }
    Binding::new(view, known, reached, &asked).bind(&choices, &mut Bound::new(), base, &mut completion);
    (!completion.bindings.is_empty()).then_some(completion)
}

/// The objects that fit all that is asked of one variable alone, and how surely at best.
fn fitting(
    view: &AccessState<'_, '_>,
    known: &EscalationPath,
    name: &str,
    all: BTreeSet<Text>,
    asked: &[RequirementQuery],
    reached: &Reached<'_>,
) -> (Vec<Text>, Strength) {
    let related =
        |object: &Text| reached.is_near(object.raw()) && wanted(known, name).all(|e| relates(view, e, object, reached));
    let mine: Vec<&RequirementQuery> = asked.iter().filter(|a| a.variables() == BTreeSet::from([name])).collect();
    // WHY: who may do it on everything may do it on each; no need to ask about thousands.
    let names = wanted(known, name).find_map(|e| e.name.as_deref());
    let whole: Option<Vec<bool>> = names.and_then(|names| {
        mine.iter().map(|a| a.is_plainly(name).then(|| reached.covers_all(view, a, names))?).collect()
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
        related(object) && mine.iter().all(|a| a.way(view, reached, &bound).is_some())
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

/// The completions of a state that another does not have, or not as surely, told one by one or as one; of a binding that is
/// new, `wanted` says whether it is one of those to tell.
pub(crate) fn fresh(
    view: &AccessState<'_, '_>,
    reached: &Reached<'_>,
    after: &Completions<'_>,
    before: &Completions<'_>,
    wanted: &dyn Fn(&Completion<'_>, &Objects, Strength) -> bool,
) -> Vec<Escalation> {
    let (mut found, subject) = (Vec::new(), reached.subject);
    for completion in after {
        let known = before.iter().find(|c| c.known.id == completion.known.id);
        let was = |objects: &Objects| known.and_then(|k| k.bindings.get(objects));
        let new: Vec<(&Objects, Strength)> = completion
            .bindings
            .iter()
            .filter(|(objects, strength)| was(objects).is_none_or(|w| w < strength))
            .filter(|(objects, strength)| wanted(completion, objects, **strength))
            .map(|(objects, strength)| (objects, *strength))
            .collect();
        if new.len() > MOST {
            let strength = new.iter().map(|(_, s)| *s).max().unwrap_or(Strength::Possible);
            let any: Objects = completion.names.iter().map(|_| "*".into()).collect();
            found.push(completion.told(subject, &any, strength, new.len(), &completion.open));
            continue;
        }
        for (objects, strength) in new {
            let bound = completion.bound(objects);
            let each = RequirementQuery::of(completion.known).into_iter().map(|asked| asked.way(view, reached, &bound));
            let legs: Option<Vec<FoundPath>> = each.collect();
            let legs = legs.unwrap_or_else(|| completion.open.clone());
            let mut told = completion.told(subject, objects, strength, 1, &legs);
            if told.conditional {
                told.conditions.extend(reached.conditions_on(completion.known, &bound));
                told.conditions.sort();
                told.conditions.dedup();
            }
            found.push(told);
        }
    }
    found
}
