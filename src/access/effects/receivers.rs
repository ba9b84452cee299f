//! The subjects that a change names as receivers.
//!
//! A receiver counts as gaining, whatever the snapshot shows of the access received: a group without assignments may
//! give access in a system that the snapshot does not cover. Members of a receiving group are receivers too.

use std::collections::BTreeSet;

use crate::access::change::apply::trust;
use crate::access::change::resolve::ResolvedChange;
use crate::access::change::targets::{holds_after, was};
use crate::access::effective::state::AccessState;
use crate::access::effects::compute::ChangeEffect;
use crate::access::effects::request::AnalysisRequest;
use crate::access::graph::closure::closure;
use crate::access::matching::coverage::ends_within;
use crate::access::model::facts::{Affected, AssignmentTerms};
use crate::input::entitlement::Mode;
use crate::input::id::Subject;
use crate::plan::model::Action;

/// The subjects that a change names as receivers, with the members of groups.
pub(crate) fn receivers(
    q: &AnalysisRequest<'_, '_>,
    step: &ResolvedChange<'_>,
    after: &AccessState<'_, '_>,
) -> BTreeSet<Subject> {
    let named = |name: &str| after.subjects(name).into_iter().collect::<BTreeSet<Subject>>();
    let expires = q.plan.expires.value;
    let named = if let Action::Grant(a) | Action::Adjust(a) = &step.change.action {
        if assigns(q, step).is_some() { named(a.to.value.raw()) } else { BTreeSet::new() }
    } else {
        // The subjects that a trust allows to act as another, or to which a credential is delivered.
        trust(q.index, expires, step).map(|(made, _)| after.trusting(&made)).unwrap_or_default()
    };
    closure(&named, |subject| match subject {
        Subject::Group(group) => after.members(group),
        Subject::Identity(_) => BTreeSet::new(),
    })
}

/// The terms of the assignment that a change makes, or extends; `None` if it makes none and extends none.
pub(crate) fn assigns(q: &AnalysisRequest<'_, '_>, step: &ResolvedChange<'_>) -> Option<AssignmentTerms> {
    let is = holds_after(q.index, step, q.plan.expires.value, q.now)?;
    let was = was(q.index, step, q.now);
    (!was.is_some_and(|was| is_within(&is, &was))).then_some(is)
}

/// Whether an assignment expires no later than before and needs at least as much activation.
fn is_within(is: &AssignmentTerms, was: &AssignmentTerms) -> bool {
    let rank = |mode: Mode| match mode {
        Mode::Eligible => 0,
        Mode::Active => 1,
        Mode::Standing => 2,
    };
    rank(is.mode) <= rank(was.mode) && ends_within(is.until, was.until)
}

/// The subjects that a change affects, with its receivers.
pub(crate) fn with_receivers(
    concerned: &Affected,
    outcome: &ChangeEffect,
    receivers: &BTreeSet<Subject>,
    after: &AccessState<'_, '_>,
) -> Affected {
    let known = outcome.subjects();
    let mut concerned = concerned.clone();
    concerned.add(receivers.iter().filter(|subject| !known.contains(subject)), after, after);
    concerned
}
