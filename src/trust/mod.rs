//! Signatures are judged here: who signed, with which key, and whether that key was allowed at that time.
//!
//! In: bytes of a signature, of `allowed_signers`, of a revocation list, of a token. Out: [`sshsig::Verified`] (a
//! signature that holds), [`signers::Allowed`] (and a principal that may make it), or the exact reason why not.
//! Everything but [`sign`] is pure: no file, clock, environment or process. No private key ever enters this program;
//! [`sign`] runs `ssh-keygen`, and what comes back is verified here before anybody sees it.
//!
//! In reading order: [`wire`] (SSH's encoding), [`key`], [`signature`] (one raw signature), [`armor`], [`sshsig`],
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
