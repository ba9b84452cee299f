//! Bindings: the combinations of objects that the variables of an escalation path can have.
//!
//! Computed from a path, a subject with its grants, and the candidate objects of each variable. Returns the consistent
//! combinations with the strength of each, at most [`MAX_BINDINGS`].

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::access::effective::state::AccessState;
use crate::access::escalation::catalog::{EscalationPath, Exists};
use crate::access::escalation::requirement::HeldIn;
use crate::access::escalation::requirement::{Completion, MAX_BINDINGS, Reached, Strength};
use crate::access::escalation::requirement_query::RequirementQuery;
use crate::access::graph::trust_rules::Bound;
use crate::input::id::{Id, RoleId};
use crate::input::text::Text;

/// The search for bindings with its inputs.
pub(crate) struct Binding<'q, 'v, 's> {
    view: &'q AccessState<'v, 's>,
    known: &'q EscalationPath,
    reached: &'q Reached<'q>,
    asked: &'q [RequirementQuery],
    place: HeldIn<'q>,
    /// The roles of holders, and the holders of roles, by name.
    roles: RefCell<BTreeMap<String, Rc<BTreeSet<Text>>>>,
    holders: RefCell<BTreeMap<String, Rc<BTreeSet<Text>>>>,
}

impl<'q, 'v, 's> Binding<'q, 'v, 's> {
    pub(crate) fn new(
        view: &'q AccessState<'v, 's>,
        known: &'q EscalationPath,
        reached: &'q Reached<'q>,
        asked: &'q [RequirementQuery],
        place: HeldIn<'q>,
    ) -> Self {
        Self { view, known, reached, asked, place, roles: RefCell::default(), holders: RefCell::default() }
    }

    /// Binds the variables in turn. A strength of `Possible` means that the strength of a candidate was not computed
    /// yet.
    pub(crate) fn bind(
        &self,
        choices: &[(&str, Vec<Text>, Strength)],
        bound: &mut Bound,
        so_far: Strength,
        into: &mut Completion<'_>,
    ) {
        if into.bindings.len() >= MAX_BINDINGS {
            return;
        }
        let Some(((name, objects, strength), rest)) = choices.split_first() else {
            let strength = if so_far == Strength::Possible { self.strength(bound) } else { Some(so_far) };
            if let Some(strength) = strength
                && self.joined(bound)
            {
                into.add(bound, strength);
            }
            return;
        };
        for object in self.joining(name, objects, bound) {
            bound.insert((*name).to_owned(), object.raw().to_owned());
            // WHY: a relation between variables excludes most pairs.
            if self.joined(bound) {
                // Requirements with several variables are evaluated once all of them are bound.
                let known = if self.asks_more(name) { Strength::Possible } else { *strength };
                self.bind(rest, bound, so_far.min(known), into);
            }
        }
        bound.remove(*name);
    }

    /// The candidates of a variable, sorted, that are consistent with the objects bound before. Relations between
    /// variables exclude most pairs, so the pairs are not enumerated.
    fn joining<'c>(&self, name: &str, objects: &'c [Text], bound: &Bound) -> Vec<&'c Text> {
        let known = |e: &Exists| {
            let holder = e.held_by.as_ref()?;
            if e.variable == name {
                Some(self.roles_of(bound.get(holder)?))
            } else if holder == name {
                Some(self.holders_of(bound.get(&e.variable)?))
            } else {
                None
            }
        };
        match self.known.exists.iter().find_map(known) {
            Some(few) => few.iter().filter_map(|one| objects.get(objects.binary_search(one).ok()?)).collect(),
            None => objects.iter().collect(),
        }
    }

    fn roles_of(&self, holder: &str) -> Rc<BTreeSet<Text>> {
        let all = || self.view.held_by(holder).filter_map(|a| a.role.as_ref().map(Id::text)).collect();
        Rc::clone(self.roles.borrow_mut().entry(holder.to_owned()).or_insert_with(|| Rc::new(all())))
    }

    fn holders_of(&self, role: &str) -> Rc<BTreeSet<Text>> {
        let all = || self.view.of_role(&RoleId::new(role)).map(|a| a.who.clone()).collect();
        Rc::clone(self.holders.borrow_mut().entry(role.to_owned()).or_insert_with(|| Rc::new(all())))
    }

    /// Whether a requirement uses a variable together with others.
    fn asks_more(&self, name: &str) -> bool {
        self.asked.iter().map(RequirementQuery::variables).any(|v| v.contains(name) && v.len() > 1)
    }

    fn strength(&self, bound: &Bound) -> Option<Strength> {
        let mut strength = Strength::Complete;
        for asked in self.asked {
            if asked.way(self.view, self.reached, bound, self.place)?.condition.is_some() {
                strength = Strength::Conditional;
            }
        }
        if !self.reached.conditions_on(self.known, bound).is_empty() {
            strength = Strength::Conditional;
        }
        Some(strength)
    }

    /// Whether the relations between variables are satisfied, as far as these are bound.
    fn joined(&self, bound: &Bound) -> bool {
        self.known.exists.iter().all(|e| {
            let (Some(role), Some(holder)) = (bound.get(&e.variable), e.held_by.as_ref().and_then(|h| bound.get(h)))
            else {
                return true;
            };
            self.view.held_by(holder).any(|a| a.role.as_ref().is_some_and(|r| r.as_str() == role.as_str()))
        })
    }
}
