//! `review gate`: whether every change of a plan was decided by enough allowed people. For a CI job that guards a merge.
//!
//! In: plans, a trust folder that the plan's branch cannot touch, the log. Out: per change what holds or is missing, and
//! an exit code. The log is verified first; nothing is asked and nothing is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::bench::Bench;
use super::proposal::{PlanFile, Proposal};
use super::recording;
use super::site::Site;
use super::writing::Writing;
use super::{Where, desk, history, output, plans, present, record};
use crate::access::Index;
use crate::decision::exit::ExitCode;
use crate::decision::gate::{self, ChangeVerdict, Missing, State, Terms, Verdict};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::text::Text;
use crate::log::verify::Keep;
use crate::report::effects::Limits;
use crate::report::model::{Body, Report, Reported, State as Shown, StepReport, StepState};
use crate::report::sentence::{Sentence, counted};

/// Says whether enough allowed people decided on exactly this effect.
#[derive(Debug, Args)]
pub struct Gate {
    /// The plans; a folder stands for every plan in it.
    #[arg(required = true, value_name = "PLAN|DIR")]
    plans: Vec<PathBuf>,
    /// The trust folder: a folder, or a git revision that holds one. Required: a plan must not bring its own judges.
    #[arg(long, value_name = "DIR|GIT-REF", required = true)]
    trust: String,
    /// The log: a file or a folder [default: `log:` of review.yaml].
    #[arg(long, value_name = "LOG", env = "REVIEW_LOG")]
    log: Option<PathBuf>,
    /// A head that was remembered: the hash of its seal line, or a file of such hashes, one a line.
    #[arg(long, value_name = "HASH|FILE")]
    known_head: Vec<String>,
    #[command(flatten)]
    writing: Writing,
}

impl Gate {
    /// Judges plans and decisions, and prints what holds.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        self.writing.finish("gate", self.judge())
    }

    /// Where the result goes.
    #[must_use]
    pub fn writing(&self) -> &Writing {
        &self.writing
    }

    fn judge(&self) -> anyhow::Result<(Report, ExitCode)> {
        let place = Where { trust: Some(self.trust.clone()), log: self.log.clone() };
        let site = match Site::load(&place)? {
            Ok(site) => site,
            Err(faults) => return Ok((present::faults("gate", &faults, ExitCode::Failure), ExitCode::Failure)),
        };
        let now = output::now();
        let path = site.log_path(&place);
        let id = recording::log_id(&site)?;
        let verified = record::verify(
            &path,
            &site.signers,
            Some(id),
            &super::verify::known_heads(&self.known_head)?,
            Keep::Lines,
            now,
        )?;
        if !record::is_sound(&path, &verified)? {
            let report = Report {
                command: "gate",
                exit_code: ExitCode::BadLog.code(),
                verdict: Sentence::of("the log does not verify, so no decision counts"),
                findings: present::reported(&verified.findings, &BTreeMap::new()),
                body: Body::Verify(record::report(&path, &verified)),
                next: Vec::new(),
            };
            return Ok((report, ExitCode::BadLog));
        }
        let past = history::read(&path, &verified, &site.people)?;
        let index = Index::new(&site.snapshot);
        let mut codes = Vec::new();
        let mut findings = present::reported(&site.findings, &site.sources);
        findings.extend(present::reported(&verified.findings, &BTreeMap::new()));
        if record::files(&path)?.is_empty() {
            let none = Finding::new(
                Code::LogLostHead,
                format!("there is no log `{}`, so nothing was ever decided", path.to_string_lossy()),
            )
            .weighing(Severity::Warning)
            .mend("if there was one, find out who removed it");
            findings.push(Reported::new(none, |_| None));
        }
        let mut ids = std::collections::BTreeSet::new();
        let mut reports = Vec::new();
        for path in plans::list(&self.plans)? {
            let file = PlanFile::read(&path)?.remembered(&past);
            let judged =
                Proposal::judge(&site, &index, &file, now, |plan, digested| past.of(&index, plan, digested, now));
            let proposal = match judged {
                Ok(proposal) => proposal,
                Err(faults) => {
                    codes.push(ExitCode::Denied);
                    findings.extend(present::reported(&faults.findings, &faults.sources));
                    continue;
                }
            };
            super::check::once(&mut ids, &proposal, &mut codes, &mut findings);
            let all = std::slice::from_ref(&proposal);
            let bench = Bench::new(all, &index, past.keys.clone());
            let terms = terms(&site, &proposal);
            let verdict = gate::gate(&proposal.presents, &past.record, &terms, &bench, &mut |set| {
                Ok::<_, anyhow::Error>(desk::reanalyse(&index, all, set))
            })?;
            codes.push(verdict.exit);
            findings.extend(present::findings(&proposal));
            findings.extend(missing(&proposal, &verdict));
            let mut shown = present::plan(&proposal, Limits::SHORT);
            for (change, held) in shown.changes.iter_mut().zip(&verdict.changes) {
                show(change, held);
            }
            reports.push(shown);
        }
        let code = ExitCode::first(codes);
        let total: usize = reports.iter().map(|p| p.changes.len()).sum();
        let verdict = if code == ExitCode::Passes {
            Sentence::of(format!("passes: {} decided", counted(total as u64, "change is", "changes are")))
        } else {
            Sentence::of("does not pass")
        };
        let report = Report {
            command: "gate",
            exit_code: code.code(),
            verdict,
            findings,
            body: Body::Plans(reports),
            next: Vec::new(),
        };
        Ok((report, code))
    }
}

