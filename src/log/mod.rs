//! The audit log: what was proposed, the policy results, the decisions and their outcome.
//!
//! A log is a *set* of sessions, stored in one file or in a folder of files. A session is a sequence of JSON lines by one
//! writer, from its `session` line to its `sig` line. Each line contains the hash of the previous line, the `seal`
//! contains the Merkle root of all lines before it, and the `sig` signs the exact bytes of the seal.
//!
//! Only [`store`] accesses files; the rest is pure. A [`judge::SignatureJudge`] verifies the signatures. Sessions are
//! never rewritten. [`verify::answers::Verification`] reports integrity, authenticity, completeness and time separately.

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
