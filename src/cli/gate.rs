//! `review gate`: whether every change of a plan was decided by enough allowed people. For a CI job that guards a merge.
//!
//! In: plans, a trust folder that the plan's branch cannot touch, the log. Out: per change what holds or is missing, and
//! an exit code. The log is verified first; nothing is asked and nothing is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::chosen::{Chosen, Read};
use super::history::Past;
use super::judging::Judging;
use super::keys::Keys;
use super::log_source::LogSource;
use super::proposal::Proposal;
use super::site::Site;
use super::trusted::Guard;
use super::writing::Writing;
use super::{Where, output, present, recording, trusted, who};
use crate::access::Index;
use crate::config::People;
use crate::decision::approval::Standing;
use crate::decision::exit::ExitCode;
use crate::decision::gate::{ChangeVerdict, Ignored, Missing, State, Verdict};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::verify::Verification;
use crate::report::effects::Limits;
use crate::report::model::{Body, PlanReport, Report, Reported, State as Shown, StepReport, StepState};
use crate::report::sentence::{Sentence, counted};

/// Says whether enough allowed people decided on exactly this effect.
#[derive(Debug, Args)]
pub struct Gate {
    #[command(flatten)]
    chosen: Chosen,
    /// The trust folder: a folder, or a git revision that holds one. Required: a plan must not bring its own judges.
    #[arg(long, value_name = "DIR|GIT-REF", required = true)]
    trust: String,
    /// The log: a file, a folder, or one in a git revision [default: `log:` of review.yaml, from where that is].
    #[arg(long, value_name = "LOG|GIT-REF:PATH", env = "REVIEW_LOG")]
    log: Option<PathBuf>,
    /// A head that was remembered: the hash of its seal line, or a file of such hashes, one a line.
    #[arg(long, value_name = "HASH|FILE")]
    known_head: Vec<String>,
    /// What a touched trust file means: the branch does not pass, or a rule outside of this tool guards these files.
    #[arg(long, value_enum, default_value_t, value_name = "WHO")]
    trust_files: Guard,
    #[command(flatten)]
    writing: Writing,
}

/// What was judged so far.
#[derive(Default)]
struct Judged {
    codes: Vec<ExitCode>,
    findings: Vec<Reported>,
    plans: Vec<PlanReport>,
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
        let read = self.chosen.read()?;
        let log = LogSource::find(&site, &place)?;
        let mut known = super::verify::known_heads(&self.known_head)?;
        known.extend(trusted::heads(&site, &log, now)?);
        let verified = log.verify(&site, Some(recording::log_id(&site)?), &known, now)?;
        if !log.is_sound(&verified)? {
            return Ok((bad_log(&log, &verified), ExitCode::BadLog));
        }
        let past = log.past(&verified, &site)?;
        let mut judged = Judged { findings: present::reported(&site.findings, &site.sources), ..Judged::default() };
        judged.findings.extend(present::reported(&past.findings, &BTreeMap::new()));
        let around = surroundings(&site, &log, &read, self.trust_files)?;
        if around.iter().any(|finding| finding.code == Code::TrustFileTouched && finding.severity == Severity::Error) {
            judged.codes.push(ExitCode::Denied);
        }
        judged.findings.extend(present::reported(&around, &BTreeMap::new()));
        judged.findings.extend(read.findings.iter().cloned());
        plans(&site, &read, &past, now, &mut judged)?;
        let code = ExitCode::first(judged.codes);
        let report = Report {
            command: "gate",
            exit_code: code.code(),
            verdict: verdict(&read, &judged.plans, code),
            findings: judged.findings,
            body: Body::Plans(judged.plans),
            next: Vec::new(),
        };
        Ok((report, code))
    }
}

/// What is to be said of where the log, the trust files and the branch stand to each other.
fn surroundings(site: &Site, log: &LogSource, read: &Read, guard: Guard) -> anyhow::Result<Vec<Finding>> {
    let head = read.branch.as_ref().map_or("HEAD", |branch| branch.head());
    let mut found = trusted::on_own_branch(site, log, head);
    if let Some(branch) = &read.branch {
        found.extend(trusted::touched(site, branch, guard)?);
    }
    if log.is_absent()? {
        found.push(
            Finding::new(Code::LogLostHead, format!("there is no log `{}`, so nothing was ever decided", log.name()))
                .weighing(Severity::Warning)
                .mend("if there was one, find out who removed it"),
        );
    }
    Ok(found)
}

fn bad_log(log: &LogSource, verified: &Verification) -> Report {
    Report {
        command: "gate",
        exit_code: ExitCode::BadLog.code(),
        verdict: Sentence::of("the log does not verify, so no decision counts"),
        findings: present::reported(&verified.findings, &BTreeMap::new()),
        body: Body::Verify(log.report(verified)),
        next: Vec::new(),
    }
}

