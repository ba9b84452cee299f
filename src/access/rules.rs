//! Trust rules: a permission lets its holder act as identities.
//!
//! In: a rule of the snapshot, and the names of identities and groups. Out: for each name that the rule's template
//! matches, what must be held, where. Never evaluates who holds it: [`crate::access::reach`] does, before and after.

use std::collections::BTreeMap;

use crate::input::id::{ResourceId, Subject};
use crate::input::text::Text;
use crate::snapshot::model::TrustRule;

/// A text with named holes: `sa:$ns/$name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable(String),
}

/// What the holes of a template stand for.
pub(super) type Bound = BTreeMap<String, String>;

impl Template {
    /// Reads a template. A `$` that no lower-case letter follows is an ordinary character.
    pub(super) fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            if c == '$' && rest.peek().is_some_and(char::is_ascii_lowercase) {
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                let mut name = String::new();
                while let Some(letter) = rest.next_if(|c| c.is_ascii_lowercase() || *c == '_' || c.is_ascii_digit()) {
                    name.push(letter);
                }
                parts.push(Part::Variable(name));
            } else {
                literal.push(c);
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Self(parts)
    }

    /// The names of its holes.
    pub(super) fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// What the holes must stand for so that the template is the text; nothing if it cannot be.
    pub(super) fn matches(&self, text: &str) -> Option<Bound> {
        let mut bound = Bound::new();
        fill(&self.0, text, &mut bound).then_some(bound)
    }

    /// The template filled; a hole that nothing is known of becomes `*`.
    pub(super) fn filled(&self, bound: &Bound) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Literal(text) => text.as_str(),
            Part::Variable(name) => bound.get(name).map_or("*", String::as_str),
        });
        parts.collect()
    }

    /// The template with every hole open.
    pub(super) fn open(&self) -> String {
        self.filled(&Bound::new())
    }
}

fn fill(parts: &[Part], text: &str, bound: &mut Bound) -> bool {
    let Some((first, rest)) = parts.split_first() else { return text.is_empty() };
    match first {
        Part::Literal(literal) => text.strip_prefix(literal.as_str()).is_some_and(|more| fill(rest, more, bound)),
        Part::Variable(name) => {
            if let Some(known) = bound.get(name).cloned() {
                return text.strip_prefix(known.as_str()).is_some_and(|more| fill(rest, more, bound));
            }
            let ends = text.char_indices().map(|(at, c)| (at + c.len_utf8(), c));
            // A namespace holds no `/`; any other name takes any run.
            for (end, _) in ends.take_while(|(_, c)| name != "ns" || *c != '/') {
                let (Some(value), Some(more)) = (text.get(..end), text.get(end..)) else { continue };
                bound.insert(name.clone(), value.to_owned());
                if fill(rest, more, bound) {
                    return true;
                }
                bound.remove(name);
            }
            false
        }
    }
}

/// Whom a rule leads to, and what must be held for it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Who can be acted as.
    pub(super) subject: Subject,
    /// The resource pattern that must be held.
    pub(super) resource: Text,
}

/// A rule with all that its template matches, by the scope in which the permission must be held.
#[derive(Clone, Debug)]
pub(super) struct RuleTargets {
    /// The resource with every hole open: what does not overlap it cannot make the rule hold.
    pub(super) open_resource: String,
    to: Template,
    resource: Template,
    scope: Option<Template>,
    /// Scope (none: in any) to targets.
    pub(super) by_scope: BTreeMap<Option<ResourceId>, Vec<Target>>,
}

impl RuleTargets {
    /// Finds the targets of a rule among subjects.
    pub(super) fn new(rule: &TrustRule, subjects: &[&Subject]) -> Self {
        let mut targets = Self {
            open_resource: Template::new(rule.resource.raw()).open(),
            to: Template::new(rule.to.raw()),
            resource: Template::new(rule.resource.raw()),
            scope: rule.scope.as_ref().map(|s| Template::new(s.raw())),
            by_scope: BTreeMap::new(),
        };
        for subject in subjects {
            if let Some((scope, target)) = targets.target(subject) {
                targets.by_scope.entry(scope).or_default().push(target);
            }
        }
        targets
    }

    /// What must be held, and where, to act as a subject by this rule.
    pub(super) fn target(&self, subject: &Subject) -> Option<(Option<ResourceId>, Target)> {
        let bound = self.to.matches(subject.as_str())?;
        let scope = self.scope.as_ref().map(|s| ResourceId::new(s.filled(&bound)));
        Some((scope, Target { subject: subject.clone(), resource: self.resource.filled(&bound).into() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_binds_a_namespace_and_a_name() {
        let template = Template::new("sa:$ns/$name");
        let bound = template.matches("sa:team-a/build/er").unwrap();
        assert_eq!((bound["ns"].as_str(), bound["name"].as_str()), ("team-a", "build/er"));
        assert_eq!(template.matches("sa:team-a"), None);
        assert_eq!(template.matches("user:x"), None);
        assert_eq!(Template::new("ns:$ns").filled(&bound), "ns:team-a");
        assert_eq!(template.open(), "sa:*/*");
        assert_eq!(Template::new("$a-$a").matches("x-x").map(|b| b["a"].clone()), Some("x".to_owned()));
        assert_eq!(Template::new("$a-$a").matches("x-y"), None);
    }
}
