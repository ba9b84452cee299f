//! Splits a byte stream into sessions without checking them.
//!
//! A group is a sequence of whole lines that starts at a `session` line or after a `sig` line. A line longer than the
//! limit is truncated, so memory use is bounded by one session and one overlong line.

use std::io::{self, BufRead, Read as _};

use super::line;

/// Lines that form a session, judging by their types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The number of its first line in the file, from 1.
    pub line: usize,
    /// The offset of its first byte in the file.
    pub offset: usize,
    /// The offset of its first byte in the batch.
    pub start: usize,
    /// The offset after its last byte in the batch.
    pub end: usize,
    /// Whether the file ends with it.
    pub last: bool,
}

impl Group {
    /// Its bytes within the batch.
    #[must_use]
    pub fn bytes<'a>(&self, batch: &'a [u8]) -> &'a [u8] {
        batch.get(self.start..self.end).unwrap_or_default()
    }
}

/// Splits one file.
pub struct Splitter<R> {
    reader: R,
    /// The number of lines read.
    line: usize,
    /// The number of bytes read.
    offset: usize,
    /// The first line of the next batch, already read, with its number and offset.
    carried: Option<(usize, usize, Vec<u8>)>,
    after_sig: bool,
}

impl<R: BufRead> Splitter<R> {
    /// Starts at the first byte of a file.
    pub fn new(reader: R) -> Self {
        Self { reader, line: 0, offset: 0, carried: None, after_sig: true }
    }

    /// The number of lines read so far.
    pub fn lines(&self) -> usize {
        self.line
    }

    /// The number of bytes read so far.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Fills `batch` with groups until it has `enough` bytes or the file ends. Returns no groups at the end.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn next(&mut self, enough: usize, batch: &mut Vec<u8>) -> io::Result<Vec<Group>> {
        batch.clear();
        let mut groups: Vec<Group> = Vec::new();
        if let Some((line, offset, mut bytes)) = self.carried.take() {
            groups.push(Group { line, offset, start: 0, end: 0, last: false });
            batch.append(&mut bytes);
        }
        loop {
            let (start, offset) = (batch.len(), self.offset);
            let length = self.read_line(batch)?;
            if length == 0 {
                if let Some(group) = groups.last_mut() {
                    group.end = start;
                    group.last = true;
                }
                return Ok(groups);
            }
            self.line = self.line.saturating_add(1);
            self.offset = self.offset.saturating_add(length);
            let word = line::word(batch.get(start..).unwrap_or_default());
            let begins = self.after_sig || word == Some(b"session");
            self.after_sig = word == Some(b"sig");
            if begins {
                if let Some(group) = groups.last_mut() {
                    group.end = start;
                }
                if start >= enough {
                    self.carried = Some((self.line, offset, batch.split_off(start)));
                    return Ok(groups);
                }
                groups.push(Group { line: self.line, offset, start, end: start, last: false });
            }
        }
    }

    /// Appends the next line, truncated if it is too long. Returns the number of bytes it had in the file.
    fn read_line(&mut self, batch: &mut Vec<u8>) -> io::Result<usize> {
        let limit = line::LONGEST as u64 + 1;
        let mut length = (&mut self.reader).take(limit).read_until(b'\n', batch)?;
        if length <= line::LONGEST || batch.last() == Some(&b'\n') {
            return Ok(length);
        }
        // Keep the truncated line apart from the next one. The parser reports its length in any case.
        batch.push(b'\n');
        loop {
            let rest = self.reader.fill_buf()?;
            let end = rest.iter().position(|b| *b == b'\n');
            let taken = end.map_or(rest.len(), |at| at.saturating_add(1));
            self.reader.consume(taken);
            length = length.saturating_add(taken);
            if end.is_some() || taken == 0 {
                return Ok(length);
            }
        }
    }
}
