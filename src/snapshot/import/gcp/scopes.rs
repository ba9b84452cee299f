//! The tree of organisations, folders, projects and resources, and the names by which scopes are known.
//!
//! Projects have a number and an id, and service accounts have a number and an address. A name with a number becomes the
//! one with the id where the export tells it, so that one thing is one scope.

use std::collections::{BTreeMap, BTreeSet};

use crate::snapshot::import::draft::Draft;

use super::export::{Kind, Object, Parent};

const MANAGER: &str = "//cloudresourcemanager.googleapis.com/";
const ACCOUNTS: &str = "/serviceAccounts/";

/// The resource of a service account. Google Cloud accepts `-` for its project.
pub(super) fn account(email: &str) -> String {
    format!("//iam.googleapis.com/projects/-{ACCOUNTS}{email}")
}

/// What is known of names.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    /// The id of a project by its number.
    projects: BTreeMap<String, String>,
    /// The address of a service account by its number.
    accounts: BTreeMap<String, String>,
    /// The parent of each scope, as the lists of projects and folders and the ancestors of assets tell it.
    parents: BTreeMap<String, String>,
    organizations: BTreeSet<String>,
}

impl Scopes {
    pub fn of(objects: &[(usize, Object)]) -> Self {
        let mut scopes = Self::default();
        for (_, object) in objects {
            scopes.numbers(object);
        }
        // Lists of projects and folders, and ancestors, tell the place exactly; the folders of a search may be in any order.
        for is_exact in [true, false] {
            let is_meant = |it: &&Object| (it.kind() != Kind::Policy || !it.ancestors.is_empty()) == is_exact;
            objects.iter().map(|(_, object)| object).filter(is_meant).for_each(|object| scopes.tree(object));
        }
        scopes
    }

    fn numbers(&mut self, object: &Object) {
        let number = object.project.as_deref().and_then(|it| it.strip_prefix("projects/"));
        match object.kind() {
            Kind::Project => {
                if let (Some(id), Some(number)) = (&object.project_id, &object.project_number) {
                    self.projects.insert(number.clone(), id.clone());
                }
            }
            Kind::ServiceAccount => {
                if let (Some(email), Some(number)) = (&object.email, &object.unique_id) {
                    self.accounts.insert(number.clone(), email.clone());
                }
            }
            Kind::BarePolicy
            | Kind::Role
            | Kind::RoleName
            | Kind::Key
            | Kind::Folder
            | Kind::Group
            | Kind::Deny
            | Kind::DenyName
            | Kind::Asset
            | Kind::Unknown => {}
            Kind::Policy => {
                // The policy of the project itself names it by its id.
                let id = object.resource_name().and_then(|name| name.strip_prefix(MANAGER)?.strip_prefix("projects/"));
                if let (Some(id), Some(number)) = (id, number) {
                    self.projects.insert(number.to_owned(), id.to_owned());
                }
            }
        }
    }

    fn tree(&mut self, object: &Object) {
        match (object.kind(), &object.parent) {
            (Kind::Project, Some(Parent::Parts { kind, id })) => {
                let own = format!("projects/{}", object.project_id.as_deref().unwrap_or_default());
                self.chain(&[own, format!("{kind}s/{id}")]);
            }
            (Kind::Project, Some(Parent::Name(parent))) => {
                let own = format!("projects/{}", object.project_id.as_deref().unwrap_or_default());
                self.chain(&[own, parent.clone()]);
            }
            (Kind::Folder, Some(Parent::Name(parent))) => {
                self.chain(&[object.name.clone().unwrap_or_default(), parent.clone()]);
            }
            (Kind::Policy | Kind::Asset, _) => {
                let mut chain: Vec<String> = object.resource_name().into_iter().map(str::to_owned).collect();
                if object.ancestors.is_empty() {
                    chain.extend(object.project.clone());
                    chain.extend(object.folders.iter().cloned());
                    chain.extend(object.organization.clone());
                } else {
                    chain.extend(object.ancestors.iter().cloned());
                }
                self.chain(&chain);
            }
            _ => {}
        }
    }

