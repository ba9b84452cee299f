//! Ids, one type per kind of object.
//!
//! An [`Id`] is text from outside, so it has no `Display`; print it through [`Id::text`]. Cloning is cheap.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::Text;

/// The id of an object of kind `K`.
pub struct Id<K>(Arc<str>, PhantomData<fn() -> K>);

macro_rules! kinds {
    ($($(#[$doc:meta])* $alias:ident = $kind:ident;)*) => {
        /// The kinds of objects that have ids.
        pub mod kind {
            $($(#[$doc])* #[derive(Debug)] pub enum $kind {})*

            /// A kind of object.
            pub trait Kind {
                /// Whether ids of this kind usually occur once, so that interning costs more than it saves.
                const ONCE: bool;
            }
            $(impl Kind for $kind { const ONCE: bool = matches!(stringify!($kind).as_bytes(), b"Assignment" | b"Trust" | b"Credential" | b"Alert"); })*
        }
        $($(#[$doc])* pub type $alias = Id<kind::$kind>;)*
    };
}

kinds! {
    /// An identity: human or not.
    IdentityId = Identity;
    /// A group.
    GroupId = Group;
    /// A role.
    RoleId = Role;
    /// A resource, which may also be a scope.
    ResourceId = Resource;
    /// An assignment.
    AssignmentId = Assignment;
    /// A trust.
    TrustId = Trust;
    /// A credential.
    CredentialId = Credential;
    /// A finding of the source system.
    AlertId = Alert;
    /// A plan.
    PlanId = Plan;
    /// A change within a plan.
    ChangeId = Change;
    /// A task.
    TaskId = Task;
    /// A person in `people.yaml`.
    PersonId = Person;
    /// A policy.
    PolicyId = Policy;
    /// A principal in `allowed_signers`.
    PrincipalId = Principal;
}

impl<K> Id<K> {
    /// Wraps a name without changing it.
    pub fn new(raw: impl Into<Arc<str>>) -> Self {
        Self(raw.into(), PhantomData)
    }

    /// The unescaped name. Use it to compare, hash and serialise, never to print.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as text, for printing.
    #[must_use]
    pub fn text(&self) -> Text {
        Text::new(Arc::clone(&self.0))
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Must equal the hash of `str`, because maps are searched through `Borrow<str>`.
        self.0.hash(state);
    }
}
impl<K> Borrow<str> for Id<K> {
    fn borrow(&self) -> &str {
        &self.0
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text())
    }
}
impl<K> From<&str> for Id<K> {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}
impl<K> From<String> for Id<K> {
    fn from(raw: String) -> Self {
        Self::new(raw)
    }
}
impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
impl<'de, K: kind::Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Name(PhantomData))
    }
}

/// Reads a name without a copy of the reader's buffer.
struct Name<K>(PhantomData<fn() -> K>);

impl<K: kind::Kind> serde::de::Visitor<'_> for Name<K> {
    type Value = Id<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Id<K>, E> {
        Ok(if K::ONCE { Id::new(name) } else { Id::new(super::intern::shared(name)) })
    }
}
impl<K> JsonSchema for Id<K> {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"type": "string", "minLength": 1})
    }
}

/// The subject of access: an identity or a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A single identity.
    Identity(IdentityId),
    /// A group. It is a subject of its own because its members are not always known.
    Group(GroupId),
}

impl Subject {
    /// The name of the identity or group.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Identity(id) => id.as_str(),
            Self::Group(id) => id.as_str(),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn text(&self) -> Text {
        match self {
            Self::Identity(id) => id.text(),
            Self::Group(id) => id.text(),
        }
    }
}

/// An entitlement: a role, or membership of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entitlement {
    /// A role.
    Role(RoleId),
    /// Membership of a group.
    Membership(GroupId),
}

impl Entitlement {
    /// The name of the role or group.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Role(id) => id.as_str(),
            Self::Membership(id) => id.as_str(),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn text(&self) -> Text {
        match self {
            Self::Role(id) => id.text(),
            Self::Membership(id) => id.text(),
        }
    }
}
