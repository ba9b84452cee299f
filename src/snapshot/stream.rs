//! Reads a large JSON snapshot in pieces, so that the text is never in memory as a whole.
//!
//! It returns the model and its faults, or nothing if the text is not a JSON snapshot; then [`super::read()`] reports why
//! from the whole text. It accepts nothing that `read` would reject. Memory for text is bounded by the longest item plus
//! one piece.

use std::io::{self, Read};

use serde::de::DeserializeOwned;

use super::model::{Snapshot, SystemTarget};
use super::place::Fault;
use super::{check, place};
use crate::input::finding::{Finding, Severity};
use crate::input::intern::interning;
use crate::input::system::System;
use crate::input::text::Text;
use crate::input::time::Time;

/// The number of bytes per read.
const PIECE: usize = 1 << 18;

/// A snapshot without places.
#[derive(Debug)]
pub struct Streamed {
    snapshot: Snapshot,
    faults: Vec<Fault>,
}

impl Streamed {
    /// Returns the snapshot if it has no findings.
    ///
    /// # Errors
    /// Returns itself if it has findings, whose places must be found in the text.
    pub fn clean(self) -> Result<Snapshot, Box<Self>> {
        if self.faults.is_empty() { Ok(self.snapshot) } else { Err(Box::new(self)) }
    }

    /// The result that `read` returns for the same text.
    ///
    /// # Errors
    /// All faults at once, each with its place, if any fault could hide access.
    pub fn placed(self, name: &str, text: &str) -> Result<(Snapshot, Vec<Finding>), Vec<Finding>> {
        let findings = place::placed(name, text, self.faults);
        if findings.iter().any(|f| f.severity == Severity::Error) {
            Err(findings)
        } else {
            Ok((self.snapshot, findings))
        }
    }
}

/// Reads a snapshot to the end of the reader. Returns nothing if it is not a well-formed JSON snapshot.
///
/// # Errors
/// If the reader fails.
pub fn stream(reader: &mut dyn Read) -> io::Result<Option<Streamed>> {
    let mut window = Window { reader, bytes: Vec::new(), at: 0, ended: false };
    let Some(mut snapshot) = interning(|| whole(&mut window))? else { return Ok(None) };
    let faults = check::whole(&mut snapshot);
    Ok(Some(Streamed { snapshot, faults }))
}

/// The fields that are not lists.
#[derive(Default)]
struct Head {
    version: Option<u32>,
    taken_at: Option<Time>,
    source: Option<Text>,
    target: Option<SystemTarget>,
    system: Option<System>,
}

fn whole(window: &mut Window<'_>) -> io::Result<Option<Snapshot>> {
    let mut head = Head::default();
    let mut lists = Snapshot { version: 0, ..Snapshot::empty(Text::default(), Time::from_unix(0)) };
    let mut seen: Vec<String> = Vec::new();
    if !window.takes(b'{')? {
        return Ok(None);
    }
    loop {
        let Some(key) = window.value::<String>()? else { return Ok(None) };
        if seen.contains(&key) || !window.takes(b':')? || !section(window, &key, &mut head, &mut lists)? {
            return Ok(None);
        }
        seen.push(key);
        if window.takes(b',')? {
            continue;
        }
        if !window.takes(b'}')? || window.peek()?.is_some() {
            return Ok(None);
        }
        let (Some(version), Some(taken_at), Some(source)) = (head.version, head.taken_at, head.source) else {
            return Ok(None);
        };
        return Ok(Some(Snapshot { version, taken_at, source, target: head.target, system: head.system, ..lists }));
    }
}

/// Reads the value of a key. Returns whether the key and the value are valid.
fn section(window: &mut Window<'_>, key: &str, head: &mut Head, lists: &mut Snapshot) -> io::Result<bool> {
    match key {
        "version" => window.single(&mut head.version),
        "taken_at" => window.single(&mut head.taken_at),
        "source" => window.single(&mut head.source),
        "target" => window.single(&mut head.target),
        "parts" => window.list(&mut lists.parts),
        "system" => window.single(&mut head.system),
        "cluster_scoped" => window.list(&mut lists.cluster_scoped),
        "identities" => window.list(&mut lists.identities),
        "groups" => window.list(&mut lists.groups),
        "roles" => window.list(&mut lists.roles),
        "resources" => window.list(&mut lists.resources),
        "assignments" => window.list(&mut lists.assignments),
        "trusts" => window.list(&mut lists.trusts),
        "trust_rules" => window.list(&mut lists.trust_rules),
        "credentials" => window.list(&mut lists.credentials),
        "findings" => window.list(&mut lists.findings),
        _ => Ok(false),
    }
}

/// The part of the text that is in memory.
struct Window<'r> {
    reader: &'r mut dyn Read,
    bytes: Vec<u8>,
    at: usize,
    ended: bool,
}

