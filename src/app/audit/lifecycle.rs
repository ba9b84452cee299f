//! What came of decisions: export, result, removal, and access that stayed past its end.

use std::collections::BTreeMap;

use crate::app::audit::audited_log::AuditedLog;
use crate::app::audit::change_parts::AccessKey;
use crate::app::audit::decided::{ChangeKey, Decided};
use crate::input::digest::{Digest, of};
use crate::input::text::Text;
use crate::input::time::Time;
use crate::log::line::{Applied, Line, Outcome, Value};
use crate::report::audit::AuditOutcome;

/// The exports and results of a log.
#[derive(Default)]
struct Aftermath<'l> {
    /// The first export that names a decision.
    exports: BTreeMap<Digest<of::Line>, Time>,
    /// The latest result of a change.
    results: BTreeMap<ChangeKey, &'l Outcome>,
}

/// Adds to each decision what later lines of the log say about it.
pub(crate) fn follow(log: &AuditedLog<'_>, all: &mut [Decided]) {
    let mut after = Aftermath::default();
    for line in log.verified.sessions.iter().flat_map(|view| &view.lines) {
        match &line.value {
            Line::Export(it) => {
                for decision in &it.decisions {
                    let first = after.exports.entry(*decision).or_insert(it.at);
                    *first = it.at.min(*first);
                }
            }
            Line::Result(it) => {
                let key = (it.plan.clone(), it.change.clone(), it.digest);
                let latest = after.results.entry(key).or_insert(it);
                if latest.at <= it.at {
                    *latest = it;
                }
            }
            Line::Session(_)
            | Line::Blob(_)
            | Line::Plan(_)
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
    for one in all.iter_mut().filter(|one| one.row.outcome != AuditOutcome::Rejected) {
        one.row.exported = after.exports.get(&one.row.decision).copied();
        let Some(result) = after.results.get(&one.key) else { continue };
        one.row.result = Some(result.outcome.word());
        one.row.evidence = evidence(result);
        if result.outcome == Applied::Applied {
            one.applied = Some(result.at);
        }
    }
    remove(all);
}

/// Adds when confirmed revocations removed the access, and how long after its end.
fn remove(all: &mut [Decided]) {
    let mut removals: BTreeMap<AccessKey, Vec<Time>> = BTreeMap::new();
    for one in all.iter().filter(|one| has_action(one, &["revoke"])) {
        if let (Some(key), Some(at)) = (one.parts.key(), one.applied) {
            removals.entry(key).or_default().push(at);
        }
    }
    for one in all.iter_mut().filter(|one| gives(one)) {
        let given = one.applied.or(one.row.exported);
        let (Some(key), Some(given)) = (one.parts.key(), given) else { continue };
        let later = removals.get(&key).into_iter().flatten().filter(|at| **at >= given);
        one.row.removed_at = later.min().copied();
        if let (Some(removed), Some(end)) = (one.row.removed_at, one.parts.end(Some(given))) {
            one.row.late_by = late(end, removed);
        }
    }
}

/// Whether a decision allows access: a grant or an adjustment that was not rejected.
pub(crate) fn gives(one: &Decided) -> bool {
    one.row.outcome != AuditOutcome::Rejected && has_action(one, &["grant", "adjust"])
}

/// Whether the change has one of these actions.
pub(crate) fn has_action(one: &Decided, actions: &[&str]) -> bool {
    one.row.action.as_ref().is_some_and(|action| actions.contains(&action.raw()))
}

/// The seconds between an end and a later time.
pub(crate) fn late(end: Time, at: Time) -> Option<u64> {
    at.since(end).map(|span| span.seconds().unsigned_abs()).filter(|seconds| *seconds > 0)
}

fn evidence(result: &Outcome) -> Option<Text> {
    let snapshot = result.snapshot.as_ref().map(|it| format!("snapshot {} taken at {}", it.sha256, it.taken_at));
    let detail = result.detail.as_ref().map(|it| match it {
        Value::Inline(text) => text.raw().to_owned(),
        Value::Blob(digest) => format!("value {digest}"),
    });
    let both: Vec<String> = snapshot.into_iter().chain(detail).collect();
    (!both.is_empty()).then(|| Text::from(both.join("; ")))
}
