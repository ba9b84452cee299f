//! What lies between two snapshots, for everybody in either.
//!
//! In: two indexes and the data that analysis goes by. Out: effective access gained and lost, and the escalation paths that
//! somebody newly completes: through groups, includes, trusts and rules, each as of its own snapshot. Exchanging the two
//! exchanges gains and losses. It says nothing of why.

use std::collections::BTreeSet;

use crate::access::budget::Budget;
use crate::access::compare::Comparison;
use crate::access::completion;
use crate::access::data::Data;
use crate::access::effects::Bench;
use crate::access::facts::{Effects, Escalation};
use crate::access::index::Index;
use crate::access::view::View;
use crate::input::id::Subject;

/// What lies between two snapshots.
#[derive(Clone, Debug, Default)]
pub struct Between {
    /// Access gained and lost, sorted by subject.
    pub effects: Effects,
    /// Escalation paths that somebody completes after, and not before.
    pub escalations: Vec<Escalation>,
}

/// Compares the effective access of every identity and group of either snapshot.
#[must_use]
pub fn between<'s>(before: &Index<'s>, after: &Index<'s>, data: &Data) -> Between {
    let mut found = Between::default();
    let (old, new) = (View::plain(before), View::plain(after));
    let bench = Bench::new(data, &after.snapshot().source, Budget::default());
    // Each direction judges places by the tree of the snapshot that holds the access.
    let (gains, losses) = (Comparison::new(&old, &new, &new), Comparison::new(&new, &old, &old));
    for subject in everyone(before).union(&everyone(after)) {
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
            found.escalations.extend(completed(&old, &new, data, subject));
        }
    }
    found
}

fn completed(old: &View<'_, '_>, new: &View<'_, '_>, data: &Data, subject: &Subject) -> Vec<Escalation> {
    let after = completion::completed(new, &data.escalations, subject);
    if after.is_empty() {
        return Vec::new();
    }
    let before = completion::completed(old, &data.escalations, subject);
    completion::fresh(new, subject, &after, &before)
}

/// Every subject that a snapshot holds or names.
fn everyone(index: &Index<'_>) -> BTreeSet<Subject> {
    let snapshot = index.snapshot();
    let view = View::plain(index);
    let identities = snapshot.identities.iter().map(|i| Subject::Identity(i.id.clone()));
    let groups = snapshot.groups.iter().map(|g| Subject::Group(g.id.clone()));
    let named = snapshot.assignments.iter().flat_map(|a| view.subjects(a.who.raw()));
    identities.chain(groups).chain(named).collect()
}
