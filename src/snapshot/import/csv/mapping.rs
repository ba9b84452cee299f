//! The mapping file: which table a file holds, and what its columns and values are called there.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::time::Time;

/// The field by which a mapping file is recognised.
pub(super) const MARK: &str = "review_csv";

/// A mapping file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mapping {
    /// The version of the form: 1.
    pub review_csv: u32,
    /// The source of the snapshot.
    #[serde(default)]
    pub source: Option<String>,
    /// The id of the target.
    #[serde(default)]
    pub target: Option<String>,
    /// Read by the probe.
    #[serde(default, rename = "taken_at")]
    _taken_at: Option<Time>,
    #[serde(default)]
    pub tables: Vec<MappedTable>,
}

/// How a file holds a table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MappedTable {
    /// The name of the file, without its folder.
    pub file: String,
    /// The table: `identities`, `roles`, `assignments`, …
    pub table: String,
    #[serde(default)]
    pub delimiter: Option<char>,
    /// The column of each field.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// Fields that are the same in every row.
    #[serde(default)]
    pub constants: BTreeMap<String, String>,
    /// What the values of a field mean.
    #[serde(default)]
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    /// What is put before the value of a field.
    #[serde(default)]
    pub prefix: BTreeMap<String, String>,
}

/// Reads a mapping file.
///
/// # Errors
/// If it does not have the form.
pub(super) fn parse(name: &str, text: &str) -> Result<Mapping, Finding> {
    let mapping: Mapping = serde_yaml::from_str(text).map_err(|fault| {
        let line = fault.location().map_or(1, |at| u32::try_from(at.line()).unwrap_or(u32::MAX));
        Finding::new(Code::BadValue, format!("the mapping does not read: {fault}"))
            .at(&Place::line(name, line))
            .help("src/snapshot/import/csv/README.md shows its fields")
    })?;
    if mapping.review_csv != 1 {
        let message = format!("this tool does not read version {} of a mapping", mapping.review_csv);
        let finding = Finding::new(Code::UnsupportedVersion, message).at(&Place::file(name));
        return Err(finding.help(format!("write `{MARK}: 1`")));
    }
    Ok(mapping)
}
