//! Merges several exports into one snapshot: of several systems, or parts of one.
//!
//! The result is the union of the snapshots. An id with two different definitions is a fault; neither one is preferred.
//! The time of the result is that of the oldest part.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::finding::{Code, Finding};
use crate::input::id::GroupId;
use crate::input::place::Place;
use crate::input::system::System;
use crate::input::text::Text;

use super::model::{Group, MembersKnown, Snapshot, SystemPart, SystemTarget};

/// Merges snapshots. `taken_at` is the oldest time, `source` joins the sources with `+`, and objects are sorted by id.
///
/// # Errors
/// `duplicate-id` for each id with different definitions, `empty` if there is no snapshot.
pub fn merge(parts: &[(&str, &Snapshot)]) -> Result<Snapshot, Vec<Finding>> {
    let mut marked: Vec<(&str, Snapshot)> = parts.iter().map(|(file, part)| (*file, (*part).clone())).collect();
    for (_, part) in &mut marked {
        mark(part);
    }
    let marked: Vec<(&str, &Snapshot)> = marked.iter().map(|(file, part)| (*file, part)).collect();
    merge_marked(&marked)
}

/// The same for parts in which every object states its system.
///
/// # Errors
/// As [`merge`].
pub(super) fn merge_marked(parts: &[(&str, &Snapshot)]) -> Result<Snapshot, Vec<Finding>> {
    let Some(taken_at) = parts.iter().map(|(_, s)| s.taken_at).min() else {
        return Err(vec![Finding::new(Code::Empty, "there is no snapshot to merge").help("pass at least one")]);
    };
    let mut sources: Vec<&str> = parts.iter().map(|(_, s)| s.source.raw()).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut findings = Vec::new();
    // Identities and groups share one namespace.
    let mut subjects: BTreeMap<&str, &str> = BTreeMap::new();
    for (file, part) in parts {
        let groups = part.groups.iter().map(|g| (g.id.as_str(), "group"));
        for (id, kind) in part.identities.iter().map(|i| (i.id.as_str(), "identity")).chain(groups) {
            if *subjects.entry(id).or_insert(kind) != kind {
                findings.push(conflict(file, id, "identity or group"));
            }
        }
    }
    let (target, described) = systems(parts);
    let wholes: BTreeSet<Option<System>> = parts.iter().map(|(_, part)| part.whole_system()).collect();
    let mut merged = Snapshot {
        version: 1,
        taken_at,
        source: Text::from(sources.join("+")),
        target,
        parts: described,
        system: wholes.first().filter(|_| wholes.len() == 1).cloned().flatten(),
        cluster_scoped: cluster_scoped(parts),
        identities: union(all(parts, |s| &s.identities), "identity", |x| x.id.as_str(), &mut findings),
        groups: union(groups(parts), "group", |x| x.id.as_str(), &mut findings),
        roles: union(all(parts, |s| &s.roles), "role", |x| x.id.as_str(), &mut findings),
        resources: union(all(parts, |s| &s.resources), "resource", |x| x.id.as_str(), &mut findings),
        assignments: union(all(parts, |s| &s.assignments), "assignment", |x| x.id.as_str(), &mut findings),
        trusts: union(all(parts, |s| &s.trusts), "trust", |x| x.id.as_str(), &mut findings),
        trust_rules: union(all(parts, |s| &s.trust_rules), "trust rule", |x| x.id.as_str(), &mut findings),
        credentials: union(all(parts, |s| &s.credentials), "credential", |x| x.id.as_str(), &mut findings),
        findings: union(all(parts, |s| &s.findings), "finding", |x| x.id.as_str(), &mut findings),
    };
    if merged.system.is_some() {
        unmark(&mut merged);
    }
    if findings.is_empty() { Ok(merged) } else { Err(findings) }
}

