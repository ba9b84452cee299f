//! `review log show --change`: all entries of the log about one change, in chronological order.
//!
//! For each change with that id in a verified log: its evaluations, decisions, exports, results and freezes, ordered by the
//! claimed times of their sessions, and for equal times parents first. For a single change, what its last decision led to.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::app::audit::audited_log::AuditedLog;
use crate::app::audit::decided::Decided;
use crate::app::audit::{decided, lifecycle};
use crate::decision::digest::ChangeDocument;
use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, PlanId};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::blob::Values;
use crate::log::line::{Applied, Evaluation, FreezeKind, Line, PolicyOutcome, Value, Verdict};
use crate::log::verify::answers::{SessionView, Verification};
use crate::report::audit::AuditOutcome;
use crate::report::sentence::{Sentence, counted, together};
use crate::report::sheet::{Cell, Column, Sheet, Sheets};

/// The change to show.
pub struct Wanted<'a> {
    /// The plan; `None`: any.
    pub plan: Option<&'a str>,
    /// The change.
    pub change: &'a str,
}

/// An event in the history of a change.
struct Event {
    at: Time,
    what: &'static str,
    who: Text,
    says: Sentence,
    /// None for a freeze or thaw.
    digest: Option<Digest<of::Change>>,
    session: Text,
}

const COLUMNS: &[Column] = &[
    ("at", "when"),
    ("what", "what"),
    ("who", "who"),
    ("says", "says"),
    ("effect", "effect"),
    ("digest", ""),
    ("session", ""),
];

/// The history of every change with that id; `None` if the log contains none.
#[must_use]
pub(crate) fn tell(
    wanted: &Wanted<'_>,
    log: &AuditedLog<'_>,
    documents: &crate::app::present::log_report::Documents,
) -> Option<Sheets> {
    let verified = log.verified;
    let mut stories: BTreeMap<(PlanId, ChangeId), Vec<Event>> = BTreeMap::new();
    for view in &verified.sessions {
        for line in &view.lines {
            let Some((plan, change, event)) = event(view, &line.value, &log.values) else { continue };
            if change.as_str() == wanted.change && wanted.plan.is_none_or(|id| id == plan.as_str()) {
                stories.entry((plan.clone(), change.clone())).or_default().push(event);
            }
        }
    }
    if stories.is_empty() {
        return None;
    }
    for ((plan, _), events) in &mut stories {
        let document = events.iter().rev().find_map(|event| documents.get(&event.digest?));
        let frozen = freezes(verified, plan, document.map(|it| &**it));
        events.extend(frozen);
        events.sort_by_key(|event| event.at);
    }
    let mut sheets = Sheets::default();
    for ((plan, change), events) in &stories {
        about(&mut sheets, plan, change, events, documents);
        if stories.len() == 1 {
            sheets.about.extend(outcome_of(log, plan, change));
        }
        sheets.sheets.push(sheet(plan, events, stories.len() > 1));
    }
    if stories.len() > 1 {
        // WHY: keys are unique. If several plans have a change with that id, each row names its plan instead.
        sheets.about.retain(|(key, ..)| *key == "change");
        sheets.about.truncate(1);
        let rows = std::mem::take(&mut sheets.sheets).into_iter().flat_map(|sheet| sheet.rows).collect();
        sheets.sheets.push(Sheet { rows, columns: SEVERAL, ..sheet_of(Vec::new()) });
    }
    Some(sheets)
}

const SEVERAL: &[Column] = &[
    ("plan", "plan"),
    ("at", "when"),
    ("what", "what"),
    ("who", "who"),
    ("says", "says"),
    ("effect", "effect"),
    ("digest", ""),
    ("session", ""),
];

fn sheet_of(rows: Vec<Vec<Cell>>) -> Sheet {
    Sheet {
        key: "story",
        title: "History, with times from the writers' clocks; effects are numbered in order of appearance",
        columns: COLUMNS,
        rows,
        none: "nothing",
    }
}

