//! Ids in the trust files that are not in the export and look misspelt.
//!
//! Compares `people.yaml` and `agents.yaml` with the names of the export and returns warnings with their locations. An
//! id that is merely not in the export is normal, because a person has identities in many systems. The warnings have no
//! effect on decisions.

use std::collections::BTreeSet;

use crate::config::{Agents, People};
use crate::input::finding::{Code, Finding};
use crate::input::nearest::nearest;
use crate::input::place::Place;
use crate::snapshot::model::Snapshot;

/// Identities and groups of `people.yaml` that the export lacks, if it has one of almost the same name that belongs to
/// no one. WHY: if a person's own identity is misspelt, a gain of that person is not detected. The last `added`
/// identities of the snapshot came from the trust files.
#[must_use]
pub fn slips(people: &People, agents: &Agents, snapshot: &Snapshot, added: usize) -> Vec<Finding> {
    let own = snapshot.identities.len().saturating_sub(added);
    let held: BTreeSet<&str> = snapshot.identities.iter().take(own).map(|identity| identity.id.as_str()).collect();
    let groups: BTreeSet<&str> = snapshot.groups.iter().map(|group| group.id.as_str()).collect();
    let of_people = || people.all().iter().flat_map(|person| &person.identities);
    let claimed: BTreeSet<&str> = of_people()
        .map(|identity| identity.value.as_str())
        .chain(agents.all().iter().map(|agent| agent.id.value.as_str()))
        .collect();
    let identities = of_people().filter(|identity| !held.contains(identity.value.as_str())).filter_map(|identity| {
        let free = held.iter().copied().filter(|name| !claimed.contains(name));
        let near = near(identity.value.as_str(), free)?;
        Some(slip("identity", identity.value.as_str(), near, &identity.place))
    });
    let named = people.named_groups().filter(|group| !groups.contains(group.value.as_str())).filter_map(|group| {
        let near = near(group.value.as_str(), groups.iter().copied())?;
        Some(slip("group", group.value.as_str(), near, &group.place))
    });
    identities.chain(named).collect()
}

/// The name that differs by a typing error in its last part only; the part before it, such as `user:`, must be equal.
fn near<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (front, last) = split(name);
    let alike: Vec<&str> = known.filter(|other| split(other).0 == front).collect();
    let found = nearest(last, alike.iter().map(|other| split(other).1))?;
    alike.into_iter().find(|other| split(other).1 == found)
}

fn split(name: &str) -> (&str, &str) {
    name.rfind([':', '/']).and_then(|at| name.split_at_checked(at)).unwrap_or(("", name))
}

fn slip(what: &str, name: &str, near: &str, place: &Place) -> Finding {
    let message = format!("the snapshot has no {what} `{name}`, but it has `{near}`, which is not in people.yaml");
    Finding::new(Code::DanglingReference, message)
        .at(place)
        .help(format!("write `{near}`, if that is what you mean; otherwise it is not noticed when this person benefits from what they approve"))
}
