//! Names and texts in SQL, quoted so that no name can end a token.
//!
//! Every identifier is quoted, key words included. What is invisible or could reorder text is escaped (`U&"…"`), so that a
//! file shows what it does. A script must set `standard_conforming_strings`, which the default is.

use crate::input::text::is_hidden;

/// A name as a quoted identifier; none for one that no server can have.
pub(super) fn identifier(name: &str) -> Option<String> {
    quoted(name, '"').filter(|_| !name.is_empty())
}

/// A text as a literal; none if it holds a character that no server stores.
pub(super) fn literal(text: &str) -> Option<String> {
    quoted(text, '\'')
}

fn quoted(text: &str, quote: char) -> Option<String> {
    if text.contains('\0') {
        return None;
    }
    let escapes = |c: char| is_hidden(c) && c != '\n';
    let has_escapes = text.chars().any(escapes);
    let mut out = String::with_capacity(text.len() + 4);
    out.push_str(if has_escapes { "U&" } else { "" });
    out.push(quote);
    for c in text.chars() {
        match u32::from(c) {
            _ if c == quote => out.extend([quote, quote]),
            _ if has_escapes && c == '\\' => out.push_str("\\\\"),
            code if escapes(c) && code <= 0xffff => out.push_str(&format!("\\{code:04X}")),
            code if escapes(c) => out.push_str(&format!("\\+{code:06X}")),
            // A name with a line break is written on one line; only texts of ours have some.
            _ if c == '\n' && quote == '"' => return quoted_line_break(text),
            _ => out.push(c),
        }
    }
    out.push(quote);
    Some(out)
}

/// An identifier that holds a line break, which is escaped.
fn quoted_line_break(name: &str) -> Option<String> {
    let mut out = String::from("U&\"");
    for c in name.chars() {
        match u32::from(c) {
            _ if c == '"' => out.push_str("\"\""),
            _ if c == '\\' => out.push_str("\\\\"),
            0 => return None,
            code if is_hidden(c) && code <= 0xffff => out.push_str(&format!("\\{code:04X}")),
            code if is_hidden(c) => out.push_str(&format!("\\+{code:06X}")),
            _ => out.push(c),
        }
    }
    out.push('"');
    Some(out)
}
