//! A set of public keys (JWKS) from a local file of the trust folder.
//!
//! Sources: RFC 7517, RFC 7518 §6, RFC 8037, and SPIFFE's trust bundle format (`use`). A set with a symmetric or private
//! key is rejected as a whole, because anyone who can read the file could sign. Keys of other kinds or for other uses are
//! kept by id, only for error messages.

use std::collections::BTreeMap;

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::input::text::Text;

use super::super::key::{KeyError, PublicKey};
use super::super::wire::put_string;
use super::json::Json;

/// The maximum number of keys, far more than an issuer needs.
const MAX_KEYS: usize = 1000;
/// The maximum number of keys to try for a token without a key id.
const MAX_TRIED: usize = 16;

/// A signature algorithm that may be pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: &'static [Self] = &[Self::Rs256, Self::Es256, Self::EdDsa];

    /// The name in a token's header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Parses the exact name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name)
    }
}

/// Why a set of keys, or one of its keys, is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// It is not JSON, has duplicate members, or has no `keys`.
    #[error("the file is not a set of keys, or contains a duplicate member")]
    Syntax,
    /// It contains too many keys.
    #[error("the set contains more than {MAX_KEYS} keys")]
    TooMany,
    /// It contains a key that must not be public.
    #[error("the set contains a symmetric or private key")]
    Secret,
    /// No key has this id.
    #[error("the set has no key `{}`", .0.terminal())]
    UnknownId(Text),
    /// The token has no key id, and no key of the set is for its algorithm.
    #[error("the token names no key (`kid`), and the set has none that verifies signatures with {}", .0.name())]
    NoneFits(Algorithm),
    /// The token has no key id, and the set has too many keys to try.
    #[error("the token names no key (`kid`), and the set has {0} keys that it could be of")]
    NoId(usize),
    /// The key is for another use.
    #[error("the key `{}` is not meant for verifying signatures with {}", .id.terminal(), .algorithm.name())]
    OtherUse {
        /// Its id.
        id: Text,
        /// The required algorithm.
        algorithm: Algorithm,
    },
    /// The key is damaged or weak.
    #[error("the key `{}` is rejected: {why}", .id.terminal())]
    Key {
        /// Its id.
        id: Text,
        /// The reason.
        why: KeyError,
    },
}

/// The keys of an issuer, by id. A key without an id has the empty id. Several keys may have the same id, because an issuer
/// may publish the old and the new key during a rotation.
#[derive(Clone)]
pub struct KeySet(BTreeMap<String, Vec<Members>>);

