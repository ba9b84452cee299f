//! The entitlement graph: an index over the snapshot, an overlay of changes, trust rules, and the paths to access.

pub(crate) mod closure;
pub(crate) mod environments;
pub mod index;
pub(crate) mod overlay;
pub(crate) mod provenance;
pub(crate) mod trust_rules;
