//! The report about a log for an auditor: who approved what, under which policy, with which result.
//!
//! Plain data that `app` fills. The same structs are the JSON form, so their fields are documented for its readers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::report::model::Reported;

/// The version of the columns and of the JSON form.
pub const VERSION: u32 = 2;

/// A report about the decisions of a log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AuditReport {
    /// What the report was made from, and how.
    pub head: AuditHead,
    /// Counts over all decisions of the period, also with a sample.
    pub summary: AuditSummary,
    /// The decisions of the period, or the sample of them: by session, ancestors first.
    pub decisions: Vec<AuditRow>,
    /// The assignments of the snapshot, or the sample of them, each matched to a decision. Present with `--population`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub population: Option<Vec<PopulationRow>>,
    /// What the verification found. The JSON form lists it as `findings`.
    #[serde(skip)]
    #[schemars(skip)]
    pub findings: Vec<Reported>,
}

/// What a report was made from, and how.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AuditHead {
    /// The command line.
    pub command_line: Text,
    /// When the report was made.
    pub made_at: Time,
    /// The log, as the user named it.
    pub log: Text,
    /// The id of the log; absent if it has no session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_id: Option<Text>,
    /// The files of the log and their SHA-256.
    pub files: Vec<AuditedFile>,
    /// The hashes of the seals that no session follows.
    pub heads: Vec<Digest<of::Line>>,
    /// The number of sessions in the log.
    pub sessions: u64,
    /// The four answers of `review verify`.
    pub verification: Vec<AuditAnswer>,
    /// The start of the period, inclusive; absent: the start of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// The end of the period, exclusive; absent: the end of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// The snapshot of `--population`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<AuditedSnapshot>,
    /// How the assignments of the snapshot divide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconciliation: Option<Reconciliation>,
    /// The sample, if one was drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<SampleNote>,
}

/// A file of the log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AuditedFile {
    /// Its path.
    pub path: Text,
    /// The SHA-256 of its bytes.
    pub sha256: Digest<of::File>,
}

/// One answer of `review verify`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AuditAnswer {
    /// `integrity`, `authenticity`, `completeness` or `time`.
    pub question: &'static str,
    /// `yes`, `no` or `unknown`.
    pub holds: &'static str,
    /// Why.
    pub says: Text,
}

/// The snapshot that the population is taken from.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AuditedSnapshot {
    /// Its path.
    pub path: Text,
    /// The SHA-256 of its bytes.
    pub sha256: Digest<of::File>,
    /// When the export was taken.
    pub taken_at: Time,
}

/// How the assignments of a snapshot divide: `population` is the sum of the four numbers after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reconciliation {
    /// The number of assignments.
    pub population: u64,
    /// Given by a decision of the log.
    pub decided: u64,
    /// Recorded as inherited by a baseline that has not ended, not approved.
    pub inherited: u64,
    /// Without a decision, and kept by a recertification that has not ended.
    pub recertified: u64,
    /// Without a decision, on a system that the log is about.
    pub shadow: u64,
    /// On a system that no session of the log is about.
    pub out_of_scope: u64,
    /// Of `decided`: past their approved end when the snapshot was taken.
    pub expired: u64,
}

/// How a sample was drawn: the rows whose SHA-256 of the seed, LF and the row's id is lowest.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SampleNote {
    /// The size that was asked for.
    pub size: u64,
    /// The seed.
    pub seed: Text,
    /// The number of decisions that it was drawn from.
    pub of_decisions: u64,
    /// The number of assignments that it was drawn from.
    pub of_population: u64,
}

/// What a decision came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// A person approved it.
    Approved,
    /// A person overrode denials, or helped to lift a rejection.
    Override,
    /// A person rejected it.
    Rejected,
    /// The policies passed it without a person.
    Automatic,
}

impl AuditOutcome {
    /// The word of the reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Override => "override",
            Self::Rejected => "rejected",
            Self::Automatic => "automatic",
        }
    }
}

/// One decision, with what led to it and what came of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AuditRow {
    /// The SHA-256 of the decision's line, its id in every report and event.
    pub decision: Digest<of::Line>,
    /// The session.
    pub session: Text,
    /// The number of the line within the session, as `review log prove` takes it.
    pub line: u64,
    /// When it was decided, by the writer's clock.
    pub decided_at: Time,
    /// The plan.
    pub plan: Text,
    /// The change.
    pub change: Text,
    /// The action of the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Text>,
    /// The ticket. Absent until tasks have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Text>,
    /// The systems that it changes.
    pub targets: Vec<Text>,
    /// The identity or group that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Text>,
    /// The kinds of the identities whose access it changes.
    pub kinds: Vec<Text>,
    /// The role, group, credential or other object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<Text>,
    /// The scope; absent: everywhere, or the action has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Text>,
    /// The mode that the change states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Text>,
    /// When the access is to end: a time, or a duration after it is applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_end: Option<Text>,
    /// Whether the change is privileged.
    pub privileged: bool,
    /// The highest sensitivity that it affects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<&'static str>,
    /// What was decided.
    pub outcome: AuditOutcome,
    /// The policies that determined the outcome; where none alone did, the policy pack and its hash.
    pub policies: Vec<Text>,
    /// The steps that the decision fills.
    pub steps: Vec<Text>,
    /// The person who decided; absent for an automatic outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approver: Option<Text>,
    /// The person that the approver acted for. Absent while nobody can delegate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acting_for: Option<Text>,
    /// The fingerprint of the key that signed the session.
    pub key: Text,
    /// The agent that wrote the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposer: Option<Text>,
    /// How the proposer was authenticated: `none`, `ssh-key`, `ssh-certificate` or `jwt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<&'static str>,
    /// The person that the plan says it acts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sponsor: Option<Text>,
    /// Seconds since the previous answer of the session, or since its start. Changes approved together share them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_to_decide: Option<u64>,
    /// How many changes were approved with the same answer; absent if it was approved alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grouped: Option<u64>,
    /// How much of the card was on the screen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<ShownPart>,
    /// The reason in the person's words. Always present for a rejection and an override.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// When it was exported to an executor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exported: Option<Time>,
    /// The latest result: `applied`, `partly`, `missing`, `beyond` or `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<&'static str>,
    /// What the result rests on: the SHA-256 of a snapshot, or what an executor reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Text>,
    /// When a later change that removes the same access was confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<Time>,
    /// Seconds between the approved end and the removal, or the snapshot that still has the access; absent if not late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_by: Option<u64>,
}

