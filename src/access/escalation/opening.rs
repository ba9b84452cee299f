//! The escalation paths that a change opens for a subject, and those that give the subject nothing new.
//!
//! Compares the paths that the subject completes in two states, by what it can reach and by what it holds. A path that
//! is new in either comparison is opened, unless the subject had all access of the path before, without a condition:
//!
//! - it had everything, by the baseline that is compared (paths of permanent superusers are not searched);
//! - the path needs to act as an administrator, and it could act as that one before, under the same condition;
//! - it gains nothing, and completed the same path on objects that are at least as powerful;
//! - it gains nothing, and the path leads only to what was its own: an identity that it could act as, or a group that
//!   it belonged to.
//!
//! Cost: one search for completions in each state, and a second one if the subject gains and can act as others.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::access::effective::difference::Comparison;
use crate::access::effective::state::AccessState;
use crate::access::escalation::catalog::{EscalationPath, Exists, Relation};
use crate::access::escalation::matches::{completed_by, fresh};
use crate::access::escalation::objects::wanted;
use crate::access::escalation::requirement::{Completion, Completions, HeldIn, Objects, Reached, Strength, key};
use crate::access::escalation::requirement_query::RequirementQuery;
use crate::access::model::facts::Escalation;
use crate::input::id::{GroupId, IdentityId, Subject};
use crate::input::system::System;
use crate::input::text::Text;

/// The paths that a change opens.
#[derive(Default)]
pub(crate) struct Opened {
    pub(crate) opened: Vec<Escalation>,
    /// Paths that give the subject nothing new.
    pub(crate) already: Vec<Escalation>,
}

/// The comparison for one subject.
pub(crate) struct Opening<'o, 'v, 's> {
    before: &'o AccessState<'v, 's>,
    after: &'o AccessState<'v, 's>,
    /// Whether it gains access by either baseline; computed on demand unless given.
    gains: OnceCell<bool>,
    was: Reached<'o>,
    is: Reached<'o>,
}

/// The maximum number of earlier bindings that a new binding is compared with.
const MOST_KNOWN: usize = 64;

/// The classification of a new completion.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Opened,
    /// The subject could do as much before.
    Already,
    /// The path leads only to what was the subject's own.
    Own,
}

impl<'o, 'v, 's> Opening<'o, 'v, 's> {
    pub(crate) fn new(
        before: &'o AccessState<'v, 's>,
        after: &'o AccessState<'v, 's>,
        subject: &'o Subject,
        gains: Option<bool>,
    ) -> Self {
        let gains = gains.map(OnceCell::from).unwrap_or_default();
        let (was, is) = (Reached::new(before, subject), Reached::new(after, subject));
        Self { before, after, gains, was, is }
    }

    fn gains(&self) -> bool {
        let more = || Comparison::new(self.before, self.after, self.after).more(self.was.subject, usize::MAX);
        *self.gains.get_or_init(|| !more().is_empty())
    }

    /// The paths among `paths` that the change opens.
    pub(crate) fn of(&self, paths: &[&EscalationPath]) -> Opened {
        if [self.before, self.after].into_iter().all(|view| view.is_administrator(self.was.subject)) {
            return Opened::default();
        }
        let after = completed_by(self.after, paths.iter().copied(), &self.is);
        if after.is_empty() {
            return Opened::default();
        }
        let (was, subject) = (&self.was, self.is.subject);
        let before = completed_by(self.before, paths.iter().copied(), was);
        let all = || self.before.is_administrator(subject) || was.given.is_everything(self.before.systems);
        let mut found = self.compared((was, &self.is), &after, &before, &all);
        let own = self.before.own(subject);
        if was.row.len() > 1 && !Rc::ptr_eq(&own, &self.after.own(subject)) && self.gains() {
            let (was, is) = (Reached::of_held(self.before, subject), Reached::of_held(self.after, subject));
            let after = completed_by(self.after, paths.iter().copied(), &is);
            let before = completed_by(self.before, paths.iter().copied(), &was);
            let held = self.compared((&was, &is), &after, &before, &|| was.given.is_everything(self.before.systems));
            for (list, more) in [(&mut found.opened, held.opened), (&mut found.already, held.already)] {
                let told: BTreeSet<_> = list.iter().map(key).collect();
                list.extend(more.into_iter().filter(|one| !told.contains(&key(one))));
            }
        }
        found
    }

