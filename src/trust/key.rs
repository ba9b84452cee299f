//! Public keys, parsed from their blob or from a line as `ssh-keygen` writes it.
//!
//! Sources: RFC 4253 §6.6, RFC 5656, RFC 8709, OpenSSH `PROTOCOL.u2f`. A [`PublicKey`] is of a supported kind, and its
//! curve point or RSA modulus has been validated.

use std::fmt;

use base64ct::{Base64, Base64Unpadded, Encoding};
use rsa::BoxedUint;
use sha2::{Digest as _, Sha256};

use crate::input::text::Text;

use super::wire::{Wire, WireError, put_string};

/// The minimum length of an RSA modulus, in bits.
pub const MIN_RSA_BITS: u32 = 2048;
/// The recommended minimum length of an RSA modulus, in bits. [`super::signers`] warns about shorter keys.
pub const RECOMMENDED_RSA_BITS: u32 = 3072;
/// The maximum length of an RSA modulus, in bits. This is OpenSSH's limit.
pub const MAX_RSA_BITS: u32 = 16_384;

/// A supported kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// `ssh-ed25519`.
    Ed25519,
    /// `ecdsa-sha2-nistp256`.
    EcdsaP256,
    /// `ecdsa-sha2-nistp384`.
    EcdsaP384,
    /// `ssh-rsa`. Only the signature algorithms `rsa-sha2-256` and `rsa-sha2-512` are accepted.
    Rsa,
    /// `sk-ssh-ed25519@openssh.com`, on a FIDO security key.
    SkEd25519,
    /// `sk-ecdsa-sha2-nistp256@openssh.com`, on a FIDO security key.
    SkEcdsaP256,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: &'static [Self] =
        &[Self::Ed25519, Self::EcdsaP256, Self::EcdsaP384, Self::Rsa, Self::SkEd25519, Self::SkEcdsaP256];

    /// The name in a key blob.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
            Self::EcdsaP384 => "ecdsa-sha2-nistp384",
            Self::Rsa => "ssh-rsa",
            Self::SkEd25519 => "sk-ssh-ed25519@openssh.com",
            Self::SkEcdsaP256 => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    /// The name of the certificate type for this kind.
    #[must_use]
    pub fn certificate_name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519-cert-v01@openssh.com",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256-cert-v01@openssh.com",
            Self::EcdsaP384 => "ecdsa-sha2-nistp384-cert-v01@openssh.com",
            Self::Rsa => "ssh-rsa-cert-v01@openssh.com",
            Self::SkEd25519 => "sk-ssh-ed25519-cert-v01@openssh.com",
            Self::SkEcdsaP256 => "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
        }
    }

    /// Whether the private key is on a FIDO security key.
    #[must_use]
    pub fn is_security_key(self) -> bool {
        match self {
            Self::SkEd25519 | Self::SkEcdsaP256 => true,
            Self::Ed25519 | Self::EcdsaP256 | Self::EcdsaP384 | Self::Rsa => false,
        }
    }

    fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name().as_bytes() == name)
    }

    /// The kind with this certificate type name.
    #[must_use]
    pub fn of_certificate(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.certificate_name().as_bytes() == name)
    }
}

/// Why a key is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The blob does not follow the encoding.
    #[error("the key is damaged: {0}")]
    Wire(#[from] WireError),
    /// The line is not `KIND BASE64 [comment]`.
    #[error("the key is not a kind followed by base64")]
    Line,
    /// The kind in the line differs from the kind in the blob.
    #[error("the kind before the base64 differs from the kind in the key")]
    KindsDiffer,
    /// This tool does not support this kind.
    #[error("keys of kind `{}` are unsupported", .0.terminal())]
    Unsupported(Text),
    /// It is a certificate, but a plain key is expected.
    #[error("this is a certificate; a plain key is expected")]
    Certificate,
    /// The point is not on its curve, or of small order.
    #[error("the key is not a valid point of its curve")]
    Point,
    /// The RSA modulus is too short.
    #[error("an RSA key of {bits} bits is too short; at least {MIN_RSA_BITS} are needed")]
    ShortRsa {
        /// Bits of the modulus.
        bits: u32,
    },
    /// A known-weak generator produced the RSA modulus (CVE-2017-15361).
    #[error("the RSA key comes from a weak generator and can be factored (CVE-2017-15361)")]
    Factorable,
    /// The RSA modulus or exponent is not plausible.
    #[error("the RSA modulus or exponent is not valid")]
    Rsa,
}

