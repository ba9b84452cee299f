//! The strict JSON reader for untrusted files.
//!
//! It returns the same [`InputNode`] tree as [`super::yaml`], or the fault that stopped the reading and all duplicate keys.
//! It is stricter than RFC 8259: UTF-8 without a byte order mark, unique keys, no lone surrogates, nothing after the
//! value. Whole numbers within 64 bits become integers; other numbers keep their text. It takes linear time and keeps
//! its own stack, so the depth of the input does not use the call stack.

use std::collections::BTreeSet;

use super::finding::{Code, Finding};
use super::node::{InputEntry, InputNode, InputValue, ReadLimits, Source, shorten};
use super::place::Placed;
use super::text::Text;

/// Reads one JSON value.
///
/// # Errors
/// Every fault found, in the order of the file.
pub fn read(name: &str, bytes: &[u8], budget: &ReadLimits) -> Result<InputNode, Vec<Finding>> {
    match examine(name, bytes, budget) {
        (Some(node), findings) if findings.is_empty() => Ok(node),
        (_, findings) => Err(findings),
    }
}

/// Reads as much of one JSON value as possible. Use the tree only if there are no findings.
#[must_use]
pub fn examine(name: &str, bytes: &[u8], budget: &ReadLimits) -> (Option<InputNode>, Vec<Finding>) {
    let source = match Source::new(name, bytes, budget) {
        Ok(source) => source,
        Err(finding) => return (None, vec![finding]),
    };
    let mut reader = Reader { source: &source, budget, at: 0, nodes: 0, duplicates: Vec::new() };
    let result = reader.document();
    let mut findings = reader.duplicates;
    shorten(&mut findings, "duplicate keys");
    match result {
        Ok(node) => (Some(node), findings),
        Err(stop) => {
            findings.push(stop);
            (None, findings)
        }
    }
}

/// A collection that is still open.
struct Frame {
    start: usize,
    kind: Open,
}

enum Open {
    List(Vec<InputNode>),
    Mapping { entries: Vec<InputEntry>, seen: BTreeSet<Text>, key: Option<Placed<Text>> },
}

struct Reader<'a> {
    source: &'a Source<'a>,
    budget: &'a ReadLimits,
    at: usize,
    nodes: usize,
    duplicates: Vec<Finding>,
}

type Read<T> = Result<T, Finding>;