/// Judges every plan that was chosen.
fn plans(site: &Site, read: &Read, past: &Past, now: Time, judged: &mut Judged) -> anyhow::Result<()> {
    let index = Index::new(&site.snapshot);
    let found = Judging::new(site, &index, past, now).by_record(read.files.iter().cloned())?;
    judged.codes.extend(found.codes);
    judged.findings.extend(found.findings);
    let keys = found.keys;
    for (proposal, verdict) in &found.plans {
        judged.codes.push(verdict.exit);
        judged.findings.extend(present::findings(proposal));
        judged.findings.extend(missing(proposal, verdict, &keys));
        let over = proposal.origin.holds_no_longer(&proposal.plan);
        judged.findings.extend(over.map(|finding| Reported::new(finding, |name| source(proposal, name))));
        let mut shown = present::plan(proposal, Limits::SHORT);
        for (change, held) in shown.changes.iter_mut().zip(&verdict.changes) {
            show(change, held, &keys, site);
            let present = proposal.presents.iter().find(|present| present.case == held.case);
            let recorded = present.and_then(|present| past.record.auto(present));
            if let (State::Auto, Some(auto)) = (&held.state, recorded) {
                let says = Sentence::of("recorded by ").name(&auto.recorder);
                change.state = Shown::Auto(says.own(format!(" at {}", auto.sealed_at)));
            }
        }
        judged.plans.push(shown);
    }
    judged.findings.extend(read.overlaps(now));
    Ok(())
}

/// The verdict, and whether the people who approved were shown to be there.
fn verdict(read: &Read, plans: &[PlanReport], code: ExitCode) -> Sentence {
    if let Some(nothing) = read.nothing().filter(|_| code == ExitCode::Passes) {
        return Sentence::of(nothing);
    }
    let changes = || plans.iter().flat_map(|plan| &plan.changes);
    let mut says = if code == ExitCode::Passes {
        Sentence::of(format!("passes: {} decided", counted(changes().count() as u64, "change is", "changes are")))
    } else {
        Sentence::of("does not pass")
    };
    let taken: Vec<bool> = changes().flat_map(|change| &change.steps).filter_map(|step| step.presence).collect();
    let proven = taken.iter().filter(|proven| **proven).count();
    if !taken.is_empty() {
        says = match proven {
            0 => says.own("; no key proved that a person was there"),
            all if all == taken.len() => says.own("; a key proved that a person was there for each approval"),
            some => says.own(format!("; a key proved that a person was there for {some} of {} approvals", taken.len())),
        };
    }
    says
}

/// Puts what was decided on a change into the report.
pub fn show(change: &mut crate::report::model::ChangeReport, held: &ChangeVerdict, keys: &Keys, site: &Site) {
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
        State::Void { signer, at, since, .. } => Shown::Stale(
            Sentence::of("approved by ")
                .id(&signer.person)
                .own(format!(" at {at}, but since then: "))
                .then(differs(since)),
        ),
        State::Expired(_) => Shown::Stale(ended(&held.ignored, keys, site)),
        State::Waits(cases) => Shown::Stale(
            Sentence::of("approved, but waits for ").names(&cases.iter().map(|c| c.change.text()).collect::<Vec<_>>()),
        ),
        State::Auto | State::Denied(_) | State::Undecided(_) => Shown::Open,
    };
    let missing: &[Missing] = match &held.state {
        State::Void { missing, .. } | State::Expired(missing) | State::Undecided(missing) => missing,
        State::Auto | State::Approved(_) | State::Denied(_) | State::Rejected | State::Waits(_) => &[],
    };
    for step in &mut change.steps {
        (step.state, step.presence) = state_of(step, missing, held.filled(), keys, &site.people);
    }
}

fn state_of(
    step: &StepReport,
    missing: &[Missing],
    filled: &BTreeMap<crate::decision::case::StepName, crate::decision::case::Signer>,
    keys: &Keys,
    people: &People,
) -> (StepState, Option<bool>) {
    if step.state == StepState::Waived {
        return (StepState::Waived, None);
    }
    if let Some((_, signer)) = filled.iter().find(|(name, _)| name.as_str() == step.name.raw()) {
        // WHY: only a touched security key shows that a person was there; any program can use a key file.
        let proven = keys.get(signer.key.raw()).is_some_and(|key| key.security_key && key.user_present);
        return (StepState::Filled(signer.person.text()), Some(proven));
    }
    match missing.iter().find(|m| m.step.as_str() == step.name.raw()) {
        Some(m) => (StepState::Missing(Some(who::could(people, &m.could).text())), None),
        None => (step.state.clone(), None),
    }
}

/// What changed since an approval: "+ `ledger:delete` on `db:ledger`; another `reason`".
fn differs(since: &[crate::decision::since::Since]) -> Sentence {
    const MOST: usize = 12;
    let mut says = Sentence::new();
    for (at, one) in since.iter().take(MOST).enumerate() {
        says = if at == 0 { says } else { says.own("; ") }.then(present::since(one));
    }
    if since.len() > MOST { says.own(format!("; and {} more", since.len().saturating_sub(MOST))) } else { says }
}

