//! When a plan was received with its proof, according to sessions of the log.

use crate::input::id::PrincipalId;
use crate::input::time::Time;

/// The reception of a plan with a valid proof, as recorded in a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reception {
    /// When it was received.
    pub at: Time,
    /// When the session was sealed.
    pub sealed: Time,
    /// The principal of the session.
    pub by: PrincipalId,
}
