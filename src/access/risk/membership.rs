//! The rating of a permission to be a member of a role: `MEMBER` on `role:NAME` in PostgreSQL.
//!
//! It is worth what its holder gains through that role: all that the role holds, reaches and is a member of. Follows
//! such permissions from role to role and visits each role once, so a cycle ends. What leads to no known role, or to one
//! that gives nothing, is unclassified.

use std::collections::BTreeSet;

use crate::access::effective::role::Allow;
use crate::access::effective::state::AccessState;
use crate::access::matching::systems::Mark;
use crate::access::risk::classification::Classifier;
use crate::access::risk::rating::Rating;
use crate::input::entitlement::{Permission, Sensitivity};
use crate::input::id::{ResourceId, RoleId, Subject};
use crate::input::system::System;

const MEMBER: &str = "MEMBER";

impl Classifier<'_> {
    /// The rating of what a permission gives as a membership; the lowest if it is none.
    pub(crate) fn membership(&self, view: &AccessState<'_, '_>, role: &RoleId, permission: &Permission) -> Rating {
        let mut verdict = Rating::default();
        if is_membership(view, &view.system_of(role), permission) {
            self.enter(view, permission, &mut verdict);
        }
        verdict
    }

    /// A role that a change grants, with what its memberships give.
    pub(crate) fn given_role(&self, view: &AccessState<'_, '_>, role: &RoleId, scope: Option<&ResourceId>) -> Rating {
        let mut verdict = self.held_role(view, role, scope);
        let flat = view.flat(role);
        for allow in flat.allows.iter().filter(|allow| is_membership(view, &allow.system, &allow.permission)) {
            self.enter(view, &allow.permission, &mut verdict);
        }
        verdict
    }

    /// Raises a rating by what a membership gives.
    fn enter(&self, view: &AccessState<'_, '_>, membership: &Permission, verdict: &mut Rating) {
        let mut open: Vec<Subject> = named_by(view, membership).into_iter().collect();
        let mut seen: BTreeSet<Subject> = BTreeSet::new();
        let mut gives = false;
        while let Some(subject) = open.pop() {
            if !seen.insert(subject.clone()) {
                continue;
            }
            gives |= self.raise_by(view, &subject, verdict);
            for actor in view.row(&subject).keys() {
                for holding in &view.own(actor).holdings {
                    let flat = view.flat(&holding.role);
                    let memberships = flat.allows.iter().filter(|a| is_membership(view, &a.system, &a.permission));
                    open.extend(memberships.flat_map(|allow| named_by(view, &allow.permission)));
                }
            }
        }
        if !gives {
            verdict.raise(&Rating::unclassified());
        }
    }

    /// The highest rating of all roles that a subject can reach, including by activation; `None` if they give nothing.
    pub(crate) fn reachable(&self, view: &AccessState<'_, '_>, subject: &Subject) -> Option<Rating> {
        let mut verdict = Rating::default();
        self.raise_by(view, subject, &mut verdict).then_some(verdict)
    }

    /// Raises a rating by all roles that a subject can reach. Returns whether there are any that give more than
    /// membership of a role: every role of PostgreSQL is at least a member of itself.
    fn raise_by(&self, view: &AccessState<'_, '_>, subject: &Subject, verdict: &mut Rating) -> bool {
        let mut gives = false;
        for actor in view.row(subject).keys() {
            for holding in &view.own(actor).holdings {
                let held = self.held_role(view, &holding.role, holding.scope.as_ref());
                let flat = view.flat(&holding.role);
                let is_member = |allow: &Allow| is_membership(view, &allow.system, &allow.permission);
                let only_member = !flat.allows.is_empty() && flat.allows.iter().all(is_member);
                gives |= !only_member || held.sensitivity > Sensitivity::Low;
                verdict.raise(&held);
            }
        }
        gives
    }
}

fn is_membership(view: &AccessState<'_, '_>, system: &Mark, permission: &Permission) -> bool {
    let kind = view.systems.of(system.as_ref()).map(System::kind);
    permission.action.raw() == MEMBER && kind.is_none_or(|kind| kind == System::Postgresql)
}

/// The subjects of the roles that a permission names. A role that can log in is `user:NAME`, any other `role:NAME`.
fn named_by(view: &AccessState<'_, '_>, permission: &Permission) -> BTreeSet<Subject> {
    let resource = permission.resource.raw();
    let user = resource.strip_prefix("role:").map(|name| format!("user:{name}"));
    let names = std::iter::once(resource.to_owned()).chain(user);
    names
        .flat_map(|name| view.systems.with_prefix(&System::Postgresql, &name))
        .flat_map(|name| match (view.identity(&name), view.group(&name)) {
            _ if name.contains('*') => view.matching(&name),
            (identity, group) => {
                let identity = identity.map(|identity| Subject::Identity(identity.id.clone()));
                identity.into_iter().chain(group.map(|group| Subject::Group(group.id.clone()))).collect()
            }
        })
        .collect()
}
