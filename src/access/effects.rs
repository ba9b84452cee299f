//! Effects: what changes do to everyone they concern.
//!
//! In: a state before and one after. Out: what each subject concerned gains and loses, which known escalation paths it
//! completes and which pairs it comes to hold. Only who is touched is looked at.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::access::classification::{Classifier, Verdict};
use crate::access::compare::{Comparison, Held};
use crate::access::completion;
use crate::access::data::Data;
use crate::access::escalation::{self, EscalationPath};
use crate::access::facts::{Access, Concerned, Effects, Escalation, Piece, SodConflict};
use crate::access::sod;
use crate::access::view::View;
use crate::access::way::path;
use crate::input::digest::Digest;
use crate::input::entitlement::{Permission, Sensitivity};
use crate::input::id::Subject;
use crate::snapshot::model::MembersKnown;

/// What lies between two states.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) effects: Effects,
    pub(super) concerned: Concerned,
    pub(super) escalations: Vec<Escalation>,
    pub(super) sod: Vec<SodConflict>,
}

impl Outcome {
    /// What is gained, in force and by activation.
    pub(super) fn gains(&self) -> impl Iterator<Item = &Piece> {
        self.effects.gained.iter().chain(&self.effects.gained_eligible)
    }

    /// What is lost, in force and by activation.
    pub(super) fn losses(&self) -> impl Iterator<Item = &Piece> {
        self.effects.lost.iter().chain(&self.effects.lost_eligible)
    }
}

/// By what effects are judged.
pub(super) struct Bench<'b> {
    pub(super) data: &'b Data,
    pub(super) classifier: Classifier<'b>,
}

impl Bench<'_> {
    /// What lies between two states.
    pub(super) fn outcome<'v, 's>(&self, before: &View<'v, 's>, after: &View<'v, 's>) -> Outcome {
        let touched = [before, after].into_iter().filter_map(|v| v.touched.as_ref());
        let mut subjects: BTreeSet<&Subject> = touched.flat_map(|t| &t.reach).collect();
        let gains = Comparison::new(before, after, after);
        let losses = Comparison::new(after, before, after);
        let mut out = Outcome::default();
        let mut gaining: BTreeMap<&Subject, Vec<&EscalationPath>> = BTreeMap::new();
        for subject in &subjects {
            let more = gains.more(subject);
            let less = losses.more(subject);
            if !(more.now.is_empty() && more.eligible.is_empty()) {
                gaining.insert(subject, completion::met(after, &self.data.escalations, &more));
            }
            let lists = [
                (more.now, after, &mut out.effects.gained),
                (more.eligible, after, &mut out.effects.gained_eligible),
                (less.now, before, &mut out.effects.lost),
                (less.eligible, before, &mut out.effects.lost_eligible),
            ];
            for (found, view, list) in lists {
                list.extend(found.into_iter().map(|held| self.piece(view, subject, held)));
            }
        }
        // WHY: a path newly completed needs an access newly held, unless what its variables stand for changes.
        let prone = if self.binds_new_objects(after) {
            let plain = after.below.unwrap_or(after);
            Some(plain.prone(&self.data.escalations))
        } else {
            None
        };
        let mut suspects = gaining;
        if let Some(prone) = &prone {
            let all = || self.data.escalations.iter().collect();
            suspects.extend(subjects.iter().copied().chain(prone.iter()).map(|subject| (subject, all())));
        }
        for (subject, paths) in suspects {
            if paths.is_empty() {
                continue;
            }
            let completed = completion::completed(after, paths.iter().copied(), subject);
            if completed.is_empty() {
                continue;
            }
            let known = completion::completed(before, paths, subject);
            out.escalations.extend(completion::fresh(after, subject, &completed, &known));
        }
        if self.data.sod.is_empty() {
            subjects.clear();
        }
        let mut known: BTreeMap<Subject, bool> = BTreeMap::new();
        for subject in subjects {
            if !self.may_conflict(after, subject, &mut known) {
                continue;
            }
            let conflicts = sod::conflicts(after, &self.data.sod, subject);
            if conflicts.is_empty() {
                continue;
            }
            let known: BTreeSet<_> = sod::conflicts(before, &self.data.sod, subject).iter().map(|c| c.digest).collect();
            out.sod.extend(conflicts.into_iter().filter(|c| !known.contains(&c.digest)));
        }
        out.escalations.sort_by_key(completion::key);
        out.sod.sort_by_key(|c| c.digest);
        out.concerned = concerned(before, after, &out);
        out
    }

    /// Whether a subject may come to hold both sides of a pair: who gives it something else than in the snapshot holds a
    /// side, or that is not known. Places that change may bring together what was apart.
    fn may_conflict(&self, after: &View<'_, '_>, subject: &Subject, known: &mut BTreeMap<Subject, bool>) -> bool {
        let grown = after.grown(subject);
        let concerned = after.concerned_in(&grown).filter(|_| after.delta.resources.is_empty());
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

    fn binds_new_objects(&self, after: &View<'_, '_>) -> bool {
        let delta = &after.delta;
        let alters = delta.alters_subjects()
            || !delta.trusts.is_empty()
            || !delta.trusts_gone.is_empty()
            || !delta.resources.is_empty()
            || delta.roles.keys().any(|id| after.index.role(id.as_str()).is_none())
            || delta.roles.values().any(Option::is_none);
        let system = &after.index.snapshot().source;
        let applies = |p: &&escalation::EscalationPath| p.system.as_ref().is_none_or(|s| s == system);
        let mut paths = self.data.escalations.iter().filter(applies);
        let assigns = !delta.added.is_empty() || !delta.roles.is_empty() || !delta.gone.is_empty();
        paths.any(|p| (alters && !p.variables().is_empty()) || (assigns && p.looks_at_holders()))
    }

    /// A held access as a fact.
    pub(super) fn piece(&self, view: &View<'_, '_>, subject: &Subject, held: Held) -> Piece {
        let verdict = self.verdict(view, &held);
        Piece {
            subject: subject.clone(),
            digest: piece_digest(subject, &held.access),
            path: path(&held.trail),
            access: held.access,
            sensitivity: verdict.sensitivity,
            privileged: verdict.privileged,
        }
    }

    fn verdict(&self, view: &View<'_, '_>, held: &Held) -> Verdict {
        if held.unknown {
            return Verdict { sensitivity: Sensitivity::Critical, privileged: held.access.condition.clone() };
        }
        let access = &held.access;
        let permission = Permission {
            condition: access.condition.clone(),
            ..Permission::allow(access.action.clone(), access.resource.clone())
        };
        self.classifier.permission(view, &held.role, &permission, access.scope.as_ref(), &access.exceptions)
    }
}

