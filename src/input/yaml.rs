//! The strict YAML reader for untrusted files.
//!
//! It returns an [`InputNode`] tree in which every value and key has its place, or all faults. Two independent parsers must
//! see the same values. The event parser of `serde-saphyr` runs first, within the [`ReadLimits`], because it takes linear
//! time and reports positions. `serde_yaml`, a fork of libyaml, then reads only what passed (libyaml takes 36 s for 100
//! KB of `[`). Aliases and tags are rejected, never resolved.
//!
//! Choices where YAML leaves room:
//! - Line breaks are LF or CR LF. Other characters that [`is_hidden`] lists are rejected, also in comments and escapes
//!   (`"\u202e"`). This includes tabs, because parsers differ on where a tab is allowed.
//! - One document. A leading `---` and a closing `...` are allowed; directives are not.
//! - Keys are text. A plain key that reads as another type must be quoted.
//! - Dates and times may be plain, because both parsers read them as text.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use serde_saphyr::granit_parser::{
    self, ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, StructureStyle,
};

use super::finding::{Code, Finding};
use super::node::{InputEntry, InputNode, InputValue, MOST_FINDINGS, REWRITE, ReadLimits, Source, shorten};
use super::place::{Place, Placed};
use super::text::{Text, is_hidden};
use super::yaml_plain::{self, Plain};

/// Reads one YAML document.
///
/// # Errors
/// Every fault found, in the order of the file.
pub fn read(name: &str, bytes: &[u8], budget: &ReadLimits) -> Result<InputNode, Vec<Finding>> {
    match examine(name, bytes, budget) {
        (Some(node), findings) if findings.is_empty() => Ok(node),
        (_, findings) => Err(findings),
    }
}

/// Reads as much of one YAML document as possible, so that the caller can report all faults at once.
///
/// Use the tree only if there are no findings. A faulty value is [`InputValue::Faulty`] in the tree.
#[must_use]
pub fn examine(name: &str, bytes: &[u8], budget: &ReadLimits) -> (Option<InputNode>, Vec<Finding>) {
    let source = match Source::new(name, bytes, budget) {
        Ok(source) => source,
        Err(finding) => return (None, vec![finding]),
    };
    let mut findings = hidden_characters(&source);
    let (node, faults) = Builder::new(&source, budget).run();
    let hidden = !findings.is_empty();
    // A hidden character often causes a syntax error too. Report only the cause.
    findings.extend(faults.into_iter().filter(|fault| !hidden || fault.code != Code::Syntax));
    if findings.is_empty()
        && let Some(node) = &node
        && let Err(finding) = second_reader(name, source.text, node)
    {
        findings.push(finding);
    }
    findings.sort_by(|a, b| a.place.as_ref().map(|p| p.bytes).cmp(&b.place.as_ref().map(|p| p.bytes)));
    (node, findings)
}

fn hidden_characters(source: &Source<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let mut more = 0_usize;
    let mut characters = source.text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let line_break = c == '\n' || (c == '\r' && characters.peek().is_some_and(|(_, next)| *next == '\n'));
        if line_break || !is_hidden(c) {
            continue;
        }
        if found.len() == MOST_FINDINGS {
            more = more.saturating_add(1);
            continue;
        }
        let (message, help) = match c {
            '\t' => ("the file contains a tab".to_owned(), "use spaces"),
            '\u{feff}' if at == 0 => {
                ("the file begins with a byte order mark".to_owned(), "save it as UTF-8 without one")
            }
            _ => (format!("the file contains the hidden character U+{:04X}", u32::from(c)), "remove it"),
        };
        let place = source.place(at..at.saturating_add(c.len_utf8()));
        found.push(Finding::new(Code::HiddenCharacter, message).at(&place).help(help));
    }
    if more > 0
        && let Some(last) = found.last_mut()
    {
        last.help = Some(format!("{more} more hidden characters follow; remove them all").into());
    }
    found
}

/// A collection that is still open.
struct Frame {
    start: usize,
    end: usize,
    style: StructureStyle,
    kind: Open,
}

