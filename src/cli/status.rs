//! `review status`: open plans, who needs to act, and approvals that expire soon.
//!
//! Reports the state of each plan from the site, the log and the journals next to it, and for exported changes the line
//! that says what came of them. Never prompts and writes nothing; exits with the code of the gate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;

use crate::access::Index;
use crate::app::evaluation::evaluator::Evaluator;
use crate::app::execution::lifecycle::{self, ExportedState};
use crate::app::io::format::render;
use crate::app::io::streams;
use crate::app::plans::discovery;
use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::plans::plan_file::PlanFile;
use crate::app::record::exported_plan::ExportedPlan;
use crate::app::record::{history, journals, log_reader};
use crate::app::site::load::Site;
use crate::cli::shared_args::LocationArgs;
use crate::decision::exit::ExitCode;
use crate::decision::gate::{ChangeVerdict, GateState, GateVerdict, Missing};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::id::PersonId;
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::log::store::Store;
use crate::log::verify::answers::Keep;
use crate::report::model::{Body, Report, Reported};
use crate::report::render::format::Format;
use crate::report::sentence::{Sentence, counted};
use crate::report::sheet::{Cell, Sheet, Sheets};

/// Approvals that expire within this time are reported.
const SOON: Span = Span::from_days(1);

/// Show which plans are open, whose approval they wait for, and which approvals expire soon.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The plans; a folder means every plan in it [default: the current folder].
    #[arg(value_name = "PLAN|DIR")]
    plans: Vec<PathBuf>,
    #[command(flatten)]
    place: LocationArgs,
    /// The format of the result.
    #[arg(long, value_enum, default_value_t, env = "REVIEW_FORMAT")]
    format: Format,
}

impl StatusArgs {
    /// Evaluates every plan against the log and prints its state.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn run(&self) -> anyhow::Result<ExitCode> {
        let site = match Site::load(&self.place.location())? {
            Ok(site) => site,
            Err(faults) => {
                return self.say(
                    &crate::app::site::fault_report::faults("status", &faults, ExitCode::Failure),
                    ExitCode::Failure,
                );
            }
        };
        let now = streams::now();
        let log = site.log_path(&self.place.location());
        let id = crate::app::site::log_id::log_id(&site)?;
        let verified = log_reader::verify(&log, &site.signers, Some(id), &[], Keep::Lines, now)?;
        if !log_reader::is_sound(&log, &verified)? {
            return self.say(&crate::app::present::log_report::bad_log(&log, &verified), ExitCode::BadLog);
        }
        let past = history::read(&log, &verified, &site)?;
        let index = Index::new(&site.snapshot);
        let here = [PathBuf::from(".")];
        let named: &[PathBuf] = if self.plans.is_empty() { &here } else { &self.plans };
        let mut codes = Vec::new();
        let mut findings = crate::app::site::fault_report::reported(&site.findings, &site.sources);
        findings.extend(crate::app::site::fault_report::reported(&past.findings, &BTreeMap::new()));
        findings.extend(Self::left(&log, id, &verified.blobs)?);
        let (mut rows, mut ends, mut rejected, mut exported) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut waits: BTreeMap<PersonId, BTreeMap<Text, u64>> = BTreeMap::new();
        let files = discovery::list(named)?.iter().map(|path| PlanFile::read(path)).collect::<Result<Vec<_>, _>>()?;
        let judged = Evaluator::new(&site, &index, &past, now).by_record(files)?;
        codes.extend(judged.codes);
        let is_state = |it: &Reported| it.finding.code == Code::AlreadyExported;
        findings.extend(judged.findings.into_iter().filter(|it| !is_state(it)));
        for (proposal, verdict) in &judged.plans {
            codes.push(verdict.exit);
            let after: Vec<ExportedState> = lifecycle::exported(proposal, verdict, now);
            rows.push(StatusRow::of(proposal, verdict, &after));
            exported.extend(after.iter().map(exported_row));
            ends.extend(ending(proposal, verdict, now));
            rejected.extend(verdict.changes.iter().filter(|held| !held.rejects.is_empty()).map(rejected_row));
            if !verdict.plan_expired {
                count(&mut waits, proposal, verdict);
            }
        }
        for (file, done) in &judged.carried_out {
            let after = lifecycle::carried_out(done, now);
            rows.push(StatusRow::carried_out(file, done, &after));
            exported.extend(after.iter().map(exported_row));
        }
        ends.sort_by_key(|(until, ..)| *until);
        let code = ExitCode::first(codes);
        let open = rows.iter().filter(|row| row.open > 0).count() as u64;
        let sheets = vec![
            plans_sheet(&rows),
            rejected_sheet(rejected),
            waiting_sheet(&waits),
            ending_sheet(&ends),
            exported_sheet(exported),
        ];
        let report = Report {
            command: "status",
            exit_code: code.code(),
            verdict: Sentence::of(format!("{} open", counted(open, "plan is", "plans are"))),
            findings,
            body: Body::Sheets(Sheets { about: vec![("at", "as of", Cell::Time(now))], sheets }),
            next: Vec::new(),
        };
        self.say(&report, code)
    }

    /// A finding for each unfinished review.
    fn left(
        log: &std::path::Path,
        id: crate::log::line::LogId,
        known: &BTreeSet<crate::input::digest::Digest<crate::input::digest::of::Blob>>,
    ) -> anyhow::Result<Vec<Reported>> {
        let store = Store::open(log)?;
        let found = journals::find(&store, id, known)?;
        Ok(found
            .iter()
            .map(|left| {
                let (what, help) = left.says();
                let finding = Finding::new(Code::LogJournalLeft, what).weighing(Severity::Warning).help(help);
                Reported::new(finding, |_| None)
            })
            .collect())
    }

    fn say(&self, report: &Report, code: ExitCode) -> anyhow::Result<ExitCode> {
        streams::data(&render(report, self.format))?;
        Ok(code)
    }
}

