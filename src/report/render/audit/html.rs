//! One HTML page: no script, no outside resource, a strict Content-Security-Policy. It prints well, and narrow screens show
//! each row as a list.
//!
//! INVARIANT: every value, ours or from outside, passes [`Text::xml`]. Markup is written by this file only.

use std::fmt::Write as _;

use super::phrases;
use super::style::{STYLE, STYLE_HASH};
use crate::input::text::Text;
use crate::report::audit::{
    ApproverSummary, AuditHead, AuditOutcome, AuditReport, AuditRow, AuditSummary, Coverage, PopulationRow,
};
use crate::report::sentence::number;

/// The report as a page.
pub(super) fn render(report: &AuditReport) -> String {
    let mut page = HtmlPage::default();
    page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-");
    page.raw(STYLE_HASH);
    page.raw("'; base-uri 'none'; form-action 'none'\">\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.raw("<meta name=\"referrer\" content=\"no-referrer\">\n<title>Access decisions</title>\n<style>");
    page.raw(STYLE);
    page.raw("</style>\n</head>\n<body>\n");
    head(&mut page, report);
    summary(&mut page, &report.summary);
    people(&mut page, &report.summary.people);
    population(&mut page, report);
    decisions(&mut page, report);
    reasons(&mut page, report, AuditOutcome::Rejected, "Rejections");
    reasons(&mut page, report, AuditOutcome::Override, "Overrides");
    source(&mut page, &report.head);
    page.raw("</body>\n</html>\n");
    page.0
}

/// The text of a page.
#[derive(Default)]
struct HtmlPage(String);

impl HtmlPage {
    /// Adds markup of this file.
    fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    /// Adds text, escaped.
    fn text(&mut self, text: &Text) {
        self.0.push_str(&text.xml());
    }

    fn words(&mut self, words: &str) {
        self.text(&Text::from(words));
    }

    fn heading(&mut self, title: &str) {
        self.raw("<h2>");
        self.words(title);
        self.raw("</h2>\n");
    }

    fn paragraph(&mut self, class: &'static str, words: &str) {
        let _ = write!(self.0, "<p class=\"{class}\">");
        self.words(words);
        self.raw("</p>\n");
    }

    fn table(&mut self, columns: &[&'static str], rows: impl IntoIterator<Item = Vec<HtmlCell>>) {
        self.raw("<table class=\"rows\">\n<thead><tr>");
        for column in columns {
            let class = if NUMBERS.contains(column) { " class=\"number\"" } else { "" };
            let _ = write!(self.0, "<th scope=\"col\"{class}>");
            self.words(column);
            self.raw("</th>");
        }
        self.raw("</tr></thead>\n<tbody>\n");
        for row in rows {
            self.raw("<tr>");
            for (column, cell) in columns.iter().zip(row) {
                let class = match (cell.0.is_empty(), NUMBERS.contains(column)) {
                    (true, _) => " class=\"none\"",
                    (false, true) => " class=\"number\"",
                    (false, false) => "",
                };
                let _ = write!(
                    self.0,
                    "<td{class} data-label=\"{}\"><div>{}</div></td>",
                    Text::from(*column).xml(),
                    cell.0
                );
            }
            self.raw("</tr>\n");
        }
        self.raw("</tbody>\n</table>\n");
    }
}

/// Columns of numbers.
const NUMBERS: &[&str] =
    &["Approved", "Overrides", "Rejected", "Automatic", "Privileged", "Cards", "Median a card", "Approval rate"];

/// The content of a cell: markup of this file around escaped text.
#[derive(Default)]
struct HtmlCell(String);

impl HtmlCell {
    fn of(words: &str) -> Self {
        Self::default().line(words)
    }

    fn number(n: u64) -> Self {
        Self::of(&number(n))
    }

    /// Adds a line.
    fn line(mut self, words: &str) -> Self {
        if !words.is_empty() {
            self.0.push_str(&Text::from(words).xml());
        }
        self
    }

    /// Adds a name from outside.
    fn name(mut self, name: &Text) -> Self {
        let _ = write!(self.0, "<code>{}</code>", name.xml());
        self
    }

    /// Adds a quieter line of its own.
    fn sub(mut self, words: &str) -> Self {
        if !words.is_empty() {
            let _ = write!(self.0, "<span class=\"sub\">{}</span>", Text::from(words).xml());
        }
        self
    }

    /// Adds a marked word.
    fn mark(mut self, class: &'static str, words: &str) -> Self {
        let _ = write!(self.0, "<span class=\"mark {class}\">{}</span>", Text::from(words).xml());
        self
    }

