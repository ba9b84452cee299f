//! Flattens a role with all roles it includes.
//!
//! Computes its allows, each with the includes that lead to it, and its denies. The answers to queries are cached on
//! the role, so a query costs once for all holders of the role.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use crate::access::effective::conditions::is_about_holder;
use crate::access::effective::policy_variables::has_variable;
use crate::access::effective::role::{Allow, ResolvedRole, leave_out, unknown_permission};
use crate::access::effective::state::{AccessState, RoleState};
use crate::access::graph::closure::closure;
use crate::access::matching::systems::Mark;
use crate::input::entitlement::{Effect, Permission};
use crate::input::id::RoleId;

/// Denies with their systems.
type Denies = BTreeSet<(Mark, Permission)>;

impl AccessState<'_, '_> {
    /// The system of a role's own permissions.
    pub(crate) fn system_of(&self, role: &RoleId) -> Mark {
        match self.role(role.as_str()) {
            RoleState::Known(known) => self.systems.of_role(known),
            RoleState::Deleted | RoleState::Unknown => self.systems.mark(self.systems.of_new(role.as_str())),
        }
    }

    /// A role, flattened. Taken from the state below if the changes do not touch it.
    pub(crate) fn flat(&self, role: &RoleId) -> Rc<ResolvedRole> {
        if let Some(below) = self.below
            && !self.alters(role)
        {
            return below.flat(role);
        }
        if let Some(known) = self.memo.borrow().resolved_roles.get(role) {
            return Rc::clone(known);
        }
        let flat = Rc::new(self.flatten(role));
        self.memo.borrow_mut().resolved_roles.insert(role.clone(), Rc::clone(&flat));
        flat
    }

    /// Whether the changes alter a role or one that it includes.
    pub(crate) fn alters(&self, role: &RoleId) -> bool {
        if self.delta.roles.is_empty() {
            return false;
        }
        let mut seen = BTreeSet::from([role.clone()]);
        let mut queue = vec![role.clone()];
        while let Some(next) = queue.pop() {
            if self.delta.roles.contains_key(&next) {
                return true;
            }
            if let RoleState::Known(known) = self.role(next.as_str()) {
                queue.extend(known.includes.iter().filter(|i| seen.insert((*i).clone())).cloned());
            }
        }
        false
    }

    fn flatten(&self, role: &RoleId) -> ResolvedRole {
        let mut flat = ResolvedRole::default();
        let mut queue = VecDeque::from([(role.clone(), Vec::new())]);
        flat.roles.insert(role.clone());
        while let Some((id, chain)) = queue.pop_front() {
            let state = self.role(id.as_str());
            let system = self.system_of(&id);
            if matches!(state, RoleState::Unknown) || self.delta.open_roles.contains(&id) {
                let permission = unknown_permission(&id);
                flat.set.insert((system.clone(), permission.clone()));
                flat.allows.push(Allow { permission, chain: chain.clone(), unknown: true, system: system.clone() });
            }
            let known = match state {
                RoleState::Known(known) => known,
                RoleState::Deleted => {
                    flat.roles.remove(&id);
                    continue;
                }
                RoleState::Unknown => continue,
            };
            for permission in &known.permissions {
                match permission.effect {
                    Effect::Allow if flat.set.insert((system.clone(), permission.clone())) => {
                        flat.allows.push(Allow {
                            permission: permission.clone(),
                            chain: chain.clone(),
                            unknown: false,
                            system: system.clone(),
                        });
                    }
                    Effect::Deny => {
                        flat.denies.insert((system.clone(), permission.clone()));
                    }
                    Effect::Allow => {}
                }
            }
            let depends = |p: &Permission| has_variable(p) || p.condition.as_ref().is_some_and(is_about_holder);
            let may_vary = self.systems.dialect(system.as_ref()).has_variables();
            flat.variables |= may_vary && known.permissions.iter().any(depends);
            for include in &known.includes {
                if flat.roles.insert(include.clone()) {
                    let mut longer = chain.clone();
                    longer.push(include.clone());
                    queue.push_back((include.clone(), longer));
                }
            }
        }
        if !self.delta.undenied_includes.is_empty() {
            self.open_includes(role, &mut flat);
        }
        flat
    }

    /// Applies denies that arrive only through uncertain includes to the allows that arrive through the same includes,
    /// and to no others.
    fn open_includes(&self, role: &RoleId, flat: &mut ResolvedRole) {
        let open = &self.delta.undenied_includes;
        let by = |counts: &dyn Fn(&(RoleId, RoleId)) -> bool| {
            closure(&BTreeSet::from([role.clone()]), |id| {
                let RoleState::Known(known) = self.role(id.as_str()) else { return BTreeSet::new() };
                let counts = |i: &&RoleId| counts(&(id.clone(), (*i).clone()));
                known.includes.iter().filter(counts).cloned().collect()
            })
        };
        let has = |deny: &(Mark, Permission), of: &BTreeSet<RoleId>| {
            let has =
                |id: &RoleId| matches!(self.role(id.as_str()), RoleState::Known(r) if r.permissions.contains(&deny.1));
            of.iter().any(has)
        };
        let sure = by(&|include| !open.contains(include));
        let (kept, mut loose): (Denies, Denies) =
            std::mem::take(&mut flat.denies).into_iter().partition(|deny| has(deny, &sure));
        flat.denies = kept;
        // A conditional deny removes nothing.
        loose.retain(|(_, deny)| deny.condition.is_none());
        if loose.is_empty() {
            return;
        }
        for allow in &mut flat.allows {
            let from = allow.chain.last().unwrap_or(role);
            let others = |include: &&(RoleId, RoleId)| !by(&|other| other != *include).contains(from);
            let needed: BTreeSet<_> = open.iter().filter(others).collect();
            if needed.is_empty() {
                continue;
            }
            let with = by(&|include| !open.contains(include) || needed.contains(include));
            let same = loose.iter().filter(|(system, _)| *system == allow.system);
            let taken: Vec<&Permission> = same.filter(|deny| has(deny, &with)).map(|(_, deny)| deny).collect();
            leave_out(&mut allow.permission, &taken);
        }
        flat.set = flat.allows.iter().map(|allow| (allow.system.clone(), allow.permission.clone())).collect();
    }
}
