//! Plain data: what a plan does to access. No algorithm lives here.

pub mod access;
pub mod facts;
pub mod path;