/// What holds for a whole plan.
#[must_use]
pub fn terms(site: &Site, proposal: &Proposal<'_>) -> Terms {
    Terms {
        now: proposal.now,
        approval_ttl: site.settings.approval_ttl,
        plan_denied: crate::decision::translate::plan_denied(&proposal.plan_judged),
        snapshot_stale: proposal.snapshot_is_stale(),
    }
}

/// Puts what was decided on a change into the report.
pub fn show(change: &mut crate::report::model::ChangeReport, held: &ChangeVerdict) {
    let by = |signers: &mut dyn Iterator<Item = String>| signers.collect::<Vec<_>>().join(", ");
    change.state = match &held.state {
        State::Approved(approved) => {
            let who = by(&mut approved.by.iter().map(|(step, s)| format!("{step}: {}", s.person.text().terminal())));
            let until = approved.until.map(|at| format!(", until {at}")).unwrap_or_default();
            Shown::Approved(Sentence::of(format!("{who}{until}")))
        }
        State::Rejected => {
            let mut says = Sentence::new();
            for reject in &held.rejects {
                says = says.own("by ").id(&reject.signer.person).own(format!(" at {}", reject.at));
                says = says.maybe(reject.reason.as_ref(), |s, why| s.own(": ").name(why));
            }
            Shown::Rejected(says)
        }
        State::Void { signer, at, since, .. } => {
            let what: Vec<String> = since.iter().map(present::since).collect();
            let says = Sentence::of("approved by ").id(&signer.person);
            Shown::Stale(says.own(format!(" at {at}, but since then: ")).name(&Text::from(what.join("; "))))
        }
        State::Expired(_) => Shown::Stale(Sentence::of("an approval ended or was used up")),
        State::Waits(cases) => Shown::Stale(
            Sentence::of("approved, but waits for ").names(&cases.iter().map(|c| c.change.text()).collect::<Vec<_>>()),
        ),
        State::Auto | State::Denied(_) | State::Undecided(_) => Shown::Open,
    };
    let missing: &[Missing] = match &held.state {
        State::Void { missing, .. } | State::Expired(missing) | State::Undecided(missing) => missing,
        State::Auto | State::Approved(_) | State::Denied(_) | State::Rejected | State::Waits(_) => &[],
    };
    let filled = if let State::Approved(approved) = &held.state { approved.by.clone() } else { BTreeMap::new() };
    for step in &mut change.steps {
        step.state = state_of(step, missing, &filled);
    }
}

