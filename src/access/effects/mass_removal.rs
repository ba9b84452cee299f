//! Mass removals: access that a plan removes from many holders, counted together with other removals of its proposer
//! within a day.
//!
//! Applies the plan, and then the plan with the proposer's pending reductions, to the snapshot. For each subject whose
//! own holdings may differ, it compares the remaining roles, memberships and scopes, and counts the subjects that lose
//! each. Losses through denies and narrower roles come from the accesses that the plan loses. A removal is a mass
//! removal if more than three and more than half of the holders lose the entitlement, or all holders of a privileged
//! one. Gains of the plan do not offset it, because they may be rejected. Cost: linear in the holdings of the affected
//! subjects; for each entitlement, linear in twice the number of its losers or in the members of the groups that have
//! it.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::change::apply::{overlay, seeds};
use crate::access::change::pending::PendingChange;
use crate::access::change::resolve::{ResolvedChange, resolve};
use crate::access::effective::holdings::DirectHoldings;
use crate::access::effective::state::AccessState;
use crate::access::effects::compute::ChangeEffect;
use crate::access::effects::request::AnalysisRequest;
use crate::access::matching::coverage::{ends_within, scope_covers};
use crate::access::model::facts::{AccessDelta, MassRemoval, PathStep, Removable, Removed};
use crate::access::risk::classification::Classifier;
use crate::input::entitlement::Mode;
use crate::input::id::{ChangeId, GroupId, IdentityId, ResourceId, RoleId, Subject};
use crate::input::time::Span;
use crate::plan::model::{Action, AssignmentChange, Owned, Plan, Target};
use crate::snapshot::model::{Assignment, MembersKnown};

/// How long earlier removals of a proposer count, in seconds.
const DAY: i64 = 86_400;

/// Up to this many holders can lose an entitlement without a mass removal.
const FEW: usize = 3;

/// The maximum number of mass removals that are listed.
const LISTED: usize = 100;

/// The losses between two states.
#[derive(Default)]
struct Losses {
    of: BTreeMap<Removable, BTreeSet<Subject>>,
    /// Identities that keep no access.
    stripped: BTreeSet<IdentityId>,
    /// All subjects that lose anything.
    all: BTreeSet<Subject>,
}

/// The plan whose mass removals are searched.
pub(crate) struct Removals<'r, 'v, 's> {
    pub(crate) question: &'r AnalysisRequest<'r, 's>,
    pub(crate) plain: &'v AccessState<'v, 's>,
    pub(crate) classifier: &'r Classifier<'r>,
    /// The changes of the plan, and the state after all of them.
    pub(crate) steps: &'r [ResolvedChange<'r>],
    pub(crate) whole_view: &'r AccessState<'v, 's>,
    pub(crate) whole: &'r ChangeEffect,
    /// The changes that remove or redefine access.
    pub(crate) taking: BTreeSet<ChangeId>,
}

