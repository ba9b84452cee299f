//! Two plans that concern the same object.
//!
//! Finds the changes of a plan whose object a change of another open plan has as well. Each plan is decided by its own
//! facts, so an earlier effect of the other plan is not taken into account.

use std::collections::BTreeMap;

use crate::input::id::{ChangeId, Id, PlanId};
use crate::input::place::Place;
use crate::plan::model::{Action, AssignmentChange, Owned, Plan, Target};

/// A change whose object a change of another plan has too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The change.
    pub change: ChangeId,
    /// Its location.
    pub place: Place,
    /// The other plan.
    pub other_plan: PlanId,
    /// The change of the other plan.
    pub other_change: ChangeId,
    /// The file of the other plan.
    pub other_file: String,
}

/// The kind and the name of an object.
type Thing = (&'static str, Vec<String>);

/// The object of a change: a whole object, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct About {
    thing: Thing,
    part: Option<Vec<String>>,
}

impl About {
    fn meets(&self, other: &Self) -> bool {
        self.thing == other.thing && (self.part.is_none() || other.part.is_none() || self.part == other.part)
    }
}

/// The changes of a plan whose object a change of another plan has too, each with the first such change.
pub fn overlaps<'p>(plan: &Plan, others: impl Iterator<Item = &'p Plan>) -> Vec<Overlap> {
    let mut known: BTreeMap<Thing, Vec<(About, &Plan, &ChangeId)>> = BTreeMap::new();
    for other in others.filter(|other| other.id.value != plan.id.value) {
        for change in &other.changes {
            let about = about(&change.action);
            known.entry(about.thing.clone()).or_default().push((about, other, &change.id.value));
        }
    }
    let mut found = Vec::new();
    for change in &plan.changes {
        let mine = about(&change.action);
        let first = known.get(&mine.thing).into_iter().flatten().find(|(theirs, ..)| mine.meets(theirs));
        if let Some((_, other, other_change)) = first {
            found.push(Overlap {
                change: change.id.value.clone(),
                place: change.action_place.clone(),
                other_plan: other.id.value.clone(),
                other_change: (*other_change).clone(),
                other_file: other.id.place.file.as_ref().to_owned(),
            });
        }
    }
    found
}

fn about(action: &Action) -> About {
    let whole = |kind, id: &str| About { thing: (kind, vec![id.to_owned()]), part: None };
    let part = |kind, id: &str, part: Vec<String>| About { thing: (kind, vec![id.to_owned()]), part: Some(part) };
    match action {
        Action::Grant(change) | Action::Revoke(change) | Action::Adjust(change) => assignment(change),
        Action::CreateRole(definition) | Action::SetRole(definition) => whole("role", definition.role.value.as_str()),
        Action::DeleteRole(role) => whole("role", role.value.as_str()),
        Action::AddPermission(role, permission) | Action::RemovePermission(role, permission) => {
            let permission = &permission.value;
            let words = [permission.action.raw(), permission.resource.raw()];
            part("role", role.value.as_str(), words.map(str::to_owned).to_vec())
        }
        Action::AddInclude(role, include) | Action::RemoveInclude(role, include) => {
            part("role", role.value.as_str(), vec![include.value.as_str().to_owned()])
        }
        Action::CreateGroup(d) => whole("group", d.group.value.as_str()),
        Action::DeleteGroup(group) => whole("group", group.value.as_str()),
        Action::CreateIdentity(identity, ..) | Action::DisableIdentity(identity) | Action::DeleteIdentity(identity) => {
            whole("identity", identity.value.as_str())
        }
        Action::SetOwner(thing, _) => {
            let owner = vec!["owner".to_owned()];
            match thing {
                Owned::Identity(id) => part("identity", id.value.as_str(), owner),
                Owned::Group(id) => part("group", id.value.as_str(), owner),
                Owned::Role(id) => part("role", id.value.as_str(), owner),
                Owned::Resource(id) => part("resource", id.value.as_str(), owner),
            }
        }
        Action::CreateResource(resource, ..) | Action::DeleteResource(resource) => {
            whole("resource", resource.value.as_str())
        }
        Action::AddTrust(trust) => whole("trust", trust.trust.value.as_str()),
        Action::RemoveTrust(trust) => whole("trust", trust.value.as_str()),
        Action::IssueCredential(issue) => whole("credential", issue.credential.value.as_str()),
        Action::RotateCredential(credential, ..) | Action::RevokeCredential(credential) => {
            whole("credential", credential.value.as_str())
        }
        Action::SuppressFinding(alert) => whole("finding", alert.value.as_str()),
    }
}

fn assignment(change: &AssignmentChange) -> About {
    let (kind, target) = match &change.target {
        Target::Role(role) => ("role", role.value.as_str()),
        Target::MemberOf(group) => ("member_of", group.value.as_str()),
    };
    let scope = change.scope.as_ref().map_or("", |scope| Id::as_str(&scope.value));
    let words = [change.to.value.raw(), kind, target, scope];
    About { thing: ("assignment", words.map(str::to_owned).to_vec()), part: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(id: &str, changes: &str) -> Plan {
        let text =
            format!("version: 1\nid: {id}\nproposer: a\nintent: i\nexpires: 2126-01-01T00:00:00Z\nchanges:\n{changes}");
        crate::plan::read(&format!("{id}.yaml"), text.as_bytes()).unwrap()
    }

    fn met(one: &str, two: &str) -> Vec<(String, String)> {
        let (one, two) = (plan("P-1", one), plan("P-2", two));
        let found = overlaps(&two, std::iter::once(&one));
        found.iter().map(|o| (o.change.as_str().to_owned(), o.other_change.as_str().to_owned())).collect()
    }

    const GRANT: &str =
        "  - {id: c1, action: grant, to: \"user:x\", role: r, scope: s, mode: active, ttl: 1h, reason: why}\n";

    #[test]
    fn one_assignment_in_two_plans_meets_whatever_is_done_with_it() {
        let pair = [("c9".to_owned(), "c1".to_owned())];
        let revoke = "  - {id: c9, action: revoke, to: \"user:x\", role: r, scope: s, reason: why}\n";
        assert_eq!(met(GRANT, revoke), pair);
        let longer = GRANT.replace("c1", "c9").replace("1h", "2h");
        assert_eq!(met(GRANT, &longer), pair);
        assert!(met(GRANT, &longer.replace("scope: s, ", "")).is_empty());
        assert!(met(GRANT, &longer.replace("user:x", "user:z")).is_empty());
        assert!(met(GRANT, &longer.replace("role: r", "member_of: r")).is_empty());
    }

    #[test]
    fn a_whole_role_meets_its_parts_and_two_parts_meet_if_they_are_the_same() {
        let part = |action: &str| {
            format!(
                "  - {{id: c1, action: add_permission, role: r, permission: {{action: {action}, resource: \"*\"}}, reason: why}}\n"
            )
        };
        let whole = "  - {id: c1, action: delete_role, role: r, reason: why}\n";
        assert_eq!(met(&part("get"), whole).len(), 1);
        assert_eq!(met(&part("get"), &part("get")).len(), 1);
        assert!(met(&part("get"), &part("put")).is_empty());
        assert!(met(&part("get"), &whole.replace("role: r", "role: q")).is_empty());
    }

    #[test]
    fn a_plan_never_meets_itself() {
        let one = plan("P-1", GRANT);
        assert!(overlaps(&one, std::iter::once(&one)).is_empty());
    }
}
