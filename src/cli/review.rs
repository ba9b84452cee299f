//! `review PLAN… | DIR`, `review resume`: a person decides every change, in the terminal.
//!
//! Takes plans, the site, the log, the person's key, and an unfinished review if there is one; appends a sealed, signed
//! session to the log. Without a terminal it prints the review and decides nothing. Only the person at the terminal
//! ever answers a question.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use crate::access::Index;
use crate::app::evaluation::eligibility::Eligibility;
use crate::app::evaluation::evaluator::{self, Evaluator};
use crate::app::io::command_error::hinted;
use crate::app::io::format::render;
use crate::app::io::{progress, streams};
use crate::app::plans::discovery;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::plans::plan_file::PlanFile;
use crate::app::present::check_report::{holding, report};
use crate::app::present::{gate_report, plan_report};
use crate::app::record::exported_plan::ExportedPlan;
use crate::app::record::history::Past;
use crate::app::record::{history, journals, log_reader, seen_heads};
use crate::app::session::resume::{files_of, give_up, named_before, nobody_here, pick, same_plans};
use crate::app::session::review_session::ReviewSession;
use crate::app::session::reviewer::{Reviewer, attended};
use crate::app::session::skipped_plans::{SkippedPlan, tell_faults};
use crate::app::site::load::Site;
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::input::text::Text;
use crate::log::allowed::Allowed;
use crate::log::store::Store;
use crate::log::verify::answers::{Completeness, Keep, Terms, Verification};
use crate::report::limits::Limits;
use crate::report::render::format::Format;
use crate::report::sentence::Sentence;
use crate::terminal::Failure;

/// Approve or reject the changes of plans, in the terminal.
#[derive(Clone, Debug, Args)]
pub struct DecideArgs {
    /// The plans; a folder means every plan in it.
    #[arg(required = true, value_name = "PLAN|DIR")]
    plans: Vec<PathBuf>,
    /// Also ask about changes that are decided or automatic, to object or to withdraw your own rejection.
    #[arg(long)]
    reopen: bool,
    #[command(flatten)]
    at: ReviewArgs,
}

/// Where a person decides, with which key.
#[derive(Clone, Debug, Args)]
pub struct ReviewArgs {
    #[command(flatten)]
    place: LocationArgs,
    /// Your key: a key file, or `key::` and a public key [default: `user.signingkey` of git].
    #[arg(long, value_name = "KEY", env = "REVIEW_KEY")]
    key: Option<String>,
    /// The format of the review if there is no terminal.
    #[arg(long, value_enum, default_value_t, env = "REVIEW_FORMAT")]
    format: Format,
}

/// Resume an unfinished review.
#[derive(Clone, Debug, Args)]
pub struct ResumeArgs {
    /// The plans, if they were moved [default: where they were].
    #[arg(value_name = "PLAN|DIR")]
    plans: Vec<PathBuf>,
    #[command(flatten)]
    at: ReviewArgs,
    /// Discard the unfinished review and all decisions in it.
    #[arg(long)]
    give_up: bool,
}

/// The lookups over the snapshot, and what the log says.
type IndexAndPast<'a, 's> = (&'a Index<'s>, &'a Past);

/// The plans: those to review, and those that are skipped.
struct ReadPlans<'s> {
    proposals: Vec<EvaluatedPlan<'s>>,
    passed: Vec<SkippedPlan>,
}

impl DecideArgs {
    /// The review that `review demo` starts, as Ada.
    #[must_use]
    pub fn demo(folder: &Path) -> Self {
        Self {
            plans: vec![folder.join("plan.yaml")],
            reopen: false,
            at: ReviewArgs {
                place: LocationArgs { trust: Some(folder.to_string_lossy().into_owned()), log: None },
                key: Some(folder.join("keys/ada.pub").to_string_lossy().into_owned()),
                format: Format::Text,
            },
        }
    }

    /// Evaluates the plans, asks the person, seals and signs.
    ///
    /// # Errors
    /// If the tool fails; decisions made before are in the journal.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        self.at.start(&self.plans, None, self.reopen)
    }
}

impl ResumeArgs {
    /// Resumes the unfinished review, or discards it.
    ///
    /// # Errors
    /// If the tool fails; decisions made before are in the journal.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        self.at.start(&self.plans, Some(if self.give_up { Resuming::GiveUp } else { Resuming::GoOn }), false)
    }
}

/// The action of `review resume`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resuming {
    GoOn,
    GiveUp,
}

