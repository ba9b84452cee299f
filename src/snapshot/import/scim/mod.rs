//! SCIM 2.0: users and groups of any service that provisions them by the standard (RFC 7643, RFC 7644).
//!
//! `README.md` in this folder says how to export, what is modelled and what is not. [`export`] is the form of the responses,
//! [`build`] turns them into a snapshot. Passwords, which a careless service returns, are never read.

mod build;
mod export;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::input::finding::{Code, Finding};
use crate::input::intern::interning;
use crate::input::place::Place;
use crate::input::time::Time;
use crate::snapshot::import::documents;
use crate::snapshot::import::draft::Draft;
use crate::snapshot::import::importer::{Import, Importer, Recognition};
use crate::snapshot::import::probe::Probe;

use export::ScimObject;

/// What the names of all schemas begin with.
const SCIM: &str = "urn:ietf:params:scim:";

/// The importer of SCIM.
#[derive(Clone, Copy, Debug)]
pub struct Scim;

impl Importer for Scim {
    fn system(&self) -> &'static str {
        "scim"
    }

    fn commands(&self) -> &'static [&'static str] {
        &[
            "curl -fH \"Authorization: Bearer $TOKEN\" \"$BASE/Users?startIndex=1&count=100\"   (and each further page)",
            "curl -fH \"Authorization: Bearer $TOKEN\" \"$BASE/Groups?startIndex=1&count=100\"",
        ]
    }

    fn subjects(&self) -> &'static [&'static str] {
        &["user:USERNAME", "group:NAME/ID"]
    }

    fn recognise(&self, file: &Probe) -> Recognition {
        if file.is_json() && file.has("schemas") && file.head().contains(SCIM) {
            Recognition::Yes
        } else if file.has("Resources") || (file.has("userName") && file.is_json()) {
            Recognition::Near("it has no `schemas`, which every object of SCIM has")
        } else {
            Recognition::No
        }
    }

    fn read(&self, files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
        interning(|| import(files, taken_at))
    }

    fn target_help(&self) -> &'static str {
        "name the service by its base address: `--target https://example.com/scim/v2`"
    }
}

fn import(files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
    let mut resources = Vec::new();
    let mut faults = Vec::new();
    // By the number that a list says to have, and whether it is of groups: how many its pages hold together.
    let mut lists: BTreeMap<(usize, bool), usize> = BTreeMap::new();
    for (file, object) in documents::objects::<ScimObject>(files)? {
        let place = Place::file(files.get(file).map_or("", |(name, _)| name));
        let fault = |message: &str, help: &str| Finding::new(Code::BadValue, message).at(&place).help(help);
        if object.is(":messages:2.0:Error") {
            faults.push(fault("the file holds an error message", "export it again; the command must report no error"));
        } else if object.is("Request") || object.is(":messages:2.0:PatchOp") || object.is(":BulkResponse") {
            faults.push(fault("the file holds a change, and no list of users or groups", "export with a GET request"));
        } else if object.is(":messages:2.0:ListResponse") {
            let is_groups = object.resources.first().is_some_and(ScimObject::is_group);
            let total = object.total_results.unwrap_or(object.resources.len());
            *lists.entry((total, is_groups)).or_default() += object.resources.len();
            // WHY: the list of one large file is moved as a whole.
            if resources.is_empty() {
                resources = object.resources;
            } else {
                resources.extend(object.resources);
            }
        } else {
            resources.push(object);
        }
    }
    for ((total, _), count) in lists.into_iter().filter(|((total, _), count)| count < total) {
        let message = format!("a list has {total} resources, and the files hold {count} of them");
        let help = "export every page: `startIndex=1`, then `startIndex=101`, … with `count=100`";
        faults.push(Finding::new(Code::BadValue, message).help(help));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut draft = Draft::new("scim");
    let target = build::add(&resources, &mut draft);
    draft.finish(target, taken_at)
}
