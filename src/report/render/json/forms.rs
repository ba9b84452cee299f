//! The JSON format for programs: its structure and field names.
//!
//! The schema is derived from these types. Their values are borrowed from the report.

use schemars::JsonSchema;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::access::model::facts::Access;
use crate::input::finding::{Code, ExceededLimit, Severity};
use crate::input::text::Text;
use crate::report::effects::AccessList;
use crate::report::groups::is_severe;
use crate::report::limits::Listed;
use crate::report::model::ChangeReport;
use crate::report::render::conditions::ExplainedOut;
use crate::report::render::json::log_forms::{LogOut, VerifyOut};
use crate::report::target::TargetReport;

#[derive(Serialize, JsonSchema)]
pub(super) struct Document<'r> {
    pub(super) schema_version: u32,
    pub(super) command: &'static str,
    pub(super) exit_code: u8,
    pub(super) verdict: Text,
    pub(super) findings: Vec<FindingOut<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plans: Option<Vec<PlanOut<'r>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) changes: Option<Vec<ChangeOut<'r>>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) verify: Option<VerifyOut<'r>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<LogOut<'r>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) snapshot: Option<SnapshotOut<'r>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) access: Option<crate::report::render::access::AccessOut<'r>>,
    /// Facts in rows, each sheet under its own key.
    #[serde(flatten)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub(super) sheets: BTreeMap<&'static str, serde_json::Value>,
    pub(super) next: Vec<Text>,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::report::render) struct FindingOut<'r> {
    #[schemars(with = "String")]
    pub(super) code: Code,
    pub(super) severity: Severity,
    pub(super) message: &'r Text,
    pub(super) file: Option<&'r str>,
    pub(super) line: Option<u32>,
    pub(super) column: Option<u32>,
    pub(super) help: Option<&'r Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<&'r str>,
    #[serde(skip_serializing_if = "<[ExceededLimit]>::is_empty")]
    pub(super) limits: &'r [ExceededLimit],
}

#[derive(Serialize, JsonSchema)]
pub(super) struct PlanOut<'r> {
    pub(super) id: &'r str,
    pub(super) file: &'r Text,
    pub(super) sha256: String,
    pub(super) proposer: &'r Text,
    pub(super) on_behalf_of: Option<&'r Text>,
    pub(super) task: Option<&'r Text>,
    pub(super) targets: &'r [TargetReport],
    pub(super) intent: &'r Text,
    pub(super) expires: String,
    pub(super) policies: Vec<PolicyOut<'r>>,
    pub(super) mass_removals: Vec<RemovalOut<'r>>,
    pub(super) totals: TotalsOut,
}

/// A mass removal.
#[derive(Serialize, JsonSchema)]
pub(super) struct RemovalOut<'r> {
    pub(super) kind: &'static str,
    pub(super) summary: &'r Text,
    pub(super) taken: u64,
    pub(super) of: u64,
    pub(super) changes: Vec<&'r str>,
    pub(super) with_pending: Vec<&'r str>,
}

/// A part of a change that is outside its task.
#[derive(Serialize, JsonSchema)]
pub(super) struct OutsideOut<'r> {
    pub(super) how: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<&'r Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct TotalsOut {
    pub(super) changes: u64,
    pub(super) denied: u64,
    pub(super) needs: u64,
    pub(super) auto: u64,
    pub(super) privileged: u64,
    pub(super) gained: u64,
    pub(super) lost: u64,
    pub(super) gained_eligible: u64,
    pub(super) gained_privileged: u64,
    pub(super) emergent: u64,
    pub(super) identities: u64,
    pub(super) at_least: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Serialize, JsonSchema)]
