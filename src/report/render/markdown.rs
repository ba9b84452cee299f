//! Markdown for a comment on a pull request: a summary table, one collapsed section per change.
//!
//! INVARIANT: all external text is escaped by `Text::markdown` or `Sentence::markdown`. The tool's own markup never
//! occurs within a value.

use std::fmt::Write as _;

use super::card::claim_result;
use super::findings::word;
use super::sheets;
use crate::input::finding::{Code, ExceededLimit};
use crate::input::text::Text;
use crate::report::effects::AccessList;
use crate::report::groups::Bundle;
use crate::report::limits::Listed;
use crate::report::model::{Body, ChangeReport, PlanReport, PolicyReport, Report, Reported, State, StepState};
use crate::report::record::{LogReport, VerifyAnswer, VerifyReport};
use crate::report::sentence::{Sentence, counted, number};
use crate::report::sheet::Cell;

/// The maximum size in bytes of the findings, of one plan's table, of all tables and of all sections. A comment on a
/// pull request has at most 65,536 characters; a longer one is refused as a whole.
const FINDINGS: usize = 16 << 10;
const TABLE: usize = 24 << 10;
const TABLES: usize = 42 << 10;
const ALL: usize = 60 << 10;

/// The maximum number of facts of a kind in the section of a change, and of names of changes in one of them.
const MOST: usize = 20;

/// Adds lines while they fit below a limit, and then the number of those that did not.
fn fitting(out: &mut String, limit: usize, lines: impl Iterator<Item = String>, left: impl Fn(u64) -> String) {
    let mut missing = 0;
    for line in lines {
        if missing == 0 && out.len().saturating_add(line.len()) <= limit {
            out.push_str(&line);
        } else {
            missing += 1;
        }
    }
    if missing > 0 {
        out.push_str(&left(missing));
    }
}

/// The report as Markdown.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = format!("### review {}: {}\n\n", report.command, report.verdict.markdown());
    // WHY: the section of a change shows what it gives.
    let beside = report.findings.iter().filter(|it| it.finding.code != Code::ChangeGives);
    fitting(&mut out, FINDINGS, beside.map(finding), |n| {
        format!("- {} not listed here\n", counted(n, "finding is", "findings are"))
    });
    if !report.findings.is_empty() {
        out.push('\n');
    }
    match &report.body {
        Body::Plans(plans) => put_plans(&mut out, plans),
        Body::Verify(it) => put_verify(&mut out, it),
        Body::Log(it) => put_log(&mut out, it),
        Body::Snapshot(it) => {
            out.push_str("| what | how many |\n|---|---:|\n");
            for (what, n) in &it.counts {
                let _ = writeln!(out, "| {} | {} |", what.replace('_', " "), number(*n));
            }
            it.sheets.iter().for_each(|sheet| sheets::put_markdown(&mut out, sheet));
        }
        Body::Sheets(it) => {
            for (_, title, cell) in it.about.iter().filter(|(.., cell)| *cell != Cell::Absent) {
                let _ = writeln!(out, "{title}: {}<br>", sheets::markdown(cell));
            }
            it.sheets.iter().for_each(|sheet| sheets::put_markdown(&mut out, sheet));
        }
        Body::Access(it) => put_access(&mut out, it),
        Body::Findings => {}
    }
    for next in &report.next {
        let _ = writeln!(out, "\nNext: {}", next.markdown());
    }
    out
}

fn put_access(out: &mut String, asked: &crate::report::asked::AccessReport) {
    for row in &asked.rows {
        let _ =
            writeln!(out, "- {}: {}", crate::report::sentence::subject(&row.subject).markdown(), row.verdict.word());
        for way in row.ways.iter().take(asked.shown) {
            let through = crate::report::sentence::access(&way.access)
                .own(", through: ")
                .then(crate::report::sentence::path(&way.path));
            let _ = writeln!(out, "  - {}", through.markdown());
        }
    }
}