    /// Adds a line that stands out.
    fn late(mut self, words: &str) -> Self {
        let _ = write!(self.0, "<span class=\"sub late\">{}</span>", Text::from(words).xml());
        self
    }
}

fn head(page: &mut HtmlPage, report: &AuditReport) {
    let it = &report.head;
    page.raw("<h1>Access decisions</h1>\n");
    let from = it.from.map_or_else(|| "the start of the log".to_owned(), |at| at.to_string());
    let until = it.until.map_or_else(|| "its end".to_owned(), |at| at.to_string());
    page.paragraph("quiet", &format!("From {from} to {until}. Times are UTC, as the writers’ clocks claim."));
    page.raw("<table class=\"facts\"><tbody>\n");
    for answer in &it.verification {
        let _ = write!(page.0, "<tr><th scope=\"row\">{}</th><td>", Text::from(answer.question).xml());
        let _ = write!(page.0, "<span class=\"mark {}\">{}</span> ", answer.holds, answer.holds);
        page.text(&answer.says);
        page.raw("</td></tr>\n");
    }
    page.raw("</tbody></table>\n");
}

fn summary(page: &mut HtmlPage, it: &AuditSummary) {
    let late = ("stayed past the approved end", it.late);
    let counts = [
        ("approvals", it.outcomes.approved),
        ("rejections", it.outcomes.rejected),
        ("overrides", it.outcomes.overrides),
        ("automatic", it.outcomes.automatic),
        ("on privileged changes", it.outcomes.privileged),
        ("approved in groups", it.grouped),
        ("exported", it.exported),
        late,
    ];
    page.raw("<ul class=\"counts\">\n");
    for (words, n) in counts {
        let _ = writeln!(page.0, "<li><b>{}</b>{words}</li>", number(n));
    }
    page.raw("</ul>\n");
    let times = it.times;
    page.paragraph(
        "",
        &format!(
            "Time a card was looked at: median {}, 90th percentile {}. Time from the plan’s reception to a decision: median {}, 90th percentile {}.",
            phrases::maybe_duration(times.card_median),
            phrases::maybe_duration(times.card_p90),
            phrases::maybe_duration(times.wait_median),
            phrases::maybe_duration(times.wait_p90)
        ),
    );
    if !it.results.is_empty() {
        let results: Vec<String> = it.results.iter().map(|(word, n)| format!("{} {word}", number(*n))).collect();
        page.paragraph("", &format!("Results: {}.", results.join(", ")));
    }
    if !it.kinds.is_empty() {
        page.heading("By kind of identity");
        let rows = it.kinds.iter().map(|kind| {
            let n = kind.outcomes;
            let mut row = vec![HtmlCell::of(kind.kind.raw())];
            row.extend([n.approved, n.overrides, n.rejected, n.automatic, n.privileged].map(HtmlCell::number));
            row
        });
        page.table(&["Kind", "Approved", "Overrides", "Rejected", "Automatic", "Privileged"], rows);
    }
}

fn people(page: &mut HtmlPage, people: &[ApproverSummary]) {
    if people.is_empty() {
        return;
    }
    page.heading("People who decided");
    let rows = people.iter().map(|it| {
        let n = it.outcomes;
        let rate = n.approved.saturating_mul(100).checked_div(n.all()).unwrap_or_default();
        let mut remark = HtmlCell::default();
        for words in &it.remarks {
            remark = remark.mark("remark", words).line(" ");
        }
        vec![
            HtmlCell::default().name(&it.person),
            HtmlCell::number(n.approved),
            HtmlCell::number(n.overrides),
            HtmlCell::number(n.rejected),
            HtmlCell::of(&format!("{rate} %")),
            HtmlCell::number(it.cards),
            HtmlCell::of(&phrases::maybe_duration(it.card_median)),
            remark,
        ]
    });
    let columns =
        ["Person", "Approved", "Overrides", "Rejected", "Approval rate", "Cards", "Median a card", "Stands out"];
    page.table(&columns, rows);
}

fn decisions(page: &mut HtmlPage, report: &AuditReport) {
    page.heading("Decisions");
    if let Some(it) = &report.head.sample {
        let drawn = it.size.min(it.of_decisions);
        page.paragraph("quiet", &format!("A sample: {} of {} decisions.", number(drawn), number(it.of_decisions)));
    }
    if report.decisions.is_empty() {
        page.paragraph("quiet", "none");
        return;
    }
    let columns = ["When", "Change", "Subject", "Access", "Outcome", "By", "Policies", "Proposed by", "Afterwards"];
    page.table(&columns, report.decisions.iter().map(decision));
}

fn decision(row: &AuditRow) -> Vec<HtmlCell> {
    let change =
        HtmlCell::default().name(&row.plan).line(" ").name(&row.change).sub(row.action.as_ref().map_or("", Text::raw));
    let subject = row.subject.as_ref().map_or_else(HtmlCell::default, |it| HtmlCell::default().name(it));
    let mut outcome = HtmlCell::default().mark(row.outcome.word(), row.outcome.word());
    if row.privileged {
        outcome = outcome.sub("privileged");
    }
    let seconds = row.seconds_to_decide.map(|seconds| format!("in {}", phrases::duration(seconds)));
    let grouped = row.grouped.map(|n| format!("one of {n} together"));
    let by = match &row.approver {
        Some(person) => HtmlCell::default().name(person),
        None => HtmlCell::of("no person"),
    };
    let as_steps = if row.steps.is_empty() { String::new() } else { format!("as {}", list(&row.steps)) };
    let by = by
        .sub(&as_steps)
        .sub(&seconds.unwrap_or_default())
        .sub(&grouped.unwrap_or_default())
        .sub(&row.shown.map(phrases::shown).unwrap_or_default());
    let proposer = row.proposer.as_ref().map_or_else(HtmlCell::default, |it| HtmlCell::default().name(it));
    let proposer = proposer
        .sub(&row.proof.map(|word| format!("proof: {word}")).unwrap_or_default())
        .sub(&row.sponsor.as_ref().map(|it| format!("for {}", it.raw())).unwrap_or_default());
    let mut afterwards = HtmlCell::default();
    for words in phrases::afterwards(row) {
        afterwards = if words.starts_with("late by") { afterwards.late(&words) } else { afterwards.sub(&words) };
    }
    vec![
        HtmlCell::of(&phrases::day(&row.decided_at.to_string())),
        change,
        subject.sub(&list(&row.kinds).replace('_', " ")),
        access(row.entitlement.as_ref(), row.scope.as_ref())
            .sub(row.mode.as_ref().map_or("", Text::raw))
            .sub(&row.requested_end.as_ref().map(|it| format!("ends {}", it.raw())).unwrap_or_default()),
        outcome.sub(row.sensitivity.unwrap_or_default()),
        by,
        HtmlCell::of(&list(&phrases::policies(row))),
        proposer,
        afterwards,
    ]
}

fn access(entitlement: Option<&Text>, scope: Option<&Text>) -> HtmlCell {
    let cell = entitlement.map_or_else(HtmlCell::default, |it| HtmlCell::default().name(it));
    match scope {
        Some(scope) => cell.line(" in ").name(scope),
        None => cell,
    }
}

fn list(texts: &[Text]) -> String {
    texts.iter().map(Text::raw).collect::<Vec<_>>().join(", ")
}

/// The decisions with one outcome, with the person's reason.
fn reasons(page: &mut HtmlPage, report: &AuditReport, outcome: AuditOutcome, title: &str) {
    let rows: Vec<Vec<HtmlCell>> = report
        .decisions
        .iter()
        .filter(|row| row.outcome == outcome)
        .map(|row| {
            vec![
                HtmlCell::of(&phrases::day(&row.decided_at.to_string())),
                HtmlCell::default().name(&row.plan).line(" ").name(&row.change),
                row.approver.as_ref().map_or_else(HtmlCell::default, |it| HtmlCell::default().name(it)),
                HtmlCell::of(&list(&phrases::policies(row))),
                HtmlCell::of(row.reason.as_ref().map_or("", Text::raw)),
            ]
        })
        .collect();
    if !rows.is_empty() {
        page.heading(title);
        page.table(&["When", "Change", "By", "Policies", "Reason"], rows);
    }
}

fn population(page: &mut HtmlPage, report: &AuditReport) {
    let (Some(rows), Some(sum)) = (&report.population, &report.head.reconciliation) else { return };
    page.heading("The whole population");
    page.paragraph(
        "",
        &format!(
            "{} assignments and memberships in the snapshot = {} decided + {} inherited + {} recertified + {} shadow + {} out of scope. {} of the decided are past their approved end.",
            number(sum.population),
            number(sum.decided),
            number(sum.inherited),
            number(sum.recertified),
            number(sum.shadow),
            number(sum.out_of_scope),
            number(sum.expired)
        ),
    );
    page.table(&["Coverage", "Subject", "Access", "Mode", "Decision", "Late"], rows.iter().map(assignment));
}

fn assignment(row: &PopulationRow) -> Vec<HtmlCell> {
    let class = match row.coverage {
        Coverage::Decided => "decided",
        Coverage::Inherited => "inherited",
        Coverage::Recertified => "recertified",
        Coverage::Shadow => "shadow",
        Coverage::OutOfScope => "out",
    };
    let decision = match (&row.plan, &row.change) {
        (Some(plan), Some(change)) => HtmlCell::default().name(plan).line(" ").name(change),
        _ => HtmlCell::default(),
    };
    let late = row.late_by.map_or_else(HtmlCell::default, |it| HtmlCell::default().late(&phrases::duration(it)));
    vec![
        HtmlCell::default().mark(class, row.coverage.word()),
        HtmlCell::default().name(&row.subject).sub(&row.kind.unwrap_or_default().replace('_', " ")),
        access(row.entitlement.as_ref(), row.scope.as_ref()),
        HtmlCell::of(row.mode).sub(&row.until.map(|at| format!("ends {at}")).unwrap_or_default()),
        decision,
        late,
    ]
}

/// What the report was made from.
fn source(page: &mut HtmlPage, head: &AuditHead) {
    page.heading("What this report was made from");
    page.raw("<table class=\"facts\"><tbody>\n");
    for (fact, value) in phrases::facts(head) {
        let _ = write!(page.0, "<tr><th scope=\"row\">{}</th><td><code>", Text::from(fact).xml());
        page.text(&value);
        page.raw("</code></td></tr>\n");
    }
    page.raw("</tbody></table>\n");
    page.paragraph("quiet", "Check it: `review verify` answers the same four questions, and `review log report` with the same command line on the same files lists the same decisions.");
}