pub(super) struct ChangeOut<'r> {
    pub(super) id: &'r str,
    pub(super) plan: &'r str,
    pub(super) file: &'r str,
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) action: &'static str,
    pub(super) summary: Text,
    pub(super) digest: Option<String>,
    pub(super) targets: &'r [TargetReport],
    pub(super) outcome: &'static str,
    pub(super) state: &'static str,
    /// The rejections that block it, whatever policy says of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) rejections: Vec<RejectionOut<'r>>,
    /// The freezes that stop it, whatever was decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) frozen: Vec<FreezeOut<'r>>,
    pub(super) steps: Vec<StepOut<'r>>,
    pub(super) policies: Vec<PolicyOut<'r>>,
    pub(super) totals: ChangeTotalsOut,
    /// Permissions that the change states or gives, beyond what is gained by it.
    pub(super) contents: Vec<StatedOut<'r>>,
    /// Includes, kinds of identity, owner and label of the role.
    pub(super) states: Vec<Text>,
    pub(super) gained: Vec<PieceOut<'r>>,
    pub(super) lost: Vec<PieceOut<'r>>,
    pub(super) gained_eligible: Vec<PieceOut<'r>>,
    /// What it takes in one way and its holders still have in another.
    pub(super) still: Vec<StillOut<'r>>,
    pub(super) emergent: Vec<EmergentOut<'r>>,
    pub(super) lost_together: Vec<EmergentOut<'r>>,
    pub(super) escalations: Vec<NamedOut<'r>>,
    /// Escalation paths that lead to nothing that their subject could not do before.
    pub(super) already: Vec<AlreadyOut<'r>>,
    pub(super) sod: Vec<NamedOut<'r>>,
    #[serde(skip_serializing_if = "MoreOut::is_none")]
    pub(super) not_listed: MoreOut,
    /// All accesses of each list that is not listed whole, in groups.
    #[serde(skip_serializing_if = "GroupsOut::is_none")]
    pub(super) groups: GroupsOut<'r>,
    pub(super) privileged: bool,
    pub(super) privileged_because: &'r [Text],
    pub(super) sensitivity: &'static str,
    pub(super) unclassified: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) named_like_admin: Option<&'r Text>,
    pub(super) public: bool,
    pub(super) outsiders: &'r [Text],
    pub(super) gives_everything: bool,
    pub(super) concerned: Text,
    pub(super) members_not_all_known: &'r [Text],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) too_large_to_tell: Option<Text>,
    pub(super) depends_on: Vec<&'r str>,
    pub(super) in_task_scope: bool,
    pub(super) takes_in_task_scope: bool,
    pub(super) outside: Vec<OutsideOut<'r>>,
    pub(super) reversible: bool,
    pub(super) claims: Vec<ClaimOut<'r>>,
    pub(super) reason: &'r Text,
}

/// How many accesses each list of a change holds. `severe`: privileged or unclassified ones that it gives.
#[derive(Serialize, JsonSchema)]
pub(super) struct ChangeTotalsOut {
    pub(super) gained: u64,
    pub(super) gained_privileged: u64,
    pub(super) gained_eligible: u64,
    pub(super) gained_eligible_privileged: u64,
    pub(super) lost: u64,
    pub(super) contents: u64,
    pub(super) severe: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct StatedOut<'r> {
    pub(super) verb: &'static str,
    pub(super) fate: &'static str,
    pub(super) effect: crate::input::entitlement::Effect,
    pub(super) role: &'r str,
    #[serde(flatten)]
    #[schemars(with = "crate::report::render::access_form::AccessForm")]
    pub(super) access: &'r Access,
    pub(super) sensitivity: &'static str,
    pub(super) privileged: Option<&'r Text>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct GroupOut<'r> {
    pub(super) who: Text,
    pub(super) what: Vec<Text>,
    pub(super) limits: Text,
    pub(super) sensitivity: &'static str,
    pub(super) privileged: Option<&'r Text>,
    pub(super) accesses: u64,
}

#[derive(Default, Serialize, JsonSchema)]
pub(super) struct GroupsOut<'r> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) gained: Vec<GroupOut<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) lost: Vec<GroupOut<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) gained_eligible: Vec<GroupOut<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) contents: Vec<GroupOut<'r>>,
}

impl GroupsOut<'_> {
    fn is_none(&self) -> bool {
        [&self.gained, &self.lost, &self.gained_eligible, &self.contents].iter().all(|list| list.is_empty())
    }
}

/// How many more there are of each list of a change than stand there. They count as well.
#[derive(Clone, Copy, Default, PartialEq, Serialize, JsonSchema)]
pub(super) struct MoreOut {
    pub(super) gained: usize,
    pub(super) lost: usize,
    pub(super) gained_eligible: usize,
    pub(super) still: usize,
    pub(super) contents: usize,
    pub(super) emergent: usize,
    pub(super) lost_together: usize,
    pub(super) escalations: usize,
    pub(super) already: usize,
    pub(super) sod: usize,
}

