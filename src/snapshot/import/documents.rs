//! Reads the JSON of exports in every form that commands write: one object, arrays of objects, and JSON Lines.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::snapshot::tree;

/// Every object of every file, with the number of its file. Arrays, and arrays within arrays, count as their elements.
///
/// # Errors
/// The first fault of each file that is not JSON, or whose objects do not have the form.
pub(super) fn objects<T: DeserializeOwned>(files: &[(&str, &[u8])]) -> Result<Vec<(usize, T)>, Vec<Finding>> {
    let mut out = Vec::new();
    let mut faults = Vec::new();
    for (n, (name, bytes)) in files.iter().enumerate() {
        match file(name, bytes) {
            Ok(list) => out.extend(list.into_iter().map(|object| (n, object))),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(out) } else { Err(faults) }
}

/// The fault of an object that does not say which list it is of, in the file with this number.
pub(super) fn unknown_list(files: &[(&str, &[u8])], file: usize, help: &str) -> Finding {
    let name = files.get(file).map_or("", |(name, _)| name);
    let finding = Finding::new(Code::MissingField, "an object does not say which list it is of");
    finding.at(&Place::file(name)).help(help)
}

/// The help of [`unknown_list`] for lists that their export function wraps.
pub(super) const WRAP: &str = "write each list as `{review_path: PATH, value: LIST}`; see the importer's page";

fn file<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<Vec<T>, Finding> {
    let text = tree::text(name, bytes)?;
    if !text.trim_start().starts_with(['{', '[']) {
        let finding = Finding::new(Code::Syntax, "the file is not JSON").at(&Place::file(name));
        return Err(finding.help("export it again as JSON; the command must report no error"));
    }
    let mut out = Vec::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<OneOrMany<T>>() {
        out.extend(document.map_err(|fault| tree::json_fault(name, text, &fault))?.0);
    }
    Ok(out)
}

/// An object, or an array of them.
struct OneOrMany<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Objects(PhantomData))
    }
}

struct Objects<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Objects<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|object| OneOrMany(vec![object]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut out = Vec::new();
        while let Some(OneOrMany(more)) = items.next_element::<OneOrMany<T>>()? {
            out.extend(more);
        }
        Ok(OneOrMany(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Named {
        name: String,
    }

    fn names(text: &str) -> Result<Vec<String>, Vec<Finding>> {
        let found = objects::<Named>(&[("f", text.as_bytes())])?;
        Ok(found.into_iter().map(|(_, object)| object.name).collect())
    }

    #[test]
    fn objects_arrays_pages_and_lines_are_the_same() {
        let (a, b) = (r#"{"name":"a"}"#, r#"{"name":"b"}"#);
        for text in
            [format!("[{a},{b}]"), format!("{a}\n{b}\n"), format!("[{a}]\n[{b}]"), format!("\u{feff}[[{a}],{b}]")]
        {
            assert_eq!(names(&text).unwrap(), ["a", "b"], "{text}");
        }
        assert_eq!(names("[]").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_truncated_file_and_one_that_is_no_json_are_refused_where_they_end() {
        for text in ["[{\"name\":\"a\"},", "{\"name\":\"a\"}\n{\"na", "name: a", "[1]", "{\"name\":1}", "", "[[[[["] {
            let faults = names(text).unwrap_err();
            assert!(faults[0].place.is_some() && faults[0].help.is_some(), "{text}: {faults:?}");
        }
        let deep = "[".repeat(100_000);
        assert!(names(&deep).is_err());
    }
}