fn sheet(plan: &PlanId, events: &[Event], with_plan: bool) -> Sheet {
    let mut effects: Vec<Digest<of::Change>> = Vec::new();
    let rows = events.iter().map(|event| {
        // Effects are numbered in order of appearance, so that a decision on a different effect is visible.
        let number = event.digest.map(|digest| {
            effects.iter().position(|known| *known == digest).unwrap_or_else(|| {
                effects.push(digest);
                effects.len().saturating_sub(1)
            })
        });
        let mut row = vec![
            Cell::Time(event.at),
            Cell::Word(event.what),
            Cell::Text(event.who.clone()),
            Cell::Says(event.says.clone()),
            number.map_or(Cell::Absent, |number| Cell::Number(number.saturating_add(1) as u64)),
            Cell::maybe(event.digest.map(|digest| Text::from(digest.to_string()))),
            Cell::Text(event.session.clone()),
        ];
        if with_plan {
            row.insert(0, Cell::Text(plan.text()));
        }
        row
    });
    sheet_of(rows.collect())
}

fn about(
    sheets: &mut Sheets,
    plan: &PlanId,
    change: &ChangeId,
    events: &[Event],
    documents: &crate::app::present::log_report::Documents,
) {
    sheets.about.push(("change", "change", Cell::Text(change.text())));
    sheets.about.push(("plan", "plan", Cell::Text(plan.text())));
    let Some(document) = events.iter().rev().find_map(|event| documents.get(&event.digest?)) else { return };
    let document: &ChangeDocument = document;
    let effect = &document.effect;
    let gains = Sentence::of(format!(
        "{} gained, {} lost, {} eligible{}",
        counted(effect.gained.len() as u64, "access", "accesses"),
        effect.lost.len(),
        effect.gained_eligible.len(),
        if document.privileged { "; privileged" } else { "" }
    ));
    sheets.about.extend([
        ("summary", "what it does", Cell::Says(crate::app::present::log_report::what(document))),
        ("effect", "effect", Cell::Says(gains)),
        ("proposer", "proposed by", Cell::Text(document.proposer.text())),
        ("on_behalf_of", "on behalf of", Cell::maybe(document.sponsor.as_ref().map(crate::input::id::Id::text))),
        ("task", "task", Cell::maybe(document.task.as_ref().map(crate::input::id::Id::text))),
        ("intent", "intent, in the assistant's words", Cell::Text(document.intent.clone())),
        ("reason", "why, in the assistant's words", Cell::Text(document.reason.clone())),
    ]);
}

