//! Escalation paths: known ways from small permissions to large ones, as data.
//!
//! In: paths (what must be held, on which objects), a state and a subject. Out: the paths that the subject completes, with
//! what the variables stand for. An entry holds if a held allow overlaps it and no single deny covers the overlap; access
//! by activation counts. Never judges whether a completion is wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use crate::access::facts::Escalation;
use crate::access::pattern::Dialect;
use crate::access::reach::{Holding, Own, Wanted};
use crate::access::rules::{Bound, Template};
use crate::access::view::View;
use crate::access::way::{Leg, Way, path};
use crate::input::digest::Digest;
use crate::input::finding::{Code, Finding};
use crate::input::id::{ResourceId, Subject};
use crate::input::place::Place;
use crate::input::text::Text;

/// The form of a file of `escalations/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EscalationFile {
    pub(super) paths: Vec<EscalationPath>,
}

/// One known path.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalationPath {
    /// Its stable name.
    pub id: Text,
    /// What it leads to, one sentence.
    pub title: Text,
    /// Where it is documented.
    pub source: Text,
    /// The source system; none: any.
    #[serde(default)]
    pub system: Option<Text>,
    /// All of these must be held.
    pub requires: Vec<PathRequirement>,
    /// What the variables must be.
    #[serde(default)]
    pub exists: Vec<Exists>,
}

/// One thing that must be held.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathRequirement {
    /// The action pattern.
    pub action: Text,
    /// The resource pattern; `$name` stands for an object of the snapshot.
    pub resource: Text,
    /// The scope it must be held in, which may use the same names; none: in any.
    #[serde(default)]
    pub scope: Option<Text>,
}

/// What a variable must stand for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exists {
    /// The variable, without `$`.
    pub variable: String,
    /// The kind of object.
    #[serde(default)]
    pub kind: ObjectKind,
    /// Its name matches this pattern.
    #[serde(default)]
    pub name: Option<String>,
    /// Some trust lets who matches this pattern act as it.
    #[serde(default)]
    pub trusts: Option<Text>,
}

/// A kind of object of the snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// Any of the others.
    #[default]
    Any,
    /// An identity.
    Identity,
    /// A group.
    Group,
    /// A role.
    Role,
    /// A resource.
    Resource,
}

impl EscalationPath {
    /// The names of its variables.
    pub(super) fn variables(&self) -> BTreeSet<String> {
        let texts = self.requires.iter().flat_map(|r| [Some(&r.resource), r.scope.as_ref()]).flatten();
        let in_requires = texts.flat_map(|t| Template::new(t.raw()).variables().map(str::to_owned).collect::<Vec<_>>());
        in_requires.chain(self.exists.iter().map(|e| e.variable.clone())).collect()
    }

    /// What is wrong with the path itself.
    pub(super) fn faults(&self, place: &Place) -> Vec<Finding> {
        if self.requires.is_empty() {
            let message = format!("escalation path `{}` requires nothing", self.id.raw());
            return vec![Finding::new(Code::BadConfiguration, message).at(place).mend("list what must be held")];
        }
        Vec::new()
    }
}

/// A completed path's key: what makes two completions the same.
pub(super) fn key(escalation: &Escalation) -> (Digest<crate::input::digest::of::Piece>, bool) {
    (escalation.digest, escalation.complete)
}

/// What a subject holds, through all that it can act as.
struct Reached {
    actors: Vec<(Way, Rc<Own>)>,
}

impl Reached {
    fn new(view: &View<'_, '_>, subject: &Subject) -> Self {
        let row = view.row(subject);
        let own_first = row.get_key_value(subject);
        let others = row.iter().filter(|(actor, _)| *actor != subject);
        let actors = own_first.into_iter().chain(others);
        Self { actors: actors.map(|(actor, way)| (way.clone(), view.own(actor))).collect() }
    }

    /// The best way to something wanted; the first actor that has it in force, else by activation.
    fn way(&self, view: &View<'_, '_>, wanted: &Wanted<'_>) -> Option<Leg> {
        let mut best: Option<Leg> = None;
        for (way, own) in &self.actors {
            let found = view.holds(own, wanted);
            if found.is_empty() {
                continue;
            }
            let found = way.then(&found);
            if found.now.is_some() {
                return found.now;
            }
            best = best.or(found.ever);
        }
        best
    }
}

