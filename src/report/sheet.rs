//! Sheets: facts in rows, each with a title, that every format shows in its own way.
//!
//! In: nothing (plain data; `cli` fills it). Out: what the renderers show. A sheet's key and the keys of its columns are
//! stable: programs read them. It counts nothing and decides nothing.

use crate::input::text::Text;
use crate::input::time::Time;

use super::sentence::Sentence;

/// A column: its key for programs, its title for people. One without a title is for programs only.
pub type Column = (&'static str, &'static str);

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing is known, or nothing is to be said.
    Absent,
    /// A name or words from outside.
    Text(Text),
    /// A word of ours.
    Word(&'static str),
    /// A number.
    Number(u64),
    /// Whether something holds.
    Yes(bool),
    /// A time.
    Time(Time),
    /// Names from outside.
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
    /// What is said where there is no row.
    pub none: &'static str,
}

impl Sheet {
    /// Whether no column of it is shown to people.
    #[must_use]
    pub fn is_for_programs(&self) -> bool {
        self.columns.iter().all(|(_, title)| title.is_empty())
    }
}

/// What a command has to say in sheets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheets {
    /// Values that are about the whole: key, title, value.
    pub about: Vec<(&'static str, &'static str, Cell)>,
    /// The sheets, in the order in which they are shown.
    pub sheets: Vec<Sheet>,
}
