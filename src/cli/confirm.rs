//! `review confirm`: what a later snapshot shows of what was exported.

use std::path::PathBuf;

use clap::Args;

use crate::app::execution::confirm::{ConfirmRequest, confirm};
use crate::app::site::location::SiteLocation;
use crate::cli::output_args::Writing;
use crate::decision::exit::ExitCode;

/// Compare a later snapshot with what was exported, and record the result.
///
/// Exits with 0 if all changes were applied, 3 if their subjects have access that was not approved, and 5 if changes
/// are missing. Needs a recorder's key.
#[derive(Debug, Args)]
pub struct ConfirmArgs {
    /// The plan that was exported.
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// A snapshot of the same system, taken after the export.
    #[arg(long, value_name = "AFTER")]
    snapshot: PathBuf,
    /// The snapshot that the export was made from [default: the one in the trust folder, if it is the same].
    #[arg(long, value_name = "FILE")]
    before: Option<PathBuf>,
    /// A file of evidence from the executor, such as request ids. It is stored in the log.
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// The trust folder, or a git revision that contains one. Required, so that a plan cannot bring its own policies.
    #[arg(long, value_name = "DIR|GIT-REF", required = true)]
    trust: String,
    /// The log that the result is appended to, a file or a folder [default: `log` in review.yaml].
    #[arg(long, value_name = "LOG", env = "REVIEW_LOG")]
    log: Option<PathBuf>,
    /// A head that the log must contain: the hash of a seal line, or a file with one hash per line.
    #[arg(long, value_name = "HASH|FILE")]
    known_head: Vec<String>,
    /// The recorder's key: a key file, or `key::` and a public key. It must be allowed for `review-record@v1`, and not
    /// belong to a person.
    #[arg(long, value_name = "KEY", env = "REVIEW_KEY")]
    key: Option<String>,
    #[command(flatten)]
    writing: Writing,
}

impl ConfirmArgs {
    /// Compares, records and prints the result.
    ///
    /// # Errors
    /// If the tool cannot do its work; nothing is then recorded.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let request = ConfirmRequest {
            plan: self.plan.clone(),
            place: SiteLocation { trust: Some(self.trust.clone()), log: self.log.clone() },
            known_heads: self.known_head.clone(),
            key: self.key.clone(),
            later: self.snapshot.clone(),
            before: self.before.clone(),
            evidence: self.evidence.clone(),
        };
        self.writing.finish("confirm", confirm(&request))
    }

    /// Where the result goes.
    #[must_use]
    pub fn writing(&self) -> &Writing {
        &self.writing
    }
}
