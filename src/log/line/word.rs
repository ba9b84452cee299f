//! The small values that lines are made of.
//!
//! In: JSON scalars of a line. Out: ids of 128 bits, integers that every reader keeps exact, the word that tells a
//! line's kind, long values or the blob that holds them. Each has one spelling only; anything else is refused.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::input::canonical::MAX_INTEGER;
use crate::input::digest::{Digest, of};
use crate::input::text::Text;

/// 128 random bits that name a thing of kind `K`. Written as 32 lower-case hexadecimal digits.
pub struct Nonce<K>([u8; 16], PhantomData<fn() -> K>);

/// What 128 random bits stand for.
pub mod nonce {
    /// A log.
    #[derive(Debug)]
    pub enum Log {}
    /// A session.
    #[derive(Debug)]
    pub enum Session {}
    /// Nothing: they make a line unguessable.
    #[derive(Debug)]
    pub enum Salt {}
}

/// The name of a log, drawn once by `init` and kept in `review.yaml`.
pub type LogId = Nonce<nonce::Log>;
/// The name of a session, drawn when it starts.
pub type SessionId = Nonce<nonce::Session>;
/// Random bits in a decision, so that its line cannot be guessed from its hash.
pub type Salt = Nonce<nonce::Salt>;

impl<K> Nonce<K> {
    /// Takes 128 bits; the caller draws them from the system's random source.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes, PhantomData)
    }

    /// The 16 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads 32 lower-case hexadecimal digits; `None` for anything else.
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

/// Reads a string by a function that knows its one spelling, without an allocation.
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

/// A whole number from 0 to 2^53−1, which every JSON reader keeps exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Number(u64);

impl Number {
    /// Takes a number; beyond 2^53−1 it becomes 2^53−1.
    #[must_use]
    pub fn new(n: u64) -> Self {
        Self(n.min(MAX_INTEGER.unsigned_abs()))
    }

    /// Takes the size of something.
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

/// The version of the format: 2, and nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version;

impl Version {
    /// The one version that this tool reads and writes.
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
            other => Err(D::Error::custom(format_args!("version {other} of the log is not one this tool reads"))),
        }
    }
}

/// A kind of line: the word that its `type` holds.
pub trait Kind {
    /// The word.
    const WORD: &'static str;
}

/// The `type` of a line, fixed by the kind of struct that the line is.
pub struct Tag<T>(PhantomData<fn() -> T>);

impl<T> Tag<T> {
    /// The only value there is.
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
impl<T: Kind> fmt::Debug for Tag<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WORD)
    }
}
impl<T: Kind> Serialize for Tag<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(T::WORD)
    }
}
impl<'de, T: Kind> Deserialize<'de> for Tag<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Spelled(|s: &str| (s == T::WORD).then(Self::new), T::WORD, PhantomData))
    }
}

/// A JSON document that a line carries as its canonical text, or the blob that holds that text because it is long.
///
/// WHY not the document itself: a line is a closed struct, and its bytes must not depend on how a JSON library orders
/// the keys of a map. Written `{"inline":"…"}` or `{"blob":"<sha256>"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// The SHA-256 of the text, which blob lines hold.
    Blob(Digest<of::Blob>),
    /// The canonical JSON text itself, at most [`Value::LONGEST_INLINE`] bytes.
    Inline(Text),
}

impl Value {
    /// The longest text, in bytes, that a writer puts into a line; a longer one goes into a blob.
    pub const LONGEST_INLINE: usize = 4_096;

    /// The blob that it needs, if any.
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
