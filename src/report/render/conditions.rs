//! The conditions of a policy, as `explain` shows them: each part with its value and the values that it saw.

use schemars::JsonSchema;
use serde::Serialize;

use crate::input::text::Text;
use crate::policy::{ConditionPart, ExplainedCondition, ExplainedPolicy};
use crate::report::layout::{Page, StyledSpan, spans};
use crate::report::sentence::Sentence;
use crate::report::style::Label;

/// Puts the conditions of a policy below it: ✔ for a part that is true, ✘ for one that is false.
pub(super) fn put(page: &mut Page, explained: &ExplainedPolicy) {
    let effect = if explained.is_permit { "permit " } else { "forbid " };
    let place = Text::from(format!("{}:{}", explained.place.file, explained.place.line));
    let says = Sentence::of(effect).id(&explained.policy).own(" at ").name(&place);
    page.para("      ", &spans(Label::Quiet, &says));
    for condition in &explained.conditions {
        for (at, part) in condition.parts.iter().enumerate() {
            put_part(page, condition, at == 0, part);
        }
    }
}

fn put_part(page: &mut Page, condition: &ExplainedCondition, first: bool, part: &ConditionPart) {
    let (label, mark) = match part.value {
        Some(true) => (Label::Pass, "✔"),
        Some(false) => (Label::Stop, "✘"),
        None => (Label::Warn, "?"),
    };
    let word = if first { condition.kind } else { condition.operator.unwrap_or_default() };
    let mut line =
        vec![StyledSpan::own(Label::Quiet, format!("{word:<6} ")), StyledSpan::outside(Label::Plain, &part.text)];
    if part.value.is_none() {
        line.push(StyledSpan::own(Label::Quiet, " (not evaluated on its own)"));
    }
    for (at, (name, value)) in part.saw.iter().enumerate() {
        let front = Sentence::of(if at == 0 { " · " } else { ", " });
        line.extend(spans(Label::Quiet, &front.name(name).own(" is ").name(value)));
    }
    page.para_from(StyledSpan::own(label, format!("        {mark} ")), &line);
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ExplainedOut<'r> {
    id: &'r str,
    effect: &'static str,
    file: Text,
    line: u32,
    conditions: Vec<ConditionOut<'r>>,
}

#[derive(Serialize, JsonSchema)]
struct ConditionOut<'r> {
    /// `when` or `unless`.
    kind: &'static str,
    /// Whether the policy applies as far as this condition is concerned.
    met: Option<bool>,
    /// `&&` or `||` between the parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<&'static str>,
    parts: Vec<PartOut<'r>>,
}

#[derive(Serialize, JsonSchema)]
struct PartOut<'r> {
    text: &'r Text,
    value: Option<bool>,
    saw: Vec<SawOut<'r>>,
}

#[derive(Serialize, JsonSchema)]
struct SawOut<'r> {
    name: &'r Text,
    value: &'r Text,
}

pub(super) fn json(explained: &ExplainedPolicy) -> ExplainedOut<'_> {
    ExplainedOut {
        id: explained.policy.as_str(),
        effect: if explained.is_permit { "permit" } else { "forbid" },
        file: Text::from(&*explained.place.file),
        line: explained.place.line,
        conditions: explained
            .conditions
            .iter()
            .map(|it| ConditionOut {
                kind: it.kind,
                met: it.met,
                operator: it.operator,
                parts: it.parts.iter().map(part).collect(),
            })
            .collect(),
    }
}

fn part(part: &ConditionPart) -> PartOut<'_> {
    let saw = part.saw.iter().map(|(name, value)| SawOut { name, value }).collect();
    PartOut { text: &part.text, value: part.value, saw }
}
