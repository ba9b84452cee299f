//! Tests of merged snapshots, and of the borders between environments and organisations.

mod isolation;
mod rules;
