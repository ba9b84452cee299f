//! Limits: by how much a change exceeds what a policy allows, as data.
//!
//! For a policy that forbids, evaluates each comparison in its conditions between a value and a literal or site
//! parameter, and reports those that count against the change. Policies of a site are explained in the same way as
//! shipped ones. A policy that tests the task's scope is explained from the facts. If no policy permits, reports the
//! permits with the most conditions met. Cost: a few evaluations per policy that denies, none for a change that passes.

use std::collections::BTreeSet;

use cedar_policy::{Context, Effect, EvalResult, Expression, Policy, PolicySet, Request, eval_expression};
use serde_json::Value;

use crate::access::model::facts::{ChangeFacts, Outside};
use crate::input::finding::ExceededLimit;
use crate::input::id::Id;
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::policy::case::{Case, PolicyQuery, answer_of};
use crate::policy::hit::{PolicyHit, Why};
use crate::policy::input::PolicyInput;
use crate::policy::pack::Pack;
use crate::policy::policy_file::Annotations;

/// The file of the site's parameters.
const SETTINGS: &str = "review.yaml";

/// The attribute by which policies test the task's scope. A limit with this name is a placeholder until the facts are known.
const TASK_SCOPE: &str = "inTaskScope";

/// The maximum number of values listed in one limit.
const LISTED: usize = 8;

/// A number with its unit.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Figure {
    Count(i64),
    Span(i64),
    At(i64),
}

impl Figure {
    fn number(self) -> i64 {
        match self {
            Self::Count(n) | Self::Span(n) | Self::At(n) => n,
        }
    }

    pub(super) fn text(self) -> Text {
        match self {
            Self::Count(n) => Text::from(n.to_string()),
            Self::Span(seconds) => Text::from(Span::from_seconds(seconds).to_string()),
            Self::At(seconds) => Text::from(Time::from_unix(seconds).to_string()),
        }
    }
}

/// The exceeded limits of a policy that forbids.
pub(super) fn exceeded(pack: &Pack, case: &Case, asked: &PolicyQuery, id: &str) -> Vec<ExceededLimit> {
    let found = || {
        let json = pack.policy(id)?.to_json().ok()?;
        let request = request(pack, &case.context, asked)?;
        let mut found = Vec::new();
        for condition in json.get("conditions")?.as_array()? {
            let when = condition.get("kind")?.as_str()? == "when";
            let body = condition.get("body")?;
            let figure = |expression: &str| figure(case, &request, expression);
            compare(body, when, id, &figure, &mut found);
            if reads(body, TASK_SCOPE) {
                found.push(task_scope_asked());
            }
        }
        Some(found)
    };
    let mut found = found().unwrap_or_default();
    found.dedup();
    found
}

fn task_scope_asked() -> ExceededLimit {
    let empty = || Text::from("");
    ExceededLimit { what: TASK_SCOPE.into(), value: empty(), limit: empty(), name: None, source: empty() }
}

pub(super) fn request(pack: &Pack, context: &Context, asked: &PolicyQuery) -> Option<Request> {
    let (principal, action, resource) = (asked.principal.clone(), asked.action.clone(), asked.resource.clone());
    Request::new(principal, action, resource, context.clone(), Some(&pack.schema)).ok()
}

/// Evaluates an expression to a number: a count, a duration or a time.
pub(super) fn figure(case: &Case, request: &Request, expression: &str) -> Option<Figure> {
    let long = |text: String| {
        let value = eval_expression(request, &case.entities, &text.parse::<Expression>().ok()?).ok()?;
        if let EvalResult::Long(n) = value { Some(n) } else { None }
    };
    long(expression.to_owned())
        .map(Figure::Count)
        .or_else(|| long(format!("({expression}).toSeconds()")).map(Figure::Span))
        .or_else(|| {
            let epoch = format!("({expression}).durationSince(datetime(\"1970-01-01\")).toSeconds()");
            long(epoch).map(Figure::At)
        })
}

