//! Workload-identity tokens: an agent proves authorship of a plan with its own short-lived credential.
//!
//! Sources: RFC 7515 (JWS), RFC 7517 (JWK), RFC 7519 (JWT), RFC 8725 (best practice); SPIFFE JWT-SVID, GitHub Actions
//! OIDC, Kubernetes projected service accounts. [`verify`] checks a compact token against a local [`KeySet`] and the
//! [`Expected`] content at the time it was received. The trust folder pins the algorithm and the issuer; the token does
//! not choose them. INVARIANT: a token is a bearer credential, so only its digest leaves this module.

mod json;
mod keys;
mod proof;
mod signed;

pub use keys::{Algorithm, KeySet, KeySetError};
pub use proof::{Expected, TokenError, ValidToken, audience, verify};
pub use signed::SignedError;

#[cfg(test)]
pub(super) use signed::verify as verify_signature;
