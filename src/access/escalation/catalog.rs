//! The catalogue of escalation paths: known ways from small permissions to large ones, as data.
//!
//! Reads the files of `escalations/`: what must be held, on which objects of the snapshot, and what these must be. Each
//! requirement lists the verbs and resources that are as good as each other, so one path is one entry.
//! [`crate::access::escalation::matches`] computes who completes one.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

use crate::access::graph::trust_rules::Template;
use crate::input::finding::{Code, Finding};
use crate::input::id::ResourceId;
use crate::input::place::Place;
use crate::input::system::System;
use crate::input::text::Text;

/// The form of a file of `escalations/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EscalationFile {
    #[serde(default)]
    pub(crate) paths: Vec<EscalationPath>,
    /// What services do under roles that are passed to them.
    #[serde(default)]
    pub(crate) services: Vec<Service>,
}

/// What a service runs under a role that is passed to it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its names, as trust policies write them without the domain: `lambda`, `ecs-tasks`.
    #[serde(deserialize_with = "one_or_many")]
    pub names: Vec<Text>,
    /// Where it is documented.
    pub source: Text,
    /// Ways to run something: each is a list of requirements that must all be held. None: the service runs nothing for
    /// whoever passes it a role.
    #[serde(default)]
    pub runs: Vec<Vec<PathRequirement>>,
}

/// One known path.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalationPath {
    /// Its stable name.
    pub id: Text,
    /// What it leads to, one sentence.
    pub title: Text,
    /// The same, where the names allowed are not limited; none: as `title`.
    #[serde(default)]
    pub any: Option<Text>,
    /// Where it is documented.
    pub source: Text,
    /// The source system; none: any.
    #[serde(default)]
    pub system: Option<System>,
    /// All of these must be held.
    pub requires: Vec<PathRequirement>,
    /// Whether all of it must be held in one place.
    #[serde(default)]
    pub same_scope: bool,
    /// It means something only where the snapshot holds a role that is called like one of these.
    #[serde(default, deserialize_with = "one_or_many")]
    pub only_with: Vec<Text>,
    /// What the variables must be.
    #[serde(default)]
    pub exists: Vec<Exists>,
    /// What services run, for `runs_as`: of all files.
    #[serde(skip)]
    pub services: Arc<[Service]>,
}

/// One thing that must be held: one of the actions on one of the resources, or what takes its place.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathRequirement {
    /// The action patterns, of which one must be held.
    #[serde(default, deserialize_with = "one_or_many")]
    pub action: Vec<Text>,
    /// The resource patterns, of which one must be held; `$name` stands for an object of the snapshot, `$name_account` for
    /// the account in its name.
    #[serde(default, deserialize_with = "one_or_many")]
    pub resource: Vec<Text>,
    /// The scope it must be held in, which may use the same names; none: in any.
    #[serde(default)]
    pub scope: Option<Text>,
    /// What makes a trust rule of the snapshot hold that is called so is enough as well.
    #[serde(default, deserialize_with = "one_or_many")]
    pub via: Vec<Text>,
    /// A variable: what a service that the object lets in needs to run something under it, by the list of services.
    #[serde(default)]
    pub runs_as: Option<String>,
}

impl PathRequirement {
    /// Each action with each resource.
    pub(crate) fn alternatives(&self) -> impl Iterator<Item = (&Text, &Text)> {
        self.action.iter().flat_map(|action| self.resource.iter().map(move |resource| (action, resource)))
    }
}

/// What a variable must stand for: all that is said here must be true of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exists {
    /// The variable, without `$`.
    pub variable: String,
    /// The kind of object.
    #[serde(default)]
    pub kind: ObjectKind,
    /// Its name matches one of these patterns.
    #[serde(default, deserialize_with = "one_or_many")]
    pub name: Vec<Text>,
    /// Its name does not match this pattern.
    #[serde(default)]
    pub not_name: Option<String>,
    /// Some trust lets who matches one of these patterns act as it.
    #[serde(default, deserialize_with = "one_or_many")]
    pub trusts: Vec<Text>,
    /// What it is to whoever completes the path.
    #[serde(default)]
    pub relation: Option<Relation>,
    /// A role that what this variable stands for holds by an assignment of its own.
    #[serde(default)]
    pub held_by: Option<String>,
    /// It holds, itself, an access that covers this.
    #[serde(default)]
    pub holds: Option<PathRequirement>,
    /// The variable stands for a name that what is held allows, not for an object of the snapshot. The object of that name,
    /// if there is one, is called like this template.
    #[serde(default)]
    pub named: Option<Text>,
    /// It gives something that whoever completes the path does not hold.
    #[serde(default)]
    pub gives_more: bool,
    /// A limit of this name bounds it.
    #[serde(default)]
    pub limited_by: Option<Text>,
}

/// A text, or a list of them.
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

/// What an object is to whoever completes a path: to the subject, or to one that it can act as ("actors").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// It is an actor.
    Actor,
    /// An identity that is no actor.
    Other,
    /// An actor that is not the subject itself.
    Assumable,
    /// A group that an actor belongs to.
    GroupOfActor,
    /// A group that no actor belongs to.
    GroupNotOfActor,
    /// A role that an actor holds.
    HeldByActor,
}

/// A kind of object of the snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// Any of the others.
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

/// The variable that a name in a template stands for: `$role_account` is a part of `$role`.
pub(crate) fn variable_of(name: &str) -> &str {
    name.strip_suffix(ACCOUNT).unwrap_or(name)
}

/// What the name of a variable ends with that stands for the account of an object.
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

    /// Whether some variable stands for an object of the snapshot.
    pub(crate) fn has_objects(&self) -> bool {
        self.variables().iter().any(|name| !self.is_named(name))
    }

    /// Whether a variable stands for a name that what is held allows.
    pub(crate) fn is_named(&self, variable: &str) -> bool {
        self.exists.iter().any(|e| e.variable == variable && e.named.is_some())
    }

    /// Whether a name that it uses may mean one of these roles, which must then give something.
    pub(crate) fn asks_what_role_gives(&self, role: &str) -> bool {
        let mut named = self.exists.iter().filter(|e| e.gives_more && e.kind == ObjectKind::Role);
        named.any(|e| e.named.as_ref().is_some_and(|t| Template::new(t.raw()).matches(role).is_some()))
    }

    /// The places that it names as they are.
    pub(crate) fn places(&self) -> impl Iterator<Item = ResourceId> {
        let scopes = self.requires.iter().filter_map(|asked| asked.scope.as_ref());
        scopes.filter(|scope| Template::new(scope.raw()).variables().next().is_none()).map(|scope| scope.raw().into())
    }

    /// Whether it asks what an object holds, or who holds it: an assignment of one may complete it for another.
    pub(crate) fn looks_at_holders(&self) -> bool {
        self.exists.iter().any(|e| {
            let gives = e.gives_more && e.named.is_none();
            e.held_by.is_some() || e.holds.is_some() || gives
        })
    }

    /// What is wrong with the path itself.
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
            fault("requires nothing".to_owned(), "list what must be held: an `action` and a `resource`");
        }
        let variables = self.variables();
        for exists in &self.exists {
            if let Some(other) = exists.held_by.as_ref().filter(|other| !variables.contains(*other)) {
                fault(
                    format!("says that `{}` is held by `{other}`, which it does not use", exists.variable),
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
        assert!(read(&unused).unwrap_err()[0].message.raw().contains("held by `y`"));
        assert!(read(&unused.replace("held_by: y", "relation: friend")).is_err(), "an unknown relation is refused");
        assert!(read(&unused.replace("held_by: y", "relation: actor")).is_ok());
    }
}
