//! Superusers: subjects that have everything, everywhere, in force and permanently, directly or by acting as another
//! identity.
//!
//! A superuser gains nothing by a change and loses nothing while it stays one. It is identified by a single path to
//! everything, without a search of all its other paths: a cluster has few superusers, but each can act as thousands of
//! identities. A subject with a deny, a condition, an exception or an expiry involved never counts as one.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::access::effective::edge::Edges;
use crate::access::effective::holdings::DirectHoldings;
use crate::access::effective::memo::SuperuserStatus;
use crate::access::effective::state::AccessState;
use crate::access::graph::provenance::{Expiry, Validity};
use crate::access::matching::systems::Systems;
use crate::input::id::{RoleId, Subject};

/// The maximum number of subjects inspected for one state. Beyond it, no further superusers are identified: their paths
/// are searched in full, and that work is counted.
const MAX_LOOKED: u64 = 2_000_000;
/// This many entries of a list count as one inspected subject.
const SCANNED: u64 = 8;

/// Whether a path is in force permanently.
fn lasts(way: &Validity) -> bool {
    way.now.as_ref().is_some_and(|leg| leg.end == Expiry::NEVER)
}

impl AccessState<'_, '_> {
    /// Whether a subject itself has everything.
    pub(crate) fn holds_everything(&self, subject: &Subject) -> bool {
        self.own(subject).is_everything(self.systems)
    }
}

impl DirectHoldings {
    /// Whether the direct holdings are everything.
    /// INVARIANT: all permissions belong to one system. Otherwise a subject with everything in one system can still
    /// gain in another.
    pub(crate) fn is_everything(&self, systems: Systems<'_>) -> bool {
        systems.is_single()
            && self.holdings.iter().any(|holding| {
                holding.scope.is_none()
                    && holding.denies.is_empty()
                    && lasts(&holding.way)
                    && holding.flat.allows.iter().any(|allow| {
                        let p = &allow.permission;
                        allow.system.is_none()
                            && p.action.raw() == "*"
                            && p.resource.raw() == "*"
                            && p.condition.is_none()
                            && p.except.is_empty()
                    })
            })
    }
}

impl AccessState<'_, '_> {
    /// Whether a subject has everything, everywhere, in force and permanently. In a state with changes only if it also
    /// does without them. Within [`MAX_LOOKED`], the result does not depend on earlier queries.
    pub(crate) fn is_administrator(&self, subject: &Subject) -> bool {
        let Some(below) = self.below else { return self.finds_administrator(subject) };
        below.is_administrator(subject)
            && (self.only_adds() || self.still_leads(below, subject) || self.finds_administrator(subject))
    }

    /// Whether the changes only add trusts and role assignments, none of them with a deny.
    fn only_adds(&self) -> bool {
        let adds = |role: &RoleId| self.flat(role).denies.is_empty();
        self.delta.only_gives()
            && self.delta.added.iter().all(|a| a.member_of.is_none() && a.role.as_ref().is_some_and(adds))
    }

    /// Whether the path that makes a subject a superuser in the state below is unchanged.
    fn still_leads(&self, below: &Self, subject: &Subject) -> bool {
        let Some(touched) = self.touched.as_ref().filter(|_| self.delta.only_makes_subjects(self.index)) else {
            return false;
        };
        let mut at = subject.clone();
        let mut passed: Vec<Subject> = Vec::new();
        let leads = loop {
            if let Some(known) = self.memo.borrow().administrators.leads.get(&at) {
                break *known;
            }
            passed.push(at.clone());
            // WHY: an object created under a name that the snapshot does not contain may refer to a different subject
            // than before.
            let known = self.index.identity(at.as_str()).is_some() || self.index.group(at.as_str()).is_some();
            if touched.may_differ(&at) || (self.delta.alters_subjects() && !known) {
                break false;
            }
            let next = below.memo.borrow().administrators.known.get(&at).cloned();
            match next {
                Some(SuperuserStatus::Itself) => break true,
                Some(SuperuserStatus::By(next)) => at = next,
                Some(SuperuserStatus::No) | None => break false,
            }
        };
        self.memo.borrow_mut().administrators.leads.extend(passed.into_iter().map(|one| (one, leads)));
        leads
    }

