//! The rules of a classification, as written in files.
//!
//! Parses `classification.yaml` into rules and reports contradictions. The module `classification` applies them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::input::entitlement::Sensitivity;
use crate::input::id::ResourceId;
use crate::input::system::System;
use crate::input::text::Text;

/// The classification, in the order of its files.
#[derive(Clone, Debug, Default)]
pub struct Classification {
    /// Its rules; all that match count.
    pub rules: Vec<ClassificationRule>,
}

impl Classification {
    /// Whether there are rules specific to a system.
    #[must_use]
    pub fn knows(&self, system: &Text) -> bool {
        self.rules.iter().any(|rule| rule.system.as_ref() == Some(system) || (rule.system.is_none() && !rule.generic))
    }
}

/// The format of `classification.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClassificationFile {
    /// For a baseline: the systems with rules of their own, to which none of these applies.
    #[serde(default)]
    not_in: Option<Vec<Text>>,
    rules: Vec<ClassificationRule>,
}

/// How an access must match a rule's patterns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meets {
    /// They overlap: the access includes some of what the rule names.
    #[default]
    Overlaps,
    /// The access covers the patterns and so includes everything that the rule names. For rules about wildcards
    /// themselves.
    Covers,
}

/// Alternative patterns; empty: any.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(from = "OneOrMany")]
pub struct Patterns(Vec<Text>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(Text),
    Many(Vec<Text>),
}

impl Patterns {
    /// Each pattern; if there are none, one entry that matches anything.
    fn each(&self) -> Vec<Option<&Text>> {
        if self.0.is_empty() { vec![None] } else { self.0.iter().map(Some).collect() }
    }
}

impl From<OneOrMany> for Patterns {
    fn from(read: OneOrMany) -> Self {
        match read {
            OneOrMany::One(text) => Self(vec![text]),
            OneOrMany::Many(list) => Self(list),
        }
    }
}

/// One rule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassificationRule {
    /// The source system; `None`: any.
    #[serde(default)]
    pub system: Option<Text>,
    /// A pattern of role names. On its own, it matches the role regardless of its permissions.
    #[serde(default)]
    pub role: Option<String>,
    /// A pattern of group names. It matches membership, regardless of the group's permissions.
    #[serde(default)]
    pub group: Option<String>,
    /// The action pattern, or a list of alternatives; `None`: any.
    #[serde(default)]
    pub action: Patterns,
    /// The resource pattern, or a list of alternatives; `None`: any.
    #[serde(default)]
    pub resource: Patterns,
    /// Applies only below this resource; `None`: everywhere.
    #[serde(default)]
    pub scope: Option<ResourceId>,
    /// How an access must match the patterns.
    #[serde(default)]
    pub meets: Meets,
    /// The sensitivity.
    pub sensitivity: Sensitivity,
    /// Whether it is privileged.
    #[serde(default)]
    pub privileged: bool,
    /// The reason, as one clause.
    pub reason: Text,
    /// The documentation of the reason.
    pub source: Text,
    /// Whether it belongs to a baseline for systems without rules of their own.
    #[serde(skip)]
    pub generic: bool,
    /// The systems to which it does not apply.
    #[serde(skip)]
    not_in: Vec<Text>,
}

impl ClassificationRule {
    /// Whether it applies to a system. An object of unknown system matches the rules of all systems.
    pub(crate) fn applies_in(&self, system: Option<&System>) -> bool {
        let is_it = |name: &Text| system.is_some_and(|system| system.name() == name.raw());
        let kind = system.map(System::kind);
        let is_kind = |name: &Text| kind.as_ref().is_some_and(|kind| kind.name() == name.raw());
        self.system.as_ref().is_none_or(|name| system.is_none() || is_it(name)) && !self.not_in.iter().any(is_kind)
    }

    /// Whether it names a role or a group, and no permission.
    pub(crate) fn names_what_it_is_about(&self) -> bool {
        (self.role.is_some() || self.group.is_some()) && self.action.0.is_empty() && self.resource.0.is_empty()
    }

