//! Escalation paths: known ways from small permissions to large ones, as data.
//!
//! In: files of `escalations/`. Out: paths: what must be held, on which objects of the snapshot, and what these must be.
//! [`crate::access::escalation::matches`] tells who completes one. Never judges whether a completion is wanted.

use std::collections::BTreeSet;

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
    pub(crate) paths: Vec<EscalationPath>,
}

/// One known path.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalationPath {
    /// Its stable name.
    pub id: Text,
    /// What it leads to, one sentence.
    pub title: Text,
    /// Where it is documented.
    pub source: Text,
    /// The source system; none: any.
    #[serde(default)]
    pub system: Option<System>,
    /// All of these must be held.
    pub requires: Vec<PathRequirement>,
    /// What the variables must be.
    #[serde(default)]
    pub exists: Vec<Exists>,
}

/// One thing that must be held.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathRequirement {
    /// The action pattern.
    pub action: Text,
    /// The resource pattern; `$name` stands for an object of the snapshot.
    pub resource: Text,
    /// The scope it must be held in, which may use the same names; none: in any.
    #[serde(default)]
    pub scope: Option<Text>,
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
    /// Its name matches this pattern.
    #[serde(default)]
    pub name: Option<String>,
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

impl EscalationPath {
    /// The names of its variables, sorted.
    pub(crate) fn variables(&self) -> BTreeSet<String> {
        let texts = self.requires.iter().flat_map(|r| [Some(&r.resource), r.scope.as_ref()]).flatten();
        let in_requires = texts.flat_map(|t| Template::new(t.raw()).variables().map(str::to_owned).collect::<Vec<_>>());
        in_requires.chain(self.exists.iter().map(|e| e.variable.clone())).collect()
    }

    /// The places that it names as they are.
    pub(crate) fn places(&self) -> impl Iterator<Item = ResourceId> {
        let scopes = self.requires.iter().filter_map(|asked| asked.scope.as_ref());
        scopes.filter(|scope| Template::new(scope.raw()).variables().next().is_none()).map(|scope| scope.raw().into())
    }

    /// Whether it asks what an object holds, or who holds it: an assignment of one may complete it for another.
    pub(crate) fn looks_at_holders(&self) -> bool {
        self.exists.iter().any(|e| e.held_by.is_some() || e.holds.is_some())
    }

    /// What is wrong with the path itself.
    pub(crate) fn faults(&self, place: &Place) -> Vec<Finding> {
        let mut faults = Vec::new();
        let mut fault = |what: String, help: &'static str| {
            let message = format!("escalation path `{}` {what}", self.id.raw());
            faults.push(Finding::new(Code::BadConfiguration, message).at(place).help(help));
        };
        if self.requires.is_empty() {
            fault("requires nothing".to_owned(), "list what must be held");
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
