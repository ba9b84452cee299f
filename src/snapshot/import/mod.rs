//! Exports of real systems become snapshots: one folder a system.

pub mod aws;
pub mod kubernetes;
mod notes;

use std::collections::BTreeMap;

use crate::input::finding::Finding;
use crate::snapshot::model::Snapshot;

/// What an import yields.
#[derive(Clone, Debug)]
pub struct Import {
    /// The entitlements of the system, sorted by name: the order of files does not matter.
    pub snapshot: Snapshot,
    /// What was notable; nothing of severity `error`.
    pub findings: Vec<Finding>,
    /// How many of each kind were read; see the importer's own page.
    pub counts: BTreeMap<&'static str, usize>,
}
