//! Sheets: facts in rows under a title, which every format shows in its own way.
//!
//! Plain data for the renderers, filled by `cli`. The keys of a sheet and of its columns are stable, because programs
//! read them.

use crate::input::text::Text;
use crate::input::time::Time;

use super::sentence::Sentence;

/// A column: its key for programs, its title for people. One without a title is for programs only.
pub type Column = (&'static str, &'static str);

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Unknown, or empty.
    Absent,
    /// An external name or text.
    Text(Text),
    /// A word of the tool.
    Word(&'static str),
    /// A number.
    Number(u64),
    /// Whether something holds.
    Yes(bool),
    /// A time.
    Time(Time),
    /// External names.
    List(Vec<Text>),
    /// A sentence.
    Says(Sentence),
}

impl Cell {
    /// A name that may be absent.
    #[must_use]
    pub fn maybe(text: Option<Text>) -> Self {
        text.map_or(Self::Absent, Self::Text)
    }

    /// A time that may be absent.
    #[must_use]
    pub fn at(time: Option<Time>) -> Self {
        time.map_or(Self::Absent, Self::Time)
    }
}

/// Rows under a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// Its key for programs.
    pub key: &'static str,
    /// Its title for people.
    pub title: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// Its rows, each as long as the columns.
    pub rows: Vec<Vec<Cell>>,
    /// The text shown if there are no rows.
    pub none: &'static str,
}

impl Sheet {
    /// Whether no column of it is shown to people.
    #[must_use]
    pub fn is_for_programs(&self) -> bool {
        self.columns.iter().all(|(_, title)| title.is_empty())
    }
}

/// The result of a command in sheets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheets {
    /// Values about the whole: key, title, value.
    pub about: Vec<(&'static str, &'static str, Cell)>,
    /// The sheets, in the order of display.
    pub sheets: Vec<Sheet>,
}