/// The one target, or the parts with their targets. Exports of one target are one part.
fn systems(parts: &[(&str, &Snapshot)]) -> (Option<SystemTarget>, Vec<SystemPart>) {
    let mut known: BTreeMap<(Text, Option<SystemTarget>), BTreeSet<Text>> = BTreeMap::new();
    for (_, snapshot) in parts {
        if snapshot.parts.is_empty() {
            let key = (snapshot.source.clone(), snapshot.target.clone());
            known.entry(key).or_default().extend(snapshot.names());
        }
        for part in &snapshot.parts {
            let key = (part.source.clone(), part.target.clone());
            known.entry(key).or_default().extend(part.holds.iter().cloned());
        }
    }
    if known.len() == 1 {
        return (known.into_keys().next().and_then(|(_, target)| target), Vec::new());
    }
    let part = |((source, target), holds): (_, BTreeSet<Text>)| SystemPart {
        source,
        prefix: None,
        target,
        taken_at: None,
        holds: holds.into_iter().collect(),
    };
    (None, known.into_iter().map(part).collect())
}

/// Makes every object state its system, so that it is told from those of other parts.
pub(super) fn mark(part: &mut Snapshot) {
    let whole = part.whole_system();
    for role in &mut part.roles {
        role.system = role.system(whole.as_ref());
    }
    for trust in &mut part.trusts {
        trust.system = trust.system(whole.as_ref());
    }
    for rule in &mut part.trust_rules {
        rule.system = rule.system(whole.as_ref());
    }
}

/// Drops the system of what is of the system of the whole.
fn unmark(merged: &mut Snapshot) {
    let whole = merged.system.clone();
    let of_roles = merged.roles.iter_mut().map(|role| &mut role.system);
    let of_trusts = merged.trusts.iter_mut().map(|trust| &mut trust.system);
    let rule_systems = merged.trust_rules.iter_mut().map(|rule| &mut rule.system);
    for system in of_roles.chain(of_trusts).chain(rule_systems).filter(|system| **system == whole) {
        *system = None;
    }
}

/// Types that belong to the whole cluster in every cluster: where a part says nothing, more access is assumed.
fn cluster_scoped(parts: &[(&str, &Snapshot)]) -> Vec<Text> {
    let clusters = parts.iter().filter(|(_, part)| part.whole_system() == Some(System::Kubernetes));
    let mut types = clusters.map(|(_, part)| part.cluster_scoped.iter().cloned().collect::<BTreeSet<Text>>());
    let first = types.next().unwrap_or_default();
    types.fold(first, |all, more| all.intersection(&more).cloned().collect()).into_iter().collect()
}

fn all<'a, T: 'a>(
    parts: &[(&'a str, &'a Snapshot)],
    section: impl Fn(&'a Snapshot) -> &'a [T],
) -> Vec<(&'a str, &'a T)> {
    parts.iter().flat_map(|(file, part)| section(part).iter().map(|thing| (*file, thing))).collect()
}

/// All groups, without those that one part only names and another part describes.
fn groups<'a>(parts: &[(&'a str, &'a Snapshot)]) -> Vec<(&'a str, &'a Group)> {
    let blank = |g: &Group| {
        g.members_known == MembersKnown::Unknown
            && g.members.is_empty()
            && g.nested.is_empty()
            && g.implicit.is_empty()
            && g.owner.is_none()
            && !g.public
    };
    let mut out = all(parts, |s| &s.groups);
    let described: BTreeSet<GroupId> = out.iter().filter(|(_, g)| !blank(g)).map(|(_, g)| g.id.clone()).collect();
    out.retain(|(_, g)| !blank(g) || !described.contains(&g.id));
    out
}

fn union<T: Clone + PartialEq>(
    things: Vec<(&str, &T)>,
    what: &str,
    id: impl Fn(&T) -> &str,
    findings: &mut Vec<Finding>,
) -> Vec<T> {
    let mut known: BTreeMap<&str, &T> = BTreeMap::new();
    for (file, thing) in things {
        if *known.entry(id(thing)).or_insert(thing) != thing {
            findings.push(conflict(file, id(thing), what));
        }
    }
    known.into_values().cloned().collect()
}

fn conflict(file: &str, id: &str, what: &str) -> Finding {
    Finding::new(Code::DuplicateId, format!("the {what} `{id}` has a different definition in another part"))
        .at(&Place::file(file))
        .help("export both parts again at the same time")
}
