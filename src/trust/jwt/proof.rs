//! Checks the claims of a token that proves authorship of a plan (RFC 7519 §4.1).
//!
//! The token must have exactly one audience, `urn:review:plan:sha256:DIGEST` of the plan's bytes. The resulting [`ValidToken`]
//! contains only what may be logged: claims and the token's digest.

use std::collections::BTreeMap;

use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::{Span, Time};

use super::json::Json;
use super::keys::{Algorithm, KeySet};
use super::signed::{self, SignedError};

/// The tolerated clock skew of an issuer, in seconds.
const CLOCK_SKEW: i64 = 300;

/// The required content of a token, from the trust folder and the plan.
#[derive(Debug, Clone)]
pub struct Expected<'a> {
    /// The exact issuer.
    pub issuer: &'a str,
    /// The exact subject.
    pub subject: &'a str,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The pinned key id, if any.
    pub key_id: Option<&'a str>,
    /// Further claims with their exact text.
    pub claims: &'a [(&'a str, &'a str)],
    /// The digest of the plan's bytes.
    pub plan: Digest<of::File>,
    /// The maximum lifetime of this agent's credentials.
    pub longest: Span,
    /// When the plan was received.
    pub received: Time,
}

impl Expected<'_> {
    /// The only allowed audience.
    #[must_use]
    pub fn audience(&self) -> String {
        audience(self.plan)
    }
}

/// The audience of a token for the plan with this digest.
#[must_use]
pub fn audience(plan: Digest<of::File>) -> String {
    format!("urn:review:plan:sha256:{plan}")
}

/// The result of a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidToken {
    /// The issuer.
    pub issuer: Text,
    /// The subject.
    pub subject: Text,
    /// The id of the issuer's key; empty if neither token nor key has one.
    pub key_id: Text,
    /// When it was issued.
    pub issued_at: Time,
    /// When it expires.
    pub expires: Time,
    /// The time between the two.
    pub lifetime: Span,
    /// SHA-256 of the token's bytes, which identifies the token without storing it.
    pub token: Digest<of::File>,
}

/// Why a token is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The signature or its algorithm is rejected.
    #[error(transparent)]
    Signed(#[from] SignedError),
    /// It is not signed with the pinned key.
    #[error("the token is signed with the key `{}`, which is not the pinned one", .0.terminal())]
    OtherKey(Text),
    /// The claims are not a JSON object, or have a duplicate member.
    #[error("the token's claims are not a JSON object with unique members")]
    Claims,
    /// A claim is missing or of the wrong type.
    #[error("the token has no usable claim `{0}`")]
    Claim(&'static str),
    /// Wrong issuer.
    #[error("the token was issued by `{}`, not by the pinned issuer", .0.terminal())]
    Issuer(Text),
    /// Wrong subject.
    #[error("the token is for the subject `{}`; agents.yaml expects `{}`", .found.terminal(), .expected.terminal())]
    Subject {
        /// The subject in the token.
        found: Text,
        /// The expected subject.
        expected: Text,
    },
    /// Wrong plan, or more than one audience.
    #[error("the token's audience is not exactly this plan")]
    Audience,
    /// A pinned claim is missing, is not text, or has another value.
    #[error("the token's claim `{}` differs from the value in agents.yaml", .0.terminal())]
    OtherClaim(Text),
    /// It had expired.
    #[error("the token expired at {0}")]
    Expired(Time),
    /// It was not yet valid.
    #[error("the token is valid only from {0}")]
    NotYetValid(Time),
    /// Its lifetime is too long.
    #[error("the token is valid for {found}; the agent's limit is {limit}")]
    TooLong {
        /// Its lifetime.
        found: Span,
        /// The limit.
        limit: Span,
    },
}

impl TokenError {
    /// How to fix it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Signed(SignedError::Key(_)) | Self::OtherKey(_) => {
                "put the issuer's current public keys into the JWKS file of the trust folder"
            }
            Self::Signed(_) | Self::Claims | Self::Claim(_) => {
                "request a new token from the issuer and store it unchanged"
            }
            Self::Subject { found, expected } if without_ids(found.raw()) == expected.raw() => {
                "the subject names the repository with its ids, as GitHub does since July 2026: if it is the right repository, write the token's subject into agents.yaml"
            }
            Self::Issuer(_) | Self::Subject { .. } | Self::OtherClaim(_) => {
                "correct agents.yaml, or request the token from the right workload"
            }
            Self::Audience => "request a token with only the audience that `review plan sign --audience` prints",
            Self::Expired(_) | Self::NotYetValid(_) => "request a new token right before you submit the plan",
            Self::TooLong { .. } => "request a shorter lifetime from the issuer",
        }
    }
}

