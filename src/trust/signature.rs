//! One raw SSH signature against one key: the cryptography, and nothing about who the key belongs to.
//!
//! Source: RFC 4253 §6.6, RFC 5656 §3.1.2, RFC 8332, RFC 8709, OpenSSH `PROTOCOL.u2f`. In: a key, the signature blob,
//! the signed bytes. Out: [`Presence`] or why it does not hold. INVARIANT: a signature by a security key that nobody
//! touched never holds here; no caller has to remember to ask.

use p256::ecdsa::signature::{DigestVerifier as _, Verifier as _};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use crate::input::text::Text;

use super::key::{Material, PublicKey};
use super::wire::{Wire, WireError};

/// The user-present flag of an authenticator.
const USER_PRESENT: u8 = 0x01;
/// The user-verified flag of an authenticator.
const USER_VERIFIED: u8 = 0x04;

/// What a security key says of the person in front of it. For other keys there is nobody to speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Presence {
    /// Somebody touched the security key. Always so where a security key signed; never for other keys.
    pub user_present: bool,
    /// The security key also asked for a PIN or a finger.
    pub user_verified: bool,
    /// How often this security key signed so far, where it counts. One that goes backwards hints at a clone.
    pub counter: Option<u32>,
}

/// Why a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The blob does not follow the encoding.
    #[error("the signature is damaged: {0}")]
    Wire(#[from] WireError),
    /// A kind of signature that this tool does not verify.
    #[error("signatures of kind `{}` are unsupported", .0.terminal())]
    Unsupported(Text),
    /// RSA with SHA-1.
    #[error("an RSA signature with SHA-1 proves nothing")]
    Sha1,
    /// The signature's kind does not go with the key.
    #[error("a signature of kind `{}` cannot be by a key of kind `{key}`", .kind.terminal())]
    OtherKind {
        /// The signature's kind.
        kind: Text,
        /// The key's kind.
        key: &'static str,
    },
    /// The mathematics say no.
    #[error("the signature does not belong to these bytes and this key")]
    Wrong,
    /// The security key was not touched.
    #[error("nobody touched the security key when it signed")]
    NoTouch,
}

/// Names of signature kinds that exist and are refused because nothing here verifies them.
const UNSUPPORTED: &[&[u8]] = &[
    b"webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
    b"ssh-mldsa44-ed25519@openssh.com",
    b"ecdsa-sha2-nistp521",
    b"ssh-dss",
    b"ssh-ed448",
];

/// Verifies a signature blob (`string kind, string signature`, for security keys also flags and counter).
///
/// # Errors
/// If it is damaged, of another kind than the key's, does not hold, or was made without a touch.
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

/// What an authenticator signs: SHA-256 of the application, flags, counter, SHA-256 of the message.
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

/// RSASSA-PKCS1-v1_5; the signature must be exactly as long as the modulus and smaller than it.
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

/// Ed25519 as `verify_strict` has it: canonical scalar and point, nothing of small order.
pub(super) fn verify_ed25519(
    key: &ed25519_dalek::VerifyingKey,
    body: &[u8],
    message: &[u8],
) -> Result<(), SignatureError> {
    let signature = ed25519_dalek::Signature::from_slice(body).map_err(|_| SignatureError::Wrong)?;
    key.verify_strict(message, &signature).map_err(|_| SignatureError::Wrong)
}

/// Reads `mpint r, mpint s` and gives both with leading zeros to the width of the curve.
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

/// ECDSA on P-256 with SHA-256. Both halves of a pair (r, s), (r, n−s) hold: `ssh-keygen` itself writes either.
pub(super) fn verify_p256(key: &p256::ecdsa::VerifyingKey, body: &[u8], message: &[u8]) -> Result<(), SignatureError> {
    let (r, s) = scalars::<32>(body)?;
    let signature = p256::ecdsa::Signature::from_scalars(r, s).map_err(|_| SignatureError::Wrong)?;
    key.verify(message, &signature).map_err(|_| SignatureError::Wrong)
}

/// ECDSA on P-256 with SHA-256, r and s each in 32 bytes, as JSON Web Signatures have them.
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
