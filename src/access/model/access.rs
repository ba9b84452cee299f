//! An access: an action pattern on a resource pattern, with what is taken from it. Plain data.

use serde::{Deserialize, Serialize};

use crate::input::entitlement::Except;
use crate::input::id::ResourceId;
use crate::input::system::System;
use crate::input::text::Text;
use crate::input::time::Time;

/// What a subject may do: an action pattern on a resource pattern below a scope, with its exceptions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// The action pattern.
    pub action: Text,
    /// The resource pattern.
    pub resource: Text,
    /// Below which resource; none: everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ResourceId>,
    /// A condition that this tool does not evaluate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Text>,
    /// When it ends; none: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// The denies that overlap it and what its permission leaves out, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<Exception>,
    /// The system that its patterns are of, where that is not the system of the whole snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<System>,
}

impl Access {
    /// Gives an action on a resource everywhere, without an end, a condition or an exception.
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

/// What is taken from an access: a deny that overlaps it, or what its own permission leaves out. A deny with a condition
/// takes nothing for sure, and is listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The action pattern denied.
    pub action: Text,
    /// The resource pattern denied.
    pub resource: Text,
    /// Below which resource; none: everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ResourceId>,
    /// Under which it is denied; none: in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Text>,
    /// When the deny ends; none: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// What it leaves out of its patterns, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Except>,
    /// Whether a deny takes it, or the permission itself leaves it out.
    #[serde(skip)]
    pub kind: ExceptionKind,
    /// The system that its patterns are of, where that is not the system of the whole snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<System>,
}

impl Exception {
    /// What is denied everywhere and without an end.
    #[must_use]
    pub fn denied(action: Text, resource: Text, except: Vec<Except>) -> Self {
        let (scope, condition, until) = (None, None, None);
        Self { action, resource, scope, condition, until, except, kind: ExceptionKind::Denied, system: None }
    }
}

/// Where an exception comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExceptionKind {
    /// A deny takes it.
    #[default]
    Denied,
    /// The permission leaves it out; another one may give it.
    LeftOut,
}

/// How much of its system a permission names, by what its patterns cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breadth {
    /// Every action.
    pub every_action: bool,
    /// Every resource, of the system, of one partition or of one account.
    pub every_resource: bool,
    /// It may do more than read.
    pub writes: bool,
}

impl Default for Breadth {
    /// What is not known is everything.
    fn default() -> Self {
        Self { every_action: true, every_resource: true, writes: true }
    }
}
