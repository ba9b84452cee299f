//! Conditions of bindings: the time until which they hold is read, everything else is kept word for word.

use crate::input::time::Time;

/// A condition, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Terms {
    /// `request.time < timestamp("…")`; of several, the earliest.
    pub until: Option<Time>,
    /// What else must hold.
    pub rest: Option<String>,
}

/// Reads an expression of the Common Expression Language. Only a conjunct of the whole expression is a limit in time.
pub(super) fn terms(expression: &str) -> Terms {
    let mut terms = Terms::default();
    let mut rest: Vec<&str> = Vec::new();
    for part in conjuncts(expression) {
        match end(part) {
            Some(time) => terms.until = Some(terms.until.map_or(time, |known| known.min(time))),
            None => rest.push(part),
        }
    }
    terms.rest = (!rest.is_empty()).then(|| rest.join(" && "));
    terms
}

/// The parts that `&&` joins outside of parentheses and strings. An expression with `||` or `?` there has one part.
fn conjuncts(expression: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    let mut quote: Option<u8> = None;
    let bytes = expression.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let is_pair = |c: u8| *byte == c && bytes.get(at.saturating_add(1)) == Some(&c);
        match (quote, byte) {
            (Some(_), b'\\') => at = at.saturating_add(1),
            (Some(open), close) if open == *close => quote = None,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'(' | b'[' | b'{') => depth = depth.saturating_add(1),
            (None, b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            (None, b'?' | b'|') if depth == 0 && (*byte == b'?' || is_pair(b'|')) => return vec![expression.trim()],
            (None, b'&') if depth == 0 && is_pair(b'&') => {
                parts.push(expression.get(start..at).unwrap_or_default().trim());
                start = at.saturating_add(2);
                at = at.saturating_add(1);
            }
            (Some(_) | None, _) => {}
        }
        at = at.saturating_add(1);
    }
    parts.push(expression.get(start..).unwrap_or_default().trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// The time of `request.time < timestamp("…")`.
fn end(part: &str) -> Option<Time> {
    let rest = part.strip_prefix("request.time")?.trim_start();
    let rest = rest.strip_prefix("<=").or_else(|| rest.strip_prefix('<'))?.trim_start();
    let inner = rest.strip_prefix("timestamp(")?.strip_suffix(')')?.trim();
    let text = inner.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    let text = text.or_else(|| inner.strip_prefix('\'').and_then(|it| it.strip_suffix('\'')))?;
    Time::parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(expression: &str) -> (Option<String>, Option<String>) {
        let terms = terms(expression);
        (terms.until.map(|time| time.to_string()), terms.rest)
    }

    #[test]
    fn only_a_conjunct_of_the_whole_expression_ends_a_binding() {
        let until = || Some("2030-01-02T03:04:05Z".to_owned());
        let time = "request.time < timestamp(\"2030-01-02T03:04:05Z\")";
        let rest = |text: &str| Some(text.to_owned());
        assert_eq!(read(time), (until(), None));
        assert_eq!(read(&time.replace('"', "'").replace(" < ", "<=")), (until(), None));
        assert_eq!(read(&format!("a == b && {time}")), (until(), rest("a == b")));
        assert_eq!(
            read(&format!("x.startsWith(\"a && b\") && {time} && c")),
            (until(), rest("x.startsWith(\"a && b\") && c"))
        );
        assert_eq!(
            read(&format!("{time} && request.time < timestamp('2029-01-01T00:00:00Z')")).0.unwrap(),
            "2029-01-01T00:00:00Z"
        );
        for whole in [
            format!("a || {time}"),
            format!("!(a && {time} && b)"),
            format!("({time})"),
            format!("a ? b : {time}"),
            "request.time > timestamp(\"2030-01-02T03:04:05Z\")".to_owned(),
            "request.time < timestamp(\"soon\")".to_owned(),
        ] {
            assert_eq!(read(&whole), (None, rest(&whole)), "{whole}");
        }
        assert_eq!(read(" "), (None, None));
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_panics(expression in "[a-z&|()\"'\\\\? ]{0,40}") {
            let kept = terms(&expression).rest.unwrap_or_default();
            let letters = |text: &str| text.chars().filter(char::is_ascii_lowercase).collect::<String>();
            proptest::prop_assert_eq!(letters(&kept), letters(&expression));
        }
    }
}
