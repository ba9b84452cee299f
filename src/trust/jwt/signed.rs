//! Verifies one compact JWS with a set of keys and a pinned algorithm, and returns its payload.
//!
//! Sources: RFC 7515 §5.2, RFC 7518 §3.3–3.4, RFC 8037. The header selects only the key id. A header with another
//! algorithm, `none`, `crit`, or an embedded key is rejected.

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::input::text::Text;

use super::super::key::{Material, PublicKey};
use super::super::signature::{RsaHash, verify_ed25519, verify_p256_fixed, verify_rsa};
use super::json::Json;
use super::keys::{Algorithm, KeySet, KeySetError};

/// The maximum length of a token.
const MAX_BYTES: usize = 64 * 1024;

/// Why a signed token is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignedError {
    /// It is too long.
    #[error("the token is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// It is not three base64url parts.
    #[error("the token is not three base64url parts separated by dots")]
    Form,
    /// The header is not a JSON object, or has a duplicate member.
    #[error("the token's header is not a JSON object with unique members")]
    Header,
    /// The header names another algorithm.
    #[error("the token is signed with `{}`, but {} is pinned", .found.terminal(), .pinned.name())]
    Algorithm {
        /// The algorithm in the header.
        found: Text,
        /// The pinned algorithm.
        pinned: Algorithm,
    },
    /// The header has critical extensions.
    #[error("the token's header has `crit`, which is not supported")]
    Critical,
    /// The header contains a key.
    #[error("the token's header contains its own key in `{0}`")]
    OwnKey(&'static str),
    /// The header's `typ` is not a token type.
    #[error("the header's `typ` is `{}`, not `JWT`", .0.terminal())]
    Type(Text),
    /// The key is missing or not usable.
    #[error(transparent)]
    Key(#[from] KeySetError),
    /// The signature is not valid.
    #[error("the token's signature is not valid")]
    Wrong,
}

/// A payload with a valid signature, and the id of the key.
pub(in crate::trust) struct Payload {
    pub bytes: Vec<u8>,
    pub key_id: String,
}

pub(in crate::trust) fn verify(token: &[u8], keys: &KeySet, pinned: Algorithm) -> Result<Payload, SignedError> {
    if token.len() > MAX_BYTES {
        return Err(SignedError::TooLong);
    }
    let token = std::str::from_utf8(token).map_err(|_| SignedError::Form)?;
    let (signed, signature) = token.rsplit_once('.').ok_or(SignedError::Form)?;
    let (header, payload) = signed.split_once('.').ok_or(SignedError::Form)?;
    let decode = |part: &str| Base64UrlUnpadded::decode_vec(part).map_err(|_| SignedError::Form);
    let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
    let header = Json::object(&header).ok_or(SignedError::Header)?;
    if header.contains_key("crit") || header.contains_key("b64") {
        return Err(SignedError::Critical);
    }
    if let Some(own) = ["jwk", "jku", "x5c", "x5u"].into_iter().find(|name| header.contains_key(*name)) {
        return Err(SignedError::OwnKey(own));
    }
    let named = header.get("alg").and_then(Json::text).ok_or(SignedError::Header)?;
    if named != pinned.name() {
        return Err(SignedError::Algorithm { found: Text::from(named), pinned });
    }
    if let Some(kind) = header.get("typ") {
        let kind = kind.text().ok_or(SignedError::Header)?;
        if !["JWT", "JOSE"].iter().any(|known| known.eq_ignore_ascii_case(kind)) {
            return Err(SignedError::Type(Text::from(kind)));
        }
    }
    let named = match header.get("kid") {
        None => None,
        Some(id) => Some(id.text().filter(|id| !id.is_empty()).ok_or(SignedError::Header)?),
    };
    let keys = keys.keys(named, pinned)?;
    let holds = |(_, key): &&(&str, PublicKey)| check(key, &signature, signed.as_bytes()).is_ok();
    let (key_id, _) = keys.iter().find(holds).ok_or(SignedError::Wrong)?;
    Ok(Payload { bytes: payload, key_id: (*key_id).to_owned() })
}

fn check(key: &PublicKey, signature: &[u8], signed: &[u8]) -> Result<(), SignedError> {
    match key.material() {
        Material::Rsa(rsa) => verify_rsa(rsa, RsaHash::Sha256, signature, signed),
        Material::P256(point) => verify_p256_fixed(point, signature, signed),
        Material::Ed25519(point) => verify_ed25519(point, signature, signed),
        Material::P384(_) | Material::SkEd25519(..) | Material::SkP256(..) => return Err(SignedError::Wrong),
    }
    .map_err(|_| SignedError::Wrong)
}
