//! The interface between the log and signature verification.
//!
//! The log passes a [`Claim`] and gets a [`Judgement`]: the signer, or the reason why the signature does not count. The
//! log itself does not parse signatures. Nothing that the seal says of its signer is trusted.

use crate::input::id::{PersonId, PrincipalId};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::trust::revoked::KeyRevocation;

/// A signature to verify, with what its seal claims.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The exact signed bytes: the seal line, including its LF.
    pub seal: &'a [u8],
    /// The armoured signature from the `sig` line.
    pub sshsig: &'a str,
    /// The required namespace.
    pub namespace: &'static str,
    /// The principal that the seal names.
    pub principal: &'a PrincipalId,
    /// The fingerprint that the seal names.
    pub fingerprint: &'a Text,
    /// The person that the session names; none for a machine.
    pub person: Option<&'a PersonId>,
    /// The time in the seal. The key must be valid at this time.
    pub at: Time,
}

/// The signer, according to the signature and `allowed_signers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealSigner {
    /// The principal of `allowed_signers` that the key belongs to.
    pub principal: PrincipalId,
    /// The key's fingerprint, `SHA256:…`.
    pub fingerprint: Text,
    /// The key's type, `ssh-ed25519`.
    pub key_type: Text,
    /// Whether the key is on a FIDO security key.
    pub security_key: bool,
    /// Whether the signature proves a touch of the security key.
    pub user_present: bool,
    /// Whether the signature proves user verification (PIN or fingerprint) by the security key.
    pub user_verified: bool,
    /// The security key's counter.
    pub counter: Option<u32>,
    /// The last second at which the key is valid, if limited.
    pub valid_until: Option<Time>,
    /// The last second at which `allowed_signers` lists the key, or its authority, for the principal, if there is one.
    pub listed_until: Option<Time>,
    /// The certificate that the key signed with, if any.
    pub certificate: Option<Certified>,
}

/// The contents of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// The fingerprint of the certificate authority.
    pub authority: Text,
    /// All its principals.
    pub principals: Vec<Text>,
}

/// The result for a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Valid, and the signer was allowed at the claimed time.
    Good(Box<SealSigner>),
    /// Valid, and the signer was allowed at the claimed time, but the key is revoked. What still counts depends on the order
    /// of the log.
    Revoked(Box<SealSigner>, KeyRevocation),
    /// It may be genuine, but `allowed_signers` does not allow the key at that time, for the namespace or for the
    /// principal. The second field is the help text, if the fix is not to list the key.
    NotAllowed(Text, Option<&'static str>),
    /// It is genuine, but the session names another person than its signer.
    OtherPerson(Text),
    /// It may be genuine, but this tool does not support its kind.
    Unsupported(Text),
    /// It is not a signature over these bytes.
    Bad(Text),
}

/// Verifies signatures. Shared between threads.
pub trait SignatureJudge: Sync {
    /// Verifies one signature. Never panics, whatever the bytes are.
    fn judge(&self, claim: &Claim<'_>) -> Judgement;
}

impl<F: Fn(&Claim<'_>) -> Judgement + Sync> SignatureJudge for F {
    fn judge(&self, claim: &Claim<'_>) -> Judgement {
        self(claim)
    }
}
