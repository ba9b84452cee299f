//! The tree that the strict YAML and JSON readers both give.
//!
//! In: what a reader believed. Out: values and keys, each with the [`Place`] that holds exactly it; the budgets that a
//! reader keeps; [`Source`], which turns byte ranges into places. Never holds text that a reader has not accepted.

use std::ops::Range;
use std::sync::Arc;

use super::finding::{Code, Finding};
use super::place::{Place, Placed};
use super::text::Text;

/// How much input a reader takes before it gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of the whole file.
    pub bytes: usize,
    /// Lists and mappings within one another.
    pub depth: usize,
    /// Values and keys.
    pub nodes: usize,
}

impl Budget {
    /// What a plan and each configuration file may take: 1 MiB, 32 levels, 100,000 nodes.
    pub const FILE: Self = Self { bytes: 1 << 20, depth: 32, nodes: 100_000 };
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Exactly the value: within the quotes of a quoted one, the lines of a block; an absent value has its key's place.
    pub place: Place,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`, or nothing after a key.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number, as it was written.
    Number(Text),
    /// Text.
    Text(Text),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file, each key once.
    Mapping(Vec<Entry>),
    /// Something a finding already names; it answers every question with silence.
    Faulty,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Placed<Text>,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The entries, if this is a mapping.
    #[must_use]
    pub fn entries(&self) -> Option<&[Entry]> {
        if let Value::Mapping(entries) = &self.value { Some(entries) } else { None }
    }

    /// The items, if this is a list.
    #[must_use]
    pub fn items(&self) -> Option<&[Node]> {
        if let Value::List(items) = &self.value { Some(items) } else { None }
    }

    /// The text, if this is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&Text> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// The value below a key, if this is a mapping that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?.iter().find(|entry| entry.key.value.raw() == key).map(|entry| &entry.value)
    }

    /// A short region that stands for this value: the first key of a mapping, else the value.
    #[must_use]
    pub fn head(&self) -> &Place {
        self.entries().and_then(<[Entry]>::first).map_or(&self.place, |entry| &entry.key.place)
    }

    /// What kind of value this is, in the words of a message.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Integer(_) | Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Faulty => "a faulty value",
        }
    }
}

/// A file's text with the means to say where a byte stands.
pub(super) struct Source<'a> {
    /// The text.
    pub text: &'a str,
    name: Arc<str>,
    /// Byte offset of the start of each line.
    lines: Vec<usize>,
    /// Characters before byte `n * STEP`. WHY: a line may be as long as the file, and each value asks for its column.
    characters: Vec<u32>,
}

const STEP: usize = 128;

/// How to fix a file that holds nothing.
pub(super) const REWRITE: &str = "write it anew, or take it from where it is kept; it may have been cut off";

/// How many findings of one kind a reader lists before it only counts them.
pub(super) const MOST_FINDINGS: usize = 100;

impl<'a> Source<'a> {
    /// Takes bytes that are not empty, within the budget and UTF-8.
    ///
    /// # Errors
    /// The one finding that stops the reading.
    pub fn new(name: &str, bytes: &'a [u8], budget: &Budget) -> Result<Self, Finding> {
        if bytes.len() > budget.bytes {
            let message = format!("the file has {} bytes; at most {} are read", bytes.len(), budget.bytes);
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
            // A byte that continues a character is no new one.
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

    /// The place of a range of bytes.
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

    /// The text of a range of bytes; nothing if it cuts a character.
    pub fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }
}

/// Cuts a list of findings of one kind short and says how many were left out.
pub(super) fn shorten(findings: &mut Vec<Finding>, what: &str) {
    let more = findings.len().saturating_sub(MOST_FINDINGS);
    if more > 0 {
        findings.truncate(MOST_FINDINGS);
        if let Some(last) = findings.last_mut() {
            last.help = Some(format!("{more} more {what} follow").into());
        }
    }
}
