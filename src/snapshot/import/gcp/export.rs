//! The objects that exports of Google Cloud hold, as the API documents them. Fields that are not read are ignored.
//!
//! One struct holds the fields of all kinds of object, and [`Kind`] says which it is. `gcloud asset export` writes
//! `snake_case`, everything else `camelCase`.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// An object of an export.
#[derive(Debug, Default, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Object {
    /// The full name of the resource of a policy; an object where an asset holds its content.
    pub resource: Option<NameOrContent>,
    pub policy: Option<Policy>,
    pub project: Option<String>,
    pub folders: Vec<String>,
    pub organization: Option<String>,
    pub explanation: Option<Explanation>,
    #[serde(alias = "asset_type")]
    pub asset_type: Option<String>,
    #[serde(alias = "iam_policy")]
    pub iam_policy: Option<Policy>,
    /// From the closest.
    pub ancestors: Vec<String>,
    pub name: Option<String>,
    #[serde(alias = "included_permissions")]
    pub included_permissions: Option<Vec<String>>,
    pub title: Option<String>,
    pub stage: Option<String>,
    pub deleted: bool,
    pub email: Option<String>,
    pub unique_id: Option<String>,
    pub disabled: bool,
    pub key_type: Option<String>,
    pub valid_after_time: Option<String>,
    pub valid_before_time: Option<String>,
    pub project_id: Option<String>,
    pub project_number: Option<String>,
    pub parent: Option<Parent>,
    pub group: Option<String>,
    pub memberships: Option<Vec<Membership>>,
    pub kind: Option<String>,
    pub rules: Option<Vec<DenyRuleEntry>>,
    /// Of a policy that does not say which resource it is of.
    pub bindings: Option<Vec<Binding>>,
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Policy,
    /// A policy without its resource.
    BarePolicy,
    Role,
    /// A role without its permissions.
    RoleName,
    ServiceAccount,
    Key,
    Project,
    Folder,
    Group,
    Deny,
    /// A list of deny policies without their rules.
    DenyName,
    /// An asset without a policy.
    Asset,
    Unknown,
}

impl Object {
    pub fn kind(&self) -> Kind {
        let name = self.name.as_deref().unwrap_or_default();
        let is_role = name.starts_with("roles/") || name.contains("/roles/");
        if self.policy.is_some() || self.iam_policy.is_some() {
            Kind::Policy
        } else if self.bindings.is_some() {
            Kind::BarePolicy
        } else if self.memberships.is_some() && self.group.is_some() {
            Kind::Group
        } else if self.kind.as_deref() == Some("DenyPolicy") {
            if self.rules.is_some() { Kind::Deny } else { Kind::DenyName }
        } else if self.asset_type.is_some() || matches!(self.resource, Some(NameOrContent::Content(_))) {
            Kind::Asset
        } else if self.key_type.is_some() {
            Kind::Key
        } else if self.email.is_some() && self.unique_id.is_some() {
            Kind::ServiceAccount
        } else if is_role && self.included_permissions.is_some() {
            Kind::Role
        } else if is_role && self.title.is_some() {
            Kind::RoleName
        } else if self.project_id.is_some() && self.project_number.is_some() {
            Kind::Project
        } else if name.starts_with("folders/") {
            Kind::Folder
        } else {
            Kind::Unknown
        }
    }

    /// The full name of the resource that a policy is of.
    pub fn resource_name(&self) -> Option<&str> {
        match &self.resource {
            Some(NameOrContent::Name(name)) => Some(name),
            Some(NameOrContent::Content(_)) | None => self.name.as_deref(),
        }
    }
}

/// A name, or the content of a resource, which is not read.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum NameOrContent {
    Name(String),
    Content(IgnoredAny),
}

impl std::hash::Hash for NameOrContent {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self {
            Self::Name(name) => name.hash(state),
            Self::Content(_) => false.hash(state),
        }
    }
}

/// Why a search found a policy: not empty if the search had a query.
#[derive(Debug, Default, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Explanation {
    pub matched_permissions: Option<std::collections::BTreeMap<String, Permissions>>,
}

#[derive(Debug, Default, Hash, Deserialize)]
#[serde(default)]
pub(super) struct Permissions {
    pub permissions: Vec<String>,
}

#[derive(Debug, Default, Hash, Deserialize)]
#[serde(default)]
pub(super) struct Policy {
    pub bindings: Vec<Binding>,
}

#[derive(Debug, Default, Hash, Deserialize)]
#[serde(default)]
pub(super) struct Binding {
    pub role: String,
    pub members: Vec<String>,
    pub condition: Option<Condition>,
}

#[derive(Debug, Default, Hash, Deserialize)]
#[serde(default)]
pub(super) struct Condition {
    pub expression: String,
    pub title: Option<String>,
}

/// `folders/1` of a folder, `{"type": "folder", "id": "1"}` of a project.
#[derive(Debug, Hash, Deserialize)]
#[serde(untagged)]
pub(super) enum Parent {
    Name(String),
    Parts {
        #[serde(rename = "type")]
        kind: String,
        id: String,
    },
}

#[derive(Debug, Default, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Membership {
    #[serde(alias = "memberKey")]
    pub preferred_member_key: Option<MemberKey>,
    /// `USER`, `SERVICE_ACCOUNT`, `GROUP`, …
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub roles: Vec<MembershipRole>,
}

#[derive(Debug, Default, Hash, Deserialize)]
#[serde(default)]
pub(super) struct MemberKey {
    pub id: String,
}

#[derive(Debug, Default, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct MembershipRole {
    pub name: String,
    pub expiry_detail: Option<ExpiryDetail>,
}

#[derive(Debug, Default, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ExpiryDetail {
    pub expire_time: Option<String>,
}

#[derive(Debug, Default, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DenyRuleEntry {
    pub deny_rule: Option<DenyRule>,
}

#[derive(Debug, Default, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DenyRule {
    pub denied_principals: Vec<String>,
    pub exception_principals: Vec<String>,
    pub denied_permissions: Vec<String>,
    pub exception_permissions: Vec<String>,
    pub denial_condition: Option<Condition>,
}
