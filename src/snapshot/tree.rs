//! Parses any YAML or JSON document to a tree, for exports and for snapshots that could not be parsed.
//!
//! YAML values have line and column; [`super::place`] finds the positions of JSON values. Limits bound the size, depth,
//! nodes and documents. This is slower than parsing to the model, so the fast path does not use it.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use crate::input::finding::{Code, Finding};
use crate::input::intern;
use crate::input::place::Place;

/// The maximum size of a YAML file, in bytes.
const MAX_YAML: usize = 256 << 20;
/// The maximum nesting. A thread with 2 MiB of stack can handle it in an unoptimised build.
const MAX_DEPTH: usize = 40;

/// A value of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// `null` or an absent value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as text.
    Number(String),
    /// A string.
    Text(Arc<str>),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in file order.
    Map(Vec<(Arc<str>, Node)>),
}

/// A value and its position. The line is 0 if the format does not provide it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The value.
    pub value: Value,
    /// Line from 1, or 0.
    pub line: u32,
    /// Column from 1, or 0.
    pub column: u32,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Node {
    /// The value of a key, or `None` if this is not a mapping, the key is missing, or its value is null.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => {
                entries.iter().find(|(k, _)| &**k == key).map(|(_, v)| v).filter(|v| v.value != Value::Null)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => None,
        }
    }

    /// The string, if it is one.
    pub fn text(&self) -> Option<&Arc<str>> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The elements, if it is a sequence.
    pub fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Map(_) => None,
        }
    }

    /// The entries, if it is a mapping.
    pub fn entries(&self) -> Option<&[(Arc<str>, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => None,
        }
    }

    /// The same value as JSON.
    pub fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(b) => (*b).into(),
            Value::Number(n) => serde_json::from_str(n).unwrap_or(serde_json::Value::String(n.clone())),
            Value::Text(t) => serde_json::Value::String(t.to_string()),
            Value::List(items) => items.iter().map(Self::json).collect(),
            Value::Map(entries) => {
                serde_json::Value::Object(entries.iter().map(|(k, v)| (k.to_string(), v.json())).collect())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = Spanned::<Value>::deserialize(deserializer)?;
        let (line, column) = position(&found.referenced);
        Ok(Self { value: found.value, line, column })
    }
}

fn position(location: &Location) -> (u32, u32) {
    (u32::try_from(location.line()).unwrap_or(0), u32::try_from(location.column()).unwrap_or(0))
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }
    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }
    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(Value::Number(n.to_string()))
    }
    fn visit_u64<E>(self, n: u64) -> Result<Value, E> {
        Ok(Value::Number(n.to_string()))
    }
    fn visit_i128<E>(self, n: i128) -> Result<Value, E> {
        Ok(Value::Number(n.to_string()))
    }
    fn visit_u128<E>(self, n: u128) -> Result<Value, E> {
        Ok(Value::Number(n.to_string()))
    }
    fn visit_f64<E>(self, n: f64) -> Result<Value, E> {
        Ok(Value::Number(n.to_string()))
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(intern::shared(text)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        while let Some(item) = items.next_element()? {
            out.push(item);
        }
        Ok(Value::List(out))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut out: Vec<(Arc<str>, Node)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let key = intern::shared(&key);
            if !seen.insert(Arc::clone(&key)) {
                return Err(serde::de::Error::custom(format!("duplicate key `{key}`")));
            }
            out.push((key, map.next_value()?));
        }
        Ok(Value::Map(out))
    }
}

/// A document: its tree and its first byte (0 for YAML, whose trees contain their positions).
pub(super) struct Document {
    pub tree: Node,
    pub start: usize,
}

/// Whether a file is JSON: its first byte that is not white space is `{`.
pub(super) fn is_json(bytes: &[u8]) -> bool {
    bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{')
}

/// The text of a file without a leading byte order mark.
///
/// # Errors
/// A finding if the file is empty or not UTF-8.
pub(super) fn text<'a>(name: &str, bytes: &'a [u8]) -> Result<&'a str, Finding> {
    let place = Place::file(name);
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Finding::new(Code::NotUtf8, "the file is UTF-16")
            .at(&place)
            .help("save it as UTF-8; in PowerShell: `… | Out-File -Encoding utf8 FILE`"));
    }
    let text = std::str::from_utf8(bytes).map_err(|fault| {
        let before = bytes.get(..fault.valid_up_to()).unwrap_or_default();
        let line = before.split(|b| *b == b'\n').count();
        Finding::new(Code::NotUtf8, "the file is not UTF-8 text")
            .at(&Place::line(name, u32::try_from(line).unwrap_or(u32::MAX)))
            .help("export it again as JSON or YAML text")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(Finding::new(Code::Empty, "the file is empty").at(&place).help("export it again"));
    }
    Ok(text)
}

