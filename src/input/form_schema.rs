//! Generates the JSON Schema (draft 2020-12) of a [`Shape`], from the table that the reader uses.
//!
//! The schema accepts what the reader accepts, except for rules that a schema cannot express (for example that
//! 2026-02-30 is not a date, or that ids are unique).

use serde_json::{Map, Value, json};

use super::form::{MAX_ID, MAX_TEXT, Need, Rule, Shape};

/// The dialect of all schemas.
pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of a shape.
#[must_use]
pub fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({"type": "string", "maxLength": MAX_TEXT, "pattern": "\\S"}),
        Shape::Id => json!({"type": "string", "maxLength": MAX_ID, "pattern": "^\\S(.*\\S)?$"}),
        Shape::Time => json!({
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2}))?$"
        }),
        Shape::Span => json!({"type": "string", "pattern": "^[1-9][0-9]{0,8}[smhdw]$"}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Integer(least, most) if least == most => json!({"const": least}),
        Shape::Integer(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Shape::Digest => json!({"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}),
        Shape::Words(words) => json!({"enum": words}),
        Shape::List(items, least, most) => {
            json!({"type": "array", "items": of(items), "minItems": least, "maxItems": most})
        }
        Shape::Mapping(_, rules) => mapping(rules.iter(), None),
        Shape::Named(value) => {
            json!({"type": "object", "propertyNames": of(&Shape::Id), "additionalProperties": of(value)})
        }
        Shape::Variants(variants) => {
            let cases = variants.cases.iter().map(|case| {
                let word = json!({"const": case.word, "description": variants.about});
                let mut schema = mapping(variants.common.iter().chain(case.rules), Some((variants.by, word)));
                set(&mut schema, "title", json!(case.word));
                set(&mut schema, "description", json!(case.about));
                schema
            });
            // `oneOf` would be equivalent because the words are distinct, but `anyOf` gives better messages.
            json!({"type": "object", "anyOf": cases.collect::<Vec<_>>()})
        }
    }
}

fn mapping<'r>(rules: impl Iterator<Item = &'r Rule>, word: Option<(&str, Value)>) -> Value {
    let (mut properties, mut required, mut laws) = (Map::new(), Vec::new(), Vec::new());
    if let Some((name, schema)) = word {
        required.push(json!(name));
        properties.insert(name.to_owned(), schema);
    }
    let mut groups: Vec<(Need, Vec<&str>)> = Vec::new();
    for rule in rules {
        let mut schema = of(&rule.shape);
        set(&mut schema, "description", json!(rule.about));
        properties.insert(rule.name.to_owned(), schema);
        match rule.need {
            Need::Required => required.push(json!(rule.name)),
            Need::Optional => {}
            Need::OneOf(_) | Need::AtMostOne(_) => match groups.iter_mut().find(|(need, _)| *need == rule.need) {
                Some((_, names)) => names.push(rule.name),
                None => groups.push((rule.need, vec![rule.name])),
            },
        }
    }
    for (need, names) in groups {
        let each = |names: &[&str]| names.iter().map(|name| json!({"required": [name]})).collect::<Vec<_>>();
        let mut choices = each(&names);
        if matches!(need, Need::AtMostOne(_)) {
            choices.push(json!({"not": {"anyOf": each(&names)}}));
        }
        laws.push(json!({"oneOf": choices}));
    }
    let mut schema =
        json!({"type": "object", "additionalProperties": false, "properties": properties, "required": required});
    if !laws.is_empty() {
        set(&mut schema, "allOf", Value::Array(laws));
    }
    schema
}

/// Sets a member of an object schema.
pub fn set(schema: &mut Value, name: &str, value: Value) {
    if let Some(members) = schema.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}
