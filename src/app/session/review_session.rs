//! A review session: combines cards, journal, terminal, and the final state of the plans.
//!
//! Takes evaluated plans, the record, the person, and an unfinished review if there is one. Produces a sealed session,
//! or a journal. Never answers a question itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{anyhow, bail};

use crate::access::Index;
use crate::app::evaluation::eligibility::Eligibility;
use crate::app::evaluation::evaluator;
use crate::app::io::command_error::hinted;
use crate::app::io::files::shown;
use crate::app::io::streams;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::present::log_report::bad_log;
use crate::app::present::{gate_report, plan_report};
use crate::app::record::exported_plan::APPLY_AGAIN;
use crate::app::record::history::Past;
use crate::app::record::journals::Left;
use crate::app::record::{history, journals, log_reader, seen_heads};
use crate::app::session::card::card;
use crate::app::session::reviewer::Reviewer;
use crate::app::session::session_writer::{SessionBasis, SessionWriter};
use crate::app::session::skipped_plans::SkippedPlan;
use crate::app::site::drift;
use crate::app::site::load::Site;
use crate::decision::case::CaseId;
use crate::decision::exit::ExitCode;
use crate::decision::gate;
use crate::decision::gate::GateState;
use crate::decision::session::{Already, Card, End, Moved, SessionDecision, SessionMachine};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::text::Text;
use crate::log::verify::answers::{Keep, Verification};
use crate::report::limits::Limits;
use crate::report::model::{PlanReport, Reported, StepState};
use crate::report::sentence::{Sentence, counted};
use crate::terminal::opening::{Begin, OpeningPage, Queued, Remembered};
use crate::terminal::review_loop::BreakOff;
use crate::terminal::tty::Tty;
use crate::terminal::{Failure, opening, review_loop};

/// The inputs of a session.
pub struct ReviewSession<'a, 's> {
    /// The site.
    pub site: &'s Site,
    /// The lookups over the snapshot.
    pub index: &'a Index<'s>,
    /// The path of the log.
    pub log: &'a Path,
    /// The log, verified.
    pub verified: &'a Verification,
    /// The recorded history.
    pub past: &'a Past,
    /// The plans.
    pub proposals: &'a [EvaluatedPlan<'s>],
    /// Plans that are not shown to the person.
    pub passed: &'a [SkippedPlan],
    /// The person.
    pub me: &'a Reviewer,
    /// Whether to ask again about decided or automatic changes.
    pub reopen: bool,
}

/// A session that can start, with what is shown first.
struct Ready {
    session: SessionMachine,
    kept: Vec<SessionDecision>,
    opening: Option<OpeningPage>,
}

