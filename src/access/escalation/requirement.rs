//! What an escalation path requires, what a subject has of it, and how variables are bound to objects.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::Serialize;

use crate::access::effective::grant::{Grant, Grants, Provenance, above};
use crate::access::effective::holdings::WantedAccess;
use crate::access::effective::reachable::Reachable;
use crate::access::effective::role::{Allow, ResolvedRole};
use crate::access::effective::state::AccessState;
use crate::access::escalation::catalog::{EscalationPath, Exists, Relation};
use crate::access::graph::provenance::{ExpiringPath, both, condition, path};
use crate::access::graph::trust_rules::Bound;
use crate::access::matching::arn::number;
use crate::access::matching::coverage::scopes_overlap;
use crate::access::matching::dialect::Dialect;
use crate::access::model::facts::{Escalation, Exception};
use crate::input::digest::{Digest, of};
use crate::input::id::{IdentityId, ResourceId, RoleId, Subject};
use crate::input::system::System;
use crate::input::text::Text;

/// The binding of a variable that can be any name; also used for every scope.
pub(crate) const ANY: &str = "*";
/// The key under which the scope of a path is shown, if all of it must be held at one scope.
pub(crate) const SCOPE: &str = "scope";
/// The maximum number of variables of one path that can be any name.
const MAX_STARRED: usize = 4;

/// Cache key of `gives_more`: actor, object and scope.
pub(crate) type Gives = (Subject, Text, Option<ResourceId>);

/// The scope at which the requirements of a path must be satisfied.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HeldIn<'p> {
    /// Each requirement at any scope.
    Any,
    /// All requirements at this scope; `None`: everywhere.
    One(Option<&'p ResourceId>),
}

/// How certain it is that a path is completed. INVARIANT: the order of the variants makes `Complete` the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// No known object to bind a variable to.
    Possible,
    /// Satisfied, but some requirement only under a condition.
    Conditional,
    Complete,
}

/// The objects bound to the variables of a path, in the order of the variable names; empty if unknown.
pub(crate) type Objects = Vec<Text>;

/// Whether objects are among those that other objects, possibly `*`, represent.
pub(crate) fn is_within(objects: &Objects, others: &Objects) -> bool {
    objects.len() == others.len()
        && objects.iter().zip(others).all(|(object, other)| other.raw() == ANY || object == other)
}

/// An escalation path that a subject completes.
#[derive(Debug)]
pub(crate) struct Completion<'p> {
    pub(crate) known: &'p EscalationPath,
    pub(crate) names: Vec<String>,
    pub(crate) bindings: BTreeMap<Objects, Strength>,
    /// How each requirement is satisfied with all variables open. Shown if there is no specific object.
    pub(crate) open: Vec<FoundPath>,
}

