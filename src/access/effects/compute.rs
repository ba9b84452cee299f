//! Effects: what changes do to every affected subject.
//!
//! Computes, from a state before and a state after, what each affected subject gains and loses, the escalation paths it
//! completes and the separation-of-duties pairs it comes to hold. Only affected subjects are inspected.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::Serialize;

use crate::access::contents::KnownContents;
use crate::access::effective::difference::Comparison;
use crate::access::effective::held_access::{AccessDiff, HeldAccess};
use crate::access::effective::state::AccessState;
use crate::access::effects::budget::{Budget, Remaining};
use crate::access::escalation::catalog;
use crate::access::escalation::catalog::EscalationPath;
use crate::access::escalation::matches;
use crate::access::escalation::opening::Opening;
use crate::access::escalation::prefilter::Asks;
use crate::access::graph::provenance::{length, path};
use crate::access::matching::systems::Systems;
use crate::access::model::facts::{Access, AccessDelta, Affected, Effects, Escalation, SodConflict, Truncated};
use crate::access::risk::classification::Classifier;
use crate::access::risk::rating::Rating;
use crate::access::risk::rule_files::Data;
use crate::access::risk::sod;
use crate::input::digest::Digest;
use crate::input::entitlement::{Permission, Sensitivity};
use crate::input::id::{ResourceId, Subject};
use crate::snapshot::model::MembersKnown;

/// The difference between two states.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChangeEffect {
    pub(crate) effects: Effects,
    pub(crate) concerned: Affected,
    pub(crate) escalations: Vec<Escalation>,
    pub(crate) already: Vec<Escalation>,
    pub(crate) sod: Vec<SodConflict>,
    untold: Truncated,
    /// The work done to compute it.
    pub(crate) work: u64,
}

impl ChangeEffect {
    /// The number of reported accesses.
    pub(crate) fn told(&self) -> usize {
        let (gained, lost) = (&self.effects.gained, &self.effects.lost);
        gained.len() + lost.len() + self.effects.gained_eligible.len() + self.effects.lost_eligible.len()
    }

    /// Whether anything was truncated.
    pub(crate) fn is_cut(&self) -> bool {
        self.untold.is_any()
    }

    /// Gained access, in force and by activation.
    pub(crate) fn gains(&self) -> impl Iterator<Item = &AccessDelta> {
        self.effects.gained.iter().chain(&self.effects.gained_eligible)
    }

    /// Lost access, in force and by activation.
    pub(crate) fn losses(&self) -> impl Iterator<Item = &AccessDelta> {
        self.effects.lost.iter().chain(&self.effects.lost_eligible)
    }
}

/// The rules and limits by which effects are computed.
pub(crate) struct EffectContext<'b> {
    pub(crate) data: &'b Data,
    pub(crate) classifier: Classifier<'b>,
    pub(crate) asks: Asks<'b>,
    pub(crate) budget: Budget,
    pub(crate) contents: KnownContents,
}

/// The reason shown if the gains of a subject count as everything.
const TOO_LARGE: &str = "its gains are too large to analyse, and count as everything";

/// Steps of a path beyond this number cost as much work as an identity that a subject can act as.
const USUAL_STEPS: usize = 32;

/// The number of steps of a path beyond the usual length.
fn beyond_usual(held: &HeldAccess) -> u64 {
    u64::try_from(length(&held.trail).saturating_sub(USUAL_STEPS)).unwrap_or(u64::MAX)
}

/// The inputs and caches shared by all subjects.
struct SubjectDiff<'o, 'v, 's> {
    before: &'o AccessState<'v, 's>,
    after: &'o AccessState<'v, 's>,
    gains: Comparison<'o, 'v, 's>,
    losses: Comparison<'o, 'v, 's>,
    /// The subjects that the changes between the states affect.
    touched: BTreeSet<&'o Subject>,
    /// Whether the objects that variables of paths match may differ.
    rebinds: bool,
    /// Whether a subject holds a side of a pair, by subject.
    sides: BTreeMap<Subject, bool>,
    /// The work done so far to compute active trusts.
    live_trusts: u64,
}

