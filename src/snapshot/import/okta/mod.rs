//! Okta: people, groups, applications, administrator roles of people, groups and client applications, and tokens.
//!
//! `README.md` in this folder says how to export, what is modelled and what is not. [`export`] is the form of the lists,
//! [`build`] turns them into a snapshot.

mod build;
mod export;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::input::finding::{Code, Finding, Severity};
use crate::input::intern::interning;
use crate::input::time::Time;
use crate::snapshot::import::documents;
use crate::snapshot::import::draft::Draft;
use crate::snapshot::import::importer::{Import, Importer, Recognition};
use crate::snapshot::import::probe::Probe;

use build::PathObjects;
use export::OktaList;

/// The importer of Okta.
#[derive(Clone, Copy, Debug)]
pub struct Okta;

impl Importer for Okta {
    fn system(&self) -> &'static str {
        "okta"
    }

    fn commands(&self) -> &'static [&'static str] {
        &[
            "curl -fH \"Authorization: SSWS $TOKEN\" https://ORG.okta.com/api/v1/users   (all pages and lists: see its page)",
            "lists: org, users, groups, groups/ID/users, apps, apps/ID/users, …/roles, iam/roles, api-tokens",
        ]
    }

    fn subjects(&self) -> &'static [&'static str] {
        &["user:LOGIN", "group:NAME/ID", "client:LABEL/ID"]
    }

    fn recognise(&self, file: &Probe) -> Recognition {
        let path = file.text("review_path").unwrap_or_default().trim_start_matches('/');
        if file.is_json() && (path.starts_with("api/v1/") || path.starts_with("oauth2/v1/")) {
            Recognition::Yes
        } else if file.is_json() && file.has("_links") && file.has("profile") && !file.has("review_path") {
            Recognition::Near("it does not say which list it is; add `review_path`")
        } else {
            Recognition::No
        }
    }

    fn read(&self, files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
        interning(|| import(files, taken_at))
    }

    fn target_help(&self) -> &'static str {
        "export `api/v1/org` too, or name the organisation by its id with `--target`"
    }
}

/// The size of a page, if the path does not state a `limit`. Source: Okta, "List all users".
const PAGE: usize = 200;

fn import(files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
    let mut lists = Vec::new();
    // The last page of each list, if it is a full one.
    let mut pages: BTreeMap<String, Option<usize>> = BTreeMap::new();
    let mut faults = Vec::new();
    for (file, list) in documents::objects::<OktaList>(files)? {
        let Some(path) = list.review_path else {
            faults.push(documents::unknown_list(files, file, documents::WRAP));
            continue;
        };
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let path = path.trim_matches('/').to_owned();
        let limit = query.split('&').find_map(|it| it.strip_prefix("limit=")?.parse().ok()).unwrap_or(PAGE);
        let objects = list.value.list();
        pages.insert(path.clone(), (objects.len() == limit).then_some(limit));
        lists.push(PathObjects { path, objects });
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut draft = Draft::new("okta");
    let organisations = build::add(&lists, &mut draft);
    if organisations.len() > 1 {
        let all: Vec<&str> = organisations.iter().map(String::as_str).collect();
        draft.fault(
            format!("the files are of several organisations: {}", all.join(", ")),
            "import each organisation on its own",
        );
    }
    let has_roles = lists.iter().any(|list| list.path.ends_with("/roles") && !list.path.starts_with("api/v1/iam/"));
    let mut import = draft.finish(organisations.into_iter().next(), taken_at)?;
    let full: Vec<(&String, usize)> = pages.iter().filter_map(|(path, full)| Some((path, (*full)?))).collect();
    if let Some((path, limit)) = full.first() {
        let message = format!(
            "the list `{path}`{} ends with a full page of {limit}; a next page may be missing",
            if full.len() == 1 { String::new() } else { format!(" (and {} more)", full.len().saturating_sub(1)) }
        );
        let finding = Finding::new(Code::NotImported, message).weighing(Severity::Warning);
        import.findings.push(
            finding.help(
                "follow `rel=\"next\"` of the header `link`; if it was the last page, export with another `limit`",
            ),
        );
    }
    if !has_roles {
        let message = "no list of administrator roles is in the export; administrators are not seen";
        let finding = Finding::new(Code::NotImported, message).weighing(Severity::Warning);
        import.findings.push(finding.help("export api/v1/users/ID/roles and api/v1/groups/ID/roles too"));
    }
    Ok(import)
}