impl ReviewArgs {
    fn start(&self, named: &[PathBuf], resuming: Option<Resuming>, reopen: bool) -> anyhow::Result<ExitCode> {
        let site = match Site::load(&self.place.location())? {
            Ok(site) => site,
            Err(faults) => {
                return self.say(
                    &crate::app::site::fault_report::faults("review", &faults, ExitCode::Failure),
                    ExitCode::Failure,
                );
            }
        };
        let log = site.log_path(&self.place.location());
        let attended = attended();
        let store = Store::open(&log)?;
        if attended.is_ok() {
            // WHY before the log is read: the remainder of a signed session after a crash may be the torn end of the
            // log.
            for done in journals::settle(
                &store,
                crate::app::site::log_id::log_id(&site)?,
                terms(&site, &Allowed(&site.signers))?,
            )? {
                streams::note(&format!("review: {done}"));
            }
        }
        let now = streams::now();
        let id = crate::app::site::log_id::log_id(&site).ok();
        let seen = id.map(seen_heads::heads).transpose()?.unwrap_or_default();
        let verified = log_reader::verify(&log, &site.signers, id, &seen, Keep::Lines, now)?;
        if !log_reader::is_sound(&log, &verified)? {
            if matches!(verified.completeness, Completeness::Lost(_)) {
                streams::note(&seen_heads::lost(id));
            }
            return self.bad_log(&log, &verified);
        }
        seen_heads::note(id, &verified);
        let past = history::read(&log, &verified, &site)?;
        let mut journals = match crate::app::site::log_id::log_id(&site) {
            Ok(id) => journals::find(&store, id, &verified.blobs)?,
            Err(_) => Vec::new(),
        };
        let mut paths = if named.is_empty() { Vec::new() } else { discovery::list(named)? };
        let mut going_on = None;
        if let Some(resuming) = resuming {
            if let Err(failure) = attended {
                return Ok(nobody_here(&journals, &failure));
            }
            let me = Reviewer::named(&site, &past, self.key.as_deref())?;
            if resuming == Resuming::GiveUp {
                return give_up(&store, &journals, &me);
            }
            let Some(left) = pick(&mut journals, &me)? else {
                streams::note("there is no unfinished review of yours here");
                return Ok(ExitCode::Passes);
            };
            if paths.is_empty() {
                paths = files_of(&left)?;
            }
            going_on = Some(left);
        }
        let index = Index::new(&site.snapshot);
        let mut judging = Evaluator::new(&site, &index, &past, streams::now());
        // For a single plan, its own faults are the whole message.
        let alone = paths.len() == 1 && named.len() <= 1;
        let mut read = ReadPlans { proposals: Vec::new(), passed: Vec::new() };
        if let Some(stop) = self.read((&index, &past), &mut judging, &paths, alone, &mut read)? {
            return Ok(stop);
        }
        if let Err(failure) = attended {
            return self.unattended((&index, &past), &read, &failure);
        }
        let me = Reviewer::named(&site, &past, self.key.as_deref())?;
        if going_on.is_none() {
            let ids: Vec<_> = read.proposals.iter().map(|p| p.plan.id.value.clone()).collect();
            going_on = same_plans(&mut journals, &me, &ids)?;
            if let Some(left) = &going_on {
                let more = files_of(left)?;
                let more: Vec<PathBuf> = more.into_iter().filter(|file| !named_before(&paths, file)).collect();
                if let Some(stop) = self.read((&index, &past), &mut judging, &more, alone, &mut read)? {
                    return Ok(stop);
                }
            }
        }
        twice(&read.proposals)?;
        let round = ReviewSession {
            site: &site,
            index: &index,
            log: &log,
            verified: &verified,
            past: &past,
            proposals: &read.proposals,
            passed: &read.passed,
            me: &me,
            reopen,
        };
        let code = round.sit(going_on)?;
        tell_faults(&read.passed);
        Ok(ExitCode::first(read.passed.iter().map(|passed| passed.code).chain([code])))
    }

