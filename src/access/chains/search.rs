//! Starts the search for minimal responsible sets with the remaining budget.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::access::chains::minimal_sets::Search;
use crate::access::chains::relevance::{alters_objects, between, concerns};
use crate::access::change::references::outline;
use crate::access::change::resolve::ResolvedChange;
use crate::access::effective::state::AccessState;
use crate::access::effects::compute::ChangeEffect;
use crate::access::effects::request::AnalysisRequest;
use crate::input::digest::{Digest, of};
use crate::input::id::ChangeId;
use crate::input::text::Text;

/// Builds the search for responsible sets.
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
        gives: alone.iter().map(|outcome| outcome.gains().next().is_some()).collect(),
        alters_objects: steps.iter().map(|step| alters_objects(step, between)).collect(),
        lay,
        laid: std::collections::BTreeMap::new(),
        subsets: 0,
        kept: 0,
        made: 0,
        questions: 0,
        told: std::collections::BTreeMap::new(),
    }
}

/// The order in which steps are dropped while shrinking: a digest of the typed change and its own effect, so it is
/// independent of the order of the plan. The change digest cannot be used because it is computed later, from facts that
/// this search produces.
pub(crate) fn rank(step: &ResolvedChange<'_>, outcome: &ChangeEffect) -> Digest<of::Change> {
    #[derive(Serialize)]
    struct Ranked<'r> {
        action: &'static str,
        names: Vec<Text>,
        reason: &'r Text,
        gained: Vec<Digest<of::Piece>>,
        lost: Vec<Digest<of::Piece>>,
    }
    let outlined = outline(step.change);
    let ranked = Ranked {
        action: step.change.action.word(),
        names: outlined.uses.into_iter().map(|u| u.name.1).chain(outlined.makes.map(|m| m.1)).collect(),
        reason: &step.change.reason.value,
        gained: outcome.gains().map(|p| p.digest).collect(),
        lost: outcome.losses().map(|p| p.digest).collect(),
    };
    Digest::of(&crate::input::canonical::to_bytes(&ranked).unwrap_or_default())
}
