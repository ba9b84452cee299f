//! The verdict of the gate: missing approvals first, then missing proofs of presence.
//!
//! Builds sentences and a finding from plans with the decisions on their changes.

use crate::app::plans::selection::SelectedPlans;
use crate::decision::exit::ExitCode;
use crate::decision::gate::{ChangeVerdict, RejectedBy};
use crate::input::finding::{Code, Finding, Severity};
use crate::input::text::Text;
use crate::report::model::{
    ChangeReport, OutcomeReport, PlanReport, RejectionReport, Reported, State as Shown, StepState,
};
use crate::report::sentence::{Sentence, counted};

/// The maximum number of changes named in the verdict. The others are counted.
const NAMED: usize = 3;

/// The verdict, missing approvals first.
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

/// Why a change does not pass, with the rank of the reason in the verdict; `None` if it passes.
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
    if let Some(freeze) = change.frozen.first().filter(|_| !matches!(change.state, Shown::Rejected(_))) {
        // WHY first: people cannot make a frozen change pass by deciding it.
        let says = freeze.sentence();
        return Some((0, of(": ").then(says)));
    }
    match (&change.state, change.outcome) {
        (Shown::Rejected(says), OutcomeReport::Denied) => {
            Some((0, of(" is denied by policy, and was rejected ").then(says.clone())))
        }
        (Shown::Rejected(says), _) => Some((1, of(" was rejected ").then(says.clone()))),
        (Shown::Frozen(says), _) => Some((0, of(": ").then(says.clone()))),
        (Shown::Exported(says), _) => Some((2, of(" was ").then(says.clone()))),
        (Shown::Open, OutcomeReport::Denied) => Some((0, of(" is denied by policy"))),
        (Shown::Stale(says), _) if missing.is_empty() => Some((2, of(": ").then(says.clone()))),
        (Shown::Stale(_), _) => Some((2, needs(of(" was approved once, and needs again ")))),
        (Shown::Open, _) if !missing.is_empty() => Some((3, needs(of(" needs ")))),
        (Shown::Open | Shown::Approved(_) | Shown::Overridden(_) | Shown::Auto(_), _) => None,
    }
}

/// The finding that some approvals were made without a touched key, so that no presence is proven.
pub(crate) fn presence(plans: &[PlanReport]) -> Option<Finding> {
    let steps = plans.iter().flat_map(|plan| &plan.changes).flat_map(|change| &change.steps);
    let taken: Vec<bool> = steps.filter_map(|step| step.presence).collect();
    let unproven = taken.iter().filter(|proven| !**proven).count();
    (unproven > 0).then(|| {
        let of = if unproven == taken.len() { String::new() } else { format!(" of {}", taken.len()) };
        let says =
            format!("{unproven}{of} approvals were made without a touched security key, so presence is not proven");
        let says = if taken.len() == 1 { says.replace("1 approvals", "the approval") } else { says };
        Finding::new(Code::PresenceUnproven, says).help("a policy can require one: see `policies/README.md`")
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

/// The person who rejected a change, the time and the reason.
#[must_use]
pub fn rejections(held: &ChangeVerdict) -> Sentence {
    let parts = held.rejects.iter().map(|it| rejection(it).sentence()).enumerate();
    parts.fold(Sentence::new(), |out, (at, it)| if at == 0 { out } else { out.own("; ") }.then(it))
}
