//! The objects that variables of escalation paths can match.
//!
//! Finds the objects of the snapshot that match the conditions of a path on a variable, for any subject. The relation
//! of an object to a subject is checked in [`crate::access::escalation::matches`].

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::access::effective::holdings::WantedAccess;
use crate::access::effective::state::AccessState;
use crate::access::escalation::catalog::{EscalationPath, Exists, ObjectKind, PathRequirement};
use crate::access::matching::dialect::Dialect;
use crate::access::matching::pattern::id_matches;
use crate::input::id::Subject;
use crate::input::system::System;
use crate::input::text::Text;

/// The conditions of a path on a variable.
pub(crate) fn wanted<'p>(known: &'p EscalationPath, name: &'p str) -> impl Iterator<Item = &'p Exists> {
    known.exists.iter().filter(move |e| e.variable == name)
}

/// The objects that a variable can match for any subject, sorted.
pub(crate) fn objects(view: &AccessState<'_, '_>, known: &EscalationPath, name: &str) -> BTreeSet<Text> {
    let key = (known.id.clone(), name.to_owned());
    if let Some(all) = view.memo.borrow().objects.get(&key) {
        return all.as_ref().clone();
    }
    let wanted: Vec<&Exists> = wanted(known, name).collect();
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
    all.retain(|object| wanted.iter().all(|e| suits(view, known, e, object)));
    view.memo.borrow_mut().objects.insert(key, Rc::new(all.clone()));
    all
}

fn suits(view: &AccessState<'_, '_>, known: &EscalationPath, exists: &Exists, object: &Text) -> bool {
    let named = (exists.name.is_empty() || exists.name.iter().any(|p| id_matches(p.raw(), object.raw())))
        && !exists.not_name.as_ref().is_some_and(|p| id_matches(p, object.raw()));
    let identity = || Subject::Identity(object.raw().into());
    let trusting = || {
        let trusts = view.trusts_to(&identity());
        let lets_in = |p: &Text| trusts.iter().any(|t| Dialect::default().resources_overlap(t.from.raw(), p.raw()));
        exists.trusts.is_empty() || exists.trusts.iter().any(lets_in)
    };
    let limited = || {
        let bounds =
            |name: &Text| view.identity(object.raw()).is_some_and(|i| i.limits.iter().any(|l| l.name == *name));
        exists.limited_by.as_ref().is_none_or(bounds)
    };
    let holding = |wanted| holds(view, &identity(), wanted, known.system.as_ref());
    named && trusting() && limited() && exists.holds.as_ref().is_none_or(holding)
}

/// Whether an identity itself has the required access.
fn holds(view: &AccessState<'_, '_>, identity: &Subject, wanted: &PathRequirement, system: Option<&System>) -> bool {
    let own = view.own(identity);
    wanted.alternatives().any(|(action, resource)| {
        let asked = WantedAccess { action, resource, scope: None, system };
        own.holdings.iter().any(|h| {
            let covering = h.flat.covering(view.systems, asked.requested());
            covering.iter().any(|allow| !view.unless_denied(h, allow, &asked).is_empty())
        })
    })
}
