//! Mass removals: access that a plan removes from many holders, counted together with other removals of its proposer
//! within a day.
//!
//! Applies the removals of the plan, and then those with the proposer's pending reductions, to the snapshot. For each
//! subject whose own holdings may differ, it compares the remaining roles, memberships and scopes, and counts the subjects
//! that lose each; then it counts the subjects that lose the same access, whatever roles gave it
//! ([`crate::access::effects::removed_access`]). A removal is a mass removal if more than three and more than half of the
//! holders lose the entitlement or access, if all of two or more do, or all holders of a privileged one. Gains of the plan
//! do not offset it, because they may be rejected. Cost: linear in the holdings of the affected subjects; for each
//! entitlement, linear in twice the number of its losers or in the members of the groups that have it.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::change::apply::{overlay, seeds};
use crate::access::change::pending::{PendingChange, removes};
use crate::access::change::pending_denies::adds_deny;
use crate::access::change::references::entitlement;
use crate::access::change::resolve::{ResolvedChange, resolve};
use crate::access::effective::grant::When;
use crate::access::effective::state::{AccessState, Membership};
use crate::access::effects::compute::{ChangeEffect, EffectContext};
use crate::access::effects::removed_access::{RemovedAccess, RemovedAccesses};
use crate::access::effects::removed_entitlements::{
    HolderSearch, gives, identity_of, is_counted, keeps, many, members, remains, things,
};
use crate::access::effects::request::AnalysisRequest;
use crate::access::matching::coverage::{ends_within, scope_covers};
use crate::access::model::facts::{Access, AccessDelta, MassRemoval, PathStep, Removable, Removed};
use crate::input::entitlement::Mode;
use crate::input::id::{ChangeId, Entitlement, GroupId, IdentityId, ResourceId, RoleId, Subject};
use crate::input::time::Span;
use crate::plan::model::{Action, Owned, Plan};
use crate::snapshot::model::Assignment;

/// How long earlier removals of a proposer count, in seconds.
const DAY: i64 = 86_400;

/// The maximum number of comparisons of an access with a subject. Beyond, only the most severe accesses are compared.
const MOST_COMPARISONS: usize = 20_000;

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

/// What pending changes removed that the snapshot already contains.
#[derive(Default)]
struct Done {
    of: BTreeMap<Removable, BTreeSet<Subject>>,
    revoked: Vec<(Subject, Entitlement)>,
}

/// The plan whose mass removals are searched.
pub(crate) struct Removals<'r, 'v, 's> {
    pub(crate) question: &'r AnalysisRequest<'r, 's>,
    pub(crate) plain: &'v AccessState<'v, 's>,
    pub(crate) bench: &'r EffectContext<'r>,
    /// The changes of the plan, and the state after all of them.
    pub(crate) steps: &'r [ResolvedChange<'r>],
    pub(crate) whole_view: &'r AccessState<'v, 's>,
    /// The effects of the plan as a whole, and of each of its changes.
    pub(crate) effects: Vec<&'r ChangeEffect>,
    /// The changes that remove or redefine access.
    pub(crate) taking: BTreeSet<ChangeId>,
}

