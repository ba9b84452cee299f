//! Every path from a subject to each of its accesses.
//!
//! Effective access keeps one path to each access. This module enumerates all of them, breadth first: each path by
//! which the subject acts as another without visiting an identity twice; for each actor, each path of memberships to an
//! assignment; for each assignment, the accesses of its role. The number of paths can grow exponentially, so at most
//! [`MOST_ACTING`] paths to actors and [`MOST`] paths in all are listed, the shortest first. The best path to each
//! access is always listed.

use std::collections::{BTreeSet, VecDeque};

use crate::access::effective::holdings::ScopeSubtree;
use crate::access::effective::memo::TrustBasis;
use crate::access::effective::state::AccessState;
use crate::access::graph::index::Index;
use crate::access::graph::provenance::{Expiry, Validity};
use crate::access::matching::coverage::Surely;
use crate::access::model::facts::PathStep;
use crate::access::queries::effective_access::{ReachableAccess, all_of, effective};
use crate::input::entitlement::Mode;
use crate::input::id::Subject;

/// The maximum number of paths to actors.
const MOST_ACTING: usize = 2_000;
/// The maximum number of paths in all.
const MOST: usize = 100_000;

/// A path to an identity or group, with everyone on it.
struct Onward {
    at: Subject,
    below: ScopeSubtree,
    way: Validity,
    met: BTreeSet<Subject>,
}

impl Onward {
    fn start(at: &Subject, way: &Validity) -> Self {
        let met = BTreeSet::from([at.clone()]);
        Self { at: at.clone(), below: ScopeSubtree::EVERYWHERE, way: way.clone(), met }
    }
}

/// Everything that a subject can reach in a snapshot, by every path, sorted, and whether there are more paths than
/// listed.
#[must_use]
pub fn every_path(index: &Index<'_>, subject: &Subject) -> (Vec<ReachableAccess>, bool) {
    let view = AccessState::plain(index);
    let (acting, mut is_cut) = view.every_acting(subject);
    let mut found = effective(index, subject);
    for actor in &acting {
        if found.len() >= MOST {
            is_cut = true;
            break;
        }
        let own = view.own(&actor.at);
        for face in view.faces(Onward::start(&actor.at, &actor.way)) {
            for a in view.held_by(face.at.as_str()).filter(|a| view.in_force(a.until)) {
                let Some(role) = &a.role else { continue };
                let Some(place) = face.below.within(&Surely(&view), a.scope.as_ref()) else { continue };
                let Some(holding) = own.holding(role, place.scope.as_ref()) else { continue };
                let step = PathStep::Holds(role.clone(), a.id.clone(), a.mode);
                let way = face.way.step(&step, a.mode, Expiry::of(a.until));
                found.extend(all_of(view.by_holding(holding, &way)));
            }
        }
    }
    found.sort_by(|a, b| {
        (&a.access, a.eligible, a.path.len(), &a.path).cmp(&(&b.access, b.eligible, b.path.len(), &b.path))
    });
    found.dedup();
    (found, is_cut)
}

impl AccessState<'_, '_> {
    /// Every path by which a subject acts as another, starting with itself, and whether there are more.
    fn every_acting(&self, subject: &Subject) -> (Vec<Onward>, bool) {
        if !self.usable(subject) {
            return (Vec::new(), false);
        }
        self.row(subject);
        let mut found: Vec<Onward> = Vec::new();
        let mut queue = VecDeque::from([Onward::start(subject, &Validity::start())]);
        while let Some(at) = queue.pop_front() {
            if found.len() >= MOST_ACTING {
                return (found, true);
            }
            let room = MOST_ACTING.saturating_sub(queue.len());
            queue.extend(self.next_of(&at).into_iter().take(room));
            found.push(at);
        }
        (found, false)
    }

    /// The identities that an actor can act as next, by every path of memberships and every trust and rule.
    fn next_of(&self, at: &Onward) -> Vec<Onward> {
        let mut found = Vec::new();
        let mut add = |to: &Subject, way: Validity| {
            if !way.is_empty() && self.usable(to) && !at.met.contains(to) {
                let met = at.met.iter().chain([to]).cloned().collect();
                found.push(Onward { at: to.clone(), below: ScopeSubtree::EVERYWHERE, way, met });
            }
        };
        let (edges, live_trusts) = (self.edges(&at.at), self.live_trusts(&at.at, TrustBasis::All));
        for face in self.faces(Onward::start(&at.at, &at.way)) {
            for (trust, until) in self.trusts_from(&face.at) {
                let Some(condition) = self.decided(&at.at, trust.condition.as_ref()) else { continue };
                for to in self.subjects(trust.to.raw()) {
                    let step = PathStep::ActsAs(to.clone(), trust.id.clone());
                    let mut way = face.way.step(&step, Mode::Standing, Expiry::of(until));
                    if let Some(condition) = &condition {
                        way = way.under(condition);
                    }
                    if trust.requires.is_some() {
                        let asked = edges.single.iter().position(|e| e.to == to && e.requires == trust.requires);
                        let Some((n, live)) = asked.and_then(|n| Some((n, live_trusts.get(n)?))) else { continue };
                        let Some(edge) = edges.single.get(n) else { continue };
                        way = self.under_requirement(way.capped(live), &at.at, edge, live);
                    }
                    add(&to, way);
                }
            }
        }
        for spread in &edges.spread {
            let there = at.way.then(&spread.way);
            for to in spread.to.iter().take(MOST_ACTING) {
                add(to, there.step(&PathStep::ActsAs(to.clone(), spread.by.clone()), Mode::Standing, Expiry::NEVER));
            }
        }
        found
    }

    /// A subject and its groups, by every path of memberships that visits no group twice.
    fn faces(&self, start: Onward) -> Vec<Onward> {
        let mut found: Vec<Onward> = Vec::new();
        let mut queue = VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            if found.len() >= MOST_ACTING {
                break;
            }
            for membership in self.memberships(&at.at).into_iter().filter(|m| self.in_force(m.until)) {
                let to = Subject::Group(membership.group.clone());
                let below = at.below.within(&Surely(self), membership.scope.as_ref()).filter(|_| !at.met.contains(&to));
                let Some(below) = below else { continue };
                let step = PathStep::Member(membership.group, membership.assignment);
                let way = at.way.step(&step, membership.mode, Expiry::of(membership.until));
                let met = at.met.iter().chain([&to]).cloned().collect();
                queue.push_back(Onward { at: to, below, way, met });
            }
            found.push(at);
        }
        found
    }
}