impl Completion<'_> {
    /// Adds a binding.
    pub(crate) fn add(&mut self, bound: &Bound, strength: Strength) {
        let objects = self.names.iter().filter_map(|n| bound.get(n)).map(|o| o.as_str().into()).collect();
        let known = self.bindings.entry(objects).or_insert(strength);
        *known = strength.max(*known);
    }

    /// Whether it is completed with these objects, or with any, with at least this strength.
    pub(crate) fn holds(&self, objects: &Objects, strength: Strength) -> bool {
        let length = objects.len().min(MAX_STARRED);
        (0..1_usize << length).any(|stars| {
            let starred = |(at, object): (usize, &Text)| {
                if at < length && stars & (1 << at) != 0 { ANY.into() } else { object.clone() }
            };
            let key: Objects = objects.iter().enumerate().map(starred).collect();
            self.bindings.get(&key).is_some_and(|known| *known >= strength)
        })
    }

    /// Whether some variable can be any name.
    pub(crate) fn is_any(&self, objects: &Objects) -> bool {
        self.names.iter().zip(objects).any(|(name, object)| name != SCOPE && object.raw() == ANY)
    }

    /// Its variables with the bound objects.
    pub(crate) fn bound(&self, objects: &Objects) -> Bound {
        self.names.iter().cloned().zip(objects.iter().map(|o| o.raw().to_owned())).collect()
    }

    pub(crate) fn report(
        &self,
        subject: &Subject,
        objects: &Objects,
        strength: Strength,
        count: usize,
        any: bool,
        ways: &[FoundPath],
    ) -> Escalation {
        let bound: BTreeMap<String, Text> = self.names.iter().cloned().zip(objects.iter().cloned()).collect();
        let hashed = HashedEscalation {
            escalation: &self.known.id,
            kind: match subject {
                Subject::Identity(_) => "identity",
                Subject::Group(_) => "group",
            },
            subject: subject.text(),
            bound: &bound,
        };
        let digest = Digest::of(&crate::input::canonical::to_bytes(&hashed).unwrap_or_default());
        let title = self.known.any.as_ref().filter(|_| any).unwrap_or(&self.known.title);
        Escalation {
            id: self.known.id.clone(),
            title: title.clone(),
            subject: subject.clone(),
            bound,
            count: u64::try_from(count).unwrap_or(u64::MAX),
            complete: strength != Strength::Possible,
            conditional: strength == Strength::Conditional,
            conditions: ways
                .iter()
                .filter_map(|found| found.condition.clone().filter(|_| strength == Strength::Conditional))
                .collect::<BTreeSet<Text>>()
                .into_iter()
                .collect(),
            requires: ways.iter().map(|found| found.what.clone()).collect(),
            paths: ways.iter().map(|found| path(&found.leg.trail)).collect(),
            digest,
        }
    }
}

/// All completions of a subject.
pub(crate) type Completions<'p> = Vec<Completion<'p>>;

/// The access of a subject, including that of all identities it can act as.
pub(crate) struct Reached<'r> {
    pub(crate) subject: &'r Subject,
    pub(crate) row: Rc<Reachable>,
    /// The grants by which requirements are evaluated.
    pub(crate) given: Rc<Grants>,
    /// The grants in which roles are searched: all that the subject can reach.
    pub(crate) reach: Rc<Grants>,
    pub(crate) named: BoundNames,
}

impl<'r> Reached<'r> {
    pub(crate) fn new(view: &AccessState<'_, '_>, subject: &'r Subject) -> Self {
        let given = view.given(subject);
        Self { subject, row: view.row(subject), reach: Rc::clone(&given), given, named: BoundNames::default() }
    }

    /// The same, with requirements evaluated only by the direct holdings of the subject.
    pub(crate) fn of_held(view: &AccessState<'_, '_>, subject: &'r Subject) -> Self {
        let given = Rc::new(Grants::by(subject, &view.own(subject)));
        Self { given, ..Self::new(view, subject) }
    }

    /// The best path to a required access: unconditional before conditional, in force before activation, then the
    /// shortest. With `whole`, only an access that covers it counts.
    pub(crate) fn way(
        &self,
        view: &AccessState<'_, '_>,
        wanted: &WantedAccess<'_>,
        place: HeldIn<'_>,
        whole: bool,
    ) -> Option<FoundPath> {
        let lends = |flat: &ResolvedRole| !flat.overlapping_places(view.systems, wanted.requested()).is_empty();
        let mut best: [Option<(usize, &Provenance, &Allow, &Grant)>; 4] = [None; 4];
        let gifts: Vec<&Grant> = match place {
            HeldIn::Any => self.given.of_roles(&lends),
            HeldIn::One(place) => {
                let above = above(view, place);
                let here = above.iter().flat_map(|scope| self.given.at(scope.as_ref()));
                here.filter(|gift| lends(&gift.flat)).collect()
            }
        };
        for gift in gifts {
            let here = gift.scope.as_ref();
            if wanted.scope.is_some() && !scopes_overlap(view, here, wanted.scope) {
                continue;
            }
            let allows = if whole {
                gift.flat.covering(view.systems, wanted.requested())
            } else {
                gift.flat.overlapping(view.systems, wanted.requested())
            };
            for allow in allows {
                if !self.is_near(allow.permission.resource.raw()) {
                    continue;
                }
                let is_plain = |source: &Provenance| {
                    source.end.is_sure()
                        && allow.permission.condition.is_none()
                        && view.denied_if(&gift.denies, here, allow, source.end, wanted).is_none()
                };
                for (source, rank) in [(gift.now.as_ref(), 0), (gift.ever.as_ref(), 1)] {
                    let Some(source) = source else { continue };
                    let rank = if is_plain(source) { rank } else { rank + 2 };
                    let Some(best) = best.get_mut(rank) else { continue };
                    let length = source.length() + allow.chain.len();
                    let shorter = best.is_none_or(|(known, ..)| length < known);
                    if shorter && !view.is_denied(&gift.denies, here, allow, source.end, wanted) {
                        *best = Some((length, source, allow, gift));
                    }
                }
            }
        }
        let (rank, (_, source, allow, gift)) =
            best.into_iter().enumerate().find_map(|(rank, found)| Some((rank, found?)))?;
        let leg = allow.leg(&source.leg());
        let unless = view.denied_if(&gift.denies, gift.scope.as_ref(), allow, source.end, wanted);
        let under = both(condition(&leg.trail).as_ref(), unless.as_ref());
        let open = || Text::from("a condition that is not evaluated");
        Some(FoundPath {
            leg,
            condition: (rank >= 2).then(|| under.unwrap_or_else(open)),
            actor: source.actor.clone(),
            what: (wanted.action.clone(), wanted.resource.clone()),
        })
    }

