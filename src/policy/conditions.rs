//! The conditions of the policies that determine an outcome: which hold, and for which values.
//!
//! Splits each `when` and `unless` at its top-level `&&` or `||`, evaluates each part as an expression of its own with
//! the request and entities of the case, and reads the attributes that the part names. Costs one evaluation for each
//! part and attribute; only `explain` asks for it.

use cedar_policy::{EvalResult, Expression, Policy, Request, eval_expression};
use serde_json::{Value, json};

use crate::input::id::PolicyId;
use crate::input::place::Place;
use crate::input::text::Text;
use crate::policy::case::{Case, PolicyQuery};
use crate::policy::hit::Why;
use crate::policy::limits::{Figure, figure, nearest_permits, request};
use crate::policy::outcome::Judged;
use crate::policy::pack::Pack;

/// A policy with its conditions, for one query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedPolicy {
    /// The policy.
    pub policy: PolicyId,
    /// Whether it is a permit.
    pub is_permit: bool,
    /// Its location.
    pub place: Place,
    /// Its conditions, in order.
    pub conditions: Vec<ExplainedCondition>,
}

/// A `when` or an `unless`, split at its top level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedCondition {
    /// `when` or `unless`.
    pub kind: &'static str,
    /// Whether the condition as a whole is met: a `when` is true, an `unless` is false. `None`: it fails to evaluate.
    pub met: Option<bool>,
    /// The operator between its parts: `&&` or `||`. `None`: it has one part.
    pub operator: Option<&'static str>,
    /// Its parts, in order.
    pub parts: Vec<ConditionPart>,
}

/// A part of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionPart {
    /// The expression in Cedar.
    pub text: Text,
    /// Its value. `None`: it fails to evaluate on its own, such as an attribute that the part before it tests for.
    pub value: Option<bool>,
    /// The attributes that it names, with their values.
    pub saw: Vec<(Text, Text)>,
}

/// The policies that determine the outcome of a change, each with its conditions: those that deny or warn, and the
/// permits by which it is automatic or a step is waived. If no policy permits, the nearest permits, under the id of that
/// denial.
#[must_use]
pub fn conditions(pack: &Pack, judged: &Judged) -> Vec<(PolicyId, Vec<ExplainedPolicy>)> {
    let Some(case) = &judged.case else { return Vec::new() };
    let Some(first) = case.asked.first() else { return Vec::new() };
    let explain = |asked: &PolicyQuery, id: &PolicyId| {
        let request = request(pack, &case.context, asked)?;
        policy(pack, case, &request, id)
    };
    let mut found = Vec::new();
    for hit in judged.denials.iter().chain(&judged.advice) {
        let explained = if hit.why == Why::NoPermit {
            let nearest = nearest_permits(pack, case, first);
            nearest.into_iter().filter_map(|about| explain(first, &about.id)).collect()
        } else {
            explain(first, &hit.policy).into_iter().collect()
        };
        found.push((hit.policy.clone(), explained));
    }
    let waived = judged.waived.iter().map(|(step, by)| (format!("Waive{step}"), by));
    for (action, by) in std::iter::once(("AutoApprove".to_owned(), &judged.automatic_by)).chain(waived) {
        let Some(asked) = case.asked.iter().find(|asked| asked.action.id().unescaped() == action) else { continue };
        found.extend(by.iter().map(|id| (id.clone(), explain(asked, id).into_iter().collect())));
    }
    found
}

fn policy(pack: &Pack, case: &Case, request: &Request, id: &PolicyId) -> Option<ExplainedPolicy> {
    let about = pack.about(id.as_str())?;
    let json = pack.policy(id.as_str())?.to_json().ok()?;
    let conditions = json.get("conditions")?.as_array()?.iter().filter_map(|it| condition(case, request, it));
    Some(ExplainedPolicy {
        policy: id.clone(),
        is_permit: about.effect_is_permit,
        place: about.place.clone(),
        conditions: conditions.collect(),
    })
}

