//! `review log`: the record, for people.
//!
//! In: a log. Out: its sessions and decisions as a table, or its heads. Whatever is shown was verified first.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand};

use super::site::Site;
use super::trust_folder::TrustFolderError;
use super::{Format, Where, history, output, present, prove, record, render, verify};
use crate::decision::digest::Document;
use crate::decision::exit::ExitCode;
use crate::decision::fields::Field;
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::Span;
use crate::log::line::{Line, SessionKind, Verdict};
use crate::log::verify::{Keep, SessionView, Verification};
use crate::report::model::{Body, Report, Reported};
use crate::report::record::{DecisionRow, LogReport, SessionRow};
use crate::report::sentence::{Sentence, counted};

/// The record.
#[derive(Debug, Subcommand)]
pub enum Log {
    /// Shows who decided what.
    Show(Show),
    /// Prints the hash of every seal that no session follows: what an auditor remembers.
    Head(Head),
    /// Proves one line to somebody who shall not see the rest.
    Prove(prove::Prove),
    /// Joins copies of a log that went apart: every session of them once.
    Merge(super::merge::Merge),
}

impl Log {
    /// Runs the command.
    ///
    /// # Errors
    /// If the log or the trust folder cannot be read.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Show(page) => page.run(),
            Self::Head(page) => page.run(),
            Self::Prove(page) => page.run(),
            Self::Merge(page) => page.run(),
        }
    }
}

/// Shows who decided what.
#[derive(Debug, Args)]
pub struct Show {
    /// The log [default: that of the trust folder].
    path: Option<PathBuf>,
    /// Only what concerns this plan.
    #[arg(long, value_name = "PLAN-ID")]
    plan: Option<String>,
    /// Everything that happened to this change.
    #[arg(long, value_name = "CHANGE-ID")]
    change: Option<String>,
    #[command(flatten)]
    place: Where,
    /// How the result is written.
    #[arg(long, value_enum, default_value_t, env = "REVIEW_FORMAT")]
    format: Format,
}

/// Prints the hash of every seal that no session follows.
#[derive(Debug, Args)]
pub struct Head {
    /// The log [default: that of the trust folder].
    path: Option<PathBuf>,
    #[command(flatten)]
    place: Where,
}

/// What is said of a site in which nothing was decided yet.
const NO_LOG_YET: &str = "there is no log yet: nothing was sealed here";

fn load(path: Option<&PathBuf>, place: &Where) -> anyhow::Result<Result<(PathBuf, Verification), Report>> {
    let loaded = Site::load(place).map_err(|error| match error.downcast_ref() {
        Some(TrustFolderError::NotFound) => anyhow!(
            "a trust folder says whose keys count in a log, and there is no `review.yaml` here or in any folder above\n  = mend: \
             name one with `--trust DIR`; without one, `review verify LOG --signers FILE` judges a log and prints its heads"
        ),
        Some(_) | None => error,
    });
    let site = match loaded? {
        Ok(site) => site,
        Err(faults) => return Ok(Err(present::faults("log", &faults, ExitCode::Failure))),
    };
    let named = path.or(place.log.as_ref());
    let path = named.cloned().unwrap_or_else(|| site.log_path(place));
    // WHY: that a site has no log yet is an answer; that what somebody names is not there is not.
    anyhow::ensure!(
        named.is_none() || !record::files(&path)?.is_empty(),
        "there is no log `{}`\n  = mend: name the log's file or folder",
        super::new_folder::shown(&path)
    );
    let verified = record::verify(&path, &site.signers, None, &[], Keep::Lines, output::now())?;
    Ok(Ok((path, verified)))
}

