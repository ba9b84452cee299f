//! The record: what was proposed, what policy said, who decided, what came of it.
//!
//! A log is the *set* of its sessions. A session is a run of JSON lines by one writer, from its `session` line to its
//! `sig` line; each line names the hash of the one before, the `seal` holds the Merkle root of all of them, and the
//! `sig` signs the exact bytes of the seal. One file or a folder of files mean the same.
//!
//! In: bytes of a log; bodies of lines from `decision`. Out: canonical lines, a [`crate::log::verify::answers::Verification`] whose four
//! answers stand apart, proofs, unions. Only [`store`] touches files; the rest is pure. This room never judges a
//! signature itself (that is [`judge::SignatureJudge`]), never rewrites a session, never reads a clock.

pub mod allowed;
pub mod blob;
pub mod judge;
pub mod line;
pub mod merge;
pub mod merkle;
pub mod prove;
pub mod run;
pub mod session;
pub mod split;
pub mod store;
pub mod verify;

#[cfg(test)]
mod sample;
