//! The JSON Schema (draft 2020-12) of a plan, generated from the table.
//!
//! It covers all rules of the reader except those that a schema cannot express: change ids are unique, and a date exists
//! in the calendar.

use serde_json::{Value, json};

use crate::input::form::ValueShape;
use crate::input::form_schema::{self, DIALECT, set};

use super::table::PLAN;

/// The JSON Schema of a plan.
#[must_use]
pub fn schema() -> Value {
    let mut schema = form_schema::of(&ValueShape::Mapping("plan", PLAN));
    set(&mut schema, "$schema", json!(DIALECT));
    set(&mut schema, "title", json!("review: a plan of access changes"));
    set(&mut schema, "description", json!("A plan that an assistant proposes. A person decides on each change."));
    if let Some(cases) = schema.pointer_mut("/properties/changes/items/anyOf").and_then(Value::as_array_mut) {
        for case in cases {
            let word = case.get("title").and_then(Value::as_str).unwrap_or_default();
            let mut laws = match word {
                "grant" => mode_laws(),
                "adjust" => {
                    let mut laws = mode_laws();
                    laws.push(any_of(&["mode", "ttl", "until"]));
                    laws
                }
                _ => continue,
            };
            if let Some(all) = case.get_mut("allOf").and_then(Value::as_array_mut) {
                all.append(&mut laws);
            } else {
                set(case, "allOf", Value::Array(laws));
            }
        }
    }
    schema
}

fn any_of(names: &[&str]) -> Value {
    json!({"anyOf": names.iter().map(|name| json!({"required": [name]})).collect::<Vec<_>>()})
}

/// A standing assignment has no expiry, and an active one has one.
fn mode_laws() -> Vec<Value> {
    let mode = |word: &str| json!({"required": ["mode"], "properties": {"mode": {"const": word}}});
    let end = any_of(&["ttl", "until"]);
    vec![json!({"if": mode("standing"), "then": {"not": end}}), json!({"if": mode("active"), "then": end})]
}
