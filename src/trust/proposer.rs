//! Who wrote a plan: a signature or a token beside it, judged against what `agents.yaml` pins for each proposer.
//!
//! In: the plan's exact bytes, the proof's, the ways in which each proposer proves itself, revoked keys, and the time at
//! which the plan was received. Out: [`Proven`], or the exact reason why not. A proof is good for the proposer that the
//! plan names and for nobody else. INVARIANT: a token has no way out of here but its digest and the claims that were
//! judged.

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

/// The only namespace in which a signature proves who wrote a plan.
pub const NAMESPACE: &str = "review-plan@v1";

/// A lifetime that no limit of an agent allows to pass, where it has none.
const UNLIMITED: Span = Span::MAX;

/// One way in which a proposer proves itself.
#[derive(Debug, Clone)]
pub enum Way {
    /// A signature by this key, received within its window; both ends are inclusive.
    Key {
        /// The key.
        key: PublicKey,
        /// The first second at which it holds.
        valid_after: Option<Time>,
        /// The last second at which it holds.
        valid_before: Option<Time>,
    },
    /// A signature by a certificate of this authority that names this principal.
    Certificate {
        /// The authority.
        authority: PublicKey,
        /// The principal.
        principal: Text,
    },
    /// A workload-identity token.
    Token(TokenWay),
}

/// What a token must say.
#[derive(Debug, Clone)]
pub struct TokenWay {
    /// The exact `iss`.
    pub issuer: Text,
    /// The exact `sub`.
    pub subject: Text,
    /// The one algorithm.
    pub algorithm: Algorithm,
    /// The one `kid`, if it is pinned.
    pub key_id: Option<Text>,
    /// Further claims, and the exact text of each.
    pub claims: Vec<(Text, Text)>,
    /// The issuer's keys.
    pub keys: Arc<KeySet>,
}

/// A proposer, and how it proves itself: any one way suffices.
#[derive(Debug, Clone)]
pub struct Prover {
    /// Its identity.
    pub id: IdentityId,
    /// The ways.
    pub ways: Vec<Way>,
    /// The longest its credential may last, beside what policy says.
    pub longest: Option<Span>,
}

/// The proof that lies beside a plan.
#[derive(Clone, Copy)]
pub enum Offered<'a> {
    /// An armoured SSH signature.
    Signature(&'a [u8]),
    /// A compact token.
    Token(&'a [u8]),
}

impl fmt::Debug for Offered<'_> {
    /// WHY by hand: a token is a bearer credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature(_) => f.write_str("Signature(..)"),
            Self::Token(_) => f.write_str("Token(..)"),
        }
    }
}

/// How a proposer proved itself.
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
    /// The word for it, as policies and the log have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SshKey => "ssh-key",
            Self::SshCertificate => "ssh-certificate",
            Self::Jwt => "jwt",
        }
    }
}

/// What a proof proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// Who wrote the plan.
    pub id: IdentityId,
    /// How that was proved.
    pub method: Method,
    /// From when the credential holds, if it says so.
    pub issued_at: Option<Time>,
    /// When it ends, if it ends.
    pub expires_at: Option<Time>,
    /// From the one to the other; `None` where an end is open.
    pub lifetime: Option<Span>,
    /// The fingerprint of the key that signed; none for a token.
    pub key: Option<String>,
    /// Every name that the certificate or token stands for.
    pub principals: Vec<Text>,
    /// Who vouches, for people: a fingerprint, or an issuer.
    pub by: Text,
    /// The claims that were judged, as canonical JSON; for a token only.
    pub claims: Option<String>,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The proposer has no way to prove itself.
    #[error("agents.yaml says no way in which `{}` proves itself", .0.text().terminal())]
    NoWay(IdentityId),
    /// The proof is of a kind that is not agreed for this proposer.
    #[error("agents.yaml lists no {0} among the ways in which the proposer proves itself")]
    OtherKind(&'static str),
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] SshsigError),
    /// The key belongs to no proposer.
    #[error("the key `{fingerprint}` is not one that agents.yaml names for the proposer")]
    UnknownKey {
        /// The key that signed.
        fingerprint: String,
    },
    /// The key, or its authority, was revoked.
    #[error("the key `{fingerprint}` was revoked")]
    Revoked {
        /// The revoked key.
        fingerprint: String,
    },
    /// The proof holds, for another proposer.
    #[error("the proof is that of `{}`, not of the plan's `proposer`", .0.text().terminal())]
    OtherProposer(IdentityId),
    /// The key, or certificate, was not valid yet.
    #[error("the {0} is valid only from {1}")]
    NotYetValid(&'static str, Time),
    /// The key, or certificate, had ended.
    #[error("the {0} ended at {1}")]
    Expired(&'static str, Time),
    /// The certificate is not for the proposer.
    #[error("the certificate does not name the principal `{}`", .0.terminal())]
    OtherPrincipal(Text),
    /// The credential lasts longer than the proposer's may.
    #[error("the {kind} lasts {found}; `max_credential_ttl` of the proposer is {limit}")]
    TooLong {
        /// What it is.
        kind: &'static str,
        /// How long it lasts.
        found: Span,
        /// How long it may.
        limit: Span,
    },
    /// The credential has no end, and the proposer's must have one.
    #[error("the {kind} has no end; `max_credential_ttl` of the proposer is {limit}")]
    Endless {
        /// What it is.
        kind: &'static str,
        /// How long it may last.
        limit: Span,
    },
    /// The token does not hold.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl ProofError {
    /// What a person can do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::NoWay(_) => "list `proof:` for it in agents.yaml",
            Self::OtherKind(_) => "prove the plan in one of the ways that agents.yaml lists, or have another listed",
            Self::Signature(SshsigError::Signature(_)) => {
                "the plan was changed after it was signed, or the signature was; sign it again with `review plan sign`"
            }
            Self::Signature(error) => error.help(),
            Self::UnknownKey { .. } => "sign with the proposer's own key, or have that key listed in agents.yaml",
            Self::Revoked { .. } => "give the proposer another key; a revoked one never counts again",
            Self::OtherProposer(_) => "let the plan name the proposer that proves it",
            Self::NotYetValid(..) => "check the clocks, or wait",
            Self::Expired(..) => "give the proposer a fresh credential and have it prove the plan again",
            Self::OtherPrincipal(_) => "ask the certificate authority for a certificate of the proposer's principal",
            Self::TooLong { .. } => "ask for a credential that ends sooner",
            Self::Endless { .. } => {
                "give the key `valid_after` and `valid_before` in agents.yaml, or use a certificate"
            }
            Self::Token(error) => error.help(),
        }
    }

    /// Whether the credential held at another time than this one.
    #[must_use]
    pub fn is_of_time(&self) -> bool {
        matches!(
            self,
            Self::NotYetValid(..)
                | Self::Expired(..)
                | Self::Token(TokenError::Expired(_) | TokenError::NotYetValid(_))
        )
    }

    /// How close the proof came: of several ways, the closest reason is told.
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

/// Judges the proof of a plan, for the proposer that the plan names, at the time when it was received.
///
/// # Errors
/// The reason of the way that came closest. A proof that is another proposer's is told as that.
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

/// Tries every way of one kind.
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
    // WHY: a certificate's own key is not looked up: only its authority speaks for it.
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
    // WHY: asked once more, so that one piece of code decides on windows for all signatures.
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

/// The claims of a token that were judged, in the order of their names.
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
