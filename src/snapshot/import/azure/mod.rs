//! Azure role-based access control, from lists of `az` and of the resource manager.
//!
//! `README.md` in this folder says how to export, what is modelled and what is not. [`export`] is the form of the objects,
//! [`scopes`] makes the tree of scopes, [`build`] turns definitions and assignments into a snapshot.

mod build;
mod export;
mod scopes;

#[cfg(test)]
mod tests;

use crate::input::finding::Finding;
use crate::input::intern::interning;
use crate::input::time::Time;
use crate::snapshot::import::documents;
use crate::snapshot::import::draft::Draft;
use crate::snapshot::import::importer::{Import, Importer, Recognition};
use crate::snapshot::import::probe::Probe;

use export::{ArmObject, Listed};

/// The importer of Azure.
#[derive(Clone, Copy, Debug)]
pub struct Azure;

impl Importer for Azure {
    fn system(&self) -> &'static str {
        "azure"
    }

    fn commands(&self) -> &'static [&'static str] {
        &[
            "az role assignment list --all > assignments.json   (for each subscription)",
            "az role definition list > definitions.json",
            "az account management-group entities list > tree.json   (and deny assignments, eligible roles: see its page)",
        ]
    }

    fn subjects(&self) -> &'static [&'static str] {
        &["user:NAME", "sp:NAME/ID", "group:NAME/ID", "everybody"]
    }

    fn recognise(&self, file: &Probe) -> Recognition {
        let kind = file.text("type").unwrap_or_default();
        // Of a truncated file only the keys are known, and the reader says where it ends.
        let is_list = (file.has("value") || file.has("type")) && file.head().contains("Microsoft.Authorization/");
        let is_tree = file.has("tenantId") && (kind.ends_with("managementGroups") || kind.ends_with("/subscriptions"));
        let is_account = file.has("tenantId") && file.has("environmentName");
        if !file.is_json() {
            Recognition::No
        } else if kind.starts_with("Microsoft.Authorization/") || is_list || is_tree || is_account {
            Recognition::Yes
        } else if file.has("roleDefinitionId") || file.has("assignableScopes") {
            Recognition::Near("its objects have no `type`")
        } else {
            Recognition::No
        }
    }

    fn read(&self, files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
        interning(|| import(files, taken_at))
    }

    fn pages_help(&self) -> &'static str {
        "export all pages: `az role assignment list --all` follows them, `az rest` does not"
    }

    fn target_help(&self) -> &'static str {
        "export `az account show` too, or name the tenant with `--target`"
    }
}

fn import(files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
    let listed: Vec<(usize, Listed)> = documents::objects(files)?;
    let objects: Vec<ArmObject> = listed
        .into_iter()
        .flat_map(|(_, listed)| match listed {
            Listed::List { value } => value,
            Listed::Single(object) => vec![*object],
        })
        .collect();
    let mut draft = Draft::new("azure");
    let tenants = build::add(&objects, &mut draft);
    if tenants.len() > 1 {
        let list: Vec<&str> = tenants.iter().map(String::as_str).collect();
        draft.fault(format!("the files are of several tenants: {}", list.join(", ")), "import each tenant on its own");
    }
    draft.finish(tenants.into_iter().next(), taken_at)
}
