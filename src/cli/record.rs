//! `review record`: records automatic changes. For a CI job with its own key, after the plan is merged.
//!
//! Appends a `record` session with one `auto` line for each automatic change that is not recorded yet. Never prompts,
//! and cannot record anything that needs a person.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::access::Index;
use crate::app::evaluation::evaluator;
use crate::app::evaluation::evaluator::Evaluator;
use crate::app::io::command_error::hinted;
use crate::app::io::streams;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::present::{gate_report, plan_report};
use crate::app::record::log_source::LogSource;
use crate::app::record::recorder::Recorder;
use crate::app::record::{entries, log_reader, recorder, seen_heads, trusted_heads};
use crate::app::site::load::Site;
use crate::cli::output_args::Writing;
use crate::cli::shared_args::{LocationArgs, SelectionArgs};
use crate::decision::exit::ExitCode;
use crate::decision::gate::GateState;
use crate::input::finding::Finding;
use crate::log::session::Draft;
use crate::log::verify::answers::Keep;
use crate::report::limits::Limits;
use crate::report::model::{Body, Report};
use crate::report::sentence::{Sentence, counted};

/// Record the changes that need no approval (for CI).
#[derive(Debug, Args)]
pub struct RecordArgs {
    #[command(flatten)]
    chosen: SelectionArgs,
    #[command(flatten)]
    place: LocationArgs,
    /// The recorder's key: a key file, or `key::` and a public key. It must be allowed for `review-record@v1`, and not
    /// belong to a person.
    #[arg(long, value_name = "KEY", env = "REVIEW_KEY")]
    key: Option<String>,
    /// Also record that the plan arrived with a valid proof, even if no change is automatic. A short-lived proof then
    /// stays valid while people decide.
    #[arg(long)]
    receive: bool,
    #[command(flatten)]
    writing: Writing,
}

/// A plan with the indices of its changes to record.
struct Due<'s> {
    proposal: EvaluatedPlan<'s>,
    changes: Vec<usize>,
    /// Whether its reception with a valid proof is to be recorded.
    arrives: bool,
}

