//! `review plan import`: a change plan from the plan of another tool.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, Subcommand};

use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::streams;
use crate::app::plans::terraform_plan::TerraformPlan;
use crate::app::site::load::Site;
use crate::cli::plan::{HeaderArgs, finish};
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::snapshot::model::Snapshot;
use crate::snapshot::terraform::nothing;

/// Make a change plan from the plan of another tool.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Make a change plan from `terraform show -json` or `tofu show -json`.
    Terraform(TerraformArgs),
}

impl ImportCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// If a file cannot be read or written.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Terraform(page) => page.run(),
        }
    }
}

/// Make a change plan from `terraform show -json` or `tofu show -json`.
///
/// Write the input with `terraform plan -out=tfplan` and `terraform show -json tfplan > plan.json`. What is unknown until the
/// plan is applied counts as anything. The plan contains the Terraform address of each change, and the digests of the files.
#[derive(Debug, Args)]
pub struct TerraformArgs {
    /// The plan in JSON.
    #[arg(value_name = "PLAN.JSON")]
    json: PathBuf,
    /// The plan file that Terraform applies (`terraform plan -out=FILE`). Its digest is recorded.
    #[arg(long, value_name = "FILE")]
    plan_file: Option<PathBuf>,
    /// The folder of the Terraform configuration, to name the file and line of each resource.
    #[arg(long, value_name = "DIR")]
    configuration: Option<PathBuf>,
    /// The snapshot before the plan [default: the one in the trust folder, else an empty one].
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// The id of the system, if the snapshot does not state it: for AWS, the account number.
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// Write the plan to this file [default: stdout].
    #[arg(short, long, value_name = "PLAN")]
    output: Option<PathBuf>,
    #[command(flatten)]
    header: HeaderArgs,
    #[command(flatten)]
    place: LocationArgs,
}

impl TerraformArgs {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let plan = TerraformPlan::read(&self.json, self.plan_file.as_deref(), self.configuration.as_deref())?;
        let site = self.site()?;
        let header = self.header.header().at(site.as_ref());
        let base = match (&self.snapshot, &site) {
            (Some(path), _) => read(path)?,
            (None, Some(site)) => site.snapshot.clone(),
            (None, None) => nothing(streams::now()),
        };
        let made = plan.draft(&base, self.target.as_deref(), &header, streams::now());
        finish("plan import", made, self.output.as_ref())
    }

    /// The site, if there is one.
    fn site(&self) -> anyhow::Result<Option<Site>> {
        match Site::load(&self.place.location()) {
            Ok(Ok(site)) => Ok(Some(site)),
            Ok(Err(_)) if self.place.trust.is_none() && self.snapshot.is_some() => Ok(None),
            Ok(Err(faults)) => {
                let count = faults.findings.len();
                bail!(hinted(
                    format!("the trust folder has {count} faults"),
                    "run `review trust check`, or name a snapshot with `--snapshot`"
                ))
            }
            Err(error) if self.place.trust.is_some() => Err(error),
            Err(_) => Ok(None),
        }
    }
}

/// Reads a snapshot.
pub(super) fn read(path: &Path) -> anyhow::Result<Snapshot> {
    let bytes = std::fs::read(path).map_err(|error| {
        anyhow::anyhow!(hinted(format!("`{}` cannot be read: {error}", shown(path)), "name a file that exists"))
    })?;
    crate::snapshot::read(&path.to_string_lossy(), &bytes).map(|(snapshot, _)| snapshot).map_err(|findings| {
        let first = findings.first().map(|it| it.message.terminal()).unwrap_or_default();
        anyhow::anyhow!(hinted(
            format!("`{}` is not a snapshot: {first}", shown(path)),
            "make one with `review snapshot import`; `review snapshot show` lists all faults"
        ))
    })
}
