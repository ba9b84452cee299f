//! The objects of Azure role-based access control, as `az` and the resource manager write them. Fields that are not read are
//! ignored.
//!
//! The resource manager puts the fields of an object under `properties`, and `az` writes them beside its id.

use serde::Deserialize;

/// A list of the resource manager, or a single object.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Listed {
    List { value: Vec<ArmObject> },
    Single(Box<ArmObject>),
}

/// An object.
#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ArmObject {
    pub id: String,
    pub name: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub tenant_id: Option<String>,
    pub environment_name: Option<String>,
    pub parent: Option<ParentRef>,
    pub properties: Option<Fields>,
    #[serde(flatten)]
    pub own: Fields,
}

impl ArmObject {
    pub fn fields(&self) -> &Fields {
        self.properties.as_ref().unwrap_or(&self.own)
    }
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct ParentRef {
    pub id: Option<String>,
}

/// The fields of all kinds of objects.
#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Fields {
    // Assignments, and instances of privileged identity management.
    pub principal_id: Option<String>,
    pub principal_name: Option<String>,
    pub principal_type: Option<String>,
    pub role_definition_id: Option<String>,
    pub role_definition_name: Option<String>,
    pub scope: Option<String>,
    pub condition: Option<String>,
    pub created_on: Option<String>,
    pub end_date_time: Option<String>,
    // Definitions.
    pub role_name: Option<String>,
    pub role_type: Option<String>,
    /// `CustomRole` or `BuiltInRole`, in the form of the resource manager.
    #[serde(rename = "type")]
    pub definition_type: Option<String>,
    pub permissions: Vec<RolePermissions>,
    // Deny assignments.
    pub deny_assignment_name: Option<String>,
    pub principals: Vec<PrincipalRef>,
    pub exclude_principals: Vec<PrincipalRef>,
    pub do_not_apply_to_child_scopes: bool,
    // Management groups, of which the tenant is a part.
    pub tenant_id: Option<String>,
    pub parent: Option<ParentRef>,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RolePermissions {
    pub actions: Vec<String>,
    pub not_actions: Vec<String>,
    pub data_actions: Vec<String>,
    pub not_data_actions: Vec<String>,
    pub condition: Option<String>,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct PrincipalRef {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
}
