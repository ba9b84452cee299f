//! The exports and results that a log holds.
//!
//! An export counts whoever signed it, because it uses approvals up. A result counts only from a session with a valid
//! signature.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use crate::app::record::history;
use crate::input::digest::{Digest, of};
use crate::input::id::PlanId;
use crate::input::text::Text;
use crate::log::blob::Values;
use crate::log::line::{Applied, Export, Line, SnapshotDigest};
use crate::log::verify::answers::Verification;
use crate::plan::model::Plan;

/// An exported change.
#[derive(Clone, Debug)]
pub struct RecordedExport {
    /// The hash of its line.
    pub line: Digest<of::Line>,
    /// Its session.
    pub session: Text,
    /// The fingerprint of the recorder's key.
    pub key: Text,
    /// The snapshot of that session.
    pub snapshot: Option<SnapshotDigest>,
    /// The line.
    pub export: Export,
    /// The hash of the plan's bytes, which are a blob of the log.
    pub plan: Option<Digest<of::Blob>>,
}

/// What a log holds of exports.
pub struct RecordedExports {
    /// The exports, those of earlier sessions first.
    pub all: Vec<RecordedExport>,
    /// The last result of each export.
    results: BTreeMap<Digest<of::Line>, Applied>,
    values: Values,
    /// The plans that were read, because many exports are of the same one.
    plans: RefCell<BTreeMap<Digest<of::Blob>, Option<Rc<Plan>>>>,
}

impl RecordedExports {
    /// Reads a verified log that kept its lines.
    ///
    /// # Errors
    /// If a file of it cannot be read.
    pub fn read(log: &Path, verified: &Verification) -> anyhow::Result<Self> {
        let (mut all, mut results) = (Vec::new(), BTreeMap::new());
        for view in &verified.sessions {
            let Some(signer) = &view.signer else { continue };
            let mut plans: BTreeMap<&PlanId, Digest<of::Blob>> = BTreeMap::new();
            for line in &view.lines {
                match &line.value {
                    Line::Plan(plan) => {
                        plans.insert(&plan.id, plan.sha256);
                    }
                    Line::Export(export) => all.push(RecordedExport {
                        line: line.digest,
                        session: Text::from(view.header.session.to_string()),
                        key: signer.fingerprint.clone(),
                        snapshot: view.header.snapshot.clone(),
                        export: export.clone(),
                        plan: plans.get(&export.plan).copied(),
                    }),
                    Line::Result(result) => {
                        results.extend(result.export.map(|export| (export, result.outcome)));
                    }
                    Line::Session(_)
                    | Line::Blob(_)
                    | Line::Policies(_)
                    | Line::Evaluation(_)
                    | Line::Decision(_)
                    | Line::Freeze(_)
                    | Line::Thaw(_)
                    | Line::Baseline(_)
                    | Line::Recertification(_)
                    | Line::Withdrawal(_)
                    | Line::Auto(_)
                    | Line::Seal(_)
                    | Line::Sig(_) => {}
                }
            }
        }
        Ok(Self { all, results, values: history::values(log)?, plans: RefCell::default() })
    }

    /// The plan of an export, from its exact bytes; none if the log lacks them or they do not read any more.
    #[must_use]
    pub fn plan(&self, of: &RecordedExport) -> Option<Rc<Plan>> {
        let digest = of.plan?;
        let read = || crate::plan::read("plan", self.values.get(&digest)?).ok().map(Rc::new);
        self.plans.borrow_mut().entry(digest).or_insert_with(read).clone()
    }

    /// The text of the inverse plan that was recorded with an export.
    #[must_use]
    pub fn rollback(&self, of: &RecordedExport) -> Option<&str> {
        std::str::from_utf8(self.values.get(&of.export.rollback?.cast())?).ok()
    }

    /// The last result of an export.
    #[must_use]
    pub fn last_result(&self, of: &RecordedExport) -> Option<Applied> {
        self.results.get(&of.line).copied()
    }

    /// The digests of all exported changes.
    #[must_use]
    pub fn digests(&self) -> BTreeSet<Digest<of::Change>> {
        self.all.iter().map(|it| it.export.digest).collect()
    }
}
