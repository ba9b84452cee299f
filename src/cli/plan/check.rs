//! `review check --terraform`: the outcome of a Terraform plan in one step, without writing a change plan.

use std::path::PathBuf;

use clap::Args;

use crate::app::plans::plan_file::PlanFile;
use crate::app::plans::proof_file::Beside;
use crate::app::plans::terraform_plan::TerraformPlan;
use crate::app::site::load::{Faults, Site, Sources};
use crate::cli::plan::HeaderArgs;
use crate::input::time::Time;

/// A plan of Terraform to evaluate.
#[derive(Clone, Debug, Default, Args)]
pub struct TerraformCheckArgs {
    /// Evaluate this plan of Terraform, as `terraform show -json` writes it. It is judged as if its proposer had signed it.
    #[arg(long = "terraform", id = "terraform", value_name = "PLAN.JSON")]
    pub json: Option<PathBuf>,
    /// The folder of the Terraform configuration, to name the file and line of each resource.
    #[arg(long, value_name = "DIR", requires = "terraform")]
    configuration: Option<PathBuf>,
    #[command(flatten)]
    header: HeaderArgs,
}

impl TerraformCheckArgs {
    /// The change plan of the Terraform plan; none if it does not change access, or none is named.
    ///
    /// # Errors
    /// If the file cannot be read. The inner error is what makes it no plan that can be reviewed.
    pub fn draft(&self, site: &Site, now: Time) -> anyhow::Result<Result<Option<PlanFile>, Faults>> {
        let Some(json) = &self.json else { return Ok(Ok(None)) };
        let plan = TerraformPlan::read(json, None, self.configuration.as_deref())?;
        let header = self.header.header().at(Some(site));
        let made = match plan.draft(&site.snapshot, None, &header, now) {
            Ok(made) => made,
            Err(findings) => return Ok(Err(Faults { findings, sources: Sources::new() })),
        };
        Ok(Ok(made.text.map(|text| PlanFile {
            name: format!("{} (change plan)", plan.name),
            bytes: text.into_bytes().into(),
            beside: Beside::NotYet,
            received: Vec::new(),
            came_loose: false,
        })))
    }
}
