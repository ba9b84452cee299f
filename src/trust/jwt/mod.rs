//! Workload-identity tokens: which agent wrote a plan, proved by a short-lived credential of its own.
//!
//! Source: RFC 7515 (JWS), RFC 7517 (JWK), RFC 7519 (JWT), RFC 8725 (best practice); SPIFFE JWT-SVID, GitHub Actions
//! OIDC, Kubernetes projected service accounts. In: a compact token, a local [`KeySet`], what is [`Expected`] of it, and
//! the time it was received. Out: [`Proof`], or why not. The algorithm and issuer are pinned by the trust folder, never
//! taken from the token. INVARIANT: the token is a bearer credential: it has no way out of here but its digest.

mod json;
mod keys;
mod proof;
mod signed;

pub use keys::{Algorithm, KeySet, KeySetError};
pub use proof::{Expected, Proof, TokenError, audience, verify};
pub use signed::SignedError;

#[cfg(test)]
pub(super) use signed::verify as verify_signature;
