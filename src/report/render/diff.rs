//! `review diff`: what a plan does to effective access.
//!
//! Renders the report's plans as tables of gains and losses, with each altered assignment as a unified diff, and
//! emergent pieces.

use super::{card, findings, table, text};
use crate::input::finding::Code;
use crate::report::effects::AccessList;
use crate::report::groups::Bundle;
use crate::report::layout::{Page, StyledSpan, spans};
use crate::report::limits::Listed;
use crate::report::model::{ChangeReport, EmergentReport, PlanReport, Report, Reported};
use crate::report::sentence::{Sentence, counted};
use crate::report::style::{Label, Style};

/// The effects of plans on access.
#[must_use]
pub fn render(report: &Report, plans: &[PlanReport], style: &Style) -> String {
    let mut page = Page::new(style);
    // WHY: the tables below show everything that a card shows except the claims of the plan.
    let is_claim = |it: &Reported| matches!(it.finding.code, Code::ClaimContradicted | Code::ClaimUnchecked);
    let beside: Vec<Reported> = report.findings.iter().filter(|it| !it.is_on_card() || is_claim(it)).cloned().collect();
    findings::put(&mut page, style, &beside);
    for plan in plans {
        text::put_head(&mut page, plan);
        for change in &plan.changes {
            put_change(&mut page, style, change);
        }
        let most = plan.listed();
        put_together(&mut page, "Only together", &plan.emergent, "that several changes give together", most);
        put_together(
            &mut page,
            "Lost only together",
            &plan.lost_together,
            "that several changes remove together",
            most,
        );
        page.gap();
        text::sums(&mut page, &plan.totals);
    }
    text::close(&mut page, report);
    page.render(style)
}

/// What only several changes together give or remove.
fn put_together(page: &mut Page, heading: &str, pieces: &[EmergentReport], what: &str, most: Listed) {
    if pieces.is_empty() {
        return;
    }
    page.heading(heading);
    let mut gravest: Vec<&EmergentReport> = pieces.iter().collect();
    gravest.sort_by_key(|it| !it.is_grave());
    for emergent in gravest.iter().take(most.shown) {
        let (label, sign) = if emergent.kind == "loss" { (Label::Loss, "  - ") } else { (Label::Stop, "  + ") };
        page.para_from(StyledSpan::own(label, sign), &spans(Label::Plain, &emergent.sentence));
        let members: Vec<_> = emergent.members.iter().map(crate::input::id::Id::text).collect();
        let with: Vec<_> = emergent.with.iter().map(crate::input::id::Id::text).collect();
        let by = Sentence::of("by ").few_names(&members, most.names);
        let by =
            if with.is_empty() { by } else { by.own(", with the approved or automatic ").few_names(&with, most.names) };
        page.para("      ", &spans(Label::Plain, &by));
        for way in &emergent.ways {
            page.para_from(StyledSpan::own(Label::Quiet, "      path: "), &spans(Label::Quiet, way));
        }
    }
    card::and_more(page, gravest.len(), most.shown, what, what);
}

fn put_change(page: &mut Page, style: &Style, change: &ChangeReport) {
    page.gap();
    page.rule(&change.id.text().terminal());
    page.para("", &spans(Label::Heading, &change.sentence));
    page.para("affects ", &spans(Label::Plain, &change.concerned));
    if let Some(too_much) = card::too_much(change) {
        page.para_from(
            StyledSpan::own(Label::Stop, "too much to approve in one piece: "),
            &spans(Label::Plain, &too_much),
        );
        page.para_from(StyledSpan::own(Label::Note, "  = help: "), &[StyledSpan::own(Label::Plain, card::NARROW)]);
    }
    if let Some(alteration) = &change.alteration {
        card::put_alteration(page, alteration);
    }
    for note in &change.contents.notes {
        page.para("", &spans(Label::Plain, note));
    }
    for it in &change.contents.lists {
        put_bundles(page, style, &it.head(), it.sign, &it.list.bundles);
    }
    put_list(page, style, "gained", '+', &change.gained);
    put_list(page, style, "eligible", '+', &change.gained_eligible);
    put_list(page, style, "lost", '-', &change.lost);
    card::put_kept(page, change);
    card::put_reached(page, change);
}

fn put_list(page: &mut Page, style: &Style, what: &str, sign: char, list: &AccessList) {
    if !list.is_empty() {
        let head = format!("{what}: {}", counted(list.total, "access", "accesses"));
        put_bundles(page, style, &head, sign, &list.bundles);
    }
}

/// Gains or losses: holder and path above, accesses in a table. WHY not all in one table: with the names of a real
/// system, four columns in a terminal would be too narrow to read.
fn put_bundles(page: &mut Page, style: &Style, head: &str, sign: char, bundles: &[Bundle]) {
    let label = match sign {
        '-' => Label::Loss,
        '+' => Label::Gain,
        _ => Label::Plain,
    };
    page.gap();
    page.para("", &[StyledSpan::own(Label::Plain, head)]);
    let same =
        |a: &Bundle, b: &Bundle| (&a.who, &a.limits, &a.way, &a.elsewhere) == (&b.who, &b.limits, &b.way, &b.elsewhere);
    for bundles in bundles.chunk_by(same) {
        let Some(first) = bundles.first() else { continue };
        let mut who = spans(label, &first.who);
        who.extend(spans(Label::Plain, &first.limits));
        page.para_from(StyledSpan::own(label, format!("{sign} ")), &who);
        if !first.way.is_empty() {
            page.para_from(StyledSpan::own(Label::Quiet, "  path: "), &spans(Label::Quiet, &first.way));
        }
        if let Some(elsewhere) = &first.elsewhere {
            let front =
                StyledSpan::own(Label::Warn, format!("  {} reachable through ", card::before_or_still(sign == '-')));
            page.para_from(front, &spans(Label::Plain, elsewhere));
        }
        let rows: Vec<Vec<String>> = bundles
            .iter()
            .map(|bundle| {
                let access: Vec<String> = bundle.what.iter().map(Sentence::terminal).collect();
                let privileged = bundle.privileged.as_ref().map(|why| format!("; privileged: {}", why.terminal()));
                vec![access.join("; "), format!("{}{}", bundle.sensitivity.name(), privileged.unwrap_or_default())]
            })
            .collect();
        table::put(page, style, &["access", "sensitivity"], &rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_access_it_is_and_the_way_to_it_stand_above_the_table_of_what_it_is() {
        use crate::report::limits::Limits;
        use crate::report::samples::piece;
        let pieces = [
            piece(
                "group:github:a-team-with-a-long-name",
                "get",
                "core:pods#*",
                Some("ns:a-namespace-with-a-long-name"),
            ),
            piece(
                "group:github:a-team-with-a-long-name",
                "list",
                "core:secrets#*",
                Some("ns:a-namespace-with-a-long-name"),
            ),
        ];
        let style = Style::plain(80);
        let mut page = Page::new(&style);
        put_list(&mut page, &style, "gained", '+', &AccessList::of(&pieces, false, Limits::SHORT));
        let text = page.render(&style);
        let (head, table) = text.split_once('┌').unwrap();
        assert_eq!(text.matches("a-team-with-a-long-name").count(), 1, "{text}");
        assert!(head.contains("path: holds role"), "{text}");
        assert!(table.contains("`get` on `core:pods#*`; `list` on `core:secrets#*`"), "{text}");
    }
}
