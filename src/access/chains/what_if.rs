//! States in which only some changes of a plan are applied.

use std::collections::BTreeSet;

use crate::access::change::apply::{overlay, seeds};
use crate::access::change::resolve::ResolvedChange;
use crate::access::effective::state::AccessState;
use crate::access::effects::request::AnalysisRequest;

/// Applies some steps to the snapshot.
pub(crate) fn lay<'v, 's>(
    q: &AnalysisRequest<'_, '_>,
    plain: &'v AccessState<'v, 's>,
    steps: &[ResolvedChange<'_>],
    set: &BTreeSet<usize>,
) -> AccessState<'v, 's> {
    lay_for_few(q, plain, steps, set).with_compared_edges(plain)
}

/// Same overlay without the up-front edge comparison: cheaper when only a few subjects will be queried.
pub(crate) fn lay_for_few<'v, 's>(
    q: &AnalysisRequest<'_, '_>,
    plain: &'v AccessState<'v, 's>,
    steps: &[ResolvedChange<'_>],
    set: &BTreeSet<usize>,
) -> AccessState<'v, 's> {
    let chosen: Vec<&ResolvedChange<'_>> = set.iter().filter_map(|at| steps.get(*at)).collect();
    let delta = overlay(plain.index, q.plan.expires.value, chosen.iter().copied());
    let view =
        AccessState::touching(plain, delta, |view| chosen.iter().flat_map(|step| seeds(step, plain, view)).collect());
    view.bound_trust_work(q.budget.work);
    view
}
