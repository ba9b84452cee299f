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

/// Whom steps may concern in any company, all together no more than so many.
pub(crate) const MAX_CONCERNED: usize = 4_000_000;

/// Whom each step may concern in any company; nothing, where all together concern too many to tell: then it may be anyone.
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

/// Whether an escalation path looks at what holders of others hold.
pub(crate) fn between(q: &AnalysisRequest<'_, '_>) -> bool {
    let applies = |p: &&EscalationPath| q.index.systems().may_hold(p.system.as_ref());
    q.data.escalations.iter().filter(applies).any(EscalationPath::looks_at_holders)
}

/// Whether a step alters what the variables of escalation paths may stand for, or what is said between these objects, for
/// subjects that it does not concern otherwise.
pub(crate) fn alters_objects(step: &ResolvedChange<'_>, between: bool) -> bool {
    let outline = outline(step.change);
    between
        || outline.makes.is_some()
        || outline.deletes.is_some()
        || matches!(step.change.action, Action::AddTrust(_) | Action::RemoveTrust(_))
}
