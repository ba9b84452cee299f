//! Canonical JSON: serialises a value to exactly one byte sequence, so that digests of equal values are equal.
//!
//! Follows RFC 8785 with two restrictions that make the result exact in every language: keys are ASCII, and numbers
//! are integers within ±(2^53−1). The serializer writes into one buffer and sorts the entries of each object when it
//! ends. Keys are sorted and there is no white space.

use std::borrow::Cow;
use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter};

/// Why a value has no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// The value does not serialise to JSON at all.
    #[error("the value cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A number is a fraction or outside ±(2^53−1).
    #[error("the number {0} has no canonical form")]
    Number(serde_json::Number),
    /// A key is not ASCII.
    #[error("a key that is not ASCII has no canonical form")]
    Key,
}

/// The largest integer that every JSON reader represents exactly: 2^53−1.
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;

/// Writes a value in canonical form, without a trailing LF.
///
/// # Errors
/// If the value contains a fraction, an integer outside ±(2^53−1) or a key that is not ASCII.
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let mut form = Form::default();
    let written = value.serialize(&mut serde_json::Serializer::with_formatter(io::sink(), Writer(&mut form)));
    match (form.fault, written) {
        (Some(fault), _) => Err(fault),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(())) => Ok(form.out),
    }
}

/// The canonical output so far.
#[derive(Default)]
struct Form {
    out: Vec<u8>,
    /// The open objects, outermost first.
    open: Vec<Open>,
    /// The first reason why the value has no canonical form.
    fault: Option<CanonicalError>,
}

/// An object that is being written.
struct Open {
    /// Where its first entry starts in the output.
    start: usize,
    /// For each entry: where it starts, and where its key ends (including the quotes).
    entries: Vec<(usize, usize)>,
}

impl Form {
    fn refuse(&mut self, fault: CanonicalError) -> io::Error {
        let error = io::Error::other(fault.to_string());
        self.fault.get_or_insert(fault);
        error
    }

    fn integer(&mut self, integer: i128) -> io::Result<()> {
        if integer.unsigned_abs() > u128::from(MAX_INTEGER.unsigned_abs()) {
            let number = serde_json::Number::from_i128(integer);
            return Err(match number {
                Some(number) => self.refuse(CanonicalError::Number(number)),
                None => io::Error::other(format!("the number {integer} has no canonical form")),
            });
        }
        write!(self.out, "{integer}")
    }

    /// Sorts the entries of the object that ends here by key. If a key occurs twice, the last entry wins.
    fn sort(&mut self, object: &Open) -> Result<(), CanonicalError> {
        let bytes = |from: usize, to: usize| self.out.get(from..to).unwrap_or_default();
        // A comma follows each entry except the last.
        let ends = object.entries.iter().skip(1).map(|(begin, _)| begin - 1).chain([self.out.len()]);
        let mut entries: Vec<(Cow<'_, [u8]>, &[u8])> = Vec::with_capacity(object.entries.len());
        for ((begin, key_end), end) in object.entries.iter().zip(ends) {
            let quoted = bytes(*begin, *key_end);
            if !quoted.is_ascii() {
                return Err(CanonicalError::Key);
            }
            // Compare decoded keys, not their escaped form. For ASCII keys, byte order equals the UTF-16 order of RFC 8785.
            let key = if quoted.contains(&b'\\') {
                Cow::Owned(serde_json::from_slice::<String>(quoted)?.into_bytes())
            } else {
                Cow::Borrowed(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default())
            };
            entries.push((key, bytes(*begin, end)));
        }
        if entries.iter().zip(entries.iter().skip(1)).all(|((a, _), (b, _))| a < b) {
            return Ok(());
        }
        entries.reverse();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        entries.dedup_by(|(b, _), (a, _)| a == b);
        let sorted = entries.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>().join(&b","[..]);
        self.out.truncate(object.start);
        self.out.extend_from_slice(&sorted);
        Ok(())
    }
}

/// Collects the serializer's output in a [`Form`]. The `io::Write` that serde passes stays empty.
struct Writer<'f>(&'f mut Form);

impl Writer<'_> {
    /// Rejects a fraction. NaN and infinities do not arrive here: serde writes them as null.
    fn fraction(&mut self, number: f64) -> io::Result<()> {
        Err(match serde_json::Number::from_f64(number) {
            Some(number) => self.0.refuse(CanonicalError::Number(number)),
            None => io::Error::other("a fraction has no canonical form"),
        })
    }
}

