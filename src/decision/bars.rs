//! Who can never approve a change, regardless of policy.
//!
//! Computes the reasons that exclude a person from a person with all identities, the facts of a change and the facts of
//! its plan: an own proposal, access that the person would gain, an identity that is disabled or not human. No policy
//! waives them.

use std::collections::BTreeSet;

use crate::access::model::facts::{Analysis, ChangeFacts, EmergentWhat, IdentityView};
use crate::input::entitlement::IdentityKind;
use crate::input::id::{GroupId, IdentityId, PersonId, Subject};
use crate::snapshot::model::Status;

/// A person who may decide, as listed in `people.yaml`.
#[derive(Clone, Debug)]
pub struct Approver {
    /// The person.
    pub person: PersonId,
    /// All identities of that person, in any system.
    pub identities: BTreeSet<IdentityId>,
    /// Groups of the source systems that `people.yaml` lists for that person. They exclude the person even if the
    /// group's members are not in the snapshot.
    pub groups: BTreeSet<GroupId>,
}

/// Why a person cannot approve a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bar {
    /// The author of the plan is not proven, so no one can approve any of it.
    Unproven,
    /// The key with which the proposer proved the plan belongs to the person.
    ProposersKey,
    /// A principal of the proposer's certificate or token belongs to the person.
    ProposersPrincipal,
    /// One of the person's identities proposed the plan.
    OwnProposal,
    /// One of the person's identities gains access.
    Gains(IdentityId),
    /// A group that the person belongs to gains access.
    GainsThroughGroup(GroupId),
    /// A non-human identity that the person owns gains access.
    GainsThroughOwned(IdentityId),
    /// A group with a member that is a non-human identity of the person gains access.
    GainsThroughOwnedIn(IdentityId, GroupId),
    /// One of the person's identities is not human.
    NotHuman(IdentityId),
    /// One of the person's identities is disabled.
    Disabled(IdentityId),
}

/// All reasons that exclude a person from approving a change; empty if there are none.
#[must_use]
pub fn bars(approver: &Approver, proposer: &IdentityId, facts: &ChangeFacts, analysis: &Analysis) -> BTreeSet<Bar> {
    let mut found = BTreeSet::new();
    if approver.identities.contains(proposer) {
        found.insert(Bar::OwnProposal);
    }
    let views = Views { facts, analysis };
    for id in &approver.identities {
        for view in views.of(id) {
            if view.kind != IdentityKind::Human {
                found.insert(Bar::NotHuman(id.clone()));
            }
            if view.status == Status::Disabled {
                found.insert(Bar::Disabled(id.clone()));
            }
        }
    }
    let own_groups = views.groups_of_person(approver);
    let owned = views.owned_by(approver);
    for subject in gaining(facts, analysis) {
        match subject {
            Subject::Identity(id) if approver.identities.contains(id) => {
                found.insert(Bar::Gains(id.clone()));
            }
            Subject::Identity(id) if owned.contains(id) => {
                found.insert(Bar::GainsThroughOwned(id.clone()));
            }
            Subject::Identity(_) => {}
            Subject::Group(group) => {
                if own_groups.contains(group) {
                    found.insert(Bar::GainsThroughGroup(group.clone()));
                }
                for id in &owned {
                    if views.of(id).any(|view| view.groups.contains(group)) {
                        found.insert(Bar::GainsThroughOwnedIn((*id).clone(), group.clone()));
                    }
                }
            }
        }
    }
    found
}

/// Every subject that gains access by a change or is a receiver: now, eligible, or together with other changes of the
/// plan.
fn gaining<'a>(facts: &'a ChangeFacts, analysis: &'a Analysis) -> BTreeSet<&'a Subject> {
    let completes = facts.escalations.iter().map(|e| &e.subject);
    let listed: BTreeSet<usize> = facts.emergent.iter().copied().collect();
    let together = analysis
        .emergent
        .iter()
        .enumerate()
        .filter(|(at, e)| listed.contains(at) || e.members.contains(&facts.id))
        .map(|(_, e)| match &e.what {
            EmergentWhat::Access(piece) | EmergentWhat::Loss(piece) => &piece.subject,
            EmergentWhat::Escalation(escalation) => &escalation.subject,
            EmergentWhat::Sod(conflict) => &conflict.subject,
        });
    facts.gaining().chain(completes).chain(together).collect()
}

/// The known facts about identities, before the plan and around the change.
struct Views<'a> {
    facts: &'a ChangeFacts,
    analysis: &'a Analysis,
}

impl<'a> Views<'a> {
    fn of(&self, id: &IdentityId) -> impl Iterator<Item = &'a IdentityView> + use<'a> {
        let (before, around) = (&self.analysis.before, &self.facts.around);
        let whole = &self.analysis.around;
        [before.identities.get(id), around.identities.get(id), whole.identities.get(id)].into_iter().flatten()
    }

    /// Groups that any identity of the person belongs to, before or after, including indirectly.
    fn groups_of_person(&self, approver: &Approver) -> BTreeSet<GroupId> {
        let mut groups = approver.groups.clone();
        for id in &approver.identities {
            groups.extend(self.of(id).flat_map(|view| view.groups.iter().cloned()));
        }
        for listed in &approver.groups {
            for around in [&self.analysis.before, &self.facts.around, &self.analysis.around] {
                if let Some(view) = around.groups.get(listed) {
                    groups.extend(view.groups.iter().cloned());
                }
            }
        }
        groups
    }

    /// Non-human identities owned by the person, directly or through an identity that the person owns.
    fn owned_by(&self, approver: &Approver) -> BTreeSet<&'a IdentityId> {
        let all = [&self.analysis.before, &self.facts.around, &self.analysis.around];
        let pairs: Vec<(&'a IdentityId, &'a IdentityId)> = all
            .into_iter()
            .flat_map(|around| &around.identities)
            .filter(|(_, view)| view.kind != IdentityKind::Human)
            .filter_map(|(id, view)| view.owner.as_ref().map(|owner| (id, owner)))
            .collect();
        let mut owned: BTreeSet<&'a IdentityId> = BTreeSet::new();
        loop {
            let before = owned.len();
            for (id, owner) in &pairs {
                if approver.identities.contains(*owner) || owned.contains(owner) {
                    owned.insert(id);
                }
            }
            if owned.len() == before {
                return owned;
            }
        }
    }
}

#[cfg(test)]
#[path = "bars_tests.rs"]
mod tests;
