//! Sheets as text, as Markdown, and as JSON.
//!
//! Renders sheets as a page, or as parts of a document. People see the first rows of a long sheet and the number of
//! rows; programs get all rows.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::table;
use crate::input::text::Text;
use crate::report::layout::{Page, StyledSpan, spans};
use crate::report::sentence::number;
use crate::report::sheet::{Cell, Sheet};
use crate::report::style::{Label, Style};

/// The maximum number of rows of a sheet that are shown to people.
pub const SHOWN: usize = 20;

/// Puts values about the whole on a page.
pub fn put_about(page: &mut Page, about: &[(&'static str, &'static str, Cell)]) {
    for (_, title, cell) in about {
        if *cell == Cell::Absent {
            continue;
        }
        let value = match cell {
            Cell::Says(says) => spans(Label::Plain, says),
            Cell::Absent
            | Cell::Text(_)
            | Cell::Word(_)
            | Cell::Number(_)
            | Cell::Yes(_)
            | Cell::Time(_)
            | Cell::List(_) => vec![StyledSpan::own(Label::Plain, terminal(cell))],
        };
        page.para_from(StyledSpan::own(Label::Quiet, format!("{title}: ")), &value);
    }
}

/// Puts a sheet on a page.
pub fn put(page: &mut Page, style: &Style, sheet: &Sheet) {
    if sheet.is_for_programs() {
        return;
    }
    page.heading(sheet.title);
    if sheet.rows.is_empty() {
        page.para("  ", &[StyledSpan::own(Label::Quiet, sheet.none)]);
        return;
    }
    let header: Vec<&str> = sheet.columns.iter().map(|(_, title)| *title).filter(|title| !title.is_empty()).collect();
    let rows: Vec<Vec<String>> =
        sheet.rows.iter().take(SHOWN).map(|row| shown(sheet, row).map(terminal).collect()).collect();
    table::put(page, style, &header, &rows);
    if let Some(more) = more(sheet) {
        page.para("  ", &[StyledSpan::own(Label::Quiet, more)]);
    }
}

/// The cells of a row that are shown to people.
fn shown<'r>(sheet: &'r Sheet, row: &'r [Cell]) -> impl Iterator<Item = &'r Cell> {
    sheet.columns.iter().zip(row).filter(|((_, title), _)| !title.is_empty()).map(|(_, cell)| cell)
}

fn more(sheet: &Sheet) -> Option<String> {
    let more = sheet.rows.len().saturating_sub(SHOWN) as u64;
    (more > 0)
        .then(|| format!("and {} more; `--format json` lists all {}", number(more), number(sheet.rows.len() as u64)))
}

fn terminal(cell: &Cell) -> String {
    match cell {
        Cell::Absent => String::new(),
        Cell::Text(text) => text.terminal(),
        Cell::Word(word) => (*word).to_owned(),
        Cell::Number(n) => number(*n),
        Cell::Yes(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        // A time that a narrow column can wrap between date and hour.
        Cell::Time(at) => at.to_string().replace('T', " "),
        Cell::List(list) => list.iter().map(Text::terminal).collect::<Vec<_>>().join(", "),
        Cell::Says(says) => says.terminal(),
    }
}

/// A sheet as Markdown.
pub fn put_markdown(out: &mut String, sheet: &Sheet) {
    if sheet.is_for_programs() {
        return;
    }
    let _ = writeln!(out, "\n**{}**\n", Text::from(sheet.title).markdown());
    if sheet.rows.is_empty() {
        let _ = writeln!(out, "{}", Text::from(sheet.none).markdown());
        return;
    }
    let titles: Vec<String> =
        sheet.columns.iter().filter(|(_, t)| !t.is_empty()).map(|(_, title)| Text::from(*title).markdown()).collect();
    let _ = writeln!(out, "| {} |", titles.join(" | "));
    let lines: Vec<&str> = titles.iter().map(|_| "---").collect();
    let _ = writeln!(out, "| {} |", lines.join(" | "));
    for row in sheet.rows.iter().take(SHOWN) {
        let cells: Vec<String> = shown(sheet, row).map(markdown).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    if let Some(more) = more(sheet) {
        let _ = writeln!(out, "\n{}", Text::from(more).markdown());
    }
}

/// A value as Markdown.
#[must_use]
pub fn markdown(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.markdown(),
        Cell::List(list) => list.iter().map(Text::markdown).collect::<Vec<_>>().join(", "),
        Cell::Says(says) => says.markdown(),
        Cell::Absent | Cell::Word(_) | Cell::Number(_) | Cell::Yes(_) | Cell::Time(_) => {
            Text::from(terminal(cell)).markdown()
        }
    }
}

/// A sheet's rows as JSON: one object per row.
#[must_use]
pub fn rows(sheet: &Sheet) -> Value {
    let row = |cells: &Vec<Cell>| {
        let fields = sheet.columns.iter().zip(cells).map(|((key, _), cell)| ((*key).to_owned(), value(cell)));
        Value::Object(fields.collect::<Map<String, Value>>())
    };
    Value::Array(sheet.rows.iter().map(row).collect())
}

/// A value as JSON.
#[must_use]
pub fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Absent => Value::Null,
        Cell::Text(text) => json!(text),
        Cell::Word(word) => json!(word),
        Cell::Number(n) => json!(n),
        Cell::Yes(yes) => json!(yes),
        Cell::Time(at) => json!(at.to_string()),
        Cell::List(list) => json!(list),
        Cell::Says(says) => json!(says.text()),
    }
}
