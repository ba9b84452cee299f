//! Verifies a raw SSH signature with a key. This is cryptography only; the owner of the key plays no role.
//!
//! Sources: RFC 4253 §6.6, RFC 5656 §3.1.2, RFC 8332, RFC 8709, OpenSSH `PROTOCOL.u2f`. INVARIANT: a security key's
//! signature without the user-present flag is never valid, so callers need not check the flag.

use p256::ecdsa::signature::{DigestVerifier as _, Verifier as _};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::input::text::Text;

use super::key::{Material, PublicKey};
use super::wire::{Wire, WireError};

/// The user-present flag of an authenticator.
const USER_PRESENT: u8 = 0x01;
/// The user-verified flag of an authenticator.
const USER_VERIFIED: u8 = 0x04;

/// The flags and counter of a security key's signature. All empty for other keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Presence {
    /// The user touched the security key. Always true for a security key, always false for other keys.
    pub user_present: bool,
    /// The security key also verified the user by PIN or fingerprint.
    pub user_verified: bool,
    /// The security key's signature counter, if it has one. A counter that decreases suggests a cloned key.
    pub counter: Option<u32>,
}

/// Why a signature is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The blob does not follow the encoding.
    #[error("the signature is damaged: {0}")]
    Wire(#[from] WireError),
    /// This tool does not support this kind of signature.
    #[error("signatures of kind `{}` are unsupported", .0.terminal())]
    Unsupported(Text),
    /// It is an RSA signature with SHA-1.
    #[error("RSA signatures with SHA-1 are not accepted")]
    Sha1,
    /// The signature's kind does not match the key.
    #[error("a signature of kind `{}` does not match a key of kind `{key}`", .kind.terminal())]
    OtherKind {
        /// The signature's kind.
        kind: Text,
        /// The key's kind.
        key: &'static str,
    },
    /// The signature does not verify.
    #[error("the signature does not match the signed bytes and the key")]
    Wrong,
    /// The security key was not touched.
    #[error("the security key signed without a touch")]
    NoTouch,
}

/// Known signature kinds that this tool does not support.
const UNSUPPORTED: &[&[u8]] = &[
    b"webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
    b"ssh-mldsa44-ed25519@openssh.com",
    b"ecdsa-sha2-nistp521",
    b"ssh-dss",
    b"ssh-ed448",
];

/// Verifies a signature blob (`string kind, string signature`; for security keys also flags and counter).
///
/// # Errors
/// If it is damaged, of a different kind than the key, not valid, or made without a touch.
pub fn verify(key: &PublicKey, blob: &[u8], message: &[u8]) -> Result<Presence, SignatureError> {
    let mut wire = Wire::new(blob);
    let kind = wire.string()?;
    let other = || {
        let kind_text = Text::new(String::from_utf8_lossy(kind).as_ref());
        if UNSUPPORTED.contains(&kind) {
            SignatureError::Unsupported(kind_text)
        } else {
            SignatureError::OtherKind { kind: kind_text, key: key.kind().name() }
        }
    };
    if let Material::Rsa(rsa) = key.material() {
        let hash = match kind {
            b"rsa-sha2-256" => RsaHash::Sha256,
            b"rsa-sha2-512" => RsaHash::Sha512,
            b"ssh-rsa" => return Err(SignatureError::Sha1),
            _ => return Err(other()),
        };
        let body = wire.string()?;
        wire.finish()?;
        verify_rsa(rsa, hash, body, message)?;
        return Ok(Presence::default());
    }
    if kind != key.kind().name().as_bytes() {
        return Err(other());
    }
    let body = wire.string()?;
    let (application, presence) = match key.material() {
        Material::SkEd25519(_, application) | Material::SkP256(_, application) => {
            (Some(application), Some((wire.u8()?, wire.u32()?)))
        }
        Material::Ed25519(_) | Material::P256(_) | Material::P384(_) | Material::Rsa(_) => (None, None),
    };
    wire.finish()?;
    let wrapped = match (application, presence) {
        (Some(application), Some((flags, counter))) => Some(authenticator_data(application, flags, counter, message)),
        _ => None,
    };
    let signed = wrapped.as_deref().unwrap_or(message);
    match key.material() {
        Material::Ed25519(point) | Material::SkEd25519(point, _) => verify_ed25519(point, body, signed)?,
        Material::P256(point) | Material::SkP256(point, _) => verify_p256(point, body, signed)?,
        Material::P384(point) => verify_p384(point, body, signed)?,
        Material::Rsa(_) => return Err(SignatureError::Wrong),
    }
    let Some((flags, counter)) = presence else { return Ok(Presence::default()) };
    if flags & USER_PRESENT == 0 {
        return Err(SignatureError::NoTouch);
    }
    Ok(Presence { user_present: true, user_verified: flags & USER_VERIFIED != 0, counter: Some(counter) })
}

