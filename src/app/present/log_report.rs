//! Reports about a log: its contents, and whether it verifies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::app::record::log_reader;
use crate::decision::digest::ChangeDocument;
use crate::decision::exit::ExitCode;
use crate::decision::fields::{Field, Fields};
use crate::input::digest::{Digest, of};
use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::text::Text;
use crate::input::time::Span;
use crate::log::line::{Line, Recertification, RecertificationAnswer, SessionKind, Verdict};
use crate::log::verify::answers::{Integrity, SessionView, Verification};
use crate::report::model::{Body, Report};
use crate::report::record::{DecisionRow, SessionRow};
use crate::report::sentence::{Sentence, counted, number};

/// The finding that recorders could not be compared with people.
#[must_use]
pub fn unchecked(file: &str) -> Finding {
    let message = "without people.yaml, it was not checked that recorders are not people";
    let help = "name a people.yaml with `--people`";
    Finding::new(Code::LogRecordersUnchecked, message).at(&Place::file(file)).help(help)
}

/// The overall result of the four answers.
#[must_use]
pub fn exit_code(verified: &Verification) -> ExitCode {
    if verified.session_count > 0 && verified.holds() { ExitCode::Passes } else { ExitCode::BadLog }
}

pub(crate) fn verdict(verified: &Verification, code: ExitCode) -> Sentence {
    Sentence::of(match (code, verified.integrity) {
        (ExitCode::Passes, _) => "the log is intact and authentic",
        _ if verified.session_count == 0 => "the log has no session",
        (_, Integrity::Broken) => "the log does not verify: it was altered or is incomplete",
        (_, Integrity::Intact) => "the log does not verify",
    })
}

/// Reports why nothing is appended to this log.
#[must_use]
pub fn bad_log(log: &Path, verified: &Verification) -> Report {
    Report {
        command: "verify",
        exit_code: ExitCode::BadLog.code(),
        verdict: Sentence::of("the log does not verify, so nothing is appended to it"),
        findings: crate::app::site::fault_report::reported(&verified.findings, &BTreeMap::new()),
        body: Body::Verify(log_reader::report(log, verified)),
        next: Vec::new(),
    }
}

/// The document of each digest in the log.
pub type Documents = BTreeMap<Digest<of::Change>, std::sync::Arc<ChangeDocument>>;

/// A change in words, from its record: the action and its fields.
pub(crate) fn what(document: &ChangeDocument) -> Sentence {
    let to = match document.action.raw() {
        "revoke" => " from ",
        "adjust" => " of ",
        _ => " to ",
    };
    // The usual order of fields. Fields that are not in this list follow under their own names.
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
    says.then(gives(document))
}

fn part(field: &Field) -> Sentence {
    match field {
        Field::Text(text) => Sentence::new().name(text),
        Field::Seconds(seconds) => Sentence::of(Span::from_seconds(*seconds).to_string()),
        Field::List(list) => {
            let named = list.iter().take(NAMED).enumerate().fold(Sentence::of("("), |says, (at, field)| {
                says.own(if at == 0 { "" } else { "; " }).then(part(field))
            });
            let rest = list.get(NAMED..).unwrap_or_default();
            if rest.is_empty() { named.own(")") } else { named.own("; and ").then(kinds_of(rest)).own(")") }
        }
        Field::Map(map) => match permission(map) {
            Some(says) => says,
            None => map
                .iter()
                .fold(Sentence::of("{"), |says, (name, field)| says.own(format!(" {name} ")).then(part(field)))
                .own(" }"),
        },
    }
}

/// The maximum number of entries of a list that are named individually.
const NAMED: usize = 100;

/// A permission in words; `None` if these fields are not a permission.
fn permission(map: &Fields) -> Option<Sentence> {
    let text = |name: &str| match map.get(name) {
        Some(Field::Text(text)) => Some(text),
        Some(Field::Seconds(_) | Field::List(_) | Field::Map(_)) | None => None,
    };
    let (action, resource) = (text("action")?, text("resource")?);
    let effect = text("effect").map_or("", |effect| if effect.raw() == "deny" { "deny " } else { "" });
    let says = Sentence::of(effect).name(action).own(" on ").name(resource);
    let says = says.maybe(text("scope"), |says, scope| says.own(" in ").name(scope));
    let says = says.maybe(text("condition"), |says, condition| says.own(" if ").name(condition));
    Some(says.maybe(map.get("except"), |says, except| says.own(" except ").then(part(except))))
}

/// The number of entries of each kind, by the prefixes of their actions.
fn kinds_of(list: &[Field]) -> Sentence {
    counted_by(list.iter().map(|field| match field {
        Field::Map(map) => match map.get("action") {
            Some(Field::Text(action)) => action.raw(),
            Some(Field::Seconds(_) | Field::List(_) | Field::Map(_)) | None => "others",
        },
        Field::Text(text) => text.raw(),
        Field::Seconds(_) | Field::List(_) => "others",
    }))
}

