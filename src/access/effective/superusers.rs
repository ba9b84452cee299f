//! Administrators: who holds everything, everywhere, in force and for good, by what it holds or as whom it can act.
//!
//! In: a state and a subject. Out: whether it is one. Whoever holds everything gains nothing by a change and, while that
//! lasts, loses nothing: they are told apart by one way to everything, without all the other ways being walked. On a cluster they
//! are few, but each can act as thousands. Never says yes where a deny, a condition, an exception or an end plays a part.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::access::effective::edge::Edges;
use crate::access::effective::holdings::DirectHoldings;
use crate::access::effective::memo::SuperuserStatus;
use crate::access::effective::state::AccessState;
use crate::access::graph::provenance::{Expiry, Validity};
use crate::access::matching::systems::Systems;
use crate::input::id::{RoleId, Subject};

/// How many are looked at for one state; beyond, nobody more is told to be an administrator: then all ways are walked, and
/// that is counted.
const MAX_LOOKED: u64 = 2_000_000;
/// As many names of a list count as one that is looked at.
const SCANNED: u64 = 8;

/// Whether something is in force for good.
fn lasts(way: &Validity) -> bool {
    way.now.as_ref().is_some_and(|leg| leg.end == Expiry::NEVER)
}

impl DirectHoldings {
    /// Whether what a subject holds itself is everything.
    /// INVARIANT: everything is of one system; else whoever holds everything of one may still gain in another.
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
    /// Whether a subject holds everything, everywhere, in force and for good; of a state with changes only where that is
    /// so without them, too. As far as [`MAX_LOOKED`] goes, independent of what was asked before.
    pub(crate) fn is_administrator(&self, subject: &Subject) -> bool {
        let Some(below) = self.below else { return self.finds_administrator(subject) };
        below.is_administrator(subject)
            && (self.only_adds() || self.still_leads(below, subject) || self.finds_administrator(subject))
    }

    /// Whether the changes make trusts and assignments of roles, of which none denies anything.
    fn only_adds(&self) -> bool {
        let adds = |role: &RoleId| self.flat(role).denies.is_empty();
        self.delta.only_gives()
            && self.delta.added.iter().all(|a| a.member_of.is_none() && a.role.as_ref().is_some_and(adds))
    }

    /// Whether the way by which a subject is an administrator below is left as it was.
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
            // WHY: what is made under a name that the snapshot does not know may stand for someone else than before.
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

    /// Goes on until it meets an administrator, or has met everyone.
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

    /// Counts one more that is looked at; whether that may be.
    fn may_look(&self) -> bool {
        let administrators = &mut self.memo.borrow_mut().administrators;
        administrators.looked = administrators.looked.saturating_add(1);
        administrators.looked <= MAX_LOOKED
    }

    /// One of those that edges lead to for good who is known to be an administrator.
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
