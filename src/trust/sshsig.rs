//! Verifies SSHSIG signatures (OpenSSH `PROTOCOL.sshsig`) strictly.
//!
//! [`verify`] checks an armoured signature over exact bytes in an expected namespace. Only it can create a [`Verified`].
//! It accepts less than `ssh-keygen -Y verify`: version 1, empty reserved fields, no trailing bytes, one text per
//! signature, and a touch on a security key. [`super::signers`] decides whether the key is *allowed* to sign.

use sha2::{Digest as _, Sha256, Sha512};

use crate::input::text::Text;

use super::armor::{ArmorError, dearmor};
use super::certificate::{Certificate, CertificateError};
use super::key::{KeyError, KeyKind, PublicKey};
use super::signature::{self, Presence, SignatureError};
use super::wire::{Wire, WireError, put_string};

const MAGIC: &[u8; 6] = b"SSHSIG";
const VERSION: u32 = 1;

/// Why a signature is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshsigError {
    /// The armour is not valid.
    #[error(transparent)]
    Armor(#[from] ArmorError),
    /// The fields do not follow the encoding, or there are trailing bytes.
    #[error("the signature is damaged: {0}")]
    Wire(#[from] WireError),
    /// It does not begin with `SSHSIG`.
    #[error("the data is not an SSH signature")]
    Magic,
    /// The version is not 1.
    #[error("the signature has version {0}; only version 1 is supported")]
    Version(u32),
    /// The reserved field is not empty.
    #[error("the reserved field of the signature is not empty")]
    Reserved,
    /// It was made for another namespace.
    #[error("the signature was made for namespace `{}`, not for `{}`", .found.terminal(), .expected.terminal())]
    Namespace {
        /// The namespace in the signature.
        found: Text,
        /// The expected namespace.
        expected: Text,
    },
    /// The message hash is neither SHA-256 nor SHA-512.
    #[error("the signature hashes with `{}`; only sha256 and sha512 are accepted", .0.terminal())]
    Hash(Text),
    /// The embedded key is rejected.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The embedded certificate is rejected.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The signature is not valid.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl SshsigError {
    /// The kind of key or signature, if this tool does not support it.
    #[must_use]
    pub fn unsupported(&self) -> Option<&Text> {
        match self {
            Self::Key(KeyError::Unsupported(kind))
            | Self::Signature(SignatureError::Unsupported(kind))
            | Self::Certificate(CertificateError::Unsupported(kind)) => Some(kind),
            Self::Armor(_)
            | Self::Wire(_)
            | Self::Magic
            | Self::Version(_)
            | Self::Reserved
            | Self::Namespace { .. }
            | Self::Hash(_)
            | Self::Key(_)
            | Self::Certificate(_)
            | Self::Signature(_) => None,
        }
    }

    /// How to fix it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Armor(ArmorError::Form) => "store the output of `ssh-keygen -Y sign` byte for byte",
            Self::Armor(_) | Self::Wire(_) | Self::Magic | Self::Version(_) | Self::Reserved | Self::Hash(_) => {
                "sign again with `ssh-keygen -Y sign`; do not edit the signature"
            }
            Self::Namespace { .. } => "sign for the right namespace; a signature is valid only for its namespace",
            Self::Key(KeyError::Unsupported(_)) | Self::Signature(SignatureError::Unsupported(_)) => {
                "sign with an ed25519, ecdsa (256 or 384 bits), rsa or FIDO (`-sk`) key"
            }
            Self::Key(_) => "sign with another key",
            Self::Certificate(_) => "ask the certificate authority for a user certificate without that restriction",
            Self::Signature(SignatureError::NoTouch) => {
                "use a security key that requires a touch, generated without `-O no-touch-required`"
            }
            Self::Signature(SignatureError::Sha1) => "sign with `rsa-sha2-512`, the default of every current OpenSSH",
            Self::Signature(_) => "the signed bytes or the signature were altered; get both again from the signer",
        }
    }
}

