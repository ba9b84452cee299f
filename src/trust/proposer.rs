//! Proof of authorship of a plan: a signature or token next to the plan, checked against the credentials that
//! `agents.yaml` lists for the proposer.
//!
//! [`judge`] tries each credential of the proposer that the plan names and returns [`Proven`] or the most specific
//! reason. A proof of another proposer does not count. INVARIANT: only the token's digest and the checked claims leave
//! this module, never the token.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::jwt::{self, Algorithm, Expected, KeySet, TokenError};
use super::key::PublicKey;
use super::revoked::Revoked;
use super::sshsig::{self, SshsigError, Verified};
use crate::input::canonical;
use crate::input::digest::{Digest, of};
use crate::input::id::IdentityId;
use crate::input::text::Text;
use crate::input::time::{Span, Time};

/// The SSHSIG namespace of plan signatures.
pub const NAMESPACE: &str = "review-plan@v1";

/// The lifetime limit of an agent without a limit.
const UNLIMITED: Span = Span::MAX;

/// A credential by which a proposer can prove authorship.
#[derive(Debug, Clone)]
pub enum Way {
    /// A signature by this key, received within its validity period. Both ends are inclusive.
    Key {
        /// The key.
        key: PublicKey,
        /// The first valid second.
        valid_after: Option<Time>,
        /// The last valid second.
        valid_before: Option<Time>,
    },
    /// A signature by a certificate of this authority for this principal.
    Certificate {
        /// The authority.
        authority: PublicKey,
        /// The principal.
        principal: Text,
    },
    /// A workload identity token.
    Token(TokenWay),
}

/// The required content of a token.
#[derive(Debug, Clone)]
pub struct TokenWay {
    /// The exact `iss` claim.
    pub issuer: Text,
    /// The exact `sub` claim.
    pub subject: Text,
    /// The pinned algorithm.
    pub algorithm: Algorithm,
    /// The pinned `kid`, if any.
    pub key_id: Option<Text>,
    /// Further claims with their exact text.
    pub claims: Vec<(Text, Text)>,
    /// The issuer's keys.
    pub keys: Arc<KeySet>,
}

/// A proposer with its credentials. Any one of them is sufficient.
#[derive(Debug, Clone)]
pub struct Prover {
    /// Its identity.
    pub id: IdentityId,
    /// The credentials.
    pub ways: Vec<Way>,
    /// The maximum lifetime of a credential, in addition to the limits in policies.
    pub longest: Option<Span>,
}

/// The proof next to a plan.
#[derive(Clone, Copy)]
pub enum Offered<'a> {
    /// An armoured SSH signature.
    Signature(&'a [u8]),
    /// A compact token.
    Token(&'a [u8]),
}

impl fmt::Debug for Offered<'_> {
    /// Written by hand to hide the token, which is a bearer credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature(_) => f.write_str("Signature(..)"),
            Self::Token(_) => f.write_str("Token(..)"),
        }
    }
}

/// The method by which a proposer proved authorship.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// A signature by a key.
    SshKey,
    /// A signature by a certificate.
    SshCertificate,
    /// A token.
    Jwt,
}

impl Method {
    /// The name of the method in policies and in the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SshKey => "ssh-key",
            Self::SshCertificate => "ssh-certificate",
            Self::Jwt => "jwt",
        }
    }
}

/// The result of a valid proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The author of the plan.
    pub id: IdentityId,
    /// The method.
    pub method: Method,
    /// The start of the credential's validity, if limited.
    pub issued_at: Option<Time>,
    /// The end of the credential's validity, if limited.
    pub expires_at: Option<Time>,
    /// The validity period, or `None` if either end is unlimited.
    pub lifetime: Option<Span>,
    /// The fingerprint of the signing key; `None` for a token.
    pub key: Option<String>,
    /// All principals of the certificate or token.
    pub principals: Vec<Text>,
    /// The issuer or key fingerprint that vouches for the proposer, for display.
    pub by: Text,
    /// The checked claims as canonical JSON; for a token only.
    pub claims: Option<String>,
}

