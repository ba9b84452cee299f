//! Hides passwords and their hashes in texts that are shown with findings.
//!
//! Hidden are the literal after the word `PASSWORD`, the string under a JSON key that ends in `password` or `secret`, and the
//! verifiers that PostgreSQL stores (`SCRAM-SHA-256$…`, `md5` and 32 hexadecimal digits), wherever they are. Every hidden byte
//! becomes `*`, so that lines and columns stay the same. Linear.

use std::borrow::Cow;

/// The text, with secrets replaced byte by byte.
#[must_use]
pub fn redacted(text: &str) -> Cow<'_, str> {
    let mut hidden = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let end = secret(bytes, at);
        if let Some((start, end)) = end {
            hidden.push((start, end));
            at = end.max(at.saturating_add(1));
        } else {
            at = at.saturating_add(1);
        }
    }
    if hidden.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = bytes.to_vec();
    for (start, end) in hidden {
        for byte in out.get_mut(start..end).into_iter().flatten().filter(|byte| **byte != b'\n') {
            *byte = b'*';
        }
    }
    // A hidden region begins and ends at ASCII characters, so that the rest stays UTF-8.
    Cow::Owned(String::from_utf8(out).unwrap_or_default())
}

/// The secret that begins at a byte, or that a word beginning there announces: start and end of what is hidden.
fn secret(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = bytes.get(at..)?;
    match rest.first()? {
        b'S' | b's' if starts(rest, b"SCRAM-SHA-256$") => Some((at, at.saturating_add(run(rest, is_verifier)))),
        b'm' | b'M' if starts(rest, b"md5") => {
            let length = run(rest.get(3..)?, |b| b.is_ascii_hexdigit());
            (length >= 32).then(|| (at, at.saturating_add(length).saturating_add(3)))
        }
        b'P' | b'p' if starts(rest, b"PASSWORD") => {
            let mut start = at.saturating_add(8);
            if let Some(found) = json_string(bytes, start) {
                return Some(found);
            }
            start = start.saturating_add(run(bytes.get(start..)?, |b| b.is_ascii_whitespace()));
            if matches!(bytes.get(start), Some(b'E' | b'e')) {
                start = start.saturating_add(1);
            }
            let is_escaped = start > 0 && matches!(bytes.get(start.saturating_sub(1)), Some(b'E' | b'e'));
            (bytes.get(start) == Some(&b'\'')).then(|| literal(bytes, start.saturating_add(1), is_escaped))
        }
        b'S' | b's' if starts(rest, b"SECRET") => json_string(bytes, at.saturating_add(6)),
        _ => None,
    }
}

/// The string under a JSON key that ends at a byte: `": "…`.
fn json_string(bytes: &[u8], key_end: usize) -> Option<(usize, usize)> {
    let rest = bytes.get(key_end..)?.strip_prefix(b"\"")?;
    let spaces = |text: &[u8]| run(text, |b| b.is_ascii_whitespace());
    let before = spaces(rest);
    let rest = rest.get(before..)?.strip_prefix(b":")?;
    let after = spaces(rest);
    let inner = rest.get(after..)?.strip_prefix(b"\"")?;
    let start = bytes.len().saturating_sub(inner.len());
    let mut is_escaped = false;
    let length = run(inner, |b| {
        let is_end = b == b'"' && !is_escaped;
        is_escaped = b == b'\\' && !is_escaped;
        !is_end
    });
    Some((start, start.saturating_add(length)))
}

fn starts(rest: &[u8], word: &[u8]) -> bool {
    rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

fn run(bytes: &[u8], mut is: impl FnMut(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| is(**byte)).count()
}

fn is_verifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-$:+/=".contains(&byte)
}

/// From the first byte of a literal to its end quote; to the end of the text if it has none.
fn literal(bytes: &[u8], start: usize, is_escaped: bool) -> (usize, usize) {
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if is_escaped => at = at.saturating_add(1),
            b'\'' if bytes.get(at.saturating_add(1)) == Some(&b'\'') => at = at.saturating_add(1),
            b'\'' => return (start, at),
            _ => {}
        }
        at = at.saturating_add(1);
    }
    (start, bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_verifiers_are_hidden_and_nothing_moves() {
        for (text, secret) in [
            ("ALTER ROLE a PASSWORD 'md50123456789abcdef0123456789abcdef';", "md50123456789abcdef0123456789abcdef"),
            ("x PASSWORD 'it''s' VALID", "it''s"),
            ("x password E'a\\'b' y", "a\\'b"),
            ("x PASSWORD 'open", "open"),
            (r#"{"userName": "a", "password": "hun\"ter2", "b": 1}"#, r#"hun\"ter2"#),
            (r#"{"client_secret" :"s3cr3t"}"#, "s3cr3t"),
            (r#"{"password": "cut"#, "cut"),
            ("SCRAM-SHA-256$4096:c2FsdA==$a+b/c=:d= x", "SCRAM-SHA-256$4096:c2FsdA==$a+b/c=:d="),
            ("md50123456789abcdef0123456789abcdef", "md50123456789abcdef0123456789abcdef"),
        ] {
            assert_eq!(redacted(text), text.replace(secret, &"*".repeat(secret.len())));
        }
        for harmless in ["the PASSWORD é and md5sum", r#"{"secret": 1, "passwordCredentials": [{"keyId": "k"}]}"#] {
            assert_eq!(redacted(harmless), harmless);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_password_is_never_shown(before in "\\PC{0,9}", secret in "[^'\\\\\\n]{1,30}", after in "\\PC{0,9}") {
            let text = format!("{before} PASSWORD '{secret}' {after}");
            let shown = redacted(&text);
            proptest::prop_assert_eq!(shown.len(), text.len());
            let stars = "*".repeat(secret.len());
            proptest::prop_assert!(shown.contains(&format!("PASSWORD '{stars}'")), "{}", shown);
        }
    }
}
