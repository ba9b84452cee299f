//! Removed entitlements: which parts of a role, scope or membership a subject keeps, and who counts as a holder.
//!
//! Compares the direct holdings of one subject before and after. Cost: linear in these holdings.

use std::collections::BTreeSet;

use crate::access::effective::holdings::DirectHoldings;
use crate::access::effective::state::AccessState;
use crate::access::matching::coverage::scope_covers;
use crate::access::model::facts::{Removable, Removed};
use crate::input::id::{GroupId, IdentityId, RoleId, Subject};
use crate::plan::model::{AssignmentChange, Target};
use crate::snapshot::model::{Assignment, MembersKnown};

/// Collects the holders of an entitlement.
pub(crate) struct HolderSearch<'c, 'v, 's> {
    plain: &'c AccessState<'v, 's>,
    enough: usize,
    seen: BTreeSet<Subject>,
    pub(crate) counted: BTreeSet<Subject>,
}

impl<'c, 'v, 's> HolderSearch<'c, 'v, 's> {
    /// Stops counting at more than `enough`.
    pub(crate) fn new(plain: &'c AccessState<'v, 's>, enough: usize) -> Self {
        Self { plain, enough, seen: BTreeSet::new(), counted: BTreeSet::new() }
    }

    /// Adds the subjects of assignments in force, with the members of groups among them.
    pub(crate) fn assigned<'x>(&mut self, assignments: impl Iterator<Item = &'x Assignment>) {
        let plain = self.plain;
        for assignment in assignments.filter(|a| plain.in_force(a.until)) {
            if self.counted.len() > self.enough {
                return;
            }
            self.add(plain.subjects(assignment.who.raw()));
        }
    }

    /// Adds subjects, and the members of groups among them.
    pub(crate) fn add(&mut self, from: impl IntoIterator<Item = Subject>) {
        let plain = self.plain;
        let mut queue: Vec<Subject> = from.into_iter().collect();
        while let Some(subject) = queue.pop().filter(|_| self.counted.len() <= self.enough) {
            if !self.seen.insert(subject.clone()) {
                continue;
            }
            if let Subject::Group(group) = &subject {
                queue.extend(members(plain, group));
            }
            if is_counted(plain, &subject) && !plain.disabled(&subject) {
                self.counted.insert(subject);
            }
        }
    }
}

/// The direct members of a group, in force.
pub(crate) fn members(plain: &AccessState<'_, '_>, group: &GroupId) -> BTreeSet<Subject> {
    let belongs =
        |subject: &Subject| plain.memberships(subject).iter().any(|m| m.group == *group && plain.in_force(m.until));
    plain.members(group).into_iter().filter(belongs).collect()
}

/// Whether a subject counts as a holder: an identity, or a group whose members are not all known.
pub(crate) fn is_counted(plain: &AccessState<'_, '_>, subject: &Subject) -> bool {
    match subject {
        Subject::Identity(_) => true,
        Subject::Group(group) => plain.members_known(group) != MembersKnown::Known,
    }
}

pub(crate) fn identity_of(subject: &Subject) -> Option<&IdentityId> {
    match subject {
        Subject::Identity(id) => Some(id),
        Subject::Group(_) => None,
    }
}

/// Whether a subject keeps any part of an entitlement for as long as it had it.
pub(crate) fn keeps(
    plain: &AccessState<'_, '_>,
    was: &DirectHoldings,
    has: &DirectHoldings,
    thing: &Removable,
) -> bool {
    let kept = |role: &RoleId, of: &dyn Fn(&crate::access::effective::holdings::Holding) -> bool| {
        was.holdings.iter().filter(|had| had.role == *role && of(had)).any(|had| {
            has.holdings.iter().any(|now| {
                now.role == had.role
                    && scope_covers(plain, now.scope.as_ref(), had.scope.as_ref())
                    && now.way.reaches(&had.way)
            })
        })
    };
    match thing {
        Removable::Role(role) => kept(role, &|_| true),
        Removable::RoleAt(role, at) => kept(role, &|had| had.scope.as_ref() == Some(at)),
        Removable::Scope(at) => {
            let roles: BTreeSet<&RoleId> =
                was.holdings.iter().filter(|had| had.scope.as_ref() == Some(at)).map(|had| &had.role).collect();
            roles.into_iter().any(|role| kept(role, &|had| had.scope.as_ref() == Some(at)))
        }
        // Accesses are compared as such.
        Removable::Access(..) => true,
        Removable::Group(group) => {
            let of = |own: &DirectHoldings| -> Vec<_> {
                let found = own.groups.iter().filter(|((at, _), _)| *at == Subject::Group(group.clone()));
                found.map(|((_, below), way)| (below.scope.clone(), way.clone())).collect()
            };
            let now = of(has);
            of(was).iter().any(|(scope, way)| {
                now.iter().any(|(wider, left)| scope_covers(plain, wider.as_ref(), scope.as_ref()) && left.reaches(way))
            })
        }
    }
}

/// Whether a subject has any of a thing.
pub(crate) fn remains(plain: &AccessState<'_, '_>, own: &DirectHoldings, thing: &Removable) -> bool {
    keeps(plain, own, own, thing)
}

/// The things that an assignment gives.
pub(crate) fn things(a: &AssignmentChange) -> Vec<Removable> {
    match &a.target {
        Target::MemberOf(group) => vec![Removable::Group(group.value.clone())],
        Target::Role(role) => {
            let scope = a.scope.as_ref().map(|scope| &scope.value);
            let at = scope.map(|scope| Removable::RoleAt(role.value.clone(), scope.clone()));
            let place = scope.map(|scope| Removable::Scope(scope.clone()));
            [Some(Removable::Role(role.value.clone())), at, place].into_iter().flatten().collect()
        }
    }
}

/// Up to this many holders can lose an entitlement without a mass removal.
const FEW: usize = 3;

/// The mass removal of a thing, if so many of its holders lose it: more than three and more than half, all of two or more,
/// or the last holder of something privileged.
pub(crate) fn many(thing: &Removable, grave: bool, gone: usize, all: usize) -> Option<Removed> {
    match (gone, all) {
        (gone, all) if grave && gone == all => Some(Removed::LastHolder(thing.clone())),
        (gone, all) if gone == all && all > 1 => Some(Removed::Holders(thing.clone())),
        (gone, all) if gone > FEW && gone.saturating_mul(2) > all => Some(Removed::Holders(thing.clone())),
        _ => None,
    }
}

/// Whether a group has any role.
pub(crate) fn gives(view: &AccessState<'_, '_>, group: &GroupId) -> bool {
    !view.own(&Subject::Group(group.clone())).holdings.is_empty()
}
