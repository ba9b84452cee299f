//! Completion: who completes which escalation path, and how.
//!
//! In: paths, a state and a subject. Out: for each path what its variables can stand for, how surely, and the ways by
//! which each requirement is held, by the subject or by one that it can act as. An entry holds if a held allow overlaps it
//! and no single deny covers the overlap; access by activation counts. Never judges whether a completion is wanted.
//!
//! Many objects may do: up to [`MOST`] new ones of a path are told one by one, more of them as one, with `*` for the
//! object. What was held before is compared object by object all the same.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::Serialize;

use crate::access::bind::Binding;
use crate::access::coverage::scopes_overlap;
use crate::access::escalation::{EscalationPath, Exists, PathRequirement, Relation};
use crate::access::facts::Escalation;
use crate::access::flat::{Allow, Flat};
use crate::access::given::{Given, Source};
use crate::access::objects::{objects, wanted};
use crate::access::question::number;
use crate::access::reach::Wanted;
use crate::access::row::Row;
use crate::access::rules::{Bound, Template};
use crate::access::view::View;
use crate::access::way::{Leg, path};
use crate::input::digest::{Digest, of};
use crate::input::id::{IdentityId, ResourceId, RoleId, Subject};
use crate::input::text::Text;

/// New completions of one path that are told one by one.
const MOST: usize = 8;
/// Bindings of one path that are looked for; what lies beyond is told as one with the rest.
pub(super) const MAX_BINDINGS: usize = 20_000;

/// How surely a path is completed. INVARIANT: the order of the variants makes `Complete` the surest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// Nothing known to bind a variable to.
    Possible,
    /// Held, but something only under a condition.
    Conditional,
    Complete,
}

/// What the variables of a path stand for, in the order of their names; empty where nothing is known.
pub(super) type Objects = Vec<Text>;

/// A path that a subject completes.
#[derive(Debug)]
pub(super) struct Completion<'p> {
    known: &'p EscalationPath,
    pub(super) names: Vec<String>,
    pub(super) bindings: BTreeMap<Objects, Strength>,
    /// How each requirement is held with all variables open: shown where no single object is.
    open: Vec<Leg>,
}

/// All that a subject completes.
pub(super) type Completions<'p> = Vec<Completion<'p>>;

/// A completion's key: what makes two the same.
pub(super) fn key(escalation: &Escalation) -> (Digest<of::Piece>, bool, bool) {
    (escalation.digest, escalation.complete, escalation.conditional)
}

/// What a subject holds, through all that it can act as.
pub(super) struct Reached<'r> {
    pub(super) subject: &'r Subject,
    pub(super) row: Rc<Row>,
    pub(super) given: Rc<Given>,
    pub(super) named: Named,
}

/// The groups that actors belong to and the roles that they hold, once asked for.
#[derive(Default)]
pub(super) struct Named {
    groups: OnceCell<BTreeSet<Subject>>,
    roles: OnceCell<BTreeSet<RoleId>>,
    /// As whom one can act, and the groups that these belong to, whatever other plans may let be.
    settled: OnceCell<Rc<Row>>,
    settled_groups: OnceCell<BTreeSet<Subject>>,
}

/// A way to something required, and whether it depends on a condition.
pub(super) type Found = (Leg, bool);

impl<'r> Reached<'r> {
    pub(super) fn new(view: &View<'_, '_>, subject: &'r Subject) -> Self {
        Self { subject, row: view.row(subject), given: view.given(subject), named: Named::default() }
    }

    /// The best way to something wanted: without a condition rather than under one, in force rather than by activation,
    /// and of those the shortest.
    fn way(&self, view: &View<'_, '_>, wanted: &Wanted<'_>) -> Option<Found> {
        let dialect = view.dialect;
        let lends = |flat: &Flat| !flat.overlapping_places(dialect, wanted.action, wanted.resource).is_empty();
        let mut best: [Option<(usize, &Source, &Allow)>; 4] = [None; 4];
        for gift in self.given.of_roles(&lends) {
            let place = gift.scope.as_ref();
            if wanted.scope.is_some() && !scopes_overlap(view, place, wanted.scope) {
                continue;
            }
            for allow in gift.flat.overlapping(dialect, wanted.action, wanted.resource) {
                let under = if allow.permission.condition.is_none() { 0 } else { 2 };
                for (source, rank) in [(gift.now.as_ref(), under), (gift.ever.as_ref(), under + 1)] {
                    let (Some(source), Some(best)) = (source, best.get_mut(rank)) else { continue };
                    let length = source.length() + allow.chain.len();
                    let shorter = best.is_none_or(|(known, ..)| length < known);
                    if shorter && !view.is_denied(&gift.denies, place, allow, source.end, wanted) {
                        *best = Some((length, source, allow));
                    }
                }
            }
        }
        let (rank, (_, source, allow)) = best.into_iter().enumerate().find_map(|(rank, found)| Some((rank, found?)))?;
        let leg = source.leg();
        Some((Leg { end: leg.end, trail: allow.trail(&leg.trail) }, rank >= 2))
    }