impl Reader<'_> {
    fn document(&mut self) -> Read<InputNode> {
        let mut stack: Vec<Frame> = Vec::new();
        self.blank();
        loop {
            // A value starts here.
            let mut node = match self.peek() {
                Some(b'[') => {
                    self.push(&mut stack, Open::List(Vec::new()))?;
                    if self.peek() != Some(b']') {
                        continue;
                    }
                    self.pop(&mut stack)?
                }
                Some(b'{') => {
                    self.push(&mut stack, Open::Mapping { entries: Vec::new(), seen: BTreeSet::new(), key: None })?;
                    if self.peek() != Some(b'}') {
                        self.key(&mut stack)?;
                        continue;
                    }
                    self.pop(&mut stack)?
                }
                _ => self.leaf()?,
            };
            // A value has ended here. Close the collections that end with it.
            loop {
                self.blank();
                let Some(frame) = stack.last_mut() else {
                    return if self.at == self.source.text.len() {
                        Ok(node)
                    } else {
                        Err(self.syntax("unexpected text after the value"))
                    };
                };
                let close = match &mut frame.kind {
                    Open::List(items) => {
                        items.push(node);
                        b']'
                    }
                    Open::Mapping { entries, key, .. } => {
                        if let Some(key) = key.take() {
                            entries.push(InputEntry { key, value: node });
                        }
                        b'}'
                    }
                };
                match self.peek() {
                    Some(b',') => {
                        self.at = self.at.saturating_add(1);
                        self.blank();
                        if close == b'}' {
                            self.key(&mut stack)?;
                        }
                        break;
                    }
                    Some(byte) if byte == close => node = self.pop(&mut stack)?,
                    _ => return Err(self.syntax(&format!("expected `,` or `{}` here", char::from(close)))),
                }
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.source.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at = self.at.saturating_add(1);
        }
    }

    fn fault(&self, code: Code, message: &str) -> Finding {
        let length = self.source.slice(self.at..self.source.text.len()).chars().next().map_or(0, char::len_utf8);
        Finding::new(code, message).at(&self.source.place(self.at..self.at.saturating_add(length)))
    }

    fn syntax(&self, message: &str) -> Finding {
        self.fault(Code::Syntax, &format!("this is not well-formed JSON: {message}"))
    }

    fn count(&mut self) -> Read<()> {
        self.nodes = self.nodes.saturating_add(1);
        if self.nodes <= self.budget.nodes {
            return Ok(());
        }
        Err(self.fault(Code::TooLarge, &format!("the file contains more than {} values and keys", self.budget.nodes)))
    }

    fn push(&mut self, stack: &mut Vec<Frame>, kind: Open) -> Read<()> {
        self.count()?;
        if stack.len() >= self.budget.depth {
            let message = format!("lists and mappings are nested more than {} levels deep", self.budget.depth);
            return Err(self.fault(Code::TooLarge, &message));
        }
        stack.push(Frame { start: self.at, kind });
        self.at = self.at.saturating_add(1);
        self.blank();
        Ok(())
    }

    fn pop(&mut self, stack: &mut Vec<Frame>) -> Read<InputNode> {
        self.at = self.at.saturating_add(1);
        let Some(frame) = stack.pop() else { return Err(self.syntax("unexpected closing bracket")) };
        let value = match frame.kind {
            Open::List(items) => InputValue::List(items),
            Open::Mapping { entries, .. } => InputValue::Mapping(entries),
        };
        Ok(InputNode { value, place: self.source.place(frame.start..self.at) })
    }

    /// Reads a key and its colon. The value of a duplicate key is dropped.
    fn key(&mut self, stack: &mut [Frame]) -> Read<()> {
        if self.peek() != Some(b'"') {
            return Err(self.syntax("expected a key in double quotes"));
        }
        self.count()?;
        let text = self.string()?;
        self.blank();
        if self.peek() != Some(b':') {
            return Err(self.syntax("expected `:` here"));
        }
        self.at = self.at.saturating_add(1);
        self.blank();
        if let Some(Frame { kind: Open::Mapping { seen, key, .. }, .. }) = stack.last_mut() {
            if seen.insert(text.value.clone()) {
                *key = Some(text);
            } else {
                let message = format!("duplicate key `{}`", text.value.raw());
                let finding = Finding::new(Code::DuplicateKey, message).at(&text.place).help("keep one of them");
                self.duplicates.push(finding);
                *key = None;
            }
        }
        Ok(())
    }

    fn leaf(&mut self) -> Read<InputNode> {
        self.count()?;
        let start = self.at;
        let rest = self.source.slice(start..self.source.text.len());
        if rest.starts_with('"') {
            return self.string().map(|text| InputNode { value: InputValue::Text(text.value), place: text.place });
        }
        for (word, value) in
            [("true", InputValue::Bool(true)), ("false", InputValue::Bool(false)), ("null", InputValue::Null)]
        {
            if rest.starts_with(word) {
                self.at = start.saturating_add(word.len());
                return Ok(InputNode { value, place: self.source.place(start..self.at) });
            }
        }
        let Some(length) = number(rest.as_bytes()) else {
            let message = if rest.is_empty() { "unexpected end of file" } else { "expected a value here" };
            return Err(self.syntax(message));
        };
        self.at = start.saturating_add(length);
        let text = self.source.slice(start..self.at);
        // `-0` is a distinct JSON number; as an integer it would lose its sign.
        let value = match text.parse::<i64>() {
            Ok(whole) if text != "-0" => InputValue::Integer(whole),
            _ => InputValue::Number(text.into()),
        };
        Ok(InputNode { value, place: self.source.place(start..self.at) })
    }

    /// Reads a string. Its place excludes the quotes.
    fn string(&mut self) -> Read<Placed<Text>> {
        self.at = self.at.saturating_add(1);
        let start = self.at;
        let mut text = String::new();
        loop {
            let run = self.source.slice(self.at..self.source.text.len());
            let length = run.find(|c| matches!(c, '"' | '\\' | '\0'..='\u{1f}')).unwrap_or(run.len());
            text.push_str(run.get(..length).unwrap_or_default());
            self.at = self.at.saturating_add(length);
            match self.peek() {
                Some(b'"') => {
                    let place = self.source.place(start..self.at);
                    self.at = self.at.saturating_add(1);
                    return Ok(Placed::new(text.into(), place));
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) => return Err(self.syntax("control character in a string")),
                None => return Err(self.syntax("unterminated string")),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let letter = self.source.text.as_bytes().get(self.at.saturating_add(1)).copied();
        let c = match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.syntax("unknown escape")),
        };
        self.at = self.at.saturating_add(2);
        Ok(c)
    }

    fn unicode_escape(&mut self) -> Read<char> {
        let unit = |at: usize| -> Option<u32> {
            let text = self.source.text.get(at..at.saturating_add(6))?.strip_prefix("\\u")?;
            if text.bytes().all(|b| b.is_ascii_hexdigit()) { u32::from_str_radix(text, 16).ok() } else { None }
        };
        let Some(first) = unit(self.at) else { return Err(self.syntax("`\\u` needs four hexadecimal digits")) };
        let (code, length) = if (0xd800..0xdc00).contains(&first) {
            match unit(self.at.saturating_add(6)) {
                Some(second) if (0xdc00..0xe000).contains(&second) => {
                    (0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00), 12)
                }
                _ => return Err(self.syntax("unpaired surrogate")),
            }
        } else {
            (first, 6)
        };
        let Some(c) = char::from_u32(code) else { return Err(self.syntax("unpaired surrogate")) };
        self.at = self.at.saturating_add(length);
        Ok(c)
    }
}

