//! An access: an action pattern on a resource pattern, with its exceptions. Plain data.

use serde::{Deserialize, Serialize};

use crate::input::entitlement::Except;
use crate::input::id::ResourceId;
use crate::input::system::System;
use crate::input::text::Text;
use crate::input::time::Time;

/// An access of a subject: an action pattern on a resource pattern below a scope, with its exceptions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// The action pattern.
    pub action: Text,
    /// The resource pattern.
    pub resource: Text,
    /// The scope: this resource and everything below it; `None`: everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ResourceId>,
    /// A condition that this tool does not evaluate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Text>,
    /// The expiry; `None`: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// The overlapping denies and the exceptions of its permission, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
    /// The system of its patterns, if it differs from that of the whole snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<System>,
}

impl Access {
    /// An access to an action on a resource everywhere, without expiry, condition or exception.
    #[must_use]
    pub fn plain(action: impl Into<Text>, resource: impl Into<Text>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            scope: None,
            condition: None,
            until: None,
            exceptions: Vec::new(),
            system: None,
        }
    }
}

/// An exception from an access: a deny that overlaps it, or an exception of its own permission. A conditional deny is
/// listed although it removes nothing for certain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The action pattern denied.
    pub action: Text,
    /// The resource pattern denied.
    pub resource: Text,
    /// The scope; `None`: everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ResourceId>,
    /// The condition of the deny; `None`: unconditional.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Text>,
    /// The expiry of the deny; `None`: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// The exceptions within its patterns, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Except>,
    /// Whether it is a deny, or an exception of the permission itself.
    #[serde(skip)]
    pub kind: ExceptionKind,
    /// The system of its patterns, if it differs from that of the whole snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<System>,
}

impl Exception {
    /// A deny everywhere and without expiry.
    #[must_use]
    pub fn denied(action: Text, resource: Text, except: Vec<Except>) -> Self {
        let (scope, condition, until) = (None, None, None);
        Self { action, resource, scope, condition, until, except, kind: ExceptionKind::Denied, system: None }
    }
}

/// The origin of an exception.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExceptionKind {
    /// A deny.
    #[default]
    Denied,
    /// An exception of the permission; another permission may give the access.
    LeftOut,
}

/// The breadth of a permission within its system, by what its patterns cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breadth {
    /// It includes every action.
    pub every_action: bool,
    /// It includes every resource of the system, of one partition or of one account.
    pub every_resource: bool,
    /// It may include more than read access.
    pub writes: bool,
}

impl Default for Breadth {
    /// Unknown breadth counts as everything.
    fn default() -> Self {
        Self { every_action: true, every_resource: true, writes: true }
    }
}
