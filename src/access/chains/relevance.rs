//! Which changes can matter to which subjects. The search leaves the others out.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::access::change::apply::seeds;
use crate::access::change::references::outline;
use crate::access::change::resolve::ResolvedChange;
use crate::access::effective::state::AccessState;
use crate::access::effects::request::AnalysisRequest;
use crate::access::escalation::catalog::EscalationPath;
use crate::input::id::Subject;
use crate::plan::model::Action;

/// The maximum total number of subjects over all steps.
pub(crate) const MAX_CONCERNED: usize = 4_000_000;

/// The subjects that each step may affect in any combination. `None` if the total exceeds the limit: then any subject
/// may be affected.
pub(crate) fn concerns(
    plain: &AccessState<'_, '_>,
    steps: &[ResolvedChange<'_>],
    whole_view: &AccessState<'_, '_>,
) -> Vec<Option<Rc<BTreeSet<Subject>>>> {
    let mut known: BTreeMap<BTreeSet<Subject>, Rc<BTreeSet<Subject>>> = BTreeMap::new();
    let mut left = MAX_CONCERNED;
    let one = |step: &ResolvedChange<'_>| {
        if left == 0 {
            return None;
        }
        let from = seeds(step, plain, whole_view);
        if let Some(known) = known.get(&from) {
            return Some(Rc::clone(known));
        }
        let behind = Rc::new(whole_view.predecessors(&from));
        left = left.saturating_sub(behind.len());
        known.insert(from, Rc::clone(&behind));
        Some(behind)
    };
    steps.iter().map(one).collect()
}

/// Whether an escalation path depends on the holdings of subjects other than the one that follows it.
pub(crate) fn between(q: &AnalysisRequest<'_, '_>) -> bool {
    let applies = |p: &&EscalationPath| q.index.systems().may_hold(p.system.as_ref());
    q.data.escalations.iter().filter(applies).any(EscalationPath::looks_at_holders)
}

/// Whether a step alters the objects that variables of escalation paths can bind to, or relations between such objects,
/// for subjects that it does not affect otherwise.
pub(crate) fn alters_objects(step: &ResolvedChange<'_>, between: bool) -> bool {
    let outline = outline(step.change);
    between
        || outline.makes.is_some()
        || outline.deletes.is_some()
        || matches!(step.change.action, Action::AddTrust(_) | Action::RemoveTrust(_))
}