impl MoreOut {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn of(it: &ChangeReport, most: Listed) -> Self {
        let accesses = |list: &AccessList| {
            let severe = |piece: &&crate::access::model::facts::AccessDelta| {
                is_severe(piece.sensitivity, piece.privileged.is_some())
            };
            list.pieces.len().saturating_sub(most.of(list.pieces.iter().filter(severe).count()))
        };
        let stated = || it.contents.lists.iter().flat_map(|list| &list.list.stated);
        let severe = stated().filter(|it| is_severe(it.sensitivity, it.privileged.is_some())).count();
        let facts = |all: usize| all.saturating_sub(most.facts);
        Self {
            gained: accesses(&it.gained),
            lost: accesses(&it.lost),
            gained_eligible: accesses(&it.gained_eligible),
            still: facts(it.kept.len()),
            contents: stated().count().saturating_sub(most.of(severe)),
            emergent: facts(it.emergent.len()),
            lost_together: facts(it.lost_together.len()),
            escalations: facts(it.escalations.len()),
            already: facts(it.already.len()),
            sod: facts(it.sod.len()),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub(super) struct RejectionOut<'r> {
    pub(super) by: &'r Text,
    pub(super) at: String,
    pub(super) reason: Option<&'r Text>,
    pub(super) lifted_by: &'r [Text],
}

#[derive(Serialize, JsonSchema)]
pub(super) struct FreezeOut<'r> {
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'r Text>,
    pub(super) by: &'r Text,
    pub(super) until: String,
    pub(super) reason: &'r Text,
    pub(super) thawed_by: &'r [Text],
    /// The proposer has another name than the frozen agent, and proves itself as that does.
    pub(super) by_proof: bool,
    /// The SHA-256 of the line.
    pub(super) line: String,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct StepOut<'r> {
    pub(super) name: &'r Text,
    pub(super) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) who: Option<&'r Text>,
    /// The people who could take it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) people: Option<&'r [Text]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) presence_proven: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct PolicyOut<'r> {
    pub(super) id: &'r str,
    pub(super) verdict: &'static str,
    pub(super) enforcement: &'r Text,
    pub(super) severity: &'r Text,
    pub(super) title: &'r Text,
    pub(super) advice: &'r Text,
    pub(super) control: &'r Text,
    #[serde(skip_serializing_if = "<[ExceededLimit]>::is_empty")]
    pub(super) limits: &'r [ExceededLimit],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) conditions: Vec<ExplainedOut<'r>>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct PieceOut<'r> {
    pub(super) subject: SubjectOut<'r>,
    #[serde(flatten)]
    #[schemars(with = "crate::report::render::access_form::AccessForm")]
    pub(super) access: &'r Access,
    pub(super) path: Text,
    /// Of a gain: how the subject could reach it before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) already: Option<Text>,
    /// Of a loss: how the subject can reach it still.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) still: Option<Text>,
    pub(super) sensitivity: &'static str,
    pub(super) privileged: Option<&'r Text>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct StillOut<'r> {
    pub(super) subject: &'r Text,
    pub(super) summary: Text,
    pub(super) path: Text,
    pub(super) accesses: u64,
    pub(super) of: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct AlreadyOut<'r> {
    pub(super) subject: &'r Text,
    pub(super) paths: &'r [Text],
    pub(super) summary: Text,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct SubjectOut<'r> {
    pub(super) kind: &'static str,
    pub(super) id: &'r str,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct EmergentOut<'r> {
    pub(super) digest: String,
    pub(super) kind: &'static str,
    pub(super) summary: Text,
    pub(super) eligible: bool,
    pub(super) sets: Vec<Vec<&'r str>>,
    pub(super) members: Vec<&'r str>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) members_not_listed: usize,
    /// How many pieces more it stands for.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) others: u64,
    pub(super) with_approved: Vec<&'r str>,
    pub(super) cheapest_to_drop: Vec<&'r str>,
    pub(super) ways: Vec<Text>,
    pub(super) complete: bool,
    pub(super) privileged: Option<&'r Text>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct NamedOut<'r> {
    pub(super) id: &'r Text,
    pub(super) subject: &'r Text,
    pub(super) summary: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) complete: Option<bool>,
    pub(super) ways: Vec<Text>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ClaimOut<'r> {
    pub(super) name: &'static str,
    pub(super) claimed: &'r Text,
    pub(super) found: Option<&'r Text>,
    #[schemars(with = "ClaimForm")]
    pub(super) result: crate::access::model::facts::ClaimResult,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct SnapshotOut<'r> {
    pub(super) source: &'r Text,
    pub(super) targets: &'r [TargetReport],
    pub(super) taken_at: String,
    pub(super) sha256: String,
    pub(super) counts: &'r BTreeMap<&'static str, u64>,
}

/// What a claim turned out to be, for the schema.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "it only describes the result in the schema")]
pub(super) enum ClaimForm {
    Confirmed,
    Contradicted,
    Unchecked,
}

fn is_zero<T: Default + PartialEq>(n: &T) -> bool {
    *n == T::default()
}
