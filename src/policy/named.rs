//! Groups and roles that policies refer to. Changes to them are never auto-approved, because they change what the
//! policies mean.
//!
//! Collects names and name patterns from parsed policies. Over-approximates: in a policy that reads a `name`, every
//! string counts as one.

use std::collections::BTreeSet;

use cedar_policy::Policy;
use serde_json::Value;

/// The groups and roles that policies name.
#[derive(Debug, Default)]
pub(super) struct Named {
    exact: BTreeSet<String>,
    patterns: Vec<Vec<Token>>,
    unreadable: bool,
}

#[derive(Debug, PartialEq)]
pub(super) enum Token {
    Any,
    Text(String),
}

impl Named {
    pub(super) fn of<'a>(policies: impl Iterator<Item = &'a Policy>) -> Self {
        let mut named = Self::default();
        for policy in policies {
            let literals = policy.entity_literals();
            let things = literals.iter().filter(|uid| ["Group", "Role"].contains(&uid.type_name().basename()));
            named.exact.extend(things.map(|uid| uid.id().unescaped().to_owned()));
            if !may_read_names(policy) {
                continue;
            }
            match policy.to_json() {
                Ok(json) => {
                    let mut strings = BTreeSet::new();
                    if named.walk(&json, &mut strings) {
                        named.exact.extend(strings);
                    }
                }
                Err(_) => named.unreadable = true,
            }
        }
        named
    }

    /// Collects strings and patterns. Returns whether a `name` is read.
    fn walk(&mut self, json: &Value, strings: &mut BTreeSet<String>) -> bool {
        match json {
            Value::Array(items) => {
                let mut reads = false;
                for item in items {
                    reads |= self.walk(item, strings);
                }
                reads
            }
            Value::Object(map) => {
                let mut reads = map.get("attr").and_then(Value::as_str) == Some("name");
                if let Some(pattern) = map.get("pattern").and_then(Value::as_array) {
                    self.patterns.push(pattern.iter().map(token).collect());
                }
                if let Some(text) = map.get("Value").and_then(Value::as_str) {
                    strings.insert(text.to_owned());
                }
                for item in map.values() {
                    reads |= self.walk(item, strings);
                }
                reads
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }

    /// Whether a policy names a group or role with this Cedar name.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.unreadable || self.exact.contains(name) || self.patterns.iter().any(|pattern| matches(pattern, name))
    }
}

/// Whether a policy may read a `name` or match a pattern, decided from its text. Over-approximates.
///
/// WHY: Cedar parses a policy again to write it as JSON, which for the whole pack costs more than all queries of a
/// plan.
fn may_read_names(policy: &Policy) -> bool {
    let Some(text) = policy.to_cedar() else { return true };
    // The text before the effect has annotations, which only people read. An annotation that contains such a word is
    // included.
    let body = ["permit", "forbid"].iter().filter_map(|word| text.find(word)).min().unwrap_or(0);
    // A quoted key may contain escapes.
    text.get(body..).is_none_or(|body| ["name", "like", "\\"].iter().any(|word| body.contains(word)))
}

pub(super) fn token(json: &Value) -> Token {
    match json.get("Literal").and_then(Value::as_str) {
        Some(text) => Token::Text(text.to_owned()),
        None => Token::Any,
    }
}

/// Matches a pattern. Cost: the length of the pattern times the length of the name.
pub(super) fn matches(pattern: &[Token], name: &str) -> bool {
    let mut ends: BTreeSet<usize> = BTreeSet::from([0]);
    for token in pattern {
        ends = match token {
            Token::Any => ends.first().map_or_else(BTreeSet::new, |first| (*first..=name.len()).collect()),
            Token::Text(text) => ends
                .into_iter()
                .filter(|at| name.as_bytes().get(*at..).is_some_and(|rest| rest.starts_with(text.as_bytes())))
                .map(|at| at + text.len())
                .collect(),
        };
    }
    ends.contains(&name.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(policy: &str) -> Named {
        Named::of([Policy::parse(None, policy).unwrap()].iter())
    }

    #[test]
    fn a_group_in_a_scope_and_a_role_in_a_condition_are_named() {
        let named = named(r#"forbid(principal in Group::"g", action, resource) when { resource.role in Role::"r" };"#);
        assert!(named.holds("g") && named.holds("r") && !named.holds("other"));
    }

    #[test]
    fn however_a_policy_spells_it_a_name_that_it_reads_is_seen() {
        for condition in [
            r#"resource["name"] == "x""#,
            r#"resource["n\u{61}me"] == "x""#,
            r#"resource.group
            .name == "x""#,
            r#"resource.name like "x""#,
            r#"resource.id like "x*""#,
        ] {
            for before in ["", "@advice(\"forbid nothing, permit all\")\n"] {
                let named = named(&format!("{before}forbid(principal, action, resource) when {{ {condition} }};"));
                assert!(named.holds("x"), "{before}{condition}");
            }
        }
        let blind =
            named(r#"@advice("name it like this") forbid(principal, action, resource) when { resource.a == "x" };"#);
        assert!(!blind.holds("x"));
    }

    #[test]
    fn a_pattern_and_a_string_compared_with_a_name_are_named() {
        let named = named(
            r#"forbid(principal, action, resource) when { resource.role.name like "pci-*" || ["x"].contains(resource.group.name) };"#,
        );
        assert!(named.holds("pci-admin") && named.holds("x") && !named.holds("pc") && !named.holds("xx"));
    }
}
