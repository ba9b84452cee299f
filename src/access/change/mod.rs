//! Changes: resolves references, refuses conflicts, and applies the result to a snapshot as an overlay.

pub(crate) mod apply;
pub(crate) mod between;
pub(crate) mod claims;
pub(crate) mod conflicts;
pub(crate) mod confusables;
pub(crate) mod inverse;
pub(crate) mod materialise;
pub(crate) mod patterns;
pub(crate) mod pending;
pub(crate) mod pending_denies;
pub(crate) mod references;
pub(crate) mod resolve;
pub(crate) mod targets;
pub(crate) mod terms;
