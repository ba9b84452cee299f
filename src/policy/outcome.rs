//! Outcomes: the result of the policies for a change and for the plan.
//!
//! A change is denied, needs steps, or is automatic; the result includes every policy that determined it and the case
//! to record. "Needs a person" is never a permit: it is the remaining case.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::access::model::facts::ChangeFacts;
use crate::input::id::PolicyId;
use crate::plan::model::{Action, Change};
use crate::policy::bars::AutoBar;
use crate::policy::case::Case;
use crate::policy::enforcement::Enforcement;
use crate::policy::entities::names::Principal;
use crate::policy::hit::PolicyHit;
use crate::policy::input::{History, PolicyInput};
use crate::policy::pack::Pack;
use crate::policy::steps::StepName;
use crate::policy::{bars, case, entities, explain, hit, limits};

/// The outcome of the policies for a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// A policy denies or fails, or no policy permits.
    Denied,
    /// These steps are needed, in order, each by a person.
    Needs(Vec<StepName>),
    /// No person is needed.
    Auto,
}

/// The judgement of a change.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The outcome.
    pub outcome: Outcome,
    /// The denials, if it is denied.
    pub denials: Vec<PolicyHit>,
    /// Whether every denial can be overridden. False if there are none.
    pub overridable: bool,
    /// The warnings.
    pub advice: Vec<PolicyHit>,
    /// The steps that people must fill, in order. For a denied change, the steps if its denials are overridden. Empty
    /// only if the outcome is automatic.
    pub steps: Vec<StepName>,
    /// The waived steps, with the policies that waive them.
    pub waived: Vec<(StepName, Vec<PolicyId>)>,
    /// The policies that permit it as low risk; empty unless this was evaluated and permitted.
    pub automatic_by: Vec<PolicyId>,
    /// Why it cannot be automatic regardless of policy.
    pub barred: BTreeSet<AutoBar>,
    /// The queries, to be recorded; `None` if the store could not be built.
    pub case: Option<Case>,
}

/// The judgement of the plan by `SubmitPlan`.
#[derive(Clone, Debug)]
pub struct PlanJudged {
    /// The denials.
    pub denials: Vec<PolicyHit>,
    /// Whether every denial can be overridden. False if there are none.
    pub overridable: bool,
    /// The warnings.
    pub advice: Vec<PolicyHit>,
    /// The query, to be recorded; `None` if the store could not be built.
    pub case: Option<Case>,
}

impl Judged {
    /// Sets the source of limits that the site does not set to `default`.
    pub fn call_defaults(&mut self, defaults: &BTreeSet<&'static str>) {
        limits::call_defaults(self.denials.iter_mut().chain(&mut self.advice), defaults);
    }
}

impl PlanJudged {
    /// Sets the source of limits that the site does not set to `default`.
    pub fn call_defaults(&mut self, defaults: &BTreeSet<&'static str>) {
        limits::call_defaults(self.denials.iter_mut().chain(&mut self.advice), defaults);
    }

    /// Whether the plan may be submitted.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.denials.is_empty()
    }
}

/// Judges the change at an index of the plan. An index beyond the plan is denied.
#[must_use]
pub fn outcome(pack: &Pack, matter: &PolicyInput<'_>, index: usize) -> Judged {
    match (matter.plan.changes.get(index), matter.analysis.changes.get(index)) {
        (Some(change), Some(facts)) if change.id.value == facts.id => judge(pack, matter, change, facts),
        _ => denied(pack, "the plan and its analysis are about different changes"),
    }
}

/// Judges the plan as a whole. If the proof of its author is refused, that denies in addition to any policy, and no
/// policy lifts it.
#[must_use]
pub fn submit(pack: &Pack, matter: &PolicyInput<'_>) -> PlanJudged {
    let mut judged = ask_to_submit(pack, matter);
    if let Some(why) = &matter.proof.refused {
        judged.denials.insert(0, hit::refused_proof(why));
        judged.overridable = false;
    }
    judged
}

fn ask_to_submit(pack: &Pack, matter: &PolicyInput<'_>) -> PlanJudged {
    let prepared = entities::of_plan(pack, matter)
        .and_then(|store| Ok((store, entities::proposal(pack, matter, &History::default())?)));
    let (store, context) = match prepared {
        Ok(prepared) => prepared,
        Err(fault) => {
            let denials = vec![hit::unanswerable(&fault)];
            return PlanJudged { denials, overridable: false, advice: Vec::new(), case: None };
        }
    };
    let mut case = Case { entities: store.entities, context, asked: Vec::new() };
    case.ask(pack, &store.principal, "SubmitPlan", &store.resource, true);
    let (mut denials, mut advice) = explain::hits(pack, &case);
    limits::of_task(matter, None, &mut denials, &mut advice);
    PlanJudged { overridable: can_be_set_aside(&denials), denials, advice, case: Some(case) }
}

