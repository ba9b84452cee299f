//! CSV (RFC 4180, lines end with LF): one table with fixed columns.
//!
//! Column `record` says what a row is: `report` (a fact of the head, in `fact` and `value`), `decision`, or `assignment` (of
//! the snapshot). A spreadsheet must not run what a name contains: every cell with text is quoted, and neutralised by
//! [`Text::csv`]. A new column is added at the end, and changes [`VERSION`].

use super::phrases;
use crate::input::text::Text;
use crate::report::audit::{AuditReport, AuditRow, PopulationRow, VERSION};

/// The columns, version 2.
pub(super) const COLUMNS: [&str; 42] = [
    "record",
    "decision",
    "session",
    "line",
    "decided_at",
    "plan",
    "change",
    "ticket",
    "target",
    "action",
    "subject",
    "kind",
    "entitlement",
    "scope",
    "mode",
    "requested_end",
    "privileged",
    "sensitivity",
    "outcome",
    "policies",
    "steps",
    "approver",
    "acting_for",
    "key",
    "proposer",
    "proof",
    "sponsor",
    "seconds_to_decide",
    "grouped",
    "shown",
    "override_reason",
    "exported",
    "result",
    "evidence",
    "removed_at",
    "late_by",
    "assignment",
    "coverage",
    "fact",
    "value",
    "columns_version",
    "recertified_until",
];

/// The cells of a row by column.
struct CsvRecord(Vec<(&'static str, String)>);

impl CsvRecord {
    fn of(kind: &'static str) -> Self {
        Self(Vec::new()).word("record", Some(kind)).number("columns_version", Some(u64::from(VERSION)))
    }

    fn put(mut self, column: &'static str, cell: String) -> Self {
        self.0.push((column, cell));
        self
    }

    fn text(self, column: &'static str, text: Option<&Text>) -> Self {
        match text {
            Some(text) => self.put(column, text.csv()),
            None => self,
        }
    }

    fn list(self, column: &'static str, list: &[Text]) -> Self {
        if list.is_empty() {
            return self;
        }
        let joined = list.iter().map(Text::raw).collect::<Vec<_>>().join("; ");
        self.text(column, Some(&Text::from(joined)))
    }

    fn word(self, column: &'static str, word: Option<&str>) -> Self {
        self.text(column, word.map(Text::from).as_ref())
    }

    fn number(self, column: &'static str, number: Option<u64>) -> Self {
        match number {
            Some(number) => self.put(column, number.to_string()),
            None => self,
        }
    }

    fn shown(self, column: &'static str, value: Option<impl std::fmt::Display>) -> Self {
        let text = value.map(|value| Text::from(value.to_string()));
        self.text(column, text.as_ref())
    }

    fn line(&self) -> String {
        let cell = |column: &&str| {
            self.0.iter().find(|(name, _)| name == column).map_or_else(String::new, |(_, cell)| cell.clone())
        };
        COLUMNS.iter().map(cell).collect::<Vec<_>>().join(",") + "\n"
    }
}

/// The report as CSV.
pub(super) fn render(report: &AuditReport) -> String {
    let mut out = COLUMNS.join(",") + "\n";
    for (fact, value) in phrases::facts(&report.head) {
        out.push_str(&CsvRecord::of("report").word("fact", Some(fact)).text("value", Some(&value)).line());
    }
    for row in &report.decisions {
        out.push_str(&decision(row).line());
    }
    for row in report.population.iter().flatten() {
        out.push_str(&assignment(row).line());
    }
    out
}

fn decision(row: &AuditRow) -> CsvRecord {
    let reason = row.reason.as_ref().filter(|_| row.outcome == crate::report::audit::AuditOutcome::Override);
    CsvRecord::of("decision")
        .shown("decision", Some(row.decision))
        .text("session", Some(&row.session))
        .number("line", Some(row.line))
        .shown("decided_at", Some(row.decided_at))
        .text("plan", Some(&row.plan))
        .text("change", Some(&row.change))
        .text("ticket", row.ticket.as_ref())
        .list("target", &row.targets)
        .text("action", row.action.as_ref())
        .text("subject", row.subject.as_ref())
        .list("kind", &row.kinds)
        .text("entitlement", row.entitlement.as_ref())
        .text("scope", row.scope.as_ref())
        .text("mode", row.mode.as_ref())
        .text("requested_end", row.requested_end.as_ref())
        .word("privileged", Some(if row.privileged { "yes" } else { "no" }))
        .word("sensitivity", row.sensitivity)
        .word("outcome", Some(row.outcome.word()))
        .list("policies", &row.policies)
        .list("steps", &row.steps)
        .text("approver", row.approver.as_ref())
        .text("acting_for", row.acting_for.as_ref())
        .text("key", Some(&row.key))
        .text("proposer", row.proposer.as_ref())
        .word("proof", row.proof)
        .text("sponsor", row.sponsor.as_ref())
        .number("seconds_to_decide", row.seconds_to_decide)
        .number("grouped", row.grouped)
        .shown("shown", row.shown.map(phrases::shown))
        .text("override_reason", reason)
        .shown("exported", row.exported)
        .word("result", row.result)
        .text("evidence", row.evidence.as_ref())
        .shown("removed_at", row.removed_at)
        .number("late_by", row.late_by)
}

fn assignment(row: &PopulationRow) -> CsvRecord {
    CsvRecord::of("assignment")
        .shown("decision", row.decision)
        .text("session", row.session.as_ref())
        .number("line", row.line)
        .text("plan", row.plan.as_ref())
        .text("change", row.change.as_ref())
        .text("subject", Some(&row.subject))
        .word("kind", row.kind)
        .text("entitlement", row.entitlement.as_ref())
        .text("scope", row.scope.as_ref())
        .word("mode", Some(row.mode))
        .shown("requested_end", row.until)
        .number("late_by", row.late_by)
        .text("assignment", row.assignment.as_ref())
        .word("coverage", Some(row.coverage.word()))
        .shown("recertified_until", row.recertified_until)
}