impl RecordArgs {
    /// Evaluates plans, and appends a session for automatic changes.
    ///
    /// # Errors
    /// If the tool fails; then nothing is appended.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        self.writing.finish("record", self.record())
    }

    /// The outputs of the result.
    #[must_use]
    pub fn writing(&self) -> &Writing {
        &self.writing
    }

    fn record(&self) -> anyhow::Result<(Report, ExitCode)> {
        let site = match Site::load(&self.place.location())? {
            Ok(site) => site,
            Err(faults) => {
                return Ok((
                    crate::app::site::fault_report::faults("record", &faults, ExitCode::Failure),
                    ExitCode::Failure,
                ));
            }
        };
        let clerk = Recorder::named(&site, self.key.as_deref())?;
        let log = self.log(&site)?;
        let source = LogSource::Disk(log.clone());
        let now = streams::now();
        let read = self.chosen.selection().read()?;
        let mut heads = trusted_heads::heads(&site, &source, now)?;
        heads.extend(recorder::heads(&site)?);
        let id = crate::app::site::log_id::log_id(&site)?;
        let verified = log_reader::verify(&log, &site.signers, Some(id), &heads, Keep::Lines, now)?;
        if !source.is_sound(&verified)? {
            let report = Report {
                command: "record",
                exit_code: ExitCode::BadLog.code(),
                verdict: Sentence::of("the log does not verify, so nothing is appended to it"),
                findings: crate::app::site::fault_report::reported(&verified.findings, &BTreeMap::new()),
                body: Body::Verify(source.report(&verified)),
                next: Vec::new(),
            };
            return Ok((report, ExitCode::BadLog));
        }
        let past = source.past(&verified, &site)?;
        let index = Index::new(&site.snapshot);
        let mut findings = crate::app::site::fault_report::reported(&site.findings, &site.sources);
        findings.extend(crate::app::site::fault_report::reported(&past.findings, &BTreeMap::new()));
        let nameless: Vec<Finding> = plan_report::without_target(&site.snapshot).into_iter().collect();
        findings.extend(crate::app::site::fault_report::reported(&nameless, &BTreeMap::new()));
        findings.extend(read.findings.iter().cloned());
        let mut codes = Vec::new();
        let mut due: Vec<Due<'_>> = Vec::new();
        let mut known_already = 0_u64;
        let mut frozen = false;
        let judged = Evaluator::new(&site, &index, &past, now).by_record(read.files.iter().cloned())?;
        codes.extend(judged.codes);
        findings.extend(judged.findings);
        for (proposal, verdict) in judged.plans {
            let terms = evaluator::terms(&proposal);
            findings.extend(plan_report::findings(&proposal));
            // What a freeze stops is not recorded, and what only takes access is.
            frozen |= verdict.changes.iter().any(|held| !held.frozen.is_empty());
            findings.extend(gate_report::frozen_changes(&proposal, &verdict));
            // INVARIANT: changes of a plan that is denied, expired or evaluated with an old snapshot are never recorded
            // as automatic.
            if terms.plan_denied.is_some() {
                codes.push(ExitCode::Denied);
                continue;
            }
            if verdict.plan_expired || terms.snapshot_stale {
                codes.push(ExitCode::Stale);
                continue;
            }
            let passes = |at: &usize| {
                let held = verdict.changes.get(*at);
                held.is_some_and(|held| matches!(held.state, GateState::Auto) && verdict.passing.contains(&held.case))
            };
            let (on_record, changes): (Vec<usize>, Vec<usize>) = (0..proposal.presents.len())
                .filter(passes)
                .partition(|at| proposal.presents.get(*at).is_some_and(|present| past.record.auto(present).is_some()));
            known_already = known_already.saturating_add(on_record.len() as u64);
            let arrives = self.receive && proposal.origin.proven.is_some() && proposal.file.received.is_empty();
            due.push(Due { proposal, changes, arrives });
        }
        // A duplicate plan id is ambiguous, so neither plan counts.
        let code = ExitCode::first(codes);
        let (writes, rest): (Vec<Due<'_>>, Vec<Due<'_>>) =
            due.into_iter().partition(|one| code == ExitCode::Passes && (one.arrives || !one.changes.is_empty()));
        let arrived = writes.iter().filter(|one| one.arrives).count() as u64;
        let (places, proposals): (Vec<Vec<usize>>, Vec<EvaluatedPlan<'_>>) =
            writes.into_iter().map(|one| (one.changes, one.proposal)).unzip();
        let count: u64 = places.iter().map(|changes| changes.len() as u64).sum();
        if count > 0 || arrived > 0 {
            clerk.write(&log, &verified, &proposals, &mut |draft, at| autos(draft, &proposals, &places, at))?;
            let after =
                log_reader::verify(&log, &site.signers, Some(id), &verified.heads, Keep::Nothing, streams::now())?;
            seen_heads::note(Some(id), &after);
        }
        let mut plans = Vec::new();
        for proposal in proposals.iter().chain(rest.iter().map(|one| &one.proposal)) {
            let plan = plan_report::plan(proposal, Limits::SHORT);
            findings.extend(plan_report::gives(proposal, &plan));
            plans.push(plan);
        }
        let told = verdict(code, (count, arrived), known_already, &log);
        let code = ExitCode::first([code, if frozen { ExitCode::Rejected } else { ExitCode::Passes }]);
        let report = Report {
            command: "record",
            exit_code: code.code(),
            verdict: told,
            findings,
            body: Body::Plans(plans),
            next: Vec::new(),
        };
        Ok((report, code))
    }

    /// The path of the log to append to: a file or a folder.
    fn log(&self, site: &Site) -> anyhow::Result<PathBuf> {
        match LogSource::find(site, &self.place.location())? {
            LogSource::Disk(path) => Ok(path),
            LogSource::Git(held) => anyhow::bail!(hinted(
                format!(
                    "the log `{}` is in a git revision, which cannot be appended to",
                    crate::input::text::Text::from(held.name).terminal()
                ),
                "use the file in a working tree of its branch: `--log ../log/review-log.jsonl`"
            )),
        }
    }
}

fn verdict(code: ExitCode, (count, arrived): (u64, u64), before: u64, log: &Path) -> Sentence {
    if code != ExitCode::Passes {
        return Sentence::of("nothing was recorded");
    }
    let log = crate::input::text::Text::from(log.to_string_lossy().into_owned());
    let said = match (count, before) {
        (0, _) if arrived > 0 => format!("that {}", counted(arrived, "plan was received", "plans were received")),
        (0, 0) => return Sentence::of("no change is automatic, so there is nothing to record"),
        (0, _) => return Sentence::of("all automatic changes are already recorded"),
        (count, _) => counted(count, "automatic change", "automatic changes"),
    };
    Sentence::of(format!("recorded {said} in ")).name(&log)
}

/// The `auto` lines for these changes of each plan.
fn autos(
    draft: &mut Draft,
    proposals: &[EvaluatedPlan<'_>],
    places: &[Vec<usize>],
    at: crate::input::time::Time,
) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    for (proposal, changes) in proposals.iter().zip(places) {
        for place in changes {
            out.extend(entries::auto(draft, proposal, *place, at)?.bytes);
        }
    }
    Ok(out)
}