/// Parses every document of a file. Empty documents are omitted.
///
/// # Errors
/// All faults. Documents after a faulty one are also checked.
pub(super) fn documents(name: &str, text: &str) -> Result<Vec<Document>, Vec<Finding>> {
    intern::interning(|| {
        if is_json(text.as_bytes()) {
            return json(name, text);
        }
        // An array may also be a flow sequence of YAML. The JSON reader is faster and allows larger files.
        let array = text.trim_start().starts_with('[').then(|| json(name, text).ok()).flatten();
        array.map_or_else(|| yaml(name, text), Ok)
    })
}

fn json(name: &str, text: &str) -> Result<Vec<Document>, Vec<Finding>> {
    if depth(text) > MAX_DEPTH {
        let finding = Finding::new(Code::TooLarge, format!("the JSON is nested more than {MAX_DEPTH} levels deep"));
        return Err(vec![finding.at(&Place::file(name)).help("reduce the nesting")]);
    }
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Node>();
    let mut out = Vec::new();
    loop {
        let start = stream.byte_offset();
        match stream.next() {
            None => return Ok(out),
            Some(Ok(tree)) => out.push(Document { tree, start }),
            Some(Err(fault)) => return Err(vec![json_fault(name, text, &fault)]),
        }
    }
}

/// The nesting depth of brackets outside strings.
fn depth(text: &str) -> usize {
    let (mut deep, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => deep += 1,
            b']' | b'}' if !quoted => deep = deep.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(deep);
    }
    deepest
}

/// Converts an error of the JSON parser to a finding.
pub(super) fn json_fault(name: &str, text: &str, fault: &serde_json::Error) -> Finding {
    let message = fault.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what).to_owned();
    let (code, help) = if message.starts_with("duplicate") {
        (Code::DuplicateKey, "keep one of them")
    } else if message.starts_with("recursion") {
        (Code::TooLarge, "reduce the nesting")
    } else {
        (Code::Syntax, "fix the JSON or export it again; the file may have been truncated")
    };
    let line = u32::try_from(fault.line()).unwrap_or(u32::MAX).max(1);
    // The parser counts bytes; places count characters.
    let row = text.split('\n').nth(fault.line().saturating_sub(1)).unwrap_or_default();
    let column =
        row.char_indices().take_while(|(at, _)| at.saturating_add(1) < fault.column()).count().saturating_add(1);
    let place = Place { file: name.into(), line, column: u32::try_from(column).unwrap_or(u32::MAX), bytes: (0, 0) };
    Finding::new(code, message).at(&place).help(help)
}

/// The limits of a YAML file that is not a plan.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        // `y`, `n`, `on` and `off` occur as names of namespaces and users.
        strict_booleans: true,
        budget: serde_saphyr::budget! {
            max_reader_input_bytes: Some(MAX_YAML),
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_events: 60_000_000,
            max_nodes: 30_000_000,
            max_documents: 1_000_000,
            max_total_scalar_bytes: MAX_YAML,
            max_total_comment_bytes: MAX_YAML,
            max_aliases: 1_000,
            max_anchors: 1_000,
        },
        // A bomb is a small file that aliases expand. Exporters write no aliases, and people write few.
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 20_000,
            max_replay_stack_depth: 4,
        },
    }
}

fn yaml(name: &str, text: &str) -> Result<Vec<Document>, Vec<Finding>> {
    if text.len() > MAX_YAML {
        return Err(vec![
            Finding::new(Code::TooLarge, "the YAML file is larger than 256 MiB")
                .at(&Place::file(name))
                .help("export it as JSON (`-o json`)"),
        ]);
    }
    if let Ok(trees) = serde_saphyr::from_multiple_with_options::<Node>(text, options()) {
        return Ok(trees.into_iter().map(|tree| Document { tree, start: 0 }).collect());
    }
    // The first parser stops at the first fault. This one continues with the next document.
    let mut bytes = text.as_bytes();
    let faults: Vec<Finding> = serde_saphyr::read_with_options::<_, Node>(&mut bytes, options())
        .filter_map(Result::err)
        .take(100)
        .map(|fault| yaml_fault(name, &fault))
        .collect();
    if faults.is_empty() {
        return Err(vec![Finding::new(Code::Syntax, "the text is not well-formed YAML").at(&Place::file(name))]);
    }
    Err(faults)
}

fn yaml_fault(name: &str, fault: &serde_saphyr::Error) -> Finding {
    let fault = fault.without_snippet();
    let (line, column) = fault.location().as_ref().map_or((1, 1), position);
    let message = fault.render_with_formatter(&serde_saphyr::UserMessageFormatter);
    let lower = message.to_lowercase();
    let code = if lower.contains("duplicate") {
        Code::DuplicateKey
    } else if lower.contains("budget") || lower.contains("limit") || lower.contains("too deep") {
        Code::TooLarge
    } else {
        Code::Syntax
    };
    let message = message.lines().next().unwrap_or_default().trim_end_matches('.').to_owned();
    let place = Place { file: name.into(), line: line.max(1), column: column.max(1), bytes: (0, 0) };
    Finding::new(code, message).at(&place).help("fix the YAML, or export it again as JSON")
}
