//! Generates the JSON Schema (draft 2020-12) of a [`ValueShape`], from the table that the reader uses.
//!
//! The schema accepts what the reader accepts, except for rules that a schema cannot express (for example that
//! 2026-02-30 is not a date, or that ids are unique).

use serde_json::{Map, Value, json};

use super::form::{FieldRule, MAX_ID, MAX_TEXT, Need, ValueShape};

/// The dialect of all schemas.
pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of a shape.
#[must_use]
pub fn of(shape: &ValueShape) -> Value {
    match shape {
        ValueShape::Text => json!({"type": "string", "maxLength": MAX_TEXT, "pattern": "\\S"}),
        ValueShape::Id => json!({"type": "string", "maxLength": MAX_ID, "pattern": "^\\S(.*\\S)?$"}),
        ValueShape::Time => json!({
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2}))?$"
        }),
        ValueShape::Span => json!({"type": "string", "pattern": "^[1-9][0-9]{0,8}[smhdw]$"}),
        ValueShape::Bool => json!({"type": "boolean"}),
        ValueShape::Integer(least, most) if least == most => json!({"const": least}),
        ValueShape::Integer(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        ValueShape::Digest => json!({"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}),
        ValueShape::Words(words) => json!({"enum": words}),
        ValueShape::List(items, least, most) => {
            json!({"type": "array", "items": of(items), "minItems": least, "maxItems": most})
        }
        ValueShape::Mapping(_, rules) => mapping(rules.iter(), None),
        ValueShape::Named(value) => {
            json!({"type": "object", "propertyNames": of(&ValueShape::Id), "additionalProperties": of(value)})
        }
        ValueShape::Variants(variants) => {
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

fn mapping<'r>(rules: impl Iterator<Item = &'r FieldRule>, word: Option<(&str, Value)>) -> Value {
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