/// A requirement with its templates read.
struct Asked {
    action: Text,
    resource: Template,
    scope: Option<Template>,
}

impl Asked {
    fn new(requirement: &PathRequirement) -> Self {
        Self {
            action: requirement.action.clone(),
            resource: Template::new(requirement.resource.raw()),
            scope: requirement.scope.as_ref().map(|s| Template::new(s.raw())),
        }
    }

    fn way(&self, view: &View<'_, '_>, reached: &Reached, bound: &Bound) -> Option<Leg> {
        let resource: Text = self.resource.filled(bound).into();
        // An open scope is any scope.
        let open = |t: &&Template| t.variables().all(|name| bound.contains_key(name));
        let scope = self.scope.as_ref().filter(open).map(|s| ResourceId::new(s.filled(bound)));
        reached.way(view, &Wanted { action: &self.action, resource: &resource, scope: scope.as_ref() })
    }

    fn uses_only(&self, name: &str) -> bool {
        let all = self.resource.variables().chain(self.scope.iter().flat_map(Template::variables));
        let mut some = false;
        let mut only = true;
        for variable in all {
            some = true;
            only &= variable == name;
        }
        some && only
    }
}

/// The escalation paths that a subject completes, sorted by path and bindings.
pub(super) fn completed(view: &View<'_, '_>, paths: &[EscalationPath], subject: &Subject) -> Vec<Escalation> {
    let system = &view.index.snapshot().source;
    let reached = Reached::new(view, subject);
    let mut found = Vec::new();
    for known in paths.iter().filter(|p| p.system.as_ref().is_none_or(|s| s == system)) {
        complete(view, known, subject, &reached, &mut found);
    }
    found
}

fn complete(
    view: &View<'_, '_>,
    known: &EscalationPath,
    subject: &Subject,
    reached: &Reached,
    found: &mut Vec<Escalation>,
) {
    let asked: Vec<Asked> = known.requires.iter().map(Asked::new).collect();
    // With all variables open everything must hold, or no binding can.
    let open: Option<Vec<Leg>> = asked.iter().map(|a| a.way(view, reached, &Bound::new())).collect();
    let Some(open) = open else { return };
    let variables = known.variables();
    if variables.is_empty() {
        found.push(escalation(known, subject, &Bound::new(), true, &open));
        return;
    }
    let mut choices: Vec<(String, Vec<Text>)> = Vec::new();
    for name in variables {
        let all = objects(view, known, &name);
        if all.is_empty() {
            // Nothing to bind it to: possible, with everything left open.
            found.push(escalation(known, subject, &Bound::new(), false, &open));
            return;
        }
        let mine: Vec<&Asked> = asked.iter().filter(|a| a.uses_only(&name)).collect();
        let fits = |object: &Text| {
            let bound = Bound::from([(name.clone(), object.raw().to_owned())]);
            mine.iter().all(|a| a.way(view, reached, &bound).is_some())
        };
        let fitting: Vec<Text> = all.into_iter().filter(fits).collect();
        choices.push((name, fitting));
    }
    bind(view, known, subject, reached, &asked, &choices, &mut Bound::new(), found);
}

#[expect(clippy::too_many_arguments, reason = "one recursion over what all hold in common")]
fn bind(
    view: &View<'_, '_>,
    known: &EscalationPath,
    subject: &Subject,
    reached: &Reached,
    asked: &[Asked],
    choices: &[(String, Vec<Text>)],
    bound: &mut Bound,
    found: &mut Vec<Escalation>,
) {
    let Some(((name, objects), rest)) = choices.split_first() else {
        let ways: Option<Vec<Leg>> = asked.iter().map(|a| a.way(view, reached, bound)).collect();
        if let Some(ways) = ways {
            found.push(escalation(known, subject, bound, true, &ways));
        }
        return;
    };
    for object in objects {
        bound.insert(name.clone(), object.raw().to_owned());
        bind(view, known, subject, reached, asked, rest, bound, found);
    }
    bound.remove(name);
}

