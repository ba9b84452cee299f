//! `review due`: what has ended and is still there, and what was decided and not carried through.
//!
//! Compares the log with a snapshot as of a time: assignments past their end, exported grants past the latest end that was
//! approved (systems that keep no expiry show them without one), access of tasks that are over, access without a decision and outside a
//! baseline in force, access that must be recertified, approvals that no export used, exports that nobody confirmed, and identities and credentials that nobody
//! looks after. It writes nothing to the log. The revoking plan takes what is past its end or its
//! task, and goes through review like any other.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::access::Index;
use crate::app::execution::confirm::read_snapshot;
use crate::app::execution::export::ends_at;
use crate::app::execution::neglected::{self, NeglectLimits};
use crate::app::execution::recorded_exports::RecordedExports;
use crate::app::execution::revoking::{self, Revocation, RevokingPlan};
use crate::app::execution::shadow;
use crate::app::record::opened::OpenedLog;
use crate::app::site::location::SiteLocation;
use crate::decision::exit::ExitCode;
use crate::decision::recorded::record::ReviewerVerdict;
use crate::input::id::{AssignmentId, ChangeId, GroupId, IdentityId, PlanId, ResourceId, RoleId, TaskId};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::plan::model::{Action, Target};
use crate::report::model::{Body, Report};
use crate::report::sentence::{Sentence, counted};
use crate::report::sheet::{Cell, Sheet, Sheets};
use crate::snapshot::model::{Assignment, Snapshot};

/// What is asked.
#[derive(Clone, Debug)]
pub struct DueRequest {
    /// The trust folder and the log.
    pub place: SiteLocation,
    /// The snapshot; none: that of the trust folder.
    pub snapshot: Option<PathBuf>,
    /// The time; none: now.
    pub at: Option<Time>,
    /// Who proposes the revoking plan; none: the only agent of `agents.yaml`.
    pub proposer: Option<String>,
    /// For whom it is proposed; none: for whom everything that it revokes was given, if that is one person.
    pub on_behalf_of: Option<String>,
    /// Its task; none: that of everything that it revokes, if that is one.
    pub task: Option<String>,
    /// Whether a revoking plan is wanted.
    pub plan: bool,
}

/// What is due.
pub struct DueAnswer {
    /// The report.
    pub report: Report,
    /// Its exit code.
    pub code: ExitCode,
    /// The revoking plan; none where nothing is to be revoked, or none was asked for.
    pub plan: Option<String>,
}

/// Access that should have ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Overdue {
    who: Text,
    role: Option<RoleId>,
    group: Option<GroupId>,
    scope: Option<ResourceId>,
    /// Selects it where several are equal; none: a group lists the member.
    assignment: Option<AssignmentId>,
    ended: Time,
    why: &'static str,
    /// The task that is over.
    task: Option<TaskId>,
    /// What gave it, if the log knows.
    by: Option<GivenBy>,
}

/// The change of a plan that gave access, and for whom and which task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct GivenBy {
    plan: PlanId,
    change: ChangeId,
    sponsor: Option<IdentityId>,
    task: Option<TaskId>,
}

/// Says what is due.
///
/// # Errors
/// If a file cannot be read, or a revoking plan has no proposer.
pub fn due(request: &DueRequest) -> anyhow::Result<DueAnswer> {
    let opened = match OpenedLog::open("due", &request.place, &[])? {
        Ok(opened) => opened,
        Err((report, code)) => return Ok(DueAnswer { report, code, plan: None }),
    };
    let at = request.at.unwrap_or(opened.now);
    let read = request.snapshot.as_deref().map(|path| read_snapshot(&opened.site, path)).transpose()?;
    let snapshot = read.as_ref().map_or(&opened.site.snapshot, |read| &read.snapshot);
    let exports = RecordedExports::read(&opened.log, &opened.verified)?;
    let mut overdue: Vec<Overdue> = exported(&opened, &exports, snapshot, at);
    overdue.extend(listed(&opened, snapshot, at));
    overdue.sort();
    // The log says why; what the snapshot says of the same assignment adds nothing.
    let mut seen = BTreeSet::new();
    overdue.sort_by_key(|it| it.by.is_none());
    overdue.retain(|it| {
        seen.insert((it.who.clone(), it.role.clone(), it.group.clone(), it.scope.clone(), it.assignment.clone()))
    });
    overdue.sort_by(|a, b| (a.ended, a).cmp(&(b.ended, b)));
    let unused = never_exported(&opened, &exports, at);
    let unconfirmed = never_confirmed(&exports);
    let parameters = &opened.site.settings.parameters;
    let limits =
        NeglectLimits { stale_after: parameters.stale_after, max_credential_ttl: parameters.max_credential_ttl };
    let identities = neglected::identities(snapshot, limits, at);
    let credentials = neglected::credentials(snapshot, limits, at);
    let [shadow, recertify] = shadow::sheets(&opened, snapshot, at)?;
    let count = overdue.len()
        + shadow.rows.len()
        + recertify.rows.len()
        + unused.len()
        + unconfirmed.len()
        + identities.rows.len()
        + credentials.rows.len();
    let plan = if request.plan && !overdue.is_empty() { Some(plan_of(request, &opened, &overdue)?) } else { None };
    let report = Report {
        command: "due",
        exit_code: ExitCode::Passes.code(),
        verdict: match count {
            0 => Sentence::of("nothing is due"),
            n => Sentence::of(format!("{} due", counted(n as u64, "entry is", "entries are"))),
        },
        findings: Vec::new(),
        body: Body::Sheets(Sheets {
            about: vec![
                ("at", "as of", Cell::Time(at)),
                ("taken_at", "snapshot taken at", Cell::Time(snapshot.taken_at)),
            ],
            sheets: vec![
                overdue_sheet(&overdue),
                shadow,
                recertify,
                unused_sheet(unused),
                unconfirmed_sheet(unconfirmed),
                identities,
                credentials,
            ],
        }),
        next: Vec::new(),
    };
    Ok(DueAnswer { report, code: ExitCode::Passes, plan })
}