impl Removals<'_, '_, '_> {
    /// All mass removals, the most severe first.
    pub(crate) fn find(&self) -> Vec<MassRemoval> {
        if self.taking.is_empty() {
            return Vec::new();
        }
        let alone = self.losses(self.whole_view, self.whole.losses());
        let own = self.removals(&alone, &alone, &BTreeMap::new());
        let pending: Vec<&PendingChange> = self.question.approved.iter().filter(|one| self.counts(one)).collect();
        if pending.is_empty() {
            return self.listed(own, &BTreeSet::new(), &BTreeSet::new());
        }
        let (together, done) = self.with(&pending);
        let both = self.removals(&together, &alone, &done);
        let known: BTreeSet<Removed> = own.iter().map(|removal| removal.what.clone()).collect();
        let names =
            pending.iter().map(|one| ChangeId::new(format!("{}/{}", one.plan.as_str(), one.change.id.value.as_str())));
        self.listed(both, &known, &names.collect())
    }

    /// Adds the changes to mass removals, and the changes of other plans to those that only arise together with them.
    fn listed(
        &self,
        found: Vec<MassRemoval>,
        known: &BTreeSet<Removed>,
        with: &BTreeSet<ChangeId>,
    ) -> Vec<MassRemoval> {
        let named = |removal: MassRemoval| MassRemoval {
            changes: self.taking.clone(),
            with: if known.contains(&removal.what) { BTreeSet::new() } else { with.clone() },
            ..removal
        };
        found.into_iter().take(LISTED).map(named).collect()
    }

    /// Whether a change of another plan counts: it has the same proposer, is from the last day, and removes access.
    fn counts(&self, one: &PendingChange) -> bool {
        let plan = self.question.plan;
        one.proposer == plan.proposer.value
            && !one.is_of(plan)
            && one.at.plus(Span::from_seconds(DAY)) >= self.question.now
            && takes(&one.change.action)
    }

    /// The losses together with pending changes, and the losses by those that the snapshot already contains.
    fn with(&self, pending: &[&PendingChange]) -> (Losses, BTreeMap<Removable, BTreeSet<Subject>>) {
        let index = self.question.index;
        let alone = |one: &&PendingChange| {
            let mut plan = self.question.plan.clone();
            plan.changes = vec![one.change.clone()];
            plan
        };
        let plans: Vec<Plan> = pending.iter().map(alone).collect();
        let mut done: BTreeMap<Removable, BTreeSet<Subject>> = BTreeMap::new();
        let mut all: Vec<ResolvedChange<'_>> = self.steps.to_vec();
        for plan in &plans {
            match resolve(plan, index, None) {
                Ok(steps) => all.extend(steps),
                Err(_) => self.note_done(plan, &mut done),
            }
        }
        let delta = overlay(index, self.question.plan.expires.value, &all);
        let view = AccessState::touching(self.plain, delta, |view| {
            all.iter().flat_map(|step| seeds(step, self.plain, view)).collect()
        });
        (self.losses(&view, self.whole.losses()), done)
    }

    /// Adds the subjects that lost an entitlement by a revocation that the snapshot already contains.
    fn note_done(&self, plan: &Plan, done: &mut BTreeMap<Removable, BTreeSet<Subject>>) {
        for change in &plan.changes {
            let Action::Revoke(a) = &change.action else { continue };
            for thing in things(a) {
                let holders = self.plain.subjects(a.to.value.raw()).into_iter();
                let left = |subject: &Subject| !remains(self.plain, &self.plain.own(subject), &thing);
                done.entry(thing.clone()).or_default().extend(holders.filter(left));
            }
        }
    }

    fn losses<'p>(&self, after: &AccessState<'_, '_>, pieces: impl Iterator<Item = &'p AccessDelta>) -> Losses {
        let mut losses = Losses::default();
        let none = BTreeSet::new();
        for subject in after.touched.as_ref().map_or(&none, |touched| touched.own()) {
            if is_counted(self.plain, subject) {
                self.compare(after, subject, &mut losses);
            }
        }
        for piece in pieces.filter(|piece| is_counted(self.plain, &piece.subject)) {
            losses.all.insert(piece.subject.clone());
            if piece.path.iter().any(|hop| matches!(hop, PathStep::ActsAs(..))) {
                continue;
            }
            for hop in piece.path.iter() {
                let PathStep::Holds(role, ..) = hop else { continue };
                let at = piece.access.scope.clone().map(|scope| Removable::RoleAt(role.clone(), scope));
                for thing in [Some(Removable::Role(role.clone())), at].into_iter().flatten() {
                    losses.of.entry(thing).or_default().insert(piece.subject.clone());
                }
            }
        }
        losses
    }

    /// Adds the entitlements that one subject loses.
    fn compare(&self, after: &AccessState<'_, '_>, subject: &Subject, losses: &mut Losses) {
        let (was, is) = (self.plain.own(subject), after.own(subject));
        let mut lost = BTreeSet::new();
        for holding in &was.holdings {
            let role = || holding.role.clone();
            lost.insert(Removable::Role(role()));
            lost.extend(holding.scope.iter().map(|scope| Removable::RoleAt(role(), scope.clone())));
            lost.extend(holding.scope.iter().cloned().map(Removable::Scope));
        }
        for (group, _) in was.groups.keys() {
            let Subject::Group(group) = group else { continue };
            if *subject != Subject::Group(group.clone()) {
                lost.insert(Removable::Group(group.clone()));
            }
        }
        lost.retain(|thing| !keeps(self.plain, &was, &is, thing));
        if !lost.is_empty() {
            losses.all.insert(subject.clone());
        }
        for thing in lost {
            losses.of.entry(thing).or_default().insert(subject.clone());
        }
        if let Subject::Identity(id) = subject
            && self.entitlements(self.plain, id) > 0
            && self.entitlements(after, id) == 0
        {
            losses.stripped.insert(id.clone());
            losses.all.insert(subject.clone());
        }
    }

    /// The number of own assignments and memberships of an identity. Memberships by a rule of the system do not count,
    /// because every identity has them. A group that no longer gives access does not count either; one that gives no
    /// access in the snapshot counts, because it may give access elsewhere.
    fn entitlements(&self, view: &AccessState<'_, '_>, id: &IdentityId) -> usize {
        let subject = Subject::Identity(id.clone());
        if view.deleted(&subject) || view.disabled(&subject) {
            return 0;
        }
        let index = self.question.index;
        let listed: BTreeSet<&GroupId> = index.listing(&subject).iter().map(|group| &group.id).collect();
        let implied = index.implied(id);
        let by_rule = |group: &GroupId| !listed.contains(group) && implied.iter().any(|implied| implied.id == *group);
        let gives =
            |view: &AccessState<'_, '_>, group: &GroupId| !view.own(&Subject::Group(group.clone())).holdings.is_empty();
        let counts = |a: &&Assignment| a.role.is_some() && view.in_force(a.until) && !self.is_reduced(id, a);
        let roles = view.held_by(id.as_str()).filter(counts).count();
        let memberships = view.memberships(&subject);
        let groups = memberships.iter().filter(|m| view.in_force(m.until)).filter(|m| {
            let is_own = m.assignment.is_some() || !by_rule(&m.group);
            is_own && (gives(view, &m.group) || !gives(self.plain, &m.group))
        });
        roles + groups.count()
    }

    /// Whether an assignment is what is left of one in the snapshot that lasted longer or needed no activation.
    fn is_reduced(&self, id: &IdentityId, left: &Assignment) -> bool {
        let same = |was: &&Assignment| was.role == left.role && was.scope == left.scope;
        let was: Vec<&Assignment> = self.plain.held_by(id.as_str()).filter(same).collect();
        let more = |was: &&Assignment| {
            !ends_within(was.until, left.until) || (was.mode != Mode::Eligible && left.mode == Mode::Eligible)
        };
        let is_left_as_it_was = was.iter().any(|was| was.mode == left.mode && was.until == left.until);
        !is_left_as_it_was && was.iter().any(more)
    }

    /// The mass removals among losses. An entitlement counts only if the plan itself removes it from some holder.
    fn removals(
        &self,
        losses: &Losses,
        own: &Losses,
        done: &BTreeMap<Removable, BTreeSet<Subject>>,
    ) -> Vec<MassRemoval> {
        let one = |what| MassRemoval { what, taken: 1, of: 1, changes: BTreeSet::new(), with: BTreeSet::new() };
        let mut found: Vec<MassRemoval> =
            self.approvers(own).into_iter().map(|id| one(Removed::Approver(id))).collect();
        let takes_from = |id: &&IdentityId| own.all.contains(&Subject::Identity((*id).clone()));
        found.extend(losses.stripped.iter().filter(takes_from).map(|id| one(Removed::Everything(id.clone()))));
        for (thing, losers) in losses.of.iter().filter(|(thing, _)| own.of.contains_key(thing)) {
            let mut gone = losers.clone();
            gone.extend(done.get(thing).into_iter().flatten().cloned());
            let grave = self.is_privileged(thing);
            if gone.len() <= FEW && !grave {
                continue;
            }
            let mut holders = self.holders(thing, gone.len().saturating_mul(2));
            holders.extend(gone.iter().cloned());
            let what = match (gone.len(), holders.len()) {
                (gone, all) if grave && gone == all => Removed::LastHolder(thing.clone()),
                (gone, all) if gone > FEW && gone.saturating_mul(2) > all => Removed::Holders(thing.clone()),
                _ => continue,
            };
            let (taken, of) = (count(gone.len()), count(holders.len()));
            found.push(MassRemoval { what, taken, of, changes: BTreeSet::new(), with: BTreeSet::new() });
        }
        // A role that is removed everywhere is not listed again for each of its scopes.
        let whole: BTreeSet<RoleId> = found
            .iter()
            .filter_map(|removal| match removal.what.thing()? {
                Removable::Role(role) => Some(role.clone()),
                Removable::RoleAt(..) | Removable::Group(_) | Removable::Scope(_) => None,
            })
            .collect();
        let is_told = |removal: &MassRemoval| matches!(removal.what.thing(), Some(Removable::RoleAt(role, _)) if whole.contains(role));
        found.retain(|removal| !is_told(removal));
        found.sort_by(|a, b| a.what.cmp(&b.what));
        found
    }

    /// The identities of people from whom the plan removes access, a credential or ownership, or which it disables or
    /// deletes.
    fn approvers(&self, own: &Losses) -> BTreeSet<IdentityId> {
        let people: BTreeSet<&IdentityId> = self.question.people.iter().flatten().collect();
        let mut hit: BTreeSet<IdentityId> = own
            .all
            .iter()
            .filter_map(|subject| match subject {
                Subject::Identity(id) => Some(id.clone()),
                Subject::Group(_) => None,
            })
            .collect();
        let snapshot = self.question.index.snapshot();
        for step in self.steps {
            let action = &step.change.action;
            if let Action::DisableIdentity(id) | Action::DeleteIdentity(id) = action {
                hit.insert(id.value.clone());
            } else if let Action::RevokeCredential(id) | Action::RotateCredential(id, ..) = action {
                let known = snapshot.credentials.iter().find(|credential| credential.id == id.value);
                hit.extend(known.map(|credential| credential.identity.clone()));
            } else if let Action::SetOwner(what, new) = action {
                hit.extend(self.owner(what).filter(|old| *old != new.value));
            }
        }
        hit.retain(|id| people.contains(id));
        hit
    }

    fn owner(&self, of: &Owned) -> Option<IdentityId> {
        let index = self.question.index;
        match of {
            Owned::Identity(id) => index.identity(id.value.as_str())?.owner.clone(),
            Owned::Group(id) => index.group(id.value.as_str())?.owner.clone(),
            Owned::Role(id) => index.role(id.value.as_str())?.owner.clone(),
            Owned::Resource(id) => index.resource(id.value.as_str())?.owner.clone(),
        }
    }

    fn is_privileged(&self, thing: &Removable) -> bool {
        match thing {
            Removable::Role(role) => self.classifier.role(self.plain, role, None).privileged.is_some(),
            Removable::RoleAt(role, at) => self.classifier.role(self.plain, role, Some(at)).privileged.is_some(),
            Removable::Group(group) => self
                .classifier
                .reachable(self.plain, &Subject::Group(group.clone()))
                .is_some_and(|rating| rating.privileged.is_some()),
            Removable::Scope(_) => false,
        }
    }

    /// The holders of an entitlement in the snapshot: identities, and groups whose members are not all known. Stops
    /// counting at `enough`.
    fn holders(&self, thing: &Removable, enough: usize) -> BTreeSet<Subject> {
        let plain = self.plain;
        let covers = |a: &Assignment, at: &ResourceId| scope_covers(plain, a.scope.as_ref(), Some(at));
        let mut found = HolderSearch { removals: self, enough, seen: BTreeSet::new(), counted: BTreeSet::new() };
        match thing {
            Removable::Role(role) => found.assigned(plain.of_role(role)),
            Removable::RoleAt(role, at) => found.assigned(plain.of_role(role).filter(|a| covers(a, at))),
            Removable::Group(group) => found.add(self.members(group)),
            Removable::Scope(at) => found.assigned(plain.index.at_scope(at.as_str()).map(|(_, a)| a)),
        }
        found.counted
    }

    /// The direct members of a group, in force.
    fn members(&self, group: &GroupId) -> BTreeSet<Subject> {
        let plain = self.plain;
        let belongs =
            |subject: &Subject| plain.memberships(subject).iter().any(|m| m.group == *group && plain.in_force(m.until));
        plain.members(group).into_iter().filter(belongs).collect()
    }
}

