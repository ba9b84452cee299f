//! Approval steps: the actions of the schema that a person can fill.
//!
//! Sorts the steps of the schema by the order in `review.yaml`, or reports the faults. A step is an action `ApproveAsX`
//! in the group `Approve`, with an action `WaiveX` in the group `Waive`.

use std::collections::BTreeSet;
use std::fmt;

use cedar_policy::{Entities, EntityUid, Schema};
use serde::Serialize;

use crate::input::finding::{Code, Finding};

/// The name of an approval step: `Owner`, `Security`, or one that a site adds. ASCII letters and digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StepName(String);

impl StepName {
    /// Validates a name; `None` unless it is 1 to 64 ASCII letters and digits, so that it is safe in every output.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let fits = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
        fits.then(|| Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The order if `review.yaml` has none.
const DEFAULT: [&str; 2] = ["Owner", "Security"];

/// Sorts the schema's steps in the given order.
///
/// # Errors
/// A finding for each step that is unlisted, listed twice, unknown, or without its pair.
pub(super) fn order(schema: &Schema, asked: Option<&[StepName]>) -> Result<Vec<StepName>, Vec<Finding>> {
    let (approve, mut findings) = all(schema);
    let wanted: Vec<StepName> =
        asked.map_or_else(|| DEFAULT.iter().filter_map(|name| StepName::new(name)).collect(), <[StepName]>::to_vec);
    let mut seen = BTreeSet::new();
    for step in &wanted {
        if !seen.insert(step.clone()) {
            findings.push(bad(format!("`steps` lists `{step}` twice")));
        }
        if !approve.contains(step) {
            findings.push(
                bad(format!("`steps` lists `{step}`, for which the schema has no action `ApproveAs{step}`"))
                    .help("add the actions to a `.cedarschema` file in `policies/`, or correct the name"),
            );
        }
    }
    for step in approve.difference(&seen) {
        findings.push(
            bad(format!("the schema has the step `{step}`, which `steps` does not list"))
                .help("list every step in `steps:` of review.yaml, in the order of approval"),
        );
    }
    if findings.is_empty() { Ok(wanted) } else { Err(findings) }
}

/// The schema's steps, sorted by name.
///
/// # Errors
/// A finding for each step without its pair.
pub(super) fn by_name(schema: &Schema) -> Result<Vec<StepName>, Vec<Finding>> {
    let (steps, findings) = all(schema);
    if findings.is_empty() { Ok(steps.into_iter().collect()) } else { Err(findings) }
}

fn all(schema: &Schema) -> (BTreeSet<StepName>, Vec<Finding>) {
    let mut findings = Vec::new();
    let approve = below(schema, "Approve", "ApproveAs", &mut findings);
    let waive = below(schema, "Waive", "Waive", &mut findings);
    for step in approve.difference(&waive) {
        findings.push(bad(format!("the step `{step}` has no action `Waive{step}` in the group `Waive`")));
    }
    for step in waive.difference(&approve) {
        findings.push(bad(format!("the action `Waive{step}` has no step `ApproveAs{step}` in the group `Approve`")));
    }
    (approve, findings)
}

fn bad(message: String) -> Finding {
    Finding::new(Code::BadConfiguration, message)
}

fn below(schema: &Schema, group: &str, prefix: &str, findings: &mut Vec<Finding>) -> BTreeSet<StepName> {
    let entities = schema.action_entities().unwrap_or_else(|_| Entities::empty());
    let groups: BTreeSet<&EntityUid> = schema.action_groups().collect();
    let parent = entities.iter().map(cedar_policy::Entity::uid).find(|uid| uid.id().unescaped() == group);
    let mut steps = BTreeSet::new();
    for action in schema.actions().filter(|uid| !groups.contains(uid)) {
        if !parent.as_ref().is_some_and(|parent| entities.is_ancestor_of(parent, action)) {
            continue;
        }
        let name = action.id().unescaped();
        match name.strip_prefix(prefix).and_then(StepName::new) {
            Some(step) => {
                steps.insert(step);
            }
            None => findings.push(bad(format!(
                "the action `{name}` is in the group `{group}` but is not called `{prefix}` and a name of ASCII letters and digits"
            ))),
        }
    }
    steps
}
