//! `access`: which subjects can do something, by which paths, and what prevents it.

use schemars::JsonSchema;
use serde::Serialize;

use super::{findings, text};
use crate::access::model::facts::{Access, Exception, PathStep};
use crate::input::id::{Id, Subject};
use crate::input::text::Text;
use crate::report::asked::{AccessReport, AccessRow, WayRow};
use crate::report::layout::{Page, StyledSpan, spans};
use crate::report::model::Report;
use crate::report::sentence::{self, Sentence, counted};
use crate::report::style::{Label, Style};
use crate::report::target::{self, TargetReport};

/// The answers as text.
#[must_use]
pub fn render(report: &Report, asked: &AccessReport, style: &Style) -> String {
    let mut page = Page::new(style);
    findings::put(&mut page, style, &report.findings);
    if asked.targets.iter().any(|target| target.id.is_some()) {
        page.para("target: ", &spans(Label::Plain, &target::targets(&asked.targets)));
    }
    for row in &asked.rows {
        put_row(&mut page, asked, row);
    }
    text::close(&mut page, report);
    page.render(style)
}

fn put_row(page: &mut Page, asked: &AccessReport, row: &AccessRow) {
    page.gap();
    let head = match &asked.wish {
        Some(_) => sentence::subject(&row.subject).own(format!(": {}", row.verdict.word())),
        None => sentence::subject(&row.subject)
            .own(format!(": {}", counted(u64::try_from(row.accesses).unwrap_or(u64::MAX), "access", "accesses"))),
    };
    page.para("", &spans(Label::Heading, &head));
    let mut last = None;
    for way in row.ways.iter().take(asked.shown) {
        // Several paths to one access are listed below it.
        if last.replace((&way.access, way.eligible)) != Some((&way.access, way.eligible)) {
            let eligible = if way.eligible { " (once activated)" } else { "" };
            page.para("  ", &spans(Label::Plain, &sentence::access(&way.access).own(eligible)));
        }
        page.para_from(
            StyledSpan::own(Label::Quiet, "    through: "),
            &spans(Label::Plain, &sentence::path(&way.path)),
        );
    }
    let left = row.ways.len().saturating_sub(asked.shown).saturating_add(row.more);
    if left > 0 {
        let more = counted(u64::try_from(left).unwrap_or(u64::MAX), "access", "accesses");
        page.para("  ", &[StyledSpan::own(Label::Quiet, format!("and {more} more; `--all` shows them"))]);
    }
    for taken in &row.taken {
        page.para_from(StyledSpan::own(Label::Note, "  denied: "), &spans(Label::Plain, &exception(taken)));
    }
    if let Some(account) = &row.closed {
        let why = Sentence::of("the resource belongs to account ")
            .name(account)
            .own("; access from another account also needs its permission, and the import contains none");
        page.para_from(StyledSpan::own(Label::Note, "  closed: "), &spans(Label::Plain, &why));
    }
}

fn exception(e: &Exception) -> Sentence {
    let mut out = Sentence::new().name(&e.action).own(" on ").name(&e.resource).own(" ");
    out = out.then(sentence::scope(e.scope.as_ref()));
    for (at, left) in e.except.iter().enumerate() {
        out = out.own(if at == 0 { ", but not " } else { ", " }).name(&left.action).own(" on ").name(&left.resource);
    }
    let out = out.maybe(e.condition.as_ref(), |s, condition| s.own(", if ").name(condition));
    out.maybe(e.until, |s, until| s.own(format!(" until {until}")))
}

/// The answers as JSON holds them, under `access`.
#[derive(Serialize, JsonSchema)]
pub(super) struct AccessOut<'r> {
    access: Asked<'r>,
}

#[derive(Serialize, JsonSchema)]
struct Asked<'r> {
    snapshot: &'r Text,
    taken_at: String,
    targets: &'r [TargetReport],
    who: Option<&'r Text>,
    action: Option<&'r Text>,
    resource: Option<&'r Text>,
    scope: Option<&'r str>,
    answers: Vec<RowOut<'r>>,
}

#[derive(Serialize, JsonSchema)]
struct RowOut<'r> {
    who: &'r str,
    kind: &'static str,
    answer: &'static str,
    ways: Vec<WayOut<'r>>,
    #[serde(skip_serializing_if = "is_zero")]
    ways_not_listed: usize,
    #[schemars(with = "Vec<serde_json::Value>")]
    denied: &'r [Exception],
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_by_account: Option<&'r Text>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

#[derive(Serialize, JsonSchema)]
struct WayOut<'r> {
    answer: &'static str,
    #[serde(flatten)]
    #[schemars(with = "super::access_form::AccessForm")]
    access: &'r Access,
    eligible: bool,
    path: Vec<PathStepOut<'r>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case")]
// WHY: the name in the published schema.
#[schemars(rename = "StepOut")]
pub(super) enum PathStepOut<'r> {
    MemberOf { group: &'r str, assignment: Option<&'r str> },
    Holds { role: &'r str, assignment: &'r str, mode: &'static str },
    Includes { role: &'r str },
    ActsAs { who: &'r str, trust: &'r str },
}

/// The steps of a way, typed.
pub(super) fn steps(path: &[PathStep]) -> Vec<PathStepOut<'_>> {
    fn step(step: &PathStep) -> PathStepOut<'_> {
        match step {
            PathStep::Member(group, by) => {
                PathStepOut::MemberOf { group: group.as_str(), assignment: by.as_ref().map(Id::as_str) }
            }
            PathStep::Holds(role, by, mode) => {
                PathStepOut::Holds { role: role.as_str(), assignment: by.as_str(), mode: mode.name() }
            }
            PathStep::Includes(role) => PathStepOut::Includes { role: role.as_str() },
            PathStep::ActsAs(who, trust) => PathStepOut::ActsAs { who: who.as_str(), trust: trust.as_str() },
        }
    }
    path.iter().map(step).collect()
}

/// The JSON form.
pub(super) fn json(asked: &AccessReport) -> AccessOut<'_> {
    let wish = asked.wish.as_ref();
    AccessOut {
        access: Asked {
            snapshot: &asked.file,
            taken_at: asked.taken_at.to_string(),
            targets: &asked.targets,
            who: asked.who.as_ref(),
            action: wish.map(|w| &w.action),
            resource: wish.map(|w| &w.resource),
            scope: asked.scope.as_ref().map(Id::as_str),
            answers: asked.rows.iter().map(row).collect(),
        },
    }
}

fn row(row: &AccessRow) -> RowOut<'_> {
    RowOut {
        who: row.subject.as_str(),
        kind: match row.subject {
            Subject::Identity(_) => "identity",
            Subject::Group(_) => "group",
        },
        answer: row.verdict.word(),
        ways: row.ways.iter().map(way).collect(),
        ways_not_listed: row.more,
        denied: &row.taken,
        closed_by_account: row.closed.as_ref(),
    }
}

fn way(way: &WayRow) -> WayOut<'_> {
    WayOut { answer: way.verdict.word(), access: &way.access, eligible: way.eligible, path: steps(&way.path) }
}