enum Open {
    List(Vec<InputNode>),
    Mapping { entries: Vec<InputEntry>, seen: BTreeSet<Text>, key: Key },
}

enum Key {
    Wanted,
    Read(Placed<Text>),
    Refused,
}

/// The finding that ends the reading early.
struct Stop(Finding);

/// Builds the tree from events. It keeps its own stack, so the depth of the input does not use the call stack.
struct Builder<'a> {
    source: &'a Source<'a>,
    budget: &'a ReadLimits,
    stack: Vec<Frame>,
    nodes: usize,
    documents: usize,
    root: Option<InputNode>,
    findings: Vec<Finding>,
}

impl<'a> Builder<'a> {
    fn new(source: &'a Source<'a>, budget: &'a ReadLimits) -> Self {
        Self { source, budget, stack: Vec::new(), nodes: 0, documents: 0, root: None, findings: Vec::new() }
    }

    fn run(mut self) -> (Option<InputNode>, Vec<Finding>) {
        let mut options: Options = granit_parser::options! {
            strict_indentation: true,
            disallow_directives: true,
            emit_unresolved_aliases: true,
            emit_anchor_events: true,
            flow_nesting_limit: self.budget.depth.saturating_add(2),
            block_nesting_limit: self.budget.depth.saturating_add(2),
        };
        options.set_emit_comments(false);
        for event in Parser::new_from_str_with_options(self.source.text, options) {
            let step = match event {
                Ok((event, span)) => self.take(event, &span),
                Err(error) => Err(self.refused(&error)),
            };
            if let Err(Stop(finding)) = step {
                self.findings.push(finding);
                shorten(&mut self.findings, "findings");
                return (None, self.findings);
            }
        }
        shorten(&mut self.findings, "findings");
        match self.root {
            Some(InputNode { value: InputValue::Null, place }) => {
                self.findings.push(Finding::new(Code::Empty, "the document is empty").at(&place).help(REWRITE));
                (None, self.findings)
            }
            None => {
                let place = self.source.place(0..0);
                self.findings.push(Finding::new(Code::Empty, "the file contains no document").at(&place).help(REWRITE));
                (None, self.findings)
            }
            root @ Some(_) => (root, self.findings),
        }
    }

