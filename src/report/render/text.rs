//! The review in plain text, suitable for a pull request.
//!
//! Shows the verdict, findings, the plans with a card per change, totals, and next steps.

use super::{card, findings, sheets, table};
use crate::report::layout::{Page, StyledSpan, spans};
use crate::report::model::{Body, ChangeReport, PlanReport, Report, Totals};
use crate::report::record::SnapshotReport;
use crate::report::sentence::{Sentence, counted, how_many, number};
use crate::report::style::{Label, Style};
use crate::report::target;

/// The report as text.
#[must_use]
pub fn render(report: &Report, style: &Style) -> String {
    let mut page = Page::new(style);
    findings::put_beside_cards(&mut page, style, report);
    match &report.body {
        Body::Plans(plans) => {
            for plan in plans {
                put_plan(&mut page, style, plan);
            }
        }
        Body::Snapshot(snapshot) => put_snapshot(&mut page, style, snapshot),
        Body::Sheets(it) => {
            page.gap();
            sheets::put_about(&mut page, &it.about);
            it.sheets.iter().for_each(|sheet| sheets::put(&mut page, style, sheet));
        }
        Body::Findings | Body::Verify(_) | Body::Log(_) | Body::Access(_) => {}
    }
    close(&mut page, report);
    page.render(style)
}

/// The verdict and the next steps, at the end of every text.
pub fn close(page: &mut Page, report: &Report) {
    page.gap();
    let label = if report.exit_code == 0 { Label::Pass } else { Label::Stop };
    let front = StyledSpan::own(label, format!("{}: ", report.command));
    let mut verdict = spans(Label::Heading, &report.verdict);
    verdict.push(StyledSpan::own(Label::Quiet, format!(" (exit {})", report.exit_code)));
    page.para_from(front, &verdict);
    for next in &report.next {
        page.para_from(StyledSpan::own(Label::Note, "next: "), &spans(Label::Plain, next));
    }
}

/// The proposer, the intent and the sponsor.
pub fn put_head(page: &mut Page, plan: &PlanReport) {
    page.gap();
    page.rule(&format!("plan {}", plan.id.text().terminal()));
    put_proposer(page, plan);
    let file = Sentence::of(format!("expires {}; ", plan.expires)).name(&plan.file);
    page.para("", &spans(Label::Plain, &file.own(format!(", sha256 {}", plan.digest.short()))));
    page.para("", &[StyledSpan::own(Label::Plain, "intent, in the assistant's words:")]);
    page.quoted("  │ ", &plan.intent);
}

/// The proposer, how that was proven, and the sponsor.
pub fn put_proposer(page: &mut Page, plan: &PlanReport) {
    let mut by = Sentence::new().name(&plan.proposer);
    if !plan.authenticated.is_empty() {
        by = by.own(" (").then(plan.authenticated.clone()).own(")");
    }
    by = by.maybe(plan.sponsor.as_ref(), |s, who| s.own(", on behalf of ").name(who));
    by = by.maybe(plan.task.as_ref(), |s, task| s.own(", for task ").name(task));
    page.para("proposed by ", &spans(Label::Plain, &by));
    if !plan.targets.is_empty() {
        page.para("target: ", &spans(Label::Plain, &target::targets(&plan.targets)));
    }
}

fn put_plan(page: &mut Page, style: &Style, plan: &PlanReport) {
    put_head(page, plan);
    for policy in &plan.policies {
        card::put_policy(page, policy);
    }
    page.gap();
    let rows: Vec<Vec<String>> = plan.changes.iter().map(row).collect();
    if rows.len() > 1 {
        table::put(page, style, &["change", "outcome", "what it does", "gains", "loses"], &rows);
    }
    sums(page, &plan.totals);
    for (at, change) in plan.changes.iter().enumerate() {
        card::put(page, plan, change, &format!("{} of {}", at + 1, plan.changes.len()));
    }
}

fn row(change: &ChangeReport) -> Vec<String> {
    let privileged = if change.privileged.is_empty() { "" } else { ", privileged" };
    let eligible = match change.gained_eligible.total {
        0 => String::new(),
        n => format!(" (+{} eligible)", number(n)),
    };
    vec![
        change.id.text().terminal(),
        format!("{}{privileged}", change.outcome.word()),
        change.sentence.terminal(),
        format!("{}{eligible}", number(change.gained.total)),
        number(change.lost.total),
    ]
}

/// The totals of a plan. Zero counts are left out, except those of gains and losses.
pub fn sums(page: &mut Page, totals: &Totals) {
    let needs = if totals.needs == 1 { "needs a person" } else { "need a person" };
    let line = listed(&[
        (totals.denied, "denied"),
        (totals.needs, needs),
        (totals.auto, "automatic"),
        (totals.privileged, "privileged"),
    ]);
    let changes = counted(totals.changes, "change", "changes");
    let line = if line.is_empty() { changes } else { format!("{changes}: {line}") };
    page.para("", &[StyledSpan::own(Label::Plain, line)]);
    let mut line = format!("whole plan: {} gained", counted(totals.gained, "access", "accesses"));
    let more = listed(&[
        (totals.gained_privileged, "privileged"),
        (totals.gained_eligible, "more eligible"),
        (totals.emergent, "only together"),
    ]);
    if !more.is_empty() {
        line.push_str(&format!(" ({more})"));
    }
    line.push_str(&format!(", {} lost; affects {}", number(totals.lost), how_many(totals.identities, totals.at_least)));
    page.para("", &[StyledSpan::own(Label::Plain, line)]);
}

fn listed(counts: &[(u64, &str)]) -> String {
    let said = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", number(*n)));
    said.collect::<Vec<_>>().join(", ")
}

fn put_snapshot(page: &mut Page, style: &Style, snapshot: &SnapshotReport) {
    page.gap();
    let line = Sentence::of("snapshot ")
        .name(&snapshot.file)
        .own(" of ")
        .name(&snapshot.source)
        .own(format!(", taken at {}, sha256 {}", snapshot.taken_at, snapshot.digest));
    page.para("", &spans(Label::Plain, &line));
    page.para("target: ", &spans(Label::Plain, &target::targets(&snapshot.targets)));
    let rows: Vec<Vec<String>> =
        snapshot.counts.iter().map(|(what, n)| vec![what.replace('_', " "), number(*n)]).collect();
    table::put(page, style, &["what", "how many"], &rows);
    snapshot.sheets.iter().for_each(|sheet| sheets::put(page, style, sheet));
}
