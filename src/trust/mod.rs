//! Signature and token verification: who signed, with which key, and whether the key was allowed at that time.
//!
//! The modules parse signatures, `allowed_signers`, revocation lists and tokens. A valid signature is a
//! [`sshsig::Verified`]; [`signers::AllowedSigner`] adds the principal that may sign. Everything except [`sign`] is pure: no
//! file, clock, environment or process. Private keys never enter this program: [`sign`] runs `ssh-keygen` and verifies
//! its output.
//!
//! In reading order: [`wire`] (SSH encoding), [`key`], [`signature`] (a raw signature), [`armor`], [`sshsig`],
//! [`certificate`], [`signers`], [`revoked`], [`jwt`], [`proposer`], [`sign`].

pub mod armor;
pub mod certificate;
pub mod jwt;
pub mod key;
pub mod proposer;
pub mod revoked;
pub mod sign;
pub mod signature;
pub mod signers;
pub mod sshsig;
pub mod wire;

#[cfg(test)]
mod tests;
