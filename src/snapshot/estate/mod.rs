//! An estate: the snapshots of several systems as one.
//!
//! Each part has a name, by default that of its system. All its ids get this name as a prefix (`github:team:acme/ops`), so
//! that no id of one part is an id of another; only ids of AWS stay as they are, because they are ARNs, which permissions
//! name. Parts of the same kind are systems of their own: nothing of one cluster covers anything of another. Then the
//! parts are united, and [`links`] adds a trust wherever an identity of one part can act as one of another. The result
//! does not depend on the order of the parts. Linear in the size of the snapshots, except for links.

mod federation;
mod google;
mod links;
mod mapping;
mod part;
mod prefix;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::input::finding::{Code, Finding};
use crate::input::place::Place;
use crate::input::system::System;
use crate::input::text::Text;
use crate::input::time::Time;

pub use mapping::{MapLine, read_map};
pub use part::{EstatePart, LinkOptions, is_part_name};

use part::NamedPart;

use super::merge::{mark, merge_marked};
use super::model::{Snapshot, SystemPart};

/// Parts whose exports are further apart than this, in seconds, do not describe one state.
const APART: i64 = 86_400;

/// A merged estate.
#[derive(Debug)]
pub struct Estate {
    /// The merged snapshot.
    pub snapshot: Snapshot,
    /// What was notable; nothing of severity `error`.
    pub findings: Vec<Finding>,
    /// How many links of each kind were made.
    pub links: BTreeMap<&'static str, u64>,
}

/// Merges the snapshots of several systems.
///
/// # Errors
/// All faults: parts with the same name or target, a merged part, an id with two definitions.
pub fn estate(parts: Vec<EstatePart>, options: &LinkOptions) -> Result<Estate, Vec<Finding>> {
    let mut faults: Vec<Finding> = parts.iter().filter_map(already_merged).collect();
    let mut named: Vec<NamedPart> = Vec::new();
    for part in parts {
        match name(part) {
            Ok(part) => named.push(part),
            Err(fault) => faults.push(fault),
        }
    }
    named.sort_by(|a, b| (&a.name, &a.file).cmp(&(&b.name, &b.file)));
    faults.extend(same_names(&named));
    faults.extend(same_targets(&named));
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut findings = apart(&named);
    for part in &mut named {
        // WHY: the form of an id shows its system only before it has a prefix.
        mark(&mut part.snapshot);
        if part.has_prefix {
            prefix::add(&mut part.snapshot, &part.name);
        }
    }
    faults.extend(taken_prefixes(&named));
    if !faults.is_empty() {
        return Err(faults);
    }
    let borrowed: Vec<(&str, &Snapshot)> = named.iter().map(|part| (part.file.as_str(), &part.snapshot)).collect();
    let mut snapshot =
        merge_marked(&borrowed).map_err(|faults| faults.into_iter().map(conflict).collect::<Vec<_>>())?;
    snapshot.target = None;
    snapshot.parts = named.iter().flat_map(described).collect();
    snapshot.parts.sort();
    let links = links::add(&mut snapshot, &named, options, &mut findings)?;
    Ok(Estate { snapshot, findings, links })
}

fn already_merged(part: &EstatePart) -> Option<Finding> {
    let finding = Finding::new(Code::BadValue, "the snapshot is already merged").at(&Place::file(&part.file));
    part.snapshot.is_estate().then(|| finding.help("merge the snapshots that it was made from, all at once"))
}

/// Gives a part its name. Ids of AWS have no prefix, so a name of their own would separate nothing.
fn name(part: EstatePart) -> Result<NamedPart, Finding> {
    let EstatePart { file, name, snapshot } = part;
    let is_aws = snapshot.whole_system() == Some(System::Aws);
    if is_aws && name.is_some() {
        let message = "a snapshot of AWS needs no name: its ids are ARNs, which contain the account";
        return Err(Finding::new(Code::BadValue, message)
            .at(&Place::file(&file))
            .help("pass the file without `NAME=`"));
    }
    let name = name.unwrap_or_else(|| snapshot.source.raw().to_owned());
    if !is_part_name(&name) {
        let message = format!("`{name}` cannot be the name of a part");
        let help = "name the part with letters, digits, `.`, `_` and `-`: `blue=FILE`";
        return Err(Finding::new(Code::BadValue, message).at(&Place::file(&file)).help(help));
    }
    Ok(NamedPart { file, name, has_prefix: !is_aws, snapshot })
}