    /// Whether an allow without exceptions or denies covers an action on all that a pattern of names matches.
    fn covers_all(&self, view: &View<'_, '_>, action: &Text, names: &str) -> Option<bool> {
        let dialect = view.dialect;
        let resource = Text::from(names);
        let mut found = None;
        for gift in self.given.at(None).iter().filter(|gift| gift.now.is_some()) {
            let denied = gift.denies.iter().any(|d| {
                dialect.actions_overlap(d.action.raw(), action.raw())
                    && dialect.resources_overlap(d.resource.raw(), names)
            });
            if denied {
                continue;
            }
            for allow in gift.flat.overlapping(dialect, action, &resource) {
                let p = &allow.permission;
                let covers = p.except.is_empty()
                    && dialect.action_covers(p.action.raw(), action.raw())
                    && dialect.resource_covers(p.resource.raw(), names);
                if covers {
                    match p.condition {
                        None => return Some(true),
                        Some(_) => found = Some(false),
                    }
                }
            }
        }
        found
    }

    /// Whether an object lies within reach at all: in a system of accounts, only what lies in an account of an actor does.
    fn is_near(&self, view: &View<'_, '_>, name: &str) -> bool {
        let Some(account) = number(name).filter(|_| view.dialect.variables) else { return true };
        self.row.keys().any(|actor| number(actor.as_str()) == Some(account))
    }

    fn is_actor(&self, name: &str) -> bool {
        self.row.contains_key(&Subject::Identity(IdentityId::new(name)))
    }

    /// Whether some actor belongs to a group.
    fn belongs(&self, view: &View<'_, '_>, name: &str) -> bool {
        self.named.groups.get_or_init(|| groups_of(view, &self.row)).contains(&Subject::Group(name.into()))
    }

    /// The state by which it is told what somebody is not: what another plan makes of them may never be.
    fn settled<'x, 'v, 's>(view: &'x View<'v, 's>) -> &'x View<'v, 's> {
        view.settled.unwrap_or(view)
    }

    fn settled_row(&self, view: &View<'_, '_>) -> &Row {
        self.named.settled.get_or_init(|| Self::settled(view).row(self.subject))
    }

    fn is_sure_actor(&self, view: &View<'_, '_>, name: &str) -> bool {
        self.is_actor(name) && self.settled_row(view).contains_key(&Subject::Identity(IdentityId::new(name)))
    }

    fn surely_belongs(&self, view: &View<'_, '_>, name: &str) -> bool {
        let groups = || groups_of(Self::settled(view), self.settled_row(view));
        self.belongs(view, name) && self.named.settled_groups.get_or_init(groups).contains(&Subject::Group(name.into()))
    }

    /// Whether some actor holds a role.
    fn holds(&self, role: &str) -> bool {
        let all = || self.given.of_roles(&|_| true).into_iter().map(|gift| gift.role.clone()).collect();
        self.named.roles.get_or_init(all).contains(role)
    }
}

/// The groups that those of a row belong to.
fn groups_of(view: &View<'_, '_>, row: &Row) -> BTreeSet<Subject> {
    let of = |actor: &Subject| view.own(actor).groups.keys().map(|(s, _)| s.clone()).collect::<Vec<_>>();
    row.keys().flat_map(of).collect()
}

/// A requirement with its templates read.
pub(super) struct Asked {
    action: Text,
    resource: Template,
    scope: Option<Template>,
}

impl Asked {
    pub(super) fn new(requirement: &PathRequirement) -> Self {
        Self {
            action: requirement.action.clone(),
            resource: Template::new(requirement.resource.raw()),
            scope: requirement.scope.as_ref().map(|s| Template::new(s.raw())),
        }
    }

