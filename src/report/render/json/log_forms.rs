//! The parts of the JSON format about a log: verification, sessions and decisions.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::input::text::Text;

#[derive(Serialize, JsonSchema)]
pub(super) struct VerifyOut<'r> {
    pub(super) log_id: Option<&'r Text>,
    pub(super) integrity: AnswerOut,
    pub(super) authenticity: AnswerOut,
    pub(super) completeness: AnswerOut,
    pub(super) time: AnswerOut,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replay: Option<ReplayOut>,
    pub(super) heads: Vec<HeadOut<'r>>,
    #[schemars(with = "SessionsForm")]
    pub(super) sessions: u64,
    pub(super) lines: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<&'r Text>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ReplayOut {
    #[serde(flatten)]
    pub(super) answer: AnswerOut,
    pub(super) replayed: u64,
    pub(super) differ: u64,
    pub(super) not_replayed: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct AnswerOut {
    pub(super) holds: &'static str,
    pub(super) says: Text,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct HeadOut<'r> {
    pub(super) seal: String,
    pub(super) session: &'r Text,
    pub(super) at: String,
    pub(super) principal: &'r Text,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct LogOut<'r> {
    #[schemars(with = "SessionsForm")]
    pub(super) sessions: Vec<SessionOut<'r>>,
    pub(super) decisions: Vec<DecisionOut<'r>>,
    pub(super) heads: Vec<HeadOut<'r>>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct SessionOut<'r> {
    pub(super) session: &'r Text,
    pub(super) kind: &'static str,
    pub(super) sealed: Option<String>,
    pub(super) writer: &'r Text,
    pub(super) key: &'r Text,
    pub(super) plans: &'r [Text],
    pub(super) verdicts: &'r BTreeMap<&'static str, u64>,
    pub(super) standing: Text,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct DecisionOut<'r> {
    pub(super) session: &'r Text,
    pub(super) at: String,
    pub(super) plan: &'r Text,
    pub(super) change: &'r Text,
    pub(super) summary: Text,
    pub(super) verdict: &'static str,
    pub(super) steps: &'r [Text],
    pub(super) who: &'r Text,
    pub(super) reason: Option<&'r Text>,
    pub(super) privileged: bool,
}

/// How many sessions were verified, or the sessions that are shown, for the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it only describes sessions in the schema")]
pub(super) enum SessionsForm {
    Count(u64),
    List(Vec<SessionOut<'static>>),
}
