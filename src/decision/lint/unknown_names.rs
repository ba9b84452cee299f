//! Unknown names in policies and tasks, which make a policy or scope never apply.
//!
//! Compares the literals of a site's policies, and the scopes, owners and sponsors of its tasks, with the snapshot and the other
//! trust files, and suggests the nearest known name. Cost: linear in the known names, once per unknown name.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Agents, People, Person, Tasks};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::Id;
use crate::input::nearest::nearest;
use crate::input::place::{Place, Placed};
use crate::policy::literals::{Literal, literals};
use crate::policy::{Pack, entity_name};
use crate::snapshot::model::Snapshot;

/// The maximum number of unknown names per file for which the nearest known name is searched.
const MOST_NEAREST: usize = 24;

/// All known entity names, by entity type.
type Known = BTreeMap<&'static str, BTreeSet<String>>;

/// Literals of the site's policies that match no known name.
#[must_use]
pub fn in_policies(pack: &Pack, people: &People, tasks: &Tasks, snapshot: &Snapshot) -> Vec<Finding> {
    let all = literals(pack);
    if all.is_empty() {
        return Vec::new();
    }
    let known = known(people, tasks, snapshot);
    let mut near = MOST_NEAREST;
    let found = all.iter().filter_map(|literal| unknown(literal, &known, people, &mut near));
    if !snapshot.is_estate() {
        return found.collect();
    }
    let severe = |finding: Finding| Finding { code: Code::UnresolvedLiteral, ..finding }.weighing(Severity::Error);
    found.map(severe).collect()
}

fn known(people: &People, tasks: &Tasks, snapshot: &Snapshot) -> Known {
    let person = |id: &str| people.by_identity(id).map(|person| format!("person:{}", person.id.value.as_str()));
    let identities = snapshot.identities.iter().map(|identity| identity.id.as_str());
    let people_named = people.all().iter().map(|person| format!("person:{}", person.id.value.as_str()));
    let groups = snapshot.groups.iter().map(|group| group.id.as_str());
    let listed = people.named_groups().map(|group| group.value.as_str());
    let approvers = people.groups().keys().map(|name| format!("approvers:{}", name.raw()));
    let held = &snapshot.assignments;
    let roles = snapshot.roles.iter().map(|role| role.id.as_str());
    let given = held.iter().filter_map(|a| a.role.as_ref().map(Id::as_str));
    let places = snapshot.resources.iter().map(|resource| resource.id.as_str());
    let scopes = held.iter().filter_map(|a| a.scope.as_ref().map(Id::as_str));
    BTreeMap::from([
        ("Identity", identities.map(|id| person(id).unwrap_or_else(|| entity_name(id))).chain(people_named).collect()),
        ("Group", groups.chain(listed).map(entity_name).chain(approvers).collect()),
        ("Role", roles.chain(given).map(entity_name).collect()),
        ("Resource", places.chain(scopes).map(entity_name).collect()),
        ("Task", tasks.all().iter().map(|task| task.id.value.as_str().to_owned()).collect()),
    ])
}

fn unknown(literal: &Literal<'_>, known: &Known, people: &People, near: &mut usize) -> Option<Finding> {
    let of = |kind: &Option<String>| -> Vec<&BTreeSet<String>> {
        match kind {
            Some(kind) => known.get(kind.as_str()).into_iter().collect(),
            None => known.values().collect(),
        }
    };
    let sets = of(&literal.kind);
    let text = literal.text();
    // No names are known for types that exist only during an evaluation, such as `Plan`.
    let is_known = sets.is_empty()
        || if literal.is_pattern() {
            sets.iter().any(|names| names.iter().any(|name| literal.fits(name)))
        } else {
            sets.iter().any(|names| names.contains(&text))
        };
    if is_known {
        return None;
    }
    let kind = literal.kind.as_deref().unwrap_or("a name");
    let what = if literal.is_pattern() { "matches nothing" } else { "is not" };
    let message = format!(
        "the policy `{}` refers to {kind} `{text}`, which {what} in the snapshot or the trust files, so this condition never holds",
        literal.policy.id.as_str()
    );
    let person = people.by_identity(&text).filter(|_| literal.kind.as_deref() == Some("Identity"));
    let help = if let Some(person) = person {
        format!(
            "write `person:{}`: policies treat all identities of a person of people.yaml as one",
            person.id.value.as_str()
        )
    } else {
        let found = near_one(near, || {
            // In a merged snapshot, what is missing is often only the prefix.
            let is_it = |name: &&str| name.split_once(':').is_some_and(|(_, rest)| rest == text);
            let prefixed = sets.iter().flat_map(|names| names.iter().map(String::as_str)).find(is_it);
            if let Some(prefixed) = prefixed {
                return Some(prefixed.to_owned());
            }
            nearest(&text, sets.iter().flat_map(|names| names.iter().map(String::as_str))).map(str::to_owned)
        });
        found.filter(|_| !literal.is_pattern()).map_or_else(
            || "correct the name, or add the object to the export".to_owned(),
            |found| format!("did you mean `{found}`?"),
        )
    };
    Some(Finding::new(Code::DanglingReference, message).at(&literal.policy.place).help(help))
}

