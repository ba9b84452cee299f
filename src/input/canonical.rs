//! Canonical JSON: one value, one sequence of bytes.
//!
//! Source: RFC 8785, with two restrictions that make it exact in every language: keys are ASCII, and numbers are
//! integers within ±(2^53−1). In: any value that serialises so. Out: its bytes, keys sorted, no white space.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// Why a value has no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// The value does not serialise to JSON at all.
    #[error("the value cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A number is a fraction or beyond ±(2^53−1).
    #[error("the number {0} has no canonical form")]
    Number(serde_json::Number),
    /// A key is not ASCII.
    #[error("a key that is not ASCII has no canonical form")]
    Key,
}

/// The largest integer that every JSON reader keeps exact: 2^53−1.
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;

/// Writes a value in canonical form, without a trailing LF.
///
/// # Errors
/// If the value holds a fraction, an integer beyond ±(2^53−1) or a key that is not ASCII.
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::new();
    write(&serde_json::to_value(value)?, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(b) => out.extend_from_slice(if *b { b"true" } else { b"false" }),
        Value::Number(n) => match n.as_i64().filter(|i| i.abs() <= MAX_INTEGER) {
            Some(i) => out.extend_from_slice(i.to_string().as_bytes()),
            None => return Err(CanonicalError::Number(n.clone())),
        },
        Value::String(s) => write_string(s, out),
        Value::Array(items) => {
            out.push(b'[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(map) => {
            // WHY: a dependency turns on `preserve_order`, so the map's own order says nothing. ASCII keys make byte
            // order and RFC 8785's UTF-16 order the same.
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            out.push(b'{');
            for (n, (key, item)) in sorted.into_iter().enumerate() {
                if !key.is_ascii() {
                    return Err(CanonicalError::Key);
                }
                if n > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                write(item, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

fn write_string(s: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut buffer = [0_u8; 4];
    for c in s.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\r' => out.extend_from_slice(b"\\r"),
            c if (c as u32) < 0x20 => out.extend_from_slice(format!("\\u{:04x}", c as u32).as_bytes()),
            c => out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_numbers_exact() {
        let value = serde_json::json!({"b": 1, "a": [true, null, "x\u{7f}\n\u{1}é"]});
        assert_eq!(to_bytes(&value).unwrap(), "{\"a\":[true,null,\"x\u{7f}\\n\\u0001é\"],\"b\":1}".as_bytes());
        assert!(to_bytes(&1.5).is_err());
        assert!(to_bytes(&(MAX_INTEGER + 1)).is_err());
        assert!(to_bytes(&serde_json::json!({"é": 1})).is_err());
    }
}
