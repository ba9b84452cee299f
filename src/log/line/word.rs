//! The scalar types of log lines: 128-bit ids, exact integers, type tags, and JSON documents that may be in a blob.
//! Every value has a single representation; others are rejected.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::input::canonical::MAX_INTEGER;
use crate::input::digest::{Digest, of};
use crate::input::text::Text;

/// A random 128-bit id of a `K`, written as 32 lower-case hexadecimal digits.
pub struct Nonce<K>([u8; 16], PhantomData<fn() -> K>);

/// Markers for what the bits identify.
pub mod nonce {
    /// A log.
    #[derive(Debug)]
    pub enum Log {}
    /// A session.
    #[derive(Debug)]
    pub enum Session {}
    /// No object. The bits make a line unguessable.
    #[derive(Debug)]
    pub enum Salt {}
}

/// The id of a log. `init` generates it and writes it to `review.yaml`.
pub type LogId = Nonce<nonce::Log>;
/// The id of a session, generated when it starts.
pub type SessionId = Nonce<nonce::Session>;
/// Random bits in a decision, so that its line cannot be guessed from its hash.
pub type Salt = Nonce<nonce::Salt>;

impl<K> Nonce<K> {
    /// Wraps 128 bits that the caller takes from the system's random source.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes, PhantomData)
    }

    /// The 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Parses 32 lower-case hexadecimal digits. Returns `None` for anything else.
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        if hex.len() != 32 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        u128::from_str_radix(hex, 16).ok().map(|n| Self(n.to_be_bytes(), PhantomData))
    }
}

impl<K> Clone for Nonce<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Nonce<K> {}
impl<K> PartialEq for Nonce<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Nonce<K> {}
impl<K> PartialOrd for Nonce<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Nonce<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> fmt::Display for Nonce<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}
impl<K> fmt::Debug for Nonce<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<K> Serialize for Nonce<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de, K> Deserialize<'de> for Nonce<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Spelled(|s: &str| Self::parse(s), "32 lower-case hexadecimal digits", PhantomData))
    }
}

/// Deserialises a string with a parser for its only representation, without an allocation.
struct Spelled<F, V>(F, &'static str, PhantomData<fn() -> V>);

impl<V, F: Fn(&str) -> Option<V>> Visitor<'_> for Spelled<F, V> {
    type Value = V;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_str<E: serde::de::Error>(self, s: &str) -> Result<V, E> {
        (self.0)(s).ok_or_else(|| E::custom(format_args!("expected {}", self.1)))
    }
}

/// A whole number from 0 to 2^53−1, which every JSON reader represents exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Number(u64);

impl Number {
    /// Converts a number. Values above 2^53−1 become 2^53−1.
    #[must_use]
    pub fn new(n: u64) -> Self {
        Self(n.min(MAX_INTEGER.unsigned_abs()))
    }

    /// Converts a size.
    #[must_use]
    pub fn of(n: usize) -> Self {
        Self::new(n as u64)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let n = u64::deserialize(deserializer)?;
        if n > MAX_INTEGER.unsigned_abs() {
            return Err(D::Error::custom("expected a whole number up to 9007199254740991"));
        }
        Ok(Self(n))
    }
}

/// The version of the format, which is always 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version;

impl Version {
    /// The only supported version.
    pub const NUMBER: u64 = 2;
}
impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(Self::NUMBER)
    }
}
impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            Self::NUMBER => Ok(Self),
            other => Err(D::Error::custom(format_args!("this tool does not support version {other} of the log"))),
        }
    }
}

/// A kind of line, identified by the value of its `type`.
pub trait LineKind {
    /// The value of `type`.
    const WORD: &'static str;
}

/// The `type` field of a line. Its value is fixed by the struct.
pub struct Tag<T>(PhantomData<fn() -> T>);

impl<T> Tag<T> {
    /// The only value.
    #[must_use]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}
impl<T> Default for Tag<T> {
    fn default() -> Self {
        Self::new()
    }
}
impl<T> Clone for Tag<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Tag<T> {}
impl<T> PartialEq for Tag<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl<T> Eq for Tag<T> {}
impl<T: LineKind> fmt::Debug for Tag<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WORD)
    }
}
impl<T: LineKind> Serialize for Tag<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(T::WORD)
    }
}
impl<'de, T: LineKind> Deserialize<'de> for Tag<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Spelled(|s: &str| (s == T::WORD).then(Self::new), T::WORD, PhantomData))
    }
}

/// A JSON document in a line: its canonical text, or the hash of a blob with that text if it is long.
///
/// A line contains the text and not the document itself, because its bytes must not depend on how a JSON library orders
/// the keys of a map. Written `{"inline":"…"}` or `{"blob":"<sha256>"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// The SHA-256 of the text, which is in blob lines.
    Blob(Digest<of::Blob>),
    /// The canonical JSON text, at most [`Value::LONGEST_INLINE`] bytes.
    Inline(Text),
}

impl Value {
    /// The maximum length in bytes of an inline text. A longer text goes into a blob.
    pub const LONGEST_INLINE: usize = 4_096;

    /// The blob that it refers to, if any.
    #[must_use]
    pub fn blob(&self) -> Option<Digest<of::Blob>> {
        match self {
            Self::Blob(digest) => Some(*digest),
            Self::Inline(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_has_one_spelling() {
        let hex = "000102030405060708090a0b0c0d0e0f";
        assert_eq!(LogId::parse(hex).unwrap().to_string(), hex);
        for bad in ["", "000102030405060708090A0b0c0d0e0f", "+00102030405060708090a0b0c0d0e0f", &hex[1..]] {
            assert!(LogId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_number_beyond_two_to_the_53_is_refused() {
        assert!(serde_json::from_str::<Number>("9007199254740991").is_ok());
        for bad in ["9007199254740992", "-1", "1.0", "\"1\""] {
            assert!(serde_json::from_str::<Number>(bad).is_err(), "{bad}");
        }
    }
}