impl SubjectDiff<'_, '_, '_> {
    /// Computes the identities that a subject can act as. Returns whether the budget for active trusts was sufficient.
    fn tells_lives(&mut self, subject: &Subject, out: &mut ChangeEffect) -> bool {
        if !self.before.has_conditional_trusts() && !self.after.has_conditional_trusts() {
            return true;
        }
        self.before.row(subject);
        self.after.row(subject);
        let live_trusts = self.before.trust_work().saturating_add(self.after.trust_work());
        out.work =
            out.work.saturating_add(live_trusts.saturating_sub(std::mem::replace(&mut self.live_trusts, live_trusts)));
        !self.before.has_trusts_undecided() && !self.after.has_trusts_undecided()
    }
}

impl<'b> EffectContext<'b> {
    /// From rules, for the systems of a snapshot.
    pub(crate) fn new(data: &'b Data, systems: Systems<'b>, budget: Budget) -> Self {
        let asks = Asks::new(&data.escalations, systems);
        Self {
            data,
            classifier: Classifier::new(&data.classification),
            asks,
            budget,
            contents: KnownContents::default(),
        }
    }

    /// The difference between two states, within the budget. A subject beyond the budget counts as gaining everything.
    pub(crate) fn outcome<'v, 's>(
        &self,
        before: &AccessState<'v, 's>,
        after: &AccessState<'v, 's>,
        mut room: Remaining,
    ) -> ChangeEffect {
        let mut out = ChangeEffect::default();
        let touched: BTreeSet<&Subject> =
            [before, after].into_iter().filter_map(|v| v.touched.as_ref()).flat_map(|t| &t.reach).collect();
        // WHY: a newly completed path needs a newly held access, unless the objects that its variables match change.
        let rebinds = self.binds_new_objects(after);
        let candidates_for_paths = if rebinds {
            let found = after.below.unwrap_or(after).candidates_for_paths(&self.data.escalations, self.budget.work);
            out.untold.paths = found.is_none();
            found.unwrap_or_default()
        } else {
            Rc::default()
        };
        let mut asking = SubjectDiff {
            before,
            after,
            gains: Comparison::new(before, after, after),
            losses: Comparison::new(after, before, after),
            touched,
            rebinds: rebinds || self.names_new_place(after),
            sides: BTreeMap::new(),
            live_trusts: 0,
        };
        let all: BTreeSet<&Subject> = asking.touched.iter().copied().chain(candidates_for_paths.iter()).collect();
        let mut rest = Vec::new();
        for subject in all {
            if !self.tell(&mut asking, subject, &mut room, &mut out) {
                room.end();
                rest.push(subject);
            }
        }
        if !rest.is_empty() {
            self.leave(&mut asking, &rest, room, &mut out);
        }
        // If the changes only remove access, a subject that has no more than before completes no new path.
        let only_takes = out.gains().next().is_none() && !after.delta.makes_more_than(&before.delta, after.index);
        if only_takes && std::ptr::eq(before.index, after.index) {
            out.escalations.clear();
            out.already.clear();
        }
        out.escalations.sort_by_key(crate::access::escalation::requirement::key);
        out.already.sort_by_key(crate::access::escalation::requirement::key);
        out.sod.sort_by_key(|c| c.digest);
        let mut concerned = Affected { untold: out.untold, ..Affected::default() };
        concerned.add(out.subjects(), before, after);
        out.concerned = concerned;
        out
    }

