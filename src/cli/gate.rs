//! `review gate`: whether the required people approved every change of a plan. For a CI job that protects a merge.
//!
//! Takes plans, a trust folder that the plan's branch cannot change, and the log. Reports for each change the approvals
//! that count and those that are missing, and exits with a code. The log is verified first. Never prompts and writes
//! nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::access::Index;
use crate::app::evaluation::evaluator::{EvaluatedPlans, Evaluator};
use crate::app::io::files::shown;
use crate::app::io::staged::Staged;
use crate::app::io::streams;
use crate::app::plans::selection::SelectedPlans;
use crate::app::plans::terraform_gate::{self, TerraformFile};
use crate::app::present::gate_events;
use crate::app::present::gate_verdict::{presence, verdict};
use crate::app::present::gated_plans::GatedPlans;
use crate::app::present::plan_report;
use crate::app::record::log_source::LogSource;
use crate::app::record::trusted_heads;
use crate::app::record::trusted_heads::TrustFileGuard;
use crate::app::site::load::Site;
use crate::app::site::location::SiteLocation;
use crate::cli::output_args::Writing;
use crate::cli::shared_args::SelectionArgs;
use crate::decision::case::CaseId;
use crate::decision::exit::ExitCode;
use crate::input::finding::{Code, Finding, Severity};
use crate::input::time::Time;
use crate::log::verify::answers::Verification;
use crate::report::model::{Body, Report, Reported};
use crate::report::render::events::{EventFormat, render_gate};
use crate::report::sentence::Sentence;

/// Pass only if the required people approved exactly these changes (for CI).
#[derive(Debug, Args)]
pub struct GateArgs {
    #[command(flatten)]
    chosen: SelectionArgs,
    /// The trust folder, or a git revision that contains one. Required, so that a plan cannot bring its own policies.
    #[arg(long, value_name = "DIR|GIT-REF", required = true)]
    trust: String,
    /// The log: a file, a folder, or a path in a git revision [default: `log` in review.yaml].
    #[arg(long, value_name = "LOG|GIT-REF:PATH", env = "REVIEW_LOG")]
    log: Option<PathBuf>,
    /// A head that the log must contain: the hash of a seal line, or a file with one hash per line.
    #[arg(long, value_name = "HASH|FILE")]
    known_head: Vec<String>,
    /// Pass only if the plan was made from this file of Terraform. Repeat it for the file that Terraform applies and for its
    /// JSON form, whose changes are then compared with the plan.
    #[arg(long, value_name = "FILE")]
    terraform_plan: Vec<PathBuf>,
    /// What to do if the branch changes a trust file.
    #[arg(long, value_enum, default_value_t, value_name = "WHO")]
    trust_files: TrustFileGuard,
    /// Write an event for each change that does not pass, or for a log that does not verify, to this file: one JSON line each,
    /// none if everything passes.
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// How the events are written.
    #[arg(long, value_enum, default_value_t, requires = "events")]
    events_format: EventFormat,
    #[command(flatten)]
    writing: Writing,
}

