//! The lists of the Okta interface, each with the path that it was asked for. Fields that are not read are ignored.

use serde::Deserialize;

/// A list with its path, as the export command writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OktaList {
    pub review_path: Option<String>,
    pub value: OktaValues,
}

/// What the interface returned: an array, an object that holds one, or an object.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OktaValues {
    Many(Vec<OktaObject>),
    Roles { roles: Vec<OktaObject> },
    Permissions { permissions: Vec<OktaObject> },
    One(Box<OktaObject>),
}

impl Default for OktaValues {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OktaValues {
    pub fn list(self) -> Vec<OktaObject> {
        match self {
            Self::Many(list) | Self::Roles { roles: list } | Self::Permissions { permissions: list } => list,
            Self::One(object) => vec![*object],
        }
    }
}

/// An object of any list.
#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OktaObject {
    pub id: String,
    pub status: Option<String>,
    /// The type of a group or of an administrator role; an object in a user.
    #[serde(rename = "type")]
    pub kind: Option<WordOrObject>,
    pub profile: Option<Profile>,
    pub last_login: Option<String>,
    /// Of an application, a custom role or a permission.
    pub label: Option<String>,
    pub credentials: Option<Credentials>,
    /// `USER` or `GROUP`: whether an application is given to the user, or to a group of the user.
    pub scope: Option<String>,
    pub scope_id: Option<String>,
    /// `USER`, `GROUP` or `CLIENT`.
    pub assignment_type: Option<String>,
    /// The id of a custom role.
    pub role: Option<String>,
    #[serde(rename = "resource-set")]
    pub resource_set: Option<String>,
    // Tokens.
    pub name: Option<String>,
    pub user_id: Option<String>,
    pub created: Option<String>,
    pub expires_at: Option<String>,
}

/// A word, or an object that is not read.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum WordOrObject {
    Word(String),
    Object(serde::de::IgnoredAny),
}

impl std::hash::Hash for WordOrObject {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.word().hash(state);
    }
}

impl WordOrObject {
    pub fn word(&self) -> &str {
        match self {
            Self::Word(word) => word,
            Self::Object(_) => "",
        }
    }
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Profile {
    pub login: Option<String>,
    pub name: Option<String>,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Credentials {
    pub oauth_client: Option<OauthClient>,
}

#[derive(Debug, Default, Deserialize, Hash)]
#[serde(default)]
pub(super) struct OauthClient {
    pub client_id: Option<String>,
}

impl OktaObject {
    pub fn word(&self) -> &str {
        self.kind.as_ref().map_or("", WordOrObject::word)
    }

    pub fn client_id(&self) -> Option<&str> {
        self.credentials.as_ref()?.oauth_client.as_ref()?.client_id.as_deref()
    }
}
