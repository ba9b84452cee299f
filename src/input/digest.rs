//! SHA-256 digests (FIPS 180-4) with a type parameter that says what was hashed.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a `T`, written as 64 lower-case hexadecimal digits.
pub struct Digest<T>([u8; 32], PhantomData<fn() -> T>);

/// An incremental digest.
#[derive(Debug, Default)]
pub struct Hashing(Sha256);

impl Hashing {
    /// Hashes the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of everything hashed so far.
    #[must_use]
    pub fn done<T>(self) -> Digest<T> {
        Digest(self.0.finalize().into(), PhantomData)
    }
}

/// Markers for what a digest was computed from.
pub mod of {
    /// The exact bytes of a file.
    #[derive(Debug)]
    pub enum File {}
    /// A change with its effect (`review-change@v2`).
    #[derive(Debug)]
    pub enum Change {}
    /// One part of the whole plan's effect: a subject and its access, an escalation or a conflict.
    #[derive(Debug)]
    pub enum Piece {}
    /// A line of the log, including its LF.
    #[derive(Debug)]
    pub enum Line {}
    /// A Merkle tree hash (RFC 6962).
    #[derive(Debug)]
    pub enum Tree {}
    /// An assignment or membership of a baseline.
    #[derive(Debug)]
    pub enum Access {}
    /// The accesses that are recertified together.
    #[derive(Debug)]
    pub enum Population {}
    /// A long value kept in blob lines.
    #[derive(Debug)]
    pub enum Blob {}
}

impl<T> Digest<T> {
    /// Hashes bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into(), PhantomData)
    }

    /// Wraps 32 bytes that are already a digest.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes, PhantomData)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses 64 lower-case hexadecimal digits. Returns `None` for anything else.
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        let raw = hex.as_bytes();
        if raw.len() != 64 {
            return None;
        }
        let mut out = [0_u8; 32];
        for (slot, pair) in out.iter_mut().zip(raw.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *slot = (nibble(*high)? << 4) | nibble(*low)?;
        }
        Some(Self(out, PhantomData))
    }

    /// The 64 digits, without an allocation, because a log consists mostly of digests.
    fn hex(&self) -> [u8; 64] {
        let mut out = [0_u8; 64];
        for (pair, byte) in out.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        out
    }

    /// The same bytes as a digest of another type.
    #[must_use]
    pub fn cast<U>(&self) -> Digest<U> {
        Digest(self.0, PhantomData)
    }

    /// The first 12 hexadecimal digits, for display.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

fn nibble(c: u8) -> Option<u8> {
    match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    }
}

impl<T> Clone for Digest<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Digest<T> {}
impl<T> PartialEq for Digest<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Digest<T> {}
impl<T> PartialOrd for Digest<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Digest<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> std::hash::Hash for Digest<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T> fmt::Display for Digest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.hex()).unwrap_or_default())
    }
}
impl<T> fmt::Debug for Digest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<T> Serialize for Digest<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.hex()).unwrap_or_default())
    }
}
impl<'de, T> Deserialize<'de> for Digest<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(HexVisitor(PhantomData))
    }
}

/// Parses the digits without an allocation.
struct HexVisitor<T>(PhantomData<fn() -> T>);

impl<T> serde::de::Visitor<'_> for HexVisitor<T> {
    type Value = Digest<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("64 lower-case hexadecimal digits")
    }

    fn visit_str<E: serde::de::Error>(self, hex: &str) -> Result<Digest<T>, E> {
        Digest::parse(hex).ok_or_else(|| E::custom("expected 64 lower-case hexadecimal digits"))
    }
}

impl<T> JsonSchema for Digest<T> {
    fn schema_name() -> Cow<'static, str> {
        "Digest".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[0-9a-f]{64}$"})
    }
}