/// The number of actions of each service, or with each name.
fn counted_by<'a>(actions: impl Iterator<Item = &'a str>) -> Sentence {
    let mut kinds: BTreeMap<Text, u64> = BTreeMap::new();
    for action in actions {
        let service = action.split_once(':').map_or(action, |(service, _)| service);
        *kinds.entry(Text::from(service)).or_default() += 1;
    }
    kinds.iter().enumerate().fold(Sentence::new(), |says, (at, (name, n))| {
        says.own(if at == 0 { "" } else { ", " }).own(format!("{} more of ", number(*n))).name(name)
    })
}

/// The accesses that a change gives, without subjects: named up to a limit, then counted.
fn gives(document: &ChangeDocument) -> Sentence {
    let mut all: Vec<&crate::access::model::facts::Access> = document.gains().map(|held| &held.access).collect();
    all.sort();
    all.dedup();
    let named = all.iter().take(NAMED).enumerate().fold(Sentence::new(), |says, (at, access)| {
        says.own(if at == 0 { "; gives " } else { ", " }).then(crate::report::sentence::access(access))
    });
    match all.get(NAMED..).unwrap_or_default() {
        [] => named,
        rest => named.own("; and ").then(counted_by(rest.iter().map(|access| access.action.raw()))),
    }
}

pub(crate) fn session(view: &SessionView) -> SessionRow {
    let mut verdicts: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut plans = BTreeSet::new();
    for row in decisions(view, &Documents::new()) {
        *verdicts.entry(row.verdict).or_default() += 1;
        if !row.plan.raw().is_empty() {
            plans.insert(row.plan);
        }
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
        standing: Sentence::of(match (&view.signer, &view.revoked_signer) {
            (Some(_), _) => "verified",
            (None, Some(_)) => "key revoked: only its rejections and freezes count",
            (None, None) => "does not count: key revoked or not allowed",
        }),
    }
}

/// The plan and change of a row that is about none.
/// An access and the answer about it: whether it is kept, and until when.
pub(crate) fn recertified(it: &Recertification) -> Sentence {
    let says = match it.described() {
        Some(access) => {
            let holds = if access.holds.raw() == "membership" { ": membership of " } else { ": role " };
            let says = Sentence::new().name(&access.who).own(holds).name(&access.what);
            says.maybe(access.scope.as_ref(), |says, scope| says.own(" in ").name(scope))
        }
        None => Sentence::of("an access that cannot be read"),
    };
    match (it.answer, it.until) {
        (RecertificationAnswer::Keep, Some(until)) => says.own(format!(", kept until {until}")),
        (RecertificationAnswer::Keep, None) => says.own(", kept"),
        (RecertificationAnswer::Revoke, _) => says.own(", to be revoked"),
        (RecertificationAnswer::Change, _) => says.own(", to be changed"),
    }
}

const NO_PLAN: &str = "";

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
            Line::Freeze(f) => DecisionRow {
                sentence: Sentence::of(format!("{} ", f.kind.word()))
                    .maybe(f.name.as_ref(), Sentence::name)
                    .own(format!(" until {}", f.until)),
                reason: Some(f.reason.clone()),
                ..row(&session, f.at, (&NO_PLAN.into(), &NO_PLAN.into()), "freeze", &who)
            },
            Line::Thaw(t) => DecisionRow {
                sentence: Sentence::of(format!("the freeze of line {}", t.freeze.short())),
                reason: Some(t.reason.clone()),
                ..row(&session, t.at, (&NO_PLAN.into(), &NO_PLAN.into()), "thaw", &who)
            },
            Line::Baseline(b) => DecisionRow {
                sentence: Sentence::of(format!(
                    "{} as inherited until {}, privileged until {}",
                    counted(b.count.get(), "access", "accesses"),
                    b.until,
                    b.until_privileged
                )),
                reason: Some(b.reason.clone()),
                ..row(&session, b.at, (&NO_PLAN.into(), &NO_PLAN.into()), "baseline", &who)
            },
            Line::Recertification(it) => DecisionRow {
                sentence: recertified(it),
                reason: it.reason.clone(),
                ..row(&session, it.at, (&NO_PLAN.into(), &NO_PLAN.into()), it.answer.word(), &who)
            },
            Line::Withdrawal(it) => DecisionRow {
                sentence: Sentence::of(format!("the baseline of line {}", it.baseline.short())),
                reason: Some(it.reason.clone()),
                ..row(&session, it.at, (&NO_PLAN.into(), &NO_PLAN.into()), "withdraw", &who)
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
