//! Access without a decision ("shadow access"): what a snapshot shows, no decision gave, and no baseline in force covers.
//!
//! Matches access as the report for auditors does. A baseline counts only while policy still permits its author.

use crate::app::audit::audited_log::AuditedLog;
use crate::app::audit::inherited::Baselines;
use crate::app::audit::{decided, lifecycle, population};
use crate::app::record::freezes::FreezeSubject;
use crate::app::record::opened::OpenedLog;
use crate::decision::case::Signer;
use crate::input::time::Time;
use crate::log::line::FreezeKind;
use crate::log::verify::answers::SessionView;
use crate::policy::FreezeAction;
use crate::report::audit::{Coverage, PopulationRow};
use crate::report::sheet::{Cell, Sheet};
use crate::snapshot::model::Snapshot;

/// Lists it as of a time.
///
/// # Errors
/// If a file of the log cannot be read.
pub(crate) fn sheet(opened: &OpenedLog, snapshot: &Snapshot, at: Time) -> anyhow::Result<Sheet> {
    let log = AuditedLog::read(&opened.log, &opened.verified)?;
    let mut all = decided::all(&log);
    lifecycle::follow(&log, &mut all);
    let baselines = Baselines::read(&log, snapshot, &|view| may_inherit(opened, view, at));
    let (rows, _) = population::matched(&log, snapshot, &mut all, &baselines, at);
    let rows = rows.into_iter().filter(|row| row.coverage == Coverage::Shadow).map(cells).collect();
    Ok(Sheet {
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
    })
}

fn cells(row: PopulationRow) -> Vec<Cell> {
    let why = match row.inherited_until {
        Some(_) => "its baseline has ended",
        None => "no decision gave it",
    };
    vec![
        Cell::Text(row.subject),
        row.kind.map_or(Cell::Absent, Cell::Word),
        Cell::Word(row.holds),
        Cell::maybe(row.entitlement),
        Cell::maybe(row.scope),
        Cell::Word(row.mode),
        Cell::at(row.until),
        Cell::Word(why),
        Cell::at(row.inherited_until),
        Cell::maybe(row.assignment),
    ]
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
