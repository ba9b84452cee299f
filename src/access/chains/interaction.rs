//! Interaction: which pending changes may give something new together with the changes of this plan.
//!
//! Takes the steps of this plan and of others, all applied to the snapshot at once. Two changes may interact if a
//! subject benefits from both, or if a subject that gains from one can use, in an escalation path, an object that the
//! other alters. Over-approximates: a change that is left out provably adds nothing. Returns `None` if the search
//! exceeds its budget.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::chains::what_if::lay;
use crate::access::change::apply::{seeds, trust};
use crate::access::change::references::{Object, outline};
use crate::access::change::resolve::ResolvedChange;
use crate::access::effective::state::AccessState;
use crate::access::effects::request::AnalysisRequest;
use crate::access::escalation::catalog::{EscalationPath, Exists, ObjectKind};
use crate::access::escalation::objects::objects;
use crate::access::escalation::requirement::HeldIn;
use crate::access::escalation::requirement::Reached;
use crate::access::escalation::requirement_query::RequirementQuery;
use crate::access::graph::closure::closure;
use crate::access::graph::index::NameKind;
use crate::access::graph::trust_rules::{Bound, Template};
use crate::access::matching::dialect::Dialect;
use crate::access::matching::pattern::id_matches;
use crate::input::id::Subject;
use crate::input::time::Time;
use crate::plan::model::{Action, Target};

/// The variables of an escalation path, by path index, with the new objects that a step may bind to them.
type Bindings = BTreeSet<(usize, Bound)>;

/// The steps, and the state with all of them applied.
struct CrossPlanInteraction<'m, 'v, 's> {
    plain: &'m AccessState<'v, 's>,
    whole: &'m AccessState<'v, 's>,
    paths: Vec<(&'m EscalationPath, Vec<RequirementQuery>)>,
    expires: Time,
    /// The remaining work budget.
    left: u64,
}

