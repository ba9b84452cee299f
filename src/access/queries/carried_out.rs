//! Whether a later snapshot shows a change as it was approved.
//!
//! Compares the object of a change in three snapshots: before, as the change leads to, and later. Objects are found by
//! content and not by id, because real systems choose the ids of assignments. Costs a scan of the assignments for each
//! change. What else changed for the same subjects is for [`super::snapshot_diff::among`].

use std::collections::BTreeSet;

use crate::access::graph::index::Index;
use crate::input::entitlement::{Effect, Mode, Permission};
use crate::input::id::{GroupId, IdentityId, RoleId};
use crate::input::time::Time;
use crate::plan::model::{Action, AssignmentChange, CredentialIssue, Owned, Target, TrustDefinition};
use crate::snapshot::model::{Role, Snapshot, Status, Trust};

/// How much of a change a later snapshot shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CarriedOut {
    /// All of it, and no more.
    Applied,
    /// None of it.
    Missing,
    /// Some of it.
    Partly(&'static str),
    /// More than was approved.
    Beyond(String),
}

/// Three snapshots of one system.
#[derive(Clone, Copy)]
pub struct Stages<'i, 's> {
    /// Before the changes.
    pub before: &'i Index<'s>,
    /// As the approved changes lead to.
    pub expected: &'i Index<'s>,
    /// Later.
    pub later: &'i Index<'s>,
}

/// The terms of an assignment: whether it is in force, and when it ends.
type Terms = (bool, Option<Time>);

fn lasts_longer(one: Option<Time>, than: Option<Time>) -> bool {
    than.is_some_and(|than| one.is_none_or(|one| one > than))
}

/// Everything that an assignment with this subject, entitlement and scope says, listed members of groups included.
fn terms_of(index: &Index<'_>, a: &AssignmentChange) -> Vec<Terms> {
    let snapshot = index.snapshot();
    let scope = a.scope.as_ref().map(|scope| &scope.value);
    let same = snapshot.assignments.iter().filter(|it| {
        let target = match &a.target {
            Target::Role(role) => it.role.as_ref() == Some(&role.value),
            Target::MemberOf(group) => it.member_of.as_ref() == Some(&group.value),
        };
        target && it.who == a.to.value && it.scope.as_ref() == scope
    });
    let mut found: Vec<Terms> = same.map(|it| (it.mode != Mode::Eligible, it.until)).collect();
    if let (Target::MemberOf(group), None) = (&a.target, scope)
        && lists(index, &group.value, a.to.value.raw())
    {
        found.push((true, None));
    }
    found
}

fn lists(index: &Index<'_>, group: &GroupId, who: &str) -> bool {
    index.group(group.as_str()).is_some_and(|group| {
        group.members.iter().any(|it| it.as_str() == who) || group.nested.iter().any(|it| it.as_str() == who)
    })
}

