//! The entity store of a query about a freeze: the person who asks, the agent, the task, and the sponsors.
//!
//! There is no plan, so nothing has a state after it. An identity has the kind, status and owner that the snapshot shows.

use std::collections::BTreeSet;

use cedar_policy::RestrictedExpression as Value;

use crate::input::entitlement::IdentityKind;
use crate::input::id::IdentityId;
use crate::policy::entities::names::{APPROVERS, PERSON, outside};
use crate::policy::entities::rows::{Attribute, Key, Row, Rows};
use crate::policy::entities::values::time;
use crate::policy::input::FreezeInput;
use crate::policy::input::PersonView;
use crate::snapshot::model::Status;

/// The rows of a query, with the keys of principal and resource.
pub(super) struct FreezeRows {
    pub(super) rows: Rows,
    pub(super) principal: Key,
    pub(super) resource: Key,
}

/// Builds the rows for a person and a freeze.
pub(super) fn rows(input: &FreezeInput<'_>, person: &PersonView) -> FreezeRows {
    let mut rows = Rows::default();
    let principal = person_row(&mut rows, input, person);
    let mut attributes = vec![("kind", word(input.kind))];
    if let Some(agent) = &input.agent {
        attributes.push(("agent", Attribute::Reference(identity(&mut rows, input, agent, true))));
    }
    if let Some(plan) = &input.plan {
        attributes.push(("plan", word(plan.as_str())));
    }
    if let Some(task) = input.task {
        let key = ("Task", task.id.as_str().to_owned());
        let mut of_task = vec![("open", Attribute::Plain(Value::new_bool(task.open)))];
        if let Some(owner) = &task.owner {
            of_task.push(("owner", Attribute::Reference(identity(&mut rows, input, owner, false))));
        }
        if let Some(until) = task.until {
            of_task.push(("until", Attribute::Plain(time(until))));
        }
        rows.insert(key.clone(), Row { attributes: of_task, ancestors: BTreeSet::new() });
        attributes.push(("task", Attribute::Reference(key)));
    }
    let sponsors = input.sponsors.iter().map(|id| identity(&mut rows, input, id, false)).collect();
    attributes.push(("sponsors", Attribute::References(sponsors)));
    let resource = ("Freeze", "freeze".to_owned());
    rows.insert(resource.clone(), Row { attributes, ancestors: BTreeSet::new() });
    FreezeRows { rows, principal, resource }
}

fn word(text: &str) -> Attribute {
    Attribute::Plain(Value::new_string(text.to_owned()))
}

fn identity(rows: &mut Rows, input: &FreezeInput<'_>, id: &IdentityId, with_owner: bool) -> Key {
    if let Some(person) = input.people.whose(id) {
        return person_row(rows, input, person);
    }
    let key = ("Identity", outside(id.as_str()));
    let known = input.identities.get(id);
    let mut attributes = vec![
        ("name", word(&key.1)),
        ("kind", word(known.map_or("unknown", |it| it.kind.name()))),
        (
            "status",
            word(match known.map(|it| it.status) {
                Some(Status::Active) => "active",
                Some(Status::Disabled) => "disabled",
                None => "unknown",
            }),
        ),
        ("privileged", Attribute::Plain(Value::new_bool(true))),
    ];
    if let Some(owner) = known.and_then(|it| it.owner.as_ref()).filter(|_| with_owner) {
        let owner = identity(rows, input, owner, false);
        attributes.push(("owner", Attribute::Reference(owner)));
    }
    // WHY not overwrite: the agent itself may own or sponsor something, and its own row has an owner.
    if with_owner || !rows.holds(&key) {
        rows.insert(key.clone(), Row { attributes, ancestors: BTreeSet::new() });
    }
    key
}

fn person_row(rows: &mut Rows, input: &FreezeInput<'_>, person: &PersonView) -> Key {
    let key = ("Identity", format!("{PERSON}{}", person.id.as_str()));
    let known: Vec<_> = person.identities.iter().filter_map(|id| input.identities.get(id)).collect();
    let is_human = known.iter().all(|it| it.kind == IdentityKind::Human);
    let is_active = known.iter().all(|it| it.status == Status::Active);
    let attributes = vec![
        ("name", word(&key.1)),
        ("kind", word(if is_human { "human" } else { "unknown" })),
        ("status", word(if is_active { "active" } else { "disabled" })),
        ("privileged", Attribute::Plain(Value::new_bool(true))),
    ];
    let mut ancestors: BTreeSet<Key> =
        person.groups.iter().map(|group| ("Group", format!("{APPROVERS}{group}"))).collect();
    ancestors.extend(person.listed_groups.iter().map(|group| ("Group", outside(group.as_str()))));
    rows.insert(key.clone(), Row { attributes, ancestors });
    key
}
