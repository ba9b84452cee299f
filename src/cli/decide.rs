//! `review PLAN`: a person decides about every change of a plan, in the terminal.
//!
//! In: plans, the site, the log, the person's key. Out: a sealed, signed session at the end of the log. Without a terminal
//! it prints the review and decides nothing. Nobody but the person at the terminal ever answers a question.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;

use super::bench::Bench;
use super::check::{holding, report};
use super::desk::Desk;
use super::history::{self, Past};
use super::new_folder::shown;
use super::proposal::{PlanFile, Proposal};
use super::recording::{self, Recorder};
use super::site::Site;
use super::{Format, Where, output, person, present, record, render};
use crate::access::Index;
use crate::decision::case::Signer;
use crate::decision::exit::ExitCode;
use crate::decision::gate::{self, Terms};
use crate::decision::likeness::likeness;
use crate::decision::risk::Risk;
use crate::decision::session::{Already, Card, End, Session};
use crate::decision::{approval, reject};
use crate::input::text::Text;
use crate::log::verify::{Keep, Verification};
use crate::policy::KeyFacts;
use crate::report::effects::Limits;
use crate::report::model::{PlanReport, StepState};
use crate::report::sentence::Sentence;
use crate::terminal::Failure;
use crate::terminal::driver::{Driver, driver};
use crate::terminal::sitting::{self, BreakOff};
use crate::terminal::tty::Tty;
use crate::trust::sign::{Keygen, SigningKey};

/// Decides about a plan, in the terminal.
#[derive(Clone, Debug, Args)]
pub struct Decide {
    /// The plans.
    #[arg(required = true, value_name = "PLAN")]
    plans: Vec<PathBuf>,
    #[command(flatten)]
    place: Where,
    /// The key to decide with: a key file, or `key::` and a public key [default: git's `user.signingkey`].
    #[arg(long, value_name = "KEY", env = "REVIEW_KEY")]
    key: Option<String>,
    /// How the review is written where there is no terminal.
    #[arg(long, value_enum, default_value_t, env = "REVIEW_FORMAT")]
    format: Format,
}

/// Who decides, with which key.
struct Me {
    recorder: Recorder,
    signer: Signer,
    key: SigningKey,
    facts: KeyFacts,
}

impl Decide {
    /// The review that `review demo` starts: as Ada.
    #[must_use]
    pub fn demo(folder: &Path) -> Self {
        Self {
            plans: vec![folder.join("plan.yaml")],
            place: Where { trust: Some(folder.to_string_lossy().into_owned()), log: None },
            key: Some(folder.join("keys/ada.pub").to_string_lossy().into_owned()),
            format: Format::Text,
        }
    }

