//! The ids of objects in the snapshot, by their ids in the directory.
//!
//! A person is known by the user principal name. Any other object is known by its name and its id, because names are not
//! unique and ids say nothing to people. An application and its service principal have one name and the id of the
//! application in common, so that whoever may change the one is seen to act as the other.

use std::collections::BTreeMap;

use crate::snapshot::check::is_plain;

use super::export::{GraphObject, ListPath};

/// What is known of an object.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub id: String,
    pub is_group: bool,
}

/// All names.
#[derive(Debug, Default)]
pub(super) struct Names {
    objects: BTreeMap<String, Named>,
    /// The name of an application by its application id: `NAME/APPID`.
    applications: BTreeMap<String, String>,
    /// The values of application roles by resource and role.
    app_roles: BTreeMap<(String, String), String>,
    /// The application ids of applications and service principals, by their ids.
    app_ids: BTreeMap<String, String>,
    /// The ids of directory roles in the snapshot, by their ids.
    directory_roles: BTreeMap<String, String>,
}

impl Names {
    pub fn add(&mut self, path: &ListPath, object: &GraphObject) {
        let name = object.display_name.as_deref().unwrap_or_default();
        let (id, is_group) = match path.list.as_str() {
            "users" => (user(object), false),
            "groups" => (format!("group:{}", readable(name, &object.id)), true),
            "applications" | "servicePrincipals" => {
                let app_id = object.app_id.as_deref().unwrap_or(&object.id);
                // The name of the service principal in this tenant wins.
                let known = readable(name, app_id);
                if path.list == "servicePrincipals" {
                    self.applications.insert(app_id.to_owned(), known.clone());
                } else {
                    self.applications.entry(app_id.to_owned()).or_insert_with(|| known.clone());
                }
                self.app_ids.insert(object.id.clone(), app_id.to_owned());
                for role in &object.app_roles {
                    let value = role.value.clone().filter(|value| !value.is_empty()).unwrap_or_else(|| role.id.clone());
                    self.app_roles.insert((object.id.clone(), role.id.clone()), value);
                }
                if path.list == "applications" {
                    return;
                }
                (format!("sp:{known}"), false)
            }
            "roleManagement/directory/roleDefinitions" => {
                let own = if object.is_built_in == Some(true) { String::new() } else { format!("/{}", object.id) };
                let name = if is_safe(name) { name } else { &object.id };
                self.directory_roles.insert(object.id.clone(), format!("directory-role:{name}{own}"));
                return;
            }
            _ => return,
        };
        self.objects.insert(object.id.clone(), Named { id, is_group });
    }

    /// The object with an id in the directory.
    pub fn get(&self, id: &str) -> Option<&Named> {
        self.objects.get(id)
    }

    /// The id of a directory role.
    pub fn directory_role(&self, id: &str) -> String {
        self.directory_roles.get(id).cloned().unwrap_or_else(|| format!("directory-role:{id}"))
    }

    /// The name of an application that its service principal shares: `NAME/APPID`. It is asked for by either id.
    pub fn application(&self, id: &str) -> String {
        let app_id = self.app_ids.get(id).map_or(id, String::as_str);
        self.applications.get(app_id).cloned().unwrap_or_else(|| app_id.to_owned())
    }

    /// The resource of the interface of a service principal: `api:APPID`, which is the same in every tenant.
    pub fn api(&self, service_principal: &str) -> String {
        format!("api:{}", self.app_ids.get(service_principal).map_or(service_principal, String::as_str))
    }

    /// The value of an application role. All zeros is access without a role.
    pub fn app_role(&self, resource: &str, role: &str) -> Option<&str> {
        if role.bytes().all(|b| matches!(b, b'0' | b'-')) {
            return Some("default-access");
        }
        self.app_roles.get(&(resource.to_owned(), role.to_owned())).map(String::as_str)
    }
}

fn user(object: &GraphObject) -> String {
    format!("user:{}", object.user_principal_name.as_deref().filter(|it| is_safe(it)).unwrap_or(&object.id))
}

/// A name that people can read and an id. A name that hides characters, or that patterns give a meaning, is left out:
/// anyone can give such a name to an application of their own.
fn readable(name: &str, id: &str) -> String {
    if is_safe(name) { format!("{name}/{id}") } else { id.to_owned() }
}

fn is_safe(name: &str) -> bool {
    !name.trim().is_empty() && is_plain(name) && !name.contains(['*', '#'])
}
