//! The report of `check`.

use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::decision::exit::ExitCode;
use crate::report::model::{Body, OutcomeReport, PlanReport, Report, Reported};
use crate::report::sentence::{Sentence, counted};

/// Every exit code that applies to a plan without decisions.
#[must_use]
pub fn holding(proposal: &EvaluatedPlan<'_>) -> Vec<ExitCode> {
    let denied = !proposal.plan_judged.passes()
        || proposal.judged.iter().any(|judged| judged.outcome == crate::policy::Outcome::Denied);
    let stale = proposal.is_expired() || proposal.snapshot_is_stale();
    [(denied, ExitCode::Denied), (stale, ExitCode::Stale)].iter().filter(|(holds, _)| *holds).map(|(_, c)| *c).collect()
}

/// The report of plans without decisions.
#[must_use]
pub fn report(command: &'static str, plans: Vec<PlanReport>, findings: Vec<Reported>, code: ExitCode) -> Report {
    let of = |outcome| plans.iter().flat_map(|p| &p.changes).filter(|c| c.outcome == outcome).count() as u64;
    let plan_denied =
        plans.iter().any(|p| p.policies.iter().any(|r| r.verdict != crate::report::model::PolicyVerdict::Warns));
    let (denied, needs, auto) = (of(OutcomeReport::Denied), of(OutcomeReport::Needs), of(OutcomeReport::Auto));
    let mut parts = Vec::new();
    if denied > 0 {
        parts.push(format!("policy denies {}", counted(denied, "change", "changes")));
    } else if plan_denied {
        parts.push("policy denies the whole plan".to_owned());
    }
    if needs > 0 {
        parts.push(format!(
            "{} a person",
            if needs == 1 { "1 change needs".to_owned() } else { format!("{needs} changes need") }
        ));
    }
    if auto > 0 {
        parts.push(format!("{} automatic", if auto == 1 { "1 is".to_owned() } else { format!("{auto} are") }));
    }
    if code == ExitCode::Stale {
        parts.push("something is out of date".to_owned());
    }
    if plans.is_empty() {
        parts.push("no valid plan".to_owned());
    }
    if parts.is_empty() {
        parts.push("the plan changes nothing".to_owned());
    }
    let mut verdict = Sentence::new();
    for (n, part) in parts.into_iter().enumerate() {
        verdict = if n == 0 { verdict.own(part) } else { verdict.own(format!("; {part}")) };
    }
    Report { command, exit_code: code.code(), verdict, findings, body: Body::Plans(plans), next: Vec::new() }
}