/// Ids and titles of the paths for which holding one role everywhere is enough, if there is something to bind their
/// variables to.
pub(super) fn prone<'p>(
    view: &View<'_, '_>,
    paths: &'p [EscalationPath],
    role: &crate::input::id::RoleId,
) -> Vec<(&'p Text, &'p Text)> {
    let flat = view.flat(role);
    let denied = |p: &crate::input::entitlement::Permission| crate::access::facts::Exception {
        action: p.action.clone(),
        resource: p.resource.clone(),
        scope: None,
        until: None,
        except: p.except.clone(),
    };
    let own = Own {
        denies: flat.denies.iter().map(denied).collect(),
        holdings: vec![Holding { role: role.clone(), scope: None, way: Way::start(), flat }],
        ..Own::default()
    };
    let reached = Reached { actors: vec![(Way::start(), Rc::new(own))] };
    let system = &view.index.snapshot().source;
    let applies = |path: &&EscalationPath| path.system.as_ref().is_none_or(|s| s == system);
    let holds = |path: &&EscalationPath| {
        path.requires.iter().all(|asked| Asked::new(asked).way(view, &reached, &Bound::new()).is_some())
    };
    paths.iter().filter(applies).filter(holds).map(|path| (&path.id, &path.title)).collect()
}

/// The objects that a variable may stand for, sorted.
fn objects(view: &View<'_, '_>, known: &EscalationPath, name: &str) -> BTreeSet<Text> {
    let wanted: Vec<&Exists> = known.exists.iter().filter(|e| e.variable == name).collect();
    let kind = |k: ObjectKind| wanted.iter().all(|e| e.kind == ObjectKind::Any || e.kind == k);
    let snapshot = view.index.snapshot();
    let mut all: BTreeSet<Text> = BTreeSet::new();
    if kind(ObjectKind::Identity) {
        all.extend(snapshot.identities.iter().filter(|i| view.identity(i.id.as_str()).is_some()).map(|i| i.id.text()));
        all.extend(view.delta.identities.values().flatten().map(|i| i.id.text()));
    }
    if kind(ObjectKind::Group) {
        all.extend(snapshot.groups.iter().filter(|g| view.group(g.id.as_str()).is_some()).map(|g| g.id.text()));
        all.extend(view.delta.groups.values().flatten().map(|g| g.id.text()));
    }
    if kind(ObjectKind::Role) {
        let gone = |id| matches!(view.delta.roles.get(id), Some(None));
        all.extend(snapshot.roles.iter().filter(|r| !gone(&r.id)).map(|r| r.id.text()));
        all.extend(view.delta.roles.values().flatten().map(|r| r.id.text()));
    }
    if kind(ObjectKind::Resource) {
        let gone = |id| matches!(view.delta.resources.get(id), Some(None));
        all.extend(snapshot.resources.iter().filter(|r| !gone(&r.id)).map(|r| r.id.text()));
        all.extend(view.delta.resources.values().flatten().map(|r| r.id.text()));
    }
    all.retain(|object| wanted.iter().all(|e| suits(view, e, object)));
    all
}

fn suits(view: &View<'_, '_>, exists: &Exists, object: &Text) -> bool {
    let named = exists.name.as_ref().is_none_or(|p| crate::access::pattern::id_matches(p, object.raw()));
    let trusting = exists.trusts.as_ref().is_none_or(|pattern| {
        let to = Subject::Identity(object.raw().into());
        view.trusts_to(&to).iter().any(|t| Dialect::default().resources_overlap(t.from.raw(), pattern.raw()))
    });
    named && trusting
}

#[derive(Serialize)]
struct Hashed<'h> {
    escalation: &'h Text,
    kind: &'static str,
    subject: Text,
    bound: &'h BTreeMap<String, Text>,
}

fn escalation(known: &EscalationPath, subject: &Subject, bound: &Bound, complete: bool, ways: &[Leg]) -> Escalation {
    let bound: BTreeMap<String, Text> = bound.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect();
    let hashed = Hashed {
        escalation: &known.id,
        kind: match subject {
            Subject::Identity(_) => "identity",
            Subject::Group(_) => "group",
        },
        subject: subject.text(),
        bound: &bound,
    };
    let digest = Digest::of(&crate::input::canonical::to_bytes(&hashed).unwrap_or_default());
    Escalation {
        id: known.id.clone(),
        title: known.title.clone(),
        subject: subject.clone(),
        bound,
        complete,
        paths: ways.iter().map(|leg| path(&leg.trail)).collect(),
        digest,
    }
}