    /// Reads and evaluates plans. An exit code means that there is nothing to review, which was reported.
    fn read<'s>(
        &self,
        recorded: IndexAndPast<'_, 's>,
        judging: &mut Evaluator<'_, 's>,
        paths: &[PathBuf],
        alone: bool,
        into: &mut ReadPlans<'s>,
    ) -> anyhow::Result<Option<ExitCode>> {
        // A single plan may be printed below, while nothing else is drawn.
        let _watch = (!alone).then(|| progress::watch(progress::PLANS, None));
        for path in paths {
            let file = PlanFile::read(path)?;
            let name = file.name.clone();
            match judging.proposal(file.clone()) {
                Ok(proposal) if proposal.is_expired() && alone => {
                    let code = ExitCode::first(holding(&proposal));
                    let why = "the plan has expired, so there is nothing to decide";
                    return self.print(recorded, &[proposal], &[], code, why).map(Some);
                }
                Ok(proposal) if proposal.is_expired() => into.passed.push(SkippedPlan {
                    file: name,
                    why: Sentence::of(format!("expired at {}", proposal.plan.expires.value)),
                    code: ExitCode::Stale,
                    faults: None,
                }),
                Ok(proposal) => {
                    judging.counts(&proposal);
                    into.proposals.push(proposal);
                }
                Err(faults) => {
                    let done = ExportedPlan::read(&recorded.1.record, &file);
                    let (code, why, faults) = match &done {
                        Some(done) => (ExitCode::Stale, "exported before; see the end", done.faults(&file)),
                        None => (ExitCode::Denied, "invalid; its faults are printed at the end", faults),
                    };
                    if alone {
                        let report = crate::app::site::fault_report::faults("review", &faults, code);
                        return self.say(&report, code).map(Some);
                    }
                    into.passed.push(SkippedPlan { file: name, why: Sentence::of(why), code, faults: Some(faults) });
                }
            }
        }
        Ok(None)
    }

    fn say(&self, report: &crate::report::model::Report, code: ExitCode) -> anyhow::Result<ExitCode> {
        streams::data(&render(report, self.format))?;
        Ok(code)
    }

    /// Reports why nothing is appended to this log.
    fn bad_log(&self, log: &Path, verified: &Verification) -> anyhow::Result<ExitCode> {
        self.say(&crate::app::present::log_report::bad_log(log, verified), ExitCode::BadLog)
    }

    /// Without a terminal: prints the review, and the next steps.
    fn unattended<'s>(
        &self,
        recorded: IndexAndPast<'_, 's>,
        read: &ReadPlans<'s>,
        failure: &Failure,
    ) -> anyhow::Result<ExitCode> {
        let mut codes: Vec<ExitCode> = read.proposals.iter().flat_map(holding).collect();
        codes.extend(read.passed.iter().map(|passed| passed.code));
        codes.push(ExitCode::Undecided);
        let code = ExitCode::first(codes);
        for passed in &read.passed {
            streams::note(&format!("{}: {}", Text::from(passed.file.as_str()).terminal(), passed.why.terminal()));
        }
        let done = self.print(recorded, &read.proposals, &read.passed, code, "no one was asked")?;
        if self.format == Format::Text {
            tell_faults(&read.passed);
        }
        streams::note(&format!("review: {failure}; nothing was decided\n  = help: {}", failure.help()));
        Ok(done)
    }

    /// Prints plans with what is recorded about each change.
    fn print<'s>(
        &self,
        (index, past): IndexAndPast<'_, 's>,
        proposals: &[EvaluatedPlan<'s>],
        passed: &[SkippedPlan],
        code: ExitCode,
        why: &'static str,
    ) -> anyhow::Result<ExitCode> {
        let mut findings = crate::app::site::fault_report::reported(&past.findings, &BTreeMap::new());
        // A program reads one report; a person reads the faults at the end.
        for faults in passed.iter().filter_map(|it| it.faults.as_ref()).filter(|_| self.format != Format::Text) {
            findings.extend(crate::app::site::fault_report::reported(&faults.findings, &faults.sources));
        }
        let mut reports = Vec::new();
        let bench = Eligibility::new(proposals, index, past.keys.clone());
        for proposal in proposals {
            let mut plan = plan_report::plan(proposal, Limits::SHORT);
            let terms = evaluator::terms(proposal);
            for (at, change) in plan.changes.iter_mut().enumerate() {
                gate_report::past(change, proposal, at, &bench, past, &terms);
            }
            findings.extend(plan_report::findings(proposal));
            findings.extend(plan_report::gives(proposal, &plan));
            reports.push(plan);
        }
        let mut report = report("review", reports, findings, code);
        report.verdict = report.verdict.own("; ").own(why);
        streams::data(&render(&report, self.format))?;
        Ok(code)
    }
}

/// The inputs of a verification of the site's log that keeps no lines.
fn terms<'a>(site: &Site, judge: &'a Allowed<'a>) -> anyhow::Result<Terms<'a>> {
    Ok(Terms {
        judge,
        log: Some(crate::app::site::log_id::log_id(site)?),
        known_heads: &[],
        now: streams::now(),
        keep: Keep::Nothing,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    })
}

/// Two plans with the same id cannot be decided in one session, because decisions are bound to the id.
fn twice(proposals: &[EvaluatedPlan<'_>]) -> anyhow::Result<()> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for proposal in proposals {
        let id = proposal.plan.id.value.as_str();
        if let Some(other) = seen.insert(id, &proposal.file.name) {
            bail!(hinted(
                format!(
                    "`{}` and `{}` are both the plan `{}`",
                    Text::from(other).terminal(),
                    Text::from(proposal.file.name.as_str()).terminal(),
                    proposal.plan.id.value.text().terminal()
                ),
                "give each plan a different id, or name one of them"
            ));
        }
    }
    Ok(())
}
