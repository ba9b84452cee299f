//! JSON for programs: `schema_version` 1.
//!
//! In: the report. Out: one JSON document. Names stand in it as they came; JSON's own escapes are enough there, but every
//! hidden character is written as `\u…`, so that the bytes are harmless on a terminal as well.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::sheets;
use crate::access::facts::{Access, Piece};
use crate::input::finding::{Code, Severity};
use crate::input::id::Subject;
use crate::input::text::{Text, is_hidden};
use crate::report::effects::{AccessList, Listed};
use crate::report::model::{Body, ChangeReport, EmergentReport, PlanReport, PolicyReport, Report, Reported, StepState};
use crate::report::record::{Answer, Head, LogReport};
use crate::report::sentence;

/// The version of the form.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize, JsonSchema)]
struct Document<'r> {
    schema_version: u32,
    command: &'static str,
    exit_code: u8,
    verdict: Text,
    findings: Vec<FindingOut<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plans: Option<Vec<PlanOut<'r>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<ChangeOut<'r>>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    verify: Option<VerifyOut<'r>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    log: Option<LogOut<'r>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    snapshot: Option<SnapshotOut<'r>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    access: Option<super::access::AccessOut<'r>>,
    /// Facts in rows, each sheet under its own key.
    #[serde(flatten)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    sheets: BTreeMap<&'static str, serde_json::Value>,
    next: Vec<Text>,
}

#[derive(Serialize, JsonSchema)]
struct FindingOut<'r> {
    #[schemars(with = "String")]
    code: Code,
    severity: Severity,
    message: &'r Text,
    file: Option<&'r str>,
    line: Option<u32>,
    column: Option<u32>,
    help: Option<&'r Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'r str>,
}

#[derive(Serialize, JsonSchema)]
struct PlanOut<'r> {
    id: &'r str,
    file: &'r Text,
    sha256: String,
    proposer: &'r Text,
    on_behalf_of: Option<&'r Text>,
    task: Option<&'r Text>,
    intent: &'r Text,
    expires: String,
    policies: Vec<PolicyOut<'r>>,
    totals: TotalsOut,
}

#[derive(Serialize, JsonSchema)]
struct TotalsOut {
    changes: u64,
    denied: u64,
    needs: u64,
    auto: u64,
    privileged: u64,
    gained: u64,
    lost: u64,
    gained_eligible: u64,
    gained_privileged: u64,
    emergent: u64,
    identities: u64,
    at_least: bool,
}

#[derive(Serialize, JsonSchema)]
struct ChangeOut<'r> {
    id: &'r str,
    plan: &'r str,
    file: &'r str,
    line: u32,
    column: u32,
    action: &'static str,
    summary: Text,
    digest: Option<String>,
    outcome: &'static str,
    state: &'static str,
    steps: Vec<StepOut<'r>>,
    policies: Vec<PolicyOut<'r>>,
    gained: Vec<PieceOut<'r>>,
    lost: Vec<PieceOut<'r>>,
    gained_eligible: Vec<PieceOut<'r>>,
    emergent: Vec<EmergentOut<'r>>,
    escalations: Vec<NamedOut<'r>>,
    sod: Vec<NamedOut<'r>>,
    #[serde(skip_serializing_if = "MoreOut::is_none")]
    not_listed: MoreOut,
    privileged: bool,
    privileged_because: &'r [Text],
    sensitivity: &'static str,
    concerned: Text,
    members_not_all_known: &'r [Text],
    #[serde(skip_serializing_if = "Option::is_none")]
    too_large_to_tell: Option<Text>,
    depends_on: Vec<&'r str>,
    in_task_scope: bool,
    reversible: bool,
    claims: Vec<ClaimOut<'r>>,
    reason: &'r Text,
}

/// How many more there are of each list of a change than stand there. They count as well.
#[derive(Default, PartialEq, Serialize, JsonSchema)]
struct MoreOut {
    gained: usize,
    lost: usize,
    gained_eligible: usize,
    emergent: usize,
    escalations: usize,
    sod: usize,
}

impl MoreOut {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    fn of(it: &ChangeReport, most: Listed) -> Self {
        let accesses = |list: &AccessList| list.pieces.len().saturating_sub(most.accesses);
        let facts = |all: usize| all.saturating_sub(most.facts);
        Self {
            gained: accesses(&it.gained),
            lost: accesses(&it.lost),
            gained_eligible: accesses(&it.gained_eligible),
            emergent: facts(it.emergent.len()),
            escalations: facts(it.escalations.len()),
            sod: facts(it.sod.len()),
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct StepOut<'r> {
    name: &'r Text,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<&'r Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_proven: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
struct PolicyOut<'r> {
    id: &'r str,
    verdict: &'static str,
    enforcement: &'r Text,
    severity: &'r Text,
    title: &'r Text,
    advice: &'r Text,
    control: &'r Text,
}

#[derive(Serialize, JsonSchema)]
struct PieceOut<'r> {
    subject: SubjectOut<'r>,
    #[serde(flatten)]
    #[schemars(with = "AccessForm")]
    access: &'r Access,
    path: Text,
    sensitivity: &'static str,
    privileged: Option<&'r Text>,
}

#[derive(Serialize, JsonSchema)]
struct SubjectOut<'r> {
    kind: &'static str,
    id: &'r str,
}

