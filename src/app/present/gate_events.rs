//! What the gate reports to a SIEM: each change that does not pass, or why no plan does.

use std::collections::BTreeSet;

use crate::decision::case::CaseId;
use crate::input::digest::Digest;
use crate::input::finding::Severity;
use crate::input::time::Time;
use crate::report::events::{GateEvent, GateEventKind, VERSION};
use crate::report::model::{Body, Report};

/// The events of a report of the gate; none if everything passes. `passing` are the changes that may be applied.
#[must_use]
pub fn events(report: &Report, passing: &BTreeSet<CaseId>, now: Time) -> Vec<GateEvent> {
    if report.exit_code == 0 {
        return Vec::new();
    }
    let errors = report.findings.iter().filter(|it| it.finding.severity == Severity::Error);
    let findings: BTreeSet<&'static str> = errors.map(|it| it.finding.code.name()).collect();
    let base = GateEvent {
        schema_version: VERSION,
        uid: Digest::of(b""),
        time: now,
        kind: match &report.body {
            Body::Verify(_) => GateEventKind::VerificationFailed,
            Body::Findings | Body::Plans(_) | Body::Log(_) | Body::Snapshot(_) | Body::Access(_) | Body::Sheets(_) => {
                GateEventKind::GateDenied
            }
        },
        exit_code: report.exit_code,
        plan: None,
        change: None,
        digest: None,
        state: None,
        proposer: None,
        privileged: false,
        findings: findings.into_iter().collect(),
    };
    let stopped = report
        .changes()
        .filter(|(plan, change)| !passing.contains(&CaseId { plan: plan.id.clone(), change: change.id.clone() }));
    let mut found: Vec<GateEvent> = stopped
        .map(|(plan, change)| GateEvent {
            plan: Some(plan.id.text()),
            change: Some(change.id.text()),
            digest: change.digest,
            state: Some(change.state.word()),
            proposer: Some(plan.proposer.clone()),
            privileged: !change.privileged.is_empty(),
            ..base.clone()
        })
        .collect();
    if found.is_empty() {
        // The log, a trust file or a plan that cannot be read stops everything.
        found.push(base);
    }
    for (at, event) in found.iter_mut().enumerate() {
        // WHY no map here fails to serialise: its keys are strings. The place keeps equal events apart.
        let text = serde_json::to_string(&event).unwrap_or_default();
        event.uid = Digest::of(format!("{at} {text}").as_bytes());
    }
    found
}
