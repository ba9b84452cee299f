//! Parses a snapshot file, JSON or YAML, to the model.
//!
//! JSON is parsed directly to the model with shared names; places are computed only for faults. A snapshot with any
//! finding of severity `error` is rejected.

use crate::input::finding::{Code, Finding, Severity};
use crate::input::intern::interning;

use super::model::Snapshot;
use super::{check, place, shape, tree};

/// Parses a snapshot: JSON if the first byte that is not white space is `{`, otherwise YAML.
///
/// # Errors
/// All faults at once, each with its place, if any fault could hide access.
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

/// Parses YAML through a tree with places.
fn yaml(name: &str, text: &str) -> Result<Snapshot, Vec<Finding>> {
    let documents = tree::documents(name, text)?;
    let [document] = documents.as_slice() else {
        return Err(vec![
            Finding::new(Code::YamlFeature, "a snapshot must be exactly one YAML document")
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
