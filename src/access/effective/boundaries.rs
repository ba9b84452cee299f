//! Boundaries: what remains of a role for an identity that permission boundaries or organisation policies limit.
//!
//! Flattens a role and narrows each allow to what every boundary of the holder allows as well. If the intersection of
//! two patterns is not a pattern, the allow keeps its own pattern and gets a condition, so that it covers nothing but
//! itself. The denies of boundaries are not applied here, because a deny affects the whole identity.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::access::effective::role::{Allow, ResolvedRole};
use crate::access::effective::state::{AccessState, RoleState};
use crate::access::graph::provenance::both;
use crate::access::matching::dialect::Dialect;
use crate::access::matching::systems::Mark;
use crate::input::entitlement::{Except, Permission};
use crate::input::id::{RoleId, Subject};
use crate::input::text::Text;
use crate::snapshot::model::Limit;

/// The maximum number of pieces of one allow. Beyond it, the allow stays whole under a condition.
const MAX_PIECES: usize = 256;

impl AccessState<'_, '_> {
    /// A role, flattened, within boundaries.
    pub(crate) fn limited(&self, subject: &Subject, role: &RoleId, limits: &[Limit]) -> Rc<ResolvedRole> {
        let by_resource = matches!(self.role(role.as_str()), RoleState::Known(known) if known.by_resource);
        let limits: Vec<Limit> = limits.iter().filter(|l| !by_resource || l.bounds_resources).cloned().collect();
        if limits.is_empty() {
            return self.personal(subject, role);
        }
        let mut roles = std::iter::once(role).chain(limits.iter().flat_map(|l| &l.roles));
        if let Some(below) = self.below
            && !self.delta.alters_subjects()
            && !roles.any(|r| self.alters(r))
        {
            return below.limited(subject, role, &limits);
        }
        let mut roles = std::iter::once(role).chain(limits.iter().flat_map(|l| &l.roles));
        let holder = roles.any(|r| self.flat(r).variables).then(|| subject.clone());
        let key = (role.clone(), limits, holder);
        if let Some(known) = self.memo.borrow().limited.get(&key) {
            return Rc::clone(known);
        }
        let flat = Rc::new(self.narrow(subject, role, &key.1));
        self.memo.borrow_mut().limited.insert(key, Rc::clone(&flat));
        flat
    }

    fn narrow(&self, subject: &Subject, role: &RoleId, limits: &[Limit]) -> ResolvedRole {
        let whole = self.personal(subject, role);
        let mut allows: Vec<Allow> = whole.allows.clone();
        for limit in limits {
            let bounds: Vec<Rc<ResolvedRole>> = limit.roles.iter().map(|r| self.personal(subject, r)).collect();
            // A boundary limits the systems of its roles; one without roles limits everything.
            let systems: BTreeSet<Mark> = limit.roles.iter().map(|role| self.system_of(role)).collect();
            let of = |allow: &Allow| -> Vec<&Permission> {
                let same = bounds.iter().flat_map(|flat| &flat.allows).filter(|bound| bound.system == allow.system);
                same.map(|bound| &bound.permission).collect()
            };
            let left = |allow: &Allow| {
                if !systems.is_empty() && !systems.contains(&allow.system) {
                    return vec![allow.clone()];
                }
                pieces(self.systems.dialect(allow.system.as_ref()), allow, &of(allow), limit)
            };
            allows = allows.iter().flat_map(left).collect();
        }
        ResolvedRole::of(allows, whole.denies.clone(), whole.roles.clone())
    }
}

/// What a boundary leaves of an allow.
fn pieces(dialect: Dialect<'_>, allow: &Allow, bounds: &[&Permission], limit: &Limit) -> Vec<Allow> {
    let whole = |b: &&&Permission| {
        b.condition.is_none()
            && b.except.is_empty()
            && dialect.action_covers(b.action.raw(), allow.permission.action.raw())
            && dialect.resource_covers(b.resource.raw(), allow.permission.resource.raw())
    };
    if bounds.iter().any(|b| whole(&b)) {
        return vec![allow.clone()];
    }
    let found: BTreeSet<Permission> =
        bounds.iter().filter_map(|bound| meet(dialect, &allow.permission, bound)).collect();
    let found: Vec<Permission> = if found.len() > MAX_PIECES {
        let within = format!("within the limit `{}`", limit.name.raw());
        vec![Permission {
            condition: both(allow.permission.condition.as_ref(), Some(&within.into())),
            ..allow.permission.clone()
        }]
    } else {
        found.into_iter().collect()
    };
    let piece = |permission| Allow { permission, ..allow.clone() };
    found.into_iter().map(piece).collect()
}

/// The intersection of two permissions.
fn meet(dialect: Dialect<'_>, p: &Permission, bound: &Permission) -> Option<Permission> {
    let (action, action_exact) = narrower(
        &p.action,
        &bound.action,
        |q, r| dialect.action_covers(q, r),
        dialect.actions_overlap(p.action.raw(), bound.action.raw()),
    )?;
    let (resource, resource_exact) = narrower(
        &p.resource,
        &bound.resource,
        |q, r| dialect.resource_covers(q, r),
        dialect.resources_overlap(p.resource.raw(), bound.resource.raw()),
    )?;
    let mut condition = both(p.condition.as_ref(), bound.condition.as_ref());
    if !(action_exact && resource_exact) {
        let mark = format!("within `{}` on `{}`", bound.action.raw(), bound.resource.raw());
        condition = both(condition.as_ref(), Some(&mark.into()));
    }
    let except: BTreeSet<Except> = p.except.iter().chain(&bound.except).cloned().collect();
    Some(Permission { action, resource, effect: p.effect, condition, except: except.into_iter().collect() })
}

/// The narrower of two patterns, and whether it is the exact intersection; `None` if they are disjoint.
fn narrower(p: &Text, bound: &Text, covers: impl Fn(&str, &str) -> bool, overlap: bool) -> Option<(Text, bool)> {
    if covers(bound.raw(), p.raw()) {
        Some((p.clone(), true))
    } else if covers(p.raw(), bound.raw()) {
        Some((bound.clone(), true))
    } else {
        overlap.then(|| (p.clone(), false))
    }
}
