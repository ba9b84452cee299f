//! `review log show --change`: all entries of the log about one change, in chronological order.
//!
//! For each change with that id in a verified log: its evaluations, decisions, exports and results, ordered by the
//! claimed times of their sessions, and for equal times parents first.

use std::collections::BTreeMap;

use crate::decision::digest::ChangeDocument;
use crate::input::digest::{Digest, of};
use crate::input::id::{ChangeId, PlanId};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::{Applied, Evaluation, Line, PolicyOutcome, Verdict};
use crate::log::verify::answers::{SessionView, Verification};
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
    digest: Digest<of::Change>,
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
pub fn tell(
    wanted: &Wanted<'_>,
    verified: &Verification,
    documents: &crate::app::present::log_report::Documents,
) -> Option<Sheets> {
    let mut stories: BTreeMap<(PlanId, ChangeId), Vec<Event>> = BTreeMap::new();
    for view in &verified.sessions {
        for line in &view.lines {
            let Some((plan, change, event)) = event(view, &line.value) else { continue };
            if change.as_str() == wanted.change && wanted.plan.is_none_or(|id| id == plan.as_str()) {
                stories.entry((plan.clone(), change.clone())).or_default().push(event);
            }
        }
    }
    if stories.is_empty() {
        return None;
    }
    for events in stories.values_mut() {
        events.sort_by_key(|event| event.at);
    }
    let mut sheets = Sheets::default();
    for ((plan, change), events) in &stories {
        about(&mut sheets, plan, change, events, documents);
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
        let number = effects.iter().position(|known| *known == event.digest).unwrap_or_else(|| {
            effects.push(event.digest);
            effects.len().saturating_sub(1)
        });
        let mut row = vec![
            Cell::Time(event.at),
            Cell::Word(event.what),
            Cell::Text(event.who.clone()),
            Cell::Says(event.says.clone()),
            Cell::Number(number.saturating_add(1) as u64),
            Cell::Text(Text::from(event.digest.to_string())),
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
    let Some(document) = events.iter().rev().find_map(|event| documents.get(&event.digest)) else { return };
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

fn event<'l>(view: &SessionView, line: &'l Line) -> Option<(&'l PlanId, &'l ChangeId, Event)> {
    let who = view.header.writer.principal.text();
    let session = Text::from(view.header.session.to_string());
    let make = |at, what, says, digest| Event { at, what, who: who.clone(), says, digest, session: session.clone() };
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
            (&it.plan, &it.change, make(it.at, "result", says, it.digest))
        }
        Line::Session(_)
        | Line::Blob(_)
        | Line::Plan(_)
        | Line::Policies(_)
        | Line::Freeze(_)
        | Line::Thaw(_)
        | Line::Seal(_)
        | Line::Sig(_) => {
            return None;
        }
    })
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
