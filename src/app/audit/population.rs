//! The whole population: every assignment and listed membership of a snapshot, matched to the decision that gave it.
//!
//! A change counts as approved if it passed automatically, was exported, or if its decisions that nobody replaced fill every
//! step it needed (or override its denial) and no rejection stands. An assignment is decided if such a grant or adjustment
//! names its subject, entitlement and scope, allows its mode, was decided before the snapshot, and was not removed since.
//! If no decision gave it, it is recertified if a person kept it until a later time, else inherited if a baseline covers it
//! and nobody answered to revoke or change it.
//! This is what the lines say; whether the people were permitted is for `review gate`, which asks the policies. Costs one
//! look-up per assignment.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::audit::audited_log::AuditedLog;
use crate::app::audit::change_parts::AccessKey;
use crate::app::audit::decided::{ChangeKey, Decided};
use crate::app::audit::inherited::{Baselines, InheritedAccess};
use crate::app::audit::lifecycle::{gives, late};
use crate::app::audit::recertified::{LastAnswer, Recertified};
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::PolicyOutcome;
use crate::report::audit::{AuditOutcome, Coverage, PopulationRow, Reconciliation};
use crate::snapshot::model::Snapshot;

/// How many people must override to lift a rejection.
const LIFTERS: usize = 2;

/// What the log says about access besides decisions.
#[derive(Clone, Debug, Default)]
pub(crate) struct CoveredAccess {
    /// Until when baselines cover it.
    pub(crate) baselines: Baselines,
    /// The last answers of recertifications.
    pub(crate) recertified: Recertified,
}

/// Matches every assignment and listed membership as of a time, and notes on the decisions which access is still there past its end.
pub(crate) fn matched(
    log: &AuditedLog<'_>,
    snapshot: &Snapshot,
    all: &mut [Decided],
    covered: &CoveredAccess,
    at: Time,
) -> (Vec<PopulationRow>, Reconciliation) {
    let approved = approved(all);
    let mut grants: BTreeMap<AccessKey, Vec<usize>> = BTreeMap::new();
    for (at, one) in all.iter().enumerate().filter(|(_, one)| gives(one) && approved.contains(&one.key)) {
        if let Some(key) = one.parts.key() {
            grants.entry(key).or_default().push(at);
        }
    }
    let systems = LogSystems::of(log);
    let kinds: BTreeMap<&str, &'static str> = snapshot
        .groups
        .iter()
        .map(|it| (it.id.as_str(), "group"))
        .chain(snapshot.identities.iter().map(|it| (it.id.as_str(), it.kind.name())))
        .collect();
    let mut sum = Reconciliation::default();
    let mut rows = Vec::new();
    let assigned = snapshot.assignments.iter().filter_map(|it| Some((Some(it.id.text()), InheritedAccess::of(it)?)));
    let listed = InheritedAccess::listed(snapshot).map(|(_, access)| (None, access));
    for (assignment, access) in assigned.chain(listed) {
        let inherited_until = covered.baselines.end(&access);
        let answer = covered.recertified.last(&access);
        let mut row = row(assignment, access, &kinds);
        row.inherited_until = inherited_until;
        // A baseline does not cover what somebody has since answered to revoke or to change.
        let is_refused = answer.is_some_and(|answer| answer.kept_until().is_none());
        if inherited_until.is_some_and(|until| until > at) && !is_refused {
            row.coverage = Coverage::Inherited;
        }
        row.recertified_until = answer.and_then(LastAnswer::kept_until);
        if row.recertified_until.is_some_and(|until| until > at) {
            row.coverage = Coverage::Recertified;
        }
        if systems.hold(snapshot, &row) {
            let given = find(&grants, all, &row, snapshot.taken_at);
            if let Some(one) = given.and_then(|at| all.get_mut(at)) {
                decided(&mut row, one, snapshot.taken_at);
            }
        } else {
            row.coverage = Coverage::OutOfScope;
        }
        count(&mut sum, &row);
        rows.push(row);
    }
    share_lateness(all);
    (rows, sum)
}

/// The changes that count as approved.
fn approved(all: &[Decided]) -> BTreeSet<ChangeKey> {
    let replaced: BTreeSet<Digest<of::Line>> = all.iter().filter_map(|one| one.supersedes).collect();
    let mut lifters: BTreeMap<Digest<of::Line>, BTreeSet<&Text>> = BTreeMap::new();
    for one in all.iter().filter(|one| !replaced.contains(&one.row.decision)) {
        for rejection in &one.lifts {
            lifters.entry(*rejection).or_default().extend(one.row.approver.as_ref());
        }
    }
    let is_lifted = |line: &Digest<of::Line>| lifters.get(line).is_some_and(|people| people.len() >= LIFTERS);
    let mut changes: BTreeMap<&ChangeKey, Vec<&Decided>> = BTreeMap::new();
    for one in all.iter().filter(|one| !replaced.contains(&one.row.decision)) {
        changes.entry(&one.key).or_default().push(one);
    }
    let passes = |decisions: &[&Decided]| {
        let is_rejected =
            decisions.iter().any(|one| one.row.outcome == AuditOutcome::Rejected && !is_lifted(&one.row.decision));
        let is_exported = decisions.iter().any(|one| one.row.exported.is_some());
        is_exported || !is_rejected && is_complete(decisions)
    };
    changes.iter().filter(|(_, decisions)| passes(decisions)).map(|(key, _)| (*key).clone()).collect()
}

