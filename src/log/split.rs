//! A run of bytes cut into sessions, without judging them.
//!
//! In: the bytes of one file, as a stream. Out: groups of whole lines, each from a `session` line, or from the line
//! after a `sig`, to the next such place. A line beyond the longest allowed is cut there, so that no input can make
//! this file hold more than one session and one line too many.

use std::io::{self, BufRead, Read as _};

use super::line;

/// Lines that belong together, as far as their kinds say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The first line's number in its file, from 1.
    pub line: usize,
    /// The first byte's offset in its file.
    pub offset: usize,
    /// The first byte's place in the batch.
    pub start: usize,
    /// The place in the batch after the last byte.
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

/// Cuts one file.
pub struct Splitter<R> {
    reader: R,
    /// How many lines were read.
    line: usize,
    /// How many bytes were read.
    offset: usize,
    /// The first line of the next batch, already read, with its number and offset.
    carried: Option<(usize, usize, Vec<u8>)>,
    after_sig: bool,
}

impl<R: BufRead> Splitter<R> {
    /// Begins at the first byte of a file.
    pub fn new(reader: R) -> Self {
        Self { reader, line: 0, offset: 0, carried: None, after_sig: true }
    }

    /// How many lines were read so far.
    pub fn lines(&self) -> usize {
        self.line
    }

    /// How many bytes were read so far.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Fills `batch` with groups until it holds `enough` bytes or the file ends; no groups: nothing is left.
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

    /// Appends the next line, cut if it is too long; gives how many bytes of the file it took.
    fn read_line(&mut self, batch: &mut Vec<u8>) -> io::Result<usize> {
        let limit = line::LONGEST as u64 + 1;
        let mut length = (&mut self.reader).take(limit).read_until(b'\n', batch)?;
        if length <= line::LONGEST || batch.last() == Some(&b'\n') {
            return Ok(length);
        }
        // WHY: the cut line must not run into the next one; that it is too long is found either way.
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
