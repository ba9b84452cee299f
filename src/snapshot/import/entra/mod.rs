//! Microsoft Entra, from lists of Microsoft Graph: people, groups, service principals, applications and agents, what they
//! may do, and who can act as them.
//!
//! `README.md` in this folder says how to export, what is modelled and what is not. [`export`] is the form of the lists,
//! [`names`] says what each object is called, [`build`] turns the lists into a snapshot.

mod build;
mod export;
mod names;

#[cfg(test)]
mod tests;

use crate::input::finding::Finding;
use crate::input::intern::interning;
use crate::input::time::Time;
use crate::snapshot::import::documents;
use crate::snapshot::import::draft::Draft;
use crate::snapshot::import::importer::{Import, Importer, Recognition};
use crate::snapshot::import::probe::Probe;

use build::Entry;
use export::Page;
use names::Names;

/// The importer of Microsoft Entra.
#[derive(Clone, Copy, Debug)]
pub struct Entra;

impl Importer for Entra {
    fn system(&self) -> &'static str {
        "entra"
    }

    fn commands(&self) -> &'static [&'static str] {
        &[
            "az rest --url https://graph.microsoft.com/v1.0/servicePrincipals   (all pages and lists: see its page)",
            "lists: organization, users, groups, groups/ID/members, applications, oauth2PermissionGrants, directory roles, …",
        ]
    }

    fn subjects(&self) -> &'static [&'static str] {
        &["user:UPN", "sp:NAME/APPID", "group:NAME/ID", "federated:ISSUER|SUBJECT"]
    }

    fn recognise(&self, file: &Probe) -> Recognition {
        let context = file.text("@odata.context").is_some_and(|it| it.contains("graph.microsoft.com"));
        let path = file.text("review_path").map_or("", |path| path.trim_start_matches('/'));
        let is_other = ["orgs/", "repos/", "api/"].iter().any(|start| path.starts_with(start));
        if file.is_json() && ((file.has("review_path") && !is_other) || context) {
            Recognition::Yes
        } else if file.has("servicePrincipalType") || (file.has("appId") && file.is_json()) {
            Recognition::Near("it does not say which list it is; keep `@odata.context`, or add `review_path`")
        } else {
            Recognition::No
        }
    }

    fn read(&self, files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
        interning(|| import(files, taken_at))
    }

    fn pages_help(&self) -> &'static str {
        "follow `@odata.nextLink` to the last page, as the function `list` on the importer's page does"
    }

    fn target_help(&self) -> &'static str {
        "export the list `organization` too, or name the tenant with `--target`"
    }
}

fn import(files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut faults = Vec::new();
    for (file, page) in documents::objects::<Page>(files)? {
        if let Some(path) = page.path() {
            entries.extend(page.value.into_iter().map(|object| (path.clone(), object)));
        } else {
            faults.push(documents::unknown_list(files, file, "keep `@odata.context`, or add `review_path`"));
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut names = Names::default();
    for (path, object) in &entries {
        names.add(path, object);
    }
    let mut draft = Draft::new("entra");
    build::add(&entries, &names, &mut draft);
    let tenants: std::collections::BTreeSet<&str> =
        entries.iter().filter(|(path, _)| path.list == "organization").map(|(_, it)| it.id.as_str()).collect();
    if tenants.len() > 1 {
        let list: Vec<&str> = tenants.iter().copied().collect();
        draft.fault(format!("the files are of several tenants: {}", list.join(", ")), "import each tenant on its own");
    }
    draft.finish(tenants.first().map(|id| (*id).to_owned()), taken_at)
}
