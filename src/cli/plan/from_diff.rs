//! `review plan from-diff BEFORE AFTER`: the change plan that leads from one snapshot to another.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::app::io::files::shown;
use crate::app::io::streams;
use crate::app::plans::snapshot_plan::from_difference;
use crate::app::site::load::Site;
use crate::cli::plan::import::read;
use crate::cli::plan::{HeaderArgs, finish};
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::input::digest::Digest;

/// Make the change plan that leads from one snapshot to another.
///
/// So any change of access that is in git can be reviewed, such as a pull request that changes manifests: import the files
/// before and after it. What a plan cannot say is listed in the plan, which is then never automatic.
#[derive(Debug, Args)]
pub struct FromDiffArgs {
    /// The earlier snapshot.
    #[arg(value_name = "BEFORE")]
    before: PathBuf,
    /// The later snapshot.
    #[arg(value_name = "AFTER")]
    after: PathBuf,
    /// Write the plan to this file [default: stdout].
    #[arg(short, long, value_name = "PLAN")]
    output: Option<PathBuf>,
    #[command(flatten)]
    header: HeaderArgs,
    #[command(flatten)]
    place: LocationArgs,
}

impl FromDiffArgs {
    /// Writes the plan.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let mut header = self.header.header();
        if header.proposer.is_none() {
            let site = Site::load(&self.place.location()).ok().and_then(Result::ok);
            header = header.at(site.as_ref());
        }
        let (before, after) = (read(&self.before)?, read(&self.after)?);
        let bytes = std::fs::read(&self.after).with_context(|| format!("`{}` cannot be read", shown(&self.after)))?;
        let made = from_difference(&before, &after, Digest::of(&bytes), &header, streams::now());
        finish("plan from-diff", made, self.output.as_ref())
    }
}
