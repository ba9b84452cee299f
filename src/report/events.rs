//! The lines of a log as events for a SIEM.
//!
//! Plain data that `app` fills. The struct is the JSON form, so its fields are documented for its readers.

use schemars::JsonSchema;
use serde::Serialize;

use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::Time;

/// The version of the JSON form.
pub const VERSION: u32 = 1;

/// What an event reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A person approved a change.
    Approve,
    /// A person rejected a change.
    Reject,
    /// A person overrode denials, or helped to lift a rejection.
    Override,
    /// The policies passed a change without a person.
    Automatic,
    /// A change was handed to an executor.
    Export,
    /// What came of a change; `result` has the outcome.
    Result,
    /// A person froze an agent, a task, a plan or everything; `frozen` has it.
    Freeze,
    /// A person agreed to end a freeze; `frozen` has its line.
    Thaw,
    /// A person recorded access as inherited, not approved; `baseline` has it.
    Baseline,
    /// A person ended a baseline; `withdrawn` has its line.
    Withdrawal,
    /// A person said whether an access is still needed; `recertification` has the answer.
    Recertification,
}

/// What a freeze or a thaw is about.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FrozenEvent {
    /// The hash of the `freeze` line.
    pub line: Digest<of::Line>,
    /// `agent`, `all`, `plan` or `task`; absent if the log does not have the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// The id of the agent, task or plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// When the freeze ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// What a baseline records.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BaselineEvent {
    /// The SHA-256 of the snapshot that shows the access.
    pub snapshot: Digest<of::File>,
    /// How many accesses it covers.
    pub count: u64,
    /// When it ends.
    pub until: Time,
    /// When it ends for privileged access.
    pub until_privileged: Time,
}

/// The answer of a recertification.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RecertificationEvent {
    /// `keep`, `revoke` or `change`.
    pub answer: &'static str,
    /// The SHA-256 of the snapshot that shows the access.
    pub snapshot: Digest<of::File>,
    /// The hash of the population that was recertified.
    pub population: Digest<of::Population>,
    /// Until when the access is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// What an event of the gate reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateEventKind {
    /// A change, or a plan as a whole, does not pass.
    GateDenied,
    /// The log does not verify, so no decision counts.
    VerificationFailed,
}

impl GateEventKind {
    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GateDenied => "Gate denied",
            Self::VerificationFailed => "Verification failed",
        }
    }
}

/// An event of the gate: a change that does not pass, or why nothing does.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct GateEvent {
    /// The version of this form.
    pub schema_version: u32,
    /// The SHA-256 of the other fields.
    pub uid: Digest<of::File>,
    /// When the gate ran.
    pub time: Time,
    /// What happened.
    pub kind: GateEventKind,
    /// The exit code of the gate.
    pub exit_code: u8,
    /// The plan; absent if the event is about none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Text>,
    /// The change; absent if the event is about none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Text>,
    /// The change digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest<of::Change>>,
    /// The state of the change, as the report has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
    /// The agent that wrote the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposer: Option<Text>,
    /// Whether the change is privileged.
    pub privileged: bool,
    /// The codes of the errors that the gate found.
    pub findings: Vec<&'static str>,
}

impl EventKind {
    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Approve => "Approve",
            Self::Reject => "Reject",
            Self::Override => "Override",
            Self::Automatic => "Pass automatically",
            Self::Export => "Export",
            Self::Result => "Result",
            Self::Freeze => "Freeze",
            Self::Thaw => "Thaw",
            Self::Baseline => "Baseline",
            Self::Withdrawal => "Withdraw baseline",
            Self::Recertification => "Recertify",
        }
    }
}

/// An event: one line of the log about one change, or one about access in general.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LogEvent {
    /// The version of this form.
    pub schema_version: u32,
    /// The SHA-256 of the line. The same line always has the same one, so that repeats are harmless.
    pub uid: Digest<of::Line>,
    /// When it happened, by the writer's clock.
    pub time: Time,
    /// What happened.
    pub kind: EventKind,
    /// The id of the log.
    pub log: Text,
    /// The session.
    pub session: Text,
    /// The principal that signed the session.
    pub principal: Text,
    /// The person; absent in a recorder's session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Text>,
    /// The fingerprint of the key.
    pub key: Text,
    /// The tool that wrote the session.
    pub tool: Text,
    /// The plan; absent for a freeze, thaw, baseline, withdrawal or recertification, like the change and its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Text>,
    /// The change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Text>,
    /// The change digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest<of::Change>>,
    /// The action of the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Text>,
    /// The identity or group that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Text>,
    /// Whether the subject is a group.
    pub subject_is_group: bool,
    /// The role, group, credential or other object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<Text>,
    /// Whether the entitlement is the membership of a group.
    pub is_membership: bool,
    /// The scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Text>,
    /// Whether the change is privileged.
    pub privileged: bool,
    /// The agent that wrote the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposer: Option<Text>,
    /// The steps that a decision fills.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Text>,
    /// The policies that an override overrides, or by which a change passed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<Text>,
    /// The person's reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// The outcome of a result: `applied`, `partly`, `missing`, `beyond` or `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<&'static str>,
    /// What a freeze or thaw is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<FrozenEvent>,
    /// What a baseline records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineEvent>,
    /// The hash of the `baseline` line that was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Digest<of::Line>>,
    /// The answer of a recertification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recertification: Option<RecertificationEvent>,
}
