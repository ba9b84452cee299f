//! `review export --for-terraform`: lets Terraform apply exactly the plan file that was approved, once.
//!
//! Checks that the plan was made from the files, exports it, and records a mark of the file and the run in place of the digest of
//! a bundle. An apply may fail half-way, so the same run may ask again for two hours; a freeze or a rejection stops it then too.

use std::path::PathBuf;

use crate::access::Index;
use crate::app::evaluation::evaluator::{Evaluator, terms};
use crate::app::execution::export::{ExportOutcome, ExportRequest, export};
use crate::app::execution::recorded_exports::RecordedExports;
use crate::app::plans::plan_file::PlanFile;
use crate::app::plans::terraform_gate::{TerraformFile, faults};
use crate::app::record::freezes;
use crate::app::record::opened::OpenedLog;
use crate::app::site::fault_report;
use crate::app::site::load::{Faults, Sources};
use crate::decision::exit::ExitCode;
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::time::Span;

/// How long the same run may ask again.
const RETRY_SECONDS: i64 = 2 * 60 * 60;

/// The files of Terraform, and the run that applies them.
#[derive(Clone, Debug)]
pub struct TerraformRun {
    /// The plan file that is applied, and its JSON form.
    pub files: Vec<PathBuf>,
    /// The run of the executor, such as the id of a CI job.
    pub run_id: Option<String>,
}

/// Exports a plan for a run of Terraform.
///
/// # Errors
/// If a file cannot be read, or nobody signs.
pub fn export_for_terraform(request: &ExportRequest, run: &TerraformRun) -> anyhow::Result<ExportOutcome> {
    let files = TerraformFile::read(&run.files)?;
    let opened = match OpenedLog::open("export", &request.place, &request.known_heads)? {
        Ok(opened) => opened,
        Err((report, code)) => return Ok(ExportOutcome::Refused(Box::new(report), code)),
    };
    let file = PlanFile::read(&request.plan)?;
    let found = match crate::plan::read(&file.name, &file.bytes) {
        Ok(plan) => faults(&plan, &files, &opened.site.snapshot, opened.now),
        Err(findings) => findings,
    };
    if found.iter().any(|it| it.severity == Severity::Error) {
        return Ok(refused(found, ExitCode::Denied));
    }
    let mark = mark(&files, run.run_id.as_deref());
    if run.run_id.is_some() && is_retry(&opened, &file, mark)? {
        return again(&opened, file, run);
    }
    let request = ExportRequest { mark: Some(mark), ..request.clone() };
    export(&request)
}

/// What stands in the log for these files and this run.
fn mark(files: &[TerraformFile], run_id: Option<&str>) -> Digest<of::File> {
    let mut digests: Vec<String> = files.iter().map(|file| file.digest().to_string()).collect();
    digests.sort();
    Digest::of(format!("review-terraform-run@v1\n{}\n{}", digests.join("\n"), run_id.unwrap_or_default()).as_bytes())
}

/// Whether this run exported this very plan for these files, within the time for another attempt.
fn is_retry(opened: &OpenedLog, file: &PlanFile, mark: Digest<of::File>) -> anyhow::Result<bool> {
    let exports = RecordedExports::read(&opened.log, &opened.verified)?;
    let plan = Digest::of(&file.bytes);
    let limit = Span::from_seconds(RETRY_SECONDS);
    let is_recent = |at| opened.now.since(at).is_some_and(|age| age <= limit);
    let is_it = |it: &crate::app::execution::recorded_exports::RecordedExport| {
        let counts = opened.past.keys.bars_recording(&opened.site.provers, it.key.raw()).is_none();
        it.plan == Some(plan) && it.export.output == mark && is_recent(it.export.at) && counts
    };
    Ok(exports.all.iter().any(is_it))
}

/// Another attempt of the same run: it passes unless somebody rejected or froze a change since.
fn again(opened: &OpenedLog, file: PlanFile, run: &TerraformRun) -> anyhow::Result<ExportOutcome> {
    let index = Index::new(&opened.site.snapshot);
    let found = Evaluator::new(&opened.site, &index, &opened.past, opened.now).by_record([file])?;
    let mut stopped = Vec::new();
    for (proposal, verdict) in &found.plans {
        let rejects = verdict.changes.iter().flat_map(|change| change.rejects.iter().map(move |it| (change, it)));
        stopped.extend(rejects.map(|(change, it)| {
            let (id, who) = (change.case.change.as_str(), it.signer.person.as_str());
            Finding::new(Code::Rejected, format!("change `{id}` was rejected by `{who}` since this run exported it"))
                .help("drop the change, or have two people who may `Override` lift the rejection")
        }));
        let proofs = terms(proposal).proofs;
        for present in &proposal.presents {
            let freezes = opened.past.record.frozen(present, &proofs, opened.now);
            stopped.extend(freezes.iter().map(|it| {
                let says = freezes::stops(it).sentence().terminal();
                Finding::new(Code::Frozen, says)
                    .help("wait until the freeze ends, or have it lifted with `review thaw`")
            }));
        }
    }
    if found.plans.is_empty() || !stopped.is_empty() {
        return Ok(refused(stopped, ExitCode::Rejected));
    }
    let run = crate::input::text::Text::from(run.run_id.clone().unwrap_or_default()).terminal();
    let says = format!("run `{run}` exported this plan before, and may apply it again");
    Ok(ExportOutcome::Done { text: String::new(), says })
}

fn refused(findings: Vec<Finding>, code: ExitCode) -> ExportOutcome {
    let faults = Faults { findings, sources: Sources::new() };
    let report = fault_report::faults("export", &faults, code);
    ExportOutcome::Refused(Box::new(report), code)
}