    /// Judges the plans, asks the person, seals and signs.
    ///
    /// # Errors
    /// If the tool cannot do its work; what was decided by then is in the journal.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let site = match Site::load(&self.place)? {
            Ok(site) => site,
            Err(faults) => return self.say(&present::faults("review", &faults, ExitCode::Failure), ExitCode::Failure),
        };
        let now = output::now();
        let log = site.log_path(&self.place);
        let verified = record::verify(&log, &site.signers, recording::log_id(&site).ok(), &[], Keep::Lines, now)?;
        if !record::is_sound(&log, &verified)? || !verified.findings.iter().all(tolerable) {
            return self.bad_log(&log, &verified);
        }
        let past = history::read(&log, &verified, &site.people)?;
        let index = Index::new(&site.snapshot);
        let mut proposals = Vec::new();
        for path in &self.plans {
            let file = PlanFile::read(path)?.remembered(&past);
            match Proposal::judge(&site, &index, &file, now, |plan, digested| past.of(&index, plan, digested, now)) {
                Ok(proposal) => proposals.push(proposal),
                Err(faults) => {
                    return self.say(&present::faults("review", &faults, ExitCode::Denied), ExitCode::Denied);
                }
            }
        }
        if let Some(expired) = proposals.iter().find(|p| p.is_expired()) {
            let code = ExitCode::first(holding(expired));
            return self.print(&proposals, code, "the plan has expired, so there is nothing to decide");
        }
        let variable = |name: &str| std::env::var(name).ok();
        let refused = match driver(variable) {
            Driver::Assistant(name) => Some(Failure::AssistantDrives(name)),
            Driver::Machine(_) | Driver::Nobody => None,
        };
        let opened = match refused {
            Some(refused) => Err(refused),
            None => Tty::open().map(drop),
        };
        if let Err(failure) = opened {
            return self.unattended(&proposals, &failure);
        }
        let me = self.me(&site)?;
        self.sit(&site, &index, &log, &verified, &past, &proposals, &me)
    }

    fn say(&self, report: &crate::report::model::Report, code: ExitCode) -> anyhow::Result<ExitCode> {
        output::data(&render(report, self.format))?;
        Ok(code)
    }

    /// Says why nothing is appended to this log.
    fn bad_log(&self, log: &Path, verified: &Verification) -> anyhow::Result<ExitCode> {
        let report = crate::report::model::Report {
            command: "verify",
            exit_code: ExitCode::BadLog.code(),
            verdict: Sentence::of("the log does not verify, so nothing is added to it"),
            findings: present::reported(&verified.findings, &BTreeMap::new()),
            body: crate::report::model::Body::Verify(record::report(log, verified)),
            next: Vec::new(),
        };
        self.say(&report, ExitCode::BadLog)
    }

    /// Without a person: the review, printed, and what to do next.
    fn unattended(&self, proposals: &[Proposal<'_>], failure: &Failure) -> anyhow::Result<ExitCode> {
        let mut codes: Vec<ExitCode> = proposals.iter().flat_map(holding).collect();
        codes.push(ExitCode::Undecided);
        let code = ExitCode::first(codes);
        let done = self.print(proposals, code, "nobody was asked")?;
        output::note(&format!("review: {failure}; nothing was decided\n  = mend: {}", failure.help()));
        Ok(done)
    }

    fn print(&self, proposals: &[Proposal<'_>], code: ExitCode, why: &'static str) -> anyhow::Result<ExitCode> {
        let mut findings = Vec::new();
        let mut plans = Vec::new();
        for proposal in proposals {
            findings.extend(present::findings(proposal));
            plans.push(present::plan(proposal, Limits::SHORT));
        }
        let mut report = report("review", plans, findings, code);
        report.verdict = report.verdict.own("; ").own(why);
        output::data(&render(&report, self.format))?;
        Ok(code)
    }

    /// Who decides: the key, its principal, the person.
    fn me(&self, site: &Site) -> anyhow::Result<Me> {
        let key = person::signing_key(self.key.as_deref())?;
        let keygen = Keygen::default();
        let (public, certificate) = key.public(&keygen).map_err(|e| anyhow!("{e}\n  = mend: {}", e.mend()))?;
        let namespace = crate::log::line::SessionKind::Review.namespace();
        let allowed = site
            .signers
            .find_key(None, &public, certificate.as_ref(), namespace, output::now())
            .map_err(|why| anyhow!("you cannot decide with this key: {why}\n  = mend: {}", why.mend()))?;
        let known = site.people.by_principal(allowed.principal.as_str()).ok_or_else(|| {
            anyhow!(
                "`{}` of allowed_signers is nobody in people.yaml, so this key decides nothing\n  = mend: list that principal under a person of people.yaml",
                allowed.principal.text().terminal()
            )
        })?;
        let fingerprint = public.fingerprint();
        let security_key = public.kind().is_security_key();
        Ok(Me {
            signer: Signer { person: known.id.value.clone(), key: Text::from(fingerprint.as_str()) },
            recorder: Recorder {
                principal: allowed.principal,
                person: known.id.value.clone(),
                fingerprint: fingerprint.clone(),
            },
            key,
            facts: KeyFacts {
                kind: public.kind().name().to_owned(),
                security_key,
                // WHY: a security key is touched for every signature; the seal's own signature proves it afterwards.
                user_present: security_key,
                user_verified: false,
            },
        })
    }

    #[expect(clippy::too_many_arguments, reason = "everything that a sitting rests on, named once")]
    fn sit<'s>(
        &self,
        site: &'s Site,
        index: &Index<'s>,
        log: &Path,
        verified: &Verification,
        past: &Past,
        proposals: &[Proposal<'s>],
        me: &Me,
    ) -> anyhow::Result<ExitCode> {
        let now = output::now();
        let mut keys = past.keys.clone();
        keys.insert(me.recorder.fingerprint.clone(), me.facts.clone());
        let bench = Bench::new(proposals, index, keys);
        let terms = |proposal: &Proposal<'_>| Terms {
            now,
            approval_ttl: site.settings.approval_ttl,
            plan_denied: crate::decision::translate::plan_denied(&proposal.plan_judged),
            snapshot_stale: proposal.snapshot_is_stale(),
        };
        let mut cards = Vec::new();
        let mut plans: Vec<PlanReport> = Vec::new();
        for proposal in proposals {
            let mut shown = present::plan(proposal, Limits::SHORT);
            for (at, change) in shown.changes.iter_mut().enumerate() {
                let Some(card) = card(&bench, past, proposal, at, me, &terms(proposal)) else { continue };
                present::past(change, proposal, at, &bench, past, &terms(proposal));
                for step in &mut change.steps {
                    let yours = card.permitted.iter().any(|s| s.as_str() == step.name.raw());
                    if yours && card.bars.is_empty() && matches!(step.state, StepState::Missing(_)) {
                        step.state = StepState::Missing(Some(Text::from("you")));
                    }
                }
                cards.push(card);
            }
            plans.push(shown);
        }
        let mut session = Session::new(cards).map_err(|_| anyhow!("two of the plans have the same id"))?;
        let mut desk = Desk::open(site, index, proposals, past, &me.recorder, log, verified)?;
        let colour = output::colour_allowed();
        let ended = {
            let mut tty = Tty::open().map_err(|e| anyhow!("{e}\n  = mend: {}", e.help()))?;
            sitting::run(&mut tty, colour, &plans, &mut session, &mut desk)
        };
        match ended {
            Ok(End::Nothing) => {
                desk.discard()?;
                settled(&bench, past, proposals, &terms)
            }
            Ok(End::Left(decided)) if decided.is_empty() => {
                desk.discard()?;
                output::note("nothing was decided");
                Ok(ExitCode::Undecided)
            }
            Ok(End::Left(_)) => {
                output::note(&format!("left; what was decided is in the journal `{}`", shown(desk.journal())));
                Ok(ExitCode::Interrupted)
            }
            Ok(End::Seal(decided)) => {
                let text = desk.seal(&decided, &me.key)?;
                output::note(&text);
                self.after(site, index, log, proposals, me, now)
            }
            Err(BreakOff::Terminal(failure)) => {
                if desk.is_empty() {
                    desk.discard()?;
                    output::note(&format!("review: {failure}; nothing was decided"));
                } else {
                    output::note(&format!(
                        "review: {failure}; what was decided is in the journal `{}`",
                        shown(desk.journal())
                    ));
                }
                Ok(match failure {
                    Failure::Interrupted | Failure::Closed => ExitCode::Interrupted,
                    Failure::NoTerminal(_) | Failure::AssistantDrives(_) => ExitCode::Undecided,
                    Failure::Broken(_) => ExitCode::Failure,
                })
            }
            Err(BreakOff::Desk(error)) => Err(anyhow::Error::new(error)
                .context(format!("the decision is not on the disk; the journal is `{}`", shown(desk.journal())))),
        }
    }

    /// Where the plans stand after the seal, judged from the log as it is now.
    fn after<'s>(
        &self,
        site: &'s Site,
        index: &Index<'s>,
        log: &Path,
        proposals: &[Proposal<'s>],
        me: &Me,
        now: crate::input::time::Time,
    ) -> anyhow::Result<ExitCode> {
        let verified =
            record::verify(log, &site.signers, recording::log_id(site).ok(), &[], Keep::Lines, output::now())?;
        if !verified.holds() {
            return self.bad_log(log, &verified);
        }
        let past = history::read(log, &verified, &site.people)?;
        let mut keys = past.keys.clone();
        keys.entry(me.recorder.fingerprint.clone()).or_insert_with(|| me.facts.clone());
        let bench = Bench::new(proposals, index, keys);
        let mut codes = Vec::new();
        for proposal in proposals {
            let terms = Terms {
                now,
                approval_ttl: site.settings.approval_ttl,
                plan_denied: crate::decision::translate::plan_denied(&proposal.plan_judged),
                snapshot_stale: proposal.snapshot_is_stale(),
            };
            let verdict = gate::gate(&proposal.presents, &past.record, &terms, &bench, &mut |set| {
                Ok::<_, anyhow::Error>(super::desk::reanalyse(index, proposals, set))
            })?;
            output::note(&super::gate::summary(proposal, &verdict));
            codes.push(verdict.exit);
        }
        Ok(ExitCode::first(codes))
    }
}

