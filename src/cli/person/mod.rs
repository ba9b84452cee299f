//! What a person signs besides decisions: freezes, thaws, baselines and recertifications.

pub mod baseline;
pub mod freeze;
pub mod recertify;
