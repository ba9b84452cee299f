//! Bytes of a snapshot file become the believed model.
//!
//! In: a file's name and bytes, JSON or YAML. Out: the model and what is notable about it, or every fault found. JSON is
//! read straight into the model, names shared; places are looked for only when something is wrong. Fails closed: a
//! snapshot with one finding of severity `error` is not returned.

use crate::input::finding::{Code, Finding, Severity};
use crate::input::intern::interning;

use super::model::Snapshot;
use super::{check, place, shape, tree};

/// Reads a snapshot; JSON if its first byte that is not white space is `{`, else YAML.
///
/// # Errors
/// Every fault at once, each with its place, where anything is wrong that could hide access.
pub fn read(name: &str, bytes: &[u8]) -> Result<(Snapshot, Vec<Finding>), Vec<Finding>> {
    let text = tree::text(name, bytes).map_err(|finding| vec![finding])?;
    let mut snapshot = if tree::is_json(text.as_bytes()) { json(name, text)? } else { yaml(name, text)? };
    let findings = place::placed(name, text, check::whole(&mut snapshot));
    if findings.iter().any(|f| f.severity == Severity::Error) { Err(findings) } else { Ok((snapshot, findings)) }
}

fn json(name: &str, text: &str) -> Result<Snapshot, Vec<Finding>> {
    interning(|| serde_json::from_str::<Snapshot>(text)).map_err(|fault| {
        let faults = match tree::documents(name, text) {
            Ok(documents) => documents.first().map(|d| shape::faults(&d.tree)).unwrap_or_default(),
            Err(findings) => return findings,
        };
        if faults.is_empty() { vec![tree::json_fault(name, text, &fault)] } else { place::placed(name, text, faults) }
    })
}

/// Reads the YAML form through the tree with places. To be replaced by the strict reader of `input`.
fn yaml(name: &str, text: &str) -> Result<Snapshot, Vec<Finding>> {
    let documents = tree::documents(name, text)?;
    let [document] = documents.as_slice() else {
        return Err(vec![
            Finding::new(Code::YamlFeature, "a snapshot is exactly one YAML document")
                .at(&crate::input::place::Place::file(name))
                .help("keep one document in the file"),
        ]);
    };
    let read = interning(|| <Snapshot as serde::Deserialize>::deserialize(document.tree.json()));
    read.map_err(|fault| {
        let faults = shape::faults(&document.tree);
        if faults.is_empty() {
            return vec![Finding::new(Code::WrongType, fault.to_string()).at(&crate::input::place::Place::file(name))];
        }
        place::placed(name, text, faults)
    })
}
