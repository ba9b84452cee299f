//! `review baseline`: record the access of a snapshot as inherited from before the log, not approved.

use std::path::PathBuf;

use clap::Args;

use crate::app::session::baseline::{BaselineRequest, BaselineSubject, baseline};
use crate::cli::person::freeze::finish;
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::input::time::Time;

/// Record the access of a snapshot as inherited from before the log.
///
/// Nothing is approved. Until the baseline ends, `due` and `log report` do not count this access as access without a
/// decision. Privileged access is covered for at most 90 days.
#[derive(Debug, Args)]
pub struct BaselineArgs {
    /// The snapshot that shows the access.
    #[arg(long, value_name = "FILE", required_unless_present = "withdraw")]
    snapshot: Option<PathBuf>,
    /// Withdraw the baseline of this line instead: its hash, or at least 8 digits of it.
    #[arg(long, value_name = "LINE", conflicts_with_all = ["snapshot", "until"])]
    withdraw: Option<String>,
    /// The reason, which is recorded.
    #[arg(long)]
    reason: String,
    /// When it ends: `2030-11-30` or `2030-11-30T00:00:00Z` [default: after 180 days].
    #[arg(long, value_name = "DATE", value_parser = end)]
    until: Option<Time>,
    /// Your key: a key file, or `key::` and a public key [default: `user.signingkey` of git].
    #[arg(long, value_name = "KEY", env = "REVIEW_KEY")]
    key: Option<String>,
    #[command(flatten)]
    place: LocationArgs,
}

fn end(word: &str) -> Result<Time, String> {
    Time::parse(word)
        .or_else(|| Time::parse(&format!("{word}T00:00:00Z")))
        .ok_or_else(|| "write a date such as `2030-11-30`".to_owned())
}

impl BaselineArgs {
    /// Records it.
    ///
    /// # Errors
    /// If the tool cannot do its work; nothing is then recorded.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let of = match (&self.withdraw, &self.snapshot) {
            (Some(line), _) => BaselineSubject::Withdraw(line.clone()),
            (None, snapshot) => BaselineSubject::Snapshot(snapshot.clone().unwrap_or_default()),
        };
        finish(baseline(&BaselineRequest {
            place: self.place.location(),
            key: self.key.clone(),
            of,
            reason: self.reason.clone(),
            until: self.until,
        })?)
    }
}