impl Show {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let (path, verified) = match load(self.path.as_ref(), &self.place)? {
            Ok(loaded) => loaded,
            Err(report) => {
                output::data(&render(&report, self.format))?;
                return Ok(ExitCode::Failure);
            }
        };
        let absent = record::files(&path)?.is_empty();
        let code = if absent { ExitCode::Passes } else { verify::exit_code(&verified) };
        let standing = if absent {
            NO_LOG_YET
        } else if code == ExitCode::Passes {
            "the log is intact and authentic"
        } else {
            "the log does not verify: what follows cannot be relied on"
        };
        let documents = history::documents(&path, &verified)?;
        if let Some(change) = &self.change {
            return self.story(change, &path, &verified, &documents, code, standing);
        }
        let is_meant = |plan: &Text| self.plan.as_ref().is_none_or(|id| plan.raw() == id);
        if let Some(plan) = self.plan.as_ref().filter(|id| !names(&verified, id)) {
            let plan = Text::from(plan.as_str()).terminal();
            return Ok(nothing_of(&path, code, &format!("a plan `{plan}`")));
        }
        let log = LogReport {
            file: Text::from(super::new_folder::shown(&path)),
            standing: Sentence::of(standing),
            sessions: verified
                .sessions
                .iter()
                .map(session)
                .filter(|row| self.plan.is_none() || row.plans.iter().any(is_meant))
                .collect(),
            decisions: verified
                .sessions
                .iter()
                .flat_map(|view| decisions(view, &documents))
                .filter(|row| is_meant(&row.plan))
                .collect(),
            more: None,
            heads: record::heads(&verified),
        };
        let report = Report {
            command: "log show",
            exit_code: code.code(),
            verdict: Sentence::of(counted(verified.session_count as u64, "session", "sessions")),
            findings: verified.findings.iter().map(|f| Reported::new(f.clone(), |_| None)).collect(),
            body: Body::Log(log),
            next: Vec::new(),
        };
        output::data(&render(&report, self.format))?;
        Ok(code)
    }
}

/// Whether any line is of this plan.
fn names(verified: &Verification, plan: &str) -> bool {
    let is_of = |line: &Line| match line {
        Line::Plan(it) => it.id.as_str() == plan,
        Line::Evaluation(it) => it.plan.as_str() == plan,
        Line::Decision(it) => it.plan.as_str() == plan,
        Line::Auto(it) => it.plan.as_str() == plan,
        Line::Export(it) => it.plan.as_str() == plan,
        Line::Result(it) => it.plan.as_str() == plan,
        Line::Session(_) | Line::Blob(_) | Line::Policies(_) | Line::Seal(_) | Line::Sig(_) => false,
    };
    verified.sessions.iter().flat_map(|view| &view.lines).any(|line| is_of(&line.value))
}

/// What was asked for is not in the log. A log that does not verify matters more than that.
fn nothing_of(path: &std::path::Path, code: ExitCode, what: &str) -> ExitCode {
    let path = super::new_folder::shown(path);
    let code = ExitCode::first([code, ExitCode::Failure]);
    let mend = if code == ExitCode::BadLog {
        "the log does not verify: see `review verify LOG`"
    } else {
        "`review log show` lists what it holds"
    };
    output::note(&format!("error: the log `{path}` holds nothing of {what}\n  = mend: {mend}"));
    code
}

impl Show {
    fn story(
        &self,
        change: &str,
        path: &std::path::Path,
        verified: &Verification,
        documents: &Documents,
        code: ExitCode,
        standing: &'static str,
    ) -> anyhow::Result<ExitCode> {
        let wanted = super::story::Wanted { plan: self.plan.as_deref(), change };
        let Some(mut story) = super::story::tell(&wanted, verified, documents) else {
            let of = self.plan.as_ref().map(|id| format!(" of `{}`", Text::from(id.as_str()).terminal()));
            let change = Text::from(change).terminal();
            return Ok(nothing_of(path, code, &format!("a change `{change}`{}", of.unwrap_or_default())));
        };
        story.about.push(("log", "log", crate::report::sheet::Cell::Word(standing)));
        let report = Report {
            command: "log show",
            exit_code: code.code(),
            verdict: Sentence::of("shown"),
            findings: verified.findings.iter().map(|f| Reported::new(f.clone(), |_| None)).collect(),
            body: Body::Sheets(story),
            next: Vec::new(),
        };
        output::data(&render(&report, self.format))?;
        Ok(code)
    }
}

impl Head {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let (path, verified) = match load(self.path.as_ref(), &self.place)? {
            Ok(loaded) => loaded,
            Err(report) => {
                output::data(&render(&report, Format::Text))?;
                return Ok(ExitCode::Failure);
            }
        };
        if !record::is_sound(&path, &verified)? {
            output::note(
                "error: the log does not verify, so it has no head to remember\n  = mend: see `review verify LOG`",
            );
            return Ok(ExitCode::BadLog);
        }
        if record::files(&path)?.is_empty() {
            output::note(NO_LOG_YET);
        }
        let lines: Vec<String> = verified.heads.iter().map(|head| format!("{head}\n")).collect();
        output::data(&lines.concat())?;
        Ok(ExitCode::Passes)
    }
}

