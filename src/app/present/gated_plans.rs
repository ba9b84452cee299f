//! Plans as the gate reports them: what holds or is missing for each change, and the exit codes that apply.

use crate::app::evaluation::evaluator::EvaluatedPlans;
use crate::app::present::gate_report::{by_ended_keys, missing, show, source};
use crate::app::present::plan_report;
use crate::app::record::history::Past;
use crate::app::site::load::Site;
use crate::decision::exit::ExitCode;
use crate::decision::gate::GateState;
use crate::report::limits::Limits;
use crate::report::model::{PlanReport, Reported, State as Shown};
use crate::report::sentence::Sentence;

/// What was judged so far.
#[derive(Default)]
pub struct GatedPlans {
    /// The exit codes that apply.
    pub codes: Vec<ExitCode>,
    /// What was found.
    pub findings: Vec<Reported>,
    /// The plans.
    pub plans: Vec<PlanReport>,
}

impl GatedPlans {
    /// Adds plans with the gate's verdict on each.
    pub fn add(&mut self, found: &EvaluatedPlans<'_>, past: &Past, site: &Site) {
        self.codes.extend(found.codes.iter().copied());
        self.findings.extend(found.findings.iter().cloned());
        let keys = &found.keys;
        for (proposal, verdict) in &found.plans {
            self.codes.push(verdict.exit);
            self.findings.extend(plan_report::findings(proposal));
            self.findings.extend(missing(proposal, verdict, keys));
            self.findings.extend(by_ended_keys(proposal, verdict, past));
            let over = proposal.origin.holds_no_longer(&proposal.plan);
            self.findings.extend(over.map(|finding| Reported::new(finding, |name| source(proposal, name))));
            let mut shown = plan_report::plan(proposal, Limits::SHORT);
            for (change, held) in shown.changes.iter_mut().zip(&verdict.changes) {
                show(change, held, keys, site);
                let present = proposal.presents.iter().find(|present| present.case == held.case);
                let recorded = present.and_then(|present| past.record.auto(present));
                if let (GateState::Auto, Some(auto)) = (&held.state, recorded) {
                    let says = Sentence::of("recorded by ").name(&auto.recorder);
                    change.state = Shown::Auto(says.own(format!(" at {}", auto.sealed_at)));
                }
            }
            self.findings.extend(plan_report::gives(proposal, &shown));
            self.plans.push(shown);
        }
    }
}