/// The hash applied to the message before signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MessageHash {
    Sha256,
    Sha512,
}

impl MessageHash {
    fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}

/// A valid signature. Only [`verify`] creates one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    key: PublicKey,
    namespace: String,
    presence: Presence,
    certificate: Option<Certificate>,
}

impl Verified {
    /// The key that signed. For a certificate, the certified key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// `SHA256:…` of that key, as printed by `ssh-keygen -l`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint()
    }

    /// The kind of that key.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        self.key.kind()
    }

    /// The namespace of the signature.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether a FIDO security key made the signature.
    #[must_use]
    pub fn security_key(&self) -> bool {
        self.key.kind().is_security_key()
    }

    /// Whether the user touched the security key: always true for a security key, always false for other keys.
    #[must_use]
    pub fn user_present(&self) -> bool {
        self.presence.user_present
    }

    /// Whether the security key also verified the user by PIN or fingerprint.
    #[must_use]
    pub fn user_verified(&self) -> bool {
        self.presence.user_verified
    }

    /// The security key's signature counter.
    #[must_use]
    pub fn counter(&self) -> Option<u32> {
        self.presence.counter
    }

    /// The certificate that contains the key. Its own signature is valid. [`super::signers::Signers::find`] checks whether
    /// its authority is trusted and whether it is valid at a time for a principal.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }
}

/// Verifies an armoured signature over `message`.
///
/// # Errors
/// If it is not a strict SSHSIG for exactly this namespace and these bytes, by a supported kind of key.
pub fn verify(armored: &[u8], namespace: &str, message: &[u8]) -> Result<Verified, SshsigError> {
    verify_blob(&dearmor(armored)?, namespace, message)
}

fn verify_blob(blob: &[u8], namespace: &str, message: &[u8]) -> Result<Verified, SshsigError> {
    let mut wire = Wire::new(blob);
    if wire.take(MAGIC.len()) != Ok(MAGIC) {
        return Err(SshsigError::Magic);
    }
    let version = wire.u32()?;
    if version != VERSION {
        return Err(SshsigError::Version(version));
    }
    let key_blob = wire.string()?;
    let found = wire.string()?;
    let reserved = wire.string()?;
    let hash_name = wire.string()?;
    let signature_blob = wire.string()?;
    wire.finish()?;
    // `PROTOCOL.sshsig` forbids an empty namespace, because such a signature would be valid for any purpose.
    if found != namespace.as_bytes() || namespace.is_empty() {
        let found = Text::new(String::from_utf8_lossy(found).as_ref());
        return Err(SshsigError::Namespace { found, expected: Text::from(namespace) });
    }
    if !reserved.is_empty() {
        return Err(SshsigError::Reserved);
    }
    let hash = match hash_name {
        b"sha256" => MessageHash::Sha256,
        b"sha512" => MessageHash::Sha512,
        _ => return Err(SshsigError::Hash(Text::new(String::from_utf8_lossy(hash_name).as_ref()))),
    };
    let (key, certificate) = match PublicKey::from_blob(key_blob) {
        Ok(key) => (key, None),
        Err(KeyError::Certificate) => {
            let certificate = Certificate::from_blob(key_blob)?;
            (certificate.key().clone(), Some(certificate))
        }
        Err(error) => return Err(error.into()),
    };
    let presence = signature::verify(&key, signature_blob, &signed_data(namespace, hash, message))?;
    if let Some(certificate) = &certificate {
        certificate.check_presence(presence)?;
    }
    Ok(Verified { key, namespace: namespace.to_owned(), presence, certificate })
}

/// The bytes that the key signs.
fn signed_data(namespace: &str, hash: MessageHash, message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    out.extend_from_slice(MAGIC);
    put_string(&mut out, namespace.as_bytes());
    put_string(&mut out, b"");
    put_string(&mut out, hash.name().as_bytes());
    put_string(&mut out, &hash.digest(message));
    out
}