/// Collects the holders of an entitlement.
struct HolderSearch<'c, 'r, 'v, 's> {
    removals: &'c Removals<'r, 'v, 's>,
    enough: usize,
    seen: BTreeSet<Subject>,
    counted: BTreeSet<Subject>,
}

impl HolderSearch<'_, '_, '_, '_> {
    /// Adds the subjects of assignments in force, with the members of groups among them.
    fn assigned<'x>(&mut self, assignments: impl Iterator<Item = &'x Assignment>) {
        let plain = self.removals.plain;
        for assignment in assignments.filter(|a| plain.in_force(a.until)) {
            if self.counted.len() > self.enough {
                return;
            }
            self.add(plain.subjects(assignment.who.raw()));
        }
    }

    /// Adds subjects, and the members of groups among them.
    fn add(&mut self, from: impl IntoIterator<Item = Subject>) {
        let plain = self.removals.plain;
        let mut queue: Vec<Subject> = from.into_iter().collect();
        while let Some(subject) = queue.pop().filter(|_| self.counted.len() <= self.enough) {
            if !self.seen.insert(subject.clone()) {
                continue;
            }
            if let Subject::Group(group) = &subject {
                queue.extend(self.removals.members(group));
            }
            if is_counted(plain, &subject) && !plain.disabled(&subject) {
                self.counted.insert(subject);
            }
        }
    }
}