    fn compared(
        &self,
        reached: (&Reached<'_>, &Reached<'_>),
        after: &Completions<'_>,
        before: &Completions<'_>,
        had_everything: &dyn Fn() -> bool,
    ) -> Opened {
        let all = OnceCell::new();
        let of = |kind: Kind| {
            let is = |completion: &Completion<'_>, objects: &Objects, strength: Strength, was_held: bool| {
                let had_everything = *all.get_or_init(had_everything);
                kind == match (had_everything, was_held) {
                    (true, _) => Kind::Already,
                    (false, _) if self.acts_as_administrator(completion, objects) => Kind::Already,
                    // The objects of the path give more than before.
                    (false, true) => Kind::Opened,
                    (false, false) => self.kind(completion, objects, strength, before),
                }
            };
            fresh((self.before, self.after), reached, (before, after), &is)
        };
        Opened { opened: of(Kind::Opened), already: of(Kind::Already) }
    }

    fn kind(&self, new: &Completion<'_>, objects: &Objects, strength: Strength, before: &Completions<'_>) -> Kind {
        if self.gains() {
            return Kind::Opened;
        }
        if self.was_own(new, objects, strength) {
            return Kind::Own;
        }
        let known = before.iter().filter(|known| known.known.id == new.known.id).flat_map(|known| &known.bindings);
        let mut known = known.filter(|(_, was)| **was >= strength).take(MOST_KNOWN);
        let could = !objects.is_empty() && known.any(|(was, _)| self.is_as_powerful(new, was, objects));
        if could { Kind::Already } else { Kind::Opened }
    }

    /// Whether a path needs to act as an identity that could give itself everything before, and as which the subject
    /// could act before under the same condition.
    fn acts_as_administrator(&self, new: &Completion<'_>, objects: &Objects) -> bool {
        let could = |name: &str| self.was.is_actor(name) && self.was.condition_on(name) == self.is.condition_on(name);
        let administers = |actor: &Subject| {
            let held = Reached::of_held(self.before, actor);
            let iam = (&Text::from("iam:*"), Some(&System::Aws));
            held.given.is_everything(self.before.systems)
                || (self.before.limits(actor).is_empty()
                    && self.before.systems.may_hold(iam.1)
                    && held.covers_all(self.before, iam, "*") == Some(true))
        };
        let ways = new.ways(self.after, &self.is, objects).unwrap_or_default();
        ways.iter()
            .map(|found| &found.actor)
            .any(|actor| actor != self.is.subject && could(actor.as_str()) && administers(actor))
    }

    /// Whether the objects of a path were the subject's own before and give no more than it could reach, so that only
    /// this kept it from completing the path.
    fn was_own(&self, new: &Completion<'_>, objects: &Objects, strength: Strength) -> bool {
        let bound = new.bound(objects);
        let held = |asked: RequirementQuery| {
            let found = asked.way(self.before, &self.was, &bound, HeldIn::Any);
            found.is_some_and(|found| strength != Strength::Complete || found.condition.is_none())
        };
        let own = |e: &Exists| {
            let name = bound.get(&e.variable)?;
            let (was, subject) = match e.relation? {
                Relation::Other => (
                    self.was.is_actor(name) && self.was.condition_on(name).is_none(),
                    Subject::Identity(IdentityId::new(name.as_str())),
                ),
                Relation::GroupNotOfActor => {
                    (self.was.belongs(self.before, name), Subject::Group(GroupId::new(name.as_str())))
                }
                Relation::Actor | Relation::Assumable | Relation::GroupOfActor | Relation::HeldByActor => return None,
            };
            Some(was && self.was.given.covers_all(self.after.systems, self.after, &self.after.given(&subject)))
        };
        let mut others = new.known.exists.iter().filter_map(own).peekable();
        others.peek().is_some()
            && others.all(|own| own)
            && RequirementQuery::of(self.before, new.known).into_iter().all(held)
    }

    /// Whether a path on the objects `known` gives as much as on the objects `new`.
    fn is_as_powerful(&self, path: &Completion<'_>, known: &Objects, new: &Objects) -> bool {
        let pairs = path.names.iter().zip(known.iter().zip(new));
        known.len() == new.len()
            && pairs.into_iter().all(|(name, (known, new))| {
                known == new || wanted(path.known, name).any(|e| self.is_as_powerful_in(e, known, new))
            })
    }

    fn is_as_powerful_in(&self, e: &Exists, known: &Text, new: &Text) -> bool {
        let identity = |name: &Text| Subject::Identity(IdentityId::new(name.raw()));
        let group = |name: &Text| Subject::Group(GroupId::new(name.raw()));
        let gives = |known: &Subject, new: &Subject| {
            let (was, is) = (self.before.given(known), self.after.given(new));
            self.before.limits(known).is_empty() && was.covers_all(self.after.systems, self.after, &is)
        };
        match e.relation {
            // Writing permissions into one's own group or role has the same result on each.
            Some(Relation::GroupOfActor | Relation::HeldByActor) => true,
            Some(Relation::Actor) => self.before.limits(&identity(known)).is_empty(),
            Some(Relation::Other | Relation::Assumable) => gives(&identity(known), &identity(new)),
            Some(Relation::GroupNotOfActor) => gives(&group(known), &group(new)),
            None => false,
        }
    }
}
