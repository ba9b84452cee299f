//! The difference between two snapshots, for every subject of either.
//!
//! Computes effective access gained and lost, and newly completed escalation paths, through groups, includes, trusts
//! and rules, each as of its own snapshot. With the snapshots exchanged, gains and losses are exchanged. Does not
//! explain the causes.

use std::collections::BTreeSet;

use crate::access::effective::difference::Comparison;
use crate::access::effective::state::AccessState;
use crate::access::effects::budget::Budget;
use crate::access::effects::compute::EffectContext;
use crate::access::escalation::opening::Opening;
use crate::access::graph::index::Index;
use crate::access::model::facts::{Effects, Escalation};
use crate::access::risk::rule_files::Data;
use crate::input::id::Subject;

/// The difference between two snapshots.
#[derive(Clone, Debug, Default)]
pub struct Between {
    /// Access gained and lost, sorted by subject.
    pub effects: Effects,
    /// Escalation paths that a subject completes after and not before.
    pub escalations: Vec<Escalation>,
}

/// Compares the effective access of every identity and group of either snapshot.
#[must_use]
pub fn between<'s>(before: &Index<'s>, after: &Index<'s>, data: &Data) -> Between {
    among(before, after, data, &everyone(before).union(&everyone(after)).cloned().collect())
}

/// Compares the effective access of some subjects.
#[must_use]
pub fn among<'s>(before: &Index<'s>, after: &Index<'s>, data: &Data, subjects: &BTreeSet<Subject>) -> Between {
    let mut found = Between::default();
    let (old, new) = (AccessState::plain(before), AccessState::plain(after));
    let bench = EffectContext::new(data, after.systems(), Budget::default());
    // Each direction evaluates scopes by the tree of the snapshot that has the access.
    let (gains, losses) = (Comparison::new(&old, &new, &new), Comparison::new(&new, &old, &old));
    for subject in subjects {
        let (more, less) = (gains.more(subject, usize::MAX), losses.more(subject, usize::MAX));
        let gaining = !(more.now.is_empty() && more.eligible.is_empty());
        let lists = [
            (more.now, &new, &mut found.effects.gained),
            (more.eligible, &new, &mut found.effects.gained_eligible),
            (less.now, &old, &mut found.effects.lost),
            (less.eligible, &old, &mut found.effects.lost_eligible),
        ];
        for (held, view, list) in lists {
            list.extend(held.into_iter().map(|held| bench.piece(view, subject, held)));
        }
        if gaining {
            let paths: Vec<_> = data.escalations.iter().collect();
            found.escalations.extend(Opening::new(&old, &new, subject, Some(true)).of(&paths).opened);
        }
    }
    found
}

/// Every subject that a snapshot defines or refers to.
fn everyone(index: &Index<'_>) -> BTreeSet<Subject> {
    let snapshot = index.snapshot();
    let view = AccessState::plain(index);
    let identities = snapshot.identities.iter().map(|i| Subject::Identity(i.id.clone()));
    let groups = snapshot.groups.iter().map(|g| Subject::Group(g.id.clone()));
    let named = snapshot.assignments.iter().flat_map(|a| view.subjects(a.who.raw()));
    identities.chain(groups).chain(named).collect()
}