    /// Computes what one subject gains, loses and completes. Returns whether the budget was sufficient.
    fn tell(
        &self,
        asking: &mut SubjectDiff<'_, '_, '_>,
        subject: &Subject,
        room: &mut Remaining,
        out: &mut ChangeEffect,
    ) -> bool {
        let Some((most_gained, most_lost)) = room.left(out.work) else { return false };
        let (before, after) = (asking.before, asking.after);
        if !asking.tells_lives(subject, out) {
            return false;
        }
        let touched = asking.touched.contains(subject);
        let mut paths: Vec<&EscalationPath> = Vec::new();
        let mut gains = false;
        if touched {
            let more = asking.gains.more(subject, most_gained);
            out.work = out.work.saturating_add(more.looked);
            if more.cut {
                return false;
            }
            let mut less = asking.losses.more(subject, most_lost);
            out.work = out.work.saturating_add(less.looked);
            out.untold.losses |= less.cut;
            if less.cut {
                less = AccessDiff::default();
            }
            // The identities it can act as, its groups and its roles may differ even if no access does.
            paths = self.asks.met(&more);
            gains = !more.is_empty();
            let found = [&more.now, &more.eligible, &less.now, &less.eligible];
            let steps = found.into_iter().flatten().map(beyond_usual).fold(0, u64::saturating_add);
            out.work = out.work.saturating_add(steps);
            if steps > 0 && !room.may_look(out.work) {
                return false;
            }
            room.tell(more.now.len() + more.eligible.len(), less.now.len() + less.eligible.len());
            let lists = [
                (more.now, after, &mut out.effects.gained),
                (more.eligible, after, &mut out.effects.gained_eligible),
                (less.now, before, &mut out.effects.lost),
                (less.eligible, before, &mut out.effects.lost_eligible),
            ];
            for (found, view, list) in lists {
                list.extend(found.into_iter().map(|held| self.piece(view, subject, held)));
            }
            if after.is_public(subject) {
                for list in [&mut out.effects.gained, &mut out.effects.gained_eligible] {
                    list.iter_mut().rev().take_while(|piece| piece.subject == *subject).for_each(to_the_public);
                }
            }
        }
        if asking.rebinds {
            paths = self.data.escalations.iter().collect();
        }
        if !paths.is_empty() {
            out.work = out.work.saturating_add(before.size(subject)).saturating_add(after.size(subject));
            let found = Opening::new(before, after, subject, Some(gains)).of(&paths);
            out.escalations.extend(found.opened);
            // What unaffected subjects could already do does not concern the change, even if a new object is involved.
            out.already.extend(found.already.into_iter().filter(|_| touched));
        }
        if touched {
            self.tell_conflicts(asking, subject, out);
        }
        true
    }

    /// Finds the pairs that one subject comes to hold, by what it can reach or by its direct holdings.
    fn tell_conflicts(&self, asking: &mut SubjectDiff<'_, '_, '_>, subject: &Subject, out: &mut ChangeEffect) {
        let (before, after) = (asking.before, asking.after);
        if self.data.sod.is_empty() {
            return;
        }
        let pairs = &self.data.sod;
        let mut new = |was: Vec<SodConflict>, is: Vec<SodConflict>| {
            let known: BTreeSet<_> = was.iter().chain(&out.sod).map(|c| c.digest).collect();
            out.sod.extend(is.into_iter().filter(|c| !known.contains(&c.digest)));
        };
        let holds_all = |is_administrator: bool| is_administrator && sod::all_held_by_administrators(after, pairs);
        if !holds_all(before.is_administrator(subject)) && self.may_conflict(after, subject, &mut asking.sides) {
            let conflicts = sod::conflicts(after, pairs, subject);
            if !conflicts.is_empty() {
                new(sod::conflicts(before, pairs, subject), conflicts);
            }
        }
        let (was, is) = (before.own(subject), after.own(subject));
        if !Rc::ptr_eq(&was, &is)
            && !holds_all(was.is_everything(before.systems))
            && sod::concerns(after, pairs, subject)
        {
            let conflicts = sod::held_conflicts(after, pairs, subject);
            if !conflicts.is_empty() {
                new(sod::held_conflicts(before, pairs, subject), conflicts);
            }
        }
    }

