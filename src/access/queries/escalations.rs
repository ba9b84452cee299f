//! Standing completions: who completes which escalation path in a snapshot as it is, and which roles alone are enough.
//!
//! In: an index, or a state and a role. Out: completions with their ways, and paths by id. Nothing of a plan.

use std::rc::Rc;

use crate::access::effective::direct_holdings::exception;
use crate::access::effective::grant::Grants;
use crate::access::effective::holdings::{DirectHoldings, Holding};
use crate::access::effective::state::AccessState;
use crate::access::escalation::catalog::EscalationPath;
use crate::access::escalation::matches::{completed, fresh};
use crate::access::escalation::requirement::{BoundNames, HeldIn, Reached};
use crate::access::escalation::requirement_query::RequirementQuery;
#[cfg(test)]
use crate::access::graph::index::Index;
use crate::access::graph::provenance::Validity;
use crate::access::graph::trust_rules::Bound;
use crate::access::model::facts::{Escalation, Exception};
use crate::access::risk::rule_files::Data;
use crate::input::id::{RoleId, Subject};
use crate::input::text::Text;

/// Ids and titles of the paths for which holding one role everywhere is enough, if there is something to bind their
/// variables to.
pub(crate) fn enough<'p>(
    view: &AccessState<'_, '_>,
    paths: &'p [EscalationPath],
    role: &RoleId,
) -> Vec<(&'p Text, &'p Text)> {
    let flat = view.flat(role);
    let denies: Rc<[Exception]> = flat.denies.iter().map(exception).collect();
    let own = DirectHoldings {
        denies: Rc::clone(&denies),
        holdings: vec![Holding { role: role.clone(), scope: None, way: Validity::start(), flat, denies }],
        ..DirectHoldings::default()
    };
    let nobody = Subject::Identity("".into());
    let given = Rc::new(Grants::by(&nobody, &own));
    let reached = Reached {
        subject: &nobody,
        row: Rc::default(),
        given: Rc::clone(&given),
        reach: given,
        named: BoundNames::default(),
    };
    let applies = |path: &&EscalationPath| view.systems.may_hold(path.system.as_ref());
    let holds = |path: &&EscalationPath| {
        let held = |asked: &RequirementQuery| asked.way(view, &reached, &Bound::new(), HeldIn::Any).is_some();
        RequirementQuery::of(view, path).iter().all(held)
    };
    paths.iter().filter(applies).filter(holds).map(|path| (&path.id, &path.title)).collect()
}

/// Who completes what in a snapshot as it is, sorted by subject, then path: complete paths and those only possible.
#[cfg(test)]
pub fn standing(index: &Index<'_>, data: &Data) -> Vec<Escalation> {
    let view = AccessState::plain(index);
    completed_by(&view, data, view.everyone())
}

/// Administrators, and what everybody else completes. WHY apart: who holds everything completes every path.
pub(crate) fn beside_administrators(view: &AccessState<'_, '_>, data: &Data) -> (Vec<Subject>, Vec<Escalation>) {
    let (administrators, others): (Vec<Subject>, Vec<Subject>) =
        view.everyone().into_iter().partition(|subject| view.is_administrator(subject));
    (administrators, completed_by(view, data, others))
}

fn completed_by(
    view: &AccessState<'_, '_>,
    data: &Data,
    subjects: impl IntoIterator<Item = Subject>,
) -> Vec<Escalation> {
    let mut found: Vec<Escalation> = Vec::new();
    for subject in subjects {
        let completions = completed(view, &data.escalations, &subject);
        let reached = Reached::new(view, &subject);
        let none = Vec::new();
        found.extend(fresh((view, view), (&reached, &reached), (&none, &completions), &|_, _, _, _| true));
    }
    found.sort_by(|a, b| (&a.subject, &a.id, &a.bound).cmp(&(&b.subject, &b.id, &b.bound)));
    found
}
