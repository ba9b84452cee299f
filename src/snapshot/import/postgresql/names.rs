//! How names of PostgreSQL are written in ids: as in SQL, so that two names never give one id.
//!
//! A simple name is bare (`orders`), any other is quoted (`"Orders"`), and one with a character that an id must not contain,
//! or that patterns give a meaning, is quoted with escapes (`U&"a\002Ab"`). All three are SQL for the same name.

use crate::snapshot::check::is_plain;

/// A name as an SQL identifier. Key words are not quoted.
pub(crate) fn quoted(name: &str) -> String {
    let is_simple = |n: usize, b: u8| match b {
        b'a'..=b'z' | b'_' => true,
        b'0'..=b'9' | b'$' => n > 0,
        _ => false,
    };
    if !name.is_empty() && name.bytes().enumerate().all(|(n, b)| is_simple(n, b)) {
        return name.to_owned();
    }
    let inner = name.replace('"', "\"\"");
    if inner.chars().any(needs_escape) { format!("U&\"{}\"", escaped(&inner)) } else { format!("\"{inner}\"") }
}

/// A text of which single characters are escaped, for the argument types of functions, which the server quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c) {
            _ if c == '\\' => out.push_str("\\\\"),
            _ if !needs_escape(c) => out.push(c),
            code @ 0..=0xffff => out.push_str(&format!("\\{code:04X}")),
            code => out.push_str(&format!("\\+{code:06X}")),
        }
    }
    out
}

/// Reads a name from the start of an id, and returns it with the rest. The inverse of [`quoted`].
pub(crate) fn unquoted(id: &str) -> Option<(String, &str)> {
    let (inner, has_escapes) = match (id.strip_prefix("U&\""), id.strip_prefix('"')) {
        (Some(inner), _) => (inner, true),
        (None, Some(inner)) => (inner, false),
        (None, None) => {
            let end = id.find(|c: char| !matches!(c, 'a'..='z' | '0'..='9' | '_' | '$')).unwrap_or(id.len());
            let (name, rest) = id.split_at_checked(end)?;
            let is_simple = name.starts_with(|c: char| c == '_' || c.is_ascii_lowercase());
            return is_simple.then(|| (name.to_owned(), rest));
        }
    };
    let mut name = String::new();
    let mut rest = inner;
    loop {
        let c = rest.chars().next()?;
        rest = rest.get(c.len_utf8()..)?;
        match c {
            '"' => match rest.strip_prefix('"') {
                Some(more) => {
                    name.push('"');
                    rest = more;
                }
                None => return Some((name, rest)),
            },
            '\\' if has_escapes => {
                let (c, more) = unescaped(rest)?;
                name.push(c);
                rest = more;
            }
            c => name.push(c),
        }
    }
}

/// Reads what follows a backslash.
fn unescaped(text: &str) -> Option<(char, &str)> {
    if let Some(rest) = text.strip_prefix('\\') {
        return Some(('\\', rest));
    }
    let (digits, rest) = match text.strip_prefix('+') {
        Some(long) => long.split_at_checked(6)?,
        None => text.split_at_checked(4)?,
    };
    let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
    Some((char::from_u32(code)?, rest))
}

fn needs_escape(c: char) -> bool {
    matches!(c, '*' | '?' | '\\') || !is_plain(c.encode_utf8(&mut [0; 4]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn names_are_written_as_in_sql() {
        for (name, id) in [
            ("orders", "orders"),
            ("_a$1", "_a$1"),
            ("Orders", "\"Orders\""),
            ("my-app", "\"my-app\""),
            ("1st", "\"1st\""),
            ("", "\"\""),
            ("a.b", "\"a.b\""),
            ("a\"b", "\"a\"\"b\""),
            ("été", "\"été\""),
            ("a*b", "U&\"a\\002Ab\""),
            ("a\\b", "U&\"a\\\\b\""),
            ("a\u{200b}b", "U&\"a\\200Bb\""),
            ("a\u{e0041}\"", "U&\"a\\+0E0041\"\"\""),
            ("a\nb", "U&\"a\\000Ab\""),
        ] {
            assert_eq!(quoted(name), id);
        }
    }

    proptest::proptest! {
        #[test]
        fn an_id_is_plain_holds_no_wildcard_and_belongs_to_one_name(names in proptest::collection::vec("[\\PC\\x00-\\x7f\u{200b}\u{202e}]{0,6}|[a\"U&.*\\\\]{0,4}", 1..40)) {
            let mut known: BTreeMap<String, String> = BTreeMap::new();
            for name in names {
                let id = quoted(&name);
                let trailing = format!("{id}.x");
                let read = unquoted(&trailing);
                proptest::prop_assert_eq!(read, Some((name.clone(), ".x")));
                proptest::prop_assert!(is_plain(&id) && !id.contains(['*', '?', '\n']), "{:?}", id);
                let other = known.insert(id, name.clone());
                proptest::prop_assert!(other.is_none_or(|other| other == name));
            }
        }
    }
}
