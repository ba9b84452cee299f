//! Markdown: the same sections as the page, with all rows.

use std::fmt::Write as _;

use super::phrases;
use crate::input::text::Text;
use crate::report::audit::{AuditOutcome, AuditReport, AuditRow, AuditSummary, PopulationRow};
use crate::report::sentence::number;

/// The report as Markdown.
pub(super) fn render(report: &AuditReport) -> String {
    let mut out = String::from("# Access decisions\n\n");
    let facts = phrases::facts(&report.head).into_iter().map(|(fact, value)| vec![own(fact), value.markdown()]);
    table(&mut out, &["fact", "value"], facts);
    summary(&mut out, &report.summary);
    if let Some(rows) = &report.population {
        out.push_str("\n## The whole population\n\n");
        let columns = ["coverage", "subject", "entitlement", "scope", "mode", "decision", "late by"];
        table(&mut out, &columns, rows.iter().map(assignment));
    }
    out.push_str("\n## Decisions\n\n");
    let columns = ["when", "change", "subject", "access", "outcome", "by", "policies", "proposed by", "afterwards"];
    table(&mut out, &columns, report.decisions.iter().map(decision));
    for (outcome, title) in [(AuditOutcome::Rejected, "Rejections"), (AuditOutcome::Override, "Overrides")] {
        let rows: Vec<&AuditRow> = report.decisions.iter().filter(|row| row.outcome == outcome).collect();
        if rows.is_empty() {
            continue;
        }
        let _ = write!(out, "\n## {title}\n\n");
        let row = |row: &AuditRow| {
            vec![
                own(&phrases::day(&row.decided_at.to_string())),
                change(row),
                maybe(row.approver.as_ref()),
                list(&phrases::policies(row)),
                maybe(row.reason.as_ref()),
            ]
        };
        table(&mut out, &["when", "change", "by", "policies", "reason"], rows.into_iter().map(row));
    }
    out
}

fn summary(out: &mut String, it: &AuditSummary) {
    out.push_str("\n## Summary\n\n");
    let counts = [
        ("approvals", it.outcomes.approved),
        ("rejections", it.outcomes.rejected),
        ("overrides", it.outcomes.overrides),
        ("automatic", it.outcomes.automatic),
        ("on privileged changes", it.outcomes.privileged),
        ("approved in groups", it.grouped),
        ("exported", it.exported),
        ("stayed past the approved end", it.late),
    ];
    for (words, n) in counts {
        let _ = writeln!(out, "- {words}: {}", number(n));
    }
    for (word, n) in &it.results {
        let _ = writeln!(out, "- result {word}: {}", number(*n));
    }
    let times = [
        ("seconds a card, median", it.times.card_median),
        ("seconds a card, 90th percentile", it.times.card_p90),
        ("from reception to decision, median", it.times.wait_median),
        ("from reception to decision, 90th percentile", it.times.wait_p90),
    ];
    for (words, seconds) in times {
        let _ = writeln!(out, "- {words}: {}", phrases::maybe_duration(seconds));
    }
    out.push_str("\n## By kind of identity\n\n");
    let kinds = it.kinds.iter().map(|kind| {
        let n = kind.outcomes;
        let mut row = vec![kind.kind.markdown()];
        row.extend([n.approved, n.overrides, n.rejected, n.automatic, n.privileged].map(number));
        row
    });
    table(out, &["kind", "approved", "overrides", "rejected", "automatic", "privileged"], kinds);
    out.push_str("\n## People who decided\n\n");
    let people = it.people.iter().map(|person| {
        let n = person.outcomes;
        let mut row = vec![person.person.markdown()];
        row.extend([n.approved, n.overrides, n.rejected, person.cards].map(number));
        row.push(own(&phrases::maybe_duration(person.card_median)));
        row.push(own(&person.remarks.join("; ")));
        row
    });
    table(out, &["person", "approved", "overrides", "rejected", "cards", "median a card", "stands out"], people);
}

fn table(out: &mut String, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        out.push_str("none\n");
        return;
    }
    let _ = writeln!(out, "| {} |", columns.join(" | "));
    let _ = writeln!(out, "| {} |", columns.iter().map(|_| "---").collect::<Vec<_>>().join(" | "));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
}

fn own(words: &str) -> String {
    Text::from(words).markdown()
}

fn maybe(text: Option<&Text>) -> String {
    text.map(Text::markdown).unwrap_or_default()
}

fn list(texts: &[Text]) -> String {
    texts.iter().map(Text::markdown).collect::<Vec<_>>().join(", ")
}

fn change(row: &AuditRow) -> String {
    format!("{} {}", row.plan.markdown(), row.change.markdown())
}

fn decision(row: &AuditRow) -> Vec<String> {
    let joined = |parts: &[Option<String>]| parts.iter().flatten().cloned().collect::<Vec<_>>().join(", ");
    let named = |words: &str, text: Option<&Text>| text.map(|it| format!("{words}{}", it.markdown()));
    let some = |text: String| (!text.is_empty()).then_some(text);
    vec![
        own(&phrases::day(&row.decided_at.to_string())),
        format!("{} {}", change(row), maybe(row.action.as_ref())),
        joined(&[named("", row.subject.as_ref()), some(list(&row.kinds))]),
        joined(&[
            named("", row.entitlement.as_ref()),
            named("in ", row.scope.as_ref()),
            named("", row.mode.as_ref()),
            named("ends ", row.requested_end.as_ref()),
        ]),
        joined(&[
            Some(row.outcome.word().to_owned()),
            row.privileged.then(|| "privileged".to_owned()),
            row.sensitivity.map(own),
        ]),
        joined(&[
            named("", row.approver.as_ref()),
            some(list(&row.steps)),
            row.seconds_to_decide.map(phrases::duration),
            row.grouped.map(|n| format!("one of {n} together")),
        ]),
        list(&phrases::policies(row)),
        joined(&[named("", row.proposer.as_ref()), row.proof.map(own), named("for ", row.sponsor.as_ref())]),
        own(&phrases::afterwards(row).join(", ")),
    ]
}

fn assignment(row: &PopulationRow) -> Vec<String> {
    let decision = match (&row.plan, &row.change) {
        (Some(plan), Some(change)) => format!("{} {}", plan.markdown(), change.markdown()),
        _ => String::new(),
    };
    vec![
        row.coverage.word().to_owned(),
        row.subject.markdown(),
        maybe(row.entitlement.as_ref()),
        maybe(row.scope.as_ref()),
        own(row.mode),
        decision,
        row.late_by.map(phrases::duration).unwrap_or_default(),
    ]
}