impl GateArgs {
    /// Evaluates plans and decisions, and prints the result.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let now = streams::now();
        let mut passing = BTreeSet::new();
        let judged = self.judge(now, &mut passing);
        if let (Some(path), Ok((report, _))) = (&self.events, &judged) {
            let text = render_gate(&gate_events::events(report, &passing, now), self.events_format);
            let written = Staged::write(path, &text).and_then(Staged::publish);
            written.with_context(|| format!("`{}` cannot be written", shown(path)))?;
        }
        self.writing.finish("gate", judged)
    }

    /// The outputs of the result.
    #[must_use]
    pub fn writing(&self) -> &Writing {
        &self.writing
    }

    fn judge(&self, now: Time, passing: &mut BTreeSet<CaseId>) -> anyhow::Result<(Report, ExitCode)> {
        let place = SiteLocation { trust: Some(self.trust.clone()), log: self.log.clone() };
        let site = match Site::load(&place)? {
            Ok(site) => site,
            Err(faults) => {
                return Ok((
                    crate::app::site::fault_report::faults("gate", &faults, ExitCode::Failure),
                    ExitCode::Failure,
                ));
            }
        };
        let read = self.chosen.selection().read()?;
        let log = LogSource::find(&site, &place)?;
        let mut known = crate::app::record::head_files::known_heads(&self.known_head)?;
        known.extend(trusted_heads::heads(&site, &log, now)?);
        let verified = log.verify(&site, Some(crate::app::site::log_id::log_id(&site)?), &known, now)?;
        if !log.is_sound(&verified)? {
            return Ok((bad_log(&log, &verified), ExitCode::BadLog));
        }
        let past = log.past(&verified, &site)?;
        let mut judged = GatedPlans {
            findings: crate::app::site::fault_report::reported(&site.findings, &site.sources),
            ..GatedPlans::default()
        };
        judged.findings.extend(crate::app::site::fault_report::reported(&past.findings, &BTreeMap::new()));
        let around = surroundings(&site, &log, &read, self.trust_files)?;
        if around.iter().any(|finding| finding.code == Code::TrustFileTouched && finding.severity == Severity::Error) {
            judged.codes.push(ExitCode::Denied);
        }
        judged.findings.extend(crate::app::site::fault_report::reported(&around, &BTreeMap::new()));
        judged.findings.extend(read.findings.iter().cloned());
        let index = Index::new(&site.snapshot);
        let found = Evaluator::new(&site, &index, &past, now).by_record(read.files.iter().cloned())?;
        judged.add(&found, &past, &site);
        self.terraform(&found, &site, now, &mut judged)?;
        passing.extend(found.plans.iter().flat_map(|(_, verdict)| verdict.passing.iter().cloned()));
        judged.findings.extend(read.overlaps(now));
        let code = ExitCode::first(judged.codes);
        judged.findings.extend(presence(&judged.plans).map(|finding| Reported::new(finding, |_| None)));
        let report = Report {
            command: "gate",
            exit_code: code.code(),
            verdict: verdict(&read, &judged.plans, &judged.findings, code),
            findings: judged.findings,
            body: Body::Plans(judged.plans),
            next: Vec::new(),
        };
        Ok((report, code))
    }
}

impl GateArgs {
    /// Compares the plans with the files of Terraform, if there are any.
    fn terraform(
        &self,
        found: &EvaluatedPlans<'_>,
        site: &Site,
        now: Time,
        judged: &mut GatedPlans,
    ) -> anyhow::Result<()> {
        if self.terraform_plan.is_empty() {
            return Ok(());
        }
        let files = TerraformFile::read(&self.terraform_plan)?;
        if found.plans.is_empty() {
            judged.codes.push(ExitCode::Denied);
        }
        for (proposal, _) in &found.plans {
            let faults = terraform_gate::faults(&proposal.plan, &files, &site.snapshot, now);
            if faults.iter().any(|it| it.severity == Severity::Error) {
                judged.codes.push(ExitCode::Denied);
            }
            judged.findings.extend(faults.into_iter().map(|it| plan_report::of_plan(proposal, it)));
        }
        Ok(())
    }
}

/// Findings about the relation of log, trust files and branch.
fn surroundings(
    site: &Site,
    log: &LogSource,
    read: &SelectedPlans,
    guard: TrustFileGuard,
) -> anyhow::Result<Vec<Finding>> {
    let head = read.branch.as_ref().map_or("HEAD", |branch| branch.head());
    let mut found = trusted_heads::on_own_branch(site, log, head);
    found.extend(plan_report::without_target(&site.snapshot));
    if let Some(branch) = &read.branch {
        found.extend(trusted_heads::touched(site, branch, guard)?);
    }
    if log.is_absent()? {
        found.push(
            Finding::new(Code::LogLostHead, format!("there is no log `{}`, so there are no decisions", log.name()))
                .weighing(Severity::Warning)
                .help("if there was one, find out who removed it"),
        );
    }
    Ok(found)
}

fn bad_log(log: &LogSource, verified: &Verification) -> Report {
    Report {
        command: "gate",
        exit_code: ExitCode::BadLog.code(),
        verdict: Sentence::of("the log does not verify, so no decision counts"),
        findings: crate::app::site::fault_report::reported(&verified.findings, &BTreeMap::new()),
        body: Body::Verify(log.report(verified)),
        next: Vec::new(),
    }
}

impl clap::ValueEnum for TrustFileGuard {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Refuse, Self::Guarded]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(match self {
            Self::Refuse => clap::builder::PossibleValue::new("refuse").help("Fail if the branch changes a trust file"),
            Self::Guarded => clap::builder::PossibleValue::new("guarded")
                .help("Allow it, because another rule, such as CODEOWNERS, protects these files"),
        })
    }
}
