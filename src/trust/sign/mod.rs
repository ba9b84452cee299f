//! Signing: chooses a key and runs `ssh-keygen -Y sign`.
//!
//! This is the only part of `trust` with side effects: processes, `~/.ssh`, the agent and the controlling terminal. A
//! [`keygen::VerifiedSignature`] has passed our own verifier. Private keys and passphrases never enter this process; `ssh-keygen` asks for
//! them on the terminal.

mod candidates;
mod error;
mod keygen;
pub(crate) mod public_key;
mod signing_key;

pub use crate::trust::sign::public_key::public_key_of;
pub use candidates::{KeyOrigin, candidate_keys};
pub use error::SignError;
pub use keygen::Keygen;
pub use signing_key::SigningKey;