/// The data that an authenticator signs: SHA-256 of the application, flags, counter, SHA-256 of the message.
fn authenticator_data(application: &[u8], flags: u8, counter: u32, message: &[u8]) -> Vec<u8> {
    let mut data = Vec::with_capacity(69);
    data.extend_from_slice(&Sha256::digest(application));
    data.push(flags);
    data.extend_from_slice(&counter.to_be_bytes());
    data.extend_from_slice(&Sha256::digest(message));
    data
}

/// The hash of an RSA signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RsaHash {
    /// `rsa-sha2-256`.
    Sha256,
    /// `rsa-sha2-512`.
    Sha512,
}

/// RSASSA-PKCS1-v1_5. The signature must have the length of the modulus and be smaller than it.
pub(super) fn verify_rsa(
    key: &rsa::PublicKey,
    hash: RsaHash,
    body: &[u8],
    message: &[u8],
) -> Result<(), SignatureError> {
    let scheme_and_digest = match hash {
        RsaHash::Sha256 => (rsa::Pkcs1v15Sign::new::<Sha256>(), Sha256::digest(message).to_vec()),
        RsaHash::Sha512 => (rsa::Pkcs1v15Sign::new::<Sha512>(), Sha512::digest(message).to_vec()),
    };
    let (scheme, digest) = scheme_and_digest;
    key.verify(scheme, &digest, body).map_err(|_| SignatureError::Wrong)
}

/// Ed25519 with the rules of `verify_strict`: canonical scalar and point, no small-order points.
pub(super) fn verify_ed25519(
    key: &ed25519_dalek::VerifyingKey,
    body: &[u8],
    message: &[u8],
) -> Result<(), SignatureError> {
    let signature = ed25519_dalek::Signature::from_slice(body).map_err(|_| SignatureError::Wrong)?;
    key.verify_strict(message, &signature).map_err(|_| SignatureError::Wrong)
}

/// Parses `mpint r, mpint s` and pads both to the width of the curve.
fn scalars<const N: usize>(body: &[u8]) -> Result<([u8; N], [u8; N]), SignatureError> {
    let mut wire = Wire::new(body);
    let (r, s) = (wire.positive()?, wire.positive()?);
    wire.finish()?;
    Ok((widened(r)?, widened(s)?))
}

fn widened<const N: usize>(magnitude: &[u8]) -> Result<[u8; N], SignatureError> {
    let mut out = [0_u8; N];
    let start = N.checked_sub(magnitude.len()).ok_or(SignatureError::Wrong)?;
    out.get_mut(start..).ok_or(SignatureError::Wrong)?.copy_from_slice(magnitude);
    Ok(out)
}

/// ECDSA on P-256 with SHA-256. Both (r, s) and (r, n−s) are valid, because `ssh-keygen` writes either.
pub(super) fn verify_p256(key: &p256::ecdsa::VerifyingKey, body: &[u8], message: &[u8]) -> Result<(), SignatureError> {
    let (r, s) = scalars::<32>(body)?;
    let signature = p256::ecdsa::Signature::from_scalars(r, s).map_err(|_| SignatureError::Wrong)?;
    key.verify(message, &signature).map_err(|_| SignatureError::Wrong)
}

/// ECDSA on P-256 with SHA-256, with r and s in 32 bytes each, as in JSON Web Signatures.
pub(super) fn verify_p256_fixed(
    key: &p256::ecdsa::VerifyingKey,
    body: &[u8],
    message: &[u8],
) -> Result<(), SignatureError> {
    let signature = p256::ecdsa::Signature::from_slice(body).map_err(|_| SignatureError::Wrong)?;
    key.verify(message, &signature).map_err(|_| SignatureError::Wrong)
}

/// ECDSA on P-384 with SHA-384.
pub(super) fn verify_p384(key: &p384::ecdsa::VerifyingKey, body: &[u8], message: &[u8]) -> Result<(), SignatureError> {
    let (r, s) = scalars::<48>(body)?;
    let signature = p384::ecdsa::Signature::from_scalars(r, s).map_err(|_| SignatureError::Wrong)?;
    key.verify_digest(
        |digest: &mut Sha384| {
            digest.update(message);
            Ok(())
        },
        &signature,
    )
    .map_err(|_| SignatureError::Wrong)
}
