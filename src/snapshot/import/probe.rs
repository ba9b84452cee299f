//! A quick look at an export file: enough to recognise it, and to see that it is an error message or one page of many.
//!
//! JSON, JSON arrays and JSON Lines are scanned once without building a tree: of each top-level object, only its keys and
//! short scalar values are read, and of the first object (or the first element of an array) they are kept. YAML and other
//! text is known by the top-level keys and the lines of its beginning. A scan that meets malformed text keeps what came
//! before; the importer reports the fault.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::input::finding::{Code, Finding};
use crate::input::place::Place;

/// How many bytes of a text that is not JSON are looked at.
const HEAD: usize = 64 << 10;
/// The most keys that are kept of an object, and the longest value.
const MOST_KEYS: usize = 64;
const LONGEST: usize = 256;

/// A scalar value of a top-level object.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scalar {
    Null,
    Bool(bool),
    /// A string of at most [`LONGEST`] bytes.
    Text(String),
    /// A number, a longer string, a list or an object.
    Other,
}

/// What was seen of a file.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    keys: BTreeMap<String, Scalar>,
    head: String,
    is_json: bool,
    /// The line of the first object that is one page of a longer list.
    page: Option<u32>,
    /// The line of the first error message.
    error: Option<u32>,
}

impl Probe {
    /// Looks at a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}');
        let mut probe = Self { head: beginning(text).to_owned(), ..Self::default() };
        if text.trim_start().starts_with(['{', '[']) {
            probe.is_json = true;
            probe.json(text);
        } else {
            probe.lines();
        }
        probe
    }

    /// Whether the first object has a key whose value is not null.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.keys.get(key).is_some_and(|value| *value != Scalar::Null)
    }

    /// The value of a key of the first object, if it is a short string.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.keys.get(key)? {
            Scalar::Text(text) => Some(text),
            Scalar::Null | Scalar::Bool(_) | Scalar::Other => None,
        }
    }

    /// The beginning of the text.
    #[must_use]
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Whether the text begins as JSON.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.is_json
    }

    /// Reports a file that is an error message instead of an export.
    #[must_use]
    pub fn error(&self, name: &str) -> Option<Finding> {
        let line = self.error?;
        let finding = Finding::new(Code::BadValue, "the file holds an error message, not a complete export");
        Some(finding.at(&Place::line(name, line)).help("export it again; the command must report no error"))
    }

    /// Reports a file that is one page of a longer list.
    #[must_use]
    pub fn page(&self, name: &str, help: &str) -> Option<Finding> {
        let line = self.page?;
        let finding = Finding::new(Code::BadValue, "this is one page of a longer export");
        Some(finding.at(&Place { file: name.into(), line, column: 1, bytes: (0, 0) }).help(help))
    }

    fn json(&mut self, text: &str) {
        let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Overview>();
        let mut is_first = true;
        while let Some(Ok(document)) = stream.next() {
            // In JSON Lines, the last line of a document is its only one.
            if is_first || document.is_page || document.is_error {
                let end = if is_first { 0 } else { stream.byte_offset() };
                let before = text.get(..end).unwrap_or_default().trim_end();
                let line = before.matches('\n').count().saturating_add(1);
                let line = u32::try_from(line).unwrap_or(u32::MAX);
                self.page = self.page.or(document.is_page.then_some(line));
                self.error = self.error.or(document.is_error.then_some(line));
            }
            if is_first {
                self.keys = document.first.unwrap_or_default();
                is_first = false;
            }
            if self.page.is_some() || self.error.is_some() {
                return;
            }
        }
        if is_first {
            // Truncated or malformed: the keys at the beginning still tell what it was.
            self.keys = partial_keys(&self.head);
        }
    }

    fn lines(&mut self) {
        const ERRORS: [&str; 7] = [
            "<!doctype",
            "<html",
            "an error occurred (",
            "error: (",
            "error:  ",
            "psql: error",
            "traceback (most recent call",
        ];
        let first = self.head.trim_start().lines().next().unwrap_or_default().to_ascii_lowercase();
        if ERRORS.iter().any(|start| first.starts_with(start))
            || (first.starts_with("psql:") && first.contains("error"))
        {
            self.error = Some(1);
        }
        for line in self.head.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-@.".contains(&b));
            if is_key && self.keys.len() < MOST_KEYS {
                let value = value.trim().trim_matches(['"', '\'']);
                let kept = if value.is_empty() || value.len() > LONGEST {
                    Scalar::Other
                } else {
                    Scalar::Text(value.to_owned())
                };
                self.keys.entry(key.to_owned()).or_insert(kept);
            }
        }
    }
}