/// The state of a plan.
struct StatusRow {
    plan: Text,
    file: Text,
    changes: u64,
    open: u64,
    approved: u64,
    automatic: u64,
    exported: u64,
    rejected: u64,
    denied: u64,
    expires: Time,
    state: &'static str,
}

impl StatusRow {
    fn carried_out(file: &str, it: &ExportedPlan, after: &[ExportedState]) -> Self {
        Self {
            plan: it.plan.id.value.text(),
            file: Text::from(file),
            changes: after.len() as u64,
            open: 0,
            approved: 0,
            automatic: 0,
            exported: after.len() as u64,
            rejected: 0,
            denied: 0,
            expires: it.plan.expires.value,
            state: lifecycle::of_plan(after),
        }
    }

    fn of(proposal: &EvaluatedPlan<'_>, verdict: &GateVerdict, after: &[ExportedState]) -> Self {
        let of = |wanted: &dyn Fn(&GateState) -> bool| {
            verdict.changes.iter().filter(|held| wanted(&held.state)).count() as u64
        };
        let open = of(&|state| {
            matches!(
                state,
                GateState::Undecided(_) | GateState::Void { .. } | GateState::Expired(_) | GateState::Waits(_)
            )
        });
        let expired = verdict.plan_expired;
        Self {
            plan: proposal.plan.id.value.text(),
            file: Text::from(proposal.file.name.as_str()),
            changes: verdict.changes.len() as u64,
            open: if expired { 0 } else { open },
            approved: of(&|state| matches!(state, GateState::Approved(_))),
            automatic: of(&|state| matches!(state, GateState::Auto)),
            exported: after.len() as u64,
            rejected: verdict.changes.iter().filter(|held| !held.rejects.is_empty()).count() as u64,
            denied: of(&|state| matches!(state, GateState::Denied(_))),
            expires: proposal.plan.expires.value,
            state: match verdict.exit {
                _ if !after.is_empty() && after.len() == verdict.changes.len() => lifecycle::of_plan(after),
                _ if expired => "expired",
                ExitCode::Passes => "passes",
                ExitCode::Denied => "denied",
                ExitCode::Rejected => "rejected",
                ExitCode::Stale => "stale",
                ExitCode::Undecided
                | ExitCode::Failure
                | ExitCode::Usage
                | ExitCode::BadLog
                | ExitCode::Interrupted => "open",
            },
        }
    }
}

fn plans_sheet(rows: &[StatusRow]) -> Sheet {
    let row = |row: &StatusRow| {
        vec![
            Cell::Text(row.plan.clone()),
            Cell::Word(row.state),
            Cell::Number(row.changes),
            Cell::Number(row.open),
            Cell::Number(row.approved),
            Cell::Number(row.automatic),
            Cell::Number(row.exported),
            Cell::Number(row.rejected),
            Cell::Number(row.denied),
            Cell::Time(row.expires),
            Cell::Text(row.file.clone()),
        ]
    };
    Sheet {
        key: "plans",
        title: "Plans",
        columns: &[
            ("plan", "plan"),
            ("state", "state"),
            ("changes", "changes"),
            ("open", "open"),
            ("approved", "approved"),
            ("automatic", "auto"),
            ("exported", "exported"),
            ("rejected", "rejected"),
            ("denied", "denied"),
            ("expires", "expires"),
            ("file", "file"),
        ],
        rows: rows.iter().map(row).collect(),
        none: "no valid plan",
    }
}

