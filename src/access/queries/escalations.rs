//! Standing escalations: which subjects complete which escalation paths in a snapshot, and which roles alone suffice.
//!
//! Computed without a plan, from an index, or from a state and a role.

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

/// Ids and titles of the paths for which one role, held everywhere, is sufficient, provided that there are objects to
/// bind their variables to.
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

/// All completions in a snapshot, sorted by subject, then path: complete paths and possible ones.
#[cfg(test)]
pub fn standing(index: &Index<'_>, data: &Data) -> Vec<Escalation> {
    let view = AccessState::plain(index);
    completed_by(&view, data, view.everyone())
}

/// Superusers, and the completions of all other subjects. WHY separate: a superuser completes every path.
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
