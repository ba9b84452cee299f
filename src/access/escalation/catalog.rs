//! The catalogue of escalation paths: known ways to turn limited permissions into powerful ones, as data.
//!
//! Reads the files of `escalations/`: the requirements of each path, the objects of the snapshot that they apply to,
//! and the properties of these objects. Each requirement lists equivalent verbs and resources, so one path is one
//! entry. [`crate::access::escalation::matches`] computes which subjects complete a path.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::access::graph::trust_rules::Template;
use crate::input::finding::{Code, Finding};
use crate::input::id::ResourceId;
use crate::input::place::Place;
use crate::input::system::System;
use crate::input::text::Text;

/// The format of a file of `escalations/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EscalationFile {
    #[serde(default)]
    pub(crate) paths: Vec<EscalationPath>,
    /// The services that run something under a role passed to them.
    #[serde(default)]
    pub(crate) services: Vec<Service>,
}

/// A service that runs something under a role passed to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its names as in trust policies, without the domain: `lambda`, `ecs-tasks`.
    #[serde(deserialize_with = "one_or_many")]
    pub names: Vec<Text>,
    /// The documentation of this behaviour.
    pub source: Text,
    /// Alternative ways to run something, each a list of requirements that must all be satisfied. Empty: the service
    /// runs nothing for the subject that passes it a role.
    #[serde(default)]
    pub runs: Vec<Vec<PathRequirement>>,
}

/// A known escalation path.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalationPath {
    /// Its stable id.
    pub id: Text,
    /// What the path leads to, in one sentence.
    pub title: Text,
    /// The title if the names allowed are not limited; `None`: same as `title`.
    #[serde(default)]
    pub any: Option<Text>,
    /// The documentation of the path.
    pub source: Text,
    /// The source system; `None`: any.
    #[serde(default)]
    pub system: Option<System>,
    /// Requirements that must all be satisfied.
    pub requires: Vec<PathRequirement>,
    /// Whether all requirements must be satisfied at one scope.
    #[serde(default)]
    pub same_scope: bool,
    /// The path applies only if the snapshot has a role with one of these names.
    #[serde(default, deserialize_with = "one_or_many")]
    pub only_with: Vec<Text>,
    /// Conditions on the variables.
    #[serde(default)]
    pub exists: Vec<Exists>,
    /// The services of all files, for `runs_as`.
    #[serde(skip)]
    pub services: Arc<[Service]>,
}

/// One requirement: one of the actions on one of the resources, or an alternative to it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathRequirement {
    /// Action patterns, of which one must be held.
    #[serde(default, deserialize_with = "one_or_many")]
    pub action: Vec<Text>,
    /// Resource patterns, of which one must be held. `$name` is an object of the snapshot, `$name_account` the account
    /// in its name.
    #[serde(default, deserialize_with = "one_or_many")]
    pub resource: Vec<Text>,
    /// The scope in which it must be held, which may use the same variables; `None`: any.
    #[serde(default)]
    pub scope: Option<Text>,
    /// Trust rules of the snapshot with one of these names: access that satisfies such a rule is sufficient too.
    #[serde(default, deserialize_with = "one_or_many")]
    pub via: Vec<Text>,
    /// A variable: the access that a service trusted by this object needs to run something under it, by the list of
    /// services.
    #[serde(default)]
    pub runs_as: Option<String>,
}

impl PathRequirement {
    /// Each combination of an action and a resource.
    pub(crate) fn alternatives(&self) -> impl Iterator<Item = (&Text, &Text)> {
        self.action.iter().flat_map(|action| self.resource.iter().map(move |resource| (action, resource)))
    }
}

/// A condition on a variable. All fields must match.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exists {
    /// The variable, without `$`.
    pub variable: String,
    /// The kind of object.
    #[serde(default)]
    pub kind: ObjectKind,
    /// Patterns, of which its name must match one.
    #[serde(default, deserialize_with = "one_or_many")]
    pub name: Vec<Text>,
    /// A pattern that its name must not match.
    #[serde(default)]
    pub not_name: Option<String>,
    /// Patterns of principals, of which some trust must allow one to act as the object.
    #[serde(default, deserialize_with = "one_or_many")]
    pub trusts: Vec<Text>,
    /// Its relation to the subject that completes the path.
    #[serde(default)]
    pub relation: Option<Relation>,
    /// A role that the value of this variable holds by an assignment of its own.
    #[serde(default)]
    pub held_by: Option<String>,
    /// An access that the object itself must have.
    #[serde(default)]
    pub holds: Option<PathRequirement>,
    /// The variable is a name that a held access allows, not an object of the snapshot. This template gives the name of
    /// the object with that name, if there is one.
    #[serde(default)]
    pub named: Option<Text>,
    /// It must give access that the subject completing the path does not have.
    #[serde(default)]
    pub gives_more: bool,
    /// The name of a boundary that must limit it.
    #[serde(default)]
    pub limited_by: Option<Text>,
}

/// Deserialises a text, or a list of texts.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Text>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(Text),
        Many(Vec<Text>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(list) => list,
    })
}