impl View<'_, '_> {
    /// Every subject of this state.
    pub(super) fn everyone(&self) -> BTreeSet<Subject> {
        let snapshot = self.index.snapshot();
        let identities = snapshot.identities.iter().map(|i| Subject::Identity(i.id.clone()));
        let groups = snapshot.groups.iter().map(|g| Subject::Group(g.id.clone()));
        let mut all: BTreeSet<Subject> = identities.chain(groups).chain(self.made()).collect();
        all.retain(|subject| !self.deleted(subject));
        all
    }
}

#[derive(Serialize)]
struct Hashed<'h> {
    kind: &'static str,
    subject: &'h str,
    access: &'h Access,
}

/// The SHA-256 of the canonical JSON of `{access, kind, subject}`.
pub(super) fn piece_digest(subject: &Subject, access: &Access) -> Digest<crate::input::digest::of::Piece> {
    let kind = match subject {
        Subject::Identity(_) => "identity",
        Subject::Group(_) => "group",
    };
    let hashed = Hashed { kind, subject: subject.as_str(), access };
    Digest::of(&crate::input::canonical::to_bytes(&hashed).unwrap_or_default())
}

/// Whom effects concern; a group whose members are not all known makes the count a lower bound.
fn concerned<'v, 's>(before: &View<'v, 's>, after: &View<'v, 's>, out: &Outcome) -> Concerned {
    let pieces = out.gains().chain(out.losses()).map(|p| &p.subject);
    let paths = out.escalations.iter().map(|e| &e.subject).chain(out.sod.iter().map(|c| &c.subject));
    let subjects: BTreeSet<&Subject> = pieces.chain(paths).collect();
    let mut concerned = Concerned::default();
    for subject in subjects {
        match subject {
            Subject::Identity(id) => {
                concerned.identities += 1;
                let identity = after.identity(id.as_str()).or_else(|| before.identity(id.as_str()));
                concerned.kinds.extend(identity.map(|i| i.kind));
            }
            Subject::Group(id) => {
                let view = if after.group(id.as_str()).is_some() { after } else { before };
                if view.members_known(id) != MembersKnown::Known {
                    concerned.at_least = true;
                    concerned.unknown_groups.insert(id.clone());
                }
            }
        }
    }
    concerned
}