/// How much of a card was on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ShownPart {
    /// Groups of facts that were shown.
    pub groups: u64,
    /// Groups of facts on the card.
    pub groups_of: u64,
    /// Lines that were shown.
    pub lines: u64,
    /// Lines on the card.
    pub lines_of: u64,
}

/// How an assignment or membership of the snapshot is accounted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// A decision of the log gave it.
    Decided,
    /// It is recorded as inherited from before the log.
    Inherited,
    /// No decision gave it, and a person recertified it.
    Recertified,
    /// No decision gave it.
    Shadow,
    /// It is on a system that no session of the log is about.
    OutOfScope,
}

impl Coverage {
    /// The words of the reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Inherited => "inherited",
            Self::Recertified => "recertified",
            Self::Shadow => "shadow",
            Self::OutOfScope => "out of scope",
        }
    }
}

/// An assignment or membership of the snapshot, matched to a decision.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PopulationRow {
    /// The id of the assignment; absent for a member that a group lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Text>,
    /// The identity or group.
    pub subject: Text,
    /// The kind of the identity, or `group`; absent if the snapshot does not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// `role` or `membership`.
    pub holds: &'static str,
    /// The role or group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entitlement: Option<Text>,
    /// The scope; absent: everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Text>,
    /// The mode.
    pub mode: &'static str,
    /// When it expires by the snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Until when a baseline covers it; absent if none ever did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inherited_until: Option<Time>,
    /// Until when its last recertification keeps it; absent if it keeps nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recertified_until: Option<Time>,
    /// How it is accounted for.
    pub coverage: Coverage,
    /// The decision that gave it, by the hash of its line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Digest<of::Line>>,
    /// The session of that decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Text>,
    /// The line of that decision within its session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The plan of that decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Text>,
    /// The change of that decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Text>,
    /// Seconds between the approved end and the snapshot; absent if it is not past its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_by: Option<u64>,
}

/// Counts over the decisions of the period.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct AuditSummary {
    /// All outcomes.
    pub outcomes: OutcomeCounts,
    /// Approvals that were given together with others.
    pub grouped: u64,
    /// Decisions that were exported.
    pub exported: u64,
    /// The number of decisions with each result.
    pub results: BTreeMap<&'static str, u64>,
    /// Changes whose access stayed past its end.
    pub late: u64,
    /// Counts per kind of identity. A change that affects several kinds counts for each.
    pub kinds: Vec<KindCounts>,
    /// How long decisions took.
    pub times: DecisionTimes,
    /// The people who decided, with what stands out.
    pub people: Vec<ApproverSummary>,
}

/// The number of decisions with each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OutcomeCounts {
    /// Approvals.
    pub approved: u64,
    /// Overrides.
    pub overrides: u64,
    /// Rejections.
    pub rejected: u64,
    /// Automatic outcomes.
    pub automatic: u64,
    /// Of all of these, those on privileged changes.
    pub privileged: u64,
}

impl OutcomeCounts {
    /// Counts a decision.
    pub fn count(&mut self, row: &AuditRow) {
        let slot = match row.outcome {
            AuditOutcome::Approved => &mut self.approved,
            AuditOutcome::Override => &mut self.overrides,
            AuditOutcome::Rejected => &mut self.rejected,
            AuditOutcome::Automatic => &mut self.automatic,
        };
        *slot = slot.saturating_add(1);
        self.privileged = self.privileged.saturating_add(u64::from(row.privileged));
    }

    /// The number of decisions.
    #[must_use]
    pub fn all(&self) -> u64 {
        [self.overrides, self.rejected, self.automatic].into_iter().fold(self.approved, u64::saturating_add)
    }
}

/// Counts for one kind of identity.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct KindCounts {
    /// The kind.
    pub kind: Text,
    /// The outcomes.
    pub outcomes: OutcomeCounts,
}

/// How long decisions took, in seconds.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct DecisionTimes {
    /// The median time a card was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_median: Option<u64>,
    /// The 90th percentile of that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_p90: Option<u64>,
    /// The median time between the plan's reception and a decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_median: Option<u64>,
    /// The 90th percentile of that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_p90: Option<u64>,
}

/// What a person decided, and what stands out in it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ApproverSummary {
    /// The person.
    pub person: Text,
    /// The outcomes.
    pub outcomes: OutcomeCounts,
    /// Cards that were answered: changes approved together count once.
    pub cards: u64,
    /// The median seconds a card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_median: Option<u64>,
    /// What stands out, with at least 50 decisions: a median under 5 s a card, or over 98 % approvals.
    pub remarks: Vec<&'static str>,
}