/// The relation of an object to the subject that completes a path. "Actors" are the subject and the identities it can
/// act as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// The object is an actor.
    Actor,
    /// The object is an identity that is not an actor.
    Other,
    /// The object is an actor other than the subject itself.
    Assumable,
    /// The object is a group that an actor belongs to.
    GroupOfActor,
    /// The object is a group that no actor belongs to.
    GroupNotOfActor,
    /// The object is a role that an actor has.
    HeldByActor,
}

/// A kind of object of the snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// Any of the kinds below.
    #[default]
    Any,
    /// An identity.
    Identity,
    /// A group.
    Group,
    /// A role.
    Role,
    /// A resource.
    Resource,
}

/// The variable of a name in a template: `$role_account` is a part of `$role`.
pub(crate) fn variable_of(name: &str) -> &str {
    name.strip_suffix(ACCOUNT).unwrap_or(name)
}

/// The suffix of a variable for the account of an object.
pub(crate) const ACCOUNT: &str = "_account";

impl EscalationPath {
    /// The names of its variables, sorted.
    pub(crate) fn variables(&self) -> BTreeSet<String> {
        let texts = self.requires.iter().flat_map(|r| r.resource.iter().chain(&r.scope));
        let names =
            |t: &Text| Template::new(t.raw()).variables().map(|n| variable_of(n).to_owned()).collect::<Vec<_>>();
        let in_requires = texts.flat_map(names).chain(self.requires.iter().filter_map(|r| r.runs_as.clone()));
        in_requires.chain(self.exists.iter().map(|e| e.variable.clone())).collect()
    }

    /// Whether any variable matches objects of the snapshot.
    pub(crate) fn has_objects(&self) -> bool {
        self.variables().iter().any(|name| !self.is_named(name))
    }

    /// Whether a variable is a name that a held access allows.
    pub(crate) fn is_named(&self, variable: &str) -> bool {
        self.exists.iter().any(|e| e.variable == variable && e.named.is_some())
    }

    /// Whether the path requires one of its roles to give access, and a variable can match this role.
    pub(crate) fn asks_what_role_gives(&self, role: &str) -> bool {
        let mut named = self.exists.iter().filter(|e| e.gives_more && e.kind == ObjectKind::Role);
        named.any(|e| e.named.as_ref().is_some_and(|t| Template::new(t.raw()).matches(role).is_some()))
    }

    /// The resources that it names literally.
    pub(crate) fn places(&self) -> impl Iterator<Item = ResourceId> {
        let scopes = self.requires.iter().filter_map(|asked| asked.scope.as_ref());
        scopes.filter(|scope| Template::new(scope.raw()).variables().next().is_none()).map(|scope| scope.raw().into())
    }

    /// Whether it depends on the holdings of an object, or on the holders of one. An assignment of one subject may then
    /// complete the path for another.
    pub(crate) fn looks_at_holders(&self) -> bool {
        self.exists.iter().any(|e| {
            let gives = e.gives_more && e.named.is_none();
            e.held_by.is_some() || e.holds.is_some() || gives
        })
    }

    /// The faults in the definition of the path.
    pub(crate) fn faults(&self, place: &Place) -> Vec<Finding> {
        let mut faults = Vec::new();
        let mut fault = |what: String, help: &'static str| {
            let message = format!("escalation path `{}` {what}", self.id.raw());
            faults.push(Finding::new(Code::BadConfiguration, message).at(place).help(help));
        };
        let is_empty = |r: &PathRequirement| {
            let asks = !r.action.is_empty() && !r.resource.is_empty();
            !asks && r.via.is_empty() && r.runs_as.is_none()
        };
        if self.requires.is_empty() || self.requires.iter().any(is_empty) {
            fault("requires nothing".to_owned(), "list the required permissions, each an `action` and a `resource`");
        }
        let variables = self.variables();
        for exists in &self.exists {
            if let Some(other) = exists.held_by.as_ref().filter(|other| !variables.contains(*other)) {
                fault(
                    format!("says that `{}` is a permission of `{other}`, which it does not use", exists.variable),
                    "name a variable of the path",
                );
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use crate::access::Data;

    #[test]
    fn a_path_that_makes_no_sense_is_refused_with_its_name() {
        let read = |text: &str| Data::read([("escalations/x.yaml", text.as_bytes())]);
        let head = "paths:\n  - id: p\n    title: t\n    source: https://example.org\n";
        let nothing = read(&format!("{head}    requires: []\n")).unwrap_err();
        assert!(nothing[0].message.raw().contains("`p` requires nothing"), "{nothing:?}");
        let unused = format!(
            "{head}    requires: [{{action: a, resource: \"$x\"}}]\n    exists: [{{variable: x, held_by: y}}]\n"
        );
        assert!(read(&unused).unwrap_err()[0].message.raw().contains("a permission of `y`"));
        assert!(read(&unused.replace("held_by: y", "relation: friend")).is_err(), "an unknown relation is refused");
        assert!(read(&unused.replace("held_by: y", "relation: actor")).is_ok());
    }
}