/// Removes the ids of owner and repository from a subject of GitHub Actions: `repo:OWNER@ID/NAME@ID:…`.
fn without_ids(subject: &str) -> String {
    let Some((repository, rest)) = subject.strip_prefix("repo:").and_then(|rest| rest.split_once(':')) else {
        return subject.to_owned();
    };
    let plain = |part: &str| match part.rsplit_once('@') {
        Some((name, id)) if !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()) => name.to_owned(),
        _ => part.to_owned(),
    };
    let repository: Vec<String> = repository.split('/').map(plain).collect();
    format!("repo:{}:{rest}", repository.join("/"))
}

/// Verifies a compact token; one line end after it is allowed.
///
/// # Errors
/// If the signature is not as pinned, or the claims are not exactly as expected.
pub fn verify(token: &[u8], keys: &KeySet, expected: &Expected<'_>) -> Result<ValidToken, TokenError> {
    let token = token.strip_suffix(b"\n").unwrap_or(token);
    let token = token.strip_suffix(b"\r").unwrap_or(token);
    let payload = signed::verify(token, keys, expected.algorithm)?;
    if expected.key_id.is_some_and(|pinned| pinned != payload.key_id) {
        return Err(TokenError::OtherKey(Text::from(payload.key_id)));
    }
    let claims = Json::object(&payload.bytes).ok_or(TokenError::Claims)?;
    let (issuer, subject) = (text(&claims, "iss")?, text(&claims, "sub")?);
    if issuer != expected.issuer {
        return Err(TokenError::Issuer(Text::from(issuer)));
    }
    if subject != expected.subject {
        return Err(TokenError::Subject { found: Text::from(subject), expected: Text::from(expected.subject) });
    }
    let audience = match claims.get("aud") {
        Some(Json::Text(one)) => Some(one.as_str()),
        Some(Json::List(items)) => match items.as_slice() {
            [one] => one.text(),
            _ => None,
        },
        Some(Json::Other | Json::Integer(_) | Json::Object(_)) | None => None,
    };
    if audience != Some(expected.audience().as_str()) {
        return Err(TokenError::Audience);
    }
    let says = |name: &str, value: &str| claims.get(name).and_then(Json::text) == Some(value);
    if let Some((name, _)) = expected.claims.iter().find(|(name, value)| !says(name, value)) {
        return Err(TokenError::OtherClaim(Text::from(*name)));
    }
    let (issued_at, expires) = (time(&claims, "iat")?, time(&claims, "exp")?);
    let begins = if claims.contains_key("nbf") { time(&claims, "nbf")?.max(issued_at) } else { issued_at };
    let received = expected.received;
    if received >= expires {
        return Err(TokenError::Expired(expires));
    }
    if begins > received.plus(Span::from_seconds(CLOCK_SKEW)) {
        return Err(TokenError::NotYetValid(begins));
    }
    let lifetime = expires.since(issued_at).ok_or(TokenError::Claim("exp"))?;
    if lifetime > expected.longest {
        return Err(TokenError::TooLong { found: lifetime, limit: expected.longest });
    }
    Ok(ValidToken {
        issuer: Text::from(issuer),
        subject: Text::from(subject),
        key_id: Text::from(payload.key_id),
        issued_at,
        expires,
        lifetime,
        token: Digest::of(token),
    })
}

fn text<'a>(claims: &'a BTreeMap<String, Json>, name: &'static str) -> Result<&'a str, TokenError> {
    claims.get(name).and_then(Json::text).ok_or(TokenError::Claim(name))
}

fn time(claims: &BTreeMap<String, Json>, name: &'static str) -> Result<Time, TokenError> {
    // The lifetime is computed from these times. The bounds prevent an overflow.
    let seconds = claims.get(name).and_then(Json::integer).filter(|seconds| (1..253_402_300_800).contains(seconds));
    seconds.map(Time::from_unix).ok_or(TokenError::Claim(name))
}
