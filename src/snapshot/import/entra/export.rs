//! The lists of Microsoft Graph, each with the path that it was asked for. Fields that are not read are ignored.

use serde::Deserialize;

/// A list, or one page of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Page {
    /// The path that the export command adds: `groups/ID/members`.
    pub review_path: Option<String>,
    #[serde(rename = "@odata.context")]
    pub context: Option<String>,
    pub value: Vec<GraphObject>,
}

/// Which list a page is of: the collection, and the object that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListPath {
    /// `servicePrincipals`, `groups/members`, `roleManagement/directory/roleAssignments`, …
    pub list: String,
    /// The id of the object, in lists of relations.
    pub of: String,
}

impl Page {
    /// The list, from the path that was asked for or from the context of the answer.
    pub fn path(&self) -> Option<ListPath> {
        let context = self.context.as_deref().and_then(|it| it.split_once('#')).map(|(_, rest)| rest);
        // A context writes the object of a relation as `groups('ID')/members`, and chosen fields as `users(id,mail)`.
        let of_context = context.map(|it| it.replace("('", "/").replace("')", ""));
        let text = self.review_path.as_deref().or(of_context.as_deref())?;
        let text = text.split(['?', '(']).next().unwrap_or_default().trim_matches('/');
        let parts: Vec<&str> = text.split('/').filter(|part| !part.starts_with("microsoft.graph.")).collect();
        Some(match parts.as_slice() {
            ["roleManagement", ..] => ListPath { list: text.to_owned(), of: String::new() },
            [list, of, relation] => ListPath { list: format!("{list}/{relation}"), of: (*of).to_owned() },
            _ => ListPath { list: text.to_owned(), of: String::new() },
        })
    }
}

/// An object of any list.
#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GraphObject {
    #[serde(rename = "@odata.type")]
    pub kind: Option<String>,
    pub id: String,
    pub app_id: Option<String>,
    pub display_name: Option<String>,
    pub user_principal_name: Option<String>,
    pub account_enabled: Option<bool>,
    pub service_principal_type: Option<String>,
    pub app_owner_organization_id: Option<String>,
    #[serde(alias = "agentIdentityBlueprintAppId")]
    pub agent_identity_blueprint_id: Option<String>,
    pub app_roles: Vec<AppRole>,
    pub key_credentials: Vec<KeyOrPassword>,
    pub password_credentials: Vec<KeyOrPassword>,
    // Assignments of application roles.
    pub principal_id: Option<String>,
    pub principal_type: Option<String>,
    pub resource_id: Option<String>,
    pub app_role_id: Option<String>,
    pub created_date_time: Option<String>,
    // Delegated permissions.
    pub client_id: Option<String>,
    pub consent_type: Option<String>,
    pub scope: Option<String>,
    // Federated credentials.
    pub issuer: Option<String>,
    pub subject: Option<String>,
    pub claims_matching_expression: Option<MatchingExpression>,
    pub audiences: Vec<String>,
    // Directory roles.
    pub role_definition_id: Option<String>,
    pub directory_scope_id: Option<String>,
    pub end_date_time: Option<String>,
    pub is_built_in: Option<bool>,
    pub is_enabled: Option<bool>,
    pub role_permissions: Vec<RolePermission>,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct AppRole {
    pub id: String,
    pub value: Option<String>,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct KeyOrPassword {
    pub key_id: String,
    pub start_date_time: Option<String>,
    pub end_date_time: Option<String>,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct MatchingExpression {
    pub value: String,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RolePermission {
    pub allowed_resource_actions: Vec<String>,
    pub condition: Option<String>,
}