fn condition(case: &Case, request: &Request, json: &Value) -> Option<ExplainedCondition> {
    let kind = if json.get("kind")?.as_str()? == "when" { "when" } else { "unless" };
    let body = json.get("body")?;
    let operator = ["&&", "||"].into_iter().find(|operator| body.get(operator).is_some());
    let mut parts = Vec::new();
    split(body, operator, &mut parts);
    let whole = value(case, request, &cedar(body)?);
    let met = match whole {
        Some(EvalResult::Bool(value)) => Some(value == (kind == "when")),
        _ => None,
    };
    let parts = parts.into_iter().filter_map(|json| part(case, request, json)).collect();
    Some(ExplainedCondition { kind, met, operator, parts })
}

/// The operands of a chain of one operator.
fn split<'j>(json: &'j Value, operator: Option<&str>, parts: &mut Vec<&'j Value>) {
    let sides = operator.and_then(|operator| json.get(operator));
    match sides.and_then(|sides| Some((sides.get("left")?, sides.get("right")?))) {
        Some((left, right)) => {
            split(left, operator, parts);
            split(right, operator, parts);
        }
        None => parts.push(json),
    }
}

fn part(case: &Case, request: &Request, json: &Value) -> Option<ConditionPart> {
    let text = cedar(json)?;
    let result = match value(case, request, &text) {
        Some(EvalResult::Bool(value)) => Some(value),
        _ => None,
    };
    let mut names = Vec::new();
    attributes(json, &mut names);
    let mut saw: Vec<(Text, Text)> = Vec::new();
    for name in names {
        let name_text = Text::from(name.as_str());
        if saw.iter().all(|(known, _)| *known != name_text)
            && let Some(value) = scalar(case, request, &name)
        {
            saw.push((name_text, value));
        }
    }
    Some(ConditionPart { text: Text::from(text), value: result, saw })
}

/// An expression as Cedar writes it, by way of a policy that has no other condition.
fn cedar(body: &Value) -> Option<String> {
    let all = json!({ "op": "All" });
    let policy = json!({
        "effect": "permit", "principal": all, "action": all, "resource": all,
        "conditions": [{ "kind": "when", "body": body }],
    });
    let text = Policy::from_json(None, policy).ok()?.to_cedar()?;
    let (_, rest) = text.split_once("when {")?;
    let (body, _) = rest.rsplit_once('}')?;
    Some(body.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned())
}

fn value(case: &Case, request: &Request, expression: &str) -> Option<EvalResult> {
    eval_expression(request, &case.entities, &expression.parse::<Expression>().ok()?).ok()
}

/// The longest paths of attributes that an expression reads: `resource.was.ttl`, `context.parameters.maxTtl`.
fn attributes(json: &Value, found: &mut Vec<String>) {
    if let Some(path) = path(json) {
        if path.contains('.') {
            found.push(path);
        }
        return;
    }
    match json {
        Value::Array(items) => items.iter().for_each(|item| attributes(item, found)),
        Value::Object(map) => map.values().for_each(|item| attributes(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn path(json: &Value) -> Option<String> {
    if let Some(name) = json.get("Var") {
        return name.as_str().map(str::to_owned);
    }
    let access = json.get(".")?;
    let attribute = access.get("attr")?.as_str()?;
    let is_plain = !attribute.is_empty() && attribute.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_plain.then_some(())?;
    Some(format!("{}.{attribute}", path(access.get("left")?)?))
}

/// The value of a path, if it is not a set or a record. A duration or time is written as in a plan.
fn scalar(case: &Case, request: &Request, path: &str) -> Option<Text> {
    match value(case, request, path)? {
        EvalResult::Bool(value) => Some(Text::from(value.to_string())),
        EvalResult::Long(value) => Some(Text::from(value.to_string())),
        EvalResult::String(value) => Some(Text::from(value)),
        EvalResult::EntityUid(uid) => Some(Text::from(uid.id().unescaped())),
        EvalResult::ExtensionValue(value) => {
            Some(figure(case, request, path).map_or_else(|| Text::from(value), Figure::text))
        }
        EvalResult::Set(_) | EvalResult::Record(_) => None,
    }
}
