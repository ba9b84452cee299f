//! Asks: which escalation paths ask for an access.
//!
//! In: paths, and what a subject has more. Out: the paths that it may newly complete by that. Remembers what it was asked: a
//! change gives the same to many. Never tells whether a path is completed: [`crate::access::escalation::matches`] does.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use crate::access::effective::difference::AccessDiff;
use crate::access::escalation::catalog::EscalationPath;
use crate::access::graph::trust_rules::Template;
use crate::access::matching::pattern::Dialect;
use crate::input::text::Text;

/// By action and resource, the places of the paths that ask for something of the two.
type KnownHolders = HashMap<(Text, Text), Rc<[usize]>>;

/// What paths ask for.
pub(crate) struct Asks<'p> {
    paths: Vec<&'p EscalationPath>,
    dialect: Dialect,
    /// For each requirement its path, its action, and its resource with all variables open.
    asked: Vec<(usize, &'p Text, String)>,
    /// Paths that go by whom a subject can act as: anything may complete them.
    by_others: Vec<usize>,
    known: RefCell<KnownHolders>,
}

impl<'p> Asks<'p> {
    /// Of the paths of a source system.
    pub(crate) fn new(paths: &'p [EscalationPath], source: &Text) -> Self {
        let paths: Vec<&'p EscalationPath> =
            paths.iter().filter(|p| p.system.as_ref().is_none_or(|s| s == source)).collect();
        let open = |(at, path): (usize, &&'p EscalationPath)| {
            let path: &'p EscalationPath = path;
            path.requires.iter().map(move |r| (at, &r.action, Template::new(r.resource.raw()).open()))
        };
        let by_others = |path: &EscalationPath| path.exists.iter().any(|e| e.relation.is_some() || e.held_by.is_some());
        Self {
            dialect: Dialect::of(source.raw()),
            asked: paths.iter().enumerate().flat_map(open).collect(),
            by_others: paths.iter().enumerate().filter(|(_, path)| by_others(path)).map(|(at, _)| at).collect(),
            paths,
            known: RefCell::default(),
        }
    }

    /// The paths that a subject may newly complete by what it has more: those that ask for something of it, and those that
    /// go by whom it can act as.
    pub(crate) fn met(&self, more: &AccessDiff) -> Vec<&'p EscalationPath> {
        let mut met: BTreeSet<usize> = self.by_others.iter().copied().collect();
        let mut last: Option<(&Text, &Text)> = None;
        for held in more.now.iter().chain(&more.eligible) {
            let here = (&held.access.action, &held.access.resource);
            // Of one access at many places the one stands beside the other.
            if last.replace(here) != Some(here) {
                met.extend(self.by(here).iter());
            }
        }
        met.into_iter().filter_map(|at| self.paths.get(at).copied()).collect()
    }

    fn by(&self, (action, resource): (&Text, &Text)) -> Rc<[usize]> {
        let key = (action.clone(), resource.clone());
        if let Some(known) = self.known.borrow().get(&key) {
            return Rc::clone(known);
        }
        let asks = |(_, asked, open): &&(usize, &Text, String)| {
            self.dialect.actions_overlap(action.raw(), asked.raw())
                && self.dialect.resources_overlap(resource.raw(), open)
        };
        let found: BTreeSet<usize> = self.asked.iter().filter(asks).map(|(at, _, _)| *at).collect();
        let found: Rc<[usize]> = found.into_iter().collect();
        self.known.borrow_mut().insert(key, Rc::clone(&found));
        found
    }
}