/// The key material for verification.
#[derive(Debug, Clone)]
pub(super) enum Material {
    /// Edwards curve 25519.
    Ed25519(ed25519_dalek::VerifyingKey),
    /// NIST P-256.
    P256(p256::ecdsa::VerifyingKey),
    /// NIST P-384.
    P384(p384::ecdsa::VerifyingKey),
    /// RSA.
    Rsa(Box<rsa::PublicKey>),
    /// Edwards curve 25519 on a security key, with its application.
    SkEd25519(ed25519_dalek::VerifyingKey, Vec<u8>),
    /// NIST P-256 on a security key, with its application.
    SkP256(p256::ecdsa::VerifyingKey, Vec<u8>),
}

/// A public key of a supported kind. Equality compares the blob.
#[derive(Clone)]
pub struct PublicKey {
    kind: KeyKind,
    blob: Vec<u8>,
    rsa_bits: Option<u32>,
    material: Material,
}

impl PublicKey {
    /// Parses a key blob.
    ///
    /// # Errors
    /// If it is damaged, of an unsupported kind, weak, or a certificate.
    pub fn from_blob(blob: &[u8]) -> Result<Self, KeyError> {
        let mut wire = Wire::new(blob);
        let name = wire.string()?;
        let Some(kind) = KeyKind::named(name) else {
            return Err(if KeyKind::of_certificate(name).is_some() {
                KeyError::Certificate
            } else {
                KeyError::Unsupported(Text::new(String::from_utf8_lossy(name).as_ref()))
            });
        };
        let key = Self::read_fields(kind, &mut wire)?;
        wire.finish()?;
        // INVARIANT: each field has a single encoding, so the rebuilt blob must equal the input.
        if key.blob == blob { Ok(key) } else { Err(KeyError::Wire(WireError::Trailing)) }
    }

    /// Reads the fields after the kind's name, in a key or in a certificate, and rebuilds the plain key blob.
    pub(super) fn read_fields(kind: KeyKind, wire: &mut Wire<'_>) -> Result<Self, KeyError> {
        let mut blob = Vec::new();
        put_string(&mut blob, kind.name().as_bytes());
        let before = wire.rest();
        let mut rsa_bits = None;
        let material = match kind {
            KeyKind::Ed25519 => Material::Ed25519(edwards(wire)?),
            KeyKind::SkEd25519 => Material::SkEd25519(edwards(wire)?, application(wire)?),
            KeyKind::EcdsaP256 => Material::P256(p256_point(wire)?),
            KeyKind::SkEcdsaP256 => Material::SkP256(p256_point(wire)?, application(wire)?),
            KeyKind::EcdsaP384 => Material::P384(p384_point(wire)?),
            KeyKind::Rsa => {
                let (key, bits) = rsa_key(wire)?;
                rsa_bits = Some(bits);
                Material::Rsa(Box::new(key))
            }
        };
        let read = before.len().saturating_sub(wire.rest().len());
        blob.extend_from_slice(before.get(..read).ok_or(WireError::Short)?);
        Ok(Self { kind, blob, rsa_bits, material })
    }

    /// Parses `KIND BASE64 [comment]`, as in a `.pub` file or an `allowed_signers` line.
    ///
    /// # Errors
    /// As [`PublicKey::from_blob`], or if the line is not of that form.
    pub fn from_line(line: &str) -> Result<Self, KeyError> {
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        let (Some(name), Some(body)) = (words.next(), words.next()) else { return Err(KeyError::Line) };
        if KeyKind::of_certificate(name.as_bytes()).is_some() {
            return Err(KeyError::Certificate);
        }
        let Some(kind) = KeyKind::named(name.as_bytes()) else {
            return Err(KeyError::Unsupported(Text::from(name)));
        };
        let blob = Base64::decode_vec(body).map_err(|_| KeyError::Line)?;
        let key = Self::from_blob(&blob)?;
        if key.kind == kind { Ok(key) } else { Err(KeyError::KindsDiffer) }
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key blob in SSH encoding.
    #[must_use]
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Length of the modulus in bits. RSA keys only.
    #[must_use]
    pub fn rsa_bits(&self) -> Option<u32> {
        self.rsa_bits
    }

    /// `SHA256:` and unpadded base64, as printed by `ssh-keygen -l`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", Base64Unpadded::encode_string(&Sha256::digest(&self.blob)))
    }

