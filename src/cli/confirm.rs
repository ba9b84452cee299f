//! `review confirm`: what a later snapshot shows of what was exported.

use std::path::PathBuf;

use clap::Args;

use crate::app::execution::confirm::{ConfirmRequest, confirm};
use crate::app::site::location::SiteLocation;
use crate::cli::output_args::Writing;
use crate::decision::exit::ExitCode;

/// Compare a later snapshot with what was exported of a plan, and record the result.
///
/// Exits with 0 if everything was applied, 3 if subjects of the changes have access that nobody approved, and 5 if less was
/// applied. It needs a recorder's key.
#[derive(Debug, Args)]
pub struct ConfirmArgs {
    /// The plan that was exported.
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// The later snapshot, of the same system, taken after the export.
    #[arg(long, value_name = "AFTER")]
    snapshot: PathBuf,
    /// The snapshot that the export was made from [default: that of the trust folder, if it is the same].
    #[arg(long, value_name = "FILE")]
    before: Option<PathBuf>,
    /// What the executor says of its work, such as request ids. It is kept in the log.
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    /// The trust folder: a folder, or a git revision that holds one. Required: a plan must not bring its own judges.
    #[arg(long, value_name = "DIR|GIT-REF", required = true)]
    trust: String,
    /// The log, to which the result is added: a file or a folder [default: `log:` of review.yaml].
    #[arg(long, value_name = "LOG", env = "REVIEW_LOG")]
    log: Option<PathBuf>,
    /// A head that was remembered: the hash of its seal line, or a file of such hashes, one a line.
    #[arg(long, value_name = "HASH|FILE")]
    known_head: Vec<String>,
    /// The recorder's key: a key file, or `key::` and a public key; allowed for `review-record@v1`, and of no person.
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
