//! What a provider of Terraform is here: a list of resource types, and how both states of them become an export.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::input::entitlement::IdentityKind;
use crate::snapshot::rebase::Exclusive;

use super::values::Side;

/// A provider of Terraform whose resources give access.
pub(super) trait Provider: Sync {
    /// The system, as importers call it.
    fn system(&self) -> &'static str;

    /// Whether it reads resources of a type.
    fn reads(&self, kind: &str) -> bool;

    /// An empty state.
    fn state(&self, context: &Context) -> Box<dyn State>;
}

/// What is known about the system from elsewhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    /// The id of the target, such as an account number.
    pub target: Option<String>,
    /// The ids of the subjects, roles and resources that the snapshot contains.
    pub ids: Vec<String>,
}

/// All resources of a provider, before or after the changes.
pub(super) trait State {
    /// Adds a resource.
    fn add(&mut self, side: &Side<'_>, outline: &mut Outline);

    /// The documents that the importer of the system reads.
    fn documents(self: Box<Self>) -> Vec<Value>;
}

/// What a resource says apart from the documents.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// Of what it decides on all holders.
    pub exclusive: Vec<Exclusive>,
    /// The ids that end with it.
    pub owned: BTreeSet<String>,
    /// The names that its changes contain, by which a change finds its resource.
    pub names: BTreeSet<String>,
    /// What it does that is not read.
    pub not_read: Vec<String>,
    /// Assignments that are made directly, without an export.
    pub assigned: Vec<Assigned>,
}

/// An assignment that is made directly, without an export.
#[derive(Clone, Debug)]
pub(super) struct Assigned {
    pub who: Assignee,
    pub what: Assignable,
    pub scope: Option<String>,
}

/// Who has an assignment.
#[derive(Clone, Debug)]
pub(super) struct Assignee {
    pub id: String,
    /// What the subject is, if the snapshot lacks it: an identity of this kind, or a group.
    pub kind: Option<IdentityKind>,
}

/// What is assigned.
#[derive(Clone, Debug)]
pub(super) enum Assignable {
    Role(String),
    Member(String),
    /// Nothing: the subject is created.
    Nothing,
}

impl Assignee {
    pub fn person(id: impl Into<String>) -> Self {
        Self { id: id.into(), kind: Some(IdentityKind::Human) }
    }

    pub fn group(id: impl Into<String>) -> Self {
        Self { id: id.into(), kind: None }
    }
}

impl Outline {
    /// Adds names that its changes contain.
    pub fn name<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        self.names.extend(names.into_iter().map(str::to_owned));
    }

    /// Adds an assignment, with its names.
    pub fn assign(&mut self, who: Assignee, what: Assignable, scope: Option<&str>) {
        self.name([who.id.as_str()]);
        match &what {
            Assignable::Role(id) | Assignable::Member(id) => self.name([id.as_str()]),
            Assignable::Nothing => {}
        }
        self.name(scope);
        self.assigned.push(Assigned { who, what, scope: scope.map(str::to_owned) });
    }

    /// Adds an id that ends with the resource.
    pub fn own(&mut self, id: &str) {
        self.owned.insert(id.to_owned());
        self.names.insert(id.to_owned());
    }
}

impl Context {
    /// The id of the snapshot that begins and ends in a certain way.
    pub fn find(&self, begin: &str, end: &str) -> Option<String> {
        self.ids.iter().find(|id| id.starts_with(begin) && id.ends_with(end)).cloned()
    }
}

/// The id of the marker of a resource: an identity that does not exist, which has what the resource decides on alone.
pub(super) fn marker(address: &str) -> String {
    format!("user:marker@{address}")
}