    pub(super) fn way(&self, view: &View<'_, '_>, reached: &Reached<'_>, bound: &Bound) -> Option<Found> {
        let resource: Text = self.resource.filled(bound).into();
        // An open scope is any scope.
        let open = |t: &&Template| t.variables().all(|name| bound.contains_key(name));
        let scope = self.scope.as_ref().filter(open).map(|s| ResourceId::new(s.filled(bound)));
        reached.way(view, &Wanted { action: &self.action, resource: &resource, scope: scope.as_ref() })
    }

    /// Its variables.
    pub(super) fn variables(&self) -> BTreeSet<&str> {
        self.resource.variables().chain(self.scope.iter().flat_map(Template::variables)).collect()
    }

    /// Whether its resource is just one variable and it asks for no scope.
    fn is_plainly(&self, name: &str) -> bool {
        self.scope.is_none() && self.resource.is_only(name)
    }
}

/// The escalation paths that a subject completes, in the order of the data.
pub(super) fn completed<'p>(
    view: &View<'_, '_>,
    paths: impl IntoIterator<Item = &'p EscalationPath>,
    subject: &Subject,
) -> Completions<'p> {
    if is_service(view, subject) {
        return Vec::new();
    }
    let system = &view.index.snapshot().source;
    let reached = Reached::new(view, subject);
    let applies = |p: &&EscalationPath| p.system.as_ref().is_none_or(|s| s == system);
    paths.into_iter().filter(applies).filter_map(|known| complete(view, known, &reached)).collect()
}

impl View<'_, '_> {
    /// Every subject that holds all that some path with variables asks for, whatever they stand for: only these may complete
    /// one without gaining anything. Nothing if there is more than `work` to look at.
    pub(super) fn prone(&self, paths: &[EscalationPath], work: u64) -> Option<Rc<BTreeSet<Subject>>> {
        if let Some(known) = &self.worked.borrow().prone {
            return Some(Rc::clone(known));
        }
        if self.worked.borrow().too_many_prone {
            return None;
        }
        let system = &self.index.snapshot().source;
        let applies = |p: &&EscalationPath| p.system.as_ref().is_none_or(|s| s == system);
        let paths: Vec<Vec<Asked>> = paths
            .iter()
            .filter(applies)
            .filter(|p| !p.variables().is_empty())
            .map(|p| p.requires.iter().map(Asked::new).collect())
            .collect();
        let mut left = work;
        let mut found = BTreeSet::new();
        for subject in self.everyone() {
            left = left.saturating_sub(self.size(&subject));
            if left == 0 {
                self.worked.borrow_mut().too_many_prone = true;
                return None;
            }
            let reached = Reached::new(self, &subject);
            let open = |asked: &Vec<Asked>| asked.iter().all(|a| a.way(self, &reached, &Bound::new()).is_some());
            if !is_service(self, &subject) && paths.iter().any(open) {
                found.insert(subject);
            }
        }
        let found = Rc::new(found);
        self.worked.borrow_mut().prone = Some(Rc::clone(&found));
        Some(found)
    }
}

/// A service of the system itself takes on the roles that are made for it: that is no escalation.
fn is_service(view: &View<'_, '_>, subject: &Subject) -> bool {
    let Subject::Identity(id) = subject else { return false };
    view.identity(id.as_str()).is_some_and(|i| i.labels.get("service").is_some_and(|v| v.raw() == "true"))
}

fn complete<'p>(view: &View<'_, '_>, known: &'p EscalationPath, reached: &Reached<'_>) -> Option<Completion<'p>> {
    let asked: Vec<Asked> = known.requires.iter().map(Asked::new).collect();
    // With all variables open everything must hold, or no binding can.
    let open: Vec<Found> = asked.iter().map(|a| a.way(view, reached, &Bound::new())).collect::<Option<_>>()?;
    let held =
        if open.iter().any(|(_, conditional)| *conditional) { Strength::Conditional } else { Strength::Complete };
    // What asks for no object is as sure with every object.
    let plainly = |(a, (_, conditional)): (&Asked, &Found)| a.variables().is_empty() && *conditional;
    let base = if asked.iter().zip(&open).any(plainly) { Strength::Conditional } else { Strength::Complete };
    let names: Vec<String> = known.variables().into_iter().collect();
    let mut completion =
        Completion { known, bindings: BTreeMap::new(), open: open.into_iter().map(|(leg, _)| leg).collect(), names };
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
    view: &View<'_, '_>,
    known: &EscalationPath,
    name: &str,
    all: BTreeSet<Text>,
    asked: &[Asked],
    reached: &Reached<'_>,
) -> (Vec<Text>, Strength) {
    let related = |object: &Text| {
        reached.is_near(view, object.raw()) && wanted(known, name).all(|e| relates(view, e, object, reached))
    };
    let mine: Vec<&Asked> = asked.iter().filter(|a| a.variables() == BTreeSet::from([name])).collect();
    // WHY: who may do it on everything may do it on each; no need to ask about thousands.
    let names = wanted(known, name).find_map(|e| e.name.as_deref());
    let whole: Option<Vec<bool>> = names.and_then(|names| {
        mine.iter().map(|a| a.is_plainly(name).then(|| reached.covers_all(view, &a.action, names))?).collect()
    });
    if let Some(whole) = whole.filter(|w| !w.is_empty()) {
        let strength = if whole.iter().all(|plain| *plain) { Strength::Complete } else { Strength::Conditional };
        return (all.into_iter().filter(related).collect(), strength);
    }
    let fits = |object: &Text| {
        let bound = Bound::from([(name.to_owned(), object.raw().to_owned())]);
        related(object) && mine.iter().all(|a| a.way(view, reached, &bound).is_some())
    };
    (all.into_iter().filter(fits).collect(), Strength::Possible)
}

