//! Several exports become one snapshot.
//!
//! In: snapshots with the names of their files, of several systems or of parts of one. Out: their union, or a finding
//! for each id that two of them give different meanings. Never prefers one of two meanings, and never makes the whole
//! look younger than its oldest part.

use std::collections::BTreeMap;

use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::text::Text;

use super::model::Snapshot;

/// Joins snapshots. `taken_at` is the oldest; `source` joins the different sources with `+`; things are sorted by name.
///
/// # Errors
/// `duplicate-id` for each id that stands for different things, `empty` if there is nothing to join.
pub fn merge(parts: &[(&str, &Snapshot)]) -> Result<Snapshot, Vec<Finding>> {
    let Some(taken_at) = parts.iter().map(|(_, s)| s.taken_at).min() else {
        return Err(vec![Finding::new(Code::Empty, "there is no snapshot to merge").mend("name at least one")]);
    };
    let mut sources: Vec<&str> = parts.iter().map(|(_, s)| s.source.raw()).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut findings = Vec::new();
    // WHY: identities and groups share their names, and so do trusts and trust rules.
    let mut subjects: BTreeMap<&str, &str> = BTreeMap::new();
    for (file, part) in parts {
        let groups = part.groups.iter().map(|g| (g.id.as_str(), "group"));
        for (id, kind) in part.identities.iter().map(|i| (i.id.as_str(), "identity")).chain(groups) {
            if *subjects.entry(id).or_insert(kind) != kind {
                findings.push(conflict(file, id, "identity or group"));
            }
        }
    }
    let merged = Snapshot {
        version: 1,
        taken_at,
        source: Text::from(sources.join("+")),
        identities: union(parts, "identity", |s| &s.identities, |x| x.id.as_str(), &mut findings),
        groups: union(parts, "group", |s| &s.groups, |x| x.id.as_str(), &mut findings),
        roles: union(parts, "role", |s| &s.roles, |x| x.id.as_str(), &mut findings),
        resources: union(parts, "resource", |s| &s.resources, |x| x.id.as_str(), &mut findings),
        assignments: union(parts, "assignment", |s| &s.assignments, |x| x.id.as_str(), &mut findings),
        trusts: union(parts, "trust", |s| &s.trusts, |x| x.id.as_str(), &mut findings),
        trust_rules: union(parts, "trust rule", |s| &s.trust_rules, |x| x.id.as_str(), &mut findings),
        credentials: union(parts, "credential", |s| &s.credentials, |x| x.id.as_str(), &mut findings),
        findings: union(parts, "finding", |s| &s.findings, |x| x.id.as_str(), &mut findings),
    };
    if findings.is_empty() { Ok(merged) } else { Err(findings) }
}

fn union<T: Clone + PartialEq>(
    parts: &[(&str, &Snapshot)],
    what: &str,
    section: impl Fn(&Snapshot) -> &Vec<T>,
    id: impl Fn(&T) -> &str,
    findings: &mut Vec<Finding>,
) -> Vec<T> {
    let mut known: BTreeMap<&str, &T> = BTreeMap::new();
    for (file, part) in parts {
        for thing in section(part) {
            if *known.entry(id(thing)).or_insert(thing) != thing {
                findings.push(conflict(file, id(thing), what));
            }
        }
    }
    known.into_values().cloned().collect()
}

fn conflict(file: &str, id: &str, what: &str) -> Finding {
    Finding::new(Code::DuplicateId, format!("the {what} `{id}` means something else in another part"))
        .at(&Place::file(file))
        .mend("export both parts again, at one time")
}