/// The indices of pending steps that may interact with the first `mine`.
pub(crate) fn meeting(
    q: &AnalysisRequest<'_, '_>,
    plain: &AccessState<'_, '_>,
    steps: &[ResolvedChange<'_>],
    mine: usize,
    among: &[usize],
) -> Option<BTreeSet<usize>> {
    let whole = lay(q, plain, steps, &(0..steps.len()).collect());
    let systems = q.index.systems();
    let applies = |p: &&EscalationPath| systems.may_hold(p.system.as_ref()) && !p.variables().is_empty();
    let paths = q.data.escalations.iter().filter(applies);
    let paths = paths.map(|p| (p, RequirementQuery::of(&whole, p))).collect();
    let mut meeting =
        CrossPlanInteraction { plain, whole: &whole, paths, expires: q.plan.expires.value, left: q.budget.work };
    let others: Vec<(usize, &ResolvedChange<'_>)> =
        among.iter().filter_map(|at| Some((*at, steps.get(*at)?))).collect();

    // Interaction through subjects: everyone who benefits from this plan, and the identities they can act as.
    let ours: Vec<BTreeSet<Subject>> = steps.iter().take(mine).map(|step| meeting.own(step)).collect();
    let ours: BTreeSet<Subject> = ours.into_iter().flatten().collect();
    let (gaining, reached) = meeting.behind(&ours)?;
    let mut found: BTreeSet<usize> = BTreeSet::new();
    for (at, step) in &others {
        let depends = step.depends_on.iter().any(|on| *on < mine);
        if depends || !meeting.own(step).is_disjoint(&reached) {
            found.insert(*at);
        }
    }
    // Interaction through an object that a pending change alters, for subjects that gain from this plan.
    let able = meeting.able(&gaining)?;
    for (at, step) in &others {
        if !found.contains(at) && meeting.any_uses(&meeting.bindings(step), &able) {
            found.insert(*at);
        }
    }
    // Interaction through an object that this plan alters, for subjects that gain from another plan or from another
    // object of the same path that a pending change alters.
    let bindings: Bindings = steps.iter().take(mine).flat_map(|step| meeting.bindings(step)).collect();
    if !bindings.is_empty() {
        let everyone = whole.everyone();
        let able = meeting.able(&everyone)?;
        let mut users = BTreeSet::new();
        let mut of_paths: BTreeMap<usize, BTreeSet<&Subject>> = BTreeMap::new();
        for (path, bound) in &bindings {
            let who = able.get(path).into_iter().flatten();
            let who: Vec<&Subject> = who.filter(|who| meeting.uses(who, *path, bound)).copied().collect();
            users.extend(who.iter().copied());
            of_paths.entry(*path).or_default().extend(who);
        }
        let mut reached = BTreeSet::new();
        for user in users {
            let row = whole.row(user);
            meeting.charge(row.len())?;
            reached.extend(row.keys().cloned());
        }
        for (at, step) in &others {
            if !found.contains(at)
                && (!meeting.own(step).is_disjoint(&reached) || meeting.any_uses(&meeting.bindings(step), &of_paths))
            {
                found.insert(*at);
            }
        }
    }
    Some(found)
}

/// By path index, the subjects that have everything the path requires, for any binding of its variables.
type Able<'s> = BTreeMap<usize, BTreeSet<&'s Subject>>;

impl CrossPlanInteraction<'_, '_, '_> {
    /// Charges the work budget.
    fn charge(&mut self, entries: usize) -> Option<()> {
        self.left = self.left.checked_sub(u64::try_from(entries).ok()?)?;
        Some(())
    }

    /// The subjects whose own holdings a step alters.
    fn own(&self, step: &ResolvedChange<'_>) -> BTreeSet<Subject> {
        closure(&seeds(step, self.plain, self.whole), |subject| match subject {
            Subject::Group(group) => &self.plain.members(group) | &self.whole.members(group),
            Subject::Identity(_) => BTreeSet::new(),
        })
    }

    /// The subjects that can act as one of `of`, and the identities that all of these can act as.
    fn behind(&mut self, of: &BTreeSet<Subject>) -> Option<(BTreeSet<Subject>, BTreeSet<Subject>)> {
        let (mut gaining, mut reached) = (BTreeSet::new(), of.clone());
        for subject in self.whole.predecessors(of) {
            let row = self.whole.row(&subject);
            self.charge(row.len())?;
            if of.contains(&subject) || of.iter().any(|one| row.contains_key(one)) {
                reached.extend(row.keys().cloned());
                reached.insert(subject.clone());
                gaining.insert(subject);
            }
        }
        Some((gaining, reached))
    }

    /// The subjects that have everything a path requires.
    fn able<'s>(&mut self, subjects: &'s BTreeSet<Subject>) -> Option<Able<'s>> {
        let mut able = Able::new();
        for subject in subjects {
            let size = self.whole.size(subject);
            // Each path is evaluated separately; the content of a role is cached.
            self.charge(usize::try_from(size).ok()?.saturating_mul(8))?;
            let reached = Reached::new(self.whole, subject);
            for (at, (_, asked)) in self.paths.iter().enumerate() {
                if asked.iter().all(|a| a.way(self.whole, &reached, &Bound::new(), HeldIn::Any).is_some()) {
                    able.entry(at).or_default().insert(subject);
                }
            }
        }
        Some(able)
    }

    /// Whether a subject has what a path requires on exactly these objects.
    fn uses(&self, who: &Subject, path: usize, bound: &Bound) -> bool {
        let Some((_, asked)) = self.paths.get(path) else { return true };
        let reached = Reached::new(self.whole, who);
        asked.iter().all(|a| a.way(self.whole, &reached, bound, HeldIn::Any).is_some())
    }

    fn any_uses(&self, bindings: &Bindings, able: &Able<'_>) -> bool {
        bindings
            .iter()
            .any(|(path, bound)| able.get(path).into_iter().flatten().any(|who| self.uses(who, *path, bound)))
    }

    /// The new objects that a step may bind to the variables of paths.
    fn bindings(&self, step: &ResolvedChange<'_>) -> Bindings {
        let mut found = Bindings::new();
        let outlined = outline(step.change);
        let one = |variable: &str, object: &str| Bound::from([(variable.to_owned(), object.to_owned())]);
        for (at, (path, _)) in self.paths.iter().enumerate() {
            // A deleted object may be one that a variable must not match.
            if outlined.deletes.is_some() || matches!(step.change.action, Action::RemoveTrust(_)) {
                found.insert((at, Bound::new()));
            }
            if let Some((kind, name)) = &outlined.makes
                && let Some(kind) = object_kind(*kind)
            {
                for variable in path.variables().into_iter().filter(|variable| !path.is_named(variable)) {
                    if path.exists.iter().all(|e| e.variable != variable || fits(e, kind, name.raw())) {
                        found.insert((at, one(&variable, name.raw())));
                    }
                }
            }
            if let Some((made, _)) = trust(self.plain.index, self.expires, step) {
                let lets_in = |e: &&Exists| {
                    fits(e, ObjectKind::Identity, made.to.raw())
                        && e.trusts.iter().any(|p| Dialect::default().resources_overlap(made.from.raw(), p.raw()))
                };
                found.extend(path.exists.iter().filter(lets_in).map(|e| (at, one(&e.variable, made.to.raw()))));
            }
            if let Action::Grant(a) | Action::Adjust(a) = &step.change.action
                && let Target::Role(role) = &a.target
            {
                for e in path.exists.iter().filter(|e| fits(e, ObjectKind::Role, role.value.as_str())) {
                    let Some(holder) = &e.held_by else { continue };
                    let of_holder = path.exists.iter().filter(|h| h.variable == *holder);
                    let to = self.whole.subjects(a.to.value.raw());
                    let is_a = |e: &Exists| to.iter().any(|who| fits(e, subject_kind(who), who.as_str()));
                    if of_holder.into_iter().all(is_a) {
                        let mut bound = one(&e.variable, role.value.as_str());
                        bound.insert(holder.clone(), a.to.value.raw().to_owned());
                        found.insert((at, bound));
                    }
                }
            }
            let asks = |e: &&Exists| e.named.is_none() && (e.holds.is_some() || e.gives_more);
            for e in path.exists.iter().filter(asks) {
                let own = self.own(step);
                let holding: Vec<&Subject> =
                    own.iter().filter(|who| fits(e, subject_kind(who), who.as_str())).collect();
                if holding.is_empty() {
                    continue;
                }
                // The binding matters only if the object matches the variable with all changes applied.
                let meant = objects(self.whole, path, &e.variable);
                let holding = holding.into_iter().filter(|who| e.holds.is_some() || meant.contains(&who.text()));
                found.extend(holding.map(|who| (at, one(&e.variable, who.as_str()))));
            }
            for e in path.exists.iter().filter(|e| e.gives_more && e.kind == ObjectKind::Role) {
                let Some(template) = e.named.as_ref().map(|t| Template::new(t.raw())) else { continue };
                let roles =
                    outlined.objects.iter().filter_map(Object::whole).filter(|(kind, _)| *kind == NameKind::Role);
                found.extend(roles.filter_map(|(_, role)| Some((at, template.matches(role.raw())?))));
            }
        }
        found
    }
}

/// Whether an object of a kind can match a variable of a path by its name.
fn fits(e: &Exists, kind: ObjectKind, name: &str) -> bool {
    (e.kind == ObjectKind::Any || e.kind == kind)
        && (e.name.is_empty() || e.name.iter().any(|p| id_matches(p.raw(), name)))
        && !e.not_name.as_ref().is_some_and(|p| id_matches(p, name))
}

fn subject_kind(subject: &Subject) -> ObjectKind {
    match subject {
        Subject::Identity(_) => ObjectKind::Identity,
        Subject::Group(_) => ObjectKind::Group,
    }
}

fn object_kind(kind: NameKind) -> Option<ObjectKind> {
    match kind {
        NameKind::Identity => Some(ObjectKind::Identity),
        NameKind::Group => Some(ObjectKind::Group),
        NameKind::Role => Some(ObjectKind::Role),
        NameKind::Resource => Some(ObjectKind::Resource),
        NameKind::Subject | NameKind::Assignment | NameKind::Trust | NameKind::Credential | NameKind::Alert => None,
    }
}