    /// Each scope of a chain is below the next one.
    fn chain(&mut self, chain: &[String]) {
        let mut chain: Vec<String> = chain.iter().map(|name| self.id(name)).collect();
        // A project, folder or organisation is also listed among its own ancestors.
        chain.dedup();
        self.organizations.extend(chain.iter().filter(|id| id.starts_with("organizations/")).cloned());
        for (own, parent) in chain.iter().zip(chain.iter().skip(1)) {
            self.parents.entry(own.clone()).or_insert_with(|| parent.clone());
        }
    }

    /// The id of a scope by its full or relative name.
    pub fn id(&self, name: &str) -> String {
        let short = name.strip_prefix(MANAGER).unwrap_or(name);
        if let Some((before, account_name)) = short.split_once(ACCOUNTS)
            && (before.starts_with("//iam.googleapis.com/") || before.starts_with("projects/"))
        {
            let email = self.accounts.get(account_name).map_or(account_name, String::as_str);
            return account(email);
        }
        match short.strip_prefix("projects/").and_then(|number| self.projects.get(number)) {
            Some(id) => format!("projects/{id}"),
            None => short.to_owned(),
        }
    }

    /// The scope above one: as listed, or the project in its name.
    fn parent(&self, id: &str, name: &str) -> Option<String> {
        let of_path = || {
            let (_, rest) = name.strip_prefix("//")?.split_once("/projects/")?;
            let (project, _) = rest.split_once('/')?;
            (project != "-").then(|| self.id(&format!("projects/{project}")))
        };
        self.parents.get(id).cloned().or_else(of_path)
    }

    /// The project of a service account, as its address tells it.
    fn project_of(&self, email: &str) -> Option<String> {
        let (name, domain) = email.split_once('@')?;
        let id = match domain.strip_suffix(".iam.gserviceaccount.com") {
            Some(project) => project.to_owned(),
            None if domain == "developer.gserviceaccount.com" => {
                self.projects.get(name.strip_suffix("-compute")?)?.clone()
            }
            None if domain == "appspot.gserviceaccount.com" => name.to_owned(),
            None => return None,
        };
        Some(format!("projects/{id}"))
    }

    /// Adds a scope and all above it, and returns its id.
    pub fn add(&self, name: &str, draft: &mut Draft) -> String {
        let first = self.id(name);
        let mut id = first.clone();
        let mut name = name.to_owned();
        // A cycle ends at a scope that has its parent already.
        while let Some(parent) = self.parent(&id, &name) {
            if draft.resources.get(id.as_str()).is_some_and(|known| known.parent.is_some()) {
                return first;
            }
            draft.resource(&id, Some(&parent));
            name.clone_from(&parent);
            id = parent;
        }
        draft.resource(&id, None);
        first
    }

    /// Adds the resource of a service account below its project. That of an account whose project is not in the export has
    /// no parent.
    pub fn add_account(&self, email: &str, project: Option<&str>, draft: &mut Draft) -> String {
        let id = account(email);
        let project = match (self.parents.get(&id), project) {
            (Some(parent), _) => Some(parent.clone()),
            (None, Some(project)) => Some(self.id(&format!("projects/{project}"))),
            (None, None) => self.project_of(email).filter(|id| draft.resources.contains_key(id.as_str())),
        };
        if let Some(project) = &project {
            self.add(project, draft);
        }
        draft.resource(&id, project.as_deref());
        id
    }

    /// The organisation, or the one project that everything is in.
    pub fn target(&self, draft: &mut Draft) -> Option<String> {
        let mut organizations = self.organizations.iter();
        match (organizations.next(), organizations.next()) {
            (Some(first), Some(second)) => {
                draft.fault(
                    format!("the files are of two organisations, `{first}` and `{second}`"),
                    "export each on its own: `gcloud asset search-all-iam-policies --scope=organizations/NUMBER`",
                );
                None
            }
            (Some(only), None) => Some(only.clone()),
            (None, _) => {
                let mut projects = draft.resources.keys().filter(|id| id.as_str().starts_with("projects/"));
                let only = projects.next().map(|id| id.as_str().to_owned());
                only.filter(|_| projects.next().is_none())
            }
        }
    }
}
