//! Queries about a snapshot: who can do something, what a subject can do, what differs between two snapshots.

pub mod benefits;
pub mod carried_out;
pub mod effective_access;
pub(crate) mod escalations;
pub mod every_path;
pub(crate) mod excess;
pub mod inventory;
pub mod privileged;
pub mod snapshot_diff;
pub mod unclassified;
pub mod who_can;
