//! Baton, from the lists that its command prints of the sync of any connector.
//!
//! `README.md` in this folder says how to export, what is modelled and what is not. [`export`] is the form of the lists,
//! [`build`] turns them into a snapshot.

mod build;
mod export;

#[cfg(test)]
mod tests;

use crate::input::finding::{Code, Finding};
use crate::input::intern::interning;
use crate::input::time::Time;
use crate::snapshot::import::documents;
use crate::snapshot::import::draft::Draft;
use crate::snapshot::import::importer::{Import, Importer, Recognition};
use crate::snapshot::import::probe::Probe;

use export::Lists;

/// The lists of a sync, as keys of their files.
const LISTS: [&str; 4] = ["resourceTypes", "resources", "entitlements", "grants"];

/// The importer of Baton.
#[derive(Clone, Copy, Debug)]
pub struct Baton;

impl Importer for Baton {
    fn system(&self) -> &'static str {
        "baton"
    }

    fn commands(&self) -> &'static [&'static str] {
        &[
            "for list in resource-types resources entitlements grants; do baton -f sync.c1z -o json $list > $list.json; done",
        ]
    }

    fn subjects(&self) -> &'static [&'static str] {
        &["TYPE:ID", "ENTITLEMENT-ID"]
    }

    fn recognise(&self, file: &Probe) -> Recognition {
        if !file.is_json() || file.has("kind") || file.has("schemas") {
            Recognition::No
        } else if LISTS.iter().any(|key| file.has(key)) {
            Recognition::Yes
        } else if file.has("grant") || file.has("entitlement") {
            Recognition::Near("it holds single objects and not a list of `grants`, `entitlements` or `resources`")
        } else {
            Recognition::No
        }
    }

    fn read(&self, files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
        interning(|| import(files, taken_at))
    }

    fn target_help(&self) -> &'static str {
        "name the system that was synced, such as its tenant or its domain: `--target ID`"
    }
}

fn import(files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
    let mut lists = Lists::default();
    for (_, more) in documents::objects::<Lists>(files)? {
        join(&mut lists.resource_types, more.resource_types);
        join(&mut lists.resources, more.resources);
        join(&mut lists.entitlements, more.entitlements);
        join(&mut lists.grants, more.grants);
    }
    let given = [
        ("resource-types", lists.resource_types.is_some()),
        ("resources", lists.resources.is_some()),
        ("entitlements", lists.entitlements.is_some()),
        ("grants", lists.grants.is_some()),
    ];
    let missing = given.iter().filter(|(_, is_given)| !is_given).map(|(list, _)| {
        Finding::new(Code::MissingField, format!("the list of {list} is missing"))
            .help(format!("print it too: `baton -f sync.c1z -o json {list} > {list}.json`"))
    });
    let missing: Vec<Finding> = missing.collect();
    if !missing.is_empty() {
        return Err(missing);
    }
    let mut draft = Draft::new("baton");
    build::add(&lists, &mut draft);
    draft.finish(None, taken_at)
}

fn join<T>(all: &mut Option<Vec<T>>, more: Option<Vec<T>>) {
    if let Some(more) = more {
        all.get_or_insert_default().extend(more);
    }
}
