//! Conditions that the snapshot can decide: those on attributes of the holder.
//!
//! A condition of AWS is canonical JSON (operators over keys over values), possibly after marks of this tool, joined by
//! ` and `. For one holder it is false if a part is false, true if all parts are true, and undecided otherwise. A part
//! is undecided if its value is not in the snapshot or contains a policy variable. Linear in the length of the text.
//!
//! Source: AWS, IAM reference, "AWS global condition context keys", "IAM JSON policy elements: Condition operators".

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use crate::access::effective::state::AccessState;
use crate::input::id::Subject;
use crate::input::system::System;
use crate::input::text::Text;
use crate::snapshot::model::Identity;

/// Whether a condition depends on the holder.
pub(crate) fn is_about_holder(condition: &Text) -> bool {
    let text = condition.raw().to_ascii_lowercase();
    ["aws:principal", "aws:userid", "aws:username"].iter().any(|key| text.contains(key))
}

impl AccessState<'_, '_> {
    /// The undecided part of a condition for a subject. The outer `None` means that the condition cannot be true.
    #[expect(clippy::option_option, reason = "the outer says whether it can hold, the inner what is left to ask")]
    pub(crate) fn decided(&self, subject: &Subject, condition: Option<&Text>) -> Option<Option<Text>> {
        let Some(condition) = condition else { return Some(None) };
        let is_aws = self.systems.dialect(None).has_variables()
            || System::of_id(subject.as_str()).is_some_and(|system| system == System::Aws);
        if !is_aws || !is_about_holder(condition) {
            return Some(Some(condition.clone()));
        }
        let holder = match subject {
            Subject::Identity(id) => self.identity(id.as_str()),
            Subject::Group(_) => None,
        };
        decided(condition, holder)
    }
}

/// The undecided part of a condition for a holder. The outer `None` means that the condition cannot be true.
#[expect(clippy::option_option, reason = "the outer says whether it can hold, the inner what is left to ask")]
pub(crate) fn decided(condition: &Text, holder: Option<&Identity>) -> Option<Option<Text>> {
    let text = condition.raw();
    let start = if text.starts_with('{') { Some(0) } else { text.find(" and {").map(|at| at + " and ".len()) };
    let asked = start.and_then(|at| Some((at, serde_json::from_str::<Map<String, Json>>(text.get(at..)?).ok()?)));
    let Some((at, asked)) = asked else { return Some(Some(condition.clone())) };
    match all(asked.iter().map(|(operator, keys)| holds(operator, keys, holder))) {
        Some(false) => None,
        Some(true) => Some(text.get(..at).and_then(|mark| mark.strip_suffix(" and ")).map(Text::from)),
        None => Some(Some(condition.clone())),
    }
}

/// Conjunction of three-valued results; `None` is undecided.
fn all(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let answers: Vec<Option<bool>> = answers.collect();
    if answers.contains(&Some(false)) {
        return Some(false);
    }
    answers.iter().all(Option::is_some).then_some(true)
}

/// An operator: how it compares, and its result without a value to compare.
struct Operator {
    compares: fn(&str, &str) -> bool,
    negated: bool,
    /// The result for a key that is missing from the request.
    absent: bool,
}

impl Operator {
    fn named(name: &str) -> Option<Self> {
        let (set, name) = match name.split_once(':') {
            Some((set, name)) => (Some(set), name),
            None => (None, name),
        };
        let (name, if_exists) = match name.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (compares, negated): (fn(&str, &str) -> bool, bool) = match name {
            "StringEquals" => (|p, v| p == v, false),
            "StringNotEquals" => (|p, v| p == v, true),
            "StringEqualsIgnoreCase" | "Bool" => (|p, v| p.eq_ignore_ascii_case(v), false),
            "StringNotEqualsIgnoreCase" => (|p, v| p.eq_ignore_ascii_case(v), true),
            "StringLike" => (like, false),
            "StringNotLike" => (like, true),
            "ArnEquals" | "ArnLike" => (arn_like, false),
            "ArnNotEquals" | "ArnNotLike" => (arn_like, true),
            _ => return None,
        };
        let absent = match set {
            Some("ForAllValues") => true,
            Some("ForAnyValue") => if_exists,
            Some(_) => return None,
            None => if_exists || negated,
        };
        Some(Self { compares, negated, absent })
    }
}