fn exported_row(it: &ExportedState) -> Vec<Cell> {
    vec![
        Cell::Text(it.plan.text()),
        Cell::Text(it.change.text()),
        Cell::Word(it.state),
        Cell::Time(it.at),
        Cell::at(it.ends),
        Cell::Text(it.place.session.text().clone()),
        Cell::Number(it.place.line),
    ]
}

fn exported_sheet(rows: Vec<Vec<Cell>>) -> Sheet {
    Sheet {
        key: "exported",
        title: "Exported changes, with the line of the log that says so",
        columns: &[
            ("plan", "plan"),
            ("change", "change"),
            ("state", "state"),
            ("at", "at"),
            ("ends", "ends"),
            ("session", "session"),
            ("line", "line"),
        ],
        rows,
        none: "none",
    }
}

fn rejected_row(held: &ChangeVerdict) -> Vec<Cell> {
    vec![
        Cell::Text(held.case.plan.text()),
        Cell::Text(held.case.change.text()),
        Cell::Word(if matches!(held.state, GateState::Denied(_)) { "denied" } else { "rejected" }),
        Cell::Says(crate::app::present::gate_verdict::rejections(held)),
    ]
}

fn rejected_sheet(rows: Vec<Vec<Cell>>) -> Sheet {
    Sheet {
        key: "rejections",
        title: "Rejections that stand, whatever policy says",
        columns: &[("plan", "plan"), ("change", "change"), ("state", "state"), ("rejected", "rejected")],
        rows,
        none: "there is none",
    }
}

fn waiting_sheet(waits: &BTreeMap<PersonId, BTreeMap<Text, u64>>) -> Sheet {
    let rows = waits.iter().flat_map(|(person, plans)| {
        plans.iter().map(|(plan, n)| vec![Cell::Text(person.text()), Cell::Text(plan.clone()), Cell::Number(*n)])
    });
    Sheet {
        key: "waiting",
        title: "Waiting for: changes that each person can decide",
        columns: &[("person", "person"), ("plan", "plan"), ("changes", "changes")],
        rows: rows.collect(),
        none: "no change is waiting for a decision",
    }
}

fn ending_sheet(ends: &[(Time, Text, Text)]) -> Sheet {
    Sheet {
        key: "ending",
        title: "Approvals that expire within a day",
        columns: &[("until", "until"), ("plan", "plan"), ("change", "change")],
        rows: ends
            .iter()
            .map(|(until, plan, change)| vec![Cell::Time(*until), Cell::Text(plan.clone()), Cell::Text(change.clone())])
            .collect(),
        none: "none does",
    }
}

/// Approvals of this plan that expire soon.
fn ending(proposal: &EvaluatedPlan<'_>, verdict: &GateVerdict, now: Time) -> Vec<(Time, Text, Text)> {
    let mut found = Vec::new();
    for held in &verdict.changes {
        let GateState::Approved(approved) = &held.state else { continue };
        let Some(until) = approved.until.map(|until| until.min(proposal.plan.expires.value)) else { continue };
        if until <= now.plus(SOON) {
            found.push((until, held.case.plan.text(), held.case.change.text()));
        }
    }
    found
}

/// Counts open changes by person: a change counts for everyone who could fill one of its steps.
fn count(waits: &mut BTreeMap<PersonId, BTreeMap<Text, u64>>, proposal: &EvaluatedPlan<'_>, verdict: &GateVerdict) {
    for held in &verdict.changes {
        let missing: &[Missing] = match &held.state {
            GateState::Void { missing, .. } | GateState::Expired(missing) | GateState::Undecided(missing) => missing,
            GateState::Auto
            | GateState::Approved(_)
            | GateState::Denied(_)
            | GateState::Rejected
            | GateState::Frozen
            | GateState::Exported(_)
            | GateState::Waits(_) => &[],
        };
        let people: BTreeSet<&PersonId> = missing.iter().flat_map(|step| &step.could).collect();
        for person in people {
            let plan = proposal.plan.id.value.text();
            *waits.entry(person.clone()).or_default().entry(plan).or_default() += 1;
        }
    }
}
