//! Finds the position of a value in a file by its path.
//!
//! The fast reader does not record positions, so this second scan runs only if there is a fault. It takes linear time. In
//! malformed text it finds only what comes before the fault.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::input::finding::Finding;
use crate::input::place::Place;

use super::tree::{self, Node};

/// One step from a value to a nested value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// The value of a key.
    Key(Cow<'static, str>),
    /// An element of a sequence, from 0.
    At(usize),
}

/// The path from the root of a document to a value.
pub(super) type Path = Vec<Step>;

/// A finding about the value at a path.
#[derive(Debug)]
pub(super) struct Fault {
    /// What is wrong.
    pub finding: Finding,
    /// The path of the value.
    pub path: Path,
}

/// Adds places to faults of a single-document file. A path that does not exist gets the place of its nearest ancestor.
pub(super) fn placed(name: &str, text: &str, faults: Vec<Fault>) -> Vec<Finding> {
    if faults.is_empty() {
        return Vec::new();
    }
    let documents =
        if tree::is_json(text.as_bytes()) { None } else { tree::documents(name, text).ok().filter(|d| d.len() == 1) };
    let found = match documents.as_deref() {
        Some([document]) => faults.iter().map(|f| in_tree(name, &document.tree, &f.path)).collect::<Vec<_>>(),
        _ => in_json(name, text, 0, faults.iter().map(|f| &f.path)),
    };
    faults.into_iter().zip(found).map(|(fault, place)| fault.finding.at(&place)).collect()
}

fn in_tree(name: &str, top: &Node, path: &[Step]) -> Place {
    let mut here = top;
    for step in path {
        let next = match step {
            Step::Key(key) => here.entries().and_then(|e| e.iter().find(|(k, _)| **k == **key)).map(|(_, v)| v),
            Step::At(n) => here.list().and_then(|l| l.get(*n)),
        };
        match next {
            Some(next) => here = next,
            None => break,
        }
    }
    Place { file: name.into(), line: here.line.max(1), column: here.column.max(1), bytes: (0, 0) }
}

/// Finds values of the JSON document that starts at byte `start`. Returns one place per path, in order.
pub(super) fn in_json<'a>(
    name: &str,
    text: &str,
    start: usize,
    paths: impl Iterator<Item = &'a Path> + Clone,
) -> Vec<Place> {
    let mut wanted = BTreeSet::new();
    for path in paths.clone() {
        for end in 0..=path.len() {
            wanted.insert(path.get(..end).unwrap_or_default().to_vec());
        }
    }
    let mut scan =
        Scan { bytes: text.as_bytes(), at: start, path: Vec::new(), wanted: &wanted, found: BTreeMap::new() };
    scan.value(0);
    let found = scan.found;
    let lines = Lines::of(text);
    paths
        .map(|path| {
            let region = (0..=path.len())
                .rev()
                .find_map(|end| found.get(path.get(..end).unwrap_or_default()))
                .copied()
                .unwrap_or((start, start));
            lines.place(name, text, region)
        })
        .collect()
}

/// The offset of each line.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(
            std::iter::once(0)
                .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1))
                .collect(),
        )
    }

    fn place(&self, name: &str, text: &str, bytes: (usize, usize)) -> Place {
        let line = self.0.partition_point(|start| *start <= bytes.0);
        let start = self.0.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = text.get(start..bytes.0).map_or(0, |before| before.chars().count()).saturating_add(1);
        Place {
            file: name.into(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            bytes,
        }
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    path: Path,
    wanted: &'a BTreeSet<Path>,
    found: BTreeMap<Path, (usize, usize)>,
}

impl Scan<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Skips one value. Returns `None` if the text is malformed or nested too deeply.
    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > 130 {
            return None;
        }
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'{' => self.object(depth)?,
            b'[' => self.array(depth)?,
            b'"' => drop(self.string()?),
            _ => {
                while self
                    .bytes
                    .get(self.at)
                    .is_some_and(|b| !matches!(b, b',' | b'}' | b']') && !b.is_ascii_whitespace())
                {
                    self.at += 1;
                }
            }
        }
        if self.wanted.contains(&self.path) {
            self.found.insert(self.path.clone(), (start, self.at));
        }
        Some(())
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.eat(b'{')?;
        if self.peek()? == b'}' {
            return self.eat(b'}');
        }
        loop {
            self.peek()?;
            let key = self.string()?;
            self.eat(b':')?;
            self.path.push(Step::Key(key.into()));
            self.value(depth + 1)?;
            self.path.pop();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => return self.eat(b'}'),
                _ => return None,
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.eat(b'[')?;
        if self.peek()? == b']' {
            return self.eat(b']');
        }
        let mut n = 0;
        loop {
            self.path.push(Step::At(n));
            self.value(depth + 1)?;
            self.path.pop();
            n += 1;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => return self.eat(b']'),
                _ => return None,
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        let start = self.at;
        self.eat(b'"')?;
        loop {
            match self.bytes.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        serde_json::from_slice(self.bytes.get(start..self.at)?).ok()
    }
}
