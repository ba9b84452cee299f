//! Reports about a log: what it holds, and whether it verifies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::app::record::log_reader;
use crate::decision::digest::Document;
use crate::decision::exit::ExitCode;
use crate::decision::fields::Field;
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::text::Text;
use crate::input::time::Span;
use crate::log::line::{Line, SessionKind, Verdict};
use crate::log::verify::answers::{Integrity, SessionView, Verification};
use crate::report::model::{Body, Report};
use crate::report::record::{DecisionRow, SessionRow};
use crate::report::sentence::Sentence;

/// That nobody knows whether recorders are people.
#[must_use]
pub fn unchecked(file: &str) -> Finding {
    let message = "nobody said who is a person, so it was not checked that no recorder is one";
    let help = "name a people.yaml with `--people`";
    Finding::new(Code::LogRecordersUnchecked, message).at(&Place::file(file)).help(help)
}

/// What the four answers come to.
#[must_use]
pub fn exit_code(verified: &Verification) -> ExitCode {
    if verified.session_count > 0 && verified.holds() { ExitCode::Passes } else { ExitCode::BadLog }
}

pub(crate) fn verdict(verified: &Verification, code: ExitCode) -> Sentence {
    Sentence::of(match (code, verified.integrity) {
        (ExitCode::Passes, _) => "the log is intact and authentic",
        _ if verified.session_count == 0 => "the log holds no session",
        (_, Integrity::Broken) => "the log does not verify: it is not what was written",
        (_, Integrity::Intact) => "the log does not verify",
    })
}

/// Says why nothing is appended to this log.
#[must_use]
pub fn bad_log(log: &Path, verified: &Verification) -> Report {
    Report {
        command: "verify",
        exit_code: ExitCode::BadLog.code(),
        verdict: Sentence::of("the log does not verify, so nothing is added to it"),
        findings: crate::app::site::fault_report::reported(&verified.findings, &BTreeMap::new()),
        body: Body::Verify(log_reader::report(log, verified)),
        next: Vec::new(),
    }
}

/// What each digest of the log was taken of.
pub type Documents = BTreeMap<Digest<of::Change>, std::sync::Arc<Document>>;

/// What a change does, from its record: the action and its fields.
pub(crate) fn what(document: &Document) -> Sentence {
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

pub(crate) fn part(field: &Field) -> Sentence {
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

pub(crate) fn session(view: &SessionView) -> SessionRow {
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

pub(crate) fn decisions(view: &SessionView, documents: &Documents) -> Vec<DecisionRow> {
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

pub(crate) fn row(
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