/// Why a proof is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The proposer has no credential.
    #[error("agents.yaml lists no credential for `{}`", .0.text().terminal())]
    NoWay(IdentityId),
    /// The proposer has no credential of this kind.
    #[error("agents.yaml lists no {0} for the proposer")]
    OtherKind(&'static str),
    /// The signature is not valid.
    #[error(transparent)]
    Signature(#[from] SshsigError),
    /// The key belongs to no proposer.
    #[error("agents.yaml does not list the key `{fingerprint}` for the proposer")]
    UnknownKey {
        /// The key that signed.
        fingerprint: String,
    },
    /// The key or its authority is revoked.
    #[error("the key `{fingerprint}` is revoked")]
    Revoked {
        /// The revoked key.
        fingerprint: String,
    },
    /// The proof is valid, but for another proposer.
    #[error("the proof is by `{}`, not by the plan's `proposer`", .0.text().terminal())]
    OtherProposer(IdentityId),
    /// The key or certificate was not yet valid.
    #[error("the {0} is valid only from {1}")]
    NotYetValid(&'static str, Time),
    /// The key or certificate had expired.
    #[error("the {0} expired at {1}")]
    Expired(&'static str, Time),
    /// The certificate does not name the proposer's principal.
    #[error("the certificate does not name the principal `{}`", .0.terminal())]
    OtherPrincipal(Text),
    /// The credential's lifetime exceeds the proposer's limit.
    #[error("the {kind} is valid for {found}; `max_credential_ttl` of the proposer is {limit}")]
    TooLong {
        /// The kind of credential.
        kind: &'static str,
        /// Its lifetime.
        found: Span,
        /// The limit.
        limit: Span,
    },
    /// The credential has no expiry, and the proposer's must have one.
    #[error("the {kind} has no expiry; `max_credential_ttl` of the proposer is {limit}")]
    Endless {
        /// The kind of credential.
        kind: &'static str,
        /// The limit.
        limit: Span,
    },
    /// The token is not valid.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl ProofError {
    /// How to fix it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoWay(_) => "add `proof:` to its entry in agents.yaml",
            Self::OtherKind(_) => "use one of the credentials that agents.yaml lists, or have another one added",
            Self::Signature(SshsigError::Signature(_)) => {
                "the plan or the signature was changed after signing; sign it again with `review plan sign`"
            }
            Self::Signature(error) => error.help(),
            Self::UnknownKey { .. } => "sign with the proposer's own key, or have this key added to agents.yaml",
            Self::Revoked { .. } => "give the proposer a new key; a revoked key never becomes valid again",
            Self::OtherProposer(_) => "set `proposer` to the identity that proves the plan",
            Self::NotYetValid(..) => "check the clocks, or wait until the credential is valid",
            Self::Expired(..) => "give the proposer a new credential and have it sign the plan again",
            Self::OtherPrincipal(_) => "ask the certificate authority for a certificate of the proposer's principal",
            Self::TooLong { .. } => "request a credential with a shorter lifetime",
            Self::Endless { .. } => {
                "give the key `valid_after` and `valid_before` in agents.yaml, or use a certificate"
            }
            Self::Token(error) => error.help(),
        }
    }

    /// Whether the credential may be valid at another time.
    #[must_use]
    pub fn is_of_time(&self) -> bool {
        matches!(
            self,
            Self::NotYetValid(..)
                | Self::Expired(..)
                | Self::Token(TokenError::Expired(_) | TokenError::NotYetValid(_))
        )
    }

    /// How close the proof came to being valid. Of several reasons, the highest rank is reported.
    fn rank(&self) -> u8 {
        match self {
            Self::NoWay(_) | Self::OtherKind(_) => 0,
            Self::UnknownKey { .. } | Self::Token(TokenError::Issuer(_)) => 1,
            Self::OtherPrincipal(_) | Self::Token(TokenError::Subject { .. }) => 2,
            Self::Token(TokenError::Signed(_)) => 3,
            Self::Signature(_)
            | Self::OtherProposer(_)
            | Self::NotYetValid(..)
            | Self::Expired(..)
            | Self::TooLong { .. }
            | Self::Endless { .. }
            | Self::Token(_)
            | Self::Revoked { .. } => 4,
        }
    }
}

/// Checks the proof of a plan for the proposer that the plan names, at the time when the plan was received.
///
/// # Errors
/// The reason of the credential that came closest. If the proof belongs to another proposer, that is the reason.
pub fn judge(
    provers: &BTreeMap<IdentityId, Prover>,
    revoked: &Revoked,
    proposer: &IdentityId,
    plan: &[u8],
    offered: Offered<'_>,
    received: Time,
) -> Result<Proven, ProofError> {
    let signature = match offered {
        Offered::Signature(armored) => Some(sshsig::verify(armored, NAMESPACE, plan)?),
        Offered::Token(_) => None,
    };
    let by = |prover: &Prover| match (&signature, offered) {
        (Some(verified), _) => signed(prover, revoked, verified, received),
        (None, Offered::Token(token)) => token_of(prover, plan, token, received),
        (None, Offered::Signature(_)) => Err(ProofError::NoWay(prover.id.clone())),
    };
    let why = match provers.get(proposer) {
        Some(prover) if !prover.ways.is_empty() => match by(prover) {
            Ok(good) => return Ok(good),
            Err(why) => why,
        },
        _ => ProofError::NoWay(proposer.clone()),
    };
    let other = provers.values().filter(|prover| prover.id != *proposer).find(|prover| by(prover).is_ok());
    Err(other.map_or(why, |prover| ProofError::OtherProposer(prover.id.clone())))
}

/// Tries every credential of one kind.
fn try_ways(
    prover: &Prover,
    kind: &'static str,
    attempt: impl Fn(&Way) -> Option<Result<Proven, ProofError>>,
) -> Result<Proven, ProofError> {
    let mut closest = ProofError::OtherKind(kind);
    for way in &prover.ways {
        match attempt(way) {
            Some(Ok(good)) => return Ok(good),
            Some(Err(why)) if why.rank() > closest.rank() => closest = why,
            Some(Err(_)) | None => {}
        }
    }
    Err(closest)
}

fn signed(prover: &Prover, revoked: &Revoked, verified: &Verified, at: Time) -> Result<Proven, ProofError> {
    try_ways(prover, "SSH key or certificate", |way| match way {
        Way::Key { key, valid_after, valid_before } => {
            Some(by_key(prover, revoked, verified, key, (*valid_after, *valid_before), at))
        }
        Way::Certificate { authority, principal } => {
            Some(by_certificate(prover, revoked, verified, authority, principal, at))
        }
        Way::Token(_) => None,
    })
}

fn not_revoked<'k>(revoked: &Revoked, keys: impl IntoIterator<Item = &'k PublicKey>) -> Result<(), ProofError> {
    match keys.into_iter().find(|key| revoked.contains(key)) {
        Some(key) => Err(ProofError::Revoked { fingerprint: key.fingerprint() }),
        None => Ok(()),
    }
}

