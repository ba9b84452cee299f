//! Literals: the names in a site's policies, for the lint that compares them with known names.
//!
//! Collects every entity literal of a policy, and every string or pattern that it compares with a `name`. Shipped policies are
//! excluded, because a site does not need the objects that they name. Cost: one parse of each policy of the site.

use cedar_policy::Policy;
use serde_json::Value;

use crate::policy::named::{Token, matches, token};
use crate::policy::pack::Pack;
use crate::policy::policy_file::Annotations;

/// A name or pattern in a policy.
#[derive(Debug)]
pub struct Literal<'p> {
    /// The policy.
    pub policy: &'p Annotations,
    /// The entity type, `Resource`, `Role`, …; none if the policy reads a `name` of unknown type.
    pub kind: Option<String>,
    /// The name or pattern.
    what: What,
}

#[derive(Debug, PartialEq)]
enum What {
    Name(String),
    Pattern(Vec<Token>),
}

impl Literal<'_> {
    /// Whether it matches an entity name.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        match &self.what {
            What::Name(own) => own == name,
            What::Pattern(tokens) => matches(tokens, name),
        }
    }

    /// The name or pattern as text.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.what {
            What::Name(name) => name.clone(),
            What::Pattern(tokens) => tokens
                .iter()
                .map(|token| match token {
                    Token::Any => "*",
                    Token::Text(text) => text,
                })
                .collect(),
        }
    }

    /// Whether it is a pattern. A pattern has no nearest name.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        matches!(self.what, What::Pattern(_))
    }
}

/// The literals of the site's policies, ordered by policy id.
#[must_use]
pub fn literals(pack: &Pack) -> Vec<Literal<'_>> {
    let own = pack.policies().filter(|about| !about.place.file.starts_with("shipped/"));
    own.filter_map(|about| Some((about, pack.policy(about.id.as_str())?)))
        .flat_map(|(about, policy)| of(about, policy))
        .collect()
}

fn of<'p>(about: &'p Annotations, policy: &Policy) -> Vec<Literal<'p>> {
    let mut found = Vec::new();
    let mut add = |kind: &str, what: What| {
        let kind = Some(kind.to_owned()).filter(|kind| !kind.is_empty());
        if !found.iter().any(|known: &Literal<'_>| known.kind == kind && known.what == what) {
            found.push(Literal { policy: about, kind, what });
        }
    };
    for uid in policy.entity_literals() {
        let kind = uid.type_name().basename();
        if kind != "Action" {
            add(kind, What::Name(uid.id().unescaped().to_owned()));
        }
    }
    if let Ok(json) = policy.to_json() {
        walk(&json, &mut add);
    }
    found
}

fn walk(json: &Value, add: &mut dyn FnMut(&str, What)) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| walk(item, add)),
        Value::Object(map) => {
            for (operator, sides) in map {
                let (left, right) = (sides.get("left"), sides.get("right"));
                match operator.as_str() {
                    "==" | "!=" => {
                        for (name, value) in [(left, right), (right, left)] {
                            if let (Some(kind), Some(text)) = (name.and_then(read), value.and_then(string)) {
                                add(kind, What::Name(text));
                            }
                        }
                    }
                    "contains" => {
                        let items = left.and_then(|set| set.get("Set")).and_then(Value::as_array);
                        if let (Some(kind), Some(items)) = (right.and_then(read), items) {
                            items.iter().filter_map(string).for_each(|text| add(kind, What::Name(text)));
                        }
                    }
                    "like" => {
                        let pattern = sides.get("pattern").and_then(Value::as_array);
                        if let (Some(kind), Some(pattern)) = (left.and_then(read), pattern) {
                            add(kind, What::Pattern(pattern.iter().map(token).collect()));
                        }
                    }
                    _ => {}
                }
                walk(sides, add);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn string(json: &Value) -> Option<String> {
    json.get("Value")?.as_str().map(str::to_owned)
}

/// The type of the object whose `name` an expression reads: empty if unknown, `None` if it reads no `name`.
fn read(json: &Value) -> Option<&'static str> {
    let access = json.get(".")?;
    if access.get("attr")?.as_str()? != "name" {
        return None;
    }
    let of = access.get("left")?;
    let attribute = of.get(".").and_then(|of| of.get("attr")).and_then(Value::as_str);
    let is_principal = of.get("Var").and_then(Value::as_str) == Some("principal");
    Some(match attribute {
        _ if is_principal => "Identity",
        Some("role" | "include") => "Role",
        Some("group" | "memberOf") => "Group",
        Some("scope") => "Resource",
        Some("identity" | "trusted" | "newOwner" | "owner" | "sponsor" | "proposer" | "proven") => "Identity",
        Some(_) | None => "",
    })
}
