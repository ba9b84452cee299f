//! Gains by two baselines: what a subject holds directly, and what it can reach by acting as others.
//!
//! Compares two states of access by both baselines. An access that is new in either comparison is gained. An access
//! that is new only in what is held keeps the path by which the subject could reach it before. With the states
//! exchanged, the same comparison gives the losses and how they can still be reached. The held comparison runs only for
//! subjects whose own holdings differ and that can act as others; its cost follows the holdings that differ.

use std::collections::BTreeSet;

use crate::access::effective::difference::Comparison;
use crate::access::effective::grant::When;
use crate::access::effective::held_access::{AccessDiff, HeldAccess, distinct};
use crate::access::graph::provenance::steps;
use crate::access::matching::coverage::covers;
use crate::access::model::facts::{Access, PathStep};
use crate::input::id::{GroupId, Subject};

impl Comparison<'_, '_, '_> {
    /// The accesses that a subject reaches or holds after and not before, unless they are more than `most`.
    pub(crate) fn more(&self, subject: &Subject, most: usize) -> AccessDiff {
        let mut all = self.reaches_more(subject, most);
        if !all.cut {
            self.add_held(subject, most, &mut all);
        }
        if !all.cut {
            self.leave_out_what_everybody_has(subject, &mut all);
        }
        all
    }

    /// Adds the accesses that a subject newly holds and could reach before.
    fn add_held(&self, subject: &Subject, most: usize, all: &mut AccessDiff) {
        // WHY: a subject that can act as no other reaches exactly what it holds. Computing the identities that a
        // superuser can act as is expensive, so superusers are compared directly.
        if !self.before.is_administrator(subject) && self.before.row(subject).len() <= 1 {
            return;
        }
        let held = self.holds_more(subject, most);
        all.looked = all.looked.saturating_add(held.looked);
        if held.cut {
            *all = AccessDiff { cut: true, looked: all.looked, ..AccessDiff::default() };
            return;
        }
        if held.is_empty() {
            return;
        }
        let (systems, given) = (self.after.systems, self.before.given(subject));
        for (list, when) in [(held.now, When::Now), (held.eligible, When::Ever)] {
            let told = |access: &Access| {
                let by = |found: &[HeldAccess]| found.iter().any(|new| covers(systems, self.tree, &new.access, access));
                by(&all.now) || (when == When::Ever && by(&all.eligible))
            };
            let mine = if when == When::Now { &all.now } else { &all.eligible };
            let exact: BTreeSet<&Access> = mine.iter().map(|held| &held.access).collect();
            let fresh = list.into_iter().filter(|held| !exact.contains(&held.access) && !told(&held.access));
            let fresh: Vec<HeldAccess> = fresh
                .map(|held| {
                    // INVARIANT: an access that is not new in the reachable comparison was reachable, by one path or by
                    // several together (then without a path of its own).
                    let way = given.way(systems, self.tree, &held.access, when).unwrap_or_default();
                    HeldAccess { elsewhere: Some(way), ..held }
                })
                .collect();
            let mine = if when == When::Now { &mut all.now } else { &mut all.eligible };
            mine.extend(fresh);
            distinct(mine);
        }
    }

    /// Leaves out the access that a new identity, and a subject that can act as it, has only as every authenticated
    /// subject has it.
    ///
    /// WHY: a subject that can act as another is authenticated and has this already. An anonymous caller is not.
    fn leave_out_what_everybody_has(&self, subject: &Subject, all: &mut AccessDiff) {
        let makes = self.after.delta.identities.values().any(Option::is_some);
        let is_one_snapshot = std::ptr::eq(self.before.index, self.after.index);
        if all.is_empty() || self.after.is_public(subject) || (is_one_snapshot && !makes) {
            return;
        }
        let is_new = |who: &Subject| match who {
            Subject::Identity(id) => {
                self.after.identity(id.as_str()).is_some() && self.before.identity(id.as_str()).is_none()
            }
            Subject::Group(_) => false,
        };
        let groups = self.before.index.snapshot().groups.iter().filter(|group| is_everybody(&group.id));
        let everybody: Vec<Subject> = groups.map(|group| Subject::Group(group.id.clone())).collect();
        let as_new = |step: &PathStep| matches!(step, PathStep::ActsAs(who, _) if is_new(who));
        let by_new = |held: &HeldAccess| is_new(subject) || steps(&held.trail).into_iter().any(as_new);
        let had = |held: &HeldAccess, when: When| {
            by_new(held) && everybody.iter().any(|group| self.before.has(self.tree, group, &held.access, when))
        };
        all.now.retain(|held| !had(held, When::Now));
        all.eligible.retain(|held| !had(held, When::Ever));
    }
}

/// Whether a group contains every authenticated subject.
fn is_everybody(group: &GroupId) -> bool {
    group.as_str().ends_with("system:authenticated")
}
