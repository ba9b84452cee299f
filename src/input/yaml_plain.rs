//! The meaning of a plain (unquoted) YAML scalar, if all readers agree on it.
//!
//! Sources: YAML 1.2.2 §10.2 and §10.3 (JSON and core schemas), and the YAML 1.1 type repository (bool, int, float,
//! null, merge, value, timestamp). Dates and times stay text, because both of our readers read them so.

/// The meaning of a plain scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    /// Empty or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number in plain decimal notation.
    Integer(i64),
    /// A decimal fraction.
    Fraction,
    /// Text.
    Text,
    /// Versions or readers of YAML see different values.
    Ambiguous,
}

/// Words that YAML 1.1 reads as booleans, nulls, merges or values, and YAML 1.2 may not.
const AMBIGUOUS_WORDS: &[&str] =
    &["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<", ".inf", ".nan", "inf", "nan"];

/// Determines the meaning of a plain scalar.
pub(super) fn read(text: &str) -> Plain {
    match text {
        "" | "null" => return Plain::Null,
        "true" => return Plain::Bool(true),
        "false" => return Plain::Bool(false),
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if AMBIGUOUS_WORDS
        .iter()
        .any(|word| word.eq_ignore_ascii_case(unsigned) && (text == unsigned || unsigned.len() > 2))
    {
        return Plain::Ambiguous;
    }
    let magnitude = text.strip_prefix('-').unwrap_or(text);
    let canonical = |digits: &str| {
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'))
    };
    if canonical(magnitude) && text != "-0" {
        return text.parse().map_or(Plain::Ambiguous, Plain::Integer);
    }
    if let Some((whole, part)) = magnitude.split_once('.')
        && canonical(whole)
        && !part.is_empty()
        && part.len() + whole.len() < 16
        && part.bytes().all(|b| b.is_ascii_digit())
    {
        return Plain::Fraction;
    }
    if is_numeric_somewhere(unsigned) { Plain::Ambiguous } else { Plain::Text }
}

/// Whether some version of YAML reads this text (without its sign) as a number.
fn is_numeric_somewhere(text: &str) -> bool {
    let all = |rest: &str, allowed: fn(u8) -> bool| !rest.is_empty() && rest.bytes().all(allowed);
    let Some(first) = text.bytes().next() else { return false };
    if !first.is_ascii_digit() && first != b'.' {
        return false;
    }
    for (prefix, digits) in [
        ("0x", (|b: u8| b.is_ascii_hexdigit() || b == b'_') as fn(u8) -> bool),
        ("0o", |b| (b'0'..=b'7').contains(&b) || b == b'_'),
        ("0b", |b| matches!(b, b'0' | b'1' | b'_')),
    ] {
        if text.get(..2).is_some_and(|p| p.eq_ignore_ascii_case(prefix)) {
            return text.get(2..).is_some_and(|rest| all(rest, digits));
        }
    }
    // Sexagesimal: 12:30:00, 190:20:30.15.
    if text.contains(':') {
        let mut parts = text.split(':');
        let head = parts.next().unwrap_or_default();
        return all(head, |b| b.is_ascii_digit() || b == b'_')
            && parts.all(|part| {
                let whole = part.split_once('.').map_or(part, |(whole, _)| whole);
                matches!(whole.len(), 1 | 2) && all(part, |b| b.is_ascii_digit() || matches!(b, b'.' | b'_'))
            });
    }
    // Octal as in 0777, grouping as in 1_000, runs of dots as in 1.2.3, exponents.
    let (mantissa, exponent) =
        text.find(['e', 'E']).map_or((text, None), |at| (text.get(..at).unwrap_or_default(), text.get(at + 1..)));
    let mantissa_is_number = mantissa.bytes().any(|b| b.is_ascii_digit())
        && mantissa.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'_'));
    let exponent_is_number = exponent
        .is_none_or(|rest| all(rest.strip_prefix(['+', '-']).unwrap_or(rest), |b| b.is_ascii_digit() || b == b'_'));
    mantissa_is_number && exponent_is_number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_versions_read_differently_is_ambiguous() {
        for text in [
            "y",
            "N",
            "yes",
            "No",
            "ON",
            "off",
            "True",
            "FALSE",
            "Null",
            "NULL",
            "~",
            "=",
            "<<",
            ".inf",
            "-.INF",
            "+.Inf",
            ".NaN",
            "0777",
            "007",
            "0o17",
            "0x1F",
            "-0x1f",
            "0b101",
            "1_000",
            "12:30:00",
            "12:30",
            "190:20:30.15",
            "+1",
            "-0",
            "1e3",
            "1E+3",
            "1.5e3",
            "5.",
            ".5",
            "+.5",
            "00.5",
            "1.2.3",
            "99999999999999999999",
            "6.8523015e+5",
            "1.0000000000000000000001",
            "-NaN",
        ] {
            assert_eq!(read(text), Plain::Ambiguous, "{text}");
        }
    }

    #[test]
    fn what_all_read_alike_needs_no_quotes() {
        for text in [
            "2026-11-30",
            "2026-11-30T00:00:00Z",
            "2001-12-14 21:59:43",
            "user:ann",
            "svc",
            "4h",
            "90d",
            "sha256:9f0c",
            "10.0.0.0/8",
            "-",
            "+",
            "<<<",
            "a=b",
            "db:ledger",
            "ns/1",
            "12:3a",
            "1.2.x",
            "0xzz",
            "...",
            "yesterday",
            "inf-x",
            "e5",
            "+-1",
            "--1",
        ] {
            assert_eq!(read(text), Plain::Text, "{text}");
        }
        assert_eq!(read(""), Plain::Null);
        assert_eq!(read("-17"), Plain::Integer(-17));
        assert_eq!(read("9223372036854775807"), Plain::Integer(i64::MAX));
        assert_eq!(read("-1.5"), Plain::Fraction);
    }
}
