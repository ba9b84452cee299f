//! `review trust`: checks the trust folder, and ends the keys of people who leave or lose one.

pub mod check;
mod retire;
mod revoke;

use clap::Subcommand;

use crate::cli::output_args::Writing;
use crate::decision::exit::ExitCode;

/// Check the trust folder, and end keys in it.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Check the files of the trust folder against each other: keys, people, agents, tasks, access of agents.
    Check(check::TrustCheckArgs),
    /// Revoke a lost or stolen key. What it signed up to a head of the log can stay valid.
    Revoke(revoke::TrustRevokeArgs),
    /// End the keys of a person who leaves. What they signed stays authentic.
    Retire(retire::TrustRetireArgs),
}

impl TrustCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// If there is no trust folder, a file of it cannot be read or written, or stdout is closed.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Check(page) => page.run(),
            Self::Revoke(page) => page.run(),
            Self::Retire(page) => page.run(),
        }
    }

    /// The outputs of the result, for commands that write several formats.
    #[must_use]
    pub fn writing(&self) -> Option<&Writing> {
        match self {
            Self::Check(page) => Some(page.writing()),
            Self::Revoke(_) | Self::Retire(_) => None,
        }
    }
}