    /// Every action with every resource. An empty list counts as one pattern that matches anything.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (Option<&Text>, Option<&Text>)> {
        let resources = self.resource.each();
        self.action
            .each()
            .into_iter()
            .flat_map(move |action| resources.clone().into_iter().map(move |resource| (action, resource)))
    }

    /// What it applies to, in words.
    fn about(&self) -> String {
        let list = |patterns: &Patterns| match patterns.0.as_slice() {
            [] => None,
            [one] => Some(one.raw().to_owned()),
            [first, more @ ..] => Some(format!("{} and {} more", first.raw(), more.len())),
        };
        let parts = [
            ("system", self.system.as_ref().map(|t| t.raw().to_owned())),
            ("role", self.role.clone()),
            ("group", self.group.clone()),
            ("action", list(&self.action)),
            ("resource", list(&self.resource)),
            ("scope", self.scope.as_ref().map(|s| s.as_str().to_owned())),
        ];
        let said = parts.into_iter().filter_map(|(name, value)| Some(format!("{name} `{}`", value?)));
        said.collect::<Vec<_>>().join(", ")
    }
}

/// What two rules have in common if they apply to the same.
type About<'r> = (
    Option<&'r Text>,
    Option<&'r String>,
    Option<&'r String>,
    Option<&'r Text>,
    Option<&'r Text>,
    Option<&'r ResourceId>,
    Meets,
);

impl ClassificationFile {
    /// The rules, marked as baseline rules if the file says so.
    pub(crate) fn into_rules(self) -> impl Iterator<Item = ClassificationRule> {
        let (generic, not_in) = (self.not_in.is_some(), self.not_in.unwrap_or_default());
        self.rules.into_iter().map(move |rule| ClassificationRule { generic, not_in: not_in.clone(), ..rule })
    }

    /// The contradictions within or between rules of this file, each with a suggested fix.
    pub(crate) fn contradictions(&self) -> Vec<(String, &'static str)> {
        let mut found = Vec::new();
        let mut known: BTreeMap<About<'_>, &ClassificationRule> = BTreeMap::new();
        for rule in &self.rules {
            if rule.privileged && rule.sensitivity < Sensitivity::High {
                let message =
                    format!("the rule for {} is privileged and only {}", rule.about(), rule.sensitivity.name());
                found.push((message, "make it `high` or `critical`, or leave out `privileged`"));
            }
            if rule.group.is_some() && !rule.names_what_it_is_about() {
                let message =
                    format!("the rule for {} names a group together with an action or resource", rule.about());
                found.push((message, "write one rule for the group, and one for the action or resource"));
            }
            for (action, resource) in rule.pairs() {
                let about: About<'_> = (
                    rule.system.as_ref(),
                    rule.role.as_ref(),
                    rule.group.as_ref(),
                    action,
                    resource,
                    rule.scope.as_ref(),
                    rule.meets,
                );
                let other = known.entry(about).or_insert(rule);
                if (other.sensitivity, other.privileged) != (rule.sensitivity, rule.privileged) {
                    let message = format!(
                        "two rules for {} contradict each other in {}: one says {}, one says {}",
                        rule.about(),
                        in_words(action, resource),
                        other.in_words(),
                        rule.in_words()
                    );
                    found.push((message, "keep one of them; if both match, the higher sensitivity applies"));
                    break;
                }
            }
        }
        found
    }
}

/// A pair of patterns, in words.
fn in_words(action: Option<&Text>, resource: Option<&Text>) -> String {
    let word = |pattern: Option<&Text>| pattern.map_or("any", Text::raw).to_owned();
    format!("`{}` on `{}`", word(action), word(resource))
}

impl ClassificationRule {
    fn in_words(&self) -> String {
        format!("{}{}", self.sensitivity.name(), if self.privileged { " and privileged" } else { "" })
    }
}
