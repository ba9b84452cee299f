//! Tables of comma-separated values: their columns, and how they are read and written (RFC 4180).

use crate::input::finding::{Code, Finding};
use crate::input::place::Place;

/// A table of the snapshot: its name, all its columns, and those by which its header is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub name: &'static str,
    pub columns: &'static [&'static str],
    keys: &'static [&'static str],
}

/// All tables, in the order in which they are read. The columns of most are fields of the native format.
pub(super) const TABLES: [Table; 8] = [
    Table { name: "identities", columns: &["id", "kind", "owner", "status", "last_used"], keys: &["id", "kind"] },
    Table { name: "groups", columns: &["id", "owner", "members_known", "public"], keys: &["id", "members_known"] },
    Table { name: "members", columns: &["group", "member", "how"], keys: &["group", "member"] },
    Table { name: "roles", columns: &["id", "owner", "sensitivity"], keys: &["id", "sensitivity"] },
    Table {
        name: "permissions",
        columns: &["role", "action", "resource", "effect", "condition"],
        keys: &["role", "action"],
    },
    Table { name: "includes", columns: &["role", "includes"], keys: &["role", "includes"] },
    Table { name: "resources", columns: &["id", "parent", "owner", "sensitivity"], keys: &["id", "parent"] },
    Table {
        name: "assignments",
        columns: &["id", "who", "role", "member_of", "scope", "mode", "until", "granted_at", "last_used", "task"],
        keys: &["who"],
    },
];

impl Table {
    pub fn named(name: &str) -> Option<Self> {
        TABLES.into_iter().find(|table| table.name == name)
    }

    /// The table whose columns a header has.
    pub fn of_header(header: &[&str]) -> Option<Self> {
        let has = |table: &Self| {
            header.iter().all(|cell| table.columns.contains(cell)) && table.keys.iter().all(|key| header.contains(key))
        };
        TABLES.into_iter().find(has)
    }
}

/// A row: its line, and its cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub line: u32,
    pub cells: Vec<String>,
}

/// The delimiter of a header: the first of these that it has.
pub(super) fn delimiter(header: &str) -> char {
    [',', ';', '\t', '|'].into_iter().find(|c| header.contains(*c)).unwrap_or(',')
}

/// Reads all rows, the header first. Empty lines are left out.
///
/// # Errors
/// If a quote is not closed, text follows a closed quote, or a row has another number of cells than the header.
pub(super) fn rows(name: &str, text: &str, delimiter: char) -> Result<Vec<Row>, Finding> {
    let mut reader = Reader { rows: Vec::new(), row: Row { line: 1, cells: Vec::new() }, cell: String::new(), line: 1 };
    let fault = |line: u32, message: &str, help: &str| {
        Finding::new(Code::Syntax, message).at(&Place::line(name, line)).help(help)
    };
    let mut chars = text.chars().peekable();
    let mut quoted_since: Option<u32> = None;
    let mut is_closed = false;
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted_since.is_some() && chars.next_if_eq(&'"').is_some() => reader.cell.push('"'),
            '"' if quoted_since.is_some() => (quoted_since, is_closed) = (None, true),
            _ if quoted_since.is_some() => {
                reader.line = reader.line.saturating_add(u32::from(c == '\n'));
                reader.cell.push(c);
            }
            '"' if reader.cell.is_empty() && !is_closed => quoted_since = Some(reader.line),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                is_closed = false;
                reader.end_row();
            }
            c if c == delimiter => {
                is_closed = false;
                reader.end_cell();
            }
            _ if is_closed => {
                let help = "write a quote within a quoted cell twice";
                return Err(fault(reader.line, "text follows the closing quote of a cell", help));
            }
            c => reader.cell.push(c),
        }
    }
    if let Some(line) = quoted_since {
        return Err(fault(line, "a quoted cell does not end; the file may have been truncated", "export it again"));
    }
    reader.end_row();
    let width = reader.rows.first().map_or(0, |header| header.cells.len());
    if let Some(row) = reader.rows.iter().find(|row| row.cells.len() != width) {
        let message = format!("the row has {} cells, and the header {width}", row.cells.len());
        return Err(fault(row.line, &message, "export it again, or quote cells that contain the delimiter"));
    }
    Ok(reader.rows)
}

struct Reader {
    rows: Vec<Row>,
    row: Row,
    cell: String,
    line: u32,
}

impl Reader {
    fn end_cell(&mut self) {
        self.row.cells.push(std::mem::take(&mut self.cell));
    }

    fn end_row(&mut self) {
        self.end_cell();
        self.line = self.line.saturating_add(1);
        let row = std::mem::replace(&mut self.row, Row { line: self.line, cells: Vec::new() });
        if row.cells.iter().any(|cell| !cell.is_empty()) || row.cells.len() > 1 {
            self.rows.push(row);
        }
    }
}

/// Characters by which a spreadsheet takes a cell for a formula, and the mark that prevents it.
const FORMULA: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\''];

/// A cell as it is written: one that a spreadsheet would take for a formula gets a `'` before it.
pub(super) fn written(text: &str) -> String {
    let text = if text.starts_with(FORMULA) { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// The text of a cell that [`written`] wrote.
pub(super) fn unmarked(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<Vec<String>> {
        rows("f", text, ',').unwrap().into_iter().map(|row| row.cells).collect()
    }

    #[test]
    fn quotes_line_ends_and_empty_cells_are_read() {
        assert_eq!(cells("a,b\r\n1,\n\"x,\"\"y\"\"\nz\",2\n\n"), [["a", "b"], ["1", ""], ["x,\"y\"\nz", "2"]]);
        let lines: Vec<u32> = rows("f", "a\n\"b\nc\"\nd", ',').unwrap().iter().map(|row| row.line).collect();
        assert_eq!(lines, [1, 2, 4]);
        for (broken, line) in [("a,b\n1", 2), ("a\n\"b", 2), ("a\n\"b\"c", 2), ("a,b\n1,2\n1,2,3\n", 3)] {
            let fault = rows("f", broken, ',').unwrap_err();
            assert_eq!(fault.place.unwrap().line, line, "{broken}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_reads_back_and_is_no_formula(table in proptest::collection::vec(proptest::collection::vec("[a\"',;=+@\\-\\t\\r\n ]{0,6}", 2), 1..5)) {
            let line = |row: &Vec<String>| row.iter().map(|cell| written(cell)).collect::<Vec<_>>().join(",");
            let text: String = table.iter().map(|row| line(row) + "\r\n").collect();
            let raw = cells(&text);
            proptest::prop_assert!(!raw.iter().flatten().any(|cell| cell.starts_with(['=', '+', '-', '@', '\t', '\r'])));
            let back: Vec<Vec<String>> = raw.into_iter().map(|row| row.iter().map(|cell| unmarked(cell).to_owned()).collect()).collect();
            proptest::prop_assert_eq!(back, table);
        }
    }
}
