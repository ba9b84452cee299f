//! JSON for programs: `schema_version` 2.
//!
//! Renders the report as one JSON document. Names are unchanged and escaped by JSON only, but every hidden character is
//! written as `\u…`, so that the output is harmless on a terminal too.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use self::forms::{
    AlreadyOut, ChangeOut, ChangeTotalsOut, ClaimOut, Document, EmergentOut, FindingOut, FreezeOut, GroupOut,
    GroupsOut, MoreOut, NamedOut, OutsideOut, PieceOut, PlanOut, PolicyOut, RejectionOut, RemovalOut, SnapshotOut,
    StatedOut, StepOut, StillOut, SubjectOut, TotalsOut,
};
use self::log_forms::{AnswerOut, DecisionOut, HeadOut, LogOut, ReplayOut, SessionOut, VerifyOut};
use super::sheets;
use crate::access::model::facts::{AccessDelta, Stated};
use crate::input::entitlement::Sensitivity;
use crate::input::id::Subject;
use crate::input::text::is_hidden;
use crate::report::contents::{ContentsReport, StatedAs};
use crate::report::effects::AccessList;
use crate::report::groups::Bundle;
use crate::report::groups::is_severe;
use crate::report::limits::Listed;
use crate::report::model::{
    Body, ChangeReport, EmergentReport, FreezeReport, KeptReport, PlanReport, PolicyReport, RemovalReport, Report,
    Reported, StepState,
};
use crate::report::record::{Head, LogReport, VerifyAnswer};
use crate::report::sentence;

pub(super) mod forms;
mod log_forms;

/// The version of the format.
pub const SCHEMA_VERSION: u32 = 2;

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
                log_id: it.log_id.as_ref(),
                integrity: answer(&it.integrity),
                authenticity: answer(&it.authenticity),
                completeness: answer(&it.completeness),
                time: answer(&it.time),
                replay: it.replay.as_ref().map(|it| ReplayOut {
                    answer: answer(&it.answer),
                    replayed: it.replayed,
                    differ: it.differ,
                    not_replayed: it.not_replayed,
                }),
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
                targets: &it.targets,
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

/// Any value as a JSON document that ends with a line feed, without hidden characters.
pub(super) fn document(value: &impl Serialize) -> String {
    // WHY: these structs have no maps with keys other than strings, which are the only error of `serde_json`.
    let json = serde_json::to_string_pretty(value).unwrap_or_else(|_| "{}".to_owned());
    harmless(&json)
}

/// Escapes hidden characters of a JSON document. They occur only within strings, and LF only between tokens.
pub(super) fn harmless(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 1);
    let mut rest = json;
    // WHY: in ASCII only these are hidden, and JSON has escaped all others within strings. Most documents are all
    // ASCII.
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

pub(super) fn finding(reported: &Reported) -> FindingOut<'_> {
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
        limits: &it.limits,
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
        targets: &plan.targets,
        intent: &plan.intent,
        expires: plan.expires.to_string(),
        policies: plan.policies.iter().map(policy).collect(),
        mass_removals: plan.mass_removals.iter().map(removal).collect(),
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

fn changes(plan: &PlanReport) -> impl Iterator<Item = ChangeOut<'_>> {
    let most = plan.listed();
    plan.changes.iter().map(move |it| change(plan, it, most))
}

/// All of a list, or its most severe entries if it is truncated.
fn most_severe<T>(all: &[T], most: Listed, rank: impl Fn(&T) -> (bool, Sensitivity)) -> Vec<&T> {
    let severe = all.iter().filter(|it| rank(it).0).count();
    let most = most.of(severe);
    let mut listed: Vec<&T> = all.iter().collect();
    if listed.len() > most {
        listed.sort_by_key(|it| std::cmp::Reverse(rank(it)));
        listed.truncate(most);
    }
    listed
}

fn rank_of(piece: &AccessDelta) -> (bool, Sensitivity) {
    (is_severe(piece.sensitivity, piece.privileged.is_some()), piece.sensitivity)
}

fn group(bundle: &Bundle) -> GroupOut<'_> {
    GroupOut {
        who: bundle.who.text(),
        what: bundle.what.iter().map(sentence::Sentence::text).collect(),
        limits: bundle.limits.text(),
        sensitivity: bundle.sensitivity.name(),
        privileged: bundle.privileged.as_ref(),
        accesses: bundle.pieces,
    }
}

fn stated<'r>(it: &'r ContentsReport, most: Listed) -> Vec<StatedOut<'r>> {
    let all: Vec<(&StatedAs, &Stated)> =
        it.lists.iter().flat_map(|list| list.list.stated.iter().map(move |stated| (list, stated))).collect();
    let rank = |(_, it): &(&StatedAs, &Stated)| (is_severe(it.sensitivity, it.privileged.is_some()), it.sensitivity);
    let out = |&(list, it): &(&'r StatedAs, &'r Stated)| StatedOut {
        verb: list.verb,
        fate: list.fate,
        effect: it.effect,
        role: it.role.as_str(),
        access: &it.access,
        sensitivity: it.sensitivity.name(),
        privileged: it.privileged.as_ref(),
    };
    most_severe(&all, most, rank).into_iter().map(out).collect()
}