/// Whether a task is over at a time; one that tasks.yaml does not list is.
fn is_over(opened: &OpenedLog, task: &TaskId, at: Time) -> bool {
    opened.site.tasks.get(task).is_none_or(|task| !task.is_open(at))
}

/// Exported grants that the snapshot still shows past the end that was approved, or of a task that is over.
fn exported(opened: &OpenedLog, exports: &RecordedExports, snapshot: &Snapshot, at: Time) -> Vec<Overdue> {
    let mut found = Vec::new();
    let index = Index::new(snapshot);
    for export in &exports.all {
        let Some(plan) = exports.plan(export) else { continue };
        let Some(change) = plan.changes.iter().find(|it| it.id.value == export.export.change) else { continue };
        let (Action::Grant(a) | Action::Adjust(a)) = &change.action else { continue };
        let end = ends_at(&change.action, plan.expires.value);
        let task = plan.task.as_ref().map(|it| &it.value).filter(|task| is_over(opened, task, at));
        let past = end.filter(|end| *end <= at);
        let (ended, why) = match (past, task) {
            (Some(end), _) => (end, "past the end that was approved"),
            (None, Some(task)) => {
                (opened.site.tasks.get(task).map_or(export.export.at, |it| it.until.min(at)), "its task is over")
            }
            (None, None) => continue,
        };
        let (role, group) = match &a.target {
            Target::Role(role) => (Some(role.value.clone()), None),
            Target::MemberOf(group) => (None, Some(group.value.clone())),
        };
        let one = |assignment: Option<AssignmentId>| Overdue {
            who: a.to.value.clone(),
            role: role.clone(),
            group: group.clone(),
            scope: a.scope.as_ref().map(|it| it.value.clone()),
            assignment,
            ended,
            why,
            task: task.cloned(),
            by: Some(GivenBy {
                plan: plan.id.value.clone(),
                change: change.id.value.clone(),
                sponsor: plan.on_behalf_of.as_ref().map(|it| it.value.clone()),
                task: plan.task.as_ref().map(|it| it.value.clone()),
            }),
        };
        let same = snapshot.assignments.iter().filter(|it| {
            it.who == a.to.value
                && it.role == role
                && it.member_of == group
                && it.scope.as_ref() == a.scope.as_ref().map(|scope| &scope.value)
        });
        found.extend(same.map(|it| one(Some(it.id.clone()))));
        let lists = group.as_ref().and_then(|id| index.group(id.as_str())).is_some_and(|group| {
            group.members.iter().any(|it| it.as_str() == a.to.value.raw())
                || group.nested.iter().any(|it| it.as_str() == a.to.value.raw())
        });
        found.extend(lists.then(|| one(None)));
    }
    found
}

/// Assignments that the snapshot itself shows past their end, or of a task that is over.
fn listed(opened: &OpenedLog, snapshot: &Snapshot, at: Time) -> Vec<Overdue> {
    let of = |it: &Assignment| {
        let past = it.until.filter(|until| *until <= at);
        let task = it.task.as_ref().filter(|task| is_over(opened, task, at));
        let (ended, why) = match (past, task) {
            (Some(until), _) => (until, "past its end"),
            (None, Some(task)) => (opened.site.tasks.get(task).map_or(at, |it| it.until.min(at)), "its task is over"),
            (None, None) => return None,
        };
        Some(Overdue {
            who: it.who.clone(),
            role: it.role.clone(),
            group: it.member_of.clone(),
            scope: it.scope.clone(),
            assignment: Some(it.id.clone()),
            ended,
            why,
            task: task.cloned(),
            by: None,
        })
    };
    snapshot.assignments.iter().filter_map(of).collect()
}