/// The default methods of the trait call the ones implemented here.
impl serde_json::ser::Formatter for Writer<'_> {
    fn write_null<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.out.write_all(b"null")
    }
    fn write_bool<W: io::Write + ?Sized>(&mut self, _: &mut W, value: bool) -> io::Result<()> {
        self.0.out.write_all(if value { b"true" } else { b"false" })
    }
    fn write_i8<W: io::Write + ?Sized>(&mut self, _: &mut W, value: i8) -> io::Result<()> {
        self.0.integer(value.into())
    }
    fn write_i16<W: io::Write + ?Sized>(&mut self, _: &mut W, value: i16) -> io::Result<()> {
        self.0.integer(value.into())
    }
    fn write_i32<W: io::Write + ?Sized>(&mut self, _: &mut W, value: i32) -> io::Result<()> {
        self.0.integer(value.into())
    }
    fn write_i64<W: io::Write + ?Sized>(&mut self, _: &mut W, value: i64) -> io::Result<()> {
        self.0.integer(value.into())
    }
    fn write_i128<W: io::Write + ?Sized>(&mut self, _: &mut W, value: i128) -> io::Result<()> {
        self.0.integer(value)
    }
    fn write_u8<W: io::Write + ?Sized>(&mut self, _: &mut W, value: u8) -> io::Result<()> {
        self.0.integer(value.into())
    }
    fn write_u16<W: io::Write + ?Sized>(&mut self, _: &mut W, value: u16) -> io::Result<()> {
        self.0.integer(value.into())
    }
    fn write_u32<W: io::Write + ?Sized>(&mut self, _: &mut W, value: u32) -> io::Result<()> {
        self.0.integer(value.into())
    }
    fn write_u64<W: io::Write + ?Sized>(&mut self, _: &mut W, value: u64) -> io::Result<()> {
        self.0.integer(value.into())
    }
    fn write_u128<W: io::Write + ?Sized>(&mut self, _: &mut W, value: u128) -> io::Result<()> {
        self.0.integer(value.try_into().unwrap_or(i128::MAX))
    }
    fn write_f32<W: io::Write + ?Sized>(&mut self, _: &mut W, value: f32) -> io::Result<()> {
        self.fraction(value.into())
    }
    fn write_f64<W: io::Write + ?Sized>(&mut self, _: &mut W, value: f64) -> io::Result<()> {
        self.fraction(value)
    }
    fn write_number_str<W: io::Write + ?Sized>(&mut self, _: &mut W, value: &str) -> io::Result<()> {
        let integer =
            value.parse().map_err(|_| io::Error::other("a number that is no integer has no canonical form"))?;
        self.0.integer(integer)
    }
    fn begin_string<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.out.write_all(b"\"")
    }
    fn end_string<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.out.write_all(b"\"")
    }
    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, _: &mut W, fragment: &str) -> io::Result<()> {
        self.0.out.write_all(fragment.as_bytes())
    }
    fn write_char_escape<W: io::Write + ?Sized>(&mut self, _: &mut W, escape: CharEscape) -> io::Result<()> {
        CompactFormatter.write_char_escape(&mut self.0.out, escape)
    }
    fn begin_array<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.out.write_all(b"[")
    }
    fn end_array<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.out.write_all(b"]")
    }
    fn begin_array_value<W: io::Write + ?Sized>(&mut self, _: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { self.0.out.write_all(b",") }
    }
    fn begin_object<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.out.write_all(b"{")?;
        self.0.open.push(Open { start: self.0.out.len(), entries: Vec::new() });
        Ok(())
    }
    fn begin_object_key<W: io::Write + ?Sized>(&mut self, _: &mut W, first: bool) -> io::Result<()> {
        if !first {
            self.0.out.write_all(b",")?;
        }
        let here = self.0.out.len();
        if let Some(object) = self.0.open.last_mut() {
            object.entries.push((here, here));
        }
        Ok(())
    }
    fn end_object_key<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        let here = self.0.out.len();
        if let Some((_, key_end)) = self.0.open.last_mut().and_then(|object| object.entries.last_mut()) {
            *key_end = here;
        }
        Ok(())
    }
    fn begin_object_value<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.out.write_all(b":")
    }
    fn end_object<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        if let Some(object) = self.0.open.pop()
            && let Err(fault) = self.0.sort(&object)
        {
            return Err(self.0.refuse(fault));
        }
        self.0.out.write_all(b"}")
    }
    fn write_raw_fragment<W: io::Write + ?Sized>(&mut self, _: &mut W, _: &str) -> io::Result<()> {
        Err(io::Error::other("JSON that is written already has no canonical form"))
    }
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
        assert!(matches!(to_bytes(&u64::MAX), Err(CanonicalError::Number(_))));
    }

    /// Reference implementation: a tree of values whose maps sort their keys.
    fn by_a_tree(value: &serde_json::Value) -> String {
        use serde_json::Value;
        match value {
            Value::Array(items) => format!("[{}]", items.iter().map(by_a_tree).collect::<Vec<_>>().join(",")),
            Value::Object(map) => {
                let sorted: std::collections::BTreeMap<_, _> = map.iter().collect();
                let entry = |(key, item): (&String, &Value)| format!("{}:{}", serde_json::json!(key), by_a_tree(item));
                format!("{{{}}}", sorted.into_iter().map(entry).collect::<Vec<_>>().join(","))
            }
            leaf @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => leaf.to_string(),
        }
    }

    fn some_value() -> impl proptest::strategy::Strategy<Value = serde_json::Value> {
        use proptest::prelude::*;
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            (-MAX_INTEGER..=MAX_INTEGER).prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            // Keys with a common prefix, and keys that need escapes.
            let key = "[a-c\"\\\\\u{0}-\u{23}]{0,3}";
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                proptest::collection::vec((key, inner), 0..6)
                    .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_straight_away_is_what_a_sorted_tree_gives(value in some_value()) {
            proptest::prop_assert_eq!(String::from_utf8(to_bytes(&value).unwrap()).unwrap(), by_a_tree(&value));
        }
    }

    #[test]
    fn of_a_key_that_comes_twice_the_last_counts() {
        struct Twice;
        impl Serialize for Twice {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map([("b", 1), ("a", 2), ("b", 3)])
            }
        }
        assert_eq!(to_bytes(&Twice).unwrap(), br#"{"a":2,"b":3}"#);
    }
}
