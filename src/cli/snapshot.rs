//! `review snapshot`: the current entitlements, imported from exports of real systems.
//!
//! Writes a native snapshot, atomically, and prints counts.

pub(crate) mod classify;
pub mod diff;
pub(crate) mod import;
pub mod query;
pub mod show;

use crate::cli::snapshot::import::ImportArgs;

use clap::Subcommand;

use crate::decision::exit::ExitCode;

/// The current entitlements.
#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Writes a snapshot from an export of a real system.
    Import(ImportArgs),
    /// Print the query whose result `import` reads, for systems that are exported by one.
    Query(crate::cli::snapshot::query::QueryArgs),
    /// Shows what a snapshot holds: counts, privilege, what is unused or ownerless.
    Show(crate::cli::snapshot::show::SnapshotShowArgs),
    /// Shows what no rule and no label classifies, or suggests rules for it.
    Classify(crate::cli::snapshot::classify::ClassifyArgs),
    /// Says what changed between two snapshots, and what that does to effective access.
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
            Self::Query(page) => page.run(),
            Self::Show(page) => page.run(),
            Self::Classify(page) => page.run(),
            Self::Diff(page) => page.run(),
        }
    }
}