/// There was nothing to ask: says where each plan stands.
fn settled<'s>(
    bench: &Bench<'_, 's>,
    past: &Past,
    proposals: &[Proposal<'s>],
    terms: &dyn Fn(&Proposal<'_>) -> Terms,
) -> anyhow::Result<ExitCode> {
    let mut codes = Vec::new();
    for proposal in proposals {
        codes.push(standing(bench, past, proposal, &terms(proposal), bench.index())?);
    }
    let code = ExitCode::first(codes);
    output::note(match code {
        ExitCode::Passes => "nothing is left to decide: every change is approved or automatic",
        ExitCode::Failure
        | ExitCode::Usage
        | ExitCode::Denied
        | ExitCode::Rejected
        | ExitCode::Undecided
        | ExitCode::Stale
        | ExitCode::BadLog
        | ExitCode::Interrupted => "there is nothing here that you can decide; `review gate` says what is missing",
    });
    Ok(code)
}

fn standing<'s>(
    bench: &Bench<'_, 's>,
    past: &Past,
    proposal: &Proposal<'s>,
    terms: &Terms,
    index: &Index<'s>,
) -> anyhow::Result<ExitCode> {
    let all = std::slice::from_ref(proposal);
    let verdict = gate::gate(&proposal.presents, &past.record, terms, bench, &mut |set| {
        Ok::<_, anyhow::Error>(super::desk::reanalyse(index, all, set))
    })?;
    output::note(&super::gate::summary(proposal, &verdict));
    Ok(verdict.exit)
}