impl<'v, 's> Removals<'_, 'v, 's> {
    /// All mass removals, the most severe first.
    pub(crate) fn find(&self) -> Vec<MassRemoval> {
        if self.taking.is_empty() {
            return Vec::new();
        }
        let only_taking;
        let after = if self.steps.iter().all(|step| self.taking.contains(&step.change.id.value)) {
            self.whole_view
        } else {
            only_taking = self.taken(&[]);
            &only_taking
        };
        let accesses = self.accesses();
        let alone = self.losses(after);
        let own = self.removals((after, &BTreeSet::new()), &accesses, (&alone, &alone), &Done::default());
        let pending: Vec<&PendingChange> = self.question.approved.iter().filter(|one| self.counts(one)).collect();
        if pending.is_empty() {
            return self.listed(own, &BTreeSet::new(), &BTreeSet::new());
        }
        let plans: Vec<Plan> = pending.iter().map(|one| self.alone(one)).collect();
        let (steps, done) = self.pending_steps(&plans);
        let view = self.taken(&steps);
        // Pending changes can take access only from the subjects that they reach.
        let pending_alone = self.laid(&steps.iter().collect::<Vec<_>>());
        let (mut accesses, mut alone) = (accesses, alone);
        alone.all.extend(self.only_together(&pending_alone, &view, &mut accesses));
        let reached = pending_alone.touched.map(|touched| touched.reach).unwrap_or_default();
        let both = self.removals((&view, &reached), &accesses, (&self.losses(&view), &alone), &done);
        let known: BTreeSet<Removed> = own.iter().map(|removal| removal.what.clone()).collect();
        let names =
            pending.iter().map(|one| ChangeId::new(format!("{}/{}", one.plan.as_str(), one.change.id.value.as_str())));
        self.listed(both, &known, &names.collect())
    }

    /// The state after the removals of the plan, and after other changes. Gains of the plan do not count, because they
    /// may be rejected.
    fn taken(&self, more: &[ResolvedChange<'_>]) -> AccessState<'v, 's> {
        let taking = self.steps.iter().filter(|step| self.taking.contains(&step.change.id.value));
        let below = taking.clone().flat_map(|step| &step.depends_on).filter_map(|at| self.steps.get(*at));
        self.laid(&below.chain(taking).chain(more).collect::<Vec<_>>())
    }

    /// The state after some changes.
    fn laid(&self, all: &[&ResolvedChange<'_>]) -> AccessState<'v, 's> {
        let delta = overlay(self.question.index, self.question.plan.expires.value, all.iter().copied());
        AccessState::touching(self.plain, delta, |view| {
            all.iter().flat_map(|step| seeds(step, self.plain, view)).collect()
        })
    }

    /// The accesses that the plan, or one of its changes, removes.
    fn accesses(&self) -> RemovedAccesses {
        let mut all = RemovedAccesses::default();
        for effects in self.effects.iter().map(|outcome| &outcome.effects) {
            for (pieces, eligible) in [(&effects.lost, false), (&effects.lost_eligible, true)] {
                let counted = pieces.iter().filter(|piece| is_counted(self.plain, &piece.subject));
                counted.for_each(|piece| all.add(piece, eligible));
            }
        }
        all
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
            && (removes(&one.change.action) || adds_deny(self.question.index, &one.change.action))
    }

    /// A change of another plan as a plan of its own.
    fn alone(&self, one: &PendingChange) -> Plan {
        let mut plan = self.question.plan.clone();
        plan.changes = vec![one.change.clone()];
        plan
    }

    /// The steps of pending changes, and what those removed that the snapshot already contains.
    fn pending_steps<'p>(&self, plans: &'p [Plan]) -> (Vec<ResolvedChange<'p>>, Done) {
        let (mut steps, mut done) = (Vec::new(), Done::default());
        for plan in plans {
            match resolve(plan, self.question.index, None) {
                Ok(more) => steps.extend(more),
                Err(_) => self.note_done(plan, &mut done),
            }
        }
        (steps, done)
    }

    /// Adds the subjects that lost an entitlement by a revocation that the snapshot already contains.
    fn note_done(&self, plan: &Plan, done: &mut Done) {
        for change in &plan.changes {
            let Action::Revoke(a) = &change.action else { continue };
            let holders = self.plain.subjects(a.to.value.raw());
            for thing in things(a) {
                let left = |subject: &&Subject| !remains(self.plain, &self.plain.own(subject), &thing);
                done.of.entry(thing.clone()).or_default().extend(holders.iter().filter(left).cloned());
            }
            done.revoked.extend(holders.into_iter().map(|holder| (holder, entitlement(&a.target))));
        }
    }

    /// The losses of the plan, once its removals are applied as in `after`.
    fn losses(&self, after: &AccessState<'_, '_>) -> Losses {
        let mut losses = Losses::default();
        let none = BTreeSet::new();
        for subject in after.touched.as_ref().map_or(&none, |touched| touched.own()) {
            if is_counted(self.plain, subject) {
                self.compare(after, subject, &mut losses);
            }
        }
        let pieces = self.effects.iter().flat_map(|effects| effects.losses());
        let counted: Vec<&AccessDelta> = pieces.filter(|piece| is_counted(self.plain, &piece.subject)).collect();
        let losers: BTreeSet<&IdentityId> = counted.iter().filter_map(|piece| identity_of(&piece.subject)).collect();
        losses.stripped.extend(losers.into_iter().filter(|id| self.keeps_nothing(after, id)).cloned());
        for piece in counted {
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
        let counts = |a: &&Assignment| a.role.is_some() && view.in_force(a.until) && !self.is_reduced(id, a);
        let roles = view.held_by(id.as_str()).filter(counts).count();
        let groups = self.groups(view, id);
        roles + groups.iter().filter(|group| gives(view, group) || !gives(self.plain, group)).count()
    }

    /// The groups of the own memberships of an identity, in force.
    fn groups(&self, view: &AccessState<'_, '_>, id: &IdentityId) -> Vec<GroupId> {
        let subject = Subject::Identity(id.clone());
        let index = self.question.index;
        let listed: BTreeSet<&GroupId> = index.listing(&subject).iter().map(|group| &group.id).collect();
        let implied = index.implied(id);
        let by_rule = |group: &GroupId| !listed.contains(group) && implied.iter().any(|implied| implied.id == *group);
        let is_own = |m: &&Membership| m.assignment.is_some() || !by_rule(&m.group);
        let memberships = view.memberships(&subject);
        memberships.iter().filter(|m| view.in_force(m.until)).filter(is_own).map(|m| m.group.clone()).collect()
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
    /// `reached`: the subjects that pending changes may take access from.
    fn removals(
        &self,
        (after, reached): (&AccessState<'_, '_>, &BTreeSet<Subject>),
        accesses: &RemovedAccesses,
        (losses, own): (&Losses, &Losses),
        done: &Done,
    ) -> Vec<MassRemoval> {
        let mut found: Vec<MassRemoval> =
            self.approvers(own).into_iter().map(|id| removal(Removed::Approver(id), 1, 1)).collect();
        let takes_from = |id: &&IdentityId| own.all.contains(&Subject::Identity((*id).clone()));
        found
            .extend(losses.stripped.iter().filter(takes_from).map(|id| removal(Removed::Everything(id.clone()), 1, 1)));
        let mut told: BTreeSet<(bool, BTreeSet<Subject>)> = BTreeSet::new();
        for (thing, losers) in losses.of.iter().filter(|(thing, _)| own.of.contains_key(thing)) {
            let mut gone = losers.clone();
            gone.extend(done.of.get(thing).into_iter().flatten().cloned());
            let grave = self.is_privileged(thing);
            if gone.len() < 2 && !grave {
                continue;
            }
            let mut holders = self.holders(thing, gone.len().saturating_mul(2));
            holders.extend(gone.iter().cloned());
            if let Some(what) = many(thing, grave, gone.len(), holders.len()) {
                found.push(removal(what, gone.len(), holders.len()));
                told.insert((grave, gone));
            }
        }
        let candidates = self.candidates(losses, reached);
        let most = MOST_COMPARISONS.checked_div(candidates.len()).unwrap_or(MOST_COMPARISONS).max(1);
        for (access, grave) in accesses.most_severe().into_iter().take(most) {
            let gone = self.losers_of(access, &candidates, after, done);
            if gone.is_empty() || gone.len() < 2 && !grave || told.contains(&(grave, gone.clone())) {
                continue;
            }
            let of = gone.len().saturating_add(self.others_with(access, &gone));
            let thing = Removable::Access(access.action.clone(), access.resource.clone());
            if let Some(what) = many(&thing, grave, gone.len(), of) {
                found.push(removal(what, gone.len(), of));
                told.insert((grave, gone));
            }
        }
        // A role that is removed everywhere is not listed again for each of its scopes.
        let whole: BTreeSet<RoleId> = found
            .iter()
            .filter_map(|removal| match removal.what.thing()? {
                Removable::Role(role) => Some(role.clone()),
                Removable::RoleAt(..) | Removable::Group(_) | Removable::Scope(_) | Removable::Access(..) => None,
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
        let classifier = &self.bench.classifier;
        match thing {
            // Rated at the scopes where the role is held, because what it gives depends on the scope.
            Removable::Role(role) => {
                let scopes: BTreeSet<_> = self.plain.of_role(role).map(|held| held.scope.as_ref()).collect();
                scopes.into_iter().any(|at| classifier.role(self.plain, role, at).privileged.is_some())
            }
            Removable::RoleAt(role, at) => classifier.role(self.plain, role, Some(at)).privileged.is_some(),
            Removable::Group(group) => classifier
                .reachable(self.plain, &Subject::Group(group.clone()))
                .is_some_and(|rating| rating.privileged.is_some()),
            // An access is rated where it is lost.
            Removable::Scope(_) | Removable::Access(..) => false,
        }
    }

    /// Adds the accesses that pending changes remove only together with the plan, and returns who loses them.
    fn only_together(
        &self,
        pending: &AccessState<'v, 's>,
        both: &AccessState<'v, 's>,
        all: &mut RemovedAccesses,
    ) -> BTreeSet<Subject> {
        let outcome =
            |view: &AccessState<'v, 's>| self.bench.outcome(self.plain, view, self.question.budget.of_change());
        let (alone, both) = (outcome(pending), outcome(both));
        let known: BTreeSet<_> = alone.losses().map(|piece| piece.digest).collect();
        let mut losers = BTreeSet::new();
        for (pieces, eligible) in [(&both.effects.lost, false), (&both.effects.lost_eligible, true)] {
            let new = |piece: &&AccessDelta| !known.contains(&piece.digest) && is_counted(self.plain, &piece.subject);
            for piece in pieces.iter().filter(new) {
                all.add(piece, eligible);
                losers.insert(piece.subject.clone());
            }
        }
        losers
    }

    /// The subjects that may lose an access: those that lose any by the plan, and those that pending changes reach. A
    /// subject that only both together take an access from is among the latter.
    fn candidates(&self, losses: &Losses, reached: &BTreeSet<Subject>) -> BTreeSet<Subject> {
        let all = losses.all.iter().chain(reached);
        all.filter(|subject| is_counted(self.plain, subject)).cloned().collect()
    }

    /// The subjects that lose an access by the plan, by pending changes, or lost it by those that were applied.
    fn losers_of(
        &self,
        access: &RemovedAccess,
        candidates: &BTreeSet<Subject>,
        after: &AccessState<'_, '_>,
        done: &Done,
    ) -> BTreeSet<Subject> {
        let lose = candidates.iter().filter(|subject| access.is_lost_by(subject, self.plain, after));
        let mut gone: BTreeSet<Subject> = lose.cloned().collect();
        for (subject, entitlement) in &done.revoked {
            let gave = match entitlement {
                Entitlement::Role(role) => access.is_given_by(role, self.plain),
                Entitlement::Membership(group) => access.is_held_by(&Subject::Group(group.clone()), self.plain),
            };
            if gave && is_counted(self.plain, subject) && !access.is_held_by(subject, self.plain) {
                gone.insert(subject.clone());
            }
        }
        gone
    }

    /// The number of other holders of an access. Stops counting at as many as lose it.
    fn others_with(&self, access: &RemovedAccess, gone: &BTreeSet<Subject>) -> usize {
        let possible = access.possible_holders(self.plain);
        let others =
            possible.iter().filter(|s| !gone.contains(*s) && is_counted(self.plain, s) && !self.plain.disabled(s));
        others.filter(|subject| access.is_held_by(subject, self.plain)).take(gone.len()).count()
    }

    /// Whether an identity that loses access keeps none of it for as long as before, in force or by activation, and no
    /// membership of a group that gives no access in the snapshot and may give it elsewhere.
    fn keeps_nothing(&self, after: &AccessState<'_, '_>, id: &IdentityId) -> bool {
        let subject = Subject::Identity(id.clone());
        let left = after.everything(&subject);
        let had = |access: &Access| self.plain.has(self.plain, &subject, access, When::Now);
        let is_shortened = |access: &Access| access.until.is_some() && had(&Access { until: None, ..access.clone() });
        left.now.iter().all(|held| is_shortened(&held.access))
            && left.eligible.iter().all(|held| had(&held.access))
            && !self.groups(after, id).iter().any(|group| !gives(self.plain, group))
    }

    /// The holders of an entitlement in the snapshot: identities, and groups whose members are not all known. Stops
    /// counting at `enough`.
    fn holders(&self, thing: &Removable, enough: usize) -> BTreeSet<Subject> {
        let plain = self.plain;
        let covers = |a: &Assignment, at: &ResourceId| scope_covers(plain, a.scope.as_ref(), Some(at));
        let mut found = HolderSearch::new(plain, enough);
        match thing {
            Removable::Role(role) => found.assigned(plain.of_role(role)),
            Removable::RoleAt(role, at) => found.assigned(plain.of_role(role).filter(|a| covers(a, at))),
            Removable::Group(group) => found.add(members(plain, group)),
            Removable::Scope(at) => found.assigned(plain.index.at_scope(at.as_str()).map(|(_, a)| a)),
            Removable::Access(..) => {}
        }
        found.counted
    }
}

fn removal(what: Removed, taken: usize, of: usize) -> MassRemoval {
    MassRemoval { what, taken: count(taken), of: count(of), changes: BTreeSet::new(), with: BTreeSet::new() }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