#[derive(Serialize, JsonSchema)]
struct EmergentOut<'r> {
    digest: String,
    kind: &'static str,
    summary: Text,
    eligible: bool,
    sets: Vec<Vec<&'r str>>,
    members: Vec<&'r str>,
    #[serde(skip_serializing_if = "is_zero")]
    members_not_listed: usize,
    /// How many pieces more it stands for.
    #[serde(skip_serializing_if = "is_zero")]
    others: u64,
    with_approved: Vec<&'r str>,
    cheapest_to_drop: Vec<&'r str>,
    ways: Vec<Text>,
    complete: bool,
    privileged: Option<&'r Text>,
}

#[derive(Serialize, JsonSchema)]
struct NamedOut<'r> {
    id: &'r Text,
    subject: &'r Text,
    summary: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
    ways: Vec<Text>,
}

#[derive(Serialize, JsonSchema)]
struct ClaimOut<'r> {
    name: &'static str,
    claimed: &'r Text,
    found: Option<&'r Text>,
    #[schemars(with = "ClaimForm")]
    result: crate::access::facts::ClaimResult,
}

#[derive(Serialize, JsonSchema)]
struct VerifyOut<'r> {
    integrity: AnswerOut,
    authenticity: AnswerOut,
    completeness: AnswerOut,
    time: AnswerOut,
    heads: Vec<HeadOut<'r>>,
    #[schemars(with = "SessionsForm")]
    sessions: u64,
    lines: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<&'r Text>,
}

#[derive(Serialize, JsonSchema)]
struct AnswerOut {
    holds: &'static str,
    says: Text,
}

#[derive(Serialize, JsonSchema)]
struct HeadOut<'r> {
    seal: String,
    session: &'r Text,
    at: String,
    principal: &'r Text,
}

#[derive(Serialize, JsonSchema)]
struct LogOut<'r> {
    #[schemars(with = "SessionsForm")]
    sessions: Vec<SessionOut<'r>>,
    decisions: Vec<DecisionOut<'r>>,
    heads: Vec<HeadOut<'r>>,
}

#[derive(Serialize, JsonSchema)]
struct SessionOut<'r> {
    session: &'r Text,
    kind: &'static str,
    sealed: Option<String>,
    writer: &'r Text,
    key: &'r Text,
    plans: &'r [Text],
    verdicts: &'r BTreeMap<&'static str, u64>,
    standing: Text,
}

#[derive(Serialize, JsonSchema)]
struct DecisionOut<'r> {
    session: &'r Text,
    at: String,
    plan: &'r Text,
    change: &'r Text,
    summary: Text,
    verdict: &'static str,
    steps: &'r [Text],
    who: &'r Text,
    reason: Option<&'r Text>,
    privileged: bool,
}

#[derive(Serialize, JsonSchema)]
struct SnapshotOut<'r> {
    source: &'r Text,
    taken_at: String,
    sha256: String,
    counts: &'r BTreeMap<&'static str, u64>,
}

/// An access as it is written, for the schema.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it only says what form an access has")]
pub(super) struct AccessForm {
    action: String,
    resource: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exceptions: Vec<serde_json::Value>,
}

/// How many sessions were verified, or the sessions that are shown, for the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it only says what form sessions have")]
enum SessionsForm {
    Count(u64),
    List(Vec<SessionOut<'static>>),
}

/// What a claim turned out to be, for the schema.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "it only says what form a result has")]
enum ClaimForm {
    Confirmed,
    Contradicted,
    Unchecked,
}

/// The JSON Schema of the report.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::SchemaGenerator::new(schemars::generate::SchemaSettings::draft2020_12().for_serialize())
        .into_root_schema_for::<Document<'_>>()
}

