//! Public keys: the kinds that this tool verifies, read from their blob or from a line as `ssh-keygen` writes it.
//!
//! Source: RFC 4253 §6.6, RFC 5656, RFC 8709, OpenSSH `PROTOCOL.u2f`. In: bytes or text. Out: [`PublicKey`], whose
//! point or modulus has been checked. Never: a private key; a key of a kind that is merely "probably fine".

use std::fmt;

use base64ct::{Base64, Base64Unpadded, Encoding};
use rsa::BoxedUint;
use sha2::{Digest as _, Sha256};

use crate::input::text::Text;

use super::wire::{Wire, WireError, put_string};

/// The fewest bits of an RSA modulus that are believed.
pub const MIN_RSA_BITS: u32 = 2048;
/// The fewest bits of an RSA modulus that are recommended; below it [`super::signers`] warns.
pub const RECOMMENDED_RSA_BITS: u32 = 3072;
/// The most bits of an RSA modulus; OpenSSH's own limit.
pub const MAX_RSA_BITS: u32 = 16_384;

/// A kind of key that can be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// `ssh-ed25519`.
    Ed25519,
    /// `ecdsa-sha2-nistp256`.
    EcdsaP256,
    /// `ecdsa-sha2-nistp384`.
    EcdsaP384,
    /// `ssh-rsa`: the key; its signatures are only ever `rsa-sha2-256` or `rsa-sha2-512`.
    Rsa,
    /// `sk-ssh-ed25519@openssh.com`, on a security key.
    SkEd25519,
    /// `sk-ecdsa-sha2-nistp256@openssh.com`, on a security key.
    SkEcdsaP256,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: &'static [Self] =
        &[Self::Ed25519, Self::EcdsaP256, Self::EcdsaP384, Self::Rsa, Self::SkEd25519, Self::SkEcdsaP256];

    /// The name as it stands in a key.
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

    /// The name of a certificate for such a key.
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

    /// Whether the private half lives on a FIDO security key.
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

    /// The kind whose certificates carry this name.
    #[must_use]
    pub fn of_certificate(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.certificate_name().as_bytes() == name)
    }
}

/// Why a key is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The blob does not follow the encoding.
    #[error("the key is damaged: {0}")]
    Wire(#[from] WireError),
    /// The line is not `KIND BASE64 [comment]`.
    #[error("the key is not a kind followed by base64")]
    Line,
    /// The kind before the base64 is not the one within.
    #[error("the key names one kind outside and another within")]
    KindsDiffer,
    /// A kind that this tool does not verify.
    #[error("keys of kind `{}` are unsupported", .0.terminal())]
    Unsupported(Text),
    /// A certificate where a plain key belongs.
    #[error("a certificate stands where a plain key belongs")]
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
    /// The RSA modulus was made by a generator whose keys can be factored.
    #[error("the RSA key was made by a generator whose keys can be factored (CVE-2017-15361)")]
    Factorable,
    /// RSA modulus or exponent cannot belong to a real key.
    #[error("the RSA modulus or exponent is not one of a real key")]
    Rsa,
}

/// What is needed to verify with a key.
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

/// A public key of a kind that can be verified. Equality is that of the blob.
#[derive(Clone)]
pub struct PublicKey {
    kind: KeyKind,
    blob: Vec<u8>,
    rsa_bits: Option<u32>,
    material: Material,
}

impl PublicKey {
    /// Reads a key blob.
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
        // INVARIANT: every field has one encoding, so the rebuilt blob is the given one.
        if key.blob == blob { Ok(key) } else { Err(KeyError::Wire(WireError::Trailing)) }
    }

    /// Reads the fields that follow the kind's name, in a key or within a certificate, and rebuilds the plain blob.
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

    /// Reads `KIND BASE64 [comment]`, as in a `.pub` file or an `allowed_signers` line.
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

    /// The bytes of the key in SSH's encoding.
    #[must_use]
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Bits of the modulus, for RSA keys only.
    #[must_use]
    pub fn rsa_bits(&self) -> Option<u32> {
        self.rsa_bits
    }

    /// `SHA256:` and unpadded base64, as `ssh-keygen -l` prints it.
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
    // WHY: a key of small order has signatures that hold for any message.
    if key.is_weak() { Err(KeyError::Point) } else { Ok(key) }
}

fn application(wire: &mut Wire<'_>) -> Result<Vec<u8>, KeyError> {
    Ok(wire.text()?.as_bytes().to_vec())
}

/// The curve's name and a point, uncompressed as OpenSSH always writes it.
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
    // WHY: bounded before any arithmetic, so that a huge number costs nothing.
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

/// Whether a modulus bears the mark of the generator of CVE-2017-15361 ("ROCA"): modulo every small prime it is a power
/// of 65537. A random modulus does so with a chance below 2^-100. Source: Nemec et al., CCS 2017.
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
