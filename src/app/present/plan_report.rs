//! Builds the report model of a plan.
//!
//! Converts an evaluated plan, or the faults that make it invalid, into a `Report` for any renderer. Counts and
//! verdicts come from `decision` and `policy`; this module only copies them.

use crate::app::plans::evaluated_plan::EvaluatedPlan;
use crate::app::site::fault_report::source;
use crate::decision::digest::TargetRecord;
use crate::input::finding::{Code, Finding, Severity};
use crate::input::text::Text;
use crate::policy::{Judged, Pack, PolicyHit, Why};
use crate::report::build;
use crate::report::limits::{Limits, MOST_SEVERE};
use crate::report::model::{
    ChangeReport, OutcomeReport, PlanReport, PolicyReport, PolicyVerdict, Reported, Rule, StepReport, StepState,
};
use crate::report::render::card::NARROW;
use crate::report::sentence::Sentence;
use crate::report::target::TargetReport;
use crate::snapshot::model::{Snapshot, SystemTarget};
use crate::trust::proposer::Method;

/// The report of an evaluated plan, with the policy outcomes.
#[must_use]
pub fn plan(proposal: &EvaluatedPlan<'_>, show: Limits) -> PlanReport {
    let mut report = build::plan(&proposal.plan, &proposal.analysis, &proposal.file.name, show);
    report.authenticated = authenticated(proposal);
    let judged = &proposal.plan_judged;
    report.policies = policies(&judged.denials, &judged.advice);
    for (at, change) in report.changes.iter_mut().enumerate() {
        let (Some(judged), Some(digested)) = (proposal.judged.get(at), proposal.digested.get(at)) else { continue };
        change.digest = Some(digested.digest);
        change.targets = targets(&digested.document.targets);
        change.outcome = match judged.outcome {
            crate::policy::Outcome::Denied => OutcomeReport::Denied,
            crate::policy::Outcome::Needs(_) => OutcomeReport::Needs,
            crate::policy::Outcome::Auto => OutcomeReport::Auto,
        };
        let missing = judged.steps.iter().filter(|_| change.outcome != OutcomeReport::Auto);
        change.steps = missing
            .map(|step| StepReport {
                name: Text::from(step.as_str()),
                state: StepState::Missing(None),
                people: None,
                presence: None,
            })
            .chain(judged.waived.iter().map(|(step, _)| StepReport {
                name: Text::from(step.as_str()),
                state: StepState::Waived,
                people: None,
                presence: None,
            }))
            .collect();
        change.policies = policies(&judged.denials, &judged.advice);
    }
    report.targets = report.changes.iter().flat_map(|change| change.targets.iter().cloned()).collect();
    report.targets.sort();
    report.targets.dedup();
    report.count_outcomes();
    report
}

/// The note that a snapshot names no target, so that decisions are bound to its source and the log.
#[must_use]
pub fn without_target(snapshot: &Snapshot) -> Option<Finding> {
    let nameless = snapshot.systems().into_iter().find(|(_, target)| target.is_none());
    nameless.map(|(source, _)| {
        let message = format!(
            "the snapshot of `{}` has no target; decisions are bound to that name and to the log of this site",
            source.raw()
        );
        Finding::new(Code::NoTarget, message)
            .weighing(Severity::Note)
            .help("import it again from an export that names the system, or add `target: {system, id}`")
    })
}

/// The systems that a change is bound to, for reports.
#[must_use]
pub fn targets(records: &[TargetRecord]) -> Vec<TargetReport> {
    let one = |it: &TargetRecord| TargetReport {
        id: it.id.clone(),
        system: it.system.as_ref().unwrap_or(&it.source).clone(),
    };
    records.iter().map(one).collect()
}

/// The systems that a snapshot describes, for reports.
#[must_use]
pub fn systems(snapshot: &Snapshot) -> Vec<TargetReport> {
    let one = |(source, target): (&Text, Option<&SystemTarget>)| match target {
        Some(target) => TargetReport { id: Some(target.id.clone()), system: target.system.clone() },
        None => TargetReport { id: None, system: source.clone() },
    };
    snapshot.systems().into_iter().map(one).collect()
}

/// The access that each change gives, and the changes that give more than a person can approve in one piece.
#[must_use]
pub fn gives(proposal: &EvaluatedPlan<'_>, report: &PlanReport) -> Vec<Reported> {
    let mut all = Vec::new();
    for change in &report.changes {
        let of = Sentence::of("change ").id(&change.id).own(" ");
        let gives = crate::report::gives::gives(change);
        let mut put = |finding: Finding| {
            let mut finding = finding.at(&change.place);
            from_origin(proposal, &mut finding);
            all.push(Reported::new(finding, |name| text_of(proposal, name)));
        };
        if !gives.is_empty() {
            put(Finding::new(Code::ChangeGives, of.clone().then(gives).text()));
        }
        if change.severe > MOST_SEVERE as u64 {
            let says = format!(
                "gives {} privileged or unclassified accesses; a person can approve at most {MOST_SEVERE} in one piece",
                change.severe
            );
            put(Finding::new(Code::TooMuchToApprove, of.own(says).text()).help(NARROW));
        }
    }
    all
}

/// How the proposer was authenticated, in words.
fn authenticated(proposal: &EvaluatedPlan<'_>) -> Sentence {
    let origin = &proposal.origin;
    if origin.is_later() {
        return Sentence::of("not proven yet: judged as if the proposer had signed this plan");
    }
    let Some(proven) = &origin.proven else {
        return Sentence::of("not proven: no valid proof that the proposer wrote this plan");
    };
    let says = Sentence::of(match proven.method {
        Method::SshKey => "proven by its key ",
        Method::SshCertificate => "proven by its certificate ",
        Method::Jwt => "proven by a token of ",
    });
    let says = says.name(&proven.by);
    if origin.received < proposal.now { says.own(format!(", received at {}", origin.received)) } else { says }
}