    /// Whether an allow without exceptions or denies covers an action on everything that a pattern of names matches.
    pub(crate) fn covers_all(
        &self,
        view: &AccessState<'_, '_>,
        (action, system): (&Text, Option<&System>),
        names: &str,
    ) -> Option<bool> {
        let resource = Text::from(names);
        let dialect = Dialect::of(system);
        let mut found = None;
        for gift in self.given.at(None).iter().filter(|gift| gift.now.is_some()) {
            let overlaps = |d: &&Exception| {
                dialect.actions_overlap(action.raw(), d.action.raw())
                    && dialect.resources_overlap(names, d.resource.raw())
            };
            let denies: Vec<&Exception> = gift.denies.iter().filter(overlaps).collect();
            if denies.iter().any(|d| d.condition.is_none()) {
                continue;
            }
            let is_plain = denies.is_empty() && gift.now.as_ref().is_some_and(|source| source.end.is_sure());
            for allow in gift.flat.overlapping(view.systems, (action, &resource, system)) {
                let p = &allow.permission;
                let covers = p.except.is_empty()
                    && dialect.action_covers(p.action.raw(), action.raw())
                    && dialect.resource_covers(p.resource.raw(), names);
                if covers {
                    if p.condition.is_none() && is_plain {
                        return Some(true);
                    }
                    found = Some(false);
                }
            }
        }
        found
    }

    /// Whether an object can be reached at all. In a system with accounts, only objects in an account of an actor can.
    pub(crate) fn is_near(&self, name: &str) -> bool {
        let Some(account) = number(name) else { return true };
        self.row.keys().any(|actor| number(actor.as_str()) == Some(account))
    }

    /// The condition for acting as an identity, if there is one.
    pub(crate) fn condition_on(&self, name: &str) -> Option<Text> {
        let way = self.row.get(&Subject::Identity(IdentityId::new(name)))?;
        let best = way.now.as_ref().or(way.ever.as_ref()).filter(|leg| !leg.end.is_sure())?;
        condition(&best.trail)
    }

    /// The conditions under which the bound actors are actors.
    pub(crate) fn conditions_on(&self, known: &EscalationPath, bound: &Bound) -> BTreeSet<Text> {
        let acts = |e: &&Exists| matches!(e.relation, Some(Relation::Actor | Relation::Assumable));
        let objects = known.exists.iter().filter(acts).filter_map(|e| bound.get(&e.variable));
        objects.filter_map(|object| self.condition_on(object)).collect()
    }

    /// Replaces an open partition in a resource by the partition of the subject.
    pub(crate) fn in_partition(&self, resource: String) -> String {
        let Some(rest) = resource.strip_prefix("arn:*:") else { return resource };
        let mut partitions = self.row.keys().filter_map(|actor| actor.as_str().strip_prefix("arn:")?.split(':').next());
        match partitions.next() {
            Some(partition) => format!("arn:{partition}:{rest}"),
            None => resource,
        }
    }