    /// `KIND BASE64`, without a comment.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!("{} {}", self.kind.name(), Base64::encode_string(&self.blob))
    }

    pub(super) fn material(&self) -> &Material {
        &self.material
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.blob == other.blob
    }
}
impl Eq for PublicKey {}
impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.blob.cmp(&other.blob)
    }
}
impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.fingerprint())
    }
}

fn edwards(wire: &mut Wire<'_>) -> Result<ed25519_dalek::VerifyingKey, KeyError> {
    let bytes: &[u8; 32] = wire.string()?.try_into().map_err(|_| KeyError::Point)?;
    let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Point)?;
    // For a key of small order, one signature is valid for many messages.
    if key.is_weak() { Err(KeyError::Point) } else { Ok(key) }
}

fn application(wire: &mut Wire<'_>) -> Result<Vec<u8>, KeyError> {
    Ok(wire.text()?.as_bytes().to_vec())
}

/// Reads the curve's name and an uncompressed point. OpenSSH writes no other form.
fn point<'a>(wire: &mut Wire<'a>, curve: &[u8], length: usize) -> Result<&'a [u8], KeyError> {
    if wire.string()? != curve {
        return Err(KeyError::KindsDiffer);
    }
    let bytes = wire.string()?;
    if bytes.len() == length && bytes.first() == Some(&4) { Ok(bytes) } else { Err(KeyError::Point) }
}

fn p256_point(wire: &mut Wire<'_>) -> Result<p256::ecdsa::VerifyingKey, KeyError> {
    p256::ecdsa::VerifyingKey::from_sec1_bytes(point(wire, b"nistp256", 65)?).map_err(|_| KeyError::Point)
}

fn p384_point(wire: &mut Wire<'_>) -> Result<p384::ecdsa::VerifyingKey, KeyError> {
    p384::ecdsa::VerifyingKey::from_sec1_bytes(point(wire, b"nistp384", 97)?).map_err(|_| KeyError::Point)
}

fn rsa_key(wire: &mut Wire<'_>) -> Result<(rsa::PublicKey, u32), KeyError> {
    let exponent = wire.positive()?;
    let modulus = wire.positive()?;
    let bits = u32::try_from(modulus.len())
        .ok()
        .and_then(|bytes| bytes.checked_mul(8))
        .and_then(|bits| bits.checked_sub(modulus.first()?.leading_zeros()))
        .ok_or(KeyError::Rsa)?;
    if bits < MIN_RSA_BITS {
        return Err(KeyError::ShortRsa { bits });
    }
    // Check the limits before any arithmetic, so that a huge number costs nothing.
    if bits > MAX_RSA_BITS || exponent.len() > 8 {
        return Err(KeyError::Rsa);
    }
    if is_roca(modulus) {
        return Err(KeyError::Factorable);
    }
    let limits = MIN_RSA_BITS as usize..=MAX_RSA_BITS as usize;
    rsa::PublicKey::new_with_size_limits(
        BoxedUint::from_be_slice_vartime(modulus),
        BoxedUint::from_be_slice_vartime(exponent),
        limits,
    )
    .map(|key| (key, bits))
    .map_err(|_| KeyError::Rsa)
}

/// Whether a modulus has the fingerprint of the weak generator of CVE-2017-15361 ("ROCA"): it is a power of 65537
/// modulo every small prime. A random modulus has it with probability below 2^-100. Source: Nemec et al., CCS 2017.
fn is_roca(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107,
        109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    PRIMES.iter().all(|prime| {
        let residue = modulus.iter().fold(0_u32, |rest, byte| (rest * 256 + u32::from(*byte)) % prime);
        let mut power = 1_u32;
        (0..*prime).any(|_| {
            let met = power == residue;
            power = power * 65_537 % prime;
            met
        })
    })
}
