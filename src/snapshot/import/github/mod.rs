//! GitHub organisations: people, teams, repositories, applications, tokens, deploy keys, and the workflows that act by
//! OpenID Connect.
//!
//! `README.md` in this folder says how to export, what is modelled and what is not. [`export`] is the form of the lists,
//! [`build`] turns them into a snapshot.

mod build;
mod export;

#[cfg(test)]
mod tests;

use crate::input::finding::{Code, Finding};
use crate::input::intern::interning;
use crate::input::place::Place;
use crate::input::time::Time;
use crate::snapshot::import::documents;
use crate::snapshot::import::draft::Draft;
use crate::snapshot::import::importer::{Import, Importer, Recognition};
use crate::snapshot::import::probe::Probe;

use build::HubList;
use export::PathList;

/// The importer of GitHub.
#[derive(Clone, Copy, Debug)]
pub struct GitHub;

impl Importer for GitHub {
    fn system(&self) -> &'static str {
        "github"
    }

    fn commands(&self) -> &'static [&'static str] {
        &[
            "gh api --paginate --slurp orgs/ORG/teams | jq -c '{review_path: \"orgs/ORG/teams\", value: add}'",
            "lists: orgs/ORG, members, members?role=admin, outside_collaborators, repos, teams, installations, … (see its page)",
        ]
    }

    fn subjects(&self) -> &'static [&'static str] {
        &[
            "user:LOGIN",
            "team:ORG/SLUG",
            "members:ORG",
            "workflow:ORG/REPOSITORY",
            "app:SLUG",
            "token:ID",
            "deploy-key:ORG/REPOSITORY/ID",
        ]
    }

    fn recognise(&self, file: &Probe) -> Recognition {
        let path = file.text("review_path").unwrap_or_default();
        if file.is_json() && ["orgs/", "repos/"].iter().any(|start| path.trim_start_matches('/').starts_with(start)) {
            Recognition::Yes
        } else if file.has("node_id") && !file.has("review_path") {
            Recognition::Near("it does not say which list it is; add `review_path`")
        } else {
            Recognition::No
        }
    }

    fn read(&self, files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
        interning(|| import(files, taken_at))
    }

    fn target_help(&self) -> &'static str {
        "export `orgs/ORG` too, or name the organisation by its number with `--target`"
    }
}

fn import(files: &[(&str, &[u8])], taken_at: Time) -> Result<Import, Vec<Finding>> {
    let mut lists = Vec::new();
    let mut faults = Vec::new();
    for (file, list) in documents::objects::<PathList>(files)? {
        let place = Place::file(files.get(file).map_or("", |(name, _)| name));
        let Some(path) = list.review_path else {
            faults.push(documents::unknown_list(files, file, documents::WRAP));
            continue;
        };
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let path = path.trim_matches('/').to_owned();
        if path.ends_with("/collaborators") && !query.contains("affiliation=direct") {
            let message = format!("`{path}` lists everyone who has access, through teams too");
            let finding = Finding::new(Code::BadValue, message).at(&place);
            faults.push(finding.help(format!("ask for those who have it directly: `{path}?affiliation=direct`")));
        }
        lists.push(HubList { path, query: query.to_owned(), objects: list.value.list() });
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut draft = Draft::new("github");
    let organisations = build::add(&lists, &mut draft);
    if organisations.len() > 1 {
        let all: Vec<&str> = organisations.keys().map(String::as_str).collect();
        draft.fault(
            format!("the files are of several organisations: {}", all.join(", ")),
            "import each organisation on its own",
        );
    }
    let has = |query: &str| lists.iter().any(|list| list.path.ends_with("/members") && list.query.contains(query));
    let has_owners = has("role=admin");
    let target = organisations.into_values().next().flatten().map(|id| id.to_string());
    let mut import = draft.finish(target, taken_at)?;
    if !has_owners {
        let message = "the owners of the organisation are not in the export; they administer everything";
        let finding = Finding::new(Code::NotImported, message).weighing(crate::input::finding::Severity::Warning);
        import.findings.push(finding.help("export `orgs/ORG/members?role=admin` too"));
    }
    Ok(import)
}