fn beginning(text: &str) -> &str {
    let mut end = HEAD.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The keys at the beginning of a JSON text that does not end: strings that a colon follows.
fn partial_keys(head: &str) -> BTreeMap<String, Scalar> {
    let mut found = BTreeMap::new();
    let mut parts = head.split('"').peekable();
    while let Some(part) = parts.next() {
        let is_key = parts.peek().is_some_and(|after| after.trim_start().starts_with(':'));
        if is_key && found.len() < MOST_KEYS {
            found.insert(part.to_owned(), Scalar::Other);
        }
    }
    found
}

/// The keys of an object, with the values that are short scalars.
type Keys = BTreeMap<String, Scalar>;

fn is_filled(keys: &Keys, key: &str) -> bool {
    match keys.get(key) {
        Some(Scalar::Text(text)) => !text.is_empty(),
        Some(Scalar::Other) => true,
        Some(Scalar::Null | Scalar::Bool(_)) | None => false,
    }
}

fn is_page(keys: &Keys) -> bool {
    const NEXT: [&str; 7] =
        ["nextLink", "@odata.nextLink", "NextToken", "nextToken", "nextPageToken", "NextMarker", "Marker"];
    keys.get("IsTruncated") == Some(&Scalar::Bool(true)) || NEXT.iter().any(|key| is_filled(keys, key))
}

/// An object of Kubernetes names its kind; its importer reports keys that do not belong there.
fn is_error(keys: &Keys) -> bool {
    (is_filled(keys, "error") || is_filled(keys, "errorCode")) && !is_filled(keys, "kind")
}

/// A document: the first of its top-level objects, and what is wrong with any of them.
#[derive(Default)]
struct Overview {
    first: Option<Keys>,
    is_page: bool,
    is_error: bool,
}

impl Overview {
    fn add(&mut self, keys: Keys) {
        self.is_page |= is_page(&keys);
        self.is_error |= is_error(&keys);
        self.first.get_or_insert(keys);
    }
}

impl<'de> Deserialize<'de> for Overview {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut overview = Self::default();
        Look { level: Level::Document, into: &mut overview }.deserialize(deserializer)?;
        Ok(overview)
    }
}

/// Where a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Document,
    Element,
    Value,
}

/// Reads one value; objects are added to `into`, and scalars returned.
struct Look<'a> {
    level: Level,
    into: &'a mut Overview,
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = Scalar;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Scalar, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(value))
    }
    fn visit_i64<E>(self, _: i64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }
    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(if text.len() <= LONGEST { Scalar::Text(text.to_owned()) } else { Scalar::Other })
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        if self.level == Level::Value {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Scalar::Other);
        }
        let mut keys = Keys::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(Look { level: Level::Value, into: &mut *self.into })?;
            if keys.len() < MOST_KEYS {
                keys.insert(key, value);
            }
        }
        self.into.add(keys);
        Ok(Scalar::Other)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scalar, A::Error> {
        if self.level != Level::Document {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Scalar::Other);
        }
        while items.next_element_seed(Look { level: Level::Element, into: &mut *self.into })?.is_some() {}
        Ok(Scalar::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> (Option<u32>, Option<u32>) {
        let probe = Probe::of(text);
        (probe.page, probe.error)
    }

    #[test]
    fn the_keys_of_the_first_object_are_seen_in_every_form_of_json_and_in_yaml() {
        for text in [
            r#"{"kind": "List", "items": [{"kind": "x"}]}"#,
            "[{\"kind\": \"List\", \"items\": []}, {\"other\": 1}]",
            "{\"kind\": \"List\", \"items\": {}}\n{\"other\": 1}\n",
            "\u{feff}# comment\n---\nkind: List\nitems:\n- kind: x\n",
        ] {
            let probe = Probe::of(text);
            assert_eq!(probe.text("kind"), Some("List"), "{text}");
            assert!(probe.has("items") && !probe.has("other"), "{text}");
        }
        assert!(Probe::of(r#"{"kind": "List", "items": [{"a"#).has("items"));
        assert!(!Probe::of(r#"{"kind": null}"#).has("kind"));
    }

    #[test]
    fn pages_of_longer_lists_are_seen() {
        for key in ["nextLink", "@odata.nextLink", "NextToken", "nextPageToken", "Marker"] {
            assert_eq!(line(&format!("{{\"value\": [], \"{key}\": \"x\"}}")).0, Some(1), "{key}");
            assert_eq!(line(&format!("{{\"value\": [], \"{key}\": null}}")).0, None, "{key}");
            assert_eq!(line(&format!("{{\"value\": [], \"{key}\": \"\"}}")).0, None, "{key}");
            assert_eq!(line(&format!("[{{\"a\": 1}}, {{\"{key}\": \"x\"}}]")).0, Some(1), "{key}");
            assert_eq!(line(&format!("{{\"a\": 1}}\n{{\"a\": 1}}\n{{\"{key}\": \"x\"}}\n")).0, Some(3), "{key}");
        }
        assert_eq!(line(r#"{"IsTruncated": true}"#).0, Some(1));
        assert_eq!(line(r#"{"IsTruncated": false, "items": [{"nextLink": "x"}]}"#).0, None);
    }

    #[test]
    fn error_messages_are_seen() {
        for text in [
            r#"{"error": {"code": 403}}"#,
            r#"{"errorCode": "E0000006"}"#,
            "<!DOCTYPE html><title>Sign in</title>",
            "An error occurred (AccessDenied) when calling the ListUsers operation",
            "ERROR: (gcloud.asset) PERMISSION_DENIED",
            "psql: error: connection to server failed",
            "psql:<stdin>:3: ERROR:  permission denied",
        ] {
            assert_eq!(line(text).1, Some(1), "{text}");
        }
        assert_eq!(line("{\"a\": 1}\n{\"error\": {}}\n").1, Some(2));
        assert_eq!(line("{\"kind\": \"List\", \"error\": \"x\"}").1, None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_much(text in "\\PC{0,80}", json in r#"[\[\]{}",:a1 \n]{0,80}"#) {
            let _ = (Probe::of(&text), Probe::of(&json), Probe::of(&format!("{{{json}")));
        }
    }
}