fn finding(reported: &Reported) -> String {
    let finding = &reported.finding;
    let at = finding.place.as_ref();
    let at = at.map(|place| format!(" ({}:{}:{})", place.file_text().markdown(), place.line, place.column));
    let help = finding.help.as_ref().map(|help| format!("; help: {}", help.markdown()));
    format!(
        "- **{}** `{}`{}: {}{}\n",
        word(finding.severity).0,
        finding.code.name(),
        at.unwrap_or_default(),
        finding.message.markdown(),
        help.unwrap_or_default()
    )
}

/// The table of every plan first, then a section for every change.
fn put_plans(out: &mut String, plans: &[PlanReport]) {
    fitting(out, TABLES, plans.iter().map(table), |n| {
        format!("{} not listed here; the JSON report has all of them\n\n", counted(n, "plan is", "plans are"))
    });
    let sections = plans.iter().flat_map(|plan| plan.changes.iter().map(move |change| section(plan, change)));
    fitting(out, ALL, sections, |n| {
        format!("{} not listed here; the JSON report has all of them\n\n", counted(n, "change is", "changes are"))
    });
}

/// A plan with its changes as a table.
fn table(plan: &PlanReport) -> String {
    let mut table = String::new();
    let out = &mut table;
    let mut by = Sentence::of("Plan ").id(&plan.id).own(" by ").name(&plan.proposer);
    if !plan.authenticated.is_empty() {
        by = by.own(" (").then(plan.authenticated.clone()).own(")");
    }
    by = by.maybe(plan.sponsor.as_ref(), |s, who| s.own(", on behalf of ").name(who));
    by = by.maybe(plan.task.as_ref(), |s, task| s.own(", for task ").name(task));
    if !plan.targets.is_empty() {
        by = by.own("; target: ").then(crate::report::target::targets(&plan.targets));
    }
    let _ = writeln!(out, "{}; expires {}\n", by.markdown(), plan.expires);
    out.push_str(
        "| change | outcome | what it does | gains | eligible | loses | steps |\n|---|---|---|---:|---:|---:|---|\n",
    );
    fitting(out, TABLE, plan.changes.iter().map(row), |n| {
        format!("\n{} not listed in this table\n", counted(n, "change is", "changes are"))
    });
    out.push('\n');
    table
}

/// A change as a row of the table.
fn row(change: &ChangeReport) -> String {
    let privileged = if change.privileged.is_empty() { "" } else { ", **privileged**" };
    let state = if matches!(change.state, State::Open) { String::new() } else { format!(", {}", change.state.word()) };
    let steps: Vec<String> = change.steps.iter().map(step).collect();
    format!(
        "| {} | {}{state}{privileged} | {} | {} | {} | {} | {} |\n",
        change.id.text().markdown_code(),
        change.outcome.word(),
        change.sentence.markdown(),
        number(change.gained.total),
        number(change.gained_eligible.total),
        number(change.lost.total),
        steps.join(", ")
    )
}

fn step(step: &crate::report::model::StepReport) -> String {
    let name = step.name.markdown();
    match &step.state {
        StepState::Missing(Some(who)) => format!("needs {name} ({})", who.markdown()),
        StepState::Missing(None) => format!("needs {name}"),
        StepState::Filled(who) => {
            format!(
                "{name} approved by {}{}",
                who.markdown(),
                step.presence.map(super::card::presence).unwrap_or_default()
            )
        }
        StepState::Waived => format!("{name} not needed"),
    }
}

/// What makes a change risky by itself: its size, privileged access, outsiders and unclassified access.
fn warnings(out: &mut String, change: &ChangeReport) {
    if let Some(untold) = &change.untold {
        let _ = writeln!(out, "- **too large to analyse**: {}", untold.markdown());
    }
    if let Some(too_much) = super::card::too_much(change) {
        let _ = writeln!(
            out,
            "- **too much to approve in one piece**: {}; help: {}",
            too_much.markdown(),
            super::card::NARROW
        );
    }
    for why in &change.privileged {
        let _ = writeln!(out, "- **privileged**: {}", why.markdown());
    }
    for name in &change.outsiders {
        let _ = writeln!(out, "- **outsiders**: {}", super::card::outsiders(name).markdown());
    }
    if change.unclassified > 0 {
        let what = counted(change.unclassified, "permission or entitlement", "permissions or entitlements");
        let _ = writeln!(out, "- **unclassified**: {what}");
    }
}