/// Parts with one name would share their ids. Those of AWS may: their ids differ by the account.
fn same_names(named: &[NamedPart]) -> Vec<Finding> {
    let pairs = named.iter().zip(named.iter().skip(1));
    let same = pairs.filter(|(a, b)| a.name == b.name && (a.has_prefix || b.has_prefix));
    let fault = |(a, b): (&NamedPart, &NamedPart)| {
        let message = format!("two parts have the name `{}`: `{}` and `{}`", a.name, a.file, b.file);
        let help = format!("give each a name of its own: `blue={} green={}`", a.file, b.file);
        Finding::new(Code::DuplicateId, message).at(&Place::file(&b.file)).help(help)
    };
    same.map(fault).collect()
}

fn same_targets(named: &[NamedPart]) -> Vec<Finding> {
    let mut known: BTreeMap<(Text, Text), &str> = BTreeMap::new();
    let mut found = Vec::new();
    for part in named {
        for target in part.snapshot.targets() {
            let key = (target.system.clone(), target.id.clone());
            if let Some(other) = known.insert(key, &part.file) {
                let message = format!(
                    "two parts are exports of the same system, {} `{}`: `{other}` and `{}`",
                    target.system.raw(),
                    target.id.raw(),
                    part.file
                );
                let help = "leave out the older one; to join exports of one system, import them with one command";
                found.push(Finding::new(Code::DuplicateId, message).at(&Place::file(&part.file)).help(help));
            }
        }
    }
    found
}

/// A warning for each part that was exported more than a day after the oldest.
fn apart(named: &[NamedPart]) -> Vec<Finding> {
    let Some(oldest) = named.iter().min_by_key(|part| part.snapshot.taken_at) else { return Vec::new() };
    let start: Time = oldest.snapshot.taken_at;
    let is_late = |part: &&NamedPart| part.snapshot.taken_at.unix().saturating_sub(start.unix()) > APART;
    let warning = |part: &NamedPart| {
        let message = format!(
            "`{}` was taken at {}, more than a day after `{}`, which was taken at {start}",
            part.file, part.snapshot.taken_at, oldest.file
        );
        Finding::new(Code::PartsApart, message)
            .at(&Place::file(&part.file))
            .help("export the older one again: the merged snapshot is as old as its oldest part")
    };
    named.iter().filter(is_late).map(warning).collect()
}

/// Ids without a prefix that begin like those of a part.
fn taken_prefixes(named: &[NamedPart]) -> Vec<Finding> {
    let prefixes: BTreeSet<&str> = named.iter().filter(|part| part.has_prefix).map(|part| part.name.as_str()).collect();
    let mut found = Vec::new();
    for part in named.iter().filter(|part| !part.has_prefix) {
        let ids = part.snapshot.names();
        let taken = ids.iter().find(|id| id.raw().split_once(':').is_some_and(|(first, _)| prefixes.contains(first)));
        found.extend(taken.map(|id| {
            let message = format!("the id `{}` of `{}` begins like those of another part", id.raw(), part.file);
            Finding::new(Code::DuplicateId, message).help("give the other part another name: `NAME=FILE`")
        }));
    }
    found
}

fn conflict(finding: Finding) -> Finding {
    finding.help("import all accounts of AWS with one command: `review snapshot import aws FILE… -o aws.json`")
}

fn described(part: &NamedPart) -> Vec<SystemPart> {
    let taken_at = Some(part.snapshot.taken_at);
    if !part.has_prefix && !part.snapshot.parts.is_empty() {
        return part.snapshot.parts.iter().map(|it| SystemPart { taken_at, ..it.clone() }).collect();
    }
    vec![SystemPart {
        source: part.snapshot.source.clone(),
        prefix: part.has_prefix.then(|| Text::from(format!("{}:", part.name))),
        target: part.snapshot.target.clone(),
        taken_at,
        holds: if part.has_prefix { Vec::new() } else { part.snapshot.names() },
    }]
}