fn by_key(
    prover: &Prover,
    revoked: &Revoked,
    verified: &Verified,
    key: &PublicKey,
    (from, until): (Option<Time>, Option<Time>),
    at: Time,
) -> Result<Proven, ProofError> {
    const KIND: &str = "key";
    // Do not match the certified key of a certificate: only the authority is listed for it.
    if verified.certificate().is_some() || verified.key() != key {
        return Err(ProofError::UnknownKey { fingerprint: verified.fingerprint() });
    }
    not_revoked(revoked, [key])?;
    if let Some(from) = from.filter(|from| at < *from) {
        return Err(ProofError::NotYetValid(KIND, from));
    }
    if let Some(until) = until.filter(|until| at > *until) {
        return Err(ProofError::Expired(KIND, until));
    }
    let lifetime = from.zip(until).and_then(|(from, until)| until.since(from));
    within(prover, KIND, lifetime)?;
    Ok(Proven {
        id: prover.id.clone(),
        method: Method::SshKey,
        issued_at: from,
        expires_at: until,
        lifetime,
        key: Some(verified.fingerprint()),
        principals: Vec::new(),
        by: Text::from(verified.fingerprint()),
        claims: None,
    })
}

fn by_certificate(
    prover: &Prover,
    revoked: &Revoked,
    verified: &Verified,
    authority: &PublicKey,
    principal: &Text,
    at: Time,
) -> Result<Proven, ProofError> {
    const KIND: &str = "certificate";
    let unknown = || ProofError::UnknownKey { fingerprint: verified.fingerprint() };
    let certificate = verified.certificate().filter(|c| c.authority() == authority).ok_or_else(unknown)?;
    not_revoked(revoked, [certificate.key(), certificate.authority()])?;
    certificate.check_principal(principal.raw()).map_err(|_| ProofError::OtherPrincipal(principal.clone()))?;
    let (from, until) = certificate.window();
    if let Some(from) = from.filter(|from| at < *from) {
        return Err(ProofError::NotYetValid(KIND, from));
    }
    if let Some(until) = until.filter(|until| at >= *until) {
        return Err(ProofError::Expired(KIND, until));
    }
    // Check again here, so that one function decides on validity periods for all signatures.
    certificate.check_time(at).map_err(|e| ProofError::Signature(SshsigError::Certificate(e)))?;
    let lifetime = certificate.lifetime();
    within(prover, KIND, lifetime)?;
    Ok(Proven {
        id: prover.id.clone(),
        method: Method::SshCertificate,
        issued_at: from,
        expires_at: until,
        lifetime,
        key: Some(verified.fingerprint()),
        principals: certificate.principals().to_vec(),
        by: Text::from(format!("{} by {}", verified.fingerprint(), authority.fingerprint())),
        claims: None,
    })
}