/// The report as JSON.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = Document {
        schema_version: SCHEMA_VERSION,
        command: report.command,
        exit_code: report.exit_code,
        verdict: report.verdict.text(),
        findings: report.findings.iter().map(finding).collect(),
        plans: None,
        changes: None,
        verify: None,
        log: None,
        snapshot: None,
        access: None,
        sheets: BTreeMap::new(),
        next: report.next.iter().map(sentence::Sentence::text).collect(),
    };
    match &report.body {
        Body::Findings => {}
        Body::Plans(plans) => {
            out.plans = Some(plans.iter().map(plan).collect());
            out.changes = Some(plans.iter().flat_map(changes).collect());
        }
        Body::Verify(it) => {
            out.verify = Some(VerifyOut {
                integrity: answer(&it.integrity),
                authenticity: answer(&it.authenticity),
                completeness: answer(&it.completeness),
                time: answer(&it.time),
                heads: it.heads.iter().map(head).collect(),
                sessions: it.sessions,
                lines: it.lines,
                line: it.line.as_ref(),
            });
        }
        Body::Log(it) => out.log = Some(log(it)),
        Body::Access(it) => out.access = Some(super::access::json(it)),
        Body::Snapshot(it) => {
            out.snapshot = Some(SnapshotOut {
                source: &it.source,
                taken_at: it.taken_at.to_string(),
                sha256: it.digest.to_string(),
                counts: &it.counts,
            });
            out.sheets = it.sheets.iter().map(|sheet| (sheet.key, sheets::rows(sheet))).collect();
        }
        Body::Sheets(it) => {
            out.sheets = it.about.iter().map(|(key, _, cell)| (*key, sheets::value(cell))).collect();
            out.sheets.extend(it.sheets.iter().map(|sheet| (sheet.key, sheets::rows(sheet))));
        }
    }
    document(&out)
}

/// Any value as a JSON document ended by LF, without a hidden character in it.
pub(super) fn document(value: &impl Serialize) -> String {
    // WHY: these structs hold no map with keys other than strings, the only thing that serde_json refuses.
    let json = serde_json::to_string_pretty(value).unwrap_or_else(|_| "{}".to_owned());
    harmless(&json)
}

/// Writes hidden characters of a JSON document as escapes. They stand only within strings, LF only between tokens.
fn harmless(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 1);
    let mut rest = json;
    // WHY: of ASCII only these are hidden, and JSON has escaped all others within strings; most documents are all ASCII.
    let other = |b: u8| (b < 0x20 && b != b'\n') || b >= 0x7f;
    while let Some(at) = rest.bytes().position(other) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        let mut chars = from.chars();
        if let Some(c) = chars.next() {
            if is_hidden(c) {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            } else {
                out.push(c);
            }
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('\n');
    out
}

fn finding(reported: &Reported) -> FindingOut<'_> {
    let it = &reported.finding;
    FindingOut {
        code: it.code,
        severity: it.severity,
        message: &it.message,
        file: it.place.as_ref().map(|p| p.file.as_ref()),
        line: it.place.as_ref().map(|p| p.line),
        column: it.place.as_ref().map(|p| p.column),
        help: it.help.as_ref(),
        policy: reported.rule.as_ref().map(|rule| rule.id.as_str()),
    }
}

fn plan(plan: &PlanReport) -> PlanOut<'_> {
    let t = &plan.totals;
    PlanOut {
        id: plan.id.as_str(),
        file: &plan.file,
        sha256: plan.digest.to_string(),
        proposer: &plan.proposer,
        on_behalf_of: plan.sponsor.as_ref(),
        task: plan.task.as_ref(),
        intent: &plan.intent,
        expires: plan.expires.to_string(),
        policies: plan.policies.iter().map(policy).collect(),
        totals: TotalsOut {
            changes: t.changes,
            denied: t.denied,
            needs: t.needs,
            auto: t.auto,
            privileged: t.privileged,
            gained: t.gained,
            lost: t.lost,
            gained_eligible: t.gained_eligible,
            gained_privileged: t.gained_privileged,
            emergent: t.emergent,
            identities: t.identities,
            at_least: t.at_least,
        },
    }
}

fn is_zero<T: Default + PartialEq>(n: &T) -> bool {
    *n == T::default()
}

fn changes(plan: &PlanReport) -> impl Iterator<Item = ChangeOut<'_>> {
    let most = plan.listed();
    plan.changes.iter().map(move |it| change(plan, it, most))
}

