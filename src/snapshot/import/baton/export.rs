//! The four lists that `baton` prints, in the JSON form of its protocol buffers. Fields that are not read are ignored.
//!
//! Source: `ConductorOne`, `baton-sdk`, `proto/c1/connector/v2`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One of the lists.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Lists {
    pub resource_types: Option<Vec<TypeEntry>>,
    pub resources: Option<Vec<ResourceEntry>>,
    pub entitlements: Option<Vec<EntitlementEntry>>,
    pub grants: Option<Vec<GrantEntry>>,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TypeEntry {
    pub resource_type: ResourceType,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct ResourceType {
    pub id: String,
    pub traits: Vec<String>,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct ResourceEntry {
    pub resource: ListedResource,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ListedResource {
    pub id: ResourceRef,
    pub parent_resource_id: Option<ResourceRef>,
    pub annotations: Vec<Annotation>,
}

#[derive(Clone, Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ResourceRef {
    pub resource_type: String,
    pub resource: String,
}

impl ResourceRef {
    /// The id in the snapshot.
    pub fn name(&self) -> String {
        format!("{}:{}", self.resource_type, self.resource)
    }
}

/// An annotation of any type, with the fields of those that are read.
#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Annotation {
    #[serde(rename = "@type")]
    pub kind: String,
    pub status: Option<UserStatus>,
    pub account_type: Option<String>,
    pub last_login: Option<String>,
    pub created_at: Option<String>,
    pub expires_at: Option<String>,
    #[serde(alias = "lastUsed")]
    pub last_used_at: Option<String>,
    pub identity_id: Option<ResourceRef>,
    pub created_by_id: Option<ResourceRef>,
    pub entitlement_ids: Vec<String>,
    pub shallow: bool,
}

impl Annotation {
    pub fn is(&self, name: &str) -> bool {
        self.kind.rsplit('.').next() == Some(name)
    }
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct UserStatus {
    pub status: String,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct EntitlementEntry {
    pub entitlement: ListedEntitlement,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct ListedEntitlement {
    pub id: String,
    pub slug: String,
    pub purpose: String,
    pub resource: ListedResource,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct GrantEntry {
    pub grant: Grant,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct Grant {
    pub id: String,
    pub entitlement: ListedEntitlement,
    pub principal: ListedResource,
    pub annotations: Vec<Annotation>,
    pub sources: Option<Sources>,
}

/// Through which entitlements a grant was derived.
#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct Sources {
    pub sources: BTreeMap<String, Source>,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Source {
    pub is_direct: bool,
}

impl Grant {
    /// Whether the connector listed it, and it was not only derived from other grants.
    pub fn is_direct(&self) -> bool {
        let Some(sources) = self.sources.as_ref().filter(|it| !it.sources.is_empty()) else { return true };
        sources.sources.contains_key(&self.entitlement.id) || sources.sources.values().any(|source| source.is_direct)
    }

    /// The entitlements whose holders have this grant too.
    pub fn expands(&self) -> impl Iterator<Item = &Annotation> {
        self.annotations.iter().filter(|it| it.is("GrantExpandable"))
    }
}