    /// Searches until it reaches a superuser or has visited everyone.
    fn finds_administrator(&self, subject: &Subject) -> bool {
        if let Some(known) = self.memo.borrow().administrators.known.get(subject) {
            return !matches!(known, SuperuserStatus::No);
        }
        let mut from: BTreeMap<Subject, Option<Subject>> = BTreeMap::from([(subject.clone(), None)]);
        let mut queue = VecDeque::from([subject.clone()]);
        let mut opened: BTreeSet<usize> = BTreeSet::new();
        while let Some(at) = queue.pop_front() {
            if !self.may_look() {
                return false;
            }
            if !self.usable(&at) {
                continue;
            }
            if self.own(&at).is_everything(self.systems) {
                self.note_way(&from, at, SuperuserStatus::Itself);
                return true;
            }
            let edges = self.edges(&at);
            if let Some(next) = self.known_among(&edges) {
                self.note_way(&from, at, SuperuserStatus::By(next));
                return true;
            }
            let spread = edges.spread.iter().filter(|s| lasts(&s.way)).filter(|s| opened.insert(s.address()));
            let many = spread.flat_map(|s| s.to.iter());
            let single = edges.single.iter().filter(|e| e.requires.is_none() && lasts(&e.way)).map(|e| &e.to);
            for next in single.chain(many) {
                if !from.contains_key(next) {
                    from.insert(next.clone(), Some(at.clone()));
                    queue.push_back(next.clone());
                }
            }
        }
        let mut memo = self.memo.borrow_mut();
        memo.administrators.known.extend(from.into_keys().map(|met| (met, SuperuserStatus::No)));
        false
    }

    /// Counts one more inspected subject. Returns whether the limit allows it.
    fn may_look(&self) -> bool {
        let administrators = &mut self.memo.borrow_mut().administrators;
        administrators.looked = administrators.looked.saturating_add(1);
        administrators.looked <= MAX_LOOKED
    }

    /// A known superuser among the permanent targets of edges.
    fn known_among(&self, edges: &Edges) -> Option<Subject> {
        let memo = &mut self.memo.borrow_mut().administrators;
        let is_one = |known: &HashMap<Subject, SuperuserStatus>, who: &Subject| {
            matches!(known.get(who), Some(SuperuserStatus::Itself | SuperuserStatus::By(_)))
        };
        let single = edges.single.iter().filter(|e| e.requires.is_none() && lasts(&e.way)).map(|e| &e.to);
        if let Some(found) = single.into_iter().find(|to| is_one(&memo.known, to)) {
            return Some(found.clone());
        }
        edges.spread.iter().filter(|s| lasts(&s.way)).find_map(|s| {
            match memo.lists.get(&s.address()) {
                Some(Ok(known)) => return Some(known.clone()),
                Some(Err(found)) if *found == memo.found => return None,
                Some(Err(_)) | None => {}
            }
            let (mut scanned, mut found) = (0_u64, None);
            for to in s.to.iter() {
                scanned += 1;
                if is_one(&memo.known, to) {
                    found = Some(to.clone());
                    break;
                }
            }
            memo.looked = memo.looked.saturating_add(scanned / SCANNED);
            memo.lists.insert(s.address(), found.clone().ok_or(memo.found));
            found
        })
    }

    fn note_way(&self, from: &BTreeMap<Subject, Option<Subject>>, last: Subject, how: SuperuserStatus) {
        let administrators = &mut self.memo.borrow_mut().administrators;
        let mut next = last.clone();
        administrators.known.insert(last, how);
        administrators.found += 1;
        while let Some(Some(before)) = from.get(&next) {
            let before = before.clone();
            administrators.known.insert(before.clone(), SuperuserStatus::By(std::mem::replace(&mut next, before)));
            administrators.found += 1;
        }
    }
}