/// Whether a subject counts as a holder: an identity, or a group whose members are not all known.
fn is_counted(plain: &AccessState<'_, '_>, subject: &Subject) -> bool {
    match subject {
        Subject::Identity(_) => true,
        Subject::Group(group) => plain.members_known(group) != MembersKnown::Known,
    }
}

/// Whether a subject keeps any part of an entitlement for as long as it had it.
fn keeps(plain: &AccessState<'_, '_>, was: &DirectHoldings, has: &DirectHoldings, thing: &Removable) -> bool {
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
fn remains(plain: &AccessState<'_, '_>, own: &DirectHoldings, thing: &Removable) -> bool {
    keeps(plain, own, own, thing)
}

/// The things that an assignment gives.
fn things(a: &AssignmentChange) -> Vec<Removable> {
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

/// Whether a change can remove access from a subject.
fn takes(action: &Action) -> bool {
    match action {
        Action::Revoke(_)
        | Action::Adjust(_)
        | Action::DeleteRole(_)
        | Action::SetRole(_)
        | Action::RemovePermission(..)
        | Action::RemoveInclude(..)
        | Action::DeleteGroup(_)
        | Action::DisableIdentity(_)
        | Action::DeleteIdentity(_)
        | Action::DeleteResource(_) => true,
        Action::Grant(_)
        | Action::CreateRole(_)
        | Action::AddPermission(..)
        | Action::AddInclude(..)
        | Action::CreateGroup(..)
        | Action::CreateIdentity(..)
        | Action::SetOwner(..)
        | Action::CreateResource(..)
        | Action::AddTrust(_)
        | Action::RemoveTrust(_)
        | Action::IssueCredential(_)
        | Action::RotateCredential(..)
        | Action::RevokeCredential(_)
        | Action::SuppressFinding(_) => false,
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
