//! Signing: runs `ssh-keygen -Y sign`, and finds out with which key.
//!
//! The one part of this room that touches the outside: processes, `~/.ssh`, the agent, the controlling terminal. In: a
//! [`SigningKey`], a namespace, bytes. Out: [`Signed`], whose text our own verifier has already accepted. Never: a
//! private key, a passphrase, or a key's content in any message; `ssh-keygen` asks for those itself, on the terminal.

mod candidates;
mod error;
mod keygen;
pub(crate) mod public_key;
mod signing_key;

pub use crate::trust::sign::public_key::public_key_of;
pub use candidates::{Candidate, Origin, candidate_keys};
pub use error::SignError;
pub use keygen::{Keygen, Signed};
pub use signing_key::SigningKey;
