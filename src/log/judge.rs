//! The question that the log asks about a signature, and the answers there are.
//!
//! In: what a seal claims. Out: who signed, or why nobody may be said to have. The log never looks into a signature: the
//! trust room does, against `allowed_signers` that the caller chose. Nothing here trusts what the seal says of itself.

use crate::input::id::PrincipalId;
use crate::input::text::Text;
use crate::input::time::Time;

/// What is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The exact bytes that were signed: the seal line, LF included.
    pub seal: &'a [u8],
    /// The armoured signature as the `sig` line holds it.
    pub sshsig: &'a str,
    /// The only namespace that the signature may have.
    pub namespace: &'static str,
    /// The principal that the seal names.
    pub principal: &'a PrincipalId,
    /// The fingerprint that the seal names.
    pub fingerprint: &'a Text,
    /// When the seal says that it was made; windows of keys are judged at this time.
    pub at: Time,
}

/// Who signed, as the signature itself and `allowed_signers` say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The principal of `allowed_signers` that the key belongs to.
    pub principal: PrincipalId,
    /// The key's fingerprint, `SHA256:…`.
    pub fingerprint: Text,
    /// The key's type, `ssh-ed25519`.
    pub key_type: Text,
    /// Whether the key is kept in a security key.
    pub security_key: bool,
    /// Whether the signature proves that somebody touched it.
    pub user_present: bool,
    /// Whether the signature proves that the security key knew who touched it.
    pub user_verified: bool,
    /// The security key's counter.
    pub counter: Option<u32>,
    /// The last second at which the key was allowed, if there is one.
    pub valid_until: Option<Time>,
    /// What the certificate says that the key signed by; none where it signed by itself.
    pub certificate: Option<Certified>,
}

/// What a certificate says of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// The fingerprint of the authority that made it.
    pub authority: Text,
    /// Everybody whom it names.
    pub principals: Vec<Text>,
}

/// What is said of a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is by this signer, who was allowed to at the claimed time.
    Good(Box<Signer>),
    /// It may be genuine, but `allowed_signers` does not allow its key (then, or for this namespace or principal); with what
    /// can be done about it, where that is not to list the key.
    NotAllowed(Text, Option<&'static str>),
    /// It may be genuine, but is of a kind that this tool does not verify.
    Unsupported(Text),
    /// It is not a signature over these bytes.
    Bad(Text),
}

/// Judges signatures; shared by threads.
pub trait SignatureJudge: Sync {
    /// Judges one. Never panics, whatever the bytes are.
    fn judge(&self, claim: &Claim<'_>) -> Judgement;
}

impl<F: Fn(&Claim<'_>) -> Judgement + Sync> SignatureJudge for F {
    fn judge(&self, claim: &Claim<'_>) -> Judgement {
        self(claim)
    }
}