    pub(crate) fn is_actor(&self, name: &str) -> bool {
        self.row.contains_key(&Subject::Identity(IdentityId::new(name)))
    }

    /// Whether some actor belongs to a group.
    pub(crate) fn belongs(&self, view: &AccessState<'_, '_>, name: &str) -> bool {
        self.named.groups.get_or_init(|| groups_of(view, &self.row)).contains(&Subject::Group(name.into()))
    }

    /// The state for negative checks: what a pending change of another plan adds may never exist.
    pub(crate) fn settled<'x, 'v, 's>(view: &'x AccessState<'v, 's>) -> &'x AccessState<'v, 's> {
        view.settled.as_deref().unwrap_or(view)
    }

    pub(crate) fn settled_row(&self, view: &AccessState<'_, '_>) -> &Reachable {
        self.named.settled.get_or_init(|| Self::settled(view).row(self.subject))
    }

    pub(crate) fn is_sure_actor(&self, view: &AccessState<'_, '_>, name: &str) -> bool {
        self.is_actor(name) && self.settled_row(view).contains_key(&Subject::Identity(IdentityId::new(name)))
    }

    pub(crate) fn surely_belongs(&self, view: &AccessState<'_, '_>, name: &str) -> bool {
        let groups = || groups_of(Self::settled(view), self.settled_row(view));
        self.belongs(view, name) && self.named.settled_groups.get_or_init(groups).contains(&Subject::Group(name.into()))
    }

    /// Whether some actor has a role.
    pub(crate) fn holds(&self, role: &str) -> bool {
        let all = || self.reach.of_roles(&|_| true).into_iter().map(|gift| gift.role.clone()).collect();
        self.named.roles.get_or_init(all).contains(role)
    }
}

/// Cached facts: the groups and roles of actors.
#[derive(Default)]
pub(crate) struct BoundNames {
    pub(crate) groups: OnceCell<BTreeSet<Subject>>,
    pub(crate) roles: OnceCell<BTreeSet<RoleId>>,
    /// The identities that one can act as, and their groups, without pending changes of other plans.
    pub(crate) settled: OnceCell<Rc<Reachable>>,
    pub(crate) settled_groups: OnceCell<BTreeSet<Subject>>,
    /// How the requirements of services are satisfied.
    pub(crate) runs: RefCell<BTreeMap<String, Option<FoundPath>>>,
    /// The direct access of the subject and the actors.
    pub(crate) held: RefCell<BTreeMap<Subject, Rc<Grants>>>,
    /// Whether objects give more access.
    pub(crate) gives: RefCell<BTreeMap<Gives, bool>>,
}

/// How a requirement is satisfied.
#[derive(Clone, Debug)]
pub(crate) struct FoundPath {
    pub(crate) leg: ExpiringPath,
    /// The condition that it depends on.
    pub(crate) condition: Option<Text>,
    /// The holder: the subject, or an identity it can act as.
    pub(crate) actor: Subject,
    /// The action and the resource of the requirement that are held.
    pub(crate) what: (Text, Text),
}

/// The maximum number of bindings of one path. The remainder is reported as one.
pub(crate) const MAX_BINDINGS: usize = 20_000;

#[derive(Serialize)]
pub(crate) struct HashedEscalation<'h> {
    pub(crate) escalation: &'h Text,
    pub(crate) kind: &'static str,
    pub(crate) subject: Text,
    pub(crate) bound: &'h BTreeMap<String, Text>,
}

/// The key that identifies a completion.
pub(crate) fn key(escalation: &Escalation) -> (Digest<of::Piece>, bool, bool) {
    (escalation.digest, escalation.complete, escalation.conditional)
}

/// The groups of all identities in a closure.
pub(crate) fn groups_of(view: &AccessState<'_, '_>, row: &Reachable) -> BTreeSet<Subject> {
    let of = |actor: &Subject| view.own(actor).groups.keys().map(|(s, _)| s.clone()).collect::<Vec<_>>();
    row.keys().flat_map(of).collect()
}
