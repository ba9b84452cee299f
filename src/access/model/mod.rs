//! Plain data: what a plan does to access. Contains no algorithms.

pub mod access;
pub mod contents;
pub mod facts;
pub mod path;
pub mod policy_context;
pub mod removals;