fn policies(denials: &[PolicyHit], advice: &[PolicyHit]) -> Vec<PolicyReport> {
    denials.iter().chain(advice).map(policy).collect()
}

fn rule(hit: &PolicyHit) -> Rule {
    Rule { id: hit.policy.clone(), title: hit.title.clone(), advice: hit.advice.clone(), control: hit.control.clone() }
}

fn policy(hit: &PolicyHit) -> PolicyReport {
    let warns = hit.enforcement == crate::policy::Enforcement::Advisory;
    PolicyReport {
        rule: rule(hit),
        enforcement: Text::from(hit.enforcement.name()),
        severity: Text::from(hit.severity.name()),
        verdict: match (&hit.why, warns) {
            (Why::Fails(_) | Why::Unanswerable(_), _) => PolicyVerdict::Fails,
            (Why::Forbids | Why::NoPermit | Why::Unproven(_), true) => PolicyVerdict::Warns,
            (Why::Forbids | Why::NoPermit | Why::Unproven(_), false) => PolicyVerdict::Denies,
        },
        limits: hit.limits.clone(),
        conditions: Vec::new(),
    }
}

/// Adds to the policies of a change their conditions, and the permits by which it is automatic or a step is waived.
pub fn explain(change: &mut ChangeReport, pack: &Pack, judged: &Judged) {
    for (id, conditions) in crate::policy::conditions(pack, judged) {
        if let Some(known) = change.policies.iter_mut().find(|policy| policy.rule.id == id) {
            known.conditions.extend(conditions);
        } else if let Some(about) = pack.about(id.as_str()) {
            change.policies.push(PolicyReport {
                rule: Rule {
                    id,
                    title: about.title.clone(),
                    advice: about.advice.clone(),
                    control: about.control.clone(),
                },
                enforcement: Text::from(about.enforcement.name()),
                severity: Text::from(about.severity.name()),
                verdict: PolicyVerdict::Permits,
                limits: Vec::new(),
                conditions,
            });
        }
    }
}

/// Every finding of an evaluated plan: those of the site and of the plan, and one for each policy that denies or warns.
#[must_use]
pub fn findings(proposal: &EvaluatedPlan<'_>) -> Vec<Reported> {
    let source = |name: &str| text_of(proposal, name);
    let mut all: Vec<Reported> =
        proposal.findings.iter().map(|finding| Reported::new(finding.clone(), source)).collect();
    all.extend(proposal.origin.finding.iter().map(|finding| Reported::new(finding.clone(), source)));
    let told = |hit: &&PolicyHit| !matches!(hit.why, Why::Unproven(_)) || proposal.origin.finding.is_none();
    for hit in proposal.plan_judged.denials.iter().chain(&proposal.plan_judged.advice).filter(told) {
        let mut finding = hit.finding().at(&proposal.plan.id.place);
        if finding.code == Code::PolicyDenied {
            finding.code = Code::PlanDenied;
        }
        all.push(with_rule(finding, hit, source));
    }
    for (change, judged) in proposal.plan.changes.iter().zip(&proposal.judged) {
        for hit in judged.denials.iter().chain(&judged.advice) {
            all.push(with_rule(hit.finding().at(&change.action_place), hit, source));
        }
    }
    for reported in &mut all {
        from_origin(proposal, &mut reported.finding);
    }
    all
}

/// Adds to a finding about a change where the change comes from, such as a Terraform address.
fn from_origin(proposal: &EvaluatedPlan<'_>, finding: &mut Finding) {
    let Some(place) = finding.place.as_ref().filter(|place| *place.file == *proposal.file.name) else { return };
    let begins =
        |change: &&crate::plan::model::Change| change.id.place.line.min(change.action_place.line) <= place.line;
    let change = proposal.plan.changes.iter().take_while(begins).last();
    let Some(origin) = change.and_then(|change| change.origin.as_ref()) else { return };
    if !finding.message.raw().contains(origin.value.raw()) {
        finding.message = Text::from(format!("{} (planned at `{}`)", finding.message.raw(), origin.value.raw()));
    }
}

/// A finding with its source line, in the plan or a trust file.
#[must_use]
pub fn of_plan(proposal: &EvaluatedPlan<'_>, finding: Finding) -> Reported {
    Reported::new(finding, |name| text_of(proposal, name))
}

fn with_rule<'s>(finding: Finding, hit: &PolicyHit, source: impl Fn(&str) -> Option<&'s str>) -> Reported {
    let mut reported = Reported::new(finding, source);
    reported.rule = Some(rule(hit));
    reported
}

fn text_of<'a>(proposal: &'a EvaluatedPlan<'_>, name: &str) -> Option<&'a str> {
    if name == proposal.file.name {
        return std::str::from_utf8(&proposal.file.bytes).ok();
    }
    source(&proposal.site.sources, name)
}

/// The name that is typed before a privileged change is approved: that of the entitlement, otherwise of the object.
#[must_use]
pub fn object_name(facts: &crate::access::model::facts::ChangeFacts) -> Text {
    let named = &facts.named;
    let entitlement = named.entitlement().map(|e| e.text());
    let trusted = named.trusted.as_ref().map(crate::input::id::Id::text);
    let subject = named.subject().map(|s| s.text());
    let scope = named.scope.as_ref().map(crate::input::id::Id::text);
    entitlement.or(trusted).or(subject).or(scope).unwrap_or_else(|| facts.id.text())
}
