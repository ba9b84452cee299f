//! Patterns over actions and resources, and coverage: whether one access includes another.

pub(crate) mod arn;
mod arn_pattern;
pub mod coverage;
pub mod dialect;
pub(crate) mod joint_coverage;
mod kubernetes_pattern;
pub mod pattern;
pub(crate) mod systems;
