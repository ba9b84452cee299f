//! `review export`: what the gate passes, as a bundle for an executor.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use crate::app::execution::export::{ExportFormat, ExportOutcome, ExportRequest, export};
use crate::app::execution::for_terraform::{TerraformRun, export_for_terraform};
use crate::app::io::format::render;
use crate::app::io::streams;
use crate::app::site::location::SiteLocation;
use crate::decision::exit::ExitCode;
use crate::report::render::format::Format;

/// Export the approved changes of a plan for an executor, and record the export.
///
/// An export uses up its approvals, so a second export is refused. If the gate does not pass, nothing is exported and
/// the exit code is the gate's. Needs a recorder's key.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The plan.
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// The trust folder, or a git revision that contains one. Required, so that a plan cannot bring its own policies.
    #[arg(long, value_name = "DIR|GIT-REF", required = true)]
    trust: String,
    /// The log that the export is appended to, a file or a folder [default: `log` in review.yaml].
    #[arg(long, value_name = "LOG", env = "REVIEW_LOG")]
    log: Option<PathBuf>,
    /// A head that the log must contain: the hash of a seal line, or a file with one hash per line.
    #[arg(long, value_name = "HASH|FILE")]
    known_head: Vec<String>,
    /// The recorder's key: a key file, or `key::` and a public key. It must be allowed for `review-record@v1`, and not
    /// belong to a person.
    #[arg(long, value_name = "KEY", env = "REVIEW_KEY")]
    key: Option<String>,
    /// Export the changes that pass even if others do not, after analysing them again as a plan of their own.
    #[arg(long)]
    partial: bool,
    /// The format of the bundle.
    #[arg(long, value_enum, default_value_t)]
    format: ExportFormat,
    /// Write the bundle to this file [default: stdout].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Also write the inverse plan to this file.
    #[arg(long, value_name = "FILE")]
    rollback: Option<PathBuf>,
    /// Export for Terraform: succeed once, and only if the plan was made from this file. Repeat it for the file that
    /// Terraform applies and for its JSON form.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["partial", "format"])]
    for_terraform: Vec<PathBuf>,
    /// The run that applies the plan. The same run may export again for two hours, because an apply can fail.
    #[arg(long, value_name = "ID", requires = "for_terraform")]
    run_id: Option<String>,
}

impl ExportArgs {
    /// Exports the plan.
    ///
    /// # Errors
    /// If the tool cannot do its work; nothing is then handed out.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let request = ExportRequest {
            plan: self.plan.clone(),
            place: SiteLocation { trust: Some(self.trust.clone()), log: self.log.clone() },
            known_heads: self.known_head.clone(),
            key: self.key.clone(),
            partial: self.partial,
            format: self.format,
            output: self.output.clone(),
            rollback: self.rollback.clone(),
            mark: None,
        };
        let run = TerraformRun { files: self.for_terraform.clone(), run_id: self.run_id.clone() };
        let outcome = if run.files.is_empty() { export(&request)? } else { export_for_terraform(&request, &run)? };
        match outcome {
            ExportOutcome::Refused(report, code) => {
                // Stdout is for the bundle.
                streams::note(render(&report, Format::Text).trim_end());
                Ok(code)
            }
            ExportOutcome::Done { text, says } => {
                // Terraform applies its own file.
                if self.output.is_none() && run.files.is_empty() {
                    streams::data(&text)?;
                }
                streams::note(&says);
                Ok(ExitCode::Passes)
            }
        }
    }
}

impl ValueEnum for ExportFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Native, Self::Kubernetes, Self::Postgresql]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Native => ("native", "The bundle as JSON (`review schema bundle`)"),
            Self::Kubernetes => ("kubernetes", "Manifests for `kubectl apply --server-side`"),
            Self::Postgresql => ("postgresql", "A script for `psql`, in one transaction"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}