/// What each digest of the log was taken of.
pub type Documents = BTreeMap<Digest<of::Change>, std::sync::Arc<Document>>;

/// What a change does, from its record: the action and its fields.
pub(super) fn what(document: &Document) -> Sentence {
    let to = match document.action.raw() {
        "revoke" => " from ",
        "adjust" => " of ",
        _ => " to ",
    };
    // In the order in which people say it; what is not in this list follows under its own name.
    let order = [
        ("role", " role "),
        ("member_of", " membership of "),
        ("include", " include "),
        ("permission", " permission "),
        ("from", " from "),
        ("to", to),
        ("via", " via "),
        ("scope", " in "),
        ("ttl", " for "),
        ("until", " until "),
        ("mode", ", "),
    ];
    let mut says = Sentence::new().name(&document.action);
    for (wanted, word) in order {
        if let Some((_, field)) = document.fields.iter().find(|(name, _)| *name == wanted) {
            says = says.own(word).then(part(field));
        }
    }
    for (name, field) in document.fields.iter().filter(|(name, _)| order.iter().all(|(said, _)| said != name)) {
        says = says.own(format!(" {name} ")).then(part(field));
    }
    says
}

fn part(field: &Field) -> Sentence {
    match field {
        Field::Text(text) => Sentence::new().name(text),
        Field::Seconds(seconds) => Sentence::of(Span::from_seconds(*seconds).to_string()),
        Field::List(list) => Sentence::of(format!("({})", list.len())),
        Field::Map(map) => {
            let says = map
                .iter()
                .fold(Sentence::of("{"), |says, (name, field)| says.own(format!(" {name} ")).then(part(field)));
            says.own(" }")
        }
    }
}

fn session(view: &SessionView) -> SessionRow {
    let mut verdicts: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut plans = BTreeSet::new();
    for row in decisions(view, &Documents::new()) {
        *verdicts.entry(row.verdict).or_default() += 1;
        plans.insert(row.plan);
    }
    SessionRow {
        session: Text::from(view.header.session.to_string()),
        kind: match view.header.kind {
            SessionKind::Review => "review",
            SessionKind::Record => "record",
        },
        sealed: Some(view.seal.value.at),
        writer: view.seal.value.principal.text(),
        key: view.seal.value.fingerprint.clone(),
        plans: plans.into_iter().collect(),
        verdicts,
        standing: Sentence::of(if view.signer.is_some() { "verified" } else { "does not verify" }),
    }
}

fn decisions(view: &SessionView, documents: &Documents) -> Vec<DecisionRow> {
    let who = view.header.writer.principal.text();
    let session = Text::from(view.header.session.to_string());
    let mut rows = Vec::new();
    for line in &view.lines {
        let row = match &line.value {
            Line::Decision(d) => DecisionRow {
                session: session.clone(),
                at: d.at,
                plan: d.plan.text(),
                change: d.change.text(),
                sentence: documents.get(&d.digest).map_or_else(Sentence::new, |document| what(document)),
                verdict: match d.verdict {
                    Verdict::Approve => "approve",
                    Verdict::Reject => "reject",
                    Verdict::Override => "override",
                },
                steps: d.steps.clone(),
                who: who.clone(),
                reason: d.reason.clone(),
                privileged: d.privileged.is_some(),
            },
            Line::Auto(a) => row(&session, a.at, (&a.plan, &a.change), "auto", &who),
            Line::Export(e) => row(&session, e.at, (&e.plan, &e.change), "export", &who),
            Line::Result(r) => row(&session, r.at, (&r.plan, &r.change), "result", &who),
            Line::Session(_)
            | Line::Blob(_)
            | Line::Plan(_)
            | Line::Policies(_)
            | Line::Evaluation(_)
            | Line::Seal(_)
            | Line::Sig(_) => continue,
        };
        rows.push(row);
    }
    rows
}

fn row(
    session: &Text,
    at: crate::input::time::Time,
    (plan, change): (&crate::input::id::PlanId, &crate::input::id::ChangeId),
    verdict: &'static str,
    who: &Text,
) -> DecisionRow {
    DecisionRow {
        session: session.clone(),
        at,
        plan: plan.text(),
        change: change.text(),
        sentence: Sentence::new(),
        verdict,
        steps: Vec::new(),
        who: who.clone(),
        reason: None,
        privileged: false,
    }
}