fn change<'r>(plan: &'r PlanReport, it: &'r ChangeReport, most: Listed) -> ChangeOut<'r> {
    let pieces = |list: &'r AccessList| list.pieces.iter().take(most.accesses).map(piece).collect();
    let together = it.emergent.iter().take(most.facts).filter_map(|at| plan.emergent.get(*at));
    ChangeOut {
        not_listed: MoreOut::of(it, most),
        id: it.id.as_str(),
        plan: plan.id.as_str(),
        file: it.place.file.as_ref(),
        line: it.place.line,
        column: it.place.column,
        action: it.action,
        summary: it.sentence.text(),
        digest: it.digest.map(|d| d.to_string()),
        outcome: it.outcome.word(),
        state: it.state.word(),
        steps: it.steps.iter().map(step).collect(),
        policies: it.policies.iter().map(policy).collect(),
        gained: pieces(&it.gained),
        lost: pieces(&it.lost),
        gained_eligible: pieces(&it.gained_eligible),
        emergent: together.map(|piece| emergent(piece, most)).collect(),
        escalations: it
            .escalations
            .iter()
            .take(most.facts)
            .map(|e| NamedOut {
                id: &e.id,
                subject: &e.subject,
                summary: e.sentence.text(),
                complete: Some(e.complete),
                ways: e.ways.iter().map(sentence::Sentence::text).collect(),
            })
            .collect(),
        sod: it
            .sod
            .iter()
            .take(most.facts)
            .map(|s| NamedOut {
                id: &s.id,
                subject: &s.subject,
                summary: s.sentence.text(),
                complete: None,
                ways: s.ways.iter().map(sentence::Sentence::text).collect(),
            })
            .collect(),
        privileged: !it.privileged.is_empty(),
        privileged_because: &it.privileged,
        sensitivity: it.sensitivity.name(),
        concerned: it.concerned.text(),
        members_not_all_known: &it.unknown_groups,
        too_large_to_tell: it.untold.as_ref().map(sentence::Sentence::text),
        depends_on: it.depends_on.iter().map(crate::input::id::Id::as_str).collect(),
        in_task_scope: it.in_task_scope,
        reversible: it.reversible,
        claims: it
            .claims
            .iter()
            .map(|c| ClaimOut { name: c.name, claimed: &c.claimed, found: c.found.as_ref(), result: c.result })
            .collect(),
        reason: &it.reason,
    }
}

fn step(step: &crate::report::model::StepReport) -> StepOut<'_> {
    let (state, who) = match &step.state {
        StepState::Missing(who) => ("missing", who.as_ref()),
        StepState::Filled(who) => ("filled", Some(who)),
        StepState::Waived => ("waived", None),
    };
    StepOut { name: &step.name, state, who, presence_proven: step.presence }
}

fn policy(policy: &PolicyReport) -> PolicyOut<'_> {
    PolicyOut {
        id: policy.rule.id.as_str(),
        verdict: policy.verdict.word(),
        enforcement: &policy.enforcement,
        severity: &policy.severity,
        title: &policy.rule.title,
        advice: &policy.rule.advice,
        control: &policy.rule.control,
    }
}

fn piece(piece: &Piece) -> PieceOut<'_> {
    let kind = match &piece.subject {
        Subject::Identity(_) => "identity",
        Subject::Group(_) => "group",
    };
    PieceOut {
        subject: SubjectOut { kind, id: piece.subject.as_str() },
        access: &piece.access,
        path: sentence::path(&piece.path).text(),
        sensitivity: piece.sensitivity.name(),
        privileged: piece.privileged.as_ref(),
    }
}

fn emergent(it: &EmergentReport, most: Listed) -> EmergentOut<'_> {
    EmergentOut {
        members_not_listed: it.members.len().saturating_sub(most.names),
        others: it.others,
        digest: it.digest.to_string(),
        kind: it.kind,
        summary: it.sentence.text(),
        eligible: it.eligible,
        sets: it.sets.iter().map(|set| set.iter().map(crate::input::id::Id::as_str).collect()).collect(),
        members: it.members.iter().take(most.names).map(crate::input::id::Id::as_str).collect(),
        with_approved: it.with.iter().map(crate::input::id::Id::as_str).collect(),
        cheapest_to_drop: it.drop.iter().map(crate::input::id::Id::as_str).collect(),
        ways: it.ways.iter().map(sentence::Sentence::text).collect(),
        complete: it.complete,
        privileged: it.privileged.as_ref(),
    }
}

fn answer(answer: &Answer) -> AnswerOut {
    AnswerOut { holds: answer.holds.word(), says: answer.says.text() }
}

fn head(head: &Head) -> HeadOut<'_> {
    HeadOut { seal: head.seal.to_string(), session: &head.session, at: head.at.to_string(), principal: &head.principal }
}

fn log(log: &LogReport) -> LogOut<'_> {
    LogOut {
        sessions: log
            .sessions
            .iter()
            .map(|row| SessionOut {
                session: &row.session,
                kind: row.kind,
                sealed: row.sealed.map(|t| t.to_string()),
                writer: &row.writer,
                key: &row.key,
                plans: &row.plans,
                verdicts: &row.verdicts,
                standing: row.standing.text(),
            })
            .collect(),
        decisions: log
            .decisions
            .iter()
            .map(|row| DecisionOut {
                session: &row.session,
                at: row.at.to_string(),
                plan: &row.plan,
                change: &row.change,
                summary: row.sentence.text(),
                verdict: row.verdict,
                steps: &row.steps,
                who: &row.who,
                reason: row.reason.as_ref(),
                privileged: row.privileged,
            })
            .collect(),
        heads: log.heads.iter().map(head).collect(),
    }
}
