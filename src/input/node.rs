//! The tree that both strict readers (YAML and JSON) return, the budgets of the readers, and the mapping from byte
//! ranges to places.

use std::ops::Range;
use std::sync::Arc;

use super::finding::{Code, Finding};
use super::place::{Place, Placed};
use super::text::Text;

/// The limits of a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Maximum size of the file in bytes.
    pub bytes: usize,
    /// Maximum nesting of lists and mappings.
    pub depth: usize,
    /// Maximum number of values and keys.
    pub nodes: usize,
}

impl ReadLimits {
    /// The limits for a plan and for each configuration file: 1 MiB, 32 levels, 100,000 nodes.
    pub const FILE: Self = Self { bytes: 1 << 20, depth: 32, nodes: 100_000 };
}

/// A value and its place.
#[derive(Clone, Debug)]
pub struct InputNode {
    /// The value.
    pub value: InputValue,
    /// The exact region of the value: without the quotes of a quoted value. An absent value has the place of its key.
    pub place: Place,
}

/// A value.
#[derive(Clone, Debug)]
pub enum InputValue {
    /// `null`, or an absent value after a key.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number, as written.
    Number(Text),
    /// Text.
    Text(Text),
    /// A list.
    List(Vec<InputNode>),
    /// A mapping, in file order, with unique keys.
    Mapping(Vec<InputEntry>),
    /// A value that already has a finding. Further checks ignore it.
    Faulty,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct InputEntry {
    /// The key.
    pub key: Placed<Text>,
    /// The value.
    pub value: InputNode,
}

impl InputNode {
    /// The entries, if this is a mapping.
    #[must_use]
    pub fn entries(&self) -> Option<&[InputEntry]> {
        if let InputValue::Mapping(entries) = &self.value { Some(entries) } else { None }
    }

    /// The items, if this is a list.
    #[must_use]
    pub fn items(&self) -> Option<&[InputNode]> {
        if let InputValue::List(items) = &self.value { Some(items) } else { None }
    }

    /// The text, if this is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&Text> {
        if let InputValue::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The value of a key, if this is a mapping with that key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&InputNode> {
        self.entries()?.iter().find(|entry| entry.key.value.raw() == key).map(|entry| &entry.value)
    }

    /// A short region to point at: the first key of a mapping, otherwise the value.
    #[must_use]
    pub fn head(&self) -> &Place {
        self.entries().and_then(<[InputEntry]>::first).map_or(&self.place, |entry| &entry.key.place)
    }

    /// The kind of this value, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.value {
            InputValue::Null => "nothing",
            InputValue::Bool(_) => "true or false",
            InputValue::Integer(_) | InputValue::Number(_) => "a number",
            InputValue::Text(_) => "text",
            InputValue::List(_) => "a list",
            InputValue::Mapping(_) => "a mapping",
            InputValue::Faulty => "a faulty value",
        }
    }
}

/// The text of a file, with an index from byte offsets to lines and columns.
pub(super) struct Source<'a> {
    /// The text.
    pub text: &'a str,
    name: Arc<str>,
    /// Byte offset of the start of each line.
    lines: Vec<usize>,
    /// Characters before byte `n * STEP`. Without this index, each column lookup in a very long line would scan the line.
    characters: Vec<u32>,
}

const STEP: usize = 128;

/// The help text for an empty file.
pub(super) const REWRITE: &str = "write the file again or restore it; it may have been truncated";

/// How many findings of one kind a reader lists. It counts the others.
pub(super) const MOST_FINDINGS: usize = 100;

impl<'a> Source<'a> {
    /// Accepts bytes that are not empty, within the budget, and UTF-8.
    ///
    /// # Errors
    /// The finding that stops the reading.
    pub fn new(name: &str, bytes: &'a [u8], budget: &ReadLimits) -> Result<Self, Finding> {
        if bytes.len() > budget.bytes {
            let message = format!("the file has {} bytes; the limit is {}", bytes.len(), budget.bytes);
            return Err(Finding::new(Code::TooLarge, message).at(&Place::file(name)).help("split it"));
        }
        if bytes.is_empty() {
            return Err(Finding::new(Code::Empty, "the file is empty").at(&Place::file(name)).help(REWRITE));
        }
        let valid = match std::str::from_utf8(bytes) {
            Ok(text) => return Ok(Self::of_text(name, text)),
            Err(error) => error.valid_up_to(),
        };
        let good = bytes.get(..valid).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default();
        let mut place = Source::of_text(name, good).place(valid..valid);
        place.bytes = (valid, valid.saturating_add(1));
        let byte = bytes.get(valid).copied().unwrap_or_default();
        Err(Finding::new(Code::NotUtf8, format!("byte 0x{byte:02x} is not UTF-8"))
            .at(&place)
            .help("save the file as UTF-8"))
    }

    fn of_text(name: &str, text: &'a str) -> Self {
        let mut lines = vec![0];
        let mut characters = Vec::with_capacity(text.len() / STEP + 1);
        let mut count = 0_u32;
        for (at, byte) in text.bytes().enumerate() {
            if at % STEP == 0 {
                characters.push(count);
            }
            // UTF-8 continuation bytes do not start a character.
            count = count.saturating_add(u32::from(byte & 0xc0 != 0x80));
            if byte == b'\n' {
                lines.push(at.saturating_add(1));
            }
        }
        Self { text, name: name.into(), lines, characters }
    }

    /// The number of characters before a byte.
    fn characters_before(&self, at: usize) -> u32 {
        let checkpoint = (at / STEP).min(self.characters.len().saturating_sub(1));
        let known = self.characters.get(checkpoint).copied().unwrap_or_default();
        let rest = self.text.as_bytes().get(checkpoint.saturating_mul(STEP)..at).unwrap_or_default();
        let more = rest.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        known.saturating_add(u32::try_from(more).unwrap_or(u32::MAX))
    }

    /// The place of a byte range.
    pub fn place(&self, range: Range<usize>) -> Place {
        let start = range.start.min(self.text.len());
        let line = self.lines.partition_point(|first| *first <= start);
        let first = self.lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        Place {
            file: Arc::clone(&self.name),
            line: u32::try_from(line).unwrap_or(u32::MAX).max(1),
            column: self.characters_before(start).saturating_sub(self.characters_before(first)).saturating_add(1),
            bytes: (start, range.end.min(self.text.len()).max(start)),
        }
    }

    /// The text of a byte range, or an empty text if the range splits a character.
    pub fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }
}

/// Truncates a list of findings of one kind and notes how many were omitted.
pub(super) fn shorten(findings: &mut Vec<Finding>, what: &str) {
    let more = findings.len().saturating_sub(MOST_FINDINGS);
    if more > 0 {
        findings.truncate(MOST_FINDINGS);
        if let Some(last) = findings.last_mut() {
            last.help = Some(format!("{more} more {what} not shown").into());
        }
    }
}
