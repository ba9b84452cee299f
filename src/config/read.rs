//! Functions shared by the readers of all configuration files.

use std::collections::BTreeMap;

use crate::input::finding::{Code, Finding};
use crate::input::form::{self, FieldRule, ValueShape};
use crate::input::id::Id;
use crate::input::node::{InputNode, InputValue, ReadLimits};
use crate::input::place::{Place, Placed};
use crate::input::yaml;

/// Parses a file and checks it against its table. Returns the findings with the tree, so that the caller can add its own.
pub(super) fn checked(
    name: &str,
    bytes: &[u8],
    rules: &'static [FieldRule],
) -> Result<(InputNode, Vec<Finding>), Vec<Finding>> {
    let (node, mut findings) = yaml::examine(name, bytes, &ReadLimits::FILE);
    let Some(node) = node else { return Err(findings) };
    if let Some(version) = node.get("version")
        && let InputValue::Integer(number) = version.value
        && number != 1
    {
        let message = format!("version {number} of this file's format is not supported");
        let finding = Finding::new(Code::UnsupportedVersion, message).at(&version.place);
        findings.push(finding.help("write `version: 1`"));
        return Err(findings);
    }
    form::check(&node, &ValueShape::Mapping("file", rules), "the file", &mut findings);
    Ok((node, findings))
}

/// Reports duplicate names.
pub(super) fn distinct<'a, K: 'a>(
    what: &str,
    ids: impl IntoIterator<Item = &'a Placed<Id<K>>>,
    findings: &mut Vec<Finding>,
) {
    let mut seen: BTreeMap<&str, &Place> = BTreeMap::new();
    for id in ids {
        if let Some(first) = seen.insert(id.value.as_str(), &id.place) {
            let message = format!("{what} `{}` is listed twice", id.value.as_str());
            let help = format!("it is also in line {}; remove one of them", first.line);
            findings.push(Finding::new(Code::DuplicateId, message).at(&id.place).help(help));
        }
    }
}