fn state_of(
    step: &StepReport,
    missing: &[Missing],
    filled: &BTreeMap<crate::decision::case::StepName, crate::decision::case::Signer>,
) -> StepState {
    if step.state == StepState::Waived {
        return StepState::Waived;
    }
    if let Some((_, signer)) = filled.iter().find(|(name, _)| name.as_str() == step.name.raw()) {
        return StepState::Filled(signer.person.text());
    }
    match missing.iter().find(|m| m.step.as_str() == step.name.raw()) {
        Some(m) if m.could.is_empty() => StepState::Missing(Some(Text::from("nobody"))),
        Some(m) => {
            let names: Vec<&str> = m.could.iter().map(crate::input::id::Id::as_str).collect();
            StepState::Missing(Some(Text::from(names.join(" or "))))
        }
        None => step.state.clone(),
    }
}

/// A finding for every change that does not pass and that no other finding explains.
fn missing(proposal: &Proposal<'_>, verdict: &Verdict) -> Vec<Reported> {
    let text = std::str::from_utf8(&proposal.file.bytes).ok();
    let source = |name: &str| text.filter(|_| name == proposal.file.name);
    let mut found = Vec::new();
    for (change, held) in proposal.plan.changes.iter().zip(&verdict.changes) {
        let id = change.id.value.as_str();
        let finding = match &held.state {
            State::Auto | State::Approved(_) | State::Denied(_) => continue,
            State::Rejected => Finding::new(Code::Rejected, format!("change `{id}` was rejected"))
                .mend("drop the change; two people permitted `Override` can lift a reject"),
            State::Void { .. } => Finding::new(Code::ApprovalVoid, format!("change `{id}` is not what was approved"))
                .mend("have it reviewed again"),
            State::Expired(_) => Finding::new(Code::ApprovalExpired, format!("an approval of change `{id}` ended"))
                .mend("have it reviewed again"),
            State::Undecided(missing) => {
                let steps: Vec<String> = missing.iter().map(needs).collect();
                Finding::new(Code::Undecided, format!("change `{id}` needs {}", steps.join("; ")))
                    .mend("`review PLAN` asks for it")
            }
            State::Waits(cases) => {
                let others: Vec<&str> = cases.iter().map(|c| c.change.as_str()).collect();
                Finding::new(Code::Undecided, format!("change `{id}` waits for {}", others.join(", ")))
                    .mend("decide on those, or drop this change")
            }
        };
        found.push(Reported::new(finding.at(&change.id.place), source));
    }
    found
}

fn needs(missing: &Missing) -> String {
    let who: Vec<&str> = missing.could.iter().map(crate::input::id::Id::as_str).collect();
    match who.as_slice() {
        [] => format!("step {}: nobody of people.yaml may take it", missing.step),
        [one] => format!("step {}: {one}", missing.step),
        many => format!("step {}: one of {}", missing.step, many.join(", ")),
    }
}

/// Where a plan stands, a line a change.
#[must_use]
pub fn summary(proposal: &Proposal<'_>, verdict: &Verdict) -> String {
    let mut lines = vec![format!("{}:", proposal.plan.id.value.text().terminal())];
    for held in &verdict.changes {
        let state = match &held.state {
            State::Auto => "passes without a person".to_owned(),
            State::Approved(_) => "approved".to_owned(),
            State::Denied(_) => "denied by policy".to_owned(),
            State::Rejected => "rejected".to_owned(),
            State::Void { .. } => "approved once, but it is another change now".to_owned(),
            State::Expired(_) => "an approval ended".to_owned(),
            State::Undecided(missing) => {
                format!("needs {}", missing.iter().map(needs).collect::<Vec<_>>().join("; "))
            }
            State::Waits(cases) => {
                let others: Vec<String> = cases.iter().map(|c| c.change.text().terminal()).collect();
                format!("approved, waits for {}", others.join(", "))
            }
        };
        lines.push(format!("  {:<8} {}", held.case.change.text().terminal(), Text::from(state).terminal()));
    }
    lines.join("\n")
}
