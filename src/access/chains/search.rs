//! Starts the search for minimal responsible sets with the budget that is left.

use std::collections::BTreeSet;

use crate::access::analyse::rank;
use crate::access::chains::minimal_sets::Search;
use crate::access::chains::relevance::{alters_objects, between, concerns};
use crate::access::change::resolve::ResolvedChange;
use crate::access::effective::state::AccessState;
use crate::access::effects::compute::ChangeEffect;
use crate::access::effects::request::AnalysisRequest;
use crate::input::digest::{Digest, of};
use crate::input::id::ChangeId;

/// What the search for responsible sets goes by.
pub(crate) fn search<'q, 'v, 's>(
    q: &AnalysisRequest<'q, '_>,
    plain: &AccessState<'v, 's>,
    steps: &[ResolvedChange<'_>],
    whole_view: &'q AccessState<'v, 's>,
    alone: &[&ChangeEffect],
    lay: &'q dyn Fn(&BTreeSet<usize>) -> AccessState<'v, 's>,
) -> Search<'q, 'v, 's> {
    let between = between(q);
    let mut order: Vec<(Digest<of::Change>, &ChangeId, usize)> = steps
        .iter()
        .zip(alone)
        .enumerate()
        .map(|(at, (step, outcome))| (rank(step, outcome), &step.change.id.value, at))
        .collect();
    order.sort();
    Search {
        data: q.data,
        budget: q.budget,
        whole_view,
        only_gives: whole_view.only_gives(),
        ids: steps.iter().map(|s| s.change.id.value.clone()).collect(),
        depends_on: steps.iter().map(|s| s.depends_on.clone()).collect(),
        order: order.into_iter().map(|(_, _, at)| at).collect(),
        concerns: concerns(plain, steps, whole_view),
        alters_objects: steps.iter().map(|step| alters_objects(step, between)).collect(),
        lay,
        laid: std::collections::BTreeMap::new(),
        subsets: 0,
        kept: 0,
        made: 0,
        questions: 0,
        before: std::collections::BTreeMap::new(),
        told: std::collections::BTreeMap::new(),
    }
}