/// The members of a key.
type Members = BTreeMap<String, Json>;

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl KeySet {
    /// Parses a set.
    ///
    /// # Errors
    /// If it is not a JWKS, contains a duplicate id, or contains a key that must be secret.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeySetError> {
        let set = Json::object(bytes).ok_or(KeySetError::Syntax)?;
        let keys = set.get("keys").and_then(Json::list).ok_or(KeySetError::Syntax)?;
        if keys.len() > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        let mut out = BTreeMap::new();
        for key in keys {
            let Json::Object(members) = key else { return Err(KeySetError::Syntax) };
            if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|secret| members.contains_key(*secret)) {
                return Err(KeySetError::Secret);
            }
            // A SPIFFE bundle also contains X.509 authorities, all without an id.
            if members.get("use").and_then(Json::text) == Some("x509-svid") {
                continue;
            }
            let id = match members.get("kid") {
                None => String::new(),
                Some(id) => id.text().filter(|id| !id.is_empty()).ok_or(KeySetError::Syntax)?.to_owned(),
            };
            let same: &mut Vec<Members> = out.entry(id).or_default();
            if !same.contains(members) {
                same.push(members.clone());
            }
        }
        Ok(Self(out))
    }

    /// Whether there is a key with this id for an algorithm.
    #[must_use]
    pub fn has(&self, id: &str, algorithm: Algorithm) -> bool {
        self.named(id, algorithm).is_ok()
    }

    /// The candidate keys for a token, with their ids: the keys with the id that it names, or all keys if it names none.
    pub(super) fn keys(
        &self,
        named: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Vec<(&str, PublicKey)>, KeySetError> {
        if let Some(id) = named {
            let (id, _) = self.0.get_key_value(id).ok_or_else(|| KeySetError::UnknownId(Text::from(id)))?;
            return Ok(self.named(id, algorithm)?.into_iter().map(|key| (id.as_str(), key)).collect());
        }
        let of = |id: &String| self.named(id, algorithm).unwrap_or_default();
        let all: Vec<(&str, PublicKey)> =
            self.0.keys().flat_map(|id| of(id).into_iter().map(move |key| (id.as_str(), key))).collect();
        match all.len() {
            0 => Err(KeySetError::NoneFits(algorithm)),
            1..=MAX_TRIED => Ok(all),
            more => Err(KeySetError::NoId(more)),
        }
    }

    /// The keys of an id that are meant for an algorithm; why none is, if there is none.
    fn named(&self, id: &str, algorithm: Algorithm) -> Result<Vec<PublicKey>, KeySetError> {
        let all = self.0.get(id).ok_or_else(|| KeySetError::UnknownId(Text::from(id)))?;
        let (mut found, mut refused) = (Vec::new(), KeySetError::UnknownId(Text::from(id)));
        for members in all {
            match Self::key(id, members, algorithm) {
                Ok(key) => found.push(key),
                Err(why) => refused = why,
            }
        }
        if found.is_empty() { Err(refused) } else { Ok(found) }
    }

    fn key(id: &str, members: &Members, algorithm: Algorithm) -> Result<PublicKey, KeySetError> {
        let refuse = || KeySetError::OtherUse { id: Text::from(id), algorithm };
        let is = |name: &str, value: &str| members.get(name).and_then(Json::text) == Some(value);
        let absent_or = |name: &str, value: &str| !members.contains_key(name) || is(name, value);
        let verifies = match members.get("key_ops") {
            None => true,
            Some(operations) => operations.list().is_some_and(|list| list.iter().any(|op| op.text() == Some("verify"))),
        };
        let (kind, curve) = match algorithm {
            Algorithm::Rs256 => ("RSA", None),
            Algorithm::Es256 => ("EC", Some("P-256")),
            Algorithm::EdDsa => ("OKP", Some("Ed25519")),
        };
        let fits = is("kty", kind) && curve.is_none_or(|curve| is("crv", curve));
        let signs = absent_or("use", "sig") || is("use", "jwt-svid");
        if !fits || !verifies || !signs || !absent_or("alg", algorithm.name()) {
            return Err(refuse());
        }
        let bytes = |name: &str| {
            let text = members.get(name).and_then(Json::text).ok_or(KeyError::Line)?;
            Base64UrlUnpadded::decode_vec(text).map_err(|_| KeyError::Line)
        };
        // Rebuild it as an SSH key, so that one module decides which keys are weak or damaged.
        let build = || {
            let mut blob = Vec::new();
            match algorithm {
                Algorithm::Rs256 => {
                    put_string(&mut blob, b"ssh-rsa");
                    put_number(&mut blob, &bytes("e")?);
                    put_number(&mut blob, &bytes("n")?);
                }
                Algorithm::Es256 => {
                    let (x, y) = (bytes("x")?, bytes("y")?);
                    if x.len() != 32 || y.len() != 32 {
                        return Err(KeyError::Point);
                    }
                    put_string(&mut blob, b"ecdsa-sha2-nistp256");
                    put_string(&mut blob, b"nistp256");
                    put_string(&mut blob, &[&[4][..], &x, &y].concat());
                }
                Algorithm::EdDsa => {
                    put_string(&mut blob, b"ssh-ed25519");
                    put_string(&mut blob, &bytes("x")?);
                }
            }
            PublicKey::from_blob(&blob)
        };
        build().map_err(|why| KeySetError::Key { id: Text::from(id), why })
    }
}

/// Writes a number in SSH encoding. Drops a leading zero, which RFC 7518 forbids but some issuers write.
fn put_number(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let magnitude = bytes.get(start..).unwrap_or_default();
    if magnitude.first().is_some_and(|high| *high >= 0x80) {
        put_string(out, &[&[0][..], magnitude].concat());
    } else {
        put_string(out, magnitude);
    }
}