fn near_one(left: &mut usize, find: impl FnOnce() -> Option<String>) -> Option<String> {
    *left = left.checked_sub(1)?;
    find()
}

/// Ids in `same_as` that neither the export nor the trust files contain, so that they link nothing.
#[must_use]
pub fn in_same_as(people: &People, agents: &Agents, snapshot: &Snapshot) -> Vec<Finding> {
    if people.same_as().is_empty() {
        return Vec::new();
    }
    let known: BTreeSet<&str> = snapshot.identities.iter().map(|identity| identity.id.as_str()).collect();
    let mut near = MOST_NEAREST;
    let mut found = Vec::new();
    for id in people.same_as().iter().flat_map(crate::config::SameIdentity::all) {
        let name = id.value.as_str();
        if known.contains(name) || agents.get(name).is_some() {
            continue;
        }
        let close = near_one(&mut near, || nearest(name, known.iter().copied()).map(str::to_owned));
        let help = close.map_or_else(
            || "correct the id, or add the identity to the export".to_owned(),
            |close| format!("did you mean `{close}`?"),
        );
        let message = format!("`same_as` names `{name}`, which is no identity of the snapshot, so it links nothing");
        found.push(Finding::new(Code::DanglingReference, message).at(&id.place).help(help));
    }
    found
}

/// Identities and groups of people and agents that a merged snapshot has only with the prefix of a part. WHY an error: what such
/// a person or agent holds or gains would not be recognised as theirs.
#[must_use]
pub fn without_prefix(people: &People, agents: &Agents, snapshot: &Snapshot) -> Vec<Finding> {
    let prefixes: Vec<&str> = snapshot.parts.iter().filter_map(|part| Some(part.prefix.as_ref()?.raw())).collect();
    if prefixes.is_empty() {
        return Vec::new();
    }
    let identities: BTreeSet<&str> = snapshot.identities.iter().map(|identity| identity.id.as_str()).collect();
    let groups: BTreeSet<&str> = snapshot.groups.iter().map(|group| group.id.as_str()).collect();
    let meant = |name: &str, known: &BTreeSet<&str>| {
        let with_prefix =
            || prefixes.iter().map(|prefix| format!("{prefix}{name}")).find(|id| known.contains(id.as_str()));
        if known.contains(name) { None } else { with_prefix() }
    };
    let fault = |what: &str, name: &str, id: &str, place: &Place| {
        let message = format!("the {what} `{name}` is not in the merged snapshot, which has `{id}`");
        Finding::new(Code::UnresolvedLiteral, message).at(place).help(format!("write `{id}`"))
    };
    // A person may have an id from before the merge beside the one with the prefix.
    let has = |person: &Person, id: &str| person.identities.iter().any(|it| it.value.as_str() == id);
    let of_people = people.all().iter().flat_map(|person| person.identities.iter().map(move |it| (Some(person), it)));
    let of_agents = agents.all().iter().map(|agent| (None, &agent.id));
    let named = of_people.chain(of_agents).filter_map(|(person, it)| {
        let name = it.value.as_str();
        let id = meant(name, &identities).filter(|id| !person.is_some_and(|person| has(person, id)))?;
        Some(fault("identity", name, &id, &it.place))
    });
    let listed = people.named_groups().filter_map(|it| {
        let name = it.value.as_str();
        meant(name, &groups).map(|id| fault("group", name, &id, &it.place))
    });
    named.chain(listed).collect()
}

/// Scopes, owners and sponsors of tasks that the snapshot does not contain.
#[must_use]
pub fn in_tasks(people: &People, tasks: &Tasks, snapshot: &Snapshot) -> Vec<Finding> {
    let places: BTreeSet<&str> = snapshot.resources.iter().map(|resource| resource.id.as_str()).collect();
    let identities: BTreeSet<&str> = snapshot.identities.iter().map(|identity| identity.id.as_str()).collect();
    let mut near = MOST_NEAREST;
    let mut found = Vec::new();
    let mut dangling = |task: &str, what: &str, name: &str, place, known: &BTreeSet<&str>, so: &str| {
        let message = format!("the task `{task}` has the {what} `{name}`, which is not in the snapshot, so {so}");
        let close = near_one(&mut near, || nearest(name, known.iter().copied()).map(str::to_owned));
        let help = close.map_or_else(
            || format!("correct the {what}, or add it to the export"),
            |close| format!("did you mean `{close}`?"),
        );
        found.push(Finding::new(Code::DanglingReference, message).at(place).help(help));
    };
    for task in tasks.all() {
        let id = task.id.value.as_str();
        for Placed { value, place } in &task.scope {
            if !places.contains(value.as_str()) {
                dangling(id, "scope", value.as_str(), place, &places, "it covers no access");
            }
        }
        let unknown = |id: &str| !identities.contains(id) && people.by_identity(id).is_none();
        for Placed { value, place } in task.owner.iter().filter(|owner| unknown(owner.value.as_str())) {
            dangling(id, "owner", value.as_str(), place, &identities, "the task has no known owner");
        }
        for Placed { value, place } in task.sponsors.iter().filter(|sponsor| unknown(sponsor.value.as_str())) {
            dangling(id, "sponsor", value.as_str(), place, &identities, "no plan can name this sponsor");
        }
    }
    found
}
