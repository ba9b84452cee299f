//! The rating of a permission to be a member of a role: `MEMBER` on `role:NAME` in PostgreSQL.
//!
//! It is worth what its holder gains through that role: all that the role holds, reaches and is a member of. Follows
//! such permissions from role to role and visits each role once, so a cycle ends. What leads to no known role is
//! unclassified.

use std::collections::BTreeSet;

use crate::access::effective::state::AccessState;
use crate::access::matching::systems::Mark;
use crate::access::risk::classification::{Classifier, Rating};
use crate::input::entitlement::Permission;
use crate::input::id::{ResourceId, RoleId, Subject};
use crate::input::system::System;

const MEMBER: &str = "MEMBER";

impl Classifier<'_> {
    /// The rating of what a permission gives as a membership; the lowest if it is none.
    pub(crate) fn membership(&self, view: &AccessState<'_, '_>, role: &RoleId, permission: &Permission) -> Rating {
        let mut verdict = Rating::default();
        if is_membership(view, &view.system_of(role), permission) {
            let mut seen = BTreeSet::new();
            self.enter(view, named_by(view, permission), &mut seen, &mut verdict);
        }
        verdict
    }

    /// A role that a change grants, with what its memberships give.
    pub(crate) fn given_role(&self, view: &AccessState<'_, '_>, role: &RoleId, scope: Option<&ResourceId>) -> Rating {
        let mut verdict = self.held_role(view, role, scope);
        let flat = view.flat(role);
        for allow in flat.allows.iter().filter(|allow| is_membership(view, &allow.system, &allow.permission)) {
            let mut seen = BTreeSet::new();
            self.enter(view, named_by(view, &allow.permission), &mut seen, &mut verdict);
        }
        verdict
    }

    fn enter(
        &self,
        view: &AccessState<'_, '_>,
        named: BTreeSet<Subject>,
        seen: &mut BTreeSet<Subject>,
        verdict: &mut Rating,
    ) {
        if named.is_empty() {
            verdict.raise(&Rating::unclassified());
        }
        let mut open: Vec<Subject> = named.into_iter().collect();
        while let Some(subject) = open.pop() {
            if !seen.insert(subject.clone()) {
                continue;
            }
            for actor in view.row(&subject).keys() {
                for holding in &view.own(actor).holdings {
                    verdict.raise(&self.held_role(view, &holding.role, holding.scope.as_ref()));
                    for allow in &view.flat(&holding.role).allows {
                        if is_membership(view, &allow.system, &allow.permission) {
                            open.extend(named_by(view, &allow.permission));
                        }
                    }
                }
            }
        }
    }
}

fn is_membership(view: &AccessState<'_, '_>, system: &Mark, permission: &Permission) -> bool {
    permission.action.raw() == MEMBER && view.systems.concerns(Some(&System::Postgresql), system.as_ref())
}

/// The subjects of the roles that a permission names. A role that can log in is `user:NAME`, any other `role:NAME`.
fn named_by(view: &AccessState<'_, '_>, permission: &Permission) -> BTreeSet<Subject> {
    let resource = permission.resource.raw();
    let user = resource.strip_prefix("role:").map(|name| format!("user:{name}"));
    let names = std::iter::once(resource.to_owned()).chain(user);
    names
        .flat_map(|name| match (view.identity(&name), view.group(&name)) {
            _ if name.contains('*') => view.matching(&name),
            (identity, group) => {
                let identity = identity.map(|identity| Subject::Identity(identity.id.clone()));
                identity.into_iter().chain(group.map(|group| Subject::Group(group.id.clone()))).collect()
            }
        })
        .collect()
}
