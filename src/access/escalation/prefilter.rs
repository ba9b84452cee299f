//! Prefilter: the escalation paths that an additional access may complete.
//!
//! Selects paths by their requirements from the additional access of a subject. Results are cached, because a change
//! gives the same access to many subjects. Whether a path is completed is computed in
//! [`crate::access::escalation::matches`].

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use crate::access::effective::held_access::AccessDiff;
use crate::access::effective::role::Requested;
use crate::access::escalation::catalog::{EscalationPath, PathRequirement};
use crate::access::graph::trust_rules::Template;
use crate::access::matching::systems::Systems;
use crate::input::system::System;
use crate::input::text::Text;

/// By action and resource, the indices of the paths with a requirement that overlaps both.
type KnownHolders = HashMap<(Text, Text, Option<System>), Rc<[usize]>>;

/// The requirements of paths.
pub(crate) struct Asks<'p> {
    paths: Vec<&'p EscalationPath>,
    systems: Systems<'p>,
    /// For each requirement its path, its action, and its resource with all variables open.
    asked: Vec<(usize, &'p Text, String, Option<&'p System>)>,
    /// Paths that depend on the identities a subject can act as, by trust rules or services. Any access may complete
    /// them.
    by_others: Vec<usize>,
    known: RefCell<KnownHolders>,
}

impl<'p> Asks<'p> {
    /// For the paths of the systems of a snapshot.
    pub(crate) fn new(paths: &'p [EscalationPath], systems: Systems<'p>) -> Self {
        let paths: Vec<&'p EscalationPath> = paths.iter().filter(|p| systems.may_hold(p.system.as_ref())).collect();
        let open = |(at, path): (usize, &&'p EscalationPath)| {
            let path: &'p EscalationPath = path;
            let each = path.requires.iter().flat_map(PathRequirement::alternatives);
            each.map(move |(action, resource)| (at, action, Template::new(resource.raw()).open(), path.system.as_ref()))
        };
        let by_others = |path: &EscalationPath| {
            path.exists.iter().any(|e| e.relation.is_some() || e.held_by.is_some())
                || path.requires.iter().any(|r| r.runs_as.is_some() || !r.via.is_empty())
        };
        Self {
            systems,
            asked: paths.iter().enumerate().flat_map(open).collect(),
            by_others: paths.iter().enumerate().filter(|(_, path)| by_others(path)).map(|(at, _)| at).collect(),
            paths,
            known: RefCell::default(),
        }
    }

    /// The paths that a subject may newly complete by its additional access: those with a requirement that overlaps it,
    /// and those that depend on the identities it can act as.
    pub(crate) fn met(&self, more: &AccessDiff) -> Vec<&'p EscalationPath> {
        let mut met: BTreeSet<usize> = self.by_others.iter().copied().collect();
        let mut last: Option<Requested<'_>> = None;
        for held in more.now.iter().chain(&more.eligible) {
            let here = (&held.access.action, &held.access.resource, held.access.system.as_ref());
            // The same access at many scopes is adjacent in the list.
            if last.replace(here) != Some(here) {
                met.extend(self.by(here).iter());
            }
        }
        met.into_iter().filter_map(|at| self.paths.get(at).copied()).collect()
    }

    fn by(&self, (action, resource, mark): Requested<'_>) -> Rc<[usize]> {
        let key = (action.clone(), resource.clone(), mark.cloned());
        if let Some(known) = self.known.borrow().get(&key) {
            return Rc::clone(known);
        }
        let asks = |(_, asked, open, system): &&(usize, &Text, String, Option<&System>)| {
            let dialect = self.systems.dialect_for(*system, mark, false);
            self.systems.concerns(*system, mark)
                && dialect.actions_overlap(action.raw(), asked.raw())
                && dialect.resources_overlap(resource.raw(), open)
        };
        let found: BTreeSet<usize> = self.asked.iter().filter(asks).map(|(at, ..)| *at).collect();
        let found: Rc<[usize]> = found.into_iter().collect();
        self.known.borrow_mut().insert(key, Rc::clone(&found));
        found
    }
}