/// Approvals that no export used: plan, change, person, when they were sealed, until when they count.
fn never_exported(opened: &OpenedLog, exports: &RecordedExports, at: Time) -> Vec<Vec<Cell>> {
    let digests = exports.digests();
    let ttl = opened.site.settings.approval_ttl;
    let mut rows: Vec<(Time, Vec<Cell>)> = Vec::new();
    for decision in &opened.past.record.decisions {
        let is_open = matches!(decision.said, ReviewerVerdict::Approve { .. }) && !digests.contains(&decision.digest);
        if !is_open {
            continue;
        }
        let until = decision.sealed_at.plus(ttl).min(decision.document.expires);
        let state = if until <= at { "lapsed" } else { "open" };
        rows.push((
            decision.sealed_at,
            vec![
                Cell::Text(decision.document.plan.text()),
                Cell::Text(decision.change.text()),
                Cell::Text(decision.signer.person.text()),
                Cell::Time(decision.sealed_at),
                Cell::Time(until),
                Cell::Word(state),
            ],
        ));
    }
    rows.sort_by_key(|(sealed, _)| *sealed);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn never_confirmed(exports: &RecordedExports) -> Vec<Vec<Cell>> {
    let open = exports.all.iter().filter(|it| exports.last_result(it).is_none());
    let row = |it: &crate::app::execution::recorded_exports::RecordedExport| {
        vec![
            Cell::Text(it.export.plan.text()),
            Cell::Text(it.export.change.text()),
            Cell::Time(it.export.at),
            Cell::Text(it.session.clone()),
        ]
    };
    open.map(row).collect()
}

fn overdue_sheet(all: &[Overdue]) -> Sheet {
    let row = |it: &Overdue| {
        let what = it
            .role
            .as_ref()
            .map(crate::input::id::Id::text)
            .or_else(|| it.group.as_ref().map(crate::input::id::Id::text));
        vec![
            Cell::Time(it.ended),
            Cell::Text(it.who.clone()),
            Cell::Word(if it.role.is_some() { "role" } else { "membership" }),
            Cell::maybe(what),
            Cell::maybe(it.scope.as_ref().map(crate::input::id::Id::text)),
            Cell::Word(it.why),
            Cell::maybe(it.task.as_ref().map(crate::input::id::Id::text)),
            Cell::maybe(it.by.as_ref().map(|by| by.plan.text())),
            Cell::maybe(it.by.as_ref().map(|by| by.change.text())),
            Cell::maybe(it.assignment.as_ref().map(crate::input::id::Id::text)),
        ]
    };
    Sheet {
        key: "overdue",
        title: "Access past its end",
        columns: &[
            ("ended", "ended"),
            ("who", "who"),
            ("holds", "holds"),
            ("what", "what"),
            ("scope", "where"),
            ("why", "why"),
            ("task", "task"),
            ("plan", "plan"),
            ("change", "change"),
            ("assignment", ""),
        ],
        rows: all.iter().map(row).collect(),
        none: "none",
    }
}

fn unused_sheet(rows: Vec<Vec<Cell>>) -> Sheet {
    Sheet {
        key: "never_exported",
        title: "Approvals that were never exported",
        columns: &[
            ("plan", "plan"),
            ("change", "change"),
            ("person", "approved by"),
            ("sealed_at", "at"),
            ("until", "counts until"),
            ("state", "state"),
        ],
        rows,
        none: "none",
    }
}

fn unconfirmed_sheet(rows: Vec<Vec<Cell>>) -> Sheet {
    Sheet {
        key: "never_confirmed",
        title: "Exports that were never confirmed",
        columns: &[("plan", "plan"), ("change", "change"), ("exported_at", "exported at"), ("session", "")],
        rows,
        none: "none",
    }
}

/// What all entries share; none where they differ, or one of them does not say it.
fn the_one<T: Clone + PartialEq>(overdue: &[Overdue], of: impl Fn(&GivenBy) -> Option<&T>) -> Option<T> {
    let mut all = overdue.iter().map(|it| it.by.as_ref().and_then(&of));
    let first = all.next().flatten()?;
    all.all(|it| it == Some(first)).then(|| first.clone())
}

/// A plan that revokes what should have ended.
fn plan_of(request: &DueRequest, opened: &OpenedLog, overdue: &[Overdue]) -> anyhow::Result<String> {
    let revocation = |it: &Overdue| Revocation {
        who: it.who.clone(),
        role: it.role.clone(),
        group: it.group.clone(),
        scope: it.scope.clone(),
        assignment: it.assignment.clone(),
        reason: match &it.by {
            Some(GivenBy { plan, change, .. }) => {
                let (plan, change) = (plan.as_str(), change.as_str());
                format!("Given by change {change} of plan {plan}; {} since {}.", it.why, it.ended)
            }
            None => format!("It is {} since {}.", it.why, it.ended),
        },
    };
    let sponsor = request.on_behalf_of.as_deref().map(IdentityId::new);
    let task = request.task.as_deref().map(TaskId::new);
    let at = opened.now;
    let of = RevokingPlan {
        id: format!("due-{}", at.unix()),
        change_prefix: "end",
        proposer: revoking::proposer(&opened.site.agents, request.proposer.as_deref())?,
        on_behalf_of: sponsor.or_else(|| the_one(overdue, |by| by.sponsor.as_ref())),
        task: task.or_else(|| the_one(overdue, |by| by.task.as_ref())),
        intent: format!("Revoke access that should have ended by {}.", request.at.unwrap_or(at)),
    };
    revoking::plan(of, &overdue.iter().map(revocation).collect::<Vec<_>>(), at)
}
