//! Checks of the trust files beyond their syntax: who could decide what, and ids that look misspelt.

pub mod misspelt_ids;
pub mod trust_files;
pub mod unknown_names;
