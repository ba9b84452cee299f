//! Access without a decision ("shadow access"), and access that must be recertified.
//!
//! Matches access as the report for auditors does. A baseline counts only while policy still permits its author, and an answer
//! of a recertification only while its author may still recertify that access.

use std::collections::BTreeMap;

use crate::access::Index;
use crate::app::audit::audited_log::AuditedLog;
use crate::app::audit::inherited::{Baselines, rated};
use crate::app::audit::population::CoveredAccess;
use crate::app::audit::recertified::{LastAnswer, Recertified};
use crate::app::audit::recertifier::{AskedAccess, Recertifier};
use crate::app::audit::{decided, lifecycle, population};
use crate::app::record::freezes::FreezeSubject;
use crate::app::record::opened::OpenedLog;
use crate::decision::case::Signer;
use crate::input::digest::{Digest, of};
use crate::input::entitlement::IdentityKind;
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::{FreezeKind, RecertificationAnswer};
use crate::log::verify::answers::SessionView;
use crate::policy::FreezeAction;
use crate::report::audit::{Coverage, PopulationRow};
use crate::report::sheet::{Cell, Sheet};
use crate::snapshot::model::Snapshot;

/// Lists both as of a time.
///
/// # Errors
/// If a file of the log cannot be read.
pub(crate) fn sheets(opened: &OpenedLog, snapshot: &Snapshot, at: Time) -> anyhow::Result<[Sheet; 2]> {
    let log = AuditedLog::read(&opened.log, &opened.verified)?;
    let mut all = decided::all(&log);
    lifecycle::follow(&log, &mut all);
    let baselines = Baselines::read(&log, snapshot, &|view| may_inherit(opened, view, at));
    let recertified = recertified(opened, &log, snapshot, at);
    let covered = CoveredAccess { baselines, recertified };
    let (rows, _) = population::matched(&log, snapshot, &mut all, &covered, at);
    let times: BTreeMap<Digest<of::Line>, Time> = all.iter().map(|it| (it.row.decision, it.row.decided_at)).collect();
    let (mut shadow, mut due) = (Vec::new(), Vec::new());
    // INVARIANT: both list every assignment and listed membership in the order of the snapshot.
    for (row, it) in rows.into_iter().zip(rated(snapshot, &opened.site.data)) {
        let decided = row.decision.and_then(|line| times.get(&line).copied());
        let is_human = row.kind.is_some_and(|kind| kind == IdentityKind::Human.name() || kind == "group");
        let settings = &opened.site.settings;
        let after =
            if it.is_privileged || !is_human { settings.recertify_privileged_after } else { settings.recertify_after };
        let reason = due_since(&row, covered.recertified.last(&it.access), decided.map(|at| at.plus(after)));
        match reason.filter(|(since, _)| *since <= at) {
            Some((since, why)) => due.push((since, due_cells(row, since, why))),
            None if row.coverage == Coverage::Shadow => shadow.push(shadow_cells(row)),
            None => {}
        }
    }
    due.sort_by_key(|(since, _)| *since);
    Ok([shadow_sheet(shadow), recertify_sheet(due.into_iter().map(|(_, row)| row).collect())])
}

/// Since when an access must be recertified, and why. `decided`: when that is, by the decision that gave it.
fn due_since(row: &PopulationRow, last: Option<LastAnswer>, decided: Option<Time>) -> Option<(Time, &'static str)> {
    if row.coverage == Coverage::OutOfScope {
        return None;
    }
    let by_decision = decided.map(|since| (since, "it was decided long ago"));
    match last {
        Some(it) => {
            let answered = match it.answer {
                RecertificationAnswer::Keep => (it.until, "what kept it has ended"),
                RecertificationAnswer::Revoke => (it.at, "it shall be revoked"),
                RecertificationAnswer::Change => (it.at, "it shall be changed"),
            };
            if it.answer == RecertificationAnswer::Keep { by_decision.max(Some(answered)) } else { Some(answered) }
        }
        None => by_decision,
    }
}

fn recertified(opened: &OpenedLog, log: &AuditedLog<'_>, snapshot: &Snapshot, at: Time) -> Recertified {
    let index = Index::new(snapshot);
    let mut people: BTreeMap<Text, Recertifier> = BTreeMap::new();
    Recertified::read(log, snapshot, &mut |view, access| {
        let of = || Recertifier::of_session((&opened.site, &opened.past), &index, view, at);
        let person = people.entry(view.header.writer.fingerprint.clone()).or_insert_with(of);
        let asked = AskedAccess {
            who: access.who.raw(),
            is_membership: access.holds.raw() == "membership",
            what: access.what.raw(),
            scope: access.scope.as_ref().map(Text::raw),
        };
        person.refuses(&index, asked).is_none()
    })
}

fn shadow_sheet(rows: Vec<Vec<Cell>>) -> Sheet {
    Sheet {
        key: "shadow",
        title: "Access without a decision",
        columns: &[
            ("who", "who"),
            ("kind", "kind"),
            ("holds", "holds"),
            ("what", "what"),
            ("scope", "where"),
            ("mode", "mode"),
            ("until", "ends"),
            ("why", "why"),
            ("inherited_until", "inherited until"),
            ("assignment", ""),
        ],
        rows,
        none: "none",
    }
}

fn recertify_sheet(rows: Vec<Vec<Cell>>) -> Sheet {
    Sheet {
        key: "recertify",
        title: "Access due for recertification",
        columns: &[
            ("since", "since"),
            ("who", "who"),
            ("kind", "kind"),
            ("holds", "holds"),
            ("what", "what"),
            ("scope", "where"),
            ("mode", "mode"),
            ("until", "ends"),
            ("why", "why"),
            ("assignment", ""),
        ],
        rows,
        none: "none",
    }
}

fn access_cells(row: PopulationRow) -> (Vec<Cell>, Cell) {
    let cells = vec![
        Cell::Text(row.subject),
        row.kind.map_or(Cell::Absent, Cell::Word),
        Cell::Word(row.holds),
        Cell::maybe(row.entitlement),
        Cell::maybe(row.scope),
        Cell::Word(row.mode),
        Cell::at(row.until),
    ];
    (cells, Cell::maybe(row.assignment))
}

fn shadow_cells(row: PopulationRow) -> Vec<Cell> {
    let inherited_until = row.inherited_until;
    let why = match inherited_until {
        Some(_) => "its baseline has ended",
        None => "no decision gave it",
    };
    let (mut cells, assignment) = access_cells(row);
    cells.extend([Cell::Word(why), Cell::at(inherited_until), assignment]);
    cells
}

fn due_cells(row: PopulationRow, since: Time, why: &'static str) -> Vec<Cell> {
    let (mut cells, assignment) = access_cells(row);
    cells.insert(0, Cell::Time(since));
    cells.extend([Cell::Word(why), assignment]);
    cells
}

/// Whether policy permits the signer of a session to record a baseline, with a key of no second role.
fn may_inherit(opened: &OpenedLog, view: &SessionView, at: Time) -> bool {
    let (site, past) = (&opened.site, &opened.past);
    let Some(seal) = &view.signer else { return false };
    let fingerprint = seal.fingerprint.raw();
    let (Some(person), Some(key)) = (site.people.by_principal(seal.principal.as_str()), past.keys.get(fingerprint))
    else {
        return false;
    };
    let signer = Signer { person: person.id.value.clone(), key: seal.fingerprint.clone() };
    past.keys.bars_deciding(&site.provers, fingerprint).is_none()
        && FreezeSubject::new(site, &past.record, FreezeKind::All, None, at)
            .may(FreezeAction::Freeze, &signer, key)
            .permitted
}
