//! Okta: groups, memberships, assignments of applications and administrator roles.
//!
//! Makes the assignments that the importer of Okta makes. Okta names users, groups and applications by ids, whose names come
//! from the resources and from the snapshot.
//!
//! Source: Terraform registry, provider `okta/okta`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::provider::{Assignable, Assignee, Context, Outline, Provider, State};
use super::values::Side;

const TYPES: &[&str] = &[
    "okta_group",
    "okta_user",
    "okta_group_memberships",
    "okta_user_group_memberships",
    "okta_app_group_assignment",
    "okta_app_user",
    "okta_group_role",
    "okta_user_admin_roles",
];

/// The provider of Okta.
pub(super) struct OktaResources;

impl Provider for OktaResources {
    fn system(&self) -> &'static str {
        "okta"
    }

    fn reads(&self, kind: &str) -> bool {
        TYPES.contains(&kind)
    }

    fn state(&self, context: &Context) -> Box<dyn State> {
        Box::new(Directory { context: context.clone(), logins: BTreeMap::new() })
    }
}

struct Directory {
    context: Context,
    /// The logins of users by their ids.
    logins: BTreeMap<String, String>,
}

impl State for Directory {
    fn add(&mut self, side: &Side<'_>, outline: &mut Outline) {
        match side.kind() {
            "okta_group" => {
                let name = side.required("name");
                let id = format!("group:{name}/{}", side.known("id").unwrap_or_else(|| "new".to_owned()));
                outline.own(&id);
                outline.assign(Assignee::group(id), Assignable::Nothing, None);
            }
            "okta_user" => {
                let login = side.required("login");
                if let Some(id) = side.known("id") {
                    self.logins.insert(id, login.clone());
                }
                let id = format!("user:{login}");
                outline.own(&id);
                outline.assign(Assignee::person(id), Assignable::Nothing, None);
            }
            "okta_group_memberships" => {
                let group = self.group(&side.required("group_id"));
                for user in side.texts("users").list {
                    outline.assign(self.user(&user), Assignable::Member(group.clone()), None);
                }
            }
            "okta_user_group_memberships" => {
                let user = side.required("user_id");
                for group in side.texts("groups").list {
                    outline.assign(self.user(&user), Assignable::Member(self.group(&group)), None);
                }
            }
            "okta_group_role" => {
                let group = Assignee::group(self.group(&side.required("group_id")));
                outline.assign(group, Assignable::Role(format!("admin-role:{}", side.required("role_type"))), None);
            }
            "okta_user_admin_roles" => {
                let user = side.required("user_id");
                for role in side.texts("admin_roles").list {
                    outline.assign(self.user(&user), Assignable::Role(format!("admin-role:{role}")), None);
                }
            }
            kind => {
                let app = self.app(&side.required("app_id"));
                let who = if kind == "okta_app_user" {
                    self.user(&side.required("user_id"))
                } else {
                    Assignee::group(self.group(&side.required("group_id")))
                };
                outline.assign(who, Assignable::Role(format!("access to {app}")), Some(&app));
            }
        }
    }

    fn documents(self: Box<Self>) -> Vec<Value> {
        Vec::new()
    }
}

impl Directory {
    fn group(&self, id: &str) -> String {
        self.context.find("group:", &format!("/{id}")).unwrap_or_else(|| format!("group:{id}"))
    }

    fn app(&self, id: &str) -> String {
        self.context.find("app:", &format!("/{id}")).unwrap_or_else(|| format!("app:{id}"))
    }

    /// A user by its id. One whose login nothing tells is an identity of its own.
    fn user(&self, id: &str) -> Assignee {
        let login = self.logins.get(id).map_or(id, String::as_str);
        Assignee::person(format!("user:{login}"))
    }
}