    /// Budget exhausted: over-approximates every remaining subject as gaining `*`, unless the change can only remove
    /// access. Pairs are still searched while the work limit allows.
    fn leave(&self, asking: &mut SubjectDiff<'_, '_, '_>, rest: &[&Subject], room: Remaining, out: &mut ChangeEffect) {
        out.untold.losses |= !asking.after.only_gives();
        // Removing assignments gives nothing, unless one of them has a deny.
        if asking.after.only_takes() {
            out.untold.paths |= asking.rebinds;
            return;
        }
        out.untold.paths = true;
        out.untold.subjects = u64::try_from(rest.len()).unwrap_or(u64::MAX);
        if !self.data.sod.is_empty() {
            for subject in rest.iter().filter(|subject| asking.touched.contains(**subject)).copied().collect::<Vec<_>>()
            {
                if !room.may_look(out.work) {
                    out.untold.conflicts = true;
                    break;
                }
                let looked = asking.before.size(subject).saturating_add(asking.after.size(subject));
                out.work = out.work.saturating_add(looked);
                self.tell_conflicts(asking, subject, out);
            }
        }
        // A plan with more accesses than the limit is refused anyway.
        let most = self.budget.plan.saturating_add(1);
        out.effects.gained.extend(rest.iter().take(most).map(|subject| everything(subject)));
    }

    /// Whether a subject may come to hold both sides of a pair: an actor whose grants to the subject differ from the
    /// snapshot holds a side, or the actors are unknown. A moved resource may bring both sides to one scope.
    fn may_conflict(
        &self,
        after: &AccessState<'_, '_>,
        subject: &Subject,
        known: &mut BTreeMap<Subject, bool>,
    ) -> bool {
        let incremental_closure = after.incremental_closure(subject);
        let concerned = after.affected_in(&incremental_closure).filter(|_| after.delta.resources.is_empty());
        concerned.is_none_or(|actors| {
            actors.into_iter().any(|(actor, _)| {
                if let Some(known) = known.get(actor) {
                    return *known;
                }
                let concerns = sod::concerns(after, &self.data.sod, actor);
                known.insert(actor.clone(), concerns);
                concerns
            })
        })
    }

    fn binds_new_objects(&self, after: &AccessState<'_, '_>) -> bool {
        let delta = &after.delta;
        let alters = delta.alters_subjects()
            || !delta.trusts().is_empty()
            || !delta.trusts_gone.is_empty()
            || !delta.resources.is_empty()
            || delta.roles.keys().any(|id| after.index.role(id.as_str()).is_none())
            || delta.roles.values().any(Option::is_none);
        let applies = |p: &&catalog::EscalationPath| after.systems.may_hold(p.system.as_ref());
        let mut paths = self.data.escalations.iter().filter(applies);
        let assigns =
            !delta.added.is_empty() || !delta.roles.is_empty() || !delta.gone.is_empty() || !delta.left.is_empty();
        paths.any(|p| {
            let redefined = || delta.roles.keys().any(|role| matches::is_named(after, p, role));
            (alters && p.has_objects()) || (assigns && p.looks_at_holders()) || redefined()
        })
    }

    /// Whether a resource is created that a path names.
    fn names_new_place(&self, after: &AccessState<'_, '_>) -> bool {
        let applies = |p: &&EscalationPath| after.systems.may_hold(p.system.as_ref());
        let is_made = |place: ResourceId| after.delta.resources.contains_key(&place);
        !after.delta.resources.is_empty()
            && self.data.escalations.iter().filter(applies).flat_map(EscalationPath::places).any(is_made)
    }

    /// A held access as a fact.
    pub(crate) fn piece(&self, view: &AccessState<'_, '_>, subject: &Subject, held: HeldAccess) -> AccessDelta {
        let verdict = self.verdict(view, &held);
        // WHY: access in a scope holds for all that is below it, and a label also describes what is below its resource.
        let label = view.label_in(held.access.scope.as_ref());
        AccessDelta {
            subject: subject.clone(),
            digest: piece_digest(subject, &held.access),
            path: path(&held.trail),
            elsewhere: held.elsewhere.as_ref().map(path),
            everything: false,
            access: held.access,
            sensitivity: label.map_or(verdict.sensitivity, |label| label.max(verdict.sensitivity)),
            privileged: verdict.privileged,
        }
    }