fn relates(view: &View<'_, '_>, exists: &Exists, object: &Text, reached: &Reached<'_>) -> bool {
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

/// The completions of a state that another does not have, or not as surely, told one by one or as one.
pub(super) fn fresh(
    view: &View<'_, '_>,
    subject: &Subject,
    after: &Completions<'_>,
    before: &Completions<'_>,
) -> Vec<Escalation> {
    let mut found = Vec::new();
    let walked = std::cell::OnceCell::new();
    for completion in after {
        let known = before.iter().find(|c| c.known.id == completion.known.id);
        let was = |objects: &Objects| known.and_then(|k| k.bindings.get(objects));
        let new: Vec<(&Objects, Strength)> = completion
            .bindings
            .iter()
            .filter(|(objects, strength)| was(objects).is_none_or(|w| w < strength))
            .map(|(objects, strength)| (objects, *strength))
            .collect();
        if new.len() > MOST {
            let strength = new.iter().map(|(_, s)| *s).max().unwrap_or(Strength::Possible);
            let any: Objects = completion.names.iter().map(|_| "*".into()).collect();
            found.push(completion.told(subject, &any, strength, new.len(), &completion.open));
            continue;
        }
        for (objects, strength) in new {
            let reached = walked.get_or_init(|| Reached::new(view, subject));
            let bound: Bound =
                completion.names.iter().cloned().zip(objects.iter().map(|o| o.raw().to_owned())).collect();
            let each = completion.known.requires.iter().map(|r| Asked::new(r).way(view, reached, &bound));
            let legs: Option<Vec<Leg>> = each.map(|held| held.map(|(leg, _)| leg)).collect();
            let legs = legs.unwrap_or_else(|| completion.open.clone());
            found.push(completion.told(subject, objects, strength, 1, &legs));
        }
    }
    found
}

#[derive(Serialize)]
struct Hashed<'h> {
    escalation: &'h Text,
    kind: &'static str,
    subject: Text,
    bound: &'h BTreeMap<String, Text>,
}

impl Completion<'_> {
    fn told(&self, subject: &Subject, objects: &Objects, strength: Strength, count: usize, ways: &[Leg]) -> Escalation {
        let bound: BTreeMap<String, Text> = self.names.iter().cloned().zip(objects.iter().cloned()).collect();
        let hashed = Hashed {
            escalation: &self.known.id,
            kind: match subject {
                Subject::Identity(_) => "identity",
                Subject::Group(_) => "group",
            },
            subject: subject.text(),
            bound: &bound,
        };
        let digest = Digest::of(&crate::input::canonical::to_bytes(&hashed).unwrap_or_default());
        let requires: Vec<(Text, Text)> =
            self.known.requires.iter().map(|r| (r.action.clone(), filled(&r.resource, &bound))).collect();
        Escalation {
            id: self.known.id.clone(),
            title: self.known.title.clone(),
            subject: subject.clone(),
            bound,
            count: u64::try_from(count).unwrap_or(u64::MAX),
            complete: strength != Strength::Possible,
            conditional: strength == Strength::Conditional,
            requires,
            paths: ways.iter().map(|leg| path(&leg.trail)).collect(),
            digest,
        }
    }
}

fn filled(resource: &Text, bound: &BTreeMap<String, Text>) -> Text {
    let bound: Bound = bound.iter().map(|(name, object)| (name.clone(), object.raw().to_owned())).collect();
    Template::new(resource.raw()).filled(&bound).into()
}