fn event<'l>(view: &SessionView, line: &'l Line, values: &Values) -> Option<(&'l PlanId, &'l ChangeId, Event)> {
    let who = view.header.writer.principal.text();
    let session = Text::from(view.header.session.to_string());
    let make = |at, what, says, digest| Event {
        at,
        what,
        who: who.clone(),
        says,
        digest: Some(digest),
        session: session.clone(),
    };
    Some(match line {
        // WHY: a session evaluates a plan when it begins; the plan may have been received long before.
        Line::Evaluation(it) => (&it.plan, &it.change, make(view.header.at, "evaluated", outcome(it), it.digest)),
        Line::Decision(it) => {
            let what = match it.verdict {
                Verdict::Approve => "approved",
                Verdict::Reject => "rejected",
                Verdict::Override => "override",
            };
            let mut says = Sentence::new();
            if !it.steps.is_empty() {
                says = says.own("as ").names(&it.steps);
            }
            says = says.maybe(it.grouped, |s, n| s.own("; ").own(together(n.get())));
            if !it.set_aside.is_empty() {
                let policies: Vec<Text> = it.set_aside.iter().map(crate::input::id::Id::text).collect();
                says = says.own("; sets aside ").names(&policies);
            }
            if !it.lifts.is_empty() {
                says = says.own(format!("; helps to lift {}", counted(it.lifts.len() as u64, "reject", "rejects")));
            }
            says = says.maybe(it.privileged.as_ref(), |s, name| s.own("; privileged, by name ").name(name));
            says = says.maybe(it.reason.as_ref(), |s, why| s.own("; why: ").name(why));
            (&it.plan, &it.change, make(it.at, what, says, it.digest))
        }
        Line::Auto(it) => {
            let policies: Vec<Text> = it.policies.iter().map(crate::input::id::Id::text).collect();
            let says = Sentence::of("automatic, by ").names(&policies);
            (&it.plan, &it.change, make(it.at, "automatic", says, it.digest))
        }
        Line::Export(it) => {
            let says = Sentence::of(format!(
                "exported on {}, in a file with sha256 {}",
                counted(it.decisions.len() as u64, "decision", "decisions"),
                it.output.short()
            ));
            let says = says.maybe(it.rollback, |s, plan| s.own(format!("; sha256 {} undoes it", plan.short())));
            (&it.plan, &it.change, make(it.at, "exported", says, it.digest))
        }
        Line::Result(it) => {
            let says = Sentence::of(match it.outcome {
                Applied::Applied => "done as approved",
                Applied::Beyond => "more was done than was approved",
                Applied::Failed => "the executor reported a failure",
                Applied::Missing => "not done",
                Applied::Partly => "partly applied",
            });
            let says = says.maybe(it.snapshot.as_ref(), |s, shot| {
                s.own(format!(", by the snapshot {} taken at {}", shot.sha256.short(), shot.taken_at))
            });
            let says = says.maybe(it.detail.as_ref(), |s, detail| s.own("; ").then(described(detail, values)));
            (&it.plan, &it.change, make(it.at, "result", says, it.digest))
        }
        Line::Session(_)
        | Line::Blob(_)
        | Line::Plan(_)
        | Line::Policies(_)
        | Line::Freeze(_)
        | Line::Thaw(_)
        | Line::Baseline(_)
        | Line::Recertification(_)
        | Line::Withdrawal(_)
        | Line::Seal(_)
        | Line::Sig(_) => {
            return None;
        }
    })
}

/// What a result says in addition.
#[derive(Default, Deserialize)]
struct ResultDetail {
    #[serde(default)]
    beyond: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    lost: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    note: Option<Text>,
    #[serde(default)]
    evidence: Option<EvidenceDetail>,
    #[serde(default)]
    undone: bool,
}

#[derive(Deserialize)]
struct EvidenceDetail {
    name: Text,
    sha256: Text,
}

fn described(detail: &Value, values: &Values) -> Sentence {
    let bytes = match detail {
        Value::Inline(text) => text.raw().as_bytes(),
        Value::Blob(digest) => values.get(digest).unwrap_or_default(),
    };
    let Ok(detail) = serde_json::from_slice::<ResultDetail>(bytes) else {
        return Sentence::of("its detail cannot be read");
    };
    let mut parts = Vec::new();
    if detail.undone {
        parts.push(Sentence::of("it was applied and has since been undone"));
    }
    let number = |n: usize| counted(n as u64, "access", "accesses");
    if !detail.beyond.is_empty() {
        parts.push(Sentence::of(format!("{} that no one approved", number(detail.beyond.len()))));
    }
    if !detail.lost.is_empty() {
        parts.push(Sentence::of(format!("{} lost that no one approved to remove", number(detail.lost.len()))));
    }
    parts.extend(detail.note.map(|note| Sentence::new().prose(&note)));
    parts
        .extend(detail.evidence.map(|it| Sentence::of("evidence ").name(&it.name).own(" of sha256 ").name(&it.sha256)));
    parts.into_iter().enumerate().fold(
        Sentence::new(),
        |all, (at, part)| {
            if at == 0 { part } else { all.own("; ").then(part) }
        },
    )
}

