//! The lists of the GitHub interface, each with the path that it was asked for. Fields that are not read are ignored.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A list with its path, as the export command writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PathList {
    pub review_path: Option<String>,
    pub value: Values,
}

/// What the interface returned: an array, an object that holds one, or an object.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Values {
    Many(Vec<HubObject>),
    Installations { installations: Vec<HubObject> },
    CustomRoles { custom_roles: Vec<HubObject> },
    One(Box<HubObject>),
}

impl Default for Values {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Values {
    pub fn list(self) -> Vec<HubObject> {
        match self {
            Self::Many(list)
            | Self::Installations { installations: list }
            | Self::CustomRoles { custom_roles: list } => list,
            Self::One(object) => vec![*object],
        }
    }
}

/// An object of any list.
#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct HubObject {
    pub id: Option<u64>,
    pub login: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    // Organisations.
    pub default_repository_permission: Option<String>,
    // Teams.
    pub slug: Option<String>,
    pub parent: Option<Slug>,
    // Repositories.
    pub full_name: Option<String>,
    pub owner: Option<Login>,
    pub visibility: Option<String>,
    /// Of a team or a collaborator.
    pub role_name: Option<String>,
    // Custom roles.
    pub name: Option<String>,
    pub base_role: Option<String>,
    // Installations of applications, and tokens.
    pub app_slug: Option<String>,
    pub repository_selection: Option<String>,
    pub suspended_at: Option<String>,
    pub permissions: Option<Permissions>,
    pub token_id: Option<u64>,
    pub token_name: Option<String>,
    pub token_expires_at: Option<String>,
    pub token_last_used_at: Option<String>,
    pub access_granted_at: Option<String>,
    // Deploy keys.
    pub read_only: Option<bool>,
    pub created_at: Option<String>,
    pub last_used: Option<String>,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct Slug {
    pub slug: String,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct Login {
    pub login: String,
    pub id: Option<u64>,
}

/// Permissions of an application (`{"contents": "write"}`), of a token (by kind), of a collaborator (flags), or of a custom
/// role (names).
#[derive(Debug, Deserialize, Hash)]
#[serde(untagged)]
pub(super) enum Permissions {
    Names(Vec<String>),
    Flags(BTreeMap<String, bool>),
    Levels(BTreeMap<String, String>),
    ByKind(BTreeMap<String, BTreeMap<String, String>>),
}

impl Permissions {
    /// Each permission with its level, as `contents:write`.
    pub fn levels(&self) -> Vec<String> {
        let each = |levels: &BTreeMap<String, String>| -> Vec<String> {
            levels.iter().map(|(name, level)| format!("{name}:{level}")).collect()
        };
        match self {
            Self::Levels(levels) => each(levels),
            Self::ByKind(kinds) => kinds.values().flat_map(each).collect(),
            Self::Names(names) => names.clone(),
            Self::Flags(_) => Vec::new(),
        }
    }
}
