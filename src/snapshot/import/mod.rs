//! Exports of real systems become snapshots: one folder or file a system.

pub mod kubernetes;
