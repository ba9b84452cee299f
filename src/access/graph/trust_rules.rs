//! Trust rules: permissions that let their holder act as other identities.
//!
//! Computes, from a rule of the snapshot and the names of identities and groups, what must be held, and where, to act
//! as each name that the rule's template matches. Which subjects hold it is computed in
//! [`crate::access::effective::direct_holdings`], before and after the changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::input::id::{ResourceId, Subject};
use crate::input::text::Text;
use crate::snapshot::model::TrustRule;

/// A text with named placeholders: `sa:$ns/$name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable(String),
}

/// The values of the placeholders of a template.
pub(crate) type Bound = BTreeMap<String, String>;

impl Template {
    /// Parses a template. A `$` not followed by a lower-case letter is an ordinary character.
    pub(crate) fn new(text: &str) -> Self {
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

    /// The names of its placeholders.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Literal(_) => None,
        })
    }

    /// The values with which the template equals a text; `None` if there are none.
    pub(crate) fn matches(&self, text: &str) -> Option<Bound> {
        let mut bound = Bound::new();
        fill(&self.0, text, &mut bound).then_some(bound)
    }

    /// The template with its values; a placeholder without a value becomes `*`.
    pub(crate) fn filled(&self, bound: &Bound) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Literal(text) => text.as_str(),
            Part::Variable(name) => bound.get(name).map_or("*", String::as_str),
        });
        parts.collect()
    }

    /// The character before a placeholder with this name, if the template ends with it.
    pub(crate) fn before_last(&self, name: &str) -> Option<char> {
        match self.0.as_slice() {
            [.., Part::Literal(before), Part::Variable(last)] if last == name => before.chars().last(),
            _ => None,
        }
    }

    /// Whether the template is just one placeholder with this name.
    pub(crate) fn is_only(&self, name: &str) -> bool {
        matches!(self.0.as_slice(), [Part::Variable(only)] if only == name)
    }

    /// The template with every placeholder open.
    pub(crate) fn open(&self) -> String {
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
            // WHY: the next character excludes most candidates before a value is allocated.
            let follows = |more: &str| match rest.first() {
                Some(Part::Literal(literal)) => more.starts_with(literal.as_str()),
                Some(Part::Variable(_)) => true,
                None => more.is_empty(),
            };
            // A namespace does not contain `/`; any other value can be any text.
            for (end, _) in ends.take_while(|(_, c)| name != "ns" || *c != '/') {
                let Some((value, more)) = text.split_at_checked(end).filter(|(_, more)| follows(more)) else {
                    continue;
                };
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

/// All subjects that a template matches, by the scope of the requirement. Shared by all rules with the same template
/// and scope.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    to: Template,
    scope: Option<Template>,
    /// By scope (`None`: any), the subjects that can be acted as.
    pub(crate) by_scope: BTreeMap<Option<ResourceId>, Arc<[Subject]>>,
    /// All targets.
    pub(crate) everyone: Arc<[Subject]>,
}

impl Class {
    fn new(to: Template, scope: Option<Template>, subjects: &[&Subject]) -> Self {
        let mut class = Self { to, scope, by_scope: BTreeMap::new(), everyone: Arc::default() };
        let mut by_scope: BTreeMap<Option<ResourceId>, Vec<Subject>> = BTreeMap::new();
        for subject in subjects {
            if let Some(scope) = class.scope_of(subject) {
                by_scope.entry(scope).or_default().push((*subject).clone());
            }
        }
        class.by_scope = by_scope.into_iter().map(|(scope, list)| (scope, list.into())).collect();
        class.everyone = match class.by_scope.values().collect::<Vec<_>>().as_slice() {
            [only] => Arc::clone(only),
            lists => lists.iter().flat_map(|list| list.iter()).cloned().collect(),
        };
        class
    }

    /// The scope of the requirement for acting as a subject, if the class contains it. The inner `None` is any scope.
    #[expect(clippy::option_option, reason = "whom no rule leads to is not whom it leads to from any scope")]
    pub(crate) fn scope_of(&self, subject: &Subject) -> Option<Option<ResourceId>> {
        let bound = self.to.matches(subject.as_str())?;
        Some(self.scope.as_ref().map(|s| ResourceId::new(s.filled(&bound))))
    }
}

/// The rules of a snapshot, with the targets of their templates.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) classes: Vec<Class>,
    /// In the order of the snapshot.
    pub(crate) rules: Vec<RuleOf>,
}

/// The requirement of a rule and its targets.
#[derive(Clone, Debug)]
pub(crate) struct RuleOf {
    /// The index of the class of its targets.
    pub(crate) class: usize,
    /// The resource with every placeholder open: a pattern that does not overlap it cannot satisfy the rule.
    pub(crate) open_resource: Text,
    /// The resource, if it differs between targets.
    resource: Option<Template>,
}

impl Rules {
    /// Finds the targets of rules among subjects.
    pub(crate) fn new(rules: &[TrustRule], subjects: &[&Subject]) -> Self {
        let mut all = Self::default();
        let mut known: BTreeMap<(&Text, Option<&Text>), usize> = BTreeMap::new();
        for rule in rules {
            let class = *known.entry((&rule.to, rule.scope.as_ref())).or_insert_with(|| {
                let scope = rule.scope.as_ref().map(|s| Template::new(s.raw()));
                all.classes.push(Class::new(Template::new(rule.to.raw()), scope, subjects));
                all.classes.len() - 1
            });
            let resource = Template::new(rule.resource.raw());
            let open_resource = resource.open().into();
            let varies = resource.variables().next().is_some();
            all.rules.push(RuleOf { class, open_resource, resource: varies.then_some(resource) });
        }
        all
    }

    /// The class of a rule.
    pub(crate) fn class(&self, rule: &RuleOf) -> Option<&Class> {
        self.classes.get(rule.class)
    }

    /// The resource that must be held to act as a subject by a rule.
    pub(crate) fn resource(&self, rule: &RuleOf, subject: &Subject) -> Text {
        let Some(template) = &rule.resource else { return rule.open_resource.clone() };
        let bound = self.class(rule).and_then(|class| class.to.matches(subject.as_str())).unwrap_or_default();
        template.filled(&bound).into()
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
