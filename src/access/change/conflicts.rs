//! Conflicts between the changes of a plan.
//!
//! Reports, for steps with resolved names, each pair that concerns the same object, each reference to something another
//! change deletes, and each dependency cycle. Makes dependencies transitive. Does not read the snapshot.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::change::references::{Name, Object, Outline, granted};
use crate::access::change::resolve::{ResolvedChange, Resolver, Taken, id};
use crate::access::graph::index::NameKind;
use crate::input::finding::{Code, Finding};
use crate::plan::model::Action;

impl Resolver<'_, '_> {
    /// Two changes of one plan must not concern the same object.
    pub(crate) fn conflicts(&mut self, steps: &[ResolvedChange<'_>], outlines: &[Outline]) -> BTreeSet<(usize, usize)> {
        let mut exact: BTreeMap<Object, usize> = BTreeMap::new();
        let mut wholes: BTreeMap<Name, usize> = BTreeMap::new();
        let mut parts: BTreeMap<Name, usize> = BTreeMap::new();
        let mut taken: BTreeMap<&Taken, usize> = BTreeMap::new();
        let mut clashes: BTreeSet<(usize, usize)> = BTreeSet::new();
        for (at, outline) in outlines.iter().enumerate() {
            for object in &outline.objects {
                if let Some(other) = exact.insert(object.clone(), at) {
                    clashes.insert((other, at));
                }
                match (object, object.whole()) {
                    (Object::Whole(name), _) => {
                        clashes.extend(parts.get(name).map(|other| (*other, at)));
                        wholes.entry(name.clone()).or_insert(at);
                    }
                    (_, Some(name)) => {
                        clashes.extend(wholes.get(&name).map(|other| (*other, at)));
                        parts.entry(name).or_insert(at);
                    }
                    (_, None) => {}
                }
            }
        }
        for (at, step) in steps.iter().enumerate() {
            if let Some(mine) = &step.taken
                && let Some(other) = taken.insert(mine, at)
            {
                clashes.insert((other, at));
            }
            if let Action::Revoke(a) | Action::Adjust(a) = &step.change.action
                && let Some(other) = exact.get(&granted(a))
            {
                clashes.insert((*other.min(&at), *other.max(&at)));
            }
        }
        clashes.retain(|(_, second)| *second < self.held);
        for (first, second) in &clashes {
            let (Some(a), Some(b)) = (steps.get(*first), steps.get(*second)) else { continue };
            let message = format!("changes `{}` and `{}` affect the same object", id(a.change), id(b.change));
            self.faults.push(
                Finding::new(Code::SameObject, message)
                    .at(&b.change.action_place)
                    .help("combine them into one change that describes the end state (`adjust`, `set_role`), or split them over two plans"),
            );
        }
        clashes
    }

    /// A change may not refer to something another change deletes, except to remove access.
    pub(crate) fn deletions(
        &mut self,
        steps: &[ResolvedChange<'_>],
        outlines: &[Outline],
        clashes: &BTreeSet<(usize, usize)>,
    ) {
        let mut deleted: BTreeMap<Name, usize> = BTreeMap::new();
        // A pending deletion of another plan may never be applied.
        for (at, outline) in outlines.iter().enumerate().take(self.held) {
            if let Some(name) = &outline.deletes {
                deleted.entry(name.clone()).or_insert(at);
            }
        }
        for (at, (step, outline)) in steps.iter().zip(outlines).enumerate() {
            for used in outline.uses.iter().filter(|u| !u.reduces) {
                let of = |kind| deleted.get(&(kind, used.name.1.clone()));
                let by = match used.name.0 {
                    NameKind::Subject => of(NameKind::Identity).or_else(|| of(NameKind::Group)),
                    kind @ (NameKind::Identity
                    | NameKind::Group
                    | NameKind::Role
                    | NameKind::Resource
                    | NameKind::Assignment
                    | NameKind::Trust
                    | NameKind::Credential
                    | NameKind::Alert) => of(kind),
                };
                // Pairs that concern the same object are already reported as conflicts.
                let reported = |other: usize| clashes.contains(&(other.min(at), other.max(at)));
                if let Some(other) =
                    by.filter(|other| **other != at && !reported(**other)).and_then(|other| steps.get(*other))
                {
                    let message = format!(
                        "change `{}` names `{}`, which change `{}` removes",
                        id(step.change),
                        used.name.1.raw(),
                        id(other.change)
                    );
                    self.faults.push(
                        Finding::new(Code::NamesDeleted, message).at(&used.place).help("drop one of the two changes"),
                    );
                    self.faulty.insert(at);
                }
            }
        }
    }

    /// Makes dependencies transitive. A cycle is a finding.
    pub(crate) fn close(&mut self, steps: &mut [ResolvedChange<'_>]) -> bool {
        let direct: Vec<BTreeSet<usize>> = steps.iter().map(|s| s.depends_on.clone()).collect();
        let next = |at: &usize| direct.get(*at).cloned().unwrap_or_default();
        for (at, step) in steps.iter_mut().enumerate() {
            let all = crate::access::graph::closure::closure(&step.depends_on, next);
            if all.contains(&at) {
                let message = format!("change `{}` depends, through others, on itself", id(step.change));
                self.faults.push(
                    Finding::new(Code::DependencyCycle, message)
                        .at(&step.change.action_place)
                        .help("create the objects first, without references to each other"),
                );
                self.faulty.insert(at);
            }
            step.depends_on = all;
        }
        self.faults.is_empty()
    }
}