impl Window<'_> {
    /// Drops the consumed text and reads one more piece.
    fn fill(&mut self) -> io::Result<()> {
        self.bytes.drain(..self.at);
        self.at = 0;
        let piece = u64::try_from(PIECE.max(self.bytes.len())).unwrap_or(u64::MAX);
        let read = (&mut *self.reader).take(piece).read_to_end(&mut self.bytes)?;
        self.ended = read == 0;
        Ok(())
    }

    /// The next byte that is not white space, if any.
    fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            while let Some(byte) = self.bytes.get(self.at) {
                if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                    return Ok(Some(*byte));
                }
                self.at += 1;
            }
            if self.ended {
                return Ok(None);
            }
            self.fill()?;
        }
    }

    /// Consumes a byte if it is the next one.
    fn takes(&mut self, wanted: u8) -> io::Result<bool> {
        let found = self.peek()? == Some(wanted);
        self.at += usize::from(found);
        Ok(found)
    }

    /// Reads one value, or nothing if there is none of this type.
    fn value<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<T>();
            let (found, end) = (values.next(), self.at + values.byte_offset());
            match found {
                // A number at the end of the piece may continue in the next one.
                Some(Ok(value)) if self.ended || end < self.bytes.len() => {
                    self.at = end;
                    return Ok(Some(value));
                }
                Some(Err(fault)) if !fault.is_eof() || self.ended => return Ok(None),
                None if self.ended => return Ok(None),
                Some(_) | None => self.fill()?,
            }
        }
    }

    fn single<T: DeserializeOwned>(&mut self, into: &mut Option<T>) -> io::Result<bool> {
        *into = self.value()?;
        Ok(into.is_some())
    }

    fn list<T: DeserializeOwned>(&mut self, into: &mut Vec<T>) -> io::Result<bool> {
        if !self.takes(b'[')? {
            return Ok(false);
        }
        if self.takes(b']')? {
            return Ok(true);
        }
        loop {
            let Some(value) = self.value()? else { return Ok(false) };
            into.push(value);
            if self.takes(b',')? {
                continue;
            }
            return self.takes(b']');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#" {"version": 1, "taken_at":"2026-01-01T00:00:00Z","source":"x\u00e9", "identities":[{"id":"ä","kind":"human"}],
        "roles":[],"groups":[{"id":"g","members":["ä"]} , {"id":"h"}],
        "assignments":[{"id":"a","who":"ä","member_of":"g"},{"id":"b","who":"g","role":"r"}]} "#;

    /// A reader that returns a few bytes at a time.
    struct Drops<'t>(&'t [u8], usize);

    impl Read for Drops<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(into.len()).min(self.0.len());
            let (now, later) = self.0.split_at(n);
            into[..n].copy_from_slice(now);
            self.0 = later;
            Ok(n)
        }
    }

    fn streamed(text: &[u8], drop: usize) -> Option<Streamed> {
        let mut drops = Drops(text, drop);
        let mut window = Window { reader: &mut drops, bytes: Vec::new(), at: 0, ended: false };
        let mut snapshot = whole(&mut window).unwrap()?;
        let faults = check::whole(&mut snapshot);
        Some(Streamed { snapshot, faults })
    }

    #[test]
    fn a_snapshot_in_pieces_is_the_snapshot_as_a_whole_with_all_that_is_notable() {
        let (whole, notes) = super::super::read("s.json", GOOD.as_bytes()).unwrap();
        assert!(!notes.is_empty(), "role `r` is unknown");
        for drop in [1, 2, 3, 7, 1 << 20] {
            let (snapshot, findings) = streamed(GOOD.as_bytes(), drop).unwrap().placed("s.json", GOOD).unwrap();
            assert_eq!(snapshot, whole);
            assert_eq!(findings, notes);
        }
        assert!(stream(&mut GOOD.as_bytes()).unwrap().unwrap().clean().is_err(), "something is notable");
    }

    #[test]
    fn whatever_is_cut_off_changed_or_added_is_left_to_the_reader_of_the_whole() {
        let bytes = GOOD.trim().as_bytes();
        for end in 0..bytes.len() {
            assert!(streamed(&bytes[..end], 1 << 20).is_none(), "{end}");
        }
        for (from, to) in [
            ("\"roles\"", "\"rolls\""),
            ("\"groups\"", "\"identities\""),
            ("\"roles\":[]", "\"roles\":null"),
            ("[{\"id\":\"a\"", "[,{\"id\":\"a\""),
            ("} , {", "} {"),
            ("1,", "1.5,"),
            ("\"source\"", "\"sauce\""),
            ("]}", "]}}"),
            ("]}", "],}"),
            ("\"kind\":\"human\"", "\"kind\":\"human\",\"kind\":\"human\""),
            ("\"kind\":\"human\"", "\"kind\":\"human\",\"colour\":1"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            assert!(streamed(text.as_bytes(), 5).is_none(), "{from} → {to}");
            assert!(super::super::read("s.json", text.as_bytes()).is_err(), "{from} → {to}");
        }
        let mut bad = GOOD.as_bytes().to_vec();
        let at = GOOD.find('ä').unwrap();
        bad[at] = 0xff;
        assert!(streamed(&bad, 9).is_none(), "not UTF-8");
    }
}
