//! What became of a change after it was exported: the export, and the last result about it.
//!
//! A change is found by its effect, or by its plan, id and fields: once it is applied, a later snapshot gives it another effect.

use crate::decision::case::EvaluatedChange;
use crate::decision::digest::ChangeDocument;
use crate::decision::fields::Fields;
use crate::decision::recorded::record::{ExportResult, Exported, ExportedChange, LinePlace, Record};
use crate::input::id::{ChangeId, PlanId};
use crate::input::time::Time;

/// The last export of a change, and the last result about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastExport {
    /// The export line.
    pub place: LinePlace,
    /// When it was exported.
    pub at: Time,
    /// The last result.
    pub result: Option<ExportResult>,
}

impl Record {
    /// The last export of a change.
    #[must_use]
    pub fn last_export(&self, present: &EvaluatedChange) -> Option<LastExport> {
        let ChangeDocument { plan, action, fields, .. } = &*present.document;
        let is_same = |it: &Exported| it.what.is_of(plan, &present.case.change, action.raw(), fields);
        self.last(&|it| it.digest == present.digest || is_same(it))
    }

    /// The last export of a change that is known by its fields only, because it cannot be evaluated any more.
    #[must_use]
    pub fn last_export_of(
        &self,
        plan: &PlanId,
        change: &ChangeId,
        action: &'static str,
        fields: &Fields,
    ) -> Option<LastExport> {
        self.last(&|it| it.what.is_of(plan, change, action, fields))
    }

    fn last(&self, is_it: &dyn Fn(&Exported) -> bool) -> Option<LastExport> {
        let last = self.exports.iter().filter(|it| is_it(it)).max_by_key(|it| (it.at, it.what.line))?;
        let results = self.results.iter().filter(|it| it.export == last.what.line);
        Some(LastExport {
            place: LinePlace { session: last.session.clone(), line: last.what.number },
            at: last.at,
            result: results.max_by_key(|it| it.at).cloned(),
        })
    }
}

impl ExportedChange {
    fn is_of(&self, plan: &PlanId, change: &ChangeId, action: &str, fields: &Fields) -> bool {
        let recorded = self.document.as_ref().filter(|_| self.change == *change);
        recorded.is_some_and(|of| of.plan == *plan && of.action.raw() == action && of.fields == *fields)
    }
}
