//! Plans whose changes were all exported, according to the log, so that there is nothing left to decide.
//!
//! Once an executor applied such a plan, it may no longer fit the snapshot: what it revokes is gone.

use crate::app::plans::plan_file::PlanFile;
use crate::app::site::load::Faults;
use crate::decision::fields::typed_fields;
use crate::decision::recorded::exports::LastExport;
use crate::decision::recorded::record::{ExportResult, LinePlace, Record};
use crate::input::finding::{Code, Finding};
use crate::plan::model::Plan;
use crate::report::sentence::Sentence;

/// What to do about a change whose approvals an export used up.
pub const APPLY_AGAIN: &str = "check the result with `review confirm`; to apply it again, propose it in a new plan, or \
                               approve it again with `review PLAN --reopen`";

/// A plan whose changes were all exported.
pub struct ExportedPlan {
    /// The plan.
    pub plan: Plan,
    /// The last export of each change, in the order of the plan.
    pub exports: Vec<LastExport>,
}

impl ExportedPlan {
    /// The plan of a file; `None` if it is no plan, or a change of it was not exported.
    #[must_use]
    pub fn read(record: &Record, file: &PlanFile) -> Option<Self> {
        let plan = crate::plan::read(&file.name, &file.bytes).ok()?;
        let last = plan.changes.iter().map(|change| {
            let fields = typed_fields(&change.action);
            record.last_export_of(&plan.id.value, &change.id.value, change.action.word(), &fields)
        });
        let exports: Vec<LastExport> = last.collect::<Option<_>>()?;
        (!exports.is_empty()).then_some(Self { plan, exports })
    }

    /// A finding for each change, with the line of the log that says so.
    #[must_use]
    pub fn faults(&self, file: &PlanFile) -> Faults {
        let one = |(change, last): (&crate::plan::model::Change, &LastExport)| {
            let says = Sentence::of("change ").id(&change.id.value).own(" was ").then(says(last));
            Finding::new(Code::AlreadyExported, says.text()).at(&change.id.place).help(APPLY_AGAIN)
        };
        let findings = self.plan.changes.iter().zip(&self.exports).map(one).collect();
        Faults { findings, sources: [(file.name.clone(), file.bytes.clone())].into() }
    }
}

/// When a change was exported, and what came of it, each with the line of the log that says so.
#[must_use]
pub fn says(it: &LastExport) -> Sentence {
    let place = |it: &LinePlace| format!("session {}, line {}", it.session.text().terminal(), it.line);
    let says = format!("exported at {}, which used its approvals up ({})", it.at, place(&it.place));
    let said =
        |it: &ExportResult| format!("; a result of {} says `{}` ({})", it.at, it.outcome.word(), place(&it.place));
    Sentence::of(says + &it.result.as_ref().map(said).unwrap_or_default())
}