/// Why approvals of exactly this change do not count.
fn ended(ignored: &[Ignored], keys: &Keys, site: &Site) -> Sentence {
    let mut says = Sentence::new();
    for (at, one) in ignored.iter().enumerate() {
        let why = match &one.standing {
            Standing::Superseded => "they said otherwise later".to_owned(),
            Standing::Moved | Standing::Emerged(_) => "it is another change now".to_owned(),
            Standing::Future => "that time lies in the future".to_owned(),
            Standing::Expired(until) => format!("that counted until {until}"),
            Standing::Spent => "an export used that up".to_owned(),
            Standing::Barred(_) => "they may not decide about this themselves".to_owned(),
            Standing::NotPermitted => match keys.bars_deciding(&site.provers, one.signer.key.raw()) {
                Some(besides) => format!("that key {}", besides.does()),
                None => "policy does not permit them a step that is needed now".to_owned(),
            },
            Standing::Holds(_) => continue,
        };
        says = if at == 0 { says } else { says.own("; ") };
        says = says.own("approved by ").id(&one.signer.person).own(format!(" at {}, but {why}", one.at));
    }
    if says.is_empty() { Sentence::of("an approval ended or was used up") } else { says }
}

/// The text that a finding in the plan points into.
fn source<'p>(proposal: &'p Proposal<'_>, name: &str) -> Option<&'p str> {
    std::str::from_utf8(&proposal.file.bytes).ok().filter(|_| name == proposal.file.name)
}

/// A finding for every change that does not pass and that no other finding explains.
fn missing(proposal: &Proposal<'_>, verdict: &Verdict, keys: &Keys) -> Vec<Reported> {
    let source = |name: &str| source(proposal, name);
    let people = &proposal.site.people;
    let mut found = Vec::new();
    for (change, held) in proposal.plan.changes.iter().zip(&verdict.changes) {
        let of = |words: &'static str| Sentence::of("change ").id(&change.id.value).own(words);
        let finding = match &held.state {
            State::Auto | State::Approved(_) | State::Denied(_) => continue,
            State::Rejected => {
                let mut says = of(" was rejected");
                for reject in &held.rejects {
                    says = says.own(" by ").id(&reject.signer.person).own(format!(" at {}", reject.at));
                    says = says.maybe(reject.reason.as_ref(), |s, why| s.own(": ").name(why));
                }
                Finding::new(Code::Rejected, says.text())
                    .mend("drop the change; two people permitted `Override` can lift a reject")
            }
            State::Void { signer, at, since, missing } => {
                let says = of(" was approved by ").id(&signer.person);
                let says = says.own(format!(" at {at}, but since then: ")).then(differs(since));
                Finding::new(Code::ApprovalVoid, says.own("; it needs ").then(needs(people, missing)).text())
                    .mend("have it reviewed again: `review PLAN`")
            }
            State::Expired(missing) => {
                let says = of(" was ")
                    .then(ended(&held.ignored, keys, proposal.site))
                    .own("; it needs ")
                    .then(needs(people, missing));
                Finding::new(Code::ApprovalExpired, says.text()).mend("have it reviewed again: `review PLAN`")
            }
            State::Undecided(missing) => {
                let mut says = of(" needs ").then(needs(people, missing));
                if !held.ignored.is_empty() {
                    says = says.own("; it was ").then(ended(&held.ignored, keys, proposal.site));
                }
                let provers = &proposal.site.provers;
                let by_proposers = |one: &Ignored| keys.proposer(provers, one.signer.key.raw()).is_some();
                Finding::new(Code::Undecided, says.text()).mend(if held.ignored.iter().any(by_proposers) {
                    "have it reviewed again, by a key and a certificate that no proposer has: `review PLAN`"
                } else {
                    "`review PLAN` asks for it"
                })
            }
            State::Waits(cases) => {
                let others: Vec<Text> = cases.iter().map(|c| c.change.text()).collect();
                Finding::new(Code::Undecided, of(" waits for ").names(&others).text())
                    .mend("decide on those, or drop this change")
            }
        };
        found.push(Reported::new(finding.at(&change.id.place), source));
    }
    found
}

/// "step Owner: `ada`; step Security: one of the two people in `identity-security`".
fn needs(people: &People, missing: &[Missing]) -> Sentence {
    let mut says = Sentence::new();
    for (at, one) in missing.iter().enumerate() {
        says = if at == 0 { says } else { says.own("; ") };
        says = says.own(format!("step {}: ", one.step)).then(who::could(people, &one.could));
    }
    says
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
                format!("needs {}", needs(&proposal.site.people, missing).text().raw())
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
