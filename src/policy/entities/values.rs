//! Conversion of values for Cedar.

use std::collections::BTreeSet;

use cedar_policy::RestrictedExpression as Value;

use crate::input::time::{Span, Time};

pub(crate) fn span(span: Span) -> Value {
    Value::new_duration(format!("{}s", span.seconds()))
}

pub(crate) fn time(time: Time) -> Value {
    Value::new_datetime(time.to_string())
}

pub(crate) fn long(count: u64) -> Value {
    // WHY: Cedar has no integers beyond i64. The largest number errs towards more.
    Value::new_long(i64::try_from(count).unwrap_or(i64::MAX))
}

pub(crate) fn strings<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    let words: BTreeSet<&str> = words.into_iter().collect();
    Value::new_set(words.into_iter().map(|word| Value::new_string(word.to_owned())))
}
