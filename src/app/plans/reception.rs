//! When a plan came with its proof, as sessions of the log tell.

use crate::input::id::PrincipalId;
use crate::input::time::Time;

/// That a plan came with a proof that was found good, as a session says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reception {
    /// When it came.
    pub at: Time,
    /// When the session was sealed.
    pub sealed: Time,
    /// Whose session it is.
    pub by: PrincipalId,
}
