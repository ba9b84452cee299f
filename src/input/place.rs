//! Positions in files.

use std::sync::Arc;

use serde::Serialize;

use super::text::Text;

/// A region of a file, to which a finding points.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Start and end of the region, as byte offsets in the file. Both are 0 if only the line is known.
    pub bytes: (usize, usize),
}

impl Place {
    /// A whole file, if nothing more exact is known.
    #[must_use]
    pub fn file(name: &str) -> Self {
        Self { file: name.into(), line: 1, column: 1, bytes: (0, 0) }
    }

    /// A line of a file, counted from 1.
    #[must_use]
    pub fn line(name: &str, line: u32) -> Self {
        Self { file: name.into(), line, column: 1, bytes: (0, 0) }
    }

    /// The file's name as text.
    #[must_use]
    pub fn file_text(&self) -> Text {
        Text::new(Arc::clone(&self.file))
    }
}

/// A value with its place. Equality compares only the value.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub place: Place,
}

impl<T> Placed<T> {
    /// Combines a value and its place.
    pub fn new(value: T, place: Place) -> Self {
        Self { value, place }
    }

    /// Transforms the value and keeps the place.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Placed<U> {
        Placed { value: f(self.value), place: self.place }
    }
}

impl<T: PartialEq> PartialEq for Placed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Placed<T> {}

impl<T: Serialize> Serialize for Placed<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}