/// A change as a collapsed section.
fn section(plan: &PlanReport, change: &ChangeReport) -> String {
    let mut section = String::new();
    let out = &mut section;
    // WHY: the line begins a block of HTML, in which Markdown's escapes are shown literally.
    let title = change.sentence.html();
    let _ = writeln!(out, "<details><summary><code>{}</code>: {title}</summary>\n", change.id.text().xml());
    for freeze in &change.frozen {
        let _ = writeln!(out, "- **frozen**: {}", freeze.sentence().markdown());
    }
    let is_above = !change.rejections.is_empty() || matches!(change.state, State::Frozen(_));
    if let Some(says) = change.state.says().filter(|_| !is_above) {
        let _ = writeln!(out, "- {}: {}", change.state.word(), says.markdown());
    }
    for rejection in &change.rejections {
        let _ = writeln!(out, "- **rejected** {}", rejection.sentence().markdown());
    }
    for it in &change.steps {
        let _ = writeln!(out, "- {}", step(it));
    }
    for it in plan.mass_removals.iter().filter(|it| it.changes.contains(&change.id)) {
        let _ = writeln!(out, "- **mass removal**: {}", it.summary.markdown());
    }
    warnings(out, change);
    for note in &change.contents.notes {
        let _ = writeln!(out, "- {}", note.markdown());
    }
    for it in &change.contents.lists {
        let _ = writeln!(out, "- {}", it.head());
        put_bundles(out, false, &it.list.bundles);
    }
    list(out, "gains", false, &change.gained);
    list(out, "could activate later", false, &change.gained_eligible);
    list(out, "loses", true, &change.lost);
    // WHY: a section that does not fit is left out completely.
    let listed = plan.listed();
    let most = Listed { shown: listed.shown.min(MOST), names: listed.names.min(MOST), ..listed };
    for it in change.kept.iter().take(most.shown) {
        let _ = writeln!(out, "- **kept**: {}", it.sentence.markdown());
    }
    and_more(out, change.kept.len(), most.shown, "**kept**");
    let gains = change.emergent.iter().take(most.shown).filter_map(|at| plan.emergent.get(*at));
    let losses = change.lost_together.iter().take(most.shown).filter_map(|at| plan.lost_together.get(*at));
    for it in gains.chain(losses) {
        let members: Vec<_> = it.members.iter().map(crate::input::id::Id::text).collect();
        let with: Vec<_> = it.with.iter().map(crate::input::id::Id::text).collect();
        let by = Sentence::of("only together (").few_names(&members, most.names);
        let by =
            if with.is_empty() { by } else { by.own("; with the approved or automatic ").few_names(&with, most.names) };
        let by = by.own("): ").then(it.sentence.clone());
        let _ = writeln!(out, "- {}", by.markdown());
    }
    and_more(out, change.emergent.len(), most.shown, "only together");
    and_more(out, change.lost_together.len(), most.shown, "lost only together");
    for it in change.escalation_groups.iter().take(most.shown) {
        let _ = writeln!(out, "- **escalation**: {}", it.sentence.markdown());
    }
    and_more(out, change.escalation_groups.len(), most.shown, "**escalation**");
    for it in change.already.iter().take(most.shown) {
        let _ = writeln!(out, "- already: {}", it.sentence.markdown());
    }
    and_more(out, change.already.len(), most.shown, "already");
    for it in change.sod_groups.iter().take(most.shown) {
        let _ = writeln!(out, "- **separation of duties**: {}", it.sentence.markdown());
    }
    and_more(out, change.sod_groups.len(), most.shown, "**separation of duties**");
    let _ = writeln!(out, "- affects {}", change.concerned.markdown());
    for it in &change.policies {
        put_policy(out, it);
    }
    if let Some(digest) = &change.digest {
        let _ = writeln!(out, "- digest `{digest}`");
    }
    let _ = writeln!(out, "\nThe assistant's words, not verified:\n\n> {}", change.reason.markdown());
    for claim in &change.claims {
        let (_, result) = claim_result(claim.result);
        let found = claim.found.as_ref().map(|f| format!(" (the snapshot says {})", f.markdown()));
        let name = claim.name.replace('_', "\\_");
        let _ =
            writeln!(out, ">\n> claims {name}: {} — {result}{}", claim.claimed.markdown(), found.unwrap_or_default());
    }
    out.push_str("\n</details>\n\n");
    section
}

