//! The responses of SCIM, of which passwords and personal data are left out.

use serde::Deserialize;

/// An object of a response: a list, a user, a group, or something that is neither.
#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ScimObject {
    pub schemas: Vec<String>,
    pub total_results: Option<usize>,
    #[serde(rename = "Resources")]
    pub resources: Vec<ScimObject>,
    pub id: String,
    pub user_name: Option<String>,
    pub display_name: Option<String>,
    pub active: Option<bool>,
    pub groups: Vec<Reference>,
    pub members: Option<Vec<Reference>>,
    pub roles: Vec<Reference>,
    pub entitlements: Vec<Reference>,
    pub meta: Option<Meta>,
}

/// A reference to another resource, or a value.
#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct Reference {
    pub value: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(rename = "$ref")]
    pub link: Option<String>,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta {
    pub location: Option<String>,
}

impl ScimObject {
    pub fn is(&self, name: &str) -> bool {
        self.schemas.iter().any(|schema| schema.ends_with(name))
    }

    pub fn is_user(&self) -> bool {
        self.is(":core:2.0:User") || self.user_name.is_some()
    }

    pub fn is_group(&self) -> bool {
        self.is(":core:2.0:Group") || (self.members.is_some() && self.user_name.is_none())
    }
}