    fn refused(&self, error: &ScanError) -> Stop {
        let at = error.marker().byte_offset().unwrap_or_default().min(self.source.text.len());
        let length = self.source.slice(at..self.source.text.len()).chars().next().map_or(0, char::len_utf8);
        let place = self.source.place(at..at.saturating_add(length));
        let finding = if matches!(error.kind(), ErrorKind::DirectiveDisallowed) {
            Finding::new(Code::YamlFeature, "directives are not allowed").help("remove the line that begins with `%`")
        } else if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            self.too_deep()
        } else {
            let fault =
                Finding::new(Code::Syntax, format!("this is not well-formed YAML: {}", first_line(&error.info())));
            if error.info().contains("surrogate") {
                fault.help("write both halves of the pair, as in `\\ud83d\\ude00`, or the character itself")
            } else {
                fault
            }
        };
        Stop(finding.at(&place))
    }

    fn too_deep(&self) -> Finding {
        let message = format!("lists and mappings are nested more than {} levels deep", self.budget.depth);
        Finding::new(Code::TooLarge, message)
    }

    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), Stop> {
        let range = bytes_of(span);
        match event {
            Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Comment(..) => {}
            Event::DocumentStart(..) => {
                self.documents = self.documents.saturating_add(1);
                if self.documents > 1 {
                    return Err(Stop(self.feature(&range, "a second document begins here", "keep one document")));
                }
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.count(&range)?;
                let finding = self.feature(&range, "aliases are not allowed", "write the value out");
                self.findings.push(finding);
                self.put(InputNode { value: InputValue::Faulty, place: self.source.place(range) });
            }
            Event::Anchor(..) => {
                let finding = self.feature(&range, "anchors are not allowed", "remove it and write the value out");
                self.findings.push(finding);
            }
            Event::Scalar(text, style, _, tag) => {
                self.count(&range)?;
                self.refuse_tag(tag.is_some(), span);
                self.scalar(text, style, range);
            }
            Event::SequenceStart(style, _, tag) => {
                self.refuse_tag(tag.is_some(), span);
                self.open(style, range, Open::List(Vec::new()))?;
            }
            Event::MappingStart(style, _, tag) => {
                self.refuse_tag(tag.is_some(), span);
                let kind = Open::Mapping { entries: Vec::new(), seen: BTreeSet::new(), key: Key::Wanted };
                self.open(style, range, kind)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(&range),
            // A newer parser may emit new events. Reject the unknown ones.
            _ => return Err(Stop(self.feature(&range, "this YAML feature is not supported", "write it plainly"))),
        }
        Ok(())
    }

    fn feature(&self, range: &Range<usize>, message: &str, help: &str) -> Finding {
        Finding::new(Code::YamlFeature, message).at(&self.source.place(range.clone())).help(help)
    }

    fn refuse_tag(&mut self, tagged: bool, span: &Span) {
        if tagged {
            let range = span.tag_span().as_ref().map_or_else(|| bytes_of(span), bytes_of);
            let finding = self.feature(&range, "tags are not allowed", "remove it; quote the value if it is text");
            self.findings.push(finding);
        }
    }

    fn count(&mut self, range: &Range<usize>) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes <= self.budget.nodes {
            return Ok(());
        }
        let message = format!("the file contains more than {} values and keys", self.budget.nodes);
        Err(Stop(Finding::new(Code::TooLarge, message).at(&self.source.place(range.clone())).help("split it")))
    }

    fn open(&mut self, style: StructureStyle, range: Range<usize>, kind: Open) -> Result<(), Stop> {
        self.count(&range)?;
        if self.stack.len() >= self.budget.depth {
            return Err(Stop(self.too_deep().at(&self.source.place(range))));
        }
        self.stack.push(Frame { start: range.start, end: range.end, style, kind });
        Ok(())
    }

    fn close(&mut self, range: &Range<usize>) {
        let Some(frame) = self.stack.pop() else { return };
        // A block ends with its last value, but the parser reports the end only at the next line that is less indented.
        let end = if frame.style == StructureStyle::Flow { range.end } else { frame.end };
        let value = match frame.kind {
            Open::List(items) => InputValue::List(items),
            Open::Mapping { entries, .. } => InputValue::Mapping(entries),
        };
        let start = if matches!(value, InputValue::List(_)) && frame.style == StructureStyle::Block {
            first_dash(self.source, frame.start)
        } else {
            frame.start
        };
        let place = self.source.place(start..end.max(start));
        self.put(InputNode { value, place });
    }

    fn scalar(&mut self, text: Cow<'_, str>, style: ScalarStyle, range: Range<usize>) {
        let range = region(self.source, style, range);
        let place = self.source.place(range);
        // The parser writes `~` for an absent value.
        let absent = style == ScalarStyle::Plain && place.bytes.0 == place.bytes.1;
        let text = if absent { Cow::Borrowed("") } else { text };
        let plain = if style == ScalarStyle::Plain { yaml_plain::read(&text) } else { Plain::Text };
        if let Some(Frame { kind: Open::Mapping { key: Key::Wanted, .. }, .. }) = self.stack.last() {
            self.key(&text, plain, place);
            return;
        }
        if self.hides(&text, &place) {
            self.put(InputNode { value: InputValue::Faulty, place });
            return;
        }
        let value = match plain {
            Plain::Null => InputValue::Null,
            Plain::Bool(value) => InputValue::Bool(value),
            Plain::Integer(value) => InputValue::Integer(value),
            Plain::Fraction => InputValue::Number(text.as_ref().into()),
            Plain::Text => InputValue::Text(text.as_ref().into()),
            Plain::Ambiguous => {
                self.ambiguous(&text, &place);
                InputValue::Faulty
            }
        };
        self.put(InputNode { value, place });
    }

    fn ambiguous(&mut self, text: &str, place: &Place) {
        let message = format!("YAML 1.1 and 1.2 read `{text}` differently");
        self.findings.push(Finding::new(Code::AmbiguousScalar, message).at(place).help(format!("write \"{text}\"")));
    }

    /// Reports hidden characters that an escape produced. A line break is allowed.
    fn hides(&mut self, text: &str, place: &Place) -> bool {
        let Some(c) = text.chars().find(|c| *c != '\n' && is_hidden(*c)) else { return false };
        let raw = self.source.slice(place.bytes.0..place.bytes.1);
        // Hidden characters in the raw text are already reported.
        if !raw.contains(c) {
            let message = format!("the value contains the hidden character U+{:04X}", u32::from(c));
            self.findings.push(Finding::new(Code::HiddenCharacter, message).at(place).help("remove the escape"));
        }
        true
    }

    fn key(&mut self, text: &str, plain: Plain, place: Place) {
        let mut refuse = !matches!(plain, Plain::Text);
        match plain {
            Plain::Text => refuse = self.hides(text, &place),
            Plain::Ambiguous if text == "<<" => {
                let finding =
                    self.feature(&(place.bytes.0..place.bytes.1), "merge keys are not allowed", "write the fields out");
                self.findings.push(finding);
            }
            Plain::Null if text.is_empty() => {
                let finding = self.feature(&(place.bytes.0..place.bytes.1), "a key is missing here", "name the field");
                self.findings.push(finding);
            }
            Plain::Null | Plain::Bool(_) | Plain::Integer(_) | Plain::Fraction | Plain::Ambiguous => {
                self.ambiguous(text, &place);
            }
        }
        let Some(Frame { kind: Open::Mapping { seen, key, .. }, .. }) = self.stack.last_mut() else { return };
        let text = Text::from(text);
        if refuse {
            *key = Key::Refused;
        } else if seen.insert(text.clone()) {
            *key = Key::Read(Placed::new(text, place));
        } else {
            let message = format!("duplicate key `{}`", text.raw());
            self.findings.push(Finding::new(Code::DuplicateKey, message).at(&place).help("keep one of them"));
            *key = Key::Refused;
        }
    }

    /// Adds a finished value to the open collection.
    fn put(&mut self, mut node: InputNode) {
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return;
        };
        frame.end = frame.end.max(node.place.bytes.1.saturating_add(closing(self.source, node.place.bytes.1)));
        match &mut frame.kind {
            Open::List(items) => items.push(node),
            Open::Mapping { entries, key, .. } => match std::mem::replace(key, Key::Wanted) {
                Key::Read(key) => {
                    if matches!(node.value, InputValue::Null) && node.place.bytes.0 == node.place.bytes.1 {
                        node.place = key.place.clone();
                    }
                    frame.end = frame.end.max(key.place.bytes.1);
                    entries.push(InputEntry { key, value: node });
                }
                Key::Refused => {}
                Key::Wanted => {
                    *key = Key::Refused;
                    if !matches!(node.value, InputValue::Faulty) {
                        let finding = Finding::new(Code::YamlFeature, "keys must be text");
                        self.findings.push(finding.at(&node.place).help("write a word as the key"));
                    }
                }
            },
        }
    }
}

