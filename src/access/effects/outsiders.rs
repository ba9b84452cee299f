//! Receivers that stand for many whom the snapshot does not know.
//!
//! One name can stand for everyone whom an identity provider or another account lets in. Such a name receives what a
//! change gives where the change names it, and where a trust lets it act as a subject that gains. Looks at the trusts
//! that lead directly to those subjects; a subject that reaches them through more trusts gains, and is among them.

use std::collections::BTreeSet;

use crate::access::change::apply::trust;
use crate::access::change::resolve::ResolvedChange;
use crate::access::effective::state::AccessState;
use crate::access::effects::compute::ChangeEffect;
use crate::access::effects::request::AnalysisRequest;
use crate::input::id::{IdentityId, Subject};
use crate::input::text::Text;
use crate::snapshot::open_set::{OpenSet, open_set};
use crate::snapshot::public::is_public_word;

/// The open sets that receive what a change gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenReceivers {
    /// Their names.
    pub(crate) names: BTreeSet<Text>,
    /// Whether one of them is anyone.
    pub(crate) public: bool,
}

/// The open sets among the receivers of a change and those who can act as a subject that gains by it.
pub(crate) fn open_receivers(
    q: &AnalysisRequest<'_, '_>,
    step: &ResolvedChange<'_>,
    after: &AccessState<'_, '_>,
    outcome: &ChangeEffect,
    receivers: &BTreeSet<Subject>,
) -> OpenReceivers {
    let mut found = OpenReceivers::default();
    let mut add = |name: &str, condition: Option<&Text>| {
        if let Some(set) = stands_for(after, name, condition) {
            found.names.insert(name.into());
            found.public |= set == OpenSet::Public;
        }
    };
    for receiver in receivers {
        add(receiver.as_str(), None);
    }
    let mut gain: BTreeSet<&Subject> = outcome.gains().map(|piece| &piece.subject).chain(receivers).collect();
    let made = trust(q.index, q.plan.expires.value, step);
    if let Some((made, _)) = &made {
        add(made.from.raw(), None);
    }
    let acted_as = made.map(|(made, _)| after.subjects(made.to.raw())).unwrap_or_default();
    gain.extend(&acted_as);
    for subject in &gain {
        for trust in after.trusts_to(subject) {
            add(trust.from.raw(), trust.condition.as_ref());
        }
    }
    // WHY: a subject whose id is a pattern represents everyone whom its system matches with it, known or not.
    found.names.extend(gain.iter().map(|subject| subject.as_str()).filter(|id| id.contains('*')).map(Text::from));
    found
}

/// The open set that a name stands for, if it does: a pattern that fits nobody known, the root of an account of which
/// the snapshot shows nothing else, a principal of an identity provider, or a word such as `guest`.
fn stands_for(view: &AccessState<'_, '_>, name: &str, condition: Option<&Text>) -> Option<OpenSet> {
    if name.contains('*') {
        let open = |subject: &Subject| is_outside(view, subject) || of_one(view, subject.as_str(), None).is_some();
        let known = view.matching(name).iter().any(|subject| !open(subject));
        return (!known).then(|| open_set(view.systems.local(name), condition).unwrap_or(OpenSet::Outsiders));
    }
    of_one(view, name, condition)
}

/// The same for a name that is no pattern.
fn of_one(view: &AccessState<'_, '_>, name: &str, condition: Option<&Text>) -> Option<OpenSet> {
    let account = || name.strip_suffix(":root").filter(|account| account.starts_with("arn:"));
    let name_here = view.systems.local(name);
    let word = || is_public_word(name_here).then_some(OpenSet::Outsiders);
    open_set(name_here, condition).or_else(word).or_else(|| {
        let others = view.matching(&format!("{}:*", account()?));
        let known = others.iter().any(|subject| subject.as_str() != name && !is_outside(view, subject));
        (!known).then_some(OpenSet::Outsiders)
    })
}

/// Whether an importer made an identity only because a policy names it. A service of the system is known.
fn is_outside(view: &AccessState<'_, '_>, subject: &Subject) -> bool {
    let Subject::Identity(id) = subject else { return false };
    let has = |id: &IdentityId, label: &str| view.identity(id.as_str()).is_some_and(|i| i.labels.contains_key(label));
    has(id, "outside") && !has(id, "service")
}
