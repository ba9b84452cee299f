//! `review rollback`: the inverse of what was exported, as a plan to be reviewed like any other.
//!
//! The export computed the inverse from the snapshot that its session names, and keeps it in the log as the blob of its
//! `rollback` hash. This command takes it from there and gives it a new expiry. What has ended by itself since is left out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::app::execution::recorded_exports::{RecordedExport, RecordedExports};
use crate::app::io::command_error::hinted;
use crate::app::plans::plan_file::PlanFile;
use crate::app::record::history;
use crate::app::record::opened::OpenedLog;
use crate::app::site::location::SiteLocation;
use crate::decision::digest::SubjectRecord;
use crate::decision::exit::ExitCode;
use crate::input::id::{IdentityId, PlanId};
use crate::input::text::Text;
use crate::input::time::{Span, Time};
use crate::plan::model::{Lifetime, Plan};
use crate::plan::write::{self, NewChange, NewPlan};
use crate::report::model::Report;

/// How long the inverse plan may be proposed.
const PROPOSE_DAYS: u32 = 7;

/// What is to be undone.
#[derive(Clone, Debug)]
pub struct RollbackRequest {
    /// A plan's file, or the id of the session that exported it.
    pub of: String,
    /// The trust folder and the log.
    pub place: SiteLocation,
    /// Who proposes the inverse; none: who proposed the plan.
    pub proposer: Option<String>,
}

/// What came of it.
pub enum RollbackOutcome {
    /// The log cannot be relied on, or a trust file is invalid.
    Refused(Box<Report>, ExitCode),
    /// The inverse plan, and what to say about it.
    Plan {
        /// Its text.
        text: String,
        /// What it does not restore, and who builds on what it takes.
        notes: Vec<String>,
    },
}

/// Writes the inverse of what was exported.
///
/// # Errors
/// If nothing was exported, nothing can be undone, or a file cannot be read.
pub fn rollback(request: &RollbackRequest) -> anyhow::Result<RollbackOutcome> {
    let opened = match OpenedLog::open("rollback", &request.place, &[])? {
        Ok(opened) => opened,
        Err((report, code)) => return Ok(RollbackOutcome::Refused(Box::new(report), code)),
    };
    let exports = RecordedExports::read(&opened.log, &opened.verified)?;
    let shown = Text::from(request.of.as_str()).terminal();
    let mine = chosen(&exports, &request.of)?;
    let Some(last) = mine.last() else {
        bail!(hinted(
            format!("`{shown}` was never exported, so there is nothing to undo"),
            "name the file of a plan, or the session of an export from `review log show`"
        ));
    };
    // The last session only: an earlier one was confirmed or undone on its own.
    let mine: Vec<&RecordedExport> = mine.iter().filter(|it| it.session == last.session).copied().collect();
    let Some(inverse) = exports.rollback(last) else {
        bail!(hinted(format!("no plan can undo what `{shown}` did"), "the bundle lists the reasons"));
    };
    let Ok(inverse) = crate::plan::read("rollback", inverse.as_bytes()) else {
        bail!(hinted("the inverse plan in the log cannot be read", "it was written by another version of review"));
    };
    let (changes, mut notes) = still_open(&inverse, opened.now);
    if changes.is_empty() {
        bail!(hinted(
            format!("all access that `{shown}` gave has expired"),
            "`review due` lists access that is past its end and still there"
        ));
    }
    notes.extend(later(&opened, &exports, &mine)?);
    let text = write::write(&NewPlan {
        id: PlanId::new(inverse.id.value.as_str()),
        proposer: request.proposer.as_deref().map_or_else(|| inverse.proposer.value.clone(), IdentityId::new),
        on_behalf_of: inverse.on_behalf_of.as_ref().map(|it| it.value.clone()),
        task: inverse.task.as_ref().map(|it| it.value.clone()),
        intent: inverse.intent.value.raw().to_owned(),
        expires: opened.now.plus(Span::from_days(PROPOSE_DAYS)),
        made_from: None,
        changes,
    })?;
    Ok(RollbackOutcome::Plan { text, notes })
}

/// The exports of a plan's file or of a session.
fn chosen<'e>(exports: &'e RecordedExports, of: &str) -> anyhow::Result<Vec<&'e RecordedExport>> {
    let is_session = of.len() == 32 && of.bytes().all(|b| b.is_ascii_hexdigit());
    if is_session && !Path::new(of).exists() {
        return Ok(exports.all.iter().filter(|it| it.session.raw() == of).collect());
    }
    let file = PlanFile::read(&PathBuf::from(of))?;
    let bytes = crate::input::digest::Digest::of(&file.bytes);
    Ok(exports.all.iter().filter(|it| it.plan == Some(bytes)).collect())
}

/// The changes whose end has not passed, and what is left out.
fn still_open(inverse: &Plan, now: Time) -> (Vec<NewChange>, Vec<String>) {
    let (mut open, mut notes) = (Vec::new(), Vec::new());
    for change in &inverse.changes {
        let end = change.action.lifetime().and_then(|lifetime| match lifetime {
            Lifetime::Until(time) => Some(time),
            Lifetime::Ttl(_) => None,
        });
        if end.is_some_and(|end| end <= now) {
            notes.push(format!(
                "`{}` is left out: the access that it restores would have expired",
                change.id.value.text().terminal()
            ));
            continue;
        }
        let id = change.id.value.as_str().to_owned();
        open.push(NewChange::new(id, change.action.clone(), change.reason.value.raw().to_owned()));
    }
    (open, notes)
}

/// Later exports of other plans that affect the same subjects.
fn later(opened: &OpenedLog, exports: &RecordedExports, mine: &[&RecordedExport]) -> anyhow::Result<Vec<String>> {
    let documents = history::documents(&opened.log, &opened.verified)?;
    let whom = |it: &RecordedExport| -> BTreeSet<SubjectRecord> {
        let document = documents.get(&it.export.digest);
        let effect = document.iter().flat_map(|it| it.effect.gained.iter().chain(&it.effect.lost));
        effect.map(|held| held.subject.clone()).collect()
    };
    let ours: BTreeSet<SubjectRecord> = mine.iter().flat_map(|it| whom(it)).collect();
    let plans: BTreeSet<&PlanId> = mine.iter().map(|it| &it.export.plan).collect();
    let after = exports.all.iter().position(|it| mine.iter().any(|own| own.line == it.line)).unwrap_or_default();
    let others = exports.all.iter().skip(after).filter(|it| !plans.contains(&it.export.plan));
    let others = others.filter(|it| whom(it).iter().any(|who| ours.contains(who)));
    let names: BTreeSet<String> = others.map(|it| it.export.plan.text().terminal()).collect();
    let says = |name: &String| format!("plan `{name}` was exported later and affects the same subjects; review both");
    Ok(names.iter().map(says).collect())
}