/// Whether an operator is true for all of its keys; `None` is undecided.
fn holds(operator: &str, keys: &Json, holder: Option<&Identity>) -> Option<bool> {
    let keys = keys.as_object()?;
    if operator == "Null" {
        return all(keys.iter().map(|(key, wanted)| is_null(key, wanted, holder)));
    }
    let operator = Operator::named(operator)?;
    all(keys.iter().map(|(key, values)| {
        let value = match value(key, holder) {
            Value::Unknown => return None,
            Value::None => return Some(operator.absent),
            Value::Is(value) => value,
        };
        let patterns: Vec<&str> = values.as_array()?.iter().filter_map(Json::as_str).collect();
        // A variable can have any value, so only a match with another value is certain.
        let (open, plain): (Vec<&str>, Vec<&str>) = patterns.into_iter().partition(|pattern| pattern.contains("${"));
        let meets = plain.iter().any(|pattern| (operator.compares)(pattern, &value));
        (meets || open.is_empty()).then_some(meets != operator.negated)
    }))
}

fn is_null(key: &str, wanted: &Json, holder: Option<&Identity>) -> Option<bool> {
    let absent = match value(key, holder) {
        Value::Unknown => return None,
        Value::None => true,
        Value::Is(_) => false,
    };
    let wanted: Vec<Cow<'_, str>> = wanted.as_array()?.iter().filter_map(Json::as_str).map(Cow::Borrowed).collect();
    Some(wanted.iter().any(|text| text.eq_ignore_ascii_case(if absent { "true" } else { "false" })))
}

/// The value of a variable or condition key.
pub(crate) enum Value {
    Is(String),
    /// This kind of holder has no value.
    None,
    Unknown,
}

