//! Tables for a terminal.
//!
//! Lays out a header and rows of escaped text within a given width, without access to a terminal. A name is never
//! wrapped: if the page is too narrow for the columns, each row becomes a short list instead.

use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Table, Width, presets};

use crate::report::layout::{Page, StyledSpan, columns};
use crate::report::style::{Label, Style};

/// The minimum width of a readable column.
const NARROWEST_COLUMN: usize = 8;

/// Puts a table on a page. Cells are escaped text.
pub fn put(page: &mut Page, style: &Style, header: &[&str], rows: &[Vec<String>]) {
    let width = style.columns();
    let longest: Vec<usize> = header.iter().enumerate().map(|(at, title)| longest(title, at, rows)).collect();
    let least = longest.iter().fold(1_usize, |sum, wide| sum.saturating_add(*wide).saturating_add(3));
    if width / header.len().max(1) < NARROWEST_COLUMN + 3 || least > width {
        return list(page, header, rows);
    }
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX))
        .set_header(header.iter().map(Cell::new));
    for row in rows {
        table.add_row(row.iter().map(Cell::new));
    }
    for (column, wide) in table.column_iter_mut().zip(&longest) {
        let padded = u16::try_from(wide.saturating_add(2)).unwrap_or(u16::MAX);
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(padded)));
    }
    let lines: Vec<String> = table.lines().collect();
    if lines.iter().any(|line| columns(line) > width) {
        return list(page, header, rows);
    }
    for line in lines {
        page.line(Label::Plain, line.trim_end());
    }
}

/// The width of the longest word of a column.
fn longest(title: &str, at: usize, rows: &[Vec<String>]) -> usize {
    let cells = rows.iter().filter_map(|row| row.get(at)).map(String::as_str);
    cells.chain([title]).flat_map(|cell| cell.split(' ')).map(columns).max().unwrap_or(0)
}

fn list(page: &mut Page, header: &[&str], rows: &[Vec<String>]) {
    for row in rows {
        page.gap();
        for (title, cell) in header.iter().zip(row) {
            if !cell.is_empty() {
                page.para(&format!("{title}: "), &[StyledSpan::own(Label::Plain, cell)]);
            }
        }
    }
    page.gap();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_do_not_break_a_table() {
        let rows = vec![
            vec!["漢字漢字漢字漢字漢字漢字漢字漢字".to_owned(), "a".repeat(200), "e\u{301}e\u{301}".to_owned()],
            vec!["👩 ok".to_owned(), String::new(), "x y z".to_owned()],
        ];
        for width in [24, 40, 60, 80, 200] {
            let style = Style::plain(width);
            let mut page = Page::new(&style);
            put(&mut page, &style, &["one", "two", "three"], &rows);
            let lines = page.lines(&style);
            assert!(lines.iter().all(|l| columns(l) <= width), "{width}: {lines:#?}");
            let boxed: Vec<_> = lines.iter().filter(|l| l.starts_with(['│', '┌', '└', '╞'])).collect();
            assert!(boxed.windows(2).all(|w| columns(w[0]) == columns(w[1])), "{width}: {lines:#?}");
        }
    }

    #[test]
    fn a_name_is_whole_in_a_table_and_where_it_has_no_room_in_a_list() {
        let rows = vec![
            vec![
                "ada@corp.example".to_owned(),
                "of a plan that many words tell".repeat(3),
                "arn:aws:iam::1:role/a".to_owned(),
            ],
            vec!["bo".to_owned(), String::new(), "b".to_owned()],
        ];
        for width in [30, 46, 47, 60, 80] {
            let style = Style::plain(width);
            let mut page = Page::new(&style);
            put(&mut page, &style, &["who", "what", "role"], &rows);
            let text = page.render(&style);
            assert!(rows[0].iter().flat_map(|cell| cell.split(' ')).all(|word| text.contains(word)), "{width}: {text}");
            assert_eq!(text.contains('┌'), width > 50, "{width}: {text}");
        }
    }
}
