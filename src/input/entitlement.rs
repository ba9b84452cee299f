//! The words of entitlement that plan and snapshot share.
//!
//! In: nothing (plain data). Out: kinds of identity, modes, sensitivities, permissions, requirements.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::ResourceId;
use super::text::Text;

/// What an identity is. All but `human` are non-human identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityKind {
    /// A person's identity in some system.
    Human,
    /// An account that software uses.
    ServiceAccount,
    /// A running workload with an identity of its own.
    Workload,
    /// An AI assistant.
    Agent,
    /// A machine.
    Device,
    /// Anonymous callers, or everybody: nobody knows who uses it.
    Public,
}

impl IdentityKind {
    /// Every kind.
    pub const ALL: &'static [Self] =
        &[Self::Human, Self::ServiceAccount, Self::Workload, Self::Agent, Self::Device, Self::Public];

    /// Every kind that a plan may create, or mean a role for: nobody creates the public.
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

/// How much harm a thing can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// Little.
    #[default]
    Low,
    /// Some.
    Moderate,
    /// No rule and no label says how much.
    Unknown,
    /// Much.
    High,
    /// The whole system.
    Critical,
}

impl Sensitivity {
    /// Those that a plan, a policy and a rule can state: nobody states that something is unknown.
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

/// Whether a permission gives or takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Gives.
    #[default]
    Allow,
    /// Takes, and wins over every allow.
    Deny,
}

impl Effect {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's `skip_serializing_if` hands out a reference")]
    fn is_allow(&self) -> bool {
        *self == Self::Allow
    }
}

/// An action pattern on a resource pattern; `*` matches any run of characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// The action pattern.
    pub action: Text,
    /// The resource pattern.
    pub resource: Text,
    /// Gives or takes.
    #[serde(default, skip_serializing_if = "Effect::is_allow")]
    pub effect: Effect,
    /// A condition of the source system that this tool does not evaluate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Text>,
    /// What it leaves out of its patterns: it neither gives nor takes that (`NotAction`, `NotResource`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Except>,
}

impl Permission {
    /// Allows an action on a resource, without a condition.
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

/// What a permission leaves out of its patterns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Except {
    /// The action pattern.
    pub action: Text,
    /// The resource pattern.
    pub resource: Text,
}

/// How an assignment holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Holds, without expiry.
    #[default]
    Standing,
    /// Holds now, until its expiry.
    Active,
    /// Can be activated later.
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

/// An action and a resource pattern that must be held.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The action pattern.
    pub action: Text,
    /// The resource pattern.
    pub resource: Text,
    /// The scope it must be held in; none: in any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ResourceId>,
}
