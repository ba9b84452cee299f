//! Findings as blocks: message, location, the source line with the region marked, and help.
//!
//! The caret is below the first column of the value, counted in terminal columns after escaping.

use crate::input::finding::Severity;
use crate::input::text::Text;
use crate::report::excerpt::Excerpt;
use crate::report::layout::{Page, StyledSpan, columns, cut};
use crate::report::model::{Report, Reported};
use crate::report::style::{Label, Style};

/// Puts findings on a page, in the order given.
pub fn put(page: &mut Page, style: &Style, findings: &[Reported]) {
    for reported in findings {
        page.gap();
        put_one(page, style, reported);
    }
}

/// Puts the findings of a report on a page, except those that its cards show.
pub fn put_beside_cards(page: &mut Page, style: &Style, report: &Report) {
    let has_cards = report.changes().next().is_some();
    for reported in report.findings.iter().filter(|it| !(has_cards && it.is_on_card())) {
        page.gap();
        put_one(page, style, reported);
    }
}

/// The word and label of a severity.
#[must_use]
pub fn word(severity: Severity) -> (&'static str, Label) {
    match severity {
        Severity::Error => ("error", Label::Stop),
        Severity::Warning => ("warning", Label::Warn),
        Severity::Note => ("note", Label::Note),
    }
}

fn put_one(page: &mut Page, style: &Style, reported: &Reported) {
    let finding = &reported.finding;
    let (severity, label) = word(finding.severity);
    let head = StyledSpan::own(label, format!("{severity}[{}]", finding.code.name()));
    page.para("", &[head, StyledSpan::own(Label::Plain, ": "), StyledSpan::outside(Label::Plain, &finding.message)]);
    let gutter = finding.place.as_ref().map_or(1, |place| place.line.to_string().len());
    let blank = " ".repeat(gutter);
    if let Some(place) = &finding.place {
        let at = format!("{}:{}:{}", place.file_text().terminal(), place.line, place.column);
        page.para_from(StyledSpan::own(Label::Quiet, format!("{blank}--> ")), &[StyledSpan::own(Label::Plain, at)]);
        if let Some(excerpt) = &reported.excerpt {
            page.line(Label::Quiet, &format!("{blank} |"));
            let room = style.columns().saturating_sub(gutter + 3);
            let (source, caret) = marked(excerpt, room);
            page.line(Label::Plain, &format!("{:>gutter$} | {source}", place.line));
            page.line(label, &format!("{blank} | {caret}"));
        }
    }
    if let Some(help) = &finding.help {
        let front = StyledSpan::own(Label::Note, format!("{blank} = help: "));
        page.para_from(front, &[StyledSpan::outside(Label::Plain, help)]);
    }
    if let Some(rule) = &reported.rule {
        let front = StyledSpan::own(Label::Note, format!("{blank} = policy: "));
        let said = format!("{}: {}", rule.id.text().terminal(), rule.title.terminal());
        page.para_from(front, &[StyledSpan::own(Label::Plain, said)]);
    }
}

/// The source line, truncated to the available width, and the carets below the value.
fn marked(excerpt: &Excerpt, room: usize) -> (String, String) {
    let part = |from: usize, to: usize| -> String {
        let raw: String = excerpt.source.raw().chars().skip(from).take(to.saturating_sub(from)).collect();
        Text::from(raw).terminal()
    };
    let (before, value) = (part(0, excerpt.start), part(excerpt.start, excerpt.end));
    let after = part(excerpt.end, usize::MAX);
    let value_room = columns(&value).max(1).min(room / 2);
    // WHY: if the value would be outside of the page, the text before it is truncated.
    let keep = room.saturating_sub(value_room + 4);
    let before = tail(&before, keep.min(room * 2 / 3).max(room / 3));
    let source = cut(&format!("{before}{value}{after}"), room);
    let start = columns(&before);
    let wide = columns(&value).max(1).min(room.saturating_sub(start)).max(1);
    (source, format!("{}{}", " ".repeat(start), "^".repeat(wide)))
}

/// The end of a text that fits a width, with `…` if anything is missing.
fn tail(escaped: &str, width: usize) -> String {
    if columns(escaped) <= width {
        return escaped.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in escaped.chars().rev() {
        used += columns(c.encode_utf8(&mut [0; 4]));
        if used > width {
            break;
        }
        kept.insert(0, c);
    }
    format!("…{kept}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::finding::{Code, Finding};
    use crate::input::place::Place;

    fn block(source: &str, value: &str, width: usize) -> String {
        let from = source.find(value).unwrap();
        let line = u32::try_from(source[..from].matches('\n').count()).unwrap() + 1;
        let column = u32::try_from(source[..from].chars().rev().take_while(|c| *c != '\n').count()).unwrap() + 1;
        let place = Place { file: "plan.yaml".into(), line, column, bytes: (from, from + value.len()) };
        let finding =
            Finding::new(Code::UnknownIdentity, "change `c7` grants a role to `svc-deploy`, which is unknown")
                .at(&place)
                .help("add it to the snapshot or correct the name; the nearest known name is `svc-deployer`");
        let style = Style::plain(width);
        let mut page = Page::new(&style);
        put(&mut page, &style, &[Reported::new(finding, |_| Some(source))]);
        page.render(&style)
    }

    #[test]
    fn a_finding_points_at_its_value() {
        let source = "changes:\n  - id: c7\n    to: svc-deploy  # here\n";
        assert_eq!(
            block(source, "svc-deploy", 100),
            "error[unknown-identity]: change `c7` grants a role to `svc-deploy`, which is unknown\n\
             \x20--> plan.yaml:3:9\n\
             \x20 |\n\
             3 |     to: svc-deploy  # here\n\
             \x20 |         ^^^^^^^^^^\n\
             \x20 = help: add it to the snapshot or correct the name; the nearest known name is `svc-deployer`\n"
        );
    }

    #[test]
    fn carets_stand_below_the_value_even_behind_wide_and_hidden_characters() {
        for (source, value) in [
            ("漢字漢字: \u{202e}x\t\"svc\"\n", "svc"),
            (&format!("{}: svc # {}\n", "k".repeat(300), "y".repeat(300)), "svc"),
        ] {
            for width in [24, 60, 80, 200] {
                let out = block(source, value, width);
                let mut lines = out.lines().skip_while(|l| !l.contains(" | "));
                let (line, carets) = (lines.next().unwrap(), lines.next().unwrap());
                let at = carets.find('^').unwrap();
                let mut skipped = 0;
                let rest: String = line
                    .chars()
                    .skip_while(|c| {
                        skipped += columns(c.encode_utf8(&mut [0; 4]));
                        skipped <= at
                    })
                    .collect();
                assert!(rest.starts_with("svc"), "{width}: {out}");
                assert!(out.lines().all(|l| columns(l) <= width), "{width}: {out}");
            }
        }
    }
}
