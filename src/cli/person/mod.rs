//! What a person signs besides decisions: freezes, thaws and baselines.

pub mod baseline;
pub mod freeze;
