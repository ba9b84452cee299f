//! Fills the templates of `init` and `demo`, so that their dates are always current.
//!
//! Replaces `{{now-1h}}`, `{{now+3d}}`, `{{date-210d}}` and words given by the caller.

use crate::input::time::{Span, Time};

/// Replaces every placeholder of a template.
#[must_use]
pub fn fill(template: &str, now: Time, words: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((mark, tail)) = after.split_once("}}") else {
            out.push_str("{{");
            rest = after;
            continue;
        };
        match value(mark, now, words) {
            Some(text) => out.push_str(&text),
            None => out.push_str(&format!("{{{{{mark}}}}}")),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn value(mark: &str, now: Time, words: &[(&str, &str)]) -> Option<String> {
    if let Some((_, text)) = words.iter().find(|(word, _)| *word == mark) {
        return Some((*text).to_owned());
    }
    let (word, shift) = mark.find(['+', '-']).and_then(|at| mark.split_at_checked(at)).unwrap_or((mark, ""));
    let time = match shift.split_at_checked(1) {
        Some(("+", span)) => now.plus(Span::parse(span)?),
        Some(("-", span)) => Time::from_unix(now.unix().saturating_sub(Span::parse(span)?.seconds())),
        _ => now,
    };
    match word {
        "now" => Some(time.to_string()),
        "date" => Some(time.to_string().chars().take(10).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_times_and_other_braces_stay() {
        let now = Time::parse("2030-01-02T03:04:05Z").unwrap();
        assert_eq!(
            fill("a {{now-1h}} {{date+1d}} {{x}} {{log_id}} {{", now, &[("log_id", "L")]),
            "a 2030-01-02T02:04:05Z 2030-01-03 {{x}} L {{"
        );
    }
}