#[expect(clippy::too_many_lines, reason = "one line a field")]
fn change<'r>(plan: &'r PlanReport, it: &'r ChangeReport, most: Listed) -> ChangeOut<'r> {
    let pieces = |list: &'r AccessList, gains| {
        most_severe(&list.pieces, most, rank_of).into_iter().map(|one| piece(one, gains)).collect()
    };
    let not_listed = MoreOut::of(it, most);
    // WHY: if every access is listed, groups of them add nothing.
    let groups = |list: &'r AccessList, more: usize| match more {
        0 => Vec::new(),
        _ => list.bundles.iter().map(group).collect(),
    };
    let groups = GroupsOut {
        gained: groups(&it.gained, not_listed.gained),
        lost: groups(&it.lost, not_listed.lost),
        gained_eligible: groups(&it.gained_eligible, not_listed.gained_eligible),
        contents: match not_listed.contents {
            0 => Vec::new(),
            _ => it.contents.lists.iter().flat_map(|list| &list.list.bundles).map(group).collect(),
        },
    };
    let together = it.emergent.iter().take(most.facts).filter_map(|at| plan.emergent.get(*at));
    let lost_together = it.lost_together.iter().take(most.facts).filter_map(|at| plan.lost_together.get(*at));
    ChangeOut {
        totals: ChangeTotalsOut {
            gained: it.gained.total,
            gained_privileged: it.gained.privileged,
            gained_eligible: it.gained_eligible.total,
            gained_eligible_privileged: it.gained_eligible.privileged,
            lost: it.lost.total,
            contents: it.contents.lists.iter().map(|list| list.list.stated.len() as u64).sum(),
            severe: it.severe,
        },
        contents: stated(&it.contents, most),
        states: it.contents.notes.iter().map(sentence::Sentence::text).collect(),
        groups,
        not_listed,
        id: it.id.as_str(),
        plan: plan.id.as_str(),
        file: it.place.file.as_ref(),
        line: it.place.line,
        column: it.place.column,
        action: it.action,
        summary: it.sentence.text(),
        targets: &it.targets,
        digest: it.digest.map(|d| d.to_string()),
        outcome: it.outcome.word(),
        state: it.state.word(),
        rejections: it
            .rejections
            .iter()
            .map(|r| RejectionOut {
                by: &r.by,
                at: r.at.to_string(),
                reason: r.reason.as_ref(),
                lifted_by: &r.lifted_by,
            })
            .collect(),
        frozen: it.frozen.iter().map(freeze).collect(),
        steps: it.steps.iter().map(step).collect(),
        policies: it.policies.iter().map(policy).collect(),
        gained: pieces(&it.gained, true),
        lost: pieces(&it.lost, false),
        gained_eligible: pieces(&it.gained_eligible, true),
        still: it.kept.iter().take(most.facts).map(still).collect(),
        emergent: together.map(|piece| emergent(piece, most)).collect(),
        lost_together: lost_together.map(|piece| emergent(piece, most)).collect(),
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
        already: it
            .already
            .iter()
            .take(most.facts)
            .map(|a| AlreadyOut { subject: &a.subject, paths: &a.paths, summary: a.sentence.text() })
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
        unclassified: it.unclassified,
        named_like_admin: it.admin_name.as_ref(),
        public: it.public,
        outsiders: &it.outsiders,
        gives_everything: it.gives_everything,
        concerned: it.concerned.text(),
        members_not_all_known: &it.unknown_groups,
        too_large_to_tell: it.untold.as_ref().map(sentence::Sentence::text),
        depends_on: it.depends_on.iter().map(crate::input::id::Id::as_str).collect(),
        in_task_scope: it.in_task_scope,
        takes_in_task_scope: it.takes_in_task_scope,
        outside: it
            .outside
            .iter()
            .map(|o| OutsideOut { how: o.how, scope: o.scope.as_ref(), until: o.until.map(|end| end.to_string()) })
            .collect(),
        reversible: it.reversible,
        claims: it
            .claims
            .iter()
            .map(|c| ClaimOut { name: c.name, claimed: &c.claimed, found: c.found.as_ref(), result: c.result })
            .collect(),
        reason: &it.reason,
    }
}

fn freeze(it: &FreezeReport) -> FreezeOut<'_> {
    FreezeOut {
        kind: it.kind,
        name: it.name.as_ref(),
        by: &it.by,
        until: it.until.to_string(),
        reason: &it.reason,
        thawed_by: &it.thawed_by,
        by_proof: it.by_proof,
        line: it.line.to_string(),
    }
}

fn step(step: &crate::report::model::StepReport) -> StepOut<'_> {
    let (state, who) = match &step.state {
        StepState::Missing(who) => ("missing", who.as_ref()),
        StepState::Filled(who) => ("filled", Some(who)),
        StepState::Waived => ("waived", None),
    };
    StepOut { name: &step.name, state, who, people: step.people.as_deref(), presence_proven: step.presence }
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
        limits: &policy.limits,
        conditions: policy.conditions.iter().map(super::conditions::json).collect(),
    }
}

fn removal(it: &RemovalReport) -> RemovalOut<'_> {
    RemovalOut {
        kind: it.kind,
        summary: &it.summary,
        taken: it.taken,
        of: it.of,
        changes: it.changes.iter().map(crate::input::id::Id::as_str).collect(),
        with_pending: it.with.iter().map(crate::input::id::Id::as_str).collect(),
    }
}

fn still(kept: &KeptReport) -> StillOut<'_> {
    StillOut {
        subject: &kept.subject,
        summary: kept.sentence.text(),
        path: kept.way.text(),
        accesses: kept.accesses,
        of: kept.of,
    }
}

fn piece(piece: &AccessDelta, gains: bool) -> PieceOut<'_> {
    let elsewhere = piece.elsewhere.as_ref().map(|path| sentence::path(path).text());
    let (already, still) = if gains { (elsewhere, None) } else { (None, elsewhere) };
    let kind = match &piece.subject {
        Subject::Identity(_) => "identity",
        Subject::Group(_) => "group",
    };
    PieceOut {
        subject: SubjectOut { kind, id: piece.subject.as_str() },
        access: &piece.access,
        path: sentence::path(&piece.path).text(),
        already,
        still,
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

fn answer(answer: &VerifyAnswer) -> AnswerOut {
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