fn within(prover: &Prover, kind: &'static str, lifetime: Option<Span>) -> Result<(), ProofError> {
    match (prover.longest, lifetime) {
        (Some(limit), Some(found)) if found > limit => Err(ProofError::TooLong { kind, found, limit }),
        (Some(limit), None) => Err(ProofError::Endless { kind, limit }),
        (Some(_), Some(_)) | (None, _) => Ok(()),
    }
}

/// The checked claims of a token, ordered by name.
#[derive(Serialize)]
struct Judged<'a> {
    aud: String,
    exp: i64,
    iat: i64,
    iss: &'a str,
    kid: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pinned: BTreeMap<&'a str, &'a str>,
    sub: &'a str,
}

fn token_of(prover: &Prover, plan: &[u8], token: &[u8], received: Time) -> Result<Proven, ProofError> {
    try_ways(prover, "token", |way| match way {
        Way::Token(way) => Some(by_token(prover, way, plan, token, received)),
        Way::Key { .. } | Way::Certificate { .. } => None,
    })
}

fn by_token(prover: &Prover, way: &TokenWay, plan: &[u8], token: &[u8], received: Time) -> Result<Proven, ProofError> {
    let digest: Digest<of::File> = Digest::of(plan);
    let claims: Vec<(&str, &str)> = way.claims.iter().map(|(name, value)| (name.raw(), value.raw())).collect();
    let expected = Expected {
        issuer: way.issuer.raw(),
        subject: way.subject.raw(),
        algorithm: way.algorithm,
        key_id: way.key_id.as_ref().map(Text::raw),
        claims: &claims,
        plan: digest,
        longest: prover.longest.unwrap_or(UNLIMITED),
        received,
    };
    let proof = jwt::verify(token, &way.keys, &expected)?;
    let judged = Judged {
        aud: expected.audience(),
        exp: proof.expires.unix(),
        iat: proof.issued_at.unix(),
        iss: proof.issuer.raw(),
        kid: proof.key_id.raw(),
        pinned: claims.into_iter().collect(),
        sub: proof.subject.raw(),
    };
    let claims = canonical::to_bytes(&judged).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(Proven {
        id: prover.id.clone(),
        method: Method::Jwt,
        issued_at: Some(proof.issued_at),
        expires_at: Some(proof.expires),
        lifetime: Some(proof.lifetime),
        key: None,
        principals: vec![proof.subject],
        by: proof.issuer,
        claims: Some(claims.ok_or(TokenError::Claims)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_never_shown_in_a_debug_print() {
        let token = b"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJib3QifQ.c2VjcmV0";
        for offered in [Offered::Token(token), Offered::Signature(token)] {
            for said in [format!("{offered:?}"), format!("{offered:#?}"), format!("{:?}", Some(offered))] {
                let bytes = format!("{:?}", &token[..3]);
                assert!(!said.contains("eyJ") && !said.contains(&bytes) && !said.contains("c2Vj"), "{said}");
            }
        }
        assert_eq!(format!("{:?}", Offered::Token(token)), "Token(..)");
    }
}