/// The value of a variable or condition key for a holder.
pub(crate) fn value(name: &str, holder: Option<&Identity>) -> Value {
    let Some(holder) = holder else { return Value::Unknown };
    let id = holder.id.as_str();
    let mut parts = id.splitn(6, ':').skip(4);
    let (account, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    // The value is a literal. A character with a special meaning in patterns makes it unknown.
    let plain =
        |text: &Text| if text.raw().contains(['*', '?']) { Value::Unknown } else { Value::Is(text.raw().to_owned()) };
    match name.to_ascii_lowercase().as_str() {
        "aws:username" if rest.starts_with("user/") => {
            Value::Is(rest.rsplit('/').next().unwrap_or_default().to_owned())
        }
        "aws:username" if rest.starts_with("role/") => Value::None,
        "aws:userid" if rest.starts_with("user/") => holder.labels.get("aws:userid").map_or(Value::Unknown, plain),
        "aws:principalaccount" if !account.is_empty() => Value::Is(account.to_owned()),
        // A principal named by the root of another account can be any identity in that account.
        "aws:principalarn" if rest.starts_with("user/") || rest.starts_with("role/") => plain(&holder.id.text()),
        "aws:principaltype" if rest.starts_with("user/") => Value::Is("User".to_owned()),
        "aws:principaltype" if rest.starts_with("role/") => Value::Is("AssumedRole".to_owned()),
        "aws:principalisawsservice" if !account.is_empty() => Value::Is("false".to_owned()),
        "aws:principalisawsservice" if id.starts_with("service:") => Value::Is("true".to_owned()),
        "aws:principalorgid" => holder.labels.get("aws:principalorgid").map_or(Value::Unknown, plain),
        // Session tags of a role may override the tags of the role.
        lower if lower.starts_with("aws:principaltag/") && rest.starts_with("role/") => Value::Unknown,
        lower if lower.starts_with("aws:principaltag/") => {
            let key = name.get("aws:principaltag/".len()..).unwrap_or_default();
            // WHY: a session may have tags that no export shows, so a missing tag is unknown.
            holder.labels.get(key).map_or(Value::Unknown, plain)
        }
        _ => Value::Unknown,
    }
}

/// Whether a pattern with `*` and `?` matches a text.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(letter) = text.get(from) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(other) if *other == '?' || other == letter => {
                at += 1;
                from += 1;
            }
            Some(_) | None => {
                let Some((place, start)) = star else { return false };
                star = Some((place, start + 1));
                at = place + 1;
                from = start + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

/// The same, separately for each of the six fields of an ARN.
fn arn_like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<&str>, Vec<&str>) = (pattern.splitn(6, ':').collect(), text.splitn(6, ':').collect());
    pattern.len() == text.len() && pattern.iter().zip(text).all(|(pattern, text)| like(pattern, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::tests::build::*;

    const USER: &str = "arn:aws:iam::111111111111:user/team/ann";
    const ROLE: &str = "arn:aws:iam::111111111111:role/deploy";

    /// `yes`, `no`, or the undecided part.
    fn of(holder: &str, condition: &str) -> String {
        let mut s = snapshot("aws").human(holder);
        s.identities[1].labels.insert("aws:principalorgid".into(), "o-one".into());
        match decided(&condition.into(), s.identities.last()) {
            None => "no".to_owned(),
            Some(None) => "yes".to_owned(),
            Some(Some(left)) => left.raw().to_owned(),
        }
    }

    #[test]
    fn who_the_holder_is_decides_a_condition_on_it() {
        let cases = [
            (r#"{"StringEquals":{"aws:PrincipalAccount":["111111111111"]}}"#, "yes", "yes"),
            (r#"{"StringEquals":{"aws:PrincipalAccount":["222222222222"]}}"#, "no", "no"),
            (r#"{"ArnNotLike":{"aws:PrincipalArn":["arn:aws:iam::*:role/deploy"]}}"#, "yes", "no"),
            (r#"{"ArnLike":{"AWS:principalarn":["arn:aws:iam::*:user/*"]}}"#, "yes", "no"),
            (r#"{"ArnLike":{"aws:PrincipalArn":["arn:aws:*:user/team/ann"]}}"#, "no", "no"),
            (r#"{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":["o-one"]}}"#, "no", "no"),
            (r#"{"StringNotEquals":{"aws:PrincipalOrgID":["o-two"]}}"#, "yes", "yes"),
            (r#"{"StringEquals":{"aws:username":["ann"]}}"#, "yes", "no"),
            (r#"{"StringNotEquals":{"aws:username":["ann"]}}"#, "no", "yes"),
            (r#"{"StringEqualsIfExists":{"aws:username":["bo"]}}"#, "no", "yes"),
            (r#"{"Bool":{"aws:PrincipalIsAWSService":["false"]}}"#, "yes", "yes"),
            (r#"{"Null":{"aws:username":["true"]}}"#, "no", "yes"),
            (r#"{"StringEquals":{"aws:PrincipalType":["AssumedRole"]}}"#, "no", "yes"),
            (r#"{"ForAnyValue:StringLike":{"aws:username":["a*"]}}"#, "yes", "no"),
        ];
        for (condition, user, role) in cases {
            assert_eq!((of(USER, condition).as_str(), of(ROLE, condition).as_str()), (user, role), "{condition}");
        }
    }

    #[test]
    fn a_part_that_is_false_decides_whatever_the_others_say_and_an_open_part_leaves_the_whole_open() {
        let mfa = r#""Bool":{"aws:MultiFactorAuthPresent":["true"]}"#;
        let account = |n: &str| format!(r#"{{{mfa},"StringEquals":{{"aws:PrincipalAccount":["{n}"]}}}}"#);
        assert_eq!(of(USER, &account("222222222222")), "no");
        assert_eq!(of(USER, &account("111111111111")), account("111111111111"));
        let open = r#"{"StringEquals":{"aws:PrincipalAccount":["${aws:SourceAccount}"]}}"#;
        assert_eq!(of(USER, open), open);
        let unknown = r#"{"DateLessThan":{"aws:PrincipalAccount":["1"]}}"#;
        assert_eq!(of(USER, unknown), unknown);
        let marked = r#"only its session `s` and {"StringEquals":{"aws:PrincipalAccount":["111111111111"]}}"#;
        assert_eq!(of(USER, marked), "only its session `s`");
        assert_eq!(of(USER, "mfa"), "mfa");
    }
}