/// Notes that a list is truncated.
fn and_more(out: &mut String, all: usize, shown: usize, what: &str) {
    let left = all.saturating_sub(shown);
    if left > 0 {
        let _ = writeln!(out, "- {what}: and {left} more");
    }
}

fn put_policy(out: &mut String, it: &PolicyReport) {
    let limits: Vec<String> =
        ExceededLimit::in_words(&it.limits).into_iter().map(|limits| Text::from(limits).markdown()).collect();
    let limits = if limits.is_empty() { String::new() } else { format!(": {}", limits.join("; ")) };
    let _ = writeln!(
        out,
        "- policy {} {}: {}{limits}; help: {} ({})",
        it.rule.id.text().markdown_code(),
        it.verdict.word(),
        it.rule.title.markdown(),
        it.rule.advice.markdown(),
        it.rule.control.markdown()
    );
}

fn list(out: &mut String, verb: &str, is_loss: bool, list: &AccessList) {
    if list.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "- {verb} {} ({} privileged)",
        counted(list.total, "access", "accesses"),
        number(list.privileged)
    );
    put_bundles(out, is_loss, &list.bundles);
}

fn put_bundles(out: &mut String, is_loss: bool, bundles: &[Bundle]) {
    for bundle in bundles {
        let what: Vec<String> = bundle.what.iter().map(Sentence::markdown).collect();
        let privileged = bundle.privileged.as_ref().map(|why| format!("; **privileged**: {}", why.markdown()));
        let _ = writeln!(
            out,
            "  - {}{}: {} ({}{})",
            bundle.who.markdown(),
            bundle.limits.markdown(),
            what.join("; "),
            bundle.sensitivity.name(),
            privileged.unwrap_or_default()
        );
        if !bundle.way.is_empty() {
            let _ = writeln!(out, "    path: {}", bundle.way.markdown());
        }
        if let Some(elsewhere) = &bundle.elsewhere {
            let when = super::card::before_or_still(is_loss);
            let _ = writeln!(out, "    ({when} reachable through {})", elsewhere.markdown());
        }
    }
}

fn put_verify(out: &mut String, it: &VerifyReport) {
    out.push_str("| question | answer | why |\n|---|---|---|\n");
    let mut row = |name: &str, answer: &VerifyAnswer| {
        let _ = writeln!(out, "| {name} | {} | {} |", answer.holds.word(), answer.says.markdown());
    };
    row("integrity", &it.integrity);
    row("authenticity", &it.authenticity);
    row("completeness", &it.completeness);
    row("time", &it.time);
    if let Some(replay) = &it.replay {
        row("replay", &replay.answer);
    }
    out.push('\n');
    let (shown, more) = super::verify::some(&it.heads);
    for head in shown {
        let _ = writeln!(out, "- head `{}` of session {}", head.seal, head.session.markdown());
    }
    if let Some(more) = more {
        let _ = writeln!(out, "- {more}");
    }
}

fn put_log(out: &mut String, it: &LogReport) {
    let _ = writeln!(out, "{}\n", it.standing.markdown());
    out.push_str("| when | who | verdict | change | what it does | why |\n|---|---|---|---|---|---|\n");
    for row in &it.decisions {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} {} | {} | {} |",
            row.at,
            row.who.markdown(),
            row.verdict,
            row.plan.markdown(),
            row.change.markdown(),
            row.sentence.markdown(),
            row.reason.as_ref().map(crate::input::text::Text::markdown).unwrap_or_default()
        );
    }
    if let Some(more) = &it.more {
        let _ = writeln!(out, "\n{}", more.markdown());
    }
}
