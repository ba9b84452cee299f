//! Whether an object of an escalation path gives access that the subject completing the path does not have.
//!
//! Compares the access of the object with the direct access of the subject, and with that of the actor through which it
//! completes the path. Access that is only reachable does not hide a path. For an identity or a group, the identities
//! it can act as count too, compared with those the subject can act as. Each access must be covered by a single other.
//! Cost: one lookup for each access of the object; computed once per object, and only for newly completed paths.

use std::rc::Rc;

use crate::access::effective::grant::{Grants, When};
use crate::access::effective::state::{AccessState, RoleState};
use crate::access::escalation::catalog::{Exists, ObjectKind};
use crate::access::escalation::requirement::ANY;
use crate::access::escalation::requirement::{Completion, Objects, Reached};
use crate::access::escalation::requirement_query::object_of;
use crate::access::graph::provenance::{ExpiringPath, Expiry};
use crate::access::graph::trust_rules::Bound;
use crate::input::id::{ResourceId, RoleId, Subject};
use crate::input::text::Text;

impl Completion<'_> {
    /// Whether every object that must give more access does.
    pub(crate) fn gives_more(&self, view: &AccessState<'_, '_>, reached: &Reached<'_>, objects: &Objects) -> bool {
        let bound = self.bound(objects);
        let asks = |e: &&Exists| e.gives_more && bound.contains_key(&e.variable);
        let mut each = self.known.exists.iter().filter(asks).peekable();
        if each.peek().is_none() {
            return true;
        }
        let performer = self.ways(view, reached, objects).and_then(|ways| Some(ways.first()?.actor.clone()));
        let performer = performer.unwrap_or_else(|| reached.subject.clone());
        let scope = self.scope_of(&bound);
        each.all(|e| {
            let name = bound.get(&e.variable).map(|name| Text::from(name.as_str())).unwrap_or_default();
            let object: Text = match &e.named {
                Some(_) if name.raw() == ANY => return !reached.holds_everything(view, &performer),
                Some(template) => object_of(template, &e.variable, &name).into(),
                None => name,
            };
            reached.gives(view, &performer, e.kind, &object, scope.as_ref())
        })
    }

    /// Whether the changes between the states alter the access that one of the objects gives.
    pub(crate) fn may_give_other(&self, after: &AccessState<'_, '_>, objects: &Objects) -> bool {
        let bound = self.bound(objects);
        self.known.exists.iter().filter(|e| e.gives_more).any(|e| {
            let Some(name) = bound.get(&e.variable) else { return false };
            match (&e.named, e.kind) {
                (Some(template), ObjectKind::Role) => {
                    let role = object_of(template, &e.variable, &name.as_str().into());
                    after.delta.roles.contains_key(role.as_str())
                }
                (Some(_), _) => false,
                (None, kind) => {
                    let object = subject(kind, name);
                    after.touched.as_ref().is_none_or(|touched| touched.reach.contains(&object))
                }
            }
        })
    }

    fn scope_of(&self, bound: &Bound) -> Option<ResourceId> {
        bound.get("scope").filter(|scope| self.known.same_scope && *scope != ANY).map(|s| ResourceId::new(s.clone()))
    }
}

fn subject(kind: ObjectKind, name: &str) -> Subject {
    match kind {
        ObjectKind::Group => Subject::Group(name.into()),
        ObjectKind::Any | ObjectKind::Identity | ObjectKind::Role | ObjectKind::Resource => {
            Subject::Identity(name.into())
        }
    }
}

impl Reached<'_> {
    fn gives(
        &self,
        view: &AccessState<'_, '_>,
        performer: &Subject,
        kind: ObjectKind,
        object: &Text,
        scope: Option<&ResourceId>,
    ) -> bool {
        let key = (performer.clone(), object.clone(), scope.cloned());
        if let Some(known) = self.named.gives.borrow().get(&key) {
            return *known;
        }
        let gives = match kind {
            ObjectKind::Role => self.role_gives(view, performer, &RoleId::new(object.raw()), scope),
            ObjectKind::Any | ObjectKind::Identity | ObjectKind::Group | ObjectKind::Resource => {
                let object = subject(kind, object.raw());
                let mine = [self.held(view, self.subject), self.held(view, performer)];
                beyond(view, &view_held(view, &object), &mine)
                    || beyond(view, &view.given(&object), &[Rc::clone(&self.reach)])
            }
        };
        self.named.gives.borrow_mut().insert(key, gives);
        gives
    }

    /// Whether a role at a scope gives more. Assumed for a role that the snapshot does not contain.
    fn role_gives(
        &self,
        view: &AccessState<'_, '_>,
        performer: &Subject,
        role: &RoleId,
        scope: Option<&ResourceId>,
    ) -> bool {
        match view.role(role.as_str()) {
            RoleState::Known(_) => {}
            RoleState::Deleted => return false,
            RoleState::Unknown => return true,
        }
        let mine = [self.held(view, self.subject), self.held(view, performer)];
        let leg = ExpiringPath { end: Expiry::NEVER, trail: None };
        view.flat(role).allows.iter().any(|allow| {
            let access = view.access(&[], scope, allow, &leg);
            allow.unknown
                || access.is_some_and(|a| !mine.iter().any(|given| given.covers(view.systems, view, &a, When::Now)))
        })
    }

    /// Whether the subject, or the actor through which it completes a path, already has everything.
    fn holds_everything(&self, view: &AccessState<'_, '_>, performer: &Subject) -> bool {
        [self.subject, performer].into_iter().any(|who| view.holds_everything(who))
    }

    /// The direct access of a subject.
    fn held(&self, view: &AccessState<'_, '_>, who: &Subject) -> Rc<Grants> {
        if let Some(known) = self.named.held.borrow().get(who) {
            return Rc::clone(known);
        }
        let held = view_held(view, who);
        self.named.held.borrow_mut().insert(who.clone(), Rc::clone(&held));
        held
    }
}

fn view_held(view: &AccessState<'_, '_>, who: &Subject) -> Rc<Grants> {
    Rc::new(Grants::by(who, &view.own(who)))
}

/// Whether any grant is covered by none of the others.
fn beyond(view: &AccessState<'_, '_>, given: &Grants, mine: &[Rc<Grants>]) -> bool {
    given.of_roles(&|_| true).into_iter().any(|gift| {
        let when = if gift.now.is_some() { When::Now } else { When::Ever };
        let Some(leg) = gift.source(when).map(|source| ExpiringPath { end: source.end, trail: None }) else {
            return false;
        };
        gift.flat.allows.iter().any(|allow| {
            let access = view.access(&gift.denies, gift.scope.as_ref(), allow, &leg);
            allow.unknown && access.is_some()
                || access.is_some_and(|a| !mine.iter().any(|given| given.covers(view.systems, view, &a, when)))
        })
    })
}
