//! Who may never approve a change, whatever policy says.
//!
//! In: a person with all identities, the facts of a change, the facts of its plan. Out: the reasons that bar that person:
//! an own proposal, access that the person would gain, an identity that is disabled or not human. No policy waives them.

use std::collections::BTreeSet;

use crate::access::model::facts::{Analysis, ChangeFacts, EmergentWhat, IdentityView};
use crate::input::entitlement::IdentityKind;
use crate::input::id::{GroupId, IdentityId, PersonId, Subject};
use crate::snapshot::model::Status;

/// A person who wants to decide, as `people.yaml` lists them.
#[derive(Clone, Debug)]
pub struct Approver {
    /// The person.
    pub person: PersonId,
    /// All identities of that person, in any system.
    pub identities: BTreeSet<IdentityId>,
    /// Groups of the source systems that `people.yaml` lists for that person: they bar even where the snapshot does not
    /// know the group's members.
    pub groups: BTreeSet<GroupId>,
}

/// Why a person may not approve a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bar {
    /// Nothing good proves who wrote the plan: nobody approves any of it.
    Unproven,
    /// The key by which the proposer proved the plan is one of the person's.
    ProposersKey,
    /// A principal of the certificate or token by which the proposer proved the plan is one of the person's.
    ProposersPrincipal,
    /// One of the person's identities proposed the plan.
    OwnProposal,
    /// One of the person's identities gains.
    Gains(IdentityId),
    /// A group gains that the person belongs to.
    GainsThroughGroup(GroupId),
    /// A non-human identity gains that the person owns.
    GainsThroughOwned(IdentityId),
    /// A group gains to which a non-human identity belongs that the person owns.
    GainsThroughOwnedIn(IdentityId, GroupId),
    /// One of the person's identities is not human.
    NotHuman(IdentityId),
    /// One of the person's identities is disabled.
    Disabled(IdentityId),
}

/// Everything that bars a person from approving a change. Empty: nothing does.
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

/// Everyone who gains by a change or receives something by it: now, eligible, or together with other changes of the plan.
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

/// What is known of identities, before the plan and around the change.
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

    /// Groups that any identity of the person belongs to, before or after, and what those groups belong to.
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

    /// Non-human identities whose owner is the person, or an identity that the person owns.
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
