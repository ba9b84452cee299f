//! Risk data: classification rules, separation-of-duties pairs, and the files that hold them.

pub(crate) mod admin_names;
pub(crate) mod classification;
mod estate_rules;
mod membership;
pub(crate) mod rating;
pub mod rule_files;
pub mod rules;
pub mod sod;