/// Whether decisions on one change give all that it needed.
fn is_complete(decisions: &[&Decided]) -> bool {
    let has = |outcome| decisions.iter().any(|one| one.row.outcome == outcome);
    let filled: BTreeSet<&Text> = decisions
        .iter()
        .filter(|one| one.row.outcome == AuditOutcome::Approved)
        .flat_map(|one| &one.row.steps)
        .collect();
    // WHY the last: sessions may have required different steps, and the last one knew the latest rules.
    match decisions.iter().rev().find_map(|one| one.required.as_ref()) {
        Some((PolicyOutcome::Auto, _)) => has(AuditOutcome::Automatic) || has(AuditOutcome::Approved),
        Some((PolicyOutcome::Needs, steps)) => steps.iter().all(|step| filled.contains(step)),
        Some((PolicyOutcome::Denied, _)) => has(AuditOutcome::Override),
        None => false,
    }
}

/// The latest decision that gave an assignment.
fn find(grants: &BTreeMap<AccessKey, Vec<usize>>, all: &[Decided], row: &PopulationRow, taken: Time) -> Option<usize> {
    let key = (row.subject.clone(), row.entitlement.clone()?, row.scope.clone());
    let fits = |one: &Decided| {
        one.parts.mode.as_ref().is_none_or(|mode| mode.raw() == row.mode)
            && one.row.decided_at <= taken
            && one.row.removed_at.is_none_or(|at| at > taken)
    };
    let found = grants.get(&key)?.iter().copied().filter(|at| all.get(*at).is_some_and(fits));
    found.max_by_key(|at| all.get(*at).map(|one| one.row.decided_at))
}

fn decided(row: &mut PopulationRow, one: &mut Decided, taken: Time) {
    row.coverage = Coverage::Decided;
    row.decision = Some(one.row.decision);
    row.session = Some(one.row.session.clone());
    row.line = Some(one.row.line);
    row.plan = Some(one.row.plan.clone());
    row.change = Some(one.row.change.clone());
    row.late_by = one.parts.end(one.applied.or(one.row.exported)).and_then(|end| late(end, taken));
    one.row.late_by = one.row.late_by.or(row.late_by);
}

/// Notes late access on every decision that gave it, not only on the one that is matched.
fn share_lateness(all: &mut [Decided]) {
    let late = all.iter().filter_map(|one| Some((one.key.clone(), one.row.late_by?)));
    let late: BTreeMap<ChangeKey, u64> = late.collect();
    for one in all.iter_mut().filter(|one| gives(one)) {
        one.row.late_by = one.row.late_by.or_else(|| late.get(&one.key).copied());
    }
}

fn row(assignment: Option<Text>, it: InheritedAccess, kinds: &BTreeMap<&str, &'static str>) -> PopulationRow {
    PopulationRow {
        assignment,
        kind: kinds.get(it.who.raw()).copied(),
        subject: it.who,
        holds: it.holds,
        entitlement: Some(it.what),
        scope: it.scope,
        mode: it.mode,
        until: it.until,
        inherited_until: None,
        recertified_until: None,
        coverage: Coverage::Shadow,
        decision: None,
        session: None,
        line: None,
        plan: None,
        change: None,
        late_by: None,
    }
}

fn count(sum: &mut Reconciliation, row: &PopulationRow) {
    let slot = match row.coverage {
        Coverage::Decided => &mut sum.decided,
        Coverage::Inherited => &mut sum.inherited,
        Coverage::Recertified => &mut sum.recertified,
        Coverage::Shadow => &mut sum.shadow,
        Coverage::OutOfScope => &mut sum.out_of_scope,
    };
    *slot = slot.saturating_add(1);
    sum.population = sum.population.saturating_add(1);
    sum.expired = sum.expired.saturating_add(u64::from(row.late_by.is_some()));
}

/// The systems that the sessions of a log are about.
struct LogSystems(BTreeSet<(Text, Text)>);

impl LogSystems {
    fn of(log: &AuditedLog<'_>) -> Self {
        let snapshots = log.verified.sessions.iter().filter_map(|view| view.header.snapshot.as_ref());
        Self(snapshots.flat_map(|it| &it.targets).map(|it| (it.system.clone(), it.id.clone())).collect())
    }

    /// Whether the log is about a system of an assignment. A system that the log or the snapshot does not identify is in
    /// scope: what nobody can exclude is counted.
    fn hold(&self, snapshot: &Snapshot, row: &PopulationRow) -> bool {
        let names = [Some(&row.subject), row.entitlement.as_ref(), row.scope.as_ref()];
        let systems = snapshot.systems_of(names.into_iter().flatten().map(Text::raw));
        self.0.is_empty()
            || systems.iter().any(|(_, target)| {
                target.is_none_or(|target| self.0.contains(&(target.system.clone(), target.id.clone())))
            })
    }
}
