//! The verdict of the gate: what is missing first, then who was not shown to be present.
//!
//! Input: plans with what was decided on their changes. Output: sentences and a finding.

use crate::app::plans::selection::SelectedPlans;
use crate::decision::exit::ExitCode;
use crate::decision::gate::{ChangeVerdict, RejectedBy};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::text::Text;
use crate::report::model::{
    ChangeReport, OutcomeReport, PlanReport, RejectionReport, Reported, State as Shown, StepState,
};
use crate::report::sentence::{Sentence, counted};

/// Changes that are named in the verdict; of the others only how many there are.
const NAMED: usize = 3;

/// The verdict: what is missing first.
pub(crate) fn verdict(read: &SelectedPlans, plans: &[PlanReport], findings: &[Reported], code: ExitCode) -> Sentence {
    if let Some(nothing) = read.nothing().filter(|_| code == ExitCode::Passes) {
        return Sentence::of(nothing);
    }
    let changes = plans.iter().flat_map(|plan| &plan.changes);
    if code == ExitCode::Passes {
        return Sentence::of(format!(
            "passes: {} decided",
            counted(changes.count() as u64, "change is", "changes are")
        ));
    }
    let mut open: Vec<(u8, Sentence)> = changes.filter_map(lacks).collect();
    open.sort_by_key(|(rank, _)| *rank);
    if open.is_empty() {
        let errors = findings.iter().filter(|it| it.finding.severity == Severity::Error);
        let says = errors.take(1).map(|it| Sentence::new().prose(&it.finding.message));
        open.extend(says.map(|says| (0, says)));
    }
    let more = open.len().saturating_sub(NAMED);
    let mut says = Sentence::of("does not pass");
    for (at, (_, what)) in open.into_iter().take(NAMED).enumerate() {
        says = says.own(if at == 0 { ": " } else { "; " }).then(what);
    }
    if more > 0 { says.own(format!("; and {}", counted(more as u64, "more change", "more changes"))) } else { says }
}

/// What keeps a change from passing, and how soon that is named; none where nothing does.
fn lacks(change: &ChangeReport) -> Option<(u8, Sentence)> {
    let of = |words: &'static str| Sentence::new().id(&change.id).own(words);
    let missing: Vec<(&Text, Option<&Text>)> = change
        .steps
        .iter()
        .filter_map(|step| match &step.state {
            StepState::Missing(who) => Some((&step.name, who.as_ref())),
            StepState::Filled(_) | StepState::Waived => None,
        })
        .collect();
    let needs = |mut says: Sentence| {
        for (at, (step, who)) in missing.iter().enumerate() {
            says = says.own(if at == 0 { "" } else { ", " }).prose(step);
            says = says.maybe(*who, |s, who| s.own(" (").prose(who).own(")"));
        }
        says
    };
    match (&change.state, change.outcome) {
        (Shown::Rejected(says), OutcomeReport::Denied) => {
            Some((0, of(" is denied by policy, and was rejected ").then(says.clone())))
        }
        (Shown::Rejected(says), _) => Some((1, of(" was rejected ").then(says.clone()))),
        (Shown::Open, OutcomeReport::Denied) => Some((0, of(" is denied by policy"))),
        (Shown::Stale(says), _) if missing.is_empty() => Some((2, of(": ").then(says.clone()))),
        (Shown::Stale(_), _) => Some((2, needs(of(" was approved once, and needs again ")))),
        (Shown::Open, _) if !missing.is_empty() => Some((3, needs(of(" needs ")))),
        (Shown::Open | Shown::Approved(_) | Shown::Overridden(_) | Shown::Auto(_), _) => None,
    }
}

/// That no touched key shows that a person was there, for some approvals.
pub(crate) fn presence(plans: &[PlanReport]) -> Option<Finding> {
    let steps = plans.iter().flat_map(|plan| &plan.changes).flat_map(|change| &change.steps);
    let taken: Vec<bool> = steps.filter_map(|step| step.presence).collect();
    let unproven = taken.iter().filter(|proven| !**proven).count();
    (unproven > 0).then(|| {
        let of = if unproven == taken.len() { String::new() } else { format!(" of {}", taken.len()) };
        let says = format!("no touched security key shows that a person was there for {unproven}{of} approvals");
        let says = if taken.len() == 1 { says.replace("1 approvals", "the approval") } else { says };
        Finding::new(Code::PresenceUnproven, says).help("a policy can ask for one: see `policies/README.md`")
    })
}

pub(crate) fn rejection(it: &RejectedBy) -> RejectionReport {
    RejectionReport {
        by: it.signer.person.text(),
        at: it.at,
        reason: it.reason.clone(),
        lifted_by: it.lifted_by.iter().map(|signer| signer.person.text()).collect(),
    }
}

/// Who rejected a change, when and why.
#[must_use]
pub fn rejections(held: &ChangeVerdict) -> Sentence {
    let parts = held.rejects.iter().map(|it| rejection(it).sentence()).enumerate();
    parts.fold(Sentence::new(), |out, (at, it)| if at == 0 { out } else { out.own("; ") }.then(it))
}