impl<'s> ReviewSession<'_, 's> {
    /// Asks the person, seals and signs.
    ///
    /// # Errors
    /// If the tool fails; decisions made before are in the journal.
    pub fn sit(&self, left: Option<Left>) -> anyhow::Result<ExitCode> {
        let mut keys = self.past.keys.clone();
        keys.insert(self.me.recorder.fingerprint.clone(), self.me.facts.clone());
        let bench = Eligibility::new(self.proposals, self.index, keys);
        let (cards, plans) = self.cards(&bench);
        let skipped = self.skipped(&cards);
        let ready = match self.ready(cards, &plans, left.as_ref())? {
            Ok(ready) => ready,
            Err(moved) => return Ok(cannot_go_on(left.as_ref(), &moved)),
        };
        let Ready { mut session, kept, opening } = ready;
        if matches!(session.question().ask(), crate::decision::session::Ask::Over(End::Nothing)) {
            return self.settled(&bench);
        }
        let colour = streams::colour_allowed();
        let mut tty = Tty::open().map_err(|e| anyhow!(hinted(e.to_string(), e.help())))?;
        let begin = match &opening {
            Some(opening) => opening::ask(&mut tty, colour, opening),
            None => Ok(Begin::GoOn),
        };
        match begin {
            Ok(Begin::GoOn) => {}
            Ok(Begin::Leave) => {
                drop(tty);
                streams::note("nothing was decided");
                return Ok(ExitCode::Undecided);
            }
            Err(failure) => {
                drop(tty);
                streams::note(&format!("review: {failure}; nothing was decided"));
                return Ok(broken(&failure));
            }
        }
        let basis = SessionBasis {
            site: self.site,
            index: self.index,
            proposals: self.proposals,
            past: self.past,
            recorder: &self.me.recorder,
            log: self.log,
            verified: self.verified,
        };
        let mut desk = match left {
            Some(left) => SessionWriter::go_on(&basis, left, &kept)?,
            None => SessionWriter::open(&basis)?,
        };
        let ended = review_loop::run(&mut tty, colour, &plans, &mut session, &mut desk);
        drop(tty);
        let code = self.ended(ended, &mut desk)?;
        if let Some(skipped) = skipped {
            streams::note(&skipped);
        }
        Ok(code)
    }

    fn ended(
        &self,
        ended: Result<End, BreakOff<crate::app::session::session_writer::SessionWriterError>>,
        desk: &mut SessionWriter<'_, 's>,
    ) -> anyhow::Result<ExitCode> {
        let goes_on = |desk: &SessionWriter<'_, '_>| {
            format!("your decisions are in the journal `{}`; continue with `review resume`", shown(desk.journal()))
        };
        match ended {
            Ok(End::Nothing) => {
                desk.discard()?;
                Ok(ExitCode::Undecided)
            }
            Ok(End::Left(_)) if desk.is_empty() => {
                desk.discard()?;
                streams::note("nothing was decided");
                Ok(ExitCode::Undecided)
            }
            Ok(End::Left(_)) => {
                streams::note(&format!("unfinished; {}", goes_on(desk)));
                Ok(ExitCode::Interrupted)
            }
            Ok(End::Seal(decided)) => {
                let text = desk.seal(&decided, &self.me.key)?;
                streams::note(&text);
                self.after()
            }
            Err(BreakOff::Terminal(failure)) => {
                if desk.is_empty() {
                    desk.discard()?;
                    streams::note(&format!("review: {failure}; nothing was decided"));
                } else {
                    streams::note(&format!("review: {failure}; {}", goes_on(desk)));
                }
                Ok(broken(&failure))
            }
            Err(BreakOff::Desk(error)) => Err(error.cause().context(format!(
                "the decision could not be written to disk; the journal is `{}`",
                shown(desk.journal())
            ))),
        }
    }

    /// A card for each change, and the report of each plan.
    fn cards(&self, bench: &Eligibility<'_, 's>) -> (Vec<Card>, Vec<PlanReport>) {
        let mut cards = Vec::new();
        let mut plans: Vec<PlanReport> = Vec::new();
        for proposal in self.proposals {
            let terms = evaluator::terms(proposal);
            let mut shown = plan_report::plan(proposal, Limits::SHORT);
            for (at, change) in shown.changes.iter_mut().enumerate() {
                let Some(mut card) = card(bench, self.past, proposal, (at, &*change), &self.me.signer, &terms) else {
                    continue;
                };
                card.reopened = self.reopen;
                gate_report::past(change, proposal, at, bench, self.past, &terms);
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
        (cards, plans)
    }

    /// The session, with what is shown before its first question; or why an unfinished review cannot be resumed.
    fn ready(
        &self,
        cards: Vec<Card>,
        plans: &[PlanReport],
        left: Option<&Left>,
    ) -> anyhow::Result<Result<Ready, BTreeSet<CaseId>>> {
        let (queue, passed, notes) = (self.queue(&cards), self.passed(), self.notes());
        let mut opening = OpeningPage { queue, passed, before: Vec::new(), notes };
        let twice = || anyhow!("two of the plans have the same id");
        let Some(left) = left else {
            let session = SessionMachine::new(cards).map_err(|_| twice())?;
            let shown = opening.says_anything().then_some(opening);
            return Ok(Ok(Ready { session, kept: Vec::new(), opening: shown }));
        };
        let Ok(held) = &left.held else { bail!(left.error()) };
        let resumed = match SessionMachine::resume(cards, &journals::journalled(&held.decisions)) {
            Ok(resumed) => resumed,
            Err(Moved::Changes(moved)) => return Ok(Err(moved)),
            Err(Moved::Twice(_)) => return Err(twice()),
        };
        for before in &held.decisions {
            let case = CaseId { plan: before.plan.clone(), change: before.change.clone() };
            let plan = plans.iter().find(|plan| plan.id == case.plan);
            let change = plan.and_then(|plan| plan.changes.iter().find(|change| change.id == case.change));
            opening.before.push(Remembered {
                plan: case.plan.text(),
                change: case.change.text(),
                what: change.map(|change| change.sentence.clone()).unwrap_or_default(),
                said: match before.verdict {
                    crate::log::line::Verdict::Approve => "approve",
                    crate::log::line::Verdict::Reject => "reject",
                    crate::log::line::Verdict::Override => "override",
                },
                reason: before.reason.clone(),
                again: resumed.again.contains(&case),
            });
        }
        Ok(Ok(Ready { session: resumed.session, kept: resumed.kept, opening: Some(opening) }))
    }

    /// The plans in the queue.
    fn queue(&self, cards: &[Card]) -> Vec<Queued> {
        let of = |plan: &crate::input::id::PlanId, wanted: &dyn Fn(&Card) -> bool| {
            cards.iter().filter(|card| card.present.case.plan == *plan && wanted(card)).count() as u64
        };
        let mut queue: Vec<Queued> = Vec::new();
        for proposal in self.proposals {
            let id = &proposal.plan.id.value;
            queue.push(Queued {
                plan: id.text(),
                proposer: proposal.plan.proposer.value.text(),
                changes: of(id, &|_| true),
                ask: of(id, &Card::is_asked),
                privileged: of(id, &|card| card.privileged && card.is_asked()),
                automatic: of(id, &|card| card.present.outcome == crate::decision::case::CaseOutcome::Auto),
                decided: of(id, &|card| {
                    card.already != Already::Open
                        && card.present.outcome != crate::decision::case::CaseOutcome::Auto
                        && !card.is_asked()
                }),
            });
        }
        // In the order of the session.
        let order: BTreeMap<Text, usize> = SessionMachine::new(cards.to_vec())
            .map(|session| {
                let mut seen = BTreeMap::new();
                for card in session.cards() {
                    let next = seen.len();
                    seen.entry(card.present.case.plan.text()).or_insert(next);
                }
                seen
            })
            .unwrap_or_default();
        queue.sort_by_key(|row| (row.ask == 0, order.get(&row.plan).copied()));
        queue
    }

    /// What a person should know before the first card, in addition to the cards: differing trust files, and findings
    /// about the site, the log and the plans.
    fn notes(&self) -> Vec<Reported> {
        // WHY: dangling references in an export are for the exporter to fix, and there may be hundreds.
        let of_the_site = |it: &&Finding| !matches!(it.code, Code::DanglingReference | Code::MembersUnknown);
        let mut all = crate::app::site::fault_report::reported(&drift::differences(self.site), &BTreeMap::new());
        let noted: Vec<Finding> = self.site.findings.iter().filter(of_the_site).cloned().collect();
        all.extend(crate::app::site::fault_report::reported(&noted, &self.site.sources));
        all.extend(crate::app::site::fault_report::reported(&self.past.findings, &BTreeMap::new()));
        all.extend(self.proposals.iter().flat_map(plan_report::findings).filter(|it| !it.is_on_card()));
        all
    }

    fn passed(&self) -> Vec<(Text, Sentence)> {
        self.passed.iter().map(|it| (Text::from(it.file.as_str()), it.why.clone())).collect()
    }

    /// The message about changes that were skipped because they are decided and unchanged, or automatic.
    fn skipped(&self, cards: &[Card]) -> Option<String> {
        let queue = self.queue(cards);
        let (plans, decided) =
            (queue.iter().filter(|row| row.ask == 0).count() as u64, queue.iter().map(|row| row.decided).sum());
        if self.proposals.len() < 2 || plans == 0 && decided == 0 {
            return None;
        }
        Some(format!(
            "skipped: {} with nothing for you to decide; {} decided before and unchanged",
            counted(plans, "plan", "plans"),
            counted(decided, "change", "changes")
        ))
    }

    /// The state of the plans after the seal, evaluated from the current log.
    fn after(&self) -> anyhow::Result<ExitCode> {
        let verified = log_reader::verify(
            self.log,
            &self.site.signers,
            crate::app::site::log_id::log_id(self.site).ok(),
            &[],
            Keep::Lines,
            streams::now(),
        )?;
        if !verified.is_usable() {
            streams::note(&crate::app::io::format::render(
                &bad_log(self.log, &verified),
                crate::report::render::format::Format::Text,
            ));
            return Ok(ExitCode::BadLog);
        }
        seen_heads::note(crate::app::site::log_id::log_id(self.site).ok(), &verified);
        let past = history::read(self.log, &verified, self.site)?;
        let mut keys = past.keys.clone();
        if keys.get(&self.me.recorder.fingerprint).is_none() {
            keys.insert(self.me.recorder.fingerprint.clone(), self.me.facts.clone());
        }
        let bench = Eligibility::new(self.proposals, self.index, keys);
        self.standing(&bench, &past)
    }

    /// Reports the state of each plan if there is nothing to ask.
    fn settled(&self, bench: &Eligibility<'_, 's>) -> anyhow::Result<ExitCode> {
        // WHY here too: without a question, no card shows them.
        for finding in self.past.findings.iter().filter(|it| it.severity != Severity::Note) {
            let help = finding.help.as_ref().map(|help| format!("\n  = help: {}", help.terminal())).unwrap_or_default();
            streams::note(&format!("warning[{}]: {}{help}", finding.code.name(), finding.message.terminal()));
        }
        let code = self.standing(bench, self.past)?;
        streams::note(match code {
            ExitCode::Passes => "nothing to decide: every change is approved or automatic; `--reopen` asks again",
            ExitCode::Failure
            | ExitCode::Usage
            | ExitCode::Denied
            | ExitCode::Rejected
            | ExitCode::Undecided
            | ExitCode::Stale
            | ExitCode::BadLog
            | ExitCode::Interrupted => "there is nothing here that you can decide; `review gate` shows what is missing",
        });
        if self.is_exported(bench) {
            streams::note(&format!("  = help: {APPLY_AGAIN}"));
        }
        Ok(code)
    }

    /// Whether an export used up the approvals of any change.
    fn is_exported(&self, bench: &Eligibility<'_, 's>) -> bool {
        self.proposals.iter().any(|proposal| {
            let terms = evaluator::terms(proposal);
            let judge = |present| gate::judge_change(present, &self.past.record, &terms, bench).state;
            proposal.presents.iter().any(|present| matches!(judge(present), GateState::Exported(_)))
        })
    }

    fn standing(&self, bench: &Eligibility<'_, 's>, past: &Past) -> anyhow::Result<ExitCode> {
        let mut codes = Vec::new();
        for proposal in self.proposals {
            let verdict = evaluator::verdict(proposal, past, bench)?;
            // WHY: for a long queue the overall state is useful, and a list of every change is not.
            if self.proposals.len() <= IN_FULL {
                streams::note(&crate::app::present::gate_report::summary(proposal, &verdict));
            }
            codes.push(verdict.exit);
        }
        if self.proposals.len() > IN_FULL {
            let of = |code: ExitCode| codes.iter().filter(|c| **c == code).count();
            streams::note(&format!(
                "{}: {} pass, {} denied, {} rejected, {} stale, {} open; `review status` says more",
                counted(codes.len() as u64, "plan", "plans"),
                of(ExitCode::Passes),
                of(ExitCode::Denied),
                of(ExitCode::Rejected),
                of(ExitCode::Stale),
                of(ExitCode::Undecided),
            ));
        }
        Ok(ExitCode::first(codes))
    }
}

/// The maximum number of plans for which each change is listed at the end.
const IN_FULL: usize = 5;

/// Reports that an unfinished review cannot be resumed because its changes are different now.
fn cannot_go_on(left: Option<&Left>, moved: &BTreeSet<CaseId>) -> ExitCode {
    let names: Vec<String> = moved
        .iter()
        .map(|case| format!("`{}` of `{}`", case.change.text().terminal(), case.plan.text().terminal()))
        .collect();
    let journal = left.map(|left| shown(&left.path)).unwrap_or_default();
    streams::note(&format!(
        "the review that you left cannot go on: what you decided is not what these changes do now: {}\n  = help: drop it \
         with `review resume --give-up`, and decide anew with `review PLAN`; until then its journal stays at `{journal}`",
        names.join(", ")
    ));
    ExitCode::Stale
}

fn broken(failure: &Failure) -> ExitCode {
    match failure {
        Failure::Interrupted | Failure::Closed => ExitCode::Interrupted,
        Failure::NoTerminal(_) | Failure::AssistantDrives(_) | Failure::MachineDrives(_) => ExitCode::Undecided,
        Failure::Broken(_) => ExitCode::Failure,
    }
}
