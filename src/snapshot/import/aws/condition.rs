//! Conditions of policy statements.
//!
//! In: a `Condition` block and the time of the export. Out: its text, the same for the same meaning, and whether it can
//! never hold. Nothing else of it is evaluated.
//!
//! Source: AWS, IAM reference, "IAM JSON policy elements: Condition operators".

use std::fmt::Write as _;

use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::snapshot::tree::{Node, Value};

/// The condition as compact JSON: keys sorted, single values as lists. `None` if it asks for nothing.
pub(super) fn text(node: &Node) -> Option<Text> {
    let operators = node.entries().filter(|entries| !entries.is_empty())?;
    let mut operators: Vec<_> = operators.iter().map(|(name, keys)| (&**name, keys)).collect();
    operators.sort_by_key(|(name, _)| *name);
    let mut out = String::from("{");
    for (n, (operator, keys)) in operators.into_iter().enumerate() {
        let mut keys: Vec<_> = keys.entries().unwrap_or_default().iter().map(|(k, v)| (&**k, v)).collect();
        keys.sort_by_key(|(name, _)| *name);
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(out, "{comma}{}:{{", quoted(operator));
        for (n, (key, values)) in keys.into_iter().enumerate() {
            let mut values: Vec<String> = each(values).map(value).collect();
            values.sort();
            values.dedup();
            let comma = if n == 0 { "" } else { "," };
            let _ = write!(out, "{comma}{}:[{}]", quoted(key), values.join(","));
        }
        out.push('}');
    }
    out.push('}');
    Some(out.into())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn value(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => quoted(if *b { "true" } else { "false" }),
        Value::Number(n) => quoted(n),
        Value::Text(t) => quoted(t),
        Value::List(_) | Value::Map(_) => node.json().to_string(),
    }
}

fn each(node: &Node) -> impl Iterator<Item = &Node> {
    let list = node.list();
    list.into_iter().flatten().chain(list.is_none().then_some(node))
}

/// Whether a condition can never hold again after a time: all its blocks must hold, and one asks for the past, or for a
/// value among none.
pub(super) fn never_holds(node: &Node, after: Time) -> bool {
    let blocks = node.entries().unwrap_or_default().iter();
    let mut asked = blocks.flat_map(|(op, keys)| {
        keys.entries().unwrap_or_default().iter().map(move |(key, values)| (&**op, &**key, values))
    });
    asked.any(|(operator, key, values)| {
        let if_exists = operator.ends_with("IfExists");
        let operator = operator.strip_suffix("IfExists").unwrap_or(operator);
        let two_days = Span::from_seconds(2 * 86_400);
        let empty = values.list().is_some_and(<[Node]>::is_empty);
        let positive = ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress"];
        if empty && !if_exists && positive.contains(&operator) {
            return true;
        }
        // A session never lasts longer than a day and a half, so that one issued before yesterday is gone. Where there is
        // no session there is no such time, and a condition on it fails; `IfExists` would pass.
        let issued = key.eq_ignore_ascii_case("aws:TokenIssueTime") && !if_exists;
        let date = (key.eq_ignore_ascii_case("aws:CurrentTime") || issued)
            && ["DateLessThan", "DateLessThanEquals", "DateEquals"].contains(&operator);
        let epoch = key.eq_ignore_ascii_case("aws:EpochTime")
            && ["NumericLessThan", "NumericLessThanEquals", "NumericEquals", "DateLessThan", "DateLessThanEquals"]
                .contains(&operator);
        // One value that lies ahead, or that is no time, and it may hold.
        (date || epoch)
            && !empty
            && each(values).all(|v| time(v).is_some_and(|t| if issued { t.plus(two_days) < after } else { t < after }))
    })
}

fn time(node: &Node) -> Option<Time> {
    // WHY: four digits are a year in the form of the W3C, or seconds since 1970; what may lie ahead is not past.
    let is_year = |text: &str| text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    match &node.value {
        Value::Number(n) if is_year(n) => None,
        Value::Text(t) if is_year(t) => None,
        Value::Number(n) => n.parse().ok().map(Time::from_unix),
        Value::Text(t) => Time::parse(t)
            .or_else(|| Time::parse(&format!("{t}T00:00:00Z")))
            .or_else(|| t.parse().ok().map(Time::from_unix)),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    }
}
