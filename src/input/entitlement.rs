//! Entitlement types that plan and snapshot share: identity kinds, modes, sensitivities, permissions, requirements.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::ResourceId;
use super::system::System;
use super::text::Text;

/// The kind of an identity. All kinds except `human` are non-human identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityKind {
    /// An account of a person.
    Human,
    /// An account used by software.
    ServiceAccount,
    /// A running workload with its own identity.
    Workload,
    /// An AI assistant.
    Agent,
    /// A machine.
    Device,
    /// Anonymous or arbitrary callers.
    Public,
}

impl IdentityKind {
    /// Every kind.
    pub const ALL: &'static [Self] =
        &[Self::Human, Self::ServiceAccount, Self::Workload, Self::Agent, Self::Device, Self::Public];

    /// The kinds that a plan may intend a role for: all except `public`.
    pub const CREATED: &'static [Self] =
        &[Self::Human, Self::ServiceAccount, Self::Workload, Self::Agent, Self::Device];

    /// The kind as files and policies write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::ServiceAccount => "service_account",
            Self::Workload => "workload",
            Self::Agent => "agent",
            Self::Device => "device",
            Self::Public => "public",
        }
    }
}

/// How much damage misuse can cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// Little damage.
    #[default]
    Low,
    /// Moderate damage.
    Moderate,
    /// Not known: no rule and no label classifies it.
    Unknown,
    /// Severe damage.
    High,
    /// Loss of the whole system.
    Critical,
}

impl Sensitivity {
    /// The sensitivities that a plan, a policy and a rule can state: all except `unknown`.
    pub const STATED: &'static [Self] = &[Self::Low, Self::Moderate, Self::High, Self::Critical];

    /// The sensitivity as files and policies write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::Unknown => "unknown",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Whether a permission allows or denies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Allows the action.
    #[default]
    Allow,
    /// Denies the action; a deny overrides every allow.
    Deny,
}

impl Effect {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's `skip_serializing_if` hands out a reference")]
    fn is_allow(&self) -> bool {
        *self == Self::Allow
    }
}

/// An action pattern on a resource pattern. `*` matches any sequence of characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// The action pattern.
    pub action: Text,
    /// The resource pattern.
    pub resource: Text,
    /// Allow or deny.
    #[serde(default, skip_serializing_if = "Effect::is_allow")]
    pub effect: Effect,
    /// A condition of the source system. This tool does not evaluate it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Text>,
    /// Exceptions (`NotAction`, `NotResource`): the permission neither allows nor denies what they match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Except>,
}

impl Permission {
    /// A permission that allows an action on a resource, without a condition.
    #[must_use]
    pub fn allow(action: impl Into<Text>, resource: impl Into<Text>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            effect: Effect::Allow,
            condition: None,
            except: Vec::new(),
        }
    }
}

/// An exception of a permission.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Except {
    /// The action pattern.
    pub action: Text,
    /// The resource pattern.
    pub resource: Text,
}

/// Whether an assignment is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// In force, without expiry.
    #[default]
    Standing,
    /// In force now, until its expiry.
    Active,
    /// Not in force, but can be activated later.
    Eligible,
}

impl Mode {
    /// The mode as files and policies write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standing => "standing",
            Self::Active => "active",
            Self::Eligible => "eligible",
        }
    }
}

/// A permission that a subject must have: an action and a resource pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The action pattern.
    pub action: Text,
    /// The resource pattern.
    pub resource: Text,
    /// The scope in which the subject must have it. If absent, any scope counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ResourceId>,
    /// The system that it is of, where the trust that requires it tells one; none: any.
    #[serde(skip)]
    pub system: Option<System>,
}