/// The freezes that name this change, its plan, proposer or task, and their thaws.
fn freezes(verified: &Verification, plan: &PlanId, document: Option<&ChangeDocument>) -> Vec<Event> {
    let mut named: BTreeSet<Digest<of::Line>> = BTreeSet::new();
    let mut found = Vec::new();
    for view in &verified.sessions {
        let mut add = |at, what, says: Sentence, reason: &Text| {
            let session = Text::from(view.header.session.to_string());
            let (who, says) = (view.header.writer.principal.text(), says.own(", why: ").name(reason));
            found.push(Event { at, what, who, says, digest: None, session });
        };
        for line in &view.lines {
            if let Line::Freeze(it) = &line.value {
                let is = |id: Option<&str>| it.name.as_ref().map(Text::raw) == id;
                let stops = match it.kind {
                    FreezeKind::All => true,
                    FreezeKind::Agent => is(document.map(|it| it.proposer.as_str())),
                    FreezeKind::Plan => is(Some(plan.as_str())),
                    FreezeKind::Task => {
                        document.is_some_and(|it| is(it.task.as_ref().map(crate::input::id::Id::as_str)))
                    }
                };
                if stops {
                    named.insert(line.digest);
                    add(it.at, "frozen", Sentence::of(format!("{} until {}", it.kind.word(), it.until)), &it.reason);
                }
            }
            if let Line::Thaw(it) = &line.value
                && named.contains(&it.freeze)
            {
                add(it.at, "thawed", Sentence::of("agrees to end the freeze"), &it.reason);
            }
        }
    }
    found
}

/// What the last decision on a change led to: the approvers, the export, the result, the end, and the removal.
fn outcome_of(log: &AuditedLog<'_>, plan: &PlanId, change: &ChangeId) -> Vec<(&'static str, &'static str, Cell)> {
    let mut all = decided::all(log);
    lifecycle::follow(log, &mut all);
    let mine: Vec<&Decided> = all.iter().filter(|it| it.key.0 == *plan && it.key.1 == *change).collect();
    let Some(last) = mine.last() else { return Vec::new() };
    let same: Vec<&&Decided> = mine.iter().filter(|it| it.key.2 == last.key.2).collect();
    let of = |outcome: AuditOutcome| {
        let people = same.iter().filter(|it| it.row.outcome == outcome).filter_map(|it| it.row.approver.clone());
        let people: BTreeSet<Text> = people.collect();
        Cell::List(people.into_iter().collect())
    };
    let latest = |of: &dyn Fn(&Decided) -> Option<Time>| same.iter().filter_map(|it| of(it)).max();
    let (exported, removed) = (latest(&|it| it.row.exported), latest(&|it| it.row.removed_at));
    let end = last.parts.end(last.applied.or(exported));
    let ends = end.map_or_else(|| Cell::maybe(last.parts.end_shown()), Cell::Time);
    vec![
        ("approved_by", "approved by", of(AuditOutcome::Approved)),
        ("rejected_by", "rejected by", of(AuditOutcome::Rejected)),
        ("overridden_by", "overridden by", of(AuditOutcome::Override)),
        ("exported", "exported", Cell::at(exported)),
        ("result", "result", same.iter().rev().find_map(|it| it.row.result).map_or(Cell::Absent, Cell::Word)),
        ("ends", "ends", ends),
        ("removed_at", "removed", Cell::at(removed)),
        ("late_by", "late by, in seconds", last.row.late_by.map_or(Cell::Absent, Cell::Number)),
    ]
}

fn outcome(it: &Evaluation) -> Sentence {
    let mut says = match it.outcome {
        PolicyOutcome::Auto => Sentence::of("automatic by policy"),
        PolicyOutcome::Denied => Sentence::of("policy denies it"),
        PolicyOutcome::Needs => Sentence::of("needs ").names(&it.steps),
    };
    if !it.determining.is_empty() {
        let policies: Vec<Text> = it.determining.iter().map(crate::input::id::Id::text).collect();
        says = says.own("; by ").names(&policies);
    }
    if !it.emergent.is_empty() {
        let n = counted(it.emergent.len() as u64, "piece", "pieces");
        says = says.own(format!("; part of {n} that several changes give together"));
    }
    says
}
