//! `review snapshot`: the current entitlements, imported from exports of real systems.
//!
//! Writes a native snapshot, atomically, and prints counts.

pub(crate) mod classify;
pub mod diff;
pub mod export;
pub(crate) mod import;
pub mod merge;
pub mod query;
pub mod show;

use crate::cli::snapshot::import::ImportArgs;

use clap::Subcommand;

use crate::decision::exit::ExitCode;

/// Import, show and compare snapshots of current entitlements.
#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Convert an export of a system to a snapshot.
    Import(ImportArgs),
    /// Merge the snapshots of several systems into one, with the links between them.
    Merge(crate::cli::snapshot::merge::SnapshotMergeArgs),
    /// Write a snapshot as CSV tables.
    Export(crate::cli::snapshot::export::SnapshotExportArgs),
    /// Print the query to export a system with.
    Query(crate::cli::snapshot::query::QueryArgs),
    /// Show what is in a snapshot: counts, privileged access, unused access, missing owners.
    Show(crate::cli::snapshot::show::SnapshotShowArgs),
    /// Show which entitlements are unclassified, or suggest rules for them.
    Classify(crate::cli::snapshot::classify::ClassifyArgs),
    /// Show what changed between two snapshots, and what that does to effective access.
    Diff(crate::cli::snapshot::diff::SnapshotDiffArgs),
}

impl SnapshotCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// If the tool could not do its work.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Import(page) => page.run(),
            Self::Merge(page) => page.run(),
            Self::Export(page) => page.run(),
            Self::Query(page) => page.run(),
            Self::Show(page) => page.run(),
            Self::Classify(page) => page.run(),
            Self::Diff(page) => page.run(),
        }
    }
}
