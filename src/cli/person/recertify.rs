//! `review recertify`: say of each access of a snapshot whether it is still needed.

use std::path::PathBuf;

use clap::Args;

use crate::app::session::recertify::{RecertifyRequest, recertify};
use crate::cli::person::freeze::finish;
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;

/// Keep, revoke or change each access of a snapshot, in the terminal.
///
/// You are asked about access that you own, and about any access if you may freeze everything; never about your own. What you
/// keep is due again after `recertify_after`. What you revoke becomes a plan, which must be signed and reviewed like any other.
#[derive(Debug, Args)]
pub struct RecertifyArgs {
    /// The snapshot that shows the access.
    #[arg(long, value_name = "FILE")]
    snapshot: PathBuf,
    /// Only access in this resource and below, with the memberships of the groups that have it [default: all access].
    #[arg(long, value_name = "RESOURCE")]
    scope: Option<String>,
    /// Where to write the plan that revokes access.
    #[arg(long, value_name = "OUT", default_value = "recertification.json")]
    plan: PathBuf,
    /// The proposer of that plan [default: the only agent in agents.yaml].
    #[arg(long, value_name = "ID")]
    proposer: Option<String>,
    /// The sponsor of that plan.
    #[arg(long, value_name = "ID")]
    on_behalf_of: Option<String>,
    /// The task of that plan.
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Your key: a key file, or `key::` and a public key [default: `user.signingkey` of git].
    #[arg(long, value_name = "KEY", env = "REVIEW_KEY")]
    key: Option<String>,
    #[command(flatten)]
    place: LocationArgs,
}

impl RecertifyArgs {
    /// Asks, and records the answers.
    ///
    /// # Errors
    /// If the tool cannot do its work; nothing is then recorded.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        finish(recertify(&RecertifyRequest {
            place: self.place.location(),
            key: self.key.clone(),
            snapshot: self.snapshot.clone(),
            scope: self.scope.clone(),
            plan: self.plan.clone(),
            proposer: self.proposer.clone(),
            on_behalf_of: self.on_behalf_of.clone(),
            task: self.task.clone(),
        })?)
    }
}