/// Collects the comparisons of an expression that count against the change.
fn compare(
    json: &Value,
    when: bool,
    policy: &str,
    figure: &dyn Fn(&str) -> Option<Figure>,
    found: &mut Vec<ExceededLimit>,
) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| compare(item, when, policy, figure, found)),
        Value::Object(map) => {
            for (operator, sides) in map {
                if ["<", "<=", ">", ">="].contains(&operator.as_str()) {
                    found.extend(one(operator, sides, when, policy, figure));
                } else {
                    compare(sides, when, policy, figure, found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn one(
    operator: &str,
    sides: &Value,
    when: bool,
    policy: &str,
    figure: &dyn Fn(&str) -> Option<Figure>,
) -> Option<ExceededLimit> {
    let (left, right) = (sides.get("left")?, sides.get("right")?);
    let (value, limit) = if is_limit(right) { (left, right) } else { (right, left) };
    if !is_limit(limit) || is_limit(value) {
        return None;
    }
    let (left, right) = (figure(&written(left)?)?, figure(&written(right)?)?);
    let holds = match operator {
        "<" => left.number() < right.number(),
        "<=" => left.number() <= right.number(),
        ">" => left.number() > right.number(),
        _ => left.number() >= right.number(),
    };
    let is_right = is_limit(sides.get("right")?);
    let (shown, most) = if is_right { (left, right) } else { (right, left) };
    // A comparison with 0 or 1 tests for presence. It is not a limit.
    if holds != when || matches!(most, Figure::Count(0 | 1)) {
        return None;
    }
    let name = parameter(limit);
    let source = if name.is_some() { Text::from(SETTINGS) } else { Text::from(format!("policy {policy}")) };
    Some(ExceededLimit { what: last_attribute(value)?, value: shown.text(), limit: most.text(), name, source })
}

/// Whether an expression is a literal or a parameter of the site.
fn is_limit(json: &Value) -> bool {
    let is_call = |name: &str| json.get(name).and_then(Value::as_array).is_some_and(|of| of.iter().all(is_limit));
    json.get("Value").is_some() || is_call("duration") || is_call("datetime") || parameter(json).is_some()
}

/// The name in review.yaml of the parameter that an expression reads.
fn parameter(json: &Value) -> Option<Text> {
    let access = json.get(".")?;
    let of = access.get("left")?.get(".")?;
    let is_parameters = of.get("attr")?.as_str()? == "parameters" && of.get("left")?.get("Var")?.as_str()? == "context";
    let mut name = String::new();
    for c in access.get("attr")?.as_str()?.chars().filter(|_| is_parameters) {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    (!name.is_empty()).then(|| Text::from(name))
}

/// The attribute that an expression ends with: `ttl` of `resource.credential.ttl`.
fn last_attribute(json: &Value) -> Option<Text> {
    if let Some(access) = json.get(".") {
        return Some(Text::from(access.get("attr")?.as_str()?));
    }
    // In a call such as `now.durationSince(x.lastUsed)`, the start of the duration.
    let call = json.as_object()?.values().next()?.as_array()?;
    call.iter().rev().find_map(last_attribute)
}

/// Whether an expression reads an attribute.
fn reads(json: &Value, attribute: &str) -> bool {
    match json {
        Value::Array(items) => items.iter().any(|item| reads(item, attribute)),
        Value::Object(map) => {
            map.get("attr").and_then(Value::as_str) == Some(attribute)
                || map.values().any(|item| reads(item, attribute))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// An expression of attributes, literals and calls, as Cedar reads it.
fn written(json: &Value) -> Option<String> {
    let (name, of) = json.as_object()?.iter().next()?;
    match (name.as_str(), of) {
        ("Var", Value::String(name)) => Some(name.clone()),
        ("Value", Value::Number(n)) => Some(n.to_string()),
        ("Value", Value::String(text)) => serde_json::to_string(text).ok().filter(|quoted| !quoted.contains('\\')),
        (".", access) => {
            let attribute = access.get("attr")?.as_str()?;
            let is_plain = !attribute.is_empty() && attribute.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            is_plain.then_some(())?;
            Some(format!("({}).{attribute}", written(access.get("left")?)?))
        }
        ("duration" | "datetime", Value::Array(arguments)) => Some(format!("{name}({})", written(arguments.first()?)?)),
        (method, Value::Array(arguments)) => {
            let (of, rest) = arguments.split_first()?;
            let rest: Option<Vec<String>> = rest.iter().map(written).collect();
            Some(format!("({}).{method}({})", written(of)?, rest?.join(", ")))
        }
        _ => None,
    }
}

/// The permits for an action with the most conditions met: most likely, the proposer intended one of them.
pub(super) fn nearest_permits<'p>(pack: &'p Pack, case: &Case, asked: &PolicyQuery) -> Vec<&'p Annotations> {
    let (Some(request), Some([permits, ..])) =
        (request(pack, &case.context, asked), pack.sets(asked.action.id().unescaped()))
    else {
        return Vec::new();
    };
    let mut best: (usize, Vec<&Annotations>) = (0, Vec::new());
    for policy in permits.policies().filter(|policy| policy.effect() == Effect::Permit) {
        let Some(about) = pack.about(AsRef::<str>::as_ref(policy.id())) else { continue };
        let held = conditions_held(pack, case, &request, policy).unwrap_or(0);
        if held > best.0 {
            best = (held, vec![about]);
        } else if held == best.0 {
            best.1.push(about);
        }
    }
    best.1.sort_by(|a, b| a.id.cmp(&b.id));
    best.1
}

/// How many conditions of a permit hold before the first that does not.
fn conditions_held(pack: &Pack, case: &Case, request: &Request, policy: &Policy) -> Option<usize> {
    let json = policy.to_json().ok()?;
    let all = json.get("conditions")?.as_array()?.len();
    let holds = |first: usize| {
        let mut shorter = json.clone();
        shorter.get_mut("conditions")?.as_array_mut()?.truncate(first);
        let set = PolicySet::from_policies([Policy::from_json(None, shorter).ok()?]).ok()?;
        Some(answer_of(pack, request, &set, &case.entities).allow)
    };
    Some((1..=all).take_while(|first| holds(*first).unwrap_or(false)).count())
}

/// Adds the parts that are outside the task to hits that test its scope, and to missing permits.
pub(super) fn of_task(
    matter: &PolicyInput<'_>,
    facts: Option<&ChangeFacts>,
    denials: &mut [PolicyHit],
    advice: &mut [PolicyHit],
) {
    let is_asked = |limit: &ExceededLimit| *limit == task_scope_asked();
    for hit in denials.iter_mut().chain(advice) {
        let asked = hit.limits.iter().any(is_asked);
        hit.limits.retain(|limit| !is_asked(limit));
        if asked || hit.why == Why::NoPermit && matter.proposer_is_listed_as_agent() {
            let outside = facts.map(|facts| facts.outside.iter().filter(|_| asked));
            hit.limits.extend(task(matter, outside.into_iter().flatten()));
        }
    }
}

/// The properties of the task that do not match the plan.
fn task<'o>(matter: &PolicyInput<'_>, outside: impl Iterator<Item = &'o Outside>) -> Vec<ExceededLimit> {
    let plan = matter.plan;
    let none = || Text::from("none");
    let Some(task) = matter.task else {
        return vec![ExceededLimit {
            what: "task".into(),
            value: plan.task.as_ref().map_or_else(none, |task| task.value.text()),
            limit: "a task of tasks.yaml".into(),
            name: None,
            source: "tasks.yaml".into(),
        }];
    };
    let source = || Text::from(format!("task {} of tasks.yaml", task.id.as_str()));
    let limit = |what: &str, value: Text, limit: Text, name: &str| ExceededLimit {
        what: what.into(),
        value,
        limit,
        name: Some(name.into()),
        source: source(),
    };
    let mut found = Vec::new();
    if !task.goes_on {
        let until = task.until.map_or_else(none, |until| Text::from(until.to_string()));
        found.push(limit("task", "not open".into(), Text::from(format!("open until {}", until.raw())), "state"));
    }
    if !task.agents.contains(&plan.proposer.value) {
        found.push(limit("proposer", plan.proposer.value.text(), names(&task.agents), "agents"));
    }
    let sponsor = plan.on_behalf_of.as_ref().map(|sponsor| &sponsor.value);
    if !sponsor.is_some_and(|sponsor| task.sponsors.contains(sponsor)) {
        found.push(limit("on_behalf_of", sponsor.map_or_else(none, Id::text), names(&task.sponsors), "sponsors"));
    }
    for one in outside {
        match one {
            Outside::Gives(scope) => {
                let value = scope.as_ref().map_or_else(|| Text::from("everywhere"), Id::text);
                found.push(limit("scope", value, names(&task.scopes), "scope"));
            }
            Outside::Lasts(until) => {
                let value = until.map_or_else(|| Text::from("no expiry"), |until| Text::from(until.to_string()));
                let end = task.until.map_or_else(none, |until| Text::from(until.to_string()));
                found.push(limit("expires + ttl", value, end, "until"));
            }
            Outside::NoTask | Outside::Closed | Outside::NotListed | Outside::Takes(_) | Outside::TooLarge => {}
        }
    }
    found
}

fn names<K>(ids: &BTreeSet<Id<K>>) -> Text {
    let mut named: Vec<&str> = ids.iter().take(LISTED).map(Id::as_str).collect();
    let more = ids.len().saturating_sub(named.len());
    let more = format!("and {more} more");
    if ids.len() > LISTED {
        named.push(&more);
    }
    if named.is_empty() { Text::from("none") } else { Text::from(named.join(", ")) }
}

/// Sets the source of limits that the site does not set to `default`.
pub(super) fn call_defaults<'h>(hits: impl Iterator<Item = &'h mut PolicyHit>, defaults: &BTreeSet<&'static str>) {
    let is_default = |limit: &ExceededLimit| {
        limit.source.raw() == SETTINGS && limit.name.as_ref().is_some_and(|name| defaults.contains(name.raw()))
    };
    for limit in hits.flat_map(|hit| &mut hit.limits).filter(|limit| is_default(limit)) {
        limit.source = "default".into();
    }
}
