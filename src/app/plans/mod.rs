//! Plans: found in folders or on a branch, read, and evaluated against a site.

pub mod discovery;
pub mod drafted;
pub mod evaluated_plan;
pub(crate) mod excess_access;
pub mod git_blobs;
pub mod git_branch;
pub(crate) mod overlaps;
pub mod plan_file;
pub mod proof_file;
pub mod provenance;
pub(crate) mod reanalysis;
pub mod reception;
pub mod selection;
pub mod sibling_plans;
pub mod snapshot_plan;
pub mod terraform_gate;
pub mod terraform_plan;
mod terraform_source;
