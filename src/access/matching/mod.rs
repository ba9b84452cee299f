//! Patterns over actions and resources, and coverage: whether one access includes another.

pub(crate) mod arn;
pub(crate) mod bits;
pub mod coverage;
pub mod pattern;