/// 1 if a closing quote is at this byte: the place of a quoted value excludes its quotes, the place of its parent includes them.
fn closing(source: &Source<'_>, at: usize) -> usize {
    usize::from(matches!(source.text.as_bytes().get(at), Some(b'"' | b'\'')))
}

/// Where a block list starts: for a list that is not indented, the parser reports the position after its first dash.
fn first_dash(source: &Source<'_>, start: usize) -> usize {
    let mut here = source.text.as_bytes().get(start..).unwrap_or_default().iter();
    let at_dash = here.next() == Some(&b'-') && here.next().is_none_or(u8::is_ascii_whitespace);
    let before = source.slice(0..start).trim_end();
    if !at_dash && before.ends_with('-') { before.len().saturating_sub(1) } else { start }
}

fn bytes_of(span: &Span) -> Range<usize> {
    let start = span.start.byte_offset().unwrap_or_default();
    start..span.end.byte_offset().unwrap_or_default().max(start)
}

/// Narrows the range of a scalar's token to its value.
fn region(source: &Source<'_>, style: ScalarStyle, range: Range<usize>) -> Range<usize> {
    let token = source.slice(range.clone());
    match style {
        ScalarStyle::Plain => range.start..range.start.saturating_add(token.trim_end().len()),
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted if token.len() >= 2 => {
            range.start.saturating_add(1)..range.end.saturating_sub(1)
        }
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => range,
        ScalarStyle::Literal | ScalarStyle::Folded => {
            // The token consists of the block's lines without its header, but with the line breaks at its end.
            let start = range.start.saturating_add(token.len().saturating_sub(token.trim_start().len()));
            start..start.saturating_add(token.trim().len())
        }
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// Reads the same text with the second parser and compares all values.
fn second_reader(name: &str, text: &str, node: &InputNode) -> Result<(), Finding> {
    let finding = |place: &Place, message: String| {
        Finding::new(Code::ReadersDisagree, message).at(place).help("write it in a simpler form, for example quoted")
    };
    match serde_yaml::from_str::<serde_yaml::Value>(&paired(text)) {
        Ok(other) => {
            same(node, &other).map_err(|at| finding(&at.place, "two YAML readers see different values here".to_owned()))
        }
        Err(error) => {
            let line = error.location().and_then(|l| u32::try_from(l.line()).ok()).unwrap_or(1).max(1);
            let message = format!("one of the two YAML readers rejects the file: {}", first_line(&error.to_string()));
            Err(finding(&Place::line(name, line), message))
        }
    }
}

/// Writes out the characters that are escaped as surrogate pairs, as JSON does. The second reader does not know them.
/// WHY: where a backslash is no escape, the readers then differ and the file is refused.
fn paired(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let half = |text: &str| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let pair = half(escape).zip(escape.get(6..).and_then(half));
        let joined =
            pair.and_then(|(high, low)| char::decode_utf16([high, low]).next()?.ok()).filter(|c| *c > '\u{ffff}');
        let length = if joined.is_some() { 12 } else { 1 + escape.chars().nth(1).map_or(0, char::len_utf8) };
        let (written, more) = escape.split_at(length);
        match joined {
            Some(c) => out.push(c),
            None => out.push_str(written),
        }
        rest = more;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The first node that the two readers see differently. The depth budget bounds the recursion.
fn same<'n>(node: &'n InputNode, other: &serde_yaml::Value) -> Result<(), &'n InputNode> {
    use serde_yaml::Value as Other;
    let agree = match (&node.value, other) {
        (InputValue::Null, Other::Null) => true,
        (InputValue::Bool(a), Other::Bool(b)) => a == b,
        (InputValue::Integer(a), Other::Number(b)) => b.as_i64() == Some(*a),
        (InputValue::Number(a), Other::Number(b)) => {
            !b.is_i64() && a.raw().parse::<f64>().ok().map(f64::to_bits) == b.as_f64().map(f64::to_bits)
        }
        (InputValue::Text(a), Other::String(b)) => a.raw() == b,
        (InputValue::List(a), Other::Sequence(b)) if a.len() == b.len() => {
            return a.iter().zip(b).try_for_each(|(a, b)| same(a, b));
        }
        (InputValue::Mapping(a), Other::Mapping(b)) if a.len() == b.len() => {
            return a.iter().zip(b).try_for_each(|(entry, (key, value))| {
                if key.as_str() == Some(entry.key.value.raw()) { same(&entry.value, value) } else { Err(&entry.value) }
            });
        }
        _ => false,
    };
    if agree { Ok(()) } else { Err(node) }
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