impl Stages<'_, '_> {
    /// How much of a change the later snapshot shows.
    #[must_use]
    pub fn of(&self, action: &Action) -> CarriedOut {
        match action {
            Action::Grant(a) => self.granted(a),
            Action::Adjust(a) => self.adjusted(a),
            Action::Revoke(a) => done(terms_of(self.later, a).len() <= terms_of(self.expected, a).len()),
            Action::CreateRole(d) | Action::SetRole(d) => self.defined(&d.role.value),
            Action::DeleteRole(role) => done(self.later.role(role.value.as_str()).is_none()),
            Action::AddPermission(role, permission) => done(self.has_permission(&role.value, &permission.value)),
            Action::RemovePermission(role, permission) => done(!self.has_permission(&role.value, &permission.value)),
            Action::AddInclude(role, include) => done(self.includes(&role.value, &include.value)),
            Action::RemoveInclude(role, include) => done(!self.includes(&role.value, &include.value)),
            Action::CreateGroup(d) => done(self.later.group(d.group.value.as_str()).is_some()),
            Action::DeleteGroup(group) => done(self.later.group(group.value.as_str()).is_none()),
            Action::CreateIdentity(identity, ..) => done(self.later.identity(identity.value.as_str()).is_some()),
            Action::DisableIdentity(identity) => {
                let known = self.later.identity(identity.value.as_str());
                done(known.is_none_or(|known| known.status == Status::Disabled))
            }
            Action::DeleteIdentity(identity) => done(self.later.identity(identity.value.as_str()).is_none()),
            Action::SetOwner(thing, owner) => done(self.owner(thing) == Some(&owner.value)),
            Action::CreateResource(resource, ..) => done(self.later.resource(resource.value.as_str()).is_some()),
            Action::DeleteResource(resource) => done(self.later.resource(resource.value.as_str()).is_none()),
            Action::AddTrust(d) => self.trusted(d),
            Action::RemoveTrust(trust) => {
                let was: Vec<&Trust> = self.before.snapshot().trusts.iter().filter(|it| it.id == trust.value).collect();
                let is_it = |it: &Trust| {
                    it.id == trust.value
                        || was.iter().any(|was| was.from == it.from && was.to == it.to && was.via == it.via)
                };
                done(!self.later.snapshot().trusts.iter().any(is_it))
            }
            Action::IssueCredential(issue) => self.issued(issue),
            Action::RotateCredential(credential, ..) => {
                let issued = |index: &Index<'_>| {
                    let known = index.snapshot().credentials.iter().find(|it| it.id == credential.value);
                    known.and_then(|known| known.issued_at)
                };
                // Without a time of issue, a snapshot cannot show that a secret is another one.
                done(issued(self.later).is_some_and(|now| issued(self.before).is_none_or(|was| now > was)))
            }
            Action::RevokeCredential(credential) => {
                done(!self.later.snapshot().credentials.iter().any(|it| it.id == credential.value))
            }
            Action::SuppressFinding(alert) => {
                done(!self.later.snapshot().findings.iter().any(|it| it.id == alert.value))
            }
        }
    }

    fn granted(&self, a: &AssignmentChange) -> CarriedOut {
        let found = terms_of(self.later, a);
        let wanted = terms_of(self.expected, a);
        let known = terms_of(self.before, a);
        let fresh: Vec<Terms> = found.iter().filter(|it| !known.contains(it)).copied().collect();
        if found.len() <= known.len() && fresh.is_empty() {
            // An equal assignment that was there before is not this one.
            return if wanted == known && !found.is_empty() { CarriedOut::Applied } else { CarriedOut::Missing };
        }
        self.compare(if fresh.is_empty() { &found } else { &fresh }, &wanted)
    }

    fn adjusted(&self, a: &AssignmentChange) -> CarriedOut {
        let (found, wanted) = (terms_of(self.later, a), terms_of(self.expected, a));
        if found.is_empty() {
            return CarriedOut::Missing;
        }
        if found == terms_of(self.before, a) && found != wanted {
            return CarriedOut::Missing;
        }
        self.compare(&found, &wanted)
    }

    #[expect(clippy::unused_self, reason = "one of the comparisons of the stages")]
    fn compare(&self, found: &[Terms], wanted: &[Terms]) -> CarriedOut {
        let longest = |all: &[Terms]| -> Option<Terms> {
            let later = |a: &Terms, b: &Terms| {
                let end = |it: &Terms| it.1.map_or(i64::MAX, Time::unix);
                (a.0, end(a)).cmp(&(b.0, end(b)))
            };
            all.iter().copied().max_by(later)
        };
        let (Some((is_active, end)), Some((may_be_active, may_end))) = (longest(found), longest(wanted)) else {
            return CarriedOut::Missing;
        };
        if is_active && !may_be_active {
            return CarriedOut::Beyond("it is active, but was approved only as eligible".to_owned());
        }
        if lasts_longer(end, may_end) {
            let until = |it: Option<Time>| it.map_or_else(|| "without an end".to_owned(), |it| format!("until {it}"));
            return CarriedOut::Beyond(format!("it holds {}, and was approved {}", until(end), until(may_end)));
        }
        if may_be_active && !is_active {
            return CarriedOut::Partly("it is eligible, but not active");
        }
        CarriedOut::Applied
    }

    fn has_permission(&self, role: &RoleId, permission: &Permission) -> bool {
        self.later.role(role.as_str()).is_some_and(|role| role.permissions.contains(permission))
    }

    fn includes(&self, role: &RoleId, include: &RoleId) -> bool {
        self.later.role(role.as_str()).is_some_and(|role| role.includes.contains(include))
    }

    fn defined(&self, id: &RoleId) -> CarriedOut {
        let of = |role: &Role| -> (BTreeSet<Permission>, BTreeSet<RoleId>) {
            (role.permissions.iter().cloned().collect(), role.includes.iter().cloned().collect())
        };
        let Some(found) = self.later.role(id.as_str()).map(of) else { return CarriedOut::Missing };
        let wanted = self.expected.role(id.as_str()).map(of).unwrap_or_default();
        if found == wanted {
            return CarriedOut::Applied;
        }
        if self.before.role(id.as_str()).map(of).as_ref() == Some(&found) {
            return CarriedOut::Missing;
        }
        let allows = |it: &&Permission| it.effect == Effect::Allow;
        let more = found.0.difference(&wanted.0).find(allows).is_some() || !found.1.is_subset(&wanted.1);
        let undenied = wanted.0.difference(&found.0).any(|it| it.effect == Effect::Deny);
        if more || undenied {
            return CarriedOut::Beyond("the role gives more than was approved".to_owned());
        }
        CarriedOut::Partly("the role gives less than was approved")
    }

    fn owner(&self, thing: &Owned) -> Option<&IdentityId> {
        match thing {
            Owned::Identity(id) => self.later.identity(id.value.as_str())?.owner.as_ref(),
            Owned::Group(id) => self.later.group(id.value.as_str())?.owner.as_ref(),
            Owned::Role(id) => self.later.role(id.value.as_str())?.owner.as_ref(),
            Owned::Resource(id) => self.later.resource(id.value.as_str())?.owner.as_ref(),
        }
    }

    fn trusted(&self, d: &TrustDefinition) -> CarriedOut {
        let same = |it: &&Trust| it.from == d.from.value && it.to == d.to.value && it.via == d.via.value;
        let wanted = d.requires.as_ref().map(|it| (&it.value.action, &it.value.resource, &it.value.scope));
        let found = self.later.snapshot().trusts.iter().filter(same);
        let mut found = found.map(|it| it.requires.as_ref().map(|it| (&it.action, &it.resource, &it.scope))).peekable();
        if found.peek().is_none() {
            return CarriedOut::Missing;
        }
        let all: Vec<_> = found.collect();
        if all.contains(&wanted) {
            return CarriedOut::Applied;
        }
        CarriedOut::Beyond("the trust requires a different permission than was approved".to_owned())
    }

    fn issued(&self, issue: &CredentialIssue) -> CarriedOut {
        let all = &self.later.snapshot().credentials;
        let Some(found) = all.iter().find(|it| it.id == issue.credential.value) else { return CarriedOut::Missing };
        if found.identity != issue.identity.value {
            return CarriedOut::Beyond("the credential belongs to another identity".to_owned());
        }
        CarriedOut::Applied
    }
}

fn done(is_done: bool) -> CarriedOut {
    if is_done { CarriedOut::Applied } else { CarriedOut::Missing }
}

/// Writes the assignments of a snapshot as systems keep them: Kubernetes and PostgreSQL have no expiry of an assignment, so
/// one that a plan gives for a time stands there until it is taken.
pub fn as_systems_keep_it(snapshot: &mut Snapshot) {
    let keeps_no_end: Vec<bool> = snapshot
        .assignments
        .iter()
        .map(|it| {
            let names = [Some(it.who.raw()), it.role.as_ref().map(crate::input::id::Id::as_str)];
            let limited = it.until.is_some() || it.mode == Mode::Active;
            limited
                && snapshot.systems_of(names.into_iter().flatten()).iter().all(|(source, target)| {
                    let system = target.map_or(source.raw(), |target| target.system.raw());
                    matches!(system, "kubernetes" | "postgresql")
                })
        })
        .collect();
    for (assignment, _) in snapshot.assignments.iter_mut().zip(keeps_no_end).filter(|(_, is)| *is) {
        if assignment.mode == Mode::Active {
            assignment.mode = Mode::Standing;
        }
        assignment.until = None;
    }
}