    fn verdict(&self, view: &AccessState<'_, '_>, held: &HeldAccess) -> Rating {
        if held.unknown {
            return Rating {
                sensitivity: Sensitivity::Critical,
                privileged: held.access.condition.clone(),
                ..Rating::default()
            };
        }
        let access = &held.access;
        let permission = Permission {
            condition: access.condition.clone(),
            ..Permission::allow(access.action.clone(), access.resource.clone())
        };
        self.classifier.permission(view, &held.role, &permission, access.scope.as_ref(), &access.exceptions)
    }
}

impl AccessState<'_, '_> {
    /// Every subject of this state.
    pub(crate) fn everyone(&self) -> BTreeSet<Subject> {
        let snapshot = self.index.snapshot();
        let identities = snapshot.identities.iter().map(|i| Subject::Identity(i.id.clone()));
        let groups = snapshot.groups.iter().map(|g| Subject::Group(g.id.clone()));
        let mut all: BTreeSet<Subject> = identities.chain(groups).chain(self.made()).collect();
        all.retain(|subject| !self.deleted(subject));
        all
    }
}

/// The reason why anything that the public gains is privileged.
pub(crate) const PUBLIC: &str = "everyone, or an anonymous caller, gains it";

/// Marks anything that the public gains as privileged.
fn to_the_public(piece: &mut AccessDelta) {
    piece.sensitivity = piece.sensitivity.max(Sensitivity::High);
    piece.privileged.get_or_insert_with(|| PUBLIC.into());
}

/// The access that represents the gains of a subject that exceed the budget.
fn everything(subject: &Subject) -> AccessDelta {
    let access = Access::plain("*", "*");
    AccessDelta {
        subject: subject.clone(),
        digest: piece_digest(subject, &access),
        path: [].into(),
        elsewhere: None,
        everything: true,
        access,
        sensitivity: Sensitivity::Critical,
        privileged: Some(TOO_LARGE.into()),
    }
}

#[derive(Serialize)]
struct HashedPiece<'h> {
    kind: &'static str,
    subject: &'h str,
    access: &'h Access,
}

/// The SHA-256 of the canonical JSON of `{access, kind, subject}`.
pub(crate) fn piece_digest(subject: &Subject, access: &Access) -> Digest<crate::input::digest::of::Piece> {
    let kind = match subject {
        Subject::Identity(_) => "identity",
        Subject::Group(_) => "group",
    };
    let hashed = HashedPiece { kind, subject: subject.as_str(), access };
    Digest::of(&crate::input::canonical::to_bytes(&hashed).unwrap_or_default())
}

impl ChangeEffect {
    /// Every subject that gains, loses, completes a path or comes to hold a pair.
    pub(crate) fn subjects(&self) -> BTreeSet<&Subject> {
        let pieces = self.gains().chain(self.losses()).map(|p| &p.subject);
        let paths = self.escalations.iter().map(|e| &e.subject).chain(self.sod.iter().map(|c| &c.subject));
        pieces.chain(paths).collect()
    }
}

impl Affected {
    /// Counts subjects. A group whose members are not all known makes the count a lower bound.
    pub(crate) fn add<'s, 'v, 'w>(
        &mut self,
        subjects: impl IntoIterator<Item = &'s Subject>,
        before: &AccessState<'v, 'w>,
        after: &AccessState<'v, 'w>,
    ) {
        for subject in subjects {
            match subject {
                Subject::Identity(id) => {
                    self.identities += 1;
                    let identity = after.identity(id.as_str()).or_else(|| before.identity(id.as_str()));
                    self.kinds.extend(identity.map(|i| i.kind));
                }
                Subject::Group(id) => {
                    let view = if after.group(id.as_str()).is_some() { after } else { before };
                    if view.members_known(id) != MembersKnown::Known {
                        self.at_least = true;
                        self.unknown_groups.insert(id.clone());
                    }
                }
            }
        }
    }
}