/// Findings of a log that keep nobody from adding to it.
fn tolerable(finding: &crate::input::finding::Finding) -> bool {
    finding.severity != crate::input::finding::Severity::Error
}

/// Everything that the answers on one change depend on.
fn card(
    bench: &Bench<'_, '_>,
    past: &Past,
    proposal: &Proposal<'_>,
    at: usize,
    me: &Me,
    terms: &Terms,
) -> Option<Card> {
    use crate::decision::case::Judge as _;
    let present = proposal.presents.get(at)?;
    let facts = proposal.analysis.changes.get(at)?;
    let change = proposal.plan.changes.get(at)?;
    let judged = proposal.judged.get(at)?;
    let now = terms.now;
    let verdict = gate::judge_change(present, &past.record, terms, bench);
    let mine = |line| past.record.decisions.iter().any(|d| d.line == line && d.signer.person == me.signer.person);
    let blocking = reject::blocking(present, &past.record, now, terms.approval_ttl, bench);
    let needed = present.outcome.steps(&BTreeSet::new()).unwrap_or_default();
    let weighed = approval::weigh(present, needed, &past.record, now, terms.approval_ttl, bench);
    let approved_by_me = weighed.counting.iter().any(|c| c.candidate.signer.person == me.signer.person);
    let rejected_by_me = blocking.iter().any(|b| b.reject.signer.person == me.signer.person);
    let already = if rejected_by_me {
        Already::RejectedByMe
    } else if verdict.state.passes() {
        Already::Passes
    } else if approved_by_me {
        Already::ApprovedByMe
    } else {
        Already::Open
    };
    let parent = facts
        .named
        .scope
        .as_ref()
        .and_then(|scope| bench.index().resource(scope.as_str()))
        .and_then(|resource| resource.parent.as_ref());
    let warned = !judged.advice.is_empty() || !judged.denials.is_empty();
    Some(Card {
        risk: Risk::of(present, facts),
        privileged: facts.is_privileged(),
        name: present::object_name(facts),
        permitted: bench.permitted(&me.signer, &present.case),
        may_override: bench.permits_override(&me.signer, &present.case),
        bars: bench.bars(&me.signer.person, &present.case),
        set_aside: approval::overrides(present, &past.record, now, terms.approval_ttl, bench)
            .into_iter()
            .flat_map(|(_, policies)| policies.iter().cloned())
            .collect(),
        rejects: blocking.iter().map(|b| b.reject.line).filter(|line| !mine(*line)).collect(),
        likeness: likeness(change, facts, present, parent, warned),
        already,
        present: present.clone(),
    })
}