fn judge(pack: &Pack, matter: &PolicyInput<'_>, change: &Change, facts: &ChangeFacts) -> Judged {
    let prepared = entities::of_change(pack, matter, change, facts, &Principal::Proposer)
        .and_then(|store| Ok((store, entities::proposal(pack, matter, &matter.history_of(&facts.id))?)));
    let (store, context) = match prepared {
        Ok(prepared) => prepared,
        Err(fault) => return denied(pack, &fault),
    };
    let mut case = Case { entities: store.entities, context, asked: Vec::new() };
    let (who, what) = (&store.principal, &store.resource);
    case.ask(pack, who, action_name(&change.action), what, true);
    let (mut denials, mut advice) = explain::hits(pack, &case);
    limits::of_task(matter, Some(facts), &mut denials, &mut advice);
    let barred = bars::of(pack, matter, change, facts);
    let mut automatic_by = Vec::new();
    if denials.is_empty() && barred.is_empty() {
        let asked = case.ask(pack, who, "AutoApprove", what, false);
        automatic_by = asked.filter(|asked| asked.permitted()).map(case::PolicyQuery::permitting).unwrap_or_default();
    }
    if !automatic_by.is_empty() {
        return Judged {
            outcome: Outcome::Auto,
            denials,
            overridable: false,
            advice,
            steps: Vec::new(),
            waived: Vec::new(),
            automatic_by,
            barred,
            case: Some(case),
        };
    }
    let mut waived = Vec::new();
    // WHY: a rejected change must not return under another name and need fewer people.
    let waivable = if barred.contains(&bars::AutoBar::Rejected) { &[] } else { pack.steps() };
    for step in waivable {
        let asked = case.ask(pack, who, &format!("Waive{step}"), what, false);
        if let Some(asked) = asked.filter(|asked| asked.permitted()) {
            waived.push((step.clone(), asked.permitting()));
        }
    }
    if waived.len() == pack.steps().len() && !waived.is_empty() {
        // WHY: a change that is not automatic needs at least one person.
        waived.remove(0);
    }
    let steps: Vec<StepName> =
        pack.steps().iter().filter(|step| !waived.iter().any(|(done, _)| done == *step)).cloned().collect();
    let outcome = if denials.is_empty() { Outcome::Needs(steps.clone()) } else { Outcome::Denied };
    Judged {
        outcome,
        overridable: can_be_set_aside(&denials),
        denials,
        advice,
        steps,
        waived,
        automatic_by,
        barred,
        case: Some(case),
    }
}

fn denied(pack: &Pack, fault: &str) -> Judged {
    Judged {
        outcome: Outcome::Denied,
        denials: vec![hit::unanswerable(fault)],
        overridable: false,
        advice: Vec::new(),
        steps: pack.steps().to_vec(),
        waived: Vec::new(),
        automatic_by: Vec::new(),
        barred: BTreeSet::new(),
        case: None,
    }
}

fn can_be_set_aside(denials: &[PolicyHit]) -> bool {
    !denials.is_empty() && denials.iter().all(|hit| hit.enforcement == Enforcement::Override)
}

/// The name of a change's action in the schema.
pub(super) fn action_name(action: &Action) -> &'static str {
    match action {
        Action::Grant(_) => "Grant",
        Action::Revoke(_) => "Revoke",
        Action::Adjust(_) => "Adjust",
        Action::CreateRole(_) => "CreateRole",
        Action::DeleteRole(_) => "DeleteRole",
        Action::AddPermission(..) => "AddPermission",
        Action::RemovePermission(..) => "RemovePermission",
        Action::AddInclude(..) => "AddInclude",
        Action::RemoveInclude(..) => "RemoveInclude",
        Action::SetRole(_) => "SetRole",
        Action::CreateGroup(..) => "CreateGroup",
        Action::DeleteGroup(_) => "DeleteGroup",
        Action::CreateIdentity(..) => "CreateIdentity",
        Action::DisableIdentity(_) => "DisableIdentity",
        Action::DeleteIdentity(_) => "DeleteIdentity",
        Action::SetOwner(..) => "SetOwner",
        Action::CreateResource(..) => "CreateResource",
        Action::DeleteResource(_) => "DeleteResource",
        Action::AddTrust(_) => "AddTrust",
        Action::RemoveTrust(_) => "RemoveTrust",
        Action::IssueCredential(_) => "IssueCredential",
        Action::RotateCredential(..) => "RotateCredential",
        Action::RevokeCredential(_) => "RevokeCredential",
        Action::SuppressFinding(_) => "SuppressFinding",
    }
}