/// The length of the number that starts here, or `None` if there is none.
fn number(text: &[u8]) -> Option<usize> {
    let digits = |from: usize| text.get(from..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = usize::from(text.first() == Some(&b'-'));
    at += match digits(at) {
        0 => return None,
        _ if text.get(at) == Some(&b'0') => 1,
        n => n,
    };
    if text.get(at) == Some(&b'.') {
        match digits(at + 1) {
            0 => return None,
            n => at += n + 1,
        }
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        match digits(at + 1 + sign) {
            0 => return None,
            n => at += n + 1 + sign,
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const WIDE: ReadLimits = ReadLimits { bytes: 1 << 24, depth: 512, nodes: 1_000_000 };

    /// (trick, text, code, line, column)
    const TRICKS: &[(&str, &str, Code, u32, u32)] = &[
        ("a key twice", "{\"a\": 1,\n \"\\u0061\": 2}", Code::DuplicateKey, 2, 3),
        ("a trailing comma", "[1,\n]", Code::Syntax, 2, 1),
        ("bytes after the value", "{} x", Code::Syntax, 1, 4),
        ("two values", "{}{}", Code::Syntax, 1, 3),
        ("a lone high surrogate", "[\"é\\ud800\"]", Code::Syntax, 1, 4),
        ("a lone low surrogate", "[\"\\udc00\"]", Code::Syntax, 1, 3),
        ("a control character in a string", "[\"a\tb\"]", Code::Syntax, 1, 4),
        ("a comment", "[1] // x", Code::Syntax, 1, 5),
        ("a byte order mark", "\u{feff}[]", Code::Syntax, 1, 1),
        ("a leading zero", "[01]", Code::Syntax, 1, 3),
        ("nothing", "", Code::Empty, 1, 1),
        ("only white space", " \n", Code::Syntax, 2, 1),
        ("a signed hexadecimal escape", "[\"\\u+123\"]", Code::Syntax, 1, 3),
    ];

    #[test]
    fn every_trick_is_refused_at_its_place() {
        for (trick, text, code, line, column) in TRICKS {
            let found = read("x.json", text.as_bytes(), &WIDE).expect_err(trick);
            let place = found[0].place.as_ref().unwrap();
            assert_eq!((found[0].code, place.line, place.column), (*code, *line, *column), "{trick}: {found:?}");
        }
        let deep = "[".repeat(513) + &"]".repeat(513);
        assert_eq!(read("x", deep.as_bytes(), &WIDE).unwrap_err()[0].code, Code::TooLarge);
        let endless = "[".repeat(1_000_000);
        assert_eq!(read("x", endless.as_bytes(), &WIDE).unwrap_err()[0].code, Code::TooLarge);
    }

    #[test]
    fn every_value_is_placed_and_numbers_stay_exact() {
        let text = r#"{"ä": [1, -0, 1.50, 1e3, 12345678901234567890, true, null, "x\u00e9\ud83d\ude00"], "b": {}}"#;
        let node = read("x", text.as_bytes(), &WIDE).unwrap();
        let items = node.get("ä").unwrap().items().unwrap();
        let regions: Vec<_> = items.iter().map(|n| &text[n.place.bytes.0..n.place.bytes.1]).collect();
        assert_eq!(regions, ["1", "-0", "1.50", "1e3", "12345678901234567890", "true", "null", r"x\u00e9\ud83d\ude00"]);
        assert!(matches!(items[0].value, InputValue::Integer(1)));
        for n in [1, 2, 3, 4] {
            assert!(matches!(&items[n].value, InputValue::Number(t) if t.raw() == regions[n]));
        }
        assert_eq!(items[7].as_text().unwrap().raw(), "xé😀");
        assert_eq!((items[0].place.line, items[0].place.column), (1, 8));
    }

    #[test]
    fn the_json_test_suite_is_read_as_it_demands() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/hostile/JSONTestSuite/test_parsing");
        let Ok(entries) = std::fs::read_dir(&folder) else {
            println!("skipped: {} is absent", folder.display());
            return;
        };
        let (mut yes, mut no) = (0, 0);
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let result = read(&name, &std::fs::read(&path).unwrap(), &WIDE);
            // RFC 8259 allows duplicate names. This reader rejects and reports them.
            let duplicate = result.as_ref().is_err_and(|f| f.iter().all(|f| f.code == Code::DuplicateKey));
            if name.starts_with("y_") {
                yes += 1;
                assert!(
                    result.is_ok() || (duplicate && name.starts_with("y_object_duplicated_key")),
                    "{name}: {result:?}"
                );
            } else if name.starts_with("n_") {
                no += 1;
                assert!(result.is_err(), "{name} passed");
            }
        }
        assert_eq!((yes, no), (95, 188));
    }
}
