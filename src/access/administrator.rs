//! Administrators: who holds everything, everywhere, in force and for good, by what it holds or as whom it can act.
//!
//! In: a state and a subject. Out: whether it is one. Whoever holds everything gains nothing by a change and, while that
//! lasts, loses nothing: they are told apart by one way to everything, without all the other ways being walked. On a cluster they
//! are few, but each can act as thousands. Never says yes where a deny, a condition, an exception or an end plays a part.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::access::edges::Edges;
use crate::access::reach::Own;
use crate::access::view::View;
use crate::access::way::{End, Way};
use crate::input::id::{RoleId, Subject};

/// Who was found to be an administrator, and who not.
#[derive(Debug, Default)]
pub(super) struct Administrators {
    /// By subject: whether it is one and, where it is by acting as another, as whom it acts next.
    known: HashMap<Subject, Known>,
    /// By the address of a list: one of it who is an administrator. INVARIANT: the index keeps lists, and their addresses.
    lists: BTreeMap<usize, Subject>,
}

#[derive(Clone, Debug)]
enum Known {
    Itself,
    By(Subject),
    No,
}

/// Whether something is in force for good.
fn lasts(way: &Way) -> bool {
    way.now.as_ref().is_some_and(|leg| leg.end == End::Never)
}

/// Whether what a subject holds itself is everything.
fn is_everything(own: &Own) -> bool {
    own.denies.is_empty()
        && own.holdings.iter().any(|holding| {
            holding.scope.is_none()
                && lasts(&holding.way)
                && holding.flat.allows.iter().any(|allow| {
                    let p = &allow.permission;
                    p.action.raw() == "*" && p.resource.raw() == "*" && p.condition.is_none() && p.except.is_empty()
                })
        })
}

impl View<'_, '_> {
    /// Whether a subject holds everything, everywhere, in force and for good; of a state with changes only where that is
    /// so without them, too. Independent of what was asked before.
    pub(super) fn is_administrator(&self, subject: &Subject) -> bool {
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
        loop {
            // WHY: what is made under a name that the snapshot does not know may stand for someone else than before.
            let known = self.index.identity(at.as_str()).is_some() || self.index.group(at.as_str()).is_some();
            if touched.holds_other(&at) || (self.delta.alters_subjects() && !known) {
                return false;
            }
            let next = below.worked.borrow().administrators.known.get(&at).cloned();
            match next {
                Some(Known::Itself) => return true,
                Some(Known::By(next)) => at = next,
                Some(Known::No) | None => return false,
            }
        }
    }

    /// Goes on until it meets an administrator, or has met everyone.
    fn finds_administrator(&self, subject: &Subject) -> bool {
        if let Some(known) = self.worked.borrow().administrators.known.get(subject) {
            return !matches!(known, Known::No);
        }
        let mut from: BTreeMap<Subject, Option<Subject>> = BTreeMap::from([(subject.clone(), None)]);
        let mut queue = VecDeque::from([subject.clone()]);
        let mut opened: BTreeSet<usize> = BTreeSet::new();
        while let Some(at) = queue.pop_front() {
            if !self.usable(&at) {
                continue;
            }
            if is_everything(&self.own(&at)) {
                self.note_way(&from, at, Known::Itself);
                return true;
            }
            let edges = self.edges(&at);
            if let Some(next) = self.known_among(&edges) {
                self.note_way(&from, at, Known::By(next));
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
        let mut worked = self.worked.borrow_mut();
        worked.administrators.known.extend(from.into_keys().map(|met| (met, Known::No)));
        false
    }

    /// One of those that edges lead to for good who is known to be an administrator.
    fn known_among(&self, edges: &Edges) -> Option<Subject> {
        let worked = &mut self.worked.borrow_mut().administrators;
        let is_one = |known: &HashMap<Subject, Known>, who: &Subject| {
            matches!(known.get(who), Some(Known::Itself | Known::By(_)))
        };
        let single = edges.single.iter().filter(|e| e.requires.is_none() && lasts(&e.way)).map(|e| &e.to);
        if let Some(found) = single.into_iter().find(|to| is_one(&worked.known, to)) {
            return Some(found.clone());
        }
        edges.spread.iter().filter(|s| lasts(&s.way)).find_map(|s| {
            if let Some(known) = worked.lists.get(&s.address()) {
                return Some(known.clone());
            }
            let found = s.to.iter().find(|to| is_one(&worked.known, to))?;
            worked.lists.insert(s.address(), found.clone());
            Some(found.clone())
        })
    }

    fn note_way(&self, from: &BTreeMap<Subject, Option<Subject>>, last: Subject, how: Known) {
        let known = &mut self.worked.borrow_mut().administrators.known;
        let mut next = last.clone();
        known.insert(last, how);
        while let Some(Some(before)) = from.get(&next) {
            known.insert(before.clone(), Known::By(std::mem::replace(&mut next, before.clone())));
        }
    }
}
